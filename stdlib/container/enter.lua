--- Another command in a container that runs: `exec` of the container's object.
---
--- The new process enters the namespaces and the control group and then gives up what the first one
--- gave up, by the same profile. Until it does, it must not be looked into from inside: it is not
--- dumpable from before it enters (CVE-2016-9962), and only standard streams come with it.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { rootfs = "host" }
--- box:start { "sleep", "100" }
--- local result = box:exec({ "cat", "/proc/1/comm" }, { capture = true })
--- assert(result.stdout == "sleep\n")
--- box:stop { timeout = "0s" }
--- ```
local controlling = require "container.controlling"
local inside = require "container.inside"
local options = require "options"
local other = require "container.other"
local spec = require "container.spec"
local state = require "container.state"

local M = {}

---@class container.ExecOptions
---@field user? string another user than the container's
---@field groups? integer[]
---@field env? table variables beside the container's
---@field workdir? string
---@field capture? boolean answers `stdout` and `stderr`
---@field stdin? any text with `capture`; else as for `spawn`
---@field stdout? any
---@field stderr? any
---@field stdio? "null" all three streams at once
---@field tty? boolean a terminal of its own, joined to the caller's
---@field timeout? any

local KNOWN = {
  user = "string",
  groups = "list",
  env = "table",
  workdir = "string",
  capture = "boolean",
  stdin = "any",
  stdout = "any",
  stderr = "any",
  stdio = "=null",
  tty = "boolean",
  timeout = "any",
  max = "any",
}

--- The container's rules with what differs for this command.
local function rules(box, how)
  local config = box.config or state.config(box.name)
  local env = {}
  for name, value in pairs(config.env) do
    env[name] = value
  end
  for name, value in pairs(spec.environment(how.env)) do
    env[name] = value
  end
  return setmetatable({
    env = env,
    user = how.user or config.user,
    groups = how.groups or config.groups,
    workdir = how.workdir or config.workdir,
    tty = how.tty,
  }, { __index = config })
end

--- The process whose namespaces are entered: the first one; or where that is an init that keeps its
--- memory to itself, which an ordinary user may not enter either, the program that it has started.
---@param record container.Record
---@return any? process
function M.entrance(record)
  local first = other.process(record)
  local opened = first and try(ns_open, first, "mnt")
  if opened or not first then
    if opened then
      opened:close()
    end
    return first
  end
  for _, pid in ipairs(proc_children(record.pid) or {}) do
    local child = try(process_open, pid)
    if child and child:alive() then
      first:close()
      return child
    end
  end
  return first
end

--- Starts a command in a container and does not wait for it.
---@param box container.Box
---@param command string[]
---@param how? container.ExecOptions
---@param terminal? any a pty that it is attached to
---@return any process
function M.start(box, command, how, terminal)
  how = options.check("container.exec", how, KNOWN)
  local record = box:status()
  local first <close> = record.pid and M.entrance(record)
  if not first or record.status == "stopped" then
    -- What the record calls running may have ended since it was read.
    local status = record.status == "running" and "stopped" or record.status
    options.fail("container.exec", ("%s is %s"):format(box.name, status), "start it first")
  elseif record.status == "paused" then
    options.fail("container.exec", box.name .. " is paused", "resume it first")
  end
  local config = rules(box, how)
  local parts = {
    hardened = require("hardening").prepare(config.profile, {
      root = not config.userns,
      userns = config.userns,
      name = box.name,
      volumes = config.volumes,
      tmpfs = config.tmpfs,
    }),
  }
  local answers <close> = require("container.build").line {
    hardened = parts.hardened,
    config = { name = box.name },
  }
  parts.answers = answers
  local join = {}
  for _, kind in ipairs(record.namespaces) do
    join[kind] = first
  end
  if record.network and not join.net and record.network.mode ~= "host" then
    join.net = first
  end
  local group <close> = other.group(record)
  local pipes = how.capture and "pipe" or nil
  local callers <close> = not terminal and controlling.open() or nil
  local process = spawn({
    name = "exec in " .. box.name,
    join = join,
    cgroup = group,
    die_with_parent = true,
    stdin = how.stdio or (how.capture and (how.stdin and "pipe" or "null")) or how.stdin,
    stdout = how.stdio or pipes or how.stdout,
    stderr = how.stdio or pipes or how.stderr,
  }, function()
    if terminal then
      terminal_attach(terminal)
    else
      controlling.give_up(callers)
    end
    inside.become(config, parts, command)
  end)
  box.entered[process.pid] = process
  return process
end

--- Ends and collects what this process has started in a container. A pid namespace does not end
--- while a process of it is uncollected, so who waits for the first one collects the others before.
---@param box container.Box
function M.collect(box)
  for pid, process in pairs(box.entered) do
    try(process.close, process)
    box.entered[pid] = nil
  end
end

--- Runs a command in a container to its end.
---@param box container.Box
---@param command string[]
---@param how? container.ExecOptions
---@return container.Result
function M.run(box, command, how)
  how = options.check("container.exec", how, KNOWN)
  if how.tty then
    return require("container.terminal").exec(box, command, how)
  end
  if how.capture then
    local process <close> = M.start(box, command, how)
    return process:output { stdin = how.stdin, timeout = how.timeout, max = how.max }
  end
  local foreground = require "container.foreground"
  local process <close> = foreground.start(function()
    return M.start(box, command, how)
  end)
  local result = foreground.wait(process, how)
  if not result then
    process:kill("kill")
    result = process:wait()
    result.timed_out = true
  end
  return result
end

return M

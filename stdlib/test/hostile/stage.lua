--- Where the rig works: a host of its own, in memory, with a canary and a root beside each other.
---
--- What is tried here has to be harmless even where the program under test is broken: /dev and /sys
--- can only be read on the stage, and with `frozen` so can everything but the stage itself.
---
--- The stage has mount, network, ipc and uts namespaces of its own, so that what other tests do on
--- the machine meanwhile is not taken for an escape. Its mounts are shared, as systemd has them:
--- what a container mounts without having left that peer group appears on the stage, and is seen.
---
--- ```lua
--- local stage = require "test.hostile.stage"
---
--- stage.run(function(at)
---   assert(stat(at.canary .. "/secret") and stat(at.root).type == "directory")
--- end)
--- ```
local canary = require "test.hostile.canary"

local M = {}

--- What a case is given.
---@class test.hostile.Stage
---@field path string a tmpfs, with all that follows
---@field canary string the tree that must not change
---@field root string an empty root
---@field watch test.hostile.Watch

local KINDS = { "mnt", "net", "ipc", "uts" }

--- Makes mounts read-only, by the call that every kernel has: this file is run without the others.
local function freeze(all)
  local points = { ["/dev"] = true, ["/sys"] = true }
  for _, one in ipairs(all and mountinfo() or {}) do
    points[one.mount_point] = true
  end
  for point in pairs(points) do
    local _, err = try(mount, nil, point, { remount = true, bind = true, readonly = true })
    -- What another mount has covered leads nobody anywhere.
    if err and err.errno ~= "ENOENT" then
      error(err, 0)
    end
  end
end

--- Makes the stage, calls `body` on it, and fails where it fails or the canary has changed.
---@param body fun(at: test.hostile.Stage)
---@param how? { unwatched: boolean?, program: boolean?, frozen: boolean? } the body looks
--- at the canary itself; it starts this program, whose file is watched then too; it writes nowhere
--- but on the stage
function M.run(body, how)
  local dir <close> = temp_dir()
  chmod(dir.path, "0755")
  local child <close> = spawn({ unshare = KINDS }, function()
    freeze(how and how.frozen)
    mount("tmpfs", dir.path, { type = "tmpfs", data = { mode = "0755" } })
    mount(nil, "/", { shared = true, recursive = true })
    local at = { path = dir.path, root = dir.path .. "/rootfs", canary = dir.path .. "/canary" }
    mkdir(at.root)
    local parts = { "tree", "mounts", "sysctl", how and how.program and "program" or nil }
    at.watch = canary.plant(at.canary, nil, parts)
    body(at)
    if not (how and how.unwatched) then
      at.watch:check("at the end")
    end
  end)
  local ended = child:wait()
  if ended.code ~= 0 then
    error(("the stage ended with %s %s"):format(ended.code, ended.signal or ""), 2)
  end
end

--- Removes a root with all in it and makes it anew.
---@param at test.hostile.Stage
function M.renew(at)
  remove(at.root, { recursive = true })
  mkdir(at.root)
end

--- Refuses system calls with ENOSYS to this process and all that it starts, as a kernel does which
--- is older than they are. A filter is as fast as such a kernel, and needs no tracer.
---@param calls string[]
function M.refuse(calls)
  local rule = { names = calls, action = "errno", errno = "ENOSYS" }
  seccomp({ default = "allow", rules = { rule } }, { no_new_privs = false })
end

--- Whether a text is the plain answer to a call that this run is refused, of which
--- `CRUN_LUA_TEST_RIG_REFUSED` has the names.
---@param text string
---@param of? string[] only these calls
---@return boolean
function M.is_refusal(text, of)
  local counts = {}
  for _, name in ipairs(of or {}) do
    counts[name] = true
  end
  for name in (os.getenv("CRUN_LUA_TEST_RIG_REFUSED") or ""):gmatch("[%w_]+") do
    local why = text:find("ENOSYS", 1, true) or text:find("not implemented", 1, true)
    if why and (not of or counts[name]) and text:find(name, 1, true) then
      return true
    end
  end
  return false
end

--- The seconds of each race where they are asked for, and everything is tried:
--- `CRUN_LUA_TEST_RIG=60`.
---@return number? seconds
function M.long()
  return tonumber(os.getenv("CRUN_LUA_TEST_RIG") or "")
end

--- The part of a list that this run has, every eighth from the third on:
--- `CRUN_LUA_TEST_RIG_PART=3/8`.
---@return integer first
---@return integer step
function M.part()
  local first, step = (os.getenv("CRUN_LUA_TEST_RIG_PART") or "1/1"):match("^(%d+)/(%d+)$")
  return math.tointeger(tonumber(first)) or 1, math.tointeger(tonumber(step)) or 1
end

--- The elements of a list that this run has.
---@param list any[]
---@param share? integer every how manieth, where there is no time for all
---@return any[]
function M.some(list, share)
  local first, step = M.part()
  local out = {}
  for index = first, #list, step * (not M.long() and share or 1) do
    out[#out + 1] = list[index]
  end
  return out
end

return M

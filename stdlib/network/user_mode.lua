--- Networks without rights on the host: `pasta` and `slirp4netns`, which carry the container's
--- packets over ordinary sockets of the user.
---
--- The program runs beside the container and belongs to it: it is found again by a path of this
--- container's alone in its command line, so that it can be ended by any process, and after a
--- crash. Neither lets the container reach what listens on the host's loopback.
---
--- ```lua
--- local user_mode = require "network.user_mode"
---
--- local found = user_mode.tcp { { proto = "tcp", ip = "127.0.0.1", host = 8080, container = 80 } }
--- assert(found == "127.0.0.1/8080:80")
--- ```
local options = require "options"
local owner = require "container.owner"
local planned = require "planned"
local ports = require "network.ports"
local state = require "network.state"

local M = {}

local PACKAGE = { pasta = "passt", slirp4netns = "slirp4netns" }

--- How long a program may take to be ready.
local PATIENCE = "10s"

--- Where a program is, in the directories that only an administrator writes to.
local function find(program)
  for _, dir in ipairs { "/usr/bin", "/usr/local/bin", "/bin" } do
    if stat(dir .. "/" .. program) then
      return dir .. "/" .. program
    end
  end
  local what = ("the program %s is not installed"):format(program)
  options.fail("network", what, ("install the package %s"):format(PACKAGE[program]))
end

local function list(given, proto)
  local words = {}
  for _, port in ipairs(given) do
    if port.proto == proto then
      local ip = port.ip and port.ip .. "/" or ""
      words[#words + 1] = ("%s%d:%d"):format(ip, port.host, port.container)
    end
  end
  return #words > 0 and table.concat(words, ",") or "none"
end

--- Published TCP ports in pasta's words.
---@param given network.Port[]
---@return string
function M.tcp(given)
  return list(given, "tcp")
end

--- The path that only this container's program has in its command line.
local function token(record)
  return ("%s/attachments/%s.helper"):format(state.dir(record.scope), record.id)
end

--- Writes the record, before the program is started.
---@param spec network.Spec
---@param record table
function M.plan(spec, record)
  record.addresses, record.ports = {}, ports.parse(spec.publish or {})
  record.program = find(spec.mode)
  record.options, record.mtu = spec.options, spec.mtu
  local device, err = io.open("/dev/net/tun", "r+")
  if not device then
    local hint = "as root: chmod 0666 /dev/net/tun"
    options.fail("network", ("%s cannot have /dev/net/tun: %s"):format(spec.mode, err), hint)
  end
  device:close()
  ports.check_sockets(record.ports)
  state.locked(function()
    mkdir(state.dir(record.scope) .. "/attachments", { parents = true, mode = "0700" })
    local _, failed = try(state.write, state.attachment(record.scope, record.id), record)
    if failed then
      state.tidy(record.scope)
      error(failed, 0)
    end
  end)
end

local function fail(record, said)
  local words = said:gsub("Failed to send %d+ bytes to syslog\n", ""):gsub("%s+$", "")
  options.fail("network", ("%s has failed: %s"):format(record.mode, words))
end

--- Starts pasta, which goes to the background when the container's network is ready.
local function pasta(record, process, userns)
  local root = proc_status().uid.effective == 0
  if root and not userns then
    -- It gives up the rights by which it could enter a namespace of the host's root.
    local what = "pasta carries containers that have a user namespace of their own"
    options.fail("network", what, 'as root use network = "bridge" or "slirp4netns"')
  end
  local command = { record.program, "--config-net", "--quiet", "--pid", token(record) }
  local function add(...)
    table.move({ ... }, 1, select("#", ...), #command + 1, command)
  end
  add("--tcp-ports", M.tcp(record.ports), "--udp-ports", list(record.ports, "udp"))
  -- By default it would lead the host's loopback ports, and the gateway's address, to the host.
  add("--tcp-ns", "none", "--udp-ns", "none", "--no-map-gw", "--ns-ifname", "eth0")
  if record.mtu then
    add("--mtu", tostring(record.mtu))
  end
  add(table.unpack(record.options or {}))
  if root then
    -- Else it becomes nobody, who may not enter root's namespaces.
    add("--runas", "0:0")
  end
  add(tostring(process.pid))
  local result = capture(command, { timeout = PATIENCE })
  if not planned(result.code) and result.code ~= 0 then
    fail(record, result.timed_out and "it was not ready in time" or result.stderr)
  end
end

--- Starts slirp4netns, by way of a process that ends: then no process here has to wait for it.
local function slirp4netns(record, process)
  local ready, log = pipe(), pipe()
  local starter <close> = spawn(function()
    local child = spawn({ stdin = "null", stdout = "null", stderr = log.write }, function()
      setsid()
      local command = { record.program, "--configure", "--disable-host-loopback" }
      command[#command + 1] = ("--mtu=%d"):format(record.mtu or 65520)
      command[#command + 1] = "--api-socket=" .. token(record)
      command[#command + 1] = "--ready-fd=3"
      local extra = record.options or {}
      table.move(extra, 1, #extra, #command + 1, command)
      command[#command + 1] = tostring(process.pid)
      command[#command + 1] = "eth0"
      command.preserve_fds = { ready.write }
      exec(command)
    end)
    child:started()
    child:keep()
  end)
  starter:wait()
  ready.write:close()
  log.write:close()
  local word = try(ready.read.read, ready.read, 1, { timeout = PATIENCE })
  if not planned(word) and word ~= "1" then
    fail(record, try(log.read.read, log.read, "64K", { timeout = "1s" }) or "it says nothing")
  end
end

local function is_helper(pid, path)
  local line = try(read_file, ("/proc/%d/cmdline"):format(pid)) or ""
  return line:find(path, 1, true) ~= nil
end

--- The processes that have the path in their command line: the one that was written down, or, after
--- a crash before that, all that there are.
local function running(record, path)
  local known = record.helper
  local candidates = known and state.alive(known) and { known.pid } or pids()
  local found = {}
  for _, pid in ipairs(candidates) do
    if is_helper(pid, path) then
      found[#found + 1] = pid
    end
  end
  return found
end

--- Starts the program, in the parent, while the container's first process waits.
---@param record table
---@param process any
---@param userns boolean whether the container has a user namespace of its own
function M.connect(record, process, userns)
  if record.mode == "pasta" then
    pasta(record, process, userns)
  else
    slirp4netns(record, process)
  end
  local pid = running(record, token(record))[1]
  record.helper = pid and state.owner(pid)
end

--- Ends the program.
---@param record table
function M.release(record)
  local path = token(record)
  for _, pid in ipairs(running(record, path)) do
    local helper = state.owner(pid)
    -- Asked again: by now the number can be another's.
    if helper and is_helper(pid, path) then
      owner.finish(helper)
    end
  end
  for _, name in ipairs { path, state.attachment(record.scope, record.id) } do
    remove(name, { missing = true })
  end
  state.tidy(record.scope)
end

return M

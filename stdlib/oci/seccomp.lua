--- The system call filter of a container: `linux.seccomp` of config.json, compiled in the parent
--- and loaded by the process that becomes the program.
---
--- Compiling costs milliseconds, so the primitive keeps the program on disk under a name made of
--- the profile's meaning. What a profile names that this program or machine does not know is passed
--- over, as runc does: profiles are written for all kernels.
---
--- Where calls are notified, the listener goes over the socket of `listenerPath`, which is
--- connected to before the container's root hides it.
---
--- ```lua
--- local seccomp = require "oci.seccomp"
---
--- local filter = seccomp.compile {
---   defaultAction = "SCMP_ACT_ALLOW",
---   syscalls = { { names = { "mkdir", "mkdirat" }, action = "SCMP_ACT_ERRNO", errnoRet = 30 } },
--- }
--- local child <close> = spawn(function()
---   seccomp.load(filter, true)
---   local _, err = try(mkdir, "/tmp/crun-lua-example-oci-seccomp")
---   assert(err.errno == "EROFS")
--- end)
--- assert(child:wait().code == 0)
--- ```
local M = {}

local PLACE = "config.json: .linux.seccomp."

local function fail(text, hint, cause)
  require("options").fail("oci.seccomp", PLACE .. text, hint, cause)
end

--- The profile without the architecture that the compiler has refused, where others remain: the
--- linked libseccomp is older than the specification's list, and no program of such a machine
--- runs here. To drop the only one would be another filter.
local function without_unknown(profile, message)
  local name = message:match "libseccomp: (%w+): " or message:match "no architecture .*_ARCH_(%w+)"
  local kept, dropped = {}, nil
  for _, token in ipairs(profile.architectures or {}) do
    local refused = name and token == "SCMP_ARCH_" .. name:upper()
    kept[#kept + 1] = not refused and token or nil
    dropped = dropped or refused and token
  end
  if dropped and kept[1] then
    require("oci.log").debug(("%sarchitectures: %s is not known here"):format(PLACE, dropped))
    local copy = { architectures = kept }
    for key, value in pairs(profile) do
      copy[key] = copy[key] or value
    end
    return copy
  end
end

local function compiled(profile)
  local filter, err = try(seccomp_load_json, profile)
  if not err then
    return filter
  end
  local message = err.message or tostring(err)
  local rest = without_unknown(profile, message)
  if rest then
    return compiled(rest)
  end
  fail((message:gsub("^profile[.:] ?", "")), err.hint)
end

--- Compiles a profile.
---@param profile table `linux.seccomp`, checked
---@param strict? boolean a call that nobody knows is an error
---@return any filter what `load` takes
function M.compile(profile, strict)
  local filter = compiled(profile)
  if strict and filter.warnings[1] then
    local hint = "run.oci.seccomp_fail_unknown_syscall asks to refuse this"
    fail("syscalls: " .. filter.warnings[1], hint)
  end
  if filter.notifies and filter:decide("sendmsg").action == "notify" then
    -- The listener is handed over by this call, so there would be nobody yet to answer it.
    local text = "SCMP_ACT_NOTIFY for sendmsg would stop the runtime as it sends the listener"
    fail("syscalls: " .. text)
  end
  for _, warning in ipairs(filter.warnings) do
    require("oci.log").debug(PLACE .. warning)
  end
  return filter
end

--- Loads a filter into this process, for good. Without `no_new_privs` that takes CAP_SYS_ADMIN, so
--- it is done before capabilities go; with it, as late as can be, since what is called afterwards
--- must be allowed by the profile.
---@param filter any what `compile` has answered
---@param no_new_privs boolean? `process.noNewPrivileges`
---@return any? listener where the profile notifies: to be handed over and closed
function M.load(filter, no_new_privs)
  return seccomp(filter, { no_new_privs = no_new_privs or false })
end

--- Connects to who will answer notified calls: by a path of the host's, so before the pivot.
---@param filter any what `compile` has answered
---@param profile table `linux.seccomp`
---@return any? socket nil where nothing is notified, and the path means nothing
function M.connect(filter, profile)
  if filter.notifies then
    local socket, err = try(socket_connect, profile.listenerPath)
    if err then
      fail("listenerPath", nil, err)
    end
    return socket
  end
end

--- What goes with the listener's descriptor: the specification's "container process state".
---@param profile table `linux.seccomp`
---@param state table the container's state, as the specification has it
---@param pid integer the filtered process, by the number that the listener's owner sees
---@return string json
function M.process_state(profile, state, pid)
  return json_encode {
    ociVersion = state.ociVersion,
    fds = { "seccompFd" },
    pid = pid,
    metadata = profile.listenerMetadata,
    state = state,
  }
end

--- Sends the listener. Afterwards no copy of it may be left here: calls of a process whose listener
--- is held by nobody are answered with ENOSYS, and by a copy they would wait for ever.
---@param socket any what `connect` has answered; it is closed
---@param listener any what `load` has answered; it is closed
---@param text string what `process_state` has answered, made before the load
function M.hand_over(socket, listener, text)
  socket:send(text, { fds = { listener } })
  listener:close()
  socket:close()
end

return M

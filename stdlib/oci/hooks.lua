--- The hooks of a configuration: programs of the caller's that run at six moments of a container.
---
--- A hook gets the container's state on standard input, the environment that its own entry says
--- and nothing else, and `/` as its working directory: with the container's environment or the
--- runtime's, a container could make a hook load its code (CVE-2025-23266). What it writes to
--- standard output is not read by anyone, and a flood of it stops nothing; its last words on
--- standard error become part of the error.
---
--- Between the runtime and a hook stands a keeper: a process to which the kernel gives whatever the
--- hook's programs leave behind. Where the hook is out of time, or the runtime is killed, the
--- keeper ends all of it, also what has made a session of its own. After an orderly end of the hook
--- it lets it be: what a hook leaves running then is its business.
---
--- ```lua
--- local hooks = require "oci.hooks"
---
--- local hook = { path = "/bin/sh", args = { "sh", "-c", "read line" } }
--- local spec = { hooks = { poststart = { hook } } }
--- assert(hooks.has(spec, "poststart") and not hooks.has(spec, "prestart"))
--- hooks.run(spec, "poststart", { ociVersion = "1.2.0", id = "demo", status = "running" })
--- ```
local options = require "options"
local planned = require "planned"

local M = {}

-- How much of what a hook says is told, and what a pipe takes before its reader has read (pipe(7)).
local TOLD = 2048
local ROOM = 65536

-- How often the keeper looks for what is left of a hook, a millisecond apart.
local ROUNDS = 2000

--- Whether there is any hook of a kind.
---@param spec table
---@param kind string
---@return boolean
function M.has(spec, kind)
  local list = spec.hooks and spec.hooks[kind]
  return list ~= nil and #list > 0
end

local function environment(hook)
  local env = {}
  for _, line in ipairs(hook.env or {}) do
    local name, value = line:match("^([^=]+)=(.*)$")
    if name then
      env[name] = value
    end
  end
  return env
end

local function last_words(text)
  text = (text or ""):gsub("%s+$", ""):gsub("%c+", " ")
  return #text > TOLD and "…" .. text:sub(-TOLD) or text
end

--- Why a hook has failed; nil where it has not, and in a plan.
local function complaint(result, said)
  if planned(result.code) or result.code == 0 then
    return nil
  end
  local how = result.signal and ("signal: " .. result.signal)
    or ("exit status %d"):format(result.code)
  said = last_words(said)
  return said == "" and how or ("%s, stderr: %s"):format(how, said)
end

--- Gives a hook the state. One that does not read it is no failure.
local function feed(process, text)
  if planned(text) or #text <= ROOM then
    try(process.stdin.write, process.stdin, text)
    process.stdin:close()
    return
  end
  local feeder = fork(function()
    try(process.stdin.write, process.stdin, text)
  end)
  process.stdin:close()
  return feeder
end

--- Reads what a hook says until it has ended: the last of it, or nothing more after its time.
local function listen(process, timeout)
  local deadline = timeout and clock("monotonic") + timeout
  local said, sources = "", { process, process.stderr or nil }
  while true do
    local left = deadline and math.max(0, math.ceil((deadline - clock("monotonic")) * 1000))
    local ready = poll(sources, { timeout = left and ("%dms"):format(left) or nil })
    if planned(ready) then
      return said, false
    elseif #ready == 0 and left == 0 then
      return said, true
    end
    local ended, more
    for _, one in ipairs(ready) do
      ended = ended or one.source == process
      if one.source == process.stderr then
        more = process.stderr:read(ROOM)
        sources = more and sources or { process }
        said = (said .. (more or "")):sub(-2 * TOLD)
      end
    end
    if ended and not more then
      return said, false
    end
  end
end

local function command_of(hook)
  local command = { hook.path, env = environment(hook), cwd = "/" }
  if hook.args and #hook.args > 0 then
    command.argv0 = hook.args[1]
    table.move(hook.args, 2, #hook.args, 2, command)
  end
  return command
end

--- Whether /proc has the numbers of this process's own namespace. Between the clone and the pivot a
--- container's first process sees the host's, and the numbers in there are others' in here.
local function sees_itself(hook)
  local child, self = try(proc_stat, hook.pid), try(proc_stat)
  return child and self and child.ppid == self.pid
end

--- Ends whatever the calling process has for children, and those that it gets from them.
local function end_all(hook)
  local sees = sees_itself(hook)
  try(kill, -hook.pid, "kill")
  if not sees then
    -- What is left ends with the first process of the container's namespace.
    return
  end
  -- What dies after the list was read hands its children on, which are in the next list only: it is
  -- over when a list has none but those that were dead before.
  local dead = {}
  for _ = 1, ROUNDS do
    local over = true
    for _, pid in ipairs(try(proc_children) or {}) do
      local found = not dead[pid] and proc_stat(pid)
      over = over and dead[pid]
      dead[pid] = dead[pid] or not found or found.state == "Z"
      if not dead[pid] then
        try(kill, pid, "kill")
      end
    end
    if over then
      return
    end
    poll({}, { timeout = "1ms" })
  end
end

--- The keeper's whole life: it ends as the hook does.
local function keep(command, alive)
  child_subreaper(true)
  -- So that one that is out of time goes with all that it has started.
  local how = { name = "hook", process_group = true, die_with_parent = true }
  local hook <close> = spawn(how, function()
    exec(command)
  end)
  local ready = poll { hook, alive.read }
  for _, one in ipairs(planned(ready) and {} or ready) do
    if one.source == alive.read then
      end_all(hook)
      return 1
    end
  end
  local result = hook:wait()
  if not planned(result.code) and result.signal then
    -- Whoever waits for the keeper is told what he would be told of the hook. Its group is its own.
    kill(0, result.signal)
  end
  return result.code
end

--- Starts a hook with its keeper; closing `alive` ends both.
local function start(command, streams)
  local alive = pipe()
  local process = spawn({
    name = "keeper",
    stdin = "pipe",
    stdout = streams.stdout or "null",
    stderr = streams.stderr or "pipe",
    -- What a terminal sends to the runtime is the runtime's.
    process_group = true,
  }, function()
    close_fds { alive.read }
    return keep(command, alive)
  end)
  alive.read:close()
  return process, alive.write
end

--- Why a hook has failed; nil where it has not.
local function run_one(hook, state, streams)
  local process, alive = start(command_of(hook), streams)
  local ending <close> = process
  local closing <close> = alive
  local feeder <close> = feed(process, state)
  local said, late = listen(process, hook.timeout)
  if late then
    alive:close()
    process:wait()
    return ("it ran longer than its timeout of %d s and was killed"):format(hook.timeout)
  end
  local result, err = try(process.wait, process)
  return err and err.message or complaint(result, said)
end

--- Where hooks write, if an annotation says so: files of the host's, so not for hooks that run in
--- the container's root.
local function streams_of(spec, kind)
  local found = {}
  for _, name in ipairs { "stdout", "stderr" } do
    local path = spec.annotations and spec.annotations["run.oci.hooks." .. name]
    if path and kind ~= "startContainer" then
      found[name] = open(path, { write = true, append = true, create = true, mode = "0700" })
    end
  end
  return found
end

local function close(streams)
  for _, file in pairs(streams) do
    file:close()
  end
end

-- Runs the hooks of a kind, in order, and tells `failed` of each that does.
local function run_each(spec, kind, state, failed)
  if not M.has(spec, kind) then
    return
  end
  local text, streams = json_encode(state), streams_of(spec, kind)
  local closing <close> = defer(function()
    close(streams)
  end)
  for index, hook in ipairs(spec.hooks[kind]) do
    local why = run_one(hook, text, streams)
    if why then
      failed(("%s hook #%d: %s: %s"):format(kind, index - 1, hook.path, why))
    end
  end
end

--- Runs the hooks of a kind, in order; the first that fails ends it with an error.
---@param spec table
---@param kind string
---@param state table as `oci.state.public` makes it
function M.run(spec, kind, state)
  run_each(spec, kind, state, function(what)
    options.fail("oci", "error running " .. what)
  end)
end

--- Runs hooks that nothing depends on: each, whatever the others do; a failure is a warning.
---@param spec table
---@param kind string
---@param state table
function M.run_all(spec, kind, state)
  run_each(spec, kind, state, function(what)
    require("oci.log").warn(what)
  end)
end

return M

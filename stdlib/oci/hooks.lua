--- The hooks of a configuration: programs of the caller's that run at six moments of a container.
---
--- A hook gets the container's state on standard input, the environment that its own entry says
--- and nothing else, and `/` as its working directory: with the container's environment or the
--- runtime's, a container could make a hook load its code (CVE-2025-23266). What it writes to
--- standard output is not read by anyone, and a flood of it stops nothing; its last words on
--- standard error become part of the error.
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

local M = {}

-- How much of what a hook says is told, and what a pipe takes before its reader has read (pipe(7)).
local TOLD = 2048
local ROOM = 65536

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

--- Why a hook has failed; nil where it has not.
local function complaint(result, said)
  if result.code == 0 then
    return nil
  end
  local how = result.signal and ("signal: " .. result.signal)
    or ("exit status %d"):format(result.code)
  said = last_words(said)
  return said == "" and how or ("%s, stderr: %s"):format(how, said)
end

--- Gives a hook the state. One that does not read it is no failure.
local function feed(process, text)
  if #text <= ROOM then
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
  local said, sources = "", { process, process.stderr }
  while true do
    local left = deadline and math.max(0, math.ceil((deadline - clock("monotonic")) * 1000))
    local ready = poll(sources, { timeout = left and ("%dms"):format(left) or nil })
    if #ready == 0 and left == 0 then
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

--- Why a hook has failed; nil where it has not.
local function run_one(hook, state)
  local command = command_of(hook)
  local process <close> = spawn({
    name = "hook",
    stdin = "pipe",
    stdout = "null",
    stderr = "pipe",
    -- So that one that is out of time goes with all that it has started.
    process_group = true,
    die_with_parent = true,
  }, function()
    exec(command)
  end)
  local guard = defer(function()
    try(kill, -process.pid, "kill")
  end)
  local feeder <close> = feed(process, state)
  local said, late = listen(process, hook.timeout)
  if late then
    guard:close()
    process:wait()
    return ("it ran longer than its timeout of %d s and was killed"):format(hook.timeout)
  end
  -- What a hook leaves running after its own end is its business.
  guard:keep()
  local result, err = try(process.wait, process)
  return err and err.message or complaint(result, said)
end

--- Runs the hooks of a kind, in order; the first that fails ends it with an error.
---@param spec table
---@param kind string
---@param state table as `oci.state.public` makes it
function M.run(spec, kind, state)
  if not M.has(spec, kind) then
    return
  end
  local text = json_encode(state)
  for index, hook in ipairs(spec.hooks[kind]) do
    local why = run_one(hook, text)
    if why then
      local message = ("error running %s hook #%d: %s: %s"):format(kind, index - 1, hook.path, why)
      options.fail("oci", message)
    end
  end
end

--- Runs hooks that nothing depends on: each, whatever the others do; a failure is a warning.
---@param spec table
---@param kind string
---@param state table
function M.run_all(spec, kind, state)
  if not M.has(spec, kind) then
    return
  end
  local text = json_encode(state)
  for index, hook in ipairs(spec.hooks[kind]) do
    local why = run_one(hook, text)
    if why then
      require("oci.log").warn(("%s hook #%d: %s: %s"):format(kind, index - 1, hook.path, why))
    end
  end
end

return M

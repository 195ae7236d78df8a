--- Policies: Lua that changes a container before it is made, or refuses it.
---
--- The files of `/etc/crun-lua/policy.d` in the order of their names, then those of `--policy`,
--- each return a table: `mutate`, `validate`, `needs`. All mutators run, then all validators, over
--- the spec as a table; `docs/policies.md` tells the rest. They run in a child: what they leave
--- behind, a loop that nothing else ends, memory that grows where Lua does not count, dies with it,
--- and what comes back is JSON.
---
--- ```lua
--- local policy = require "oci.policy"
---
--- local dir <close> = temp_dir()
--- mkdir(dir.path .. "/mine")
--- local file = dir.path .. "/mine/no-root.lua"
--- write_file(file, [[return { validate = function(spec)
---   return spec.process.user.uid ~= 0, "root is not for containers"
--- end }]])
---
--- local spec = { process = { user = { uid = 0 } } }
--- local _, err = try(policy.apply, spec, { operation = "create", id = "web", files = { file } })
--- assert(err.message:find("refused: root is not for containers", 1, true))
--- ```
local files = require "oci.policy.files"
local options = require "options"

local M = {}

--- What is in the way of everything else: a library function that does not come back, a program
--- that a policy waits for. Processor seconds, seconds, and bytes.
M.PROCESSOR = 2
M.PATIENCE = "20s"
local MEMORY = "1G"
local ANSWER = "64M"

---@class oci.policy.Context
---@field operation "create"|"exec"
---@field id string
---@field bundle? string
---@field files? string[] policies beside those of the directory, in order
---@field process? table with "exec": the program that is started; else it is the spec's
---@field warn? fun(text: string) where warnings go; `oci.log`
---@field check? fun(spec: table, source: string) how a spec is checked; `oci.config`

local function read_all(ctx)
  local list = files.directory(files.DIRECTORY)
  for _, path in ipairs(ctx.files or {}) do
    list[#list + 1] = files.read(path)
  end
  return list
end

--- A policy's words in one line of a log, whatever bytes they are made of.
local function printable(text)
  text = tostring(text):gsub("%c", " ")
  return utf8.len(text) and text or (text:gsub("[\128-\255]", "?"))
end

--- The child's side: what happens is told line by line, and an error is one of the things told.
local function run(list, spec, ctx)
  local function report(message)
    message.warn = message.warn and printable(message.warn)
    io.stdout:write(json_encode(message), "\n")
    io.stdout:flush()
  end
  -- Where the limit is lower already, it stays.
  local seconds = M.PROCESSOR + #list
  try(rlimit, { cpu = { soft = seconds, hard = seconds + 1 } })
  try(rlimit, { data = MEMORY })
  -- A command collects no garbage; a policy is held to its memory.
  collectgarbage("restart")
  local fine, err = pcall(require("oci.policy.run").all, list, spec, ctx, report)
  if not fine then
    local object = type(err) == "table" and err or { message = err }
    report {
      failed = printable(object.message),
      hint = object.hint and printable(object.hint) or nil,
    }
  end
  report { done = true }
end

--- Reads what the child has told; answers the spec, where it has changed, and the last message.
local function read(text, warn)
  local spec, at, last
  for line in text:gmatch "([^\n]+)\n" do
    local message = try(json_decode, line, { limit = ANSWER })
    if not message then
      -- A policy has made its process another program's.
      return nil, at, false
    elseif message.warn then
      warn(("policy %s: %s"):format(message.at, message.warn))
    elseif message.failed then
      options.fail("policy", message.failed, message.hint)
    end
    at = message.at and message.stage and message or at
    spec = message.spec or spec
    last = message
  end
  return spec, at, last and last.done
end

local function ended_early(at, result)
  local place = at and ("%s: in its %s: "):format(at.at, at.stage) or ""
  local reason = result.timed_out and ("not done after %s"):format(M.PATIENCE)
    or result.truncated and ("it tells more than %s"):format(ANSWER)
    or result.signal == "xcpu" and "a library function needs too much processor time"
    or result.signal and ("ended by SIG%s"):format(result.signal:upper())
    or ("ended with status %d"):format(result.code)
  local hint = result.signal == "xcpu" and "a pattern with several '.-' or '.*' backtracks" or nil
  options.fail("policy", place .. reason, hint)
end

--- The spec as policies see it: with the program that is about to start.
local function current(spec, process)
  if not process then
    return spec
  end
  local out = {}
  for key, value in pairs(spec) do
    out[key] = value
  end
  out.process = process
  return out
end

--- A plan starts no child, and changes nothing: there the policies may run in this process.
local function rehearse(list, spec, ctx)
  require("oci.policy.run").all(list, spec, ctx, function(message)
    spec = message.spec or spec
  end)
  return spec
end

--- Applies every policy to a spec. Answers what is to be made of it; raises where one refuses.
---
--- For "exec" the spec is that of the container, its `process` the program that is to be started in
--- it; only `process` can change.
---@param spec table as `oci.config.load` answers it
---@param ctx oci.policy.Context
---@return table spec
function M.apply(spec, ctx)
  local list = read_all(ctx)
  spec = current(spec, ctx.process)
  if #list == 0 then
    return spec
  elseif list[1].planned then
    return rehearse(list, spec, ctx)
  end
  local child <close> = spawn({
    name = "policies",
    stdin = "null",
    stdout = "pipe",
    die_with_parent = true,
    process_group = true,
  }, function()
    run(list, spec, ctx)
  end)
  local result = child:output { timeout = M.PATIENCE, max = ANSWER }
  -- Programs that a policy has started and not waited for: the group lasts as long as they do.
  try(kill, -child.pid, "kill")
  local function warn(text)
    (ctx.warn or require("oci.log").warn)(text)
  end
  local changed, at, done = read(result.stdout, warn)
  if not done then
    ended_early(at, result)
  end
  return changed or spec
end

return M

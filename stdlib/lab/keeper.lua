--- The keeper of a task: a process that holds the task's stage between commands.
---
--- `crun-lua lab task` begins a task and ends; the learner works, in the REPL, an editor or another
--- terminal; `crun-lua lab check` comes later. What the task has prepared must live meanwhile, so a
--- process stays behind that answers on a socket. There is one at a time, found by a file under the
--- state directory, with its number and its start, so that no other process is taken for it.
---
--- It ends with its owner: the session that has a lesson attached, or the shell of the terminal in
--- which the task was begun. What it holds ends with it, also where it is killed
--- (`scenario.stage`).
---
--- ```lua
--- local keeper = require "lab.keeper"
---
--- print(keeper.find() and "a task is being done" or "no task has begun")
--- ```
local options = require "options"
local owner = require "container.owner"

local M = {}

M.VERSION = 1

-- It answers at once, but for checks, each of which has a deadline of its own.
local PATIENCE = "600s"

--- The task that is being done.
---@class lab.Kept
---@field version integer
---@field pid integer the keeper's
---@field starttime integer
---@field task string
---@field course string
---@field kind "session"|"commands"|"watch" who has begun it
---@field owner? { pid: integer, starttime: integer } the keeper ends with it
---@field begun number seconds since 1970

local function dir()
  return state_dir() .. "/lab"
end

--- The file that names the keeper.
---@return string
function M.record_path()
  return dir() .. "/keeper.json"
end

--- The socket that it answers on.
---@return string
function M.socket_path()
  return dir() .. "/keeper.sock"
end

local function read(path)
  local text = read_file(path)
  local found = text and try(json_decode, text)
  return type(found) == "table" and found or nil
end

--- Takes away what a keeper is found by; the directory, too, where nothing else is in it.
function M.forget()
  try(remove, M.record_path(), { missing = true })
  try(remove, M.socket_path(), { missing = true })
  try(remove, dir(), { directory = true, missing = true })
end

--- Takes a dead keeper's record away; nil where it was a living one's after all, because somebody
--- else has been quicker.
local function take_dead()
  local aside = ("%s.%d"):format(M.record_path(), proc_stat().pid)
  local _, err = try(rename, M.record_path(), aside)
  if err then
    return nil
  end
  local found = read(aside)
  if owner.alive(found) then
    try(rename, aside, M.record_path(), { noreplace = true })
    return nil
  end
  try(remove, aside, { missing = true })
  return found or {}
end

--- Removes what a keeper that is dead has left: answers what that was.
---@return string[]
function M.gc()
  local told = {}
  if stat(M.record_path()) and not owner.alive(read(M.record_path())) then
    local dead = take_dead()
    if dead then
      M.forget()
      told[1] = ("the task %s, whose keeper has died"):format(tostring(dead.task or "?"))
      for _, text in ipairs(require("scenario.remains").gc()) do
        told[#told + 1] = text
      end
    end
  end
  return told
end

--- The task that is being done, or nil. What a dead keeper has left is removed first.
---@return lab.Kept?
function M.find()
  if not stat(M.record_path()) then
    return nil
  end
  M.gc()
  return read(M.record_path())
end

--- Writes down who keeps: false where somebody does already.
---@param record lab.Kept
---@return boolean
function M.claim(record)
  mkdir(dir(), { parents = true, mode = "0700" })
  local fresh = ("%s.%d"):format(M.record_path(), record.pid)
  write_file(fresh, json_encode(record), { mode = "0600" })
  -- A reader meets all of it or nothing, and of two that begin at once one is the first.
  local _, err = try(rename, fresh, M.record_path(), { noreplace = true })
  if err then
    try(remove, fresh, { missing = true })
    if err.errno ~= "EEXIST" then
      error(err, 0)
    end
  end
  return err == nil
end

--- Takes all that comes over a connection, up to its end.
local function receive(connection, timeout)
  local parts = {}
  while true do
    local text = connection:read(65536, { timeout = timeout })
    if not text then
      return table.concat(parts)
    end
    parts[#parts + 1] = text
    if text:sub(-1) == "\n" then
      return table.concat(parts)
    end
  end
end

--- Asks the keeper; fails with what it fails with.
---@param request table { op = "status"|"answer"|"check"|"reset"|"end", … }
---@return table
function M.ask(request)
  local connection, err = try(socket_connect, M.socket_path())
  if not connection then
    options.fail(
      "lab",
      "the keeper of the task does not answer: " .. (err.errno or err.message),
      "crun-lua gc removes it"
    )
  end
  local _ <close> = connection
  connection:write(json_encode(request) .. "\n")
  local said = try(json_decode, receive(connection, PATIENCE))
  if not said then
    options.fail("lab", "the keeper of the task has ended", "crun-lua lab task begins it anew")
  elseif said.failed then
    error(said.failed, 0)
  end
  return said
end

--- The outermost ancestor that leads a session on a terminal: the shell that the learner sees,
--- whatever programs such as sudo have made terminals of their own in between.
---@return { pid: integer, starttime: integer }?
function M.terminal_leader()
  local found, own = nil, proc_stat()
  local pid = own.ppid
  while pid > 1 do
    local row = try(proc_stat, pid)
    if not row then
      break
    end
    if row.session == pid and row.tty_nr ~= 0 then
      found = { pid = pid, starttime = row.starttime }
    end
    pid = row.ppid
  end
  return found
end

local function failure(err)
  if type(err) ~= "table" then
    return { op = "lab", message = tostring(err) }
  end
  return {
    op = err.op,
    message = err.message,
    hint = err.hint,
    errno = err.errno,
    where = err.where,
  }
end

--- The life of the keeper, in its own process.
local function live(task, given, channel)
  local serve = require "lab.keeper.serve"
  local _, err = try(function()
    setsid()
    close_fds { channel }
    owner.forked()
    serve.run(task, given, function(word)
      channel:write(json_encode(word))
      channel:close()
    end)
    return true
  end)
  if err then
    try(channel.write, channel, json_encode { failed = failure(err) })
    return 1
  end
end

local function refuse(kept)
  local who = kept.kind == "session" and "a session with a lesson"
    or kept.kind == "watch" and "crun-lua lab --watch"
    or "crun-lua lab task"
  local how = kept.kind == "commands" and "crun-lua lab reset ends it"
    or "end that first: it is process " .. tostring((kept.owner or kept).pid)
  options.fail(
    "lab",
    ("the task %s is being done already, begun by %s at %s"):format(
      kept.task,
      who,
      os.date("%H:%M", math.floor(kept.begun))
    ),
    how
  )
end

--- Begins a task: its keeper is there, and its stage set up, when this returns.
---@param task lab.Task
---@param given { kind: string, course: string, owner?: { pid: integer, starttime: integer } }
function M.start(task, given)
  local kept = M.find()
  if kept then
    refuse(kept)
  end
  local channel = pipe()
  local between = spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
    channel.read:close()
    local process = fork(function()
      return live(task, given, channel.write)
    end)
    process:keep()
  end)
  channel.write:close()
  between:wait()
  -- The stage gives its setup a deadline.
  local text = channel.read:read()
  channel.read:close()
  local said = try(json_decode, text)
  if not said then
    options.fail("lab", ("%s: the keeper of its stage ended without a word"):format(task.id))
  elseif said.taken then
    refuse(M.find() or options.fail("lab", "another task has just been begun", "try again"))
  elseif said.failed then
    error(said.failed, 0)
  end
end

--- Ends the task that is being done, with all of its stage: answers what could not be removed.
---@return string[] problems
function M.stop()
  local kept = M.find()
  if not kept then
    return {}
  end
  local process = try(process_open, kept.pid)
  local said = M.ask { op = "end" }
  -- Nobody meets what is left while it goes.
  if process then
    poll({ process }, { timeout = "10s" })
    process:close()
  end
  return said.problems or {}
end

return M

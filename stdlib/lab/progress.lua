--- What a learner has done, in one file that outlives the machine's reboots.
---
--- `$XDG_STATE_HOME/crun-lua/lab.json`, else `~/.local/state/crun-lua/lab.json`. It is only ever
--- replaced as a whole, under a lock, so two commands at once lose nothing of each other's. A file
--- that cannot be understood is never written over: the learner is told, and `lab status --forget`
--- moves it aside.
---
--- ```lua
--- local progress = require "lab.progress"
---
--- local dir <close> = temp_dir()
--- local book = progress.open { path = dir.path .. "/lab.json", course = "example" }
--- book:change(function(record)
---   record.tasks["ex1.kinds"] = { hash = "0123", passed = 1.5, hints = 2 }
--- end)
--- assert(book:read().tasks["ex1.kinds"].hints == 2)
--- ```
local options = require "options"

local M = {}

--- The form of the file that this program writes, and the only one that it reads.
M.VERSION = 1

--- What is known of one task.
---@class lab.Done
---@field hash? string what was asked when it was passed or skipped; see `lab.catalogue`
---@field passed? number seconds since 1970
---@field skipped? string why the learner went on without it
---@field hints? integer how many were looked at before it was passed
---@field failures? integer checks that failed since it was begun
---@field answers? table<string, string|number> the last that were handed over

--- What is known of one question of the quiz.
---@class lab.Answered
---@field hash? string
---@field passed? number seconds since 1970
---@field tries? integer

--- What is known of one course.
---@class lab.Record
---@field tasks table<string, lab.Done>
---@field quiz table<string, lab.Answered>
---@field current? string the task that commands without one mean
---@field given_back? { file: string, hash: string, passed: number } the learner's own scenario

---@class lab.Book
---@field path string
---@field course string
local Book = {}
Book.__index = Book

local FORGET = "crun-lua lab status --forget moves it aside and starts anew"

--- Where the file is; fails where the environment names no place.
---@return string
function M.path()
  for _, found in ipairs {
    { os.getenv "XDG_STATE_HOME" or "", "" },
    { os.getenv "HOME" or "", "/.local/state" },
  } do
    if found[1]:sub(1, 1) == "/" then
      return found[1] .. found[2] .. "/crun-lua/lab.json"
    end
  end
  options.fail(
    "lab",
    "there is no place for the progress: neither XDG_STATE_HOME nor HOME is an absolute path",
    "set HOME"
  )
  return ""
end

local function damaged(path, why)
  options.fail("lab", ("%s: %s"):format(path, why), FORGET)
end

local function is_map(value)
  return type(value) == "table" and value[1] == nil
end

-- The types of what stands behind a name in `tasks` and `quiz`.
local FIELDS = {
  hash = "string",
  passed = "number",
  skipped = "string",
  hints = "integer",
  failures = "integer",
  answers = "table",
  tries = "integer",
}

--- What is wrong with a course's record, or nil.
local function fault_of(name, record)
  if not is_map(record) or not is_map(record.tasks) or not is_map(record.quiz) then
    return ("courses.%s: expected { tasks, quiz }"):format(name)
  elseif record.current ~= nil and type(record.current) ~= "string" then
    return ("courses.%s.current: expected a task's name"):format(name)
  end
  for _, part in ipairs { "tasks", "quiz" } do
    for id, done in pairs(record[part]) do
      local place = ("courses.%s.%s.%s"):format(name, part, id)
      if not is_map(done) then
        return place .. ": expected a table"
      end
      for key, value in pairs(done) do
        local kind = math.type(value) == "integer" and "integer" or type(value)
        local wanted = FIELDS[key]
        if wanted and kind ~= wanted and not (wanted == "number" and kind == "integer") then
          return ("%s.%s: expected a %s"):format(place, key, wanted)
        end
      end
    end
  end
end

--- All that the file says; an empty whole where there is none.
local function load_whole(path)
  local text = read_file(path)
  if not text then
    return { version = M.VERSION, courses = {} }
  end
  local whole, err = try(json_decode, text)
  if not is_map(whole) then
    damaged(path, ("it is damaged: %s"):format(err and err.message or "it is no JSON object"))
  elseif whole.version ~= M.VERSION then
    local version = whole.version == nil and "no version" or "version " .. tostring(whole.version)
    damaged(path, ("it has %s; this program knows version %d"):format(version, M.VERSION))
  elseif not is_map(whole.courses) then
    damaged(path, "it is damaged: courses: expected a table")
  end
  for name, record in pairs(whole.courses) do
    local fault = fault_of(name, record)
    if fault then
      damaged(path, "it is damaged: " .. fault)
    end
  end
  return whole
end

-- The lock is a file beside it, because a rename replaces the file itself.
local function locked(path, body)
  local dir = path:match "^(.*)/"
  if not stat(dir) then
    mkdir(dir, { parents = true, mode = "0700" })
  end
  local _ <close> = file_lock(path .. ".lock")
  return body()
end

--- The record of one course; fails where the file cannot be understood.
---@return lab.Record
function Book:read()
  return load_whole(self.path).courses[self.course] or { tasks = {}, quiz = {} }
end

--- Changes the record: nobody else does meanwhile, and a reader sees the old or the new one.
---@generic T
---@param change fun(record: lab.Record): T
---@return T
function Book:change(change)
  return locked(self.path, function()
    local whole = load_whole(self.path)
    local record = whole.courses[self.course] or { tasks = {}, quiz = {} }
    whole.courses[self.course] = record
    local answer = change(record)
    local fault = fault_of(self.course, record)
    if fault then
      error(fault)
    end
    local text = json_encode(whole, { pretty = true }) .. "\n"
    write_file(self.path, text, { mode = "0600", atomic = true })
    return answer
  end)
end

--- What is known of a task, to be changed within `change`.
---@param record lab.Record
---@param id string
---@return lab.Done
function M.task(record, id)
  record.tasks[id] = record.tasks[id] or {}
  return record.tasks[id]
end

--- Moves the file aside, whatever is in it: where to, or nil where there is none.
---@return string?
function Book:forget()
  if not stat(self.path) then
    return nil
  end
  return locked(self.path, function()
    local number = 1
    while true do
      local aside = ("%s.old-%d"):format(self.path, number)
      local _, err = try(rename, self.path, aside, { noreplace = true })
      if not err then
        return aside
      elseif err.errno ~= "EEXIST" then
        error(err, 0)
      end
      number = number + 1
    end
  end)
end

--- The book of a course; nothing is read or made yet.
---@param given? { path?: string, course?: string }
---@return lab.Book
function M.open(given)
  given = options.check("lab.progress", given, { path = "string", course = "string" })
  return setmetatable({ path = given.path or M.path(), course = given.course or "course" }, Book)
end

return M

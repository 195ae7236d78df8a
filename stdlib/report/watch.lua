--- Runs a script and watches it: its calls, what exists at the moments that matter, and what its
--- control groups use meanwhile.
---
--- The script runs as it always does, in a process of its own, with `--trace` and with a witness:
--- before a program takes over, after a filter, and before something is removed the process waits
--- until this one has looked. How long that was is kept (`pauses`), so that no picture takes it for
--- time of the script's own. Between the moments a clock samples the groups.
---
--- ```lua
--- local watch = require "report.watch"
---
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/a.lua", "spawn(function() exec { 'true' } end):wait()")
--- local seen = watch.run({ dir.path .. "/a.lua" }, {})
--- assert(seen.run.status == 0 and #seen.run.calls > 0 and #seen.run.pauses > 0)
--- assert(#seen.processes >= 2)
--- ```
local groups = require "report.groups"
local options = require "options"
local snapshot = require "inspect.snapshot"
local trace = require "report.trace"

local M = {}

-- Each costs the script some hundredths of a second.
local MOST = 48

--- What the watcher holds while the script runs.
---@class report.Watcher
local Watcher = {}
Watcher.__index = Watcher

--- Everything that lives now and is the script's: what it has started, orphans too.
function Watcher:targets()
  local list = {}
  for _, pid in ipairs(proc_children(self.own) or {}) do
    list[#list + 1] = pid
  end
  return list
end

function Watcher:sample()
  self.groups:find(self:targets())
  self.groups:sample()
end

--- Takes a snapshot, unless there are enough. A script that removes many things one by one is not
--- held up more than it is let run.
function Watcher:look(row)
  local begun = clock("realtime")
  local leaves = row.moment == "end" or row.moment == "remove" and not row.call:find("^rmdir")
  if leaves and self.seen and begun - self.looked < math.max(0.1, 10 * self.cost) then
    return
  end
  self:sample()
  if self.taken >= MOST or row.moment == "remove" and not leaves then
    return
  end
  local seen = try(snapshot.read, self:targets())
  if seen then
    self.seen = snapshot.merge(self.seen, seen)
    self.taken, self.looked = self.taken + 1, clock("realtime")
    self.cost = self.looked - begun
  end
end

--- Answers those that wait: all of them are looked at together.
function Watcher:attend()
  local begun = clock("realtime")
  local text = self.rest .. (try(self.ask.read, self.ask, 65536) or "")
  self.rest = text:match("([^\n]*)$")
  local asked = {}
  for line in text:gmatch("([^\n]*)\n") do
    local row = try(json_decode, line)
    asked[#asked + 1] = row and row.ticket and row or nil
  end
  if #asked == 0 then
    return
  end
  self:look(asked[1])
  local ended = clock("realtime")
  for _, row in ipairs(asked) do
    table.insert(self.pauses, {
      moment = row.moment,
      ["in"] = row["in"],
      call = row.call,
      from = begun,
      to = ended,
    })
    self.answer:write(string.pack("<I8", math.tointeger(tonumber(row.ticket)) or 0))
  end
end

--- Until the script has ended: looks when it is asked to, samples when it is time.
function Watcher:follow(child, interval)
  local due = clock("monotonic")
  while true do
    local left = math.max(due - clock("monotonic"), 0)
    local ready = poll({ child, self.ask }, {
      timeout = ("%dus"):format(math.ceil(left * 1000000) + 1),
      signals = { "int", "term" },
    })
    local ended = false
    for _, one in ipairs(ready) do
      if one.source == self.ask then
        self:attend()
      elseif one.source == child then
        ended = true
      elseif one.signal == "term" then
        child:kill("term")
      end
    end
    if ended then
      return
    end
    if clock("monotonic") >= due then
      self:sample()
      due = clock("monotonic") + interval
    end
  end
end

--- Processes by the names of the programs that have taken them over since they were looked at.
local function rename(processes, calls)
  local failed, taken = {}, {}
  for _, row in ipairs(calls) do
    if row.errno then
      failed[("%s %s"):format(row.pid, row.number)] = true
    end
  end
  for _, row in ipairs(calls) do
    local program, words = (row.call or ""):match('^execve%("(.-)", %[(.*)%], /%*')
    if program and not failed[("%s %s"):format(row.pid, row.number)] and row.pid then
      taken[row.pid] = { name = program:match("[^/]*$"), command = words }
    end
  end
  for _, row in ipairs(processes) do
    local program = taken[row.pid]
    -- What was added here is not the user's: the options, and the name of /proc/self/exe.
    if row.command then
      row.command = row.command:gsub("%-%-trace %S+ %-%-witness %S+ ", "")
      row.name = row.name == "exe" and "crun-lua" or row.name
    end
    if program and row.name == "crun-lua" then
      row.name, row.command = program.name, "▸ " .. program.command
    end
  end
end

---@class report.WatchOptions
---@field interval? number seconds between two samples of the control groups; 0.05

--- Runs a script, and answers the snapshot of all that was seen, with the field `run`:
--- `{ argv, status, signal, start, seconds, calls, ends, pauses, series }`.
---@param words string[] the script and its arguments
---@param given? report.WatchOptions
---@return table
function M.run(words, given)
  given = options.check("report.watch", given, { interval = "number" })
  local dir <close> = temp_dir()
  mkfifo(dir.path .. "/ask")
  mkfifo(dir.path .. "/answer")
  local both = { read = true, write = true, nonblock = true }
  local self = setmetatable({
    own = proc_stat().pid,
    ask = open(dir.path .. "/ask", both),
    answer = open(dir.path .. "/answer", both),
    pauses = {},
    rest = "",
    taken = 0,
    looked = 0,
    cost = 0,
    groups = groups.new(),
  }, Watcher)
  -- What the script leaves behind stays in sight until the end.
  child_subreaper(true)
  local more = { "--trace", dir.path .. "/trace", "--witness", dir.path }
  table.move(words, 1, #words, #more + 1, more)
  local command = require("commands.itself").words("report", more)
  local begun = clock("realtime")
  local child <close> = spawn({ name = "script" }, function()
    exec(command)
  end)
  self:follow(child, given.interval or 0.05)
  local ended = child:wait()
  local seen = self.seen or snapshot.read {}
  local text = try(read_file, dir.path .. "/trace")
  local run = text and text ~= "" and trace.parse(text) or { calls = json_array {}, ends = {} }
  run.start = run.start or begun
  for _, pause in ipairs(self.pauses) do
    pause.from, pause.to = pause.from - run.start, pause.to - run.start
  end
  run.argv = json_array(words)
  run.seconds = clock("realtime") - run.start
  run.status, run.signal = ended.code, ended.signal
  run.pauses = json_array(self.pauses)
  run.series = self.groups:series(run.start)
  self.groups:close()
  rename(seen.processes, run.calls)
  seen.run = run
  seen.subject = { kind = "script", name = words[1] }
  return seen
end

return M

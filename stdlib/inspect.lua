--- Looks into a running process as a container: what it sees, what it may do, what it uses, and
--- what looks wrong.
---
--- `process` answers plain tables that fit into JSON. What cannot be read says why, in place of the
--- part: `{ unreadable = "EACCES", hint = "…" }`. `findings` judges them: the troubleshooting guide
--- as code. `report` writes them for people.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local child <close> = spawn({ unshare = { "user", "pid" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local facts = inspect.process(child.pid)
--- assert(facts.namespaces.pid.shared == false and facts.processes.list[1].inside == 1)
--- local ids = {}
--- for _, finding in ipairs(inspect.findings(facts)) do
---   ids[finding.id] = finding.remedy
--- end
--- -- /proc is still that of the host: ps in there would list its processes.
--- assert(ids["stale-proc"])
--- print(table.concat(inspect.report(facts, { width = 80 }), "\n"))
--- ```
local options = require "options"
local part = require "inspect.part"

local M = {}

-- Of the facts' form; a program that reads them refuses what it does not know.
M.VERSION = 1

--- The sections, in the order in which a report has them.
M.SECTIONS = {
  "process",
  "namespaces",
  "processes",
  "mounts",
  "network",
  "cgroup",
  "security",
  "ids",
  "limits",
  "fds",
}

--- The words of a file that separates them by NUL. They lie in the memory of the process, which can
--- have put a file there whose file system never answers: a child reads them.
local function words_of(path)
  return part.child({}, function()
    local list, bytes = json_array {}, read_file(path) or ""
    -- A process that has written over its own words may have taken the last NUL.
    bytes = (bytes == "" or bytes:sub(-1) == "\0") and bytes or bytes .. "\0"
    for word in bytes:gmatch("([^\0]*)\0") do
      list[#list + 1] = word
    end
    return list
  end)
end

--- What a process is: name, command, state, age.
local function identity(pid, from)
  local status, stat = proc_status(pid, from), proc_stat(pid, from)
  if not status or not stat then
    return part.unreadable("ESRCH")
  end
  local answer = {
    name = status.name,
    ppid = status.ppid,
    state = status.state_name or status.state,
    threads = status.threads,
    starttime = stat.starttime,
    zombie = stat.state == "Z" or nil,
    tracer = status.tracer_pid ~= 0 and status.tracer_pid or nil,
    command = json_array {},
  }
  if not from then
    local dir = ("/proc/%d/"):format(pid)
    answer.command = words_of(dir .. "cmdline")
    -- Ticks of a hundredth of a second: USER_HZ is 100 on all architectures that Linux still has.
    answer.age = math.max(0, clock("boottime") - stat.starttime / 100)
    answer.executable = part.read(readlink, dir .. "exe")
    answer.root = part.read(readlink, dir .. "root")
  end
  return answer
end

--- The environment, in the order of the process. It holds passwords and keys more often than not.
local function environment(pid)
  local words = words_of(("/proc/%d/environ"):format(pid))
  if words.unreadable then
    return words
  end
  local list = json_array {}
  for _, word in ipairs(words) do
    local name, value = word:match("^([^=]*)=(.*)$")
    list[#list + 1] = { name = name or word, value = value or "" }
  end
  return list
end

--- Whether it is a container at all: whether what it sees or what root may is its own.
local function is_contained(spaces)
  for _, kind in ipairs { "mnt", "pid", "user" } do
    if spaces[kind] and spaces[kind].shared == false then
      return true
    end
  end
  return false
end

--- Fails where the number stands for another process by now.
local function same_process(pid, starttime, from)
  local now = proc_stat(pid, from)
  if not now or now.starttime ~= starttime then
    options.fail(
      "inspect.process",
      ("the process %d ended while it was read"):format(pid),
      "ask again with the number of a process that runs"
    )
  end
end

--- The process that a number or a handle stands for.
local function number_of(process, from)
  local pid = type(process) == "userdata" and process.pid or process
  options.expect("inspect.process", "process", pid, "integer")
  if pid < 1 or not proc_stat(pid, from) then
    options.fail(
      "inspect.process",
      ("there is no process %d"):format(pid),
      "it has ended, or lives in a pid namespace that cannot be seen from here"
    )
  end
  return pid
end

---@class inspect.Options
---@field root? string a directory laid out like /proc: a recorded process
---@field env? boolean show the environment too
---@field container? table the record that the container's state has of it

--- Everything there is to know about a process, as plain tables.
---@param process any a number as /proc has it, or the handle of a process
---@param given? inspect.Options
---@return table facts
function M.process(process, given)
  given = options.check(
    "inspect.process",
    given,
    { root = "string", env = "boolean", container = "table" }
  )
  local from = given.root and { root = given.root } or nil
  local pid = number_of(process, from)
  local facts = { version = M.VERSION, pid = pid }
  facts.process = part.read(identity, pid, from)
  local reference = not from and require("inspect.namespaces").reference() or nil
  facts.reference = reference and { who = reference.who, pid = reference.pid }
  facts.namespaces = part.read(require("inspect.namespaces").read, pid, reference, from)
  local spaces = part.known(facts.namespaces) or {}
  facts.contained = is_contained(spaces)
  local processes = require "inspect.processes"
  local shared = spaces.pid and spaces.pid.shared
  facts.processes = part.read(processes.read, pid, shared, from)
  facts.mounts = part.read(require("inspect.mounts").read, pid, reference, spaces, from)
  facts.network = part.read(require("inspect.network").read, pid, from)
  facts.cgroup = part.read(require("inspect.cgroup").read, pid, from)
  local security = require "inspect.security"
  facts.security = part.read(security.read, pid, from)
  facts.ids = part.read(security.ids, pid, from)
  facts.limits = part.read(security.limits, pid, from)
  local own_mounts = spaces.mnt and spaces.mnt.shared == false
  local seen = own_mounts and part.known(part.read(mountinfo, pid, from)) or nil
  facts.fds = part.read(require("inspect.fds").read, pid, seen, from)
  facts.env = given.env and not from and environment(pid) or nil
  facts.container = given.container
  if part.known(facts.processes) then
    processes.settle_zombies(facts.processes, from)
  end
  if part.known(facts.process) then
    same_process(pid, facts.process.starttime, from)
  end
  return part.plain(facts)
end

--- A process and all that descends from it at this moment, as one plain table that every picture is
--- drawn from: processes, namespaces and who owns them, mounts, networks, filters, control groups.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local found = inspect.snapshot(proc_stat().pid, { parts = { "networks" } })
--- assert(found.processes[1].namespaces.net == proc_ns().net and #found.networks == 1)
--- ```
---@param process any a number, or the handle of a process
---@param given? inspect.SnapshotOptions
---@return table
function M.snapshot(process, given)
  return require("inspect.snapshot").read({ number_of(process) }, given)
end

--- Two processes side by side: `{ pids, kinds, same, different }`; a row of kinds is
--- `{ kind, first, second, same }`.
---
--- ```lua
--- local inspect = require "inspect"
---
--- local child <close> = spawn({ unshare = { "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local both = inspect.compare(child, proc_stat().pid)
--- print(table.concat(both.different, ", "))
--- ```
---@param first any a number, or the handle of a process
---@param second any
---@return table
function M.compare(first, second)
  return require("inspect.namespaces").compare(number_of(first), number_of(second))
end

---@class inspect.Finding
---@field level "error"|"warning"|"note"
---@field id string the same for the same fault
---@field what string what is so
---@field why string what follows from it
---@field remedy string what to do
---@field see string where to read on

--- What looks wrong, errors first, each with its remedy.
---@param facts table what `process` answered
---@return inspect.Finding[]
function M.findings(facts)
  return require("inspect.findings").find(facts)
end

--- The facts and the findings as lines for people.
---@param facts table what `process` answered
---@param given? { width?: integer, colours?: boolean, sections?: string[] }
---@return string[]
function M.report(facts, given)
  return require("inspect.report").lines(facts, given)
end

return M

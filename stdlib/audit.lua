--- Judges how well something is confined: a row a property with what it means now, what it weighs,
--- what would mend it and what the remedy costs; and a total with a word.
---
--- ```lua
--- local audit = require "audit"
---
--- local child <close> = spawn({ unshare = { "user", "pid", "mnt", "net", "ipc" } }, function()
---   drop_caps { keep = {} }
---   no_new_privs()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local result = audit.process(child.pid)
--- assert(audit.row(result, "no-new-privs").answer == "yes")
--- assert(result.total >= 0 and result.total <= 100 and result.word)
--- print(table.concat(audit.report(result, { width = 100 }), "\n"))
--- ```
---
--- A process is judged by what the kernel shows of it, so it does not matter who started it. What a
--- property cannot mean for it "does not apply", and what could not be read is "unknown": both are
--- kept out of the total, and apart from a "no". The facts are those of `inspect`, and so are most
--- of the judgements: `inspect.findings` and this module never disagree.
local options = require "options"

local M = {}

-- Of the result's form.
M.VERSION = 1

-- The topics in the order of a report; each is a file of properties.
local TOPICS = { "isolation", "rights", "calls", "files", "limits" }

--- From the best to the worst: at least so many points have this word.
local WORDS = {
  { 90, "tight" },
  { 75, "good" },
  { 50, "fair" },
  { 25, "weak" },
  { 0, "open" },
}

-- One open door makes all others pointless: with one, the total is at most this.
local OPEN_DOOR = 20

---@class audit.Property
---@field id string stays the same, for scripts
---@field name string
---@field weight integer
---@field judge fun(facts: table): audit.Judgement
---@field remedy string
---@field cost string what the remedy takes away or needs
---@field see string where to read on
---@field door? boolean with a "no" here nothing else holds

---@class audit.Judgement
---@field answer "yes"|"partly"|"no"|"n/a"|"unknown"
---@field now string what is so
---@field share? number how much of the weight is lost, from 0 to 1
---@field remedy? string

---@class audit.Row
---@field id string
---@field topic string
---@field name string
---@field answer "yes"|"partly"|"no"|"n/a"|"unknown"
---@field now string
---@field weight integer
---@field lost number how much of the weight is lost
---@field remedy? string where something is lost
---@field cost? string what the remedy takes away or needs
---@field see string

---@class audit.Result
---@field version integer
---@field subject string
---@field total integer from 0, open, to 100
---@field word string
---@field rows audit.Row[]
---@field unknown integer how many rows could not be judged
---@field doors string[] the rows that make the others pointless

local function round(number)
  return math.tointeger(math.floor(number * 100 + 0.5)) / 100
end

local function row_of(topic, property, facts)
  local judged = property.judge(facts)
  local share = judged.share or (judged.answer == "no" and 1 or 0)
  local row = {
    id = property.id,
    topic = topic,
    name = property.name,
    answer = judged.answer,
    now = judged.now,
    weight = property.weight,
    lost = round(property.weight * share),
    see = property.see,
  }
  if row.lost > 0 then
    row.remedy, row.cost = judged.remedy or property.remedy, property.cost
  end
  return row, property.door and judged.answer == "no"
end

local function word_of(total)
  for _, one in ipairs(WORDS) do
    if total >= one[1] then
      return one[2]
    end
  end
end

--- The rows and the total for facts as `inspect.process` has them; what is judged without being
--- run has some of them only.
---
--- ```lua
--- local audit = require "audit"
---
--- local result = audit.judge { namespaces = { pid = { shared = true } } }
--- assert(audit.row(result, "pid").answer == "no")
--- assert(audit.row(result, "memory").answer == "unknown")
--- ```
---@param facts table
---@param subject? string what is judged, for the report
---@return audit.Result
function M.judge(facts, subject)
  options.expect("audit.judge", "facts", facts, "table")
  local rows, doors = json_array {}, json_array {}
  local whole, lost, unknown = 0, 0, 0
  -- A plain process is judged as if it were meant to be contained.
  facts.contained = true
  for _, topic in ipairs(TOPICS) do
    for _, property in ipairs(require("audit.properties." .. topic)) do
      local row, door = row_of(topic, property, facts)
      rows[#rows + 1] = row
      if row.answer == "unknown" then
        unknown = unknown + 1
      elseif row.answer ~= "n/a" then
        whole, lost = whole + row.weight, lost + row.lost
      end
      if door then
        doors[#doors + 1] = row.id
      end
    end
  end
  local total = whole > 0 and math.floor(100 * (1 - lost / whole) + 0.5) or 0
  total = math.tointeger(#doors > 0 and math.min(total, OPEN_DOOR) or total)
  return {
    version = M.VERSION,
    subject = subject or "facts",
    total = total,
    word = word_of(total),
    rows = rows,
    unknown = unknown,
    doors = doors,
  }
end

--- The row of a property.
---
--- ```lua
--- local audit = require "audit"
---
--- print(audit.row(audit.process(proc_stat().pid), "filter").now)
--- ```
---@param result audit.Result
---@param id string
---@return audit.Row
function M.row(result, id)
  local ids = {}
  for _, row in ipairs(result.rows) do
    if row.id == id then
      return row
    end
    ids[#ids + 1] = row.id
  end
  local near = options.nearest(id, ids)
  options.fail(
    "audit.row",
    ("no property is called %q"):format(tostring(id)),
    near and ("did you mean %q?"):format(near) or nil
  )
end

--- Judges a process by what the kernel shows of it: a container's of any engine, or a plain one.
---
--- ```lua
--- local audit = require "audit"
---
--- assert(#audit.process(proc_stat().pid).rows > 30)
--- ```
---@param process any a number as /proc has it, or the handle of a process
---@param given? { container?: table } the record that the container's state has of it
---@return audit.Result
function M.process(process, given)
  given = options.check("audit.process", given, { container = "table" })
  local facts = require("audit.process").read(process, given.container)
  local name = facts.process and facts.process.name
  local subject = ("process %d%s"):format(facts.pid, name and (" (%s)"):format(name) or "")
  return M.judge(facts, given.container and "container " .. given.container.name or subject)
end

--- Judges a configuration of the OCI specification without running it.
---
--- ```lua
--- local audit = require "audit"
---
--- local result = audit.config {
---   ociVersion = "1.0.2",
---   root = { path = "rootfs", readonly = true },
---   process = { args = { "sh" }, cwd = "/", user = { uid = 0, gid = 0 }, noNewPrivileges = true },
---   linux = { namespaces = { { type = "pid" }, { type = "mount" } } },
--- }
--- assert(audit.row(result, "pid").answer == "yes" and audit.row(result, "net").answer == "no")
--- assert(audit.row(result, "read-only-root").answer == "yes")
--- ```
---@param config string|table a path of a config.json, or what it holds
---@return audit.Result
function M.config(config)
  options.expect("audit.config", "config", config, { "string", "table" })
  local facts = require("audit.config").read(config)
  return M.judge(facts, type(config) == "string" and config or "config.json")
end

--- Judges a script by its plan, or by the first program that a run of it starts.
---
--- The plan (`--dry-run`) runs nothing. What it does not tell is unknown; which calls a filter lets
--- through is never told. With `run` the script does all that it does, until a program of its
--- starts: that process is judged by what the kernel shows, and the run is ended.
---
--- ```lua
--- local audit = require "audit"
---
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/a.lua", [[
---   spawn({ unshare = { "user", "pid" } }, function()
---     no_new_privs()
---     exec { "true" }
---   end):wait()
--- ]])
--- local result = audit.script { dir.path .. "/a.lua" }
--- assert(audit.row(result, "pid").answer == "yes" and audit.row(result, "net").answer == "no")
--- assert(audit.row(result, "no-new-privs").answer == "yes")
--- ```
---@param words string[] the script's path and its arguments
---@param given? { run?: boolean, timeout?: string } how long a run may take to start its program
---@return audit.Result
function M.script(words, given)
  options.expect("audit.script", "words", words, "list")
  given = options.check("audit.script", given, { run = "boolean", timeout = "string" })
  local script = require "audit.script"
  if given.run then
    return script.run(words, given.timeout or "30s", function(pid)
      local result = M.process(pid)
      result.subject = ("%s, run: %s"):format(words[1], result.subject)
      return result
    end)
  end
  -- Of several programs the one that is confined least counts.
  local worst
  for _, facts in ipairs(script.plan(words)) do
    local result = M.judge(facts, ("%s, by its plan: %s"):format(words[1], facts.label))
    worst = (not worst or result.total < worst.total) and result or worst
  end
  return worst
end

--- A result as lines for people.
---
--- ```lua
--- local audit = require "audit"
---
--- local lines = audit.report(audit.process(proc_stat().pid))
--- assert(lines[#lines]:find("of 100", 1, true))
--- ```
---@param result audit.Result
---@param given? { width?: integer, colours?: boolean, all?: boolean } all: what is kept, too
---@return string[]
function M.report(result, given)
  return require("audit.report").lines(result, given)
end

return M

--- The sections of a report: a heading, one line for learners, and what was read.
---
--- ```lua
--- local sections = require "inspect.sections"
---
--- local facts = require("inspect").process(proc_stat().pid)
--- local lines = sections.section("ids", facts, {})
--- assert(lines[1]:find("^ids"))
--- ```
local colour = require "view.colour"
local grid = require "view.table"
local text = require "view.text"
local tables = require "inspect.tables"
local units = require "view.units"

local M = {}

local ABOUT = {
  process = "what runs",
  namespaces = "what it has apart; where a row says host, it has the host's own",
  processes = "who lives in its pid namespace; INSIDE is the number that they see themselves",
  mounts = "what it sees where; hidden mounts lie below another and are left out",
  network = "its devices, their addresses, the other ends, and where packets go",
  cgroup = "what it may take (limits) and takes (usage)",
  security = "what it may do; the effective set counts, the bounding set is the most it can get",
  ids = "inside is the number in there, outside the same user's on the host",
  limits = "a soft limit holds now, the process may raise it up to the hard one",
  fds = "what it has open; a directory of another mount namespace would be a way out",
  env = "what it was started with; it often holds passwords",
}

--- The type words of a list of sections, for `options.expect`.
---@return string
function M.words()
  return "=" .. table.concat(require("inspect").SECTIONS, "|")
end

local function clean(value)
  return text.clean(value == nil and "–" or value)
end

local function render(rows, columns, given, header)
  local drawn = grid.render(rows, {
    columns = columns,
    header = header,
    colours = given.colours or false,
    width = given.width,
    indent = 2,
  })
  local lines = {}
  for line in drawn:gmatch("[^\n]+") do
    lines[#lines + 1] = line
  end
  return lines
end

--- `name  value` lines; what could not be read says so.
local function pairs_of(list, given)
  local rows = {}
  for _, pair in ipairs(list) do
    local value = pair[2]
    if type(value) == "table" and value.unreadable then
      value = ("unreadable: %s (%s)"):format(value.unreadable, value.hint)
    end
    rows[#rows + 1] = { pair[1], value }
  end
  return render(rows, { {}, {} }, given, false)
end

local DRAW = {}

function DRAW.process(facts, given)
  local one = facts.process
  local command = {}
  for index, word in ipairs(one.command) do
    command[index] = clean(word)
  end
  local shown = #command > 0 and table.concat(command, " ") or nil
  return pairs_of({
    { "command", one.command.unreadable and one.command or shown },
    { "program", one.executable },
    { "state", one.state },
    { "parent", one.ppid },
    { "threads", one.threads },
    { "age", units.time(one.age) },
    { "root", one.root },
    { "traced by", one.tracer or "nobody" },
  }, given)
end

function DRAW.namespaces(facts, given)
  return render(tables.namespaces(facts.namespaces), {
    { key = "kind" },
    { key = "inode", align = "right" },
    { key = "host", title = "SHARED" },
    { key = "holds" },
  }, given)
end

function DRAW.processes(facts, given)
  local lines = render(tables.processes(facts.processes), {
    { key = "pid", align = "right" },
    { key = "inside", align = "right" },
    { key = "state" },
    { key = "name" },
  }, given)
  if not facts.processes.whole then
    lines[#lines + 1] = "  (the process and its children: the namespace is the host's)"
  end
  return lines
end

function DRAW.mounts(facts, given)
  local shown = tables.mounts(facts.mounts)
  local lines = render(shown, {
    { key = "point", title = "WHERE", max = 44 },
    { key = "type" },
    { key = "what", max = 30 },
    { key = "attributes" },
    { key = "propagation" },
    { key = "remark", title = "" },
  }, given)
  lines[#lines + 1] = ("  /proc is %s of its pid namespace"):format(
    facts.mounts.proc == "own" and "that" or (facts.mounts.proc or "unknown") .. ", not that"
  )
  return lines
end

function DRAW.network(facts, given)
  local lines = render(tables.links(facts.network), {
    { key = "name" },
    { key = "kind" },
    { key = "state" },
    { key = "mtu", align = "right" },
    { key = "addresses" },
    { key = "peer" },
  }, given)
  local routes = tables.routes(facts.network)
  local columns = { { key = "to", title = "ROUTE TO" }, { key = "via" }, { key = "dev" } }
  for _, line in ipairs(#routes > 0 and render(routes, columns, given) or {}) do
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = ("  read %s"):format(tables.SOURCES[facts.network.source])
  return lines
end

function DRAW.cgroup(facts, given)
  local lines = pairs_of(tables.usage(facts.cgroup), given)
  local columns = {
    { key = "version" },
    { key = "controllers" },
    { key = "path", title = "GROUP" },
  }
  for _, line in ipairs(render(tables.memberships(facts.cgroup), columns, given)) do
    lines[#lines + 1] = line
  end
  return lines
end

function DRAW.security(facts, given)
  return pairs_of(tables.security(facts.security), given)
end

function DRAW.ids(facts, given)
  local rows = tables.ids(facts.ids)
  local columns = {
    { key = "what", title = "" },
    { key = "inside", align = "right" },
    { key = "outside", align = "right" },
    { key = "count", align = "right" },
  }
  return #rows > 0 and render(rows, columns, given) or { "  no map: every id is 65534 inside" }
end

function DRAW.limits(facts, given)
  return render(tables.limits(facts.limits), {
    { key = "name", title = "LIMIT" },
    { key = "soft", align = "right" },
    { key = "hard", align = "right" },
    { key = "units", title = "" },
  }, given)
end

function DRAW.fds(facts, given)
  return pairs_of(tables.fds(facts.fds), given)
end

function DRAW.env(facts, given)
  local rows = {}
  for index, row in ipairs(facts.env) do
    rows[index] = { row.name, row.value }
  end
  return pairs_of(rows, given)
end

--- The first line: which process, and how much of a container it is.
---@param facts table
---@param given { width?: integer, colours?: boolean }
---@return string[]
function M.title(facts, given)
  local one = facts.process
  local name = type(one) == "table" and one.name or "?"
  local line = ("process %d  %s"):format(facts.pid, clean(name))
  if facts.container then
    line = line .. ("  (container %s)"):format(clean(facts.container.name))
  end
  return { colour.paint(line, "bold", given.colours) }
end

--- One section's lines.
---@param name string
---@param facts table
---@param given { width?: integer, colours?: boolean }
---@return string[]
function M.section(name, facts, given)
  local about = text.fit(name .. "  " .. ABOUT[name], given.width or 200)
  local lines = { colour.paint(name, "bold", given.colours) .. about:sub(#name + 1) }
  local value = facts[name]
  if value.unreadable then
    local hint = ("  unreadable: %s; %s"):format(value.unreadable, clean(value.hint))
    lines[#lines + 1] = colour.paint(hint, "yellow", given.colours)
    return lines
  end
  for _, line in ipairs(DRAW[name](facts, given)) do
    lines[#lines + 1] = line
  end
  return lines
end

return M

--- `crun-lua inspect PID|NAME`: what a process or a container sees, may do and uses, and what looks
--- wrong with it.
---
--- ```lua
--- local inspect = require "commands.inspect"
---
--- assert(inspect { "--section", "ids", tostring(proc_stat().pid) } == 0)
--- assert(inspect { "--no-such-option" } == 2)
--- ```
local arguments = require "commands.arguments"
local colour = require "view.colour"
local inspect = require "inspect"
local options = require "options"
local target = require "inspect.target"
local text = require "view.text"

local USAGE = [[
usage: crun-lua inspect [OPTIONS] PID|NAME

Shows a process, or the first process of a container, and what looks wrong with it.

  --findings         only what looks wrong
  --section NAME     only this section; may be repeated: process, namespaces, processes, mounts,
                     network, cgroup, security, ids, limits, fds
  --view NAME        a picture of it and of all that it has started; may be repeated: namespaces,
                     processes, mounts, capabilities, seccomp, network, cgroup
  --compare PID|NAME only the namespaces, side by side with another's
  --env              the environment as well; it often holds passwords
  --json             for programs: { facts, findings }, with --compare the comparison, with
                     --view the snapshot that the pictures are drawn from

exit status: 0, with --findings 0 only where no error was found, else 1; 1 where there is no such
process or container; 2 a wrong option
]]

local FLAGS = { ["--json"] = "json", ["--findings"] = "findings", ["--env"] = "env" }
local NAMES = { "--json", "--findings", "--env", "--section", "--view", "--compare", "--help" }
local VALUES = { ["--section"] = "sections", ["--view"] = "views", ["--compare"] = "compare" }

local function usage_error(message)
  io.stderr:write("crun-lua inspect: ", text.clean(message), "\n\n", USAGE)
  return 2
end

--- The command line as a table, or nil and what is wrong.
local function parse(args)
  local given, index = { sections = {}, views = {} }, 1
  while args[index] do
    local word = args[index]
    local name, value = word:match("^(%-%-%w+)=(.*)$")
    name = name or word
    if FLAGS[name] and not value then
      given[FLAGS[name]] = true
    elseif VALUES[name] then
      if not value then
        index = index + 1
        value = args[index]
      end
      if not value then
        return nil, name .. " needs a value"
      elseif name ~= "--compare" then
        table.insert(given[VALUES[name]], value)
      else
        given.compare = value
      end
    elseif word == "--help" or word == "-h" then
      given.help = true
    elseif word:sub(1, 1) == "-" then
      local near = options.nearest(name, NAMES)
      local hint = near and ", did you mean " .. near .. "?" or ""
      return nil, ("%s: not an option%s"):format(word, hint)
    elseif given.target then
      return nil, ("%s: one process at a time; --compare takes the second"):format(word)
    else
      given.target = word
    end
    index = index + 1
  end
  if not given.target and not given.help then
    return nil, "a process id or a container's name is missing"
  end
  return given
end

local function width()
  if is_tty(1) then
    local columns = window_size(1).columns
    return columns > 0 and columns or nil
  end
end

--- JSON for a terminal, too: what would move its cursor is written as an escape.
local function encode(value)
  local encoded = json_encode(value, { pretty = true })
  return (
    encoded:gsub("[\xc2\xe2\x7f][\x80-\xbf]*", function(character)
      if text.clean(character) == character then
        return character
      end
      return ("\\u%04x"):format(utf8.codepoint(character))
    end)
  )
end

--- The comparison as lines.
local function print_comparison(answer)
  local rows = {}
  for index, row in ipairs(answer.kinds) do
    rows[index] = {
      kind = row.kind,
      first = row.first,
      second = row.second,
      same = row.same and { text = "the same", colour = "yellow" } or "apart",
    }
  end
  require("view.table").print(rows, {
    columns = {
      { key = "kind" },
      { key = "first", title = tostring(answer.pids[1]), align = "right" },
      { key = "second", title = tostring(answer.pids[2]), align = "right" },
      { key = "same", title = "" },
    },
  })
end

local function has_error(findings)
  for _, finding in ipairs(findings) do
    if finding.level == "error" then
      return true
    end
  end
  return false
end

--- The pictures that were asked for, each below its name where there are several.
local function show_views(given, pid)
  local views, parts = require "inspect.views", {}
  for _, name in ipairs(given.views) do
    table.move(views.PARTS[name], 1, #views.PARTS[name], #parts + 1, parts)
  end
  local snapshot = inspect.snapshot(pid, { parts = parts })
  if given.json then
    io.write(encode(snapshot))
    return
  end
  local look = { width = width(), colours = colour.wanted(1) }
  for index, name in ipairs(given.views) do
    if #given.views > 1 then
      io.write(
        index > 1 and "\n" or "",
        colour.paint("── " .. name, "bold", look.colours),
        "\n"
      )
    end
    io.write(table.concat(views.lines(name, snapshot, look), "\n"), "\n")
  end
end

--- What was asked for, on standard output; the exit status.
local function show(given)
  local pid, record = target.find("inspect", given.target)
  if #given.views > 0 then
    show_views(given, pid)
    return 0
  end
  if given.compare then
    local answer = inspect.compare(pid, (target.find("inspect", given.compare)))
    if given.json then
      io.write(encode(answer))
    else
      print_comparison(answer)
    end
    return 0
  end
  local facts = inspect.process(pid, { env = given.env, container = record })
  local findings = inspect.findings(facts)
  local look = { width = width(), colours = colour.wanted(1) }
  if given.json then
    io.write(encode { facts = not given.findings and facts or nil, findings = findings })
  elseif given.findings then
    local lines = require("inspect.report").findings(findings, look)
    io.write(#lines > 0 and table.concat(lines, "\n") .. "\n" or "nothing looks wrong\n")
  else
    look.sections = #given.sections > 0 and given.sections or nil
    io.write(table.concat(inspect.report(facts, look), "\n"), "\n")
  end
  return given.findings and has_error(findings) and 1 or 0
end

---@param args string[]
---@return integer status
return function(args)
  local given, wrong = parse(args)
  if not given then
    return usage_error(wrong)
  elseif given.help then
    io.write(USAGE)
    return 0
  end
  for _, kind in ipairs { "section", "view" } do
    local known = kind == "section" and inspect.SECTIONS or require("inspect.views").NAMES
    for _, name in ipairs(given[kind .. "s"]) do
      if not ("|" .. table.concat(known, "|") .. "|"):find("|" .. name .. "|", 1, true) then
        local near = options.nearest(name, known)
        local hint = near and ", did you mean " .. near .. "?" or ""
        return usage_error(("--%s %s: no such %s%s"):format(kind, name, kind, hint))
      end
    end
  end
  local status, err = try(show, given)
  if not status then
    return arguments.fail("crun-lua inspect", err)
  end
  return status
end

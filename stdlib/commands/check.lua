--- `crun-lua check`: mistakes in scripts, with their lines, found without running them.
---
--- ```lua
--- local check = require "commands.check"
---
--- write_file("/tmp/crun-lua-example-check.lua", 'sethostname("box")\n')
--- assert(check { "/tmp/crun-lua-example-check.lua" } == 0)
--- assert(check { "/nowhere.lua" } == 2)
--- ```
local arguments = require "commands.arguments"
local colour = require "view.colour"
local text = require "view.text"

local SPEC = {
  name = "crun-lua check",
  usage = [[
usage: crun-lua check [--json] FILE…

Finds mistakes in scripts without running them: unknown options and words, wrong types, units that
do not parse, undeclared and assigned globals, calls that cannot work, lines that are never reached.
A FILE that is - is standard input.

    --json   the findings as JSON: file, line, column, last, code, message, hint

A comment ---@diagnostic disable-next-line: CODE before a line keeps a finding back.

exit status: 0 nothing found; 1 something was found; 2 a file cannot be read, or a wrong option]],
  flags = { "json" },
  most = 10000,
}

local function read(path)
  if path == "-" then
    return io.read "a"
  end
  return try(read_file, path)
end

--- The line with what is wrong underlined.
local function excerpt(finding)
  local number = ("%5d"):format(finding.line)
  -- A tab is as wide as the terminal makes it, so it stands below itself.
  local before = finding.text:sub(1, finding.column - 1)
  local blanks = before:gsub("[^\t]+", function(part)
    return (" "):rep(text.width(part))
  end)
  local marked = finding.text:sub(finding.column, finding.last)
  local line = ("%s | %s"):format(number, finding.text)
  return line
    .. ("\n%s | %s%s"):format((" "):rep(5), blanks, ("^"):rep(math.max(1, text.width(marked))))
end

local function show(finding, colours)
  local place = ("%s:%d:%d"):format(finding.file, finding.line, finding.column)
  local head = colour.paint(place, "bold", colours)
  local lines = { ("%s: %s [%s]"):format(head, finding.message, finding.code) }
  lines[2] = excerpt(finding)
  if finding.hint then
    lines[3] = ("%s = %s"):format((" "):rep(5), finding.hint)
  end
  io.write(table.concat(lines, "\n"), "\n\n")
end

local function counted(number, noun)
  return ("%d %s%s"):format(number, noun, number == 1 and "" or "s")
end

---@param args string[]
---@return integer status
return function(args)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status
  elseif #given == 0 then
    return arguments.refuse(SPEC, "no file is named")
  end
  local check = require "check"
  local found, worst = {}, 0
  for _, path in ipairs(given) do
    local source, err = read(path)
    if source then
      local more = check.text(source, path)
      table.move(more, 1, #more, #found + 1, found)
    else
      local why = err and tostring(err.message) or path .. ": no such file"
      io.stderr:write(("%s: %s\n"):format(SPEC.name, why))
      worst = 2
    end
  end
  if given.json then
    for _, finding in ipairs(found) do
      finding.text = nil
    end
    io.write(json_encode(json_array(found), { pretty = true }))
  else
    local colours = colour.wanted(1)
    for _, finding in ipairs(found) do
      show(finding, colours)
    end
    local files = counted(#given, "file")
    io.write(#found == 0 and "nothing found" or counted(#found, "finding"), " in ", files, "\n")
  end
  return worst > 0 and worst or #found > 0 and 1 or 0
end

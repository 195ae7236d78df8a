--- `crun-lua report`: a run, what runs, or a trace, as one page.
---
--- ```lua
--- local report = require "commands.report"
---
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/a.lua", "spawn(function() exec { 'true' } end):wait()")
--- assert(report { dir.path .. "/a.lua", "-o", dir.path .. "/a.html" } == 0)
--- assert(read_file(dir.path .. "/a.html"):find("^<!DOCTYPE html>"))
--- assert(report {} == 2)
--- ```
local arguments = require "commands.arguments"
local options = require "options"
local text = require "view.text"

local USAGE = [[
usage: crun-lua report SCRIPT [ARGUMENTS…] -o FILE
       crun-lua report PID|NAME -o FILE
       crun-lua report --trace TRACE -o FILE

Draws one page of HTML, which loads nothing: the calls of each process over time, namespaces with
their members, the wiring of networks, mounts, capabilities, system call filters, control groups.
A script is run and watched; a number is a process's; else it is a container's name.

  -o, --output FILE   where the page goes; - for standard output
  --format FORMAT     html, json (the snapshot that all is drawn from), mermaid (a flowchart)
  --json              the same as --format json
  --trace TRACE       what `crun-lua --trace TRACE …` has written, in place of a run
  --interval TIME     between two samples of the control groups; 50ms

What follows SCRIPT is the script's own, but for -o FILE at the end.

exit status: the script's; 0 for the others; 1 where there is no such process or file; 2 a wrong
option
]]

local FLAGS = { ["--json"] = true }
local VALUES =
  { ["--output"] = true, ["--format"] = true, ["--trace"] = true, ["--interval"] = true }
local NAMES = { "--output", "--format", "--trace", "--interval", "--json", "--help" }
local FORMATS = { html = true, json = true, mermaid = true }

local function usage_error(message)
  io.stderr:write("crun-lua report: ", text.clean(message), "\n\n", USAGE)
  return 2
end

--- Takes `-o FILE` from the end of a script's words.
local function take_output(given)
  local words, count = given.words, #given.words
  if count >= 3 and (words[count - 1] == "-o" or words[count - 1] == "--output") then
    given.output = words[count]
    words[count], words[count - 1] = nil, nil
  end
end

--- The command line as a table, or nil and what is wrong.
local function parse(args)
  local given, index = { words = {} }, 1
  while args[index] do
    local word = args[index] == "-o" and "--output" or args[index]
    local name, value = word:match("^(%-%-%w+)=(.*)$")
    name = name or word
    if word == "--help" or word == "-h" then
      given.help = true
      return given
    elseif FLAGS[name] and not value then
      given.format = "json"
    elseif VALUES[name] then
      if not value then
        index = index + 1
        value = args[index]
      end
      if not value then
        return nil, name .. " needs a value"
      end
      given[name:sub(3)] = value
    elseif word:find("^%-.") and word ~= "--" then
      local near = options.nearest(name, NAMES)
      local hint = near and ", did you mean " .. near .. "?" or ""
      return nil, ("%s: not an option%s"):format(word, hint)
    else
      table.move(args, word == "--" and index + 1 or index, #args, 1, given.words)
      break
    end
    index = index + 1
  end
  take_output(given)
  given.format = given.format or "html"
  local seconds = given.interval and require("view.units").seconds(given.interval)
  if not FORMATS[given.format] then
    return nil, ("--format %s: expected html, json or mermaid"):format(given.format)
  elseif given.interval and not (seconds and seconds >= 0.001) then
    return nil, ('--interval %s: expected a time such as "50ms"'):format(given.interval)
  elseif #given.words == 0 and not given.trace then
    return nil, "a script, a process id or a container's name is missing"
  elseif given.trace and #given.words > 0 then
    return nil, ("%s: --trace draws what has been; it runs nothing"):format(given.words[1])
  elseif not given.output then
    return nil, "-o FILE is missing; - means standard output"
  end
  given.seconds = seconds
  return given
end

--- What is to be drawn.
local function look(given)
  if given.trace then
    local run = require("report.trace").read(given.trace)
    return { version = 1, subject = { kind = "trace", name = given.trace }, run = run }
  end
  local word = given.words[1]
  local file = try(stat, word)
  if file and file.type ~= "directory" then
    return require("report.watch").run(given.words, { interval = given.seconds })
  elseif #given.words > 1 then
    options.fail(
      "report",
      ("there is no file %q, and a process takes no arguments"):format(text.clean(word)),
      "the script comes first, then its arguments, then -o FILE"
    )
  end
  local pid, record = require("inspect.target").find("report", word)
  local subject = { kind = record and "container" or "process", name = word, pid = pid }
  if not record then
    subject.name = "process " .. word
  end
  return require("inspect").snapshot(pid, { subject = subject })
end

local function render(snapshot, format)
  if format == "json" then
    return json_encode(snapshot, { pretty = true }) .. "\n"
  elseif format == "mermaid" then
    return require("report").mermaid(snapshot)
  end
  return require("report").page(snapshot)
end

local function draw(given)
  local snapshot = look(given)
  local rendered = render(snapshot, given.format)
  if given.output == "-" then
    io.write(rendered)
  else
    write_file(given.output, rendered, { atomic = true })
  end
  local run = not given.trace and snapshot.run
  return run and (run.status or 1) or 0
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
  local status, err = try(draw, given)
  if not status then
    return arguments.fail("crun-lua report", err)
  end
  return status
end

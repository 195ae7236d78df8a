--- `crun-lua audit`: how well a process, a container, a configuration or a script is confined.
---
--- ```lua
--- local audit = require "commands.audit"
---
--- local child <close> = spawn({ unshare = { "user", "pid", "mnt" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- assert(audit { tostring(child.pid) } == 0)
--- assert(audit { "--threshold", "99", tostring(child.pid) } == 1)
--- assert(audit { "--threshold", "many", "1" } == 2)
--- ```
local arguments = require "commands.arguments"
local text = require "view.text"

local USAGE = [[
usage: crun-lua audit [OPTIONS] PID|NAME|CONFIG.json|SCRIPT.lua [ARGUMENTS…]

Judges how well something is confined: a row a property with what it means now, what it weighs, what
would mend it and what that costs; a total from 0 (open) to 100 (tight).

A process is judged by what the kernel shows, whoever started it; a config.json without being run; a
script by its plan, which runs nothing.

  --threshold N   status 1 where the total is below N
  --run           run the script until it starts a program, and judge that process
  --json          for programs
  --all           all remedies, not only the first

✓ kept   ~ partly   ✗ not   · does not apply   ? could not be judged (neither counts)

exit status: 0; 1 below the threshold, or where there is no such process; 2 a wrong option]]

local SPEC = {
  name = "crun-lua audit",
  usage = USAGE,
  flags = { "json", "run", "all" },
  values = { "threshold" },
  most = math.maxinteger,
}

--- What a word stands for: a file that is there, a process, or a container.
local function judge(given)
  local audit = require "audit"
  local word = given[1]
  local file = not word:find("^%d+$") and try(stat, word)
  if file and file.type == "directory" and stat(word .. "/config.json") then
    return audit.config(word .. "/config.json")
  elseif file and file.type == "file" and word:find("%.json$") then
    return audit.config(word)
  elseif file and file.type == "file" then
    return audit.script(table.move(given, 1, #given, 1, {}), { run = given.run })
  elseif word:find("%.json$") or word:find("%.lua$") then
    require("options").fail("audit", word .. ": no such file")
  end
  local pid, record = require("inspect.target").find("audit", word)
  return audit.process(pid, { container = record })
end

local function look()
  local columns = is_tty(1) and window_size(1).columns or 0
  return { width = columns > 0 and columns or nil, colours = require("view.colour").wanted(1) }
end

--- The options and the words, of which those after a script's name are the script's own.
local function split(args)
  local own, rest, index = {}, {}, 1
  while args[index] do
    local word = args[index]
    if not word:find("^%-") then
      table.move(args, index, #args, 1, rest)
      break
    end
    own[#own + 1] = word
    if word == "--threshold" then
      index = index + 1
      own[#own + 1] = args[index]
    end
    index = index + 1
  end
  if not (rest[1] or ""):find("%.lua$") then
    -- Options may also follow what is judged.
    return args, {}
  end
  return own, rest
end

---@param args string[]
---@return integer status
return function(args)
  local own, rest = split(args)
  local given, status = arguments.parse(own, SPEC)
  if not given then
    return status --[[@as integer]]
  end
  table.move(rest, 1, #rest, #given + 1, given)
  local threshold = given.threshold and math.tointeger(tonumber(given.threshold))
  if #given == 0 then
    return arguments.refuse(SPEC, "a process, a container, a config.json or a script is missing")
  elseif given.threshold and not (threshold and threshold >= 0 and threshold <= 100) then
    local wrong = text.clean(given.threshold)
    return arguments.refuse(SPEC, ("--threshold %s: expected a number from 0 to 100"):format(wrong))
  elseif #given > 1 and not given[1]:find("%.lua$") then
    return arguments.refuse(SPEC, ("%q is one word too many"):format(text.clean(given[2])))
  end
  local result, err = try(judge, given)
  if not result then
    return arguments.fail("crun-lua audit", err)
  end
  if given.json then
    io.write(json_encode(require("inspect.part").plain(result), { pretty = true }), "\n")
  else
    local how = look()
    how.all = given.all
    io.write(table.concat(require("audit").report(result, how), "\n"), "\n")
  end
  return threshold and result.total < threshold and 1 or 0
end

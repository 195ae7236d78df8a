--- `crun-lua learn`: records what a command needs, writes the profile that allows just that, and
--- holds commands to such profiles.
---
--- ```lua
--- local learn = require "commands.learn"
---
--- local dir <close> = temp_dir()
--- local file = dir.path .. "/true.lua"
--- assert(learn { "-o", file, "--", "true" } == 0)
--- assert(learn { "--enforce", file, "--", "true" } == 0)
--- assert(learn { "--enforce", file } == 2)
--- ```
local arguments = require "commands.arguments"
local options = require "options"
local text = require "view.text"

local USAGE = [[
usage: crun-lua learn [-o FILE.lua] [--oci FILE.json] [--rootfs ROOT] [--bisect] -- COMMAND…
       crun-lua learn --enforce FILE.lua [--rootfs ROOT] -- COMMAND…
       crun-lua learn --merge FILE.lua… -o FILE.lua [--oci FILE.json]

Runs a command, writes down its system calls with the arguments that matter, the capabilities that
it used, files and ports; and makes a profile of exactly these. Needs no rights.

  -o, --output FILE  the profile, as Lua; standard output without it and without --oci
  --oci FILE         the filter, as linux.seccomp of an OCI configuration
  --rootfs ROOT      run it in a container with this root: host, a directory
  --bisect           find the capabilities by running the command again and again without them; what
                     it ends with must be the same each time, and doing it again must do no harm
  --enforce FILE     hold the command to a profile (the same: --profile); what is refused is named
  --merge            join the profiles of several runs

exit status: the command's; with --enforce 126 where something was refused and the command has ended
with 0; 1 what could not be done; 2 a wrong option
]]

local VALUES = {
  ["--output"] = "output",
  ["--oci"] = "oci",
  ["--enforce"] = "enforce",
  ["--rootfs"] = "rootfs",
}
local FLAGS = { ["--bisect"] = "bisect", ["--merge"] = "merge" }
local SAME = { ["-o"] = "--output", ["--profile"] = "--enforce" }
local NAMES =
  { "--output", "--oci", "--enforce", "--profile", "--bisect", "--merge", "--rootfs", "--help" }

local function usage_error(message)
  io.stderr:write("crun-lua learn: ", text.clean(message), "\n\n", USAGE)
  return 2
end

--- The command line as a table, or nil and what is wrong.
local function parse(args)
  local given, index = { words = {}, files = {} }, 1
  while args[index] do
    local word = SAME[args[index]] or args[index]
    local name, value = word:match "^(%-%-%w+)=(.*)$"
    name = SAME[name] or name or word
    if word == "--" then
      table.move(args, index + 1, #args, 1, given.words)
      given.dashes = true
      break
    elseif word == "--help" or word == "-h" then
      given.help = true
      return given
    elseif FLAGS[name] and not value then
      given[FLAGS[name]] = true
    elseif VALUES[name] then
      if not value then
        index = index + 1
        value = args[index]
      end
      if not value or value == "--" then
        return nil, name .. " needs a value"
      end
      given[VALUES[name]] = value
    elseif word:find "^%-." then
      local near = options.nearest(name, NAMES)
      local hint = near and ", did you mean " .. near .. "?" or ""
      return nil, ("%s: not an option%s"):format(word, hint)
    elseif given.merge then
      table.insert(given.files, word)
    else
      table.move(args, index, #args, 1, given.words)
      break
    end
    index = index + 1
  end
  if given.merge then
    if #given.files == 0 or #given.words > 0 then
      return nil, "--merge takes files, and runs nothing"
    elseif given.enforce or given.bisect then
      return nil, "--merge goes with -o and --oci alone"
    end
  elseif #given.words == 0 then
    return nil, "a command is missing; it stands behind --"
  elseif given.enforce and (given.output or given.oci or given.bisect) then
    return nil, "--enforce runs a command by a profile, and writes none"
  end
  return given
end

--- Writes what was asked for.
local function write(profile, given)
  local learn = require "learn"
  if given.output and given.output ~= "-" then
    learn.save(profile, given.output)
  elseif given.output or not given.oci then
    io.write(require("learn.file").text(profile))
  end
  if given.oci then
    local encoded = json_encode(learn.oci(profile), { pretty = true })
    write_file(given.oci, encoded .. "\n", { atomic = true })
  end
end

local function told(given, result)
  for _, one in ipairs(result.refused) do
    local line = "crun-lua learn: refused: %s = -1 %s%s, by %s (%d): %s (%s)\n"
    local often = one.count > 1 and (", %d times"):format(one.count) or ""
    io.stderr:write(
      line:format(
        text.clean(one.text),
        one.errno,
        often,
        text.clean(one.program),
        one.pid,
        text.clean(one.why),
        text.clean(given.enforce)
      )
    )
  end
  if not result.landlock then
    io.stderr:write(
      "crun-lua learn: this kernel has no Landlock: files and ports were only looked at\n"
    )
  end
end

local function status_of(result)
  return result.code or 1
end

local function run(given)
  local learn = require "learn"
  if given.merge then
    local list = {}
    for index, path in ipairs(given.files) do
      list[index] = learn.load(path)
    end
    write(learn.merge(list), given)
    return 0
  elseif given.enforce then
    local result = learn.enforce(given.enforce, given.words, { rootfs = given.rootfs })
    told(given, result)
    local status = status_of(result)
    return status == 0 and #result.refused > 0 and 126 or status
  end
  local profile, result = learn.record(given.words, {
    bisect = given.bisect,
    rootfs = given.rootfs,
  })
  for _, name in ipairs(profile.unseen) do
    local why = require("learn.calls").UNSEEN[name]
    io.stderr:write(("crun-lua learn: %s was answered ENOSYS: %s\n"):format(name, why))
  end
  write(profile, given)
  return status_of(result)
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
  local status, err = try(run, given)
  if not status then
    return arguments.fail("crun-lua learn", err)
  end
  return status
end

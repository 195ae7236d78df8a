--- The OCI runtime's command line: words in, exit status out.
---
--- A command is the module `oci.command.NAME`, loaded when it is called for: a function that is
--- given the call and answers the exit status. What it raises becomes one line on standard error
--- and one in the log (`oci.log`), and status 1; 255 for exec, whose other statuses are the
--- program's.
---
--- ```lua
--- local main = require "oci.main"
---
--- assert(main { "--root", "/run/boxes", "kill", "--help" } == 0)
--- ```
local arguments = require "oci.arguments"
local commands = require "oci.commands"
local log = require "oci.log"

---@class oci.Global
---@field root string the state of the containers: always there
---@field log? string
---@field log_format? "text"|"json"
---@field debug? boolean
---@field systemd_cgroup? boolean
---@field cgroup_manager "cgroupfs"|"systemd"|"disabled"
---@field rootless boolean? nil: find out
---@field policy? string[] files
---@field criu? string

---@class oci.Call
---@field name string
---@field global oci.Global
---@field options table the options by long names with `_`; lists where they may be repeated
---@field operands string[]

--- Where the state is kept without --root, as runc decides it: a user's own directory too for
--- whoever is root in a user namespace only.
local function default_root()
  local runtime = os.getenv "XDG_RUNTIME_DIR"
  local uid = proc_status(nil, { fields = { "uid" } }).uid.effective
  if runtime and runtime:find("^/") then
    if uid ~= 0 or require("oci.namespaces").users_root() then
      return runtime .. "/crun-lua/oci"
    end
  end
  return uid == 0 and "/run/crun-lua/oci" or ("/tmp/crun-lua-%d/oci"):format(uid)
end

local ROOTLESS = { ["true"] = true, ["false"] = false }

--- The global options as commands want them.
local function settle(given)
  if given.cgroup_manager and given.systemd_cgroup and given.cgroup_manager ~= "systemd" then
    arguments.fail("--systemd-cgroup and --cgroup-manager do not go together")
  end
  given.cgroup_manager = given.cgroup_manager or given.systemd_cgroup and "systemd" or "cgroupfs"
  given.systemd_cgroup = given.cgroup_manager == "systemd" or nil
  given.rootless = ROOTLESS[given.rootless]
  given.root = given.root or default_root()
  return given
end

local function print_version()
  local version = require "oci.version"
  io.write(("crun-lua version %s\nspec: %s\n"):format(version.program, version.spec))
  return 0
end

--- The command's name, or what is wrong with it.
local function named(word)
  if not word then
    arguments.fail("no command is given")
  elseif not commands.get(word) then
    local near = require("options").nearest(word, commands.names())
    arguments.fail(("%q is no command"):format(word), near and ("did you mean %s?"):format(near))
  end
  return word
end

--- Runs the command that the words name. `state` keeps what is known of it where that fails.
local function run(words, state)
  local known, given = commands.global(), state.given
  local at = arguments.global(words, known, given)
  -- First of all, so that every error is in the log.
  log.open(given)
  if given.version then
    return print_version()
  elseif given.help then
    io.write(require("oci.help").program())
    return 0
  end
  state.name = named(words[at])
  local options, operands = arguments.read(words, commands.get(state.name), at + 1, known)
  if options.help then
    io.write(require("oci.help").command(state.name))
    return 0
  end
  local call = { name = state.name, options = options, operands = operands, global = settle(given) }
  log.debug(("crun-lua %s, state in %s"):format(table.concat(words, " "), given.root))
  return state.load("oci.command." .. state.name)(call) or 0
end

--- Tells what has been raised; answers the status.
local function refuse(err, state)
  local name = state.name
  local text = require("oci.failure").line(err)
  local usage = type(err) == "table" and err.usage
  if not log.is_open() then
    -- The global options are wrong: the log is still the one that they name, where it can be had.
    local _, no_log = try(log.open, state.given)
    if no_log then
      log.open {}
    end
  end
  log.error(usage and name and name .. ": " .. text or text)
  log.debug(type(err) == "table" and err.traceback or "no traceback")
  if usage then
    local help = require "oci.help"
    io.stderr:write("\n", name and help.command(name) or help.program())
  end
  return name == "exec" and 255 or 1
end

---@param words string[] the command line without the program's name
---@param load? fun(module: string): (fun(call: oci.Call): integer?) instead of `require`
---@return integer status
return function(words, load)
  local state = { given = {}, load = load or require }
  local status, err = try(run, words, state)
  return status or refuse(err, state)
end

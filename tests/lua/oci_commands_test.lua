-- The OCI runtime's command line: what is refused, what commands are given, help, completion.

local arguments = require "oci.arguments"
local commands = require "oci.commands"
local main = require "oci.main"
local test = require "test"

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"

-- Runs a command line in a child; the command tells what it was given.
local function run(words)
  local function command(call)
    io.write(json_encode(call))
  end
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return main(words, function()
      return command
    end)
  end)
  return child:output()
end

-- What the command was given.
local function called(t, words)
  local result = run(words)
  t.eq(result.code, 0, result.stderr)
  return json_decode(result.stdout)
end

local function program(words, options)
  return capture({ PROGRAM, table.unpack(words) }, options)
end

local function has(t, text, part)
  t.ok(text:find(part, 1, true), ("%q is not in %q"):format(part, text))
end

local function refused(t, words, status, message)
  local result = run(words)
  t.eq(result.code, status, result.stderr)
  t.eq(result.stdout, "")
  t.eq(result.stderr:match("^[^\n]*"), "crun-lua: " .. message)
  return result.stderr
end

test.case("an unknown option names the nearest one, with the usage below", {}, function(t)
  local message = "create: --bundel is no option (did you mean --bundle?)"
  local text = refused(t, { "create", "--bundel", "/b", "x" }, 1, message)
  has(t, text, "\n\nusage: crun-lua create [OPTION]… ID\n")
  refused(t, { "kill", "-x", "box" }, 1, "kill: -x is no option")
  refused(t, { "--rot", "/r", "state", "x" }, 1, "--rot is no option (did you mean --root?)")
  refused(t, { "--debug", "crate", "x" }, 1, '"crate" is no command (did you mean create?)')
  refused(t, { "--debug" }, 1, "no command is given")
end)

test.case("a wrong line of exec is status 255, like all of its errors", {}, function(t)
  refused(t, { "exec", "--tyt", "x", "sh" }, 255, "exec: --tyt is no option (did you mean --tty?)")
  refused(t, { "exec", "x" }, 255, "exec: COMMAND is missing (or --process FILE)")
  refused(t, { "exec" }, 255, "exec: ID is missing")
end)

test.case("a value of the wrong kind is refused, and says what was expected", {}, function(t)
  local function wrong(name, option, value, wanted)
    local message = "%s: invalid value %q for %s: expected %s"
    refused(t, { name, option, value, "x" }, 1, message:format(name, value, option, wanted))
  end
  for _, value in ipairs { "", "x", "-1", "1.5", "99999999999999999999", "0x10" } do
    wrong("run", "--preserve-fds", value, "a whole number from 0 on")
  end
  for _, value in ipairs { "", "-2", "64X", "M", "1e3", "99999999P" } do
    wrong("update", "--memory", value, "bytes such as 64M, or -1")
  end
  for _, value in ipairs { "", "5 s", "s", "-1s", "1y", "1m30" } do
    wrong("events", "--interval", value, "a time such as 500ms or 1m30s")
  end
  wrong("list", "--format", "xml", "table or json")
  wrong("update", "--cpu-idle", "2", "0 or 1")
  refused(t, { "run", "--pid-file" }, 1, "run: --pid-file needs a value")
  refused(t, { "run", "--detach=maybe", "x" }, 1, 'run: --detach is a flag, it takes no "maybe"')
  refused(
    t,
    { "completion", "csh" },
    1,
    'completion: invalid value "csh" for the shell: ' .. "expected bash or zsh or fish"
  )
end)

test.case("too few operands and too many are refused", {}, function(t)
  refused(t, { "state" }, 1, "state: ID is missing")
  refused(t, { "state", "a", "b" }, 1, 'state: "b" is one word too many')
  refused(t, { "kill", "a", "TERM", "c" }, 1, 'kill: "c" is one word too many')
  refused(t, { "list", "a" }, 1, 'list: "a" is one word too many')
end)

test.case(
  "a global option behind the command is refused, and says where it belongs",
  {},
  function(t)
    local message = "create: --root is no option (--root stands before the command)"
    refused(t, { "create", "--root", "/r", "x" }, 1, message)
    local both = { "--systemd-cgroup", "--cgroup-manager", "cgroupfs", "state", "x" }
    refused(t, both, 1, "state: --systemd-cgroup and --cgroup-manager do not go together")
  end
)

test.case("options stand before and behind operands, joined, apart, and as letters", {}, function(t)
  local lines = {
    { "create", "--bundle", "/b", "--no-pivot", "box" },
    { "create", "box", "--bundle=/b", "--no-pivot" },
    { "create", "-b", "/b", "box", "--no-pivot=true" },
    { "create", "-b/b", "--no-pivot", "--", "box" },
    { "create", "-b=/b", "--no-pivot", "--no-new-keyring=false", "box" },
  }
  for _, words in ipairs(lines) do
    local call = called(t, words)
    t.eq(call.name, "create")
    t.eq(call.operands, { "box" })
    t.eq(call.options, { bundle = "/b", no_pivot = true })
  end
  t.eq(called(t, { "kill", "--", "-odd", "9" }).operands, { "-odd", "9" })
  t.eq(called(t, { "update", "-r", "-", "box" }).options, { resources = "-" })
end)

test.case("what follows exec's command or the id of ps is taken as it is written", {}, function(t)
  local call = called(t, { "exec", "-t", "box", "--cwd", "/", "sh", "-c", "--help", "--", "-t" })
  t.eq(call.operands, { "box", "sh", "-c", "--help", "--", "-t" })
  t.eq(call.options, { tty = true, cwd = "/" })
  call = called(t, { "exec", "box", "--", "-odd", "--tty" })
  t.eq(call.operands, { "box", "-odd", "--tty" })
  t.eq(called(t, { "exec", "--process", "p.json", "box" }).operands, { "box" })
  call = called(t, { "ps", "--format", "json", "box", "-ef", "--format", "x" })
  t.eq(call.operands, { "box", "-ef", "--format", "x" })
end)

test.case("numbers, sizes and times arrive as numbers", {}, function(t)
  local call = called(t, {
    "update",
    "--memory",
    "64M",
    "--memory-swap=-1",
    "--memory-reservation",
    "1.5g",
    "--kernel-memory",
    "10KiB",
    "--pids-limit",
    "-1",
    "--cpu-share",
    "512",
    "box",
  })
  local options = call.options
  t.eq(
    { options.memory, options.memory_swap, options.memory_reservation },
    { 64 << 20, -1, 3 << 29 }
  )
  t.eq({ options.kernel_memory, options.pids_limit, options.cpu_share }, { 10240, -1, 512 })
  t.eq(math.type(options.memory_reservation), "integer")
  for text, seconds in pairs { ["1m30s"] = 90, ["500ms"] = 0.5, ["7"] = 7, ["1.5h"] = 5400 } do
    t.eq(called(t, { "events", "--interval", text, "box" }).options.interval, seconds)
  end
end)

test.case("an option that may be repeated is a list; of any other the last counts", {}, function(t)
  local call = called(t, {
    "--policy",
    "a",
    "--policy=b",
    "exec",
    "-e",
    "A=1",
    "-eB=",
    "--env",
    "C=x=y",
    "--cap",
    "CAP_KILL",
    "-g",
    "5",
    "--cwd",
    "/a",
    "--cwd",
    "/b",
    "box",
    "id",
  })
  t.eq(call.options.env, { "A=1", "B=", "C=x=y" })
  t.eq({ call.options.cap, call.options.additional_gids }, { { "CAP_KILL" }, { "5" } })
  t.eq({ call.options.cwd, call.global.policy }, { "/b", { "a", "b" } })
end)

test.case("a command finds the global options settled", {}, function(t)
  local global =
    called(t, { "--root", "/r", "--systemd-cgroup", "--debug", "--log=/dev/null", "list" }).global
  t.eq(global, {
    root = "/r",
    systemd_cgroup = true,
    cgroup_manager = "systemd",
    debug = true,
    log = "/dev/null",
  })
  global =
    called(t, { "--rootless=true", "--cgroup-manager", "disabled", "--root", "/r", "list" }).global
  t.eq(global, { root = "/r", cgroup_manager = "disabled", rootless = true })
  t.eq(called(t, { "--rootless", "auto", "--root", "/r", "list" }).global.rootless, nil)
end)

-- Where the state is kept, as the debug line tells it.
local function root_of(t, env)
  local result = program({ "--debug", "features" }, { env = env })
  local root = result.stderr:match("debug: crun%-lua %-%-debug features, state in (%S+)\n")
  return root or t.fail(result.stderr)
end

test.case("the state of root is below /run, whatever the environment says", { "root" }, function(t)
  t.eq(root_of(t, {}), "/run/crun-lua/oci")
  t.eq(
    root_of(t, { XDG_RUNTIME_DIR = "/x", CRUN_LUA_STATE = "/y", USER = "u" }),
    "/run/crun-lua/oci"
  )
end)

test.case("the state of a user is below XDG_RUNTIME_DIR", { "user" }, function(t)
  local uid = proc_status().uid.effective
  t.eq(root_of(t, { XDG_RUNTIME_DIR = "/x", CRUN_LUA_STATE = "/y" }), "/x/crun-lua/oci")
  t.eq(root_of(t, { XDG_RUNTIME_DIR = "relative" }), ("/tmp/crun-lua-%d/oci"):format(uid))
end)

test.case("the program knows every command and global option by itself", {}, function(t)
  for _, name in ipairs(commands.names()) do
    local words = name == "ps" and { "ps", "--format=json", "--help" } or { name, "--help" }
    local result = program(words)
    t.eq(result.code, 0, result.stderr)
    has(t, result.stdout, ("usage: crun-lua %s [OPTION]…"):format(name))
  end
  for _, option in ipairs((commands.global())) do
    if option.name ~= "help" and option.name ~= "version" then
      local value = option.choices and option.choices[1] or "/dev/null"
      local word = option.value and ("--%s=%s"):format(option.name, value) or "--" .. option.name
      local result = program { word, "--help" }
      t.eq(result.code, 0, result.stderr)
      has(t, result.stdout, "usage: crun-lua [GLOBAL-OPTION]… COMMAND")
    end
  end
end)

test.case("ps without a container is the project's own list", {}, function(t)
  has(t, program({ "ps", "--help" }).stdout, "usage: crun-lua ps [-a]")
  has(t, program({ "ps", "box", "--help" }).stderr, "crun-lua: ")
  has(t, program({ "--debug", "ps", "--help" }).stdout, "usage: crun-lua ps [OPTION]… ID")
end)

test.case("the project's own commands are those that the manual lists", {}, function(t)
  local help = program({ "--help" }).stdout
  local listed = {}
  for name in help:match("Commands:(\n.-)\n\n"):gmatch("\n  (%l+) ") do
    listed[name] = true
  end
  for name in pairs(commands.OWN.commands) do
    t.ok(listed[name], name .. " is no command of the program")
    listed[name] = nil
  end
  t.eq(next(listed), nil)
  for option in help:match("\nOptions:\n(.-)\n\n"):gmatch("%-%-([%w-]+)") do
    local known = option == "help" or option == "version"
    t.ok(known or commands.options(commands.OWN.options)[option:gsub("-", "_")], option)
  end
end)

test.case("--version has the lines that engines parse", {}, function(t)
  local text = program({ "--version" }).stdout
  local version = text:match("^crun%-lua version (%d+%.%d+%.%d+)\nspec: 1%.%d+%.%d+\n$")
  t.eq(version, require("oci.version").program)
  t.eq(program({ "--root", "/r", "--version" }).stdout, text)
end)

test.case("the project's own options work in front of a command", {}, function(t)
  local dir <close> = temp_dir()
  local pages = dir.path .. "/pages"
  local planned = program { "--dry-run=calls", "man", pages }
  t.eq(planned.code, 0, planned.stderr)
  has(t, planned.stdout, ('mkdir("%s"'):format(pages))
  t.eq(io.open(pages), nil)
  local failed = program { "--fault", "1:EACCES", "--debug", "man", pages }
  t.eq(failed.code, 1)
  has(t, failed.stderr, ('crun-lua: mkdir("%s", 0755): permission denied'):format(pages))
  local traced = program { "--trace=" .. dir.path .. "/trace", "man", pages }
  t.eq(traced.code, 0, traced.stderr)
  has(t, read_file(dir.path .. "/trace"), "crun-lua-exec.8")
end)

test.case("words that are no UTF-8 reach a command as they are", {}, function(t)
  local dir <close> = temp_dir()
  local odd = dir.path .. "/\xff\xfe"
  t.eq(program({ "man", odd }).code, 0)
  has(t, read_file(odd .. "/crun-lua.8"), "crun")
end)

test.case("every option is in the help, in each completion and in the manual", {}, function(t)
  local pages = require("oci.man").pages()
  local texts = {}
  for _, shell in ipairs { "bash", "zsh", "fish" } do
    texts[shell] = program({ "completion", shell }).stdout
  end
  local function check(options, help, page)
    for _, option in ipairs(options) do
      has(t, help, "--" .. option.name)
      has(t, page, "\\-\\-" .. option.name:gsub("-", "\\-") .. "\\fR")
      has(t, texts.bash, "--" .. option.name)
      has(t, texts.zsh, "--" .. option.name .. (option.value and "=" or ""))
      has(t, texts.fish, " -l " .. option.name)
      t.ok(#option.about > 3, option.name .. " is not described")
    end
  end
  check((commands.global()), program({ "--debug", "--help" }).stdout, pages["crun-lua.8"])
  for _, name in ipairs(commands.names()) do
    local page = pages[("crun-lua-%s.8"):format(name)]
    check(commands.get(name).options, require("oci.help").command(name), page)
  end
end)

test.case("the manual's pages are read by man without a warning", { "program:groff" }, function(t)
  for name, text in pairs(require("oci.man").pages()) do
    local result = capture({ "groff", "-man", "-ww", "-z" }, { stdin = text })
    t.eq({ result.code, result.stderr }, { 0, "" }, name)
  end
end)

test.case("bash completes commands, options, values and containers", { "program:bash" }, function(t)
  local script = require("oci.completion.bash")()
    .. [[
crun-lua() { if [ "$1" = --root ]; then echo "of-$2"; else echo web db; fi; }
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _crun_lua; echo "${COMPREPLY[*]}"; }
try crun-lua upd
try crun-lua --log-f
try crun-lua --log-format = j
try crun-lua --trace create create --no-n
try crun-lua state ""
try crun-lua --root /x state ""
try crun-lua list -f ""
try crun-lua completion z
try crun-lua help w
try crun-lua check --j
try crun-lua setup --m
]]
  local result = capture({ "bash", "-s" }, { stdin = script })
  t.eq(result.stderr, "")
  local wanted =
    { "update", "--log-format", "json", "--no-new-keyring", "web db", "of-/x", "table json", "zsh" }
  table.move({ "web", "--json", "--merge" }, 1, 3, #wanted + 1, wanted)
  t.eq(result.stdout, table.concat(wanted, "\n") .. "\n")
end)

return test.run()

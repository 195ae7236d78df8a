-- What there is to know, from one source: as data, in the terminal, as pages, manual and
-- definitions.

local annotations = require "reference.annotations"
local luacats = require "reference.luacats"
local reference = require "reference"
local test = require "test"
local types = require "reference.types"

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"

local function program(words)
  return capture({ PROGRAM, table.unpack(words) }, { timeout = "60s" })
end

local function has(t, text, part)
  t.ok(text:find(part, 1, true), ("%q is missing in:\n%s"):format(part, text))
end

-- Failure cases first.

test.case("a name that is nothing is answered with the nearest, and status 2", {}, function(t)
  local wrong = program { "help", "mkdri" }
  t.eq({ wrong.code, wrong.stdout }, { 2, "" })
  t.eq(wrong.stderr, 'crun-lua help: nothing is called "mkdri"; did you mean mkdir?\n')
  has(t, program({ "help", "container.nwe" }).stderr, "did you mean container.new?")
  has(t, program({ "help", "zzzzzzzzzzz" }).stderr, "crun-lua help lists all there is")
  has(t, program({ "help", "zz*" }).stderr, 'nothing fits "zz*"')
end)

test.case("one wrong name among several does not hide the others", {}, function(t)
  local result = program { "help", "umount", "mkdri", "chroot" }
  t.eq(result.code, 2)
  has(t, result.stdout, "umount(")
  has(t, result.stdout, "chroot(")
end)

test.case("what nothing tells of is status 1, a wrong option status 2", {}, function(t)
  t.eq(program({ "help", "--search", "qqqqq" }).code, 1)
  t.eq(program({ "help", "--search" }).code, 2)
  t.eq(program({ "help", "--serch", "x" }).code, 2)
  t.eq(program({ "reference" }).code, 2)
  t.eq(program({ "reference", "--pages", "/proc/nowhere" }).code, 1)
end)

test.case("scripts do not reach the service that the data come from", {}, function(t)
  local file <close> = temp_dir()
  local path = file.path .. "/script.lua"
  write_file(path, "local name, host = ...\nassert(host == nil)\nreturn name == nil and 0 or 1\n")
  t.eq(program({ path }).code, 0)
  for key, value in pairs(reference) do
    t.ok(type(value) == "function" or key == "PUBLIC", key)
  end
end)

test.case("nothing of it is loaded unless it is asked for", {}, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/script.lua"
  write_file(path, 'sysctl_get("kernel.hostname")\nrequire "container"\n')
  local loads = { "strace", "-f", "-e", "trace=openat", PROGRAM, "--stdlib", "stdlib", path }
  local traced, err = try(capture, loads)
  if traced and traced.code == 0 then
    t.ok(not traced.stderr:find("stdlib/reference", 1, true), traced.stderr)
  else
    t.ok(err or traced, "strace is not there")
  end
end)

test.case(
  "a comment is read with its tags, and only where a function begins a line",
  {},
  function(t)
    local found = annotations.read(
      [[
--- The module. It goes on.
---
--- ```lua
--- print(1)
--- ```
local part = require "some.part"

---@class greeter.Options
---@field name? string whom
---@field loud boolean whether
--- it is heard
local M = {}

M.other = part.other

--- Greets.
---@param given? greeter.Options
---@param ... any
---@return string? text nil
--- where nobody is there
function M.hello(
  given,
  ...
)
  local function inner() end
end

---@package
function M.hidden() end

return M
]],
      "greeter"
    )
    t.eq(found.text:match "^[^\n]+", "The module. It goes on.")
    t.eq(found.requires.part, "some.part")
    t.eq(found.shared[1].name .. "=" .. found.shared[1].field, "other=other")
    local hello = found.functions[1]
    t.eq({ hello.name, hello.arguments }, { "hello", { "given", "..." } })
    t.eq(hello.params[1], { name = "given", type = "greeter.Options", required = false, doc = "" })
    t.eq(hello.returns[1], { type = "string?", doc = "text nil where nobody is there" })
    t.eq(found.functions[2].hidden, true)
    t.eq(#found.functions, 2)
    local fields = found.classes["greeter.Options"].fields
    t.eq(
      fields[2],
      { name = "loud", type = "boolean", required = true, doc = "whether it is heard" }
    )
  end
)

test.case("a type that cannot be read is no type", {}, function(t)
  for _, text in ipairs { "", "{ a: ", "table<string", "a b", "fun(", "|", "(string" } do
    t.eq(types.parse(text), nil, text)
  end
end)

test.case("types are read with all that LuaCATS has", {}, function(t)
  t.eq(types.parse "string?", { kind = "name", name = "string", optional = true })
  t.eq(types.parse("(string|integer)[]").item.kind, "either")
  t.eq(types.parse("table<string, any>").item.name, "any")
  t.eq(types.parse('"a"|"b"|nil').optional, true)
  t.eq(types.parse("{ [1]: string, b?: integer }").fields[2].type.optional, true)
  t.eq(types.parse("fun(a: string, b?: table): string?, integer|nil").kind, "function")
  t.eq({ types.take "fun(): string what it is" }, { "fun(): string", "what it is" })
  t.eq({ types.take "string | integer a number" }, { "string | integer", "a number" })
end)

test.case(
  "a primitive has its types, words and options, also below lists and choices",
  {},
  function(t)
    local unshare = reference.primitive "unshare"
    t.eq(unshare.params[1].words[1], "cgroup")
    t.eq(unshare.params[2].options[1].name, "propagation")
    local map = unshare.params[2].options[2]
    t.eq({ map.name, map.words[1], map.options[1].name }, { "id_map", "root", "uid" })
    t.eq({ unshare.reversible, unshare.scope, unshare.topic }, { false, "caller", "namespaces" })
    local wait = reference.primitive "process:wait"
    t.eq({ wait.kind, wait.method }, { "process", "wait" })
    t.eq(reference.primitive "nothing", nil)
  end
)

test.case(
  "every topic says what it is about, and no summary is of a topic that is gone",
  {},
  function(t)
    local known = {}
    for _, topic in ipairs(reference.topics()) do
      t.ok(topic.summary, "reference.topics does not know " .. topic.name)
      known[topic.name] = true
    end
    for name in pairs(require "reference.topics") do
      t.ok(known[name], name .. " is no topic")
    end
  end
)

test.case("every module that the documentation requires is public", {}, function(t)
  local public = {}
  for _, name in ipairs(reference.PUBLIC) do
    public[name] = true
    t.ok(reference.source(name), name)
  end
  local files = { "README.md", "docs/policies.md" }
  for _, name in ipairs(list_dir "scripts") do
    files[#files + 1] = name:find "%.lua$" and "scripts/" .. name or nil
  end
  for _, path in ipairs(files) do
    for name in (read_file(path) or ""):gmatch 'require *%(?"([%w_.]+)"' do
      t.ok(public[name], ("%s requires %s"):format(path, name))
    end
  end
end)

test.case("a function of the stdlib is found by its full name, with its source", {}, function(t)
  local new = reference.describe "container.new"
  t.eq(new.signature, "container.new(given?)")
  local options = {}
  for _, option in ipairs(new.params[1].options) do
    options[option.name] = option
  end
  t.eq(options.memory.type, "string|integer")
  t.eq(reference.describe("container.Box:run").class, "container.Box")
  t.eq(reference.describe("container.Box:settle"), nil)
  t.eq(reference.describe("image.open").file, "stdlib/image/reader.lua")
  local text, file, line = reference.source("container", "new")
  t.eq(file, "stdlib/container.lua")
  t.match(text, "^%-%-%- A container that is not made yet.*\nfunction M%.new%(given%)\n.*\nend\n$")
  t.ok(line > 1)
  t.eq(reference.source("container", "nothing"), nil)
  t.eq(reference.source "nothing", nil)
end)

test.case("patterns and words find names", {}, function(t)
  t.eq(reference.find "netns_a?d", { "netns_add" })
  t.eq(reference.find "*.gc", { "container.gc", "hardening.apparmor.gc", "network.gc" })
  t.eq(reference.find "nothing*", {})
  local found = {}
  for _, entry in ipairs(reference.apropos "overlay root") do
    found[entry.name] = true
  end
  t.ok(found["rootfs.overlay"] or next(found))
  has(t, program({ "help", "--search", "capabilities", "drop" }).stdout, "drop_caps")
  has(t, program({ "help", "net*" }).stdout, "netns_list")
end)

test.case(
  "help tells of primitives, methods, topics, modules, functions, classes and commands",
  {},
  function(t)
    local function help(name)
      local result = program { "help", name }
      t.eq({ result.code, result.stderr }, { 0, "" }, name)
      return result.stdout
    end
    has(t, help "unshare", "irreversible")
    has(t, help "unshare", "setns · id_map")
    has(t, help "process:wait", "method of process")
    has(t, help "process", "process:wait(options?)")
    has(t, help "files", "mkdir(path, options?)")
    has(t, help "hardening", "hardening.resolve(value?)")
    has(t, help "container.new", "memory?")
    has(t, help "container.Options", "stop_timeout?")
    has(t, help "Box", "container.Box")
    has(t, help "resolve", "hardening.resolve(value?)")
    has(t, help "doctor", "crun-lua doctor --help")
    has(t, help "kill", "kill(2)")
    has(t, help "kill", "command: send a signal")
  end
)

test.case("a page is no wider than the terminal", {}, function(t)
  local text = require "view.text"
  for _, name in ipairs { "unshare", "container.new", "cgroup", "net*", "mounts" } do
    for line in reference.page(name, { width = 60 }):gmatch "[^\n]+" do
      -- Examples keep their lines.
      local is_code = line:find "^    " or line:find "^  %S+%([^)]*%)  "
      t.ok(is_code or text.width(line) <= 60, line)
    end
  end
end)

test.case("what a primitive answers has a type where its words tell one", {}, function(t)
  t.eq(luacats.return_type "nothing", nil)
  t.eq(luacats.return_type "never", nil)
  t.eq(luacats.return_type "process", "process")
  t.eq(luacats.return_type "string or nil", "string?")
  t.eq(luacats.return_type "{ code, signal }; nil after a timeout", "table?")
  t.eq(luacats.return_type "list of process ids, or nil", "table[]?")
  t.eq(luacats.return_type "the previous mask", "any")
end)

test.case(
  "each class is defined in one file, and each public function in its module's",
  {},
  function(t)
    local files, defined = luacats.files(), {}
    for name, text in pairs(files) do
      t.match(text, "^%-%-%-@meta")
      t.ok(load(text, name), name)
      for class in text:gmatch "%-%-%-@class ([%w_.]+)" do
        t.eq(defined[class], nil, class .. " is defined twice")
        defined[class] = name
      end
    end
    t.ok(defined["container.Box"] == "container.d.lua" and defined["process"] == "sys.d.lua")
    for _, module in ipairs(reference.modules()) do
      local text = files[module.module .. ".d.lua"]
      for _, entry in ipairs(module.functions) do
        local called = module.is_function and "local function M("
          or "function M." .. entry.short .. "("
        has(t, text, called)
      end
    end
    for _, entry in ipairs(reference.primitives()) do
      has(t, files["sys.d.lua"], "\nfunction " .. entry.name .. "(")
    end
  end
)

-- `crun-lua setup`.

local function setup(dir, ...)
  local home = ("XDG_DATA_HOME=%s/data"):format(dir)
  return capture({ "env", home, PROGRAM, "setup", ... }, { timeout = "60s" })
end

test.case("setup leaves a foreign .luarc.json alone and tells what to add", {}, function(t)
  local dir <close> = temp_dir()
  local files = { '{ "diagnostics": { "globals": [ "x" ] } }', "{ // mine\n}", "[]", "" }
  for _, foreign in ipairs(files) do
    write_file(dir.path .. "/.luarc.json", foreign)
    local result = setup(dir.path, dir.path)
    t.eq(result.code, 1)
    has(t, result.stderr, '"workspace.library": ["' .. dir.path .. '/data/crun-lua/meta"]')
    t.eq(read_file(dir.path .. "/.luarc.json"), foreign)
  end
  t.eq(setup(dir.path, "--merge", dir.path).code, 1, "what is no JSON is not merged")
  t.eq(read_file(dir.path .. "/.luarc.json"), "")
end)

test.case("setup refuses a directory that is not there, and a wrong option", {}, function(t)
  local dir <close> = temp_dir()
  t.eq(setup(dir.path, dir.path .. "/none").code, 2)
  t.eq(setup(dir.path, "--mrege", dir.path).code, 2)
  t.eq(stat(dir.path .. "/data"), nil)
end)

test.case("setup writes definitions and settings, and a second time nothing", {}, function(t)
  local dir <close> = temp_dir()
  local first = setup(dir.path, dir.path)
  t.eq({ first.code, first.stderr }, { 0, "" })
  local config = json_decode(read_file(dir.path .. "/.luarc.json"))
  local meta = dir.path .. "/data/crun-lua/meta"
  t.eq(config["workspace.library"], { meta })
  t.eq(config["runtime.version"], "Lua 5.4")
  t.eq(read_file(meta .. "/container.d.lua"), luacats.module "container")
  local before = stat(meta .. "/sys.d.lua").mtime
  write_file(meta .. "/gone.d.lua", "---@meta gone\n")
  local second = setup(dir.path, dir.path)
  t.eq(second.code, 0)
  has(t, second.stdout, "set up already")
  t.eq(stat(meta .. "/sys.d.lua").mtime, before)
  t.eq(stat(meta .. "/gone.d.lua"), nil)
end)

test.case("setup --merge adds to what is there and keeps it", {}, function(t)
  local dir <close> = temp_dir()
  local own = { diagnostics = { globals = { "x" } }, workspace = { library = { "/lib" } } }
  write_file(dir.path .. "/.luarc.json", json_encode(own))
  t.eq(setup(dir.path, "--merge", dir.path).code, 0)
  local config = json_decode(read_file(dir.path .. "/.luarc.json"))
  t.eq(config.diagnostics.globals, { "x" })
  t.eq(config.workspace.library, { "/lib", dir.path .. "/data/crun-lua/meta" })
  t.eq(config["runtime.version"], "Lua 5.4")
  has(t, setup(dir.path, dir.path).stdout, "set up already")
end)

test.case("a plan of setup writes nothing", {}, function(t)
  local dir <close> = temp_dir()
  local home = ("XDG_DATA_HOME=%s/data"):format(dir.path)
  local planned = capture { "env", home, PROGRAM, "--dry-run", "setup", dir.path }
  t.eq(planned.code, 0, planned.stderr)
  t.eq(list_dir(dir.path), {})
end)

test.case("what is interrupted in the middle is read anew, and whole", function(t)
  local child <close> = spawn(function()
    -- A prompt asks within a time at each key.
    local interrupted, steps = 0, 0
    repeat
      steps = steps + 10000
      local _, err = try(budget, { instructions = steps }, function()
        reference.module "container"
        reference.class "container.Options"
      end)
      interrupted = interrupted + (err and 1 or 0)
      t.ok(steps < 100000000, "it never succeeds again")
    until not err
    t.ok(interrupted > 5, interrupted)
    t.ok(#reference.class("container.Options").fields > 20)
    t.ok(#reference.module("container").classes > 1)
  end)
  t.eq(child:wait().code, 0)
end)

return test.run()

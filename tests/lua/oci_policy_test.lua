local policy = require "oci.policy"
local test = require "test"

-- A directory as an administrator would make it; what is in it goes with the case.
local function place()
  local dir = temp_dir()
  mkdir(dir.path .. "/d")
  return dir, dir.path .. "/d/"
end

local function spec(more)
  local made = json_decode [[{
    "ociVersion": "1.3.0",
    "root": { "path": "rootfs" },
    "process": { "args": ["sh"], "cwd": "/", "env": ["A=1"], "user": { "uid": 0, "gid": 0 } },
    "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" } ],
    "linux": { "namespaces": [ { "type": "mount" }, { "type": "uts" } ] }
  }]]
  for key, value in pairs(more or {}) do
    made[key] = value
  end
  return made
end

-- Applies policies that are given as texts, in order, to a spec.
local function apply(texts, given, more)
  local dir <close>, path = place()
  local ctx = { operation = "create", id = "web", bundle = "/b", files = {}, warn = error }
  for index, text in ipairs(texts) do
    ctx.files[index] = ("%s%d.lua"):format(path, index)
    write_file(ctx.files[index], text)
  end
  for key, value in pairs(more or {}) do
    ctx[key] = value
  end
  return policy.apply(given or spec(), ctx)
end

-- The policy must not be obeyed, and the error must say where and why.
local function refused(t, text, reason, given, more)
  local err = t.fails(reason, apply, { text }, given, more)
  t.match(err.message, "^/.*/d/1%.lua")
  t.ok(not err.message:find("[\r\n]"), "one line")
  return err
end

-- Policies whose function has this body, which begins in the second line.
local function mutator(body)
  return ("return { mutate = function(spec, ctx)\n%s\nend }"):format(body)
end

local function validator(body)
  return ("return { validate = function(spec, ctx)\n%s\nend }"):format(body)
end

test.case("a text that is no Lua, returns no policy or a misspelt one is refused", function(t)
  refused(t, "return {\n  mutate = funtion() end,\n}", "1.lua:2: ")
  refused(t, "\27Lua", "1.lua: ")
  refused(t, "", "a policy returns a table, not nil")
  refused(t, "return {}", "neither mutate nor validate")
  refused(t, "return { mutate = 1 }", "mutate: expected function, got 1")
  refused(t, "return { valdate = print }", "'print' is not declared")
  refused(
    t,
    "return { valdate = error }",
    "no option is called 'valdate'; did you mean 'validate'?"
  )
  refused(t, "\nerror 'not today'", "1.lua:2: not today")
  refused(t, "return { needs = { 'raed_file' }, mutate = error }", "did you mean 'read_file'?")
  refused(
    t,
    "return { needs = { 'kill_all' }, mutate = error }",
    "no primitive is called 'kill_all'"
  )
end)

test.case("what a mutator makes wrong is told with its file, line and JSON path", function(t)
  local bodies = {
    ["spec.process.args[2] = 5"] = "1.lua:2: .process.args[1]: expected a string",
    ["spec.mounts[1].type = {}"] = "1.lua:2: .mounts[0].type",
    ["\nspec.process.user = { uid = -1, gid = 0 }"] = "1.lua:3: .process.user.uid",
    ["spec.hostname = 'a'\nspec.process.cwd = 'b'\nspec.hostname = nil"] = "1.lua:3: .process.cwd",
    ["spec.annotations = { ['a b'] = '' }\nspec.annotations['a b'] = 5"] = '3: .annotations["a b"]',
    ["table.insert(spec.mounts, 'x')"] = "1.lua:2: .mounts[1]: expected an object",
    ["\nspec.root = nil"] = "1.lua:3: .root: is missing",
    ["return { ociVersion = 5 }"] = "1.lua:1: .ociVersion",
    ["spec.process.env[1] = print"] = "1.lua:2: 'print' is not declared",
    ["spec.process.env[1] = error"] = "1.lua:2: .process.env[1]: a function",
    ["spec.process.env[3] = 'A=1'"] = "1.lua:2: ",
    ["spec.x = spec"] = "a table that contains itself",
    ["spec.x = setmetatable({}, { __index = spec })"] = "1.lua:2: .x: a table with a metatable",
    ["return 5"] = "1.lua:1: mutate returns nothing or a spec, not number",
    ["return spec.nothing.at_all"] = "1.lua:2: attempt to index a nil value (field 'nothing')",
  }
  for body, reason in pairs(bodies) do
    refused(t, mutator(body), reason)
  end
end)

test.case("the line is the policy's also where a tool has written, or its name is long", function(t)
  local dir <close> = temp_dir()
  local long = dir.path .. "/" .. ("d"):rep(200)
  mkdir(long)
  write_file(long .. "/a.lua", "local tools = require 'oci.policy.tools'\n" .. mutator [[
    tools.add_mount(spec, { source = "/a", destination = 5 })
    spec.hostname = "later"]])
  local ctx = { operation = "create", id = "a", files = { long .. "/a.lua" } }
  local err = t.fails("/a.lua:3: .mounts[1].destination", policy.apply, spec(), ctx)
  t.match(err.message, long, true)
  write_file(long .. "/a.lua", validator "error 'no'")
  t.fails(long .. "/a.lua:2: refused: no", policy.apply, spec(), ctx)
end)

test.case("the next mutator does not see what the one before has made wrong", function(t)
  local dir <close> = temp_dir()
  local second = ("return { needs = { 'touch' }, mutate = function() touch('%s/ran') end }"):format(
    dir.path
  )
  t.fails("1.lua:1: .hostname", apply, {
    "return { mutate = function(spec) spec.hostname = 5 end }",
    second,
  })
  t.eq(stat(dir.path .. "/ran"), nil)
  apply { "return { mutate = function() end }", second }
  t.ok(stat(dir.path .. "/ran"))
end)

test.case("a validator refuses in three ways, and by a mistake", function(t)
  local answer = "validate returns true, nothing, or false and a reason"
  local ways = {
    ["return false, 'no root'"] = "1.lua:1: refused: no root",
    ["error 'no root'"] = "1.lua:2: refused: no root",
    ["ctx.refuse 'no root'"] = "1.lua:2: refused: no root",
    ["pcall(ctx.refuse, 'no root')"] = "refused: no root",
    ["pcall(function() ctx.refuse 'no root' end) return true"] = "1.lua:2: refused: no root",
    ["return false"] = "refused: no reason was given",
    ["return spec.no.such"] = "1.lua:2: refused: attempt to index",
    ["return 'yes'"] = answer,
    ["return 0"] = answer,
    ["return false, 'a\\nb\\0c\\xff'"] = "refused: a b c?",
    ["error({ code = 5 })"] = "refused: table",
    ["error()"] = "refused: nil",
  }
  for body, reason in pairs(ways) do
    refused(t, validator(body), reason)
  end
  refused(t, mutator "ctx.refuse 'no root'", "1.lua:2: refused: no root")
end)

test.case("a validator cannot change the spec, however it tries", function(t)
  local tries = {
    "spec.hostname = 'x'",
    "spec.process.args[1] = 'x'",
    "spec.mounts[1].options = {}",
    "table.insert(spec.process.args, 'x')",
    "table.remove(spec.process.args)",
    "table.sort(spec.process.args, function() return true end) table.move(spec.mounts, 1, 1, 2)",
    "ctx.process = nil; ctx.annotations.a = 'x'",
    "spec.hostname = nil",
    "for _, mount in ipairs(spec.mounts) do mount.type = 'x' end",
    "for _, value in pairs(spec) do if type(value) == 'table' then value.x = 1 end end",
    "local _, process = next(spec, 'ociVersion') process.x = 1",
    "setmetatable(spec, {})",
  }
  for _, text in ipairs(tries) do
    local source = validator(text)
    local given = spec { annotations = { a = "b" } }
    local before = json_encode(given)
    refused(t, source, "refused: ", given)
    -- Nor where it hides what it has tried.
    local hidden = validator(("pcall(function() %s end)"):format(text))
    t.eq(json_encode(apply({ hidden }, given)), before, text)
  end
end)

test.case("a view reads as the tables do that it stands for", function(t)
  apply(
    {
      [[return { validate = function(spec, ctx)
    assert(#spec.mounts == 1 and spec.mounts[1].destination == "/proc")
    assert(spec.mounts == spec.mounts and spec.mounts[2] == nil and spec.nothing == nil)
    local names = {}
    for name, value in pairs(spec) do names[#names + 1] = name .. type(value) end
    table.sort(names)
    local seen = table.concat(names, " ")
    assert(seen == "linuxtable mountstable noboolean ociVersionstring processtable roottable", seen)
    assert(table.concat(spec.process.args, " ") == "sh -c id")
    assert(select("#", table.unpack(spec.process.args)) == 3)
    local list = {}
    for index, word in ipairs(spec.process.args) do list[index] = word end
    assert(#list == 3 and next(spec.process.env) == 1)
    assert(ctx.operation == "create" and ctx.id == "web" and ctx.bundle == "/b" and not ctx.process)
    assert(next(ctx.annotations) == nil and tostring(spec.process.args):find("table"))
  end }]],
    },
    (function()
      local given = spec { no = false }
      given.process.args = { "sh", "-c", "id" }
      return given
    end)()
  )
  t.ok(true)
end)

test.case(
  "mutators change the spec in their order, and validators see what they have made",
  function(t)
    local made = apply({
      [[return {
      mutate = function(spec) spec.hostname = "one"; table.insert(spec.process.env, "B=2") end,
      validate = function(spec) return spec.hostname == "one-two", spec.hostname end,
    }]],
      [[return { mutate = function(spec)
      spec.hostname = spec.hostname .. "-two"
      spec.hooks = { poststop = { { path = "/a" } } }
      spec.hooks.poststart = spec.hooks.poststop
      local mount = spec.mounts[1]
      spec.mounts = { mount, { destination = "/m", type = "tmpfs", source = "m" } }
      return spec
    end }]],
    })
    t.eq(made.hostname, "one-two")
    t.eq(made.process.env, { "A=1", "B=2" })
    t.eq(made.hooks, { poststop = { { path = "/a" } }, poststart = { { path = "/a" } } })
    t.eq(made.mounts[2].destination, "/m")
    t.eq(getmetatable(made.process.env), "json array")
    local kept = spec()
    local before = json_encode(kept)
    apply({ "return { mutate = function(spec) spec.hostname = 'x' end }" }, kept)
    t.eq(json_encode(kept), before, "the spec that was given")
  end
)

test.case("at exec a policy sees the program that is started, and changes nothing else", function(t)
  local process = { args = { "ps" }, cwd = "/", env = { "X=1" } }
  local made = apply({
    [[return {
      mutate = function(spec, ctx)
        assert(ctx.operation == "exec" and ctx.process == spec.process)
        assert(ctx.process.args[1] == "ps")
        ctx.process.args[2] = "aux"
        spec.hostname = "other"
        table.insert(spec.mounts, { destination = "/m", type = "tmpfs", source = "m" })
      end,
      validate = function(spec, ctx)
        assert(spec.hostname == nil and #spec.mounts == 1, "changed")
        return ctx.process.args[2] == "aux", "not changed"
      end,
    }]],
  }, nil, { operation = "exec", process = process })
  t.eq(made.process.args, { "ps", "aux" })
  t.eq(made.hostname, nil)
  t.eq(#process.args, 1)
  local body = "return ctx.process.args[1] ~= 'ps', 'no ps'"
  local ctx = { operation = "exec", process = process }
  refused(t, validator(body), "refused: no ps", nil, ctx)
end)

test.case("warnings reach the log in order, and not more of them than anybody reads", function(t)
  -- An emulated processor needs more time for so many; what a policy may take is another case's.
  local run = require "oci.policy.run"
  local usual = run.TIME
  run.TIME = "1m"
  local seen = {}
  local function warn(text)
    seen[#seen + 1] = text
  end
  local text = validator "ctx.warn 'a\\nb' for i = 1, 500 do ctx.warn(i) end %s"
  apply({ text:format "" }, nil, { warn = warn })
  t.eq(#seen, 100)
  t.match(seen[1], "1.lua: a b", true)
  t.match(seen[2], "1.lua: 1", true)
  seen = {}
  t.fails("refused: no", apply, { text:format "return false, 'no'" }, nil, { warn = warn })
  t.eq(#seen, 100)
  run.TIME = usual
end)

test.case("without policies the spec is the one that was given", function(t)
  local given = spec()
  t.ok(rawequal(policy.apply(given, { operation = "create", id = "a" }), given))
end)

return test.run()

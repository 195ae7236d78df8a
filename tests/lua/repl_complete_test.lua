-- What the prompt offers and hints while a line is being written: what must not be touched first,
-- odd places of the cursor, then each source of candidates.

local complete = require "repl.complete"
local highlight = require "repl.highlight"
local hint = require "repl.hint"
local test = require "test"

local function bomb()
  error("a value of the user's was called")
end

--- The candidates at the mark `|` of a text: their texts; and what they replace.
local function at(marked, env)
  local pos = marked:find("|", 1, true) - 1
  local text = marked:sub(1, pos) .. marked:sub(pos + 2)
  local start, list = complete.at(env or {}, text, pos)
  local texts = {}
  for index, one in ipairs(list) do
    texts[index] = one.text
  end
  return texts, text:sub(start + 1, pos), list
end

local function has(list, wanted)
  for _, one in ipairs(list) do
    if one == wanted then
      return true
    end
  end
  return false
end

local function hinted(marked, env)
  local pos = marked:find("|", 1, true) - 1
  return hint.at(env or {}, marked:sub(1, pos) .. marked:sub(pos + 2), pos)
end

test.case("nothing of the user's is called, whatever its metamethods are", function(t)
  local trap = { __index = bomb, __pairs = bomb, __len = bomb, __tostring = bomb, __call = bomb }
  local env = {
    evil = setmetatable({ good = 1, inner = setmetatable({ deep = 1 }, trap) }, trap),
    hidden = setmetatable({ shown = 1 }, { __metatable = "no", __index = bomb }),
    callable = bomb,
  }
  t.eq(at("evil.|", env), { "good", "inner" })
  t.eq(at("evil.inner.|", env), { "deep" })
  t.eq(at("evil.absent.|", env), {})
  t.eq(at("hidden.|", env), { "shown" })
  t.eq(at("callable().|", env), {})
  t.eq(hinted("callable(|", env), nil)
  t.eq(hinted("evil.good(|", env), nil)
  t.eq(hinted("evil(|", env), nil)
  highlight.line(env, "evil.x callable()")
  local protected = setmetatable({ own = 1 }, trap)
  t.eq(at("ow|", protected), { "own" })
end)

test.case(
  "a table of 100000 keys, or one that is its own class, does not hold the prompt",
  function(t)
    local env = { big = {}, loop = { x = 1 } }
    for index = 1, 100000 do
      env.big["key" .. index] = index
    end
    setmetatable(env.loop, { __index = env.loop })
    local started = os.clock()
    t.ok(#at("big.key|", env) <= 300)
    t.eq(at("loop.|", env), { "x" })
    t.ok(os.clock() - started < 20)
  end
)

test.case("where nothing is known nothing is offered", function(t)
  for _, text in ipairs {
    "|",
    "-- mou|",
    'x = "mou|',
    "local mou|",
    "foo.bar.|",
    ")|",
    "x = 12|",
    '"mou"|',
  } do
    t.eq(at(text), {}, text)
  end
  t.eq(at "--[[ mou|", {})
  t.eq(at "foo(|", {})
end)

test.case("unfinished, wrong and foreign text around the cursor does no harm", function(t)
  t.eq(at('local t = { "日本", größe = 1 } unshare { "us|')[1], 'user"')
  t.eq(at('x = "unfinished\nunshare { "us|')[1], 'user"')
  t.eq(at('end end ) unshare { "us|')[1], 'user"')
  t.eq(at('unshare { "us|er", "pid" }'), { "user" })
  local list, word = at "日本 = mou|nt"
  t.ok(has(list, "mount"))
  t.eq(word, "mou")
end)

test.case("a local that is named like a primitive hides it", function(t)
  t.eq(at 'local unshare = print unshare { "us|', {})
  t.eq(hinted "local mount = 1 mount(|", nil)
  t.eq(hinted "local function f(mount) mount(|", nil)
  t.eq(at 'local u = unshare u { "us|', { 'user"' })
  t.eq(at 'do local unshare = 1 end unshare { "us|', { 'user"' })
end)

test.case("globals, names of the prompt, locals and keywords are offered", function(t)
  local env = { mounted = 1, _private = 2, ["no name"] = 3, ["end"] = 4 }
  local list = at("mou|", env)
  t.ok(has(list, "mount") and has(list, "mounted") and has(list, "mountinfo"))
  t.eq(at("_pri|", env), { "_private" })
  t.ok(not has(at("e|", env), "no name"))
  t.eq(at("for mine, yours in pairs(t) do mi|")[1], "mine")
  t.ok(has(at "if x th|", "then"))
  t.ok(has(at("retu|"), "return"))
end)

test.case("a name's candidate shows what a primitive takes", function(t)
  local _, _, list = at "unsha|"
  t.eq(
    { list[1].text, list[1].display, list[1].kind },
    { "unshare", "unshare(kinds, options?)", "primitive" }
  )
end)

test.case("fields and methods of what exists are offered, at any depth", function(t)
  local class = { run = print, stop = print, name = "class" }
  class.__index = class
  local env =
    { a = { b = { one = 1, two = print, ["x y"] = 1 } }, box = setmetatable({ id = 1 }, class) }
  t.eq(at("a.b.|", env), { "one", "two" })
  t.eq(at("a.b:|", env), { "two" })
  t.eq(at('a["b"].o|', env), { "one" })
  t.eq(at("box.|", env), { "id", "name", "run", "stop" })
  t.eq(at("x = 1\nprint(box:|", env), { "run", "stop" })
  t.ok(
    has(at "string.f|", "format")
      and has(at "_G.string.f|", "format")
      and has(at "sys.mou|", "mount")
  )
  t.ok(has(at '("x"):re|', "rep"))
  t.eq(at("a.b.one:|", env), {})
end)

test.case("a handle offers the methods and fields of its kind, before it exists too", function(t)
  local child <close> = spawn(function()
    return 0
  end)
  local env = { child = child, out = io.stdout }
  t.ok(has(at("child:w|", env), "wait"))
  t.ok(has(at("child:|", env), "close") and not has(at("child:|", env), "pid"))
  t.ok(has(at("child.|", env), "pid") and has(at("child.p|", env), "pid"))
  t.eq(at("child.pid.|", env), {})
  t.eq(at("out:re|", env), { "read" })
  t.ok(has(at "spawn({}, f):w|", "wait"))
  t.ok(has(at "local c <close> = spawn(f) c:w|", "wait"))
  t.ok(has(at 'cgroup_set("x", { memory = "1M" }):ev|', "events"))
  t.ok(has(at("setns(|", env), "child"))
end)

test.case("modules that are not loaded, and what they answer, are known", function(t)
  t.ok(has(at 'local c = require "container" c.n|', "new"))
  t.ok(has(at 'require("container").n|', "new"))
  t.ok(has(at 'local b = require("container").new {} b:ru|', "run"))
  t.ok(has(at 'require "con|', 'container"'))
  t.eq(at 'require "nothing_is|', {})
end)

test.case("option keys are offered inside a call, but not those that are written", function(t)
  t.eq(at 'mount("proc", "/proc", { ty|', { "type = " })
  t.eq(at 'mount("proc", "/proc", { ty| = "proc" })', { "type" })
  t.eq(at 'mount("proc", "/proc", { type = "proc", ty|', {})
  t.eq(at 'mount("proc", "/proc", { ty|, type = "proc" })', {})
  t.ok(has(at "spawn({ |", "unshare = "))
  t.ok(has(at 'exec { "sh", e|', "env = "))
  t.eq(at "spawn({ id_map = { uid = { { ins|", { "inside = " })
  t.ok(has(at "spawn({ id_map = { |", "uid = "))
  t.ok(has(at 'sys.mount("a", "b", { re|', "remount = "))
end)

test.case("options of functions of the stdlib come from their annotations", function(t)
  local env = { container = require "container", box = require("container").new { name = "words" } }
  t.ok(has(at("container.new { mem|", env), "memory = "))
  t.ok(has(at('box:run({ "sh" }, { cap|', env), "capture = "))
  t.ok(has(at('box.run(box, { "sh" }, { cap|', env), "capture = "))
  t.eq(at('container.new { restart = "al|', env), { 'always"' })
  t.eq(at('container.new { stop_signal = "ki|', env), { 'kill"' })
  t.eq(at("container.new { readonly = t|", env)[1], "true")
end)

test.case("words are offered inside their strings, and with quotes outside", function(t)
  t.eq(at 'unshare { "u|', { 'user"', 'uts"' })
  t.eq(at 'unshare { "u|" }', { "user", "uts" })
  t.eq(at "unshare { 'pid', 'u|", { "user'", "uts'" })
  t.eq(at 'mount("x", "/x", { type = "t|', { 'tmpfs"' })
  t.eq(
    at 'mount("x", "/x", { propagation = |',
    { '"private"', '"slave"', '"shared"', '"unbindable"' }
  )
  t.ok(has(at 'drop_caps { keep = { "net_b|', 'net_bind_service"'))
  t.ok(has(at 'seccomp { allow = { "openat|', 'openat2"'))
  t.ok(has(at 'kill(1, "us|', 'usr1"'))
  t.eq(at "mount('a', 'b', { readonly = |", { "true", "false" })
  t.ok(has(at 'spawn({ unshare = { "pid" } }, function() unshare { "n|', 'net"'))
end)

test.case("what is nowhere the beginning is looked for inside", function(t)
  t.ok(has(at 'drop_caps { keep = { "bind|', 'net_bind_service"'))
  t.ok(has(at "hostname|", "sethostname"))
end)

test.case("paths are offered where one is expected, and where one is begun", function(t)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/sub dir")
  write_file(dir.path .. "/sub.txt", "")
  write_file(dir.path .. "/.hidden", "")
  write_file(dir.path .. '/su"b', "")
  write_file(dir.path .. "/su\nb", "")
  t.eq(at('read_file("' .. dir.path .. "/s|"), { dir.path .. "/sub dir/", dir.path .. '/sub.txt"' })
  t.eq(at('x = "' .. dir.path .. "/.h|"), { dir.path .. '/.hidden"' })
  t.eq(at('x = "/nowhere/at/all|'), {})
  t.eq(at(":load " .. dir.path .. "/sub.|"), { dir.path .. "/sub.txt" })
  t.eq(at("!cat " .. dir.path .. "/sub.|"), { dir.path .. "/sub.txt" })
end)

test.case("processes are offered where a pid is expected, shown with their names", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "60" }
  end)
  child:started()
  local digits = tostring(child.pid)
  local _, word, list = at("proc_status(" .. digits .. "|")
  t.eq({ word, list[1].text, list[1].display }, { digits, digits, digits .. "  sleep" })
  t.eq(list[1].kind, "pid")
  t.ok(#at "kill(|" > 0)
  child:kill("kill")
  child:wait()
end)

test.case("a process cannot write to the terminal by its name", function(t)
  local child <close> = spawn({ stdin = pipe().read }, function()
    write_file("/proc/self/comm", "a\27[2Jb")
    io.read("a")
  end)
  repeat
    local name = proc_status(child.pid, { fields = { "name" } }).name
  until name:find("2J", 1, true)
  for _, one in ipairs(select(3, at("proc_status(" .. child.pid .. "|"))) do
    t.ok(not one.display:find("[%z\1-\31]"), one.display)
  end
  child:kill("kill")
  child:wait()
end)

test.case("containers, settings and devices are offered by name", function(t)
  local box <close> = require("container").create { name = "words-test", command = { "true" } }
  local env = { container = require "container" }
  t.eq(at('container.get("words|', env), { 'words-test"' })
  t.eq(at('container.new { network = "container:words|', env), { 'container:words-test"' })
  t.eq(at 'sysctl_get("kernel.hostn|', { 'kernel.hostname"' })
  t.ok(has(at 'sysctl("ker|', "kernel."))
  t.ok(has(at 'link_set("l|', 'lo"'))
end)

test.case("commands, topics and Lua after a command are offered", function(t)
  t.eq(at ":ex|", { "explain" })
  t.eq(at ":explain o|", { "off", "on" })
  t.eq({ at ":nothing x|" }, { {}, "", {} })
  t.ok(has(at "?moun|", "mount") and has(at "??container.ne|", "container.new"))
  local list, word = at ":time unsha|"
  t.eq({ list[1], word }, { "unshare", "unsha" })
  t.eq(at ':plan unshare { "us|', { 'user"' })
end)

test.case("the hint is the signature with the current parameter marked", function(t)
  t.eq(hinted "mount(|", "mount(‹source?›, target, options)")
  t.eq(hinted 'mount("a,b", f(1, 2), |', "mount(source?, target, ‹options›)")
  t.eq(hinted 'mount("a|', "mount(‹source?›, target, options)")
  t.eq(hinted "mount|", "mount(source?, target, options)")
  t.eq(hinted "spawn(function() end |", "spawn(options?, ‹body›)")
  t.eq(hinted "f(mount(1, 2), |", nil)
  t.eq(hinted "spawn({}, function() |", nil)
  t.eq(hinted '("x"):rep(|', "string.rep(s, ‹n›, sep?)")
  t.eq(hinted 'string.rep("x", |', "string.rep(s, ‹n›, sep?)")
  t.eq(hinted "-- mount(|", nil)
  t.eq(hinted "|", nil)
  t.eq(hinted "mount(1, 2, 3, 4, 5, |", "mount(source?, target, options)")
end)

test.case("the hint of a method is the same with a colon and with a dot", function(t)
  local child <close> = spawn(function()
    return 0
  end)
  t.eq(hinted("child:wait(|", { child = child }), "process:wait(‹options?›)")
  t.eq(hinted("child.wait(child, |", { child = child }), "process:wait(‹options?›)")
  t.eq(hinted("child.wait(|", { child = child }), "process:wait(options?)")
end)

test.case("on an option the hint is what it may be and means", function(t)
  t.match(hinted 'mount("a", "b", { type = |', "^type: string · the file system")
  t.match(hinted 'mount("a", "b", { type|', "^type: string · the file system")
  t.match(hinted 'spawn({ unshare = { "pi|', '^unshare: list of "cgroup"')
  t.match(hinted 'local c = require "container" c.new { restart = |', "^restart: string|table · ")
  local pos = #"mount("
  t.eq(hint.at({}, "mount(", pos, 10), "mount(‹so…")
  t.match(hinted "?mount|", "^Mounts ")
end)

test.case("colours change nothing but the colour", function(t)
  local odd = {
    'x = "unfinished',
    "a\tb -- note",
    "größe = '日本' $ \1",
    ":explain on",
    "?mount",
    "--[[ a\nb",
    "",
  }
  for _, text in ipairs(odd) do
    t.eq((highlight.line({}, text):gsub("\27%[%d+m", "")), text)
  end
  t.eq(highlight.line({}, "mount(moutn)"), "\27[34mmount\27[0m(\27[2mmoutn\27[0m)")
  t.eq(highlight.line({ mine = 1 }, "mine.x = nil"), "mine.x = \27[35mnil\27[0m")
  t.eq(highlight.line({}, "local a a()"), "\27[35mlocal\27[0m a a()")
  t.eq(highlight.line({}, "f{ key = 1 }"), "\27[2mf\27[0m{ key = \27[36m1\27[0m }")
  t.eq(highlight.line({}, ("x"):rep(30000)), ("x"):rep(30000))
end)

return test.run()

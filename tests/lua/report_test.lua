-- What `crun-lua report` refuses, what a hostile container can write on its page, that a script is
-- run as it is, and that what is drawn is what the kernel had.

local command = require "commands.report"
local html = require "report.html"
local report = require "report"
local snapshot = require "inspect.snapshot"
local test = require "test"

local FIXTURE = "tests/fixtures/snapshot/boxes.json"

-- What ends an attribute, an element, a comment, a line of a terminal; what turns a line around.
local HOSTILE = "</title><script>alert('1')</script>\"'&<!--]]>\27[2J\n\0\u{202e}\xff\u{ffff}"

test.need("python", function()
  return test.unmet "program:python3" and "the program 'python3' is not installed" or nil
end)

--- Runs the command in a child: its status, and what it wrote.
local function run(arguments)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return command(arguments)
  end)
  local result = child:output { timeout = "60s", max = "16M" }
  return result.code, result.stdout, result.stderr
end

local function fixture()
  return json_decode(read_file(FIXTURE))
end

--- A script in a directory of its own, and what a report of it has as JSON.
local function report_of(dir, source, ...)
  local path = dir.path .. "/script.lua"
  write_file(path, source)
  local words = { "--json", path }
  for _, word in ipairs { ... } do
    words[#words + 1] = word
  end
  table.move({ "-o", dir.path .. "/out.json" }, 1, 2, #words + 1, words)
  local status, _, errors = run(words)
  local text = try(read_file, dir.path .. "/out.json")
  return text and json_decode(text), status, errors
end

--- Everything that a container can name, hostile.
local function hostile(mounts)
  local list = {}
  for index = 1, mounts do
    list[index] = {
      id = index,
      parent = index == 1 and 0 or 1,
      point = index == 1 and "/" or ("/%s%d"):format(HOSTILE, index),
      type = HOSTILE,
      source = HOSTILE,
      root = "/" .. HOSTILE,
      attributes = { "ro" },
      propagation = "shared:1",
      hidden = false,
    }
  end
  local space = { id = "user1", kind = "user", inode = 1, members = { 7 } }
  local uts =
    { id = "uts2", kind = "uts", inode = 2, owner = 1, members = { 7 }, hostname = HOSTILE }
  local call = {
    number = 1,
    pid = 7,
    at_us = 3,
    us = 2,
    call = HOSTILE,
    ret = HOSTILE,
    file = HOSTILE,
    lua = HOSTILE,
    errno = HOSTILE,
    ["in"] = HOSTILE,
  }
  return {
    subject = { kind = "script", name = HOSTILE },
    hostname = HOSTILE,
    rights = require("inspect.rights").words(),
    processes = {
      {
        pid = 7,
        inside = 1,
        depth = 0,
        name = HOSTILE,
        command = HOSTILE,
        user = { uid = 0 },
        capabilities = { effective = "ff" },
        seccomp = { mode = "filter" },
        namespaces = { uts = 2 },
      },
    },
    namespaces = { space, uts },
    mounts = { { id = "mnt3", inode = 3, pid = 7, list = list } },
    networks = {
      {
        inode = 4,
        pid = 7,
        links = {
          { name = HOSTILE, kind = HOSTILE, up = true, addresses = { { address = HOSTILE } } },
        },
        routes = { { to = "default", via = HOSTILE, dev = HOSTILE } },
      },
    },
    seccomp = {
      { pids = { 7 }, calls = { { name = HOSTILE, answers = { { action = HOSTILE } } } } },
    },
    cgroups = { { path = HOSTILE, members = { 7 }, usage = {}, effective = {} } },
    run = {
      argv = { HOSTILE },
      status = 0,
      calls = { call },
      series = { { path = HOSTILE, samples = { { at = 0, memory = 1 }, { at = 1, memory = 2 } } } },
    },
  }
end

-- Reads the page strictly, as XML: what is not well-formed is an error. Prints what elements there
-- are, and every text.
local READER = [[
import sys, xml.etree.ElementTree as tree
text = open(sys.argv[1], encoding="utf-8").read()
assert text.startswith("<!DOCTYPE html>\n")
root = tree.fromstring(text.split("\n", 1)[1])
names = {element.tag for element in root.iter()}
allowed = set("""html head meta title style body header main footer section nav div span p a h1
h2 h3 h4 ul li b s strong code details summary table
thead tbody tr th td input label svg rect line circle path text""".split())
assert names <= allowed, names - allowed
for element in root.iter():
    for key, value in element.attrib.items():
        assert not key.startswith("on"), key
        assert key != "src" and (key != "href" or value.startswith("#")), (key, value)
ids = [element.get("id") for element in root.iter() if element.get("id")]
assert len(ids) == len(set(ids)), "an id twice"
print("\n".join(root.itertext()))
]]

local function read_strictly(t, page)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/page.html", page)
  local result = capture({ "python3", "-c", READER, dir.path .. "/page.html" }, { timeout = "50s" })
  t.eq({ result.code, result.stderr }, { 0, "" }, "the page is read as XML")
  return result.stdout
end

test.case("a command line that makes no sense is refused with what is wrong", function(t)
  for words, message in pairs {
    [""] = "is missing",
    ["1"] = "-o FILE is missing",
    ["--fromat json 1 -o x"] = "did you mean --format?",
    ["--format svg 1 -o x"] = "expected html, json or mermaid",
    ["--interval 0s 1 -o x"] = "expected a time",
    ["--trace"] = "--trace needs a value",
    ["--trace t -o x 1"] = "--trace draws what has been",
  } do
    local list = {}
    for word in words:gmatch("%S+") do
      list[#list + 1] = word
    end
    local status, _, errors = run(list)
    t.eq(status, 2, words)
    t.match(errors, message, true)
  end
end)

test.case("what is not there is refused by its name", function(t)
  local dir <close> = temp_dir()
  local out = dir.path .. "/x"
  local status, _, errors = run { "-o", out, "2147483647" }
  t.eq(status, 1)
  t.match(errors, "there is no process 2147483647", true)
  status, _, errors = run { "-o", out, "no-such-container" }
  t.eq(status, 1)
  t.match(errors, 'no container is called "no-such-container"', true)
  status, _, errors = run { "-o", out, "no-such-script.lua", "argument" }
  t.eq(status, 1)
  t.match(errors, "there is no file", true)
  status, _, errors = run { "--trace", dir.path .. "/none", "-o", out }
  t.eq(status, 1)
  t.match(errors, "there is no file", true)
  write_file(out, "hello\n")
  status, _, errors = run { "--trace", out, "-o", dir.path .. "/y" }
  t.eq(status, 1)
  t.match(errors, "that is no trace", true)
  write_file(out, '{"format":99}\n')
  t.match(select(3, run { "--trace", out, "-o", "-" }), "the trace is of format 99", true)
  t.eq(try(stat, dir.path .. "/y"), nil, "no page was left")
end)

test.case("a page that cannot be written is an error, and the script has run", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/s.lua", ("write_file(%q, 'ran')"):format(dir.path .. "/ran"))
  local status, _, errors = run { dir.path .. "/s.lua", "-o", "/proc/no/such.html" }
  t.eq(status, 1)
  t.match(errors, "ENOENT", true)
  t.eq(read_file(dir.path .. "/ran"), "ran")
end)

test.case("nothing that a container names becomes a part of the page", { "python" }, function(t)
  local page = report.page(hostile(3))
  t.ok(not page:lower():find("<script", 1, true), "no element of theirs")
  t.ok(not page:find("[%z\1-\9\11-\31\127]"), "no control character")
  t.ok(not page:find("\u{202e}", 1, true) and utf8.len(page) ~= nil, "no turned line, UTF-8")
  local texts = read_strictly(t, page)
  local _, count = texts:gsub("alert%('1'%)", "")
  t.ok(count >= 10, "it is all there to be read: " .. count)
  t.match(texts, [[\27[2J\10\0\226\128\174\255]], true)
end)

test.case("text is escaped in attributes, too, and Mermaid's labels cannot be ended", function(t)
  local element = tostring(html.element("p", { title = HOSTILE, id = false }, HOSTILE, nil, false))
  local _, quotes = element:gsub('"', "")
  t.eq(quotes, 2, "the attribute's own")
  t.ok(not element:find("<script", 1, true) and not element:find("id=", 1, true), element)
  local drawn = report.mermaid(hostile(1))
  for line in drawn:gmatch("[^\n]+") do
    local _, count = line:gsub('"', "")
    t.ok(count == 0 or count == 2, line)
    t.ok(
      not line:find("[<>]") or line:find("<br/>", 1, true) and not line:find("<scr", 1, true),
      line
    )
  end
end)

test.case("ten thousand mounts make a page that can be read", { "python" }, function(t)
  local found = hostile(10000)
  local before = os.clock()
  local page = report.page(found)
  local lines = require("inspect.views").lines("mounts", found)
  t.ok(os.clock() - before < 20, "in time")
  t.ok(#page < 2000000, "small: " .. #page)
  t.match(read_strictly(t, page), "9600 more mounts are left out", true)
  t.ok(#lines < 2100 and lines[#lines]:find("and 8000 more", 1, true), "the terminal's, too")
end)

test.case("mounts that lie ten thousand deep are drawn without running out of stack", function(t)
  local list = {}
  for index = 1, 10000 do
    list[index] = { id = index, parent = index - 1, point = "/" .. index, type = "x", root = "/" }
    list[index].attributes, list[index].propagation, list[index].hidden = {}, "private", false
  end
  local rows = require("inspect.mounts").tree(list)
  t.eq({ #rows, rows[10000].depth }, { 10000, 9999 })
  t.ok(#report.page { mounts = { { inode = 1, list = list } } } > 1000)
end)

test.case("a snapshot of nothing is a page that says so", { "python" }, function(t)
  t.match(read_strictly(t, report.page {}), "There is nothing to draw", true)
  t.fails("expected table", report.page, "x")
end)

test.case("a recorded run has every part, and says what the table has", { "python" }, function(t)
  local page = report.page(fixture())
  for _, part in ipairs(report.PARTS) do
    t.match(page, ('<section aria-labelledby="%s-title" id="%s">'):format(part.id, part.id), true)
  end
  local texts = read_strictly(t, page)
  for _, words in ipairs {
    "scripts/two_boxes.lua",
    "boxes-server  busybox",
    "host name boxes-server",
    "10.89.0.2/24",
    "crun-lua0",
    "net_bind_service",
    "by its arguments: allow or errno EPERM",
    "× killed for memory: 1",
    "most 32M of 32M",
    "▮ held back: 6",
  } do
    t.ok((texts .. page):find(words, 1, true), words)
  end
  t.eq(report.page(fixture()), page, "the same table draws the same page")
end)

test.case("the namespaces and wires of a recorded run are a flowchart", function(t)
  local drawn = report.mermaid(fixture())
  t.match(drawn, "^flowchart TB\n")
  local _, wires = drawn:gsub(" === ", "")
  t.eq(wires, 3, "a wire for each box")
  local _, opened = drawn:gsub("subgraph", "")
  local _, ended = drawn:gsub("\n%s*end\n", "\n\n")
  t.eq(opened > 0 and opened, ended)
end)

test.case("a namespace's number that is used again is another namespace", function(t)
  local function of(pid, start, ppid)
    return {
      taken = start,
      processes = { { pid = pid, ppid = ppid, start = start } },
      namespaces = { { id = "uts5", kind = "uts", inode = 5, members = { pid } } },
      mounts = {},
      networks = { { id = "uts5", inode = 5 } },
      cgroups = {},
      seccomp = {},
    }
  end
  local joined = snapshot.merge(of(7, 1, 1), of(8, 2, 1))
  t.eq({ joined.namespaces[1].id, joined.namespaces[2].id }, { "uts5", "uts5~2" })
  t.eq(joined.networks[2].id, "uts5~2")
  joined = snapshot.merge(joined, of(9, 3, 1))
  t.eq(joined.namespaces[3].id, "uts5~3")
  -- Equal filters are drawn once, with all who have them.
  local one, other = of(7, 1, 1), of(8, 2, 1)
  one.seccomp = { { digest = "a", pids = { 7 } } }
  other.seccomp = { { digest = "a", pids = { 7, 8 } }, { digest = "b", pids = { 9 } } }
  local maps = snapshot.merge(one, other).seccomp
  t.eq({ #maps, maps[1].pids, maps[2].pids }, { 2, { 7, 8 }, { 9 } })
  -- What a member has started is in the same one, and so is the member itself.
  joined = snapshot.merge(of(7, 1, 1), of(8, 2, 7))
  t.eq({ #joined.namespaces, joined.namespaces[1].members }, { 1, { 7, 8 } })
  t.eq(#snapshot.merge(of(7, 1, 1), of(7, 1, 1)).namespaces, 1)
  -- The same number of a process, used again, too.
  t.eq(#snapshot.merge(of(7, 1, 1), of(7, 5, 1)).namespaces, 2)
end)

test.case("stretches without calls are cut short, and each moment keeps its order", function(t)
  local axis = require "report.axis"
  local times = { 0, 0.001, 0.002, 3, 3.001, 60, 60.001 }
  local line = axis.new(times, { { from = 0.002, to = 2.9 } })
  local last = -1
  for _, time in ipairs(times) do
    local place = line:place(time)
    t.ok(place > last and place >= 0 and place <= 100, ("%s at %s"):format(time, place))
    last = place
  end
  t.ok(line:place(0.001) - line:place(0) > 5, "work is wide")
  t.eq({ line.gaps[1].looked, line.gaps[2].looked }, { true, false })
  t.ok(axis.new({}, {}):place(1) >= 0 and axis.new({ 1 }, {}):place(1) <= 100)
end)

test.case("a trace is drawn by process, also one that breaks off", { "python" }, function(t)
  local dir <close> = temp_dir()
  local script, trace = dir.path .. "/s.lua", dir.path .. "/trace"
  write_file(script, "spawn(function() exec { 'true' } end):wait()\npcall(mkdir, '/')")
  local program = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"
  t.eq(capture({ program, "--trace", trace, script }).code, 0)
  write_file(trace, read_file(trace) .. '{"number":9,"ca')
  local status, page = run { "--trace", trace, "-o", "-" }
  t.eq(status, 0)
  local texts = read_strictly(t, page)
  t.match(texts, "execve(", true)
  t.match(texts, "× 1 failed", true)
  t.match(texts, "child 1", true)
  t.ok(not page:find('id="mounts"', 1, true), "nothing that a trace does not know")
end)

test.case("a script is run as it is: arguments, streams, status", function(t)
  local dir <close> = temp_dir()
  local source = "print(#arg, arg[1], arg[2], arg[3]) io.stderr:write('e') os.exit(7)"
  write_file(dir.path .. "/s.lua", source)
  local status, output, errors =
    run { dir.path .. "/s.lua", "-o", "--json", "a b", "-o", dir.path .. "/p.html" }
  t.eq({ status, output, errors }, { 7, "3\t-o\t--json\ta b\n", "e" })
  t.match(read_file(dir.path .. "/p.html"), "ended with status 7", true)
  write_file(dir.path .. "/s.lua", "error('boo')")
  local failed, _, message = run { dir.path .. "/s.lua", "-o", dir.path .. "/p.html" }
  t.eq(failed, 1)
  t.match(message, "boo", true)
end)

test.case("what a child is when it calls exec is in the report", { "userns" }, function(t)
  local dir <close> = temp_dir()
  local found, status = report_of(
    dir,
    ([[
    local kinds = { "user", "uts", "net", "pid", "mnt" }
    local child <close> = spawn({ name = "box", unshare = kinds }, function()
      sethostname("inner")
      mount("proc", "/proc", { type = "proc" })
      write_file(%q, json_encode(proc_ns()))
      drop_caps { keep = { "net_bind_service" } }
      exec { "true" }
    end)
    os.exit(child:wait().code)]]):format(dir.path .. "/ns.json")
  )
  t.eq(status, 0)
  local its, box = json_decode(read_file(dir.path .. "/ns.json")), nil
  for _, row in ipairs(found.processes) do
    box = row.namespaces.uts == its.uts and row or box
  end
  t.eq({ box.inside, box.name, box.capabilities.effective }, { 1, "true", "0000000000000400" })
  for _, kind in ipairs { "user", "uts", "net", "pid", "mnt" } do
    t.eq(box.namespaces[kind], its[kind], kind)
  end
  local by_kind = {}
  for _, space in ipairs(found.namespaces) do
    if space.members[1] == box.pid then
      by_kind[space.kind] = space
    end
  end
  t.eq(by_kind.uts.hostname, "inner")
  t.eq(by_kind.net.owner, its.user)
  t.eq(by_kind.user.ids.uid[1].inside, 0)
  local proc
  for _, one in ipairs(found.mounts[1].list) do
    proc = one.point == "/proc" and one.over and one or proc
  end
  t.eq(proc.type, "proc", "its own /proc lies over the host's")
  t.eq(found.networks[1].links[1].name, "lo")
  local moments = {}
  for _, pause in ipairs(found.run.pauses) do
    moments[pause.moment] = true
    t.ok(pause.to >= pause.from)
  end
  t.ok(moments.exec, "it was looked at before exec")
  t.ok(
    not box.command:find("--witness", 1, true)
      and not found.processes[1].command:find("witness", 1, true)
  )
end)

test.case("what the filter of a box answers is read back from the kernel", { "root" }, function(t)
  local dir <close> = temp_dir()
  local found, status = report_of(
    dir,
    [[
    local child <close> = spawn(function()
      seccomp { default = "allow", errno = { "mkdir" }, errno_ret = "EROFS" }
      exec { "true" }
    end)
    os.exit(child:wait().code)]]
  )
  t.eq(status, 0)
  local by_name = {}
  for _, row in ipairs(found.seccomp[1].calls) do
    by_name[row.name] = row.answers
  end
  t.eq(by_name.mkdir or by_name.mkdirat, { { action = "errno", errno = "EROFS" } })
  t.eq(by_name.read, { { action = "allow" } })
end)

test.case("a filter that forbids what looking takes is not looked under", function(t)
  local dir <close> = temp_dir()
  for _, name in ipairs { "clock_nanosleep", "read" } do
    local found, status, errors = report_of(
      dir,
      ([[
      local child = spawn(function()
        seccomp { default = "allow", kill = { %q } }
      end)
      print(child:wait().signal)
      os.exit(0)]]):format(name)
    )
    t.eq({ status, errors }, { 0, "" }, name)
    for _, pause in ipairs(found.run.pauses) do
      t.ne(pause.moment, "confined", name)
    end
  end
end)

test.case("a kill for memory is a mark on the curve", { "root", "cgroup:memory" }, function(t)
  local dir <close> = temp_dir()
  local found, status = report_of(
    dir,
    [[
    local name = "report-test-" .. proc_stat().pid
    local group <close> = cgroup_set(name, { memory = "24M", swap = 0 })
    local hog = spawn({ cgroup = group }, function()
      local list = {}
      while #list < 512 do
        list[#list + 1] = ("x"):rep(1 << 20)
      end
    end)
    os.exit(hog:wait().signal == "kill" and 5 or 1)]]
  )
  t.eq(status, 5)
  local kills, peak = 0, 0
  for _, one in ipairs(found.run.series) do
    for _, sample in ipairs(one.samples) do
      kills = kills + (sample.oom or 0)
      peak = math.max(peak, sample.memory or 0)
      t.eq(sample.memory_limit or 24 << 20, 24 << 20)
    end
  end
  t.eq(kills, 1)
  t.ok(peak <= 24 << 20)
  t.match(report.page(found), "killed for memory: 1", true)
end)

test.case("the ends of a cable are found in both namespaces", { "root" }, function(t)
  local dir <close> = temp_dir()
  local found, status = report_of(
    dir,
    [[
    local outer = spawn({ unshare = { "net" } }, function()
      local inner = spawn({ unshare = { "net" } }, function()
        for _ = 1, 500 do
          if #links() > 1 then break end
          capture { "sleep", "0.01" }
        end
        address_add("in0", "10.7.0.2/24")
        link_set("in0", { up = true })
        exec { "sleep", "0.3" }
      end)
      veth("out0", "in0", { peer_ns = inner.pid, address = "10.7.0.1/24", up = true })
      return inner:wait().code
    end)
    os.exit(outer:wait().code)]]
  )
  t.eq(status, 0)
  local graph = require("inspect.wiring").of(found)
  t.eq(#graph.wires, 1)
  local ends = { graph.wires[1].from.link, graph.wires[1].to.link }
  table.sort(ends)
  t.eq(ends, { "in0", "out0" })
end)

test.case(
  "an ordinary user gets a report, with what is closed to it",
  { "user", "userns" },
  function(t)
    local dir <close> = temp_dir()
    local found, status = report_of(
      dir,
      "os.exit(spawn({ unshare = { 'user', 'uts' } }, function() "
        .. "seccomp { default = 'allow', errno = { 'mkdir' } } exec { 'true' } end):wait().code)"
    )
    t.eq(status, 0)
    t.ok(
      found.seccomp[1].unreadable == "EACCES" or found.seccomp[1].unreadable == "EPERM",
      "why not"
    )
    t.match(report.page(found), "The kernel does not say what the filter answers", true)
  end
)

test.case(
  "a browser shows the page without scrolling sideways, and no text leaves its drawing",
  { "program:chromium", "program:python3", "root", "minutes:3" },
  function(t)
    local dir <close> = temp_dir()
    local page = dir.path .. "/page.html"
    for _, drawn in ipairs { fixture(), hostile(40) } do
      write_file(page, report.page(drawn))
      for look, width in pairs { light = 1280, dark = 390, print = 794 } do
        local words = { "python3", "tests/browser.py", page, tostring(width), look }
        local result = capture(words, { timeout = "100s" })
        t.eq({ result.code, result.stderr }, { 0, "" })
        local seen = json_decode(result.stdout)
        t.ok(seen.wide <= width, ("%d columns of %d"):format(seen.wide, width))
        t.eq(table.concat(seen.outside, "\n"), "", "texts outside of their drawing")
        t.eq(table.concat(seen.overlaps, "\n"), "", "texts on each other")
        t.eq(table.concat(seen.clipped, "\n"), "", "parts that are wider than their place")
        t.eq({ #seen.requests, seen.scripts, seen.errors }, { 1, 0, {} }, "nothing is loaded")
        t.ok(#seen.sections >= 7)
      end
    end
  end
)

return test.run()

-- The pictures of `inspect --view`: what is refused, that each fits the terminal and writes nothing
-- that it obeys, and that they show what the kernel has.

local calls = require "inspect.calls"
local command = require "commands.inspect"
local inspect = require "inspect"
local rights = require "inspect.rights"
local specimen = require "test.specimen"
local test = require "test"
local text = require "view.text"
local views = require "inspect.views"

local function run(arguments)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return command(arguments)
  end)
  local result = child:output { timeout = "60s" }
  return result.code, result.stdout, result.stderr
end

local function fixture()
  return json_decode(read_file("tests/fixtures/snapshot/boxes.json"))
end

local function drawn(name, snapshot, given)
  return table.concat(views.lines(name, snapshot, given), "\n") .. "\n"
end

test.case("a view that does not exist is refused with the nearest", function(t)
  local status, _, errors = run { "--view", "mount", "1" }
  t.eq(status, 2)
  t.match(errors, "--view mount: no such view, did you mean mounts?", true)
  t.eq((run { "--view" }), 2)
  t.fails("name: expected", views.lines, "mount", fixture())
  t.fails("did you mean 'width'?", views.lines, "mounts", fixture(), { widht = 1 })
  status, _, errors = run { "--view", "mounts", "2147483647" }
  t.eq(status, 1)
  t.match(errors, "there is no process", true)
end)

test.case("no line is wider than the terminal, nor than 100 columns", function(t)
  local found = fixture()
  for _, name in ipairs(views.NAMES) do
    for _, width in ipairs { 20, 40, 60, 100, 300 } do
      for _, line in ipairs(views.lines(name, found, { width = width })) do
        t.ok(text.width(line) <= math.min(width, 100), ("%s at %d: %s"):format(name, width, line))
      end
    end
  end
end)

test.case("nothing that a container names moves the cursor", function(t)
  local name = "\27[2J\n\r\u{9b}31m\xff\u{202e}日本"
  local found = fixture()
  for _, row in ipairs(found.processes) do
    row.name, row.command = name, name
  end
  for _, space in ipairs(found.namespaces) do
    space.hostname = name
  end
  for _, one in ipairs(found.mounts[1].list) do
    one.point, one.source, one.type, one.root = "/" .. name, name, name, "/" .. name
  end
  for _, network in ipairs(found.networks) do
    for _, link in ipairs(network.links) do
      link.kind, link.addresses = name, { { address = name } }
    end
  end
  found.cgroups = { { path = name, members = { 7 }, unreadable = "EACCES", hint = name } }
  for _, view in ipairs(views.NAMES) do
    for _, line in ipairs(views.lines(view, found, { width = 60 })) do
      t.ok(not line:find("[%z\1-\31\127]") and utf8.len(line), ("%s: %q"):format(view, line))
      t.ok(not line:find("\u{9b}", 1, true) and not line:find("\u{202e}", 1, true), view)
      t.ok(text.width(line) <= 60, view)
    end
  end
end)

test.case("symbols say what colours repeat, and a pipe gets no colours", function(t)
  for _, name in ipairs(views.NAMES) do
    local plain = drawn(name, fixture(), { colours = false })
    local painted = drawn(name, fixture(), { colours = true })
    t.ok(not plain:find("\27", 1, true), name)
    t.eq((painted:gsub("\27%[%d+m", "")):gsub(" +\n", "\n"), (plain:gsub(" +\n", "\n")), name)
  end
  local _, shown = run { "--view", "capabilities", tostring(proc_stat().pid) }
  t.ok(#shown > 100 and not shown:find("\27", 1, true))
end)

test.case("a recorded snapshot draws the same words as the page", function(t)
  local found = fixture()
  t.match(drawn("namespaces", found), "host name boxes-server", true)
  t.match(drawn("processes", found), "⟶ 1  busybox", true)
  t.match(drawn("mounts", found), "× masked", true)
  t.match(drawn("network", found), "eth0  veth  ⇄ cl", true)
  t.match(drawn("network", found), "(port of crun-lua0)  10.89.0.2/24", true)
  t.match(drawn("seccomp", found), "○ 3 by arguments", true)
  t.match(drawn("capabilities", found), "net_bind_service   ●   ●   ●   ·   ·", true)
end)

test.case("several views have a heading each, and JSON is what they are drawn from", function(t)
  local own = tostring(proc_stat().pid)
  local status, shown = run { "--view", "processes", "--view=network", own }
  t.eq(status, 0)
  t.match(shown, "^── processes\n.*\n── network\n")
  local found
  status, found = run { "--view", "mounts", "--json", own }
  t.eq(status, 0)
  found = json_decode(found)
  t.eq({ found.version, #found.mounts, #found.networks }, { 1, 1, 0 }, "no more is read")
end)

test.case("the text in the middle is what a cut leaves out", function(t)
  t.eq(text.middle("/var/lib/container", 9), "/va…ainer")
  t.eq(
    { text.middle("short", 5), text.middle("longer", 2), text.middle("", 0) },
    { "short", "l…", "" }
  )
  for columns = 3, 12 do
    t.ok(text.width(text.middle("日本語abc日本語", columns)) <= columns, tostring(columns))
  end
end)

test.case("the map is what the filter answers, call by call", { "root" }, function(t)
  local spec = { default = "errno", allow = { "@default" } }
  local box <close> = specimen.box()
  local found = inspect.snapshot(box, { parts = { "seccomp" } })
  local filter <close> = seccomp_compile(spec)
  local compared = 0
  for _, row in ipairs(found.seccomp[1].calls) do
    local expected = filter:decide(row.name)
    local same = false
    for _, answer in ipairs(row.answers) do
      same = same or answer.action == expected.action and answer.errno == expected.errno
    end
    t.ok(same, ("%s: %s, expected %s"):format(row.name, calls.rule(row), expected.action))
    compared = compared + 1
  end
  t.ok(compared > 300, "calls: " .. compared)
  t.eq(calls.mark { answers = {} }, "×")
end)

test.case("of two filters the strictest answer counts, as in the kernel", { "root" }, function(t)
  local ready = pipe()
  local box <close> = spawn({ stdout = ready.write }, function()
    seccomp { default = "allow", errno = { "mkdir", "rmdir" }, errno_ret = "EROFS" }
    seccomp {
      default = "allow",
      kill = { "rmdir" },
      rules = {
        {
          names = { "socket" },
          action = "errno",
          errno = "EAFNOSUPPORT",
          args = { { index = 0, op = "eq", value = 38 } },
        },
      },
    }
    exec { "sh", "-c", "echo ready; exec sleep 60" }
  end)
  ready.write:close()
  t.eq(ready.read:read(6, { timeout = "60s" }), "ready\n")
  local found = inspect.snapshot(box, { parts = { "seccomp" } })
  local map, by_name = found.seccomp[1], {}
  for _, row in ipairs(map.calls) do
    by_name[row.name] = row
  end
  t.eq(map.filters, 2)
  t.eq(calls.rule(by_name.mkdir), "errno EROFS")
  t.match(calls.rule(by_name.rmdir), "^kill")
  t.eq(calls.rule(by_name.socket), "by its arguments: allow or errno EAFNOSUPPORT")
  t.eq(calls.mark(by_name.socket), "○")
  t.match(drawn("seccomp", found), "socket (by its arguments: allow or errno EAFNOSUPPORT)", true)
end)

test.case("a process runs on after its filters were read", { "root" }, function(t)
  local asked = pipe()
  local box <close> = spawn(function()
    seccomp { default = "allow", errno = { "mkdir" } }
    asked.write:close()
    asked.read:read()
    return 9
  end)
  asked.read:close()
  while seccomp_status(box.pid).mode ~= "filter" do
    capture { "true" }
  end
  for _ = 1, 5 do
    t.eq(#inspect.snapshot(box, { parts = { "seccomp" } }).seccomp, 1)
  end
  t.eq(proc_status(box.pid).tracer_pid, 0)
  asked.write:close()
  t.eq(box:wait().code, 9, "its end is its parent's to see")
end)

test.case("the filters of another user's process are closed", { "user", "userns" }, function(t)
  local err = t.fails("EPERM", seccomp_map, 1)
  t.match(err.hint, "it needs root", true)
  t.fails("EPERM", seccomp_map, proc_stat().ppid)
end)

test.case("the grid is the masks, bit by bit", function(t)
  local own = proc_status()
  local words = rights.words()
  t.eq(#words.names, tonumber(sysctl_get("kernel.cap_last_cap")) + 1)
  local rows = rights.grid(words, { effective = own.cap_eff, bounding = own.cap_bnd })
  local names, count = {}, 0
  for _, name in ipairs(own.cap_bnd_names) do
    names[name] = true
  end
  for _, row in ipairs(rows) do
    t.eq(row.bounding, names[row.name] or false, row.name)
    count = count + (row.effective and 1 or 0)
  end
  t.eq(rights.count(own.cap_eff), count)
end)

test.case("what a box has of its own is marked, in every kind", { "root" }, function(t)
  local box <close> = specimen.box()
  local found = inspect.snapshot(box)
  local shown = drawn("namespaces", found)
  for kind, inode in pairs(proc_ns(box)) do
    if not kind:find("_for_children") then
      local own = inode ~= proc_ns()[kind]
      local mark = own and "  ● its own" or "  ○ the host's"
      t.match(shown, ("%s %d%s"):format(kind, inode, mark), true)
    end
  end
  t.match(drawn("mounts", found), "/proc/sys  proc [/sys]  ro,nosuid,nodev,noexec  P", true)
  t.match(drawn("processes", found), ("%d ⟶ 1"):format(box.pid), true)
end)

return test.run()

-- What `inspect` tells of a process: what it refuses, what a hostile process can do to it, and that
-- its facts are the kernel's. The faults it finds are in the files inspect_*_test.lua.

local command = require "commands.inspect"
local inspect = require "inspect"
local part = require "inspect.part"
local specimen = require "test.specimen"
local test = require "test"

local TREES = "tests/fixtures/proc/"

--- Runs the command in a child: its status, and what it wrote.
local function run(arguments)
  local child <close> = spawn({ stdout = "pipe", stderr = "pipe" }, function()
    return command(arguments)
  end)
  local result = child:output { timeout = "60s" }
  return result.code, result.stdout, result.stderr
end

--- A process that has ended and was not collected.
local function zombie()
  local child = spawn(function() end)
  while child:alive() do
    capture { "true" }
  end
  return child
end

test.case("a process that does not exist is refused by its number", function(t)
  local err = t.fails("there is no process 2147483647", inspect.process, 2147483647)
  t.match(err.hint, "has ended", true)
  t.fails("there is no process 0", inspect.process, 0)
  t.fails("expected integer", inspect.process, "1")
  t.fails("there is no process", inspect.compare, proc_stat().pid, 2147483647)
  t.fails("did you mean 'root'?", inspect.process, 1, { rot = "/proc" })
  t.fails("facts: expected table", inspect.findings, nil)
  t.fails("sections[1]", inspect.report, { process = {} }, { sections = { "mount" } })
end)

test.case("a process that has ended and was not collected is told, part by part", function(t)
  local child <close> = zombie()
  local found, _, facts = specimen.findings(child)
  t.eq(facts.process.zombie, true)
  t.eq(found["ended"].level, "error")
  t.ok(found["unreadable"], "what a dead process no longer has")
  t.ok(#inspect.report(facts) > 10, "lines")
  t.ok(json_decode(json_encode(facts)).process.zombie)
end)

test.case("each part of another user's process that is closed says why", { "user" }, function(t)
  local found, _, facts = specimen.findings(1)
  t.eq(facts.mounts.proc ~= nil or facts.mounts.unreadable ~= nil, true)
  t.eq({ facts.namespaces.unreadable, facts.fds.unreadable }, { "EACCES", "EACCES" })
  t.match(facts.fds.hint, "CAP_SYS_PTRACE", true)
  t.eq(facts.security.capabilities.bounding.mask, proc_status(1).cap_bnd)
  t.match(found["unreadable"].what, "fds (EACCES)", true)
  t.match(table.concat(inspect.report(facts), "\n"), "unreadable: EACCES", true)
end)

test.case("a name with line ends and escapes cannot write on the terminal", function(t)
  local name = "\27[2J\n\r\u{9b}31m\xff"
  local dir <close> = temp_dir()
  copy_file("/proc/self/exe", dir.path .. "/" .. name)
  chmod(dir.path .. "/" .. name, "0755")
  local ready = pipe()
  local child <close> = spawn({ stdout = ready.write, stdin = "null" }, function()
    -- The kernel takes the file's name as the process's.
    write_file(dir.path .. "/wait.lua", "print('ready') io.stdout:flush() while true do end")
    exec { dir.path .. "/" .. name, dir.path .. "/wait.lua", "\27]0;title\7\u{202e}" }
  end)
  ready.write:close()
  t.eq(ready.read:read(6, { timeout = "60s" }), "ready\n")
  local facts = inspect.process(child, { env = true })
  local text = table.concat(inspect.report(facts), "\n")
  t.ok(not text:find("[\27\7\r]") and not text:find("\u{9b}", 1, true), "no control character")
  t.ok(not text:find("\u{202e}", 1, true), "no turned line")
  t.match(text, "\\27]0;title\\7", true)
  local status, shown = run { "--json", tostring(child.pid) }
  t.eq(status, 0)
  t.ok(not shown:find("[\27\7\r]") and not shown:find("\u{202e}", 1, true), "JSON for terminals")
  t.eq(json_decode(shown).facts.process.command[3], "\27]0;title\7\u{202e}")
end)

test.case("a root that is a trap does not stop the reader", { "root" }, function(t)
  -- /dev is a pipe that nobody writes to, and /proc a link to the host's.
  local box <close> = specimen.box {
    proc = false,
    stay = true,
    root = function(root)
      root:rmdir("/proc")
      root:symlink("../../../../../proc", "/proc")
      root:mknod("/dev/full0", { type = "p" })
      root:umount("/dev/mqueue")
    end,
  }
  local found = specimen.findings(box)
  t.ok(found["no-proc"])
  t.ok(not found["disk-devices"])
end)

test.case("what a child is asked for is not waited for without end", function(t)
  local answer = part.child({}, function()
    pipe().read:read()
    while true do
      capture { "sleep", "1" }
    end
  end)
  t.eq(answer.unreadable, "ETIMEDOUT")
  t.eq(
    part.child({}, function()
      return { 1, "\xff" }
    end),
    { 1, "\\255" }
  )
  t.eq(
    part.child({}, function()
      return read_file("/nowhere/file")
    end).unreadable,
    "ESRCH"
  )
end)

test.case("a mistake of the program's own is not hidden as unreadable", function(t)
  t.fails("attempt to index", part.read, function()
    return part.nothing.field
  end)
end)

test.case("the environment is not shown unless it was asked for", function(t)
  local child <close> = spawn(function()
    exec { "sleep", "60", env = { PATH = "/usr/bin:/bin", TOKEN = "secret-of-mine" } }
  end)
  child:started()
  local facts = inspect.process(child)
  t.eq(facts.env, nil)
  t.ok(not json_encode(facts):find("secret-of-mine", 1, true))
  facts = inspect.process(child, { env = true })
  t.eq(facts.env[2], { name = "TOKEN", value = "secret-of-mine" })
  t.match(table.concat(inspect.report(facts), "\n"), "secret-of-mine", true)
end)

test.case("namespaces are compared with the host's and with each other", { "userns" }, function(t)
  local child <close> = spawn({ unshare = { "user", "net", "uts" } }, function()
    exec { "sleep", "60" }
  end)
  child:started()
  local facts, own = inspect.process(child), proc_ns()
  for _, kind in ipairs { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" } do
    local row = facts.namespaces[kind]
    t.eq(row.inode, proc_ns(child)[kind], kind)
    t.eq(row.shared, row.inode == own[kind], kind)
  end
  t.eq(facts.namespaces.net.user, facts.namespaces.user.inode)
  local answer = inspect.compare(child, proc_stat().pid)
  table.sort(answer.different)
  t.eq(answer.different, { "net", "user", "uts" })
  t.eq(#answer.same, #answer.kinds - 3)
  t.eq(facts.ids.uid[1].inside, 0)
end)

test.case("processes of a pid namespace have both numbers, joined ones too", { "root" }, function(t)
  local box <close> = specimen.box()
  local guest <close> = spawn({ join = { pid = box } }, function()
    exec { "sleep", "60" }
  end)
  guest:started()
  local facts = inspect.process(box)
  t.eq({ facts.processes.init, facts.processes.whole }, { box.pid, true })
  local inside = {}
  for _, one in ipairs(facts.processes.list) do
    inside[one.pid] = one.inside
    t.eq(one.inside, proc_status(one.pid).ns_pid[2])
  end
  t.eq(inside[box.pid], 1)
  t.ok(inside[guest.pid], "the one that has joined")
  t.eq(#facts.processes.list, 3)
end)

test.case("mounts tell what is masked, read-only, and over what", { "root" }, function(t)
  local box <close> = specimen.box {
    root = function(root)
      root:mount("tmpfs", "/tmp", { type = "tmpfs", data = "size=1M" })
      root:mount("tmpfs", "/tmp", { type = "tmpfs", data = "size=2M", noexec = true })
    end,
  }
  local list, by_point, entries = inspect.process(box).mounts.list, {}, {}
  for _, entry in ipairs(mountinfo(box)) do
    entries[entry.mount_id] = entry
  end
  t.eq(#list, #mountinfo(box))
  for _, one in ipairs(list) do
    t.eq(entries[one.id].mount_point, one.point)
    if not one.hidden then
      by_point[one.point] = one
    end
  end
  t.eq(by_point["/proc/keys"].masked, true)
  t.eq({ by_point["/proc/sys"].readonly, by_point["/proc/sys"].masked }, { true, nil })
  t.eq(by_point["/"].readonly, true)
  local upper = by_point["/tmp"]
  t.eq(upper.attributes, { "noexec" })
  t.eq(entries[upper.over].super_options:match("size=%d+k"), "size=1024k")
  local mounts = require "inspect.mounts"
  t.eq(mounts.top(list, "/tmp/x").id, upper.id)
  t.eq(mounts.top(list, "/tmpx").point, "/")
end)

test.case("a mount that a later one above it hides is said to be hidden", function(t)
  local mounts = require "inspect.mounts"
  local function entry(id, parent, point)
    return {
      mount_id = id,
      parent_id = parent,
      mount_point = point,
      major = 0,
      minor = id,
      root = "/",
      source = "x",
      fs_type = "tmpfs",
      mount_options = {},
      super_options = "rw",
    }
  end
  local list = mounts.arrange {
    entry(1, 0, "/"),
    entry(2, 1, "/a/b"),
    entry(3, 2, "/a/b/c"),
    entry(4, 1, "/a"),
    entry(5, 4, "/a/b"),
    entry(6, 5, "/a/b"),
  }
  local hidden = {}
  for _, one in ipairs(list) do
    hidden[one.id] = one.hidden
  end
  t.eq(hidden, { false, true, true, false, true, false })
  t.eq(mounts.top(list, "/a/b/c").id, 6)
  t.eq(list[6].over, 5)
end)

test.case("rights, limits and descriptors are those of the process", function(t)
  local child <close> = spawn({ stdin = "null" }, function()
    rlimit { nofile = 300 }
    no_new_privs()
    seccomp { default = "errno", allow = { "@default" } }
    exec { "sleep", "60" }
  end)
  child:started()
  local facts = inspect.process(child)
  local status = proc_status(child)
  t.eq(facts.security.capabilities.effective.mask, status.cap_eff)
  t.eq(facts.security.no_new_privs, true)
  t.eq(facts.security.seccomp, { mode = "filter", filters = seccomp_status(child.pid).filters })
  t.eq(facts.limits.nofile.soft, 300)
  t.eq(facts.fds.count, #proc_fds(child))
  t.eq(facts.process.command, { "sleep", "60" })
  t.eq(facts.process.ppid, proc_stat().pid)
end)

test.case("groups, limits and usage are told on version 1 and 2", {
  "root",
  "cgroup:memory",
  "cgroup:pids",
}, function(t)
  local group <close> = cgroup_set("inspect-facts", { memory = "64M", pids = 20 })
  local child <close> = spawn({ cgroup = group }, function()
    exec { "sleep", "60" }
  end)
  child:started()
  local facts = inspect.process(child)
  t.eq(facts.cgroup.limits.memory, 64 << 20)
  t.eq(facts.cgroup.usage.pids.current, 1)
  t.eq(facts.cgroup.effective.memory.limit, 64 << 20)
  t.eq(facts.cgroup.effective.memory.at, group.paths.memory or group.paths.unified)
  t.eq(facts.cgroup.effective.pids.limit, 20)
  -- A looser limit below a tight one does not count.
  local above <close> = cgroup_set("inspect-above", { memory = "64M", pids = 20 })
  local nested <close> = above:child("below", { memory = "128M", pids = 10 })
  local deeper <close> = spawn({ cgroup = nested }, function()
    exec { "sleep", "60" }
  end)
  deeper:started()
  local effective = inspect.process(deeper).cgroup.effective
  t.eq({ effective.memory.limit, effective.pids.limit }, { 64 << 20, 10 })
end)

test.case("a recorded process is read without this machine's", function(t)
  local facts = inspect.process(1, { root = TREES .. "container" })
  t.eq(facts.namespaces.pid.shared, nil)
  t.eq(facts.network.source, "proc")
  t.eq(facts.network.routes[1].via, "10.1.0.2")
  t.eq(facts.contained, false)
  t.ok(#facts.mounts.list > 10)
  t.ok(#inspect.report(facts) > 30)
  local shell = pids({ root = TREES .. "shell" })[1]
  local recorded = inspect.process(shell, { root = TREES .. "shell" })
  t.eq(recorded.cgroup.memberships[6].path, "/session")
end)

test.case("JSON has all sections, and lists stay lists", function(t)
  local status, shown = run { "--json", tostring(proc_stat().pid) }
  t.eq(status, 0)
  local value = json_decode(shown)
  for _, name in ipairs(inspect.SECTIONS) do
    t.eq(type(value.facts[name]), "table", name)
  end
  t.eq(value.facts.version, inspect.VERSION)
  t.match(shown, '"groups": %[')
  t.match(json_encode(inspect.process(proc_stat().pid)), '"ambient":{"mask":"%x+","names":%[')
  t.ok(value.findings[1].remedy)
end)

test.case("the command refuses what it does not know, with status 2", function(t)
  for words, expected in pairs {
    ["--jsno 1"] = "did you mean --json?",
    ["--section mouts 1"] = "did you mean mounts?",
    ["--section"] = "needs a value",
    ["1 2"] = "one process at a time",
    [""] = "is missing",
  } do
    local list = {}
    for word in words:gmatch("%S+") do
      list[#list + 1] = word
    end
    local status, _, message = run(list)
    t.eq(status, 2, words)
    t.match(message, expected, true)
  end
  local status, _, message = run { "no-such-container" }
  t.eq(status, 1)
  t.match(message, "no container is called", true)
  status, _, message = run { "2147483647" }
  t.eq(status, 1)
  t.match(message, "there is no process", true)
end)

test.case("the command shows what was asked for, and its status tells of errors", function(t)
  local own = tostring(proc_stat().pid)
  local status, shown = run { "--section", "ids", "--section=limits", own }
  t.eq(status, 0)
  t.match(shown, "\nids  ")
  t.match(shown, "\nlimits  ")
  t.ok(not shown:find("\nmounts  "))
  status, shown = run { "--compare", own, own }
  t.eq(status, 0)
  t.match(shown, "the same", true)
  local child <close> = zombie()
  status, shown = run { "--findings", tostring(child.pid) }
  t.eq(status, 1)
  t.match(shown, "✗ error: it has ended", true)
  status = run { "--findings", own }
  t.eq(status, 0)
end)

test.case("no line of a report is wider than the window", function(t)
  local text = require "view.text"
  for _, line in ipairs(inspect.report(inspect.process(proc_stat().pid), { width = 80 })) do
    t.ok(text.width(line) <= 80, line)
  end
end)

test.case("the script for learners shows each part in its own words", function(t)
  local result = capture({
    "/proc/self/exe",
    "--stdlib",
    "stdlib",
    "scripts/debug.lua",
    tostring(proc_stat().pid),
  }, { timeout = "300s" })
  t.eq({ result.code, result.stderr }, { 0, "" })
  for _, word in ipairs { "namespaces", "cables", "seccomp", "What looks wrong?" } do
    t.match(result.stdout, word, true)
  end
  t.eq(capture({ "/proc/self/exe", "--stdlib", "stdlib", "scripts/debug.lua" }).code, 2)
end)

return test.run()

-- The audit of processes: a box in which nothing is wrong, and the same with one fault, which costs
-- exactly the rows that it is about; foreign containers; what cannot be judged.

local audit = require "audit"
local specimen = require "test.specimen"
local test = require "test"

--- What each row loses, by its id.
local function lost_of(result)
  local lost = {}
  for _, row in ipairs(result.rows) do
    lost[row.id] = row.lost
  end
  return lost
end

--- Closing a box ends it, so each is judged alone.
local function judge(fault)
  local box <close> = specimen.box(fault)
  return audit.process(box)
end

--- The rows that lose more with the fault than without it.
local function worse(with, without)
  local before, ids = lost_of(without), {}
  for _, row in ipairs(with.rows) do
    if row.lost > before[row.id] then
      ids[#ids + 1] = row.id
    end
  end
  table.sort(ids)
  return ids
end

local function expect(t, fault, ids)
  local good, bad = judge {}, judge(fault)
  t.eq(worse(bad, good), ids)
  t.ok(bad.total < good.total, ("%d < %d"):format(bad.total, good.total))
  for _, id in ipairs(ids) do
    local row = audit.row(bad, id)
    t.ok(row.remedy and #row.remedy > 3 and row.cost and #row.cost > 3 and #row.see > 3, id)
  end
end

test.case("a process that is not there is an error that says so", function(t)
  t.fails("there is no process 4194301", audit.process, 4194301)
end)

test.case("a property that nobody knows is an error with the nearest", function(t)
  t.fails('did you mean "memory"?', audit.row, audit.judge {}, "memori")
end)

test.case("facts that know nothing judge nothing, and that is no praise", function(t)
  local result = audit.judge {}
  t.eq(result.total, 0)
  t.eq(result.unknown + 0 > 40, true)
  for _, row in ipairs(result.rows) do
    t.ok(row.answer == "unknown" or row.answer == "n/a", row.id .. ": " .. row.answer)
  end
end)

test.case("a box in which nothing is wrong keeps what it promises", { "root" }, function(t)
  local result = judge {}
  for _, id in ipairs {
    "mnt",
    "pid",
    "net",
    "not-root",
    "no-new-privs",
    "cap-sys_admin",
    "filter",
    "calls-mount",
    "calls-bpf",
    "own-root",
    "read-only-root",
    "proc-sys",
    "engine-socket",
  } do
    t.eq(audit.row(result, id).answer, "yes", id)
  end
  t.eq(result.doors, {})
  t.ok(result.total >= 75, tostring(result.total))
end)

test.case("a capability too many costs its row and the calls that it opens, no other", {
  "root",
}, function(t)
  expect(t, { keep = { "net_raw" }, user = false }, { "cap-net_raw", "not-root", "user" })
end)

test.case("sys_admin is told by name", { "root" }, function(t)
  local bad = judge { keep = { "sys_admin" }, user = false }
  local row = audit.row(bad, "cap-sys_admin")
  t.eq(row.answer, "no")
  t.match(row.now, "it has sys_admin", true)
  t.eq(audit.row(bad, "cap-net_raw").lost, 0)
end)

test.case("a box without a filter loses the filter's rows alone", { "root" }, function(t)
  local good, bad = judge {}, judge { seccomp = false }
  for _, id in ipairs(worse(bad, good)) do
    t.ok(id == "filter" or id:find "^calls%-", id)
  end
  t.eq(audit.row(bad, "filter").answer, "no")
  t.eq(audit.row(bad, "unlisted").answer, "n/a")
  t.eq(audit.row(bad, "calls-namespaces").lost, 4)
  -- Without the capability a door is locked once more, and is a door all the same.
  local mount = audit.row(bad, "calls-mount")
  t.ok(mount.answer == "partly" and mount.lost > 0 and mount.lost < mount.weight)
end)

test.case("a filter that lets one call through too many costs that call's row", {
  "root",
}, function(t)
  local filter = { default = "errno", allow = { "@default", "keyctl" } }
  expect(t, {
    seccomp = false,
    rights = function()
      seccomp(filter)
    end,
  }, { "calls-keyring" })
end)

test.case("a namespace that is the host's costs its row", { "root" }, function(t)
  expect(t, { without = { "ipc" } }, { "ipc" })
  expect(t, { without = { "uts" } }, { "uts" })
end)

test.case("without no_new_privs set-user-id files count, where there are some", {
  "root",
}, function(t)
  local bad = judge {
    no_new_privs = false,
    seccomp = false,
    late = function()
      write_file("/tmp/x", "x")
    end,
    root = function(root)
      root:mount("tmpfs", "/tmp", { type = "tmpfs" })
    end,
  }
  t.eq(audit.row(bad, "no-new-privs").answer, "no")
  t.eq(audit.row(bad, "setuid-files").now, "none was found where programs are")
  bad = judge {
    no_new_privs = false,
    seccomp = false,
    root = function(root)
      root:mkdir("/sbin")
      root:write("/sbin/become", "x")
      root:chmod("/sbin/become", "4755")
    end,
  }
  -- The specimen's own root is nosuid, as every tmpfs of `rootfs_new`.
  t.eq(audit.row(bad, "setuid-files").now, "none was found where programs are")
end)

test.case("a directory of the host costs by what it is, and whether it can be written", {
  "root",
}, function(t)
  local function with(path, readonly)
    local result = judge {
      root = function(root)
        root:bind(path, "/given", { readonly = readonly, nosuid = true, nodev = true })
      end,
    }
    return audit.row(result, "host-paths"), result
  end
  t.eq(with("/usr/lib", true).answer, "yes")
  local row = with("/etc", true)
  t.eq(row.now, "/etc of the host, at /given")
  t.ok(row.lost > 0 and row.lost < row.weight)
  t.eq(with("/etc", false).answer, "no")
  t.eq(with("/srv", false).answer, "partly")
end)

test.case("the host's root, mounted somewhere, is no root of its own", { "root" }, function(t)
  local result = judge {
    root = function(root)
      root:bind("/", "/given", { recursive = false, nosuid = true, nodev = true })
    end,
  }
  t.eq(audit.row(result, "own-root").answer, "no")
  t.eq(audit.row(result, "host-paths").now, "/ of the host, writable, at /given")
end)

test.case("the socket of an engine is an open door: nothing else counts", { "root" }, function(t)
  local here <close> = temp_dir()
  local path = here.path .. "/docker.sock"
  local _listener <close> = socket_listen(path)
  local result = judge {
    root = function(root)
      root:bind(path, "/run/docker.sock")
    end,
  }
  t.eq(result.doors, { "engine-socket" })
  t.eq(result.word, "open")
  t.ok(result.total <= 20)
end)

test.case("limits are rows of their own", {
  "root",
  "cgroup:memory",
  "cgroup:pids",
}, function(t)
  local group <close> = cgroup_set("audit-limits", { memory = "64M", pids = 20 })
  local with, without = judge { cgroup = group }, judge {}
  t.eq(worse(without, with), { "memory", "pids" })
  t.eq(audit.row(with, "memory").now, "64M")
  t.eq(audit.row(with, "pids").now, "20")
end)

test.case("root of its own user namespace weighs less than the host's", {
  "root",
  "userns",
}, function(t)
  local child <close> = spawn({ unshare = { "user", "mnt", "pid" } }, function()
    exec { "sleep", "60" }
  end)
  child:started()
  local inside, host = audit.process(child), audit.process(proc_stat().pid)
  for _, id in ipairs { "not-root", "cap-sys_admin", "user" } do
    t.ok(audit.row(inside, id).lost < audit.row(host, id).lost, id)
  end
  t.eq(audit.row(host, "id-map").answer, "n/a")
  -- The map that a root without subordinate ids has: 0 inside is 0 outside.
  t.eq(audit.row(inside, "id-map").answer, "no")
end)

test.case("an ordinary user judges its own box, and is told what it could not read", {
  "user",
  "userns",
}, function(t)
  local result = judge {}
  t.eq(audit.row(result, "pid").answer, "yes")
  t.eq(audit.row(result, "user").answer, "yes")
  t.eq(audit.row(result, "calls-mount").answer, "unknown")
  t.ok(result.unknown > 5)
end)

test.case("a container that runc has started as for an engine is judged by the kernel", {
  "root",
  "program:runc",
  "program:busybox",
}, function(t)
  local oci = require "test.oci"
  local bench <close> = oci.bench()
  local spec = oci.spec { "sleep", "60" }
  spec.ociVersion = "1.0.2"
  -- Podman's own, but for the filter.
  spec.linux.maskedPaths = { "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware" }
  spec.linux.readonlyPaths =
    { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" }
  spec.linux.resources.pids = { limit = 64 }
  bench:write(spec)
  local runc = { "runc", "--root", bench.path .. "/runc" }
  local id = "audit-" .. bench.group:lower()
  local function call(...)
    return capture({ runc[1], runc[2], runc[3], ... }, { timeout = "60s" })
  end
  local pidfile = bench.path .. "/pid"
  local line =
    { "runc", "--root", bench.path .. "/runc", "run", "--detach", "--bundle", bench.path }
  local child <close> = spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
    exec(table.move({ "--pid-file", pidfile, id }, 1, 3, #line + 1, line))
  end)
  t.eq(child:wait().code, 0)
  local ok, err = pcall(function()
    local live = audit.process(math.tointeger(tonumber(read_file(pidfile):match "%d+")))
    local planned = audit.config(bench.path .. "/config.json")
    for _, wanted in ipairs {
      { "mnt", "yes" },
      { "pid", "yes" },
      { "not-root", "no" },
      { "no-new-privs", "yes" },
      { "cap-sys_admin", "yes" },
      { "cap-others", "partly" },
      { "filter", "no" },
      { "read-only-root", "yes" },
      { "proc-sys", "yes" },
      { "pids", "yes" },
      { "memory", "no" },
    } do
      t.eq(audit.row(live, wanted[1]).answer, wanted[2], wanted[1])
      t.eq(audit.row(planned, wanted[1]).answer, wanted[2], wanted[1] .. " by its configuration")
    end
  end)
  call("delete", "--force", id)
  if not ok then
    error(err, 0)
  end
end)

return test.run()

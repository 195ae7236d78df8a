-- One more program in an OCI container: what it is, what it gets, and what its caller hears.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

-- A container that runs.
local function running(t, change)
  local bench = oci.bench()
  local spec = oci.spec { "sleep", "100" }
  if change then
    change(spec, bench)
  end
  bench:write(spec)
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  return bench
end

test.case("the status is the program's, and 255 where it could not be run", NEEDS, function(t)
  local bench <close> = running(t)
  t.eq(bench:call({ "exec", "box", "sh", "-c", "exit 7" }).code, 7)
  t.eq(bench:call({ "exec", "box", "sh", "-c", "kill -9 $$" }).code, 137)
  local result = bench:call { "exec", "box", "nosuch" }
  t.eq(result.code, 255)
  has(t, result.stderr, 'exec: "nosuch": executable file not found in $PATH')
  result = bench:call { "exec", "box", "/bin/nosuch" }
  t.eq(result.code, 255)
  has(t, result.stderr, "no such file or directory")
  for _, user in ipairs { "1x", "-1", "root", "1:", "99999999999" } do
    result = bench:call { "exec", "--user=" .. user, "box", "id" }
    t.eq(result.code, 255, user)
    has(t, result.stderr, "invalid user")
  end
end)

test.case("a container that has stopped or stands still takes no program", NEEDS, function(t)
  local bench <close> = running(t)
  bench:call { "kill", "box", "KILL" }
  bench:call { "wait", "box" }
  local result = bench:call { "exec", "box", "true" }
  t.eq(result.code, 255)
  has(t, result.stderr, "cannot exec in a stopped container")
end)

test.case(
  "it stands in all namespaces and groups of the container, and finds no descriptor",
  NEEDS,
  function(t)
    local bench <close> = running(t)
    local script = "ls -l /proc/self/ns; cat /proc/self/cgroup; echo fds; ls /proc/self/fd"
    local result = bench:call { "exec", "box", "sh", "-c", script }
    t.eq(result.code, 0)
    local pid = bench:status("box").pid
    for kind, inode in pairs(proc_ns(pid)) do
      has(t, result.stdout, ("%s:[%d]"):format(kind:gsub("_for_children", ""), inode))
    end
    for _, line in ipairs(proc_cgroup(pid)) do
      t.ok(line.path)
    end
    t.match(result.stdout, "fds\n0\n1\n2\n3\n$")
  end
)

test.need("nsdelegate", function()
  local mounts = read_file "/proc/self/mountinfo" or ""
  return not mounts:find " %- cgroup2 [^\n]*nsdelegate" and "cgroup2 is mounted without nsdelegate"
    or nil
end)

test.case(
  "it comes into the container's control group where a cgroup namespace is a border",
  { "root", "program:busybox", "nsdelegate" },
  function(t)
    for _, with_users in ipairs { false, true } do
      local bench <close> = running(t, function(spec, bench)
        if with_users then
          table.insert(spec.linux.namespaces, { type = "user" })
          local maps = { { containerID = 0, hostID = 100000, size = 65536 } }
          spec.linux.uidMappings, spec.linux.gidMappings = maps, maps
          capture { "chown", "-R", "100000:100000", bench.rootfs }
        end
      end)
      local path = bench.path .. "/pid"
      local code, said = bench:detached { "exec", "-d", "--pid-file", path, "box", "sleep", "50" }
      t.eq(code, 0, said)
      local pid = math.tointeger(tonumber(read_file(path)))
      t.eq(proc_cgroup(pid), proc_cgroup(bench:status("box").pid))
      t.eq(proc_ns(pid).cgroup, proc_ns(bench:status("box").pid).cgroup)
    end
  end
)

test.case(
  "each --cgroup is a group for its controllers",
  { "root", "program:busybox", "cgroup:v1", "cgroup:memory", "cgroup:pids" },
  function(t)
    local bench <close> = running(t)
    local group = cgroup_of(bench:status("box").pid)
    mkdir(group.paths.pids .. "/one")
    mkdir(group.paths.memory .. "/two")
    local words = { "exec", "--cgroup", "pids:one", "--cgroup=memory:/two", "box" }
    local result = bench:call(table.move({ "cat", "/proc/self/cgroup" }, 1, 2, #words + 1, words))
    t.eq({ result.code, result.stderr }, { 0, "" })
    t.match(result.stdout, "pids:/one\n")
    t.match(result.stdout, "memory:/two\n")
    t.match(result.stdout, "freezer:/\n")
  end
)

test.case("options change what the container's own process is", NEEDS, function(t)
  local bench <close> = running(t)
  local script =
    "id -u; id -g; id -G; pwd; echo $A $TERM; grep -E 'CapBnd|CapInh|NoNew' /proc/self/status"
  local result = bench:call {
    "exec",
    "--user",
    "1000:5",
    "-g",
    "7",
    "-g",
    "8",
    "--cwd",
    "/tmp",
    "-e",
    "A=b",
    "--cap",
    "CAP_NET_RAW",
    "box",
    "sh",
    "-c",
    script,
  }
  t.match(result.stdout, "^1000\n5\n5 7 8\n/tmp\nb xterm\n")
  has(t, result.stdout, "CapInh:\t0000000000000000")
  has(
    t,
    result.stdout,
    ("CapBnd:\t%016x"):format(0x20000420 & 0 | 1 << 29 | 1 << 5 | 1 << 10 | 1 << 13 | 1 << 18)
  )
  has(t, result.stdout, "NoNewPrivs:\t1")
end)

test.case("--process says all of it", NEEDS, function(t)
  local bench <close> = running(t)
  local path = bench.path .. "/process.json"
  write_file(
    path,
    json_encode {
      args = { "sh", "-c", "id -u; echo $X; ulimit -n; umask" },
      env = { "PATH=/bin", "X=y" },
      cwd = "/",
      user = { uid = 3, gid = 4, umask = 7 },
      rlimits = { { type = "RLIMIT_NOFILE", soft = 50, hard = 60 } },
    }
  )
  local result = bench:call { "exec", "--process", path, "box" }
  t.eq(result.stdout, "3\ny\n50\n0007\n")
  write_file(path, '{ "args": ["true"] }')
  result = bench:call { "exec", "-p", path, "box" }
  t.eq(result.code, 255)
  has(t, result.stderr, "cwd")
end)

test.case(
  "exec --detach returns while the program runs, with its number in the file",
  NEEDS,
  function(t)
    local bench <close> = running(t)
    local path = bench.path .. "/pid"
    local code, said = bench:detached { "exec", "-d", "--pid-file", path, "box", "sleep", "50" }
    t.eq(code, 0, said)
    local pid = math.tointeger(tonumber(read_file(path)))
    t.eq(read_file(("/proc/%d/cmdline"):format(pid)), "sleep\00050\0")
    t.eq(proc_ns(pid).pid, proc_ns(bench:status("box").pid).pid)
    t.ok(proc_stat(pid).session == pid)
  end
)

test.case("a signal to exec goes on to the program", NEEDS, function(t)
  local bench <close> = running(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    exec(bench:words {
      "exec",
      "box",
      "sh",
      "-c",
      "trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done",
    })
  end)
  t.eq(child.stdout:read(6), "ready\n")
  child:kill "term"
  t.eq(child:wait().code, 9)
end)

test.case("it enters a user namespace as its root", NEEDS, function(t)
  local bench <close> = running(t, function(spec, bench)
    table.insert(spec.linux.namespaces, { type = "user" })
    local maps = { { containerID = 0, hostID = 100000, size = 65536 } }
    spec.linux.uidMappings, spec.linux.gidMappings = maps, maps
    capture { "chown", "-R", "100000:100000", bench.rootfs }
  end)
  local result = bench:call { "exec", "box", "sh", "-c", "id -u; cat /proc/self/uid_map" }
  t.match(result.stdout, "^0\n +0 +100000 +65536\n")
end)

test.case("a filter and a label of the container's hold for it too", NEEDS, function(t)
  local bench <close> = running(t, function(spec)
    spec.linux.seccomp = {
      defaultAction = "SCMP_ACT_ALLOW",
      syscalls = { { names = { "mkdir", "mkdirat" }, action = "SCMP_ACT_ERRNO", errnoRet = 30 } },
    }
  end)
  local result = bench:call { "exec", "box", "mkdir", "/tmp/x" }
  t.eq(result.code, 1)
  has(t, result.stderr, "Read-only file system")
end)

test.case("exec where the container's configuration has no process says so", function(t)
  local root <close> = temp_dir()
  local owner = require("container.owner").self()
  mkdir(root.path .. "/box")
  write_file(root.path .. "/box/config.json", "{}")
  local record = {
    id = "box",
    pid = owner.pid,
    starttime = owner.starttime,
    bundle = "/bundle",
    rootfs = "/bundle/rootfs",
    status = "running",
    created = "2026-01-01T00:00:00Z",
    ociVersion = "1.3.0",
    owner = 0,
  }
  write_file(root.path .. "/box/state.json", json_encode(record))
  local call = { name = "exec", global = { root = root.path }, operands = { "box", "true" } }
  call.options = {}
  local _, err = try(require "oci.command.exec", call)
  t.match(err.message, "has no process to start from", true)
end)

return test.run()

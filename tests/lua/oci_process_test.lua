-- What `process` and the namespaces of a configuration make of the container's program, as the
-- kernel sees it.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

-- What a script prints in a container of its own.
local function said(t, script, change, words)
  local bench <close> = oci.bench()
  local spec = oci.spec { "sh", "-c", script }
  if change then
    change(spec, bench)
  end
  bench:write(spec)
  local line = { "run", "--bundle", bench.path, "box" }
  table.move(line, 2, #line, #line + 1 - 1 + #(words or {}))
  for index, word in ipairs(words or {}) do
    line[1 + index] = word
  end
  local result = bench:call(line)
  t.eq(result.code, 0, result.stderr)
  return result.stdout, result.stderr
end

local function refused(t, words, change)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  change(spec)
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(result.code, 1)
  has(t, result.stderr, words)
  t.eq(bench:status "box", nil)
end

test.case("a program finds its environment and nothing of the runtime's", NEEDS, function(t)
  local out = said(t, "env; pwd; ls /proc/self/fd", function(spec)
    spec.process.env = { "PATH=/bin", "A=1=2", "EMPTY=", "A=3" }
    spec.process.cwd = "/tmp/made/here"
    spec.root.readonly = false
  end)
  has(t, out, "A=3\n")
  has(t, out, "EMPTY=\n")
  has(t, out, "HOME=/\n")
  has(t, out, "/tmp/made/here\n")
  t.ok(not out:find("CRUN_LUA", 1, true))
  -- 3 is the directory that ls reads.
  t.match(out, "\n0\n1\n2\n3\n$")
end)

test.case("a user has its ids, its groups, its mask, and no capability", NEEDS, function(t)
  local out = said(t, "id -u; id -g; id -G; umask; grep Cap /proc/self/status", function(spec)
    spec.process.user = { uid = 1000, gid = 2000, umask = 63, additionalGids = { 5, 6 } }
  end)
  t.match(out, "^1000\n2000\n2000 5 6\n0077\n")
  has(t, out, "CapPrm:\t0000000000000000")
  has(t, out, "CapInh:\t0000000000000000")
end)

test.case("a user of whom only one id is said has 0 for the other", NEEDS, function(t)
  local users = {
    ["1000\n0\n"] = { uid = 1000 },
    ["0\n1000\n"] = { gid = 1000 },
    ["0\n0\n"] = { umask = 63 },
  }
  for expected, user in pairs(users) do
    local out = said(t, "id -u; id -g", function(spec)
      spec.process.user = user
    end)
    t.eq(out, expected)
  end
end)

test.case("the five sets of capabilities are those of the configuration", NEEDS, function(t)
  local out = said(t, "grep Cap /proc/self/status", function(spec)
    local one, two = { "CAP_KILL" }, { "CAP_KILL", "CAP_CHOWN" }
    spec.process.user = { uid = 1000, gid = 1000 }
    spec.process.capabilities = {
      bounding = two,
      permitted = two,
      effective = one,
      inheritable = one,
      ambient = one,
    }
  end)
  has(t, out, "CapBnd:\t0000000000000021")
  has(t, out, "CapInh:\t0000000000000020")
  has(t, out, "CapAmb:\t0000000000000020")
  has(t, out, "CapEff:\t0000000000000020")
end)

test.case("a capability that nobody knows is a warning", NEEDS, function(t)
  local out, err = said(t, "grep CapBnd /proc/self/status", function(spec)
    spec.process.capabilities = { bounding = { "CAP_KILL", "CAP_NOSUCH" } }
  end)
  has(t, out, "0000000000000020")
  has(t, err, "capabilities that cannot be granted: CAP_NOSUCH")
end)

test.case("a capability that nobody knows is an error in bundles of version 1.0", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  local function call(version, name)
    spec.ociVersion = version
    spec.process.capabilities = { bounding = { "CAP_KILL", name } }
    bench:write(spec)
    return bench:call { "run", "--bundle", bench.path, "box" }
  end
  for _, version in ipairs { "1.0.0", "1.0.2-dev" } do
    local result = call(version, "CAP_NOSUCH")
    t.eq(result.code, 1, version)
    has(t, result.stderr, 'unknown capability "CAP_NOSUCH"')
    t.eq(bench:status "box", nil)
  end
  -- One that the kernel knows and that cannot be granted is none, whatever the version.
  t.eq(call("1.0.2", "CAP_SYS_RESOURCE").code, 0)
  t.eq(call("1.1.0-rc.1", "CAP_NOSUCH").code, 0)
  t.eq(call("1.1.0", "CAP_NOSUCH").code, 0)
end)

test.case("limits, score, niceness and I/O priority are set", NEEDS, function(t)
  local script = "ulimit -Sn; ulimit -Hn; ulimit -Sc; cat /proc/$$/oom_score_adj; cat /proc/$$/stat"
  local out = said(t, script, function(spec)
    spec.process.rlimits = {
      { type = "RLIMIT_NOFILE", soft = 100, hard = 200 },
      { type = "RLIMIT_CORE", soft = 0, hard = 0 },
    }
    spec.process.oomScoreAdj = 300
    spec.process.scheduler = { policy = "SCHED_OTHER", nice = 7 }
    spec.process.ioPriority = { class = "IOPRIO_CLASS_BE", priority = 6 }
  end)
  t.match(out, "^100\n200\n0\n300\n")
  -- Field 19 of proc_pid_stat(5), the 17th after the name.
  t.match(out, "%) " .. ("%S+ "):rep(16) .. "7 ")
end)

test.case("names, clocks and parameters are the container's own", NEEDS, function(t)
  local script = "hostname; cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_forward; "
    .. "cat /proc/self/timens_offsets; uname -m"
  local out = said(t, script, function(spec)
    spec.hostname, spec.domainname = "inner", "realm"
    table.insert(spec.linux.namespaces, { type = "time" })
    spec.linux.timeOffsets = { boottime = { secs = 7200, nanosecs = 5 }, monotonic = { secs = -1 } }
    spec.linux.sysctl = { ["net.ipv4.ip_forward"] = "1" }
    spec.linux.personality = { domain = "LINUX32" }
  end)
  t.match(out, "^inner\nrealm\n1\n")
  t.match(out, "monotonic +%-1 +0\n")
  t.match(out, "boottime +7200 +5\n")
  t.match(out, "i686\n$")
end)

test.case("a user namespace maps ids, and its root rules the container", NEEDS, function(t)
  local out = said(
    t,
    "id -u; cat /proc/self/uid_map; grep CapBnd /proc/self/status; hostname",
    function(spec, bench)
      table.insert(spec.linux.namespaces, { type = "user" })
      local maps = { { containerID = 0, hostID = 100000, size = 65536 } }
      spec.linux.uidMappings, spec.linux.gidMappings = maps, maps
      capture { "chown", "-R", "100000:100000", bench.rootfs }
    end
  )
  t.match(out, "^0\n +0 +100000 +65536\n")
  has(t, out, "box\n")
end)

test.case("a namespace that has a path is joined", NEEDS, function(t)
  local holder <close> = spawn({ unshare = { "net", "uts" } }, function()
    sethostname("theirs")
    exec { "sleep", "100" }
  end)
  holder:started()
  local out = said(t, "readlink /proc/self/ns/net; hostname", function(spec)
    spec.linux.namespaces[2].path = ("/proc/%d/ns/net"):format(holder.pid)
    spec.linux.namespaces[4].path = ("/proc/%d/ns/uts"):format(holder.pid)
    spec.hostname = nil
  end)
  t.eq(out, ("net:[%d]\ntheirs\n"):format(proc_ns(holder.pid).net))
end)

test.case(
  "no_new_privs and a filter hold, and a filter needs no right of the program's",
  NEEDS,
  function(t)
    local filter = {
      defaultAction = "SCMP_ACT_ALLOW",
      syscalls = { { names = { "mkdir", "mkdirat" }, action = "SCMP_ACT_ERRNO", errnoRet = 30 } },
    }
    for _, user in ipairs { 0, 1000 } do
      for _, no_new_privs in ipairs { true, false } do
        local script = "mkdir /tmp/x 2>&1; grep -E '^(NoNew|Seccomp:|CapEff)' /proc/self/status"
        local out = said(t, script, function(spec)
          spec.process.user = { uid = user, gid = user }
          spec.process.noNewPrivileges = no_new_privs
          spec.process.capabilities = { bounding = { "CAP_KILL" }, permitted = { "CAP_KILL" } }
          spec.linux.seccomp = filter
        end)
        has(t, out, "Read-only file system")
        has(t, out, "Seccomp:\t2")
        has(t, out, "NoNewPrivs:\t" .. (no_new_privs and 1 or 0))
        has(t, out, "CapEff:\t00000000000000" .. (user == 0 and "20" or "00"))
      end
    end
  end
)

test.case("an agent gets the listener with the state of the container process", NEEDS, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "sleep", "100" }
  local path = bench.path .. "/agent"
  spec.linux.seccomp = {
    defaultAction = "SCMP_ACT_ALLOW",
    listenerPath = path,
    listenerMetadata = "cookie",
    syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" } },
  }
  bench:write(spec)
  local listener <close> = socket_listen(path)
  local code, words = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, words)
  local connection <close> = listener:accept { timeout = "5s" }
  local got = connection:receive { timeout = "5s" }
  local state = json_decode(got.text)
  local pid = bench:status("box").pid
  t.eq({ #got.fds, state.fds[1], state.metadata, state.pid }, { 1, "seccompFd", "cookie", pid })
  t.eq({ state.state.id, state.state.bundle, state.state.pid }, { "box", bench.path, pid })
  t.match(readlink("/proc/self/fd/" .. got.fds[1].number), "seccomp notify")
  t.eq(connection:receive({ timeout = "5s" }).text, "")
end)

test.case("what cannot be is refused", NEEDS, function(t)
  refused(t, "uidMappings", function(spec)
    table.insert(spec.linux.namespaces, { type = "user" })
  end)
  refused(t, "chdir to cwd", function(spec)
    spec.process.cwd = "/bin/busybox/x"
  end)
end)

test.case(
  "without namespaces there are the host's, and nothing is mounted in them",
  NEEDS,
  function(t)
    local before = #mountinfo()
    local out, err = said(t, "pwd; ls /; ls /proc | wc -l", function(spec)
      spec.linux.namespaces = json_array {}
      spec.hostname = nil
    end)
    t.match(out, "^/\nbin\ndev\netc\nproc\nsys\ntmp\n0\n$")
    has(t, err, "nothing is mounted without a mount namespace")
    t.eq(#mountinfo(), before)
  end
)

test.case("a label of a security module that is not active is a warning", NEEDS, function(t)
  for _, active in ipairs(lsm_status().active) do
    if active == "apparmor" then
      return
    end
  end
  local _, err = said(t, "true", function(spec)
    spec.process.apparmorProfile = "nosuch"
  end)
  has(t, err, 'apparmor is not active in this kernel: the label "nosuch" confines nothing')
end)

test.case("CVE-2024-21626: a working directory outside of the root is refused", NEEDS, function(t)
  local bench <close> = oci.bench()
  for number = 3, 40 do
    local spec = oci.spec { "cat", "/proc/self/cwd/config.json" }
    spec.process.cwd = "/proc/self/fd/" .. number
    bench:write(spec)
    local result = bench:call { "run", "--bundle", bench.path, "box" }
    t.eq({ result.code, result.stdout }, { 1, "" }, spec.process.cwd)
  end
end)

test.case(
  "descriptors that are to be preserved reach the program, and no others",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec =
      oci.spec { "sh", "-c", "ls /proc/self/fd; echo $LISTEN_FDS $LISTEN_PID; cat <&3; cat <&4" }
    bench:write(spec)
    write_file(bench.path .. "/three", "three\n")
    write_file(bench.path .. "/four", "four\n")
    local line = bench:words { "run", "--preserve-fds", "1", "--bundle", bench.path, "box" }
    local script = 'exec 3<"$1/three" 4<"$1/four" 5<"$1"; export LISTEN_FDS=1; shift; exec "$@"'
    local result = capture { "sh", "-c", script, "sh", bench.path, table.unpack(line) }
    t.eq(result.stdout, "0\n1\n2\n3\n4\n5\n1 1\nthree\nfour\n", result.stderr)
  end
)

return test.run()

-- Hardening profiles: what is refused when they are composed, and each of them in force, read back
-- from the kernel in a container-like child.

local hardening = require "hardening"
local rootfs = require "rootfs"
local test = require "test"

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }
local NONE = ("0"):rep(16)
local DOCKER = "tests/fixtures/seccomp/docker-default.json"

-- A child as a container's: its own namespaces, the host's programs as root, the profile in force.
-- `body` runs in it at last; its failure is the case's.
local function box(t, value, how, body)
  local prepared = hardening.prepare(hardening.resolve(value), {
    root = not how.userns,
    userns = how.userns and true or false,
  })
  local from = rootfs.prepare(rootfs.parse("host"), { name = "box", root = not how.userns })
  local kinds = table.move(KINDS, 1, #KINDS, 1, {})
  kinds[#kinds + 1] = how.userns and "user" or nil
  local child <close> = spawn({ unshare = kinds, id_map = how.id_map }, function()
    if how.become then
      -- Ids of a range: the process that made the namespace has none of them yet.
      setuser(how.become, { groups = {} })
    end
    local root = rootfs.mount(from)
    root:proc()
    root:dev()
    hardening.furnish(prepared, root)
    hardening.mounts(prepared, root)
    root:pivot()
    hardening.confine(prepared, how.confine)
    return body(prepared.profile)
  end)
  local result = child:wait()
  rootfs.release(from)
  t.eq(result.code, 0, "the child's status")
end

-- What no profile lets through, read back from the kernel.
local function holds(t, wanted)
  local status = proc_status()
  t.eq(status.cap_bnd, caps_encode(wanted.caps), "CapBnd")
  t.eq(status.cap_prm, caps_encode(wanted.caps), "CapPrm")
  t.eq(status.cap_eff, caps_encode(wanted.caps), "CapEff")
  local kept = wanted.uid == 0 and NONE or caps_encode(wanted.caps)
  t.eq(status.cap_inh, kept, "CapInh")
  t.eq(status.cap_amb, kept, "CapAmb")
  t.eq(status.no_new_privs, 1, "NoNewPrivs")
  t.eq(status.seccomp, 2, "Seccomp")
  t.eq(status.uid.effective, wanted.uid, "Uid")
  t.eq(status.gid.effective, wanted.gid or wanted.uid, "Gid")
  t.eq(status.groups, {}, "Groups")
end

local function refused(t)
  t.fails("EPERM", unshare, { "user" })
  t.fails("EPERM", mount, "none", "/tmp", { type = "tmpfs" })
  t.fails("EPERM", pivot_root, "/tmp")
  t.eq(t.read("/proc/keys"), "", "/proc/keys")
  for _, path in ipairs { "/proc/keys", "/proc/kcore", "/proc/interrupts", "/proc/timer_list" } do
    local known = stat(path)
    t.ok(not known or known.major == 1 and known.minor == 3, path .. " is the device null")
  end
  t.ok(not stat("/proc/scsi") or #list_dir("/proc/scsi") == 0, "/proc/scsi is empty")
  t.ok(not io.open("/proc/sysrq-trigger", "w"), "/proc/sysrq-trigger is read-only")
  t.ok(not io.open("/proc/sys/kernel/core_pattern", "w"), "/proc/sys is read-only")
  t.ok(not stat("/etc/shadow"), "no password of the host's")
end

local ROOT = { "root" }

test.case("what is misspelt is refused, naming the nearest", function(t)
  local function wrong(value, text)
    local err = t.fails("", hardening.resolve, value)
    t.match(("%s (%s)"):format(err.message, err.hint), text, true)
  end
  wrong("stict", 'did you mean "strict"?')
  wrong({ "default", "wbe" }, 'did you mean "web"?')
  wrong({ "default", cpas = {} }, "did you mean 'caps'?")
  wrong({ "default", caps = { "+net_bnd_service" } }, "did you mean 'net_bind_service'?")
  wrong({ "default", caps = { "-sys_chrot" } }, "did you mean 'sys_chroot'?")
  wrong({ "default", masked = { "-/proc/kcroe" } }, "did you mean '-/proc/kcore'?")
  wrong({ "default", readonly_paths = { "-/proc/sis" } }, "did you mean '-/proc/sys'?")
  wrong({ "default", masked = { "proc/kcore" } }, "no absolute path")
  wrong({ "default", masked = { "/proc/../etc" } }, "no absolute path")
  wrong({ "strict", landlock = { rw = { "-/dve" } } }, "did you mean '-/dev'?")
  wrong({ "strict", landlock = { wr = {} } }, "did you mean 'rw'?")
  wrong({ "strict", landlock = { scope = { "signall" } } }, 'did you mean "signal"?')
  wrong({ "default", limits = { memry = "1G" } }, "did you mean 'memory'?")
  wrong({ "default", rlimits = { nofiles = 1 } }, "did you mean 'nofile'?")
  wrong({ "default", requires = { "landlok" } }, 'did you mean "landlock"?')
  wrong({ "default", seccomp = { allow = { "+muont" } } }, "did you mean")
  wrong({ "default", seccomp = { allow = { "-@default2" } } }, "@default")
  wrong({ "default", seccomp = { alow = { "+mount" } } }, "did you mean 'allow'?")
end)

test.case("a change that could mean two things is refused", function(t)
  local function wrong(value, text)
    t.fails(text, hardening.resolve, value)
  end
  wrong({ "default", caps = { "+kill", "chown" } }, "some have a + or -, and some have not")
  wrong({ "default", seccomp = { allow = { "mount" } } }, "has no + or -")
  wrong({ "default", seccomp = { default = "errno", allow = { "+mount" } } }, "with a default")
  wrong({ "default", seccomp = { allow = { "-mount" } } }, "'mount' is not in it")
  wrong({ "default", landlock = { rw = { "/data" } } }, "nothing could be read or executed")
  wrong({ "default", landlock = true }, "true does not say what is wanted")
  wrong({ "strict", "default" }, "would undo what precedes it")
  wrong({ "default", project = "/srv" }, "belongs to the profile 'agent'")
  wrong({ "default", requires = { "-seccomp" }, seccomp = false, caps = 5 }, "caps: expected")
  wrong({ summary = "mine", caps = {} }, "is missing in a whole profile")
end)

test.case("a layer that the profile requires cannot be switched off by the way", function(t)
  t.fails("seccomp is required", hardening.resolve, { "default", seccomp = false })
  t.fails("no_new_privs is required", hardening.resolve, { "strict", no_new_privs = false })
  t.fails("landlock is required", hardening.resolve, { "default", requires = { "landlock" } })
  local without = hardening.resolve {
    "default",
    seccomp = false,
    requires = { "-seccomp" },
  }
  t.eq(without.seccomp, false)
  t.eq(hardening.prepare(without, { root = true }).filter, nil)
end)

test.case("nothing is prepared without a user namespace or root, where one is required", function(t)
  local profile = hardening.resolve { "default", requires = { "namespaces" } }
  local err = t.fails("namespaces is required", hardening.prepare, profile, { root = false })
  t.match(err.message, "neither root nor a user namespace", true)
  t.ok(hardening.prepare(profile, { userns = true }))
end)

test.case("nothing is prepared on a kernel without a required layer", function(t)
  local dir <close> = temp_dir()
  local profile = hardening.resolve { "agent", project = dir.path, home = false }
  t.inside({}, function()
    seccomp {
      default = "allow",
      errno = { "landlock_create_ruleset" },
      errno_ret = "ENOSYS",
    }
    local err = t.fails("landlock is required", hardening.prepare, profile, { root = true })
    t.match(err.message, "this kernel has no Landlock", true)
    -- The best effort of a profile that does not require it.
    t.eq(hardening.prepare(hardening.resolve("strict"), { root = true }).landlock, nil)
  end)
end)

test.case("capabilities are relative, or all of them", function(t)
  local function caps(value)
    return hardening.resolve(value).caps
  end
  t.eq(caps { "strict", caps = { "+net_bind_service" } }, { "net_bind_service" })
  t.eq(caps { "strict", caps = { "CAP_KILL" } }, { "kill" })
  t.eq(#caps { "default", caps = { "-net_raw", "-mknod" } }, 12)
  t.eq(caps { "default", caps = false }, {})
  t.eq(caps { "strict", "web", caps = { "+kill" } }, { "kill", "net_bind_service" })
end)

test.case("lists are added to, tables replaced key by key, false switches off", function(t)
  local made = hardening.resolve {
    "strict",
    masked = { "/proc/cpuinfo", "-/proc/acpi" },
    landlock = { rw = { "/data" }, scope = { "-signal" }, net = { connect = { 443 } } },
    limits = { memory = "1G", cpu = false },
    tmpfs = { ["/run"] = false },
    env = { keep = { "LANG" }, set = { A = "1" } },
    readonly_paths = false,
    user = false,
  }
  local base = hardening.resolve("strict")
  t.eq(#made.masked, #base.masked)
  t.eq(made.masked[#made.masked], "/proc/cpuinfo")
  t.eq(made.landlock.rw[#made.landlock.rw], "/data")
  t.eq(made.landlock.exec, { "/" })
  t.eq(made.landlock.scope, { "abstract_unix_socket" })
  t.eq(made.landlock.net, { connect = { 443 } })
  t.eq(made.limits, { memory = "1G", pids = 128 })
  t.eq(made.tmpfs["/run"], nil)
  t.eq(made.env, { keep = { "LANG" }, set = { A = "1" } })
  t.eq(made.readonly_paths, {})
  t.eq(made.user, nil)
  t.eq(made.name, "strict*")
  t.eq(hardening.resolve { "strict", landlock = false }.landlock, false)
  t.eq(hardening.resolve("strict"), base, "the profile itself")
end)

test.case("a name after another adds its own changes and not what it extends", function(t)
  local made = hardening.resolve { "build", "strict" }
  t.eq({ made.caps, made.user, made.readonly_root }, { {}, "65534:65534", true })
  t.eq(made.rlimits, { core = 0, nofile = 1024 })
  made = hardening.resolve { "build", "web" }
  t.eq({ made.user, made.readonly_root, #made.caps }, { nil, false, 8 })
  made = hardening.resolve { "minimal", "strict" }
  t.eq(made.seccomp.default, "allow")
  local filter = hardening.prepare(made, { root = true }).filter
  t.eq(filter:decide("ptrace").errno, "EPERM")
  t.eq(filter:decide("setuid").errno, "EPERM")
  t.eq(made.name, "minimal+strict")
end)

test.case("a resolved profile is plain, and is the same after JSON and a second look", function(t)
  for _, name in ipairs(hardening.names()) do
    local dir <close> = temp_dir()
    local value = name == "agent" and { "agent", project = dir.path } or name
    local profile = hardening.resolve(value)
    local again = hardening.resolve(json_decode(json_encode(profile)))
    t.eq(json_encode(again), json_encode(profile), name)
    t.ok(#hardening.describe(again) > 10, name)
  end
end)

test.case("seccomp is changed call by call, within groups and with capabilities", function(t)
  local function filter(value)
    return hardening.prepare(hardening.resolve(value), { root = true }).filter
  end
  local default = filter("default")
  t.eq(default:decide("chroot").action, "allow", "with sys_chroot")
  t.eq(default:decide("mount").errno, "EPERM")
  t.eq(default:decide("clone", { args = { 0x10000000 } }).errno, "EPERM")
  t.eq(default:decide("clone3").errno, "ENOSYS")
  t.eq(default:decide("personality", { args = { 0x0040000 } }).errno, "EPERM")
  for _, family in ipairs { 38, 40, 0x100000026, 0x100000028 } do
    t.eq(default:decide("socket", { args = { family } }).errno, "EPERM", family)
  end
  t.eq(default:decide("socket", { args = { 39 } }).action, "allow")
  t.eq(filter({ "default", caps = { "-sys_chroot" } }):decide("chroot").errno, "EPERM")
  local admin = filter { "default", caps = { "+sys_admin" } }
  t.eq(admin:decide("mount").action, "allow")
  t.eq(admin:decide("clone", { args = { 0x10000000 } }).action, "allow")
  local made = filter {
    "default",
    seccomp = { allow = { "+mount", "-ptrace", "-@timer" }, kill = { "+reboot" } },
  }
  t.eq(made:decide("mount").action, "allow")
  t.eq(made:decide("ptrace").errno, "EPERM")
  t.eq(made:decide("timer_create").errno, "EPERM")
  t.eq(made:decide("reboot").action, "kill_process")
  made = filter {
    "default",
    caps = { "+sys_admin" },
    seccomp = { errno = { "+mount" } },
  }
  t.eq(made:decide("mount").errno, "EPERM", "a denial that is written out")
  t.eq(made:decide("umount2").action, "allow")
end)

test.case("minimal refuses what reaches past the container, and nothing else", function(t)
  local filter = hardening.prepare(hardening.resolve("minimal"), { root = true }).filter
  for _, call in ipairs { "mount", "unshare", "setns", "bpf", "keyctl", "init_module" } do
    t.eq(filter:decide(call).errno, "EPERM", call)
  end
  t.eq(filter:decide("clone", { args = { 0x10000011 } }).errno, "EPERM")
  t.eq(filter:decide("clone", { args = { 0x11 } }).action, "allow")
  t.eq(filter:decide("socket", { args = { 0x100000026 } }).errno, "EAFNOSUPPORT")
  t.eq(filter:decide("socket", { args = { 40 } }).errno, "EAFNOSUPPORT")
  t.eq(filter:decide("ptrace").action, "allow")
  t.eq(filter:decide("memfd_secret").action, "allow")
  local value = { "minimal", seccomp = { allow = { "+clone", "+bpf" } } }
  filter = hardening.prepare(hardening.resolve(value), { root = true }).filter
  t.eq(filter:decide("clone", { args = { 0x10000011 } }).action, "allow", "on no condition")
  t.eq(filter:decide("bpf").action, "allow")
  local admin = hardening.resolve { "minimal", caps = { "+sys_admin" } }
  filter = hardening.prepare(admin, { root = true }).filter
  t.eq(filter:decide("mount").action, "allow")
  t.eq(filter:decide("clone", { args = { 0x10000011 } }).action, "allow")
  t.eq(filter:decide("bpf").errno, "EPERM", "written out")
end)

test.case("a filter is compiled once for what it means", function(t)
  local one = hardening.prepare(hardening.resolve("strict"), { root = true })
  local other = hardening.prepare(hardening.resolve("strict"), { userns = true })
  local different = hardening.prepare(hardening.resolve("default"), { root = true })
  t.ok(one.filter == other.filter)
  t.ok(one.filter ~= different.filter)
end)

test.case("what is no profile of Docker's or OCI's is refused where it is imported", function(t)
  t.fails("no such file", hardening.import_seccomp, "/no/such/profile.json")
  t.fails("defaultAction", hardening.import_seccomp, "{}")
  t.fails("", hardening.import_seccomp, "{ truncated")
  local spec = hardening.import_seccomp(DOCKER)
  t.fails("imported", hardening.resolve, { "default", seccomp = { json = "{}", allow = {} } })
  local profile = hardening.resolve { "default", seccomp = spec }
  profile.seccomp = spec
  t.fails(
    "was imported and cannot be changed",
    require("hardening.seccomp").change,
    "profile",
    spec,
    { allow = { "+mount" } }
  )
end)

test.case("Docker's profile is judged with the capabilities of the profile", function(t)
  local spec = hardening.import_seccomp(DOCKER)
  local function filter(caps)
    local profile = hardening.resolve { "default", caps = caps, seccomp = spec }
    return hardening.prepare(profile, { root = true }).filter
  end
  local plain, admin = filter { "kill" }, filter { "sys_admin", "sys_chroot" }
  t.eq(plain:decide("openat").action, "allow")
  t.eq(plain:decide("unshare").errno, "EPERM")
  t.eq(admin:decide("unshare").action, "allow")
  t.eq(plain:decide("chroot").errno, "EPERM")
  t.eq(admin:decide("chroot").action, "allow")
  t.eq(plain:decide("clone3").errno, "ENOSYS")
  t.eq(admin:decide("clone3").action, "allow")
  t.eq(plain:decide("clone", { args = { 0x10000000 } }).errno, "EPERM")
  t.eq(plain:decide("clone", { args = { 0x11 } }).action, "allow")
  t.eq(plain:decide("ptrace").action, "allow", "minKernel")
  t.eq(plain:decide("socket", { args = { 40 } }).errno, "EPERM")
  t.eq(plain:decide("personality", { args = { 0xffffffff } }).action, "allow")
  t.eq(#plain.warnings, 1, "calls that are not known")
end)

test.case("an imported profile is in force", ROOT, function(t)
  local spec = hardening.import_seccomp(DOCKER)
  box(t, { "default", seccomp = spec }, {}, function()
    t.eq(proc_status().seccomp, 2)
    t.fails("EPERM", unshare, { "user" })
    t.fails("EPERM", sethostname, "other")
  end)
end)

for _, name in ipairs { "minimal", "default", "build", "strict", "web" } do
  test.case(name .. " holds in a container that root has made", ROOT, function(t)
    box(t, name, {}, function(profile)
      local uid = (name == "strict" or name == "web") and 65534 or 0
      holds(t, { caps = profile.caps, uid = uid })
      refused(t)
      for _, entry in ipairs(mountinfo()) do
        if entry.mount_point == "/" then
          local options = " " .. table.concat(entry.mount_options, " ") .. " "
          t.eq(options:find(" ro ", 1, true) ~= nil, profile.readonly_root, "the root's mount")
        end
      end
      t.eq(rlimits().core.hard == 0, profile.rlimits.core == 0, "core")
      -- A program starts, and its child as well.
      local script = "echo $(echo inside) > /dev/null; echo $(echo out)"
      t.eq(capture({ "/bin/sh", "-c", script }).stdout, "out\n")
    end)
  end)
end

local PROBE = [[
import socket
for family in (38, 40, socket.AF_UNIX, socket.AF_INET):
    try:
        socket.socket(family, socket.SOCK_SEQPACKET if family == 38 else socket.SOCK_STREAM).close()
        print(0)
    except OSError as error:
        print(error.errno)
]]

for _, name in ipairs { "minimal", "default", "strict" } do
  test.case(
    name .. " refuses AF_ALG and AF_VSOCK to a program, and no other family",
    { "root", "program:python3" },
    function(t)
      box(t, name, {}, function()
        local found = capture { "/usr/bin/python3", "-I", "-S", "-c", PROBE }
        -- EAFNOSUPPORT, as a kernel without the family answers; EPERM by the list's default.
        local errno = name == "minimal" and 97 or 1
        t.eq(found.stdout, ("%d\n%d\n0\n0\n"):format(errno, errno), found.stderr)
      end)
    end
  )
end

test.case("a capability is kept for another user through the ambient set", ROOT, function(t)
  box(t, { "strict", caps = { "+net_bind_service" } }, {}, function(profile)
    holds(t, { caps = profile.caps, uid = 65534 })
    local status = capture({ "/bin/cat", "/proc/self/status" }).stdout
    t.match(status, "CapEff:\t" .. caps_encode { "net_bind_service" }, true)
    t.match(status, "CapAmb:\t" .. caps_encode { "net_bind_service" }, true)
  end)
end)

test.case("what a profile without a user grants is root's, and no other user's", ROOT, function(t)
  box(t, "default", { confine = { user = "1000:1000" } }, function(profile)
    local status = capture({ "/bin/cat", "/proc/self/status" }).stdout
    for _, set in ipairs { "CapInh", "CapPrm", "CapEff", "CapAmb" } do
      t.match(status, set .. ":\t" .. NONE, true)
    end
    t.match(status, "CapBnd:\t" .. caps_encode(profile.caps), true)
  end)
end)

test.case("root inside keeps its bounding set, and nothing inheritable", ROOT, function(t)
  box(t, "default", {}, function(profile)
    local status = capture({ "/bin/cat", "/proc/self/status" }).stdout
    t.match(status, "CapEff:\t" .. caps_encode(profile.caps), true)
    t.match(status, "CapInh:\t" .. NONE, true)
    t.match(status, "CapAmb:\t" .. NONE, true)
  end)
end)

test.case("the caller's groups do not come along", ROOT, function(t)
  setgroups { 4, 20 }
  box(t, "default", {}, function()
    t.eq(proc_status().groups, {})
  end)
  box(t, "default", { confine = { groups = { 7 } } }, function()
    t.eq(proc_status().groups, { 7 })
  end)
  box(t, "strict", { confine = { user = "1000:1001", groups = { 9 } } }, function()
    local status = proc_status()
    t.eq({ status.uid.effective, status.gid.effective }, { 1000, 1001 })
    t.eq(status.groups, { 9 })
  end)
end)

test.case("a change of user is told, and seccomp comes after what is asked for", ROOT, function(t)
  local told, seen
  local confine = {
    after_user = function()
      told = proc_status().uid.effective
    end,
    before_seccomp = function()
      local status = proc_status()
      seen = { status.seccomp, status.no_new_privs, status.cap_eff }
    end,
  }
  box(t, "strict", { confine = confine }, function()
    t.eq(told, 65534)
    t.eq(seen, { 0, 1, NONE })
  end)
  told = nil
  box(t, "default", { confine = { after_user = confine.after_user } }, function()
    t.eq(told, nil, "no user was changed")
  end)
end)

test.case("without no_new_privs the filter is loaded while the rights are there", ROOT, function(t)
  local value = { "default", no_new_privs = false, requires = { "-no_new_privs" } }
  box(t, value, { confine = { user = "65534:65534" } }, function(profile)
    local status = proc_status()
    t.eq({ status.no_new_privs, status.seccomp, status.uid.effective }, { 0, 2, 65534 })
    t.eq(status.cap_bnd, caps_encode(profile.caps))
    -- The profile names no user, so what it grants is root's alone.
    t.eq(status.cap_amb, NONE)
    t.fails("EPERM", unshare, { "user" })
  end)
end)

test.case("a profile holds in a user namespace that root has made", ROOT, function(t)
  local ids = { { inside = 0, outside = 100000, count = 65536 } }
  local how = { userns = true, id_map = { uid = ids, gid = ids }, become = "0:0" }
  for name, uid in pairs { default = 0, strict = 65534, web = 65534 } do
    box(t, name, how, function(profile)
      holds(t, { caps = profile.caps, uid = uid })
      refused(t)
    end)
  end
end)

test.case(
  "a profile holds in an ordinary user's namespace, whose only user stays",
  { "user", "userns" },
  function(t)
    for _, name in ipairs { "minimal", "default", "strict", "web", "build" } do
      box(t, name, { userns = true, id_map = "root" }, function(profile)
        local status = proc_status()
        t.eq(status.cap_bnd, caps_encode(profile.caps), name)
        t.eq(status.cap_eff, caps_encode(profile.caps), name)
        t.eq({ status.no_new_privs, status.seccomp }, { 1, 2 }, name)
        t.eq(status.uid.effective, 0)
        refused(t)
      end)
    end
  end
)

test.case(
  "an ordinary user's namespace may have the profile's user as its only one",
  { "user", "userns" },
  function(t)
    local how = { userns = true, id_map = { uid = 65534, gid = 65534 } }
    box(t, "web", how, function(profile)
      local status = proc_status()
      t.eq(status.uid.effective, 65534)
      t.eq(status.cap_amb, caps_encode(profile.caps))
      t.eq(status.cap_inh, caps_encode(profile.caps))
    end)
  end
)

test.case(
  "a user that the namespace has not is refused where it was asked for",
  { "user", "userns" },
  function(t)
    local how = { userns = true, id_map = "root", confine = { user = "1000:1000" } }
    t.fails("EPERM", box, t, "strict", how, function() end)
  end
)

test.case("limits that cannot be raised are what there is", { "user", "userns" }, function(t)
  rlimit { nofile = 500 }
  box(t, "web", { userns = true, id_map = "root" }, function()
    t.eq(rlimits().nofile, { soft = 500, hard = 500 })
    t.eq(rlimits().core.hard, 0)
  end)
end)

test.case("limits and score of the container go before the profile's", ROOT, function(t)
  local confine = { rlimits = { nofile = 256 }, oom_score = 700 }
  box(t, "strict", { confine = confine }, function()
    t.eq(rlimits().nofile.hard, 256)
    t.eq(rlimits().core.hard, 0)
    t.eq(t.read("/proc/self/oom_score_adj"), "700\n")
  end)
end)

test.case("Landlock leaves writable what is mounted writable", ROOT, function(t)
  local dir <close> = temp_dir()
  chmod(dir.path, "0777")
  local volumes = {
    { source = dir.path, target = "/data" },
    { source = "/etc", target = "/see", readonly = true },
  }
  box(t, { "strict", volumes = volumes }, {}, function()
    write_file("/data/made", "1")
    write_file("/tmp/made", "1")
    write_file("/dev/null", "1")
    t.fails("EROFS", write_file, "/see/made", "1")
    t.fails("EROFS", write_file, "/etc/made", "1")
  end)
  t.eq(read_file(dir.path .. "/made"), "1")
  local other = { target = "/other", readonly = false }
  local prepared = hardening.prepare(hardening.resolve("strict"), {
    root = true,
    volumes = { { source = dir.path, target = other.target } },
    tmpfs = { ["/scratch"] = {} },
  })
  local rw = table.concat(prepared.landlock.rw, " ")
  t.match(rw, "/other /", true)
  t.match(rw, "/scratch", true)
end)

local LANDLOCK = { "root", "lsm:landlock" }

test.case("a link of the root's own leads no right to write elsewhere", LANDLOCK, function(t)
  local profile = hardening.resolve {
    "strict",
    tmpfs = false,
    readonly_root = false,
    user = "0:0",
  }
  local prepared = hardening.prepare(profile, { root = true })
  table.insert(prepared.landlock.rw, "/data")
  t.inside(KINDS, function()
    local root = rootfs_new { size = "1M" }
    root:proc()
    root:mkdir("/etc")
    root:symlink("/etc", "/data")
    hardening.mounts(prepared, root)
    root:pivot()
    hardening.confine(prepared)
    t.fails("EACCES", write_file, "/etc/made", "1")
    t.fails("EACCES", write_file, "/data/made", "1")
  end)
end)

local BIND = { "root", "kernel:6.7", "lsm:landlock", "program:python3" }

test.case("web can bind its ports and no other", BIND, function(t)
  local bind = [[
import socket
for port in (80, 8080, 81):
    try:
        socket.socket().bind(("0.0.0.0", port))
        print(0)
    except OSError as error:
        print(error.errno)
]]
  box(t, "web", {}, function()
    local found = capture { "/usr/bin/python3", "-I", "-S", "-c", bind }
    t.eq(found.stdout, "0\n0\n13\n", found.stderr)
  end)
end)

test.case("asking whether a file can be written leaves it as it was", { "root" }, function(t)
  local dir <close> = temp_dir()
  local root = dir.path
  for _, name in ipairs { "etc", "bin", "dev", "tmp", "proc" } do
    mkdir(root .. "/" .. name)
  end
  write_file(root .. "/etc/passwd", "kept\n")
  local inside = require("hardening.check").inside
  local child <close> = spawn({ unshare = { "mnt", "pid" } }, function()
    mount("proc", root .. "/proc", { type = "proc" })
    chroot(root)
    local wanted = { name = "box", uid = 0, gid = 0, limits = {}, allowed = {} }
    -- What it asks last needs programs, which are not there.
    local _, err = try(inside, wanted)
    return type(err) == "table" and err.op == "capture" and 0 or error(err, 0)
  end)
  t.eq(child:wait().code, 0)
  t.eq(read_file(root .. "/etc/passwd"), "kept\n")
  t.eq({ list_dir(root .. "/bin"), list_dir(root .. "/dev") }, { {}, {} })
  t.eq(stat(root .. "/new"), nil)
end)

return test.run()

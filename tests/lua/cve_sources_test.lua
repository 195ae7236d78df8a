-- Attacks by what a configuration names: sources of mounts that an image has exchanged, groups of a
-- user's own, images of a checkpoint, processes that are not the container's.

local attacks = require "test.attacks"
local container = require "container"
local test = require "test"

local NEEDS, RUNC, CRUN = attacks.NEEDS, attacks.RUNC, attacks.CRUN
local stopped, falls, run = attacks.stopped, attacks.falls, attacks.run

-- A source in the image, as a build's cache or a volume that begins with what the image has there:
-- the image has a link in its place.
local function linked_source(text)
  return function(bench)
    local canary = bench.path .. "/canary"
    mkdir(canary)
    write_file(canary .. "/secret", "secret")
    mkdir(bench.rootfs .. "/srv")
    symlink(text or canary, bench.rootfs .. "/srv/data")
    local spec = attacks.spec { "sh", "-c", "cat /tmp/secret; echo harm > /tmp/new" }
    spec.mounts[#spec.mounts + 1] = {
      destination = "/tmp",
      type = "bind",
      source = "rootfs/srv/data",
      options = { "rbind", "rw" },
    }
    local result = run(bench, spec)
    return (stat(canary .. "/new") or result.stdout == "secret") and result.stdout or nil
  end
end

stopped("CVE-2024-1753: a source in the image does not lead out of it", linked_source())
stopped("CVE-2024-1753: nor upwards", linked_source "../../canary")
falls("CVE-2024-1753: runc mounts what it leads to", RUNC, linked_source())
falls("CVE-2024-1753: crun mounts what it leads to", CRUN, linked_source())

test.case("CVE-2024-1753: a source in the image that stays in it is mounted", NEEDS, function(t)
  local bench <close> = attacks.bench(NEEDS)
  mkdir(bench.rootfs .. "/srv")
  mkdir(bench.rootfs .. "/there")
  write_file(bench.rootfs .. "/there/secret", "its own")
  symlink("/there", bench.rootfs .. "/srv/data")
  for _, source in ipairs { "rootfs/srv/data", bench.rootfs .. "/srv/data", "rootfs/there" } do
    local spec = attacks.spec { "cat", "/tmp/secret" }
    local mount = { destination = "/tmp", source = source, options = { "bind", "ro" } }
    spec.mounts[#spec.mounts + 1] = mount
    local result = run(bench, spec)
    t.eq(result.stdout, "its own", result.stderr)
  end
end)

-- A word of a mount's options that carries others, or a propagation that is none.
test.case("CVE-2024-9407: an option of a volume is one word of a list", { "root" }, function(t)
  local dir <close> = temp_dir()
  for _, words in ipairs {
    "shared,upperdir=/",
    "ro,bind-propagation=rw",
    "z,source=/etc",
    "rprivate;rw",
    "ro\nrw",
    "RW",
    "suid=1",
  } do
    local volumes = { dir.path .. ":/vol:" .. words }
    t.fails("volumes", container.new, { rootfs = "host", volumes = volumes })
  end
  for _, field in ipairs { "type", "propagation ", "source\n", "options", "upperdir" } do
    local volume = { source = dir.path, target = "/vol", [field] = "rw,exec" }
    t.fails(field:match "%a+", container.new, { rootfs = "host", volumes = { volume } })
  end
end)

-- Without a cgroup namespace the groups are those of the user, in which all that he runs is.
test.case("CVE-2023-25809: groups of a user's own are read-only in a container", NEEDS, function(t)
  local bench <close> = attacks.bench(NEEDS)
  local script = [[
    grep ' /sys/fs/cgroup' /proc/self/mountinfo | cut -d' ' -f5,6
    mkdir /sys/fs/cgroup/made || mkdir /sys/fs/cgroup/pids/made && echo made]]
  local spec = attacks.spec { "sh", "-c", script }
  local function add(kind, options_of)
    local mount = { destination = kind[1], type = kind[2], source = kind[2], options = options_of }
    spec.mounts[#spec.mounts + 1] = mount
  end
  symlink("busybox", bench.rootfs .. "/bin/cut")
  add({ "/sys", "sysfs" }, { "nosuid", "noexec", "nodev", "ro" })
  add({ "/sys/fs/cgroup", "cgroup" }, { "nosuid", "noexec", "nodev", "relatime", "rw" })
  table.insert(spec.linux.namespaces, { type = "user" })
  spec.linux.uidMappings = { { containerID = 0, hostID = 100000, size = 1000 } }
  spec.linux.gidMappings = { { containerID = 0, hostID = 100000, size = 1000 } }
  for index, one in ipairs(spec.linux.namespaces) do
    if one.type == "cgroup" then
      table.remove(spec.linux.namespaces, index)
      break
    end
  end
  chown(bench.rootfs, { uid = 100000, gid = 100000 })
  local result = run(bench, spec)
  t.match(result.stdout, "/sys/fs/cgroup", true)
  for place, words in result.stdout:gmatch("(/sys/fs/cgroup%S*) (%S+)\n") do
    t.ok(("," .. words .. ","):find(",ro,", 1, true), place .. " " .. words)
  end
  t.match(result.stderr, "Read-only file system", true)
  t.ok(not result.stdout:find("made\n", 1, true))
end)

-- criu(8) reads and writes in that directory, as root; a script tells whether it was asked to.
test.case("CVE-2026-53489: a checkpoint has no link for criu to follow", NEEDS, function(t)
  local bench <close> = attacks.bench(NEEDS, { "sleep", "100" })
  local canary, images = bench.path .. "/canary", bench.path .. "/images"
  write_file(canary, "untouched")
  write_file(bench.path .. "/criu", "#!/bin/sh\necho run >" .. bench.path .. "/ran\nexit 1\n")
  chmod(bench.path .. "/criu", "0755")
  local function restore()
    local words = { "--criu", bench.path .. "/criu", "restore", "--image-path", images }
    words[#words + 1] = "--bundle"
    words[#words + 1] = bench.path
    words[#words + 1] = "box"
    return bench:call(words)
  end
  local names = { "restore.log", "descriptors.json", "restored.pid", "core-1.img", "parent" }
  for _, name in ipairs(names) do
    mkdir(images)
    symlink(canary, images .. "/" .. name)
    local result = restore()
    t.eq(result.code, 1)
    t.match(result.stderr, name .. " is a symlink", true)
    remove(images .. "/" .. name)
    mkfifo(images .. "/" .. name)
    t.match(restore().stderr, name .. " is a fifo", true)
    remove(images, { recursive = true })
    t.eq({ stat(bench.path .. "/ran"), bench:status "box" }, {})
  end
  t.eq(read_file(canary), "untouched")
  -- What criu makes itself is no reason to refuse.
  mkdir(images)
  mkdir(bench.path .. "/earlier")
  symlink("../earlier", images .. "/parent")
  write_file(images .. "/core-1.img", "")
  restore()
  t.ok(stat(bench.path .. "/ran"), "criu was asked")
end)

-- A process that pretends to be a container's first: its number stands in the record, but it was
-- started at another time.
test.case("CVE-2022-31214: no process is entered that is not the container's", NEEDS, function(t)
  local bench <close> = attacks.bench(NEEDS, { "sleep", "100" })
  attacks.started(t, bench)
  local path = bench.state .. "/box/state.json"
  local own = json_decode(read_file(path))
  -- The kernel tells when a process started in hundredths of a second.
  poll({}, { timeout = "30ms" })
  local crafted <close> = spawn({ unshare = { "mnt", "uts" }, stdin = "pipe" }, function()
    exec { "sh", "-c", "read -r line" }
  end)
  crafted:started()
  local record = json_decode(read_file(path))
  record.pid = crafted.pid
  write_file(path, json_encode(record))
  local result = bench:call { "exec", "box", "sh", "-c", "echo entered" }
  t.eq({ result.code ~= 0, result.stdout }, { true, "" })
  t.eq(bench:status("box").status, "stopped")
  -- With the time as well it is what it pretends to be: the state is its owner's alone.
  record.starttime = proc_stat(crafted.pid).starttime
  write_file(path, json_encode(record))
  t.eq(bench:status("box").status, "running")
  t.eq(stat(bench.state).mode & tonumber("077", 8), 0)
  write_file(path, json_encode(own))
  crafted:kill "kill"
  crafted:wait()
end)

return test.run()

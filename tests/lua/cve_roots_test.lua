-- Attacks by what an image brings along: each under the number that it was found by, against this
-- program, and against Debian's crun and runc where those fall to it. `docs/security.md` lists
-- them.
--
-- A body answers what was reached, or nil. What an attack reaches for is made by the test, beside
-- the root or in it, so a peer that falls does no harm.

local attacks = require "test.attacks"
local oci = require "test.oci"
local test = require "test"

local NEEDS, CRUN, RUNC = attacks.NEEDS, attacks.CRUN, attacks.RUNC
local stopped, falls, run = attacks.stopped, attacks.falls, attacks.run

-- /dev of the image's own: where engines mount none, or before they do.
local function without_dev(args)
  local spec = oci.spec(args)
  table.remove(spec.mounts, 3)
  table.remove(spec.mounts, 2)
  spec.root.readonly = false
  return spec
end

-- An image whose /dev is a link: the runtime makes nodes and links there, and removes ptmx first.
local function linked_dev(to)
  return function(bench)
    local canary = bench.path .. "/canary"
    mkdir(canary)
    write_file(canary .. "/ptmx", "mine")
    remove(bench.rootfs .. "/dev", { directory = true })
    symlink(to or canary, bench.rootfs .. "/dev")
    run(bench, without_dev { "true" })
    local names = table.concat(list_dir(canary), " ")
    return (names ~= "ptmx" or read_file(canary .. "/ptmx") ~= "mine") and names or nil
  end
end

stopped("CVE-2026-41579, CVE-2026-47766: nothing is made where an image's /dev leads", linked_dev())
stopped("CVE-2026-41579: nor where it leads from the root on", linked_dev "../canary")
falls("CVE-2026-41579: runc removes ptmx there, and makes links", RUNC, linked_dev())
falls("CVE-2026-47766: crun makes devices there", CRUN, linked_dev())

-- An image whose /dev/null is a link: the runtime mounts what it leads to over what it is to mask.
-- Here that is the masked file itself, which then is as readable as before; a parameter of the
-- kernel's is as near.
local function linked_null(bench)
  symlink("/masked", bench.rootfs .. "/dev/null")
  write_file(bench.rootfs .. "/masked", "secret")
  -- Standard output may have become that file, too.
  local spec = without_dev { "sh", "-c", "cat /masked > /tmp/seen" }
  spec.linux.maskedPaths = { "/masked" }
  run(bench, spec)
  local seen = stat(bench.rootfs .. "/tmp/seen") and read_file(bench.rootfs .. "/tmp/seen")
  return seen == "secret" and seen or nil
end

stopped("CVE-2025-31133, CVE-2025-62161: an image's /dev/null is no mask", linked_null)
falls("CVE-2025-31133: runc masks with whatever it is", RUNC, linked_null)

-- The container changes its tree while the runtime makes the places of its mounts: a directory is
-- made where a link, that was a directory a moment ago, leads.
local function exchanged(bench, t)
  local canary, root = bench.path .. "/canary", bench.rootfs
  mkdir(canary)
  mkdir(root .. "/vol")
  symlink("../canary", root .. "/trap")
  local racer <close> = spawn({ die_with_parent = true }, function()
    while true do
      rename(root .. "/vol", root .. "/trap", { exchange = true })
    end
  end)
  local spec = oci.spec { "true" }
  spec.root.readonly = false
  for number = 1, 60 do
    spec.mounts[#spec.mounts + 1] = {
      destination = ("/vol/made%d/in/it"):format(number),
      type = "tmpfs",
      source = "tmpfs",
    }
  end
  local reached
  for _ = 1, bench.peer and 100 or 4 do
    run(bench, spec)
    reached = list_dir(canary)[1]
    if reached then
      break
    end
  end
  racer:kill("kill")
  racer:wait()
  for _, name in ipairs { "vol", "trap" } do
    local place = root .. "/" .. name
    if stat(place, { nofollow = true }).type == "directory" then
      remove(place, { recursive = true })
    end
  end
  t.ok(not read_file("/proc/self/mountinfo"):find(canary, 1, true), "nothing is mounted there")
  return reached
end

stopped("CVE-2024-45310: a directory exchanged with a link has nothing made outside", exchanged)
falls("CVE-2024-45310: runc makes directories there", RUNC, exchanged)

-- A path is handed to the child of the runtime; lengths of 16 bits were added up in it.
test.case(
  "CVE-2021-43784: no length of a path or of all of them ends in another path",
  NEEDS,
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "true" }
    local long = ("/x"):rep(35000)
    spec.linux.namespaces[1].path = long
    t.eq(run(bench, spec).code, 1)
    spec.linux.namespaces[1].path = nil
    spec.mounts[4] = { destination = "/tmp/a", source = long, options = { "bind" } }
    t.eq(run(bench, spec).code, 1)
    spec.mounts[4] = { destination = long, type = "tmpfs", source = "tmpfs" }
    t.eq(run(bench, spec).code, 1)
    t.eq(bench:status "box", nil)
    -- 100 mounts with sources of 1,000 bytes each: past 64 KiB together, each one in its place.
    local deep = bench.path .. ("/" .. ("s"):rep(240)):rep(4)
    mkdir(deep, { parents = true })
    spec = oci.spec { "sh", "-c", "for n in $(seq 100); do cat /tmp/$n; done" }
    spec.root.readonly = false
    for number = 1, 100 do
      write_file(("%s/%d"):format(deep, number), number .. ".")
      spec.mounts[3 + number] = {
        destination = "/tmp/" .. number,
        source = ("%s/%d"):format(deep, number),
        options = { "bind" },
      }
    end
    local result = run(bench, spec)
    local numbers = {}
    for number = 1, 100 do
      numbers[number] = number .. "."
    end
    t.eq(result.stdout, table.concat(numbers), result.stderr)
  end
)

-- What labels and parameters are written to must be the kernel's own files.
test.case("CVE-2019-16884: no other file system takes the place of /proc", NEEDS, function(t)
  local bench <close> = oci.bench()
  mkdir(bench.path .. "/fake/self/attr", { parents = true })
  write_file(bench.path .. "/fake/self/attr/exec", "")
  for _, mount in ipairs {
    { destination = "/proc", type = "tmpfs", source = "tmpfs" },
    { destination = "/proc", source = bench.path .. "/fake", options = { "rbind" } },
    { destination = "/proc/self", source = bench.path .. "/fake/self", options = { "rbind" } },
    { destination = "/x/../proc/self/attr", type = "tmpfs", source = "tmpfs" },
  } do
    local spec = oci.spec { "true" }
    spec.mounts[4] = mount
    t.eq(run(bench, spec).code, 1, mount.destination .. " " .. (mount.type or "bind"))
    spec.mounts[1] = mount
    t.eq(run(bench, spec).code, 1, mount.destination .. " " .. (mount.type or "bind"))
  end
  t.eq(read_file(bench.path .. "/fake/self/attr/exec"), "")
end)

-- A neighbour that shares the mounts covers a file of procfs by another one, by a link's target or
-- by a plain file, when the runtime writes.
test.case(
  "CVE-2025-52881, CVE-2025-62596: what is written to /proc goes nowhere else",
  { "root" },
  function(t)
    local dir <close> = temp_dir()
    write_file(dir.path .. "/canary", "untouched")
    mkdir(dir.path .. "/sys/kernel", { parents = true })
    symlink(dir.path .. "/canary", dir.path .. "/sys/kernel/domainname")
    local function covered(from, to, write, errno)
      t.inside({ "mnt", "uts" }, function()
        setdomainname("before")
        mount(from, to, { bind = true })
        t.fails(errno or "EXDEV", write)
        umount(to)
        t.eq(sysctl_get("kernel.domainname"), "before")
      end)
    end
    local function name()
      sysctl("kernel.domainname", "fallen")
    end
    covered(dir.path .. "/canary", "/proc/sys/kernel/domainname", name)
    covered("/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", name)
    covered(dir.path .. "/sys", "/proc/sys", name, "ELOOP")
    covered(dir.path .. "/canary", "/proc/self/oom_score_adj", function()
      oom_score(500)
    end)
    t.eq(read_file(dir.path .. "/canary"), "untouched")
  end
)

test.case(
  "CVE-2025-52881: nor on a kernel without openat2",
  { "root", "program:strace" },
  function(t)
    local trace = { "strace", "-fqq", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=openat2" }
    local rest = { "-e", "inject=openat2:error=ENOSYS", os.getenv("CRUN_LUA_TEST_PROGRAM") }
    for _, name in ipairs {
      "CVE-2025-52881, CVE-2025-62596: what is written to /proc goes nowhere else",
      "CVE-2025-52881: a parameter that is mounted over itself is written",
    } do
      local line = table.move(trace, 1, #trace, 1, {})
      table.move(rest, 1, #rest, #line + 1, line)
      local words = { "--stdlib", "stdlib", "tests/lua/cve_roots_test.lua", "--case", name }
      table.move(words, 1, #words, #line + 1, line)
      local result = capture(line)
      t.eq(result.code, 0, result.stderr)
    end
  end
)

-- The way that is right goes on: a machine in a container has /proc/sys read-only, and parts of it
-- writable, by mounts of procfs over itself.
test.case(
  "CVE-2025-52881: a parameter that is mounted over itself is written",
  { "root" },
  function(t)
    t.inside({ "mnt", "uts" }, function()
      mount("/proc/sys", "/proc/sys", { bind = true })
      sysctl("kernel.domainname", "one")
      mount("/proc/sys/kernel", "/proc/sys/kernel", { bind = true })
      sysctl("kernel.domainname", "two")
      t.eq(sysctl_get("kernel.domainname"), "two")
      mount(nil, "/proc/sys", { remount = true, bind = true, readonly = true })
      sysctl("kernel.domainname", "three")
      umount("/proc/sys/kernel")
      t.fails("EROFS", sysctl, "kernel.domainname", "four")
      t.eq(sysctl_get("kernel.domainname"), "three")
    end)
  end
)

-- A file that the runtime itself writes into a root, after the image has had its say.
test.case(
  "CVE-2025-24965, CVE-2026-33711, CVE-2026-87766: what is written into a root stays in it",
  { "root" },
  function(t)
    local dir <close> = temp_dir()
    local root, canary = dir.path .. "/root", dir.path .. "/canary"
    mkdir(root .. "/etc", { parents = true })
    write_file(canary, "untouched")
    local handle <close> = rootfs_open(root)
    for _, trap in ipairs { canary, "../../canary", "../../../../../.." .. canary } do
      for _, name in ipairs { "etc/hosts", "etc/resolv.conf", ".config.json" } do
        symlink(trap, root .. "/" .. name)
        -- Where it goes is inside, or it is an error.
        try(handle.write, handle, name, "fallen")
        try(handle.write, handle, name, "fallen", { exclusive = true })
        try(handle.mkdir, handle, name .. "/x", { parents = true })
        try(handle.mknod, handle, name, { type = "p" })
        remove(root .. "/" .. name)
      end
    end
    t.eq(read_file(canary), "untouched")
    t.eq(list_dir(dir.path), { "canary", "root" })
  end
)

-- While bubblewrap builds a root, the host's is at /oldroot.
test.case(
  "CVE-2026-87766: bubblewrap makes a directory where a link leads",
  attacks.BWRAP,
  function(t)
    local dir <close> = temp_dir()
    mkdir(dir.path .. "/canary")
    mkdir(dir.path .. "/bound")
    symlink("/oldroot" .. dir.path .. "/canary", dir.path .. "/bound/x")
    local line = { "bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr" }
    table.move(
      { "--bind", dir.path .. "/bound", "/m", "--dir", "/m/x/y", "/usr/bin/true" },
      1,
      6,
      #line + 1,
      line
    )
    capture(line)
    t.eq(list_dir(dir.path .. "/canary"), { "y" })
  end
)

-- The source of a mount is exchanged after it was looked at: a handle stays what it was.
test.case(
  "CVE-2024-42472: a source that is given as a handle cannot be exchanged",
  { "root", "kernel:5.12" },
  function(t)
    local dir <close> = temp_dir()
    for _, name in ipairs { "root/to", "good", "evil" } do
      mkdir(dir.path .. "/" .. name, { parents = true })
      write_file(dir.path .. "/" .. name .. "/name", name)
    end
    t.inside({ "mnt" }, function()
      local tree <close> = open_tree(dir.path .. "/good", { recursive = true })
      rename(dir.path .. "/good", dir.path .. "/evil", { exchange = true })
      local root <close> = rootfs_open(dir.path .. "/root", { bind = true })
      root:mount(tree, "/to")
      local found <close> = root:subdir("/to")
      t.eq(found:read("name"), "good")
    end)
  end
)

return test.run()

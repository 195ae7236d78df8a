-- Hostile images: whatever a root has where the runtime works, nothing happens outside of it.

local rootfs = require "oci.rootfs"
local roots = require "test.roots"
local test = require "test"

local PROC = roots.PROC
local DEV = roots.DEV
local SYS = roots.SYS
local in_bundle = roots.in_bundle
local spec_of = roots.spec_of
local within = roots.within
local mounted = roots.mounted

-- These hold with openat2 and mount_setattr and without: see the last cases.
local everywhere = {}

local function case(name, needs, body)
  everywhere[#everywhere + 1] = name
  test.case(name, needs, body)
end

local function traps(canary)
  return {
    canary,
    "../canary",
    "../../../../../../../../.." .. canary,
    "nowhere",
    "loop",
    "/proc/self/root" .. canary,
  }
end

case(
  "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2025-54867: no link at /proc, /sys or /dev",
  { "root" },
  function(t)
    in_bundle(t, function(bundle, root, canary)
      for _, trap in ipairs(traps(canary)) do
        symlink("loop", root .. "/loop")
        for name, mount in pairs { proc = PROC, sys = SYS, dev = DEV } do
          symlink(trap, root .. "/" .. name)
          local err = t.fails("mounts[0]", within, t, bundle, spec_of { mount })
          t.match(err.message, "ELOOP")
          t.eq(readlink(root .. "/" .. name), trap)
          remove(root .. "/" .. name)
        end
        -- Without a mount there, devices would be made in it.
        symlink(trap, root .. "/dev")
        t.fails("/dev of the root is a symlink", within, t, bundle, spec_of {})
        remove(root .. "/dev")
        remove(root .. "/loop")
      end
    end)
  end
)

case("a file at /proc, /sys or /dev is refused", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    for name, mount in pairs { proc = PROC, sys = SYS, dev = DEV } do
      write_file(root .. "/" .. name, "")
      t.fails("mounts[0]", within, t, bundle, spec_of { mount })
      remove(root .. "/" .. name)
    end
    mkfifo(root .. "/dev")
    t.fails("/dev of the root is a fifo", within, t, bundle, spec_of {})
  end)
end)

case("an image's null device masks nothing, whatever it is", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    mkdir(root .. "/dev")
    symlink("/proc/sys/kernel/core_pattern", root .. "/dev/null")
    local plain = spec_of({ PROC }, { maskedPaths = { "/secret" } })
    t.fails("/dev/null cannot be made", within, t, bundle, plain)
    write_file(root .. "/secret", "secret")
    local covered = spec_of({ PROC, DEV }, { maskedPaths = { "/secret" } })
    within(t, bundle, covered, function()
      local found = stat("/secret")
      t.eq({ found.type, found.major, found.minor }, { "char", 1, 3 })
      t.eq(read_file("/secret"), "")
    end)
  end)
end)

case(
  "CVE-2021-30465, CVE-2019-18837, CVE-2015-1335: a link that was a directory leads no mount out",
  { "root" },
  function(t)
    in_bundle(t, function(bundle, root, canary)
      mkdir(root .. "/vol")
      symlink(canary, root .. "/trap")
      local racer <close> = spawn({ die_with_parent = true }, function()
        while true do
          rename(root .. "/vol", root .. "/trap", { exchange = true })
        end
      end)
      local spec = spec_of({
        { destination = "/vol/a/b", type = "tmpfs", source = "tmpfs" },
        { destination = "/vol/etc", type = "bind", source = "/etc", options = { "rbind" } },
        { destination = "/vol/f", source = "/etc/passwd", options = { "bind" } },
      }, { maskedPaths = { "/vol/passwd" }, readonlyPaths = { "/vol" } })
      local plan = rootfs.prepare(spec, { bundle = bundle, id = "x" })
      local done = 0
      for _ = 1, 150 do
        local child <close> = spawn(
          { unshare = { "mnt" }, propagation = plan.propagation },
          function()
            local made, err = try(rootfs.furnish, plan)
            t.ok(
              not read_file("/proc/self/mountinfo"):find(" " .. canary, 1, true),
              "at the canary"
            )
            if not err then
              rootfs.enter(plan, made)
            end
            return err and 3 or 0
          end
        )
        local ended, err = try(child.wait, child)
        t.ok(ended or tostring(err):find("E%u+"), tostring(err))
        done = done + (ended and ended.code == 0 and 1 or 0)
      end
      racer:kill("kill")
      racer:wait()
      t.ok(done > 0, "some of them are made")
    end)
  end
)

-- Places where the runtime works, and what an image may have there.
local PLACES = {
  "proc",
  "sys",
  "dev",
  "dev/null",
  "dev/pts",
  "dev/shm",
  "dev/console",
  "dev/ptmx",
  "dev/fd",
  "etc",
  "etc/hosts",
  "tmp",
  "run",
  "sys/fs",
}

local function lay(root, place, kind, canary)
  local dir <close> = rootfs_open(root)
  if place:find("/") then
    dir:mkdir(place:match("^(.*)/"), { parents = true })
  end
  if kind == "file" then
    dir:write(place, "x")
  elseif kind == "fifo" then
    dir:mknod(place, { type = "p" })
  elseif kind == "device" then
    dir:mknod(place, { type = "c", major = 1, minor = 5 })
  else
    dir:symlink((kind:gsub("CANARY", canary)), place)
  end
end

local HOSTILE = { "root", "minutes:3" }

test.case("whatever an image has where the runtime works, the host stays", HOSTILE, function(t)
  local kinds = { "CANARY", "../canary", "../../../../../../..CANARY", "nowhere", "file", "fifo" }
  local spec = spec_of({
    PROC,
    { destination = "/etc/hosts", source = "/etc/hostname", options = { "bind", "ro" } },
    { destination = "/tmp", type = "tmpfs", source = "tmpfs", options = { "tmpcopyup" } },
    { destination = "/run/a", source = "/usr", options = { "rbind" } },
    { destination = "/sys/fs/x", type = "tmpfs", source = "tmpfs" },
    { destination = "/dev/shm", type = "tmpfs", source = "shm" },
  }, { maskedPaths = { "/etc/hosts", "/dev/pts" }, readonlyPaths = { "/etc", "/sys/fs" } })
  local tried, made = 0, 0
  for _, place in ipairs(PLACES) do
    for _, kind in ipairs(kinds) do
      in_bundle(t, function(bundle, root, canary)
        lay(root, place, kind, canary)
        local plan = rootfs.prepare(spec, { bundle = bundle, id = "x", terminal = true })
        local how = { unshare = { "mnt", "pid" }, propagation = plan.propagation }
        local child <close> = spawn(how, function()
          local ok, err = try(rootfs.furnish, plan)
          local mounts = read_file("/proc/self/mountinfo")
          t.ok(not mounts:find(" " .. canary, 1, true), place .. " " .. kind .. ": at the canary")
          if err then
            return 3
          end
          _, err = try(rootfs.enter, plan, ok)
          return err and 3 or 0
        end)
        local code = child:wait().code
        t.ok(code == 0 or code == 3, ("%s %s: %d"):format(place, kind, code))
        tried, made = tried + 1, made + (code == 0 and 1 or 0)
      end)
    end
  end
  t.ok(made > 10 and made < tried, ("%d of %d"):format(made, tried))
end)

case("a link in the way of a mask or of protection stays in the root", { "root" }, function(t)
  in_bundle(t, function(bundle, root, canary)
    symlink(canary, root .. "/mask")
    symlink(canary .. "/passwd", root .. "/file")
    symlink("/proc/self/root", root .. "/magic")
    mkdir(root .. canary, { parents = true })
    write_file(root .. canary .. "/x", "inside")
    local spec = spec_of({ PROC, DEV }, {
      maskedPaths = { "/mask", "/file" },
      readonlyPaths = { "/nothing/at/all", canary },
    })
    within(t, bundle, spec, function()
      t.eq(list_dir(canary), {})
    end)
    t.eq(read_file(root .. canary .. "/x"), "inside")
    local magic = spec_of({ PROC, DEV }, { maskedPaths = { "/magic/etc" } })
    t.fails("ELOOP", within, t, bundle, magic)
  end)
end)

case("read-only paths are so with all that is mounted below", { "root" }, function(t)
  in_bundle(t, function(bundle, root)
    mkdir(root .. "/a/b", { parents = true })
    local tmpfs = { destination = "/a/b", type = "tmpfs", source = "tmpfs" }
    local spec = spec_of({ PROC, DEV, tmpfs }, { readonlyPaths = { "/a", "/proc/sys" } })
    within(t, bundle, spec, function()
      t.fails("EROFS", write_file, "/a/x", "")
      t.fails("EROFS", write_file, "/a/b/x", "")
      t.fails("EROFS", write_file, "/proc/sys/kernel/hostname", "x")
      write_file("/x", "")
    end)
  end)
end)

case("a read-only root has writable file systems in it", { "root" }, function(t)
  in_bundle(t, function(bundle)
    local tmp = { destination = "/tmp", type = "tmpfs", source = "tmpfs" }
    local spec = spec_of({ PROC, DEV, tmp }, nil, { path = "rootfs", readonly = true })
    within(t, bundle, spec, function()
      t.fails("EROFS", mkdir, "/x")
      mkdir("/tmp/x")
      t.match(mounted("/").mount_options[1] or mounted("/").mount_options, "ro")
    end)
  end)
end)

case("the host's root is out of reach", { "root" }, function(t)
  in_bundle(t, function(bundle)
    within(t, bundle, spec_of { PROC, DEV }, function()
      local points = {}
      for _, mount in ipairs(mountinfo()) do
        points[#points + 1] = mount.mount_point
      end
      t.eq(points, { "/", "/proc", "/dev" })
      t.eq(list_dir("/"), { "dev", "proc" })
      t.eq(list_dir("/proc/1/cwd"), { "dev", "proc" })
    end)
  end)
end)

-- The same on a kernel that lacks a call, or below a filter that does not know it.
local function without(call)
  return function(t)
    for _, name in ipairs(everywhere) do
      local child <close> = spawn(function()
        exec {
          "strace",
          "-fqq",
          "--seccomp-bpf",
          "-o",
          "/dev/null",
          "-e",
          "trace=" .. call,
          "-e",
          "inject=" .. call .. ":error=ENOSYS",
          os.getenv("CRUN_LUA_TEST_PROGRAM"),
          "--stdlib",
          "stdlib",
          "tests/lua/oci_rootfs_hostile_test.lua",
          "--case",
          name,
        }
      end)
      t.eq(child:wait().code, 0, name)
    end
  end
end

test.case(
  "an image is as harmless without openat2",
  { "root", "program:strace" },
  without "openat2"
)
test.case(
  "an image is as harmless without mount_setattr",
  { "root", "program:strace" },
  without "mount_setattr"
)

return test.run()

-- Containers on hostile roots: by `require "container"`, by the OCI commands, and by layers that
-- are unpacked over each other. Each works inside its root or is refused; the host stays as it was.

local canary = require "test.hostile.canary"
local oci = require "test.oci"
local stage = require "test.hostile.stage"
local tar = require "test.tar"
local test = require "test"
local variants = require "test.hostile.variants"

-- In `make test` every so manieth variant is tried where each takes a part of a second.
local SHARE <const> = 5

-- Without it a rig in which nothing works any more would find nothing either.
local DECENT = { name = "a decent root", kind = "decent" }

local function chosen(share)
  local list = stage.some(stage.long() and variants.every() or variants.list(), share)
  table.insert(list, 1, DECENT)
  return list
end

-- Without one of these alone nothing is mounted, or no process is watched: no kernel is like that.
local NEEDED = { "move_mount", "fsopen", "open_tree", "pidfd_open" }

--- Fails where a decent root was refused, unless by a call that has no way round.
local function check_decent(variant, said)
  if variant == DECENT and not stage.is_refusal(said, NEEDED) then
    error("a decent root does not work: " .. said, 0)
  end
end

-- What a payload tells of its surroundings. A pipe would never end, and neither would a file of a
-- terabyte, so only files are read, and of each the beginning.
local LOOK = [[
for file in /etc/passwd /etc/resolv.conf /dev/null /dev/console /run/secret /vol/secret \
  /srv/secret /opt/secret /home/user/secret /proc/secret /sys/secret /dev/secret /tmp/secret; do
  if [ -f "$file" ]; then head -c 4096 "$file"; fi
done
echo "mounts:"; if [ -f /proc/self/mountinfo ]; then cat /proc/self/mountinfo; fi
echo "fds:"; ls /proc/1/fd
]]

--- The device that a directory is on, as mountinfo has it (makedev(3)).
local function device_of(path)
  local dev = stat(path).dev
  return ("%d:%d"):format((dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00))
end

--- Fails where a payload has seen what is not its own.
local function judge(what, output, path)
  local complaints = {}
  if output:find(canary.SECRET, 1, true) then
    complaints[1] = "it has read the secret"
  end
  for line in output:gmatch("[^\n]+") do
    -- A directory of this name inside of the root, or in a tmpfs of the container, is its own.
    local device, shown = line:match("^%d+ %d+ (%d+:%d+) (%S*/canary%S*) ")
    if shown and device == device_of(path) and not shown:find("/rootfs/", 1, true) then
      complaints[#complaints + 1] = "it sees a mount of the canary: " .. line
    end
  end
  local fds = output:match("fds:\n(.*)$")
  for _, text in ipairs(canary.fd_complaints(fds or "")) do
    complaints[#complaints + 1] = text
  end
  if #complaints > 0 then
    error(("%s: %s\n%s"):format(what, table.concat(complaints, "; "), output), 0)
  end
end

--- Fails where a refusal is no answer that a user can do something with.
local function check_refusal(what, said)
  local bad = said == "" or said:find("traceback", 1, true) or said:find("attempt to ", 1, true)
  if bad or said:find("panicked", 1, true) then
    error(("%s: not a clear error: %s"):format(what, said), 0)
  end
end

local function text_of(err)
  return type(err) == "table" and not getmetatable(err) and ("%s: %s"):format(err.op, err.message)
    or tostring(err)
end

--- A root with a shell in it.
local function furnish(root)
  for _, dir in ipairs { "bin", "proc", "sys", "dev", "etc", "tmp", "run" } do
    mkdir(root .. "/" .. dir)
  end
  copy_file(stat("/bin/busybox") and "/bin/busybox" or "/usr/bin/busybox", root .. "/bin/busybox")
  for _, name in ipairs { "sh", "cat", "head", "ls", "sleep" } do
    symlink("busybox", root .. "/bin/" .. name)
  end
end

test.case(
  "a payload that sees the canary is told of, in whatever place",
  { "root", "program:busybox" },
  function(t)
    local container = require "container"
    stage.run(function(at)
      furnish(at.root)
      for told, place in pairs { ["read the secret"] = "/vol", ["sees a mount"] = "/mnt/a" } do
        local box = { rootfs = at.root, volumes = { at.canary .. ":" .. place .. ":ro" } }
        local seen = container.run(box, { "/bin/sh", "-c", LOOK }, { capture = true })
        t.fails(told, judge, place, seen.stdout, at.canary)
      end
    end, { program = true })
  end
)

test.case(
  "a container of the stdlib stays in a hostile root",
  { "root", "program:busybox", "minutes:30" },
  function(t)
    local container = require "container"
    stage.run(function(at)
      mkdir(at.path .. "/volume")
      write_file(at.path .. "/volume/file", "a volume's\n")
      local tried, ran = 0, 0
      for _, variant in ipairs(chosen(SHARE // 2)) do
        stage.renew(at)
        furnish(at.root)
        variants.lay(variant, at.root, at.canary)
        local result, err = try(container.run, {
          rootfs = at.root,
          volumes = {
            at.path .. "/volume:/run/a/b",
            at.path .. "/volume:/vol/x:ro",
            { source = at.path .. "/volume/file", target = "/etc/resolv.conf" },
          },
          tmpfs = { ["/tmp"] = true, ["/srv/deep"] = true },
          workdir = "/tmp",
        }, { "/bin/sh", "-c", LOOK }, { capture = true, timeout = "60s" })
        tried = tried + 1
        if result and result.code == 0 then
          ran = ran + 1
          judge(variant.name, result.stdout, at.canary)
        else
          local said = err and text_of(err) or result.stderr
          check_refusal(variant.name, said)
          check_decent(variant, said)
        end
        at.watch:check(variant.name, { "tree", "mounts" })
        t.eq(#container.list(), 0, variant.name .. ": nothing is left")
      end
      print(("  %d roots, %d containers ran"):format(tried, ran))
    end, { program = true })
  end
)

--- A configuration whose mounts, devices and paths go to every hostile place.
local function spec_of(bench, own_dev)
  local spec = oci.spec { "sh", "-c", "while :; do sleep 600; done" }
  spec.root.readonly = false
  if own_dev then
    -- The image's /dev: devices are made in it.
    spec.mounts = { spec.mounts[1] }
  end
  local function add(destination, kind, source, options)
    local mount = { destination = destination, type = kind, source = source, options = options }
    spec.mounts[#spec.mounts + 1] = mount
  end
  add("/sys", "sysfs", "sysfs", { "ro" })
  add("/dev/shm", "tmpfs", "shm", { "nosuid", "size=64k" })
  add("/tmp", "tmpfs", "tmpfs", { "tmpcopyup" })
  add("/etc/resolv.conf", "bind", bench.path .. "/volume/file", { "bind", "ro" })
  add("/run/a/b", "bind", bench.path .. "/volume", { "rbind" })
  add("/vol/x", "bind", bench.path .. "/volume", { "rbind", "ro" })
  spec.linux.maskedPaths = { "/proc/kcore", "/etc/passwd", "/dev/shm/x", "/run/secret", "/vol" }
  spec.linux.readonlyPaths = { "/proc/sys", "/etc", "/srv", "/home/user" }
  spec.linux.devices = { { path = "/dev/zero2", type = "c", major = 1, minor = 5 } }
  return spec
end

--- The life of a container: created, started, entered, deleted. Answers whether it came to life.
local function live(what, bench, spec, variant)
  bench:write(spec)
  local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
  if code == 0 then
    code, said = bench:detached { "start", "box" }
  end
  local lives = code == 0
  if lives then
    local seen = bench:call { "exec", "box", "sh", "-c", LOOK }
    if seen.code == 0 then
      judge(what, seen.stdout, bench.path .. "/canary")
    else
      check_refusal(what, seen.stderr)
      check_decent(variant, seen.stderr)
    end
    local moved = bench:call { "exec", "--cwd", "/run/a", "box", "sh", "-c", LOOK }
    if moved.code == 0 then
      judge(what, moved.stdout, bench.path .. "/canary")
    else
      check_refusal(what, moved.stderr)
    end
  else
    check_refusal(what, said)
    check_decent(variant, said)
  end
  local deleted = bench:call { "delete", "--force", "box" }
  if deleted.code ~= 0 then
    error(("%s: delete: %s"):format(what, deleted.stderr), 0)
  end
  for _, name in ipairs(stat(bench.state) and list_dir(bench.state) or {}) do
    if name:sub(1, 1) ~= "." then
      error(("%s: %s is left in the state"):format(what, name), 0)
    end
  end
  return lives
end

test.case(
  "a container of the OCI commands stays in a hostile root",
  { "root", "program:busybox", "minutes:30" },
  function()
    stage.run(function(at)
      local tried, ran = 0, 0
      for _, variant in ipairs(chosen(SHARE)) do
        local bench <close> = oci.bench()
        mkdir(bench.path .. "/volume")
        write_file(bench.path .. "/volume/file", "a volume's\n")
        local watch = canary.plant(bench.path .. "/canary", nil, { "tree" })
        variants.lay(variant, bench.rootfs, bench.path .. "/canary")
        local dev = variant.place and variant.place:match("^dev")
        for _, own_dev in ipairs(dev and { false, true } or { false }) do
          local what = ("%s%s"):format(variant.name, own_dev and ", with the image's /dev" or "")
          local lives = live(what, bench, spec_of(bench, own_dev), variant)
          tried, ran = tried + 1, ran + (lives and 1 or 0)
          watch:check(what)
          at.watch:check(what, { "mounts", "tree" })
        end
      end
      print(("  %d containers, %d of them lived"):format(tried, ran))
    end, { program = true })
  end
)

-- What a layer puts at a place and below it, and what it takes away there.
local function layers_at(place)
  return {
    { { name = place, data = "harm" } },
    { { name = place .. "/", type = "directory", mode = 511 } },
    { { name = place .. "/secret", data = "harm", mode = 2541 } },
    { { name = place .. "/sub/new/file", data = "harm" } },
    { { name = place .. "/new", type = "symlink", link = "secret" } },
    { { name = "hard", type = "hardlink", link = place .. "/secret" } },
    { { name = place .. "/.wh.secret" } },
    { { name = place .. "/sub/.wh..wh..opq" } },
    { { name = place .. "/pipe2", type = "fifo" } },
    { { name = (place .. "/x"):gsub("^(.*)/(.*)$", "%1/.wh.%2") } },
  }
end

test.case("no layer leaves a hostile root, whatever a lower one has left", { "root" }, function(t)
  stage.run(function(at)
    local tried, done = 0, 0
    local layer = at.path .. "/layer.tar"
    for _, variant in ipairs(chosen(SHARE // 2)) do
      -- A decent root has nothing there at all.
      local place = variant.place or "vol"
      for _, members in ipairs(layers_at(place)) do
        stage.renew(at)
        variants.lay(variant, at.root, at.canary)
        write_file(layer, tar.archive(members))
        local root <close> = rootfs_open(at.root)
        local how = { whiteouts = true, setuid = "strip" }
        local summary, err = try(root.unpack, root, layer, how)
        tried, done = tried + 1, done + (summary and 1 or 0)
        if err then
          check_refusal(variant.name, text_of(err))
        end
        at.watch:check(("%s: %s"):format(variant.name, members[1].name), { "tree" })
      end
    end
    print(("  %d layers, %d of them unpacked"):format(tried, done))
    t.ok(done > tried / 10 and done < tried, "some are unpacked, and some are refused")
  end, { frozen = true })
end)

return test.run()

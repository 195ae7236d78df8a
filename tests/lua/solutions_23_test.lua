-- scripts/solutions 2 and 3: they hold, the judge that is in them fails the course's version, each
-- defect by its own row, and the course's own command line does what the comments say.

local test = require "test"

local function run(name, ...)
  return capture({
    "/proc/self/exe",
    "--stdlib",
    "stdlib",
    "scripts/solutions/" .. name .. ".lua",
    ...,
  }, { timeout = "60s" })
end

local function fails(t, result, rows)
  t.eq(result.code, 1, result.stdout .. result.stderr)
  for _, row in ipairs(rows) do
    t.match(result.stdout, "✗ " .. row, true)
  end
end

test.case("a wrong option of a solution is status 2 and its usage", function(t)
  for _, name in ipairs { "2_resources", "3_hardening" } do
    local result = run(name, "--curse")
    t.eq(result.code, 2)
    t.match(result.stderr, "--curse: not an option", true)
    t.match(result.stderr, "usage: crun-lua scripts/solutions/" .. name, true)
  end
end)

test.case("solution 2 holds: each limit bites, and nobody else is in the group", {
  "root",
  "cgroup:memory",
  "cgroup:cpu",
}, function(t)
  local result = run "2_resources"
  t.eq(result.code, 0, result.stdout .. result.stderr)
  t.match(result.stdout, " 0 do not", true)
  t.ok(not result.stdout:find("✗", 1, true))
end)

test.case("its judge fails the course's version where the kernel says otherwise", {
  "root",
  "cgroup:memory",
  "cgroup:cpu",
}, function(t)
  local result = run("2_resources", "--course")
  fails(t, result, {
    "it was seen growing",
    "your shell  ",
    "your shell, once more",
    "directories that are left",
  })
  local kind = cgroup_layout().kind
  if kind == "hybrid" then
    fails(t, result, { "control groups here are" })
  end
  if kind == "v2" then
    fails(t, result, { "the limit of memory", "setting them" })
  end
end)

test.case("solution 3 holds for root", { "root" }, function(t)
  local result = run "3_hardening"
  t.eq(result.code, 0, result.stdout .. result.stderr)
  t.match(result.stdout, " 0 do not", true)
end)

test.case("solution 3 holds for an ordinary user", { "userns", "user" }, function(t)
  local result = run "3_hardening"
  t.eq(result.code, 0, result.stdout .. result.stderr)
end)

test.case("its judge fails the course's version, defect by defect", { "root" }, function(t)
  fails(t, run("3_hardening", "--course"), {
    "the filter lets a program start",
    "a program runs",
    "no_new_privs",
    "seccomp mode",
    "root  ",
    "root is read-only",
    "/proc is its own",
    "namespaces of the host",
  })
end)

-- The course's own lines, but for `useradd` and the place, which would touch the host.
local COURSE = [[
set -e
mkdir -p $ROOTFS/bin $ROOTFS/etc $ROOTFS/tmp
unshare --pid --net --mount --uts --ipc --fork \
  capsh --drop=all --user=nobody --chroot=$ROOTFS -- -c "
    mount -t proc proc /proc 2>/dev/null || true
    exec /bin/sh
  "
]]

test.case("the course's command ends at /bin/bash, which is not in its directory", {
  "root",
  "program:capsh",
  "program:unshare",
}, function(t)
  -- Where "nobody" can get to: its own temporary directory is this user's alone.
  t.inside({ "mnt" }, function()
    mount("tmpfs", "/mnt", { type = "tmpfs", data = { mode = "0755" } })
    local result = capture { "sh", "-c", "ROOTFS=/mnt/secure-container\n" .. COURSE }
    t.ok(result.code ~= 0, "it must not start")
    t.match(result.stderr, "/bin/bash' failed", true)
  end)
end)

return test.run()

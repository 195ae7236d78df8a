-- Labels of security modules on an OCI container's programs: applied at create and at exec, and
-- what is said where the label or the module is not there.

local oci = require "test.oci"
local test = require "test"

local APPARMOR = { "root", "program:busybox", "program:apparmor_parser", "lsm:apparmor" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

-- Two profiles that are loaded for as long as the case runs: each denies another directory.
local function profiles(bench)
  local path = bench.path .. "/profiles"
  local text = {}
  for _, name in ipairs { "one", "two" } do
    text[#text + 1] = ([[
profile %s-%s flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  network,
  signal,
  ptrace,
  mount,
  deny /tmp/%s/** w,
}]]):format(bench.group, name, name)
  end
  write_file(path, table.concat(text, "\n"))
  local function parser(...)
    local result = capture { "apparmor_parser", "--skip-cache", ..., path }
    assert(result.code == 0, result.stderr)
  end
  parser "--replace"
  return defer(function()
    parser "--remove"
  end)
end

local function label(pid)
  return (read_file(("/proc/%d/attr/apparmor/current"):format(pid)) or read_file(
    ("/proc/%d/attr/current"):format(pid)
  )):match "^[^\n]*"
end

test.case("a profile that is not loaded is an error that names it", APPARMOR, function(t)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  spec.process.apparmorProfile = "no-such-profile"
  bench:write(spec)
  for _, words in ipairs { { "create" }, { "run" } } do
    table.move({ "--bundle", bench.path, "box" }, 1, 3, 2, words)
    local result = bench:call(words)
    t.eq(result.code, 1)
    has(t, result.stderr, "no-such-profile")
    has(t, result.stderr, "not loaded")
    t.eq(bench:status "box", nil)
  end
  spec.process.apparmorProfile, spec.process.args = nil, { "sleep", "100" }
  bench:write(spec)
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  local result = bench:call { "exec", "--apparmor", "no-such-profile", "box", "true" }
  t.eq(result.code, 255)
  has(t, result.stderr, "no-such-profile")
  has(t, result.stderr, "not loaded")
end)

test.case("a profile holds for the first process and for exec's", APPARMOR, function(t)
  local bench <close> = oci.bench()
  local loaded <close> = profiles(bench)
  local one, two = bench.group .. "-one", bench.group .. "-two"
  local spec = oci.spec { "sh", "-c", "sleep 100" }
  spec.process.apparmorProfile = one
  spec.root.readonly = false
  mkdir(bench.rootfs .. "/tmp/one")
  mkdir(bench.rootfs .. "/tmp/two")
  bench:write(spec)
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  t.eq(label(bench:status("box").pid), one .. " (enforce)")
  local function exec(...)
    return bench:call { "exec", ... }
  end
  local denied = exec("box", "touch", "/tmp/one/file")
  t.eq(denied.code, 1)
  has(t, denied.stderr, "Permission denied")
  t.eq(exec("box", "touch", "/tmp/two/file").code, 0)
  t.eq(exec("--apparmor", two, "box", "touch", "/tmp/one/file").code, 0)
  t.eq(exec("--apparmor", two, "box", "touch", "/tmp/two/other").code, 1)
  t.eq(exec("box", "cat", "/proc/self/attr/current").stdout, one .. " (enforce)\n")
  t.eq(stat(bench.rootfs .. "/tmp/two/other"), nil)
end)

-- A file of an image's in the place of /proc gets no label (CVE-2019-16884).
test.case(
  "CVE-2019-16884: a root whose /proc is no proc gets no unconfined program",
  APPARMOR,
  function(t)
    local bench <close> = oci.bench()
    local loaded <close> = profiles(bench)
    local spec = oci.spec { "cat", "/proc/self/attr/current" }
    spec.process.apparmorProfile = bench.group .. "-one"
    spec.mounts[1] = { destination = "/proc", type = "tmpfs", source = "tmpfs" }
    bench:write(spec)
    local code = bench:detached { "create", "--bundle", bench.path, "box" }
    if code == 0 then
      local pid = bench:status("box").pid
      t.eq(bench:call({ "start", "box" }).code, 0)
      t.ok(not label(pid):find "unconfined", label(pid))
    end
  end
)

test.need("noselinux", function()
  for _, active in ipairs(lsm_status().active) do
    if active == "selinux" then
      return "SELinux is active"
    end
  end
end)

-- crun goes on as well: a label for a module that the kernel does not have is how some callers say
-- what they would like.
test.case(
  "a label of SELinux's where the kernel has none is a warning at create and at exec",
  { "root", "program:busybox", "noselinux" },
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.process.selinuxLabel = "system_u:system_r:container_t:s0:c1,c2"
    spec.linux.mountLabel = "system_u:object_r:container_file_t:s0:c1,c2"
    bench:write(spec)
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    has(t, said, "selinux is not active in this kernel")
    has(t, said, "container_t")
    has(t, said, "container_file_t")
    local mounts = read_file(("/proc/%d/mountinfo"):format(bench:status("box").pid))
    t.ok(not mounts:find("context=", 1, true))
    local result = bench:call { "exec", "--process-label", "a:b:other_t:s0", "box", "true" }
    t.eq(result.code, 0)
    has(t, result.stderr, "other_t")
  end
)

test.case(
  "a label of SELinux's is taken in a root that cannot say whether SELinux is active",
  { "root", "program:busybox", "lsm:selinux" },
  function(t)
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    -- The kernel's own word, which it has before any policy is loaded.
    spec.process.selinuxLabel = "kernel"
    bench:write(spec)
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    has(t, read_file(("/proc/%d/attr/current"):format(bench:status("box").pid)), "kernel")
    local result = bench:call { "exec", "--process-label", "kernel", "box", "true" }
    t.eq({ result.code, result.stderr }, { 0, "" })
  end
)

return test.run()

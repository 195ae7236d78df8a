-- `checkpoint` and `restore`: what criu is asked for, and what becomes of the container. A script
-- stands in for criu; the last case wants one that works with this kernel, which is rare.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

-- Writes its arguments, a line each; "dump" ends the process of --tree, "restore" starts another.
local FAKE = [[
#!/bin/sh
here=${0%/*}
for word in "$@"; do echo "$word"; done >$here/words
[ -e $here/fail ] && { log=; while [ $# -gt 0 ]; do
    case $1 in --work-dir) work=$2 ;; --log-file) log=$2 ;; esac
    shift
  done
  { echo '(00.1) fine'; echo '(00.2) Error (criu/x.c:1): no room'
    echo '(00.3) Error (criu/y.c:2): done'; } >$work/$log
  exit 1
}
what=$1
while [ $# -gt 0 ]; do
  case $1 in
    --tree) tree=$2 ;;
    --pidfile) pidfile=$2 ;;
    --leave-running) stay=1 ;;
  esac
  shift
done
case $what in
  dump) [ "$stay" ] || kill -9 $tree ;;
  restore)
    cat /proc/self/cgroup >$here/group
    setsid sleep 1000 </dev/null >/dev/null 2>&1 &
    echo $! >$pidfile ;;
esac
exit 0
]]

local function has(t, text, part)
  t.ok(text:find(part, 1, true), ("%q is not in %q"):format(part, text))
end

-- A bench with a script for criu, and a configuration with a bind mount.
local function bench()
  local made = oci.bench()
  made.criu = made.path .. "/criu"
  write_file(made.criu, FAKE, { mode = "0755" })
  mkdir(made.path .. "/data")
  local spec = oci.spec { "sleep", "100" }
  local mounts = spec.mounts
  mounts[#mounts + 1] = { destination = "/tmp", source = "data", options = { "rbind" } }
  spec.linux.maskedPaths = { "/proc/version", "/proc/bus" }
  made:write(spec)
  return made
end

local function run(t, here, id)
  local code, said = here:detached { "run", "--detach", "--bundle", here.path, id }
  t.eq(code, 0, said)
end

-- Calls the program with the script for criu.
local function call(here, words)
  return here:call { "--criu", here.criu, table.unpack(words) }
end

local function words_of(here)
  return (read_file(here.path .. "/words"))
end

test.case("without criu a checkpoint says so, and the container goes on", NEEDS, function(t)
  local here <close> = bench()
  run(t, here, "box")
  local env = { PATH = "/nowhere" }
  local result = here:call({ "checkpoint", "box" }, { env = env })
  t.eq(result.code, 1)
  has(t, result.stderr, "crun-lua: criu: executable file not found in $PATH (checkpoint and")
  result = here:call { "--criu", "/nowhere/criu", "checkpoint", "box" }
  has(t, result.stderr, "criu: /nowhere/criu: no such file or directory")
  t.eq(here:status("box").status, "running")
  t.eq(stat("checkpoint"), nil)
end)

test.case("what criu fails with is told from its log, and the container goes on", NEEDS, function(t)
  local here <close> = bench()
  run(t, here, "box")
  write_file(here.path .. "/fail", "")
  local result = call(here, { "checkpoint", "--image-path", here.path .. "/images", "box" })
  t.eq(result.code, 1)
  local log = here.path .. "/images/dump.log"
  t.eq(result.stderr, ("crun-lua: criu failed: dump: no room (its log is %s)\n"):format(log))
  t.eq(here:status("box").status, "running")
end)

test.case("a checkpoint of what does not run, and wrong options, are refused", NEEDS, function(t)
  local here <close> = bench()
  local result = call(here, { "checkpoint", "gone" })
  t.eq(result.stderr, 'crun-lua: container "gone" does not exist\n')
  t.eq(here:detached { "create", "--bundle", here.path, "box" }, 0)
  has(t, call(here, { "checkpoint", "box" }).stderr, 'container "box" is not running')
  t.eq(here:call({ "start", "box" }).code, 0)
  local wrong = {
    { "--parent-path", "/abs", "must be relative to --image-path" },
    { "--page-server", "host", 'expected ADDRESS:PORT, got "host"' },
    { "--empty-ns", "ipc", 'expected network, got "ipc"' },
    { "--status-fd", "2", "must be 3 or more" },
    { "--manage-cgroups-mode", "odd", "expected soft or full or strict or ignore" },
  }
  for _, one in ipairs(wrong) do
    result = call(here, { "checkpoint", one[1], one[2], "box" })
    t.eq(result.code, 1)
    has(t, result.stderr, one[3])
  end
  t.eq(stat(here.path .. "/words"), nil)
end)

test.case("a checkpoint names what came from outside, and removes the container", NEEDS, function(t)
  local here <close> = bench()
  run(t, here, "box")
  local pid = here:status("box").pid
  local images = here.path .. "/images"
  local options = { "--image-path", images, "--tcp-established", "--page-server", "::1:7000" }
  local result = call(here, { "checkpoint", "box", table.unpack(options) })
  t.eq({ result.code, result.stderr }, { 0, "" })
  local words = words_of(here)
  t.eq(words:match("^(%l+)\n%-%-tree\n(%d+)\n"), "dump")
  has(t, words, ("--tree\n%d\n--images-dir\n%s\n--work-dir\n%s\n"):format(pid, images, images))
  has(t, words, "--external\nmnt[/tmp]:/tmp\n--external\nmnt[/proc/version]:/proc/version\n")
  has(t, words, "--manage-cgroups=soft\n--tcp-established\n")
  has(t, words, "--page-server\n--address\n::1\n--port\n7000\n")
  t.eq(words:find("/proc/bus", 1, true), nil)
  t.eq(#json_decode(read_file(images .. "/descriptors.json")), 3)
  t.eq(here:status("box"), nil)
end)

test.case("with --leave-running, and after --pre-dump, the container goes on", NEEDS, function(t)
  local here <close> = bench()
  run(t, here, "box")
  local images = { "--image-path", here.path .. "/images" }
  local result = call(here, { "checkpoint", "--leave-running", "box", table.unpack(images) })
  t.eq({ result.code, result.stderr }, { 0, "" })
  has(t, words_of(here), "\n--leave-running\n")
  result = call(here, { "checkpoint", "--pre-dump", "box", table.unpack(images) })
  t.eq({ result.code, result.stderr }, { 0, "" })
  has(t, words_of(here), "pre-dump\n")
  has(t, words_of(here), "\n--track-mem\n")
  t.eq(here:status("box").status, "running")
end)

test.case("a restored container is one like any other, in its control group", NEEDS, function(t)
  local here <close> = bench()
  local images, pidfile = here.path .. "/images", here.path .. "/pid"
  mkdir(images)
  local saved = { "/dev/null", "pipe:[77]", "socket:[78]" }
  write_file(images .. "/descriptors.json", json_encode(saved))
  local options = { "--bundle", here.path, "--image-path", images, "--pid-file", pidfile }
  local line = { "--criu", here.criu, "restore", "--detach", "--lsm-profile", "selinux:x", "box" }
  local code, said = here:detached(table.move(options, 1, #options, #line + 1, line))
  t.eq(code, 0, said)
  local words = words_of(here)
  has(t, words, ("restore\n--images-dir\n%s\n"):format(images))
  has(t, words, ("--root\n%s\n"):format(here.rootfs))
  has(t, words, ("--external\nmnt[/tmp]:%s/data\n"):format(here.path))
  has(t, words, "--inherit-fd\nfd[1]:pipe:[77]\n--inherit-fd\nfd[2]:socket:[78]\n")
  has(t, words, "--lsm-profile\nselinux:x\n")
  has(t, read_file(here.path .. "/group"), "/" .. here.group .. "\n")
  local status = here:status("box")
  t.eq({ status.status, tostring(status.pid) }, { "running", read_file(pidfile) })
  t.eq(here:call({ "kill", "box", "KILL" }).code, 0)
  t.eq(here:call({ "delete", "--force", "box" }).code, 0)
  t.eq(here:status("box"), nil)
end)

test.case("a restore that fails leaves nothing, and tells why", NEEDS, function(t)
  local here <close> = bench()
  local images = here.path .. "/images"
  local words = { "restore", "--bundle", here.path, "--image-path", images, "box" }
  local result = call(here, words)
  has(t, result.stderr, ("open %s: no such file or directory"):format(images))
  mkdir(images)
  write_file(here.path .. "/fail", "")
  result = call(here, words)
  t.eq(result.code, 1)
  has(t, result.stderr, "crun-lua: criu failed: restore: no room (its log is")
  t.eq(here:status("box"), nil)
  t.eq(list_dir(here.state), {})
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    t.eq(stat(hierarchy.mount .. (hierarchy.own or "") .. "/" .. here.group), nil)
  end
end)

test.case("a policy that refuses a container refuses its restore", NEEDS, function(t)
  local here <close> = bench()
  mkdir(here.path .. "/images")
  mkdir(here.path .. "/policies")
  local policy = here.path .. "/policies/deny.lua"
  local text = 'return { validate = function() return false, "not here" end }\n'
  write_file(policy, text, { mode = "0644" })
  local images = { "--image-path", here.path .. "/images", "--bundle", here.path }
  local line = { "--policy", policy, "restore", "box", table.unpack(images) }
  local result = call(here, line)
  t.eq(result.code, 1)
  has(t, result.stderr, "not here")
  t.eq(stat(here.path .. "/words"), nil)
end)

-- The kernel's and criu's versions fit each other.
test.need("criu", function()
  local found = try(capture, { "criu", "check" })
  return (not found or found.code ~= 0) and "no criu that works with this kernel" or nil
end)

-- Calls the program with pipes that a container keeps: criu has to be told of them, and nothing
-- else of the host's may stay open in it.
local function piped(here, words)
  local child = spawn({ stdin = "pipe", stdout = "pipe", stderr = "pipe" }, function()
    exec(here:words(words))
  end)
  return child, child:wait().code
end

local function count(here)
  return tonumber(read_file(here.path .. "/count/now") or "0") or 0
end

local function wait_beyond(t, here, number)
  for _ = 1, 300 do
    if count(here) > number then
      return
    end
    poll({}, { timeout = "100ms" })
  end
  t.ok(false, "it does not count beyond " .. number)
end

local NEEDS_CRIU = { "root", "program:busybox", "criu", "minutes:3" }

test.case("with criu a container goes on where it was, under another id", NEEDS_CRIU, function(t)
  local here <close> = bench()
  mkdir(here.path .. "/count")
  local script = "i=0; while sleep 0.1; do i=$((i+1)); echo $i >/tmp/new; mv /tmp/new /tmp/now"
  local spec = oci.spec { "sh", "-c", script .. "; done" }
  local source = here.path .. "/count"
  spec.mounts[#spec.mounts + 1] = { destination = "/tmp", source = source, options = { "bind" } }
  here:write(spec)
  local first <close>, code = piped(here, { "run", "--detach", "--bundle", here.path, "box" })
  t.eq(code, 0)
  wait_beyond(t, here, 3)
  local images = here.path .. "/images"
  local result = here:call { "checkpoint", "--image-path", images, "box" }
  t.eq({ result.code, result.stderr }, { 0, "" })
  t.eq(here:status("box"), nil)
  local before = count(here)
  local line = { "restore", "--detach", "--bundle", here.path, "--image-path", images, "other" }
  local second <close>, restored = piped(here, line)
  t.eq(restored, 0)
  wait_beyond(t, here, before + 3)
  local members = json_decode(here:call({ "ps", "--format", "json", "other" }).stdout)
  t.eq(members[1], here:status("other").pid)
  t.eq(here:call({ "delete", "--force", "other" }).code, 0)
  t.eq({ first.pid > 0, second.pid > 0 }, { true, true })
end)

return test.run()

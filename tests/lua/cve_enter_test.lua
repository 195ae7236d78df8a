-- Attacks on the runtime while it starts a container, or a program in one: each under the number
-- that it was found by. See `cve_roots_test.lua` for how the peers are used.

local attacks = require "test.attacks"
local test = require "test"

local NEEDS, CRUN, RUNC = attacks.NEEDS, attacks.CRUN, attacks.RUNC
local bench_of, started = attacks.bench, attacks.started

-- The caller has left a directory of the host's open: the working directory is what leads to it.
local function inherited(t, needs)
  local bench <close>, spec = bench_of(needs, { "cat", "secret" })
  write_file(bench.path .. "/secret", "secret")
  spec.process.cwd = "/proc/self/fd/9"
  bench:write(spec)
  local line = bench:words { "run", "--bundle", bench.path, "box" }
  local script = 'exec 9<"$1"; shift; exec "$@"'
  local result = capture { "sh", "-c", script, "sh", bench.path, table.unpack(line) }
  t.ok(not bench:status "box" or needs ~= NEEDS, "nothing is left")
  return result.stdout
end

test.case("CVE-2024-21626: no descriptor that was left open leads out", NEEDS, function(t)
  t.eq(inherited(t, NEEDS), "")
end)

test.case("CVE-2024-21626: crun starts the program where it leads", CRUN, function(t)
  t.eq(inherited(t, CRUN), "secret")
end)

-- A program that is the runtime itself, by the name that the kernel has for it. While it runs, its
-- file is busy; what it has started keeps the file open, and writes when the runtime has ended.
local PAYLOAD = [==[#!/proc/self/exe
local child <close> = spawn(function()
  exec { "/bin/sh", "-c", [[
    exec 9</proc/$PPID/exe
    kill -9 $PPID
    while :; do
      why=$({ echo fallen >> /proc/self/fd/9; } 2>&1) && why=written
      case $why in
        *busy*) ;;
        *) echo "$why" > /tmp/why.new; mv /tmp/why.new /tmp/why; exit ;;
      esac
    done]] }
end)
child:wait()
]==]

test.case("CVE-2019-5736: the program's own file cannot be written from inside", NEEDS, function(t)
  local bench <close> = bench_of(NEEDS, { "sleep", "100" })
  -- A copy, or this very process would keep the file busy.
  local copy = bench.path .. "/runtime"
  copy_file(os.getenv("CRUN_LUA_TEST_PROGRAM"), copy)
  chmod(copy, "0755")
  bench.peer = { copy }
  local function mark()
    local found = stat(copy)
    return { found.ino, found.size, found.mtime }
  end
  local before = mark()
  symlink("busybox", bench.rootfs .. "/bin/mv")
  write_file(bench.rootfs .. "/bin/payload", PAYLOAD)
  chmod(bench.rootfs .. "/bin/payload", "755")
  started(t, bench)
  bench:call { "exec", "box", "payload" }
  for _ = 1, 3000 do
    if stat(bench.rootfs .. "/tmp/why") then
      break
    end
    poll({}, { timeout = "10ms" })
  end
  t.match(read_file(bench.rootfs .. "/tmp/why"), "Read-only file system", true)
  t.eq(mark(), before)
end)

-- The process that enters is held where it is about to run the program, with the rights that this
-- will have: what it still has open would be the container's to take. It is known by its command
-- line and its rights, both before and after it was looked into.
local LOOK = [[
own=$(grep CapPrm /proc/self/status)
held() {
  grep -q 'crun-lu[a]' $1/cmdline && [ "$(grep CapPrm $1/status)" = "$own" ]
}
while :; do for dir in /proc/[0-9]*; do
  held $dir 2>/dev/null || continue
  found=
  for name in fd/0 fd/1 cwd root exe; do
    found="$found $(readlink $dir/$name 2>/dev/null)"
  done
  held $dir 2>/dev/null || continue
  echo $found >> /tmp/open
  : > /tmp/seen
done; done]]

test.case(
  "CVE-2016-9962, CVE-2016-8649: nobody inside looks into the process that enters",
  { "root", "program:busybox", "program:strace" },
  function(t)
    local bench <close> = bench_of(NEEDS, { "sh", "-c", LOOK })
    started(t, bench)
    local seen = bench.rootfs .. "/tmp/seen"
    for delay = 1, 8 do
      -- Each process has a count of its own, and the first call of each is held too.
      local inject = ("inject=execve:delay_enter=%d"):format(delay * 1000000)
      local line = { "strace", "-fqq", "-o", "/dev/null", "-e", "trace=execve", "-e", inject }
      local words = bench:words { "exec", "box", "true" }
      capture(table.move(words, 1, #words, #line + 1, line), { timeout = "120s" })
      if stat(seen) then
        break
      end
    end
    t.ok(stat(seen), "the process was there to be looked at")
    t.eq(read_file(bench.rootfs .. "/tmp/open"):gsub("%s+", ""), "")
  end
)

test.case("CVE-2022-29162, CVE-2022-27650: what exec adds is not inheritable", NEEDS, function(t)
  local bench <close> = bench_of(NEEDS, { "sleep", "100" })
  started(t, bench)
  local result =
    bench:call { "exec", "--cap", "CAP_NET_RAW", "box", "grep", "Cap", "/proc/self/status" }
  t.match(result.stdout, "CapInh:\t0000000000000000", true)
  t.match(result.stdout, "CapAmb:\t0000000000000000", true)
  t.match(result.stdout, "CapEff:\t0000000020042420", true)
end)

-- Texts that are no number of a user, or of another one than they say.
local NO_USERS =
  { "-1", "4294967296", "4294967295", "+1", " 1", "1x", "", "1:", ":1", "0x1", "1:2:3" }

local function users(t, needs)
  local bench <close> = bench_of(needs, { "sleep", "100" })
  started(t, bench)
  local root = {}
  for _, text in ipairs(NO_USERS) do
    local result = bench:call { "exec", "--user", text, "box", "id", "-u" }
    root[#root + 1] = result.stdout == "0\n" and text or nil
  end
  for _, text in ipairs { "1", "1:2", "4294967294:1" } do
    local result = bench:call { "exec", "--user", text, "box", "id", "-u" }
    if needs == NEEDS then
      t.eq(result.stdout, text:match("^%d+") .. "\n", result.stderr)
    end
  end
  return root
end

test.case("CVE-2026-30892: no text is read as user 0 that does not say so", NEEDS, function(t)
  t.eq(users(t, NEEDS), {})
end)

test.case("CVE-2026-30892: crun takes -1 and 4294967296 for root", CRUN, function(t)
  local found = users(t, CRUN)
  t.eq({ found[1], found[2] }, { "-1", "4294967296" })
end)

test.case("CVE-2026-30892: runc takes 4294967296 for root", RUNC, function(t)
  t.eq(users(t, RUNC)[1], "4294967296")
end)

-- With the host's network a container sees the host's abstract sockets; there must be none of ours.
test.case("CVE-2020-15257: no socket of the runtime's is abstract", NEEDS, function(t)
  t.inside({ "net" }, function()
    local bench <close>, spec = bench_of(NEEDS, { "sh", "-c", "cat /proc/net/unix; sleep 100" })
    for index, one in ipairs(spec.linux.namespaces) do
      if one.type == "network" then
        table.remove(spec.linux.namespaces, index)
        break
      end
    end
    bench:write(spec)
    local code = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0)
    local said = read_file(bench.path .. "/said")
      .. bench:call({ "exec", "box", "cat", "/proc/net/unix" }).stdout
    t.match(said, "RefCount", true)
    t.ok(not said:find("@", 1, true), said)
    bench:call { "delete", "--force", "box" }
  end)
end)

return test.run()

-- Attacks by terminals: what a program types for its caller, and what a container puts where a
-- runtime looks for a terminal of its own.

local attacks = require "test.attacks"
local container = require "container"
local machine = require "test.machine"
local racer = require "test.hostile.racer"
local test = require "test"

local NEEDS = { "root", "program:busybox", "machine:x86_64" }

-- Linux 6.2 made a switch of it, and refuses it to all who are not root where that is off.
test.need("tiocsti", function()
  return sysctl_get("dev.tty.legacy_tiocsti") == "0" and "nobody may type for others" or nil
end)

-- Has the status 0 where the terminal has no name either.
local NO_TERMINAL = "if (: </dev/tty) 2>/dev/null; then exit 7; fi"

local IOCTL, TIOCSTI <const> = 16, 0x5412

--- A program that types the byte 0x7f on its standard input.
local function typist(path)
  write_file(path, machine.program { { IOCTL, 0, TIOCSTI, machine.BASE } })
  chmod(path, "0755")
end

--- Runs a body as a program of a shell's on a terminal; whether something was typed there that
--- nobody has typed. The body's failure is this one's.
local function typed(t, body)
  local terminal <close> = pty()
  local child <close> = spawn(function()
    terminal_attach(terminal)
    local raw <close> = raw_mode(0)
    body(terminal)
    return raw and #poll({ terminal.slave }, { timeout = 0 }) > 0 and 10 or 0
  end)
  local code = child:wait().code
  t.ok(code == 0 or code == 10, ("status %s: %s"):format(code, terminal.master:read "16K" or ""))
  return code == 10
end

local QUIET = { stdin = "null", stdout = "null", stderr = "null" }

local function start(command)
  local child <close> = spawn(function()
    exec(command)
  end)
  child:wait()
end

--- A root with a typist in it, and its directory.
local function stage()
  local bench = attacks.bench(attacks.NEEDS)
  typist(bench.rootfs .. "/bin/typist")
  return bench
end

test.case("CVE-2017-5226: a container types nothing for its caller", NEEDS, function(t)
  local bench <close> = stage()
  for _, profile in ipairs { "default", "minimal", "strict" } do
    local given = { rootfs = bench.rootfs, profile = profile }
    local found = typed(t, function()
      container.run(given, { "/bin/typist" })
    end)
    t.ok(not found, profile)
  end
  local given = { rootfs = bench.rootfs, init = true }
  t.ok(not typed(t, function()
    t.eq(container.run(given, { "sh", "-c", "/bin/typist; " .. NO_TERMINAL }).code, 0)
  end))
end)

test.case("CVE-2017-5226: nor does a command in one", NEEDS, function(t)
  local bench <close> = stage()
  t.ok(not typed(t, function()
    local box <close> = container.new { rootfs = bench.rootfs }
    box:start({ "sleep", "100" }, QUIET)
    box:exec { "/bin/typist" }
    t.eq(box:exec({ "sh", "-c", NO_TERMINAL }).code, 0)
  end))
end)

test.case("CVE-2017-5226: nor does one of the OCI commands", NEEDS, function(t)
  local bench <close> = stage()
  local function call(words)
    start(bench:words(words))
  end
  bench:write(attacks.spec { "typist" })
  t.ok(not typed(t, function()
    call { "run", "--bundle", bench.path, "box" }
  end))
  bench:write(attacks.spec { "sleep", "100" })
  attacks.started(t, bench)
  t.ok(not typed(t, function()
    call { "exec", "box", "typist" }
  end))
end)

test.case(
  "CVE-2017-5226: bubblewrap's programs type for the caller, as any program does",
  { "root", "machine:x86_64", "tiocsti", "version:bwrap 0.8.0" },
  function(t)
    local dir <close> = temp_dir()
    typist(dir.path .. "/typist")
    t.ok(typed(t, function()
      start { dir.path .. "/typist" }
    end))
    t.ok(typed(t, function()
      local typist_there = "/mnt/typist"
      start {
        "bwrap",
        "--unshare-all",
        "--ro-bind",
        "/usr",
        "/usr",
        "--ro-bind",
        dir.path,
        "/mnt",
        typist_there,
      }
    end))
  end
)

test.case("the terminal's keys still reach a container", NEEDS, function(t)
  local bench <close> = stage()
  local terminal <close> = pty()
  local child <close> = spawn(function()
    terminal_attach(terminal)
    local result = container.run({ rootfs = bench.rootfs }, { "sh", "-c", "echo up; sleep 600" })
    -- The shell is the first process, and gets no signal that it has no handler for.
    return (result.code == 128 + 2 or result.code == 128 + 9) and 3 or 5
  end)
  local said = ""
  while not said:find("up", 1, true) do
    said = said .. (terminal.master:read("4K", { timeout = "60s" }) or "")
  end
  terminal.master:write "\3"
  t.eq(child:wait({ timeout = "60s" }).code, 3)
end)

-- A container with the right to mount puts a link where its multiplexer was: what it leads to, a
-- pipe here, tells whether it was opened.
test.case(
  "CVE-2025-52565: a link where a container's multiplexer was is not followed",
  { "root", "program:busybox" },
  function(t)
    local bench <close> = attacks.bench(attacks.NEEDS)
    mkfifo(bench.path .. "/pipe")
    local watch <close> = open(bench.path .. "/pipe", { nonblock = true })
    for _, name in ipairs { "umount", "ln" } do
      symlink("busybox", bench.rootfs .. "/bin/" .. name)
    end
    local box <close> = container.new {
      rootfs = bench.rootfs,
      profile = { "default", caps = { "+sys_admin" }, seccomp = false, requires = { "-seccomp" } },
    }
    box:start({ "sleep", "600" }, QUIET)
    local first = box:status().pid
    local multiplexer = require("container.terminal").multiplexer
    multiplexer(first):close()
    local script = 'umount /dev/pts && ln -s "$1" /dev/pts/ptmx'
    for _, to in ipairs { "/dev/null", "/dev/zero", bench.path .. "/pipe" } do
      t.eq(box:exec({ "sh", "-c", script, "sh", to }).code, 0)
      t.ok(try(multiplexer, first) == nil, to)
      t.eq(#poll({ watch }, { timeout = 0 }), 0, "it was opened")
      script = 'rm -f /dev/pts/ptmx; ln -s "$1" /dev/pts/ptmx'
    end
    -- By a path it is, or this would prove nothing.
    t.fails("ENOTTY", pty, { ptmx = ("/proc/%d/root/dev/pts/ptmx"):format(first) })
    t.ok(#poll({ watch }, { timeout = 0 }) > 0)
  end
)

test.case(
  "CVE-2025-52565: a place of the terminal that is exchanged takes no mount out",
  { "root", "program:busybox" },
  function(t)
    local bench <close> = attacks.bench(attacks.NEEDS)
    -- The image has a file at the same path: a link is caught following from either root.
    local canary = bench.path .. "/canary"
    write_file(canary, "untouched")
    mkdir(bench.rootfs .. bench.path, { parents = true })
    write_file(bench.rootfs .. canary, "")
    local script = "echo terminal >/dev/console; grep '%s ' /proc/self/mountinfo >>/hit"
    local spec = attacks.spec { "sh", "-c", script:format(canary) }
    spec.process.terminal, spec.root.readonly = true, false
    -- The image's own /dev, where only a devpts is mounted.
    table.remove(spec.mounts, 2)
    bench:write(spec)
    local dev = bench.rootfs .. "/dev"
    mkdir(dev .. "/pts")
    write_file(dev .. "/console", "")
    symlink(canary, dev .. "/trap")
    local socket <close> = socket_listen(bench.path .. "/socket")
    local lived = 0
    local exchanges = racer.during(dev .. "/console", dev .. "/trap", function()
      for _ = 1, 20 do
        -- A link that create has found there is gone since.
        try(remove, dev .. "/trap")
        try(symlink, canary, dev .. "/trap")
        local words = { "run", "--bundle", bench.path, "--console-socket", bench.path .. "/socket" }
        words[#words + 1] = "-d"
        words[#words + 1] = "box"
        local code = bench:detached(words)
        if code == 0 then
          lived = lived + 1
          local connection <close> = socket:accept { timeout = "60s" }
          local master = connection:receive({ timeout = "60s" }).fds[1]
          t.ok(is_tty(master))
          master:close()
        end
        bench:call { "delete", "--force", "box" }
        t.eq(read_file(canary), "untouched")
        t.ok(not read_file("/proc/self/mountinfo"):find(canary, 1, true), "a mount at the canary")
      end
    end)
    t.ok(exchanges > 0)
    t.eq(stat(canary).type, "file")
    t.eq(stat(bench.rootfs .. "/hit") and read_file(bench.rootfs .. "/hit") or "", "")
    print(("  %d exchanges, %d containers lived"):format(exchanges, lived))
  end
)

return test.run()

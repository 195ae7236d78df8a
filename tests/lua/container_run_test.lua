--- What a container runs in and with: roots of every kind, what an image says, volumes, devices,
--- limits of a process, users, terminals; and images and disks that are bad.
local container = require "container"
local images = require "test.images"
local net = require "test.network"
local rootfs = require "rootfs"
local tar = require "test.tar"
local test = require "test"

local ROOT = { "root", "program:busybox" }
local USER = { "userns", "user", "program:busybox" }

--- Runs a shell line in a new container and answers what it wrote; its status must be 0.
local function sh(t, given, line, how)
  local box <close> = container.new(given)
  how = how or {}
  how.capture = true
  local result = box:run({ "/bin/sh", "-c", line }, how)
  t.eq(result.code, 0, result.stdout .. result.stderr)
  return result.stdout
end

--- A directory that the container's users can enter, with an image of a kind in it.
local function place_with(kind, config)
  local place = temp_dir()
  chmod(place.path, "0755")
  images.write(kind, place.path .. "/image", config)
  return place, place.path .. "/image"
end

-- What is refused, and what it leaves.

test.case("a tar file that is cut off is an error, and nothing of it stays", ROOT, function(t)
  local place <close> = temp_dir()
  local path = place.path .. "/cut.tar"
  write_file(path, tar.archive(images.members()):sub(1, 700000))
  local box <close> = container.new { name = "cut", rootfs = path }
  local err = t.fails("cut.tar", box.run, box, { "/bin/true" })
  t.match(err.message .. (err.hint or ""), "cut", true)
  t.eq(box:status().status, "stopped")
end)

test.case("an image with a wrong digest is refused and takes no name", ROOT, function(t)
  local place <close>, path = place_with("layout")
  for _, name in ipairs(list_dir(path .. "/blobs/sha256")) do
    local blob = path .. "/blobs/sha256/" .. name
    if stat(blob).size > 1 << 20 then
      write_file(blob, "x", { append = true })
    end
  end
  local box <close> = container.new { name = "digest", rootfs = path }
  t.fails("image", box.run, box, { "/bin/true" })
  t.eq(container.get("digest"), nil)
  local _ = place
end)

test.case("a layer cannot write outside of its root", ROOT, function(t)
  local place <close> = temp_dir()
  write_file(place.path .. "/victim", "mine")
  local out = "../../../../../../../.." .. place.path .. "/victim"
  local members = images.members()
  for _, member in ipairs {
    { name = out, data = "theirs" },
    { name = "link", type = "symlink", link = place.path },
    { name = "link/victim", data = "theirs" },
  } do
    members[#members + 1] = member
  end
  write_file(place.path .. "/evil.tar", tar.archive(members))
  local box <close> = container.new { rootfs = place.path .. "/evil.tar" }
  try(box.run, box, { "/bin/true" }, { capture = true })
  t.eq(read_file(place.path .. "/victim"), "mine")
end)

test.case("a root that is too small for its archive says so and what to raise", ROOT, function(t)
  local place <close>, path = place_with("tar")
  local box <close> = container.new { rootfs = rootfs.tar(path, { size = "256K" }) }
  local err = t.fails("ENOSPC", box.run, box, { "/bin/true" })
  t.match(err.hint, "raise size", true)
  local _ = place
end)

--- Runs a script of its own, with a state directory on a small file system that `fill` has filled.
local function on_small_disk(t, script)
  local place <close> = temp_dir()
  mkdir(place.path .. "/disk")
  write_file(place.path .. "/script.lua", script)
  local env = { PATH = os.getenv("PATH"), TMPDIR = os.getenv("TMPDIR") }
  env.CRUN_LUA_STATE, env.CRUN_LUA_DATA = place.path .. "/disk/state", place.path .. "/data"
  local child <close> = spawn({ unshare = { "mnt" }, stdout = "pipe", stderr = "pipe" }, function()
    mount("tmpfs", place.path .. "/disk", { type = "tmpfs", data = { size = "128K" } })
    mkdir(place.path .. "/disk/state", { mode = "0700" })
    local result = capture(net.program(place.path .. "/script.lua", place.path), { env = env })
    io.stdout:write(result.stdout, result.stderr)
    return result.code
  end)
  local result = child:output()
  t.eq(result.code, 0, result.stdout .. result.stderr)
  return result.stdout
end

test.case("a full disk is a clear error, other containers go on, and room heals it", {
  "root",
}, function(t)
  local out = on_small_disk(
    t,
    [[
    local container = require "container"
    local fill = arg[1] .. "/disk/fill"
    local first <close> = container.new { name = "first" }
    first:start { "sleep", "1000" }
    local function pack()
      for _, size in ipairs { 4096, 512, 1 } do
        while try(write_file, fill, ("x"):rep(size), { append = true }) == nil
          and stat(arg[1] .. "/disk") do
          local before = stat(fill).size
          local _, err = try(write_file, fill, ("x"):rep(size), { append = true })
          if err or stat(fill).size == before then break end
        end
      end
    end
    pack()
    local second = container.new { name = "second" }
    local _, err = try(second.start, second, { "sleep", "1000" })
    print(err and err.errno, err)
    print(first:status().status, container.get("first"):status().status)
    print(container.get("second"))
    remove(fill)
    second:start { "sleep", "1000" }
    print(second:status().status)
    second:stop { timeout = "0s" }
    pack()
    local pid = first:status().pid
    local _, late = try(first.stop, first, { timeout = "0s" })
    print(late and late.errno or "kept", proc_status(pid), container.get("first"):status().status)
  ]]
  )
  t.match(out, "^ENOSPC\t")
  t.match(out, "\nrunning\trunning\nnil\nrunning\n", true)
  -- It ends also where that cannot be written down.
  t.match(out, "\n%w+\tnil\tstopped\n$")
end)

-- Roots.

test.case("a directory is used itself: what is written stays, or nothing can be", ROOT, function(t)
  local place <close>, path = place_with("directory")
  t.eq(sh(t, { rootfs = path }, "echo new >/srv/new; cat /etc/origin"), "the image\n")
  t.eq(read_file(path .. "/srv/new"), "new\n")
  local line = "echo x 2>/dev/null >/srv/x || echo refused"
  t.eq(sh(t, { rootfs = path, readonly = true }, line), "refused\n")
  t.eq(stat(path .. "/srv/x"), nil)
  local _ = place
end)

local function nothing_stays(t)
  local place <close>, path = place_with("tar")
  local given = { rootfs = path }
  t.eq(sh(t, given, "echo new >/srv/new; cat /etc/origin /srv/new"), "the image\nnew\n")
  t.eq(sh(t, given, "ls /srv"), "")
  local _ = place
end

test.case("a tar file is unpacked anew for each container", ROOT, nothing_stays)
test.case("an ordinary user's root from a tar file is as new each time", USER, nothing_stays)

local function as_the_image_says(t, kind, uid)
  local place <close>, path = place_with(kind)
  local box <close> = container.new { rootfs = path }
  local result = box:run(nil, { capture = true })
  t.eq(result.stdout, ("the image is %d in /srv\n"):format(uid), result.stderr)
  t.eq(
    sh(t, { rootfs = path, env = { WHO = "me" }, workdir = "/tmp" }, "echo $WHO; pwd"),
    "me\n/tmp\n"
  )
  local _ = place
end

for _, kind in ipairs { "layout", "docker" } do
  test.case(
    ("an image as a %s says what runs, as whom, where and with what"):format(kind),
    ROOT,
    function(t)
      as_the_image_says(t, kind, 1000)
    end
  )
end

test.case(
  "an image's user is unknown to an ordinary user with one id, and that is said",
  USER,
  function(t)
    local place <close>, path = place_with("layout")
    local box <close> = container.new { rootfs = path }
    if box.config.id_map == "root" then
      local err = t.fails("has no number", box.run, box, nil, { capture = true })
      t.match(err.hint, "0:0", true)
    end
    local forced = { rootfs = path, user = "0:0", env = { WHO = "root" } }
    t.eq(sh(t, forced, "echo $WHO $(id -u)"), "root 0\n")
    local _ = place
  end
)

test.case("the image's user has its groups and none of root's capabilities", ROOT, function(t)
  local place <close>, path = place_with("layout")
  local out = sh(
    t,
    { rootfs = path },
    "id -u; id -G; touch /etc/x 2>/dev/null && echo written; "
      .. "grep -E 'Cap(Prm|Eff|Amb)' /proc/self/status"
  )
  local none = ("0"):rep(16)
  t.eq(out, ("1000\n1000 1001\nCapPrm:\t%s\nCapEff:\t%s\nCapAmb:\t%s\n"):format(none, none, none))
  -- Whoever asks for root gets root.
  t.eq(sh(t, { rootfs = path, user = "root" }, "id -u; echo $HOME"), "0\n/root\n")
  local _ = place
end)

test.case("the signal that an image asks for is the one that stops it", ROOT, function(t)
  local place <close>, path = place_with("layout")
  local ready = pipe()
  local box <close> = container.new { rootfs = path }
  local line = "trap 'exit 12' USR1; echo; while :; do sleep 0.02; done"
  box:start({ "/bin/sh", "-c", line }, { stdout = ready.write })
  ready.write:close()
  ready.read:read(1)
  t.eq(box:stop({ timeout = "20s" }).code, 12)
  local _ = place
end)

test.case(
  "an overlay leaves what is below as it is, and keeps its changes where told",
  ROOT,
  function(t)
    local place <close>, path = place_with("directory")
    local upper = place.path .. "/upper"
    mkdir(upper)
    local function given(keep)
      return { rootfs = rootfs.overlay { lower = path, upper = keep and upper or nil } }
    end
    sh(t, given(false), "echo new >/etc/new; rm /etc/origin")
    t.eq(stat(path .. "/etc/new"), nil)
    t.eq(sh(t, given(true), "cat /etc/origin; echo kept >/etc/new; rm /etc/origin"), "the image\n")
    t.eq(
      sh(t, given(true), "cat /etc/new; ls /etc/origin 2>/dev/null || echo gone"),
      "kept\ngone\n"
    )
    t.eq(read_file(path .. "/etc/origin"), "the image\n")
    local one <close> = container.new(given(true))
    one:start { "/bin/sleep", "1000" }
    local two <close> = container.new(given(true))
    t.fails("in use", two.start, two, { "/bin/true" })
    one:close { timeout = "0s" }
    t.eq(stat(upper .. ".work"), nil)
    remove(upper, { recursive = true })
  end
)

local function copied(t)
  local source = rootfs.copy { "/bin/sh", "/bin/ls", files = { ["/etc/motd"] = "hello\n" } }
  local out = sh(t, { rootfs = source }, "ls /; read x </etc/motd; echo $x")
  t.ok(not out:find("home", 1, true), out)
  t.match(out, "hello\n$")
end

test.case("programs are copied with what they need, and nothing else", { "root" }, copied)
test.case("an ordinary user's root of programs holds the same", { "userns", "user" }, copied)

-- What it is given.

local function volumes(t)
  local place <close> = temp_dir()
  chmod(place.path, "0755")
  mkdir(place.path .. "/data")
  write_file(place.path .. "/data/tool", "#!/bin/sh\necho ran\n")
  chmod(place.path .. "/data/tool", "0755")
  local given = {
    volumes = {
      place.path .. "/data:/ro:ro",
      place.path .. "/data:/noexec:noexec",
      { source = place.path .. "/made/deep", target = "/made", create = true },
      place.path .. "/data/tool:/tool:ro",
    },
    tmpfs = { ["/scratch"] = { size = "64K" } },
  }
  local out = sh(
    t,
    given,
    [[
    touch /ro/x 2>/dev/null || echo "ro: refused"
    /ro/tool
    /noexec/tool 2>/dev/null || echo "noexec: refused"
    touch /noexec/y && echo "rw: written"
    echo made >/made/file
    cat /tool
    head -c 128K /dev/zero >/scratch/big 2>/dev/null || echo "tmpfs: full"
    grep -c ' /scratch .*nosuid,nodev' /proc/mounts
  ]]
  )
  t.eq(out, "ro: refused\nran\nnoexec: refused\nrw: written\n#!/bin/sh\necho ran\ntmpfs: full\n1\n")
  t.eq(read_file(place.path .. "/made/deep/file"), "made\n")
  t.ok(stat(place.path .. "/data/y"))
end

test.case(
  "volumes have the flags they were given, also files, and are made on demand",
  { "root" },
  volumes
)
test.case("an ordinary user's volumes have them as well", { "userns", "user" }, volumes)

test.case("a device is there with its numbers and mode, and no other", { "root" }, function(t)
  local out = sh(
    t,
    { devices = { { path = "/dev/own", type = "c", major = 1, minor = 3, mode = "0640" } } },
    "stat -c '%t %T %a' /dev/own; ls /dev | tr '\\n' ' '"
  )
  t.match(out, "^1 3 640\n")
  for _, name in ipairs { "sda", "vda", "mem", "kmsg", "loop0" } do
    t.ok(not (" " .. out):find(" " .. name .. " ", 1, true), name)
  end
end)

local function sets(t)
  local given = {
    hostname = "inner",
    domainname = "example.test",
    sysctls = { ["kernel.msgmax"] = 4096, ["net.ipv4.ip_unprivileged_port_start"] = 80 },
    rlimits = { nofile = 99, core = 0 },
    oom_score = 500,
  }
  local before = sysctl_get("kernel.msgmax")
  local out = sh(
    t,
    given,
    [[
    uname -n
    cd /proc/sys && cat kernel/domainname kernel/msgmax net/ipv4/ip_unprivileged_port_start
    ulimit -n
    cat /proc/self/oom_score_adj
  ]]
  )
  t.eq(out, "inner\nexample.test\n4096\n80\n99\n500\n")
  t.eq(sysctl_get("kernel.msgmax"), before)
end

test.case("names, sysctls, limits and the OOM score are the container's own", { "root" }, sets)
test.case("an ordinary user sets them for a container as well", { "userns", "user" }, sets)

test.case("a sysctl that is the host's is refused and changes nothing", { "root" }, function(t)
  local before = sysctl_get("vm.swappiness")
  local box <close> = container.new { sysctls = { ["vm.swappiness"] = 1 } }
  t.fails("vm.swappiness", box.run, box, { "/bin/true" })
  t.eq(sysctl_get("vm.swappiness"), before)
end)

test.case("an unknown user, group of options or device is named", { "root" }, function(t)
  local box <close> = container.new { user = "nobody-at-all" }
  t.fails("nobody-at-all", box.run, box, { "/bin/true" })
  t.fails("no device of the host", container.new, { devices = { "/dev/nothing" } })
  t.fails("cannot be shared", container.new, { share = { "net" } })
  t.fails("no terminal", container.new, { tty = true, detach = true })
  t.fails("did you mean", container.new, { restart = "on-failur" })
  t.fails("retries", container.new, { health = { command = { "x" }, retries = "x" } })
end)

local function entered(t)
  local box <close> = container.new { name = "entered", env = { A = "1" }, init = true }
  box:start { "sleep", "1000" }
  local how = { capture = true, env = { B = "2" }, workdir = "/usr" }
  local result = box:exec(
    { "/bin/sh", "-c", "echo $A $B; pwd; grep -c Seccomp:.2 /proc/self/status; exit 5" },
    how
  )
  t.eq({ result.code, result.stdout }, { 5, "1 2\n/usr\n1\n" }, result.stderr)
  t.eq(box:exec({ "cat" }, { capture = true, stdin = "in" }).stdout, "in")
  t.fails("ENOENT", box.exec, box, { "/no/such" }, { capture = true })
  t.ok(box:exec({ "sleep", "1000" }, { timeout = "50ms" }).timed_out)
  -- What is executed gives up what the first process gave up.
  local inside = proc_status(proc_children(box:status().pid)[1])
  local line = "cat /proc/self/status"
  local status = box:exec({ "/bin/sh", "-c", line }, { capture = true }).stdout
  for field, name in pairs { cap_bnd = "CapBnd", cap_eff = "CapEff" } do
    t.match(status, name .. ":\t" .. inside[field], true)
  end
  t.match(status, "NoNewPrivs:\t1", true)
  box:stop { timeout = "0s" }
end

test.case("a second command has the container's rules, and its own status", { "root" }, entered)
test.case("a second command of an ordinary user has them as well", { "userns", "user" }, entered)

test.case("exec as another user has that user's groups and rights", ROOT, function(t)
  local place <close>, path = place_with("tar")
  local box <close> = container.new { rootfs = path }
  box:start { "/bin/sleep", "1000" }
  local line = "id -u; id -G; grep CapEff /proc/self/status"
  local result = box:exec({ "/bin/sh", "-c", line }, { capture = true, user = "web" })
  t.eq(result.stdout, "1000\n1000 1001\nCapEff:\t0000000000000000\n", result.stderr)
  box:stop { timeout = "0s" }
  local _ = place
end)

local function streams(t)
  t.eq(sh(t, {}, "cat; echo end", { stdin = ("x"):rep(300000) }), ("x"):rep(300000) .. "end\n")
  local box <close> = container.new {}
  local result = box:run({ "/bin/sh", "-c", "printf 'a\\000b\\377'; exit 0" }, { capture = true })
  t.eq(result.stdout, "a\0b\255")
  local given, taken = pipe(), pipe()
  local other <close> = container.new {}
  other:start({ "cat" }, { stdin = given.read, stdout = taken.write })
  given.read:close()
  taken.write:close()
  given.write:write("through")
  given.write:close()
  t.eq(taken.read:read(), "through")
  t.eq(other:wait().code, 0)
end

test.case("input and output pass through whole", { "root" }, streams)
test.case("an ordinary user's input and output pass through whole", { "userns", "user" }, streams)

-- Terminals.

--- A container on a terminal of its own; `body` is given the keys' side.
local function on_terminal(line, body, given)
  local outer <close> = pty { rows = 24, columns = 80 }
  given = given or {}
  given.tty = true
  local child <close> = fork(function()
    terminal_attach(outer)
    local box <close> = container.new(given)
    return box:run({ "/bin/sh", "-c", line }).code
  end)
  local seen = ""
  local function expect(pattern)
    while not seen:find(pattern) do
      local part = try(outer.master.read, outer.master, "4K", { timeout = "20s" })
      if not part then
        error(("no %q in %q"):format(pattern, seen), 0)
      end
      seen = seen .. part
    end
    local _, stop = seen:find(pattern)
    seen = seen:sub(stop + 1)
  end
  body(outer, expect, child)
  return child:wait().code
end

local function modes(terminal)
  local child <close> = spawn({ stdin = terminal.slave, stdout = "pipe" }, function()
    exec { "stty", "-g" }
  end)
  return child:output().stdout
end

local function window(t)
  local line = "trap 'stty size' WINCH; stty size; while :; do sleep 0.02; done"
  local code = on_terminal(line, function(outer, expect)
    expect("24 80\r\n")
    set_window_size(outer.master, { rows = 50, columns = 132 })
    expect("50 132\r\n")
    outer.master:write("\3")
    expect("%^C")
  end)
  t.eq(code, 130)
end

test.case("a changed window size reaches the program, and Ctrl-C ends it", { "root" }, window)
test.case("an ordinary user's terminal does the same", { "userns", "user" }, window)

test.case("Ctrl-C reaches a program under init, and not its init", { "userns" }, function(t)
  -- What it waits for ignores the key, so that the shell has no child to raise it anew for.
  local nap = "(trap '' INT; sleep 0.1)"
  local line = "trap 'n=x$n' INT; echo up; while ! test \"$n\"; do %s; done; %s; "
    .. "echo got $n; exit 3"
  local code = on_terminal(line:format(nap, nap), function(outer, expect)
    expect("up\r\n")
    outer.master:write("\3")
    expect("got x\r\n")
  end, { init = true })
  t.eq(code, 3)
end)

test.case(
  "keys reach the program raw, and the terminal is afterwards as before",
  { "userns" },
  function(t)
    local before
    local line = 'stty raw -echo; echo up; k=$(head -c 3); stty sane; echo; echo "<$k>"; exit 4'
    local outer_kept
    local code = on_terminal(line, function(outer, expect, child)
      before = modes(outer)
      expect("up")
      t.ne(modes(outer), before, "raw meanwhile")
      outer.master:write("\3\4x")
      expect("<\3\4x>")
      poll({ child }, { timeout = "20s" })
      t.eq(modes(outer), before, "the modes")
      outer_kept = true
    end)
    t.eq(code, 4)
    t.ok(outer_kept)
  end
)

test.case("a terminal has its modes back where the container is killed", { "userns" }, function(t)
  on_terminal("echo up; exec sleep 1000", function(outer, expect, child)
    local before = modes(outer)
    expect("up")
    container.get("killed-tty"):stop { timeout = "0s" }
    poll({ child }, { timeout = "20s" })
    t.eq(modes(outer), before)
  end, { name = "killed-tty" })
end)

test.case("a second command has a terminal of its own beside the first", { "userns" }, function(t)
  local box <close> = container.new { name = "two-ttys" }
  box:start { "sleep", "1000" }
  local outer <close> = pty { rows = 30, columns = 70 }
  local child <close> = fork(function()
    terminal_attach(outer)
    local line = "tty; stty size; read x; echo got $x; exit 9"
    return container.get("two-ttys"):exec({ "/bin/sh", "-c", line }, { tty = true }).code
  end)
  outer.master:write("word\r")
  local out = ""
  while not out:find("got word", 1, true) do
    out = out .. assert(outer.master:read("4K", { timeout = "20s" }), out)
  end
  t.match(out, "/dev/pts/0\r\n30 70\r\n", true)
  t.eq(child:wait().code, 9)
  box:stop { timeout = "0s" }
end)

return test.run()

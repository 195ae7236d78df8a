--- The programs in scripts/, run as a user runs them; what they refuse: tests/suite/scripts.rs.
local images = require "test.images"
local net = require "test.network"
local test = require "test"

local USERNS = { "userns", "user" }

--- The command that runs a script.
local function command(name, ...)
  return net.program("scripts/" .. name .. ".lua", ...)
end

--- Runs a script to its end.
local function run(name, ...)
  return capture(command(name, ...), { timeout = "50s" })
end

--- As a failure shows it.
local function said(result)
  return ("%s\n%s%s"):format(result.code, result.stdout, result.stderr)
end

local function ended(t, result, code)
  t.eq(result.code, code, said(result))
  return result.stdout
end

--- Runs `body` in a namespace that plays the host: the machine's network is left alone.
local function on_host(t, body)
  local host <close> = spawn({ unshare = { "net", "mnt" } }, function()
    loopback_up()
    body()
  end)
  t.eq(host:wait().code, 0, "the host's status")
end

--- Starts a script that keeps running; its standard streams are pipes.
local function start(name, ...)
  local words = command(name, ...)
  return spawn({ stdin = "pipe", stdout = "pipe", stderr = "inherit" }, function()
    exec(words)
  end)
end

--- What it writes up to this text, and whatever comes with that.
local function heard(process, last)
  local text = ""
  while not text:find(last, 1, true) do
    local part = process.stdout:read("4K", { timeout = "30s" })
    if not part then
      break
    end
    text = text .. part
  end
  return text
end

local function first_line(process)
  return heard(process, "\n")
end

-- A shell line that prints the address of eth0, without any program but cat.
local ADDRESSES = "cat /proc/net/fib_trie"

local function address_in(text, prefix)
  for line, after in text:gmatch("|%-%- ([%d.]+)\n%s+([^\n]+)") do
    if after:find("host LOCAL", 1, true) and line:find(prefix, 1, true) == 1 then
      return line
    end
  end
end

-- container.lua

local function from_scratch(t)
  ended(t, run("container", "--", "sh", "-c", "exit 7"), 7)
  ended(t, run("container", "--", "sh", "-c", "kill -9 $$"), 137)
  local line = "uname -n; cat /proc/self/status; cat /proc/net/dev; ls /"
  local out = ended(t, run("container", "--", "sh", "-c", line), 0)
  t.match(out, "^from%-scratch\n")
  t.match(out, "Seccomp:\t2", true)
  t.match(out, "NoNewPrivs:\t1", true)
  t.match(out, "CapBnd:\t0000000000000400", true)
  t.match(out, "\nbin\ndev\n", true)
  t.ok(not out:find("home", 1, true), "no directory of the host")
  -- What others leave behind is collected: a zombie would have the letter Z.
  local orphan = "(sleep 0.01 & ) ; sleep 0.5; cat /proc/[0-9]*/stat"
  out = ended(t, run("container", "--", "sh", "-c", orphan), 0)
  t.ok(not out:find(") Z ", 1, true), out)
end

test.case("container.lua isolates, limits, collects orphans and passes the status", {
  "root",
  "cgroup:memory",
}, function(t)
  on_host(t, function()
    from_scratch(t)
    local result = run("container", "--", "/no/such/program")
    t.eq(result.code, 1)
    t.match(result.stderr, "ENOENT", true)
  end)
end)

test.case("container.lua does the same for an ordinary user", USERNS, from_scratch)

test.case("two copies of container.lua at once have two addresses", { "root" }, function(t)
  on_host(t, function()
    local one <close> = start("container", "--", "sh", "-c", ADDRESSES .. "; echo said; read x")
    local seen = address_in(heard(one, "said\n"), "10.87.")
    local two = ended(t, run("container", "--", "sh", "-c", ADDRESSES), 0)
    t.eq({ seen, address_in(two, "10.87.") }, { "10.87.0.2", "10.87.0.6" })
    one.stdin:close()
    one:wait()
  end)
end)

-- runtime.lua

--- The same command in a root of each kind.
local function every_root(t)
  local place <close> = temp_dir()
  chmod(place.path, "0755")
  for _, kind in ipairs(images.KINDS) do
    local path = place.path .. "/" .. kind
    images.write(kind, path)
    local line = "cat /etc/origin; touch /etc/mine && echo written; exit 3"
    local result = run("runtime", "a-name-of-20-letters", path, "/bin/sh", "-c", line)
    if kind ~= "layout" and kind ~= "docker" then
      t.eq(ended(t, result, 3), "the image\nwritten\n", kind)
    else
      -- Its user may not write there; and the words are the entrypoint's no more.
      t.eq(ended(t, result, 3), "the image\n", kind)
      local said_by_image = run("runtime", "by-itself", path)
      t.eq(ended(t, said_by_image, 0), "the image is 1000 in /srv\n", kind)
    end
  end
  t.eq(stat(place.path .. "/directory/etc/mine"), nil)
  local out = ended(t, run("runtime", "of-the-host", "host", "sh", "-c", "ls /home; echo in"), 0)
  t.eq(out, "in\n")
end

test.case(
  "runtime.lua runs a directory, a tar file, a layout, a docker-archive and the host's root",
  { "root", "program:busybox", "minutes:3" },
  every_root
)

test.case(
  "runtime.lua says which command, image or limit was wrong, with status 1",
  { "root", "cgroup:memory" },
  function(t)
    local place <close> = temp_dir()
    local tar = require "test.tar"
    write_file(place.path .. "/bad.tar", tar.archive({ { name = "x", data = "y" } }):sub(1, 600))
    for wanted, words in pairs {
      ["no command is given"] = { "box", "host" },
      ["/no/such"] = { "box", "host", "/no/such" },
      ['got "1X"'] = { "--memory", "1X", "box", "host", "true" },
      ["bad.tar"] = { "box", place.path .. "/bad.tar", "true" },
    } do
      local result = run("runtime", table.unpack(words))
      t.eq(result.code, 1, said(result))
      t.match(result.stderr, wanted, true)
      t.ok(not result.stderr:find("traceback", 1, true))
    end
  end
)

test.case(
  "runtime.lua sets the limits that were asked for, 1G too, and says when one was met",
  { "root", "cgroup:memory" },
  function(t)
    local group <close> =
      start("runtime", "--memory", "1G", "g", "host", "sh", "-c", "echo; read x")
    first_line(group)
    local container = require "container"
    local limits <close> = cgroup_of(container.get("g"):status().pid)
    t.eq(limits:get().memory, 1 << 30)
    group.stdin:close()
    group:wait()
    local hog = "head -c 100m /dev/zero | tail"
    local result = run("runtime", "--memory", "16M", "hog", "host", "sh", "-c", hog)
    t.match(result.stderr, "killed a process of hog", true)
  end
)

test.case("runtime.lua on a bridge gives two at once two addresses and a name each", {
  "root",
  "program:busybox",
}, function(t)
  on_host(t, function()
    local line = ADDRESSES .. "; echo said; read x"
    local one <close> = start("runtime", "--network", "bridge", "one", "host", "sh", "-c", line)
    local seen = address_in(heard(one, "said\n"), "10.89.")
    line = ADDRESSES .. "; grep one /etc/hosts"
    local two = ended(t, run("runtime", "--network", "bridge", "two", "host", "sh", "-c", line), 0)
    t.ok(seen, "an address")
    t.ne(address_in(two, "10.89."), seen)
    t.match(two, seen .. "%s+one\n")
    one.stdin:close()
    one:wait()
  end)
end)

local function passes(t)
  local reading <close> = start("runtime", "in", "host", "cat")
  reading.stdin:write("through\n")
  reading.stdin:close()
  t.eq(first_line(reading), "through\n")
  t.eq(reading:wait().code, 0)
  local line = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done"
  local asked <close> = start("runtime", "out", "host", "sh", "-c", line)
  t.eq(first_line(asked), "ready\n")
  asked:kill("term")
  t.eq(asked:wait().code, 9)
  ended(t, run("runtime", "sig", "host", "sh", "-c", "kill -9 $$"), 137)
  line = "(sleep 0.01 & ) ; sleep 0.5; cat /proc/[0-9]*/stat"
  local out = ended(t, run("runtime", "orphans", "host", "sh", "-c", line), 0)
  t.ok(not out:find(") Z ", 1, true), out)
end

test.case("runtime.lua passes input, signals and status, and collects orphans", { "root" }, passes)

test.case("runtime.lua does the same for an ordinary user", USERNS, passes)

test.case("runtime.lua gives a shell the terminal it was started on", { "userns" }, function(t)
  local terminal <close> = pty { rows = 31, columns = 99 }
  local words = command("runtime", "tty", "host", "sh", "-c", "tty; stty size; exit 4")
  local child <close> = fork(function()
    terminal_attach(terminal)
    exec(words)
  end)
  terminal.slave:close()
  local out = ""
  repeat
    local part = try(terminal.master.read, terminal.master, "4K", { timeout = "30s" })
    out = out .. (part or "")
  until not part
  t.eq(child:wait().code, 4, out)
  t.match(out, "/dev/pts/0\r\n31 99\r\n", true)
end)

test.case("runtime.lua that is killed leaves nothing after gc", { "root" }, function(t)
  on_host(t, function()
    local words = { "--network", "bridge", "gone", "host", "sh", "-c", "echo; exec sleep 1000" }
    local killed <close> = start("runtime", table.unpack(words))
    first_line(killed)
    local record = require("container").get("gone"):status()
    local inside = record.pid
    killed:kill("kill")
    killed:wait()
    t.eventually("the container dies with it", function()
      return not proc_status(inside)
    end)
    t.eq(capture(net.program("gc")).code, 0)
    t.eq(require("container").get("gone"), nil)
    t.eq(try(cgroup_open, record.cgroup), nil)
  end)
end)

-- two_boxes.lua, multi_host.lua

test.case("two_boxes.lua: the boxes and the host hear the server", {
  "root",
  "program:busybox",
  "program:nft",
}, function(t)
  on_host(t, function()
    local out = ended(t, run("two_boxes"), 0)
    local _, answers = out:gsub("→ hello from the server\n", "")
    t.eq(answers, 3, out)
    t.eq(net.link("crun-lua0"), nil)
  end)
end)

test.case("two_boxes.lua takes another port, and says when it is taken", {
  "root",
  "program:busybox",
  "program:nft",
}, function(t)
  on_host(t, function()
    t.match(ended(t, run("two_boxes", "9123"), 0), "asks 127.0.0.1:9123", true)
    local taken <close> = spawn({ stdout = "null" }, net.serve(9124, "x"))
    t.ok(net.ask("127.0.0.1", 9124) ~= "", "the other server")
    local result = run("two_boxes", "9124")
    t.eq(result.code, 1, said(result))
    t.match(result.stderr, "9124", true)
    local _ = taken
  end)
end)

test.case("multi_host.lua: a partition stops what the cable carried, and its end brings it back", {
  "root",
  "program:busybox",
  "link:vxlan",
  "minutes:2",
}, function(t)
  on_host(t, function()
    local out = ended(t, run("multi_host"), 0)
    t.eq(select(2, out:gsub("✓", "")), 4, out)
  end)
end)

test.case("multi_host.lua runs for an ordinary user", {
  "userns",
  "user",
  "program:busybox",
  "link:vxlan",
  "minutes:2",
}, function(t)
  local out = ended(t, run("multi_host"), 0)
  t.eq(select(2, out:gsub("✓", "")), 4, out)
end)

-- debug.lua

test.case("debug.lua says what a box has of its own and what looks wrong with a process", {
  "userns",
}, function(t)
  local specimen = require "test.specimen"
  local box <close> = specimen.box()
  local out = ended(t, run("debug", tostring(box.pid)), 0)
  for kind, inode in pairs { net = proc_ns(box).net, pid = proc_ns(box).pid } do
    t.match(out, ("%s +%d  its own"):format(kind, inode))
  end
  t.match(out, "may +no capability")
  t.match(out, "seccomp +filter")
  t.match(out, "What looks wrong?\n", true)
  t.ok(not out:find("host-root", 1, true), "a finding that is not there")
  local open <close> = specimen.box { seccomp = false }
  local naked = ended(t, run("debug", tostring(open.pid)), 0)
  t.match(naked, "no-seccomp", true)
end)

test.case("debug.lua says that a process has ended", function(t)
  local child <close> = fork(function() end)
  child:wait()
  local result = run("debug", tostring(child.pid))
  t.eq(result.code, 1)
  t.match(result.stderr, "there is no process " .. child.pid, true)
end)

-- agent.lua

--- A home with secrets, and a project in it.
local function make_home(dir)
  chmod(dir, "0755")
  for _, name in ipairs { "/.ssh", "/.aws", "/work", "/work/it", "/work/it/.git" } do
    mkdir(dir .. name)
  end
  write_file(dir .. "/.ssh/id_ed25519", "SECRET key")
  write_file(dir .. "/.aws/credentials", "SECRET cloud")
  write_file(dir .. "/notes", "no secret")
  write_file(dir .. "/work/it/.env", "SECRET=1")
  write_file(dir .. "/work/it/server.pem", "SECRET pem")
  write_file(dir .. "/work/it/.git/config", "[core]\n")
  write_file(dir .. "/work/it/code", "x")
end

local function agent(dir, ...)
  local env = { HOME = dir, PATH = os.getenv("PATH"), API_TOKEN = "SECRET", TERM = "dumb" }
  env.CRUN_LUA_STATE, env.TMPDIR = os.getenv("CRUN_LUA_STATE"), os.getenv("TMPDIR")
  return capture(command("agent", ...), { env = env, timeout = "50s" })
end

local ATTEMPTS = [[
pwd
echo changed > code && echo new > file && mkdir sub && echo "project written"
for path in ~/x ~/notes ~/.ssh/x /usr/x /etc/passwd .git/config .git/hooks/x; do
  (echo x > $path) 2>/dev/null && echo "written: $path"
done
cat ~/.ssh/id_ed25519 ~/.aws/credentials .env server.pem 2>/dev/null
cat ~/notes; echo
env
echo "devices: $(cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' \n')"
exit 6
]]

local function confined(t)
  local home <close> = temp_dir()
  make_home(home.path)
  local project = home.path .. "/work/it"
  local out = ended(t, agent(home.path, project, "--", "sh", "-c", ATTEMPTS), 6)
  t.eq(out:match("^[^\n]*"), project)
  t.match(out, "project written\n", true)
  t.ok(not out:find("written: [^\n]*"), out)
  t.ok(not out:find("SECRET", 1, true), out)
  t.match(out, "no secret\n", true)
  t.match(out, "devices: lo\n", true)
  t.eq(read_file(project .. "/code"), "changed\n")
  t.eq(read_file(project .. "/file"), "new\n")
  t.eq(read_file(project .. "/.git/config"), "[core]\n")
  t.eq(read_file(home.path .. "/notes"), "no secret")
  t.eq(stat(project .. "/.git/hooks/x"), nil)
  local without = agent(home.path, "--no-home", project, "--", "ls", "-A", home.path)
  t.eq(ended(t, without, 0), "work\n")
  local shown = ended(t, agent(home.path, "--show", project), 0)
  t.match(shown, project, true)
  t.match(shown, "network +none")
end

test.case("agent.lua: the project is written, the rest refused, no secret is read", {
  "root",
  "lsm:landlock",
}, confined)

test.case("agent.lua: the same holds for an ordinary user", {
  "userns",
  "user",
  "lsm:landlock",
}, confined)

test.case("agent.lua reaches what --allow names and nothing else", {
  "root",
  "lsm:landlock",
  "program:busybox",
  "program:nft",
}, function(t)
  on_host(t, function()
    local outside <close> = net.outside(function()
      spawn({ die_with_parent = true }, net.serve(7000, "allowed"))
      net.serve(7001, "refused")()
    end)
    local home <close> = temp_dir()
    make_home(home.path)
    local ask = "for port in 7000 7001; do busybox timeout 3 busybox nc -w 1 192.0.2.2 $port"
      .. " </dev/null; done; true"
    t.ok(net.ask("192.0.2.2", 7000) ~= "" and net.ask("192.0.2.2", 7001) ~= "", "both servers")
    local project = home.path .. "/work/it"
    local result = agent(home.path, "--allow", "192.0.2.2/32:7000", project, "--", "sh", "-c", ask)
    t.eq(ended(t, result, 0), "allowed\n")
    local _ = outside
  end)
end)

-- limits.lua

test.case("limits.lua: all three limits bite", {
  "root",
  "cgroup:memory",
  "cgroup:cpu",
  "cgroup:pids",
  "minutes:3",
}, function(t)
  local result = capture(command("limits"), { timeout = "170s" })
  local out = ended(t, result, 0)
  t.eq(select(2, out:gsub("✓", "")), 3, out)
end)

test.case("limits.lua tells an ordinary user which limits are missing, with status 1", {
  "user",
}, function(t)
  t.eq(cgroup_may(), {}, "what has been delegated to the suite's user")
  local out = ended(t, run("limits", "memory", "pids"), 1)
  t.eq(select(2, out:gsub("– ", "")), 2, out)
end)

return test.run()

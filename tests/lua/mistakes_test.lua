-- Mistakes that a beginner makes: each is answered with what is wrong, on what, and what to do.
--
-- Every message that is looked for here was read by somebody who did not know the answer.

local test = require "test"

--- Runs each line in a chunk of its own; what it raises must have all of the texts.
local function mistakes(t, list)
  for _, row in ipairs(list) do
    local source = row[1]
    local ok, err = pcall(load(source, "@mistake"))
    t.ok(not ok, source .. ": succeeded")
    -- What the stdlib raises is a plain table until it has left the script.
    local hint = type(err) == "table" and rawget(err, "hint")
    local shown = type(err) == "table" and ("%s: %s\n%s"):format(err.op, err.message, hint) or err
    for index = 2, #row do
      t.match(shown, row[index], true)
    end
  end
end

test.case("a misspelt name gets the right one", function(t)
  mistakes(t, {
    { "mont('a', 'b', {})", "'mont' is not declared; did you mean 'mount'?" },
    { "print(hostname)", "did you mean 'sethostname'?" },
    { "mount('a', '/b', { typ = 'proc' })", 'unknown option "typ"; did you mean "type"?' },
    { "cgroup_set('demo', { mem = '64M' })", 'unknown option "mem"; did you mean "memory"?' },
    { "rlimit { nofiles = 10 }", 'unknown option "nofiles"; did you mean "nofile"?' },
    { "landlock { read = '/usr' }", 'unknown option "read"; known: list, ro, rw, exec' },
    { "unshare { 'pid', 'ust' }", 'kinds[2]: "ust" is not one of', 'did you mean "uts"?' },
    { "seccomp { default = 'errno', allow = { 'raed' } }", "filter.allow[1]", '"read"?' },
    { "seccomp { allow = { '@defaults' } }", 'did you mean "@default"?' },
    { "drop_caps { keep = { 'net_bind' } }", 'did you mean "net_bind_service"?' },
    { "kill(1, 'SIGTERMM')", 'no signal is called "SIGTERMM"; did you mean "term"?' },
    { "require 'containers'", "no module 'containers'; did you mean 'container'?" },
    { "sys.mont()", "did you mean 'mount'?" },
    { "unshare { '\\u{fc}ts' }", 'kinds[1]: "\u{fc}ts" is not one of' },
    { "seccomp { default = '\\u{4e00}llow' }", 'filter.default: "\u{4e00}llow" is not one of' },
  })
end)

test.case("a name of another interface gets the one that it has here", function(t)
  mistakes(t, {
    { "unshare { 'CLONE_NEWNET' }", 'did you mean "net"?' },
    { "unshare { 'newpid' }", 'did you mean "pid"?' },
    { "unshare { 'mount' }", 'did you mean "mnt"?' },
    { "unshare { 'network' }", 'did you mean "net"?' },
    { "os.execute('ls')", "attempt to call a nil value (field 'execute')" },
    { "container.new {}", "it is a module: write 'local container = require \"container\"'" },
    { "sleep(1)", 'poll({}, { timeout = "1s" }) waits' },
    { "dofile('x.lua')", "modules come by require" },
    { "debug.traceback()", "scripts have no library 'debug'" },
    { "x = 5", "write 'local x = …'" },
  })
  t.eq(poll({}, { timeout = "1ms" }), {})
end)

test.case("arguments in the wrong place or number show what is taken", function(t)
  mistakes(t, {
    { "mount('proc', '/proc')", "options: expected a table of options, got nothing" },
    { "mount('proc', '/proc', 'proc')", 'got "proc"', "it takes mount(source?, target, options)" },
    { "mount { type = 'proc' }", "target: expected path, got a table", "it takes mount(" },
    { "spawn('ls')", 'got "ls"', "it takes spawn(options?, body)" },
    { "cgroup_set { memory = '1M' }", "target: expected path or cgroup", "it takes cgroup_set(" },
    { "veth('web0')", "peer: expected string, got nothing", "it takes veth(name, peer, options?)" },
    { "setuser { uid = 1 }", "it takes setuser(user, options?)" },
    { "rlimit('nofile', 10)", "it takes rlimit(limits, options?)" },
    { "pivot_root('/a', '/b')", "it takes pivot_root(new_root, options?)" },
    { "open('/etc/hostname', 'rw')", "it takes open(path, options?)" },
    { "no_new_privs(true)", "too many arguments; it takes no_new_privs()" },
    { "kill('init')", "pid: expected integer", "it takes kill(" },
    { "local c <close> = spawn(function() end) c.wait()", "with a colon: process:wait(options?)" },
    { "local c <close> = spawn(function() end) c:stop()", 'no field "stop"; it has pid, stdin' },
  })
end)

test.case("a list, a command and a handle that are none say how one is written", function(t)
  mistakes(t, {
    { "unshare('pid')", 'a list is written { "pid" }' },
    { "unshare { pid = true }", 'found the key "pid"; a list is written { "pid" }' },
    { "spawn({ unshare = 'pid' }, print)", "options.unshare", 'a list is written { "pid" }' },
    { "exec('/bin/sh')", 'it is written { "/bin/sh", … }' },
    { "exec {}", "the argument list is empty; its first element is the program" },
    { "exec { 'sh', '-c', 5 }", "command[3]: expected string, got 5" },
    { "exec { 'ls -l' }", "the command is a list of arguments" },
    { "spawn({ cgroup = 'demo' }, function() end)", "a cgroup is what cgroup_set answers" },
    { "require('container').new({ name = 'm' }):run('sh')", 'a command is written { "sh"' },
  })
end)

test.case("a word of any length is no name, which costs nothing to see", function(t)
  local long = ("x"):rep(1 << 20)
  local attempts = {
    seccomp_compile = function()
      seccomp_compile { default = "errno", allow = { long } }
    end,
    unshare = function()
      unshare { long }
    end,
    drop_caps = function()
      drop_caps { keep = { long } }
    end,
    rlimit = function()
      rlimit { [long] = 1 }
    end,
    require = function()
      require(long)
    end,
    declared = function()
      return _G[long]
    end,
  }
  for name, attempt in pairs(attempts) do
    local ok, err = pcall(attempt)
    t.ok(not ok, name)
    -- Each compared with each letter of four hundred names would take minutes, and gigabytes.
    t.match(err, long, true)
    t.ok(not tostring(err):find("did you mean", 1, true), name)
  end
end)

test.case("a unit that is none says what one looks like", function(t)
  mistakes(t, {
    { "cgroup_set('demo', { memory = '64 M' })", 'limits.memory: expected a size such as "64M"' },
    { "cgroup_set('demo', { memory = '64MX' })", "limits.memory", '"64MX"' },
    { "cgroup_set('demo', { memory = -1 })", "expected a whole number from 0, got -1" },
    { "cgroup_set('demo', { cpu = 50 })", 'limits.cpu: expected a share such as "50%"', "got 50" },
    { "cgroup_set('demo', { cpu = '50' })", 'expected a share such as "50%", got "50"' },
    { "poll({}, { timeout = '1 second' })", 'expected a time such as "250ms"' },
    { "poll({}, { timeout = math.maxinteger })", "9223372036854775807 seconds are too long" },
    { "poll({}, { timeout = '9999999h' })", '"9999999h" is too long' },
    { "mkdir('/tmp/x', { mode = '999' })", 'expected an octal mode such as "0755"' },
    { "veth('web0', 'a-very-long-device-name')", "has 23 bytes; a device's name has at most 15" },
    { "require('container').new { name = 'a b' }", "is no container's name", "letters, digits" },
    { "require('container').new { volumes = { '/srv' } }", "expected SOURCE:TARGET" },
    { "require('container').new { profile = 'stict' }", 'did you mean "strict"?' },
    { "require('container').new { network = 'brigde' }", 'did you mean "bridge"?' },
  })
end)

test.case("the longest time, which is 584 years, is one that a wait takes", function(t)
  local longest = 18446744073
  t.eq(capture({ "true" }, { timeout = longest }).code, 0)
  local child <close> = spawn(function() end)
  t.eq(child:wait({ timeout = longest }).code, 0)
  t.eq(
    budget({ time = longest }, function()
      return 7
    end),
    7
  )
end)

test.case("what would change the host says of what, and how to have it elsewhere", function(t)
  mistakes(t, {
    { "mount('proc', '/proc', { type = 'proc' })", "mounting at /proc would change the host" },
    { "mount('proc', '/proc', { type = 'proc' })", 'call unshare { "mnt" } first' },
    { "umount('/proc')", "unmounting /proc would change the host", "{ host = true }" },
    { "sethostname('box')", "would change the host", 'call unshare { "uts" } first' },
    { "link_set('lo', { mtu = 1500 })", "changing the device lo would change the host" },
    { "sysctl('vm.swappiness', 60)", "vm.swappiness belongs to no namespace" },
  })
end)

test.case("what is not there is named, with what to do", function(t)
  mistakes(t, {
    { "mkdir('/nowhere/at/all')", "ENOENT", "a directory before it is missing: parents = true" },
    { "write_file('/nowhere/file', '')", "ENOENT", "the directory is missing: mkdir makes it" },
    { "read_file('/etc')", "EISDIR", "list_dir reads one" },
    { "exec { '/bin/nosuch' }", "ENOENT", "does not exist in this root" },
    { "exec { 'nosuchprogram' }", "ENOENT", 'has a program "nosuchprogram"' },
    { "exec { '/etc' }", "EACCES", "the file is not executable" },
    { "kill(2147483647)", "ESRCH", "the process has ended" },
    { "setns('/proc/self/ns/nett')", "ENOENT", "no such file" },
    { "chdir('/nowhere')", "ENOENT" },
  })
end)

local USER = { "user", "userns" }

test.case("an ordinary user is told what is needed and how to have it", USER, function(t)
  mistakes(t, {
    { "unshare { 'mnt' }", "EPERM", 'add "user" to the list, or run as root' },
    { "spawn({ unshare = { 'pid' } }, function() end)", "EPERM", 'add "user" to `unshare`' },
    { "chroot('/tmp')", "EPERM", "CAP_SYS_CHROOT" },
    { "setuser('root')", "EPERM", "CAP_SETGID is needed" },
    { "kill(1)", "EPERM", "the process belongs to another user" },
    { "nice(-5)", "a lower nice value needs CAP_SYS_NICE" },
    { "mkdir('/root/x')", "EACCES", "stat tells the owner and the mode" },
    { "write_file('/etc/crun-lua-test', '')", "EACCES", "stat tells the owner and the mode" },
    { "read_file('/etc/shadow')", "EACCES", "stat tells the owner and the mode" },
  })
end)

test.case("an error whose text is not UTF-8 is told all the same", function(t)
  local place = os.getenv("TMPDIR") .. "/bytes.lua"
  write_file(place, "error({ op = 'x', message = 'a \\xff b' })")
  local result = capture { "/proc/self/exe", place }
  t.match(result.stderr, "bytes.lua:1: ", true)
  t.match(result.stderr, "a .+ b")
  remove(place)
end)

test.case("an error that fails to say what it is, is an error object all the same", function(t)
  local mute = setmetatable({}, { __tostring = error })
  local _, err = try(error, mute)
  t.eq(err.message, "an error that cannot say what it is: a table")
  t.ok(rawequal(err.value, mute), "what was raised")
end)

return test.run()

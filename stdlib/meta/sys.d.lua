---@meta
-- Generated from the table of primitives (`crun-lua reference --luacats`); do not edit.

--- What a primitive raises.
---@class error_object
---@field op string the primitive
---@field message string the error in one line
---@field call? string the call in strace's notation
---@field errno? string `EPERM`
---@field code? integer the error's number
---@field hint? string what to do
---@field where? { file: string, line: integer } where the script stood
---@field cause? error_object
---@field value? any what was raised, where it was no error object
---@field traceback? string

--- Calls a function: its results, or nil and the error object.
---@param body function
---@param ... any
---@return any result
---@return any error an error object, or the second result
function try(body, ...) end

--- The script's arguments; 0 is the script itself.
---@type table<integer, string?>
arg = {}

--- Every primitive, by name.
---@class sys
sys = {}

---@class cgroup : handle
local cgroup = {}

---@class fd : handle
local fd = {}

--- What every handle can do. It closes with `<close>`, and at the latest when the script ends.
---@class handle
---@field closed boolean
---@field [string] any
local handle = {}

---@class link : handle
local link = {}

---@class mount : handle
local mount = {}

---@class namespace : handle
local namespace = {}

---@class process : handle
local process = {}

---@class pty : handle
local pty = {}

---@class rootfs : handle
local rootfs = {}

---@class seccomp_filter : handle
local seccomp_filter = {}

---@class seccomp_listener : handle
local seccomp_listener = {}

---@class seccomp_request : handle
local seccomp_request = {}

---@class unshare.options.id_map.uid
---@field inside integer the first id in the new namespace
---@field outside integer the first id in the caller's namespace
---@field count integer how many

---@class unshare.options.id_map.gid
---@field inside integer the first id in the new namespace
---@field outside integer the first id in the caller's namespace
---@field count integer how many

---@class unshare.options.id_map
---@field uid? integer|unshare.options.id_map.uid[] ranges; or the number that the caller's own user id has inside: 0
---@field gid? integer|unshare.options.id_map.gid[] ranges; or the number that the caller's own group id has inside: 0
---@field setgroups? "allow"|"deny" whether setgroups(2) works inside; "deny" where the kernel asks for it

---@class unshare.options
---@field propagation? "private"|"slave"|"shared"|"unchanged" with "mnt": how mounts travel between the new namespace and the old, for / and all below; "private"
---@field id_map? "root"|"auto"|"none"|unshare.options.id_map with "user": the ids of the new namespace, as for `id_map`; "root"

--- Moves the calling process into new namespaces; "pid" and "time" take effect for its children. With "user" the caller is root inside.
---
--- ```lua
--- unshare { "mnt", "uts" }
--- sethostname("box")
--- ```
---
--- See spawn, setns, id_map, namespaces(7), user_namespaces(7).
---@param kinds ("cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts")[] the kinds of namespaces
---@param options? unshare.options
function unshare(kinds, options) end
sys.unshare = unshare

---@class setns.options
---@field kinds? ("cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts")[] of a process: which of its namespaces; of a file: the kind that it must have

--- Moves the calling process into namespaces that exist: a process's, a file's or a handle's. "pid" takes effect for its children.
---
--- ```lua
--- local home <close> = ns_open("/proc/self/ns/uts")
--- unshare { "uts" }
--- sethostname("box")
--- setns(home)
--- ```
---
--- See ns_open, spawn, setns(2).
---@param target integer|string|namespace|process a pid, a path, a namespace or a process
---@param options? setns.options
function setns(target, options) end
sys.setns = setns

--- Opens a namespace; the handle keeps it alive after its last process has ended.
---
--- ```lua
--- local net <close> = ns_open("/proc/self/ns/net")
--- assert(net.kind == "net" and net.inode > 0)
--- ```
---
--- See setns, ns_pin, ns_list, namespaces(7).
---@param target integer|string|namespace|process a path, or a process
---@param kind? "cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts" which namespace of a process; for a path, what it must be
---@return namespace # namespace with the fields kind and inode
function ns_open(target, kind) end
sys.ns_open = ns_open

---@class ns_pin.options

--- Binds a namespace to a new file, which keeps it alive and gives it a name; closing the pin removes the file.
---
--- ```lua
--- unshare { "mnt", "net" }
--- local pin <close> = ns_pin("net", "/tmp/crun-lua-example-net")
--- setns(pin.path, { kinds = { "net" } })
--- ```
---
--- See ns_open, handle:keep, ip-netns(8).
---@param namespace "cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts"|namespace a handle, or a kind for the caller's own
---@param path string a file that does not exist
---@param options? ns_pin.options
---@return any # pin with the fields path and kind
function ns_pin(namespace, path, options) end
sys.ns_pin = ns_pin

--- Binds the namespace to a new file, as `ns_pin` does.
---
--- ```lua
--- unshare { "mnt" }
--- local uts <close> = ns_open("/proc/self/ns/uts", "uts")
--- local pin <close> = uts:pin("/tmp/crun-lua-example-uts")
--- assert(pin.kind == "uts")
--- ```
---
--- See ns_pin.
---@param path string a file that does not exist
---@return any # pin with the fields path and kind
function namespace:pin(path) end

--- Lists the namespaces of a process by kind.
---
--- ```lua
--- assert(ns_list().net.inode == ns_open("/proc/self/ns/net").inode)
--- ```
---
--- See ns_open, namespaces(7), ioctl_nsfs(2).
---@param process? integer|process the caller, where it is left out
---@return table? # table from kind to { inode, user, owner_uid, parent }: the inode, that of the owning user namespace, the uid that made that one, and the inode of the namespace above (pid and user); nil where it is out of sight
function ns_list(process) end
sys.ns_list = ns_list

---@class id_map.map.uid
---@field inside integer the first id in the new namespace
---@field outside integer the first id in the caller's namespace
---@field count integer how many

---@class id_map.map.gid
---@field inside integer the first id in the new namespace
---@field outside integer the first id in the caller's namespace
---@field count integer how many

---@class id_map.map
---@field uid? integer|id_map.map.uid[] ranges; or the number that the caller's own user id has inside: 0
---@field gid? integer|id_map.map.gid[] ranges; or the number that the caller's own group id has inside: 0
---@field setgroups? "allow"|"deny" whether setgroups(2) works inside; "deny" where the kernel asks for it

--- Says which ids a process's new user namespace has: directly, or without the rights by newuidmap and newgidmap.
---
--- ```lua
--- local ids = { { inside = 0, outside = 100000, count = 65536 } }
--- local child <close> = spawn({
---   unshare = { "user" },
---   id_map = "none",
---   parent = function(process) id_map(process, { uid = ids, gid = ids }) end,
--- }, function() return 0 end)
--- assert(child:wait().code == 0)
--- ```
---
--- See spawn, unshare, user_namespaces(7), subuid(5), newuidmap(1).
---@param process integer|process a process in a user namespace without a map
---@param map "root"|"auto"|"none"|id_map.map "root": the caller is root inside; "auto": and has the ids that /etc/subuid allots (root without any: every id, one to one); or ranges
function id_map(process, map) end
sys.id_map = id_map

---@class time_offset.offsets
---@field monotonic? integer|string ahead of the host's CLOCK_MONOTONIC: seconds, or text such as "24h" and "-500ms"
---@field boottime? integer|string ahead of the host's CLOCK_BOOTTIME, which is the uptime

--- Says how far the clocks of the new time namespace are ahead, before its first process is in it.
---
--- ```lua
--- unshare { "time" }
--- time_offset { boottime = "24h", monotonic = -5 }
--- local child <close> = spawn(function() assert(clock("boottime") > 86400) end)
--- assert(child:wait().code == 0)
--- ```
---
--- See unshare, spawn, clock, time_namespaces(7).
---@param offsets time_offset.offsets
function time_offset(offsets) end
sys.time_offset = time_offset

--- Reads a clock as this time namespace has it.
---
--- ```lua
--- assert(clock("monotonic") <= clock("boottime"))
--- ```
---
--- See time_offset, clock_gettime(2).
---@param name "boottime"|"monotonic"|"realtime" the clock
---@return any # seconds as a number
function clock(name) end
sys.clock = clock

---@class spawn.options.join
---@field cgroup? integer|string|namespace|process whose cgroup namespace
---@field ipc? integer|string|namespace|process whose ipc namespace
---@field mnt? integer|string|namespace|process whose mnt namespace
---@field net? integer|string|namespace|process whose net namespace
---@field pid? integer|string|namespace|process whose pid namespace
---@field time? integer|string|namespace|process whose time namespace
---@field user? integer|string|namespace|process whose user namespace
---@field uts? integer|string|namespace|process whose uts namespace

---@class spawn.options.id_map.uid
---@field inside integer the first id in the new namespace
---@field outside integer the first id in the caller's namespace
---@field count integer how many

---@class spawn.options.id_map.gid
---@field inside integer the first id in the new namespace
---@field outside integer the first id in the caller's namespace
---@field count integer how many

---@class spawn.options.id_map
---@field uid? integer|spawn.options.id_map.uid[] ranges; or the number that the caller's own user id has inside: 0
---@field gid? integer|spawn.options.id_map.gid[] ranges; or the number that the caller's own group id has inside: 0
---@field setgroups? "allow"|"deny" whether setgroups(2) works inside; "deny" where the kernel asks for it

---@class spawn.options.time_offsets
---@field monotonic? integer|string ahead of the host's CLOCK_MONOTONIC: seconds, or text such as "24h" and "-500ms"
---@field boottime? integer|string ahead of the host's CLOCK_BOOTTIME, which is the uptime

---@class spawn.options
---@field unshare? ("cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts")[] namespaces that the child gets of its own
---@field join? spawn.options.join namespaces that the child enters, by kind: a pid, a path, a namespace or a process
---@field id_map? "root"|"auto"|"none"|spawn.options.id_map with "user" in `unshare`: as for the primitive `id_map`; "root", or "none" to leave it to `parent`
---@field time_offsets? spawn.options.time_offsets with "time" in `unshare`: as for `time_offset`
---@field propagation? "private"|"slave"|"shared"|"unchanged" with "mnt" in `unshare`: how mounts travel, for / and all below; "private"
---@field parent? fun(...): any called in the parent with the process before the child's function starts
---@field cgroup? cgroup the group that the child starts in
---@field die_with_parent? boolean the kernel kills the child when this process ends; forgotten when the child changes its ids; true in a session that is typed
---@field name? string the child's name in plans and traces
---@field stdin? fd|string "inherit" (default), "null", "pipe", an fd, or a path with a slash
---@field stdout? fd|string as stdin; a file is made or emptied
---@field stderr? fd|string as stdout; "stdout" for the same
---@field process_group? boolean|integer true for a group of the child's own, or the group to join

--- Starts a child in new namespaces and runs a Lua function in it, until it ends or calls exec.
---
--- ```lua
--- local child <close> = spawn(function() return 7 end)
--- assert(child:wait().code == 7)
--- ```
---
--- See exec, process:wait, unshare, setns, clone(2), namespaces(7).
---@param options? spawn.options
---@param body fun(...): any runs in the child; a number that it returns is the exit status
---@overload fun(body: fun(...): any): process
---@return process # process
function spawn(options, body) end
sys.spawn = spawn

--- Starts a child in the same namespaces and runs a Lua function in it: spawn without options.
---
--- ```lua
--- local child <close> = fork(function() return 7 end)
--- assert(child:wait().code == 7)
--- ```
---
--- See spawn, fork(2).
---@param body fun(...): any runs in the child; a number that it returns is the exit status
---@return process # process
function fork(body) end
sys.fork = fork

--- A handle of any process, by number; closing it ends nothing.
---
--- ```lua
--- local init <close> = process_open(1)
--- assert(init:alive())
--- ```
---
--- See process:alive, process:kill.
---@param pid integer the process, as this pid namespace counts
---@return process # process
function process_open(pid) end
sys.process_open = process_open

---@class wait_any.options
---@field timeout? string|number how long to wait; nil is answered when it is over
---@field forward? string[] signals that go on to the child when they come meanwhile, instead of ending the script

--- Waits until the first of some processes has ended.
---
--- ```lua
--- local a <close> = fork(function() return 3 end)
--- local first = wait_any { a }
--- assert(first.process == a and first.result.code == 3)
--- ```
---
--- See process:wait.
---@param processes process[] children
---@param options? wait_any.options
---@return table? # { process, result }: result as process:wait answers it; nil after a timeout
function wait_any(processes, options) end
sys.wait_any = wait_any

---@class kill.options
---@field host? boolean mean every process that can be signalled, with the pid -1

--- Sends a signal by number: to a process, to a group where negative. A handle's kill is safer.
---
--- ```lua
--- kill(0, 0)
--- ```
---
--- See process:kill, signal(7).
---@param pid integer 0 is the caller's group
---@param signal? string|integer "term"; 0 only asks whether it could be sent
---@param options? kill.options
function kill(pid, signal, options) end
sys.kill = kill

--- Sends a signal to this process and to no other.
---
--- ```lua
--- local child <close> = spawn(function() exec { "sleep", "100" } end)
--- child:started()
--- child:kill("kill")
--- assert(child:wait().signal == "kill")
--- ```
---
--- See kill, process:wait.
---@param signal? string|integer "term"
function process:kill(signal) end

--- Whether the process still runs.
---
--- ```lua
--- local child <close> = fork(function() return 0 end)
--- child:wait()
--- assert(not child:alive())
--- ```
---
--- See process:wait.
---@return boolean # boolean
function process:alive() end

---@class process.wait.options
---@field timeout? string|number how long to wait; nil is answered when it is over
---@field forward? string[] signals that go on to the child when they come meanwhile, instead of ending the script

--- Waits until the process has ended; an error in the child before its exec is raised here.
---
--- ```lua
--- local child <close> = spawn(function() return 3 end)
--- assert(child:wait().code == 3)
--- ```
---
--- See spawn, wait_any, pidfd_open(2).
---@param options? process.wait.options
---@return table? # { code, signal, core, rusage = { max_rss, user, system } }: code is 128+n where a signal ended it, rusage in bytes and seconds; nil after a timeout
function process:wait(options) end

---@class process.reap.options
---@field timeout? string|number how long to wait; nil is answered when it is over
---@field forward? string[] signals that go on to the child when they come meanwhile, instead of ending the script

--- Waits as process:wait does, and meanwhile reaps every other child that ends: what the first process of a pid namespace owes.
---
--- ```lua
--- -- As process 1: what others leave behind comes to it.
--- local box <close> = spawn({ unshare = { "user", "pid" } }, function()
---   local main <close> = spawn(function() exec { "sh", "-c", "(sleep 0 & sleep 0.1); exit 3" } end)
---   return main:reap({ forward = { "term" } }).code
--- end)
--- assert(box:wait().code == 3)
--- ```
---
--- See process:wait, child_subreaper, pid_namespaces(7).
---@param options? process.reap.options
---@return any # as process:wait; a child with a handle that was reaped meanwhile still answers its own wait
function process:reap(options) end

--- Waits until the child has called exec, or has ended; an error in the child is raised here.
---
--- ```lua
--- local child <close> = spawn(function() exec { "true" } end)
--- child:started()
--- ```
---
--- See process:wait.
function process:started() end

---@class poll.options
---@field timeout? string|number how long to wait; an empty list is answered when it is over
---@field signals? string[] signals that are answered, as { signal = "int" }. From then on they wait for the next poll that names them and end nothing; a second int, term or hup before that ends the script

--- Waits until something has happened to one of many handles, or a signal has come.
---
--- ```lua
--- local p = pipe()
--- local child <close> = spawn({ stdout = p.write }, function() exec { "echo", "hello" } end)
--- local first = poll({ child, p.read }, { timeout = "10s" })[1]
--- assert(first.source == child and first.exited or first.source == p.read and first.readable)
--- child:wait()
--- ```
---
--- See wait_any, process:wait, fd:read, cgroup:wait_event, poll(2).
---@param sources (process|fd|pty|cgroup|integer)[] processes, fds, ptys (their master), cgroups, or 0, 1, 2 for the program's own
---@param options? poll.options
---@return table[] # list of { source, index } with what happened: exited (a process has ended, be it reaped or not), readable (bytes, or the end), hangup (the other end is closed; of a cgroup: it is removed), event = "oom_kill" (of a cgroup, since that was last told); or { signal } alone. Empty after the timeout
function poll(sources, options) end
sys.poll = poll

---@class exec.command: { [integer]: string }
---@field env? table<string, (string)?> the whole environment; without it the caller's is passed on
---@field cwd? string the working directory; it must lie inside of this process's root
---@field argv0? string what the program sees as its own name
---@field preserve_fds? fd[]|integer descriptors for the program, at the numbers from 3 on, counted in LISTEN_FDS; a number means so many that the caller left open
---@field listen_fds? integer how many of the preserved are counted in LISTEN_FDS; all. With 0 `env` stays as it is

--- Replaces the process by a program; Lua ends here. Never a shell string: a list of arguments.
---
--- ```lua
--- local child <close> = spawn(function() exec { "true" } end)
--- assert(child:wait().code == 0)
--- ```
---
--- See spawn, capture, execve(2), sd_listen_fds(3).
---@param command exec.command the program, searched in the PATH of `env`, and its arguments
function exec(command) end
sys.exec = exec

--- Sets the working directory; one outside of this process's root is EXDEV.
---
--- ```lua
--- chdir("/usr")
--- assert(readlink("/proc/self/cwd") == "/usr")
--- ```
---
--- See exec, chroot, chdir(2).
---@param path string the directory
function chdir(path) end
sys.chdir = chdir

--- Makes a pipe. Both ends are closed by exec unless they are preserved.
---
--- ```lua
--- local p = pipe()
--- p.write:write("hello")
--- p.write:close()
--- assert(p.read:read() == "hello")
--- ```
---
--- See fd:read, fd:write, pipe(7).
---@return table # { read, write }: two fds
function pipe() end
sys.pipe = pipe

---@class fd.read.options
---@field timeout? string|number ETIMEDOUT is raised when nothing has come by then

--- Reads to the end, or at most `size` bytes of what is there.
---
--- ```lua
--- local p = pipe()
--- p.write:write("hello")
--- assert(p.read:read(2) == "he")
--- ```
---
--- See fd:write, read(2).
---@param size? string|integer one read of at most so much; without it everything, up to 64M
---@param options? fd.read.options
---@return string? # string; nil at the end when a size is given
function fd:read(size, options) end

--- Writes all of the bytes.
---
--- ```lua
--- local p = pipe()
--- p.write:write("hello")
--- ```
---
--- See fd:read, write(2).
---@param bytes string all of it is written
function fd:write(bytes) end

--- Closes the descriptor in this process; one that a child has inherited, too.
---
--- ```lua
--- local p = pipe()
--- p.write:close()
--- assert(p.read:read() == "")
--- ```
---
--- See pipe.
function fd:close() end

---@class capture.command: { [integer]: string }

---@class capture.options
---@field stdin? string what the command reads; nothing without it
---@field timeout? string|number the command is killed when it is over, and `timed_out` is set
---@field max? string|integer "1M": a longer output is cut, the command killed, and `truncated` set
---@field env? table<string, (string)?> the whole environment; without it the caller's is passed on
---@field cwd? string the working directory; it must lie inside of this process's root

--- Runs a command to its end and answers what it has written.
---
--- ```lua
--- local result = capture({ "tr", "a-z", "A-Z" }, { stdin = "hello" })
--- assert(result.stdout == "HELLO")
--- ```
---
--- See process:output, exec.
---@param command capture.command as exec takes it
---@param options? capture.options
---@return table # { code, signal, stdout, stderr, timed_out, truncated, … }, as process:wait answers it
function capture(command, options) end
sys.capture = capture

---@class process.output.options
---@field stdin? string what the command reads; nothing without it
---@field timeout? string|number the command is killed when it is over, and `timed_out` is set
---@field max? string|integer "1M": a longer output is cut, the command killed, and `truncated` set

--- Feeds a child's pipes and reads them until it has ended; for spawn with stdout = "pipe".
---
--- ```lua
--- local child <close> = spawn({ stdout = "pipe" }, function() exec { "echo", "hello" } end)
--- assert(child:output().stdout == "hello\n")
--- ```
---
--- See capture, spawn.
---@param options? process.output.options
---@return any # as capture
function process:output(options) end

--- Starts a session and a group of the process's own, without a controlling terminal.
---
--- ```lua
--- local child <close> = fork(function() setsid() end)
--- assert(child:wait().code == 0)
--- ```
---
--- See terminal_attach, setpgid, credentials(7).
function setsid() end
sys.setsid = setsid

--- Puts a process into a group: without arguments the caller into one of its own.
---
--- ```lua
--- local child <close> = fork(function() setpgid() end)
--- assert(child:wait().code == 0)
--- ```
---
--- See setsid, tcsetpgrp, setpgid(2).
---@param process? process|integer the caller, or a child that has not called exec
---@param group? integer a group of the same session; without it a group with the process's number
function setpgid(process, group) end
sys.setpgid = setpgid

---@class close_fds.options
---@field preserve? integer as many from 3 on as the caller left open for a program
---@field files? boolean regular files stay open too, such as a log of io.open: nobody waits for the end of one

--- Lets go of every descriptor that this process has inherited or opened, but the first three and those that are listed.
---
--- ```lua
--- local p = pipe()
--- local child <close> = fork(function()
---   close_fds()
---   exec { "sleep", "60" }
--- end)
--- child:started()
--- p.write:close()
--- assert(p.read:read() == "")
--- ```
---
--- See fork, exec, close_range(2).
---@param keep? fd[] what is still needed
---@param options? close_fds.options
function close_fds(keep, options) end
sys.close_fds = close_fds

--- Connects to the unix socket at a path, however long that is: a stream, or one of datagrams.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-connect"
--- local listener <close> = socket_listen(path)
--- local mine <close> = socket_connect(path)
--- local theirs <close> = listener:accept()
--- mine:write("hello")
--- assert(theirs:read(5) == "hello")
--- remove(path)
--- ```
---
--- See socket_listen, fd:send, unix(7).
---@param path string the socket's file
---@return fd # fd
function socket_connect(path) end
sys.socket_connect = socket_connect

--- Makes a unix socket that others connect to. The file stays when the handle closes.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-listen"
--- local listener <close> = socket_listen(path)
--- assert(stat(path).type == "socket")
--- remove(path)
--- ```
---
--- See fd:accept, unix(7).
---@param path string the new socket's file
---@return fd # fd
function socket_listen(path) end
sys.socket_listen = socket_listen

--- Makes two connected unix sockets, for a child to keep one of. Exec closes both.
---
--- ```lua
--- local pair = socket_pair()
--- local child <close> = fork(function() pair[2]:send("hello") end)
--- assert(pair[1]:receive().text == "hello")
--- child:wait()
--- ```
---
--- See fd:send, fd:receive, pipe, socketpair(2).
---@return table[] # list of two fds
function socket_pair() end
sys.socket_pair = socket_pair

---@class tcp_connect.options
---@field timeout? string|number ETIMEDOUT is raised after it (default 10 seconds)
---@field nonblocking? boolean whether later reads and writes return at once (default false)

--- Connects to an address over TCP, from this network namespace.
---
--- ```lua
--- -- Nobody listens at port 1.
--- assert(not pcall(tcp_connect, "127.0.0.1", 1))
--- ```
---
--- See seccomp_request:add_fd, tcp(7).
---@param address string a numeric IPv4 or IPv6 address
---@param port integer the port there
---@param options? tcp_connect.options
---@return fd # fd
function tcp_connect(address, port, options) end
sys.tcp_connect = tcp_connect

---@class fd.connect.address
---@field path? string a socket's file
---@field abstract? string a name without a file

--- Connects a unix socket that somebody else has made.
---
--- ```lua
--- local pair = socket_pair()
--- assert(not pcall(pair[1].connect, pair[1], { path = "/not/there" }))
--- ```
---
--- See seccomp_request:take_fd, unix(7).
---@param address fd.connect.address `path` or `abstract`
function fd:connect(address) end

--- What kind of socket a descriptor is.
---
--- ```lua
--- local pair = socket_pair()
--- assert(pair[1]:socket().domain == "unix" and pair[1]:socket().type == "stream")
--- assert(pipe().read:socket() == nil)
--- ```
---
--- See socket(7).
---@return table? # { domain, type, protocol }: words such as "inet" and "stream" where they are known, and the protocol's number; nil for what is no socket
function fd:socket() end

---@class fd.accept.options
---@field timeout? string|number ETIMEDOUT is raised when nothing has come by then

--- Takes the next connection of a listening socket.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-accept"
--- local listener <close> = socket_listen(path)
--- local mine <close> = socket_connect(path)
--- local theirs <close> = listener:accept { timeout = "1s" }
--- mine:write("x")
--- assert(theirs:read(1) == "x")
--- remove(path)
--- ```
---
--- See socket_listen, accept(2).
---@param options? fd.accept.options
---@return fd # fd
function fd:accept(options) end

---@class fd.send.options
---@field fds? (fd|pty|process|seccomp_listener)[] descriptors that the other side gets copies of; a pty means its master, a process its pidfd

--- Sends a text over a unix socket, and copies of descriptors with it.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-send"
--- local listener <close> = socket_listen(path)
--- local mine <close> = socket_connect(path)
--- local theirs <close> = listener:accept()
--- local p = pipe()
--- mine:send("a pipe", { fds = { p.write } })
--- local got = theirs:receive()
--- assert(got.text == "a pipe" and #got.fds == 1)
--- remove(path)
--- ```
---
--- See fd:receive, unix(7), cmsg(3).
---@param text string at least one byte, where descriptors go along
---@param options? fd.send.options
function fd:send(text, options) end

---@class fd.receive.options
---@field timeout? string|number ETIMEDOUT is raised when nothing has come by then

--- Takes what has come over a unix socket: a text, and the descriptors with it.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-receive"
--- local listener <close> = socket_listen(path)
--- socket_connect(path):close()
--- local theirs <close> = listener:accept()
--- assert(theirs:receive().text == "")
--- remove(path)
--- ```
---
--- See fd:send, recv(2).
---@param options? fd.receive.options
---@return table # { text, fds }: at most 64 KiB of text, empty at the end; the list of fds that came with its first byte
function fd:receive(options) end

---@class setuser.options
---@field groups? "keep"|(integer|string)[] supplementary groups instead of those that list the user; "keep" leaves them as they are
---@field root? rootfs|string the rootfs, or the root directory, whose /etc/passwd and /etc/group are read; "/"

--- Becomes a user: supplementary groups, group and user, in this order, each read back.
---
--- ```lua
--- local user = setuser("65534:65534", { groups = {} })
--- assert(user.uid == 65534)
--- ```
---
--- See user_lookup, setgroups, credentials(7).
---@param user string "uid", "uid:gid", "name" or "name:group"; a number is never looked up as a name
---@param options? setuser.options
---@return any # what user_lookup answers
function setuser(user, options) end
sys.setuser = setuser

---@class user_lookup.options
---@field root? rootfs|string the rootfs, or the root directory, whose /etc/passwd and /etc/group are read; "/"

--- Looks a user up in the passwd and group files below a root.
---
--- ```lua
--- assert(user_lookup("root").uid == 0)
--- assert(user_lookup("12345").uid == 12345)
--- ```
---
--- See setuser, passwd(5), group(5).
---@param user string as setuser takes it
---@param options? user_lookup.options
---@return table # { uid, gid, groups, name, home, shell }
function user_lookup(user, options) end
sys.user_lookup = user_lookup

--- Sets the supplementary groups.
---
--- ```lua
--- setgroups { 4, 20 }
--- ```
---
--- See setuser, setgroups(2).
---@param groups integer[] group ids; an empty list for none
function setgroups(groups) end
sys.setgroups = setgroups

--- Sets the permission bits that new files do not get.
---
--- ```lua
--- umask("077")
--- assert(umask("022") == "0077")
--- ```
---
--- See umask(2).
---@param mask string|integer "022"
---@return any # the mask before, as text
function umask(mask) end
sys.umask = umask

---@class personality.options
---@field addr_no_randomize? boolean turns address space layout randomization off

--- Sets what the machine looks like to the program: "linux32" is a 32-bit uname(2).
---
--- ```lua
--- personality("linux", { addr_no_randomize = true })
--- ```
---
--- See personality(2), setarch(8).
---@param domain "linux"|"linux32" the execution domain
---@param options? personality.options
function personality(domain, options) end
sys.personality = personality

---@class oom_score.options
---@field pid? integer another process than the caller

--- Sets how soon the kernel kills the process when memory runs out.
---
--- ```lua
--- oom_score(500)
--- ```
---
--- See proc_pid_oom_score_adj(5).
---@param score integer -1000 is never, 1000 is first; added to the share of memory in thousandths
---@param options? oom_score.options
function oom_score(score, options) end
sys.oom_score = oom_score

--- Has a signal sent to this process when its parent ends; a change of user takes that back.
---
--- ```lua
--- local child <close> = fork(function() die_with_parent() end)
--- assert(child:wait().code == 0)
--- ```
---
--- See setuser, PR_SET_PDEATHSIG(2const).
---@param signal? string|integer "kill"; 0 for none
function die_with_parent(signal) end
sys.die_with_parent = die_with_parent

--- Sets whether others of the same user may trace this process, read its memory and its /proc.
---
--- ```lua
--- dumpable(false)
--- dumpable(true)
--- ```
---
--- See PR_SET_DUMPABLE(2const), ptrace(2).
---@param on boolean exec sets it again
function dumpable(on) end
sys.dumpable = dumpable

--- Makes orphaned descendants this process's own children, which it has to wait for.
---
--- ```lua
--- child_subreaper(true)
--- child_subreaper(false)
--- ```
---
--- See PR_SET_CHILD_SUBREAPER(2const).
---@param on boolean true: orphaned descendants become this process's children
function child_subreaper(on) end
sys.child_subreaper = child_subreaper

--- Leaves the caller's session keyring for another one, so that its keys are out of reach.
---
--- ```lua
--- assert(session_keyring("crun-lua-example") ~= 0)
--- ```
---
--- See keyring_describe, session-keyring(7).
---@param name? string joined where the user has one of that name; without it a new one
---@return any # the keyring's serial number
function session_keyring(name) end
sys.session_keyring = session_keyring

--- Reads what the session keyring is.
---
--- ```lua
--- session_keyring("crun-lua-example")
--- assert(keyring_describe() ~= "")
--- ```
---
--- See session_keyring, keyctl_describe(3).
---@return any # "keyring;uid;gid;permissions;name"
function keyring_describe() end
sys.keyring_describe = keyring_describe

--- Removes every key from the session keyring.
---
--- ```lua
--- session_keyring()
--- keyring_clear()
--- ```
---
--- See session_keyring, keyctl_clear(3).
function keyring_clear() end
sys.keyring_clear = keyring_clear

---@class rlimit.limits.as
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.core
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.cpu
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.data
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.fsize
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.locks
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.memlock
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.msgqueue
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.nice
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.nofile
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.nproc
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.rss
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.rtprio
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.rttime
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.sigpending
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits.stack
---@field soft? string|integer what is enforced; "max" for no limit
---@field hard? string|integer how far the soft limit may be raised

---@class rlimit.limits
---@field as? string|integer|rlimit.limits.as address space in bytes
---@field core? string|integer|rlimit.limits.core core file in bytes
---@field cpu? string|integer|rlimit.limits.cpu processor time in seconds
---@field data? string|integer|rlimit.limits.data data segment in bytes
---@field fsize? string|integer|rlimit.limits.fsize a file's size in bytes
---@field locks? string|integer|rlimit.limits.locks file locks; the kernel ignores it
---@field memlock? string|integer|rlimit.limits.memlock locked memory in bytes
---@field msgqueue? string|integer|rlimit.limits.msgqueue POSIX message queues in bytes
---@field nice? string|integer|rlimit.limits.nice 20 minus the lowest nice value
---@field nofile? string|integer|rlimit.limits.nofile one more than the highest descriptor. This program's own soft limit is the hard one; programs get what it was started with, or what is set here
---@field nproc? string|integer|rlimit.limits.nproc processes and threads of the user
---@field rss? string|integer|rlimit.limits.rss resident memory; the kernel ignores it
---@field rtprio? string|integer|rlimit.limits.rtprio highest real-time priority
---@field rttime? string|integer|rlimit.limits.rttime real-time run in microseconds without a blocking call
---@field sigpending? string|integer|rlimit.limits.sigpending queued signals of the user
---@field stack? string|integer|rlimit.limits.stack main thread's stack in bytes

---@class rlimit.options
---@field pid? integer another process than the caller

--- Sets resource limits and reads them back. One value is both the soft and the hard limit.
---
--- ```lua
--- rlimit { nofile = { soft = 64 }, core = 0 }
--- assert(rlimits().nofile.soft == 64)
--- ```
---
--- See rlimits, getrlimit(2).
---@param limits rlimit.limits { nofile = 1024, core = { soft = 0 }, stack = "8M", memlock = "max" }
---@param options? rlimit.options
function rlimit(limits, options) end
sys.rlimit = rlimit

--- Reads every resource limit of a process.
---
--- ```lua
--- assert(rlimits().nofile.hard)
--- ```
---
--- See rlimit, getrlimit(2).
---@param pid? integer another process than the caller
---@return table # { nofile = { soft, hard }, … }: numbers, or "max" for no limit
function rlimits(pid) end
sys.rlimits = rlimits

--- Sets the nice value itself, not a difference.
---
--- ```lua
--- nice(10)
--- assert(scheduler_get().nice == 10)
--- ```
---
--- See scheduler, setpriority(2).
---@param value integer 19 gives way to everybody
function nice(value) end
sys.nice = nice

---@class scheduler.attributes
---@field policy "other"|"fifo"|"rr"|"batch"|"idle"|"deadline" sched(7)
---@field priority? integer fifo and rr: must be given
---@field nice? integer other and batch; 0
---@field flags? ("reset_on_fork"|"reclaim"|"dl_overrun"|"keep_policy"|"keep_params")[] SCHED_FLAG_* of sched_setattr(2)
---@field runtime? string|number deadline: how long it may run in each period
---@field deadline? string|number deadline: by when it has to have run; the period
---@field period? string|number deadline: how long a period is; the deadline

--- Sets the scheduling policy with all of its attributes.
---
--- ```lua
--- scheduler { policy = "batch", nice = 5 }
--- assert(scheduler_get().policy == "batch")
--- ```
---
--- See scheduler_get, sched(7).
---@param attributes scheduler.attributes
function scheduler(attributes) end
sys.scheduler = scheduler

--- Reads when and where a process runs.
---
--- ```lua
--- assert(#scheduler_get().cpus > 0)
--- ```
---
--- See scheduler, sched(7).
---@param pid? integer another process than the caller
---@return table # { policy, priority, nice, flags, runtime, deadline, period, cpus, io = { class, level } }; times in nanoseconds
function scheduler_get(pid) end
sys.scheduler_get = scheduler_get

---@class io_priority.priority
---@field class "none"|"rt"|"be"|"idle" real-time, best effort, idle
---@field level? integer rt and be: 0 is first; 4

--- Sets the class and level of the process's disk I/O.
---
--- ```lua
--- io_priority { class = "be", level = 7 }
--- assert(scheduler_get().io.level == 7)
--- ```
---
--- See ioprio_set(2).
---@param priority io_priority.priority
function io_priority(priority) end
sys.io_priority = io_priority

--- Sets the processors that the process may run on.
---
--- ```lua
--- cpu_affinity(scheduler_get().cpus)
--- ```
---
--- See scheduler_get, cpuset(7).
---@param cpus integer[]|string { 0, 1 } or "0-1,4"
function cpu_affinity(cpus) end
sys.cpu_affinity = cpu_affinity

---@class mem_policy.policy
---@field mode "default"|"preferred"|"bind"|"interleave"|"local"|"preferred_many"|"weighted_interleave" set_mempolicy(2)
---@field nodes? integer[]|string { 0, 1 } or "0-1"
---@field flags? ("static_nodes"|"relative_nodes"|"numa_balancing")[] MPOL_F_* of set_mempolicy(2)

--- Sets from which memory nodes the process gets its pages.
---
--- ```lua
--- mem_policy { mode = "bind", nodes = { 0 } }
--- ```
---
--- See set_mempolicy(2), numa(7).
---@param policy mem_policy.policy
function mem_policy(policy) end
sys.mem_policy = mem_policy

---@class drop_caps.capabilities
---@field keep string[] all others go; what is not there cannot be kept

--- Removes capabilities from all five sets, for good: those listed, or all but those to keep.
---
--- ```lua
--- drop_caps { keep = { "net_bind_service" } }
--- assert(#caps_get().effective == 1 and #caps_get().bounding == 1)
--- ```
---
--- See caps_set, no_new_privs, capabilities(7).
---@param capabilities string[]|drop_caps.capabilities a list of what goes, or `{ keep = … }`; `{ keep = {} }` drops all
function drop_caps(capabilities) end
sys.drop_caps = drop_caps

---@class caps_set.sets
---@field bounding? string[] can only shrink
---@field permitted? string[] can only shrink
---@field effective? string[] within permitted; without it, what stays permitted stays effective
---@field inheritable? string[] within bounding and permitted
---@field ambient? string[] within permitted and inheritable

--- Sets capability sets to exactly these; a set that is left out stays.
---
--- ```lua
--- caps_set { effective = {}, permitted = {}, inheritable = {} }
--- assert(#caps_get().permitted == 0)
--- ```
---
--- See caps_get, drop_caps, capset(2).
---@param sets caps_set.sets
function caps_set(sets) end
sys.caps_set = caps_set

---@class caps_get.options
---@field sets? ("bounding"|"permitted"|"effective"|"inheritable"|"ambient")[] only these; all without it

--- Reads the five sets of this process or of another, and their masks as /proc shows them.
---
--- ```lua
--- local sets = caps_get()
--- assert(#sets.masks.effective == 16)
--- assert(#caps_get(1).bounding > 0)
--- assert(caps_get(nil, { sets = { "bounding" } }).effective == nil)
--- ```
---
--- See caps_decode, proc_pid_status(5).
---@param pid? integer this process without it
---@param options? caps_get.options
---@return table # { bounding, permitted, effective, inheritable, ambient, masks }: lists of names, and hexadecimal text by set
function caps_get(pid, options) end
sys.caps_get = caps_get

--- The names in a hexadecimal mask, such as the Cap lines of /proc/PID/status.
---
--- ```lua
--- assert(caps_decode("0000000000000400")[1] == "net_bind_service")
--- ```
---
--- See caps_encode.
---@param mask string `0000003fffffffff`, with or without 0x
---@return table[] # list of names; a number stands for a capability without a name
function caps_decode(mask) end
sys.caps_decode = caps_decode

--- The mask of a list of capabilities, as /proc/PID/status writes it.
---
--- ```lua
--- assert(caps_encode { "net_bind_service" } == "0000000000000400")
--- ```
---
--- See caps_decode.
---@param capabilities string[] an empty list is the mask of none
---@return string # string of 16 hexadecimal digits
function caps_encode(capabilities) end
sys.caps_encode = caps_encode

---@class caps_ambient.change
---@field clear? boolean lower all, before the others
---@field lower? string[] out of the set
---@field raise? string[] into the set: they must be permitted and inheritable

--- Changes the ambient set: what a program without file capabilities keeps across exec.
---
--- ```lua
--- caps_ambient { clear = true }
--- assert(#caps_get().ambient == 0)
--- ```
---
--- See caps_set, capabilities(7).
---@param change caps_ambient.change clear comes first, then lower, then raise
function caps_ambient(change) end
sys.caps_ambient = caps_ambient

--- Says whether the permitted set survives the change from uid 0 to another; exec ends it.
---
--- ```lua
--- keep_caps()
--- keep_caps(false)
--- ```
---
--- See securebits, PR_SET_KEEPCAPS(2const).
---@param on? boolean true without it
function keep_caps(on) end
sys.keep_caps = keep_caps

--- Sets the bits that take from uid 0 its special treatment; those not listed are cleared.
---
--- ```lua
--- securebits { "noroot", "noroot_locked" }
--- local bits = securebits_get()
--- assert(bits[1] == "noroot" and #bits == 2)
--- ```
---
--- See securebits_get, capabilities(7).
---@param bits ("noroot"|"noroot_locked"|"no_setuid_fixup"|"no_setuid_fixup_locked"|"keep_caps"|"keep_caps_locked"|"no_cap_ambient_raise"|"no_cap_ambient_raise_locked")[] a `_locked` bit makes its bit unchangeable
function securebits(bits) end
sys.securebits = securebits

--- The securebits that are set.
---
--- ```lua
--- assert(#securebits_get() == 0)
--- ```
---
--- See securebits.
---@return string[] # list of words
function securebits_get() end
sys.securebits_get = securebits_get

--- From now on no exec gives more rights: set-uid bits and file capabilities do nothing. For good.
---
--- ```lua
--- no_new_privs()
--- ```
---
--- See seccomp, PR_SET_NO_NEW_PRIVS(2const).
function no_new_privs() end
sys.no_new_privs = no_new_privs

--- Reads the capabilities that a file's execution gives; nil where it has none.
---
--- ```lua
--- assert(file_caps_get("/proc/self/exe") == nil)
--- ```
---
--- See file_caps_set, capabilities(7).
---@param path string a regular file; links are followed
---@return table? # { permitted, inheritable, effective, rootid, text } or nil
function file_caps_get(path) end
sys.file_caps_get = file_caps_get

---@class file_caps_set.caps
---@field permitted? string[] what its execution adds, within the bounding set
---@field inheritable? string[] what its execution keeps of the caller's inheritable set
---@field effective? boolean whether they are effective at once, for programs that know nothing of capabilities
---@field rootid? integer only where this user id is root: a user namespace (attribute revision 3)

--- Gives a file capabilities: whoever executes it has them, within the bounding set.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-file-caps"
--- io.open(path, "w"):close()
--- file_caps_set(path, "cap_net_bind_service=+ep")
--- assert(file_caps_get(path).text == "cap_net_bind_service=ep")
--- os.remove(path)
--- ```
---
--- See file_caps_get, cap_from_text(3).
---@param path string a regular file; links are followed
---@param caps string|file_caps_set.caps libcap's text, `cap_net_bind_service=+ep`, or the sets
function file_caps_set(path, caps) end
sys.file_caps_set = file_caps_set

--- Takes a file's capabilities away.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-file-caps"
--- io.open(path, "w"):close()
--- file_caps_set(path, { permitted = { "net_raw" }, effective = true })
--- file_caps_remove(path)
--- assert(file_caps_get(path) == nil)
--- os.remove(path)
--- ```
---
--- See file_caps_set.
---@param path string a regular file; links are followed
function file_caps_remove(path) end
sys.file_caps_remove = file_caps_remove

---@class seccomp.filter.default
---@field errno string|integer the error that is answered

---@class seccomp.filter.rules.args
---@field index integer which argument, from 0
---@field op "eq"|"ne"|"lt"|"le"|"gt"|"ge"|"masked_eq" how; masked_eq compares argument & mask
---@field value integer with what, as an unsigned number of 64 bits
---@field mask? integer for masked_eq

---@class seccomp.filter.rules
---@field names string[] calls and groups
---@field action "allow"|"errno"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap" what happens to them
---@field errno? string|integer for the action errno; "EPERM"
---@field trace? integer for the action trace: the number that the tracer is told
---@field args? seccomp.filter.rules.args[] conditions that must all hold, each argument at most once

---@class seccomp.filter
---@field default "allow"|"errno"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap"|seccomp.filter.default what happens to calls without a rule; `errno` is `{ errno = "EPERM" }`
---@field allow? string[] calls that are made
---@field log? string[] calls that are made and logged
---@field errno? string[] calls that answer `errno_ret` and are not made
---@field errno_ret? string|integer for the list `errno`; "EPERM"
---@field kill? string[] the same as `kill_process`
---@field kill_process? string[] calls that end the process with SIGSYS
---@field kill_thread? string[] calls that end the thread
---@field trap? string[] calls that raise SIGSYS
---@field trace? string[] calls that a tracer judges
---@field notify? string[]|table<string, (fun(...): any)?> calls that whoever holds the listener judges; for `seccomp` itself also functions by call, as supervise.run has them
---@field rules? seccomp.filter.rules[] rules with conditions or errors of their own
---@field architectures? ("x86_64"|"x86"|"x32"|"aarch64"|"arm"|"riscv64"|"loongarch64"|"s390x"|"s390"|"ppc64le"|"ppc64"|"ppc"|"mips"|"mips64"|"mips64n32"|"mipsel"|"mipsel64"|"mipsel64n32"|"m68k"|"parisc"|"parisc64"|"sh")[] calls of any other kill; the native one without it
---@field flags? ("tsync"|"log"|"spec_allow"|"wait_killable_recv")[] of the load

---@class seccomp.options
---@field no_new_privs? boolean set it first (default true): without it the kernel asks for CAP_SYS_ADMIN, since a set-uid program would run under the filter
---@field listener_to? fd a connected unix socket: the listener goes there at once and does not stay here, so that no call of this process's own waits for an answer that nobody gives yet

--- Filters the system calls of this process and its children from now on, for good.
---
--- ```lua
--- local child <close> = spawn(function()
---   seccomp {
---     default = "allow",
---     notify = { mkdir = function(req) req:errno("EROFS") end },
---   }
---   local _, err = try(mkdir, "/tmp/crun-lua-example-notify")
---   assert(err.errno == "EROFS")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See seccomp_compile, no_new_privs, seccomp(2), systemd.exec(5).
---@param filter seccomp_filter|seccomp.filter a compiled filter, or what it is compiled from
---@param options? seccomp.options
---@return seccomp_listener # seccomp_listener where a call is to be notified, else nothing
function seccomp(filter, options) end
sys.seccomp = seccomp

---@class seccomp_compile.spec.default
---@field errno string|integer the error that is answered

---@class seccomp_compile.spec.rules.args
---@field index integer which argument, from 0
---@field op "eq"|"ne"|"lt"|"le"|"gt"|"ge"|"masked_eq" how; masked_eq compares argument & mask
---@field value integer with what, as an unsigned number of 64 bits
---@field mask? integer for masked_eq

---@class seccomp_compile.spec.rules
---@field names string[] calls and groups
---@field action "allow"|"errno"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap" what happens to them
---@field errno? string|integer for the action errno; "EPERM"
---@field trace? integer for the action trace: the number that the tracer is told
---@field args? seccomp_compile.spec.rules.args[] conditions that must all hold, each argument at most once

---@class seccomp_compile.spec
---@field default "allow"|"errno"|"kill_process"|"kill_thread"|"log"|"notify"|"trace"|"trap"|seccomp_compile.spec.default what happens to calls without a rule; `errno` is `{ errno = "EPERM" }`
---@field allow? string[] calls that are made
---@field log? string[] calls that are made and logged
---@field errno? string[] calls that answer `errno_ret` and are not made
---@field errno_ret? string|integer for the list `errno`; "EPERM"
---@field kill? string[] the same as `kill_process`
---@field kill_process? string[] calls that end the process with SIGSYS
---@field kill_thread? string[] calls that end the thread
---@field trap? string[] calls that raise SIGSYS
---@field trace? string[] calls that a tracer judges
---@field notify? string[]|table<string, (fun(...): any)?> calls that whoever holds the listener judges; for `seccomp` itself also functions by call, as supervise.run has them
---@field rules? seccomp_compile.spec.rules[] rules with conditions or errors of their own
---@field architectures? ("x86_64"|"x86"|"x32"|"aarch64"|"arm"|"riscv64"|"loongarch64"|"s390x"|"s390"|"ppc64le"|"ppc64"|"ppc"|"mips"|"mips64"|"mips64n32"|"mipsel"|"mipsel64"|"mipsel64n32"|"m68k"|"parisc"|"parisc64"|"sh")[] calls of any other kill; the native one without it
---@field flags? ("tsync"|"log"|"spec_allow"|"wait_killable_recv")[] of the load

--- Compiles a filter without loading it; the program is kept in the state directory for the next time.
---
--- ```lua
--- local filter = seccomp_compile { default = "errno", allow = { "@default" } }
--- assert(filter.length > 0)
--- no_new_privs()
--- seccomp(filter)
--- ```
---
--- See seccomp, seccomp_filter:decide.
---@param spec seccomp_compile.spec as seccomp takes it
---@return seccomp_filter # seccomp_filter
function seccomp_compile(spec) end
sys.seccomp_compile = seccomp_compile

---@class seccomp_load_json.options
---@field caps? string[] what Docker's includes and excludes take as the container's capabilities; none
---@field kernel? string what minKernel is compared with; the running kernel's version

--- Compiles a profile in the form of the OCI specification or of Docker; seccomp(filter) makes it hold.
---
--- ```lua
--- local filter = seccomp_load_json [[{
---   "defaultAction": "SCMP_ACT_ALLOW",
---   "syscalls": [{ "names": ["mkdir", "nosuch"], "action": "SCMP_ACT_ERRNO" }]
--- }]]
--- assert(#filter.warnings == 1)
--- assert(filter:decide("mkdir").errno == "EPERM")
--- ```
---
--- See seccomp_compile.
---@param profile string|table<string, (any)?> JSON, or the same as a table
---@param options? seccomp_load_json.options
---@return seccomp_filter # seccomp_filter; its `warnings` tell which calls are not known here and were passed over
function seccomp_load_json(profile, options) end
sys.seccomp_load_json = seccomp_load_json

---@class seccomp_filter.decide.options
---@field args? integer[] the arguments, from the first on; 0
---@field architecture? "x86_64"|"x86"|"x32"|"aarch64"|"arm"|"riscv64"|"loongarch64"|"s390x"|"s390"|"ppc64le"|"ppc64"|"ppc"|"mips"|"mips64"|"mips64n32"|"mipsel"|"mipsel64"|"mipsel64n32"|"m68k"|"parisc"|"parisc64"|"sh" the native one

--- What the compiled filter answers to a system call: the program is run here, the call is not made.
---
--- ```lua
--- local filter = seccomp_compile { default = "errno", allow = { "@default" } }
--- assert(filter:decide("read").action == "allow")
--- assert(filter:decide("socket", { args = { 40 } }).errno == "EPERM")
--- ```
---
--- See seccomp_compile.
---@param name string the call
---@param options? seccomp_filter.decide.options
---@return table? # { action, errno }; nil where the architecture has no such call
function seccomp_filter:decide(name, options) end

--- Whether the system calls of this process or of another are filtered.
---
--- ```lua
--- assert(seccomp_status(1).mode)
--- ```
---
--- See seccomp, proc_pid_status(5).
---@param pid? integer this process without it
---@return table # { mode = "disabled" | "strict" | "filter", filters, no_new_privs }; filters from Linux 5.9
function seccomp_status(pid) end
sys.seccomp_status = seccomp_status

---@class seccomp_map.options
---@field known? string[] digests of filters whose answers are known: for these there are no `calls`

--- What the filters of a process answer to each system call, read back from the kernel.
---
--- ```lua
--- local box <close> = spawn(function()
---   seccomp { default = "allow", errno = { "mkdir" } }
---   exec { "sleep", "9" }
--- end)
--- box:started()
--- -- Asked by another child: a parent's own children are not to be traced by it.
--- local asked <close> = spawn(function()
---   for _, call in ipairs(seccomp_map(box.pid).calls) do
---     assert(call.name ~= "mkdir" or call.answers[1].errno == "EPERM")
---   end
--- end)
--- assert(asked:wait().code == 0)
--- ```
---
--- See seccomp, seccomp_status, seccomp_filter:decide, ptrace(2).
---@param pid integer the process; it stands still for less than a millisecond, and must be no child of the caller's
---@param options? seccomp_map.options
---@return table # { filters, digest, architecture, calls }; a row of calls is { name, answers }, sorted, with the answers { action, errno }; more than one where it depends on the arguments
function seccomp_map(pid, options) end
sys.seccomp_map = seccomp_map

--- Makes a system call with -1 for every argument and answers its errno: a filter's, or the kernel's.
---
--- ```lua
--- assert(syscall_try("vhangup").skipped)
--- ```
---
--- See seccomp, seccomp_filter:decide, seccomp_map, syscall(2).
---@param name string the call; a child should make it, since a few succeed or end the caller
---@return table # { errno } or { value }; { skipped = reason } where a call hangs, ends the caller or starts something whatever it is told, or this architecture does not have it
function syscall_try(name) end
sys.syscall_try = syscall_try

--- The groups that lists may name with an @, or the calls of one of them.
---
--- ```lua
--- assert(#seccomp_groups() > 20)
--- assert(seccomp_groups("@reboot")[3] == "reboot")
--- ```
---
--- See seccomp.
---@param group? string `@default`
---@return any # sorted list of names
function seccomp_groups(group) end
sys.seccomp_groups = seccomp_groups

--- The listener of a filter from a descriptor that another process has sent.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- request:errno("EROFS")
--- assert(child:wait().code == 1)
--- ```
---
--- See seccomp, seccomp_listener:receive, fd:receive.
---@param fd fd as fd:receive gives it; the listener has it from then on
---@return seccomp_listener # seccomp_listener
function seccomp_listener(fd) end
sys.seccomp_listener = seccomp_listener

--- A copy of a descriptor of another process.
---
--- ```lua
--- local p = pipe()
--- local child <close> = spawn({ stdin = p.read }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local copy <close> = fd_of(child.pid, 0)
--- p.write:write("hello")
--- assert(copy:read(5) == "hello")
--- ```
---
--- See proc_fds, seccomp_request:take_fd, pidfd_getfd(2).
---@param process integer whose it is
---@param number integer its number there, as proc_fds has it
---@return fd # fd
function fd_of(process, number) end
sys.fd_of = fd_of

---@class seccomp_listener.receive.options
---@field timeout? string|number ETIMEDOUT is raised when no call has come by then

--- Waits for the next call that the filter hands over. Its caller sleeps until it is answered.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- assert(request.name:find("mkdir"))
--- request:errno("EROFS")
--- child:wait()
--- ```
---
--- See seccomp_request:allow, seccomp_request:errno, seccomp_unotify(2).
---@param options? seccomp_listener.receive.options
---@return seccomp_request? # seccomp_request { id, pid, name, number, architecture, pointer, args }, args as the six registers hold them; nil when no process is left under the filter
function seccomp_listener:receive(options) end

---@class seccomp_listener.serve.options
---@field time? string|number processor time for one answer: more ends the function; no limit without it
---@field timeout? string|number ETIMEDOUT is raised when it is over
---@field others? (fd|seccomp_listener)[] it comes back with `{ ready = N }` as soon as the Nth of these can be read; where calls wait as well they take turns

--- Has a function answer call after call, until no process is left under the filter.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- request:errno("EROFS")
--- assert(listener:serve(function(name, pid) return "allow" end) == nil)
--- child:wait()
--- ```
---
--- See seccomp_listener:request, seccomp_listener:receive, budget.
---@param judge fun(...): any called with a call's name and thread; what it returns is the answer: `"allow"`, `"errno", "EPERM"`, `"value", 0`, or nothing where it has answered the request itself
---@param options? seccomp_listener.serve.options
---@return any # nil at the end; { ready } where one of `others` has something; { request, error } where the function has left a request without an answer, or has failed: the loop stops there, and is called again
function seccomp_listener:serve(judge, options) end

--- The request behind the call that the function of `serve` judges: its arguments, its memory, its descriptors.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- request:errno("EROFS")
--- listener:serve(function(name)
---   local request = listener:request()
---   assert(request.name == name and #request.args == 6)
---   request:allow()
--- end)
--- child:wait()
--- ```
---
--- See seccomp_listener:serve.
---@return seccomp_request # seccomp_request
function seccomp_listener:request() end

--- Lets the kernel make the call, with what the caller's memory holds by then.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- request:allow()
--- assert(child:wait().code == 0)
--- remove("/tmp/crun-lua-example-supervised", { directory = true })
--- ```
---
--- See seccomp_request:errno, seccomp_unotify(2).
function seccomp_request:allow() end

--- Answers the call with an error; it is not made.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- request:errno("EROFS")
--- assert(child:wait().code == 1)
--- ```
---
--- See seccomp_request:value.
---@param error string|integer `"EPERM"`
function seccomp_request:errno(error) end

--- Answers the call with a result; it is not made.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- request:value(0)
--- assert(child:wait().code == 0)
--- assert(not try(stat, "/tmp/crun-lua-example-supervised"))
--- ```
---
--- See seccomp_request:errno.
---@param value integer what the call answers
function seccomp_request:value(value) end

---@class seccomp_request.add_fd.options
---@field number? integer its number there; the lowest that is free without it. What stands at a given number is closed
---@field cloexec? boolean whether exec closes it there (default false)
---@field answer? boolean whether the call has the number as its result (default true)

--- Gives the caller a copy of a descriptor, most often as the result of its call.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "memfd_create" } }
---   theirs:send("x", { fds = { listener } })
---   exec { "python3", "-c", "import os; print(os.read(os.memfd_create('x'), 5) == b'hello')" }
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "60s" }
--- local p = pipe()
--- p.write:write("hello")
--- assert(request:add_fd(p.read) >= 3)
--- assert(child:wait().code == 0)
--- ```
---
--- See seccomp_request:take_fd.
---@param fd fd what it gets
---@param options? seccomp_request.add_fd.options
---@return any # the number there
function seccomp_request:add_fd(fd, options) end

--- A copy of a descriptor of the caller's.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- local output <close> = request:take_fd(2)
--- assert(output.number > 2)
--- request:errno("EROFS")
--- child:wait()
--- ```
---
--- See seccomp_request:add_fd.
---@param number integer its number there
---@return fd # fd
function seccomp_request:take_fd(number) end

--- Copies memory of the caller, as far as it is there.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- local path = request.args[request.name == "mkdir" and 1 or 2]
--- assert(request:read(path, 4) == "/tmp")
--- request:errno("EROFS")
--- child:wait()
--- ```
---
--- See seccomp_request:text.
---@param address integer as an argument holds it
---@param length string|integer up to 1M
---@return string # string, shorter where memory ends; ENOENT is raised where the call does not wait any more
function seccomp_request:read(address, length) end

---@class seccomp_request.text.options
---@field longest? string|integer how many bytes at most (default 4096, PATH_MAX); ENAMETOOLONG is raised for more

--- Copies a text that ends with a NUL from the caller's memory: a path.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- local path = request.args[request.name == "mkdir" and 1 or 2]
--- assert(request:text(path) == "/tmp/crun-lua-example-supervised")
--- request:errno("EROFS")
--- child:wait()
--- ```
---
--- See seccomp_request:read.
---@param address integer as an argument holds it
---@param options? seccomp_request.text.options
---@return string # string
function seccomp_request:text(address, options) end

--- Writes into the caller's memory, where the call would have left its result.
---
--- ```lua
--- local pair = socket_pair()
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "getcwd" } }
---   pair[2]:send("x", { fds = { listener } })
---   exec { "python3", "-c", "import os, sys; sys.exit(os.getcwd() != '/moon')" }
--- end)
--- local listener <close> = seccomp_listener(pair[1]:receive().fds[1])
--- pair[2]:close()
--- while true do
---   local request = listener:receive()
---   if not request then break end
---   request:write(request.args[1], "/moon\0")
---   request:value(6)
--- end
--- assert(child:wait().code == 0)
--- ```
---
--- See seccomp_request:read, seccomp_request:value.
---@param address integer as an argument holds it
---@param bytes string all of it is written
function seccomp_request:write(address, bytes) end

--- Whether the caller still waits for the answer: it may have been killed, or a signal may have ended its call.
---
--- ```lua
--- local pair = socket_pair()
--- local ours <close>, theirs = pair[1], pair[2]
--- local child <close> = spawn(function()
---   local listener = seccomp { default = "allow", notify = { "mkdir", "mkdirat" } }
---   theirs:send("x", { fds = { listener } })
---   return pcall(mkdir, "/tmp/crun-lua-example-supervised") and 0 or 1
--- end)
--- local listener <close> = seccomp_listener(ours:receive().fds[1])
--- local request <close> = listener:receive { timeout = "5s" }
--- assert(request:waits())
--- request:errno("EROFS")
--- assert(not request:waits())
--- child:wait()
--- ```
---
--- See seccomp_listener:receive.
---@return boolean # boolean
function seccomp_request:waits() end

---@class landlock.rules.net
---@field bind? integer[] TCP ports that may be bound; without it all
---@field connect? integer[] TCP ports that may be connected to; without it all

---@class landlock.rules
---@field list? string[] directories whose names may be read, with those below; no file in them
---@field ro? string[] files and directories to read
---@field rw? string[] files and directories to read, write, make and remove
---@field exec? string[] files and directories to read and execute
---@field net? landlock.rules.net TCP; without it, not restricted
---@field scope? ("abstract_unix_socket"|"signal")[] what ends at processes outside of the restriction
---@field compat? "best_effort"|"hard" enforce what this kernel knows (the default), or all or nothing
---@field abi? integer the version whose rights over files are handled; 5

--- Restricts this process and its children to these paths and ports, for good and without any rights.
---
--- ```lua
--- no_new_privs()
--- local status = landlock { ro = { "/" }, exec = { "/bin", "/usr", "/lib" }, rw = { "/dev/null" } }
--- assert(status.enforced ~= "not")
--- assert(not io.open("/tmp/crun-lua-example-landlock", "w"))
--- ```
---
--- See landlock_abi, no_new_privs, landlock(7).
---@param rules landlock.rules what is named is granted; the rest of its kind is refused
---@return table # { enforced = "fully" | "partially" | "not", abi }: what the kernel really enforces
function landlock(rules) end
sys.landlock = landlock

--- The version of the kernel's Landlock; 0 where there is none.
---
--- ```lua
--- assert(landlock_abi() >= 0)
--- ```
---
--- See landlock.
---@return integer # integer
function landlock_abi() end
sys.landlock_abi = landlock_abi

--- Names the AppArmor profile that the next exec enters.
---
--- ```lua
--- apparmor("unconfined")
--- ```
---
--- See lsm_status, apparmor(7).
---@param profile string a loaded profile's name, exactly
function apparmor(profile) end
sys.apparmor = apparmor

--- Sets the SELinux label that the next exec gets.
---
--- ```lua
--- selinux(lsm_status().selinux)
--- ```
---
--- See lsm_status, setexeccon(3).
---@param label string `user:role:type:level`
function selinux(label) end
sys.selinux = selinux

--- The active security modules, and the labels of this process or of another.
---
--- ```lua
--- assert(type(lsm_status().active) == "table")
--- ```
---
--- See apparmor, selinux, landlock.
---@param pid? integer this process without it
---@return table? # { active, apparmor, apparmor_exec, selinux, landlock_abi }; a label is nil where its module is not active
function lsm_status(pid) end
sys.lsm_status = lsm_status

---@class mount.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field data? string|table<string, (string|integer|boolean)?> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
---@field mand? boolean mandatory locks, where the kernel still has them (before Linux 5.15)
---@field iversion? boolean the file system counts the changes of each inode
---@field silent? boolean fewer messages in the kernel's log
---@field type? string the file system: "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup2", "overlay" …
---@field bind? boolean shows the source, a directory or a file, at the target
---@field rbind? boolean the same with everything that is mounted below; attributes then hold for all of it
---@field move? boolean takes the mount at the source to the target
---@field remount? boolean changes what is mounted at the target; with bind, only this mount of it
---@field recursive? boolean for propagation: also everything that is mounted below
---@field host? boolean mean the host's own namespace

--- Mounts a file system or a directory, moves a mount, or changes one.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   mount("tmpfs", "/mnt", { type = "tmpfs", data = "size=1M", nosuid = true, nodev = true })
---   mount("/usr", "/mnt", { rbind = true, readonly = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See umount, mount_setattr, rootfs:mount, mount(2), mount_namespaces(7).
---@param source? string a device, a path, or any word where the file system has no source
---@param target string where
---@param options mount.options one of type, bind, rbind, move, remount, or a propagation
function mount(source, target, options) end
sys.mount = mount

---@class umount.options
---@field detach? boolean takes it out of sight now and ends it when it is no longer used
---@field force? boolean gives up what is still to be written (network file systems)
---@field expire? boolean marks it; a second time removes it unless it was used in between
---@field nofollow? boolean does not follow a symlink as the target
---@field host? boolean mean the host's own namespace

--- Removes what is mounted at a path.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   mount("tmpfs", "/mnt", { type = "tmpfs" })
---   umount("/mnt", { detach = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See mount, umount(2).
---@param target string a mount point
---@param options? umount.options
function umount(target, options) end
sys.umount = umount

---@class mount_setattr.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field recursive? boolean also everything that is mounted below
---@field id_map? integer|string|namespace|process owners are seen through this user namespace; the mount must be attached nowhere
---@field host? boolean mean the host's own namespace

--- Changes attributes of a mount, and with recursive of all that is mounted below it, in one step.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   mount("tmpfs", "/mnt", { type = "tmpfs" })
---   mount_setattr("/mnt", { readonly = true, recursive = true, propagation = "private" })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See mount, open_tree, mount_setattr(2).
---@param target string a mount point
---@param options mount_setattr.options
function mount_setattr(target, options) end
sys.mount_setattr = mount_setattr

--- Makes a directory the root of this process, and goes there; irreversible, and with CAP_SYS_CHROOT no prison.
---
--- ```lua
--- local child <close> = spawn(function()
---   chroot("/usr")
---   assert(not io.open("/etc/passwd"))
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See pivot_root, chroot(2).
---@param path string the new root
function chroot(path) end
sys.chroot = chroot

---@class pivot_root.options
---@field put_old? string a directory in the new root that gets the old one; without it the old one is unmounted
---@field no_pivot? boolean where the root is the initial ramfs: MS_MOVE and chroot, which is weaker

--- Makes a mount the root of this mount namespace, and unmounts the old root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   mount(nil, "/", { propagation = "private", recursive = true })
---   mount("tmpfs", "/mnt", { type = "tmpfs" })
---   pivot_root("/mnt")
---   assert(not io.open("/etc/passwd"))
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs:pivot, chroot, pivot_root(2).
---@param new_root string a mount point
---@param options? pivot_root.options
function pivot_root(new_root, options) end
sys.pivot_root = pivot_root

---@class mount_new.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field data? string|table<string, (string|integer|boolean)?> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
---@field mand? boolean mandatory locks, where the kernel still has them (before Linux 5.15)
---@field iversion? boolean the file system counts the changes of each inode
---@field silent? boolean fewer messages in the kernel's log
---@field type string the file system: "tmpfs"
---@field source? string a device, or any word; default the type

--- Makes a file system and a mount of it that is attached nowhere; nothing of it stays when the handle closes.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   local tmp <close> = mount_new { type = "tmpfs", data = { size = "1M" }, nosuid = true }
---   tmp:move("/mnt")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See mount:move, open_tree, fsopen(2).
---@param options mount_new.options
---@return mount # mount
function mount_new(options) end
sys.mount_new = mount_new

---@class open_tree.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field clone? boolean a detached copy (default); false is the mount itself
---@field recursive? boolean with everything that is mounted below
---@field id_map? integer|string|namespace|process owners are seen through this user namespace

--- Copies the mount at a path as one that is attached nowhere: a bind mount that has no place yet.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   local usr <close> = open_tree("/usr", { readonly = true, recursive = true })
---   usr:move("/mnt")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See mount:move, mount_setattr, open_tree(2).
---@param path string any file or directory
---@param options? open_tree.options
---@return mount # mount
function open_tree(path, options) end
sys.open_tree = open_tree

---@class mount.setattr.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field recursive? boolean also everything that is mounted below
---@field id_map? integer|string|namespace|process owners are seen through this user namespace; the mount must be attached nowhere

--- Changes attributes of this mount.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   local usr <close> = open_tree("/usr")
---   usr:setattr { readonly = true, nosuid = true }
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See mount_setattr, mount_setattr(2).
---@param options mount.setattr.options
function mount:setattr(options) end

---@class mount.move.options
---@field host? boolean mean the host's own namespace

--- Attaches the mount to a path.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   local tmp <close> = mount_new { type = "tmpfs" }
---   tmp:move("/mnt")
---   assert(not io.open("/mnt/x"))
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs:mount, move_mount(2).
---@param target string a directory, or a file where the mount's root is one
---@param options? mount.move.options
function mount:move(target, options) end

---@class rootfs_open.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field bind? boolean mounts the directory onto itself first: pivot needs the root to be a mount
---@field recursive? boolean with bind: also what is mounted below (default true)
---@field id_map? integer|string|namespace|process with bind: owners are seen through this user namespace

--- Opens a directory as the root of a container; paths given to the handle cannot leave it.
---
--- ```lua
--- local dir = "/tmp/crun-lua-example-rootfs-open"
--- mkdir(dir)
--- local root = rootfs_open(dir)
--- root:mkdir("/etc")
--- root:write("/etc/hostname", "box\n")
--- root:close()
--- remove(dir, { recursive = true })
--- ```
---
--- See rootfs_new, rootfs:pivot, openat2(2).
---@param dir string the root directory
---@param options? rootfs_open.options
---@return rootfs # rootfs
function rootfs_open(dir, options) end
sys.rootfs_open = rootfs_open

---@class rootfs_new.options
---@field size? string|integer how much it may hold; "64M"
---@field inodes? integer how many files it may hold
---@field mode? string|integer permission bits of the root directory; "0755"

--- Makes an empty root on a tmpfs of its own, seen by this mount namespace only; nothing of it stays.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/tmp", { mode = "1777" })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs:bind, rootfs:pivot, tmpfs(5).
---@param options? rootfs_new.options
---@return rootfs # rootfs
function rootfs_new(options) end
sys.rootfs_new = rootfs_new

--- Opens a directory of the root as a root of its own: what is done there needs no way to it any more.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/dev")
---   local dev <close> = root:subdir("/dev")
---   dev:symlink("pts/ptmx", "ptmx")
---   assert(root:exists("/dev/ptmx"))
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@return rootfs # rootfs
function rootfs:subdir(path) end

---@class rootfs.mkdir.options
---@field mode? string|integer permission bits, whatever the umask; "0755"
---@field parents? boolean also makes what is missing before it; one that exists is fine
---@field uid? integer whose it becomes
---@field gid? integer whose group's it becomes

--- Makes a directory in the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/var/log/app", { parents = true, mode = "0750" })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param options? rootfs.mkdir.options
function rootfs:mkdir(path, options) end

---@class rootfs.write.options
---@field mode? string|integer permission bits of a new file, whatever the umask; "0644"
---@field append? boolean puts the text at the end
---@field exclusive? boolean EEXIST where there is anything
---@field uid? integer whose it becomes
---@field gid? integer whose group's it becomes

--- Writes a text to a regular file in the root; the last component is never followed.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/hosts", "127.0.0.1 localhost\n", { mode = "0600", exclusive = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param text string all of it
---@param options? rootfs.write.options
function rootfs:write(path, text, options) end

---@class rootfs.read.options
---@field limit? string|integer EFBIG where the file is longer; "16M"

--- Reads a regular file in the root; nil where there is none.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/x", "y")
---   assert(root:read("/x") == "y")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param options? rootfs.read.options
---@return string? # string or nil
function rootfs:read(path, options) end

---@class rootfs.open.options
---@field write? boolean for writing as well
---@field append? boolean writes go to the end
---@field create? boolean makes the file where it is missing
---@field exclusive? boolean with create: EEXIST where there is anything
---@field mode? string|integer with create: permission bits before the umask; "0644"
---@field directory? boolean ENOTDIR where it is no directory
---@field nofollow? boolean ELOOP where the last component is a symlink
---@field special? boolean also a device, a pipe, a socket, or a file of /proc or /sys to be written: it may wait, or set something to work; else ENXIO
---@field path_only? boolean names the file, whatever it is, and opens no device, pipe or socket (O_PATH)

--- Opens a regular file or a directory in the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   local file <close> = root:open("/log", { write = true, create = true })
---   file:write("one\n")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param options? rootfs.open.options
---@return fd # fd
function rootfs:open(path, options) end

--- Makes a symlink in the root; what it says is not looked at.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:symlink("usr/bin", "/bin")
---   assert(root:readlink("/bin") == "usr/bin")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param text string what the link says
---@param path string as the container will see it
function rootfs:symlink(text, path) end

---@class rootfs.fill.things
---@field dirs? string[] directories with mode 0755, each after those that it lies in
---@field files? table<string, (string)?> from path to text: regular files with mode 0644
---@field links? table<string, (string)?> from path to what the symlink says

--- Makes many directories, files and links in the root, in this order.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:fill { dirs = { "/etc" }, files = { ["/etc/motd"] = "hi\n" }, links = { ["/bin"] = "usr/bin" } }
---   assert(root:read("/etc/motd") == "hi\n")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param things rootfs.fill.things
function rootfs:fill(things) end

--- What a symlink in the root says; nil where there is no symlink.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:symlink("a", "/b")
---   assert(root:readlink("/b") == "a")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@return string? # string or nil
function rootfs:readlink(path) end

---@class rootfs.mknod.options
---@field type "c"|"b"|"p" a character device, a block device, or a pipe
---@field major? integer the device's number
---@field minor? integer the device's number
---@field mode? string|integer permission bits, whatever the umask; "0666"
---@field uid? integer whose it becomes
---@field gid? integer whose group's it becomes
---@field host? string the host's node of this number, which is mounted there where nodes cannot be made

--- Makes a device node or a pipe in the root; one that is there already must be the same.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mknod("/null", { type = "c", major = 1, minor = 3, host = "/dev/null" })
---   root:mknod("/pipe", { type = "p" })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param options rootfs.mknod.options
function rootfs:mknod(path, options) end

--- Removes anything but a directory from the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/x", "")
---   root:unlink("/x")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
function rootfs:unlink(path) end

--- Removes an empty directory from the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/x")
---   root:rmdir("/x")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
function rootfs:rmdir(path) end

---@class rootfs.chown.options
---@field uid? integer the new user
---@field gid? integer the new group
---@field nofollow? boolean a symlink itself

--- Sets the owner of a file in the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/x", "")
---   root:chown("/x", { uid = 1000, gid = 1000 })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param options rootfs.chown.options
function rootfs:chown(path, options) end

--- Sets permission bits of a file in the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/x", "")
---   root:chmod("/x", "4755")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param mode string|integer "0755"
function rootfs:chmod(path, mode) end

---@class rootfs.stat.options
---@field nofollow? boolean a symlink itself

--- What a file in the root is; nil where there is none.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   assert(root:stat("/").type == "directory")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@param options? rootfs.stat.options
---@return table? # { type, mode, uid, gid, size, ino, dev, nlink, mtime, major, minor } or nil
function rootfs:stat(path, options) end

--- Whether there is something at a path in the root, be it a dangling symlink.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   assert(root:exists("/") and not root:exists("/etc"))
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@return boolean # boolean
function rootfs:exists(path) end

--- The names in a directory of the root, sorted.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/etc")
---   assert(root:list("/")[1] == "etc")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
---@return string[] # list of strings
function rootfs:list(path) end

---@class rootfs.mount.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field data? string|table<string, (string|integer|boolean)?> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
---@field mand? boolean mandatory locks, where the kernel still has them (before Linux 5.15)
---@field iversion? boolean the file system counts the changes of each inode
---@field silent? boolean fewer messages in the kernel's log
---@field type? string the file system: "tmpfs", "proc", "sysfs", "devpts", "mqueue", "overlay" …
---@field bind? boolean shows the source at the target; see rootfs:bind
---@field recursive? boolean with bind: also what is mounted below (default true)
---@field new? boolean the target is a name in a root that only this program changes, and is not there yet: made at once

--- Mounts a file system, or a mount that has no place yet, in the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mount("tmpfs", "/tmp", { type = "tmpfs", data = { size = "1M", mode = "1777" }, nosuid = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param source mount|string a mount, or as in mount
---@param target string a path in the root; made where it is missing
---@param options? rootfs.mount.options
function rootfs:mount(source, target, options) end

---@class rootfs.bind.options.all
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field id_map? integer|string|namespace|process owners are seen through this user namespace

---@class rootfs.bind.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field all? rootfs.bind.options.all attributes for everything that is mounted below as well; those beside it then hold for the uppermost mount
---@field recursive? boolean also what is mounted below, with the same attributes (default true)
---@field id_map? integer|string|namespace|process owners are seen through this user namespace
---@field no_symlinks? boolean ELOOP where a symlink is on the way to the target, or at it

--- Shows a directory or a file of the host in the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:bind("/usr", "/usr", { readonly = true, nosuid = true })
---   root:bind("/etc/passwd", "/etc/passwd", { readonly = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param source fd|string a path of the host, or an fd
---@param target string a path in the root; made where it is missing
---@param options? rootfs.bind.options
function rootfs:bind(source, target, options) end

--- Hides a path of the root: a file behind /dev/null, a directory behind an empty one. What does not exist is fine.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/secret", "x")
---   root:mkdir("/keys")
---   root:mask("/secret")
---   root:mask("/keys")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
function rootfs:mask(path) end

--- Makes a path of the root read-only with all below it; "/" is the root itself alone. What does not exist is fine.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/etc")
---   root:readonly("/etc")
---   root:readonly("/")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
function rootfs:readonly(path) end

---@class rootfs.remount.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field data? string|table<string, (string|integer|boolean)?> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
---@field mand? boolean mandatory locks, where the kernel still has them (before Linux 5.15)
---@field iversion? boolean the file system counts the changes of each inode
---@field silent? boolean fewer messages in the kernel's log
---@field superblock? boolean the file system itself, with its data, and not only this mount of it
---@field recursive? boolean also everything that is mounted below

--- Changes the flags or the propagation of what is mounted at a path of the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mount("tmpfs", "/tmp", { type = "tmpfs" })
---   root:remount("/tmp", { superblock = true, data = "size=1M" })
---   root:remount("/tmp", { readonly = true, propagation = "slave" })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param target string a path in the root; made where it is missing
---@param options rootfs.remount.options
function rootfs:remount(target, options) end

---@class rootfs.cgroups.options
---@field readonly? boolean nothing can be written
---@field ro? boolean the same as readonly
---@field nosuid? boolean set-user-id bits and file capabilities do nothing
---@field nodev? boolean device nodes do nothing
---@field noexec? boolean nothing can be executed
---@field nosymfollow? boolean symlinks are not followed (Linux 5.10)
---@field noatime? boolean access times are not written
---@field nodiratime? boolean nor those of directories
---@field relatime? boolean access times are written when older than the last change; the kernel's default
---@field strictatime? boolean access times are always written
---@field propagation? "private"|"slave"|"shared"|"unbindable" how mounts and unmounts reach copies of this mount (mount_namespaces(7))
---@field private? boolean the same as propagation = "private"
---@field slave? boolean the same as propagation = "slave"
---@field shared? boolean the same as propagation = "shared"
---@field unbindable? boolean the same as propagation = "unbindable"
---@field groups? table<string, (string)?> by name: a directory of the host, which is shown there
---@field mounts? table<string, (string)?> by name: controllers ("cpu,cpuacct"), whose hierarchy is mounted as the cgroup namespace shows it
---@field links? table<string, (string)?> by name: another name, as a symlink says it
---@field unified? string the name at which the cgroup namespace's cgroup v2 is mounted
---@field data? string|table<string, (string|integer|boolean)?> options of the tmpfs

--- Mounts a small tmpfs with a directory for each hierarchy of cgroup v1, and the groups of the container in them.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:cgroups("/cgroup", { groups = { all = "/sys/fs/cgroup" }, links = { same = "all" }, readonly = true, nosuid = true })
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param target string a path in the root; made where it is missing
---@param options rootfs.cgroups.options
function rootfs:cgroups(target, options) end

--- Removes what is mounted at a path of the root.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mount("tmpfs", "/tmp", { type = "tmpfs" })
---   root:umount("/tmp")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param path string as the container will see it
function rootfs:umount(path) end

---@class rootfs.proc.options
---@field data? string|table<string, (string|integer|boolean)?> options of proc: "hidepid=2,subset=pid"
---@field readonly? boolean nothing can be written

--- Mounts proc at /proc of the root, which must be a real directory there or be missing.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:proc()
---   assert(root:exists("/proc/self"))
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param options? rootfs.proc.options
function rootfs:proc(options) end

---@class rootfs.sys.options
---@field bind? boolean the host's /sys with all below, where a user namespace without a net namespace forbids a new one
---@field readonly? boolean nothing can be written (default true)

--- Mounts sysfs, read-only, at /sys of the root, which must be a real directory there or be missing.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:sys()
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param options? rootfs.sys.options
function rootfs:sys(options) end

---@class rootfs.dev.options
---@field size? string|integer how much /dev may hold; "64K"
---@field shm_size? string|integer how much /dev/shm may hold; "64M"
---@field tty_gid? integer the group of terminals; the namespace must map it
---@field mqueue? boolean message queues (default: where the ipc namespace is the container's own)

--- Makes /dev in the root: null zero full random urandom tty, ptmx, pts, shm, mqueue, fd stdin stdout stderr.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:dev { shm_size = "1M" }
---   assert(root:stat("/dev/null").minor == 3)
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param options? rootfs.dev.options
function rootfs:dev(options) end

---@class rootfs.pivot.options
---@field no_pivot? boolean where the root is the initial ramfs: MS_MOVE and chroot, which is weaker

--- Makes the root that of this mount namespace, and unmounts the old one.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:mkdir("/only")
---   root:pivot()
---   assert(list_dir("/")[1] == "only")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param options? rootfs.pivot.options
function rootfs:pivot(options) end

---@class rootfs.unpack.options.owner.uid
---@field inside integer the first id in the archive
---@field outside integer the first id that files get
---@field count integer how many

---@class rootfs.unpack.options.owner.gid
---@field inside integer the first id in the archive
---@field outside integer the first id that files get
---@field count integer how many

---@class rootfs.unpack.options.owner
---@field uid rootfs.unpack.options.owner.uid[] of users
---@field gid rootfs.unpack.options.owner.gid[] of groups

---@class rootfs.unpack.options.limits
---@field size? string|integer bytes that it unpacks to, with holes; "4G"
---@field entries? integer files, directories and links; 1000000
---@field path? integer bytes of a name; 4095
---@field ratio? integer unpacked bytes for a compressed one, judged from 16M on; 200

---@class rootfs.unpack.options
---@field whiteouts? boolean `.wh.NAME` removes NAME and `.wh..wh..opq` what lower layers left in its directory, as in OCI layers
---@field owner? "keep"|"own"|rootfs.unpack.options.owner "keep": the ids in the archive; "own": the caller's; or what they are, as in `id_map`. "keep" for root, else "own"
---@field strip? integer how many leading parts of names are left out
---@field devices? boolean makes device nodes instead of refusing them
---@field setuid? "refuse"|"strip"|"keep" files with a set-user-ID or set-group-ID bit; "refuse"
---@field file_caps? "refuse"|"strip"|"keep" files with capabilities (security.capability); "refuse"
---@field xattrs? boolean restores attributes `user.*`; others never are
---@field limits? rootfs.unpack.options.limits what it may cost
---@field member? string the archive is this member of the file, which is itself a tar file
---@field digest? string "sha256:…" of the archive's bytes; others are refused and nothing stays
---@field diff_id? string "sha256:…" of what it decompresses to
---@field size? integer how many bytes the archive has

--- Unpacks a tar, tar.gz or tar.zst; what could leave the root or give rights is refused by name, and nothing of it stays.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-unpack.tar"
--- local file = io.open(path, "w")
--- file:write(("\0"):rep(1024))
--- file:close()
--- local root <close> = rootfs_open("/tmp")
--- root:unpack(path, { setuid = "strip", limits = { size = "64M" } })
--- os.remove(path)
--- ```
---
--- See rootfs_open, rootfs_new, tar(5), openat2(2).
---@param archive string|integer a file of the host, or the number of an open descriptor
---@param options? rootfs.unpack.options
---@return table # { entries, bytes, whiteouts, dropped_xattrs }
function rootfs:unpack(archive, options) end

---@class tar_list.options
---@field limit? integer an archive with more members is refused; 100000

--- Lists the members of a tar, tar.gz or tar.zst without unpacking it; a name that comes twice is refused.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-list.tar"
--- local file = io.open(path, "w")
--- file:write(("\0"):rep(1024))
--- file:close()
--- print(tar_list(path)[1])
--- os.remove(path)
--- ```
---
--- See tar_read, rootfs:unpack, tar(5).
---@param archive string|integer a file of the host, or the number of an open descriptor
---@param options? tar_list.options
---@return table[] # list of { name, type, size, link } in order; names without dots and doubled slashes, "" for the root
function tar_list(archive, options) end
sys.tar_list = tar_list

---@class tar_read.options
---@field limit? string|integer a longer member is refused; "16M"

--- Reads a file that is a member of a tar, tar.gz or tar.zst.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-read.tar"
--- local file = io.open(path, "w")
--- file:write(("\0"):rep(1024))
--- file:close()
--- assert(tar_read(path, "manifest.json") == nil)
--- os.remove(path)
--- ```
---
--- See tar_list, rootfs:unpack, tar(5).
---@param archive string|integer a file of the host, or the number of an open descriptor
---@param member string its name, without dots and doubled slashes
---@param options? tar_read.options
---@return string? # string, or nil where there is no such member
function tar_read(archive, member, options) end
sys.tar_read = tar_read

--- Computes the SHA-256 digest of a text.
---
--- ```lua
--- assert(sha256("abc"):sub(1, 8) == "ba7816bf")
--- ```
---
--- See sha256_file, sha256sum(1).
---@param text string any bytes
---@return any # 64 hexadecimal digits
function sha256(text) end
sys.sha256 = sha256

--- Computes the SHA-256 digest of a file, a piece at a time.
---
--- ```lua
--- assert(sha256_file("/dev/null") == sha256(""))
--- ```
---
--- See sha256, sha256sum(1).
---@param file string|integer a file of the host, or the number of an open descriptor, which is read to its end
---@return any # 64 hexadecimal digits
function sha256_file(file) end
sys.sha256_file = sha256_file

---@class program_files.options
---@field root? string the directory that stands for / ; links in it stay in it; "/"
---@field path? string directories with colons, where names without a slash are searched; the environment's PATH

--- Lists the files and links that a new root needs for programs to start; runs nothing, unlike ldd.
---
--- ```lua
--- for _, file in ipairs(program_files { "/bin/sh" }) do
---   assert(file.path:find("^/") and (file.source or file.target))
--- end
--- ```
---
--- See ld.so(8), elf(5), rootfs_open.
---@param programs string[] absolute paths, or names that are searched in PATH
---@param options? program_files.options
---@return table[] # list of { path, source = host file, needed_by } and of { path, target = link text, needed_by }, sorted by path
function program_files(programs, options) end
sys.program_files = program_files

---@class mkdir.options
---@field mode? string|integer permission bits before the umask; "0755"
---@field parents? boolean also makes what is missing before it; one that exists is fine

--- Makes a directory.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-mkdir"
--- mkdir(path .. "/a/b", { parents = true })
--- remove(path, { recursive = true })
--- ```
---
--- See rootfs_open.
---@param path string the new directory
---@param options? mkdir.options
function mkdir(path, options) end
sys.mkdir = mkdir

---@class write_file.options
---@field mode? string|integer permission bits of a new file before the umask; "0644"
---@field append? boolean puts the text at the end
---@field exclusive? boolean EEXIST where there is anything
---@field atomic? boolean writes beside and renames: whoever reads finds the old text or the new one, whenever the writer dies. The owner and mode of a file that is replaced stay; a symlink is ELOOP

--- Writes a text to a file.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-write"
--- write_file(path, "one\n", { mode = "0600", exclusive = true })
--- write_file(path, "two\n", { append = true })
--- assert(read_file(path) == "one\ntwo\n")
--- remove(path)
--- ```
---
--- See rootfs_open.
---@param path string the file
---@param text string all of it
---@param options? write_file.options
function write_file(path, text, options) end
sys.write_file = write_file

---@class open.options
---@field read? boolean for reading; true without write and append
---@field write? boolean for writing, from the start
---@field append? boolean for writing, each write at the end
---@field create? boolean with write or append: makes the file where it is missing
---@field exclusive? boolean with create: EEXIST where there is anything
---@field truncate? boolean with write: empties the file
---@field nonblock? boolean neither opening nor reading nor writing waits: a pipe without a reader is ENXIO, what would wait EAGAIN
---@field nofollow? boolean ELOOP where the last component is a symlink
---@field mode? string|integer with create: permission bits before the umask; "0644"

--- Opens a file by path: for fd:read and fd:write, as a stream of spawn, as a source of poll.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-open"
--- local log <close> = open(path, { append = true, create = true, mode = "0600" })
--- local child <close> = spawn({ stdout = log, stderr = log }, function() exec { "echo", "hello" } end)
--- child:wait()
--- log:write("bye\n")
--- assert(read_file(path) == "hello\nbye\n")
--- remove(path)
--- ```
---
--- See mkfifo, fd:read, fd:write, rootfs:open, open(2).
---@param path string the file
---@param options? open.options
---@return fd # fd
function open(path, options) end
sys.open = open

--- Makes a pipe with a name.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-mkfifo"
--- mkfifo(path, "0600")
--- assert(stat(path).type == "fifo")
--- remove(path)
--- ```
---
--- See open, rootfs:mknod, fifo(7).
---@param path string the new pipe
---@param mode? string|integer permission bits before the umask; "0600"
function mkfifo(path, mode) end
sys.mkfifo = mkfifo

---@class read_file.options
---@field limit? string|integer EFBIG where the file is longer; "16M"

--- Reads a file; nil where there is none.
---
--- ```lua
--- assert(#read_file("/proc/self/status") > 0)
--- assert(read_file("/no/such/file") == nil)
--- ```
---
--- See rootfs_open.
---@param path string the file
---@param options? read_file.options
---@return string? # string or nil
function read_file(path, options) end
sys.read_file = read_file

--- Makes a symlink.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-symlink"
--- symlink("/etc", path)
--- assert(readlink(path) == "/etc")
--- remove(path)
--- ```
---
--- See rootfs_open.
---@param text string what the link says
---@param path string the new link
function symlink(text, path) end
sys.symlink = symlink

--- What a symlink says; nil where there is no symlink.
---
--- ```lua
--- assert(tonumber(readlink("/proc/self")))
--- ```
---
--- See rootfs_open.
---@param path string a symlink
---@return string? # string or nil
function readlink(path) end
sys.readlink = readlink

---@class remove.options
---@field recursive? boolean a directory with all in it: links are not followed, and EXDEV where something is mounted below
---@field directory? boolean an empty directory
---@field missing? boolean what does not exist is fine

--- Removes a file; a directory only when told so.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-remove"
--- mkdir(path)
--- write_file(path .. "/file", "")
--- remove(path, { recursive = true })
--- assert(stat(path) == nil)
--- ```
---
--- See rootfs_open.
---@param path string what goes
---@param options? remove.options
function remove(path, options) end
sys.remove = remove

--- Copies a regular file with its permission bits; the kernel moves the bytes.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-copy"
--- copy_file("/etc/passwd", path)
--- assert(read_file(path) == read_file("/etc/passwd"))
--- remove(path)
--- ```
---
--- See rootfs_open.
---@param from string a regular file
---@param to string replaced where it exists
function copy_file(from, to) end
sys.copy_file = copy_file

---@class rename.options
---@field exchange? boolean the two names change places at once (RENAME_EXCHANGE)
---@field noreplace? boolean EEXIST where something has the new name (RENAME_NOREPLACE)

--- Gives a file another name on the same file system, in one step that nobody sees the middle of.
---
--- ```lua
--- local a, b = "/tmp/crun-lua-example-rename-a", "/tmp/crun-lua-example-rename-b"
--- write_file(a, "a")
--- mkdir(b)
--- rename(a, b, { exchange = true })
--- assert(read_file(b) == "a")
--- remove(b)
--- remove(a, { directory = true })
--- ```
---
--- See rename(2).
---@param from string what there is
---@param to string what it is called from now on
---@param options? rename.options
function rename(from, to, options) end
sys.rename = rename

--- Sets permission bits; symlinks are followed.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-chmod"
--- write_file(path, "")
--- chmod(path, "0600")
--- assert(stat(path).mode == 384)
--- remove(path)
--- ```
---
--- See rootfs_open.
---@param path string a file
---@param mode string|integer "0755"
function chmod(path, mode) end
sys.chmod = chmod

---@class chown.options
---@field uid? integer the new user
---@field gid? integer the new group
---@field nofollow? boolean a symlink itself

--- Sets the owner.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-chown"
--- write_file(path, "")
--- chown(path, { uid = 0, gid = 0 })
--- remove(path)
--- ```
---
--- See rootfs_open.
---@param path string a file
---@param options chown.options
function chown(path, options) end
sys.chown = chown

---@class stat.options
---@field nofollow? boolean a symlink itself

--- What a file is; nil where there is none.
---
--- ```lua
--- assert(stat("/etc").type == "directory")
--- assert(stat("/no/such/file") == nil)
--- ```
---
--- See rootfs_open.
---@param path string a file
---@param options? stat.options
---@return table? # { type, mode, uid, gid, size, ino, dev, nlink, mtime, major, minor } or nil
function stat(path, options) end
sys.stat = stat

--- The names in a directory, sorted.
---
--- ```lua
--- assert(#list_dir("/etc") > 0)
--- ```
---
--- See rootfs_open.
---@param path string a directory
---@return string[] # list of strings
function list_dir(path) end
sys.list_dir = list_dir

---@class touch.options
---@field mode? string|integer permission bits of a new file before the umask; "0644"

--- Makes an empty file where there is none, and sets its times to now.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-touch"
--- touch(path)
--- assert(stat(path).size == 0)
--- remove(path)
--- ```
---
--- See rootfs_open.
---@param path string a file
---@param options? touch.options
function touch(path, options) end
sys.touch = touch

---@class temp_dir.options
---@field parent? string where it is made; `$TMPDIR`, else `/tmp`

--- Makes a directory that only this user can enter, and removes it with all in it when the handle closes.
---
--- ```lua
--- local dir <close> = temp_dir()
--- assert(stat(dir.path).mode == 448)
--- ```
---
--- See rootfs_open.
---@param options? temp_dir.options
---@return any # directory
function temp_dir(options) end
sys.temp_dir = temp_dir

--- The directory for what lives as long as the machine is up: CRUN_LUA_STATE, or the user's own; made where it is missing.
---
--- ```lua
--- assert(stat(state_dir()).mode & 18 == 0)
--- ```
---
--- See data_dir, file_lock.
---@return string # string, an absolute path
function state_dir() end
sys.state_dir = state_dir

--- Takes back what a dead process has written down and left: groups, links, mounts. `crun-lua gc` does it for all.
---
--- ```lua
--- assert(journal_collect(proc_stat().pid, proc_stat().starttime) == 0, "it lives")
--- ```
---
--- See state_dir, cgroup_set.
---@param pid integer as the host counts it
---@param starttime integer when it started, as `proc_stat` tells it: in ticks
---@return integer # integer, how many things; 0 for one that lives or has left nothing
function journal_collect(pid, starttime) end
sys.journal_collect = journal_collect

--- The directory for what stays when the machine goes down: CRUN_LUA_DATA, or the user's own; made where it is missing.
---
--- ```lua
--- assert(data_dir():sub(1, 1) == "/")
--- ```
---
--- See state_dir.
---@return string # string, an absolute path
function data_dir() end
sys.data_dir = data_dir

---@class file_lock.options
---@field wait? boolean|string|number true (default) for as long as it takes, false for not at all, or how long
---@field shared? boolean together with others that share it

--- Takes a lock that every process sees who asks for the same file. A forked child does not hold it; the kernel gives it back when its owner dies.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-lock"
--- do
---   local lock <close> = file_lock(path)
---   assert(lock.path == path)
--- end
--- remove(path)
--- ```
---
--- See state_dir, handle:close, flock(2).
---@param path string a regular file, made with mode 0600 where it is missing; it stays
---@param options? file_lock.options
---@return any # file_lock, with the field path; nil where it was not to be had in time
function file_lock(path, options) end
sys.file_lock = file_lock

---@class cgroup_set.limits.cpu
---@field quota? string|number|"max" processor time in each period, in µs or as "50ms"; "max" for no limit
---@field period? string|number the period, 1 ms to 1 s; the kernel's default is "100ms"
---@field burst? string|number unused time that may be saved up, at most the quota

---@class cgroup_set.limits.io
---@field device string a whole disk: `8:0`, or the path of its device file
---@field rbps? string|integer bytes read each second
---@field wbps? string|integer bytes written each second
---@field riops? string|integer reads each second
---@field wiops? string|integer writes each second
---@field weight? integer share of this device

---@class cgroup_set.limits.devices
---@field allow boolean allow or deny
---@field type? "a"|"b"|"c"|"u" all, block, character; all where it is left out
---@field major? integer all where it is left out
---@field minor? integer all where it is left out
---@field access? string some of r, w and m (mknod); all where it is left out

---@class cgroup_set.limits.writes
---@field file string a limit's file, by name
---@field value integer|string written as it is

---@class cgroup_set.limits
---@field memory? string|integer bytes of memory; what goes beyond is taken back or killed
---@field memory_low? string|integer bytes that are taken back only when there is no other way
---@field swap? string|integer bytes of swap, not counting the memory; on v1 say `memory` as well
---@field cpu? string|"max"|cgroup_set.limits.cpu of one processor: "50%", "200%"
---@field cpu_weight? integer share when processors are short; 100 is the default
---@field cpu_shares? integer the same in v1's numbers; 1024 is the default
---@field cpu_idle? boolean runs only when nobody else wants to (Linux 5.15)
---@field pids? integer|"max" processes and threads
---@field io? cgroup_set.limits.io[] limits of block devices
---@field io_weight? integer share of all block devices; 100 is the default
---@field cpuset? string processors: "0-1,4"
---@field cpuset_mems? string memory nodes: "0"
---@field hugetlb? table<string, (string|integer)?> bytes by size of page: { ["2M"] = "64M" }
---@field devices? cgroup_set.limits.devices[] rules from "nothing is allowed" on; the last that fits decides
---@field files? table<string, (integer|string)?> files by name, written as they are: { ["memory.high"] = "50M" }
---@field writes? cgroup_set.limits.writes[] files in order: what is refused is tried again after the rest
---@field controllers? "all" a place in every hierarchy and every controller that is to be had, limits or not
---@field journal? boolean false where the caller writes down itself what is to be removed after a crash; true
---@field host? boolean also change a group that this process has not made

--- Makes a control group, or finds the one it has made, and sets limits.
---
--- ```lua
--- local box <close> = cgroup_set("example-set", { memory = "64M", pids = 32 })
--- assert(box:get().memory == 64 << 20)
--- local child <close> = spawn({ cgroup = box }, function() return 0 end)
--- assert(child:wait().code == 0)
--- ```
---
--- See cgroup:set, cgroup:stats, cgroup_may, spawn, cgroups(7).
---@param target string|cgroup a name below this process's own group, or from the root with a leading /; or a handle
---@param limits? cgroup_set.limits only what is said is written
---@return cgroup # cgroup; close removes it with its members
function cgroup_set(target, limits) end
sys.cgroup_set = cgroup_set

--- Opens a control group that is there, to read it.
---
--- ```lua
--- local root <close> = cgroup_open("/")
--- assert(root.path)
--- ```
---
--- See cgroup_set, cgroups(7).
---@param path string|string[] as `cgroup_set` names groups; or the group's directories, as the field `dirs` has them
---@return cgroup # cgroup; close leaves the group as it is
function cgroup_open(path) end
sys.cgroup_open = cgroup_open

--- Opens the control group of a process, to read it.
---
--- ```lua
--- local own <close> = cgroup_of(1)
--- print(own.path, own:stats().memory)
--- ```
---
--- See cgroup_set, cgroups(7).
---@param process integer|process a process id, or a handle
---@return cgroup # cgroup; close leaves the group as it is
function cgroup_of(process) end
sys.cgroup_of = cgroup_of

---@class cgroup_layout.options
---@field root? string where /proc and /sys are read: a recorded machine; "/"

--- Tells which hierarchies are mounted where, with which controllers, and where this process stands.
---
--- ```lua
--- local layout = cgroup_layout()
--- for _, hierarchy in ipairs(layout.hierarchies) do
---   print(hierarchy.mount, table.concat(hierarchy.controllers, " "))
--- end
--- ```
---
--- See cgroup_may, cgroups(7).
---@param options? cgroup_layout.options
---@return table # { kind = "v1" | "v2" | "hybrid" | "none", hierarchies = { { version, controllers, name, mount, own } … } }
function cgroup_layout(options) end
sys.cgroup_layout = cgroup_layout

--- Lists the controllers that this user may set limits of, below its own group.
---
--- ```lua
--- for _, controller in ipairs(cgroup_may()) do
---   print(controller)
--- end
--- ```
---
--- See cgroup_layout, cgroup_set.
---@return table[] # list of controllers, by v2's names
function cgroup_may() end
sys.cgroup_may = cgroup_may

---@class cgroup.set.limits.cpu
---@field quota? string|number|"max" processor time in each period, in µs or as "50ms"; "max" for no limit
---@field period? string|number the period, 1 ms to 1 s; the kernel's default is "100ms"
---@field burst? string|number unused time that may be saved up, at most the quota

---@class cgroup.set.limits.io
---@field device string a whole disk: `8:0`, or the path of its device file
---@field rbps? string|integer bytes read each second
---@field wbps? string|integer bytes written each second
---@field riops? string|integer reads each second
---@field wiops? string|integer writes each second
---@field weight? integer share of this device

---@class cgroup.set.limits.devices
---@field allow boolean allow or deny
---@field type? "a"|"b"|"c"|"u" all, block, character; all where it is left out
---@field major? integer all where it is left out
---@field minor? integer all where it is left out
---@field access? string some of r, w and m (mknod); all where it is left out

---@class cgroup.set.limits.writes
---@field file string a limit's file, by name
---@field value integer|string written as it is

---@class cgroup.set.limits
---@field memory? string|integer bytes of memory; what goes beyond is taken back or killed
---@field memory_low? string|integer bytes that are taken back only when there is no other way
---@field swap? string|integer bytes of swap, not counting the memory; on v1 say `memory` as well
---@field cpu? string|"max"|cgroup.set.limits.cpu of one processor: "50%", "200%"
---@field cpu_weight? integer share when processors are short; 100 is the default
---@field cpu_shares? integer the same in v1's numbers; 1024 is the default
---@field cpu_idle? boolean runs only when nobody else wants to (Linux 5.15)
---@field pids? integer|"max" processes and threads
---@field io? cgroup.set.limits.io[] limits of block devices
---@field io_weight? integer share of all block devices; 100 is the default
---@field cpuset? string processors: "0-1,4"
---@field cpuset_mems? string memory nodes: "0"
---@field hugetlb? table<string, (string|integer)?> bytes by size of page: { ["2M"] = "64M" }
---@field devices? cgroup.set.limits.devices[] rules from "nothing is allowed" on; the last that fits decides
---@field files? table<string, (integer|string)?> files by name, written as they are: { ["memory.high"] = "50M" }
---@field writes? cgroup.set.limits.writes[] files in order: what is refused is tried again after the rest
---@field controllers? "all" a place in every hierarchy and every controller that is to be had, limits or not
---@field journal? boolean false where the caller writes down itself what is to be removed after a crash; true
---@field host? boolean also change a group that this process has not made

--- Sets limits of the group.
---
--- ```lua
--- local box <close> = cgroup_set("example-set2", { pids = 10 })
--- box:set { pids = 20 }
--- assert(box:get().pids == 20)
--- ```
---
--- See cgroup_set, cgroup:get.
---@param limits cgroup.set.limits only what is said is written
function cgroup:set(limits) end

--- Reads the limits back from the kernel.
---
--- ```lua
--- local box <close> = cgroup_set("example-get", { memory = "32M" })
--- assert(box:get().memory == 32 << 20)
--- ```
---
--- See cgroup:set, cgroup:stats.
---@return any # the limits as `cgroup_set` takes them; "max" is no limit
function cgroup:get() end

--- Reads what the group uses and has used; what the kernel does not count is left out.
---
--- ```lua
--- local box <close> = cgroup_set("example-stats", { pids = 10 })
--- assert(box:stats().pids.current == 0)
--- ```
---
--- See cgroup:events, cgroup:get.
---@return table # { memory = { usage, peak, swap, failcnt, stat }, cpu = { usage_usec, nr_periods, nr_throttled, throttled_usec … }, pids = { current, peak }, io = { { device, rbytes, wbytes, rios, wios } … }, pressure }
function cgroup:stats() end

--- Reads how often limits were met, and whether the group has members and is frozen.
---
--- ```lua
--- local box <close> = cgroup_set("example-events", { memory = "32M" })
--- assert(box:events().memory.oom_kill == 0)
--- assert(not box:events().populated)
--- ```
---
--- See cgroup:wait_event, cgroup:stats.
---@return table # { memory = { oom_kill, max … }, pids = { max }, populated, frozen }
function cgroup:events() end

---@class cgroup.wait_event.options
---@field timeout? string|number how long to wait; nil is answered when it is over

--- Waits until an event has happened: at once where it has since it was last told.
---
--- ```lua
--- local box <close> = cgroup_set("example-wait", { memory = "32M" })
--- assert(box:wait_event("oom", { timeout = "10ms" }) == nil)
--- ```
---
--- See cgroup:events, eventfd(2).
---@param event "oom"|"oom_kill"|"max"|"high"|"low"|"pids"|"populated"|"empty"|"frozen"|"thawed" a count since it was last told, or a state
---@param options? cgroup.wait_event.options
---@return any # what `cgroup:events` answers; nil after a timeout
function cgroup:wait_event(event, options) end

---@class cgroup.pids.options
---@field nested? boolean those of the groups below too

--- Lists the members.
---
--- ```lua
--- local box <close> = cgroup_set("example-pids", { pids = 10 })
--- local child <close> = spawn({ cgroup = box }, function() exec { "sleep", "60" } end)
--- child:started()
--- assert(box:pids()[1])
--- ```
---
--- See cgroup_set, cgroups(7).
---@param options? cgroup.pids.options
---@return table[] # list of process ids
function cgroup:pids(options) end

---@class cgroup.freeze.options
---@field host? boolean also a group that this process has not made

--- Stops every member, and waits until all stand still.
---
--- ```lua
--- local box <close> = cgroup_set("example-freeze", { pids = 10 })
--- box:freeze()
--- box:thaw()
--- ```
---
--- See cgroup:thaw.
---@param options? cgroup.freeze.options
function cgroup:freeze(options) end

---@class cgroup.thaw.options
---@field host? boolean also a group that this process has not made

--- Lets the members go on, and waits until they do.
---
--- ```lua
--- local box <close> = cgroup_set("example-thaw", { pids = 10 })
--- box:freeze()
--- box:thaw()
--- ```
---
--- See cgroup:freeze.
---@param options? cgroup.thaw.options
function cgroup:thaw(options) end

---@class cgroup.kill.options
---@field host? boolean also a group that this process has not made

--- Kills every member, nested groups too, and waits until they are dead.
---
--- ```lua
--- local box <close> = cgroup_set("example-kill", { pids = 10 })
--- local child <close> = spawn({ cgroup = box }, function() exec { "sleep", "60" } end)
--- child:started()
--- box:kill()
--- assert(child:wait().signal == "kill")
--- ```
---
--- See cgroup:remove.
---@param options? cgroup.kill.options
function cgroup:kill(options) end

---@class cgroup.remove.options
---@field host? boolean also a group that this process has not made

--- Kills the members and removes the group, also one that was only opened.
---
--- ```lua
--- local box = cgroup_set("example-remove", { pids = 10 })
--- box:remove()
--- box:close()
--- ```
---
--- See cgroup:kill, handle:close.
---@param options? cgroup.remove.options
function cgroup:remove(options) end

--- Moves the calling process into the group; on v1 without the kernel's wait. Close moves it back.
---
--- ```lua
--- local box <close> = cgroup_set("example-enter", { pids = 10 })
--- local child <close> = spawn(function()
---   box:enter()
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See spawn, cgroup:add.
function cgroup:enter() end

---@class cgroup.add.options
---@field host? boolean also a group that this process has not made

--- Moves another process in. Slow, about 10 ms: the kernel waits for all processors; `spawn` and `enter` do not.
---
--- ```lua
--- local box <close> = cgroup_set("example-add", { pids = 10 })
--- local child <close> = spawn(function() exec { "sleep", "60" } end)
--- child:started()
--- box:add(child)
--- assert(box:pids()[1])
--- ```
---
--- See cgroup:enter, spawn.
---@param process integer|process a process id, or a handle
---@param options? cgroup.add.options
function cgroup:add(process, options) end

---@class cgroup.child.limits.cpu
---@field quota? string|number|"max" processor time in each period, in µs or as "50ms"; "max" for no limit
---@field period? string|number the period, 1 ms to 1 s; the kernel's default is "100ms"
---@field burst? string|number unused time that may be saved up, at most the quota

---@class cgroup.child.limits.io
---@field device string a whole disk: `8:0`, or the path of its device file
---@field rbps? string|integer bytes read each second
---@field wbps? string|integer bytes written each second
---@field riops? string|integer reads each second
---@field wiops? string|integer writes each second
---@field weight? integer share of this device

---@class cgroup.child.limits.devices
---@field allow boolean allow or deny
---@field type? "a"|"b"|"c"|"u" all, block, character; all where it is left out
---@field major? integer all where it is left out
---@field minor? integer all where it is left out
---@field access? string some of r, w and m (mknod); all where it is left out

---@class cgroup.child.limits.writes
---@field file string a limit's file, by name
---@field value integer|string written as it is

---@class cgroup.child.limits
---@field memory? string|integer bytes of memory; what goes beyond is taken back or killed
---@field memory_low? string|integer bytes that are taken back only when there is no other way
---@field swap? string|integer bytes of swap, not counting the memory; on v1 say `memory` as well
---@field cpu? string|"max"|cgroup.child.limits.cpu of one processor: "50%", "200%"
---@field cpu_weight? integer share when processors are short; 100 is the default
---@field cpu_shares? integer the same in v1's numbers; 1024 is the default
---@field cpu_idle? boolean runs only when nobody else wants to (Linux 5.15)
---@field pids? integer|"max" processes and threads
---@field io? cgroup.child.limits.io[] limits of block devices
---@field io_weight? integer share of all block devices; 100 is the default
---@field cpuset? string processors: "0-1,4"
---@field cpuset_mems? string memory nodes: "0"
---@field hugetlb? table<string, (string|integer)?> bytes by size of page: { ["2M"] = "64M" }
---@field devices? cgroup.child.limits.devices[] rules from "nothing is allowed" on; the last that fits decides
---@field files? table<string, (integer|string)?> files by name, written as they are: { ["memory.high"] = "50M" }
---@field writes? cgroup.child.limits.writes[] files in order: what is refused is tried again after the rest
---@field controllers? "all" a place in every hierarchy and every controller that is to be had, limits or not
---@field journal? boolean false where the caller writes down itself what is to be removed after a crash; true
---@field host? boolean also change a group that this process has not made

--- Makes a group below this one; on v2 this one may then have no processes of its own.
---
--- ```lua
--- local box <close> = cgroup_set("example-child", { pids = 10 })
--- local inner <close> = box:child("inner", { pids = 5 })
--- assert(inner:get().pids == 5)
--- ```
---
--- See cgroup_set, cgroups(7).
---@param name string below this group
---@param limits? cgroup.child.limits only what is said is written
---@return cgroup # cgroup
function cgroup:child(name, limits) end

---@class cgroup.delegate.options
---@field host? boolean also a group that this process has not made

--- Gives a v2 group to a user, who may then make groups below it, but not raise its limits.
---
--- ```lua
--- local box <close> = cgroup_set("example-delegate")
--- box:delegate(65534, 65534)
--- ```
---
--- See cgroup_set, cgroups(7).
---@param uid integer the new owner
---@param gid integer its group
---@param options? cgroup.delegate.options
function cgroup:delegate(uid, gid, options) end

---@class veth.options
---@field peer_ns? integer|string|process|netns|namespace|pin the network namespace that the other end is made in
---@field address? string|string[] "10.0.0.1/24", or a list
---@field peer_address? string|string[] the other end's address, or a list
---@field up? boolean set it up (of a veth both ends); false
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field peer_mac? string the other end's hardware address
---@field mtu? integer the largest packet, in bytes
---@field master? string|link the bridge that it becomes a port of
---@field nodad? boolean IPv6 addresses are usable at once, without asking whether somebody has them
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Makes a pair of Ethernet devices: what goes in at one end comes out at the other, in another namespace if wanted.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("left", "right", { address = "10.0.0.1/24", up = true })
---   assert(pair.name == "left")
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See link_add, address_add, route_add, veth(4).
---@param name string this end, 1 to 15 bytes
---@param peer string the other end
---@param options? veth.options
---@return link # link; closing it deletes both ends
function veth(name, peer, options) end
sys.veth = veth

---@class bridge.options
---@field ports? (string|link)[] devices that become its ports
---@field address? string|string[] "10.0.0.1/24", or a list
---@field up? boolean set it up (of a veth both ends); false
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field mtu? integer the largest packet, in bytes
---@field nodad? boolean IPv6 addresses are usable at once, without asking whether somebody has them
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Makes a switch, and makes devices its ports.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("left", "right")
---   local switch <close> = bridge("br0", { ports = { pair }, address = "10.0.0.1/24", up = true })
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See veth, link_set, ip-link(8).
---@param name string 1 to 15 bytes
---@param options? bridge.options
---@return link # link
function bridge(name, options) end
sys.bridge = bridge

---@class link_add.options
---@field type "veth"|"bridge"|"dummy"|"macvlan"|"ipvlan"|"vlan"|"vxlan" the kind of device
---@field parent? string|link the device below: of macvlan, ipvlan, vlan, and of vxlan if wanted
---@field id? integer vlan: 1 to 4094; vxlan: 24 bits
---@field mode? "bridge"|"private"|"vepa"|"passthru"|"l2"|"l3"|"l3s" macvlan: bridge, private, vepa, passthru; ipvlan: l2, l3, l3s
---@field peer? string veth: the other end's name
---@field peer_ns? integer|string|process|netns|namespace|pin the network namespace that the other end is made in
---@field peer_mac? string the other end's hardware address
---@field peer_address? string|string[] the other end's address, or a list
---@field remote? string vxlan: the other tunnel end's address, or a multicast group
---@field local_address? string vxlan: this tunnel end's address
---@field port? integer vxlan: the UDP port; 4789
---@field address? string|string[] "10.0.0.1/24", or a list
---@field up? boolean set it up (of a veth both ends); false
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field mtu? integer the largest packet, in bytes
---@field master? string|link the bridge that it becomes a port of
---@field nodad? boolean IPv6 addresses are usable at once, without asking whether somebody has them
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Makes a network device of any kind.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("left", "right")
---   local mac <close> = link_add("mac0", { type = "macvlan", parent = "left", mode = "bridge" })
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See veth, bridge, link_delete, ip-link(8).
---@param name string 1 to 15 bytes
---@param options link_add.options
---@return link # link; closing it deletes the device
function link_add(name, options) end
sys.link_add = link_add

---@class link_set.changes
---@field up? boolean up, or with false down
---@field name? string a new name
---@field to? integer|string|process|netns|namespace|pin the network namespace that it moves to
---@field master? boolean|string|link the bridge that it becomes a port of; false takes it out
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field mtu? integer the largest packet, in bytes
---@field alias? string a text for people, at most 255 bytes
---@field txqlen? integer the length of the transmit queue, in packets
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Changes a network device: up or down, name, namespace, master, addresses of the hardware, sizes.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("left", "right")
---   link_set("left", { name = "eth0", mtu = 1400, mac = "02:00:00:00:00:01" })
---   link_set("eth0", { up = true })
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See link:set, links, ip-link(8).
---@param link string|link the device
---@param changes link_set.changes
function link_set(link, changes) end
sys.link_set = link_set

---@class link.set.changes
---@field up? boolean up, or with false down
---@field name? string a new name
---@field to? integer|string|process|netns|namespace|pin the network namespace that it moves to
---@field master? boolean|string|link the bridge that it becomes a port of; false takes it out
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field mtu? integer the largest packet, in bytes
---@field alias? string a text for people, at most 255 bytes
---@field txqlen? integer the length of the transmit queue, in packets
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Changes the device of the handle, as link_set does.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("left", "right")
---   pair:set { name = "eth0", up = true }
---   assert(pair.name == "eth0")
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See link_set.
---@param changes link.set.changes
function link:set(changes) end

---@class link_delete.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Deletes a network device; a veth's other end goes with it.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   veth("left", "right"):keep()
---   link_delete("left")
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See link_add, handle:close.
---@param link string|link the device
---@param options? link_delete.options
function link_delete(link, options) end
sys.link_delete = link_delete

---@class links.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

--- Lists the network devices of a namespace.
---
--- ```lua
--- for _, link in ipairs(links()) do
---   print(link.index, link.name, link.mac)
--- end
--- ```
---
--- See addresses, routes.
---@param options? links.options
---@return table[] # list of { name, index, kind, mac, mtu, up, state, master, link, alias, txqlen }; a device below that is elsewhere is a number
function links(options) end
sys.links = links

---@class address_add.options
---@field nodad? boolean an IPv6 address is usable at once, without asking whether somebody has it
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Gives a network device an address; the route to its network comes with it.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   loopback_up()
---   address_add("lo", "10.0.0.2/24")
---   address_add("lo", "fd00::2/64", { nodad = true })
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See address_del, addresses, route_add, ip-address(8).
---@param link string|link the device
---@param address string "10.0.0.2/24" or "fd00::2/64"
---@param options? address_add.options
function address_add(link, address, options) end
sys.address_add = address_add

---@class address_del.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Takes an address from a network device.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   address_add("lo", "10.0.0.2/24")
---   address_del("lo", "10.0.0.2/24")
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See address_add.
---@param link string|link the device
---@param address string as it was added
---@param options? address_del.options
function address_del(link, address, options) end
sys.address_del = address_del

---@class addresses.options
---@field link? string|link only this device's
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

--- Lists the addresses of a namespace's devices.
---
--- ```lua
--- for _, row in ipairs(addresses()) do
---   print(row.link, row.address)
--- end
--- ```
---
--- See links, routes.
---@param options? addresses.options
---@return table[] # list of { link, address = "10.0.0.2/24", peer, scope, flags }
function addresses(options) end
sys.addresses = addresses

---@class route_add.options
---@field via? string the next router
---@field dev? string|link the device that packets leave by
---@field metric? integer of two routes to the same place the one with the smaller metric wins
---@field src? string the source address of packets that have none yet
---@field table? integer the table's number; 254, which is main
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Adds a route.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   local pair <close> = veth("eth0", "other", { address = "10.0.0.2/24", up = true })
---   route_add("default", { via = "10.0.0.1" })
---   route_add("10.9.0.0/16", { dev = "eth0", metric = 50 })
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See route_del, routes, ip-route(8).
---@param to string "default" ("::/0" for IPv6), a network such as "10.0.0.0/24", or one address
---@param options route_add.options
function route_add(to, options) end
sys.route_add = route_add

---@class route_del.options
---@field via? string the next router
---@field dev? string|link the device that packets leave by
---@field metric? integer of two routes to the same place the one with the smaller metric wins
---@field src? string the source address of packets that have none yet
---@field table? integer the table's number; 254, which is main
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Removes the first route that fits what is given.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   loopback_up()
---   route_add("10.9.0.0/16", { dev = "lo" })
---   route_del("10.9.0.0/16")
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See route_add, routes.
---@param to string "default" ("::/0" for IPv6), a network such as "10.0.0.0/24", or one address
---@param options? route_del.options
function route_del(to, options) end
sys.route_del = route_del

---@class routes.options
---@field table? integer the table's number, 0 for all; 254, which is main
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

--- Lists a namespace's routes.
---
--- ```lua
--- for _, route in ipairs(routes()) do
---   print(route.to, route.via, route.dev)
--- end
--- ```
---
--- See route_add, addresses.
---@param options? routes.options
---@return table[] # list of { to = "default" | network, via, dev, metric, src, table, protocol, scope, kind, family }
function routes(options) end
sys.routes = routes

---@class loopback_up.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Sets lo up: 127.0.0.1 and ::1 answer from then on. A new network namespace has it down.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   loopback_up()
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See netdevice(7).
---@param options? loopback_up.options
function loopback_up(options) end
sys.loopback_up = loopback_up

--- Makes a network namespace with a name; it lives without a process until it is closed.
---
--- ```lua
--- local blue <close> = netns_add("crun-lua-example")
--- loopback_up { ns = blue }
--- assert(links({ ns = "crun-lua-example" })[1].up)
--- ```
---
--- See netns_open, netns_list, veth, ip-netns(8).
---@param name string the file's name in /run/netns
---@return any # netns; closing it removes the name
function netns_add(name) end
sys.netns_add = netns_add

--- Answers the handle of a named network namespace that exists; closing it leaves the name.
---
--- ```lua
--- netns_add("crun-lua-example"):keep()
--- local blue = netns_open("crun-lua-example")
--- loopback_up { ns = blue }
--- netns_delete("crun-lua-example", { host = true })
--- ```
---
--- See netns_add.
---@param name string the file's name in /run/netns
---@return any # netns
function netns_open(name) end
sys.netns_open = netns_open

---@class netns_delete.options
---@field host? boolean mean the host's own namespace

--- Removes the name; the namespace goes with the last process or device that is in it.
---
--- ```lua
--- netns_add("crun-lua-example"):keep()
--- netns_delete("crun-lua-example", { host = true })
--- ```
---
--- See netns_add.
---@param name string the file's name in /run/netns
---@param options? netns_delete.options
function netns_delete(name, options) end
sys.netns_delete = netns_delete

--- Lists the names of network namespaces.
---
--- ```lua
--- for _, name in ipairs(netns_list()) do
---   print(name)
--- end
--- ```
---
--- See netns_add.
---@return table[] # list of names, sorted
function netns_list() end
sys.netns_list = netns_list

---@class netem.settings
---@field delay? string|number how long each packet is held back; at most an hour
---@field jitter? string|number by how much the delay varies, to both sides
---@field loss? string how many packets are lost: "5%", "0.1%"
---@field duplicate? string how many go out twice
---@field reorder? string how many go out at once, before those that the delay holds back
---@field corrupt? string in how many a bit is wrong
---@field rate? integer|string bits in a second: a number, or "1M", "1Mbit" (1,000,000), "1Mi" (1,048,576)
---@field limit? integer how many packets may wait; 1000

---@class netem.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Delays, loses, duplicates, reorders, corrupts or slows down what leaves by a network device. Without settings the device is as before.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "net" } }, function()
---   loopback_up()
---   netem("lo", { delay = "20ms", jitter = "5ms", loss = "1%", rate = "10M" })
---   netem("lo")
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See link_set, veth, tc-netem(8).
---@param link string|link the device
---@param settings? netem.settings all of them: a call replaces what an earlier one has set
---@param options? netem.options
function netem(link, settings, options) end
sys.netem = netem

---@class nft.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Applies a ruleset of nftables, whole or not at all.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "net" } }, function()
---   nft("add table ip lab")
---   nft { "add chain ip lab input { type filter hook input priority 0; }", "add rule ip lab input counter" }
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See nat, nft_list, nft(8), libnftables-json(5).
---@param ruleset string|any[] text, a list of lines, or a list of commands in nft's JSON schema as Lua tables ({} is null)
---@param options? nft.options
function nft(ruleset, options) end
sys.nft = nft

---@class nft_list.options
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

--- Answers the ruleset of a namespace, as nft writes it.
---
--- ```lua
--- local box <close> = spawn({ unshare = { "net" } }, function()
---   nft("add table ip lab")
---   assert(nft_list():find("table ip lab"))
--- end)
--- assert(box:wait().code == 0)
--- ```
---
--- See nft.
---@param options? nft_list.options
---@return string # string
function nft_list(options) end
sys.nft_list = nft_list

---@class nat.options.publish
---@field proto? "tcp"|"udp" the protocol; tcp
---@field host integer the port that is published
---@field to string "10.88.0.2:80" or "[fd00::2]:80": where it leads

---@class nat.options
---@field source string the network whose packets leave under the router's own address: "10.88.0.0/24"
---@field out? string only those that leave by this device
---@field publish? nat.options.publish[] ports of the router that lead into the network
---@field table? string the table's name; made from the network
---@field forward? boolean switch forwarding on (the sysctl stays when the table goes); true
---@field ns? integer|string|process|netns|namespace|pin the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
---@field host? boolean mean the host's own namespace

--- Makes this namespace the router of a network: packets leave under its own address, published ports lead in.
---
--- ```lua
--- local router <close> = spawn({ unshare = { "net" } }, function()
---   local table <close> = nat { source = "10.88.0.0/24", publish = { { host = 8080, to = "10.88.0.2:80" } } }
---   assert(nft_list():find("masquerade"))
--- end)
--- assert(router:wait().code == 0)
--- ```
---
--- See nft, veth, route_add.
---@param options nat.options
---@return any # nft_table; closing it deletes the table
function nat(options) end
sys.nat = nat

---@class sethostname.options
---@field host? boolean mean the host's own namespace

--- Sets the name that uname(2) answers in this uts namespace.
---
--- ```lua
--- unshare { "user", "uts" }
--- sethostname("box")
--- assert(sysctl_get("kernel.hostname") == "box")
--- ```
---
--- See setdomainname, uts_namespaces(7).
---@param name string at most 64 bytes
---@param options? sethostname.options
function sethostname(name, options) end
sys.sethostname = sethostname

---@class setdomainname.options
---@field host? boolean mean the host's own namespace

--- Sets the NIS domain name of this uts namespace.
---
--- ```lua
--- unshare { "user", "uts" }
--- setdomainname("lab")
--- assert(sysctl_get("kernel.domainname") == "lab")
--- ```
---
--- See sethostname, uts_namespaces(7).
---@param name string at most 64 bytes
---@param options? setdomainname.options
function setdomainname(name, options) end
sys.setdomainname = setdomainname

---@class sysctl.options
---@field host? boolean mean the host's own namespace

--- Sets a kernel parameter that belongs to a namespace; the others are the host's and are refused.
---
--- ```lua
--- unshare { "net" }
--- sysctl("net.ipv4.ip_forward", 1)
--- assert(sysctl_get("net.ipv4.ip_forward") == "1")
--- ```
---
--- See sysctl_get, proc_sys(5).
---@param name string `net.ipv4.ip_forward`; with slashes instead of dots where a part has a dot
---@param value integer|string what is written
---@param options? sysctl.options
function sysctl(name, value, options) end
sys.sysctl = sysctl

--- Reads a kernel parameter; nil where the kernel has none of that name.
---
--- ```lua
--- assert(#sysctl_get("kernel.ostype") > 0)
--- assert(sysctl_get("kernel.no_such") == nil)
--- ```
---
--- See sysctl.
---@param name string `kernel.hostname`
---@return string? # string or nil
function sysctl_get(name) end
sys.sysctl_get = sysctl_get

--- Whether a descriptor is a terminal.
---
--- ```lua
--- assert(not is_tty(pipe().read))
--- ```
---
--- See pty, isatty(3).
---@param terminal? fd|pty|integer an fd, a pty, or 0, 1, 2; standard input
---@return boolean # boolean
function is_tty(terminal) end
sys.is_tty = is_tty

--- Reads a terminal's size in characters.
---
--- ```lua
--- local p <close> = pty { rows = 24, columns = 80 }
--- assert(window_size(p).columns == 80)
--- ```
---
--- See set_window_size, TIOCGWINSZ(2const).
---@param terminal? fd|pty|integer standard input
---@return table # { rows, columns }
function window_size(terminal) end
sys.window_size = window_size

---@class set_window_size.size
---@field rows integer lines of text
---@field columns integer characters in a line

--- Sets a terminal's size; its foreground group gets SIGWINCH.
---
--- ```lua
--- local p <close> = pty()
--- set_window_size(p, { rows = 50, columns = 132 })
--- assert(window_size(p.slave).rows == 50)
--- ```
---
--- See window_size, TIOCSWINSZ(2const).
---@param terminal fd|pty|integer an fd, a pty, or 0, 1, 2
---@param size set_window_size.size { rows = 24, columns = 80 }
function set_window_size(terminal, size) end
sys.set_window_size = set_window_size

--- Puts a terminal into raw mode until the handle is closed: every byte passes, no key is a signal.
---
--- ```lua
--- local p <close> = pty()
--- local raw <close> = raw_mode(p.slave)
--- ```
---
--- See pty:relay, cfmakeraw(3).
---@param terminal? fd|pty|integer standard input
---@return any # raw_mode
function raw_mode(terminal) end
sys.raw_mode = raw_mode

--- Makes a terminal the caller's own: a new session, its controlling terminal, and 0, 1 and 2.
---
--- ```lua
--- local p <close> = pty()
--- local child <close> = fork(function()
---   terminal_attach(p)
---   exec { "test", "-t", "0" }
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See pty, setsid, TIOCSCTTY(2const).
---@param terminal fd|pty|integer a pty means its slave
function terminal_attach(terminal) end
sys.terminal_attach = terminal_attach

--- Gives up the controlling terminal: what runs from here on cannot type on it. Its keys still signal the process's group. A session's leader ends the session's programs by it (SIGHUP).
---
--- ```lua
--- local p <close> = pty()
--- local child <close> = fork(function()
---   terminal_attach(p)
---   local inner <close> = spawn(function()
---     terminal_detach(0)
---     assert(not try(open, "/dev/tty"))
---   end)
---   assert(inner:wait().code == 0)
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See terminal_attach, setsid, TIOCNOTTY(2const).
---@param terminal fd|pty|integer what open("/dev/tty") answers, or another descriptor of it
function terminal_detach(terminal) end
sys.terminal_detach = terminal_detach

---@class tcsetpgrp.options
---@field terminal? fd|pty|integer the session's terminal; standard input

--- Hands the terminal to a process's group, or takes it back for the caller's: who may read it and whom its keys signal. Never stops the caller.
---
--- ```lua
--- local p <close> = pty()
--- local child <close> = fork(function()
---   terminal_attach(p)
---   tcsetpgrp()
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See setpgid, tcgetpgrp, tcsetpgrp(3).
---@param process? process|integer without it the caller
---@param options? tcsetpgrp.options
function tcsetpgrp(process, options) end
sys.tcsetpgrp = tcsetpgrp

--- Reads which group has the terminal.
---
--- ```lua
--- local p <close> = pty()
--- assert(tcgetpgrp(p) ~= nil)
--- ```
---
--- See tcsetpgrp, tcgetpgrp(3).
---@param terminal? fd|pty|integer standard input
---@return any # the group's number
function tcgetpgrp(terminal) end
sys.tcgetpgrp = tcgetpgrp

---@class pty.options
---@field ptmx? fd|string the multiplexer: "/dev/ptmx", the file `ptmx` of another devpts mount, or an open one, which becomes the master
---@field rows? integer the window's height
---@field columns? integer the window's width

--- Makes a pseudo-terminal. The slave comes from the master itself, never from a path.
---
--- ```lua
--- local p <close> = pty()
--- assert(is_tty(p.slave))
--- ```
---
--- See terminal_attach, pty:relay, pty(7).
---@param options? pty.options
---@return pty # pty, with the fields master, slave (fds), index and path
function pty(options) end
sys.pty = pty

---@class pty.relay.options
---@field process? process its end is the relay's end; without it the end is when no process has the slave open
---@field input? fd|pty|integer where keys come from; standard input
---@field output? fd|pty|integer where output goes to; standard output
---@field forward? string[] signals that go on to the process when they come meanwhile, instead of ending the script
---@field raw? boolean put an input that is a terminal into raw mode meanwhile; true

--- Joins the user's terminal to the pty until the program has ended; window sizes are passed on.
---
--- ```lua
--- local p <close> = pty()
--- local child <close> = fork(function()
---   terminal_attach(p)
---   exec { "echo", "hello" }
--- end)
--- local out = pipe()
--- p:relay { process = child, output = out.write }
--- out.write:close()
--- assert(out.read:read() == "hello\r\n")
--- child:wait()
--- ```
---
--- See pty, raw_mode.
---@param options? pty.relay.options
function pty:relay(options) end

---@class proc_status.options
---@field root? string a directory laid out like /proc, which is the default
---@field fields? string[] only these: most of the time goes into the lists of names

--- Reads the state, ids, memory, signals and capabilities of a process.
---
--- ```lua
--- local status = proc_status()
--- assert(#status.name > 0 and status.uid.effective >= 0)
--- print(status.vm_rss, status.cap_eff, #status.cap_eff_names)
--- ```
---
--- See proc_stat, proc_pid_status(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_status.options where to read, and what
---@return table? # table of the kernel's fields in snake case (memory in kB, masks as text with a list `…_names` beside them), or nil
function proc_status(pid, options) end
sys.proc_status = proc_status

---@class proc_stat.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads the name, parent, session, times and memory of a process.
---
--- ```lua
--- local stat = proc_stat()
--- assert(stat.pid > 0 and stat.num_threads == 1)
--- ```
---
--- See proc_status, proc_pid_stat(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_stat.options where to read
---@return table? # table with the field names of proc_pid_stat(5) (times in clock ticks), or nil
function proc_stat(pid, options) end
sys.proc_stat = proc_stat

---@class proc_ns.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads which namespaces a process is in, by inode number: equal numbers are the same namespace.
---
--- ```lua
--- local mine, parents = proc_ns(), proc_ns(proc_stat().ppid)
--- print(mine.mnt, parents.mnt)
--- ```
---
--- See unshare, namespaces(7).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_ns.options where to read
---@return table? # table such as { mnt = 4026531832 }, or nil
function proc_ns(pid, options) end
sys.proc_ns = proc_ns

---@class mountinfo.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads the mounts that a process sees; escapes are undone.
---
--- ```lua
--- for _, mount in ipairs(mountinfo()) do
---   if mount.mount_point == "/proc" then
---     assert(mount.fs_type == "proc")
---   end
--- end
--- ```
---
--- See mount, proc_pid_mountinfo(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? mountinfo.options where to read
---@return table[]? # list of { mount_id, parent_id, major, minor, root, mount_point, mount_options, shared, master, propagate_from, unbindable, fs_type, source, super_options }, or nil
function mountinfo(pid, options) end
sys.mountinfo = mountinfo

---@class proc_limits.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads the resource limits of a process.
---
--- ```lua
--- local nofile = proc_limits().nofile
--- print(nofile.soft, nofile.hard)
--- ```
---
--- See rlimit, proc_pid_limits(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_limits.options where to read
---@return table? # table from setrlimit(2)'s names to { soft, hard, units }, "unlimited" for no limit; or nil
function proc_limits(pid, options) end
sys.proc_limits = proc_limits

---@class uid_map.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads how the user ids of a process's user namespace map to those of the caller's.
---
--- ```lua
--- for _, range in ipairs(uid_map()) do
---   print(range.inside, range.outside, range.count)
--- end
--- ```
---
--- See gid_map, user_namespaces(7).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? uid_map.options where to read
---@return table[]? # list of { inside, outside, count }, or nil
function uid_map(pid, options) end
sys.uid_map = uid_map

---@class gid_map.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads how the group ids of a process's user namespace map to those of the caller's.
---
--- ```lua
--- assert(#gid_map() == #uid_map())
--- ```
---
--- See uid_map, user_namespaces(7).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? gid_map.options where to read
---@return table[]? # list of { inside, outside, count }, or nil
function gid_map(pid, options) end
sys.gid_map = gid_map

---@class proc_cgroup.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads the cgroup of a process in each hierarchy; version 2 has the number 0 and no controllers.
---
--- ```lua
--- for _, group in ipairs(proc_cgroup()) do
---   print(group.hierarchy_id, table.concat(group.controllers, ","), group.path)
--- end
--- ```
---
--- See cgroups(7).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_cgroup.options where to read
---@return table[]? # list of { hierarchy_id, controllers, path }, or nil
function proc_cgroup(pid, options) end
sys.proc_cgroup = proc_cgroup

---@class proc_fds.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads the open descriptors of a process and what they refer to.
---
--- ```lua
--- for _, open in ipairs(proc_fds()) do
---   print(open.fd, open.target, open.cloexec)
--- end
--- ```
---
--- See proc_pid_fd(5), proc_pid_fdinfo(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_fds.options where to read
---@return table[]? # list of { fd, target, pos, flags, cloexec, mnt_id, ino } by number, or nil
function proc_fds(pid, options) end
sys.proc_fds = proc_fds

---@class proc_children.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads which children a process has.
---
--- ```lua
--- local child <close> = spawn(function() return 0 end)
--- print(#proc_children())
--- ```
---
--- See pids, proc_tid_children(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param options? proc_children.options where to read
---@return table[]? # list of process ids, or nil
function proc_children(pid, options) end
sys.proc_children = proc_children

---@class proc_net.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads a table of the network namespace that a process is in.
---
--- ```lua
--- for _, device in ipairs(proc_net("dev")) do
---   print(device.interface, device.rx_bytes)
--- end
--- ```
---
--- See proc_pid_net(5).
---@param pid? integer|process a process; the calling one where it is left out
---@param table "tcp"|"tcp6"|"udp"|"udp6"|"unix"|"dev"|"route" which table
---@param options? proc_net.options where to read
---@return table[]? # list of rows with the kernel's column names (addresses as text, states as words), or nil
function proc_net(pid, table, options) end
sys.proc_net = proc_net

---@class pids.options
---@field root? string a directory laid out like /proc, which is the default

--- Reads which processes there are in the pid namespace that /proc was mounted for.
---
--- ```lua
--- assert(#pids() > 0)
--- ```
---
--- See proc_children, proc(5).
---@param options? pids.options where to read
---@return table[] # list of process ids, in order
function pids(options) end
sys.pids = pids

---@class json_decode.options
---@field limit? string|integer a longer text is refused; "16M"

--- Reads a JSON text; whole numbers stay integers, a field that is null is left out, a null in a list and a key given twice are refused.
---
--- ```lua
--- local spec = json_decode('{ "args": ["/bin/sh"], "env": [], "pids": 64, "user": null }')
--- assert(spec.args[1] == "/bin/sh" and spec.pids == 64 and spec.user == nil)
--- assert(json_encode(spec) == '{"args":["/bin/sh"],"env":[],"pids":64}')
--- ```
---
--- See json_encode, json_array.
---@param text string UTF-8, one value
---@param options? json_decode.options
---@return any # the value; a number from 2^63 on as a float, lists marked as by `json_array`
function json_decode(text, options) end
sys.json_decode = json_decode

---@class json_encode.options
---@field pretty? boolean one field a line, indented by two spaces, a line feed at the end

--- Writes a value as JSON with sorted keys; what JSON has no word for is refused, with its path.
---
--- ```lua
--- assert(json_encode({ name = "box", env = json_array {} }) == '{"env":[],"name":"box"}')
--- ```
---
--- See json_decode, json_array.
---@param value any a table of plain values, or one of these
---@param options? json_encode.options
---@return string # string
function json_encode(value, options) end
sys.json_encode = json_encode

--- Marks a table as a list, so that it is written as `[]` also while it is empty.
---
--- ```lua
--- local env = json_array {}
--- assert(json_encode(env) == "[]" and json_encode({}) == "{}")
--- ```
---
--- See json_encode.
---@param list any a table without a metatable; it is marked itself
---@return any # the same table
function json_array(list) end
sys.json_array = json_array

---@class budget.limits
---@field time? string|number processor time of this process; no limit without it
---@field memory? string|integer what Lua may allocate on top of what it has; no limit but the machine's without it
---@field instructions? integer of the Lua machine, counted in steps of 10000; a coroutine costs one step
---@field only? string[] primitives that it may call, and no others: names; `process:*` for the methods of a kind of handle, `*:*` for all

--- Calls a function that may use only so much time and memory, and only some primitives; more than that ends it.
---
--- ```lua
--- assert(budget({ time = "100ms", memory = "16M" }, function() return 6 * 7 end) == 42)
--- ```
---
--- See rlimit, clock.
---@param limits budget.limits
---@param body fun(...): any called without arguments
---@return any # the first value that the function answers
function budget(limits, body) end
sys.budget = budget

--- Removes what the handle stands for; the second time it does nothing.
---
--- ```lua
--- local child <close> = spawn(function() return 0 end)
--- child:close()
--- child:close()
--- ```
---
--- See handle:keep.
function handle:close() end

--- Gives up what the handle stands for: it stays when the script ends. Answers the handle.
---
--- ```lua
--- local child = spawn(function() return 0 end)
--- child:wait()
--- child:keep()
--- ```
---
--- See handle:close.
---@return handle # handle
function handle:keep() end

--- Calls a function when the handle closes: at the latest when the script ends, well or not.
---
--- ```lua
--- local order = {}
--- do
---   local first <close> = defer(function() table.insert(order, "first") end)
---   local last <close> = defer(function() table.insert(order, "last") end)
--- end
--- assert(table.concat(order, " ") == "last first")
--- ```
---
--- See handle:close, handle:keep.
---@param call fun(...): any called once, in this process only; after `keep` never
---@return handle # handle
function defer(call) end
sys.defer = defer

--- Tells what a handle is, without asking the kernel.
---
--- ```lua
--- local child <close> = spawn(function() return 0 end)
--- local info = handle_info(child)
--- assert(info.kind == "process" and not info.closed)
--- assert(handle_info("text") == nil)
--- ```
---
--- See handle:close, function_info.
---@param value any a handle; anything else is answered with nil
---@return table? # { kind, name, fields, closed, kept }: its methods are those of its kind; or nil
function handle_info(value) end
sys.handle_info = handle_info

--- Tells where a function was written.
---
--- ```lua
--- local function twice(number)
---   return 2 * number
--- end
--- local info = function_info(twice)
--- assert(info.line == 1 and info.last_line == 3 and info.params == 1)
--- ```
---
--- See handle_info.
---@param body fun(...): any any function
---@return table # { file, line, last_line, params, vararg }; without file where it is no Lua
function function_info(body) end
sys.function_info = function_info

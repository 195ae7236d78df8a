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

--- Calls a function: its results, or nil and the error object.
---@param body function
---@param ... any
---@return any result
---@return error_object? error
function try(body, ...) end

--- The script's arguments; 0 is the script itself.
---@type table<integer, string>
arg = {}

--- What every handle can do. It closes with `<close>`, and at the latest when the script ends.
---@class handle
---@field closed boolean
---@field [string] any

--- Every primitive, by name.
---@class sys
sys = {}

---@class fd : handle
local fd = {}

---@class file : handle
local file = {}

---@class handle
local handle = {}

---@class link : handle
local link = {}

---@class mount : handle
local mount = {}

---@class namespace : handle
local namespace = {}

---@class process : handle
local process = {}

---@class rootfs : handle
local rootfs = {}

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
---@field cgroup? integer|string|namespace|process 
---@field ipc? integer|string|namespace|process 
---@field mnt? integer|string|namespace|process 
---@field net? integer|string|namespace|process 
---@field pid? integer|string|namespace|process 
---@field time? integer|string|namespace|process 
---@field user? integer|string|namespace|process 
---@field uts? integer|string|namespace|process 

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
---@field die_with_parent? boolean the kernel kills the child when this process ends; forgotten when the child changes its ids
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

--- Waits until the child has called exec, or has ended; an error in the child is raised here.
---
--- ```lua
--- local child <close> = spawn(function() exec { "true" } end)
--- child:started()
--- ```
---
--- See process:wait.
function process:started() end

---@class exec.command: { [integer]: string }
---@field env? table<string, string> the whole environment; without it the caller's is passed on
---@field cwd? string the working directory; it must lie inside of this process's root
---@field argv0? string what the program sees as its own name
---@field preserve_fds? fd[]|integer descriptors for the program, at the numbers from 3 on, counted in LISTEN_FDS; a number means so many that the caller left open

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
---@param bytes string
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
---@field env? table<string, string> the whole environment; without it the caller's is passed on
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

--- Reads the five sets of this process or of another, and their masks as /proc shows them.
---
--- ```lua
--- local sets = caps_get()
--- assert(#sets.masks.effective == 16)
--- assert(#caps_get(1).bounding > 0)
--- ```
---
--- See caps_decode, proc_pid_status(5).
---@param pid? integer this process without it
---@return table # { bounding, permitted, effective, inheritable, ambient, masks }: lists of names, and hexadecimal text by set
function caps_get(pid) end
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
---@param capabilities string[]
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
---@field data? string|table<string, string|integer|boolean> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
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
---@field data? string|table<string, string|integer|boolean> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
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

--- Opens a file in the root.
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
---@return file # file
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

---@class file.read.options
---@field limit? string|integer EFBIG where the file is longer; "16M"

--- Reads on from where the file stands.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   root:write("/x", "abc")
---   local file <close> = root:open("/x")
---   assert(file:read { limit = 2 } == "ab")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param options? file.read.options
---@return string # string
function file:read(options) end

--- Writes a text where the file stands.
---
--- ```lua
--- local child <close> = spawn({ unshare = { "mnt", "ipc" } }, function()
---   local root <close> = rootfs_new { size = "1M" }
---   local file <close> = root:open("/x", { write = true, create = true })
---   file:write("abc")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- See rootfs_open, openat2(2).
---@param text string all of it
function file:write(text) end

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
---@field data? string|table<string, string|integer|boolean> the file system's own options: "size=64M,mode=0755", or a table
---@field lower? string[] overlay: the read-only directories, the uppermost first
---@field upper? string overlay: the directory that takes the changes
---@field work? string overlay: an empty directory beside upper, for the kernel
---@field sync? boolean writes wait for the device
---@field dirsync? boolean writes to directories wait for the device
---@field lazytime? boolean times are kept in memory for a while
---@field type? string the file system: "tmpfs", "proc", "sysfs", "devpts", "mqueue", "overlay" …
---@field bind? boolean shows the source at the target; see rootfs:bind
---@field recursive? boolean with bind: also what is mounted below (default true)

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
---@field recursive? boolean also what is mounted below, with the same attributes (default true)
---@field id_map? integer|string|namespace|process owners are seen through this user namespace

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
---@param source file|string a path of the host, or an open file
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
---@field data? string|table<string, string|integer|boolean> options of proc: "hidepid=2,subset=pid"
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
--- See ld.so(8), elf(5), rootfs.
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

--- Makes a directory that only this user can enter, and removes it with all in it when the handle closes.
---
--- ```lua
--- local dir <close> = temp_dir()
--- assert(stat(dir.path).mode == 448)
--- ```
---
--- See rootfs_open.
---@return any # directory
function temp_dir() end
sys.temp_dir = temp_dir

---@class veth.options
---@field peer_ns? integer|string|process|netns|namespace the network namespace that the other end is made in
---@field address? string|string[] "10.0.0.1/24", or a list
---@field peer_address? string|string[] the other end's address, or a list
---@field up? boolean set it up (of a veth both ends); false
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field peer_mac? string the other end's hardware address
---@field mtu? integer the largest packet, in bytes
---@field master? string|link the bridge that it becomes a port of
---@field nodad? boolean IPv6 addresses are usable at once, without asking whether somebody has them
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field peer_ns? integer|string|process|netns|namespace the network namespace that the other end is made in
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

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
---@field to? integer|string|process|netns|namespace the network namespace that it moves to
---@field master? boolean|string|link the bridge that it becomes a port of; false takes it out
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field mtu? integer the largest packet, in bytes
---@field alias? string a text for people, at most 255 bytes
---@field txqlen? integer the length of the transmit queue, in packets
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field to? integer|string|process|netns|namespace the network namespace that it moves to
---@field master? boolean|string|link the bridge that it becomes a port of; false takes it out
---@field mac? string the hardware address, "02:00:00:00:00:01"; the kernel chooses
---@field mtu? integer the largest packet, in bytes
---@field alias? string a text for people, at most 255 bytes
---@field txqlen? integer the length of the transmit queue, in packets
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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

---@class nft.options
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own

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
---@field ns? integer|string|process|netns|namespace the network namespace: a process, a pid, a name as `ip netns` has it, or a path; the caller's own
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

---@class proc_status.options
---@field root? string a directory laid out like /proc, which is the default

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
---@param options? proc_status.options where to read
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

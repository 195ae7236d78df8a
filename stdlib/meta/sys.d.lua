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

---@class handle
local handle = {}

---@class process : handle
local process = {}

---@class unshare.options
---@field propagation? "private"|"slave"|"shared"|"unchanged" with "mnt": how mounts travel between the new namespace and the old, for / and all below; "private"

--- Moves the calling process into new namespaces; "pid" and "time" take effect for its children.
---
--- ```lua
--- unshare { "mnt", "uts" }
--- sethostname("box")
--- ```
---
--- See spawn, setns, namespaces(7), user_namespaces(7).
---@param kinds ("cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts")[] the kinds of namespaces
---@param options? unshare.options
function unshare(kinds, options) end
sys.unshare = unshare

---@class spawn.options
---@field unshare? ("cgroup"|"ipc"|"mnt"|"net"|"pid"|"time"|"user"|"uts")[] namespaces that the child gets of its own
---@field parent? fun(...): any called in the parent with the process before the child's function starts

--- Starts a child in new namespaces and runs a Lua function in it, until it ends or calls exec.
---
--- ```lua
--- local child <close> = spawn(function() return 7 end)
--- assert(child:wait().code == 7)
--- ```
---
--- See exec, process:wait, clone(2), namespaces(7).
---@param options? spawn.options
---@param body fun(...): any runs in the child; a number that it returns is the exit status
---@return process # process
function spawn(options, body) end
sys.spawn = spawn

---@class exec.command: { [integer]: string }
---@field env? table<string, string> the whole environment; without it the caller's is passed on
---@field cwd? string the working directory

--- Replaces the process by a program; Lua ends here. Never a shell string: a list of arguments.
---
--- ```lua
--- local child <close> = spawn(function() exec { "true" } end)
--- assert(child:wait().code == 0)
--- ```
---
--- See spawn, execve(2).
---@param command exec.command the program, searched in PATH, and its arguments
function exec(command) end
sys.exec = exec

---@class process.wait.options
---@field timeout? string|number how long to wait; nil is answered when it is over

--- Waits until the process has ended; an error in the child before its exec is raised here.
---
--- ```lua
--- local child <close> = spawn(function() return 3 end)
--- assert(child:wait().code == 3)
--- ```
---
--- See spawn, pidfd_open(2).
---@param options? process.wait.options
---@return table? # { code, signal }: 128+n and the signal's name where a signal ended it; nil after a timeout
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

--- Makes a directory.
---
--- ```lua
--- local path = "/tmp/crun-lua-example-mkdir"
--- mkdir(path, { mode = "0700" })
--- os.remove(path)
--- ```
---
--- See mkdir(2).
---@param path string the new directory
---@param options? mkdir.options
function mkdir(path, options) end
sys.mkdir = mkdir

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

---@meta supervise
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class supervise.Options: supervise.Answering
---@field filter? table more for the filter, as `seccomp` takes it: `errno`, `kill`, `rules` …
---@field spawn? table as `spawn` takes it: namespaces, streams, a cgroup
---@field setup? fun() runs in the child before the filter: mounts, users, capabilities
---@field before? fun(req: supervise.Request) is shown the calls of the start itself, up to the command's execve; what it does not answer is allowed
local supervise_Options = {}

--- Which functions answer, and how they are held to it.
---@class supervise.Answering
---@field notify table<string, fun(req: supervise.Request)> by call, by group (`@mount`), or `"*"` for every call that the filter does not settle
---@field time? string|number processor time of one answer (default `"1s"`)
---@field failure? string|integer what a function's failure answers (default `"EPERM"`)
---@field on_error? fun(err: any, req: supervise.Request) told of failures; else standard error
local supervise_Answering = {}

--- A call that somebody under the filter has made, and that waits for its answer.
---@class supervise.Request
---@field pid integer the thread that made the call
---@field name string the call
---@field args table its arguments by place and by name, as `supervise.calls` lists them
---@field raw integer[] the six registers
---@field bare any the `seccomp_request` behind it, made when it is first asked for
---@field answered? string how it is answered, once it is
local supervise_Request = {}

--- Lets the kernel make the call.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { uname = function(req) req:allow() end }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).answered > 0)
--- ```
function supervise_Request:allow() end

--- The call is not made and fails.
---@param name string|integer `"EPERM"`
function supervise_Request:errno(name) end

--- The call is not made and has this result.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { mkdir = function(req) req:value(0) end }
--- local code = "import os; os.mkdir('/nowhere/at/all')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).code == 0)
--- ```
---@param value integer
function supervise_Request:value(value) end

--- The call's result is a copy of this descriptor, which the caller gets.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   memfd_create = function(req)
---     local p = pipe()
---     p.write:write("from outside")
---     req:fd(p.read, { cloexec = true })
---   end,
--- }
--- local code = "import os; exit(os.read(os.memfd_create('x'), 12) != b'from outside')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).code == 0)
--- ```
---@param fd any an `fd`
---@param how? { number: integer?, cloexec: boolean? }
function supervise_Request:fd(fd, how) end

--- Holds back the answer that follows; without one the call is allowed then. Others are served
--- meanwhile.
---@param time string|number
---@return supervise.Request # self
function supervise_Request:delay(time) end

--- Whether the caller still waits.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   uname = function(req)
---     assert(req:waits())
---     req:errno("EIO")
---     assert(not req:waits())
---   end,
--- }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).code == 1)
--- ```
---@return boolean
function supervise_Request:waits() end

--- Copies memory of the caller.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   mkdir = function(req)
---     assert(req:read(req.raw[1], 8) == "/nowhere")
---     req:value(0)
---   end,
--- }
--- local code = "import os; os.mkdir('/nowhere/at/all')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).failures == 0)
--- ```
---@param address integer
---@param length integer|string
---@return string
function supervise_Request:read(address, length) end

--- Writes into memory of the caller.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   getcwd = function(req)
---     req:write(req.raw[1], "/moon\0")
---     req:value(6)
---   end,
--- }
--- local code = "import os; exit(os.getcwd() != '/moon')"
--- assert(supervise.run({ notify = notify }, { "python3", "-c", code }).code == 0)
--- ```
---@param address integer
---@param bytes string
function supervise_Request:write(address, bytes) end

--- A copy of a descriptor of the caller's.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = {
---   uname = function(req)
---     local output <close> = req:take_fd(1)
---     assert(output.number > 2)
---     req:allow()
---   end,
--- }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).failures == 0)
--- ```
---@param number integer
---@return any # fd
function supervise_Request:take_fd(number) end

--- What answers the calls of one filter: those of a command and of all that it starts.
---@class supervise.Session
---@field process? any the command's process; none where another program has started it
---@field state? table what a runtime has said of the process: see `supervise.listen`
---@field listener any its filter's listener
---@field answered integer how many calls have been answered
---@field failures integer how many functions have failed
local supervise_Session = {}

--- Answers until no process is left under the filter, or until something else has happened.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { uname = function(req) req:errno("EIO") end }
--- local session <close> = supervise.start({ notify = notify }, { "uname", "-r" })
--- session:serve()
--- assert(session.process:wait().code == 1)
--- ```
---@param others? any[] descriptors and listeners that are watched as well
---@return integer? # place of the one of them that can be read; nil at the end
function supervise_Session:serve(others) end

--- Lets go: calls that wait fail with `EPERM`, later ones with `ENOSYS`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = { pause = function(req) req:delay("1h") end }
--- local code = "import signal; signal.pause()"
--- local session = supervise.start({ notify = notify }, { "python3", "-c", code })
--- session:close()
--- assert(session.process.closed)
--- ```
function supervise_Session:close() end

--- What the profile notifies and `notify` does not name is refused.
---@class supervise.AgentOptions: supervise.Answering
local supervise_AgentOptions = {}

--- A socket at which runtimes hand over the listeners of their containers.
---@class supervise.Agent
---@field path string the socket's file
local supervise_Agent = {}

--- Waits for the next process whose calls are to be answered.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local dir <close> = temp_dir()
--- local path = dir.path .. "/agent"
--- local agent <close> = supervise.listen(path, {
---   notify = { mkdir = function(req) req:errno("EROFS") end },
--- })
--- local child <close> = spawn(function()
---   local socket = socket_connect(path)
---   local listener = seccomp { default = "allow", notify = { "mkdir" } }
---   local state = { ociVersion = "1.2.0", fds = { "seccompFd" }, state = { id = "box" } }
---   socket:send(json_encode(state), { fds = { listener } })
---   listener:close()
---   socket:close()
---   local _, err = try(mkdir, "/tmp/crun-lua-example-agent")
---   assert(err.errno == "EROFS")
--- end)
--- local session <close> = agent:accept { timeout = "30s" }
--- assert(session.state.state.id == "box")
--- session:serve()
--- assert(child:wait().code == 0)
--- ```
---@param how? { timeout: string|number? } ETIMEDOUT is raised when nobody has come by then
---@return supervise.Session # session with `state`, what the runtime says of the process
function supervise_Agent:accept(how) end

--- Lets nobody connect any more; sessions go on.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local dir <close> = temp_dir()
--- local notify = { mkdir = function(req) req:errno("EROFS") end }
--- local agent = supervise.listen(dir.path .. "/agent", { notify = notify })
--- agent:close()
--- assert(not try(socket_connect, dir.path .. "/agent"))
--- ```
function supervise_Agent:close() end

---@class supervise.AuditOptions
---@field calls string[] calls and groups
---@field to string|fun(entry: table) a file to append to, or a function
local supervise_AuditOptions = {}

---@class supervise.Fault
---@field errno? string|integer the error; without it the call is only late, or allowed
---@field every? integer each such call of so many: 3 for the third, the sixth …
---@field at? integer|integer[] these calls, counted from 1
---@field chance? number how often, from 0 to 1
---@field seed? integer for `chance`: the same faults in each run
---@field match? fun(req: supervise.Request): boolean only such calls are counted
---@field delay? string|number how late
local supervise_Fault = {}

---@class supervise.Words
---@field sysname? string "Linux"
---@field nodename? string the host's name
---@field release? string the kernel's version
---@field version? string when it was built
---@field machine? string the architecture
---@field domainname? string the NIS domain
local supervise_Words = {}

---@class supervise.MountOptions
---@field below string[] directories of the container in which targets, and sources of bind mounts, may lie; the program must not be able to replace them themselves
---@field kinds? ("tmpfs"|"bind"|"proc"|"sysfs")[] what may be mounted (default the first two)
---@field size? string|integer how much a tmpfs may hold at most (default `"64M"`)
---@field on_mount? fun(target: string, kind: string, req: supervise.Request) told of each
local supervise_MountOptions = {}

---@class supervise.EgressOptions
---@field allow string[] `"192.0.2.1:443"`, `"10.0.0.0/8:8000-8100"`, `"[fd00::]/8:*"`, `"host:443"`
---@field timeout? string|number for one connection (default `"5s"`)
---@field on_refusal? fun(address: string, port: integer, req: supervise.Request) what was refused
local supervise_EgressOptions = {}

--- Lets functions answer the system calls of a command, and of all that it starts.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local result = supervise.run({
---   notify = {
---     mkdirat = function(req) req:errno("EROFS") end,
---     mkdir = function(req) req:errno("EROFS") end,
---   },
--- }, { "mkdir", "/tmp/supervised" })
--- assert(result.code == 1 and not try(stat, "/tmp/supervised"))
--- ```
---
--- The command runs under a seccomp filter; the functions run here, in the script, one at a time
--- (seccomp_unotify(2)). What goes wrong is never let through: a function that raises, answers
--- nothing or uses more than its processor time answers `EPERM`, and when the script is gone the
--- kernel answers `ENOSYS`. Ready-made functions: `supervise.audit`, `supervise.faults`,
--- `supervise.uname`, `supervise.egress`, `supervise.mounts`.
local M = {}

--- Starts a command, or a function, whose calls are answered by `session:serve()`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local session <close> = supervise.start({
---   notify = { mkdir = function(req) req:value(0) end },
--- }, { "python3", "-c", "import os; os.mkdir('/nowhere/at/all')" })
--- session:serve()
--- assert(session.process:wait().code == 0)
--- session:close()
--- ```
---@param given supervise.Options
---@param command? string[]|fun(): integer
---@return supervise.Session
function M.start(given, command) end

--- Runs a command and answers its calls, and those of all that it starts, until none is left.
---@param given supervise.Options
---@param command? string[]|fun(): integer
---@return { code: integer, signal: string?, answered: integer, failures: integer }
function M.run(given, command) end

--- Waits at a socket for containers whose calls are to be answered: see `supervise.listen`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local dir <close> = temp_dir()
--- local agent <close> = supervise.listen(dir.path .. "/agent", {
---   notify = { mkdir = function(req) req:errno("EROFS") end },
--- })
--- local _, err = try(agent.accept, agent, { timeout = "1ms" })
--- assert(err.errno == "ETIMEDOUT")
--- ```
---@param path string the socket's file: `linux.seccomp.listenerPath` of config.json
---@param given supervise.AgentOptions
---@return supervise.Agent
function M.listen(path, given) end

--- Functions that write every call down and allow it: see `supervise.audit`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local names = {}
--- local notify = supervise.audit {
---   calls = { "uname" },
---   to = function(entry) names[#names + 1] = entry.call end,
--- }
--- supervise.run({ notify = notify }, { "uname", "-r" })
--- assert(names[1] == "uname")
--- ```
---@param given supervise.AuditOptions
---@return table<string, fun(req: supervise.Request)>
function M.audit(given) end

--- Functions that let some calls fail or be late: see `supervise.faults`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = supervise.faults { uname = { every = 1, errno = "EIO" } }
--- assert(supervise.run({ notify = notify }, { "uname", "-r" }).code == 1)
--- ```
---@param faults table<string, supervise.Fault>
---@return table<string, fun(req: supervise.Request)>
function M.faults(faults) end

--- A function that answers uname(2) with other words: see `supervise.uname`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = supervise.uname { release = "3.10.0" }
--- local command = { "sh", "-c", 'test "$(uname -r)" = 3.10.0' }
--- assert(supervise.run({ notify = notify }, command).code == 0)
--- ```
---@param words supervise.Words
---@return table<string, fun(req: supervise.Request)>
function M.uname(words) end

--- Functions that mount for a container without the right to: see `supervise.mounts`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local notify = supervise.mounts { below = { "/mnt" }, kinds = { "tmpfs" }, size = "16M" }
--- assert(supervise.run({ notify = notify }, { "true" }).code == 0)
--- ```
---@param given supervise.MountOptions
---@return table<string, fun(req: supervise.Request)>
function M.mounts(given) end

--- Functions and a filter by which a program without a network reaches a few addresses: see
--- `supervise.egress`.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local egress = supervise.egress { allow = { "192.0.2.1:443" } }
--- local given = {
---   notify = egress.notify,
---   filter = egress.filter,
---   spawn = { unshare = { "net" } },
--- }
--- local command = { "python3", "-c", [[
--- import errno, socket
--- exit(socket.socket().connect_ex(("192.0.2.2", 443)) != errno.EACCES)
--- ]] }
--- assert(supervise.run(given, command).code == 0)
--- ```
---@param given supervise.EgressOptions
---@return { notify: table<string, fun(req: supervise.Request)>, filter: table }
function M.egress(given) end

--- Several sets of functions as one. Where two judge the same call, the first that answers decides.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local asked = 0
--- local count = { uname = function() asked = asked + 1 end }
--- local notify = supervise.all(count, supervise.uname { release = "3.10.0" })
--- supervise.run({ notify = notify }, { "uname", "-r" })
--- assert(asked == 1)
--- ```
---@param ... table<string, fun(req: supervise.Request)>
---@return table<string, fun(req: supervise.Request)>
function M.all(...) end

return M

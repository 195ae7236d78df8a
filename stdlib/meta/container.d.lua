---@meta container
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

--- What `container.new` takes.
---@class container.Options
---@field name? string letters, digits, "_.-"; made up where it is missing
---@field rootfs? string|rootfs.Source "host" (default), a path, or what a constructor of `rootfs` made
---@field command? string[] what runs, where `run` and `start` are not told
---@field env? table<string|integer, string> names to values; in the list part names that are taken from the caller
---@field user? string "uid", "uid:gid" or a name of the root's own /etc/passwd
---@field groups? integer[] supplementary groups
---@field workdir? string
---@field hostname? string the name, where it is missing
---@field domainname? string
---@field profile? string|table see `hardening.resolve`; "default"
---@field seccomp? table a change of the profile's `seccomp`: functions that answer calls are `{ notify = { mkdirat = function(req) … end } }`
---@field userns? boolean a user namespace also where root makes the container
---@field id_map? string|table with a user namespace: as for `spawn`
---@field readonly? boolean the root cannot be written
---@field volumes? (string|table)[] "SOURCE:TARGET[:ro]", or a table: source, target, readonly, create, …
---@field tmpfs? table<string, table|true> from a path to mount data: { ["/run"] = { size = "1M" } }
---@field devices? (string|table)[] "/dev/fuse", or { path, type, major, minor, mode, uid, gid }
---@field memory? string|integer how much memory: "64M"; this and the six below as for `cgroup_set`
---@field swap? string|integer
---@field cpu? string|table "50%" of one processor, or quota and period
---@field cpu_weight? integer
---@field cpuset? string "0-1"
---@field pids? integer|string how many processes, "max"
---@field io? table[]
---@field limits? table further limits of `cgroup_set`
---@field cgroup? boolean|string a control group also without limits; its name
---@field rlimits? table as for `rlimit`
---@field sysctls? table<string, string|integer> of the container's own namespaces
---@field network? string|table see `network.parse`; "none"
---@field share? string[] kinds of namespaces that it shares with the caller: "ipc", "uts", "pid"
---@field init? boolean a first process that forwards signals and collects orphans
---@field tty? boolean a terminal of its own
---@field stop_signal? string "term"
---@field stop_timeout? string|integer how long `stop` waits before it kills: "10s"
---@field restart? string|table "no", "always", "on-failure", "on-failure:3", "unless-stopped"
---@field health? table { command, interval, timeout, retries, start_period }
---@field oom_score? integer
---@field detach? boolean it outlives the script: a monitor of its own waits for it
---@field log? table { max_size = "10M", max_files = 3 } of a detached container's output
---@field labels? table<string, string>
---@field remove? boolean a detached container is forgotten when it has ended
local container_Options = {}

--- A container: what it is to be, and what it is.
---@class container.Box
---@field name string
---@field config table
---@field record? container.Record nil before it is made
local container_Box = {}

--- Makes the container: its name, root, network, limits and namespaces. Its program waits.
---@param command? string[]
---@param how? container.RunOptions
---@return container.Box # self
function container_Box:create(command, how) end

--- Starts the program and does not wait for it. A command may be given where `create` had none.
---@param command? string[]
---@param how? container.RunOptions
---@return container.Box # self
function container_Box:start(command, how) end

--- Waits until the program has ended; nil after a timeout.
---@param given? { timeout: any, forward: string[]? }
---@return container.Result?
function container_Box:wait(given) end

--- Runs the program to its end, in the foreground: signals to the script go on to it. The restart
--- policy holds.
---@param command? string[]
---@param how? container.RunOptions
---@return container.Result
function container_Box:run(command, how) end

--- What is known of the container now.
---@return container.Record
function container_Box:status() end

--- Ends the program: a signal, then after a while SIGKILL. One that does not run is fine.
---@param given? { signal: string?, timeout: any } without: as the container's options say
---@return container.Result?
function container_Box:stop(given) end

--- Runs another command in the container, to its end.
---@param command string[]
---@param how? table see `container.enter`
---@return container.Result
function container_Box:exec(command, how) end

--- Removes the container and what is written of it. A running one only by force.
---@param given? { force: boolean?, timeout: any }
function container_Box:delete(given) end

--- Stops the container and forgets it. Twice is fine; a detached container goes on.
---@param given? { timeout: any }
function container_Box:close(given) end

--- Stops every process of the container where it stands.
---@return container.Record
function container_Box:pause() end

--- Lets the processes of a paused container go on.
---@return container.Record
function container_Box:resume() end

--- Changes limits while the container runs.
---@param limits table as for `cgroup_set`
---@return container.Record?
function container_Box:update(limits) end

--- What the container uses, as `cgroup:stats` answers it.
---@return table
function container_Box:stats() end

--- How often limits were met, as `cgroup:events` answers it.
---@return table
function container_Box:events() end

--- The container's processes, by the host's numbers.
---@return integer[]
function container_Box:pids() end

--- Sends a signal to the first process.
---@param signal? string|integer "term"
function container_Box:kill(signal) end

--- What a detached container has written.
---
--- ```lua
--- local container = require "container"
---
--- local box = container.new { name = "logs-example", rootfs = "host", detach = true }
--- box:start { "echo", "hello" }
--- assert(container.get("logs-example"):wait().code == 0)
--- assert(box:logs()[1].text == "hello")
--- box:delete()
--- ```
---@param given? { tail: integer?, since: string?, stream: string?, follow: boolean?, each: any } tail: only the last lines; since: a time as the log has it; follow: goes on as long as it runs, and hands each row to `each`
---@return container.LogRow[]?
function container_Box:logs(given) end

---@class container.Record
---@field name string
---@field status "created"|"running"|"paused"|"restarting"|"stopped"|"damaged"
---@field pid? integer the first process, by the host's number; nil where it does not run
---@field starttime? integer when that process started, in ticks since boot: tells numbers apart
---@field owner { pid: integer, starttime: integer }
---@field created number seconds since 1970; so are started and finished
---@field started? number
---@field finished? number
---@field command? string[]
---@field rootfs string
---@field profile string
---@field namespaces string[] those that are its own
---@field cgroup? string the group's path, from the root of its hierarchies
---@field network? table
---@field health? "starting"|"healthy"|"unhealthy"
---@field exit? { code: integer, signal: string?, oom: boolean? }
---@field restarts integer
---@field labels? table<string, string>
local container_Record = {}

---@class container.RunOptions
---@field capture? boolean answers `stdout` and `stderr` instead of passing them on
---@field stdin? any text with `capture`; else as for `spawn`
---@field stdout? any as for `spawn`
---@field stderr? any as for `spawn`
---@field timeout? string|number the container is killed when it is over, and `timed_out` is set
---@field max? any with `capture`: how much output is kept
---@field forward? string[] with `run`: the signals that go on to the program
---@field session? boolean a session of its own, so that a terminal's signals do not reach it
local container_RunOptions = {}

--- How a container ended.
---@class container.Result
---@field code integer the program's status, 128 + N where the signal N ended it
---@field signal? string
---@field oom? boolean the kernel killed for want of memory
---@field stdout? string with `capture`; and stderr
---@field rusage? table
local container_Result = {}

---@class container.LogRow
---@field time string
---@field stream "stdout"|"stderr"
---@field text string
---@field partial? boolean the rest of the line follows
local container_LogRow = {}

--- Containers that are watched, and end, together.
---@class container.Group
local container_Group = {}

--- Starts a container, and the group watches it.
---@param box container.Box one of `container.new`, not started
---@param command? string[]
---@param how? { output: any, stdin: any } output: "inherit" (default), "null", "prefix" (each line with the name before it), "capture" (in the result), "events" (an event a line), or a function that is given line, stream and container
---@return container.Box # box
function container_Group:start(box, command, how) end

--- Waits for the next event; nil after the timeout, or when all have ended.
---@param given? { timeout: any }
---@return container.Event?
function container_Group:next(given) end

--- Walks over events until all have ended, or the time is over.
---@param given? { timeout: any } for all of them together
---@return fun(): container.Event?
function container_Group:events(given) end

--- Waits for the first container that ends for good.
---@param given? { timeout: any }
---@return container.Box? # box nil after the timeout, or where none is left
---@return container.Result? # result
function container_Group:wait_any(given) end

--- Waits until all have ended.
---@param given? { timeout: any }
---@return table<string, container.Result>? # results by name; nil where the time was over first
function container_Group:wait_all(given) end

--- Ends all containers, the last one that was started first; each gets its time.
---@param given? { timeout: any }
function container_Group:stop(given) end

--- Stops and removes all. Twice is fine.
function container_Group:close() end

--- What happens to a container of a group.
---@class container.Event
---@field kind "output"|"exit"|"oom"|"health"|"restart"
---@field box container.Box
---@field result? container.Result of an exit
---@field error? any why it could not be started
---@field restarting? boolean the restart policy starts it again
---@field stream? string of output: "stdout" or "stderr"
---@field line? string of output
---@field health? string
local container_Event = {}

--- Containers: made, run, entered, limited, watched, stopped and removed, by the script that made
--- them or by any other process of the same user.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { name = "hello", rootfs = "host" }
--- local result = box:run { "/bin/true" }
--- assert(result.code == 0)
--- ```
---
--- A container belongs to its owner: the script, or with `detach` a monitor that stays behind. It
--- dies with its owner, whatever ends that one, and what is left then `crun-lua gc` removes.
local M = {}

--- A container that is not made yet: nothing but the options is checked.
---@param given? container.Options
---@return container.Box
function M.new(given) end

--- Makes a container and all its namespaces; it waits for `start`.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.create { name = "create-example", command = { "/bin/true" } }
--- assert(box:status().status == "created")
--- box:start()
--- assert(box:wait().code == 0)
--- ```
---@param given? container.Options
---@return container.Box
function M.create(given) end

--- Runs a command in a new container and removes it.
---
--- ```lua
--- local container = require "container"
---
--- assert(container.run({ rootfs = "host" }, { "/bin/true" }).code == 0)
--- ```
---@param given? container.Options
---@param command? string[]
---@param how? container.RunOptions
---@return container.Result
function M.run(given, command, how) end

--- The container of a name, whoever has made it; nil where there is none.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.create { name = "get-example", command = { "/bin/true" } }
--- assert(container.get("get-example"):status().name == box.name)
--- assert(container.get("nobody") == nil)
--- ```
---@param name string
---@return container.Box?
function M.get(name) end

--- What is known of every container, by name.
---
--- ```lua
--- local container = require "container"
---
--- for _, record in ipairs(container.list()) do
---   print(record.name, record.status)
--- end
--- ```
---@return container.Record[]
function M.list() end

--- Several containers at once: see `container.group`.
---
--- ```lua
--- local container = require "container"
---
--- local group <close> = container.group()
--- group:start(container.new { name = "group-example" }, { "/bin/true" })
--- assert(group:wait_all()["group-example"].code == 0)
--- ```
---@param given? { stop_timeout: any }
---@return container.Group
function M.group(given) end

--- Removes what owners left that were killed; answers what it removed.
---
--- ```lua
--- local container = require "container"
---
--- for _, text in ipairs(container.gc()) do
---   print("removed", text)
--- end
--- ```
---@return string[]
function M.gc() end

return M

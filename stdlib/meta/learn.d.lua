---@meta learn
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

---@class learn.RecordOptions
---@field spawn? table as `spawn` takes it: namespaces, streams, a control group
---@field setup? fun() runs in the child before the recording
---@field rootfs? string a container with this root, as `container.new` takes it: "host", a path
---@field bisect? boolean find the capabilities by running the command without them
local learn_RecordOptions = {}

---@class learn.Profile
---@field format integer
---@field summary string
---@field commands string[] what was run
---@field runs integer
---@field caps_by "inference"|"bisection"|"none" how the capabilities were found
---@field caps string[]
---@field calls string[] calls that are allowed whatever their arguments
---@field arguments table<string, string[]> calls that are allowed with these arguments only
---@field start string[] calls that only the start of a program needs
---@field files { list: string[], ro: string[], rw: string[], exec: string[] }
---@field ports { bind: integer[], connect: integer[] } TCP
---@field scope ("abstract_unix_socket"|"signal")[] what it did not use of processes outside
---@field mounts { tmpfs: string[], volumes: string[] } what must be there to be written
---@field unseen string[] calls that answer ENOSYS, because nobody could see into them
local learn_Profile = {}

---@class learn.EnforceOptions
---@field spawn? table as `spawn` takes it: namespaces, streams, a control group
---@field setup? fun() runs in the child before rights are given up
---@field rootfs? string a container with this root, as `container.new` takes it: "host", a path
---@field on_refusal? fun(refusal: learn.Refusal) is told of each as it happens
local learn_EnforceOptions = {}

---@class learn.Refusal
---@field call string
---@field text string the call in strace's notation
---@field errno string what it was answered
---@field why string what the profile has not
---@field pid integer
---@field program string who made it
---@field count integer how often
local learn_Refusal = {}

--- Learns what a command needs, and holds it to that: system calls with the arguments that matter,
--- capabilities, files, ports.
---
--- ```lua
--- local learn = require "learn"
---
--- local profile = learn.record { "cat", "/etc/hostname" }
--- assert(learn.enforce(profile, { "cat", "/etc/hostname" }).code == 0)
---
--- -- The same program, and another file; or another program.
--- local quiet = { spawn = { stderr = "null" } }
--- local changed = learn.enforce(profile, { "cat", "/etc/shells" }, quiet)
--- assert(changed.code ~= 0 and changed.refused[1].why == "/etc/shells is not in files.ro")
--- assert(learn.enforce(profile, { "mkdir", "/tmp/learnt" }, quiet).refused[1])
--- ```
---
--- Every call of the command, and of all that it starts, is stopped and written down
--- (seccomp_unotify(2)); then it goes on. That works for an ordinary user as for root. What a run
--- did not do is not in its profile: `merge` joins several.
local M = {}

--- Runs a command and writes down what it does.
---
--- ```lua
--- local learn = require "learn"
---
--- local profile, result = learn.record { "sh", "-c", "echo $$ >/dev/null" }
--- assert(result.code == 0 and profile.files.exec[1] and profile.caps_by)
--- ```
---@param command string[]
---@param given? learn.RecordOptions
---@return learn.Profile # profile
---@return { code: integer, signal: string?, answered: integer } # result how it ended
function M.record(command, given) end

--- One profile that grants what any of some grants.
---
--- ```lua
--- local learn = require "learn"
---
--- local both = learn.merge { learn.record { "true" }, (learn.record { "cat", "/etc/hostname" }) }
--- assert(both.runs == 2)
--- ```
---@param list learn.Profile[]
---@return learn.Profile
function M.merge(list) end

--- Runs a command that may do what a profile says, and nothing else.
---
--- ```lua
--- local learn = require "learn"
---
--- local profile = learn.record { "true" }
--- assert(#learn.enforce(profile, { "true" }).refused == 0)
--- ```
---@param profile learn.Profile|string a profile, or its file
---@param command string[]
---@param given? learn.EnforceOptions
---@return { code: integer, signal: string?, refused: learn.Refusal[], landlock: boolean }
function M.enforce(profile, command, given) end

--- Writes a profile into a file of Lua, which `load` reads.
---
--- ```lua
--- local learn = require "learn"
---
--- local dir <close> = temp_dir()
--- learn.save(learn.record { "true" }, dir.path .. "/true.lua")
--- assert(learn.load(dir.path .. "/true.lua").runs == 1)
--- ```
---@param profile learn.Profile
---@param path string
function M.save(profile, path) end

--- Reads a profile's file. It is Lua in which no function can be called.
---
--- ```lua
--- local learn = require "learn"
---
--- local _, err = try(learn.load, "/no/such/profile.lua")
--- assert(err.message:find("no such file", 1, true))
--- ```
---@param path string
---@return learn.Profile
function M.load(path) end

--- The filter of a profile as `linux.seccomp` of an OCI configuration, for other runtimes.
---
--- ```lua
--- local learn = require "learn"
---
--- local filter = seccomp_load_json(learn.oci(learn.record { "true" }))
--- assert(filter:decide("mount").errno == "EPERM")
--- ```
---@param profile learn.Profile
---@return table
function M.oci(profile) end

--- The profile of a container: what `container.new { profile = "FILE.lua" }` makes of the file.
---
--- ```lua
--- local hardening = require "hardening"
--- local learn = require "learn"
---
--- local profile = hardening.resolve(learn.hardening(learn.record { "true" }))
--- assert(profile.name == "learnt" and profile.readonly_root)
--- ```
---@param profile learn.Profile
---@return table
function M.hardening(profile) end

return M

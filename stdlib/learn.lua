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
local options = require "options"
local profiles = require "learn.profile"

local M = {}

---@class learn.RecordOptions
---@field spawn? table as `spawn` takes it: namespaces, streams, a control group
---@field setup? fun() runs in the child before the recording
---@field rootfs? string a container with this root, as `container.new` takes it: "host", a path
---@field bisect? boolean find the capabilities by running the command without them

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
---@return learn.Profile profile
---@return { code: integer, signal: string?, answered: integer } result how it ended
function M.record(command, given)
  local op = "learn.record"
  options.expect(op, "command", command, "list")
  given = options.check(op, given, {
    spawn = "table",
    setup = "function",
    rootfs = "string",
    bisect = "boolean",
  })
  local place = require("learn.place").within(given)
  local seen = require("learn.recorder").new()
  local result = require("supervise").run({
    notify = {
      ["*"] = function(req)
        seen:note(req)
      end,
    },
    before = seen:starter(),
    filter = { flags = require("learn.flags")() },
    time = "10s",
    spawn = place.spawn,
    setup = place.setup,
  }, command)
  local made = profiles.from(seen, command)
  if #proc_status().cap_prm_names > 0 then
    made.caps_by = "inference"
    if given.bisect then
      made.caps, result.runs = require("learn.bisect").find(command, made.caps, place)
      made.caps_by = "bisection"
    end
  end
  return made, result
end

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
function M.merge(list)
  options.expect("learn.merge", "profiles", list, "list")
  return profiles.merge(list)
end

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
function M.enforce(profile, command, given)
  options.expect("learn.enforce", "command", command, "list")
  if type(profile) == "string" then
    profile = require("learn.file").load(profile)
  end
  return require("learn.enforce").run(profile, command, given)
end

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
function M.save(profile, path)
  require("learn.file").save(profile, path)
end

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
function M.load(path)
  options.expect("learn.load", "path", path, "string")
  return require("learn.file").load(path)
end

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
function M.oci(profile)
  return require("learn.grants").oci(profile)
end

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
function M.hardening(profile)
  return require("learn.grants").hardening(profile)
end

return M

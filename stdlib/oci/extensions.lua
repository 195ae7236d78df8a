--- Annotations that crun gives a meaning, and engines use: `run.oci.…` (crun(1), "Extensions to
--- OCI").
---
--- Loaded only where a configuration has one. Those that say what a field of the specification
--- says by now become that field, before the configuration is checked. What is not built here is
--- refused with the reason: a container that runs without what was asked for is worse than none.
--- Those of crun's that are not in this list are passed over, as the specification has it.
---
--- | `run.oci.` | |
--- |---|---|
--- | `seccomp.receiver=PATH` | `linux.seccomp.listenerPath` |
--- | `timens_offset=CLOCK SEC NSEC` | `linux.timeOffsets`, where a time namespace is new |
--- | `seccomp_fail_unknown_syscall` | a call that nobody knows is an error (`oci.process`) |
--- | `keep_original_groups` | the caller's groups stay (`oci.process`) |
--- | `mount_context_type` | the word before SELinux's label of mounts (`oci.rootfs`) |
--- | `pidfd_receiver=PATH` | as `--pidfd-socket` (`oci.create`) |
--- | `hooks.stdout=FILE`, `hooks.stderr=FILE` | where hooks write (`oci.hooks`) |
--- | `systemd.subgroup=` | empty: as it is here |
---
--- ```lua
--- local extensions = require "oci.extensions"
---
--- local spec = { linux = {}, annotations = { ["run.oci.timens_offset"] = "boottime 60 0" } }
--- extensions.apply(spec)
--- assert(spec.linux.timeOffsets.boottime.secs == 60)
--- ```
local options = require "options"

local M = {}

local PREFIX = "run.oci."

--- Why some are refused, and what to do instead.
local REFUSED = {
  handler = { "no other handler than the kernel is built in", "name the program to be run" },
  ["seccomp.plugins"] = {
    "shared objects are never loaded into the runtime",
    "have an agent listen at linux.seccomp.listenerPath",
  },
  seccomp_bpf_data = {
    "a filter is compiled from linux.seccomp, so that it can be read and checked",
    "write the profile into linux.seccomp",
  },
  ["systemd.force_cgroup_v1"] = {
    "a control group of v1 is not mounted for a container of v2",
    "bind-mount the host's own /sys/fs/cgroup/systemd",
  },
  ["delegate-cgroup"] = {
    "no control groups are made below the container's own",
    "mount cgroup2 writable, with a cgroup namespace: the container may make its own",
  },
}

local CONTEXTS = { context = true, fscontext = true, defcontext = true, rootcontext = true }

local function fail(name, message, hint)
  options.fail(("annotations[%q]"):format(PREFIX .. name), message, hint)
end

local function refuse(annotations)
  for name, why in pairs(REFUSED) do
    if annotations[PREFIX .. name] then
      fail(name, why[1], why[2])
    end
  end
  local group = annotations[PREFIX .. "systemd.subgroup"]
  if group and group ~= "" and group ~= "container" then
    -- "container" is crun's default, which no caller means by its name.
    fail("systemd.subgroup", "the container's group is the scope itself", "leave it empty")
  end
  local word = annotations[PREFIX .. "mount_context_type"]
  if word and not CONTEXTS[word] then
    fail("mount_context_type", ("%q is no option of SELinux's"):format(word), "as in context")
  end
  for _, name in ipairs { "hooks.stdout", "hooks.stderr", "pidfd_receiver", "seccomp.receiver" } do
    local path = annotations[PREFIX .. name]
    if path and not path:find("^/") then
      fail(name, ("expected an absolute path, got %q"):format(path))
    end
  end
end

--- Offsets as /proc/PID/timens_offsets takes them, a line or a `;` each.
local function offsets(text)
  local found = {}
  for part in text:gmatch "[^\n;]+" do
    local clock_name, seconds, nanoseconds = part:match "^%s*(%l+)%s+(-?%d+)%s+(%d+)%s*$"
    if clock_name ~= "monotonic" and clock_name ~= "boottime" then
      fail("timens_offset", ("expected monotonic or boottime, SEC and NSEC, got %q"):format(part))
    end
    found[clock_name] = {
      secs = math.tointeger(tonumber(seconds)),
      nanosecs = math.tointeger(tonumber(nanoseconds)),
    }
  end
  return found
end

--- Makes fields of the annotations that are fields by now. What is said twice is said by the field.
---@param spec table config.json, before it is checked
function M.apply(spec)
  local annotations = {}
  for name, text in pairs(spec.annotations) do
    annotations[name] = type(text) == "string" and text or nil
  end
  refuse(annotations)
  local linux = type(spec.linux) == "table" and spec.linux or {}
  local receiver = annotations[PREFIX .. "seccomp.receiver"]
  if receiver and type(linux.seccomp) == "table" then
    linux.seccomp.listenerPath = linux.seccomp.listenerPath or receiver
  end
  local text = annotations[PREFIX .. "timens_offset"]
  if text then
    linux.timeOffsets = linux.timeOffsets or offsets(text)
  end
end

return M

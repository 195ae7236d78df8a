--- What the calls of a plan would make of each process that starts a program: facts in the words of
--- `inspect`, for the audit.
---
--- A plan is not asked what it means: its calls are read one after the other, and each protection
--- counts from the call on that makes it. So nothing counts that the plan does not show; what it
--- cannot show, such as the calls that a filter lets through, stays unknown.
---
--- ```lua
--- local plan = require "audit.plan"
---
--- local facts = plan.processes({
---   { ["in"] = "", call = "clone3({flags=CLONE_PIDFD|CLONE_NEWPID, exit_signal=SIGCHLD})" },
---   { ["in"] = "child 1", call = "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)" },
---   { ["in"] = "child 1", call = 'execve("/bin/true", ["true"], /* 1 vars */)' },
--- })[1]
--- assert(facts.label == "/bin/true" and facts.security.no_new_privs)
--- assert(facts.namespaces.pid.shared == false and facts.namespaces.net.shared)
--- ```
local options = require "options"
local part = require "inspect.part"

local M = {}

local FLAGS = {
  CLONE_NEWCGROUP = "cgroup",
  CLONE_NEWIPC = "ipc",
  CLONE_NEWNS = "mnt",
  CLONE_NEWNET = "net",
  CLONE_NEWPID = "pid",
  CLONE_NEWTIME = "time",
  CLONE_NEWUSER = "user",
  CLONE_NEWUTS = "uts",
}

--- What the program itself starts with: its own rights, in the host's namespaces.
local function origin()
  local spaces = {}
  for _, kind in pairs(FLAGS) do
    spaces[kind] = { shared = true }
  end
  local status = proc_status()
  local sets = {}
  for name, field in pairs { effective = "cap_eff", permitted = "cap_prm", bounding = "cap_bnd" } do
    sets[name] = { names = status[field .. "_names"] or {} }
  end
  sets.inheritable, sets.ambient = { names = {} }, { names = {} }
  return {
    namespaces = spaces,
    security = {
      user = { uid = { effective = status.uid.effective }, groups = status.groups },
      capabilities = sets,
      seccomp = { mode = "disabled" },
      no_new_privs = status.no_new_privs == 1,
      lsm = part.known(part.read(lsm_status)),
    },
    limits = {},
    groups = {},
    mounts = {},
    landlock = false,
  }
end

--- The names that a mask stands for, as a plan writes it, of those that were there.
local function masked(text, there)
  if text == "0" then
    return {}
  elseif text == "ALL" then
    return there
  end
  local named, invert = {}, text:find("^~") ~= nil
  for name in text:gmatch("CAP_([%u%d_]+)") do
    named[name:lower()] = true
  end
  local kept = {}
  for _, name in ipairs(there) do
    kept[#kept + 1] = (named[name] or false) ~= invert and name or nil
  end
  return kept
end

local function without(there, gone)
  local set, kept = {}, {}
  for _, name in ipairs(gone) do
    set[name] = true
  end
  for _, name in ipairs(there) do
    kept[#kept + 1] = not set[name] and name or nil
  end
  return kept
end

local function unshare(state, text)
  for flag, kind in pairs(FLAGS) do
    if text:find(flag .. "%f[^%w_]") then
      state.namespaces[kind] = { shared = false }
      if kind == "user" then
        -- Root of it has every capability, for what belongs to it.
        local all = caps_decode "ffffffffffffffff"
        state.security.capabilities.bounding.names = all
        state.security.capabilities.permitted.names = all
        state.security.capabilities.effective.names = all
        state.security.user.uid.effective = 0
      elseif kind == "mnt" then
        state.mounts = { list = {} }
      end
    end
  end
end

-- By the call's beginning: what it changes.
local READERS = {
  {
    "^unshare%((.*)%)",
    function(state, flags)
      unshare(state, flags)
    end,
  },
  {
    "^setns%(.-, (CLONE_[%u|_]+)%)",
    function(state, flags)
      unshare(state, flags)
    end,
  },
  {
    "^prctl%(PR_CAPBSET_DROP, (.-)%)$",
    function(state, text)
      local sets = state.security.capabilities
      sets.bounding.names = without(sets.bounding.names, masked(text, sets.bounding.names))
    end,
  },
  {
    "^capset%(.-, {(.*)}%)",
    function(state, text)
      for set, mask in text:gmatch("(%a+)&?=([^,]+)") do
        local known = state.security.capabilities[set]
        known.names = masked(mask, known.names)
      end
    end,
  },
  {
    "^prctl%(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (.-), 0",
    function(state, text)
      local sets = state.security.capabilities
      sets.ambient.names = masked(text, caps_decode "ffffffffffffffff")
    end,
  },
  {
    "^prctl%(PR_SET_NO_NEW_PRIVS, 1",
    function(state)
      state.security.no_new_privs = true
    end,
  },
  {
    "^setresuid%((%d+)",
    function(state, uid)
      local user, sets = state.security.user, state.security.capabilities
      user.uid.effective = tonumber(uid)
      if tonumber(uid) ~= 0 then
        -- Unless it keeps them, which a later capset tells.
        sets.effective.names = {}
      end
    end,
  },
  {
    "^setgroups%(0, ",
    function(state)
      state.security.user.groups = {}
    end,
  },
  {
    "^seccomp%(SECCOMP_SET_MODE_FILTER",
    function(state)
      state.security.seccomp.mode = "filter"
    end,
  },
  {
    "^landlock_restrict_self%((.*)%)",
    function(state)
      state.landlock = "rules are in force"
    end,
  },
  {
    "^prlimit64%(0, RLIMIT_CORE, {rlim_cur=0, rlim_max=0}",
    function(state)
      state.limits.core = { soft = 0, hard = 0 }
    end,
  },
  {
    "^pivot_root%(",
    function(state)
      state.pivoted = true
    end,
  },
  {
    "^mount_setattr%(<[^/>]+>, .-attr_set=[^}]-MOUNT_ATTR_RDONLY",
    function(state)
      state.readonly = true
    end,
  },
  {
    '^write%(<([^>]*)/tasks>, "0"',
    function(state, dir)
      state.groups[#state.groups + 1] = dir
    end,
  },
  {
    '^write%(<([^>]*)/cgroup.procs>, "0"',
    function(state, dir)
      state.groups[#state.groups + 1] = dir
    end,
  },
}

local LIMITS = {
  ["memory.limit_in_bytes"] = "memory",
  ["memory.max"] = "memory",
  ["pids.max"] = "pids",
  ["cpu.cfs_quota_us"] = "cpu",
  ["cpu.max"] = "cpu",
}

--- The limits that a call writes, by the group's directory.
local function note_limits(limits, call)
  for dir, file, value in call:gmatch('write%(<([^>]*)/([%w_.]+)>, "([^"]*)"') do
    local kind = LIMITS[file]
    local number = kind and tonumber(value:match("^%d+"))
    if number and number > 0 then
      limits[dir] = limits[dir] or {}
      -- The period is 100 ms where nothing else was said.
      limits[dir][kind] = { limit = kind == "cpu" and number / 100000 or number, at = dir }
    end
  end
end

--- The facts of a process as they are when it starts a program.
local function facts_of(state, limits, label)
  local effective = {}
  for _, dir in ipairs(state.groups) do
    for kind, found in pairs(limits[dir] or {}) do
      effective[kind] = found
    end
  end
  local made = {
    label = label,
    namespaces = state.namespaces,
    contained = true,
    security = state.security,
    cgroup = { effective = effective, memberships = {} },
    limits = state.limits.core and state.limits or nil,
    landlock = state.landlock,
    ids = nil,
    silent = {
      calls = "a plan does not tell which calls a filter lets through; --run does",
      mounts = "a plan does not tell all of it; --run does",
    },
  }
  if state.security.seccomp.mode == "disabled" then
    made.calls = { reach = {}, open = 400, count = 400 }
  end
  return made
end

--- The facts of each process that starts a program, in the order of the plan.
---@param calls table[] rows of a trace: `{ in, call }`
---@return table[]
function M.processes(calls)
  local states, coming, limits, found = { [""] = origin() }, {}, {}, {}
  local function state_of(label)
    if not states[label] then
      local above = label:match("^(.*)/[^/]+$") or ""
      states[label] = options.copy(state_of(above))
      states[label].groups = options.copy(states[label].groups)
      if coming[above] then
        unshare(states[label], coming[above])
        local group = coming[above]:match("cgroup=<([^>]*)>")
        table.insert(states[label].groups, group)
      end
    end
    return states[label]
  end
  for _, row in ipairs(calls) do
    local label, call = row["in"] or "", row.call or ""
    local state = state_of(label)
    note_limits(limits, call)
    if call:find("^clone3?%(") then
      coming[label] = call
    elseif call:find("^execve") then
      local program = call:match('^execve%("([^"]*)"') or call:match('"([^"]*)"') or label
      found[#found + 1] = facts_of(state, limits, program)
    else
      for _, reader in ipairs(READERS) do
        local one = call:match(reader[1])
        if one then
          reader[2](state, one)
        end
      end
    end
  end
  return found
end

return M

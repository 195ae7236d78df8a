--- How a process gives its rights up, in the child, after the pivot and before exec.
---
--- Each step stands where it can still be made. Limits, the score and labels are
--- written through /proc, which after a change of user belongs to root, and which Landlock closes.
--- The bounding set needs CAP_SETPCAP and the ids need CAP_SETUID, so the other sets come after
--- them. Landlock and seccomp come last: they need no rights once no_new_privs is set, and each
--- would refuse what precedes it. Without no_new_privs they need CAP_SYS_ADMIN, and come first.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local prepared = hardening.prepare(hardening.resolve("strict"), { root = true })
--- local child <close> = spawn({ unshare = { "user", "mnt" } }, function()
---   -- Of this user namespace only uid 0 is mapped, so the user stays.
---   require("hardening.confine").confine(prepared, { user = "0:0" })
---   local status = proc_status()
---   assert(status.cap_bnd == ("0"):rep(16) and status.seccomp == 2)
--- end)
--- assert(child:wait().code == 0)
--- ```
local options = require "options"

local M = {}

local OP = "hardening.confine"

--- What is asked of this process before it gives its rights up.
local NEEDED = { "uid", "gid", "groups", "cap_prm_names", "cap_bnd_names" }

--- The names of the first list that are in the second as well.
local function common(wanted, there)
  local has, both = {}, {}
  for _, name in ipairs(there) do
    has[name] = true
  end
  for _, name in ipairs(wanted) do
    both[#both + 1] = has[name] and name or nil
  end
  return both
end

--- Limits as they can be had: who may not raise the hard limit gets what there is, which is less.
local function set_limits(wanted)
  local _, err = try(rlimit, wanted)
  if err and err.errno ~= "EPERM" then
    error(err, 0)
  elseif err then
    local now, made = rlimits(), {}
    for name, value in pairs(wanted) do
      local hard = now[name].hard
      local beyond = math.type(value) == "integer" and hard ~= "max" and value > hard
      made[name] = beyond and hard or value
    end
    rlimit(made)
  end
end

--- Who has become another user already does not own its /proc until its memory may be seen again.
local function set_oom_score(score)
  local _, err = try(oom_score, score)
  if err and err.errno == "EACCES" then
    dumpable(true)
    oom_score(score)
    dumpable(false)
  elseif err then
    error(err, 0)
  end
end

--- What can be written only while this process is still what it was.
local function limits_and_labels(profile, how)
  local wanted = {}
  for _, source in ipairs { profile.rlimits or {}, how.rlimits or {} } do
    for name, value in pairs(source) do
      wanted[name] = value
    end
  end
  if next(wanted) then
    set_limits(wanted)
  end
  local score = how.oom_score or profile.oom_score
  if score then
    set_oom_score(score)
  end
  if profile.apparmor then
    apparmor(profile.apparmor)
  end
  if profile.selinux then
    selinux(profile.selinux)
  end
end

--- Whether supplementary groups may be changed at all: not in the namespace of an ordinary user,
--- who could shed a group that takes rights away (user_namespaces(7)).
local function may_set_groups()
  return (read_file("/proc/self/setgroups") or "allow"):find("^allow") ~= nil
end

--- Whether the user that the profile names has no number in this user namespace. An ordinary user
--- whom /etc/subuid allots nothing has one id there: nobody's rights outside, and no other to take.
local function is_unmapped(prepared, uid)
  if not prepared.userns or not uid then
    return false
  end
  for _, range in ipairs(uid_map() or {}) do
    if uid >= range.inside and uid < range.inside + range.count then
      return false
    end
  end
  return true
end

--- Becomes the user, with no more calls than needed; answers the uid.
local function become(prepared, now, how, caps)
  local uid, gid = tostring(how.user or ""):match("^(%d+):(%d+)$")
  local same = not how.user
    or how.user == prepared.profile.user and is_unmapped(prepared, tonumber(uid))
    or tonumber(uid) == now.uid.effective and tonumber(gid) == now.gid.effective
  local groups = how.groups or (same or uid) and {} or nil
  if same then
    if (#now.groups > 0 or #(groups or {}) > 0) and may_set_groups() then
      setgroups(groups)
    end
    return now.uid.effective
  end
  if #caps > 0 and now.uid.effective == 0 then
    -- Else the change from uid 0 empties the permitted set; exec forgets this again.
    keep_caps()
  end
  local user = setuser(how.user, { groups = groups })
  if how.after_user then
    how.after_user()
  end
  return user.uid
end

--- The capability sets as the program will have them after its exec (capabilities(7)).
local function give_up(prepared, how, now)
  local caps = common(prepared.profile.caps, now.cap_prm_names)
  local bounding = common(prepared.profile.caps, now.cap_bnd_names)
  if #bounding < #now.cap_bnd_names then
    caps_set { bounding = bounding }
  end
  local uid = become(prepared, now, how, caps)
  if uid ~= 0 and not prepared.profile.user then
    -- A profile that names no user grants to root. Somebody else, whom an image or the caller has
    -- chosen, keeps none of it: with chown and dac_override every user would be root again.
    caps = {}
  end
  -- uid 0 gets the bounding set at exec. Inheritable would be one way more for files with
  -- capabilities to give some (CVE-2022-29162), so only another user has it, for the ambient set.
  local kept = uid ~= 0 and caps or {}
  caps_set {
    permitted = caps,
    effective = caps,
    inheritable = kept,
    ambient = #kept > 0 and kept or nil,
  }
end

--- What of the rules there is in this root. A writable place is never a link: the root's own
--- content could lead it elsewhere.
local function existing(rules)
  local made = {}
  for key, value in pairs(rules) do
    made[key] = value
  end
  for _, key in ipairs { "list", "ro", "rw", "exec" } do
    if rules[key] then
      made[key] = {}
      for _, path in ipairs(rules[key]) do
        local found = try(stat, path, { nofollow = key == "rw" })
        local fits = key ~= "list" or found and found.type == "directory"
        if found and found.type ~= "symlink" and fits then
          table.insert(made[key], path)
        end
      end
    end
  end
  return made
end

local function restrict(prepared)
  if not prepared.landlock then
    return
  end
  local status = landlock(existing(prepared.landlock))
  if prepared.required.landlock and status.enforced == "not" then
    options.fail(OP, "Landlock enforces nothing", "the profile requires it")
  end
end

local function filter(prepared, how)
  if how.before_seccomp then
    how.before_seccomp()
  end
  local notify = prepared.notify
  if notify then
    -- First, since the profile's own filter may refuse what this takes.
    seccomp(notify.filter, { no_new_privs = false, listener_to = how.answers })
  end
  if prepared.filter then
    seccomp(prepared.filter, { no_new_privs = false })
  end
end

--- Where the listener goes: to whoever the caller says, else to a process that is made here, while
--- this one still has the rights to look into whom it answers.
local function line(prepared, how)
  local notify = prepared.notify
  if not notify or #notify.names == 0 then
    return nil
  elseif how.answers then
    return how.answers
  end
  require("hardening.notify").demand(OP, prepared.profile.seccomp.notify)
  return require("supervise.inside").begin(notify.handlers)
end

--- Gives up every right that the profile does not grant. Last before exec, in the new root.
---@param prepared hardening.Prepared
---@param how? { user: string?, groups: any[]?, rlimits: table?, oom_score: integer?,
--- before_seccomp: function?, after_user: function?, root: boolean?, answers: any? } rlimits and
--- oom_score go before the profile's; after_user is called when the user has changed, which disarms
--- die_with_parent; answers: a socket to whoever answers the calls that the profile notifies (see
--- `supervise.desk`)
function M.confine(prepared, how)
  how = options.check(OP, how, {
    user = "string",
    groups = "list",
    before_seccomp = "function",
    after_user = "function",
    root = "boolean",
    rlimits = "table",
    oom_score = "integer",
    answers = "any",
  })
  local profile = prepared.profile
  local now = proc_status(nil, { fields = NEEDED })
  if not now then
    options.fail(OP, "/proc is not mounted in this root", "root:proc() before the pivot")
  end
  local known = {
    user = how.user or prepared.user,
    groups = how.groups,
    before_seccomp = how.before_seccomp,
    after_user = how.after_user or prepared.after_user,
    answers = line(prepared, how),
  }
  limits_and_labels(profile, how)
  if profile.no_new_privs then
    give_up(prepared, known, now)
    no_new_privs()
    restrict(prepared)
    filter(prepared, known)
  else
    restrict(prepared)
    filter(prepared, known)
    give_up(prepared, known, now)
  end
end

return M

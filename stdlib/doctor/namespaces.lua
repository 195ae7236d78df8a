--- Namespaces: each kind is made once, in a child; and what forbids them to ordinary users.
---
--- ```lua
--- local rows = {}
--- require "doctor.namespaces"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "user")
--- ```
local known = require "inspect.namespaces"
local probe = require "doctor.probe"

-- Without these a container is none.
local REQUIRED = { mnt = true, pid = true, uts = true, ipc = true }

--- Why user namespaces are refused, and what lifts it; nil where nothing is known to forbid them.
local function forbidden()
  if sysctl_get("user.max_user_namespaces") == "0" then
    return "user.max_user_namespaces is 0", "sysctl -w user.max_user_namespaces=15000"
  elseif sysctl_get("kernel.unprivileged_userns_clone") == "0" then
    return "kernel.unprivileged_userns_clone is 0", "sysctl -w kernel.unprivileged_userns_clone=1"
  elseif sysctl_get("kernel.apparmor_restrict_unprivileged_userns") == "1" then
    return "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns is 1)",
      "an AppArmor profile with 'userns,' for this program, or the sysctl set to 0"
  end
end

--- Makes a user namespace and uses it: AppArmor lets it be made, and takes the rights.
local function use()
  unshare { "user", "uts" }
  sethostname("probe")
end

local function user_rows(add)
  local ok, reason = probe.attempt({}, use)
  local why, remedy = forbidden()
  add {
    name = "user",
    ok = ok,
    required = not probe.is_root(),
    meaning = "root inside that is nobody outside; all that a user without rights can build on",
    reason = why or reason,
    remedy = remedy or "a seccomp filter or a container around this program may forbid it",
  }
  if probe.is_root() then
    ok, reason = probe.attempt({}, function()
      setuser("65534:65534", { groups = {} })
      -- Who changes its user is not dumpable, and its /proc/self belongs to root until it is.
      dumpable(true)
      use()
    end)
    add {
      name = "user, without root",
      ok = ok,
      meaning = "the same for ordinary users: rootless containers",
      reason = why or reason,
      remedy = remedy or "a seccomp filter or a container around this program may forbid it",
    }
  end
end

--- The line of /etc/subuid that gives this user ids.
local function has_range(path)
  local status = proc_status()
  local uid = status.uid.effective
  local me = try(user_lookup, tostring(uid))
  local name = me and me.name
  for line in (try(read_file, path) or ""):gmatch("[^\n]+") do
    local who = line:match("^([^:]+):%d+:%d+")
    if who and (who == tostring(uid) or who == name) then
      return true
    end
  end
  return false
end

--- Many ids in a user namespace: root maps them itself, others through two set-user-id programs.
local function id_rows(add)
  local ok, reason = probe.attempt({ unshare = { "user" }, id_map = "auto" }, function()
    assert((uid_map()[1] or {}).count)
    assert(#uid_map() > 1 or uid_map()[1].count > 1, "only one id is mapped")
  end)
  local remedy = "run it as root, or install newuidmap (package uidmap; shadow-utils)"
  if not probe.is_root() and probe.program("newuidmap") then
    local needs = not (has_range("/etc/subuid") and has_range("/etc/subgid"))
    reason = needs and "no range of ids in /etc/subuid and /etc/subgid" or reason
    remedy = "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER"
  elseif not probe.is_root() then
    reason = "the program newuidmap is not installed"
  end
  add {
    name = "ranges of ids",
    ok = ok,
    meaning = "images whose files belong to several users",
    reason = reason,
    remedy = remedy,
  }
end

---@param add fun(row: doctor.Row)
return function(add)
  user_rows(add)
  for _, kind in ipairs(known.KINDS) do
    if kind.kind ~= "user" then
      local ok, reason = probe.inside({ kind.kind }, function() end)
      add {
        name = kind.kind,
        ok = ok,
        required = REQUIRED[kind.kind],
        meaning = "own: " .. kind.holds,
        reason = reason,
        remedy = "root's rights, or user namespaces; a kernel that was built with it",
      }
    end
  end
  id_rows(add)
end

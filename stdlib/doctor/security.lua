--- What takes rights from containers, and which rights this program has itself.
---
--- ```lua
--- local rows = {}
--- require "doctor.security"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "seccomp")
--- ```
local probe = require "doctor.probe"

local function has(list, word)
  for _, item in ipairs(list) do
    if item == word then
      return true
    end
  end
  return false
end

local function filter_rows(add)
  local ok, reason = probe.attempt({}, function()
    seccomp { default = "allow", errno = { "swapon" } }
    assert(seccomp_status().mode == "filter")
  end)
  add {
    name = "seccomp",
    ok = ok,
    meaning = "filters of system calls",
    reason = reason,
    remedy = "a kernel with CONFIG_SECCOMP_FILTER",
  }
  ok, reason = probe.attempt({}, function()
    local _listener <close> = seccomp { default = "allow", notify = { "swapon" } }
  end)
  add {
    name = "seccomp notify",
    ok = ok,
    meaning = "a supervisor that answers system calls",
    reason = reason,
    remedy = "Linux 5.0, and no listener on this program's own filter",
  }
end

local function module_rows(add)
  local abi = landlock_abi()
  add {
    name = "Landlock",
    ok = abi > 0,
    found = ("version %d of its interface"):format(abi),
    meaning = abi >= 4 and "paths and TCP ports that a process may use" or "paths, no ports",
    reason = abi == 0 and "the kernel has it not, or it is not in lsm=" or nil,
    remedy = "Linux 5.13, landlock in the boot option lsm=",
  }
  local active = lsm_status().active
  local apparmor, selinux = has(active, "apparmor"), has(active, "selinux")
  add {
    name = "AppArmor or SELinux",
    ok = apparmor or selinux,
    found = apparmor and "AppArmor" or selinux and "SELinux" or nil,
    meaning = "labels that hold root too",
    reason = not (apparmor or selinux) and "active are: " .. table.concat(active, ", ") or nil,
    remedy = "boot with security=apparmor or security=selinux, and load its profiles or policy",
  }
end

--- Whether this program is itself held: then containers have at most what it has.
local function own_rows(add)
  local status, own = proc_status(), seccomp_status()
  local last = math.tointeger(tonumber(sysctl_get("kernel.cap_last_cap") or "0"))
  local missing = last + 1 - #status.cap_bnd_names
  add {
    name = "full bounding set",
    ok = missing <= 0,
    meaning = "capabilities that containers can be given",
    reason = missing > 0 and ("%d capabilities are taken from this program"):format(missing) or nil,
    remedy = "run it outside of a container, or give that container the capabilities",
  }
  local held = own.mode ~= "disabled" or own.no_new_privs
  local how = own.mode ~= "disabled" and "a filter of system calls is on it" or "no_new_privs is on"
  add {
    name = "not confined itself",
    ok = not held,
    meaning = "set-user-id helpers (newuidmap) work, and no call is refused",
    reason = held and how or nil,
    remedy = "run it outside of what confines it",
  }
end

---@param add fun(row: doctor.Row)
return function(add)
  filter_rows(add)
  module_rows(add)
  own_rows(add)
end

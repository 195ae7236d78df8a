--- Faults of rights: capabilities, filters, labels. Looked for in containers only.
---
--- ```lua
--- local rules = require "inspect.findings.security"
---
--- assert(rules[1].id == "full-capabilities")
--- ```

-- With one of these a process in the host's user namespace gets all others, or the machine.
local DANGEROUS = {
  "bpf",
  "dac_read_search",
  "mac_admin",
  "perfmon",
  "sys_admin",
  "sys_boot",
  "sys_module",
  "sys_ptrace",
  "sys_rawio",
  "sys_time",
}

local function rights(facts)
  return facts.contained and facts.security or nil
end

local function host_users(facts)
  return facts.namespaces.user ~= nil and facts.namespaces.user.shared == true
end

return {
  {
    id = "full-capabilities",
    level = "error",
    needs = { "security", "namespaces" },
    see = "capabilities(7)",
    why = "the bounding set is what any program inside can get back through a set-user-id file or "
      .. "file capabilities",
    remedy = "drop_caps { keep = { … } }, which takes the bounding set too; few are needed",
    find = function(facts)
      local found = rights(facts)
      if found and found.full_bounding then
        -- In a user namespace of its own they count for what belongs to that namespace only.
        local level = not host_users(facts) and "warning" or nil
        return { what = "its bounding set has every capability", level = level }
      end
    end,
  },
  {
    id = "dangerous-capabilities",
    level = "warning",
    needs = { "security", "namespaces" },
    see = "capabilities(7)",
    why = "each of them is enough to leave a container whose root is the host's root",
    remedy = "take them: drop_caps { keep = { … } }; or give it a user namespace",
    find = function(facts)
      local found = rights(facts)
      if not found or not host_users(facts) or found.full_bounding then
        return nil
      end
      local has, words = {}, {}
      for _, name in ipairs(found.capabilities.permitted.names) do
        has[name] = true
      end
      for _, name in ipairs(DANGEROUS) do
        words[#words + 1] = has[name] and name or nil
      end
      if #words > 0 then
        return "it has " .. table.concat(words, ", ")
      end
    end,
  },
  {
    id = "ambient-capabilities",
    level = "warning",
    needs = { "security" },
    see = "capabilities(7)",
    why = "every program that it starts inherits them, without being root",
    remedy = "caps_ambient { clear = true } unless a program that is not root needs just these",
    find = function(facts)
      local found = rights(facts)
      if found and #found.capabilities.ambient.names > 0 then
        return "its ambient set has " .. table.concat(found.capabilities.ambient.names, ", ")
      end
    end,
  },
  {
    id = "root-is-root",
    level = "note",
    needs = { "security", "namespaces" },
    see = "user_namespaces(7)",
    why = "where it reaches a file or a process of the host, it does so as root",
    remedy = 'setuser to another user, or unshare "user" with a map',
    find = function(facts)
      local found = rights(facts)
      local uid = found and found.user.uid
      if uid and uid.effective == 0 and host_users(facts) then
        return "it runs as the host's root"
      end
    end,
  },
  {
    id = "no-seccomp",
    level = "warning",
    needs = { "security" },
    see = "seccomp(2)",
    why = "every system call of the kernel is open to it, and so is every fault in one",
    remedy = 'seccomp { default = "errno", allow = { "@default" } }',
    find = function(facts)
      local found = rights(facts)
      if found and found.seccomp.mode == "disabled" then
        return "no filter of system calls"
      end
    end,
  },
  {
    id = "seccomp-strict",
    level = "warning",
    needs = { "security" },
    see = "seccomp(2)",
    why = "any call but read, write, _exit and sigreturn kills it with SIGKILL",
    remedy = "use a filter, which says for each call what happens",
    find = function(facts)
      local found = facts.security
      if found.seccomp.mode == "strict" then
        return "it is in seccomp's strict mode"
      end
    end,
  },
  {
    id = "no-new-privs-off",
    level = "warning",
    needs = { "security" },
    see = "prctl(2), PR_SET_NO_NEW_PRIVS",
    why = "a set-user-id program in the container gives it that file's rights",
    remedy = "no_new_privs() before exec; seccomp sets it by itself",
    find = function(facts)
      local found = rights(facts)
      if found and not found.no_new_privs then
        return "no_new_privs is off"
      end
    end,
  },
  {
    id = "unconfined",
    level = "warning",
    needs = { "security" },
    see = "apparmor(7)",
    why = "the security module that this machine has does not hold it",
    remedy = 'apparmor("PROFILE") before exec, with a profile that is loaded',
    find = function(facts)
      local found = rights(facts)
      local label = found and found.lsm and found.lsm.apparmor
      if label and label:find("^unconfined") then
        return "AppArmor is active and it is unconfined"
      end
    end,
  },
}

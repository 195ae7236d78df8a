--- Erratum: the seccomp profile of the course's third solution. It is written and never loaded;
--- loaded, it starts nothing.

local COURSE = [[
{
    "defaultAction": "SCMP_ACT_ERRNO",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
        {"names": ["read", "write", "exit", "exit_group"], "action": "SCMP_ACT_ALLOW"}
    ]
}
]]

-- What a hardened program has no business to call.
local FORBIDDEN =
  { "mount", "bpf", "kexec_load", "init_module", "unshare", "setns", "keyctl", "swapon" }

local function profile_of(t)
  local path = t.dir .. "/seccomp.json"
  local text = t:read(path)
  t:ok(text, "there is no profile yet", "ls -l " .. path)
  local filter, err = try(seccomp_load_json, text)
  if not filter then
    t:fail { what = "the profile cannot be read", found = err.message, see = "cat " .. path }
  end
  return filter, "cat " .. path
end

local function write_profile(t, names, default)
  write_file(
    t.dir .. "/seccomp.json",
    json_encode {
      defaultAction = default or "SCMP_ACT_ERRNO",
      syscalls = { { names = json_array(names), action = "SCMP_ACT_ALLOW" } },
    }
  )
end

return {
  id = "profile",
  title = "Four calls are enough, says the course",
  text = [[
Solution 3 of the course writes a seccomp profile, $dir/course.json here, that allows read, write,
exit and exit_group. Nothing loads it, so nobody has noticed. Write $dir/seccomp.json: under it
`true` can be started and ends well, and mount, bpf, kexec_load, init_module, unshare, setns,
keyctl and swapon are still refused.]],
  setup = function(t)
    write_file(t.dir .. "/course.json", COURSE)
    chmod(t.dir, "0777")
  end,
  observe = {
    "cat $dir/course.json",
    "strace -f -c true",
    "strace -f -e trace=execve,openat,mmap true",
  },
  action = function(t)
    write_profile(t, seccomp_groups "@default")
  end,
  checks = {
    {
      "the profile refuses what it does not name",
      function(t)
        local filter, see = profile_of(t)
        for _, name in ipairs(FORBIDDEN) do
          local said = filter:decide(name)
          t:ok(not said or said.action ~= "allow", ("the profile allows %s"):format(name), see)
        end
      end,
    },
    {
      "it lets a program be started",
      function(t)
        local filter, see = profile_of(t)
        t:eq(filter:decide("execve").action, "allow", "what the profile does to execve", see)
      end,
    },
    {
      "true runs under it",
      function(t)
        local filter, see = profile_of(t)
        local child <close> = spawn({ stdout = "null", stderr = "null" }, function()
          seccomp(filter)
          exec { "true" }
        end)
        local ended, err = try(child.wait, child)
        local found = ended and ended.code or err.message
        t:eq(found, 0, "the status of `true` under the profile", see)
      end,
    },
  },
  hints = {
    "A filter is loaded before the program is started. What is the first call after that?",
    "The dynamic loader opens, maps and protects memory before main begins: strace shows each "
      .. "call.",
    "Begin with what strace shows for `true`, or with the group @default, which seccomp_groups "
      .. "lists.",
  },
  decoys = {
    {
      "the course's profile",
      function(t)
        write_file(t.dir .. "/seccomp.json", COURSE)
      end,
      says = "what the profile does to execve",
      course = true,
    },
    {
      "the course's, and execve",
      function(t)
        write_profile(t, { "read", "write", "exit", "exit_group", "execve" })
      end,
      says = "the status of `true`",
    },
    {
      "everything is allowed",
      function(t)
        write_profile(t, { "read" }, "SCMP_ACT_ALLOW")
      end,
      says = "the profile allows mount",
    },
  },
  lesson = [[
A profile that nobody loads is a text file. One that is written by guessing is too tight to start
or too loose to matter: record what the program calls, then take away.]],
}

--- Erratum: "ps aux # Should show minimal processes", after an unshare that mounts no /proc.

--- How many processes are shown at /proc, as a process sees it.
local function shown(pid)
  local count = 0
  for _, name in ipairs(list_dir(("/proc/%d/root/proc"):format(pid))) do
    count = count + (name:find("^%d+$") and 1 or 0)
  end
  return count
end

return {
  id = "ps",
  title = "ps aux shows few processes, says the course",
  text = [[
Solution 1 of the course: `sudo unshare --pid --net --mount --uts --ipc --user --map-root-user
--fork bash`, then `ps aux # Should show minimal processes`. Try it, and count. Then hand over a
process (`pid`) that is number 1 in a pid namespace of its own and in whose /proc there is really
nobody but its own.]],
  needs = { "userns" },
  answers = { pid = "the first process of a box whose /proc is its own" },
  observe = {
    "unshare --pid --mount --user --map-root-user --fork sh -c 'ls /proc | grep -c ^[0-9]'",
    "grep NStgid /proc/$pid/status",
    "ls /proc/$pid/root/proc | grep '^[0-9]'",
  },
  action = function(t)
    local child = spawn({ unshare = { "user", "pid", "mnt" } }, function()
      mount("proc", "/proc", { type = "proc" })
      exec { "sleep", "3600" }
    end)
    child:started()
    t:answer { pid = child }
    child:keep()
  end,
  checks = {
    {
      "it is process 1 of a pid namespace",
      function(t)
        local pid = t:pid "pid"
        t:ns_differs(pid, "pid")
        local numbers = t:status(pid).ns_pid
        t:eq(numbers[#numbers], 1, "its number inside", ("grep NSpid /proc/%d/status"):format(pid))
      end,
    },
    {
      "its /proc shows few processes",
      function(t)
        local pid = t:pid "pid"
        local see = ("ls /proc/%d/root/proc | grep -c '^[0-9]'"):format(pid)
        t:lt(shown(pid), 10, "processes that its /proc shows", see)
      end,
    },
  },
  hints = {
    "ps reads /proc. Who has mounted what is there?",
    "unshare(1) has an option for it; without it, /proc is a copy of the mount that was there "
      .. "before.",
    "The new process has to mount proc on /proc, in its own mount namespace, before it starts "
      .. "anything.",
  },
  decoys = {
    {
      "the course's command",
      function(t)
        local kinds = { "pid", "net", "mnt", "uts", "ipc", "user" }
        local child = spawn({ unshare = kinds }, function()
          exec { "sleep", "3600" }
        end)
        child:started()
        t:answer { pid = child }
        child:keep()
      end,
      says = "processes that its /proc shows",
      course = true,
    },
    {
      "an empty directory instead of a /proc",
      function(t)
        local child = spawn({ unshare = { "mnt", "user" } }, function()
          mount("tmpfs", "/proc", { type = "tmpfs" })
          exec { "sleep", "3600" }
        end)
        child:started()
        t:answer { pid = child }
        child:keep()
      end,
      says = "pid namespace",
    },
  },
  lesson = [[
Without a new proc mount the list is the host's, all of it: the namespace hides nobody, it numbers
anew. --mount-proc is missing in the course's command.]],
}

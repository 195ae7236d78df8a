--- Exercise 3, seccomp: a filter from a recording, tightened by hand, and proved by what is left.
---
--- ```lua
--- assert(require("lab.ex3.seccomp").id == "seccomp")
--- ```
require "lab.ex3.boxes"
local supervise = require "supervise"

-- Twelve ways out of a box, or into the kernel. A program that reads a file needs none of them.
local FORBIDDEN = {
  "add_key",
  "bpf",
  "init_module",
  "kexec_load",
  "keyctl",
  "mount",
  "open_by_handle_at",
  "perf_event_open",
  "ptrace",
  "setns",
  "unshare",
  "userfaultfd",
}

-- A recording of the command has about 40; this leaves room for another C library.
local MOST = 80

-- What `cat` may copy with, as old and new as it is.
local WRITES = { copy_file_range = true, sendfile = true, splice = true, write = true }

-- What stays waits in a call that is made again after it was stopped, as checks stop it: `sleep`
-- would need restart_syscall, which no recording shows.
local function command(t, rest)
  local line = 'cat "%s" > "%s"; exec cat "%s"'
  line = line:format(t.given.file, t.given.copy, rest or t.given.pipe)
  return { "sh", "-c", line }
end

--- The calls that the command makes: each is let through, and written down. And close_range, which
--- this program's own exec makes between the filter and the command.
local function record(words)
  local seen, notify = {}, {}
  local function remember(request)
    seen[request.name] = true
    request:allow()
  end
  for _, group in ipairs(seccomp_groups()) do
    notify[group] = remember
  end
  supervise.run({ notify = notify }, words)
  seen.close_range = true
  local names = {}
  for name in pairs(seen) do
    names[#names + 1] = name
  end
  return names
end

local function under(filter, words)
  return spawn(function()
    if filter then
      seccomp(filter)
    end
    exec(words)
  end)
end

local function is_open(row)
  for _, answer in ipairs(row.answers) do
    if answer.action == "allow" or answer.action == "log" then
      return true
    end
  end
  return false
end

--- Which calls the filters of a process let through, read back from the kernel.
local function open_calls(pid)
  local names, set = {}, {}
  for _, row in ipairs(seccomp_map(pid).calls) do
    if is_open(row) then
      names[#names + 1] = row.name
      set[row.name] = true
    end
  end
  return names, set
end

return {
  id = "seccomp",
  title = "Record what a command needs, and allow nothing else",
  needs = { "root", "filters" },
  text = [[
The command: sh -c 'cat FILE > COPY; exec cat PIPE', with FILE, COPY and PIPE as given below.
Nobody writes to PIPE, so the command stays. Find out which system calls it makes (record it with
FILE instead of PIPE, so that it ends), write a filter that allows these and refuses the rest, and
run it under that filter. It must do its work, and still be there when you hand over its process.]],
  answers = { pid = "the process under the filter" },
  setup = function(t)
    write_file(t.dir .. "/file", t.token .. "\n")
    mkfifo(t.dir .. "/pipe")
    t:give { file = t.dir .. "/file", copy = t.dir .. "/copy", pipe = t.dir .. "/pipe" }
  end,
  action = function(t)
    local allow = record(command(t, t.given.file))
    try(remove, t.given.copy)
    t:answer { pid = under({ default = "errno", allow = allow }, command(t)) }
  end,
  observe = {
    "strace -f -c sh -c 'cat $file > $copy; exec cat $file'",
    "grep Seccomp /proc/$pid/status",
    "crun-lua inspect $pid",
  },
  checks = {
    {
      "a filter is loaded",
      function(t)
        local pid = t:pid "pid"
        local see = ("grep Seccomp: /proc/%d/status"):format(pid)
        t:eq(t:status(pid).seccomp, 2, "Seccomp of the process", see)
      end,
    },
    {
      "the command has done its work under it",
      function(t)
        t:eq(t:read(t.given.copy), t.token, "what the copy says", "cat " .. t.given.copy)
        local name = t:status(t:pid "pid").name
        local see = ("cat /proc/%d/comm"):format(t.answers.pid)
        t:eq(name, "cat", "what the process has become", see)
      end,
    },
    {
      "twelve calls that it never needs are refused",
      function(t)
        local pid = t:pid "pid"
        local _, open = open_calls(pid)
        for _, name in ipairs(FORBIDDEN) do
          if open[name] then
            t:fail {
              what = name .. " is allowed",
              expected = "refused: " .. table.concat(FORBIDDEN, ", "),
              found = "the filter lets it through",
              see = ("crun-lua inspect %d"):format(pid),
            }
          end
        end
      end,
    },
    {
      "and little else is allowed",
      function(t)
        local pid = t:pid "pid"
        local names = open_calls(pid)
        t:le(#names, MOST, "system calls that are allowed", ("crun-lua inspect %d"):format(pid))
      end,
    },
  },
  hints = {
    "A filter is loaded before the exec, so it has to allow the exec, and all that starting a"
      .. " program"
      .. " takes.",
    "Record, allow exactly that, refuse with an errno: what is missing then shows as an error."
      .. " strace"
      .. " -f -c lists calls; supervise lets a function see each.",
    "seccomp { default = …, allow = { … } } in the child, then exec. Let the recorded command end,"
      .. " so"
      .. " that exit_group is seen too; and exec of this program makes close_range before the"
      .. " command.",
  },
  decoys = {
    {
      "the course's profile: written to a file, never loaded",
      function(t)
        local json = '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write",'
          .. ' "exit", "exit_group"], "action": "SCMP_ACT_ALLOW"}]}'
        write_file(t.dir .. "/seccomp.json", json)
        t:answer { pid = under(nil, command(t)) }
      end,
      says = "Seccomp of the process",
      course = true,
    },
    {
      "the course's profile, loaded: it forbids execve, and nothing starts",
      function(t)
        local filter = {
          default = "errno",
          allow = { "read", "write", "exit", "exit_group" },
        }
        t:answer { pid = under(filter, command(t)) }
      end,
      says = "it has ended",
      course = true,
    },
    {
      "a list of what is bad",
      function(t)
        local filter = { default = "allow", errno = { "mount", "ptrace", "bpf" } }
        t:answer { pid = under(filter, command(t)) }
      end,
      says = "is allowed",
    },
    {
      "the default of a container: it refuses the twelve, and allows hundreds",
      function(t)
        local filter = { default = "errno", allow = { "@default" }, errno = FORBIDDEN }
        t:answer { pid = under(filter, command(t)) }
      end,
      says = "system calls that are allowed",
    },
    {
      "recorded without what writes",
      function(t)
        local allow = {}
        for _, name in ipairs(record(command(t, t.given.file))) do
          allow[#allow + 1] = not WRITES[name] and name or nil
        end
        try(remove, t.given.copy)
        t:answer { pid = under({ default = "errno", allow = allow }, command(t)) }
      end,
      says = "what the copy says",
    },
  },
  lesson = [[
A profile on disk filters nothing: `Seccomp:` in /proc says whether one is loaded. Four allowed
calls, as in the course, are too few to start anything: execve alone pulls in mmap, openat, brk
and more. And a list of forbidden calls is never complete; every new kernel brings some that it
does not know.]],
}

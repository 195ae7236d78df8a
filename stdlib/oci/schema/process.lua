--- `process` of config.json: what is run, and as whom (runtime-spec, config.md, "Process"). `exec
--- --process` reads the same from a file of its own.
---
--- ```lua
--- local schema = require "oci.schema"
---
--- local process = { cwd = "/", args = { "sh" } }
--- process.rlimits = { { type = "RLIMIT_CORE", soft = 2, hard = 1 } }
--- local problem = schema.check(process, "process.process")
--- assert(problem.path == ".rlimits[0].soft")
--- ```
local M = { rules = {} }

M.process = {
  terminal = "boolean",
  consoleSize = "process.console_size", -- without a terminal it is ignored
  user = "process.user",
  args = "string[]", -- as execvp(3) takes them; needed at `start`
  env = "process.variable[]",
  cwd = "path!",
  rlimits = "process.rlimit[]",
  capabilities = "process.capabilities",
  noNewPrivileges = "boolean",
  apparmorProfile = "line",
  selinuxLabel = "line",
  oomScoreAdj = "-1000..1000",
  scheduler = "process.scheduler",
  ioPriority = "process.io_priority",
  execCPUAffinity = "process.cpu_affinity",
  commandLine = "text", -- for Windows
}

M.console_size = { height = "0..65535!", width = "0..65535!" }

M.user = {
  uid = "id", -- in the container's user namespace, as all here; 0 where it is missing
  gid = "id",
  umask = "0..511", -- 0777
  additionalGids = "id[]",
  username = "text", -- for Windows
}

-- What cannot be granted is warned of where it is set, and is no error: a configuration may have
-- been written for a newer kernel.
M.capabilities = {
  bounding = "string[]",
  permitted = "string[]",
  effective = "string[]",
  inheritable = "string[]",
  ambient = "string[]",
}

M.rlimit = { type = "process.rlimit_type!", soft = "uint64!", hard = "uint64!" }

-- getrlimit(2)
M.rlimit_type = {
  "RLIMIT_AS",
  "RLIMIT_CORE",
  "RLIMIT_CPU",
  "RLIMIT_DATA",
  "RLIMIT_FSIZE",
  "RLIMIT_LOCKS",
  "RLIMIT_MEMLOCK",
  "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE",
  "RLIMIT_NOFILE",
  "RLIMIT_NPROC",
  "RLIMIT_RSS",
  "RLIMIT_RTPRIO",
  "RLIMIT_RTTIME",
  "RLIMIT_SIGPENDING",
  "RLIMIT_STACK",
}

-- sched_setattr(2); times in nanoseconds
M.scheduler = {
  policy = "process.scheduler_policy!",
  nice = "-20..19", -- OTHER and BATCH
  priority = "0..99", -- FIFO and RR
  flags = "process.scheduler_flag[]",
  runtime = "uint64", -- DEADLINE, as the two below
  deadline = "uint64",
  period = "uint64",
}

M.scheduler_policy = {
  "SCHED_OTHER",
  "SCHED_FIFO",
  "SCHED_RR",
  "SCHED_BATCH",
  "SCHED_ISO",
  "SCHED_IDLE",
  "SCHED_DEADLINE",
}

M.scheduler_flag = {
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
}

-- ioprio_set(2)
M.io_priority = { class = "process.io_class!", priority = "0..7" }
M.io_class = { "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE" }

-- Of processes that join: before they are in the container's cgroup, and after.
M.cpu_affinity = { initial = "process.cpu_list", final = "process.cpu_list" }

--- cpuset(7), "List format": `0-3,7`.
function M.cpu_list(value)
  local expected = 'a list of processors or nodes such as "0-3,7"'
  if type(value) ~= "string" or value:find "[^%d,%- ]" then
    return expected
  end
  for part in value:gmatch "[^,]+" do
    local first, last = part:match "^ *(%d+) *%-? *(%d*) *$"
    local ranged = part:find("-", 1, true)
    local ordered = first and (not ranged and last == "" or ranged and tonumber(last))
    if not ordered or ranged and tonumber(first) > tonumber(last) then
      return expected
    end
  end
end

--- environ(7). What has no name is not a variable, and execve(2) would pass it on all the same.
function M.variable(value)
  if type(value) ~= "string" or not value:find "^[^=]+=" or value:find("\0", 1, true) then
    return "NAME=value"
  end
end

function M.rules.process(process)
  if process.args and #process.args == 0 then
    return ".args", "expected at least the program, got an empty list"
  end
  local seen = {}
  for index, limit in ipairs(process.rlimits or {}) do
    if seen[limit.type] then
      return (".rlimits[%d].type"):format(index - 1), limit.type .. " is there a second time"
    end
    seen[limit.type] = true
  end
end

function M.rules.rlimit(limit)
  if limit.soft > limit.hard then
    return ".soft", ("expected at most the hard limit %s, got %s"):format(limit.hard, limit.soft)
  end
end

local PRIORITY = { SCHED_FIFO = true, SCHED_RR = true }

function M.rules.scheduler(scheduler)
  local policy, priority = scheduler.policy, scheduler.priority or 0
  if priority ~= 0 and not PRIORITY[policy] then
    return ".priority", ("only SCHED_FIFO and SCHED_RR have one, and this is %s"):format(policy)
  end
  for _, key in ipairs { "runtime", "deadline", "period" } do
    if policy ~= "SCHED_DEADLINE" and (scheduler[key] or 0) ~= 0 then
      return "." .. key, ("only SCHED_DEADLINE has one, and this is %s"):format(policy)
    end
  end
end

return M

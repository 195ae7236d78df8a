--- Question 6, a container that takes too much memory: the order in which one looks. The course
--- names memory.stat first; it tells how memory is used, and not whether anybody was killed for
--- it.
return {
  title = "What to read first",
  form = "order",
  course = "How would you troubleshoot a container that's consuming more memory than expected?",
  text = [[A container is restarted every few minutes, with status 137. Where do you look first?]],
  explain = [[
137 is SIGKILL, and anybody can send that. memory.events (version 1: memory.oom_control) is the
only place that says whether it was the memory limit. Then the limit that counts, which may stand
in a group above; then how it is used: page cache is given back, anonymous memory is not. Only
then the program, with tools such as valgrind. `/sys/fs/cgroup/memory/*/memory.stat` of the course
exists on version 1.]],
  see = { "ex5.restarts", "ex2.memory" },
  items = {
    { "events", "memory.events: was it killed for memory at all?" },
    { "limit", "memory.max of the group and of all above it: which limit counts?" },
    { "current", "memory.current and memory.peak: how near is it?" },
    { "stat", "memory.stat: anonymous memory, or page cache?" },
    { "processes", "/proc/PID/smaps_rollup of its processes: which one has it?" },
    { "program", "the program, with a profiler: what does it keep?" },
  },
  rules = {
    {
      "events",
      "stat",
      why = "how memory is used says nothing as long as it is not known that memory was the cause",
    },
    { "events", "limit", why = "ask whether it was killed before asking at which limit" },
    {
      "limit",
      "current",
      why = "what it takes means little without the limit that it is held against",
    },
    { "current", "stat", why = "first how much in all, then of what kinds" },
    {
      "stat",
      "processes",
      why = "page cache is the group's, no process has it: look for that first",
    },
    { "processes", "program", why = "a profiler runs in one process: know which one" },
  },
}

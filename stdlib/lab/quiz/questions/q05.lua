--- Question 5, the two versions of control groups: by their files, which is where one meets them,
--- and by what may be handed to a user, which is the difference that decides what rootless
--- containers can.
return {
  title = "Two dialects",
  form = "match",
  course = "Explain the difference between cgroups v1 and v2.",
  text = [[Say the same in version 2, and then what can be given to an ordinary user.]],
  explain = [[
Version 2 has one tree and one set of names; version 1 a tree for each controller, and a process
may stand somewhere else in each. Many machines have both at once (hybrid): then a controller
belongs to one of the two, never to both. "Simplified" it is to use; it has rules that version 1
did not have: a controller must be handed down in cgroup.subtree_control, and a group with
processes hands none down.]],
  erratum = "the course tells the two apart by `stat -fc %T /sys/fs/cgroup`; on a hybrid "
    .. "machine that "
    .. "says tmpfs, and version 2 is mounted all the same",
  see = { "ex2.layout", "ex2.dialects", "errata.layout" },
  rounds = {
    {
      text = "Which file of version 2 has what this file of version 1 has?",
      rights = {
        { "max", "memory.max" },
        { "events", "memory.events" },
        { "cpumax", "cpu.max" },
        { "weight", "cpu.weight" },
        { "freeze", "cgroup.freeze" },
        { "pidsmax", "pids.max" },
        { "high", "memory.high" },
        { "subtree", "cgroup.subtree_control" },
      },
      pairs = {
        { "memory.limit_in_bytes", "max", why = "the limit that cannot be passed is memory.max" },
        { "memory.oom_control", "events", why = "who was killed is counted in memory.events" },
        {
          "cpu.cfs_quota_us and cpu.cfs_period_us",
          "cpumax",
          why = "cpu.max has both, quota first, in one file: they change in one step",
        },
        { "cpu.shares", "weight", why = "cpu.weight, 1 to 10000; 100 is the default, not 1024" },
        {
          "freezer.state",
          "freeze",
          why = "no controller any more: every group has cgroup.freeze",
        },
        { "pids.max", "pidsmax", why = "the one name that stayed" },
      },
    },
    {
      text = "What may a user do who was given it?",
      rights = {
        { "safe", "make groups below it and share out what it has, no more" },
        { "unsafe", "not to be given: on this one it is not safe" },
        { "systemd", "ask systemd for it: Delegate=yes" },
      },
      pairs = {
        {
          "a version 2 group: its directory, cgroup.procs, cgroup.subtree_control",
          "safe",
          why = "the limits of the group itself stay its owner's; that is delegation as v2 "
            .. "defines it",
        },
        {
          "a version 1 group: its directory and all its files",
          "unsafe",
          why = "whoever may write the files raises the limits, and processes may leave the "
            .. "subtree",
        },
        {
          "a group below a service of systemd",
          "systemd",
          why = "the tree is systemd's there: it sets back what it did not make itself",
        },
      },
    },
  },
}

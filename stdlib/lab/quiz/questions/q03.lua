--- Question 3, namespaces and control groups: ten situations to sort. "What it can see" and "what
--- it can use" is soon said; the third bin holds what neither of the two does, where many look in
--- vain.
return {
  title = "See, use, or neither",
  form = "sort",
  course = "How do cgroups complement namespaces in containerization?",
  text = [[What makes it so: a namespace, a control group, or neither of them?]],
  explain = [[
Namespaces say what a process sees, control groups what it may take. Neither says what it may *do*:
that is capabilities, seccomp and security modules. "Secure multi-tenancy", as the course has it,
needs all three.]],
  see = { "ex1.uts", "ex2.memory", "ex3.caps" },
  bins = {
    { "namespace", "a namespace: what it sees" },
    { "cgroup", "a control group: what it may take" },
    { "neither", "neither of them" },
  },
  items = {
    {
      'the box is called "web", and the host is not',
      "namespace",
      why = "the host name is in the uts namespace",
    },
    {
      "a process is killed when it takes more than 64 MiB",
      "cgroup",
      why = "memory.max (memory.limit_in_bytes) of its group; the kernel kills in the group",
    },
    {
      "two boxes listen on port 80 at once",
      "namespace",
      why = "ports belong to the network namespace: each box has all 65535",
    },
    {
      "the 65th process cannot be started (EAGAIN)",
      "cgroup",
      why = "pids.max; a pid namespace gives numbers and no limit",
    },
    {
      "ps in the box shows three processes",
      "namespace",
      why = "the pid namespace, and a /proc that was mounted in it",
    },
    {
      "mount(2) is answered with EPERM although the caller is root",
      "neither",
      why = "that is a missing CAP_SYS_ADMIN or a seccomp filter: rights, not sight",
    },
    {
      "all processes of the box stand still and go on later",
      "cgroup",
      why = "the freezer: cgroup.freeze, on version 1 freezer.state",
    },
    {
      "root in the box is the user 100000 on the host",
      "namespace",
      why = "the map of the user namespace",
    },
    {
      "a set-user-id program gives no rights any more",
      "neither",
      why = "no_new_privs, an attribute of the process that its children inherit",
    },
    {
      "a program is ended by SIGSYS",
      "neither",
      why = "a seccomp filter whose action is to kill",
    },
  },
}

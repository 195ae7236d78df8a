--- Question 9, the life of a container: the order in which its parts can be made. Most of them
--- cannot be swapped, because each step needs a right that a later one takes away.
return {
  title = "The order of birth",
  form = "order",
  course = "Describe the container lifecycle from creation to destruction at the kernel level.",
  text = [[Put the steps of a container's start into an order in which each can still be made.]],
  explain = [[
Rights are given up last, and the filter is the last of all: what loads it must still be allowed,
and after it only exec is. Loading a filter needs CAP_SYS_ADMIN *or* no_new_privs: capabilities
first and seccomp after them, as the course has it, fails with EACCES unless no_new_privs was set.
At the end the kernel cleans up by itself: namespaces go with their last process, mounts and
devices with them; control groups and what was pinned do not.]],
  erratum = 'the course has no no_new_privs: as it stands, "Set capabilities → Apply seccomp" '
    .. "is refused by the kernel",
  see = { "ex4.root", "ex3.seccomp" },
  items = {
    { "cgroup", "make the control group and set its limits" },
    { "namespaces", "clone into new namespaces, and into the group" },
    { "network", "put a cable into the network namespace" },
    { "mounts", "mount the root and /proc, pivot into it" },
    { "caps", "drop the capabilities" },
    { "nnp", "set no_new_privs" },
    { "seccomp", "load the seccomp filter" },
    { "exec", "exec the program" },
  },
  rules = {
    {
      "cgroup",
      "namespaces",
      why = "the child starts in the group: what it takes counts from the start",
    },
    { "namespaces", "network", why = "there must be a namespace for the cable's other end" },
    { "namespaces", "mounts", why = "without a mount namespace of its own it mounts on the host" },
    { "network", "exec", why = "a server that starts before its network binds to nothing" },
    { "mounts", "caps", why = "mount and pivot_root need CAP_SYS_ADMIN" },
    {
      "nnp",
      "seccomp",
      why = "without CAP_SYS_ADMIN, which is dropped by now, the kernel loads a filter only with "
        .. "no_new_privs: EACCES",
    },
    { "caps", "seccomp", why = "a good filter refuses capset(2): drop them before it holds" },
    { "mounts", "seccomp", why = "a good filter refuses mount(2)" },
    { "seccomp", "exec", why = "after exec it is the program, and nobody loads anything any more" },
    { "caps", "exec", why = "rights that the program still has when it starts, it has" },
  },
}

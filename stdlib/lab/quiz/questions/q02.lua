--- Question 2, the kinds of namespaces. The course asks for six; the kernel has eight, and a table
--- that lacks two is matched wrongly on the two that matter to nested containers and to restored
--- ones.
return {
  title = "Eight kinds",
  form = "match",
  course = "Name the six types of Linux namespaces and their purposes.",
  text = [[There are eight. Say for each by which flag of clone(2) it is made, and then what a
process in a new one has of its own.]],
  explain = [[
`ls /proc/self/ns` is the list of the kernel that runs, and namespaces(7) the table. CLONE_NEWNS has
no kind in its name because it came first, in 2002, when nobody thought of a second.]],
  erratum = "the course, its second question and its checklist say six; the kernel has eight: "
    .. "cgroup "
    .. "(Linux 4.6) and time (5.6) are missing",
  see = { "ex1.kinds", "errata.kinds" },
  rounds = {
    {
      text = "By which flag is it made?",
      rights = {
        { "newns", "CLONE_NEWNS" },
        { "newpid", "CLONE_NEWPID" },
        { "newnet", "CLONE_NEWNET" },
        { "newuts", "CLONE_NEWUTS" },
        { "newipc", "CLONE_NEWIPC" },
        { "newuser", "CLONE_NEWUSER" },
        { "newcgroup", "CLONE_NEWCGROUP" },
        { "newtime", "CLONE_NEWTIME" },
        { "newmnt", "CLONE_NEWMNT" },
        { "newdev", "CLONE_NEWDEV" },
      },
      pairs = {
        { "mnt", "newns", why = "the first kind of all: there is no CLONE_NEWMNT" },
        { "pid", "newpid", why = "CLONE_NEWPID, which unshare applies to children only" },
        { "net", "newnet", why = "CLONE_NEWNET" },
        { "uts", "newuts", why = "CLONE_NEWUTS, after the structure that uname(2) fills" },
        { "ipc", "newipc", why = "CLONE_NEWIPC" },
        { "user", "newuser", why = "CLONE_NEWUSER, the only one that needs no rights" },
        {
          "cgroup",
          "newcgroup",
          why = "CLONE_NEWCGROUP, since Linux 4.6; the course leaves it out",
        },
        { "time", "newtime", why = "CLONE_NEWTIME, since Linux 5.6; the course leaves it out" },
      },
    },
    {
      text = "What has a process of its own in it?",
      rights = {
        { "mounts", "the tree of mounts" },
        { "numbers", "process numbers, beginning with 1" },
        { "devices", "network devices, addresses, routes, ports" },
        { "names", "the host name and the domain name" },
        { "queues", "System V queues, semaphores and shared memory, POSIX queues" },
        { "ids", "user and group ids, and capabilities over what it owns" },
        { "root", "where the tree of control groups seems to begin" },
        { "clocks", "offsets of the monotonic clock and of the uptime" },
        { "limits", "limits of memory and processor time" },
        { "date", "the date and the time zone" },
      },
      pairs = {
        { "mnt", "mounts", why = "mounts; the files themselves are shared where both mount them" },
        {
          "pid",
          "numbers",
          why = "process numbers; /proc shows them only when it is mounted anew",
        },
        {
          "net",
          "devices",
          why = "the whole network stack, with nothing in it but lo, and that down",
        },
        { "uts", "names", why = "the two names that uname(2) tells, and nothing else" },
        {
          "ipc",
          "queues",
          why = "what is found by a key instead of a path: System V IPC and queues",
        },
        { "user", "ids", why = "ids by a map, and capabilities that count inside only" },
        { "cgroup", "root", why = "only the view of the tree; it limits nothing, groups do that" },
        { "time", "clocks", why = "monotonic and boottime; the date is one for the whole machine" },
      },
    },
  },
}

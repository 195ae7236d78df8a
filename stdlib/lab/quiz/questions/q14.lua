--- Question 14, beyond the usual hardening: which of the tools is an answer to which threat. Named
--- together, as in the course's answer, they sound like more of the same; they are not.
return {
  title = "Which answer to which threat",
  form = "match",
  course = "Describe advanced container security techniques beyond basic hardening.",
  text = [[Each of these threats is met by one of the tools. Which?]],
  explain = [[
gVisor puts a kernel in user space between the program and the host's; Kata puts a virtual machine
around it: both are answers to faults of the shared kernel. eBPF tools such as Falco or Tetragon see
what happens, they need the kernel to be whole. Admission controllers and signatures act before
anything has started, and on nothing that happens later.]],
  see = { "ex3.redteam", "ex3.seccomp" },
  rights = {
    { "gvisor", "gVisor: system calls are answered by a kernel in user space" },
    { "kata", "Kata Containers: a virtual machine for each pod" },
    { "ebpf", "eBPF tools such as Falco: events of the running kernel" },
    { "signing", "signed images, checked before they are run" },
    { "admission", "an admission controller" },
    { "rotation", "rotating the log files" },
    { "namespaces", "more namespaces" },
  },
  pairs = {
    {
      "a fault in a rarely used system call; no hardware virtualization at hand",
      "gvisor",
      why = "the host's kernel sees only the few calls that gVisor itself makes",
    },
    {
      "tenants that do not trust each other run any code, drivers and modules included",
      "kata",
      why = "each has a kernel of its own: the wall is the hypervisor's",
    },
    {
      "a web server starts a shell at night",
      "ebpf",
      why = "an allowed call at an unusual time and place: it can be seen, not forbidden "
        .. "beforehand",
    },
    {
      "somebody has replaced the image in the registry",
      "signing",
      why = "the name stays the same; the signature of another image does not fit",
    },
    {
      "somebody asks for a privileged pod with the host's root mounted",
      "admission",
      why = "it is refused when it is asked for, before anything is started",
    },
  },
}

--- Question 11, Docker's parts: who asks whom for what, and who is still there when one of them
--- ends.
return {
  title = "Who calls whom",
  form = "match",
  course = "Explain how Docker's architecture uses these Linux primitives.",
  text = [[Match what happens with who does it.]],
  explain = [[
docker → dockerd → containerd → containerd-shim → runc → the kernel. The one missing in
the course's drawing is the shim: it is what stays. runc makes the container, starts it and ends;
the shim is the parent of the container's first process, keeps its streams, and waits for it. That
is why the daemon can be restarted under running containers, and why any runtime that understands
runc's command line, this one too, can take runc's place.]],
  erratum = "the course's chain ends with runc as if it stayed; and it has no shim",
  see = { "ex4.lifecycle" },
  rounds = {
    {
      text = "Who does it?",
      rights = {
        { "docker", "docker, the command" },
        { "dockerd", "dockerd" },
        { "containerd", "containerd" },
        { "shim", "containerd-shim" },
        { "runc", "runc (or another OCI runtime)" },
        { "kernel", "the kernel" },
        { "systemd", "systemd-machined" },
      },
      pairs = {
        {
          "sends a request to /var/run/docker.sock",
          "docker",
          why = "the command is a client, no more",
        },
        { "has the API, networks, volumes and the build", "dockerd", why = "dockerd is the API" },
        {
          "pulls images and keeps snapshots",
          "containerd",
          why = "images and snapshots are containerd's",
        },
        {
          "is the parent of the container's first process",
          "shim",
          why = "a shim stays with each one",
        },
        { "calls clone, mount, pivot_root, seccomp", "runc", why = "the runtime does, and ends" },
        { "decides whether a call is allowed", "kernel", why = "all others only ask it" },
      },
    },
    {
      text = "What happens to a running container?",
      rights = {
        { "goeson", "it goes on: only the parts above it are gone" },
        { "ends", "it ends" },
        { "nothing", "nothing: it had ended long before" },
      },
      pairs = {
        {
          "dockerd is stopped, with live-restore",
          "goeson",
          why = "the shim holds the container; without live-restore dockerd stops its "
            .. "containers first",
        },
        {
          "containerd is killed",
          "goeson",
          why = "the shims are no children of its; a new containerd finds them by their sockets",
        },
        {
          "the container's first process is killed",
          "ends",
          why = "with process 1 the kernel kills the whole pid namespace",
        },
        { "runc is killed", "nothing", why = "runc ends when the container is started" },
      },
    },
  },
}

--- A server on the usual ports: `strict` with a network, and no other port to be opened.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local web = hardening.resolve("web")
--- assert(web.caps[1] == "net_bind_service" and web.user == "65534:65534")
--- ```
return {
  summary = "strict, with a network, where only the ports of web servers can be bound",
  extends = "strict",

  -- Ports below 1024 for a user who is not root: the capability is put into the ambient set.
  caps = { "+net_bind_service" },

  -- A server that was taken over cannot listen on a port of its own (Linux 6.7; older kernels pass
  -- over this rule). What it connects to is the network's matter.
  landlock = { net = { bind = { 80, 443, 3000, 8000, 8080, 8443 } } },

  network = "bridge",
  rlimits = { nofile = 65536 },
  limits = { pids = 512 },
}

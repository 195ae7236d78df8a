--- `freebsd` of config.json (runtime-spec 1.3.0, config-freebsd.md). Nothing here runs it; it is
--- checked, so that what is checked for Linux is checked for whoever edits documents of both.
local M = {}

M.freebsd = { devices = "freebsd.device[]", jail = "freebsd.jail" }

M.device = { path = "string", mode = "0..511" }

M.jail = {
  parent = "string",
  host = "freebsd.shared",
  ip4 = "freebsd.sharing",
  ip4Addr = "string[]",
  ip6 = "freebsd.sharing",
  ip6Addr = "string[]",
  vnet = "freebsd.shared",
  interface = "string",
  vnetInterfaces = "string[]",
  sysvmsg = "freebsd.sharing",
  sysvsem = "freebsd.sharing",
  sysvshm = "freebsd.sharing",
  enforceStatfs = "0..255",
  allow = "freebsd.allow",
}

M.allow = {
  setHostname = "boolean",
  rawSockets = "boolean",
  chflags = "boolean",
  mount = "string[]",
  quotas = "boolean",
  socketAf = "boolean",
  mlock = "boolean",
  reservedPorts = "boolean",
  suser = "boolean",
}

M.sharing = { "disable", "new", "inherit" }
M.shared = { "new", "inherit" }

return M

--- Networks: kinds of devices, packet filter, translation of addresses, bad lines on purpose; each
--- tried in a network namespace that ends with the child.
---
--- ```lua
--- local rows = {}
--- require "doctor.network"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "veth")
--- ```
local probe = require "doctor.probe"

local KINDS = {
  { name = "veth", meaning = "a cable between a container and the host", modules = { "veth" } },
  {
    name = "bridge",
    meaning = "a switch for several containers",
    modules = { "bridge" },
    remedy = "modprobe bridge; pasta or a veth per container do without",
  },
  { name = "vxlan", meaning = "networks over several hosts", modules = { "vxlan" } },
  { name = "macvlan", meaning = "addresses on the host's own network", modules = { "macvlan" } },
}

local OPTIONS = {
  veth = { type = "veth", peer = "probe1" },
  bridge = { type = "bridge" },
  vxlan = { type = "vxlan", id = 5 },
  macvlan = { type = "macvlan", parent = "base0", mode = "bridge" },
}

local function link_row(add, kind)
  local ok, reason, found = probe.gently(kind.modules, { "net" }, function()
    if kind.name == "macvlan" then
      veth("base0", "base1")
    end
    link_add("probe0", OPTIONS[kind.name])
  end)
  add {
    name = kind.name,
    ok = ok,
    found = found,
    meaning = kind.meaning,
    reason = reason,
    remedy = kind.remedy or ("modprobe %s, or a kernel that has it"):format(kind.name),
  }
end

local function program_missing(name, package)
  if not probe.program(name) then
    return ("the program %s is not installed"):format(name), "install the package " .. package
  end
end

local function filter_rows(add)
  local why, remedy = program_missing("nft", "nftables")
  local ok, reason, found = false, why, nil
  if not why then
    ok, reason, found = probe.gently({ "nf_tables" }, { "net" }, function()
      nft("add table ip probe")
    end)
  end
  add {
    name = "nft",
    ok = ok,
    found = found,
    meaning = "rules for packets: published ports, allow-lists",
    reason = reason,
    remedy = remedy or "modprobe nf_tables",
  }
  ok, reason, found = false, why, nil
  if not why then
    local modules = { "nf_tables", "nf_conntrack", "nft_chain_nat", "nft_masq" }
    ok, reason, found = probe.gently(modules, { "net" }, function()
      local _table <close> = nat { source = "10.88.0.0/24" }
    end)
  end
  add {
    name = "connection tracking",
    ok = ok,
    found = found,
    meaning = "containers that leave under the host's address (NAT)",
    reason = reason,
    remedy = remedy or "modprobe nf_conntrack nft_masq; pasta does without",
  }
end

local function netem_row(add)
  local why, remedy = program_missing("tc", "iproute2")
  local ok, reason, found = false, why, nil
  if not why then
    ok, reason, found = probe.gently({ "sch_netem" }, { "net" }, function()
      local words = { "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms" }
      local result = capture({ probe.program("tc"), table.unpack(words) }, { timeout = "5s" })
      assert(result.code == 0, result.stderr)
    end)
  end
  add {
    name = "netem",
    ok = ok,
    found = found,
    meaning = "delay, loss and reordering on purpose",
    reason = reason,
    remedy = remedy or "modprobe sch_netem; a link that is set down still shows a partition",
  }
end

---@param add fun(row: doctor.Row)
return function(add)
  for _, kind in ipairs(KINDS) do
    link_row(add, kind)
  end
  filter_rows(add)
  netem_row(add)
  local forward = sysctl_get("net.ipv4.ip_forward") == "1"
  add {
    name = "forwarding",
    ok = forward,
    meaning = "this host passes packets of containers on",
    reason = not forward and "net.ipv4.ip_forward is 0" or nil,
    remedy = "nothing: networks that need it switch it on; or sysctl -w net.ipv4.ip_forward=1",
  }
end

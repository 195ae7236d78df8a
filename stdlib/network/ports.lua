--- Published ports: "8080:80", "127.0.0.1:8080:80/udp", "8000-8010:80-90", "[fd00::1]:8080:80".
---
--- A port of the host leads to one of the container by nftables, in both ways that packets come:
--- from other machines (prerouting) and from the host itself (output). The host's loopback works
--- too, for IPv4: the bridge gets `route_localnet`, without which the kernel drops an answer that
--- goes to 127.0.0.1; so that it lets in nothing else, packets to 127.0.0.0/8 that come from any
--- device but lo are dropped first. IPv6 has no such switch, so [::1] is not published; and it is
--- published only where the host routes it (`nat6`), which changes what the host itself does.
---
--- ```lua
--- local ports = require "network.ports"
---
--- local one = ports.parse({ "127.0.0.1:8080:80/udp" })[1]
--- assert(one.ip == "127.0.0.1" and one.host == 8080 and one.container == 80)
--- ```
local address = require "network.address"
local options = require "options"
local state = require "network.state"

local M = {}

--- More is a mistake, or a case for an address of the container's own.
local MOST = 1024

---@class network.Port
---@field proto "tcp"|"udp"
---@field ip? string an address of the host; every one without it
---@field host integer
---@field container integer

local function fail(text, why)
  local hint = 'write "8080:80", "127.0.0.1:8080:80/udp" or "8000-8010:80-90"'
  options.fail("network", ("publish: %q: %s"):format(tostring(text), why), hint)
end

--- "80" or "80-90" as two numbers.
local function range(text, part)
  local first, last = part:match("^(%d+)%-(%d+)$")
  first, last = tonumber(first or part:match("^%d+$")), tonumber(last)
  last = last or first
  if not first or first < 1 or last > 65535 or last < first then
    fail(text, ("%q is no port from 1 to 65535, and no range of them"):format(part))
  end
  return math.tointeger(first), math.tointeger(last)
end

local function parse(text, list)
  if type(text) ~= "string" then
    fail(text, "expected a text")
  end
  local rest, proto = text:match("^(.-)/(%a+)$")
  rest, proto = rest or text, proto or "tcp"
  if proto ~= "tcp" and proto ~= "udp" then
    fail(text, ("the protocol is tcp or udp, not %s"):format(proto))
  end
  local ip, ports = rest:match("^%[(.-)%]:(.+)$")
  if not ip then
    ip, ports = rest:match("^([^:]+):([^:]+:[^:]+)$")
  end
  if ip and not address.parse(ip) then
    fail(text, ("%q is no address"):format(ip))
  end
  local outer, inner = (ports or rest):match("^([^:]+):([^:]+)$")
  outer = outer or ports or rest
  local first, last = range(text, outer)
  local inside, stop = range(text, inner or outer)
  if stop - inside ~= last - first then
    fail(text, "the two ranges are not of one length")
  end
  ip = ip and address.text(address.parse(ip))
  if ip == "0.0.0.0" or ip == "::" then
    ip = nil
  end
  for offset = 0, last - first do
    list[#list + 1] = { proto = proto, ip = ip, host = first + offset, container = inside + offset }
  end
end

local function clash(a, b)
  return a.proto == b.proto and a.host == b.host and (not a.ip or not b.ip or a.ip == b.ip)
end

--- Reads what a user wants published.
---@param texts string|string[]
---@return network.Port[]
function M.parse(texts)
  local list = {}
  for _, text in ipairs(type(texts) == "table" and texts or { texts }) do
    parse(text, list)
  end
  if #list > MOST then
    fail(texts[1], ("%d ports, and at most %d can be published"):format(#list, MOST))
  end
  for index, port in ipairs(list) do
    for before = 1, index - 1 do
      if clash(port, list[before]) then
        fail(M.text(port), "published twice")
      end
    end
  end
  return list
end

--- A port as messages name it.
---@param port network.Port
---@return string
function M.text(port)
  local ip = port.ip and (port.ip:find(":", 1, true) and "[" .. port.ip .. "]" or port.ip)
  return ("%s%d:%d/%s"):format(ip and ip .. ":" or "", port.host, port.container, port.proto)
end

--- The process that has a socket, for a message.
local function holder(inode)
  local wanted = ("socket:[%d]"):format(inode)
  for _, pid in ipairs(pids()) do
    for _, open in ipairs(try(proc_fds, pid) or {}) do
      if open.target == wanted then
        local status = try(proc_status, pid)
        return ("%q (process %d)"):format(status and status.name or "?", pid)
      end
    end
  end
  return "a process that is out of sight"
end

--- A socket's port in the words of `clash`. A dual-stack socket hears IPv4 as well.
local function of_socket(row, proto)
  local any = row.local_address == "0.0.0.0" or row.local_address == "::"
  return { proto = proto, host = row.local_port, ip = not any and row.local_address or nil }
end

--- Fails where a socket of the host has one of the ports: the rules would take its packets.
---@param list network.Port[]
function M.check_sockets(list)
  local read = {}
  for _, port in ipairs(list) do
    read[port.proto] = read[port.proto] or {}
    table.insert(read[port.proto], port)
  end
  for proto, wanted in pairs(read) do
    for _, name in ipairs { proto, proto .. "6" } do
      for _, row in ipairs(try(proc_net, name) or {}) do
        local waits = row.st == "listen" or (proto == "udp" and row.rem_port == 0)
        for _, port in ipairs(waits and wanted or {}) do
          if clash(of_socket(row, proto), port) then
            local what = ("%s port %d is in use by %s"):format(proto, port.host, holder(row.inode))
            options.fail("network", what, "publish another port of the host")
          end
        end
      end
    end
  end
end

local function file_name(port)
  return ("%s-%d-%s"):format(port.proto, port.host, port.ip or "any")
end

local function family_of(text)
  return text:find(":", 1, true) and "ip6" or "ip"
end

--- Fails where a port belongs to an IPv6 address of the host, and the host routes no IPv6.
---@param record table
function M.check(record)
  for _, port in ipairs(record.ports) do
    if port.ip and family_of(port.ip) == "ip6" and not record.gateway6 then
      local what = ("publish %s: the bridge does not route IPv6"):format(M.text(port))
      options.fail("network", what, "say subnet6 = true and nat6 = true, or an IPv4 address")
    end
  end
end

--- Takes the ports, under the lock. Ports whose owner has died are free after `give_back`.
---@param record table the connection, with id, name, owner and scope
---@param list network.Port[]
---@param give_back fun(id: string) releases a dead connection
function M.take(record, list, give_back)
  M.check_sockets(list)
  local dir = state.dir(record.scope) .. "/ports"
  for _, name in ipairs(state.list(dir)) do
    local proto, host, ip = name:match("^(%a+)%-(%d+)%-(.+)$")
    local there = { proto = proto, host = tonumber(host), ip = ip ~= "any" and ip or nil }
    for _, port in ipairs(list) do
      local lease = clash(there, port) and state.read(dir .. "/" .. name)
      if lease and not give_back(lease.id) then
        local what = ("%s port %d is published by the container %q"):format(
          port.proto,
          port.host,
          lease.name
        )
        options.fail("network", what, "publish another port of the host")
      end
    end
  end
  mkdir(dir, { parents = true, mode = "0700" })
  for _, port in ipairs(list) do
    state.write(dir .. "/" .. file_name(port), { id = record.id, name = record.name })
  end
end

--- Gives the ports back. Ports that another has by now stay.
---@param record table
function M.give(record)
  for _, port in ipairs(record.ports or {}) do
    local path = ("%s/ports/%s"):format(state.dir(record.scope), file_name(port))
    local lease = try(state.read, path)
    if lease and lease.id == record.id then
      remove(path, { missing = true })
    end
  end
end

--- The rules of one family, as a whole table that replaces an older one of its name.
local function rules(record, family, inside, subnet)
  local name = ("%s %s"):format(family, M.table_name(record.id))
  local lines = { "table " .. name, "delete table " .. name, "table " .. name .. " {" }
  local function add(...)
    lines[#lines + 1] = ("  " .. ...):format(select(2, ...))
  end
  local to = family == "ip6" and "[" .. inside .. "]" or inside
  for _, hook in ipairs { "prerouting", "output" } do
    add("chain %s { type nat hook %s priority -100; policy accept;", hook, hook)
    for _, port in ipairs(record.ports) do
      local own = port.ip and family_of(port.ip)
      local here = port.ip and ("%s daddr %s"):format(own, port.ip) or "fib daddr type local"
      if family == "ip6" then
        here = "ip6 daddr != ::1 " .. here
      end
      if not own or own == family then
        add("  %s %s dport %d dnat to %s:%d", here, port.proto, port.host, to, port.container)
      end
    end
    add("}")
  end
  -- A neighbour, or the host by its loopback, must get the answer by the way that it asked.
  add("chain postrouting { type nat hook postrouting priority 100; policy accept;")
  add("  %s saddr %s %s daddr %s ct status dnat masquerade", family, subnet, family, inside)
  if family == "ip" then
    add("  ip saddr 127.0.0.0/8 ip daddr %s ct status dnat masquerade", inside)
  end
  add("}")
  lines[#lines + 1] = "}"
  return lines
end

--- The table that lets nothing into the host's loopback from outside; it is its bridge's, because
--- the switch is, and stays while the bridge does.
local function guard_name(bridge)
  return "ip crun-lua-guard-" .. sha256(bridge):sub(1, 8)
end

--- The lines that make it, whatever was there.
local function guard(bridge)
  local name = guard_name(bridge)
  return {
    "table " .. name,
    "delete table " .. name,
    "table " .. name .. " {",
    "  chain prerouting { type filter hook prerouting priority -310; policy accept;",
    "    iifname != lo ip daddr 127.0.0.0/8 drop",
    "  }",
    "}",
  }
end

--- Shuts the host's loopback again, where a bridge goes or is nobody's any more.
---@param bridge string
---@param here any the host's network namespace
---@param stays boolean whether the device is a user's
function M.shut(bridge, here, stays)
  if stays then
    local child <close> = spawn({ join = { net = here } }, function()
      try(sysctl, ("net/ipv4/conf/%s/route_localnet"):format(bridge), 0, { host = true })
    end)
    child:wait()
  end
  local name = guard_name(bridge)
  nft({ "table " .. name, "delete table " .. name }, { ns = here, host = true })
end

--- The table of nftables that belongs to one connection.
---@param id string
---@return string
function M.table_name(id)
  return "crun-lua-" .. id
end

--- Publishes the ports. Applying it twice is fine.
---@param record table the connection, with `addresses`, `networks` and `bridge`
---@param here any the host's network namespace
function M.publish(record, here)
  local lines = guard(record.bridge)
  for index, text in ipairs(record.addresses) do
    local family = family_of(text)
    local inside = text:match("^[^/]+")
    local own = rules(record, family, inside, record.networks[index])
    table.move(own, 1, (family == "ip" or record.gateway6) and #own or 0, #lines + 1, lines)
  end
  nft(lines, { ns = here, host = true })
  sysctl("net.ipv4.ip_forward", 1, { host = true })
  -- Not before the guard stands.
  sysctl(("net/ipv4/conf/%s/route_localnet"):format(record.bridge), 1, { host = true })
end

--- Takes the rules away; where there are none it is fine.
---@param record table
---@param here any
function M.withdraw(record, here)
  for _, family in ipairs { "ip", "ip6" } do
    local name = ("%s %s"):format(family, M.table_name(record.id))
    nft({ "table " .. name, "delete table " .. name }, { ns = here, host = true })
  end
end

return M

--- The allow-list: which destinations a container may send to, everything else being refused.
---
--- The rules are an output filter inside the container's network namespace, set by the parent
--- before the container starts. Without CAP_NET_ADMIN the container cannot lift them. CAP_NET_RAW
--- must be missing too: a packet socket sends past this hook (packet(7)). Names of hosts are looked
--- up once, by the parent; questions to DNS reach the configured resolvers only.
---
--- ```lua
--- local allow = require "network.allow"
---
--- local rule = allow.parse({ "10.0.0.0/8:443/tcp" })[1]
--- assert(rule.net == "10.0.0.0/8" and rule.first == 443 and rule.proto == "tcp")
--- ```
local address = require "network.address"
local options = require "options"

local M = {}

---@class network.Rule
---@field net? string a network; any destination without it and without a name
---@field name? string a host's name
---@field first? integer the first port; every port without it
---@field last? integer
---@field proto? "tcp"|"udp"

local function fail(text, why)
  local hint = 'write "10.0.0.0/8:443", "[fd00::/8]:443", "192.0.2.7", "example.org:443", "*:53"'
  options.fail("network", ("allow: %q: %s"):format(tostring(text), why), hint)
end

--- Splits "DESTINATION:PORTS"; an IPv6 network with ports stands in brackets.
local function split(rest)
  local inside, after = rest:match("^%[(.-)%](.*)$")
  if inside then
    return inside, after:match("^:(.+)$"), after ~= "" and not after:find("^:.")
  end
  local _, colons = rest:gsub(":", "")
  if colons > 1 then
    return rest
  end
  local head, tail = rest:match("^(.-):(.+)$")
  return head or rest, tail, rest:sub(-1) == ":"
end

local function parse_one(text)
  if type(text) ~= "string" or text == "" then
    fail(text, "expected a text")
  end
  local rest, proto = text:match("^(.+)/(%a+)$")
  if proto and proto ~= "tcp" and proto ~= "udp" then
    fail(text, ("the protocol is tcp or udp, not %s"):format(proto))
  end
  local place, ports, odd = split(rest or text)
  if odd then
    fail(text, "no port stands behind the colon")
  end
  local rule = { proto = proto }
  if ports then
    local first, last = ports:match("^(%d+)%-?(%d*)$")
    first, last = tonumber(first), tonumber(last) or tonumber(first)
    if not first or first < 1 or last > 65535 or last < first then
      fail(text, ("%q is no port from 1 to 65535, and no range of them"):format(ports))
    end
    rule.first, rule.last = math.tointeger(first), math.tointeger(last)
  end
  local single, net = address.parse(place), address.cidr(place)
  if net then
    rule.net = address.with_prefix(address.network(net))
  elseif single then
    rule.net = address.text(single)
  elseif place:find("^[%a][%w.-]*$") then
    rule.name = place
  elseif place ~= "*" then
    fail(text, ("%q is no address, no network, and no name"):format(place))
  end
  return rule
end

--- Reads an allow-list.
---@param texts string|string[]
---@return network.Rule[]
function M.parse(texts)
  local list = {}
  for index, text in ipairs(type(texts) == "table" and texts or { texts }) do
    list[index] = parse_one(text)
  end
  return list
end

--- The addresses that a name has now, as the host looks it up.
local function look_up(name)
  local found = try(capture, { "getent", "ahosts", name }, { timeout = "20s" })
  local list, seen = {}, {}
  for one in (found and found.stdout or ""):gmatch("(%S+)[^\n]*\n") do
    if address.parse(one) and not seen[one] then
      seen[one] = true
      list[#list + 1] = one
    end
  end
  if #list == 0 then
    options.fail(
      "network",
      ("allow: the name %q has no address now"):format(name),
      "name the address itself, or see that the host can look the name up (getent ahosts)"
    )
  end
  return list
end

--- Replaces names by addresses, in the parent, before anything is made.
---@param rules network.Rule[]
---@return network.Rule[]
function M.resolve(rules)
  local list = {}
  for _, rule in ipairs(rules) do
    for _, one in ipairs(rule.name and look_up(rule.name) or { rule.net or false }) do
      list[#list + 1] =
        { net = one or nil, first = rule.first, last = rule.last, proto = rule.proto }
    end
  end
  return list
end

--- One rule in nft's words.
local function line(rule)
  local to = rule.net and ("%s daddr %s "):format(rule.net:find(":") and "ip6" or "ip", rule.net)
    or ""
  if rule.first then
    local proto = rule.proto or "{ tcp, udp }"
    return ("%smeta l4proto %s th dport %d-%d accept"):format(to, proto, rule.first, rule.last)
  end
  return ("%s%saccept"):format(to, rule.proto and ("meta l4proto %s "):format(rule.proto) or "")
end

local ND = "nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report"

--- The whole table. Loading it twice is fine.
---@param rules network.Rule[] without names
---@param servers string[] the resolvers
---@return string[] # lines for `nft`
function M.ruleset(rules, servers)
  local lines = {
    "table inet crun-lua-allow",
    "delete table inet crun-lua-allow",
    "table inet crun-lua-allow {",
    "chain output {",
    "type filter hook output priority 0; policy drop;",
    "oifname lo accept",
    "ct state established,related accept",
    -- Without neighbour discovery no IPv6 address of the same network is found.
    ("icmpv6 type { %s } accept"):format(ND),
  }
  for _, server in ipairs(servers) do
    lines[#lines + 1] = line { net = server, first = 53, last = 53 }
  end
  for _, rule in ipairs(rules) do
    lines[#lines + 1] = line(rule)
  end
  -- An error at once is kinder than a connection that hangs.
  lines[#lines + 1] = "meta l4proto tcp reject with tcp reset"
  lines[#lines + 1] = "reject with icmpx type admin-prohibited"
  lines[#lines + 1] = "}"
  lines[#lines + 1] = "}"
  return lines
end

--- Sets the filter in the network namespace of a process.
---@param rules network.Rule[]
---@param servers string[]
---@param process any the container's first process
---@param userns boolean whether the namespace belongs to a user namespace of the container's own
function M.apply(rules, servers, process, userns)
  local lines = M.ruleset(rules, servers)
  if not userns then
    nft(lines, { ns = process })
    return
  end
  -- An ordinary user has rights over that namespace only inside of its user namespace.
  local child <close> = spawn({ join = { user = process, net = process } }, function()
    nft(lines)
  end)
  child:wait()
end

return M

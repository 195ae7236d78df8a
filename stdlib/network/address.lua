--- Addresses of IPv4 and IPv6 as numbers: read, written, counted, and compared as networks.
---
--- An address is `{ family, hi, lo }`: two whole numbers of 64 bits, of which IPv4 uses the lower
--- 32 of `lo`. With a prefix it is a network, or an address in one.
---
--- ```lua
--- local address = require "network.address"
---
--- local net = address.network("10.89.0.0/24")
--- assert(address.text(address.at(net, 2)) == "10.89.0.2")
--- assert(address.text(address.parse("2001:DB8:0:0::1")) == "2001:db8::1")
--- assert(address.overlap(net, address.network("10.0.0.0/8")))
--- ```
local options = require "options"

local M = {}

---@class network.Address
---@field family 4|6
---@field hi integer
---@field lo integer
---@field prefix? integer how many leading bits are the network's

local function parse4(text)
  local bytes = { text:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$") }
  local value = 0
  for _, byte in ipairs(bytes) do
    -- A leading zero is octal to some programs: such a text means two addresses.
    if tonumber(byte) > 255 or byte:find("^0%d") then
      return nil
    end
    value = value << 8 | math.tointeger(tonumber(byte))
  end
  return #bytes == 4 and value or nil
end

--- The groups of 16 bits between colons; an IPv4 address may stand for the last two.
local function groups(text)
  local list = {}
  if text == "" then
    return list
  end
  for group in (text .. ":"):gmatch("(.-):") do
    local value = group:find(".", 1, true) and parse4(group)
    if value then
      list[#list + 1], list[#list + 2] = value >> 16, value & 0xffff
    elseif group:find("^%x%x?%x?%x?$") then
      list[#list + 1] = tonumber(group, 16)
    else
      return nil
    end
  end
  return list
end

local function parse6(text)
  local head, tail = text:match("^(.-)::(.*)$")
  local left, right = groups(head or text), groups(tail or "")
  if not left or not right or (head and #left + #right > 7) or (not head and #left ~= 8) then
    return nil
  end
  local all = table.move(left, 1, #left, 1, {})
  for _ = 1, 8 - #left - #right do
    all[#all + 1] = 0
  end
  table.move(right, 1, #right, #all + 1, all)
  local half = { 0, 0 }
  for index, group in ipairs(all) do
    local which = index <= 4 and 1 or 2
    half[which] = half[which] << 16 | group
  end
  return half[1], half[2]
end

--- Reads an address without a prefix; nil where the text is none.
---@param text any
---@return network.Address?
function M.parse(text)
  if type(text) ~= "string" then
    return nil
  end
  local value = parse4(text)
  if value then
    return { family = 4, hi = 0, lo = value }
  end
  local hi, lo = parse6(text)
  return hi and text:find(":", 1, true) and { family = 6, hi = hi, lo = lo } or nil
end

local function bits(family)
  return family == 4 and 32 or 128
end

--- Reads "ADDRESS/PREFIX"; nil where the text is none.
---@param text any
---@return network.Address?
function M.cidr(text)
  local head, prefix = tostring(text):match("^([^/]+)/(%d%d?%d?)$")
  local found = head and M.parse(head)
  prefix = math.tointeger(tonumber(prefix))
  if not found or prefix > bits(found.family) then
    return nil
  end
  found.prefix = prefix
  return found
end

--- The two masks of a prefix.
local function masks(family, prefix)
  if family == 4 then
    return 0, (0xffffffff << (32 - prefix)) & 0xffffffff
  end
  -- A shift by 64 or more is 0 in Lua, in both directions.
  local hi = prefix >= 64 and -1 or -1 << (64 - prefix)
  return hi, prefix <= 64 and 0 or -1 << (128 - prefix)
end

--- The network that an address with a prefix lies in.
---@param cidr network.Address|string
---@return network.Address
function M.network(cidr)
  local found = type(cidr) == "string" and M.cidr(cidr) or cidr
  if type(found) ~= "table" then
    options.fail("network", ("%q is not ADDRESS/PREFIX"):format(tostring(cidr)))
  end
  local hi, lo = masks(found.family, found.prefix)
  return {
    family = found.family,
    hi = found.hi & hi,
    lo = found.lo & lo,
    prefix = found.prefix,
  }
end

--- Whether an address lies in a network.
---@param net network.Address
---@param one network.Address
---@return boolean
function M.contains(net, one)
  if net.family ~= one.family then
    return false
  end
  local hi, lo = masks(net.family, net.prefix)
  return one.hi & hi == net.hi & hi and one.lo & lo == net.lo & lo
end

--- Whether two networks have an address in common: then one holds the other.
---@param a network.Address
---@param b network.Address
---@return boolean
function M.overlap(a, b)
  return M.contains(a.prefix <= b.prefix and a or b, a.prefix <= b.prefix and b or a)
end

---@param a network.Address
---@param b network.Address
---@return boolean
function M.same(a, b)
  return a.family == b.family and a.hi == b.hi and a.lo == b.lo
end

--- How many addresses a network can give away: not its own, not the first (the router's), and of
--- IPv4 not the last (broadcast). Large networks answer a large number.
---@param net network.Address
---@return integer
function M.room(net)
  local free = bits(net.family) - net.prefix
  if free >= 48 then
    return 1 << 48
  end
  return math.max(0, (1 << free) - (net.family == 4 and 3 or 2))
end

--- The address at a distance from the network's own.
---@param net network.Address
---@param offset integer from 0 to 2^48
---@return network.Address
function M.at(net, offset)
  return { family = net.family, hi = net.hi, lo = net.lo + offset, prefix = net.prefix }
end

--- The longest run of zero groups, which is written as "::" (RFC 5952: not for a single one).
local function gap(list)
  local start, length, index = nil, 1, 1
  while index <= 8 do
    local stop = index
    while list[stop] == 0 do
      stop = stop + 1
    end
    if stop - index > length then
      start, length = index, stop - index
    end
    index = math.max(stop, index) + 1
  end
  return start, length
end

--- Writes an address as the kernel does, without its prefix.
---@param one network.Address
---@return string
function M.text(one)
  if one.family == 4 then
    local v = one.lo
    return ("%d.%d.%d.%d"):format(v >> 24 & 255, v >> 16 & 255, v >> 8 & 255, v & 255)
  end
  local list, words = {}, {}
  for index = 0, 7 do
    local half = index < 4 and one.hi or one.lo
    list[index + 1] = half >> (48 - index % 4 * 16) & 0xffff
    words[index + 1] = ("%x"):format(list[index + 1])
  end
  local start, length = gap(list)
  if not start then
    return table.concat(words, ":")
  end
  local head = table.concat(words, ":", 1, start - 1)
  return head .. "::" .. table.concat(words, ":", start + length, 8)
end

--- Writes an address with its prefix.
---@param one network.Address
---@return string
function M.with_prefix(one)
  return ("%s/%d"):format(M.text(one), one.prefix)
end

return M

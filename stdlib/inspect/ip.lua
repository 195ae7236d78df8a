--- Addresses and networks as numbers: whether an address lies in a network, and whether two ends of
--- a link agree about theirs.
---
--- ```lua
--- local ip = require "inspect.ip"
---
--- assert(ip.contains("10.0.0.0/24", "10.0.0.9") and not ip.contains("10.0.0.0/24", "10.0.1.9"))
--- assert(ip.contains("fd00::1/64", "fd00::2") and not ip.contains("fd00::/64", "10.0.0.1"))
--- ```
local M = {}

local function v4(text)
  local bytes = { text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$") }
  for index, byte in ipairs(bytes) do
    bytes[index] = tonumber(byte)
  end
  return #bytes == 4 and bytes or nil
end

--- The 16 bytes; `::` stands for as many zeros as are missing.
local function v6(text)
  local head, tail = text:match("^(.-)::(.*)$")
  local function groups(part)
    local found = {}
    for word in part:gmatch("[^:]+") do
      local number = tonumber(word, 16)
      found[#found + 1] = number
    end
    return found
  end
  local first, last = groups(head or text), groups(tail or "")
  local bytes = {}
  for index = 1, 8 do
    local at = index - (8 - #last)
    local value = first[index] or last[at] or 0
    bytes[#bytes + 1], bytes[#bytes + 2] = value >> 8 & 255, value & 255
  end
  return bytes
end

--- The bytes of an address without its prefix, and the prefix's length.
---@param text string "10.0.0.1/24", "fd00::1"
---@return integer[]? bytes 4 or 16
---@return integer? bits
function M.parse(text)
  local address, bits = text:match("^([^/]+)/?(%d*)$")
  if not address then
    return nil
  end
  local bytes = address:find(":", 1, true) and v6(address) or v4(address)
  if bytes then
    return bytes, tonumber(bits) or #bytes * 8
  end
end

--- The address without its prefix.
---@param text string
---@return string
function M.bare(text)
  return (text:gsub("/.*", ""))
end

--- Whether the network that an address and its prefix say contains another address.
---@param network string "10.0.0.1/24"; "default" contains all of both families
---@param address string
---@return boolean
function M.contains(network, address)
  if network == "default" then
    return true
  end
  local bytes, bits = M.parse(network)
  local other = M.parse(M.bare(address))
  if not bytes or not other or #bytes ~= #other then
    return false
  end
  for index, byte in ipairs(bytes) do
    local wanted = math.min(math.max(bits - (index - 1) * 8, 0), 8)
    local mask = 255 << (8 - wanted) & 255
    if byte & mask ~= other[index] & mask then
      return false
    end
  end
  return true
end

--- "inet" or "inet6".
---@param text string
---@return string
function M.family(text)
  return text:find(":", 1, true) and "inet6" or "inet"
end

--- The route that an address takes: the longest network, then the smallest metric.
---@param routes table[] as the primitive `routes` answers
---@param address string
---@return table?
function M.route(routes, address)
  local best, longest
  for _, route in ipairs(routes) do
    if route.family == M.family(address) and M.contains(route.to, address) then
      local _, bits = M.parse(route.to == "default" and "0.0.0.0/0" or route.to)
      local better = not best
        or bits > longest
        or bits == longest and (route.metric or 0) < (best.metric or 0)
      if better then
        best, longest = route, bits
      end
    end
  end
  return best
end

return M

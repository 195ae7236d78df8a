--- Which addresses and ports a list allows: single ones, networks in CIDR notation, hosts by name.
---
--- ```lua
--- local addresses = require "supervise.addresses"
---
--- local list = { "10.0.0.0/8:443", "[fd00::]/8:*", "127.0.0.1:8000-8100" }
--- local allows = addresses.list("example", list)
--- assert(allows(addresses.parse "10.1.2.3", 443))
--- assert(not allows(addresses.parse "11.1.2.3", 443))
--- assert(allows(addresses.parse "fd12::1", 1))
--- assert(allows(addresses.parse "::ffff:127.0.0.1", 8001))
--- ```
local options = require "options"

local M = {}

local function parse4(text)
  local bytes = {}
  for part in (text .. "."):gmatch "(%d+)%." do
    local byte = #part <= 3 and tonumber(part) or 256
    if byte > 255 then
      return nil
    end
    bytes[#bytes + 1] = string.char(byte)
  end
  return #bytes == 4 and text:match "^[%d.]+$" and table.concat(bytes) or nil
end

-- The words of one side of a `::`; the last may be an IPv4 address.
local function words6(text)
  local out = {}
  if text == "" then
    return ""
  end
  for word in (text .. ":"):gmatch "([^:]*):" do
    local v4 = word:find(".", 1, true) and parse4(word)
    if v4 then
      out[#out + 1] = v4
    elseif word:match "^%x%x?%x?%x?$" then
      out[#out + 1] = string.pack(">I2", tonumber(word, 16))
    else
      return nil
    end
  end
  return table.concat(out)
end

local MAPPED = ("\0"):rep(10) .. "\255\255"

--- An address as its 4 or 16 bytes; nil for what is none. An IPv4 address in IPv6's clothes is
--- IPv4.
---@param text string
---@return string?
function M.parse(text)
  local v4 = parse4(text)
  if v4 then
    return v4
  end
  local head, tail = text:match "^(.-)::(.*)$"
  local bytes
  if head then
    local a, b = words6(head), words6(tail)
    if not (a and b) or #a + #b > 14 then
      return nil
    end
    bytes = a .. ("\0"):rep(16 - #a - #b) .. b
  else
    bytes = words6(text)
  end
  return bytes and #bytes == 16 and M.plain(bytes) or nil
end

--- The bytes of an address, those of IPv4 where it is one.
---@param bytes string
---@return string
function M.plain(bytes)
  return #bytes == 16 and bytes:sub(1, 12) == MAPPED and bytes:sub(13) or bytes
end

-- The first `length` bits of some bytes, as bytes.
local function prefix(bytes, length)
  local whole, rest = length // 8, length % 8
  local out = bytes:sub(1, whole)
  if rest > 0 then
    out = out .. string.char(bytes:byte(whole + 1) & (0xff << (8 - rest)))
  end
  return out
end

-- What a name stands for now, as this machine's resolver says.
local function resolve(op, name)
  local found = {}
  local result = capture { "getent", "ahosts", name }
  for text in result.stdout:gmatch "(%S+)%s+STREAM" do
    found[#found + 1] = M.parse((text:gsub("%%.*", "")))
  end
  if #found == 0 then
    options.fail(
      op,
      ("%q stands for no address"):format(name),
      "`getent ahosts NAME` says what this machine's resolver knows"
    )
  end
  return found
end

local function rule_of(op, text)
  local host, port = tostring(text):match "^(.+):([%d*-]+)$"
  local low, high
  if port == "*" then
    low, high = 1, 65535
  elseif port then
    low, high = port:match "^(%d+)%-(%d+)$"
    low, high = tonumber(low or port), tonumber(high or port)
  end
  if not (host and low and high) or low < 1 or low > high or high > 65535 then
    options.fail(
      op,
      ("%q: expected ADDRESS:PORT"):format(tostring(text)),
      'such as "192.0.2.1:443", "10.0.0.0/8:8000-8100", "[fd00::]/8:*", "example.org:443"'
    )
  end
  local network, length = host:match "^(.+)/(%d+)$"
  local plain = (network or host):match "^%[(.+)%]$" or network or host
  local bytes = M.parse(plain)
  if network and not bytes or not bytes and not plain:match "^[%w.-]+$" then
    options.fail(op, ("%q: %q is no address"):format(text, plain))
  end
  local nets = bytes and { bytes } or resolve(op, plain)
  length = tonumber(length)
  if length and length > #bytes * 8 then
    options.fail(op, ("%q: the prefix has at most %d bits"):format(text, #bytes * 8))
  end
  return { nets = nets, length = length, low = low, high = high }
end

--- Whether an address, as `parse` gives it, and a port are on a list.
---@param op string the function that was called
---@param list string[]
---@return fun(bytes: string, port: integer): boolean
function M.list(op, list)
  local rules = {}
  for index, text in ipairs(list) do
    rules[index] = rule_of(op, text)
  end
  return function(bytes, port)
    for _, rule in ipairs(rules) do
      if port >= rule.low and port <= rule.high then
        for _, net in ipairs(rule.nets) do
          local length = rule.length or #net * 8
          if #net == #bytes and prefix(net, length) == prefix(bytes, length) then
            return true
          end
        end
      end
    end
    return false
  end
end

return M

--- A D-Bus connection, as far as asking systemd needs one: method calls and their answers.
---
--- It is written out here because the library that the other half of this program reads control
--- groups with (`cgroups-rs`, on `zbus`) starts threads, and a process with threads must not fork
--- with Lua in the child. The protocol is small: after a handshake of two lines each message is a
--- header and a body, both marshalled by a signature (D-Bus Specification, "Marshaling").
---
--- ```lua
--- local bus = require "oci.systemd.bus"
---
--- local bytes = bus.marshal("sa(sv)", { "x", { { "Delegate", { "b", true } } } })
--- assert(bus.unmarshal("sa(sv)", bytes)[2][1][2] == true)
--- ```
local options = require "options"

local M = {}

local Bus = {}
Bus.__index = Bus

local ALIGN =
  { y = 1, b = 4, i = 4, u = 4, n = 2, q = 2, x = 8, t = 8, d = 8, s = 4, o = 4, g = 1, v = 1 }
local FORMATS =
  { y = "B", b = "<I4", i = "<i4", u = "<I4", n = "<i2", q = "<I2", x = "<i8", t = "<i8", d = "<d" }
ALIGN.a, ALIGN["("] = 4, 8

--- The first complete type of a signature, and what is behind it.
local function split(signature)
  local first = signature:sub(1, 1)
  if first == "a" then
    local element, rest = split(signature:sub(2))
    return "a" .. element, rest
  elseif first == "(" then
    local whole = signature:match("^%b()")
    return whole, signature:sub(#whole + 1)
  end
  return first, signature:sub(2)
end

local function pad(position, alignment)
  return (alignment - position % alignment) % alignment
end

--- A buffer that knows how long it is: alignment counts from its start.
local function buffer()
  local self = { parts = {}, size = 0 }
  function self.put(bytes)
    self.parts[#self.parts + 1] = bytes
    self.size = self.size + #bytes
  end
  function self.align(alignment)
    self.put(("\0"):rep(pad(self.size, alignment)))
  end
  return self
end

local write

local function write_array(out, element, list)
  out.align(4)
  local inner = buffer()
  -- The length counts neither itself nor the padding before the first element.
  local start = out.size + 4
  local padding = pad(start, ALIGN[element:sub(1, 1)])
  inner.size = start + padding
  local from = inner.size
  for _, value in ipairs(list) do
    write(inner, element, value)
  end
  out.put(("<I4"):pack(inner.size - from) .. ("\0"):rep(padding))
  out.put(table.concat(inner.parts))
end

local function write_struct(out, fields, values)
  out.align(8)
  local index = 1
  while fields ~= "" do
    local one
    one, fields = split(fields)
    write(out, one, values[index])
    index = index + 1
  end
end

function write(out, kind, value)
  local first = kind:sub(1, 1)
  if first == "a" then
    write_array(out, kind:sub(2), value)
  elseif first == "(" then
    write_struct(out, kind:sub(2, -2), value)
  elseif first == "v" then
    write(out, "g", value[1])
    write(out, value[1], value[2])
  elseif first == "s" or first == "o" then
    out.align(4)
    out.put(("<s4"):pack(value) .. "\0")
  elseif first == "g" then
    out.put(("s1"):pack(value) .. "\0")
  else
    out.align(ALIGN[first])
    if first == "b" then
      value = value and 1 or 0
    end
    out.put(FORMATS[first]:pack(value))
  end
end

--- Values as bytes. A variant is `{ signature, value }`.
---@param signature string
---@param values any[]
---@return string
function M.marshal(signature, values)
  local out, index = buffer(), 1
  while signature ~= "" do
    local one
    one, signature = split(signature)
    write(out, one, values[index])
    index = index + 1
  end
  return table.concat(out.parts)
end

local read

local function read_fields(bytes, position, fields, values)
  while fields ~= "" do
    local one
    one, fields = split(fields)
    values[#values + 1], position = read(bytes, position, one)
  end
  return values, position
end

--- One value from a position, which counts from 0.
function read(bytes, position, kind)
  local first = kind:sub(1, 1)
  position = position + pad(position, first == "(" and 8 or ALIGN[first])
  if first == "a" then
    local list, element = {}, kind:sub(2)
    local size = ("<I4"):unpack(bytes, position + 1)
    position = position + 4
    position = position + pad(position, ALIGN[element:sub(1, 1)])
    local ending = position + size
    while position < ending do
      list[#list + 1], position = read(bytes, position, element)
    end
    return list, position
  elseif first == "(" then
    return read_fields(bytes, position, kind:sub(2, -2), {})
  elseif first == "v" then
    local signature
    signature, position = read(bytes, position, "g")
    return read(bytes, position, signature)
  elseif first == "s" or first == "o" then
    local text, next_one = ("<s4"):unpack(bytes, position + 1)
    return text, next_one
  elseif first == "g" then
    local text, next_one = ("s1"):unpack(bytes, position + 1)
    return text, next_one
  end
  local value, next_one = FORMATS[first]:unpack(bytes, position + 1)
  if first == "b" then
    value = value == 1
  end
  return value, next_one - 1
end

--- The values in bytes. A variant is its value alone.
---@param signature string
---@param bytes string
---@return any[]
function M.unmarshal(signature, bytes)
  return (read_fields(bytes, 0, signature, {}))
end

-- Header fields that are used: their codes and types.
local PATH, INTERFACE, MEMBER, ERROR_NAME = 1, 2, 3, 4
local REPLY_SERIAL, DESTINATION, SIGNATURE = 5, 6, 8
local CALL, RETURN, ERROR = 1, 2, 3

local PATIENCE = "30s"
local MOST = 1 << 27

--- Exactly so many bytes.
function Bus:bytes(count)
  while #self.pending < count do
    if #poll({ self.socket }, { timeout = PATIENCE }) == 0 then
      options.fail("systemd", "no answer on D-Bus within " .. PATIENCE)
    end
    local more = self.socket:read(65536)
    if not more or more == "" then
      options.fail("systemd", "the D-Bus connection was closed")
    end
    self.pending = self.pending .. more
  end
  local found = self.pending:sub(1, count)
  self.pending = self.pending:sub(count + 1)
  return found
end

--- The next message: its kind, header fields by code, and body.
function Bus:message()
  local start = self:bytes(16)
  local endian, kind, _, _, size, _, fields = ("<BBBBI4I4I4"):unpack(start)
  if endian ~= ("l"):byte() or size > MOST or fields > MOST then
    options.fail("systemd", "unexpected message on D-Bus")
  end
  local rest = self:bytes(fields + pad(fields, 8))
  local header = {}
  for _, field in ipairs(read(start .. rest, 12, "a(yv)")) do
    header[field[1]] = field[2]
  end
  return kind, header, self:bytes(size)
end

--- Calls a method and waits for its answer.
---@param target { [1]: string, [2]: string, [3]: string } destination, path, interface
---@param member string
---@param signature string of the arguments
---@param arguments any[]
---@return any[]? answer
---@return { name: string, message: string }? refused
function Bus:call(target, member, signature, arguments)
  self.serial = self.serial + 1
  local fields = {
    { PATH, { "o", target[2] } },
    { INTERFACE, { "s", target[3] } },
    { MEMBER, { "s", member } },
    { DESTINATION, { "s", target[1] } },
  }
  if signature ~= "" then
    fields[#fields + 1] = { SIGNATURE, { "g", signature } }
  end
  local body = M.marshal(signature, arguments)
  local head = { ("l"):byte(), CALL, 0, 1, #body, self.serial, fields }
  local bytes = M.marshal("yyyyuua(yv)", head)
  self.socket:write(bytes .. ("\0"):rep(pad(#bytes, 8)) .. body)
  while true do
    local kind, header, answer = self:message()
    if header[REPLY_SERIAL] == self.serial and (kind == RETURN or kind == ERROR) then
      local values = M.unmarshal(header[SIGNATURE] or "", answer)
      if kind == RETURN then
        return values
      end
      return nil, { name = header[ERROR_NAME], message = tostring(values[1] or header[ERROR_NAME]) }
    end
  end
end

function Bus:close()
  self.socket:close()
end

Bus.__close = Bus.close

--- Says who we are, by the uid that the kernel tells the other side.
local function shake_hands(self)
  local uid = tostring(proc_status().uid.effective)
  local hex = uid:gsub(".", function(digit)
    return ("%02x"):format(digit:byte())
  end)
  self.socket:write("\0AUTH EXTERNAL " .. hex .. "\r\n")
  local line = ""
  repeat
    line = line .. self:bytes(1)
  until line:sub(-2) == "\r\n"
  if not line:find("^OK ") then
    options.fail("systemd", "D-Bus refuses this user: " .. line:match("[^\r]*"))
  end
  self.socket:write("BEGIN\r\n")
end

--- Connects to the first of some sockets that answers.
---@param sockets { path: string, private: boolean? }[] private: systemd itself, without a broker
---@return any? bus nil where there is none
---@return any? err of the last one
function M.connect(sockets)
  local reason
  for _, one in ipairs(sockets) do
    local socket, err = try(socket_connect, one.path)
    if socket then
      local self = setmetatable({ socket = socket, serial = 0, pending = "" }, Bus)
      shake_hands(self)
      if not one.private then
        local broker = { "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus" }
        self:call(broker, "Hello", "", {})
      end
      return self
    end
    reason = err
  end
  return nil, reason
end

return M

--- Programs for tests, made instruction by instruction: x86-64 files that make exactly the calls
--- that they are told, those of the 32-bit interface too, without a library that makes others.
---
--- ```lua
--- local machine = require "test.machine"
---
--- -- getpid(2)
--- assert(machine.program({ { 39 } }):sub(1, 4) == "\x7fELF")
--- ```
local test = require "test"

local M = {}

--- Where such a file lies in memory; it begins with the byte 0x7f.
M.BASE = 0x400000

test.need("machine", function(name)
  local found = capture({ "uname", "-m" }).stdout:match("%S+")
  return found ~= name and ("the machine is %s, not %s"):format(found, name) or nil
end)

local REGISTERS = { "\x48\xbf", "\x48\xbe", "\x48\xba", "\x49\xba", "\x49\xb8", "\x49\xb9" }
local NARROW = { "\xbb", "\xb9", "\xba", "\xbe", "\xbf", "\xbd" }

--- An ELF file that makes these calls, writes their results, 8 bytes each, and ends.
---@param calls table[] each a number and up to six arguments; `narrow` by the 32-bit interface
---@return string
function M.program(calls)
  local results = M.BASE + 0x8000
  local code = {}
  local function call(one, place)
    local registers = one.narrow and NARROW or REGISTERS
    local form = one.narrow and "<I4" or "<i8"
    for index, register in ipairs(registers) do
      code[#code + 1] = register .. form:pack(one[index + 1] or 0)
    end
    code[#code + 1] = (one.narrow and "\xb8" or "\x48\xb8") .. form:pack(one[1])
    -- int 0x80; movsxd rax, eax, or syscall; mov [place], rax.
    code[#code + 1] = one.narrow and "\xcd\x80\x48\x63\xc0" or "\x0f\x05"
    code[#code + 1] = place and "\x48\xa3" .. ("<i8"):pack(place) or ""
  end
  for index, one in ipairs(calls) do
    call(one, results + 8 * (index - 1))
  end
  call { 1, 1, results, 8 * #calls }
  call { 231, 0 }
  local text = table.concat(code)
  local head = "\x7fELF\2\1\1" .. ("\0"):rep(9)
  head = head
    .. ("<I2I2I4I8I8I8I4I2I2I2I2I2I2"):pack(2, 62, 1, M.BASE + 120, 64, 0, 0, 64, 56, 1, 64, 0, 0)
  head = head .. ("<I4I4I8I8I8I8I8I8"):pack(1, 7, 0, M.BASE, M.BASE, 120 + #text, 0x9000, 0x1000)
  return head .. text
end

return M

--- Network devices of the host's that move into a container (`linux.netDevices`).
---
--- A device that moves loses its addresses, and is down: those that last and reach beyond the link
--- come back under the new name, and it goes up. When the container ends the kernel gives a
--- hardware device back; nothing here takes it back.
---
--- ```lua
--- local netdevices = require "oci.netdevices"
---
--- local box <close> = spawn({ unshare = { "user", "net" } }, function()
---   link_add("one", { kind = "dummy" })
---   local inner <close> = spawn({ unshare = { "net" } }, function()
---     exec { "sleep", "60" }
---   end)
---   inner:started()
---   netdevices.move({ one = { name = "eth7" } }, inner)
---   assert(links({ ns = inner })[2].name == "eth7")
--- end)
--- assert(box:wait().code == 0)
--- ```
local options = require "options"

local M = {}

local function known(list, field, wanted)
  for _, one in ipairs(list) do
    if one[field] == wanted then
      return one
    end
  end
end

--- The addresses that last and that others can reach (rt_scopes of rtnetlink(7)).
local function lasting(name)
  local kept = {}
  for _, address in ipairs(addresses()) do
    local permanent = false
    for _, flag in ipairs(address.flags or {}) do
      permanent = permanent or flag == "permanent"
    end
    if address.link == name and permanent and address.scope == "universe" then
      kept[#kept + 1] = address.address
    end
  end
  return kept
end

--- The name inside. The kernel's "%d" is the first number that is free there, of which rtnetlink
--- takes no pattern together with a namespace.
local function name_inside(device, name, target)
  local new = device.name and device.name ~= "" and device.name or name
  local there = links { ns = target }
  local before, after = new:match "^([^%%]*)%%d([^%%]*)$"
  if before then
    local number = 0
    while known(there, "name", before .. number .. after) do
      number = number + 1
    end
    return before .. number .. after
  elseif known(there, "name", new) then
    options.fail("oci", ("linux.netDevices: the container has a device %q already"):format(new))
  end
  return new
end

--- Moves the devices; in the parent, after the clone.
---@param devices table<string, { name: string? }>
---@param target any the container's process
function M.move(devices, target)
  for _, name in ipairs(options.keys(devices)) do
    if not known(links(), "name", name) then
      options.fail("oci", ("linux.netDevices: there is no device %q"):format(name))
    end
    local new = name_inside(devices[name], name, target)
    local kept = lasting(name)
    link_set(name, { to = target, name = new ~= name and new or nil, host = true })
    for _, address in ipairs(kept) do
      address_add(new, address, { ns = target, host = true })
    end
    link_set(new, { up = true, ns = target, host = true })
  end
end

return M

--- What `crun-lua gc` does beside undoing the journals of dead processes: containers, networks,
--- profiles of AppArmor and stages of scenarios are written down by the stdlib, so the stdlib takes
--- them back.
---
--- ```lua
--- local gc = require "gc"
---
--- for _, text in ipairs(gc()) do
---   print("removed", text)
--- end
--- ```

--- Removes what is nobody's any more.
---@return string[] what was removed
return function()
  local removed = {}
  for _, module in ipairs { "container", "network" } do
    for _, text in ipairs(require(module).gc()) do
      removed[#removed + 1] = text
    end
  end
  if stat(state_dir() .. "/apparmor") then
    for _, text in ipairs(require("hardening.apparmor").gc()) do
      removed[#removed + 1] = text
    end
  end
  if stat(state_dir() .. "/lab") then
    for _, text in ipairs(require("lab.keeper").gc()) do
      removed[#removed + 1] = text
    end
  end
  if stat(state_dir() .. "/scenario") then
    for _, text in ipairs(require("scenario.remains").gc()) do
      removed[#removed + 1] = text
    end
  end
  return removed
end

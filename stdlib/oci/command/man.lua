--- `crun-lua man DIR`: writes the manual pages into a directory, which is made where it is missing.
---
--- ```lua
--- local man = require "oci.command.man"
---
--- local dir <close> = temp_dir()
--- assert(man { operands = { dir.path } } == 0)
--- assert(read_file(dir.path .. "/crun-lua.8"):find("SYNOPSIS", 1, true))
--- ```

---@param call oci.Call
---@return integer status
return function(call)
  local dir = call.operands[1]
  mkdir(dir, { parents = true })
  for name, text in pairs(require("oci.man").pages()) do
    write_file(dir .. "/" .. name, text, { atomic = true })
  end
  return 0
end

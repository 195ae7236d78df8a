--- Whether a value is one that a plan (`--dry-run`) cannot know: a pid, what a program said.
---
--- Code that waits for an answer in a loop, or goes by what it is, has to ask: in a plan nobody
--- answers.
---
--- ```lua
--- local planned = require "planned"
---
--- assert(not planned(4242) and not planned(nil))
--- ```

---@param value any
---@return boolean
return function(value)
  return getmetatable(value) == "unknown"
end

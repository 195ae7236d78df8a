--- What a runtime and the child that it has started say to each other until the program runs: two
--- pipes, a byte a word.
---
--- ```lua
--- local oci_sync = require "oci.sync"
---
--- local sync = oci_sync.new()
--- local child <close> = spawn(function()
---   sync:enter()
---   assert(sync:hear() == "g")
---   sync:tell("r")
--- end)
--- sync:admit()
--- sync:say("g")
--- assert(sync:listen() == "r")
--- ```
local options = require "options"
local planned = require "planned"

local M = {}

local ENDED = "the runtime has ended before the container was there"

local Sync = {}
Sync.__index = Sync

--- Made before the clone.
function M.new()
  return setmetatable({ up = pipe(), down = pipe() }, Sync)
end

--- The child's first act.
function Sync:enter()
  die_with_parent("kill")
  self.up.read:close()
  self.down.write:close()
end

--- The parent's, after the clone.
function Sync:admit()
  self.up.write:close()
  self.down.read:close()
end

--- To the parent.
function Sync:tell(word)
  self.up.write:write(word)
end

--- From the parent; fails where that has ended.
function Sync:hear()
  local word = self.down.read:read(1)
  if not word then
    options.fail("oci", ENDED)
  end
  return word
end

--- From the parent: a line. It is one write, and no word follows it before it is answered.
function Sync:hear_line()
  local line = ""
  while line:sub(-1) ~= "\n" do
    local text = self.down.read:read(64)
    if not text then
      options.fail("oci", ENDED)
    elseif planned(text) then
      return text
    end
    line = line .. text
  end
  return line:sub(1, -2)
end

--- To the child. One that has ended says why to who waits for it.
function Sync:say(word)
  local _, err = try(self.down.write.write, self.down.write, word)
  if err and err.errno ~= "EPIPE" then
    error(err, 0)
  end
end

--- From the child; nil where it has ended.
function Sync:listen()
  return self.up.read:read(1)
end

--- Both ends that this process has.
function Sync:close()
  for _, pair in ipairs { self.up, self.down } do
    pair.read:close()
    pair.write:close()
  end
end

return M

--- What ties a container's first process to its owner: pipes that only the owner can write to.
---
--- The container ends with its owner, whatever ends that one, and runs nothing of others' before
--- its number is written down. Until then it sets up what is its own alone and goes with it, so
--- both sides work at once.
---
--- ```lua
--- local bond = require "container.bond"
---
--- local tie = bond.new()
--- local child <close> = spawn(function()
---   tie:enter()
---   tie:admitted()
---   tie:rearm()
---   return 7
--- end)
--- tie:admit()
--- assert(child:wait().code == 7)
--- tie:close()
--- ```
local state = require "container.state"

local Bond = {}
Bond.__index = Bond

local M = {}

-- One pipe for all containers of an owner, which nobody writes to: it tells of the owner's end. A
-- pipe for each would be one descriptor more that every later child inherits.
local life

local function life_of(owner)
  if not life or life.owner ~= owner then
    local pair = pipe()
    life = { owner = owner, read = pair.read, write = pair.write }
  end
  return life
end

--- Made by the owner, before the clone.
function M.new()
  local pair = pipe()
  return setmetatable({ life = life_of(state.self()), read = pair.read, write = pair.write }, Bond)
end

local function orphaned()
  error("the owner of the container has ended", 0)
end

--- The first thing that the container does.
function Bond:enter()
  die_with_parent("kill")
  self.write:close()
  self.life.write:close()
end

--- Waits until the owner has written the container down; fails where it will not any more.
function Bond:admitted()
  if self.read:read(1) == nil then
    orphaned()
  end
end

--- To be called after a change of user, when the kernel forgets the signal that comes with the
--- owner's death: an owner that died in between has closed its end of the pipe.
function Bond:rearm()
  die_with_parent("kill")
  local life_end = self.life.read
  local _, err = try(life_end.read, life_end, 1, { timeout = 0 })
  if not (err and err.errno == "ETIMEDOUT") then
    orphaned()
  end
end

--- Lets the container go on. One that has ended already says why to whoever waits for it.
function Bond:admit()
  self.read:close()
  local _, err = try(self.write.write, self.write, "g")
  self.write:close()
  if err and err.errno ~= "EPIPE" then
    error(err, 0)
  end
end

--- What is left of it where a start has failed; twice is fine.
function Bond:close()
  self.read:close()
  self.write:close()
end

return M

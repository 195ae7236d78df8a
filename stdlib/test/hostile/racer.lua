--- Two names that change places as fast as the kernel lets them (`RENAME_EXCHANGE`): whatever looks
--- at a path first and uses it afterwards finds something else there, sooner or later.
---
--- ```lua
--- local racer = require "test.hostile.racer"
---
--- local dir <close> = temp_dir()
--- mkdir(dir.path .. "/vol")
--- symlink("/etc", dir.path .. "/trap")
--- local exchanges = racer.during(dir.path .. "/vol", dir.path .. "/trap", function()
---   local seen = {}
---   while not (seen.directory and seen.symlink) do
---     seen[stat(dir.path .. "/vol", { nofollow = true }).type] = true
---   end
--- end)
--- assert(exchanges > 0)
--- ```
local M = {}

-- So many between two looks at whether it is to stop.
local ROW <const> = 64

local function run(a, b, stop)
  local how, done = { exchange = true }, 0
  repeat
    for _ = 1, ROW do
      -- A mount on one of them, or its removal, is nothing to end for.
      local _, err = try(rename, a, b, how)
      done = done + (err and 0 or 1)
    end
  until #poll({ stop }, { timeout = 0 }) > 0
  return done
end

--- Exchanges two names while `body` runs; answers how often they changed places.
---@param a string
---@param b string
---@param body function
---@return integer exchanges
function M.during(a, b, body)
  local stop, count = pipe(), pipe()
  local child <close> = spawn({ die_with_parent = true }, function()
    count.write:write(tostring(run(a, b, stop.read)))
  end)
  local _, err = try(body)
  stop.write:write("x")
  local done = math.tointeger(tonumber(count.read:read(32, { timeout = "60s" })))
  child:wait()
  for _, ends in ipairs { stop, count } do
    ends.read:close()
    ends.write:close()
  end
  if err then
    error(err, 0)
  end
  return done or 0
end

return M

-- What a supervised system call costs when a Lua function answers it, beside a C program that
-- always says "go on": supervise.lua HELPER, which benches/supervise.sh compiles.

local supervise = require "supervise"

local HELPER = arg[1]
local CALLS, TURNS = 20000, 9

local function c()
  return tonumber(capture({ HELPER, "always", tostring(CALLS) }).stdout)
end

local function lua()
  local out = pipe()
  local session <close> = supervise.start({
    notify = {
      getppid = function(req)
        req:allow()
      end,
    },
    spawn = { stdout = out.write },
  }, { HELPER, "caller", tostring(CALLS) })
  out.write:close()
  session:serve()
  return tonumber(out.read:read())
end

local times = { c = {}, lua = {} }
for turn = 1, TURNS do
  times.c[turn], times.lua[turn] = c(), lua()
end
table.sort(times.c)
table.sort(times.lua)

local function row(name, list)
  print(("%-28s %8.0f %8.0f"):format(name, list[1], list[(#list + 1) // 2]))
end

print(("%-28s %8s %8s   ns a call, %d turns of %d"):format("", "min", "median", TURNS, CALLS))
row("C that always allows", times.c)
row("a Lua function", times.lua)
print(
  ("a Lua function over C: %.2f min, %.2f median (limit 1.5)"):format(
    times.lua[1] / times.c[1],
    times.lua[(TURNS + 1) // 2] / times.c[(TURNS + 1) // 2]
  )
)

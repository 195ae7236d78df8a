-- What a supervised system call costs when a Lua function answers it, beside a C program that
-- always says "go on": supervise.lua HELPER, which benches/supervise.sh compiles.

local supervise = require "supervise"

local HELPER = arg[1]
local CALLS, TURNS = 20000, 9

local function c(way)
  return tonumber(capture({ HELPER, way, tostring(CALLS) }).stdout)
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

local times = { c = {}, least = {}, lua = {} }
for turn = 1, TURNS do
  times.c[turn], times.lua[turn], times.least[turn] = c "always", lua(), c "least"
end
for _, list in pairs(times) do
  table.sort(list)
end

local function row(name, list)
  print(("%-28s %8.0f %8.0f"):format(name, list[1], list[(#list + 1) // 2]))
end

print(("%-28s %8s %8s   ns a call, %d turns of %d"):format("", "min", "median", TURNS, CALLS))
row("C that always allows", times.c)
row("the same without poll", times.least)
row("a Lua function", times.lua)

local function ratio(name, list)
  local middle = (TURNS + 1) // 2
  local of = ("%.2f min, %.2f median"):format(times.lua[1] / list[1], times.lua[middle] / list[middle])
  print(("a Lua function over %s: %s (limit 1.5)"):format(name, of))
end
ratio("C", times.c)
ratio("C without poll", times.least)

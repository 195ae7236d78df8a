--- What a key at the prompt costs: completion, hint and colours, with every public module of the
--- stdlib loaded and within a text of many lines.
---
--- `crun-lua benches/prompt.lua`. The first answer reads the table of primitives and what the
--- stdlib's annotations say of the module in question; each later one finds these.
local began = clock "monotonic"
local complete = require "repl.complete"
local highlight = require "repl.highlight"
local hint = require "repl.hint"

local ROUNDS, LIMIT = 15, 20

local function since(moment)
  return (clock "monotonic" - moment) * 1000
end

complete.at({}, "unsha", 5)
print(("%-44s %8.2f ms"):format("the first answer, with loading", since(began)))
began = clock "monotonic"
complete.at({}, 'require("container").new { mem', 30)
print(("%-44s %8.2f ms"):format("the first option of a module", since(began)))

local env = setmetatable({}, { __index = _G })
for _, name in ipairs(require("reference").PUBLIC) do
  local field = name:match "[%w_]+$"
  env[field] = require(name)
end
require("reference").modules()
env.big = {}
for index = 1, 100000 do
  env.big["key" .. index] = index
end

local TEXTS = {
  "mou",
  "container.",
  "big.key9",
  'mount("proc", "/proc", { ty',
  'unshare { "u',
  'container.new { restart = "',
  'seccomp { allow = { "o',
  "local child = spawn({}, f) child:wa",
  "proc_status(1",
  'read_file("/usr/bin/l',
  'container.get("',
  "?net",
}
local LINES = ('local x = { a = 1, b = "two", c = f(3) } -- note\n'):rep(200)

local worst, worst_text = 0, nil
local function measure(name, text, run)
  run(text)
  local times = {}
  for round = 1, ROUNDS do
    local moment = clock "monotonic"
    run(text)
    times[round] = since(moment)
  end
  table.sort(times)
  local median = times[ROUNDS // 2 + 1]
  print(("%-44s %8.2f ms, at worst %.2f"):format(name, median, times[ROUNDS]))
  return median
end

local function completed(text)
  complete.at(env, text, #text)
end

for _, text in ipairs(TEXTS) do
  local median = measure("complete  " .. text, text, completed)
  if median > worst then
    worst, worst_text = median, text
  end
end
measure("complete  after 200 lines", LINES .. 'unshare { "u', completed)
measure("hint      within an option", 'mount("a", "b", { type = ', function(text)
  hint.at(env, text, #text)
end)
measure("colours   a line of 80", LINES:sub(1, 80), function(text)
  highlight.line(env, text)
end)
local passed = worst <= LIMIT and "kept" or "MISSED"
local found = ("slowest completion, %s: %.1f ms (limit %d ms, %s)"):format(
  worst_text,
  worst,
  LIMIT,
  passed
)
print(found)

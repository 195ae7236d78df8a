--- Exercise 4: build a container runtime, level by level, from a skeleton of sixty lines to OCI's
--- lifecycle. The checks run the learner's program by its command line, on a pretended host, and
--- look at what it does: so it may be written in any language.
---
--- ```lua
--- local ex4 = require "lab.ex4"
---
--- assert(ex4.steps[1].id == "pid1" and #ex4.steps == 9)
--- ```
local scenario = require "scenario"

local LEVELS = require("lab.ex4.skeleton").LEVELS

local steps = {}
for index, id in ipairs(LEVELS) do
  steps[index] = require("lab.ex4." .. id)
end

return scenario {
  title = "Build a container runtime",
  summary = [[
Nine levels, each one thing that a runtime owes: process 1, a root, a status, its orphans, a
terminal, a limit, an address, a clean end, and OCI's lifecycle. `crun-lua lab start ex4` tells
where the starting file lies.]],
  steps = steps,
}

--- Exercise 2 of the course: resources. The layout of the control groups, limits of memory,
--- processor time and processes that are met, a load that is watched, frozen and ended, and one
--- limit in both dialects.
---
--- ```lua
--- local lesson = require "lab.ex2"
---
--- assert(lesson.steps[1].id == "layout")
--- ```
local scenario = require "scenario"

local freeze = require "lab.ex2.freeze"
local dialects = require "lab.ex2.dialects"

return scenario {
  title = "Resources",
  summary = "Limits that bite: memory, processor time, processes; on cgroup v1 and on v2",
  steps = {
    require "lab.ex2.layout",
    require "lab.ex2.memory",
    require "lab.ex2.cpu",
    require "lab.ex2.plot",
    freeze[1],
    freeze[2],
    require "lab.ex2.kill",
    require "lab.ex2.pids",
    dialects[1],
    dialects[2],
  },
}

--- Exercise 5 of the course, troubleshooting: boxes that are broken, each in one way. The learner
--- is told the symptom, names the cause, and repairs it from outside or inside, with whatever
--- tool; the kernel's state is what counts.
---
--- ```lua
--- local lesson = require "lab.ex5"
---
--- assert(lesson.steps[1].id == "ps" and lesson.steps[1].answers.cause)
--- ```
local scenario = require "scenario"

return scenario {
  title = "Troubleshooting",
  summary = "Broken boxes: find out why from the symptom, and repair them",
  steps = {
    require "lab.ex5.ps",
    require "lab.ex5.nobody",
    require "lab.ex5.leak",
    require "lab.ex5.denied",
    require "lab.ex5.nolimit",
    require "lab.ex5.nospace",
    require "lab.ex5.busy",
    require "lab.ex5.unlimited",
    require "lab.ex5.restarts",
    require "lab.ex5.restarts_user",
    require "lab.ex5.localhost",
    require "lab.ex5.neighbour",
    require "lab.ex5.beyond",
    require "lab.ex5.oneway",
    require "lab.ex5.twins",
    require "lab.ex5.badcall",
    require "lab.ex5.stop",
  },
}

--- Exercise 3 of the course: hardening. A box is scored and raised, one capability is left, a
--- filter is made from a recording, mounts and user take the rest, and a red team asks which layer
--- holds.
---
--- ```lua
--- local lesson = require "lab.ex3"
---
--- assert(lesson.steps[2].id == "caps")
--- ```
local scenario = require "scenario"

return scenario {
  title = "Hardening",
  summary = "Rights that are given up: capabilities, system calls, mounts, the user; and the proof",
  steps = {
    require "lab.ex3.score_step",
    require "lab.ex3.caps",
    require "lab.ex3.seccomp",
    require "lab.ex3.mounts",
    require "lab.ex3.redteam",
  },
}

--- The errata of the course, as a bonus: each of its defects is found and proved by the learner.
--- The course's own version is a decoy of each task, and the check fails on it.
---
--- ```lua
--- local lesson = require "lab.errata"
---
--- for _, step in ipairs(lesson.steps) do
---   assert(step.decoys[1].course, step.id)
--- end
--- ```
local needs = require "needs"
local scenario = require "scenario"

--- The layout that the course's one-liner does not know.
needs.add("hybrid", function()
  local kind = cgroup_layout().kind
  return kind ~= "hybrid"
      and ("the control groups here are %s, not both versions at once"):format(kind)
    or nil
end)

needs.add("unified", function()
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    if hierarchy.version == "v2" and hierarchy.own then
      return nil
    end
  end
  return "no hierarchy of version 2 is mounted"
end)

return scenario {
  title = "Errata",
  summary = "What the course has wrong: find it, and prove it",
  steps = {
    require "lab.errata.kinds",
    require "lab.errata.ps",
    require "lab.errata.layout",
    require "lab.errata.grep",
    require "lab.errata.profile",
    require "lab.errata.shell",
    require "lab.errata.size",
    require "lab.errata.names",
    require "lab.errata.addresses",
    require "lab.errata.chroot",
    require "lab.errata.tee",
    require "lab.errata.order",
  },
}

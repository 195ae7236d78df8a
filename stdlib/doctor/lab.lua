--- The topic `lab`: which tasks of the course can be done here, and which cannot, and why.
---
--- ```lua
--- local doctor = require "doctor"
---
--- for _, row in ipairs(doctor.check { "lab" }) do
---   print(row.name, row.ok, row.reason or row.found)
--- end
--- ```
local catalogue = require "lab.catalogue"

--- A row for each exercise, and one for each task that is impossible here.
---@param add fun(row: doctor.Row)
return function(add)
  local course = catalogue.open()
  for _, name in ipairs(course.names) do
    local exercise = course:exercise(name)
    local lacking = {}
    for _, task in ipairs(exercise.tasks) do
      local reasons = catalogue.unmet(task)
      if #reasons > 0 then
        local other = catalogue.alternative(task)
        lacking[#lacking + 1] = {
          name = task.id,
          ok = false,
          meaning = task.step.title,
          reason = table.concat(reasons, "; "),
          remedy = other and ("crun-lua lab task %s can be done instead"):format(other.id)
            or "crun-lua lab goes on with the other tasks of the exercise without it",
        }
      end
    end
    local all = #exercise.tasks
    add {
      name = name,
      ok = #lacking < all,
      found = ("%d of %d tasks"):format(all - #lacking, all),
      meaning = exercise.title,
      reason = #lacking == all and "none of its tasks can be done here" or nil,
    }
    for _, row in ipairs(lacking) do
      add(row)
    end
  end
end

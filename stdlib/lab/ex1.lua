--- Exercise 1: namespaces, found out one by one. All kinds at once, a proof of each that has a
--- visible effect, three ways for two boxes to talk, birth and death, and two traps.
---
--- ```lua
--- local ex1 = require "lab.ex1"
---
--- assert(ex1.steps[1].id == "kinds" and #ex1.steps == 16)
--- ```
local scenario = require "scenario"

local IDS = { "kinds" }
-- A proof of each kind.
table.move({ "uts", "mnt", "net", "ipc", "pid", "user", "cgroup", "time" }, 1, 8, 2, IDS)
-- Talking, birth and death, traps.
table.move({ "wire", "file", "inherit", "death", "pin", "fork", "proc" }, 1, 7, 10, IDS)

local steps = {}
for index, id in ipairs(IDS) do
  steps[index] = require("lab.ex1." .. id)
end

return scenario {
  title = "Namespaces, found out",
  summary = [[
What a process does not share with others, kind by kind; what can be told of it by looking from
outside; how boxes talk all the same; when a namespace ends; and two traps. Everything works as
an ordinary user too, in a user namespace, but for the wire.]],
  steps = steps,
}

--- The course that the program ships: its exercises, its questions, and its checklist.
---
--- An exercise is a scenario (`require "scenario"`), a question a table of `lab.quiz`. A line of
--- the checklist is done when all that it comes from is: a whole exercise, a task, a question, all
--- questions (`quiz`), or a scenario of the learner's own (`own`).
---
--- ```lua
--- local course = require "lab.course"
---
--- assert(course.exercises[1] == "lab.ex1" and #course.quiz == 15 and #course.checklist == 11)
--- ```
local M = {
  id = "day28",
  title = "Day 28: Linux containers",
  exercises = { "lab.ex1", "lab.ex2", "lab.ex3", "lab.ex4", "lab.ex5", "lab.errata" },
  quiz = {},
}

for number = 1, 15 do
  M.quiz[number] = ("lab.quiz.questions.q%02d"):format(number)
end

M.checklist = {
  { "Understand all six Linux namespace types", from = { "ex1", "q2" }, note = "there are eight" },
  { "Master cgroups v1 and v2 management", from = { "ex2", "q3", "q5" } },
  { "Implement Linux capabilities security", from = { "ex3", "q4" } },
  { "Configure container networking from scratch", from = { "ex1.wire", "ex4.network", "q8" } },
  { "Build a minimal container runtime", from = { "ex4", "q10" } },
  { "Apply comprehensive security hardening", from = { "ex3", "q7", "q14" } },
  { "Troubleshoot container runtime issues", from = { "ex5", "q6" } },
  { "Complete all practical exercises", from = { "ex1", "ex2", "ex3", "ex4", "ex5" } },
  { "Practice container debugging techniques", from = { "errata" } },
  { "Review and answer all interview questions", from = { "quiz" } },
  {
    "Contribute to community container projects",
    from = { "own" },
    note = "a scenario of your own: crun-lua lab contribute FILE",
  },
}

return M

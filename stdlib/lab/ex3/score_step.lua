--- Exercise 3, the score: how naked a box is, and what one that is worth the name has.
---
--- ```lua
--- assert(require("lab.ex3.score_step").id == "score")
--- ```
local boxes = require "lab.ex3.boxes"
local score = require "lab.ex3.score"

local WANTED = 8

return {
  id = "score",
  title = "Score a naked box, then a better one",
  needs = { "namespaces" },
  text = [[
A box with three namespaces and nothing else runs already (given as: box). Ten things can be asked
of a box; see how many of them it has. Then start one of your own that has at least eight, and
hand over both: the points of the naked one, and a process of yours.]],
  answers = {
    points = "the points of the box that is given",
    pid = "a process in your box",
  },
  setup = function(t)
    local box = boxes.spawn({ "mnt", "pid", "uts" }, function()
      exec { "sleep", "600" }
    end)
    box:started()
    t:give { box = box }
  end,
  action = function(t)
    t:answer { points = (score.of(t.given.box)), pid = boxes.sleeping(t, "strict") }
  end,
  observe = {
    "echo 'require(\"lab.ex3.score\").print($box)' | crun-lua -",
    "grep -E 'Uid|Cap|NoNewPrivs|Seccomp' /proc/$box/status",
  },
  checks = {
    {
      "the points of the naked box are counted",
      function(t)
        local points = score.of(t.given.box)
        local said = math.tointeger(tonumber(t.answers.points))
        if said ~= points then
          t:fail {
            what = "the points of the box that is given",
            expected = "one for each of the ten that holds",
            found = t.answers.points,
            see = ("echo 'require(\"lab.ex3.score\").print(%d)' | crun-lua -"):format(t.given.box),
          }
        end
      end,
    },
    {
      "your box has at least eight",
      function(t)
        local pid = t:pid "pid"
        local points, rows = score.of(pid)
        if points < WANTED then
          local missing = {}
          for _, row in ipairs(rows) do
            missing[#missing + 1] = not row.holds and row or nil
          end
          t:fail {
            what = ("your box has %d of %d points"):format(points, #rows),
            expected = ("at least %d; the first that it lacks: %s"):format(WANTED, missing[1].name),
            found = "it lacks: " .. table.concat(score.lacking(rows), "; "),
            see = missing[1].see,
          }
        end
      end,
    },
  },
  hints = {
    "Namespaces hide; they take no right away. Which of the ten are about rights, which about"
      .. " mounts?",
    "A profile is all of it at once: `hardening` has some, from minimal to strict.",
    "container.new takes a rootfs and a profile; a container's process is in its status().",
  },
  decoys = {
    {
      "the course's hardened container",
      function(t)
        t:answer { points = (score.of(t.given.box)), pid = boxes.course(t) }
      end,
      says = "a seccomp filter",
      course = true,
      needs = { "root" },
    },
    {
      "all namespaces, and nothing else",
      function(t)
        local box = boxes.spawn({ "cgroup", "ipc", "mnt", "net", "pid", "uts" }, function()
          exec { "sleep", "600" }
        end)
        t:answer { points = (score.of(t.given.box)), pid = box }
      end,
      says = "no more capabilities than Docker's default",
    },
    {
      "ten points for a naked box",
      function(t)
        t:answer { points = 10, pid = boxes.sleeping(t, "strict") }
      end,
      says = "the points of the box that is given",
    },
    {
      "a container that keeps what Docker's default keeps",
      function(t)
        t:answer { points = (score.of(t.given.box)), pid = boxes.sleeping(t, "minimal") }
      end,
      says = "no capability at all",
      -- In a user namespace of somebody who is not root, "minimal" is worth one point more.
      needs = { "root" },
    },
  },
  lesson = [[
The course's container drops every capability and changes its user, and stops there: of ten points
it has three. A filter that is written to a file and never loaded, and a chroot, are none.
`crun-lua audit` judges in more detail, and says which of the points matter most.]],
}

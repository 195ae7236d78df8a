--- `crun-lua scenario new`: a scenario's first file, with a comment for each field.
---
--- What it holds works, so that a change is tried at once: `crun-lua scenario test` proves it
--- before and after.
---
--- ```lua
--- local skeleton = require "scenario.skeleton"
---
--- local dir <close> = temp_dir()
--- skeleton.write(dir.path .. "/lesson.lua")
--- local _, err = try(skeleton.write, dir.path .. "/lesson.lua")
--- assert(err.message:find("is there already", 1, true))
--- ```
local options = require "options"

local M = {}

local TEXT = [==[
-- NAME: what a learner knows afterwards, in one sentence.
--
--   crun-lua scenario run FILE             show it, step by step
--   crun-lua scenario try FILE             do it: act in another terminal, then `check`
--   crun-lua scenario test FILE            prove it
--   crun-lua scenario export FILE -o NAME.html    hand it out
local scenario = require "scenario"

return scenario {
  title = "NAME",
  summary = "What this is about, in one or two sentences.",

  -- What all steps need, in the words of `crun-lua scenario list`: "root", "userns",
  -- "cgroup:memory", "kernel:5.12", "program:ip". Where it is missing, steps are skipped.
  needs = {},

  steps = {
    {
      -- The step's name in commands: letters, digits, - and _.
      id = "first",
      title = "One line in the imperative",

      -- What is to be reached. Say the outcome, not the commands: any tool may be used.
      text = [[
        Start a process that runs on after you have let go of it, and write its number into
        the file "number" of the directory that is given.
      ]],

      -- What the learner hands over: each a whole number or a word.
      answers = { pid = "the process" },

      -- Prepares what the learner finds. What it makes ends with the step.
      setup = function(t)
        t:give { file = t.dir .. "/number" }
      end,

      -- The demonstration, and the solution. What is to be looked at runs on in a child.
      action = function(t)
        local child = spawn(function()
          exec { "sleep", "600" }
        end)
        write_file(t.given.file, child.pid .. "\n")
        t:answer { pid = child.pid }
      end,

      -- Commands to look with. $pid is an answer, $file was given; $dir is the step's directory.
      observe = { "cat $file", "grep -E '^(Name|PPid)' /proc/$pid/status" },

      -- Facts that the kernel tells, in the order in which they are to be learnt. The first that
      -- does not hold is told, with what was expected, what was found, and how to see it.
      checks = {
        {
          "the process runs",
          function(t)
            t:pid "pid"
          end,
        },
        {
          "the file has its number",
          function(t)
            local found = t:read(t.given.file)
            t:eq(found, tostring(t.answers.pid), "the number in the file", "cat " .. t.given.file)
          end,
        },
      },

      -- Three, never the full line: what to think about, how it works, almost the call.
      hints = {
        "Which processes end when you close a terminal, and which do not?",
        "A shell starts a process in the background with &, and $! is its number.",
        "sleep 600 & … and then something writes $! into the file.",
      },

      -- What a learner may take for a solution. `says` is a part of what the failing check tells.
      decoys = {
        {
          "another number in the file",
          function(t)
            local child = spawn(function()
              exec { "sleep", "600" }
            end)
            write_file(t.given.file, "1\n")
            t:answer { pid = child.pid }
          end,
          says = "the number in the file",
        },
      },

      -- Shown after a pass.
      lesson = "What was to be learnt, in a sentence or two.",
    },
  },
}
]==]

--- Writes the skeleton. `hostname` becomes `hostname.lua`.
---@param name string a name, or the path of a file that ends in .lua
---@return integer status
function M.write(name)
  local path = name:find("%.lua$") and name or name .. ".lua"
  local short = path:match("([^/]*)%.lua$")
  if short == "" then
    options.fail("scenario", ("%s: a name is missing"):format(path))
  end
  local text = TEXT:gsub("NAME", (short:gsub("%%", "%%%%"))):gsub("FILE", (path:gsub("%%", "%%%%")))
  local _, err = try(write_file, path, text, { exclusive = true })
  if err and err.errno == "EEXIST" then
    options.fail(
      "scenario",
      path .. " is there already",
      "choose another name; nothing was changed"
    )
  elseif err then
    error(err, 0)
  end
  print(("wrote %s: crun-lua scenario test %s"):format(path, path))
  return 0
end

return M

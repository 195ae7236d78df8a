--- The quiz as a command and as a line of the REPL: which questions, who answers, and what is kept
--- of it.
---
--- ```lua
--- local ask = require "lab.ask"
---
--- local dir <close> = temp_dir()
--- local desk = require("lab").open { progress = dir.path .. "/lab.json" }
--- local status = ask.run(desk, { "99" }, { say = function() end, read = function() end })
--- assert(status == 2)
--- ```
local loop = require "lab.quiz.loop"

local M = {}

--- The questions that are meant: by number, else those that are still to be answered.
local function chosen(desk, words, talk)
  local all = desk.course:questions()
  if #all == 0 then
    talk.say(desk.course.title .. " has no questions")
    return nil
  end
  if words[1] then
    local number = math.tointeger(tonumber((words[1]:gsub("^q", ""))))
    if not number or not all[number] then
      talk.say(("%q is no question: there are 1 to %d"):format(words[1], #all))
      return nil
    end
    return { all[number] }
  end
  local open, record = {}, desk.book:read()
  for _, each in ipairs(all) do
    local done = record.quiz[each.id]
    if not (done and done.passed and done.hash == each.hash) then
      open[#open + 1] = each
    end
  end
  if #open == 0 then
    talk.say "every question is answered rightly; crun-lua lab quiz N asks one again"
  end
  return open
end

local function keep(desk, each, result)
  if result.state ~= "right" and result.state ~= "wrong" then
    return
  end
  desk.book:change(function(record)
    local done = record.quiz[each.id] or {}
    record.quiz[each.id] = done
    done.tries = (done.tries or 0) + 1
    if result.state == "right" then
      done.passed, done.hash = clock("realtime"), each.hash
    end
  end)
end

--- Asks; answers the status: 0 where all that was asked is right, 1 where not, 2 for a question
--- that is none.
---@param desk lab.Desk
---@param words string[]
---@param talk lab.Talk
---@return integer status
function M.run(desk, words, talk)
  local list = chosen(desk, words, talk)
  if not list then
    return 2
  end
  talk.prefix = desk.words.task .. " "
  local counts, order = {}, { "right", "wrong", "passed over", "skipped", "not graded" }
  for _, each in ipairs(list) do
    talk.number = ("question %d of %d"):format(each.number, #desk.course:questions())
    local result = loop.ask(each.question, talk)
    keep(desk, each, result)
    counts[result.state] = (counts[result.state] or 0) + 1
    if result.state == "ended" then
      break
    end
  end
  local told = {}
  for _, state in ipairs(order) do
    told[#told + 1] = counts[state] and ("%d %s"):format(counts[state], state) or nil
  end
  if #told > 0 then
    talk.say ""
    talk.say(table.concat(told, ", "))
  end
  local wrong = (counts.wrong or 0) + (counts["passed over"] or 0) + (counts.ended or 0)
  return wrong == 0 and 0 or 1
end

--- Who sits at standard input: a prompt where it is a terminal, lines where it is a pipe.
---@param given { seed: integer?, colours: boolean? }
---@return lab.Talk
function M.talk(given)
  local typed = is_tty(0)
  return {
    colours = given.colours,
    -- Another order each time, where the order is nobody's.
    seed = given.seed or math.floor(clock("realtime") * 1000),
    say = function(text)
      io.write(text, "\n")
      io.flush()
    end,
    read = function(prompt)
      io.write(prompt)
      io.flush()
      local line = io.read "l"
      if not line or not typed then
        -- A pipe does not echo what it says.
        io.write(line or "", "\n")
      end
      return line
    end,
  }
end

return M

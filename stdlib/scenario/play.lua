--- One step shown: its action runs on a stage, is narrated, observed and judged. A demonstration
--- prints what comes of it, a handout keeps it.
---
--- ```lua
--- local play = require "scenario.play"
---
--- local step = {
---   id = "file",
---   action = function(t)
---     write_file(t.dir .. "/made", "by hand")
---   end,
---   observe = { "cat $dir/made" },
---   checks = { { "there is a file", function(t) t:ok(stat(t.dir .. "/made")) end } },
--- }
--- local seen = play.open(step)
--- seen:act()
--- assert(seen:observe()[1].output == "by hand")
--- assert(seen:judge()[1].state == "passed")
--- seen:close()
--- ```
local options = require "options"
local tokens = require "repl.tokens"

local M = {}

-- What a command that is looked with may take, and how much of it is shown.
local LOOKING = { timeout = "10s", max = "64K" }

---@class scenario.Observation
---@field command string with the values in it
---@field output string
---@field code integer

---@class scenario.Play
---@field step scenario.Step
---@field stage scenario.Stage
local Play = {}
Play.__index = Play

-- What a block begins and ends with. `for` and `while` have a `do`.
local BEGINS = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local ENDS = { ["end"] = true, ["until"] = true }

--- What stands between the parameters and the `end` of the first function of a text.
local function inside_of(text)
  local depth, parens, from = 0, 0, nil
  for _, token in ipairs(tokens.scan(text)) do
    local word = token.kind == "keyword" and token.text
    if depth == 0 and word == "function" then
      depth = 1
    elseif depth > 0 and not from then
      parens = parens + (token.text == "(" and 1 or token.text == ")" and -1 or 0)
      from = token.text == ")" and parens == 0 and token.to + 1 or nil
    elseif depth > 0 then
      depth = depth + (BEGINS[word] and 1 or 0) - (ENDS[word] and 1 or 0)
      if depth == 0 then
        return text:sub(from, token.from - 1)
      end
    end
  end
end

--- The body of a function as its author wrote it, without what all its lines are indented by.
---@param body fun(...): any
---@param source? string the text of the file it stands in
---@return string? text
function M.source(body, source)
  local info = function_info(body)
  source = source or info.file and try(read_file, info.file) or nil
  if not source or not info.line then
    return nil
  end
  local lines, number = {}, 0
  for line in (source .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number >= info.line and number <= info.last_line then
      lines[#lines + 1] = line
    end
  end
  local inside = inside_of(table.concat(lines, "\n"))
  if not inside then
    return nil
  end
  -- What stands on the function's own first line has no margin of its own.
  inside = inside:gsub("^[ \t]*\n", ""):gsub("%s+$", "")
  local indent
  for line in (inside .. "\n"):gmatch "(.-)\n" do
    local own = line:match("^(%s*)%S")
    indent = own and (not indent or #own < #indent) and own or indent
  end
  lines = {}
  for line in (inside .. "\n"):gmatch "(.-)\n" do
    lines[#lines + 1] = line:sub(#(indent or "") + 1)
  end
  return table.concat(lines, "\n")
end

--- What `$name` stands for in commands.
function Play:values()
  local values = { dir = self.stage.dir, prefix = self.stage.prefix, token = self.stage.token }
  for _, list in ipairs { self.stage.given, self.stage.answers } do
    for name, value in pairs(list) do
      values[name] = tostring(value)
    end
  end
  return values
end

--- The first answer that a command needs and that has not been given.
---@param command string
---@return string? name
function Play:missing(command)
  for name in command:gmatch("%$(%a[%w_]*)") do
    if (self.step.answers or {})[name] and self.stage.answers[name] == nil then
      return name
    end
  end
end

--- Prepares what the step needs.
function Play:setup()
  self.stage:setup()
end

--- Runs the step's action. With `narrate` each call is told on standard error.
---@param how? { narrate?: boolean, output?: string, errors?: string }
function Play:act(how)
  self.stage:act(self.step.action, how)
end

--- Runs one command with the shell; `$name` is a value.
---@param command string
---@return scenario.Observation
function Play:look(command)
  local values = self:values()
  local env = { PATH = os.getenv("PATH") or "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL = "C" }
  for name, value in pairs(values) do
    env[name] = value
  end
  local how = { env = env, timeout = LOOKING.timeout, max = LOOKING.max }
  local found, err = try(capture, { "sh", "-c", command .. " 2>&1" }, how)
  found = found or { stdout = tostring(err), code = 127 }
  return {
    command = command:gsub("%$(%a[%w_]*)", values),
    output = found.stdout .. (found.timed_out and "… (ended after 10 s)\n" or ""),
    code = found.code,
  }
end

--- Runs the commands of the step's `observe`.
---@return scenario.Observation[]
function Play:observe()
  local list = {}
  for _, command in ipairs(self.step.observe or {}) do
    list[#list + 1] = self:look(command)
  end
  return list
end

--- Judges the step: each check with what became of it.
---@return { sentence: string, state: "passed"|"failed"|"open" }[] checks
---@return scenario.Verdict verdict
function Play:judge()
  local verdict = self.stage:judge()
  local list = {}
  for index, check in ipairs(self.step.checks) do
    local state = "passed"
    if not verdict.passed then
      local at = verdict.index or 0
      state = index < at and "passed" or index == at and "failed" or "open"
    end
    list[index] = { sentence = check[1], state = state }
  end
  return list, verdict
end

--- What the learner's processes are in, for a picture.
---@return table? snapshot
function Play:snapshot()
  local targets, is_wired = {}, false
  for _, name in ipairs(options.keys(self.step.answers or {})) do
    local pid = self.stage.answers[name]
    local spaces = math.type(pid) == "integer" and self:is_own(pid) and try(proc_ns, pid)
    if spaces then
      targets[#targets + 1] = pid
      is_wired = is_wired or spaces.net ~= proc_ns().net
    end
  end
  local found = #targets > 0 and try(require("inspect.snapshot").read, targets) or nil
  if found and not is_wired then
    -- The addresses of the machine that it was made on are none of a reader's business.
    found.networks = json_array {}
  end
  return found
end

--- Whether a number is that of a process of the stage, and not some other answer.
function Play:is_own(pid)
  for _, one in ipairs(require("scenario.warden").descendants(proc_stat().pid)) do
    if one == pid then
      return true
    end
  end
  return false
end

--- Ends it.
---@return string[] problems
function Play:close()
  return self.stage:close()
end

--- Opens a stage for a step.
---@param step scenario.Step
---@param how? scenario.StageOptions
---@return scenario.Play
function M.open(step, how)
  local stage = require("scenario.stage").open(step, how)
  return setmetatable({ step = step, stage = stage }, Play)
end

return M

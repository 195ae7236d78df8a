--- The audit of a script: by its plan, which runs nothing, or by the first program that a run of it
--- starts.
---
--- ```lua
--- local script = require "audit.script"
---
--- local dir <close> = temp_dir()
--- write_file(dir.path .. "/a.lua", "spawn(function() exec { 'sleep', '9' } end):wait()")
--- assert(script.plan({ dir.path .. "/a.lua" })[1].label:find("sleep"))
--- local pid = script.run({ dir.path .. "/a.lua" }, "20s", function(pid) return pid end)
--- assert(pid > 1)
--- ```
local options = require "options"

local M = {}

local OP = "audit.script"

local function command(words, more)
  if not stat(words[1]) then
    options.fail(OP, ("%s: no such file"):format(words[1]), "a script of this program")
  end
  local all = table.move(words, 1, #words, #more + 1, more)
  return require("commands.itself").words("audit", all)
end

--- What a script says on its way out, for an error.
local function last_line(text)
  local last = text:match("([^\n]+)\n?$")
  return last and require("view.text").clean(last) or "it said nothing"
end

--- The facts of each program that the plan of a script starts.
---@param words string[]
---@return table[] facts see `audit.plan`
function M.plan(words)
  local dir <close> = temp_dir()
  local trace = dir.path .. "/trace.json"
  local child <close> = spawn({ stdin = "null", stdout = "pipe", stderr = "pipe" }, function()
    exec(command(words, { "--dry-run", "--trace", trace }))
  end)
  local result = child:output { timeout = "60s", max = "8M" }
  local text = stat(trace) and read_file(trace)
  if not text or text == "" then
    options.fail(OP, ("%s has no plan: %s"):format(words[1], last_line(result.stderr or "")))
  end
  local found = require("audit.plan").processes(require("report.trace").parse(text).calls)
  if #found == 0 then
    local why = result.stderr and result.stderr ~= "" and ": " .. last_line(result.stderr) or ""
    options.fail(
      OP,
      ("the plan of %s starts no program%s"):format(words[1], why),
      "a plan ends where the script waits for what only a run can tell, as containers do; --run "
        .. "runs it and judges the first program that it starts"
    )
  end
  return found
end

--- The first descendant that runs a program other than this one.
local function program_below(root, own)
  for _, pid in ipairs(proc_children(root) or {}) do
    local exe = try(stat, ("/proc/%d/exe"):format(pid))
    local found = exe and (exe.ino ~= own.ino or exe.dev ~= own.dev) and pid
      or program_below(pid, own)
    if found then
      return found
    end
  end
end

--- Runs a script until it has started a program, lets a function look at that, and ends the script,
--- which removes what it has made as it does when it is interrupted.
---@param words string[]
---@param timeout string
---@param look fun(pid: integer): any
---@return any
function M.run(words, timeout, look)
  local own = stat "/proc/self/exe"
  local child <close> = spawn({ stdin = "null", stdout = "null", stderr = "pipe" }, function()
    exec(command(words, {}))
  end)
  child:started()
  local until_then = clock "monotonic" + require("view.units").seconds(timeout)
  local answer, err
  while true do
    local pid = program_below(child.pid, own)
    if pid then
      answer, err = try(look, pid)
      break
    elseif not proc_stat(child.pid) or proc_stat(child.pid).state == "Z" then
      options.fail(
        OP,
        ("%s has ended without a program that lived long enough to be looked at"):format(words[1]),
        "let it start one that waits, such as sleep 60"
      )
    elseif clock "monotonic" > until_then then
      break
    end
    poll({}, { timeout = "5ms" })
  end
  child:kill "term"
  try(child.wait, child, { timeout = "5s" })
  if err then
    error(err, 0)
  elseif answer == nil then
    options.fail(OP, ("%s has started no program in %s"):format(words[1], timeout))
  end
  return answer
end

return M

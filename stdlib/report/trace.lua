--- Reads what `--trace FILE` has written: the calls of a run, in the order in which they were made.
---
--- A trace may end in the middle of a line, and hold what a hostile program has named; a line that
--- is no JSON is passed over and counted.
---
--- ```lua
--- local trace = require "report.trace"
---
--- local run = trace.parse '{"format":2,"argv":["a.lua"]}\n{"number":1,"call":"getpid()"}\n{"num'
--- assert(run.argv[1] == "a.lua" and #run.calls == 1 and run.broken == 1)
--- ```
local options = require "options"
local part = require "inspect.part"

local M = {}

-- A page with more calls than these would be too large to read.
M.MOST = 5000

local KNOWN = { [1] = true, [2] = true }

--- The run that a trace's text tells: `{ format, argv, start, calls, ends, broken, left_out }`.
--- `ends` is when each process has ended, in microseconds, by its number.
---@param text string
---@return table
function M.parse(text)
  local run = { calls = json_array {}, ends = {}, broken = 0, left_out = 0 }
  for line in text:gmatch("[^\n]+") do
    local row = try(json_decode, line)
    if type(row) ~= "table" then
      run.broken = run.broken + 1
    elseif row.format and run.format then
      -- Another program has gone on with the same file.
      run.programs = (run.programs or 1) + 1
    elseif not run.format then
      run.format = row.format
      if not KNOWN[row.format or 0] then
        options.fail(
          "report",
          ("the trace is of format %s"):format(tostring(row.format)),
          "this program reads the formats 1 and 2, as its own --trace writes them"
        )
      end
      run.argv, run.start, run.pid = row.argv, row.start, row.pid
    elseif row["end"] then
      run.ends[tostring(row["end"])] = row.at_us
    elseif #run.calls < M.MOST then
      table.insert(run.calls, row)
    else
      run.left_out = run.left_out + 1
    end
  end
  if not run.format then
    options.fail("report", "that is no trace", "a trace is what `crun-lua --trace FILE …` writes")
  end
  -- A call is written when it has ended, or before one that does not return.
  for index, row in ipairs(run.calls) do
    row.order = index
  end
  table.sort(run.calls, function(a, b)
    local first, second = a.at_us or a.order, b.at_us or b.order
    return first == second and a.order < b.order or first < second
  end)
  for _, row in ipairs(run.calls) do
    row.order = nil
  end
  return part.plain(run)
end

--- Reads a trace's file.
---@param path string
---@return table
function M.read(path)
  local text = read_file(path)
  if not text then
    options.fail(
      "report",
      ("there is no file %q"):format(path),
      "crun-lua --trace FILE SCRIPT makes one"
    )
  end
  return M.parse(text)
end

return M

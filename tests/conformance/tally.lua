--- Reads what the validation suite's programs have printed, counts, and compares with what is
--- expected.
---
--- `crun-lua tests/conformance/tally.lua RESULTS PATTERN EXPECTED…`. RESULTS has three files for each
--- program: NAME.tap (its results in the Test Anything Protocol), NAME.err and NAME.status. Each
--- EXPECTED that there is says why which result fails, and how many have to pass; the last word counts:
---
---     passed 3500
---     # The machine's root lacks CAP_SYS_RESOURCE: no limit can be raised.
---     process_rlimits: the result's own words
---     # Programs with hundreds of results: one that gives others is named, since it changes the sum.
---     results default 270
---
--- The status is 1 where a result fails that is not expected to, or too few pass. With PATTERN only
--- some programs ran, and their number says nothing.
local results, pattern = arg[1], arg[2]

--- What changes from run to run is no part of a result's name.
local function steady(text)
  text = text:gsub("%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x+%-%x+%-%x+", "ID")
  text = text:gsub("/tmp/[%w/_.-]*ocitest%d+", "BUNDLE")
  return text
end

--- @class ConformanceRow
--- @field status "pass"|"fail"|"skip"
--- @field name string
--- @field detail string|nil

--- One line of the protocol: whether it is good, or nothing where it is no result.
local function result(line)
  local words, rest = line:match "^(not ok)%f[%A]%s*%d*%s*%-?%s*(.*)$"
  if not words then
    words, rest = line:match "^(ok)%f[%A]%s*%d*%s*%-?%s*(.*)$"
  end
  if not words then
    return nil
  end
  local status = words == "ok" and "pass" or "fail"
  local before, directive, reason = rest:match "^(.-)#%s*(%a+)(.*)$"
  local kind = directive and directive:lower()
  if kind == "skip" or (kind == "todo" and status == "fail") then
    status = "skip"
  end
  if kind == "skip" or kind == "todo" then
    rest = before .. "[" .. kind .. reason .. "]"
  end
  return status, (rest:gsub("%s+$", ""))
end

--- What there is to say of a program beyond its results: that it did not come to its end.
local function ending(code, rows, planned, text, asserted)
  local failed = false
  for _, row in ipairs(rows) do
    failed = failed or row.status == "fail"
  end
  if code == 124 or code == 137 then
    return { status = "fail", name = "finishes", detail = "no end after three minutes" }
  elseif code ~= 0 and not failed then
    return { status = "fail", name = "exit status", detail = "status " .. code }
  elseif planned and asserted < planned then
    local format = "%d of %d results"
    return { status = "fail", name = "all results", detail = format:format(asserted, planned) }
  elseif #rows == 0 then
    -- Some programs assert nothing: they print what went wrong, or end without a word.
    local problem = text:match '"error":%s*("[^\n]*)'
    return { status = problem and "fail" or "pass", name = "no complaint", detail = problem }
  end
end

--- The results of one program. Skips count only where it had nothing else to say: `runtimetest`
--- prints hundreds of "not set".
local function program_rows(name)
  local text = read_file(results .. "/" .. name .. ".tap")
  local code = tonumber(read_file(results .. "/" .. name .. ".status"):match "%d+")
  local rows, seen, planned, asserted = {}, {}, nil, 0
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    local plan = line:match "^1%.%.(%d+)"
    planned = plan and (planned or 0) + tonumber(plan) or planned
    local status, words = result(line)
    if status then
      asserted = asserted + 1
      seen[words] = (seen[words] or 0) + 1
      local again = seen[words] > 1 and (" (%d)"):format(seen[words]) or ""
      rows[#rows + 1] = { status = status, name = words .. again }
    end
  end
  rows[#rows + 1] = ending(code, rows, planned, text, asserted)
  local kept, only_skips = {}, true
  for _, row in ipairs(rows) do
    only_skips = only_skips and row.status == "skip"
  end
  for _, row in ipairs(rows) do
    if row.status ~= "skip" or only_skips then
      row.name = steady(name .. ": " .. row.name)
      kept[#kept + 1] = row
    end
  end
  return kept
end

--- The reasons by name, how many have to pass, and how many results programs usually have.
local function expectation()
  local reasons, least, usual = {}, 0, {}
  local reason, was_comment = "no reason is given", false
  for index = 3, #arg do
    for line in (stat(arg[index]) and read_file(arg[index]) or ""):gmatch "[^\n]+" do
      local number, comment = line:match "^passed (%d+)$", line:match "^#%s*(.*)"
      local program, many = line:match "^results (%S+) (%d+)$"
      if program then
        usual[program] = math.tointeger(tonumber(many))
      elseif number then
        least = tonumber(number)
      elseif comment then
        reason = was_comment and reason .. " " .. comment or comment
      else
        reasons[line] = reason
      end
      was_comment = comment ~= nil
    end
  end
  return reasons, least, usual
end

--- The last lines that a program has written beside its results: what the runtime had to say.
local function complaint(name)
  local lines = {}
  for line in read_file(results .. "/" .. name .. ".err"):gmatch "[^\r\n]+" do
    lines[#lines + 1] = "          " .. line .. "\n"
  end
  return table.concat(lines, "", math.max(#lines - 3, 1))
end

local counts = { pass = 0, fail = 0, skip = 0 }
local reasons, least, usual = expectation()
local unexpected, table_lines = 0, {}
for _, file in ipairs(list_dir(results)) do
  local name = file:match "^(.*)%.status$"
  local rows = name and program_rows(name) or {}
  local strange = false
  if usual[name] and usual[name] ~= #rows then
    print(("note      %s: %d results, where %d are usual"):format(name, #rows, usual[name]))
  end
  for _, row in ipairs(rows) do
    counts[row.status] = counts[row.status] + 1
    table_lines[#table_lines + 1] = ("%s\t%s\t%s"):format(row.status, row.name, row.detail or "")
    if row.status == "fail" then
      local reason = reasons[row.name]
      unexpected = unexpected + (reason and 0 or 1)
      strange = strange or not reason
      local detail = row.detail and " (" .. row.detail .. ")" or ""
      print(("%s  %s%s"):format(reason and "expected" or "FAILED  ", row.name, detail))
      if reason then
        print("          because " .. reason)
      end
      reasons[row.name] = nil
    end
  end
  io.write(strange and complaint(name) or "")
end
write_file(results .. "/table.tsv", table.concat(table_lines, "\n") .. "\n")
for name in pairs(pattern == "" and reasons or {}) do
  print("passes, though a failure is expected: " .. name)
end
print(("%d failures are not expected; at least %d results have to pass"):format(unexpected, least))
print(("%d passed, %d failed, %d skipped"):format(counts.pass, counts.fail, counts.skip))
os.exit((unexpected > 0 or (pattern == "" and counts.pass < least)) and 1 or 0)

--- `list`: prints the containers below the root.
local show = require "oci.show"

local COLUMNS = { "id", "pid", "status", "bundle", "created", "owner" }

--- The table as runc prints it: columns as wide as their widest cell, with three spaces between.
local function as_table(rows)
  local lines = { { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" } }
  for _, row in ipairs(rows) do
    local line = {}
    for index, column in ipairs(COLUMNS) do
      line[index] = tostring(row[column])
    end
    lines[#lines + 1] = line
  end
  local widths = {}
  for _, line in ipairs(lines) do
    for index, cell in ipairs(line) do
      widths[index] = math.max(widths[index] or 9, #cell)
    end
  end
  for _, line in ipairs(lines) do
    for index = 1, #line - 1 do
      line[index] = line[index] .. (" "):rep(widths[index] - #line[index] + 3)
    end
    io.write(table.concat(line), "\n")
  end
end

---@param call oci.Call
---@return integer status
return function(call)
  local rows = json_array {}
  for index, record in ipairs(require("oci.state").list(call.global.root)) do
    local row = show.full(record)
    row.pid = row.pid or 0
    rows[index] = row
  end
  if call.options.quiet then
    for _, row in ipairs(rows) do
      io.write(row.id, "\n")
    end
  elseif call.options.format == "json" then
    io.write(json_encode(rows), "\n")
  else
    as_table(rows)
  end
  return 0
end

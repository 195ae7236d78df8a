--- `ps`: the processes of a container, which are the members of its control group, with those of
--- the groups below. The table is what ps(1) says of them: it is run with the caller's options, and
--- the lines are kept whose PID is a member.
local options = require "options"
local planned = require "planned"

--- Which column of ps(1)'s first line has the process numbers; -1 for the last one, which a command
--- line before it, with its spaces, does not move.
local function pid_column(header)
  if header:find("%sPID%s*$") then
    return -1
  end
  local column = 0
  for word in header:gmatch("%S+") do
    column = column + 1
    if word == "PID" then
      return column
    end
  end
  options.fail("ps", "the output of ps has no column PID", "say pid among the columns of -o")
end

local function field(line, column)
  if column == -1 then
    return line:match("(%S+)%s*$")
  end
  for word in line:gmatch("%S+") do
    column = column - 1
    if column == 0 then
      return word
    end
  end
end

--- The lines of a table that are about members, with its first line.
local function filter(text, members)
  local known, lines, column = {}, {}, nil
  for _, pid in ipairs(members) do
    known[tostring(pid)] = true
  end
  for line in text:gmatch("[^\n]+") do
    if not column then
      column = pid_column(line)
      lines[1] = line
    elseif known[field(line, column)] then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function ps(call)
  local id = call.operands[1]
  local record = require("oci.state").get(call.global.root, id)
  local group = require("oci.cgroup").open(record.cgroup)
  local members = group:pids()
  if not group.opened and record.status ~= "stopped" then
    group:need("list the processes of")
  end
  if call.options.format == "json" then
    print(json_encode(json_array(members)))
    return 0
  end
  local command = { "ps", table.unpack(call.operands, 2) }
  command[2] = command[2] or "-ef"
  local result, err = try(capture, command, { max = "64M" })
  if not result then
    local hint = "--format json needs no other program"
    options.fail("ps", "cannot run ps", hint, err)
  elseif planned(result.code) then
    return 0
  elseif result.code ~= 0 then
    options.fail("ps", "ps: " .. (result.stderr:match("[^\n]+") or "failed"))
  end
  io.stdout:write(filter(result.stdout, members))
  return 0
end

return ps

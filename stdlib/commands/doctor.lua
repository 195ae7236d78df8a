--- `crun-lua doctor`: what this machine and this user can do, why not, and what helps.
---
--- ```lua
--- local doctor = require "commands.doctor"
---
--- local status = doctor { "programs" }
--- assert(status == 0)
--- assert(doctor { "--jsn" } == 2)
--- ```
local colour = require "view.colour"
local doctor = require "doctor"
local options = require "options"
local text = require "view.text"

local USAGE = [[
usage: crun-lua doctor [--json] [TOPIC…]

Tries what containers are made of, in children that leave nothing behind.
✓ works   – is missing, and something can be done without it   ✗ is missing and required

topics: kernel, namespaces, filesystems, cgroups, security, network, programs, state,
        lab (which tasks of the course cannot be done here)

exit status: 0 all that is required is there (/proc, pidfds; the mnt, pid, uts and ipc namespaces,
and for who is not root also user; a proc and a tmpfs that can be mounted; a state directory);
1 some of it is missing; 2 a wrong option
]]

local function usage_error(message)
  io.stderr:write("crun-lua doctor: ", text.clean(message), "\n\n", USAGE)
  return 2
end

---@param args string[]
---@return integer status
return function(args)
  local topics, json, known = {}, false, {}
  for _, topic in ipairs(doctor.TOPICS) do
    known[topic] = true
  end
  for _, word in ipairs(args) do
    if word == "--help" or word == "-h" then
      io.write(USAGE)
      return 0
    elseif word == "--json" then
      json = true
    elseif word:sub(1, 1) == "-" then
      return usage_error(word .. ": not an option")
    elseif not known[word] then
      local near = options.nearest(word, doctor.TOPICS)
      local hint = near and ", did you mean " .. near .. "?" or ""
      return usage_error(("%s: no such topic%s"):format(word, hint))
    else
      topics[#topics + 1] = word
    end
  end
  local rows = doctor.check(#topics > 0 and topics or nil)
  local missing = doctor.missing(rows)
  if json then
    io.write(json_encode({ ok = #missing == 0, rows = rows, missing = missing }, { pretty = true }))
  else
    local look = { colours = colour.wanted(1) }
    if is_tty(1) then
      local columns = window_size(1).columns
      look.width = columns > 0 and columns or nil
    end
    io.write(table.concat(doctor.report(rows, look), "\n"), "\n")
  end
  return #missing == 0 and 0 or 1
end

--- The mounts as a tree: what is where, its attributes, how it travels, what is masked.
---
--- The letters at the end are of propagation: P private, S shared, s slave, u unbindable.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local list = require("inspect.mounts").arrange(mountinfo())
--- local lines = views.lines("mounts", { processes = {}, mounts = { { inode = 1, list = list } } })
--- assert(lines[2]:find("^/ "))
--- ```
local arranged = require "inspect.mounts"
local text = require "view.text"

local MOST = 2000
local SIGNS = { line = "│  ", gap = "   ", fork = "├─ ", last = "└─ " }

local function letters(one)
  local out = {}
  local words = one.propagation
  out[#out + 1] = words:find("shared:", 1, true) and "S" or nil
  out[#out + 1] = words:find("slave:", 1, true) and "s" or nil
  out[#out + 1] = words:find("unbindable", 1, true) and "u" or nil
  return #out > 0 and table.concat(out) or "P"
end

local function source(one)
  local words = one.type
  if one.source and one.source ~= "none" and one.source ~= one.type then
    words = words .. " " .. one.source
  end
  return one.root ~= "/" and ("%s [%s]"):format(words, one.root) or words
end

local function draw(pen, row)
  local one = row.mount
  local words = table.concat(one.attributes, ",")
  if one.readonly and not words:find("ro", 1, true) then
    words = words == "" and "(ro)" or words .. ",(ro)"
  end
  local remark = one.masked and "  × masked" or one.over and "  over another" or ""
  pen:line({
    { arranged.branch(row, SIGNS, 12), "dim" },
    { text.middle(text.clean(one.point), 48), one.masked and "dim" or "bold" },
    "  ",
    { source(one), "dim" },
    { words ~= "" and "  " .. words or "", "blue" },
    { "  " .. letters(one), letters(one) == "P" and "dim" or "yellow" },
    { remark, "yellow" },
  }, 4)
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  for index, one in ipairs(snapshot.mounts) do
    if index > 1 then
      pen:line { "" }
    end
    if not one.list then
      pen:line { ("mnt %d  unreadable: %s"):format(one.inode, one.hint or one.unreadable or "?") }
    else
      local rows, hidden = arranged.tree(one.list)
      local heading = ("mnt %d  %d mounts, %d hidden below others"):format(one.inode, #rows, hidden)
      pen:line { { heading, "bold" } }
      for place = 1, math.min(#rows, MOST) do
        draw(pen, rows[place])
      end
      if #rows > MOST then
        pen:line { ("and %d more; --json has them all"):format(#rows - MOST) }
      end
    end
  end
end

--- The namespaces as a tree: user namespaces in each other, what each owns, who is in it. What is
--- not the host's has a ●.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local lines = views.lines("namespaces", { processes = {}, namespaces = {
---   { kind = "user", inode = 1, host = true, members = { 7 } },
---   { kind = "uts", inode = 2, owner = 1, members = { 7 }, hostname = "box" },
--- } })
--- assert(lines[1] == "user 1  ○ the host's")
--- assert(lines[3] == "  └─ uts 2  ● its own  host name box")
--- ```
local names = require "inspect.names"
local owners = require "inspect.owners"

local MOST = 8

local function mark(host)
  return host and { "  ○ the host's", "dim" } or { "  ● its own", "blue" }
end

local function remark(space)
  if space.hostname then
    return "  host name " .. space.hostname
  elseif space.kind == "pid" and space.parent then
    return ("  inside of %d"):format(space.parent)
  end
  return ""
end

local function draw_box(pen, box, known, indent, branch)
  local number = box.inode and tostring(box.inode) or "that cannot be seen from here"
  pen:line { indent, branch, { "user " .. number, "bold" }, mark(box.host) }
  local below = indent
  if branch == "├─ " then
    below = indent .. "│  "
  elseif branch == "└─ " then
    below = indent .. "   "
  end
  local rest = #box.groups + #box.inner
  for _, group in ipairs(box.groups) do
    rest = rest - 1
    local last = rest == 0
    local bar = last and "   " or "│  "
    pen:line({
      below,
      last and "└┬ " or "├┬ ",
      { "members ", "dim" },
      table.concat(names.list(group.members, known, MOST), ", "),
    }, 4)
    for place, space in ipairs(group.spaces) do
      pen:line {
        below,
        bar:sub(1, #bar - 2),
        place == #group.spaces and " └─ " or " ├─ ",
        ("%s %d"):format(space.kind, space.inode),
        mark(space.host),
        { remark(space), "dim" },
      }
    end
  end
  for index, inner in ipairs(box.inner) do
    draw_box(pen, inner, known, below, index == #box.inner and "└─ " or "├─ ")
  end
end

---@param snapshot table
---@param pen inspect.Pen
return function(snapshot, pen)
  local known = names.of(snapshot)
  for _, box in ipairs(owners.tree(snapshot.namespaces)) do
    draw_box(pen, box, known, "", "")
  end
end

--- The processes of a snapshot as a tree: the number here and the one inside, the name, what sets
--- each apart from its parent.
---
--- ```lua
--- local processes = require "report.processes"
---
--- local one = { pid = 7, inside = 1, depth = 0, name = "sh", command = "sh", user = { uid = 0 },
---   capabilities = {}, seccomp = { mode = "filter" }, namespaces = { pid = 2 } }
--- local shown = processes.draw { processes = { one }, reference = { inodes = { pid = 1 } } }
--- assert(tostring(shown):find("7 ⟶ 1", 1, true))
--- ```
local html = require "report.html"
local namespaces = require "inspect.namespaces"
local rights = require "inspect.rights"
local text = require "view.text"

local M = {}

local h = html.element
local MOST = 200

--- What there is to say of a process: `{ text, class }` each.
local function tags(row, snapshot)
  local out = {}
  local function add(words, class)
    out[#out + 1] = h("span", { class = class and "tag " .. class or "tag" }, words)
  end
  local own = namespaces.own_kinds(row, snapshot.reference)
  if #own > 0 then
    add("own " .. table.concat(own, " "), "own")
  end
  if row.user and row.user.uid then
    add(("uid %d"):format(row.user.uid))
  end
  if row.capabilities.effective then
    local total = snapshot.rights and #snapshot.rights.names or 41
    add(("%d of %d capabilities"):format(rights.count(row.capabilities.effective), total))
  end
  if row.seccomp.mode ~= "disabled" then
    add("seccomp " .. row.seccomp.mode, "own")
  end
  if row.no_new_privs then
    add("no_new_privs", "own")
  end
  if row.zombie then
    add("zombie", "warn")
  end
  return out
end

---@param snapshot table
---@return report.Piece?
function M.draw(snapshot)
  if #snapshot.processes == 0 then
    return nil
  end
  local items, more = {}, {}
  for index, row in ipairs(snapshot.processes) do
    if index > MOST then
      more[1] =
        h("p", { class = "none" }, ("%d more are left out."):format(#snapshot.processes - MOST))
      break
    end
    local depth = math.min(row.depth or 0, 12)
    local number = tostring(row.pid)
    if row.inside and row.inside ~= row.pid then
      number = number .. " ⟶ " .. row.inside
    end
    local command = row.command ~= "" and row.command or nil
    items[#items + 1] = h(
      "li",
      nil,
      depth > 0 and h("span", { class = "branch" }, (" "):rep(2 * (depth - 1)) .. "└ "),
      h(
        "div",
        { class = "what" },
        h("code", nil, number, "  ", h("strong", nil, row.name or "?")),
        " ",
        command and h("code", { class = "soft" }, text.middle(text.clean(command), 120)),
        h("div", nil, tags(row, snapshot))
      )
    )
  end
  return html.join(h("ul", { class = "tree" }, items), more)
end

return M

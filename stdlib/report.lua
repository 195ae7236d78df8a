--- Draws a snapshot, or a run, as one page of HTML: nothing is loaded, no script is needed, light
--- and dark, for a screen, a phone and paper.
---
--- The same table as JSON is what programs want; `mermaid` writes its two graphs as text for a
--- README.
---
--- ```lua
--- local report = require "report"
---
--- local child <close> = spawn({ unshare = { "user", "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local snapshot = require("inspect").snapshot(child.pid)
--- local page = report.page(snapshot)
--- assert(page:find("^<!DOCTYPE html>") and not page:find("<script", 1, true))
--- assert(report.mermaid(snapshot):find("^flowchart"))
--- ```
local html = require "report.html"
local options = require "options"
local rights = require "inspect.rights"
local text = require "view.text"
local timeline = require "report.timeline"
local units = require "view.units"

local M = {}

local h = html.element

--- The parts of a page: what each is called, what it tells, and what is said where there is none.
M.PARTS = {
  {
    id = "timeline",
    title = "Timeline",
    about = "What each process asked of the kernel, and when. "
      .. "A pointer that rests on a mark shows the call.",
    module = "report.timeline",
  },
  {
    id = "processes",
    title = "Processes",
    about = "Who started whom; the number here, and after the arrow the one inside.",
    module = "report.processes",
  },
  {
    id = "namespaces",
    title = "Namespaces",
    about = "What is kept apart, and who is in it. "
      .. "A user namespace owns those that stand in its box.",
    module = "report.spaces",
  },
  {
    id = "network",
    title = "Network",
    about = "Each network namespace with its devices and addresses, and where the cables lead.",
    module = "report.wires",
  },
  {
    id = "mounts",
    title = "Mounts",
    about = "What is seen where. "
      .. "A mount that is shared:N or slave:N travels to others; all else is private.",
    module = "report.mounts",
  },
  {
    id = "capabilities",
    title = "Capabilities",
    about = "The effective set counts now, the bounding set is the most a process can get. "
      .. "The default is that of containers.",
    module = "report.rights",
  },
  {
    id = "seccomp",
    title = "System calls",
    about = "What the loaded filters answer, read back from the kernel. "
      .. "A pointer that rests on a mark shows name and rule.",
    module = "report.calls",
  },
  {
    id = "cgroup",
    title = "Control groups",
    about = "What was used against what is allowed.",
    module = "report.usage",
  },
}

local function command_of(snapshot)
  local subject, run = snapshot.subject or {}, snapshot.run
  if run and run.argv and #run.argv > 0 then
    return table.concat(run.argv, " ")
  end
  return subject.name or "a snapshot"
end

--- One line below the heading: when, where, and how it ended.
local function meta(snapshot)
  local words, run = {}, snapshot.run
  if run and run.signal then
    words[#words + 1] = "ended by SIG" .. run.signal:upper()
  elseif run and run.status then
    words[#words + 1] = "ended with status " .. run.status
  end
  if run and run.seconds then
    local looked = 0
    for _, pause in ipairs(run.pauses or {}) do
      looked = looked + pause.to - pause.from
    end
    local own = "took %s, and %s in which this report looked at it"
    words[#words + 1] =
      own:format(timeline.short(math.max(run.seconds - looked, 0)), timeline.short(looked))
  end
  local taken = snapshot.taken or run and run.start
  if taken then
    words[#words + 1] = os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(taken))
  end
  words[#words + 1] = snapshot.kernel and "Linux " .. snapshot.kernel or nil
  words[#words + 1] = snapshot.hostname and "host " .. snapshot.hostname or nil
  return table.concat(words, " · ")
end

--- The process that is the furthest in: what the figures at the top are of.
local function inmost(snapshot)
  local own_kinds = require("inspect.namespaces").own_kinds
  local found, most, least
  for _, row in ipairs(snapshot.processes) do
    local kinds = #own_kinds(row, snapshot.reference)
    local count = row.capabilities.effective and rights.count(row.capabilities.effective) or 99
    local further = not found or kinds > most or kinds == most and count < least
    if not row.zombie and further then
      found, most, least = row, kinds, count
    end
  end
  return found
end

--- A group of the run's own, with the most memory it has used.
local function memory(snapshot)
  local used, limit
  for _, one in ipairs(snapshot.run and snapshot.run.series or {}) do
    for _, sample in ipairs(one.samples) do
      if sample.memory and sample.memory > (used or 0) then
        used, limit = sample.memory, sample.memory_limit or limit
      end
    end
  end
  return used, limit
end

--- The figures at the top: `{ figure, words, class }`.
local function figures(snapshot)
  local out, run = {}, snapshot.run
  local function add(figure, words, class)
    out[#out + 1] = { figure, words, class }
  end
  if run and #run.calls > 0 then
    local errors = 0
    for _, row in ipairs(run.calls) do
      errors = errors + (row.errno and 1 or 0)
    end
    local more = errors > 0 and ("× %d failed"):format(errors) or "none failed"
    add(tostring(#run.calls), "calls, " .. more, errors > 0 and "bad")
  end
  if #snapshot.processes > 0 then
    add(tostring(#snapshot.processes), #snapshot.processes == 1 and "process" or "processes")
  end
  local own = 0
  for _, space in ipairs(snapshot.namespaces) do
    own = own + (space.host and 0 or 1)
  end
  if #snapshot.namespaces > 0 then
    add(tostring(own), "namespaces that are not the host's", own > 0 and "good")
  end
  local row = inmost(snapshot)
  if row and snapshot.rights then
    local count = rights.count(row.capabilities.effective)
    add(
      ("%d of %d"):format(count, #snapshot.rights.names),
      ("capabilities of %d %s"):format(row.pid, text.middle(text.clean(row.name), 16)),
      count > #snapshot.rights.default and "bad"
    )
  end
  local map = snapshot.seccomp[1]
  if map and map.calls then
    local count = require("inspect.calls").count(map)
    add(("● %d  × %d"):format(count["●"], count["×"]), "system calls allowed and refused")
  elseif map then
    add("filtered", "system calls; which ones root is told")
  elseif #snapshot.processes > 0 then
    add("none", "of the system calls is filtered", "bad")
  end
  local used, limit = memory(snapshot)
  if used then
    add(units.size(used), limit and "most memory, of " .. units.size(limit) or "most memory")
  end
  return out
end

local function tiles(snapshot)
  local out = {}
  for index, one in ipairs(figures(snapshot)) do
    out[index] =
      h("div", { class = "tile" }, h("b", { class = one[3] }, one[1]), h("span", nil, one[2]))
  end
  return #out > 0 and h("div", { class = "tiles" }, out)
end

--- What a part of the snapshot lacks is an empty list to everything that draws.
local function whole(snapshot)
  local out = {}
  for key, value in pairs(snapshot) do
    out[key] = value
  end
  for _, name in ipairs { "processes", "namespaces", "mounts", "networks", "cgroups", "seccomp" } do
    out[name] = out[name] or {}
  end
  return out
end

--- The page.
---@param snapshot table what `inspect.snapshot` answered, or a part of it
---@return string
function M.page(snapshot)
  options.expect("report.page", "snapshot", snapshot, "table")
  snapshot = whole(snapshot)
  local sections, links = {}, {}
  for _, part in ipairs(M.PARTS) do
    local drawn = require(part.module).draw(snapshot)
    if drawn then
      links[#links + 1] = h("a", { href = "#" .. part.id }, part.title)
      sections[#sections + 1] = h(
        "section",
        { id = part.id, ["aria-labelledby"] = part.id .. "-title" },
        h("h2", { id = part.id .. "-title" }, part.title),
        h("p", { class = "about" }, part.about),
        drawn
      )
    end
  end
  if #sections == 0 then
    sections[1] = h("p", { class = "none" }, "There is nothing to draw in it.")
  end
  local name = command_of(snapshot)
  local page = h(
    "html",
    { lang = "en" },
    h(
      "head",
      nil,
      h("meta", { charset = "utf-8" }),
      h("meta", { name = "viewport", content = "width=device-width, initial-scale=1" }),
      h("meta", { name = "color-scheme", content = "light dark" }),
      h("meta", {
        ["http-equiv"] = "Content-Security-Policy",
        content = "default-src 'none'; style-src 'unsafe-inline'",
      }),
      h("title", nil, text.middle(text.clean(name), 80) .. " · crun-lua report"),
      h("style", nil, html.raw(require "report.style"))
    ),
    h(
      "body",
      nil,
      h(
        "header",
        nil,
        h("div", { class = "eyebrow" }, "crun-lua report"),
        h("h1", nil, text.middle(text.clean(name), 160)),
        h("p", { class = "meta" }, meta(snapshot)),
        h("nav", { ["aria-label"] = "Parts" }, links)
      ),
      h("main", nil, tiles(snapshot), sections),
      h(
        "footer",
        nil,
        h(
          "p",
          nil,
          "Written by crun-lua from what the kernel showed. Nothing is loaded by this page."
        )
      )
    )
  )
  return "<!DOCTYPE html>\n" .. tostring(page) .. "\n"
end

--- The namespaces and the wiring as Mermaid text.
---@param snapshot table
---@return string
function M.mermaid(snapshot)
  return require("report.mermaid").text(whole(snapshot))
end

return M

--- A handout as one page of HTML, which loads nothing; in light and dark, for screen and paper.
---
--- ```lua
--- local page = require "scenario.page"
---
--- local made = page.render({ title = "<One>", steps = {} }, {})
--- assert(made:find("&lt;One&gt;", 1, true) and not made:find("<One>", 1, true))
--- ```
local html = require "report.html"
local options = require "options"
local paper = require "scenario.paper"
local words = require "scenario.words"

local M = {}

local h = html.element

-- What a handout has and a report has not.
local STYLE = [[
pre {
  margin: 10px 0; padding: 10px 12px; overflow-x: auto; border-radius: 6px;
  background: var(--wash); font: 12.5px/1.5 var(--mono);
}
section p { max-width: 80ch; }
.step > .given { color: var(--soft); font-size: 14px; }
.checks { list-style: none; padding: 0; margin: 12px 0; }
.checks li { padding: 2px 0; }
.lesson { border-left: 3px solid var(--blue); padding-left: 12px; }
.prompt { color: var(--blue); font-weight: 600; }
@media print { details > * { display: block; } section { break-inside: avoid; } }
]]

-- Parts of a report that show what processes are in.
local PICTURES = {
  { "report.spaces", "Namespaces" },
  { "report.wires", "Network" },
  { "report.rights", "Capabilities" },
}

--- Text with `code` in it.
local function inline(source)
  local out = {}
  for plain, code in (source .. "``"):gmatch "([^`]*)`([^`]*)`" do
    out[#out + 1] = plain
    out[#out + 1] = code ~= "" and h("code", nil, code) or nil
  end
  return out
end

local function prose(source)
  local out, items = {}, nil
  for _, block in ipairs(words.blocks(source)) do
    if block.kind == "item" then
      items = items or {}
      items[#items + 1] = h("li", nil, inline(block.text))
    else
      out[#out + 1] = items and h("ul", nil, items) or nil
      items = nil
      local element = block.kind == "code" and h("pre", nil, block.text)
        or h("p", nil, inline(block.text))
      out[#out + 1] = element
    end
  end
  out[#out + 1] = items and h("ul", nil, items) or nil
  return out
end

--- A block that keeps its lines. Each goes in on its own: what is no text is shown as an escape.
local function block(source)
  local out = {}
  for line in (source:gsub("\n+$", "") .. "\n"):gmatch "(.-)\n" do
    out[#out + 1] = paper.expand(line)
    out[#out + 1] = html.raw "\n"
  end
  return h("pre", nil, out)
end

local function values(title, map)
  local list = {}
  for _, name in ipairs(options.keys(map or {})) do
    list[#list + 1] = #list > 0 and ", " or nil
    list[#list + 1] = h("code", nil, ("%s = %s"):format(name, tostring(map[name])))
  end
  return #list > 0 and h("p", { class = "given" }, title .. ": ", list)
end

local function looked(shown)
  local out = {}
  for _, seen in ipairs(shown.observations or {}) do
    out[#out + 1] = h("span", { class = "prompt" }, "$ " .. seen.command)
    out[#out + 1] = html.raw "\n"
    for line in seen.output:gmatch "([^\n]*)\n?" do
      if line ~= "" then
        out[#out + 1] = paper.expand(line)
        out[#out + 1] = html.raw "\n"
      end
    end
  end
  for _, command in ipairs(not shown.observations and shown.step.observe or {}) do
    out[#out + 1] = h("span", { class = "prompt" }, "$ " .. command)
    out[#out + 1] = html.raw "\n"
  end
  return #out > 0 and h("pre", nil, out)
end

local MARKS = { passed = "✓ ", failed = "✗ ", open = "– " }

local function checks(shown)
  local out = {}
  for index, check in ipairs(shown.checks) do
    local class = check.state == "failed" and "bad" or check.state == "passed" and "good" or "soft"
    out[index] = h("li", nil, h("b", { class = class }, MARKS[check.state]), check.sentence)
  end
  return h("ul", { class = "checks" }, out)
end

local function pictures(snapshot)
  local out = {}
  for _, one in ipairs(snapshot and PICTURES or {}) do
    local drawn = require(one[1]).draw(snapshot)
    if drawn then
      out[#out + 1] = h("h3", nil, one[2])
      out[#out + 1] = drawn
    end
  end
  return out
end

local function step(number, shown)
  local one = shown.step
  local said = shown.said and shown.said ~= "" and block(shown.said)
  local told = shown.narration and shown.narration ~= ""
  return h(
    "section",
    { class = "step", id = one.id },
    h("h2", nil, ("%d. %s"):format(number, one.title)),
    prose(one.text),
    shown.skipped and h("p", { class = "bad" }, "Not run here: " .. shown.skipped),
    values("Given", shown.given),
    shown.source and block(shown.source),
    said,
    values("Answered", shown.answers),
    looked(shown),
    checks(shown),
    pictures(shown.snapshot),
    told
      and h(
        "details",
        nil,
        h("summary", nil, "Each call, and what it changed"),
        block(shown.narration)
      ),
    one.lesson and h("div", { class = "lesson" }, prose(one.lesson))
  )
end

--- The page.
---@param lesson scenario.Scenario
---@param rows scenario.Shown[]
---@return string
function M.render(lesson, rows)
  local links, sections = {}, {}
  for number, shown in ipairs(rows) do
    links[number] = h("a", { href = "#" .. shown.step.id }, shown.step.title)
    sections[number] = step(number, shown)
  end
  local needs = lesson.needs and #lesson.needs > 0 and "Needs: " .. table.concat(lesson.needs, ", ")
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
      h("title", nil, lesson.title),
      h("style", nil, html.raw(require "report.style" .. STYLE))
    ),
    h(
      "body",
      nil,
      h(
        "header",
        nil,
        h("div", { class = "eyebrow" }, "crun-lua scenario"),
        h("h1", nil, lesson.title),
        lesson.summary and prose(lesson.summary),
        needs and h("p", { class = "meta" }, needs),
        h("nav", { ["aria-label"] = "Steps" }, links)
      ),
      h("main", nil, sections),
      h(
        "footer",
        nil,
        h("p", nil, "Written by crun-lua from a run of the lesson. Nothing is loaded by this page.")
      )
    )
  )
  return "<!DOCTYPE html>\n" .. tostring(page) .. "\n"
end

return M

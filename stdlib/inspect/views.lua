--- A snapshot as pictures for a terminal: trees, a grid, a map of dots, a list of wires, bars.
---
--- They are drawn from the same table as the page of `crun-lua report`, in the same words and with
--- the same symbols; colours repeat what the symbols say. No line is longer than 100 columns: what
--- is longer is cut in its middle.
---
--- ```lua
--- local views = require "inspect.views"
---
--- local child <close> = spawn({ unshare = { "user", "uts" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- local snapshot = require("inspect").snapshot(child.pid)
--- for _, line in ipairs(views.lines("namespaces", snapshot, { width = 80 })) do
---   print(line)
--- end
--- ```
local colour = require "view.colour"
local options = require "options"
local text = require "view.text"

local M = {}

--- The pictures, in the order in which they are listed.
M.NAMES = { "namespaces", "processes", "mounts", "capabilities", "seccomp", "network", "cgroup" }

--- What each needs of a snapshot, so that no more is read.
M.PARTS = {
  namespaces = {},
  processes = {},
  mounts = { "mounts" },
  capabilities = {},
  seccomp = { "seccomp" },
  network = { "networks" },
  cgroup = { "cgroups" },
}

M.MOST = 100

--- What a view writes with: lines that fit, and colours where they are wanted.
---@class inspect.Pen
---@field width integer
---@field colours boolean
---@field out string[]
local Pen = {}
Pen.__index = Pen

--- Paints a text.
---@param words string
---@param shade? string
---@return string
function Pen:paint(words, shade)
  return colour.paint(words, shade, self.colours)
end

--- Writes a line of pieces: a text, or `{ text, colour }`. The piece `flexible` (the last without
--- it) is cut in its middle where the line is too long; all of them are made safe to print.
---@param pieces (string|table)[]
---@param flexible? integer
function Pen:line(pieces, flexible)
  local words, taken = {}, 0
  for index, piece in ipairs(pieces) do
    words[index] = text.clean(type(piece) == "table" and piece[1] or piece)
    taken = taken + text.width(words[index])
  end
  local order = { flexible or #pieces, #pieces }
  for _, at in ipairs(order) do
    local over = taken - self.width
    if over > 0 and words[at] then
      local room = math.max(text.width(words[at]) - over, 1)
      taken = taken - text.width(words[at])
      words[at] = text.middle(words[at], room)
      taken = taken + text.width(words[at])
    end
  end
  -- Many fixed pieces can be too long by themselves.
  local room, done = self.width, {}
  for index, piece in ipairs(pieces) do
    local fitted = text.fit(words[index], room)
    room = room - text.width(fitted)
    done[index] = self:paint(fitted, type(piece) == "table" and piece[2] or nil)
  end
  self.out[#self.out + 1] = (table.concat(done):gsub("%s+$", ""))
end

--- Writes a long list of words in as many lines as it takes.
---@param words string[]
---@param indent string before each line
---@param shade? string
function Pen:fill(words, indent, shade)
  local line = ""
  for _, word in ipairs(words) do
    word = text.middle(text.clean(word), self.width - text.width(indent))
    local longer = line == "" and word or line .. " " .. word
    if text.width(indent .. longer) > self.width then
      self:line { indent, { line, shade } }
      longer = word
    end
    line = longer
  end
  if line ~= "" then
    self:line { indent, { line, shade } }
  end
end

--- The lines of a picture.
---@param name string one of `NAMES`
---@param snapshot table
---@param given? { width?: integer, colours?: boolean }
---@return string[]
function M.lines(name, snapshot, given)
  given = options.check("inspect.views", given, { width = "integer", colours = "boolean" })
  options.expect("inspect.views", "name", name, "=" .. table.concat(M.NAMES, "|"))
  local pen = setmetatable({
    width = math.max(math.min(given.width or M.MOST, M.MOST), 20),
    colours = given.colours or false,
    out = {},
  }, Pen)
  require("inspect.view." .. name)(snapshot, pen)
  return pen.out
end

return M

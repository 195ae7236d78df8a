--- The file of a learnt profile: a table in Lua, sorted and with a word on each part, to be read
--- and changed by hand. Who reads it runs nothing: no function can be called in it.
---
--- ```lua
--- local file = require "learn.file"
--- local profile = require "learn.profile"
---
--- local dir <close> = temp_dir()
--- local made = profile.empty { "true" }
--- made.calls = { "exit_group", "read" }
--- file.save(made, dir.path .. "/true.lua")
--- assert(file.load(dir.path .. "/true.lua").calls[2] == "read")
--- ```
local calls = require "learn.calls"
local options = require "options"
local profiles = require "learn.profile"

local M = {}

local KNOWN = {
  format = "integer",
  summary = "string",
  commands = "list",
  runs = "integer",
  caps_by = "=inference|bisection|none",
  caps = "list",
  calls = "list",
  arguments = "table",
  start = "list",
  files = "table",
  ports = "table",
  scope = "list",
  mounts = "table",
  unseen = "list",
}
local FILES = { list = "list", ro = "list", rw = "list", exec = "list" }

local ORDER = {
  "format",
  "summary",
  "commands",
  "runs",
  "caps",
  "caps_by",
  "calls",
  "arguments",
  "start",
  "unseen",
  "files",
  "ports",
  "scope",
  "mounts",
}
local NOTES = {
  caps_by = 'how they were found: "inference" from calls and files, "bisection" by runs without',
  calls = "allowed whatever the arguments",
  arguments = 'allowed with these alone: place, from 0, and value; "&" names the bits that count',
  start = "what the start of the program needs between the filter and execve",
  unseen = "answered ENOSYS: what they do stands in memory, which no filter sees",
  files = "to list; to read; to write, make and remove; to execute: a directory with all below",
  ports = "of TCP; for other protocols the sockets' types are all that is judged",
  scope = "kept from it: abstract unix sockets, and signals, of processes outside",
  mounts = "what must be mounted to be written where the root is read-only",
}

local function is_word(key)
  return type(key) == "string" and key:find "^[%a_][%w_]*$" ~= nil
end

local function write(value, indent)
  if type(value) ~= "table" then
    return type(value) == "string" and ("%q"):format(value):gsub("\\\n", "\\n") or tostring(value)
  end
  local lines, inner = {}, indent .. "  "
  if #value > 0 or next(value) == nil then
    local line = {}
    for index, item in ipairs(value) do
      line[index] = write(item, inner)
    end
    local short = "{ " .. table.concat(line, ", ") .. " }"
    if #line == 0 then
      return "{}"
    elseif #short + #indent < 80 then
      return short
    end
    for index, text in ipairs(line) do
      lines[index] = inner .. text .. ","
    end
  else
    for _, key in ipairs(options.keys(value)) do
      local name = is_word(key) and key or ("[%q]"):format(key)
      lines[#lines + 1] = ("%s%s = %s,"):format(inner, name, write(value[key], inner))
    end
  end
  return "{\n" .. table.concat(lines, "\n") .. "\n" .. indent .. "}"
end

--- A profile as the text of its file.
---@param profile learn.Profile
---@return string
function M.text(profile)
  local lines = {
    "-- A learnt profile: `crun-lua learn --enforce FILE -- COMMAND` holds a command to it.",
    "return {",
  }
  for _, key in ipairs(ORDER) do
    if NOTES[key] then
      lines[#lines + 1] = "  -- " .. NOTES[key]
    end
    lines[#lines + 1] = ("  %s = %s,"):format(key, write(profile[key], "  "))
  end
  lines[#lines + 1] = "}\n"
  return table.concat(lines, "\n")
end

--- Writes a profile into a file, at once or not at all.
---@param profile learn.Profile
---@param path string
function M.save(profile, path)
  write_file(path, M.text(profile), { atomic = true })
end

local function fail(path, what, hint)
  options.fail("learn.load", ("%s: %s"):format(path, what), hint)
end

--- Checks what came out of a file, which anybody may have changed.
local function checked(path, value)
  if type(value) ~= "table" or value.format ~= profiles.FORMAT then
    fail(path, "this is no learnt profile", "crun-lua learn -o FILE -- COMMAND writes one")
  end
  local made = profiles.empty()
  for key, given in pairs(options.check("learn.load: " .. path, value, KNOWN)) do
    made[key] = given
  end
  made.files = options.check("learn.load: " .. path .. ": files", made.files, FILES)
  for _, key in ipairs { "list", "ro", "rw", "exec" } do
    made.files[key] = made.files[key] or {}
    for _, one in ipairs(made.files[key]) do
      if type(one) ~= "string" or one:sub(1, 1) ~= "/" then
        fail(path, ("files.%s: expected whole paths, got %q"):format(key, tostring(one)))
      end
    end
  end
  for name, keys in pairs(made.arguments) do
    for _, key in ipairs(type(keys) == "table" and keys or { keys }) do
      if type(key) ~= "string" or not calls.conditions(name, key) then
        local hint = ("such as %q for ioctl"):format "1=0x5401"
        fail(path, ("arguments.%s: %q are no conditions"):format(name, tostring(key)), hint)
      end
    end
  end
  return made
end

--- Reads a profile. The file is Lua, and gets nothing but tables: no function can be called in it.
---@param path string
---@return learn.Profile
function M.load(path)
  local text = try(stat, path) and read_file(path)
  if not text then
    fail(path, "no such file")
  end
  local chunk, reason = load(text, "@" .. path, "t", {})
  if not chunk then
    fail(path, reason)
  end
  local done, value, err = nil, nil, nil
  try(budget, { time = "2s", memory = "64M" }, function()
    done, value = pcall(chunk)
    err = not done and value or nil
  end)
  if not done then
    fail(
      path,
      err and tostring(err) or "it does not end",
      "a profile is a table, without functions"
    )
  end
  return checked(path, value)
end

return M

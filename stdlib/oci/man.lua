--- Manual pages, out of the definitions of `oci.commands`: one of the program, and one a command.
--- Those of section 7, on what scripts are written with, are made by `reference.man` with the
--- functions here.
---
--- ```lua
--- local man = require "oci.man"
---
--- local pages = man.pages()
--- assert(pages["crun-lua-kill.8"]:find("\n.TH CRUN-LUA-KILL 8", 1, true))
--- ```
local commands = require "oci.commands"
local version = require "oci.version"

local M = {}

--- Text as roff prints it: no backslash, no dash, no dot or quote at a line's start means anything.
---@param text string
---@return string
function M.escaped(text)
  local plain = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("…", "\\&..."):gsub("'", "\\(aq")
  plain = plain:gsub("[\xC2-\xF4][\x80-\xBF]+", function(sign)
    return ("\\[u%04X]"):format(utf8.codepoint(sign))
  end)
  return (plain:gsub("^%.", "\\&."):gsub("\n%.", "\n\\&."))
end

local escaped = M.escaped

--- The beginning of a page.
---@param name string
---@param summary string
---@param number? integer the manual's section; 8
---@return string
function M.head(name, summary, number)
  local title = ('.TH %s %d "" "crun\\-lua %s" "%s"'):format(
    name:upper(),
    number or 8,
    escaped(version.program),
    number == 7 and "Miscellaneous" or "System administration"
  )
  local named = (".SH NAME\n%s \\- %s"):format(escaped(name), escaped(summary))
  return '.\\" made by `crun-lua man`\n' .. title .. "\n" .. named
end

local head = M.head

--- A section of a page.
---@param title string
---@param ... string
---@return string
function M.section(title, ...)
  return ".SH " .. title .. "\n" .. table.concat({ ... }, "\n")
end

local section = M.section

--- An option with its description: ".TP", what is written, what it means.
local function option_entry(option)
  local short = option.letter and ("\\fB\\-%s\\fR, "):format(option.letter) or ""
  local value = option.value and (" \\fI%s\\fR"):format(escaped(option.value)) or ""
  local again = option.list and " (may be repeated)" or ""
  local line = (".TP\n%s\\fB\\-\\-%s\\fR%s"):format(short, escaped(option.name), value)
  return line .. "\n" .. escaped(option.about .. again)
end

local function option_entries(options)
  local entries = {}
  for index, option in ipairs(options) do
    entries[index] = option_entry(option)
  end
  return table.concat(entries, "\n")
end

--- "crun-lua kill [OPTION]… ID [SIGNAL]" with its words in their fonts.
local function synopsis(name, operands)
  local words = operands ~= "" and (" \\fI%s\\fR"):format(escaped(operands)) or ""
  local form = "\\fBcrun\\-lua\\fR [\\fIGLOBAL\\-OPTION\\fR]... \\fB%s\\fR [\\fIOPTION\\fR]...%s"
  return form:format(name, words)
end

local ERRORS =
  "An error is one line on standard error, and one in the file of \\-\\-log; the status is "

--- The page of a command.
local function command_page(name)
  local command = commands.get(name)
  local about = command.summary:gsub("^%l", string.upper) .. "."
  local parts = {
    head("crun-lua-" .. name, command.summary),
    section("SYNOPSIS", synopsis(name, command.operands)),
    section("DESCRIPTION", escaped(about), command.about and ".PP\n" .. escaped(command.about)),
    section("OPTIONS", option_entries(command.options)),
    section("EXIT STATUS", ERRORS .. (name == "exec" and 255 or 1) .. "."),
  }
  if command.example then
    parts[#parts + 1] = section("EXAMPLE", ".EX\n" .. escaped(command.example) .. "\n.EE")
  end
  parts[#parts + 1] = section("SEE ALSO", ".BR crun\\-lua (8)")
  return table.concat(parts, "\n") .. "\n"
end

local function command_entries()
  local entries = {}
  for _, name in ipairs(commands.names()) do
    local summary = escaped(commands.get(name).summary)
    entries[#entries + 1] = (".TP\n.BR crun\\-lua\\-%s (8)\n%s"):format(name, summary)
  end
  return table.concat(entries, "\n")
end

local function own_entries()
  local entries, own = {}, commands.OWN.commands
  for _, name in ipairs(require("options").keys(own)) do
    entries[#entries + 1] = (".TP\n\\fBcrun\\-lua %s\\fR\n%s"):format(name, escaped(own[name]))
  end
  return table.concat(entries, "\n")
end

local FILES = {
  { "/run/crun-lua/oci", "the state of root's containers, a directory a container; --root" },
  { "$XDG_RUNTIME_DIR/crun-lua/oci", "that of users" },
  { "/etc/crun-lua/policy.d/*.lua", "policies: Lua that changes or refuses a container" },
}

local ENVIRONMENT = {
  { "XDG_RUNTIME_DIR", "where users' containers are kept" },
  { "LISTEN_FDS", "how many descriptors from number 3 on create, run and exec hand on" },
  { "CRUN_LUA_STATE", "where it is written down what an unfinished command must undo" },
}

local function table_entries(rows)
  local entries = {}
  for index, row in ipairs(rows) do
    entries[index] = (".TP\n\\fB%s\\fR\n%s"):format(escaped(row[1]), escaped(row[2]))
  end
  return table.concat(entries, "\n")
end

local ABOUT = [[
crun-lua is an OCI runtime: it makes and runs containers out of a bundle, a directory with a file
config.json and a root file system, as Podman, containerd and Docker ask for it. The specification's
version is %s.
.PP
It is also an interpreter of Lua scripts that use the kernel's container primitives; see
.BR "crun\-lua help" .]]

--- The page of the program.
local function program_page()
  local own = commands.options(commands.OWN.options)
  local parts = {
    head("crun-lua", "run containers by the OCI runtime specification"),
    section(
      "SYNOPSIS",
      synopsis("COMMAND", "ID…"),
      ".PP\n\\fBcrun\\-lua\\fR \\fISCRIPT\\fR [\\fIARGUMENT\\fR]..."
    ),
    section("DESCRIPTION", ABOUT:format(escaped(version.spec))),
    section("COMMANDS", command_entries()),
    section("GLOBAL OPTIONS", option_entries((commands.global()))),
    section("OPTIONS OF ALL COMMANDS AND SCRIPTS", option_entries(own)),
    section("COMMANDS FOR SCRIPTS AND CONTAINERS OF THE STDLIB", own_entries()),
    section("EXIT STATUS", ERRORS .. "1, and 255 for exec."),
    section("ENVIRONMENT", table_entries(ENVIRONMENT)),
    section("FILES", table_entries(FILES)),
    section(
      "SEE ALSO",
      ".BR crun\\-lua\\-script (7),\n.BR crun\\-lua\\-primitives (7),\n"
        .. ".BR crun\\-lua\\-stdlib (7),\n.BR podman (1),\n"
        .. ".BR containerd (8),\n.BR runc (8),\n.BR crun (1)"
    ),
  }
  return table.concat(parts, "\n") .. "\n"
end

--- Every page, by the name of its file.
---@return table<string, string>
function M.pages()
  local pages = { ["crun-lua.8"] = program_page() }
  for _, name in ipairs(commands.names()) do
    pages[("crun-lua-%s.8"):format(name)] = command_page(name)
  end
  for name, text in pairs(require("reference.man").pages()) do
    pages[name] = text
  end
  return pages
end

return M

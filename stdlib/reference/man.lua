--- The manual's section 7, from the same data as help: crun-lua-primitives, crun-lua-stdlib, and
--- crun-lua-script, which tells how scripts are written.
---
--- ```lua
--- local pages = require("reference.man").pages()
---
--- assert(pages["crun-lua-primitives.7"]:find("unshare(kinds, options?)", 1, true))
--- ```
local man = require "oci.man"
local reference = require "reference"

local M = {}

local escaped = man.escaped

--- Words of a comment: code is bold, and a line that is empty parts paragraphs.
local function prose(text)
  local out = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local shown = escaped(line):gsub("`(.-)`", "\\fB%1\\fR")
    out[#out + 1] = line == "" and ".PP" or (shown:gsub("^%s+", ""))
  end
  -- No paragraph is empty, and none ends a section.
  local joined = table.concat(out, "\n"):gsub("\n%.PP(\n%.PP)+", "\n.PP")
  return (joined:gsub("%.PP\n%.PP", ".PP"):gsub("\n%.PP$", ""))
end

local function code(text)
  return ".RS\n.EX\n" .. escaped((text:gsub("%s+$", ""))) .. "\n.EE\n.RE"
end

--- Parameters, each with its type and what it means; their options are moved in.
local function params(out, list, seen)
  if #list == 0 then
    return
  end
  out[#out + 1] = ".RS"
  for _, param in ipairs(list) do
    local name = ("\\fI%s\\fR%s"):format(escaped(param.name), param.required and "" or "?")
    local kind = param.type ~= "" and " (" .. escaped(param.type) .. ")" or ""
    out[#out + 1] = ".TP\n" .. name .. kind
    out[#out + 1] = param.doc ~= "" and prose(param.doc) or "\\&"
    local key = param.class or param
    if param.options and not seen[key] then
      seen[key] = true
      params(out, param.options, seen)
      seen[key] = nil
    end
  end
  out[#out + 1] = ".RE"
end

local function primitive(out, entry)
  out[#out + 1] = (".TP\n\\fB%s\\fR \\(-> %s"):format(
    escaped(entry.signature),
    escaped(entry.returns)
  )
  out[#out + 1] = prose(entry.summary)
  params(out, entry.params, {})
  local rows = {
    { "calls", table.concat(entry.syscalls, ", ") },
    { "shell", entry.shell },
    { "needs", entry.needs },
    { "undo", entry.reversible and "" or "irreversible" },
    { "see", table.concat(entry.see, ", ") },
  }
  out[#out + 1] = ".RS"
  for _, row in ipairs(rows) do
    if row[2] ~= "" then
      out[#out + 1] = (".PP\n\\fI%s\\fR: %s"):format(row[1], escaped(row[2]:gsub("`", "")))
    end
  end
  out[#out + 1] = ".RE"
  if entry.examples[1] then
    out[#out + 1] = code(entry.examples[1].code)
  end
end

local SEE = ".BR crun\\-lua (8),\n.BR crun\\-lua\\-primitives (7),\n"
  .. ".BR crun\\-lua\\-stdlib (7),\n.BR crun\\-lua\\-script (7)"

local function primitives_page()
  local parts = { man.head("crun-lua-primitives", "the kernel's container primitives in Lua", 7) }
  local about = "Each is a global in scripts and a field of the table \\fBsys\\fR. "
    .. "A question mark follows what may be left out. "
    .. "One that fails raises an error object: see\n.BR crun\\-lua\\-script (7)."
  parts[#parts + 1] = man.section("DESCRIPTION", about)
  for _, topic in ipairs(reference.topics()) do
    local out = { escaped(topic.summary) }
    for _, entry in ipairs(topic.primitives) do
      primitive(out, entry)
    end
    parts[#parts + 1] = man.section('"' .. topic.name:upper() .. '"', table.unpack(out))
  end
  parts[#parts + 1] = man.section("SEE ALSO", SEE)
  return table.concat(parts, "\n") .. "\n"
end

local function of_function(out, entry)
  out[#out + 1] = (".TP\n\\fB%s\\fR \\(-> %s"):format(
    escaped(entry.signature),
    escaped(entry.returns)
  )
  out[#out + 1] = prose(entry.doc)
  params(out, entry.params, {})
end

local function stdlib_page()
  local parts = { man.head("crun-lua-stdlib", "the Lua modules of crun-lua", 7) }
  local about =
    'They lie in the program and are loaded by \\fBrequire "NAME"\\fR when they are asked for.'
  parts[#parts + 1] = man.section("DESCRIPTION", about)
  for _, module in ipairs(reference.modules()) do
    local out = { prose(module.doc) }
    -- The fonts that roff knows have no letters of East Asia.
    if module.examples[1] and not module.examples[1]:find "[\xE3-\xF4]" then
      out[#out + 1] = code(module.examples[1])
    end
    for _, entry in ipairs(module.functions) do
      of_function(out, entry)
    end
    for _, class in ipairs(module.classes) do
      for _, entry in ipairs(class.methods) do
        of_function(out, entry)
      end
    end
    parts[#parts + 1] = man.section('"' .. module.module:upper() .. '"', table.unpack(out))
  end
  parts[#parts + 1] = man.section("SEE ALSO", SEE)
  return table.concat(parts, "\n") .. "\n"
end

-- What holds for every script, a paragraph each.
local SCRIPT = {
  {
    "DESCRIPTION",
    [[A script is Lua 5.4 that is run by `crun-lua FILE`, or by its first line
`#!/usr/bin/env crun-lua`. Its arguments are in the table `arg`; the number that it returns, or
gives `os.exit`, is the exit status.

The primitives are globals, and all of them are fields of the table `sys`. The stdlib is reached
by `require`, which searches nothing else. Globals cannot be set, and reading one that is not
declared is an error. `debug`, `package`, `dofile`, `loadfile`, `os.execute` and `io.popen` are
not there.]],
  },
  {
    "VALUES",
    [[A size is text such as "64M" or "1G", or a number of bytes. A time is text such as "250ms"
or "10s", or a number of seconds. A share is text such as "50%". A mode is text such as "0755".
Sets are lists of lowercase words without the kernel's prefix: `{ "pid", "mnt" }`. An option that
is not known, or of another type, fails before anything is done.]],
  },
  {
    "ERRORS",
    [[What fails raises a table with the fields op, message, call (as strace writes it), errno
("EPERM"), code, where (file and line), hint and cause. `try(f, ...)` answers the value, or nil
and the error.]],
  },
  {
    "HANDLES",
    [[What is made is a handle: it closes with `<close>`, by `close()`, or when the script ends,
and then what it made goes. `keep()` leaves it. Closing twice is fine, and closing in a forked
child does nothing.]],
  },
  {
    "HOST",
    [[A primitive that would change the host refuses while the process is still in the host's
namespace of that kind, and says which `unshare` is missing. `{ host = true }` on the call, or
`--allow-host`, means the host.]],
  },
}

local EXAMPLE = [[
#!/usr/bin/env crun-lua
local child <close> = spawn({ unshare = { "pid", "mnt", "uts" } }, function()
  sethostname("box")
  mount("proc", "/proc", { type = "proc" })
  exec { "/bin/sh" }
end)
os.exit(child:wait().code)]]

local function script_page()
  local parts =
    { man.head("crun-lua-script", "Lua scripts that use the kernel's container primitives", 7) }
  parts[#parts + 1] =
    man.section("SYNOPSIS", "\\fBcrun\\-lua\\fR \\fIFILE\\fR [\\fIARGUMENT\\fR]...")
  for _, row in ipairs(SCRIPT) do
    parts[#parts + 1] = man.section(row[1], prose(row[2]))
  end
  parts[#parts + 1] = man.section("EXAMPLE", code(EXAMPLE))
  local tools = "\\fBcrun\\-lua help\\fR tells what there is, "
    .. "\\fBcrun\\-lua check\\fR finds mistakes "
    .. "without running a script, and \\fBcrun\\-lua setup\\fR tells the editor's language server."
  parts[#parts + 1] = man.section("TOOLS", tools)
  parts[#parts + 1] = man.section("SEE ALSO", SEE)
  return table.concat(parts, "\n") .. "\n"
end

--- Every page of section 7, by the name of its file.
---@return table<string, string>
function M.pages()
  return {
    ["crun-lua-primitives.7"] = primitives_page(),
    ["crun-lua-script.7"] = script_page(),
    ["crun-lua-stdlib.7"] = stdlib_page(),
  }
end

return M

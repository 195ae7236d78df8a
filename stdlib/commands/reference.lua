--- `crun-lua reference`: the reference as data and as files, for the documentation, editors and
--- tests.
---
--- ```lua
--- local reference = require "commands.reference"
---
--- assert(reference { "--jsn" } == 2)
--- ```
local arguments = require "commands.arguments"

local SPEC = {
  name = "crun-lua reference",
  usage = [[
usage: crun-lua reference --pages DIR | --luacats DIR | --json | --modules

    --pages DIR     write a page a topic of primitives and a page a module, in Markdown
    --luacats DIR   write definitions for editors; see also crun-lua setup
    --json          print every example of a primitive, with its needs, as a line of JSON
    --modules       print every public module, function and class as a line of JSON]],
  flags = { "json", "modules" },
  values = { "pages", "luacats" },
}

local function lines_of_primitives()
  for _, entry in ipairs(require("reference").primitives()) do
    for _, example in ipairs(entry.examples) do
      local row = { name = entry.name, code = example.code, needs = json_array(example.needs) }
      io.write(json_encode(row), "\n")
    end
  end
end

--- Which of a function's parameters are not described.
local function undescribed(entry)
  local known, missing = {}, {}
  for _, param in ipairs(entry.params) do
    known[param.name] = true
  end
  for _, name in ipairs(entry.arguments) do
    if not known[name] then
      missing[#missing + 1] = name
    end
  end
  return json_array(missing)
end

local function lines_of_modules()
  local reference = require "reference"
  local function line(entry, kind)
    local examples = entry.examples or {}
    io.write(
      json_encode {
        name = entry.name or entry.module,
        kind = kind,
        file = entry.file,
        line = entry.line,
        summary = entry.summary,
        examples = json_array(examples),
        own = json_array(entry.own or examples),
        undescribed = kind == "function" and undescribed(entry) or nil,
      },
      "\n"
    )
  end
  for _, module in ipairs(reference.modules()) do
    line(module, "module")
    for _, entry in ipairs(module.functions) do
      line(entry, "function")
    end
    for _, class in ipairs(module.classes) do
      if #class.methods > 0 then
        line(class, "class")
      end
      for _, entry in ipairs(class.methods) do
        line(entry, "function")
      end
    end
  end
end

local function write_files(dir, files)
  mkdir(dir, { parents = true })
  for _, name in ipairs(require("options").keys(files)) do
    local path = dir .. "/" .. name
    if name:find("/", 1, true) then
      mkdir(path:match("^(.*)/"), { parents = true })
    end
    write_file(path, files[name])
  end
end

---@param args string[]
---@return integer status
return function(args)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status
  end
  if given.pages then
    write_files(given.pages, require("reference.markdown").files())
  elseif given.luacats then
    write_files(given.luacats, require("reference.luacats").files())
  elseif given.json then
    lines_of_primitives()
  elseif given.modules then
    lines_of_modules()
  else
    return arguments.refuse(SPEC, "say what is wanted")
  end
  return 0
end

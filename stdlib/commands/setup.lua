--- `crun-lua setup`: definitions for the editor's language server, and the file that points it to
--- them.
---
--- The definitions are the program's own and are written anew whenever they differ. The workspace's
--- `.luarc.json` belongs to its user: where there is one already, it is only told what to add, or
--- with `--merge` it gets that and keeps the rest.
---
--- ```lua
--- local setup = require "commands.setup"
---
--- assert(setup { "--hlep" } == 2)
--- ```
local arguments = require "commands.arguments"

local SPEC = {
  name = "crun-lua setup",
  usage = [[
usage: crun-lua setup [--merge] [DIR]

Writes definitions of the primitives and the stdlib for lua-language-server and EmmyLua below
$XDG_DATA_HOME/crun-lua/meta, and a .luarc.json that points to them into DIR, the current directory
without it. A .luarc.json that is there is left alone, and what to add to it is told.

    --merge   add it: what else the file says is kept, its order and comments are not

exit status: 0 set up, or it was already; 1 there is a file that lacks something;
2 a wrong option]],
  flags = { "merge" },
  most = 1,
}

local SCHEMA = "https://raw.githubusercontent.com/LuaLS/vscode-lua/master/setting/schema.json"

--- Where the user's programs keep such data (XDG Base Directory Specification).
local function definitions_dir()
  local data, home = os.getenv "XDG_DATA_HOME", os.getenv "HOME"
  if data and data:find "^/" then
    return data .. "/crun-lua/meta"
  end
  return home and home:find "^/" and home .. "/.local/share/crun-lua/meta" or data_dir() .. "/meta"
end

--- Writes a file where it differs; answers whether it did.
local function put(path, text)
  local before = try(read_file, path)
  if before == text then
    return false
  end
  write_file(path, text, { atomic = true })
  return true
end

--- The definitions, and nothing that an older version has left beside them.
local function write_definitions(dir)
  mkdir(dir, { parents = true })
  local files, changed = require("reference.luacats").files(), 0
  for name, text in pairs(files) do
    changed = changed + (put(dir .. "/" .. name, text) and 1 or 0)
  end
  for _, name in ipairs(list_dir(dir)) do
    name = type(name) == "table" and name.name or name
    if name:find "%.d%.lua$" and not files[name] then
      remove(dir .. "/" .. name)
      changed = changed + 1
    end
  end
  return changed
end

--- A setting of a `.luarc.json`, which may be written flat, nested, or with "Lua." before it.
local function setting(config, group, key)
  for _, prefix in ipairs { "", "Lua." } do
    local flat = config[prefix .. group .. "." .. key]
    if flat ~= nil then
      return flat, config, prefix .. group .. "." .. key
    end
  end
  for _, map in ipairs { config, type(config.Lua) == "table" and config.Lua or {} } do
    if type(map[group]) == "table" and map[group][key] ~= nil then
      return map[group][key], map[group], key
    end
  end
  return nil, config, group .. "." .. key
end

local function lists(list, word)
  for _, item in ipairs(type(list) == "table" and list or {}) do
    if item == word then
      return true
    end
  end
  return false
end

--- What a configuration lacks, as fields and values; and a function that adds it.
local function lacking(config, dir)
  local lines, adds = {}, {}
  local version, where, key = setting(config, "runtime", "version")
  if version ~= "Lua 5.4" then
    lines[#lines + 1] = '"runtime.version": "Lua 5.4"'
    adds[#adds + 1] = function()
      where[key] = "Lua 5.4"
    end
  end
  local library, place, name = setting(config, "workspace", "library")
  if not lists(library, dir) then
    lines[#lines + 1] = ('"workspace.library": [%s]'):format(json_encode(dir))
    adds[#adds + 1] = function()
      local list = json_array(type(library) == "table" and library or {})
      list[#list + 1] = dir
      place[name] = list
    end
  end
  return lines, adds
end

local function fresh(dir)
  return {
    ["$schema"] = SCHEMA,
    -- What is nil after a timeout only would be a warning at every call.
    ["diagnostics.disable"] = json_array { "need-check-nil" },
    ["runtime.version"] = "Lua 5.4",
    ["workspace.library"] = json_array { dir },
    ["workspace.checkThirdParty"] = false,
  }
end

local function encode(config)
  return json_encode(config, { pretty = true })
end

--- Looks at the workspace's file; answers the status.
local function configure(path, meta, merge)
  local text = try(read_file, path)
  if not text then
    write_file(path, encode(fresh(meta)))
    print(("wrote %s"):format(path))
    return 0
  end
  local config = try(json_decode, text)
  local is_map = type(config) == "table" and getmetatable(config) ~= "json array"
  -- With comments in it is no JSON, and nobody here can write it again as it was.
  local lines, adds = lacking(is_map and config or {}, meta)
  if not is_map and text:find(json_encode(meta), 1, true) then
    lines = {}
  end
  if #lines == 0 then
    print(("%s is set up already"):format(path))
    return 0
  elseif merge and is_map then
    for _, add in ipairs(adds) do
      add()
    end
    write_file(path, encode(config), { atomic = true })
    print(("added to %s: %s"):format(path, table.concat(lines, ", ")))
    return 0
  end
  local why = is_map and "is yours and was left alone"
    or "cannot be read as JSON and was left alone"
  io.stderr:write(
    ("%s: %s %s; add to it:\n  %s\n"):format(SPEC.name, path, why, table.concat(lines, ",\n  "))
  )
  if is_map then
    io.stderr:write "or let --merge do it\n"
  end
  return 1
end

---@param args string[]
---@return integer status
return function(args)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status
  end
  local dir = given[1] or "."
  local there = try(stat, dir)
  if not there or there.type ~= "directory" then
    return arguments.refuse(SPEC, dir .. ": no such directory")
  end
  local meta = definitions_dir()
  local changed = write_definitions(meta)
  print(("%s: %s"):format(meta, changed == 0 and "current" or changed .. " files written"))
  return configure(dir .. "/.luarc.json", meta, given.merge)
end

--- Where a container's control group is: what `linux.cgroupsPath` means on this machine.
---
--- The specification gives an absolute path one meaning, below the mount of each hierarchy, and
--- leaves a relative one to the runtime. Here it starts where the runtime itself stands, so that an
--- unprivileged runtime makes its groups where it may. On v2 it starts one group above that: the
--- runtime's own group has processes, and such a group shares out no controllers (cgroups(7)).
---
--- ```lua
--- local place = require "oci.cgroup.place"
---
--- assert(place.name("/pods//web/", "web") == "/pods/web")
--- assert(place.unit("pods.slice:oci:web", "web").unit == "oci-web.scope")
--- ```
local options = require "options"

local M = {}

local OP = "linux.cgroupsPath"

--- The name of a group without double and trailing slashes.
local function clean(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      options.fail(OP, ("%q leads out of where it starts"):format(path))
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  if #parts == 0 then
    options.fail(OP, ("%q is the root of the hierarchy"):format(path), "name a group below it")
  end
  return (path:sub(1, 1) == "/" and "/" or "") .. table.concat(parts, "/")
end

--- The group one above this process's own on v2, from the root; "" for the root itself.
local function above_own(layout)
  for _, hierarchy in ipairs(layout.hierarchies) do
    if hierarchy.version == "v2" then
      return (hierarchy.own or "/"):match("^(.*)/[^/]*$")
    end
  end
  return ""
end

--- The group's name, as `cgroup_set` takes it.
---@param path? string `linux.cgroupsPath`
---@param id string the container's
---@param layout? table what `cgroup_layout` answers
---@return string
function M.name(path, id, layout)
  local name = clean(path and path ~= "" and path or "crun-lua-oci-" .. id)
  if name:sub(1, 1) == "/" then
    return name
  end
  layout = layout or cgroup_layout()
  return layout.kind == "v2" and above_own(layout) .. "/" .. name or name
end

--- The scope that systemd is asked for: `slice:prefix:name`.
---@param path? string `linux.cgroupsPath`
---@param id string the container's
---@param rootless? boolean the user's own systemd keeps its units in another slice
---@return { slice: string, unit: string }
function M.unit(path, id, rootless)
  local slice, prefix, name = "", "crun-lua", id
  if path and path ~= "" then
    slice, prefix, name = path:match("^([^:]*):([^:]*):([^:]*)$")
  end
  if not name or name == "" or (slice .. prefix .. name):find("/", 1, true) then
    local hint = 'with the systemd driver it is "slice:prefix:name", as in "system.slice:oci:web"'
    options.fail(OP, ("%q names no unit"):format(tostring(path)), hint)
  end
  if slice == "" then
    slice = rootless and "user.slice" or "system.slice"
  elseif slice == "-" or slice == "-.slice" then
    slice = "-.slice"
  elseif not slice:find("%.slice$") or slice:find("%-%-") or slice:find("^%-") then
    local hint = 'as in "system.slice", or "a-b.slice" below "a.slice"'
    options.fail(OP, ("%q is no slice"):format(slice), hint)
  end
  if name:find("%.slice$") then
    return { slice = slice, unit = name }
  end
  return { slice = slice, unit = (prefix == "" and name or prefix .. "-" .. name) .. ".scope" }
end

return M

--- Networks that exist already: that of another container, and one with a name.
---
--- ```lua
--- local joined = require "network.joined"
---
--- local blue <close> = netns_add("crun-lua-example")
--- assert(joined.target({ mode = "netns", name = "crun-lua-example" }) == blue.path)
--- ```
local files = require "network.files"
local options = require "options"
local state = require "network.state"

local M = {}

--- The record of the other container, which must run.
local function other(spec)
  -- Loaded when it is needed: the container's module needs this one.
  local record = require("container.state").get(spec.container)
  if not record then
    local what = ("there is no container %q"):format(spec.container)
    options.fail("network", what, "start it first; container.list() tells all")
  end
  local alive = record.pid and state.alive { pid = record.pid, starttime = record.starttime }
  if not alive then
    local what = ("the container %q does not run (%s)"):format(spec.container, record.status)
    options.fail("network", what, "its network exists while it runs")
  end
  return record
end

--- What `spawn` joins: a process, or the file of a namespace.
---@param spec network.Spec
---@return integer|string
function M.target(spec)
  if spec.mode == "container" then
    return other(spec).pid
  end
  for _, name in ipairs(netns_list()) do
    if name == spec.name then
      return "/run/netns/" .. name
    end
  end
  local near = options.nearest(spec.name, netns_list())
  local hint = near and ("did you mean %q?"):format(near) or ("netns_add(%q)"):format(spec.name)
  options.fail("network", ("no network namespace is called %q"):format(spec.name), hint)
end

--- The names of the other container's addresses, and this one's as well.
---@param spec network.Spec
---@param name string the new container
---@return table<string, string[]>
function M.names(spec, name)
  local names = {}
  local record = spec.mode == "container" and other(spec)
  for _, text in ipairs(record and record.network and record.network.addresses or {}) do
    for _, one in ipairs { record.name, name } do
      names[one] = names[one] or {}
      table.insert(names[one], text:match("^[^/]+"))
    end
  end
  return names
end

--- The text of a container's /etc/hosts.
---@param spec network.Spec
---@param name string
---@return string
function M.hosts(spec, name)
  local names = M.names(spec, name)
  for other_name, one in pairs(spec.hosts or {}) do
    names[other_name] = { one }
  end
  return files.hosts(names)
end

return M

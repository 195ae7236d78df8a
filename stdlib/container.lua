--- Containers: made, run, entered, limited, watched, stopped and removed, by the script that made
--- them or by any other process of the same user.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { name = "hello", rootfs = "host" }
--- local result = box:run { "/bin/true" }
--- assert(result.code == 0)
--- ```
---
--- A container belongs to its owner: the script, or with `detach` a monitor that stays behind. It
--- dies with its owner, whatever ends that one, and what is left then `crun-lua gc` removes.
local Box = require "container.box"
local spec = require "container.spec"
local state = require "container.state"

local M = {}

--- A container that is not made yet: nothing but the options is checked.
---@param given? container.Options
---@return container.Box
function M.new(given)
  return Box.new(spec.parse(given))
end

--- Makes a container and all its namespaces; it waits for `start`.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.create { name = "create-example", command = { "/bin/true" } }
--- assert(box:status().status == "created")
--- box:start()
--- assert(box:wait().code == 0)
--- ```
---@param given? container.Options
---@return container.Box
function M.create(given)
  local box = M.new(given)
  box:create()
  return box
end

--- Runs a command in a new container and removes it.
---
--- ```lua
--- local container = require "container"
---
--- assert(container.run({ rootfs = "host" }, { "/bin/true" }).code == 0)
--- ```
---@param given? container.Options
---@param command? string[]
---@param how? container.RunOptions
---@return container.Result
function M.run(given, command, how)
  local box <close> = M.new(given)
  return box:run(command, how)
end

--- The container of a name, whoever has made it; nil where there is none.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.create { name = "get-example", command = { "/bin/true" } }
--- assert(container.get("get-example"):status().name == box.name)
--- assert(container.get("nobody") == nil)
--- ```
---@param name string
---@return container.Box?
function M.get(name)
  local record = state.get(name)
  return record and Box.of(record)
end

--- What is known of every container, by name.
---
--- ```lua
--- local container = require "container"
---
--- for _, record in ipairs(container.list()) do
---   print(record.name, record.status)
--- end
--- ```
---@return container.Record[]
function M.list()
  return state.list()
end

--- Several containers at once: see `container.group`.
---
--- ```lua
--- local container = require "container"
---
--- local group <close> = container.group()
--- group:start(container.new { name = "group-example" }, { "/bin/true" })
--- assert(group:wait_all()["group-example"].code == 0)
--- ```
---@param given? { stop_timeout: any }
---@return container.Group
function M.group(given)
  return require("container.group").new(given)
end

--- Removes what owners left that were killed; answers what it removed.
---
--- ```lua
--- local container = require "container"
---
--- for _, text in ipairs(container.gc()) do
---   print("removed", text)
--- end
--- ```
---@return string[]
function M.gc()
  return require("container.recover").all()
end

return M

--- Plugins of the Container Network Interface: ADD, DEL, CHECK and VERSION by the specification
--- 1.0 (1.1 where the plugins know it), without a library: a plugin is a program that reads JSON.
---
--- The configuration is read once and stands in the record, with the result of ADD, before and
--- after the plugins run: DEL gets what ADD got even where the file has changed since, and a
--- program that is killed between two plugins leaves a record that says what to take back.
---
--- ```lua
--- local cni = require "network.cni"
---
--- local conf = { cniVersion = "1.0.0", name = "lab", plugins = { { type = "loopback" } } }
--- assert(cni.load(conf).plugins[1].type == "loopback")
--- ```
local address = require "network.address"
local options = require "options"
local planned = require "planned"
local ports = require "network.ports"
local state = require "network.state"

local M = {}

local DIRS = { "/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni" }

local function fail(message, hint, cause)
  options.fail("network", "cni: " .. message, hint, cause)
end

--- Reads a configuration: a list of plugins, or one alone, as a table or out of a file.
---@param given string|table
---@return table # { cniVersion, name, plugins, disableCheck }
function M.load(given)
  local conf, from = given, "the configuration"
  if type(given) == "string" then
    from = given
    local text = read_file(given) or fail(given .. ": no such file", "see /etc/cni/net.d")
    local decoded, err = try(json_decode, text)
    conf = decoded or fail(given .. ": not JSON", nil, err)
  end
  if type(conf) ~= "table" then
    fail(from .. ": expected a table")
  end
  local made = {
    cniVersion = conf.cniVersion or "0.2.0",
    name = conf.name,
    plugins = conf.plugins or (conf.type and { conf }),
    disableCheck = conf.disableCheck,
  }
  if type(made.name) ~= "string" or not made.name:find("^[%w][%w_.-]*$") then
    fail(("%s: the name %q is none of letters, digits, _ . -"):format(from, tostring(made.name)))
  elseif type(made.plugins) ~= "table" or #made.plugins == 0 then
    fail(from .. ": no plugin is named", 'write plugins = { { type = "bridge" } }')
  end
  for index, plugin in ipairs(made.plugins) do
    local kind = type(plugin) == "table" and plugin.type
    if type(kind) ~= "string" or kind:find("/") then
      fail(("%s: plugin %d has no type that names a program"):format(from, index))
    end
  end
  return made
end

--- The directories of plugins: those given, `$CNI_PATH`, the usual ones.
local function dirs(spec)
  local list = table.move(spec.path or {}, 1, #(spec.path or {}), 1, {})
  for dir in (os.getenv("CNI_PATH") or ""):gmatch("[^:]+") do
    list[#list + 1] = dir
  end
  return table.move(DIRS, 1, #DIRS, #list + 1, list)
end

local function find(kind, where)
  for _, dir in ipairs(where) do
    if stat(dir .. "/" .. kind) then
      return dir .. "/" .. kind
    end
  end
  local what = ("the plugin %q is in none of %s"):format(kind, table.concat(where, ", "))
  fail(what, "install the package containernetworking-plugins, or set CNI_PATH")
end

--- Runs one plugin. `here` is the host's namespace where this process does not stand in it.
local function call(record, plugin, command, input, netns, here)
  local cni = record.cni
  local env = {
    CNI_COMMAND = command,
    CNI_CONTAINERID = record.id,
    CNI_NETNS = netns or "",
    CNI_IFNAME = cni.ifname,
    CNI_ARGS = cni.args,
    CNI_PATH = table.concat(cni.dirs, ":"),
    PATH = "/usr/sbin:/usr/bin:/sbin:/bin",
  }
  local streams = { stdin = "pipe", stdout = "pipe", stderr = "pipe" }
  streams.join = here and { net = here }
  local child <close> = spawn(streams, function()
    exec { cni.programs[plugin.type], env = env }
  end)
  local result = child:output { stdin = json_encode(input), timeout = "60s" }
  if planned(result.code) then
    return result.stdout
  end
  local answer = try(json_decode, result.stdout)
  if result.code == 0 and not result.timed_out then
    return answer
  end
  local said = result.timed_out and "no answer in 60 seconds"
    or answer and ("%s (code %s) %s"):format(answer.msg, answer.code, answer.details or "")
    or (result.stderr or "") .. result.stdout
  fail(("%s of the plugin %q: %s"):format(command, plugin.type, (said:gsub("%s+$", ""))))
end

--- "1.0.0" as a number that can be compared.
local function rank(version)
  local a, b, c = version:match("^(%d+)%.(%d+)%.?(%d*)")
  return a and a * 1000000 + b * 1000 + (tonumber(c) or 0) or 0
end

--- Asks a plugin for its versions: the configuration's must be one of them.
local function check_version(record, plugin)
  local version = record.cni.conf.cniVersion
  local answer = call(record, plugin, "VERSION", { cniVersion = version })
  if planned(answer) then
    return
  end
  for _, known in ipairs(answer and answer.supportedVersions or {}) do
    if known == version then
      return
    end
  end
  local knows = table.concat(answer and answer.supportedVersions or {}, ", ")
  fail(("the plugin %q does not know version %s (it knows %s)"):format(plugin.type, version, knows))
end

--- What the plugins may be told of this container, by the names of their capabilities.
local function runtime_values(spec, published)
  local values = {}
  for key, value in pairs(spec.capabilities or {}) do
    values[key] = value
  end
  for _, port in ipairs(published) do
    values.portMappings = values.portMappings or json_array {}
    table.insert(values.portMappings, {
      hostPort = port.host,
      containerPort = port.container,
      protocol = port.proto,
      hostIP = port.ip,
    })
  end
  return values
end

local function arguments(args)
  local words = { "IgnoreUnknown=1" }
  for _, key in ipairs(options.keys(args or {})) do
    words[#words + 1] = ("%s=%s"):format(key, args[key])
  end
  return table.concat(words, ";")
end

--- Values that no plugin takes are a mistake: a port would look published and not be.
local function check_capabilities(conf, values)
  for key in pairs(values) do
    local taken = false
    for _, plugin in ipairs(conf.plugins) do
      taken = taken or (plugin.capabilities or {})[key] == true
    end
    if not taken then
      local what = ("no plugin of %q has the capability %s"):format(conf.name, key)
      fail(what, ("give one capabilities = { %s = true }"):format(key))
    end
  end
end

--- Reads the configuration, finds the plugins, asks for their versions, and writes the record.
---@param spec network.Spec
---@param record table
function M.plan(spec, record)
  record.addresses, record.ports = {}, ports.parse(spec.publish or {})
  local conf, where = M.load(spec.conf), dirs(spec)
  local values = runtime_values(spec, record.ports)
  check_capabilities(conf, values)
  record.cni = {
    conf = conf,
    dirs = where,
    programs = {},
    values = values,
    ifname = spec.ifname,
    args = arguments(spec.args),
    added = 0,
  }
  for _, plugin in ipairs(conf.plugins) do
    record.cni.programs[plugin.type] = find(plugin.type, where)
    check_version(record, plugin)
  end
  ports.check_sockets(record.ports)
  state.locked(function()
    mkdir(state.dir(record.scope) .. "/attachments", { parents = true, mode = "0700" })
    local _, err = try(state.write, state.attachment(record.scope, record.id), record)
    if err then
      state.tidy(record.scope)
      error(err, 0)
    end
  end)
end

--- The resolvers that the configuration names, where it names some.
---@param record table
---@return network.Resolvers?
function M.dns(record)
  for _, plugin in ipairs(record.cni.conf.plugins) do
    local dns = plugin.dns
    if dns and dns.nameservers and #dns.nameservers > 0 then
      return { servers = dns.nameservers, search = dns.search, options = dns.options }
    end
  end
end

--- What one plugin reads.
local function input(record, plugin, previous)
  local cni = record.cni
  local made = {}
  for key, value in pairs(plugin) do
    made[key] = value
  end
  made.cniVersion, made.name, made.prevResult = cni.conf.cniVersion, cni.conf.name, previous
  for key, wanted in pairs(plugin.capabilities or {}) do
    if wanted and cni.values[key] ~= nil then
      made.runtimeConfig = made.runtimeConfig or {}
      made.runtimeConfig[key] = cni.values[key]
    end
  end
  return made
end

--- Runs ADD of each plugin, in the parent, each with the result of the one before.
---@param record table
---@param process any
function M.connect(record, process)
  local netns = ("/proc/%s/ns/net"):format(process.pid)
  local result
  for index, plugin in ipairs(record.cni.conf.plugins) do
    local answer = call(record, plugin, "ADD", input(record, plugin, result), netns)
    result = not planned(answer) and answer or result
    -- Written down each time: DEL after a crash gets what there was.
    record.cni.result, record.cni.added = result, index
    state.write(state.attachment(record.scope, record.id), record)
  end
  for _, ip in ipairs(result and result.ips or {}) do
    if address.cidr(ip.address) then
      table.insert(record.addresses, ip.address)
    end
  end
end

--- Runs CHECK of each plugin: an error says what is not as ADD has made it.
---@param record table
---@param process any
function M.check(record, process)
  local conf = record.cni.conf
  if conf.disableCheck or rank(conf.cniVersion) < rank("0.4.0") then
    return
  end
  local netns = ("/proc/%s/ns/net"):format(process.pid)
  for _, plugin in ipairs(conf.plugins) do
    call(record, plugin, "CHECK", input(record, plugin, record.cni.result), netns)
  end
end

--- Runs DEL of each plugin, the last first. A namespace that is gone is no error (the
--- specification's DEL), nor is a complaint of a plugin whose ADD has failed: it has nothing to
--- take back. Where another fails, the others still run, and the record stays for another try.
---@param record table
---@param here any the host's network namespace, nil where it is gone
function M.release(record, here)
  local alive = record.process and state.alive(record.process)
  local netns = alive and ("/proc/%s/ns/net"):format(record.process.pid) or nil
  local plugins, failure = record.cni.conf.plugins, nil
  for index = here and #plugins or 0, 1, -1 do
    local told = input(record, plugins[index], record.cni.result)
    local _, err = try(call, record, plugins[index], "DEL", told, netns, here)
    failure = failure or (index <= record.cni.added and err or nil)
  end
  if failure then
    error(failure, 0)
  end
  local path = state.attachment(record.scope, record.id)
  remove(path, { missing = true })
  state.tidy(record.scope)
end

return M

--- What a user writes for a container's network, checked and made plain; nothing is asked of the
--- kernel here.
---
--- ```lua
--- local spec = require "network.spec"
---
--- assert(spec.parse("container:web").container == "web")
--- assert(spec.parse({ mode = "bridge", publish = "8080:80" }).bridge == "crun-lua0")
--- local _, err = try(spec.parse, "bridged")
--- assert(err.hint:find('did you mean "bridge"', 1, true))
--- ```
local address = require "network.address"
local allow = require "network.allow"
local files = require "network.files"
local options = require "options"
local ports = require "network.ports"

local M = {}

--- The bridge of containers that name none.
M.BRIDGE = "crun-lua0"

--- A checked description of a container's network. Which fields there are depends on the mode.
---@class network.Spec
---@field mode string
---@field bridge? string the bridge's device, "crun-lua0"
---@field subnet? string "10.89.0.0/24"; the first free one without it
---@field subnet6? string|true "fd00::/64"; true for one made from the bridge's name
---@field range? string the part of `subnet` that addresses are given out of
---@field address? string[] wanted addresses; of `private` with their prefix
---@field publish? string[]
---@field nat? boolean bridge: packets to the outside leave under the host's address; true
---@field nat6? boolean bridge: the same for IPv6
---@field dns? network.Resolvers|false
---@field hosts? table<string, string>
---@field allow? string[]
---@field mtu? integer

local TEXTS = { "string", "list" }
local FILES = { dns = { "table", "string", "boolean" }, hosts = "table" }
local OWN = { allow = TEXTS, mtu = "integer" }

--- The options of each mode, beside `mode`.
local KNOWN = {
  none = {},
  host = {},
  private = {
    address = TEXTS,
    peer = "string",
    peer_address = TEXTS,
    gateway = "string",
    mac = "string",
  },
  bridge = {
    bridge = "string",
    subnet = "string",
    subnet6 = { "string", "boolean" },
    range = "string",
    address = TEXTS,
    publish = TEXTS,
    nat = "boolean",
    nat6 = "boolean",
  },
  container = { container = "string" },
  netns = { name = "string" },
  pasta = { publish = TEXTS, options = "list" },
  slirp4netns = { publish = TEXTS, options = "list" },
  cni = {
    conf = { "string", "table" },
    ifname = "string",
    args = "table",
    capabilities = "table",
    path = TEXTS,
    publish = TEXTS,
  },
}

local MODES = "=none|host|private|bridge|container|netns|pasta|slirp4netns|cni"

local function known(mode)
  local all = { mode = "string" }
  local own = mode ~= "host" and mode ~= "container" and mode ~= "netns"
  for _, part in ipairs { KNOWN[mode], FILES, own and OWN or {} } do
    for key, words in pairs(part) do
      all[key] = words
    end
  end
  return all
end

local function list(value)
  if type(value) == "string" then
    return { value }
  end
  return value and table.move(value, 1, #value, 1, {})
end

--- A device's name, as the kernel allows it.
local function device(key, name)
  local fine = #name >= 1 and #name <= 15 and not name:find("[%s/:%%%c]")
  if not fine or name == "." or name == ".." then
    local what = ("%s: %q cannot name a device: 1 to 15 bytes without / : %% or blanks"):format(
      key,
      name
    )
    options.fail("network", what)
  end
end

local function network(key, text, family)
  local found = address.cidr(text)
  if not found or found.family ~= family then
    local example = family == 4 and "10.89.0.0/24" or "fd00:89::/64"
    options.fail("network", ("%s: %q is no network such as %q"):format(key, text, example))
  end
  local net = address.network(found)
  if not address.same(net, found) then
    local what = ("%s: %q has bits behind its prefix"):format(key, text)
    options.fail("network", what, "the network is " .. address.with_prefix(net))
  elseif address.room(net) < 1 then
    options.fail("network", ("%s: %q has no room for a container"):format(key, text))
  end
  return net
end

local function check_addresses(made, key, with_prefix)
  for _, text in ipairs(made[key] or {}) do
    local fine = with_prefix and address.cidr(text) or not with_prefix and address.parse(text)
    if not fine then
      local example = with_prefix and "10.0.0.2/24" or "10.89.0.7"
      local what = ("%s: %q is no address such as %q"):format(key, tostring(text), example)
      options.fail("network", what)
    end
  end
end

local CHECK = {}

function CHECK.bridge(made)
  made.bridge = made.bridge or M.BRIDGE
  device("bridge", made.bridge)
  local net = made.subnet and network("subnet", made.subnet, 4)
  if type(made.subnet6) == "string" then
    network("subnet6", made.subnet6, 6)
  end
  local range = made.range and network("range", made.range, 4)
  if range and net and not (address.contains(net, range) and range.prefix >= net.prefix) then
    local what = ("range: %s is no part of %s"):format(made.range, made.subnet)
    options.fail("network", what)
  end
  if made.nat6 and not made.subnet6 then
    options.fail("network", "nat6: the bridge has no IPv6", "say subnet6 = true as well")
  end
  check_addresses(made, "address", false)
end

function CHECK.private(made)
  check_addresses(made, "address", true)
  check_addresses(made, "peer_address", true)
  if made.peer then
    device("peer", made.peer)
  end
  if made.gateway and not address.parse(made.gateway) then
    options.fail("network", ("gateway: %q is no address"):format(made.gateway))
  end
end

function CHECK.container(made)
  if not (made.container or ""):find("^[%w][%w_.-]*$") then
    local what = ("%q is no container's name"):format(made.container or "")
    options.fail("network", what, 'write "container:NAME"')
  end
end

function CHECK.netns(made)
  local name = made.name or ""
  if name == "" or name:find("[%s/%c]") or name:find("^[.-]") then
    local what = ("name: %q cannot name a network namespace"):format(name)
    options.fail("network", what, '{ mode = "netns", name = "blue" }; netns_list() tells all')
  end
end

function CHECK.slirp4netns(made)
  if made.publish and #made.publish > 0 then
    local hint = 'the mode "pasta" publishes ports'
    options.fail("network", "slirp4netns: ports cannot be published", hint)
  end
end

function CHECK.cni(made)
  if not made.conf then
    local hint = '{ mode = "cni", conf = "/etc/cni/net.d/10-lab.conflist" }, or the same as a table'
    options.fail("network", "cni: the option 'conf' is missing", hint)
  end
  made.ifname = made.ifname or "eth0"
  device("ifname", made.ifname)
end

--- A word as a table with its mode.
local function spread(value)
  if value == nil then
    return { mode = "none" }
  elseif type(value) == "string" then
    local name = value:match("^container:(.*)$")
    return name and { mode = "container", container = name } or { mode = value }
  end
  options.expect("network", "network", value, { "string", "table" })
  return value
end

--- Checks what a user wrote; what it has answered once it answers again.
---@param value any
---@return network.Spec
function M.parse(value)
  local given = spread(value)
  options.expect("network", "mode", given.mode, MODES)
  options.check("network", given, known(given.mode))
  local made = {}
  for key, one in pairs(given) do
    made[key] = one
  end
  for _, key in ipairs { "address", "peer_address", "publish", "allow", "path" } do
    made[key] = list(made[key])
  end
  if made.dns == true then
    options.fail("network", "dns: expected addresses of servers, or false", "leave it out")
  end
  made.dns = files.check(made.dns)
  files.check_hosts(made.hosts)
  ports.parse(made.publish or {})
  allow.parse(made.allow or {})
  if made.mtu and (made.mtu < 68 or made.mtu > 65535) then
    options.fail("network", ("mtu: %d is not from 68 to 65535"):format(made.mtu))
  end
  if CHECK[made.mode] then
    CHECK[made.mode](made)
  end
  return made
end

return M

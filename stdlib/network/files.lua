--- What a container reads to find names: the texts of its /etc/hosts and /etc/resolv.conf.
---
--- A resolver on the host's loopback (systemd-resolved's 127.0.0.53, a local dnsmasq) is not the
--- container's: there 127.0.0.53 is nobody. In its place come the servers that the stub itself
--- asks, where the host says which; else the file says that there are none.
---
--- ```lua
--- local files = require "network.files"
---
--- local dns = files.resolvers { servers = { "192.0.2.53" }, search = { "lab" } }
--- assert(files.resolv_conf(dns) == "search lab\nnameserver 192.0.2.53\n")
--- assert(files.hosts({ web = "10.89.0.2" }):find("10.89.0.2\tweb\n", 1, true))
--- ```
local address = require "network.address"
local options = require "options"

local M = {}

--- Files with the servers behind a stub on the loopback, in the order in which they are asked.
local BEHIND = { "/run/systemd/resolve/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf" }

---@class network.Resolvers
---@field servers string[] addresses
---@field search? string[]
---@field options? string[]

--- Whether a server is out of a container's reach: the host's loopback, or one link's own.
local function unreachable(server)
  local found = address.parse(server)
  if not found then
    return true
  end
  local loopback6 = found.family == 6 and found.hi == 0 and found.lo == 1
  return loopback6 or (found.family == 4 and found.lo >> 24 == 127)
end

--- Reads a resolv.conf(5) text.
---@param text? string
---@return network.Resolvers
function M.parse(text)
  local found = { servers = {}, search = {}, options = {} }
  for line in (text or ""):gmatch("[^\n]+") do
    local word, rest = line:match("^%s*(%a+)%s+([^#;]+)")
    if word == "nameserver" then
      found.servers[#found.servers + 1] = rest:match("%S+")
    elseif word == "search" or word == "domain" then
      -- The last of them counts.
      found.search = {}
    end
    local list = (word == "search" or word == "domain") and found.search
      or word == "options" and found.options
    for one in (list and rest or ""):gmatch("%S+") do
      list[#list + 1] = one
    end
  end
  return found
end

local function reachable(servers)
  local list = {}
  for _, server in ipairs(servers) do
    if not unreachable(server) then
      list[#list + 1] = server
    end
  end
  return list
end

--- The servers of the host, as a container can ask them.
local function of_host()
  local found = M.parse(read_file("/etc/resolv.conf"))
  local stub = #found.servers > 0
  found.servers = reachable(found.servers)
  for _, path in ipairs(BEHIND) do
    if #found.servers == 0 and stub then
      found.servers = reachable(M.parse(read_file(path)).servers)
    end
  end
  return found
end

--- Checks what a user wrote for `dns`: a list of servers, a table, or false for none.
---@param given any
---@return network.Resolvers|false|nil
function M.check(given)
  if given == nil or given == false then
    return given
  end
  local dns = type(given) == "string" and { servers = { given } } or given
  options.expect("network", "dns", dns, "table")
  dns = #dns > 0 and { servers = dns } or dns
  options.check("network: dns", dns, { servers = "list", search = "list", options = "list" })
  for _, server in ipairs(dns.servers or {}) do
    if not address.parse(server) then
      local what = ("dns: %q is no address of a server"):format(tostring(server))
      options.fail("network", what, 'write dns = { "192.0.2.53" }')
    end
  end
  for _, name in ipairs { "search", "options" } do
    for _, word in ipairs(dns[name] or {}) do
      if type(word) ~= "string" or not word:find("^[%w_.:-]+$") then
        local what = ("dns: %s: %q is no word of that kind"):format(name, tostring(word))
        options.fail("network", what)
      end
    end
  end
  return dns
end

--- The servers that a container asks: those that were wanted, else the host's.
---@param dns network.Resolvers|false|nil what `check` answered
---@return network.Resolvers
function M.resolvers(dns)
  if dns == false then
    return { servers = {} }
  end
  if dns and dns.servers then
    return dns
  end
  local found = of_host()
  found.search = dns and dns.search or found.search
  found.options = dns and dns.options or found.options
  return found
end

--- The text of resolv.conf(5).
---@param dns network.Resolvers
---@return string
function M.resolv_conf(dns)
  local lines = {}
  for _, name in ipairs { "search", "options" } do
    if dns[name] and #dns[name] > 0 then
      lines[#lines + 1] = name .. " " .. table.concat(dns[name], " ")
    end
  end
  for _, server in ipairs(dns.servers) do
    lines[#lines + 1] = "nameserver " .. server
  end
  if #dns.servers == 0 then
    lines[#lines + 1] = "# No server: the host names none that can be reached from here."
  end
  return table.concat(lines, "\n") .. "\n"
end

--- The lines that every hosts(5) file begins with.
M.LOCAL = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"

--- The text of hosts(5): the local names, then those given.
---@param names table<string, string|string[]> from name to address or addresses
---@return string
function M.hosts(names)
  local lines = { M.LOCAL }
  for _, name in ipairs(options.keys(names)) do
    local list = type(names[name]) == "table" and names[name] or { names[name] }
    for _, one in ipairs(list) do
      lines[#lines + 1] = ("%s\t%s\n"):format(one, name)
    end
  end
  return table.concat(lines)
end

--- Checks names of a hosts file.
---@param given? table<string, string>
---@return table<string, string>?
function M.check_hosts(given)
  for name, one in pairs(given or {}) do
    if type(name) ~= "string" or not name:find("^[%w_.-]+$") then
      options.fail("network", ("hosts: %q is no name of a host"):format(tostring(name)))
    elseif not address.parse(one) then
      local what = ("hosts: %s: %q is no address"):format(name, tostring(one))
      options.fail("network", what, 'write hosts = { db = "10.0.0.5" }')
    end
  end
  return given
end

return M

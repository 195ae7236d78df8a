--- Networks of containers: none, the host's, a private one, a bridge, another container's, a named
--- one, and those that pasta, slirp4netns or CNI plugins make.
---
--- What a user writes is parsed once. The parent plans before the container exists (everything
--- that can be refused is refused here), connects it while its first process waits, and releases
--- it; the child calls `inside` before it gives up its capabilities. What belongs to several
--- containers has records that any process can clean up by: see `network.state`.
---
--- ```lua
--- local network = require "network"
---
--- local spec = network.parse("none")
--- local attachment = network.plan(spec, { name = "box", root = true })
--- local box <close> = spawn({
---   unshare = { "user", "net" },
---   parent = function(process) network.connect(attachment, process) end,
--- }, function()
---   network.inside(attachment)
---   assert(#links() >= 1 and links()[1].up)
--- end)
--- assert(box:wait().code == 0)
--- network.release(attachment)
--- ```
local options = require "options"
local spec_of = require "network.spec"

local M = {}

--- What a container's network is made of, from `plan` to `release`. It is a plain table.
---@class network.Attachment
---@field spec network.Spec
---@field name string the container
---@field files table<string, string> texts for the container: /etc/hosts and /etc/resolv.conf
---@field live? table<string, string> files of the host to mount instead of a text, read-only: they
--- follow the bridge's containers as these come and go
---@field record table what is kept in the container's state; enough for `release`
---@field rules? network.Rule[] the allow-list, with addresses instead of names
---@field servers string[] the resolvers

local OWN = { none = true, private = true, bridge = true, pasta = true, slirp4netns = true }
OWN.cni = true

--- Modes that give a record to other processes, with a name of its own.
local RECORDED = { bridge = true, pasta = true, slirp4netns = true, cni = true }

--- Checks what a user wrote: nil or "none", "host", "private", "bridge", "container:NAME", "pasta",
--- "slirp4netns", or a table with `mode` and the mode's options.
---@param value any
---@return network.Spec
function M.parse(value)
  return spec_of.parse(value)
end

--- Whether the container gets a network namespace of its own.
---
--- ```lua
--- local network = require "network"
---
--- assert(network.unshare(network.parse("bridge")) and not network.unshare(network.parse("host")))
--- ```
---@param spec network.Spec
---@return boolean
function M.unshare(spec)
  return OWN[spec.mode] == true
end

--- The namespace that the container joins, for `spawn`'s `join.net`; nil where it joins none.
---
--- ```lua
--- local network = require "network"
---
--- assert(network.join(network.parse("host")) == nil)
--- ```
---@param spec network.Spec
---@return integer|string|nil
function M.join(spec)
  if spec.mode == "container" or spec.mode == "netns" then
    return require("network.joined").target(spec)
  end
end

--- The host's own namespace, and the record of a connection in it.
local function start_record(spec, context)
  local state = require "network.state"
  local here = ns_open("/proc/self/ns/net", "net")
  local record = {
    mode = spec.mode,
    id = state.fresh_id(),
    name = context.name or "container",
    scope = here.inode,
    owner = context.owner or state.me(),
  }
  return record, here
end

--- The texts of /etc/hosts and /etc/resolv.conf.
local function write_files(attachment)
  local files = require "network.files"
  local spec, record, name = attachment.spec, attachment.record, attachment.name
  local hosts
  local dns = spec.dns
  if spec.mode == "cni" and dns == nil then
    dns = require("network.cni").dns(record)
  elseif spec.mode == "none" and dns == nil then
    -- Without any network there is nobody to ask: the host's files are not read.
    dns = false
  end
  local resolvers = files.resolvers(dns)
  attachment.servers = resolvers.servers
  if spec.mode == "bridge" then
    local names, live = require("network.bridged").names(spec, record)
    hosts = names
    attachment.live = live and { ["/etc/hosts"] = live }
  elseif spec.mode == "container" or spec.mode == "netns" then
    hosts = require("network.joined").hosts(spec, name)
  else
    local own = record.addresses and record.addresses[1]
    local names = { [name] = own and own:match("^[^/]+") or "127.0.0.1" }
    for key, value in pairs(spec.hosts or {}) do
      names[key] = value
    end
    hosts = files.hosts(names)
  end
  attachment.files = {
    ["/etc/hosts"] = hosts,
    ["/etc/resolv.conf"] = spec.mode == "host" and dns == nil and read_file("/etc/resolv.conf")
      or files.resolv_conf(resolvers),
  }
end

--- Decides and reserves everything, in the parent, before the container exists: an address, ports,
--- the bridge. What cannot be had is an error here, and then nothing stays.
---@param spec network.Spec
---@param context { name: string, root: boolean, owner?: network.Owner } root: whether the parent
--- has the rights itself; owner: the process that answers for the container, the calling one
---@return network.Attachment
function M.plan(spec, context)
  context = options.check("network.plan", context, {
    name = "string",
    root = "boolean",
    owner = "table",
  })
  local mode = spec.mode
  local made = { spec = spec, name = context.name or "container", record = { mode = mode } }
  made.userns = context.root == false
  if spec.allow then
    local allow = require "network.allow"
    made.rules = allow.resolve(allow.parse(spec.allow))
  end
  if mode == "private" then
    require("network.private").plan(spec, made.record)
  elseif RECORDED[mode] then
    local record, here = start_record(spec, context)
    local here_too <close> = here
    made.record = record
    local module = mode == "bridge" and "bridged" or mode == "cni" and "cni" or "user_mode"
    local _, err = try(require("network." .. module).plan, spec, record, here_too)
    if err then
      -- All may be there, and only the lock not be given back: the record says so.
      if stat(require("network.state").attachment(record.scope, record.id)) then
        M.release(made)
      end
      error(err, 0)
    end
  end
  local _, err = try(write_files, made)
  if err then
    M.release(made)
    error(err, 0)
  end
  return made
end

--- Connects the container, in the parent, while its first process exists and waits. Where it fails
--- the caller releases.
---@param attachment network.Attachment
---@param process any the handle of the process
function M.connect(attachment, process)
  local record, mode = attachment.record, attachment.record.mode
  if mode == "private" then
    require("network.private").connect(attachment.spec, record, process)
  elseif RECORDED[mode] then
    local state = require "network.state"
    local here <close> = ns_open("/proc/self/ns/net", "net")
    local path = state.attachment(record.scope, record.id)
    record.process = state.owner(process.pid)
    state.locked(function()
      state.write(path, record)
    end)
    if mode == "bridge" then
      require("network.bridged").connect(record, process, here)
    elseif mode == "cni" then
      require("network.cni").connect(record, process)
    else
      local users = proc_ns(process).user ~= proc_ns().user
      require("network.user_mode").connect(record, process, users)
    end
    if mode ~= "bridge" then
      state.locked(function()
        state.write(path, record)
      end)
    end
  end
  if attachment.rules then
    local allow = require "network.allow"
    allow.apply(attachment.rules, attachment.servers, process, attachment.userns)
  end
end

--- Whether `connect` has anything to do; else the container need not wait for it.
---
--- ```lua
--- local network = require "network"
---
--- local spec = network.parse("none")
--- local attachment = network.plan(spec, { name = "connects-example", root = true })
--- assert(not network.connects(attachment))
--- ```
---@param attachment network.Attachment
---@return boolean
function M.connects(attachment)
  local mode = attachment.record.mode
  return mode == "private" or RECORDED[mode] ~= nil or attachment.rules ~= nil
end

--- Sets up what the child itself has to, before it gives up its capabilities.
---@param attachment network.Attachment
function M.inside(attachment)
  if OWN[attachment.record.mode] then
    loopback_up()
  end
end

--- Asks the CNI plugins whether all is as they have made it; other modes have nothing to ask.
---
--- ```lua
--- local network = require "network"
---
--- local attachment = network.plan(network.parse("none"), { name = "check-example", root = true })
--- network.check(attachment, 1)
--- ```
---@param attachment network.Attachment
---@param process any
function M.check(attachment, process)
  if attachment.record.mode == "cni" then
    require("network.cni").check(attachment.record, process)
  end
end

--- Gives back all that a connection has: doing it twice is fine, and so is doing it in another
--- process, from the record alone.
---@param given network.Attachment|table an attachment, or its `record`
---@param owner? network.Owner only where this process is the record's owner
function M.release(given, owner)
  local record = given and (given.record or given)
  if not record or (record.mode ~= "private" and not RECORDED[record.mode]) or not record.scope then
    return
  end
  local state = require "network.state"
  -- What `connect` has added stands in the file; the caller's copy may be older.
  local path = record.id and state.attachment(record.scope, record.id)
  local known = path and try(state.read, path) or record
  local other = owner and known.owner or owner
  if owner and (other.pid ~= owner.pid or other.starttime ~= owner.starttime) then
    return
  end
  local here <close> = state.enter(record.scope)
  if record.mode == "private" then
    require("network.private").release(known, here)
  elseif record.mode == "cni" and stat(path) then
    require("network.cni").release(known, here)
  elseif record.mode == "bridge" then
    state.locked(function()
      require("network.bridged").release(known, here)
    end)
  elseif record.mode ~= "cni" then
    require("network.user_mode").release(known)
  end
end

--- Gives back what dead programs have left, on every host that has records here.
---
--- ```lua
--- local network = require "network"
---
--- for _, text in ipairs(network.gc()) do
---   print("removed", text)
--- end
--- ```
---@return string[] # a text for each thing that was removed
function M.gc()
  return require("network.gc").run(M.release)
end

--- Several hosts, joined by VXLAN: see `network.hosts`.
---
--- ```lua
--- local network = require "network"
---
--- local lab <close> = network.hosts { "a", "b" }
--- print(lab.a.address, lab.b.address)
--- ```
---@param given table names of hosts, and options
---@return network.Lab
function M.hosts(given)
  return require("network.hosts").new(given)
end

return M

---@meta network
-- Generated from the stdlib's annotations (`crun-lua reference --luacats`); do not edit.

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
local network_Spec = {}

---@class network.Resolvers
---@field servers string[] addresses
---@field search? string[]
---@field options? string[]
local network_Resolvers = {}

---@class network.Owner
---@field pid integer
---@field starttime integer in clock ticks since boot: no later process with the number has it
local network_Owner = {}

--- What a container's network is made of, from `plan` to `release`. It is a plain table.
---@class network.Attachment
---@field spec network.Spec
---@field name string the container
---@field files table<string, string> texts for the container: /etc/hosts and /etc/resolv.conf
---@field live? table<string, string> files of the host to mount instead of a text, read-only: they follow the bridge's containers as these come and go
---@field record table what is kept in the container's state; enough for `release`
---@field rules? network.Rule[] the allow-list, with addresses instead of names
---@field servers string[] the resolvers
local network_Attachment = {}

---@class network.Rule
---@field net? string a network; any destination without it and without a name
---@field name? string a host's name
---@field first? integer the first port; every port without it
---@field last? integer
---@field proto? "tcp"|"udp"
local network_Rule = {}

--- A lab: its hosts are fields by their names.
---@class network.Lab
---@field names string[]
---@field closed boolean
---@field [string] network.Host
local network_Lab = {}

--- The cable between two hosts.
---@param a string
---@param b string
---@return network.Link
function network_Lab:link(a, b) end

--- Parts the hosts: the cables between hosts of different groups are taken down, others stay.
---@param ... string[] groups of names
function network_Lab:partition(...) end

--- Brings every cable up, without loss and delay.
function network_Lab:heal() end

--- Lets go of the namespaces: devices and addresses go with them.
function network_Lab:close() end

--- A pretended host of a lab with several: a network namespace with a bridge of its own.
---@class network.Host
---@field name string
---@field ns any handle of the network namespace
---@field address string the host's address in the overlay, on br0
---@field underlay string the host's address in the underlay, on under0
---@field network table for a container's `network`: br0, with addresses of this host's own part
local network_Host = {}

--- Runs a function in a host's namespace, to its end; an error in it is raised here.
---@param body function a number that it returns is the status; it may `exec`
---@param given? table options of `spawn`, without `join`
---@return table # what `process:wait` answers
function network_Host:run(body, given) end

--- Starts a function in a host's namespace.
---@param body function
---@param given? table options of `spawn`
---@return any # process
function network_Host:spawn(body, given) end

--- Attaches a process with a network namespace of its own to the host's bridge: its eth0 gets an
--- address of this host's part of the overlay, from the last down; containers with this host's
--- `network` get theirs from the first up. For `spawn`'s option `parent`.
---
--- ```lua
--- local network = require "network"
---
--- local lab <close> = network.hosts { "a", "b" }
--- local child <close> = spawn({ unshare = { "net" } }, function()
---   exec { "sleep", "9" }
--- end)
--- child:started()
--- print(lab.a:attach(child))
--- ```
---@param process any
---@return string # the address
function network_Host:attach(process) end

--- A cable between two hosts of a lab.
---@class network.Link
---@field ends { [1]: network.Host, [2]: network.Host }
local network_Link = {}

--- Takes both ends of the cable down, or up again with `false`.
---@param down? boolean
function network_Link:down(down) end

--- Brings both ends up, and waits until the cable carries frames.
function network_Link:up() end

--- Sets what the primitive `netem` takes, in both directions: `{ delay = "50ms", loss = "10%" }`.
---@param settings table
function network_Link:netem(settings) end

--- Loses a share of the packets in each direction: "10%".
---@param share string
function network_Link:loss(share) end

--- Delays each packet in each direction: "50ms".
---@param time string
function network_Link:delay(time) end

--- Brings the cable up, without loss and delay.
function network_Link:heal() end

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
local M = {}

--- Checks what a user wrote: nil or "none", "host", "private", "bridge", "container:NAME", "pasta",
--- "slirp4netns", or a table with `mode` and the mode's options.
---@param value any
---@return network.Spec
function M.parse(value) end

--- Whether the container gets a network namespace of its own.
---
--- ```lua
--- local network = require "network"
---
--- assert(network.unshare(network.parse("bridge")) and not network.unshare(network.parse("host")))
--- ```
---@param spec network.Spec
---@return boolean
function M.unshare(spec) end

--- The namespace that the container joins, for `spawn`'s `join.net`; nil where it joins none.
---
--- ```lua
--- local network = require "network"
---
--- assert(network.join(network.parse("host")) == nil)
--- ```
---@param spec network.Spec
---@return integer|string|nil
function M.join(spec) end

--- Decides and reserves everything, in the parent, before the container exists: an address, ports,
--- the bridge. What cannot be had is an error here, and then nothing stays.
---@param spec network.Spec
---@param context { name: string, root: boolean, owner?: network.Owner } root: whether the parent has the rights itself; owner: the process that answers for the container, the calling one
---@return network.Attachment
function M.plan(spec, context) end

--- Connects the container, in the parent, while its first process exists and waits. Where it fails
--- the caller releases.
---@param attachment network.Attachment
---@param process any the handle of the process
function M.connect(attachment, process) end

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
function M.connects(attachment) end

--- Sets up what the child itself has to, before it gives up its capabilities.
---@param attachment network.Attachment
function M.inside(attachment) end

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
function M.check(attachment, process) end

--- Gives back all that a connection has: doing it twice is fine, and so is doing it in another
--- process, from the record alone.
---@param given network.Attachment|table an attachment, or its `record`
---@param owner? network.Owner only where this process is the record's owner
function M.release(given, owner) end

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
function M.gc() end

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
function M.hosts(given) end

return M

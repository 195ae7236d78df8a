--- A cable between two hosts of `network.hosts`: a pair of devices that can be taken down, and made
--- slow and lossy in both directions.
---
--- ```lua
--- local network = require "network"
---
--- local lab <close> = network.hosts { "a", "b" }
--- local cable = lab:link("a", "b")
--- cable:down()
--- cable:up()
---
--- -- With the program tc.
--- local function disturb()
---   cable:delay("5ms")
---   cable:loss("10%")
---   cable:netem { rate = "1M" }
--- end
--- try(disturb)
--- cable:heal()
--- ```
local planned = require "planned"

local M = {}

--- A cable between two hosts of a lab.
---@class network.Link
---@field ends { [1]: network.Host, [2]: network.Host }
local Link = {}
Link.__index = Link

--- The device of a cable's end, by the host at the other end.
local function port(host)
  return "to-" .. host.name
end

--- Takes both ends of the cable down, or up again with `false`.
---@param down? boolean
function Link:down(down)
  for index, host in ipairs(self.ends) do
    link_set(port(self.ends[3 - index]), { ns = host.ns, up = down == false })
  end
end

--- Whether an end of a cable carries frames: the kernel says so up to a second after both ends
--- have been set up (such news come once a second at most).
local function carries(host, name)
  local rows = links { ns = host.ns }
  if planned(rows) then
    return true
  end
  for _, row in ipairs(rows) do
    if row.name == name then
      return row.state == "up"
    end
  end
end

--- Waits until a cable carries frames, at most five seconds.
local function settle(link)
  local silence = pipe()
  local one, other = link.ends[1], link.ends[2]
  for _ = 1, 500 do
    if carries(one, port(other)) and carries(other, port(one)) then
      break
    end
    try(silence.read.read, silence.read, 1, { timeout = "10ms" })
  end
  silence.read:close()
  silence.write:close()
end

--- Brings both ends up, and waits until the cable carries frames.
function Link:up()
  self:down(false)
  settle(self)
end

--- Sets what the primitive `netem` takes, in both directions: `{ delay = "50ms", loss = "10%" }`.
---@param settings table
function Link:netem(settings)
  local all = {}
  for _, part in ipairs { self.settings, settings } do
    for key, value in pairs(part) do
      all[key] = value
    end
  end
  for index, host in ipairs(self.ends) do
    sys.netem(port(self.ends[3 - index]), all, { ns = host.ns })
    -- After the first end: from here on there is something to heal.
    self.settings = all
  end
end

--- Loses a share of the packets in each direction: "10%".
---@param share string
function Link:loss(share)
  self:netem { loss = share }
end

--- Delays each packet in each direction: "50ms".
---@param time string
function Link:delay(time)
  self:netem { delay = time }
end

--- Brings the cable up, without loss and delay.
function Link:heal()
  if next(self.settings) then
    self.settings = {}
    -- Without settings `netem` is taken away.
    for index, host in ipairs(self.ends) do
      sys.netem(port(self.ends[3 - index]), {}, { ns = host.ns })
    end
  end
  self:up()
end

--- Joins two hosts by a cable, whose ends are ports of their underlays, and waits until it carries
--- frames.
---@param one network.Host
---@param other network.Host
---@return network.Link
function M.lay(one, other)
  veth(port(other), port(one), { ns = one.ns, peer_ns = other.ns, master = "under0", up = true })
  link_set(port(one), { ns = other.ns, master = "under0" })
  local link = setmetatable({ ends = { one, other }, settings = {} }, Link)
  settle(link)
  return link
end

return M

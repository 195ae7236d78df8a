--- Question 8, a network namespace and its cable: seven steps to order. The learner's order is then
--- made for real, in a host of its own, and the kernel says which step could not be made.

--- The steps, as functions of one table that they share.
local STEPS = {}

function STEPS.netns(at)
  at.box = spawn({ unshare = { "net" }, die_with_parent = true }, function()
    exec { "sleep", "60" }
  end)
  at.box:started()
end

function STEPS.veth()
  veth("vhost", "vbox"):keep()
end

function STEPS.move(at)
  link_set("vbox", { to = assert(at.box, "there is no namespace yet") })
end

function STEPS.host()
  address_add("vhost", "10.9.0.1/24")
  link_set("vhost", { up = true })
end

function STEPS.address(at)
  address_add("vbox", "10.9.0.2/24", { ns = at.box })
end

function STEPS.up(at)
  link_set("vbox", { up = true, ns = at.box })
end

function STEPS.route(at)
  route_add("default", { via = "10.9.0.1", ns = at.box })
end

--- Whether the box's packets come back: that nobody listens there is an answer.
local function is_reached(box)
  local asker <close> = spawn({ join = { net = box } }, function()
    local socket, err = try(tcp_connect, "10.9.0.1", 9, { timeout = "2s" })
    return (socket or err.errno == "ECONNREFUSED") and 0 or 1
  end)
  return asker:wait().code == 0
end

--- Makes the steps in the order of the keys; answers the text of what could not be made, or nil.
local function make(keys)
  local at = {}
  for index, key in ipairs(keys) do
    local _, err = try(STEPS[key], at)
    if err then
      return ("step %d, %s: %s"):format(index, key, type(err) == "table" and err.message or err)
    end
  end
  return not is_reached(at.box) and "all steps were made, and the host does not answer" or nil
end

return {
  title = "A cable, step by step",
  form = "order",
  course = "How do you create a custom network namespace and connect it to the host?",
  text = [[Put the steps into an order in which they can be made. Your order is then tried, here.]],
  explain = [[
Moving a device into another namespace takes its addresses and sets it down: what was configured
before is gone. And a route through a router needs a device that is up and has an address in the
router's network, or the kernel says that the network is unreachable. A peer that is made in the
namespace at once (`ip link add … peer name … netns …`) saves the move.]],
  see = { "ex1.wire", "ex5.localhost", "ex5.neighbour" },
  needs = { "userns" },
  items = {
    { "netns", "make the network namespace" },
    { "veth", "make the veth pair" },
    { "move", "move one end into the namespace" },
    { "host", "give the host's end an address and set it up" },
    { "address", "give the box's end an address" },
    { "up", "set the box's end up" },
    { "route", "add the default route in the box" },
  },
  rules = {
    { "netns", "move", why = "there is no namespace yet that it could be moved to" },
    { "veth", "move", why = "there is no device yet that could be moved" },
    { "veth", "host", why = "the host's end is made with the pair" },
    { "move", "address", why = "moving a device takes its addresses" },
    { "move", "up", why = "moving a device sets it down" },
    { "address", "route", why = "the router is in no network of the box before it has an address" },
    { "up", "route", why = "a route cannot use a device that is down" },
  },
  run = function(_, keys)
    local told = pipe()
    local host <close> = spawn({ unshare = { "user", "net" }, die_with_parent = true }, function()
      told.write:write(make(keys) or "the host answers to the box")
      told.write:close()
    end)
    told.write:close()
    local text = told.read:read() or ""
    told.read:close()
    host:wait()
    return text == "the host answers to the box", text
  end,
}

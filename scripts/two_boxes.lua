#!/usr/bin/env crun-lua
-- Shows two containers that talk over a bridge: by address, by name, and from outside by a port.
--
-- The bridge is made for the first of them and goes with the last. Each gets an address that nobody
-- else has, and finds the other by its name. The host reaches the server by a port of its own, 8080
-- or the one that is named. Needs root, and busybox.

local container = require "container"

local port = arg[1] or "8080"
local number = math.tointeger(tonumber(port))
if arg[2] or not number or number < 1 or number > 65535 then
  io.stderr:write("two_boxes.lua: ", arg[2] or port, ": not a port\n\n")
  io.stderr:write("usage: crun-lua scripts/two_boxes.lua [PORT]\n")
  os.exit(2)
end

local function box(name, network)
  return container.new { name = name, rootfs = "host", network = network }
end

local server <close> =
  box("boxes-server", { mode = "bridge", publish = { "127.0.0.1:" .. port .. ":8000" } })
server:start { "busybox", "nc", "-ll", "-p", "8000", "-e", "echo", "hello from the server" }
local address = server:status().network.addresses[1]:match("^[^/]+")
print("boxes-server has the address " .. address)

-- Asks until the server, which has only begun to start, answers.
local function asking(host, at)
  local once = ("busybox nc -w 2 %s %s </dev/null && exit 0"):format(host, at)
  return { "sh", "-c", "for i in $(seq 50); do " .. once .. "; sleep 0.1; done 2>&-; exit 1" }
end

local failures = 0
local function tell(who, host, result)
  local heard = result.code == 0 and result.stdout or "no answer\n"
  failures = failures + (result.code == 0 and 0 or 1)
  io.write(("%-12s asks %-14s → %s"):format(who, host, heard))
end

local client <close> = box("boxes-client", "bridge")
for _, host in ipairs { address, "boxes-server" } do
  tell("boxes-client", host, client:run(asking(host, 8000), { capture = true }))
end
tell("the host", "127.0.0.1:" .. port, capture(asking("127.0.0.1", port)))
os.exit(failures == 0)

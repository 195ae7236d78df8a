#!/usr/bin/env crun-lua
-- Shows two containers that talk over a bridge: by address, by name, and from outside by a port.
--
-- The bridge is made for the first of them and goes with the last. Each gets an address that nobody
-- else has, and finds the other by its name. The host reaches the first by its own port 8080.
-- Needs root, and busybox.

local container = require "container"
local state = require "container.state"

local PORT = arg[1] or "8080"

local server <close> = container.new {
  name = "boxes-server",
  rootfs = "host",
  network = { mode = "bridge", publish = { "127.0.0.1:" .. PORT .. ":8000" } },
}
server:create { "busybox", "nc", "-ll", "-p", "8000", "-e", "echo", "hello from the server" }
server:start()

local client <close> = container.new {
  name = "boxes-client",
  rootfs = "host",
  network = "bridge",
}

local function address(name)
  return state.get(name).network.addresses[1]:match("^[^/]+")
end

--- Asks until the server, which has only begun to start, answers.
local function asking(host, port)
  local once = ("busybox timeout 2 busybox nc -w 1 %s %s </dev/null && exit 0"):format(host, port)
  return { "sh", "-c", "for i in $(seq 50); do " .. once .. "; sleep 0.1; done; exit 1" }
end

print("server: " .. address("boxes-server"))
local failures = 0
for _, host in ipairs { address("boxes-server"), "boxes-server" } do
  io.write("client asks " .. host .. ": ")
  io.stdout:flush()
  failures = failures + (client:run(asking(host, 8000)).code == 0 and 0 or 1)
end

io.write("host asks 127.0.0.1:" .. PORT .. ": ")
local heard = capture(asking("127.0.0.1", PORT))
io.write(heard.stdout)
failures = failures + (heard.code == 0 and 0 or 1)
os.exit(failures == 0)

#!/usr/bin/env crun-lua
-- Shows a network of containers over several hosts, what a partition does to it, and its end.
-- Two hosts are made, which are network namespaces with a cable between them. A VXLAN over the
-- cable joins the bridges of both: a container on one host hears a container on the other by its
-- own address, as if they were on one switch, and the cable carries only UDP packets between the
-- hosts. Then the cable is cut, and mended. Needs busybox; an ordinary user can run it, too.
local network = require "network"

if arg[1] then
  io.stderr:write("usage: crun-lua scripts/multi_host.lua\n")
  os.exit(2)
end
if proc_status().uid.effective ~= 0 then
  unshare { "user", "net" }
end

local lab <close> = network.hosts { "red", "blue" }
local site <close> = temp_dir()
chmod(site.path, "0755")
write_file(site.path .. "/index.html", "hello from the container on red\n")

-- A container-like process on a host: a network of its own, at the host's bridge.
local function container(host, body)
  local address
  local process = spawn({
    unshare = { "net", "uts" },
    parent = function(child)
      address = host:attach(child)
    end,
  }, body)
  return process, address
end

local web <close>, web_address = container(lab.red, function()
  sethostname("web")
  exec { "busybox", "httpd", "-f", "-p", "80", "-h", site.path }
end)
local client <close>, client_address = container(lab.blue, function()
  sethostname("client")
  exec { "sleep", "600" }
end)

print("host red    underlay " .. lab.red.underlay .. "   overlay " .. lab.red.address)
print("host blue   underlay " .. lab.blue.underlay .. "   overlay " .. lab.blue.address)
print("containers  web " .. web_address .. " on red, client " .. client_address .. " on blue")

-- Runs a command in the client's network; its output, or nil where it has failed.
local function from_client(...)
  local command = { "busybox", ... }
  local streams = { join = { net = client }, stdout = "pipe", stderr = "null" }
  local child <close> = spawn(streams, function()
    exec(command)
  end)
  local result = child:output { timeout = "20s" }
  return result.code == 0 and result.stdout or nil
end

local failures = 0
local function show(what, found, wanted)
  local fine = (found ~= nil) == wanted
  failures = failures + (fine and 0 or 1)
  print((" %s %-44s %s"):format(fine and "✓" or "✗", what, found and "answers" or "no answer"))
end

local function ping()
  return from_client("ping", "-c", "3", "-W", "1", web_address)
end

show("ping from blue to red", ping(), true)
local page = from_client("wget", "-q", "-O", "-", "http://" .. web_address .. "/")
show("http from blue to red", page, true)
io.write("   ", page or "\n")

lab:partition({ "red" }, { "blue" })
show("ping after the partition", ping(), false)

lab:heal()
show("ping after the cable is mended", ping() or ping(), true)
os.exit(failures == 0)

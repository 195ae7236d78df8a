--- Hosts and containers for tests of `network`: a pretended host, processes that stand for
--- containers, servers that tell one text, and what somebody hears at an address.
---
--- ```lua
--- local net = require "test.network"
---
--- local host <close> = spawn({ unshare = { "net" } }, function()
---   loopback_up()
---   local server <close> = spawn(net.serve(7000, "hello"))
---   assert(net.ask("127.0.0.1", 7000) == "hello\n")
--- end)
--- assert(host:wait().code == 0)
--- ```
local network = require "network"
local state = require "network.state"

local M = {}

--- This very program with other arguments, and with the stdlib that it was started with.
function M.program(...)
  local command = { "/proc/self/exe" }
  local dir = read_file("/proc/self/cmdline"):match("%z%-%-stdlib%z([^%z]+)%z")
  if dir then
    command[2], command[3] = "--stdlib", dir
  end
  return table.move({ ... }, 1, select("#", ...), #command + 1, command)
end

--- Text of an error object that was raised inside of a child or here.
function M.words(err)
  return ("%s (%s)"):format(err.message or "", err.hint or "")
end

--- Runs `body` in a namespace that plays the host, and looks that no record stays.
function M.on_host(t, body)
  local child <close> = spawn({ unshare = { "net", "mnt" } }, function()
    loopback_up()
    body()
  end)
  t.eq(child:wait().code, 0, "the host's status")
  t.eq(#network.gc(), 0, "what was left for gc")
  local left = stat(state.base()) and list_dir(state.base()) or {}
  t.eq(left, #left > 0 and { "lock" } or {}, "records")
  remove(state.base(), { recursive = true, missing = true })
end

function M.plan(name, given)
  return network.plan(network.parse(given), { name = name, root = true })
end

--- A container-like process on a network; answers it and what releases it.
function M.box(name, given, body)
  local attachment = M.plan(name, given)
  local process = spawn({
    unshare = { "net" },
    parent = function(process)
      network.connect(attachment, process)
    end,
  }, function()
    network.inside(attachment)
    return body(attachment)
  end)
  return process, attachment
end

function M.finish(process, attachment)
  process:kill("kill")
  process:wait()
  network.release(attachment)
end

function M.sleep()
  exec { "sleep", "60" }
end

--- A server that tells one text to each who asks, over and over.
function M.serve(port, text)
  return function()
    exec { "busybox", "nc", "-ll", "-p", tostring(port), "-e", "echo", text }
  end
end

--- What somebody hears at an address, asking until there is an answer; "" where there is none.
function M.ask(ip, port, tries)
  -- Some user-mode networks forget to tell that the other side has closed.
  local once = ("out=$(busybox timeout 2 busybox nc -w 1 %s %d </dev/null 2>/dev/null); "):format(
    ip,
    port
  )
  local loop = 'for i in $(seq %d); do %s test -n "$out" && echo "$out" && exit 0; sleep 0.05; done'
  return capture({ "sh", "-c", loop:format(tries or 40, once) }).stdout
end

--- The same out of another namespace.
function M.ask_from(process, ip, port, tries)
  local child <close> = spawn({ join = { net = process }, stdout = "pipe" }, function()
    io.stdout:write(M.ask(ip, port, tries))
  end)
  return child:output().stdout
end

function M.ip_of(attachment, index)
  return attachment.record.addresses[index or 1]:match("^[^/]+")
end

function M.link(name, ns)
  for _, row in ipairs(links { ns = ns }) do
    if row.name == name then
      return row
    end
  end
end

--- A second namespace behind a router's device "out": 192.0.2.1 here, 192.0.2.2 there.
function M.outside(body)
  return spawn({
    unshare = { "net" },
    parent = function(process)
      veth("out", "eth0", {
        peer_ns = process,
        address = { "192.0.2.1/24", "2001:db8::1/64" },
        peer_address = { "192.0.2.2/24", "2001:db8::2/64" },
        nodad = true,
        up = true,
      })
    end,
  }, body or M.sleep)
end

return M

--- Task: two boxes talk through a socket's file, which a mount shows to both.
---
--- ```lua
--- assert(require("lab.ex1.file").id == "file")
--- ```
local boxes = require "lab.ex1.boxes"

--- The connected unix sockets that a process has open, with their paths. The tables of both
--- networks are asked: the socket that accept(2) answers was made by connect(2), and stands in the
--- caller's.
local function sockets(pid, other)
  local rows, open = {}, {}
  for _, one in ipairs { pid, other } do
    for _, row in ipairs(proc_net(one, "unix") or {}) do
      rows[("socket:[%d]"):format(row.inode)] = row.st == "connected" and row or nil
    end
  end
  for _, fd in ipairs(proc_fds(pid) or {}) do
    open[#open + 1] = rows[fd.target]
  end
  return open
end

local function wait()
  poll({}, { timeout = "600s" })
end

--- A box that listens at a path and writes down what it hears, and one that sends.
local function talk(t, kinds, word)
  local path = t.given.socket
  local b = spawn({ unshare = boxes.kinds(kinds) }, function()
    local line = socket_listen(path):accept()
    write_file(t.given.heard, line:read(256))
    wait()
  end)
  local a = spawn({ unshare = boxes.kinds(kinds) }, function()
    local line
    repeat
      line = try(socket_connect, path)
    until line or poll({}, { timeout = "20ms" })[1]
    line:write(word or t.token)
    wait()
  end)
  t:answer { a = a, b = b }
end

return {
  id = "file",
  title = "Talk: through a file",
  needs = { "userns" },
  after = { "net", "mnt" },
  text = [[
Two processes, each with a network and mounts of its own, and no wire between them: one sends
the word $word to the other through a unix socket whose file is $socket, and the other writes
what it hears to $heard. The connection has to stand while it is looked at.]],
  answers = { a = "the process that sends", b = "the process that hears" },
  setup = function(t)
    t:give { word = t.token, heard = t.dir .. "/heard", socket = t.dir .. "/socket" }
  end,
  action = function(t)
    talk(t, { "net", "mnt" })
  end,
  observe = { "cat /proc/$b/net/unix", "ls -l /proc/$b/fd", "cat $heard" },
  checks = {
    {
      "both have a network and mounts of their own",
      function(t)
        local a, b = t:pid "a", t:pid "b"
        for _, kind in ipairs { "net", "mnt" } do
          t:ns_differs(a, kind)
          t:ns_differs(b, kind)
          local see = ("readlink /proc/%d/ns/%s /proc/%d/ns/%s"):format(a, kind, b, kind)
          t:ne(t:ns(b, kind), t:ns(a, kind), ("the hearer's %s namespace"):format(kind), see)
        end
      end,
    },
    {
      "a connection through the socket's file stands",
      function(t)
        local a, b = t:pid "a", t:pid "b"
        local name, heard = t.given.socket:match("[^/]+$"), false
        for _, row in ipairs(sockets(b, a)) do
          heard = heard or (row.path or ""):find(name, 1, true)
        end
        local see = ("cat /proc/%d/net/unix; ls -l /proc/%d/fd"):format(a, b)
        t:ok(heard, "the hearer has no connected socket of the path " .. t.given.socket, see)
        t:ge(
          #sockets(a, b),
          1,
          "connected unix sockets of the sender",
          ("ls -l /proc/%d/fd"):format(a)
        )
      end,
    },
    {
      "the word has arrived",
      function(t)
        t:has(
          t:read(t.given.heard) or "nothing",
          t.token,
          "what the hearer has written down",
          "cat " .. t.given.heard
        )
      end,
    },
  },
  hints = {
    "What do two mount namespaces still have in common when they are new?",
    "A unix socket with a path is found through the file system, so no network namespace is "
      .. "in its way; one with an abstract name is not.",
    "socket_listen and socket_connect take the path; in another language it is a socket of "
      .. "the family AF_UNIX.",
  },
  decoys = {
    {
      "both in the host's network",
      function(t)
        talk(t, { "mnt" })
      end,
      says = "net namespace",
    },
    {
      "through a pipe with a name",
      function(t)
        local fifo, heard = t.dir .. "/fifo", t.given.heard
        mkfifo(fifo)
        local b = spawn({ unshare = boxes.kinds { "net", "mnt" } }, function()
          write_file(heard, open(fifo):read(256))
          wait()
        end)
        local a = spawn({ unshare = boxes.kinds { "net", "mnt" } }, function()
          open(fifo, { write = true }):write(t.token)
          wait()
        end)
        t:answer { a = a, b = b }
      end,
      says = "no connected socket of the path",
    },
    {
      "another word",
      function(t)
        talk(t, { "net", "mnt" }, "hello")
      end,
      says = "what the hearer has written down",
    },
  },
  lesson = [[
The two ends of the connection stand in one network's table, the sender's: nothing of it belongs
to the other network, and so nothing there can stop it. A socket that is mounted into a box is a
door: /var/run/docker.sock in a box is the whole machine. An abstract name (it begins with @)
belongs to the network namespace, and shuts with it.]],
}

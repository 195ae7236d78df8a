--- Task: two boxes talk by a descriptor that both were born with.
---
--- ```lua
--- assert(require("lab.ex1.inherit").id == "inherit")
--- ```
local boxes = require "lab.ex1.boxes"

local KINDS = { "net", "mnt", "pid", "ipc" }

--- The pipes that a process has open, and at which end.
local function pipes(pid)
  local ends = {}
  for _, row in ipairs(proc_fds(pid) or {}) do
    local inode = row.target:match("^pipe:%[(%d+)%]$")
    local flags = type(row.flags) == "number" and row.flags or tonumber(tostring(row.flags), 8) or 0
    if inode then
      ends[inode] = (ends[inode] or "") .. (flags % 4 == 0 and "r" or "w")
    end
  end
  return ends
end

local function wait()
  poll({}, { timeout = "600s" })
end

local function talk(t, kinds, word)
  local p = pipe()
  local b = spawn({ unshare = boxes.kinds(kinds) }, function()
    p.write:close()
    write_file(t.given.heard, p.read:read(256))
    wait()
  end)
  local a = spawn({ unshare = boxes.kinds(kinds) }, function()
    p.read:close()
    p.write:write(word or t.token)
    wait()
  end)
  t:answer { a = a, b = b }
end

return {
  id = "inherit",
  title = "Talk: by inheritance",
  needs = { "userns" },
  after = { "kinds" },
  text = [[
Two processes that share neither network nor mounts nor pids nor IPC: one sends the word $word
to the other through a pipe without a name, and the other writes what it hears to $heard. Both
ends have to be open while they are looked at.]],
  answers = { a = "the process that sends", b = "the process that hears" },
  setup = function(t)
    t:give { word = t.token, heard = t.dir .. "/heard" }
  end,
  action = function(t)
    talk(t, KINDS)
  end,
  observe = { "ls -l /proc/$a/fd /proc/$b/fd", "cat $heard" },
  checks = {
    {
      "they share neither network, mounts, pids nor IPC",
      function(t)
        local a, b = t:pid "a", t:pid "b"
        for _, kind in ipairs(KINDS) do
          t:ns_differs(a, kind)
          t:ns_differs(b, kind)
          local see = ("readlink /proc/%d/ns/%s /proc/%d/ns/%s"):format(a, kind, b, kind)
          t:ne(t:ns(b, kind), t:ns(a, kind), ("the hearer's %s namespace"):format(kind), see)
        end
      end,
    },
    {
      "one has the end of a pipe that the other reads from",
      function(t)
        local a, b = t:pid "a", t:pid "b"
        local mine, theirs, joined = pipes(a), pipes(b), false
        for inode, ends in pairs(mine) do
          joined = joined or ends:find("w") and (theirs[inode] or ""):find("r")
        end
        local see = ("ls -l /proc/%d/fd /proc/%d/fd"):format(a, b)
        t:ok(joined, "no pipe is written to by the one and read by the other", see)
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
    "What of a process is in no namespace at all?",
    "Open descriptors: whoever has one may use it, wherever he is. They come from the parent,"
      .. " or over a unix socket.",
    "Make the pipe before you spawn the two; in a shell, `|` does it between two commands "
      .. "that unshare.",
  },
  decoys = {
    {
      "they share the mounts",
      function(t)
        talk(t, { "net", "pid", "ipc" })
      end,
      says = "mnt namespace",
    },
    {
      "a pipe with a name",
      function(t)
        local fifo, heard = t.dir .. "/fifo", t.given.heard
        mkfifo(fifo)
        local b = spawn({ unshare = boxes.kinds(KINDS) }, function()
          write_file(heard, open(fifo):read(256))
          wait()
        end)
        local a = spawn({ unshare = boxes.kinds(KINDS) }, function()
          open(fifo, { write = true }):write(t.token)
          wait()
        end)
        t:answer { a = a, b = b }
      end,
      says = "no pipe is written to by the one",
    },
    {
      "another word",
      function(t)
        talk(t, KINDS, "hello")
      end,
      says = "what the hearer has written down",
    },
  },
  lesson = [[
Namespaces decide what can be found and opened, not what is open already. A descriptor of a
directory of the host's that reaches a box is a way out of it: that was CVE-2024-21626 of runc.]],
}

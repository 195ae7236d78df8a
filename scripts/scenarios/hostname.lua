-- A host name of its own: what a uts namespace is, made and entered. It needs no rights.
--
--   crun-lua scenario run scripts/scenarios/hostname.lua     show it, step by step
--   crun-lua scenario try scripts/scenarios/hostname.lua     do it: act in another terminal
--   crun-lua scenario test scripts/scenarios/hostname.lua    prove it
local scenario = require "scenario"

-- Root may make a uts namespace; anybody else needs a user namespace around it.
local function own(...)
  local kinds = { ... }
  if proc_status().uid.effective ~= 0 then
    table.insert(kinds, 1, "user")
  end
  return kinds
end

local function name_in(t, pid)
  return t:inside(pid, { "uts" }, function()
    return sysctl_get "kernel.hostname"
  end, { user = true })
end

local function see(pid)
  return ("nsenter -t %d -U -u --preserve-credentials hostname"):format(pid)
end

return scenario {
  title = "A host name of its own",
  summary = "The host name is not the machine's: it belongs to a uts namespace, and every process "
    .. "is in one.",
  needs = { "userns" },
  steps = {
    {
      id = "own",
      title = "Give a process another host name than yours",
      text = [[
        Start a process that runs on, in which the host name is the word that is given. Your own
        host name must stay what it is.

        Any tool will do: this program, `unshare`, a few lines of Python.
      ]],
      answers = { pid = "the process with the other name" },
      setup = function(t)
        t:give { word = t.token, host = sysctl_get "kernel.hostname" }
      end,
      action = function(t)
        local child = spawn({ unshare = own "uts" }, function()
          sethostname(t.given.word)
          exec { "sleep", "600" }
        end)
        t:answer { pid = child.pid }
      end,
      observe = { "hostname", "readlink /proc/self/ns/uts /proc/$pid/ns/uts" },
      checks = {
        {
          "the process is in a uts namespace of its own",
          function(t)
            t:ns_differs(t:pid "pid", "uts")
          end,
        },
        {
          "its host name is the word",
          function(t)
            local pid = t:pid "pid"
            t:eq(name_in(t, pid), t.given.word, "the host name in there", see(pid))
          end,
        },
        {
          "your own host name is what it was",
          function(t)
            t:eq(sysctl_get "kernel.hostname", t.given.host, "your host name", "hostname")
          end,
        },
      },
      hints = {
        "Who else sees it when you change the host name? The kernel has a word for that set.",
        "A process can leave the uts namespace that it shares with you, and then change the name.",
        "unshare takes --uts, and whoever is not root needs --user --map-root-user as well.",
      },
      decoys = {
        {
          "a namespace whose name nobody has changed",
          function(t)
            t:answer {
              pid = spawn({ unshare = own "uts" }, function()
                exec { "sleep", "600" }
              end),
            }
          end,
          says = "the host name in there",
        },
        {
          "another namespace, but not that of the name",
          function(t)
            t:answer {
              pid = spawn({ unshare = own "ipc" }, function()
                exec { "sleep", "600" }
              end),
            }
          end,
          says = "the same uts namespace",
        },
      },
      lesson = "sethostname(2) changes the name of one uts namespace, the caller's. A container "
        .. "has its own name because its first process has left the host's namespace.",
    },
    {
      id = "enter",
      title = "Have a second process see the same name",
      text = [[
        Start two processes that do not come from each other and yet share a uts namespace which
        is not yours: the second one enters that of the first.
      ]],
      after = { "own" },
      answers = { first = "the process that made it", second = "the process that entered it" },
      action = function(t)
        local first = spawn({ unshare = own "uts" }, function()
          sethostname(t.token)
          exec { "sleep", "600" }
        end)
        first:started()
        local join = { uts = first }
        if proc_ns(first.pid).user ~= proc_ns().user then
          join.user = first
        end
        local second = spawn({ join = join }, function()
          exec { "sleep", "600" }
        end)
        t:answer { first = first.pid, second = second.pid }
      end,
      observe = { "readlink /proc/$first/ns/uts /proc/$second/ns/uts" },
      checks = {
        {
          "the first is in a uts namespace of its own",
          function(t)
            t:ns_differs(t:pid "first", "uts")
          end,
        },
        {
          "the second is in the same one",
          function(t)
            local first, second = t:pid "first", t:pid "second"
            local see_both = ("readlink /proc/%d/ns/uts /proc/%d/ns/uts"):format(first, second)
            t:eq(t:ns(second, "uts"), t:ns(first, "uts"), "the second's uts namespace", see_both)
          end,
        },
        {
          "neither comes from the other",
          function(t)
            local first, second = t:pid "first", t:pid "second"
            t:ne(first, second, "the second process")
            for one, other in pairs { [first] = second, [second] = first } do
              for _, pid in ipairs(t:descendants(one)) do
                t:ne(pid, other, ("a process that comes from %d"):format(one))
              end
            end
          end,
        },
      },
      hints = {
        "A child is in its parent's namespaces. How does somebody get in who is no child?",
        "Each namespace of a process is a file below /proc/PID/ns, and a file can be opened.",
        "nsenter takes --target PID and --uts; whoever is not root enters --user first.",
      },
      decoys = {
        {
          "two namespaces with the same name in them",
          function(t)
            local made = {}
            for index = 1, 2 do
              made[index] = spawn({ unshare = own "uts" }, function()
                sethostname(t.token)
                exec { "sleep", "600" }
              end)
            end
            t:answer { first = made[1].pid, second = made[2].pid }
          end,
          says = "the second's uts namespace",
        },
      },
      lesson = "setns(2) enters a namespace through its file. That is all that `docker exec` and "
        .. "`nsenter` do, once for each kind.",
    },
  },
}

-- A mount that only one process sees: what a mount namespace is. It needs no rights.
--
--   crun-lua scenario try scripts/scenarios/mounts.lua
local scenario = require "scenario"

return scenario {
  title = "A mount that only one process sees",
  summary = "Which file systems are mounted where is a property of a mount namespace.",
  needs = { "userns" },
  steps = {
    {
      id = "hidden",
      title = "Mount something that nobody else sees",
      text = [[
        The directory that is given is empty. Start a process that runs on and finds a tmpfs
        mounted there, with a file "word" in it whose text is the word that is given. Everybody
        else must still see the empty directory.
      ]],
      answers = { pid = "the process that sees the tmpfs" },
      setup = function(t)
        mkdir(t.dir .. "/place")
        t:give { place = t.dir .. "/place", word = t.token }
      end,
      action = function(t)
        local child = spawn({ unshare = { "user", "mnt" } }, function()
          mount("tmpfs", t.given.place, { type = "tmpfs" })
          write_file(t.given.place .. "/word", t.given.word)
          exec { "sleep", "600" }
        end)
        t:answer { pid = child.pid }
      end,
      observe = { "ls -la $place", "grep $place /proc/$pid/mountinfo", "ls /proc/$pid/root$place" },
      checks = {
        {
          "the process is in a mount namespace of its own",
          function(t)
            t:ns_differs(t:pid "pid", "mnt")
          end,
        },
        {
          "a tmpfs is mounted there",
          function(t)
            local pid = t:pid "pid"
            local found = t:mount_at(pid, t.given.place)
            local see = ("grep %s /proc/%d/mountinfo"):format(t.given.place, pid)
            t:eq(found and found.fs_type, "tmpfs", "what it finds mounted there", see)
          end,
        },
        {
          "the file in it has the word",
          function(t)
            local path = ("/proc/%d/root%s/word"):format(t:pid "pid", t.given.place)
            t:eq(t:read(path), t.given.word, "the text of the file", "cat " .. path)
          end,
        },
        {
          "nobody else sees it",
          function(t)
            t:eq(list_dir(t.given.place), {}, "what you see there", "ls -la " .. t.given.place)
          end,
        },
      },
      hints = {
        "What decides which mounts a process sees? It is no property of the directory.",
        "A process can leave your mount namespace, taking a copy of all mounts along.",
        "unshare takes --user --map-root-user --mount, and then a shell in there may mount.",
      },
      decoys = {
        {
          "a file, and no mount",
          function(t)
            write_file(t.given.place .. "/word", t.given.word)
            t:answer {
              pid = spawn({ unshare = { "user", "mnt" } }, function()
                exec { "sleep", "600" }
              end),
            }
          end,
          says = "what it finds mounted there",
        },
        {
          "a mount in a namespace that has ended",
          function(t)
            spawn({ unshare = { "user", "mnt" } }, function()
              mount("tmpfs", t.given.place, { type = "tmpfs" })
              write_file(t.given.place .. "/word", t.given.word)
            end):wait()
            t:answer { pid = spawn(function()
              exec { "sleep", "600" }
            end) }
          end,
          says = "the same mnt namespace",
        },
      },
      lesson = "unshare(CLONE_NEWNS) copies the list of mounts; what is mounted afterwards is in "
        .. "one copy only, unless mounts propagate between them (mount_namespaces(7)).",
    },
  },
}

--- Erratum: "the six types of Linux namespaces". The kernel that runs has a list.

-- What the course names, in its question, its answer and its checklist.
local NAMED = { pid = true, net = true, mnt = true, uts = true, ipc = true, user = true }

local function kinds()
  local list = {}
  for kind in pairs(proc_ns()) do
    if not kind:find("_for_children", 1, true) then
      list[#list + 1] = kind
    end
  end
  table.sort(list)
  return list
end

return {
  id = "kinds",
  title = "Six, says the course",
  text = [[
The course: "Name the six types of Linux namespaces", and "Understand all six Linux namespace
types". Ask the kernel. Hand over how many kinds it has (`count`), and two that the course leaves
out (`first`, `second`).]],
  answers = {
    count = "how many kinds of namespaces this kernel has",
    first = "a kind that the course leaves out",
    second = "another one",
  },
  observe = { "ls -l /proc/self/ns", "man 7 namespaces" },
  action = function(t)
    local missing = {}
    for _, kind in ipairs(kinds()) do
      missing[#missing + 1] = not NAMED[kind] and kind or nil
    end
    t:answer { count = #kinds(), first = missing[1], second = missing[2] }
  end,
  checks = {
    {
      "the number is the kernel's",
      function(t)
        t:eq(tonumber(t.answers.count), #kinds(), "the number of kinds", "ls /proc/self/ns")
      end,
    },
    {
      "both are kinds that the course leaves out",
      function(t)
        for _, name in ipairs { "first", "second" } do
          local word = tostring(t.answers[name]):lower()
          t:has(kinds(), word, "the kinds of this kernel", "ls /proc/self/ns")
          t:ok(not NAMED[word], ("the course does name %s"):format(word))
        end
        t:ne(t.answers.first, t.answers.second, "the two kinds")
      end,
    },
  },
  hints = {
    "The kernel shows each process's namespaces as links in /proc.",
    "Links that end in _for_children are no kinds: they are what children will be in.",
    "Take the course's six names away from the names in /proc/self/ns.",
  },
  decoys = {
    {
      "the course's answer",
      function(t)
        t:answer { count = 6, first = "pid", second = "user" }
      end,
      says = "the number of kinds",
      course = true,
    },
    {
      "the links are counted, those for children too",
      function(t)
        t:answer { count = 10, first = "cgroup", second = "time" }
      end,
      says = "the number of kinds",
    },
  },
  lesson = [[
Eight: cgroup since Linux 4.6, time since 5.6. A container without a cgroup namespace shows in
/proc/self/cgroup where on the host it stands.]],
}

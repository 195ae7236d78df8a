--- Erratum: `stat -fc %T /sys/fs/cgroup` as the test for version 1 or 2. On a machine that has
--- both it knows one of them.
return {
  id = "layout",
  title = "tmpfs means version 1, says the course",
  text = [[
The course: "stat -fc %T /sys/fs/cgroup/ # tmpfs = v1, cgroup2fs = v2". Find out what this machine
has, from what is mounted. Hand over `kind` (v1, v2 or hybrid), and `mount`: where version 2 is
mounted.]],
  needs = { "hybrid" },
  answers = { kind = "v1, v2 or hybrid", mount = "the directory at which version 2 is mounted" },
  observe = {
    "stat -fc %T /sys/fs/cgroup",
    "grep cgroup /proc/self/mountinfo",
    "cat /proc/self/cgroup",
  },
  action = function(t)
    local layout = cgroup_layout()
    for _, hierarchy in ipairs(layout.hierarchies) do
      if hierarchy.version == "v2" then
        t:answer { kind = layout.kind, mount = hierarchy.mount }
      end
    end
  end,
  checks = {
    {
      "the kind is what the mounts say",
      function(t)
        local said = tostring(t.answers.kind):lower()
        t:eq(said, cgroup_layout().kind, "the layout", "grep cgroup /proc/self/mountinfo")
      end,
    },
    {
      "version 2 is mounted there",
      function(t)
        local path = tostring(t.answers.mount):gsub("(.)/+$", "%1")
        local row = t:mount_at(proc_stat().pid, path)
        t:eq(row and row.fs_type or "no mount", "cgroup2", "what is mounted at " .. path)
      end,
    },
  },
  hints = {
    "The file system at a directory says nothing of those that are mounted below it.",
    "In mountinfo the type stands behind the dash: cgroup is version 1, cgroup2 is version 2.",
    "Look for all rows of both types; where there are some of each, the machine is a hybrid.",
  },
  decoys = {
    {
      "the course's one-liner",
      function(t)
        t:answer { kind = "v1", mount = "/sys/fs/cgroup" }
      end,
      says = "the layout",
      course = true,
    },
    {
      "a hierarchy of version 1 for that of version 2",
      function(t)
        t:answer { kind = cgroup_layout().kind, mount = "/sys/fs/cgroup" }
      end,
      says = "what is mounted at",
    },
  },
  lesson = [[
Hybrid machines are common where systemd was told so, and in small virtual machines. Each
controller is in one of the two trees. A tool has to ask for each controller which tree it is in,
not once for the machine.]],
}

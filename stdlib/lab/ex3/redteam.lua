--- Exercise 3, the red team: eight attacks on a box, and for each the layer that its builder
--- claims.
---
--- ```lua
--- assert(require("lab.ex3.redteam").id == "redteam")
--- ```
local attacks = require "lab.ex3.attacks"
local boxes = require "lab.ex3.boxes"

-- What refuses them in a container of the profile "strict"; most are refused by a second layer too.
local CLAIMS = {
  chroot = "cap",
  mknod = "cap",
  mount = "cap",
  setuid = "nnp",
  ptrace = "seccomp",
  keyctl = "seccomp",
  userns = "seccomp",
  sysctl = "mount",
}

local ANSWERS = { pid = "a process in your box" }
for _, name in ipairs(attacks.NAMES) do
  ANSWERS[name] = ("the layer that refuses to %s"):format(attacks.WHAT[name])
end

local function claim(pid, changes)
  local answers = { pid = pid }
  for name, layer in pairs(CLAIMS) do
    answers[name] = changes and changes[name] or layer
  end
  return answers
end

local function show(pid)
  return ("echo 'require(\"lab.ex3.attacks\").print(%d)' | crun-lua -"):format(pid)
end

return {
  id = "redteam",
  title = "Attack your box, and say who stops you",
  needs = { "root", "filters" },
  text = [[
Start the best box that you can, and hand over a process of it. Eight attacks are then judged:
chroot, mknod, mount, setuid, ptrace, keyctl, userns and sysctl. For each say which layer refuses
it: cap (a missing capability), seccomp (the filter), mount (what is read-only, masked or nosuid),
nnp (no_new_privs), ns (a namespace in which the victim does not exist) or user (not root, and the
file is root's). All have to be refused, and by the layer that you claim. In a session write the
words in quotes (keyctl="seccomp"), since some are names of primitives.]],
  answers = ANSWERS,
  action = function(t)
    t:answer(claim(boxes.sleeping(t, "strict")))
  end,
  observe = {
    "echo 'require(\"lab.ex3.attacks\").print($pid)' | crun-lua -",
    "crun-lua inspect $pid",
  },
  checks = {
    {
      "every attack is refused by some layer",
      function(t)
        local pid = t:pid "pid"
        local matrix = attacks.matrix(pid)
        for _, name in ipairs(attacks.NAMES) do
          if not next(matrix[name]) then
            t:fail {
              what = ("nothing refuses to %s (%s)"):format(attacks.WHAT[name], name),
              expected = "a layer that refuses it",
              found = "none does",
              see = show(pid),
            }
          end
        end
      end,
    },
    {
      "each is refused by the layer that is claimed",
      function(t)
        local pid = t:pid "pid"
        local matrix = attacks.matrix(pid)
        for _, name in ipairs(attacks.NAMES) do
          local layer = tostring(t.answers[name])
          if not matrix[name][layer] then
            t:fail {
              what = ("%s is not refused by %s"):format(name, layer),
              expected = "one of the layers that refuse it",
              found = layer,
              see = show(pid),
            }
          end
        end
      end,
    },
    {
      "the attacks fail when they are made",
      function(t)
        local pid = t:pid "pid"
        t:refused(pid, "EPERM", "a chroot with the rights of the process", function()
          chroot "/"
          return true
        end)
        t:refused(pid, "EPERM", "a mount with the rights of the process", function()
          return mount_new { type = "tmpfs" }
        end)
        t:refused(pid, { "EROFS", "EACCES", "EPERM", "ENOENT" }, "core_pattern opened", function()
          local file <close> = open("/proc/sys/kernel/core_pattern", { write = true })
          return true
        end)
      end,
    },
  },
  hints = {
    "A layer that you only believe in is none. Ask the kernel: sets, filter, mounts, flags,"
      .. " namespaces.",
    "Root's rights are caps; what needs no right at all (ptrace of one's own, keyrings, a new user"
      .. " namespace) only a filter refuses; files are a matter of mounts.",
    "The profile strict refuses all eight. attacks.print(pid) of lab.ex3.attacks draws who does"
      .. " what.",
  },
  decoys = {
    {
      "the course's hardened container, with the layers that it believes to have",
      function(t)
        t:answer(claim(boxes.course(t).pid))
      end,
      says = "nothing refuses to read keys",
      course = true,
    },
    {
      "a box of namespaces: its root is root",
      function(t)
        local box = boxes.spawn({ "cgroup", "ipc", "mnt", "net", "pid", "uts" }, function()
          exec { "sleep", "600" }
        end)
        t:answer(claim(box.pid))
      end,
      says = "nothing refuses to chroot",
    },
    {
      "keyrings are claimed to be a matter of capabilities",
      function(t)
        t:answer(claim(boxes.sleeping(t, "strict"), { keyctl = "cap" }))
      end,
      says = "keyctl is not refused by cap",
    },
    {
      "a filter that is switched off, and claimed",
      function(t)
        local profile = { "strict", seccomp = false, requires = { "-seccomp" } }
        t:answer(claim(boxes.sleeping(t, profile)))
      end,
      says = "nothing refuses to read keys",
    },
  },
  lesson = [[
Each layer has its gap: capabilities say nothing of what needs none, a filter cannot look behind a
pointer, mounts protect paths only. Two layers for each attack mean that one mistake is not the
end. Of the course's box one layer is real, capabilities, and the filter that it speaks of is not
loaded.]],
}

--- Erratum: "Set capabilities → Apply seccomp", the course's order of a container's birth. As it
--- stands the kernel refuses the second step.

local FILTER = { default = "allow", errno = { "mkdir" } }

--- What loading a filter is answered with when the capabilities are gone and no_new_privs is off.
local function refusal()
  local said = pipe()
  local child <close> = spawn({ unshare = { "user" } }, function()
    drop_caps { keep = {} }
    local _, err = try(seccomp, FILTER, { no_new_privs = false })
    said.write:write(err and err.errno or "it was loaded")
  end)
  said.write:close()
  local text = said.read:read()
  said.read:close()
  child:wait()
  return text
end

--- Hands over a process that has taken these steps, in a user namespace, and then sleeps.
local function hand_over(t, errno, steps)
  local child = spawn({ unshare = { "user" } }, function()
    steps()
    exec { "sleep", "3600" }
  end)
  child:started()
  t:answer { errno = errno, pid = child }
  child:keep()
end

local function drop_and_load(no_new)
  return function()
    drop_caps { keep = {} }
    try(seccomp, FILTER, { no_new_privs = no_new })
  end
end

return {
  id = "order",
  title = "Capabilities, then seccomp, says the course",
  text = [[
The course's ninth answer: "… → Set capabilities → Apply seccomp → Start process".
Try just that, in a process without no_new_privs. Hand over the name of the error (`errno`), and a
process (`pid`) that has no capability and a filter all the same.]],
  needs = { "userns" },
  answers = {
    errno = "the error's name, such as ENOENT",
    pid = "a process without capabilities, under a filter",
  },
  observe = { "grep -E 'Cap(Eff|Prm)|NoNewPrivs|Seccomp' /proc/$pid/status" },
  action = function(t)
    hand_over(t, refusal(), drop_and_load(true))
  end,
  checks = {
    {
      "the error is the kernel's",
      function(t)
        local said = tostring(t.answers.errno):upper()
        t:eq(said, refusal(), "what seccomp(2) answers then", "man 2 seccomp")
      end,
    },
    {
      "the process has no capability",
      function(t)
        local pid = t:pid "pid"
        local found = t:status(pid).cap_eff
        local see = ("grep CapEff /proc/%d/status"):format(pid)
        t:eq(found, ("0"):rep(16), "its effective capabilities", see)
      end,
    },
    {
      "it is under a filter",
      function(t)
        local pid = t:pid "pid"
        local see = ("grep Seccomp /proc/%d/status"):format(pid)
        t:eq(t:status(pid).seccomp, 2, "its seccomp mode", see)
      end,
    },
  },
  hints = {
    "seccomp(2) names two conditions, one of which must hold for whoever loads a filter.",
    "CAP_SYS_ADMIN is one. It is dropped by now; the other is an attribute of the process.",
    "Set no_new_privs between the two; `seccomp` does it unless it is told otherwise.",
  },
  decoys = {
    {
      "the course's order, and nothing between",
      function(t)
        hand_over(t, refusal(), drop_and_load(false))
      end,
      says = "its seccomp mode",
      course = true,
    },
    {
      "a filter, and the capabilities kept",
      function(t)
        hand_over(t, refusal(), function()
          seccomp(FILTER)
        end)
      end,
      says = "its effective capabilities",
    },
    {
      "a guess",
      function(t)
        hand_over(t, "EPERM", drop_and_load(true))
      end,
      says = "what seccomp(2) answers then",
    },
  },
  lesson = [[
EACCES: a filter that its loader has chosen must not outlive a set-user-id exec, unless the loader
is privileged or has promised, by no_new_privs, that no exec gives it more.]],
}

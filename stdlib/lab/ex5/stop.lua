--- A first process that ignores SIGTERM: the kernel drops what process 1 has no handler for. Every
--- container whose command is a plain program or a shell script stops only by the timeout and
--- SIGKILL.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"
local warden = require "scenario.warden"

local SCRIPT = [[
#!/bin/sh
# The first process of the box.
sleep 3600
exit 0
]]

--- The first process of the manager's pid namespace: number 1 inside.
local function first_process(t)
  for _, pid in ipairs(t:descendants(t.given.manager)) do
    local status = proc_status(pid)
    local inside = status and status.ns_pid
    if inside and #inside > 1 and inside[#inside] == 1 and status.state ~= "Z" then
      return pid, status
    end
  end
  t:fail {
    what = "the box has no first process",
    expected = "a child of the manager that is number 1 inside",
    see = ("pgrep -P %d -a"):format(t.given.manager),
  }
end

local function has(list, word)
  for _, one in ipairs(list or {}) do
    if one == word then
      return true
    end
  end
  return false
end

return fault {
  id = "stop",
  title = "It will not stop",
  symptom = [[
A manager (given.manager) runs a box whose first process is the script $dir/init.sh (now
given.pid), in a pid namespace of its own; when it ends, it is started anew from the file. `kill
-TERM` to it does nothing: a stop takes ten seconds, until SIGKILL. The box that runs in the end
must take SIGTERM.]],
  cause = "no-handler",
  choices = {
    { "no-handler", "as process 1 it gets no signal that it has no handler for" },
    {
      "no-right",
      "you may not send it a signal",
      why = 'then kill would say "Operation not permitted"; it says nothing, the signal is dropped',
    },
    {
      "blocked",
      "it has blocked the signal",
      why = "SigBlk in its status does not have the bit of SIGTERM",
    },
    {
      "frozen",
      "its control group is frozen",
      why = "it runs: State is sleeping, in wait, and SIGKILL works at once",
    },
  },
  needs = { "userns", "program:sh" },
  setup = function(t)
    local path = t.dir .. "/init.sh"
    write_file(path, SCRIPT)
    chmod(path, "0777")
    local manager = boxes.restarter(t.dir .. "/log", function()
      return spawn(
        { unshare = { "user", "pid" }, die_with_parent = true, stdin = "null" },
        function()
          exec { "sh", path }
        end
      )
    end)
    -- Until the first box runs.
    for _ = 1, 200 do
      local pid = warden.descendants(manager)[1]
      if pid and proc_stat(pid).comm == "sh" then
        t:give { pid = pid }
        break
      end
      poll({}, { timeout = "20ms" })
    end
    t:give { manager = manager }
  end,
  repair = function(t)
    write_file(t.dir .. "/init.sh", "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 3600 &\nwait\n")
    kill(t.given.pid, "kill")
  end,
  observe = {
    "cat $dir/init.sh",
    "grep -E '^(State|NSpid|Sig)' /proc/$pid/status",
    "kill -TERM $pid; sleep 1; grep State /proc/$pid/status",
  },
  checks = {
    boxes.manager_lives(),
    {
      "the first process has a handler for SIGTERM",
      function(t)
        local pid, status = first_process(t)
        local found = has(status.sig_ign_names, "term") and "ignored"
          or has(status.sig_cgt_names, "term") and "caught"
          or "no handler"
        local see = ("grep -E 'Sig(Ign|Cgt)' /proc/%d/status"):format(pid)
        t:eq(found, "caught", ("SIGTERM in the first process, %d"):format(pid), see)
      end,
    },
    {
      "it stays",
      function(t)
        t:ok(
          boxes.settled(t, t.given.manager, 1),
          "the box has not lived for a second yet",
          "cat $dir/log"
        )
      end,
    },
  },
  hints = {
    "What is different about the first process of a pid namespace, when a signal comes?",
    "The kernel drops signals that process 1 neither catches nor blocks; SigCgt in its status "
      .. "is what counts.",
    "Let the script catch TERM with trap, and wait for a child in the background; then let it "
      .. "be started anew.",
  },
  decoys = {
    {
      "the file is changed, and the box that runs is the old one",
      function(t)
        write_file(t.dir .. "/init.sh", "#!/bin/sh\ntrap 'exit 0' TERM\nsleep 3600 &\nwait\n")
      end,
      says = "no handler",
    },
    {
      "trap, and then exec, which forgets all handlers",
      function(t)
        write_file(t.dir .. "/init.sh", "#!/bin/sh\ntrap 'exit 0' TERM\nexec sleep 3600\n")
        kill(t.given.pid, "kill")
        poll({}, { timeout = "1500ms" })
      end,
      says = "no handler",
    },
    {
      "the signal is ignored on purpose",
      function(t)
        write_file(t.dir .. "/init.sh", "#!/bin/sh\ntrap '' TERM\nsleep 3600 &\nwait\n")
        kill(t.given.pid, "kill")
        poll({}, { timeout = "1500ms" })
      end,
      says = "ignored",
    },
    {
      "the box is killed once more, and comes back as it was",
      function(t)
        kill(t.given.pid, "kill")
        poll({}, { timeout = "1s" })
      end,
      says = "no handler",
    },
  },
  lesson = [[
Process 1 is protected from signals that it does not expect, also from those of its own box. A
handler, or a small init that passes signals on (`init = true` of a container, tini), makes it
stop; exec resets all handlers to nothing, so a trap before exec is lost.]],
}

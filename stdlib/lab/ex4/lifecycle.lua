--- Level 9: OCI's lifecycle, for any program that has OCI's command line.
---
--- ```lua
--- assert(require("lab.ex4.lifecycle").id == "lifecycle")
--- ```
local level = require "lab.ex4.level"

--- A bundle whose command leaves a mark in its root when it runs, and then waits.
local function bundle(place, word)
  local dir = "/run/bundle"
  mkdir(dir)
  local namespaces = {}
  for _, kind in ipairs { "pid", "mount", "uts", "ipc", "network" } do
    namespaces[#namespaces + 1] = { type = kind }
  end
  local script = ("echo ran > /tmp/%s; while :; do sleep 0.2; done"):format(word)
  write_file(
    dir .. "/config.json",
    json_encode {
      ociVersion = "1.0.2",
      hostname = place.name,
      root = { path = place.rootfs },
      process = {
        args = { "/bin/sh", "-c", script },
        cwd = "/",
        env = { "PATH=/bin:/usr/bin" },
        user = { uid = 0, gid = 0 },
      },
      mounts = {
        { destination = "/proc", type = "proc", source = "proc" },
        { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "mode=755" } },
      },
      linux = { namespaces = namespaces },
    }
  )
  return dir
end

--- One box's life: `steps` are words; each is done and looked at, and the record of it answered.
local function live(t, steps)
  return level.on_host(t, function(place)
    local dir, mark = bundle(place, t.token), place.rootfs .. "/tmp/" .. t.token
    try(remove, mark)
    local words = {
      create = { "create", "--bundle", dir, place.name },
      kill = { "kill", place.name, "KILL" },
    }
    local record, pid = {}, nil
    for _, verb in ipairs(steps) do
      if verb == "pause" then
        poll({}, { timeout = "400ms" })
      else
        -- A runtime's own output goes to a file: what it starts keeps a pipe open for as long as it
        -- runs.
        local run = place:start(words[verb] or { verb, place.name }, { file = "/run/out" })
        local ended = run:wait(5)
        local shown = place:start({ "state", place.name }, { file = "/run/state" })
        local known = shown:wait(3)
        local state = try(json_decode, read_file("/run/state") or "") or {}
        pid = pid or math.type(state.pid) == "integer" and state.pid > 0 and state.pid or nil
        local process = pid and try(proc_stat, pid)
        record[#record + 1] = {
          verb = verb,
          code = ended and ended.code or "it hangs",
          known = known and known.code == 0 or false,
          status = state.status or "none",
          id = state.id or "none",
          lives = process ~= nil and process.state ~= "Z",
          ran = stat(mark) ~= nil,
          said = (read_file("/run/out") or ""):match("([^\n]+)\n*$"),
        }
      end
    end
    try(remove, mark)
    return record
  end)
end

local function did(t, one)
  if one.code ~= 0 then
    t:fail {
      what = ("the status of `%s`"):format(one.verb),
      expected = 0,
      found = ("%s: %s"):format(one.code, one.said or level.complaint(t)),
      see = ("RUNTIME %s NAME; echo $?"):format(one.verb),
    }
  end
end

local function status(t, one, expected, after)
  t:eq(one.status, expected, ("`state` after %s"):format(after), "RUNTIME state NAME")
end

local function refused(t, one, while_)
  t:ne(one.code, 0, ("the status of `%s` while the box is %s"):format(one.verb, while_), "echo $?")
end

local LONG = { deadline = "40s" }

return level.step {
  id = "lifecycle",
  title = "The lifecycle of OCI",
  after = { "root" },
  text = [[
Podman and containerd do not call `run`. They call `create --bundle DIR NAME`, set up what they
want to, and then `start NAME`; they ask `state NAME`, send `kill NAME SIGNAL`, and end with
`delete NAME`. After create the box is there, with its process, and the command has not run;
`state` prints JSON with id, pid and status: created, running, stopped. What does not fit the
status is refused with a status that is not 0. Any program with OCI's command line can be
judged: try the answer `crun-lua`, or `runc`.]],
  checks = {
    {
      "state knows no box that was not created",
      function(t)
        local one = live(t, { "state" })[1]
        t:ne(
          one.code,
          0,
          "the status of `state` of a box that does not exist",
          "RUNTIME state NAME; echo $?"
        )
      end,
      LONG,
    },
    {
      "after create it is there, and the command has not run",
      function(t)
        local record = live(t, { "create", "pause", "state", "kill" })
        did(t, record[1])
        status(t, record[1], "created", "create")
        t:eq(record[2].lives, true, "the process that `state` tells lives", "ps -p PID")
        t:eq(record[2].ran, false, "the command has run before start", "RUNTIME state NAME")
      end,
      LONG,
    },
    {
      "after start it runs",
      function(t)
        local record = live(t, { "create", "start", "pause", "state", "kill" })
        did(t, record[2])
        status(t, record[3], "running", "start")
        t:eq(record[3].ran, true, "the command has run", "RUNTIME state NAME")
      end,
      LONG,
    },
    {
      "after kill it is stopped, and after delete unknown",
      function(t)
        local record = live(t, { "create", "start", "pause", "kill", "pause", "state", "delete" })
        did(t, record[3])
        status(t, record[4], "stopped", "kill")
        t:eq(record[4].lives, false, "the process lives after kill", "ps -p PID")
        did(t, record[5])
        t:eq(
          record[5].known,
          false,
          "`state` knows the box after delete",
          "RUNTIME state NAME; echo $?"
        )
      end,
      LONG,
    },
    {
      "the order is enforced",
      function(t)
        local record = live(
          t,
          { "create", "create", "start", "start", "delete", "kill", "pause", "kill", "start" }
        )
        refused(t, record[2], "created")
        refused(t, record[4], "running")
        refused(t, record[5], "running")
        t:eq(
          record[5].known,
          true,
          "the box is still there after a delete that was refused",
          "RUNTIME state NAME"
        )
        refused(t, record[7], "stopped")
        refused(t, record[8], "stopped")
      end,
      LONG,
    },
  },
  hints = {
    "Which process exists between create and start, and what does it wait for?",
    "The first process opens a named pipe before it leaves the old root, and reads from it; "
      .. "start writes one byte. What must be known later lies in a file.",
    "mkfifo makes the gate, open it { read = true, write = true } before furnish(); keep() "
      .. "the child; write id, pid, starttime and status as JSON; `stopped` is what the kernel "
      .. "says of the pid.",
  },
  decoys = {
    { "only run", level.without("lifecycle"), says = "the status of `create`" },
    {
      "create runs the command at once",
      level.instead("    gate:read(1)\n", ""),
      says = "the command has run before start",
    },
    {
      "the status is what was written down, not what is",
      level.instead('    state.status = "stopped"\n', ""),
      says = "`state` after kill",
    },
    {
      "delete takes what runs",
      level.instead(
        'expect(name, "deleted", "stopped")',
        'expect(name, "deleted", "running", "stopped")'
      ),
      says = "`delete` while the box is running",
    },
    {
      "a box is started twice",
      level.instead(
        'expect(name, "started", "created")',
        'expect(name, "started", "created", "running")'
      ),
      says = "`start` while the box is running",
    },
  },
  observe = {
    "crun-lua $runtime create --bundle BUNDLE box; crun-lua $runtime state box",
    "crun-lua spec   # writes a config.json",
    "crun-lua --explain create --bundle BUNDLE box",
  },
  lesson = [[
Compare with what ships here: `crun-lua` itself has this command line, and its Lua is to be
read. In the prompt, `??oci.create.make` and `??oci.start.go` show it: the gate, the state file
and the order are the same as yours. What is more there: a lock for each box, what was made is
written down before it is made and undone when the rest fails, hooks, a rootfs that is hostile,
ids and time, and an answer to every field of config.json.]],
}

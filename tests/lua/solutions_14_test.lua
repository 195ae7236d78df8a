--- The solutions of exercises 1 and 4: what they prove here, and that each proof fails on the
--- course's own version of that piece, which is run as the course has it.
local judge = require "lab.ex4.judge"
local skeleton = require "lab.ex4.skeleton"
local test = require "test"
local net = require "test.network"

local function solve(name, ...)
  return capture(net.program("scripts/solutions/" .. name .. ".lua", ...), { timeout = "50s" })
end

--- The lines of a solution that do not begin with a tick.
local function failed(result)
  local names = {}
  for name in result.stdout:gmatch("✗ (%S+)") do
    names[#names + 1] = name
  end
  return table.concat(names, " ")
end

test.case("solution 1 refuses what it does not understand", { "root" }, function(t)
  for _, words in ipairs { { "--judge" }, { "--judge", "x" }, { "--judge", "4194304" }, { "1" } } do
    local result = solve("1_namespaces", table.unpack(words))
    t.eq(result.code, 2, table.concat(words, " "))
    t.match(result.stderr, "usage: crun-lua scripts/solutions/1_namespaces.lua", true)
  end
end)

local ROOT = { "root", "program:busybox", "program:unshare" }

test.case("solution 1 proves every kind, talks in three ways, and pins", ROOT, function(t)
  local result = solve("1_namespaces")
  t.eq(result.code, 0, result.stdout .. result.stderr)
  local _, count = result.stdout:gsub("✓", "")
  t.eq(count, 14, result.stdout)
end)

--- The process in the namespaces that a command makes: its only child.
local function child_of(process)
  for _ = 1, 200 do
    local child = (proc_children(process) or {})[1]
    local name = child and (try(proc_stat, child) or {}).comm
    if name == "sleep" then
      return child
    end
    poll({}, { timeout = "20ms" })
  end
end

test.case("the proofs of solution 1 fail on the course's solution 1", ROOT, function(t)
  -- The course's command and what it has the learner type, word for word.
  local course = [[
    exec unshare --pid --net --mount --uts --ipc --user --map-root-user --fork --kill-child sh -c '
      hostname test-container
      mount -t tmpfs tmpfs /tmp
      exec sleep 60']]
  local process <close> = spawn(function()
    exec { "sh", "-c", course }
  end)
  local box = child_of(process.pid)
  t.ok(box, "the course's box")
  local result = solve("1_namespaces", "--judge", ("%d"):format(box))
  t.eq(failed(result), "kinds net ipc pid cgroup time", result.stdout)
  t.eq(result.code, 1)
  process:kill("kill")
  process:wait()
end)

test.case("solution 4 is the program that the starting files are cut out of", function(t)
  t.eq(read_file("scripts/solutions/4_runtime.lua"), skeleton.text(), "its text")
end)

test.case("each starting file is whole, and has a TODO of its level", function(t)
  for _, level in ipairs(skeleton.LEVELS) do
    local text = skeleton.text(level)
    t.ok(load((text:gsub("^#![^\n]*", ""))), level)
    t.match(text, "TODO " .. level .. ":", true)
    t.ok(not text:find("-- [", 1, true), level .. ": a mark is left")
    t.ok(not text:find("--|", 1, true), level .. ": a mark is left")
  end
end)

test.case("solution 4 refuses what it does not understand", function(t)
  for _, words in ipairs { { "run" }, { "run", "a", "b" }, { "start" }, { "jump", "x" } } do
    local result = solve("4_runtime", table.unpack(words))
    t.eq(result.code, 2, table.concat(words, " "))
    t.match(result.stderr, "run [--memory SIZE] NAME ROOTFS COMMAND", true)
  end
end)

for _, level in ipairs(skeleton.LEVELS) do
  local needs = { "root", "program:busybox", level == "limits" and "cgroup:memory" or nil }
  test.case("solution 4 passes the level " .. level, needs, function(t)
    local verdict = judge.level(level, "scripts/solutions/4_runtime.lua")
    t.eq(verdict.passed, true, table.concat(require("scenario").lines(verdict), "\n"))
  end)
end

-- Pieces of the course's container_runtime.py, word for word where it matters. What it needs
-- besides (cgexec, groups at a place of its own) is left out.
local START = [[
cmd = [
    *ENTER, "unshare", "--pid", "--uts", "--ipc", "--mount", "--fork",
    "chroot", rootfs, "/bin/sh", "-c",
    f"mount -t proc proc /proc; mount -t tmpfs tmpfs /tmp; hostname {name}; exec {command}"
]
subprocess.run(cmd)
]]

local HEAD = [[
import os, shlex, subprocess, sys
arguments = sys.argv[2:]
while arguments[0].startswith("--"):
    arguments = arguments[2:]
name, rootfs = (arguments + [""])[:2]
command = shlex.join(arguments[2:])
]]

local NETWORK = [[
def create_network(name):
    """Create network namespace and veth pair"""
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "link", "add", f"veth-{name}", "type", "veth",
                   "peer", "name", f"veth-{name}-peer"], check=True)
    subprocess.run(["ip", "link", "set", f"veth-{name}-peer", "netns", name], check=True)

    # Configure host side
    subprocess.run(["ip", "addr", "add", "172.18.0.1/16", "dev", f"veth-{name}"], check=True)
    subprocess.run(["ip", "link", "set", f"veth-{name}", "up"], check=True)

    # Configure container side
    subprocess.run(["ip", "netns", "exec", name, "ip", "addr", "add",
                   "172.18.0.2/16", "dev", f"veth-{name}-peer"], check=True)
    subprocess.run(["ip", "netns", "exec", name, "ip", "link", "set",
                   f"veth-{name}-peer", "up"], check=True)
    subprocess.run(["ip", "netns", "exec", name, "ip", "link", "set", "lo", "up"], check=True)

]]

local MEMORY = [==[
def create_cgroup(memory_limit="512M"):
    # Set memory limit
    if memory_limit.endswith("M"):
        limit = int(memory_limit[:-1]) * 1024 * 1024
    return str(limit)
words = [*PROGRAM, "run", "--memory", create_cgroup(sys.argv[3]), *sys.argv[4:]]
os.execvp(words[0], words)
]==]

--- Writes a program of the course's, and judges it by a level: what the first failing check says.
local function course(level, ...)
  local dir <close> = temp_dir()
  local path = dir.path .. "/container_runtime.py"
  write_file(path, table.concat({ HEAD, ... }))
  local verdict = judge.level(level, "/usr/bin/python3 " .. path, { patience = "200ms" })
  return table.concat(require("scenario").lines(verdict), "\n"), verdict.passed
end

local PYTHON = { "root", "program:busybox", "program:python3", "program:unshare", "program:ip" }

local function fails(title, level, says, ...)
  local parts = { ... }
  test.case("the course's runtime fails the level " .. level .. ": " .. title, PYTHON, function(t)
    local said, passed = course(level, table.unpack(parts))
    t.eq(passed, false, level)
    t.match(said, says, true)
  end)
end

local BARE = "ENTER = []\n"

fails("it shares two kinds", "pid1", "namespaces that are still the host's", BARE, START)
fails("chroot is no prison", "root", "the old root is still there", BARE, START)
fails("it throws the status away", "status", "the status of `exit 42`", BARE, START)
fails("nobody reaps its orphans", "orphans", "zombies in the box", BARE, START)
fails("ctrl-C ends it before its command", "stdio", "answers INT with `exit 44`", BARE, START)
fails("it has no lifecycle", "lifecycle", "the status of `state`", BARE, START)

local NETNS = 'ENTER = ["ip", "netns", "exec", short]\n'

fails(
  "a device's name is too long",
  "network",
  "runs",
  NETWORK,
  "short = name\ncreate_network(short)\n",
  NETNS,
  START
)
fails(
  "every box has the same address",
  "network",
  "the second box's address",
  NETWORK,
  "short = name[-4:]\ncreate_network(short)\n",
  NETNS,
  START
)

test.case("the course's runtime fails the level limits: 1G is no limit to it", PYTHON, function(t)
  -- The course's limit, and a runtime that does the rest: this very program, which is its parent.
  local program = { 'f"/proc/{os.getppid()}/exe"' }
  for index, word in ipairs(net.program("scripts/solutions/4_runtime.lua")) do
    program[index] = index == 1 and program[1] or ("%q"):format(word)
  end
  local said = course("limits", "PROGRAM = [" .. table.concat(program, ", ") .. "]\n", MEMORY)
  t.match(said, "--memory 1G: the command does not run", true)
  t.match(said, "UnboundLocalError", true)
end)

test.case("the course's runtime fails the level cleanup: its namespaces stay", PYTHON, function(t)
  local short = "short = name[-4:]\ncreate_network(short)\n"
  local said = course("cleanup", NETWORK, short, NETNS, START)
  t.match(said, "what is left", true)
end)

return test.run()

-- Containers by the thousand, each through create, start, exec, kill and delete: half of them in
-- one long process (owner.lua), half by OCI commands. In one of ten something goes wrong on
-- purpose. After each hundred nothing may be left of those that have ended, and the long processes
-- must be as they were: as many descriptors, as much memory. The end is a table; the status says
-- whether all held.
--
--     tests/soak/run.sh target/debug/crun-lua N=200
--
-- The faults: a call fails (--fault N:ERRNO), the runtime is killed at a call (--fault N:KILL) or
-- at a system call (strace), the program is killed, the file system with the state is full, a lock
-- is held. All random numbers come from one seed, which is printed. Only where the runtime was killed
-- may `crun-lua gc` help, as documented; and where a step has failed, the container is deleted by
-- force. The parts are modules below stdlib/test/soak.
local commands = require "test.soak.commands"
local faults = require "test.soak.faults"
local flat = require "test.soak.flat"
local keeper = require "test.soak.keeper"
local needs = require "needs"
local remains = require "test.remains"
local runner = require "test.soak.runner"

local program, owner_file, work = arg[1], arg[2], arg[3]

local function word(name)
  local given = os.getenv(name)
  return given ~= "" and given or nil
end

local function setting(name, default)
  return math.tointeger(tonumber(word(name) or default)) or error(name .. ": not a number", 0)
end

local N, FAULTS = setting("N", 10000), setting("FAULTS", 10)
-- Each call fails once, or every so manieth, or those with these words, instead of random faults.
local ONLY, STRIDE = word "ONLY", setting("STRIDE", word "ONLY" and 1 or 0)
-- What one has left is removed by the next of its kind: few are looked at one by one.
local EVERY = setting("EVERY", ONLY and 1 or STRIDE > 0 and 20 or 100)
-- After so many seconds it ends early, and says how far it has come.
local LIMIT = setting("LIMIT", 1 << 30)
local SEED = setting("SEED", os.time() % 100000)
local STATE, OCI, BUNDLE, ROOT = "/run/soak", "/run/soak/oci", "/run/bundle", "/run/root"

local KINDS = {}
for kind in (word "KINDS" or "host host plain plain dir dir detached network"):gmatch "%S+" do
  if kind ~= "network" or not needs.unmet "program:nft" then
    KINDS[#KINDS + 1] = kind
  end
end

local own = word "STDLIB" and { program, "--stdlib", word "STDLIB" } or { program }
local soak = runner.new { own = own, work = work, tell = word "TELL" ~= nil }

-- What was injected, and what came of it
local counts = {}

local function count(kind, what)
  counts[kind] = counts[kind] or { injected = 0, failed = 0 }
  counts[kind][what] = counts[kind][what] + 1
end

local places = { oci = OCI, bundle = BUNDLE, state = STATE, root = ROOT, script = owner_file }
local by_commands = commands.new(soak, places, count)
local by_owner = keeper.new(soak, places, KINDS, count)
local watches = { owner = flat.new "owner", driver = flat.new "driver" }

--- Looks whether something is left, and how the long processes are.
local function look(before, made)
  local left = remains.left(before, { STATE, work }, setting("PATIENCE", 30))
  if #left > 0 then
    local all = { table.concat(left, "\n  "), table.concat(soak.recent, "\n  ") }
    soak:problem("left behind after %d:\n  %s\nsince the last look:\n  %s", made, table.unpack(all))
  end
  soak.recent = {}
  -- Before it collects: what nobody has closed is open until then.
  local open = flat.descriptors(by_owner.process.pid)
  watches.owner:look(made, by_owner.process.pid, tonumber(by_owner:ask "memory"), open)
  collectgarbage()
  watches.driver:look(made, "self", collectgarbage "count")
  return #left == 0 and before or remains.look { STATE, work }
end

--- A root of the host's programs, and a bundle with it.
local function lay()
  for _, dir in ipairs { STATE, BUNDLE, ROOT } do
    mkdir(dir, { parents = true })
  end
  local data = "mode=0700,size=4m,nr_inodes=400"
  mount("soak", STATE, { type = "tmpfs", host = true, data = data })
  for _, name in ipairs { "bin", "sbin", "lib", "lib64" } do
    symlink("usr/" .. name, ROOT .. "/" .. name)
  end
  for _, name in ipairs { "usr", "proc", "dev", "sys", "tmp", "etc", "run", "mnt" } do
    mkdir(ROOT .. "/" .. name)
  end
  soak:must("spec", soak:command("spec", "--bundle", BUNDLE))
  local config = json_decode(read_file(BUNDLE .. "/config.json"))
  config.process.terminal, config.process.args = false, { "/bin/sleep", "1000" }
  config.root.path = ROOT
  local usr = { destination = "/usr", source = "/usr", type = "bind", options = { "rbind", "ro" } }
  config.mounts[#config.mounts + 1] = usr
  config.linux.resources = { memory = { limit = 64 << 20 }, pids = { limit = 64 } }
  write_file(BUNDLE .. "/config.json", json_encode(config))
end

--- What the long process is started with: faults at some of its calls.
local function hire()
  local options, planned = {}, 0
  if FAULTS > 0 and STRIDE == 0 then
    local sum = 0
    for _, kind in ipairs(KINDS) do
      sum = sum + by_owner.calls[kind].own
    end
    options, planned = keeper.plan(N, FAULTS, sum / #KINDS)
  end
  by_owner:hire(options)
  return planned
end

--- Instead of random faults: each call fails once, of each command and of each kind of container,
--- or every so manieth. Nobody collects: an error must leave nothing.
local function every_call(looked)
  local serial, failed, seen, only = 0, 0, {}, nil
  for one in (ONLY or ""):gmatch "[^,]+" do
    only = only or {}
    only[#only + 1] = one
  end
  local function next_name()
    if serial > 0 and serial % EVERY == 0 then
      looked(serial)
    end
    serial = serial + 1
    return ("step-%06d"):format(serial)
  end
  for _, name in ipairs(commands.LIFE) do
    for _, target in ipairs(faults.targets(by_commands.calls[name], STRIDE, only)) do
      by_commands:live(next_name(), "errno", name, target)
    end
  end
  for _, kind in ipairs(KINDS) do
    local targets = seen[kind] and {} or faults.targets(by_owner.calls[kind], STRIDE, only)
    for _, target in ipairs(targets) do
      local name = next_name()
      local fault = faults.option(target, name)
      local result = soak:run(by_owner:once(name, kind, { "--fault", fault }))
      failed = failed + (result.code ~= 0 and 1 or 0)
      soak:note("%s (%s) %s: %s", name, kind, fault, result.text)
      if kind == "detached" then
        by_owner:ask("forget", name)
      end
    end
    seen[kind] = true
  end
  print(("every call: %d faults, %d of them in owners that failed"):format(serial, failed))
  looked(serial)
  return serial
end

--- Answers how many were made.
local function random_faults(looked)
  local begun = clock "monotonic"
  for index = 1, N do
    local name = ("soak-%06d"):format(index)
    local fault = FAULTS > 0 and math.random(FAULTS) == 1 and faults.any(faults.KINDS) or nil
    if index % 2 == 0 then
      by_commands:live(name, fault)
    else
      by_owner:live(name, fault)
    end
    if index % EVERY == 0 then
      looked(index)
    end
    if #soak.problems > 20 or clock "monotonic" - begun > LIMIT then
      print(#soak.problems > 20 and "too many problems" or "the time is over")
      return index
    end
  end
  return N
end

local what = ("%d containers, a fault in one of %d"):format(N, FAULTS)
if ONLY then
  what = "calls with one of these words fail, each once: " .. ONLY
elseif STRIDE > 0 then
  what = ("one call in %d fails, each once"):format(STRIDE)
end
print(("soak: %s, SEED=%d"):format(what, SEED))
math.randomseed(SEED)
lay()
if FAULTS > 0 then
  by_commands:calibrate()
  by_owner:calibrate()
end
local planned = hire()
for _, kind in ipairs(KINDS) do
  by_owner:ask("make", "warm-" .. kind, kind)
end
if word "LEAK" then
  by_owner:ask("leak", word "LEAK")
end
local before
repeat
  before = remains.look { STATE, work }
  -- What is on its way out was no part of it.
  poll({}, { timeout = "200ms" })
until #remains.left(before, { STATE, work }, 0) == 0
local begun = clock "monotonic"
local function looked(made)
  before = look(before, made)
end
looked(0)
local made = (STRIDE > 0 and every_call or random_faults)(looked)
local took = clock "monotonic" - begun
local code = by_owner:dismiss()
if code ~= 0 then
  soak:problem("the owner has not ended well: %s", code)
end
print(("%d containers in %.0f s, %.1f ms each"):format(made, took, took * 1000 / made))
print(("%d calls of the long process were to fail, for %d containers"):format(planned, N))
for kind, one in pairs(counts) do
  local line = "fault %-8s injected %5d, so that a step failed %5d"
  print(line:format(kind, one.injected, one.failed))
end
for _, who in ipairs { "owner", "driver" } do
  for _, complaint in ipairs(watches[who]:judge()) do
    soak:problem("%s", complaint)
  end
end
print(("%d looks, %d problems"):format(#watches.owner.looks.made, #soak.problems))
os.exit(#soak.problems == 0 and 0 or 1)

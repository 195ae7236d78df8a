-- Containers by the thousand, each through create, start, exec, kill and delete: half of them in one
-- long process (owner.lua), half by OCI commands. In one of ten something goes wrong on purpose. After
-- each hundred nothing may be left of those that have ended, and the long processes must be as they
-- were: as many descriptors, as much memory. The end is a table; the status says whether all held.
--
--     tests/soak/run.sh target/debug/crun-lua N=200
--
-- The faults: a call fails (--fault N:ERRNO), the runtime is killed at a call (--fault N:KILL) or at a
-- system call (strace), the program is killed, the file system with the state is full, a lock is held.
-- All random numbers come from one seed, which is printed. Only where the runtime was killed may
-- `crun-lua gc` help, as documented; and where a step has failed, the container is deleted by force.
local needs = require "needs"
local remains = require "test.remains"

local program, owner_file, work = arg[1], arg[2], arg[3]

local function setting(name, default)
  local given = os.getenv(name)
  return math.tointeger(tonumber(given ~= "" and given or default)) or error(name .. ": not a number", 0)
end

local N, FAULTS, EVERY = setting("N", 10000), setting("FAULTS", 10), setting("EVERY", 100)
-- Each call fails once, or every so manieth, instead of random faults.
local STRIDE = setting("STRIDE", 0)
-- After so many seconds it ends early, and says how far it has come.
local LIMIT = setting("LIMIT", 1 << 30)
local SEED = setting("SEED", os.time() % 100000)
local LEAK = os.getenv "LEAK" ~= "" and os.getenv "LEAK"
local STATE, OCI, BUNDLE, ROOT = "/run/soak", "/run/soak/oci", "/run/bundle", "/run/root"
local LOG = work .. "/log"
local HANGS = "60s"

local LIFE = { "create", "start", "exec", "kill", "delete" }
local KINDS = { "host", "host", "plain", "plain", "dir", "dir", "detached" }
if not needs.unmet "program:nft" then
  KINDS[#KINDS + 1] = "network"
end

-- Each has the same share.
local FAULT_KINDS = { "errno", "errno", "killed", "killed", "payload", "full", "lock" }

-- None of them says that what was asked for is done already: ENOENT of a removal would be a lie.
local ERRNOS = { "EACCES", "EAGAIN", "EBUSY", "EINTR", "EINVAL", "EIO", "EMFILE", "ENOMEM" }
table.move({ "ENOSPC", "EPERM", "EROFS" }, 1, 3, #ERRNOS + 1, ERRNOS)

local problems = {}
-- What has gone wrong on purpose since the last look.
local recent, told = {}, {}

local function problem(format, ...)
  problems[#problems + 1] = format:format(...)
  print("problem: " .. problems[#problems])
end

local function any(list)
  return list[math.random(#list)]
end

local function pause(milliseconds)
  poll({}, { timeout = ("%dms"):format(milliseconds) })
end

-- What is run

local function words(...)
  local all = {}
  for _, part in ipairs { ... } do
    part = type(part) == "table" and part or { part }
    table.move(part, 1, #part, #all + 1, all)
  end
  return all
end

local OWN = os.getenv "STDLIB" and { program, "--stdlib", os.getenv "STDLIB" } or { program }

--- A command of the OCI runtime. `force`: delete --force.
local function oci(name, id, extra)
  local rest = {
    create = { "create", "--bundle", BUNDLE, id },
    exec = { "exec", id, "/bin/true" },
    kill = { "kill", id, "KILL" },
    force = { "delete", "--force", id },
  }
  return words(OWN, extra or {}, "--root", OCI, rest[name] or { name, id })
end

--- An owner of one container.
local function once(name, kind, extra)
  return words(OWN, extra or {}, owner_file, ROOT, "once", name, kind)
end

--- Starts a program. What it says goes to a file: a container would keep a pipe open.
local function start(command)
  local log <close> = open(LOG, { write = true, create = true, truncate = true })
  return spawn({ stdin = "null", stdout = log, stderr = log }, function()
    exec(command)
  end)
end

local function finish(child, command)
  local result = child:wait { timeout = HANGS }
  if not result then
    child:kill "kill"
    result = child:wait()
    problem("it hangs: %s\n%s", table.concat(command, " "), read_file(LOG))
  end
  return { code = result.code, signal = result.signal, text = read_file(LOG) }
end

local function run(command)
  local child <close> = start(command)
  return finish(child, command)
end

--- Runs what has to succeed.
local function must(what, command)
  local result = run(command)
  if result.code ~= 0 then
    problem("%s: status %d of %s\n%s", what, result.code, table.concat(command, " "), result.text)
  end
  return result
end

-- How many calls a command makes, up to which number its children count on, and its system calls in their order: each by its name, and the how
-- manieth of the name it is, as strace counts.
local calls, all_calls, system_calls = {}, {}, {}

local function calibrate(name, command_of)
  if FAULTS == 0 then
    return
  end
  local file = work .. "/calls"
  must("a whole run", command_of { "--trace", file })
  local most, any_most = 0, 0
  for line in read_file(file):gmatch "[^\n]+" do
    local event = json_decode(line)
    any_most = math.max(any_most, event.number or 0)
    most = event["in"] == "" and math.max(most, event.number or 0) or most
  end
  calls[name], all_calls[name] = most, any_most
  if needs.unmet "program:strace" then
    return remove(file)
  end
  must("a whole run", words({ "strace", "-o", file }, command_of {}))
  local list, counts = {}, {}
  for line in read_file(file):gmatch "[^\n]+" do
    local call = line:match "^([%w_]+)%("
    if call then
      counts[call] = (counts[call] or 0) + 1
      list[#list + 1] = { call, counts[call] }
    end
  end
  system_calls[name] = list
  remove(file)
end

--- A command that is killed: before a call, or within a system call.
local function killed(name, command_of)
  local list = system_calls[name]
  if not list or math.random(2) == 1 then
    return run(command_of { "--fault", ("%d:KILL:"):format(math.random(calls[name])) })
  end
  local call, number = table.unpack(any(list))
  local inject = ("inject=%s:signal=KILL:when=%d"):format(call, number)
  local strace = { "strace", "-o", "/dev/null", "-e", "trace=" .. call, "-e", inject }
  return run(words(strace, command_of {}))
end

-- A full file system: no room for bytes, or none for names.

local function fill()
  if math.random(2) == 1 then
    local block = ("x"):rep(64 << 10)
    repeat
      local _, err = try(write_file, STATE .. "/ballast", block, { append = true })
      block = err and block:sub(1, #block // 2) or block
    until #block < 1024
  else
    mkdir(STATE .. "/ballasts")
    local number = 0
    repeat
      number = number + 1
      local _, full = try(write_file, ("%s/ballasts/%d"):format(STATE, number), "")
    until full
  end
end

local function empty()
  remove(STATE .. "/ballast", { missing = true })
  if stat(STATE .. "/ballasts") then
    remove(STATE .. "/ballasts", { recursive = true })
  end
end

-- What was injected, and what came of it

local faults = {}

local function count(kind, what)
  faults[kind] = faults[kind] or { injected = 0, failed = 0 }
  faults[kind][what] = faults[kind][what] + 1
end

-- Containers by OCI commands

local function first_process(id)
  local text = read_file(("%s/%s/state.json"):format(OCI, id))
  return text and json_decode(text).pid
end

local function kill_first(pid)
  local process <close> = pid and try(process_open, pid)
  if process then
    try(process.kill, process, "kill")
  end
end

local function wait_for_end(pid)
  local process <close> = pid and try(process_open, pid)
  if process then
    poll({ process }, { timeout = HANGS })
  end
end

--- One command, with what is to go wrong at it.
local INJECT = {}

function INJECT.errno(name, id, number)
  local fault = ("%d:%s"):format(number or math.random(calls[name]), any(ERRNOS))
  return run(oci(name, id, { "--fault", fault }))
end

function INJECT.killed(name, id)
  return killed(name, function(extra)
    return oci(name, id, extra)
  end)
end

--- The program is killed while the command runs.
function INJECT.payload(name, id)
  local pid = first_process(id)
  local child <close> = start(oci(name, id))
  pause(math.random(0, 20))
  kill_first(pid or first_process(id))
  return finish(child, { name, id })
end

function INJECT.full(name, id)
  fill()
  return run(oci(name, id))
end

--- Held for a while: who wants it waits.
function INJECT.lock(name, id)
  if name == "create" then
    return run(oci(name, id))
  end
  local lock = file_lock(("%s/%s/lock"):format(OCI, id))
  local child <close> = start(oci(name, id))
  pause(math.random(30))
  lock:close()
  local result = finish(child, { name, id })
  if result.code ~= 0 then
    problem("%s %s did not wait for the lock: %s", name, id, result.text)
  end
  return result
end

--- A container of which a step has failed.
local function give_up(id, name, fault)
  if fault == "killed" then
    must("gc", words(OWN, "gc"))
  elseif name == "create" and stat(("%s/%s"):format(OCI, id)) then
    problem("create of %s has failed (%s), and its state is there", id, fault)
  end
  must("after " .. fault .. " at " .. name, oci("force", id))
  empty()
end

local function by_commands(id, fault, at, number)
  at = at or fault and any(LIFE)
  local pid
  for _, name in ipairs(LIFE) do
    local result
    if name == at then
      count(fault, "injected")
      result = INJECT[fault](name, id, number)
    else
      result = run(oci(name, id))
    end
    if result.code ~= 0 then
      if not fault or result.signal and fault ~= "killed" then
        problem("%s %s: %s%s", name, id, result.signal or "", result.text)
      end
      count(fault or "none", "failed")
      recent[#recent + 1] = ("%s, %s at %s: %s"):format(id, fault, name, result.text)
      return give_up(id, name, fault or "none")
    end
    pid = pid or first_process(id)
    if name == "kill" then
      wait_for_end(pid)
    end
  end
  empty()
end

-- Containers of the long process

local owner, unread = nil, ""

local function answer()
  local give_up_at = clock "monotonic" + 60
  while not unread:find "\n" do
    local ready = poll({ owner.stdout }, { timeout = HANGS })
    local text = #ready > 0 and owner.stdout:read(4096)
    if not text or clock "monotonic" > give_up_at then
      error("the owner has ended, or hangs: " .. unread, 0)
    end
    unread = unread .. text
  end
  local line, rest = unread:match "^(.-)\n(.*)$"
  unread = rest
  return line
end

local function ask(...)
  owner.stdin:write(table.concat({ ... }, " ") .. "\n")
  return answer()
end

--- The calls of the owner that fail: their numbers lie as far from each other as the share of faults
--- wants it. Children count on from their parent's number, so a number comes up in several of them.
local function plan()
  local options, planned, number = {}, 0, 0
  if FAULTS == 0 or STRIDE > 0 then
    return options, 0
  end
  local sum = 0
  for _, kind in ipairs(KINDS) do
    sum = sum + calls["once " .. kind]
  end
  local each = sum / #KINDS
  local gap = each * FAULTS * #FAULT_KINDS / 2
  while number < each * N do
    number = number + math.random(1, math.ceil(2 * gap))
    options[#options + 1] = "--fault"
    options[#options + 1] = ("%d:%s"):format(number, any(ERRNOS))
    planned = planned + (number < each * N / 2 and 1 or 0)
  end
  return options, planned
end

local function hire()
  local options, planned = plan()
  owner = spawn({ name = "owner", stdin = "pipe", stdout = "pipe" }, function()
    exec(words(OWN, options, owner_file, ROOT))
  end)
  return planned
end

--- Whether an answer names an error that was injected.
local function is_injected(text)
  for _, errno in ipairs(ERRNOS) do
    if text:find(errno, 1, true) then
      return true
    end
  end
end

local function by_owner(name, fault)
  local kind = any(KINDS)
  if fault == "killed" or fault == "lock" then
    count(fault, "injected")
    local result = killed("once " .. kind, function(extra)
      return once(name, kind, extra)
    end)
    count(fault, result.code ~= 0 and "failed" or "injected")
    local path = ("%s/containers/%s/running"):format(STATE, name)
    local lock = fault == "lock" and stat(path) and try(file_lock, path, { wait = false })
    recent[#recent + 1] = ("%s (%s), %s"):format(name, kind, fault)
    local gc <close> = start(words(OWN, "gc"))
    if lock then
      pause(math.random(100))
      lock:close()
    end
    local collected = finish(gc, { "gc" })
    local said = ask("forget", name)
    if collected.code ~= 0 or said ~= "forgotten" then
      problem("gc after %s of %s: %s%s", fault, name, collected.text, said)
    end
    return
  end
  if fault == "errno" then
    fault = nil
  end
  local said
  if fault then
    count(fault, "injected")
    local at = any(LIFE)
    said = ask("make", name, kind, at)
    local pid = said:match "^at%s%S+%s(%d+)$"
    if pid then
      if fault == "full" then
        fill()
      else
        kill_first(tonumber(pid) > 0 and tonumber(pid))
      end
      said = ask "go"
      empty()
    end
  else
    said = ask("make", name, kind)
  end
  if said ~= "made" then
    if not fault and is_injected(said) then
      fault = "errno"
    end
    count(fault or "none", "failed")
    recent[#recent + 1] = ("%s (%s), %s: %s"):format(name, kind, fault, said)
    if not fault or said:find("then delete:", 1, true) then
      problem("%s (%s, %s): %s", name, kind, fault, said)
    end
  end
end

-- What stays

local samples = { owner = {}, driver = {} }

local function sample(who, made, pid, heap)
  local held = remains.held(pid)
  held.made, held.heap = made, heap
  samples[who][#samples[who] + 1] = held
end

local function look(before, made)
  local left = remains.left(before, { STATE, work }, setting("PATIENCE", 30))
  if #left > 0 then
    local all = { table.concat(left, "\n  "), table.concat(recent, "\n  ") }
    problem("left behind after %d:\n  %s\nsince the last look:\n  %s", made, table.unpack(all))
  end
  table.move(recent, 1, #recent, #told + 1, told)
  recent = {}
  sample("owner", made, owner.pid, tonumber(ask "memory"))
  collectgarbage()
  sample("driver", made, "self", collectgarbage "count")
  return #left == 0 and before or remains.look { STATE, work }
end

-- By how much a long process may grow from the first look to the last: the allocator's own unrest,
-- and something each thousand, in KiB.
local GROWTH = { descriptors = { 0, 0 }, memory = { 2048, 50 }, heap = { 64, 2 } }

local function judge(who)
  local list = samples[who]
  -- What the first ones load and keep for the next is no growth.
  local from = math.max(1, #list // 5)
  for _, field in ipairs { "descriptors", "memory", "heap" } do
    local points = {}
    for index = from, #list do
      points[#points + 1] = { list[index].made / 1000, list[index][field] }
    end
    local slope = remains.slope(points)
    local first, last = points[1], points[#points]
    print(("%-7s %-12s first %9.1f  last %9.1f  slope for 1,000 containers %+9.3f"):format(
      who, field, first[2], last[2], slope
    ))
    local may = 0.5 + GROWTH[field][1] + GROWTH[field][2] * (last[1] - first[1])
    -- Both: a single look may meet something that is just open.
    if math.min(slope * (last[1] - first[1]), last[2] - first[2]) > may then
      problem("the %s grows: %s", who, field)
    end
  end
end

-- All of it

local function prepare()
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
  must("spec", words(OWN, "spec", "--bundle", BUNDLE))
  local config = json_decode(read_file(BUNDLE .. "/config.json"))
  config.process.terminal, config.process.args = false, { "/bin/sleep", "1000" }
  config.root.path = ROOT
  local usr = { destination = "/usr", source = "/usr", type = "bind", options = { "rbind", "ro" } }
  config.mounts[#config.mounts + 1] = usr
  config.linux.resources = { memory = { limit = 64 << 20 }, pids = { limit = 64 } }
  write_file(BUNDLE .. "/config.json", json_encode(config))
  for _, name in ipairs(LIFE) do
    calibrate(name, function(extra)
      if name == "create" then
        run(oci("force", "first"))
      elseif name == "kill" or name == "exec" then
        -- Once for each of the two runs.
        run(oci("force", "first"))
        must("create", oci("create", "first"))
        must("start", oci("start", "first"))
      elseif name == "start" then
        run(oci("force", "first"))
        must("create", oci("create", "first"))
      else
        run(oci("kill", "first"))
        if not stat(OCI .. "/first") then
          must("create", oci("create", "first"))
        end
        kill_first(first_process "first")
        wait_for_end(first_process "first")
      end
      return oci(name, "first", extra)
    end)
  end
  for _, kind in ipairs(KINDS) do
    if not calls["once " .. kind] then
      calibrate("once " .. kind, function(extra)
        return once("first", kind, extra)
      end)
    end
  end
end

--- Instead of random faults: each call fails once, of each command and of each kind of container, or
--- every so manieth. Nobody collects: an error must leave nothing.
local function every_call(stride, looked)
  local serial, failed = 0, 0
  local function next_name()
    serial = serial + 1
    if serial % 20 == 0 then
      looked(serial)
    end
    return ("step-%06d"):format(serial)
  end
  for _, name in ipairs(LIFE) do
    for number = 1, all_calls[name], stride do
      by_commands(next_name(), "errno", name, number)
    end
  end
  for _, kind in ipairs(KINDS) do
    for number = 1, all_calls["once " .. kind] or 0, stride do
      local name = next_name()
      local fault = ("%d:%s"):format(number, any(ERRNOS))
      local result = run(once(name, kind, { "--fault", fault }))
      failed = failed + (result.code ~= 0 and 1 or 0)
      recent[#recent + 1] = ("%s (%s) %s: %s"):format(name, kind, fault, result.text)
      if kind == "detached" then
        ask("forget", name)
      end
    end
    all_calls["once " .. kind] = nil
  end
  print(("every call: %d faults, %d of them in owners that failed"):format(serial, failed))
  return serial
end

local plain = ("%d containers, a fault in one of %d"):format(N, FAULTS)
local what = STRIDE > 0 and ("one call in %d fails, each once"):format(STRIDE) or plain
print(("soak: %s, SEED=%d"):format(what, SEED))
math.randomseed(SEED)
prepare()
local planned = hire()
for _, kind in ipairs(KINDS) do
  ask("make", "warm-" .. kind, kind)
end
if LEAK then
  ask("leak", LEAK)
end
local before = remains.look { STATE, work }
local begun, made = clock "monotonic", 0
before = look(before, 0)
if STRIDE > 0 then
  made = every_call(STRIDE, function(serial)
    before = look(before, serial)
  end)
  before = look(before, made)
end
for index = 1, STRIDE > 0 and 0 or N do
  local name = ("soak-%06d"):format(index)
  local fault = FAULTS > 0 and math.random(FAULTS) == 1 and any(FAULT_KINDS) or nil
  if index % 2 == 0 then
    by_commands(name, fault)
  else
    by_owner(name, fault)
  end
  if index % EVERY == 0 then
    before = look(before, index)
  end
  made = index
  if #problems > 20 or clock "monotonic" - begun > LIMIT then
    print(#problems > 20 and "too many problems" or "the time is over")
    break
  end
end
local took = clock "monotonic" - begun
owner.stdin:close()
local ended = owner:wait { timeout = HANGS }
if not ended or ended.code ~= 0 then
  problem("the owner has not ended well: %s", ended and ended.code)
end
print(("%d containers in %.0f s, %.1f ms each"):format(made, took, took * 1000 / made))
print(("%d calls of the long process were to fail, for %d containers"):format(planned, N))
for kind, one in pairs(faults) do
  print(("fault %-8s injected %5d, so that a step failed %5d"):format(kind, one.injected, one.failed))
end
judge "owner"
judge "driver"
print(("%d looks, %d problems"):format(#samples.owner, #problems))
if (os.getenv "TELL" or "") ~= "" then
  print(table.concat(told, "\n"))
end
os.exit(#problems == 0 and 0 or 1)

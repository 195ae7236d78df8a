--- `crun-lua probe`: loads and tries whose effect on limits and filters can be watched, without any
--- program of the host's: what `stress` and `amicontained` are used for.
---
--- Each is bounded, tells what became of it, and ends with a status that a script can go by. A load
--- runs where its caller stands: in its control group, under its filter.
---
--- ```lua
--- local probe = require "commands.probe"
---
--- assert(probe { "eat", "2M" } == 0)
--- assert(probe { "forks", "3" } == 0)
--- assert(probe { "syscalls", "chdir" } == 0)
--- assert(probe { "burn", "1", "-n", "0" } == 2)
--- ```
local arguments = require "commands.arguments"
local options = require "options"
local strain = require "cgroup.strain"
local units = require "view.units"

local MB = 1 << 20

-- More children than any exercise needs, and few enough to be no harm where nothing limits them.
local MOST_FORKS, MOST_BURNERS = 4096, 256

local KINDS = { "burn", "eat", "forks", "syscalls" }

local SPEC = {
  name = "crun-lua probe",
  usage = [[
usage: crun-lua probe eat SIZE [--hold SECONDS] [--over SECONDS]
       crun-lua probe burn [SECONDS] [-n NUMBER]
       crun-lua probe forks NUMBER [--hold SECONDS]
       crun-lua probe syscalls [NAME…]

  eat       takes memory and writes to every page of it, "128M"; --over takes that long about it,
            --hold keeps it
  burn      keeps processors busy with NUMBER processes, 1 without it, for 5 seconds or SECONDS
  forks     starts up to NUMBER children that live at the same time, at most 4096
  syscalls  tries system calls, all or those that are named, each in a child and with arguments that
            mean nothing, and prints the errno: EPERM is a filter or a missing capability, EFAULT,
            EBADF and EINVAL are the kernel's own. What hangs or ends its caller is left out.

It runs in the control group and under the filter of its caller:
  (echo $BASHPID > /sys/fs/cgroup/memory/box/cgroup.procs; exec crun-lua probe eat 128M)

exit status: 0 done; 1 the number of children was refused; 137 killed for want of memory;
2 a wrong option]],
  values = { "hold", "over", "number" },
  most = 1000,
}

local function sleep(seconds)
  poll({}, { timeout = ("%dus"):format(math.max(math.ceil(seconds * 1e6), 1)) })
end

--- A plain number of seconds, or a time such as "250ms".
local function seconds_of(text)
  local seconds = tonumber(text) or units.seconds(text)
  return seconds and seconds >= 0 and seconds < math.huge and seconds or nil
end

local function refuse(name, expected, found)
  local text = ("%s: expected %s, found %s"):format(name, expected, tostring(found or "nothing"))
  return arguments.refuse(SPEC, text)
end

local PROBES = {}

function PROBES.eat(given)
  local bytes = units.bytes(given[2] or "")
  if #given ~= 2 or not bytes or bytes < MB or bytes == math.huge then
    return refuse("eat", 'one size of at least a megabyte, such as "128M"', given[3] or given[2])
  end
  local wanted = bytes // MB
  local pause, hold = (given.over or 0) / wanted, given.hold or 0
  local reached = 0
  local ended, taken = strain.memory(nil, wanted, function()
    reached = reached + 1
    local rest = reached == wanted and hold or pause
    if rest > 0 then
      sleep(rest)
    end
  end)
  if ended.signal then
    local what = "eat: ended by SIG%s after %d of %d MiB"
    print(what:format(ended.signal:upper(), taken, wanted))
    return ended.code
  end
  print(("eat: %d MiB, every page written to"):format(taken))
  return ended.code
end

--- The processor time that children have had so far, in seconds.
local function used_by(pids)
  local ticks = 0
  for _, pid in ipairs(pids) do
    local now = proc_stat(pid)
    ticks = ticks + (now and now.utime + now.stime or 0)
  end
  -- USER_HZ is 100 on every architecture that this program runs on.
  return ticks / 100
end

function PROBES.burn(given)
  local seconds = seconds_of(given[2] or "5")
  local count = math.tointeger(given.number or "1")
  if #given > 2 or not seconds then
    return refuse("burn", "a number of seconds", given[3] or given[2])
  elseif not count or count < 1 or count > MOST_BURNERS then
    return refuse("--number", ("a number from 1 to %d"):format(MOST_BURNERS), given.number)
  end
  local start = clock("monotonic")
  local used, took = 0, 0
  strain.cpu(nil, count, function()
    sleep(math.max(seconds - (clock("monotonic") - start), 0.001))
    took = clock("monotonic") - start
    used = used_by(proc_children() or {})
    return took >= seconds
  end)
  local what = "burn: %.2f s of processor time in %.2f s: %.0f %% of one processor"
  print(what:format(used, took, used / took * 100))
  return 0
end

function PROBES.forks(given)
  local count = math.tointeger(given[2] or "")
  if #given ~= 2 or not count or count < 1 or count > MOST_FORKS then
    return refuse("forks", ("a number from 1 to %d"):format(MOST_FORKS), given[3] or given[2])
  end
  local made, err = try(strain.pids, nil, count, function()
    if given.hold then
      sleep(given.hold)
    end
  end)
  if not made and err.errno == "EAGAIN" then
    -- Not even the process that was to start them.
    made = 0
  elseif not made then
    error(err, 0)
  end
  local rest = made < count and ", then EAGAIN: no more processes here" or ""
  print(("forks: %d of %d at the same time%s"):format(made, count, rest))
  return made < count and 1 or 0
end

function PROBES.syscalls(given)
  local calls = require "probe.calls"
  local names = #given > 1 and table.move(given, 2, #given, 1, {}) or calls.names()
  for _, name in ipairs(names) do
    local _, err = try(seccomp_groups, name)
    if name:sub(1, 1) == "@" or err and not err.message:find("starts with @", 1, true) then
      local why = err and err.message:gsub("^group: ", "") or "a group; name its calls"
      return arguments.refuse(SPEC, ("syscalls: %s: %s"):format(name, why))
    end
  end
  local width = 0
  for _, name in ipairs(names) do
    width = math.max(width, #name)
  end
  for _, name in ipairs(names) do
    local answer, reason = calls.try(name)
    if answer then
      print(("%-" .. width .. "s %s"):format(name, answer))
    elseif #given > 1 then
      print(("%-" .. width .. "s not tried: %s"):format(name, reason))
    end
    io.stdout:flush()
  end
  return 0
end

--- Options of some probes that are given to another.
local function misplaced(kind, given)
  local takes =
    { eat = { hold = true, over = true }, burn = { number = true }, forks = { hold = true } }
  for _, name in ipairs(SPEC.values) do
    if given[name] and not (takes[kind] or {})[name] then
      return ("--%s is no option of %s"):format(name, kind)
    end
  end
end

---@param args string[]
---@return integer status
return function(args)
  -- The letter takes a value, which the shared parser's letters do not.
  local words = {}
  for index, word in ipairs(args) do
    words[index] = word == "-n" and "--number" or word
  end
  local given, status = arguments.parse(words, SPEC)
  if not given then
    return status or 2
  end
  local kind = given[1]
  if not PROBES[kind] then
    local near = kind and options.nearest(kind, KINDS)
    local hint = near and (", did you mean %s?"):format(near) or ": burn, eat, forks or syscalls"
    local what = kind and ("%q is no probe"):format(kind) or "which probe"
    return arguments.refuse(SPEC, what .. hint)
  end
  local wrong = misplaced(kind, given)
  if wrong then
    return arguments.refuse(SPEC, wrong)
  end
  for _, name in ipairs { "hold", "over" } do
    if given[name] then
      local seconds = seconds_of(given[name])
      if not seconds then
        return refuse("--" .. name, "a number of seconds", given[name])
      end
      given[name] = seconds
    end
  end
  return PROBES[kind](given)
end

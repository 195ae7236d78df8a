--- What a container's start costs, against the same system calls made by C, and against bwrap.
---
--- `crun-lua benches/start.lua LIMIT`, where LIMIT is the program of `start.c`; `benches/start.sh`
--- compiles it and gives this script a state directory of its own. All kinds take turns in one run,
--- so that a slow moment of the machine meets all. Tight: one start after the other. Spaced: 50 ms
--- between two, so that what the kernel does late (network namespaces, RCU) is over. The times are
--- of one start, from the call until /bin/true has ended and all is removed; that of the whole
--- program includes the start of crun-lua itself, which is what a shell sees.
local container = require "container"

local limit = arg[1]
local TIGHT = tonumber(os.getenv "TIGHT" or 300)
local SPACED = tonumber(os.getenv "SPACED" or 60)
local STATE = os.getenv "CRUN_LUA_STATE"

local function start()
  local box <close> = container.new { rootfs = "host" }
  assert(box:run({ "/bin/true" }).code == 0)
end

--- The root, the profile and the filter of our own containers, in the words of `start.c`.
local function words()
  local made = {}
  local function add(key, path, text)
    made[#made + 1] = ("%s=%s%s"):format(key, path, text and "=" .. text or "")
  end
  local profile = require("hardening").resolve()
  local prepared = require("rootfs").prepare { kind = "host" }
  add("keep", caps_encode(profile.caps))
  add("filter", ("%s/seccomp-cache/%s"):format(STATE, list_dir(STATE .. "/seccomp-cache")[1]))
  for _, path in ipairs { "/home", "/run", "/run/lock", "/var", "/root", "/tmp", "/var/tmp" } do
    add("dir", path)
  end
  for _, path in ipairs(prepared.dirs) do
    add("dir", path)
  end
  local written = { "/etc/hosts", "/etc/resolv.conf" }
  for path in pairs(prepared.files) do
    if path ~= "/etc/hosts" then
      written[#written + 1] = path
    end
  end
  for _, path in ipairs(written) do
    add("file", path)
  end
  for path, target in pairs(prepared.links) do
    add("link", path, target)
  end
  for _, path in ipairs(prepared.binds) do
    add("bind", path)
  end
  for _, path in ipairs(profile.masked) do
    if path:sub(1, 6) == "/proc/" then
      add("mask", path)
    end
  end
  for _, path in ipairs(profile.readonly_paths) do
    add("readonly", path)
  end
  return made, prepared
end

--- A process that starts something whenever it is told to, and says how long that took.
local function helper(own, program)
  local command = table.move(own, 1, #own, 2, { limit })
  command[#command + 1] = "--"
  table.move(program, 1, #program, #command + 1, command)
  local process = spawn({ stdin = "pipe", stdout = "pipe" }, function()
    exec(command)
  end)
  return process
end

local function ask(process, word)
  process.stdin:write(word .. "\n")
  local text = process.stdout:read(64) or error("the helper has ended", 0)
  return tonumber(text) / 1e6
end

local function bwrap(prepared)
  local made = { "bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr" }
  for path, target in pairs(prepared.links) do
    if not path:find("/", 2, true) then
      table.move({ "--symlink", target, path }, 1, 3, #made + 1, made)
    end
  end
  local rest = { "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--die-with-parent" }
  table.move(rest, 1, #rest, #made + 1, made)
  made[#made + 1] = "/bin/true"
  return made
end

local function timed()
  local before = clock "monotonic"
  start()
  return (clock "monotonic" - before) * 1000
end

local function report(title, rows, turns)
  print(("%s, %d turns"):format(title, turns))
  local first
  for _, row in ipairs(rows) do
    table.sort(row.times)
    local least, middle = row.times[1], row.times[(#row.times + 1) // 2]
    first = first or { least, middle }
    row.least, row.middle = least, middle
    local format = "  %-38s min %6.2f ms, median %6.2f ms   × %.2f, × %.2f"
    print(format:format(row.name, least, middle, least / first[1], middle / first[2]))
  end
  local own = rows[2]
  local format = "  %s, a start over %s: × %.2f by minimum, × %.2f by median (limit %s)"
  for _, one in ipairs { { rows[1], "C", "1.5" }, { rows[3], "bwrap", "1" } } do
    local least, middle = own.least / one[1].least, own.middle / one[1].middle
    print(format:format(title, one[2], least, middle, one[3]))
  end
end

local function measure(title, kinds, turns, gap)
  local rows = {}
  for index, kind in ipairs(kinds) do
    rows[index] = { name = kind[1], times = {} }
  end
  for turn = 1, turns do
    for index, kind in ipairs(kinds) do
      if gap then
        poll({}, { timeout = gap })
      end
      rows[index].times[turn] = kind[2]()
    end
  end
  report(title, rows, turns)
end

-- Fills every cache; the filter is compiled and kept here.
for _ = 1, 5 do
  start()
end
local own, prepared = words()
write_file(STATE .. "/one.lua", [[
local box <close> = require("container").new { rootfs = "host" }
os.exit(box:run({ "/bin/true" }).code)
]])
local whole <close> = helper(own, { arg[2], STATE .. "/one.lua" })
local sandbox <close> = helper(own, bwrap(prepared))
local kinds = {
  { "C, the same calls", function() return ask(whole, "container") end },
  { 'container.new { rootfs = "host" }:run', timed },
  { "bwrap --unshare-all", function() return ask(sandbox, "program") end },
  { "crun-lua SCRIPT, the whole program", function() return ask(whole, "program") end },
}
for _, kind in ipairs(kinds) do
  kind[2]()
end
measure("tight", kinds, TIGHT)
measure("spaced by 50 ms", kinds, SPACED, "50ms")

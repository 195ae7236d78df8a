-- Calls of the kernel by which containers were left, or could be: refused by the default profile,
-- as a program that makes exactly these finds it.

local hardening = require "hardening"
local machine = require "test.machine"
local test = require "test"

local NEEDS = { "root", "machine:x86_64" }
local BASE = machine.BASE

-- What the calls answer, without a profile where none is named; nil for a program that was killed.
local function answers(profile, calls)
  local dir <close> = temp_dir()
  chmod(dir.path, "0755")
  write_file(dir.path .. "/calls", machine.program(calls))
  chmod(dir.path .. "/calls", "0755")
  local out = dir.path .. "/out"
  write_file(out, "")
  local prepared = profile
    and hardening.prepare(hardening.resolve(profile), { root = true, userns = false })
  local how = { unshare = { "mnt", "pid", "net", "ipc", "uts", "cgroup" }, stdout = out }
  local child <close> = spawn(how, function()
    if prepared then
      hardening.confine(prepared, {})
    end
    exec { dir.path .. "/calls" }
  end)
  local ended = child:wait()
  local text, list = read_file(out), {}
  for place = 1, #text, 8 do
    list[#list + 1] = ("<i8"):unpack(text, place)
  end
  return #list == #calls and list or nil, ended
end

local EPERM, ENOSYS = -1, -38

-- The call, its number and arguments, and what it answers below the profile.
local MATRIX = {
  { "io_uring_setup", EPERM, 425, 1, 0 },
  { "io_uring_enter", EPERM, 426, -1 },
  { "io_uring_register", EPERM, 427, -1 },
  { "userfaultfd", EPERM, 323, 0x80000 },
  { "add_key", EPERM, 248, 0, 0, 0, 0, 0 },
  { "request_key", EPERM, 249, 0, 0, 0, 0 },
  { "keyctl", EPERM, 250, 0, -3, 0 },
  { "bpf", EPERM, 321, 0, 0, 0 },
  { "perf_event_open", EPERM, 298, 0, 0, -1, -1, 0 },
  { "setns", EPERM, 308, -1, 0 },
  { "mount", EPERM, 165, 0, 0, 0, 0, 0 },
  { "fsopen", EPERM, 430, 0, 0 },
  { "open_tree", EPERM, 428, -1, 0, 0 },
  { "move_mount", EPERM, 429, -1, 0, -1, 0, 0 },
  { "pivot_root", EPERM, 155, 0, 0 },
  { "open_by_handle_at", EPERM, 304, -1, 0, 0 },
  { "init_module", EPERM, 175, 0, 0, 0 },
  { "kexec_load", EPERM, 246, 0, 0, 0, -1 },
  -- The last: without a profile nothing can be mounted after it.
  { "unshare", EPERM, 272, 0x10000000 },
  { "clone3", ENOSYS, 435, 0, 0 },
}

test.case(
  "the default profile refuses calls that are a way to the kernel, which are there without it",
  NEEDS,
  function(t)
    local calls = {}
    for index, row in ipairs(MATRIX) do
      calls[index] = table.move(row, 3, #row, 1, {})
    end
    local free = assert(answers(nil, calls))
    local found = assert(answers("default", calls))
    for index, row in ipairs(MATRIX) do
      t.eq(found[index], row[2], row[1])
      -- Root without a profile is not refused so, or the row would prove nothing.
      t.ok(free[index] ~= row[2], row[1] .. " without a profile: " .. free[index])
    end
  end
)

test.case("no clone makes a namespace below the default profile", NEEDS, function(t)
  local flags = { 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000 }
  local calls = {}
  for index, flag in ipairs(flags) do
    calls[index] = { 56, flag | 17 }
  end
  for index, found in ipairs(assert(answers("default", calls))) do
    t.eq(found, EPERM, ("flag %x"):format(flags[index]))
  end
end)

test.case(
  "CVE-2026-31431: a program opens no AF_ALG and no AF_VSOCK, and other families",
  NEEDS,
  function(t)
    local calls = {
      { 41, 38, 5, 0 },
      { 41, 40, 1, 0 },
      { 41, 38 | 1 << 32, 5, 0 },
      { 41, 1, 1, 0 },
      { 41, 2, 1, 0 },
      { 41, 37, 1, 0 },
      { 41, 39, 1, 0 },
      { 41, 41, 1, 0 },
    }
    local found = assert(answers("default", calls))
    t.eq({ found[1], found[2], found[3] }, { EPERM, EPERM, EPERM })
    t.ok(found[4] >= 0 and found[5] >= 0, "AF_UNIX and AF_INET")
    for index = 6, 8 do
      t.ne(found[index], EPERM, "the neighbours of the two")
    end
  end
)

-- The multiplexer takes the family from memory, where no filter can look.
test.case("CVE-2026-31431: the 32-bit socketcall does not go round the filter", NEEDS, function(t)
  local socket = { 102, 1, BASE, narrow = true }
  local getpid = { 20, narrow = true }
  local free = answers(nil, { getpid })
  if free and free[1] > 0 then
    local found, ended = answers("default", { socket })
    t.eq(found, nil)
    t.eq(ended.signal, "sys")
    found = answers(
      { "default", seccomp = { architectures = { "x86_64", "x86" } } },
      { socket, getpid }
    )
    if found then
      t.eq(found[1], ENOSYS)
      t.ok(found[2] > 0)
    end
  end
end)

-- A release_agent is run as the host's root; to write it, one mounts the hierarchy.
test.case(
  "CVE-2022-0492: no hierarchy can be mounted, nor a namespace made for it",
  NEEDS,
  function(t)
    local found = assert(answers("default", {
      { 272, 0x10000000 },
      { 272, 0x02000000 },
      { 272, 0x00020000 },
      { 165, BASE + 0x8800, BASE + 0x8800, BASE + 0x8800, 0, 0 },
    }))
    t.eq(found, { EPERM, EPERM, EPERM, EPERM })
  end
)

return test.run()

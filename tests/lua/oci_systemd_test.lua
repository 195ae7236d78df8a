-- The systemd driver: the bytes on the bus, the properties of a unit, and scopes of a real systemd.

local bus = require "oci.systemd.bus"
local cgroup = require "oci.cgroup"
local properties = require "oci.systemd.properties"
local systemd = require "oci.systemd"
local test = require "test"

local MB = 1 << 20

test.need("systemd", function()
  if not stat("/run/systemd/system") then
    return "systemd does not run here"
  end
end)

-- Bytes as text: what stands below was taken from the specification's rules by hand.
local function hex(bytes)
  return (bytes:gsub(".", function(byte)
    return ("%02x"):format(byte:byte())
  end))
end

test.case("values are laid out as the D-Bus specification says", function(t)
  t.eq(hex(bus.marshal("yu", { 1, 2 })), "0100000002000000")
  t.eq(hex(bus.marshal("s", { "ab" })), "02000000616200")
  t.eq(hex(bus.marshal("g", { "as" })), "02617300")
  t.eq(hex(bus.marshal("b", { true })), "01000000")
  -- The padding before the first element counts neither as content nor is it left out.
  t.eq(hex(bus.marshal("at", { {} })), "0000000000000000")
  t.eq(hex(bus.marshal("at", { { -1 } })), "0800000000000000ffffffffffffffff")
  t.eq(hex(bus.marshal("v", { { "u", 7 } })), "0175000007000000")
  t.eq(
    hex(bus.marshal("ua(y)", { 1, { { 2 }, { 3 } } })),
    "0100000009000000" .. "0200000000000000" .. "03"
  )
end)

test.case("what is written is read again", function(t)
  local signature = "ssa(sv)a(sa(sv))"
  local values =
    { "box.scope", "replace", { { "Delegate", { "b", true } }, { "PIDs", { "au", { 7 } } } }, {} }
  local read = bus.unmarshal(signature, bus.marshal(signature, values))
  t.eq(read, { "box.scope", "replace", { { "Delegate", true }, { "PIDs", { 7 } } }, {} })
  local all = bus.unmarshal(
    "ynqiuxtdsog",
    bus.marshal("ynqiuxtdsog", { 1, -2, 3, -4, 5, -6, 7, 0.5, "s", "/o", "ay" })
  )
  t.eq(all, { 1, -2, 3, -4, 5, -6, 7, 0.5, "s", "/o", "ay" })
end)

test.case("an annotation that is no property is refused", function(t)
  t.fails("is not the name of a property", properties.annotation, "Exec Start", "true")
  t.fails("is not the name of a property", properties.annotation, "a", "true")
  t.fails("is no value", properties.annotation, "CollectMode", "inactive")
  t.fails("is no value", properties.annotation, "After", "['a', 1]")
  t.fails("expected seconds", properties.annotation, "TimeoutStopSec", "'long'")
end)

test.case("annotations become properties, with units as the bus has them", function(t)
  local found = properties.annotations {
    ["org.systemd.property.CollectMode"] = "'inactive-or-failed'",
    ["org.systemd.property.TimeoutStopSec"] = "1.5",
    ["org.systemd.property.SendSIGHUP"] = "true",
    ["org.systemd.property.TasksMax"] = "uint64 10",
    ["org.systemd.property.After"] = "['a.service', 'b.service']",
    ["io.kubernetes.pod"] = "x",
  }
  t.eq(found, {
    { "After", { "as", { "a.service", "b.service" } } },
    { "CollectMode", { "s", "inactive-or-failed" } },
    { "SendSIGHUP", { "b", true } },
    { "TasksMax", { "t", 10 } },
    { "TimeoutStopUSec", { "t", 1500000 } },
  })
end)

test.case("limits become the properties that systemd has for them", function(t)
  local resources = {
    memory = { limit = 64 * MB, swap = 96 * MB, reservation = MB },
    cpu = { shares = 1024, quota = 33333, period = 100000, cpus = "0-1,9" },
    pids = { limit = -1 },
    blockIO = { weight = 10 },
    unified = { ["memory.high"] = "max", ["memory.oom.group"] = "1" },
  }
  t.eq(properties.of(resources, "v2"), {
    { "MemoryMax", { "t", 64 * MB } },
    { "MemoryLow", { "t", MB } },
    { "MemorySwapMax", { "t", 32 * MB } },
    { "CPUWeight", { "t", 100 } },
    { "AllowedCPUs", { "ay", { 3, 2 } } },
    { "CPUQuotaPerSecUSec", { "t", 340000 } },
    { "CPUQuotaPeriodUSec", { "t", 100000 } },
    { "TasksMax", { "t", -1 } },
    { "IOWeight", { "t", 1 } },
    { "MemoryHigh", { "t", -1 } },
  })
  resources.unified = nil
  t.eq(properties.of(resources, "v1"), {
    { "MemoryLimit", { "t", 64 * MB } },
    { "CPUShares", { "t", 1024 } },
    { "CPUQuotaPerSecUSec", { "t", 340000 } },
    { "CPUQuotaPeriodUSec", { "t", 100000 } },
    { "TasksMax", { "t", -1 } },
    { "BlockIOWeight", { "t", 10 } },
  })
end)

test.case("the user's own systemd is looked for where the session says", function(t)
  local sockets = systemd.sockets(true, {
    DBUS_SESSION_BUS_ADDRESS = "unix:path=/run/user/7/bus,guid=1;tcp:host=x",
    XDG_RUNTIME_DIR = "/run/user/7",
  })
  t.eq({ sockets[1].path, sockets[3].path }, { "/run/user/7/bus", "/run/user/7/systemd/private" })
  t.eq(systemd.sockets(true, {}), {})
end)

-- The other side of a connection: answers each call by `answer(member)`: signature and values.
local function server(path, answer)
  local listener <close> = socket_listen(path)
  local peer = listener:accept { timeout = "60s" }
  local function line()
    local text = ""
    repeat
      text = text .. peer:read(1)
    until text:sub(-2) == "\r\n"
    return text
  end
  line()
  peer:write "OK 0123456789abcdef\r\n"
  line()
  while true do
    local start = peer:read(16)
    if not start or start == "" then
      return
    end
    local _, _, _, _, size, serial, fields = ("<BBBBI4I4I4"):unpack(start)
    local length = (fields + 7) // 8 * 8 + size
    local rest = ""
    while #rest < length do
      rest = rest .. peer:read(length - #rest)
    end
    local signature, values, err = answer(rest)
    local body = bus.marshal(signature, values)
    local header = { { 5, { "u", serial } }, { 8, { "g", signature } } }
    header[3] = err and { 4, { "s", err } } or nil
    local bytes = bus.marshal("yyyyuua(yv)", { 108, err and 3 or 2, 0, 1, #body, 1, header })
    bytes = bytes .. ("\0"):rep(-#bytes % 8) .. body
    -- In pieces: nobody promises that a message comes whole.
    peer:write(bytes:sub(1, 20))
    poll({}, { timeout = "5ms" })
    peer:write(bytes:sub(21))
  end
end

test.case("a call gets its answer, or systemd's reason against it", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/bus"
  local child <close> = spawn(function()
    server(path, function(request)
      if request:find("StartTransientUnit", 1, true) then
        return "s", { "Unit box.scope already exists." }, "org.freedesktop.systemd1.UnitExists"
      end
      return "o", { "/job/1" }
    end)
  end)
  for _ = 1, 1000 do
    if stat(path) then
      break
    end
    poll({}, { timeout = "5ms" })
  end
  local missing = { path = dir.path .. "/none" }
  local one <close> = bus.connect { missing, { path = path, private = true } }
  local target =
    { "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager" }
  t.eq(one:call(target, "StopUnit", "ss", { "box.scope", "replace" }), { "/job/1" })
  local answer, refused = one:call(target, "StartTransientUnit", "s", { "box.scope" })
  t.eq(answer, nil)
  t.eq(refused.name, "org.freedesktop.systemd1.UnitExists")
  t.match(refused.message, "already exists", true)
  one:close()
  t.eq(child:wait().code, 0)
end)

test.case("without systemd the driver says so", function(t)
  if not stat("/run/systemd/system") then
    local err = t.fails(
      "systemd is not running",
      cgroup.make,
      {},
      { id = "x", manager = "systemd" }
    )
    t.match(err.hint, "cgroupfs", true)
  end
end)

local function show(unit, name)
  local result = capture { "systemctl", "show", "--property=" .. name, "--value", unit }
  return result.stdout:match("^(.-)%s*$")
end

local function make(spec, ctx)
  ctx = ctx or {}
  ctx.id = ctx.id or "test-" .. proc_stat().pid
  ctx.manager = "systemd"
  local group = cgroup.make(spec, ctx)
  return group, defer(function()
    group:remove()
  end)
end

test.case(
  "a container is a scope of systemd's with its limits, until it is removed",
  { "root", "systemd" },
  function(t)
    local spec = {
      annotations = { ["org.systemd.property.TimeoutStopUSec"] = "uint64 7000000" },
      linux = { cgroupsPath = "system.slice:oci:box" .. proc_stat().pid },
    }
    local group, guard = make(spec)
    local closing <close> = guard
    local unit = group.record.unit
    t.match(unit, "^oci%-box%d+%.scope$")
    t.eq(show(unit, "ActiveState"), "active")
    t.eq(show(unit, "Slice"), "system.slice")
    t.eq(show(unit, "Delegate"), "yes")
    t.eq(show(unit, "TimeoutStopUSec"), "7s")
    group:apply {
      memory = { limit = 64 * MB },
      pids = { limit = 30 },
      cpu = { quota = 20000, period = 100000 },
    }
    local on_v2 = cgroup_layout().kind == "v2"
    t.eq(show(unit, on_v2 and "MemoryMax" or "MemoryLimit"), tostring(64 * MB))
    t.eq(show(unit, "TasksMax"), "30")
    t.eq(show(unit, "CPUQuotaPerSecUSec"), "200ms")
    local limits = group.handle:get()
    t.eq({ limits.memory, limits.pids, limits.cpu.quota }, { 64 * MB, 30, 20000 })
    local child <close> = spawn({ cgroup = group.handle }, function()
      exec { "sleep", "600" }
    end)
    child:started()
    group:joined(child.pid)
    t.eq(group:pids(), { child.pid })
    for _, line in ipairs(proc_cgroup(child.pid)) do
      -- The hierarchies that systemd leaves alone hold a group of the runtime's own making.
      local in_scope = line.path == show(unit, "ControlGroup")
      t.ok(in_scope or not on_v2, line.path)
    end
    t.fails("already", make, spec)
    local again = cgroup.open(json_decode(json_encode(group.record)))
    again:set { pids = { limit = 40 } }
    t.eq({ show(unit, "TasksMax"), again.handle:get().pids }, { "40", 40 })
    -- What systemd was not told it would take back here.
    t.eq(capture({ "systemctl", "daemon-reload" }).code, 0)
    t.eq(again.handle:get().pids, 40)
    again:remove()
    t.eq(child:wait().signal ~= nil, true)
    t.eq(show(unit, "ActiveState"), "inactive")
    t.eq(stat(group.record.dirs[1]), nil)
  end
)

test.case(
  "a scope whose container has ended by itself is removed without complaint",
  { "root", "systemd" },
  function(t)
    local group, guard = make {}
    local closing <close> = guard
    local child <close> = spawn({ cgroup = group.handle }, function()
      return 0
    end)
    child:wait()
    group:joined(child.pid)
    poll({}, { timeout = "300ms" })
    local again = cgroup.open(group.record)
    again:remove()
    t.eq(show(group.record.unit, "ActiveState"), "inactive")
  end
)

test.case(
  "a failure of the container leaves no scope and no helper",
  { "root", "systemd" },
  function(t)
    local undo = require("container.undo").new()
    local group = make({}, { undo = undo })
    local helper = group.helper.pid
    undo:run()
    t.eq(stat("/proc/" .. helper), nil)
    t.eq(show(group.record.unit, "ActiveState"), "inactive")
  end
)

test.case(
  "a property that systemd does not know is its refusal, and leaves nothing",
  { "root", "systemd" },
  function(t)
    local spec = { annotations = { ["org.systemd.property.NoSuchThing"] = "true" } }
    t.fails("systemd cannot start", make, spec)
  end
)

-- What an ordinary user does, who stands where the argument says: beside or below its systemd.
local AS_USER = [[
local cgroup = require "oci.cgroup"
local group = cgroup.make({}, { id = "of-a-user", manager = "systemd", rootless = true })
local guard <close> = defer(function() group:remove() end)
group:apply { memory = { limit = 64 << 20 }, pids = { limit = 20 }, devices = {} }
local limits = group.opened:get()
assert(limits.memory == 64 << 20 and limits.pids == 20)
assert((group.handle ~= nil) == (script_place == "below"), script_place)
local child = spawn({ cgroup = group.handle }, function() exec { "sleep", "600" } end)
child:started()
group:joined(child.pid)
assert(proc_cgroup(child.pid)[1].path == group.record.path)
assert(#group:pids() == 1)
cgroup.open(group.record):remove()
assert(child:wait().signal)
assert(not stat(group.record.dirs[1]))
]]

test.case(
  "an ordinary user's container is a scope of the user's own systemd, wherever the runtime stands",
  { "root", "systemd", "cgroup:v2", "program:setpriv", "program:systemd-run" },
  function(t)
    local started = capture { "systemctl", "start", "user@65534.service" }
    t.eq(started.code, 0, started.stderr)
    local dir <close> = temp_dir()
    chmod(dir.path, "0755")
    local program = dir.path .. "/crun-lua"
    copy_file("/proc/self/exe", program)
    chmod(program, "0755")
    for place, before in pairs {
      beside = {},
      below = { "systemd-run", "--user", "--scope", "--quiet", "--property=Delegate=yes" },
    } do
      local script = dir.path .. "/" .. place .. ".lua"
      write_file(script, ("local script_place = %q\n"):format(place) .. AS_USER)
      local command = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups" }
      table.move(
        { "env", "XDG_RUNTIME_DIR=/run/user/65534", "HOME=/tmp" },
        1,
        3,
        #command + 1,
        command
      )
      table.move(before, 1, #before, #command + 1, command)
      table.move({ program, "--stdlib", "stdlib", script }, 1, 4, #command + 1, command)
      local result = capture(command, { timeout = "60s" })
      t.eq(result.code, 0, place .. ": " .. result.stderr)
    end
    capture { "systemctl", "stop", "user@65534.service" }
  end
)

return test.run()

-- The control group of an OCI container: where it is, what is written, who may be in it.

local cgroup = require "oci.cgroup"
local groups = require "test.groups"
local options = require "options"
local place = require "oci.cgroup.place"
local test = require "test"

local MB = 1 << 20

local group_of = groups.of
local sleeper = groups.sleeper

test.case("a path that leads out, or names nothing, is refused", function(t)
  t.fails("leads out of where it starts", place.name, "/a/../../b", "x")
  t.fails("is the root of the hierarchy", place.name, "/", "x")
  t.fails("slice:prefix:name", place.unit, "/kubepods/web", "x")
  t.fails("slice:prefix:name", place.unit, "a.slice:b", "x")
  t.fails("is no slice", place.unit, "nothing:a:b", "x")
  t.fails("is no slice", place.unit, "a--b.slice:a:b", "x")
  t.fails("names no unit", place.unit, "a.slice:b:", "x")
end)

test.case("a path means the same place each time, a default has the container's id", function(t)
  local v2_layout =
    { kind = "v2", hierarchies = { { version = "v2", own = "/user.slice/session" } } }
  local root = { kind = "v2", hierarchies = { { version = "v2", own = "/" } } }
  local v1_layout = { kind = "v1", hierarchies = {} }
  t.eq(place.name("/a//b/./c/", "x", v2_layout), "/a/b/c")
  t.eq(place.name("a/b", "x", v2_layout), "/user.slice/a/b")
  t.eq(place.name("a/b", "x", root), "/a/b")
  t.eq(place.name("a/b", "x", v1_layout), "a/b")
  t.eq(place.name(nil, "x", v1_layout), "crun-lua-oci-x")
  t.eq(place.unit("", "x"), { slice = "system.slice", unit = "crun-lua-x.scope" })
  t.eq(place.unit(nil, "x", true), { slice = "user.slice", unit = "crun-lua-x.scope" })
  t.eq(place.unit("machine.slice:libpod:1f", "x").unit, "libpod-1f.scope")
  t.eq(place.unit(":pre:pods.slice", "x"), { slice = "system.slice", unit = "pods.slice" })
  t.eq(place.unit("-:a:b", "x").slice, "-.slice")
end)

test.case("an unknown manager names the one that was meant", function(t)
  local err = t.fails("is no manager", cgroup.make, {}, { id = "x", manager = "systemdd" })
  t.match(err.hint, "systemd")
end)

test.case("without a manager no group is made, and what needs one says so", function(t)
  local group, guard = group_of({ pids = { limit = 5 } }, {}, { manager = "disabled" })
  local closing <close> = guard
  t.eq(group.handle, nil)
  t.eq({ group:pids(), group:frozen() }, { {}, false })
  t.fails("the cgroup manager is disabled", group.freeze, group)
  t.fails("the cgroup manager is disabled", group.set, group, {})
  local again = cgroup.open(json_decode(json_encode(group.record)))
  t.fails("cannot resume the container", again.thaw, again)
end)

test.case("who may make no group goes without where that is allowed", { "user" }, function(t)
  local name = { linux = { cgroupsPath = "/crun-lua-not-mine" } }
  local ctx = { id = "x", rootless = true }
  t.eq(cgroup.make(name, ctx).record.manager, "none")
  t.fails("this user cannot", cgroup.make, name, { id = "x" })
  name.linux.resources = { pids = { limit = 5 }, devices = {} }
  t.fails("this user cannot", cgroup.make, name, ctx)
end)

test.case(
  "a group that has members, or is frozen, is not a container's",
  { "root", "cgroup:pids" },
  function(t)
    local first, guard = group_of {}
    local closing <close> = guard
    local spec = { linux = { cgroupsPath = first.record.path } }
    local child <close> = sleeper(first)
    t.fails("container's cgroup is not empty: 1 process(es)", cgroup.make, spec, { id = "y" })
    t.eq(first:pids(), { child.pid })
    first:kill()
    t.eq(child:wait().signal, "kill")
    first:freeze()
    t.fails("is frozen", cgroup.make, spec, { id = "y" })
    first:thaw()
    local second = cgroup.make(spec, { id = "y" })
    t.eq(second.record.dirs, first.record.dirs)
  end
)

test.case(
  "a group that was there before stays, without the container's processes",
  { "root", "cgroup:pids" },
  function(t)
    local name = "/crun-lua-test-before-" .. proc_stat().pid
    local before <close> = cgroup_set(name, { pids = 10 })
    local there = before.paths.pids or before.paths.unified
    local group = cgroup.make({ linux = { cgroupsPath = name } }, { id = "x" })
    local child <close> = sleeper(group)
    local made = #group.record.dirs - #group.record.kept
    group:keep()
    cgroup.open(json_decode(json_encode(group.record))):remove()
    t.eq(child:wait().signal, "kill")
    t.ok(stat(there), "the group that was there")
    local left = 0
    for _, dir in ipairs(group.record.dirs) do
      left = left + (stat(dir) and 1 or 0)
    end
    t.eq(left, #group.record.dirs - made)
  end
)

test.case(
  "a limit that the kernel refuses leaves no group behind",
  { "root", "cgroup:pids" },
  function(t)
    local undo = require("container.undo").new()
    local group = cgroup.make({}, { id = "refused", undo = undo })
    local dirs = group.record.dirs
    t.ok(stat(dirs[1]))
    t.fails("EINVAL", group.apply, group, { cpu = { quota = 1 } })
    undo:run()
    for _, dir in ipairs(dirs) do
      t.eq(stat(dir), nil, dir)
    end
  end
)

test.case(
  "a container stands in its group in every hierarchy",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local child <close> = sleeper(group)
    local layout = cgroup_layout()
    t.eq(#group.record.dirs, #layout.hierarchies)
    local found = 0
    for _, one in ipairs(proc_cgroup(child.pid)) do
      local name = one.path:match("[^/]*$")
      for _, hierarchy in ipairs(layout.hierarchies) do
        local of = hierarchy.name and "name=" .. hierarchy.name or hierarchy.controllers[1]
        local unified = hierarchy.version == "v2" and one.hierarchy_id == 0
        if
          unified
          or hierarchy.version == "v1" and table.concat(one.controllers, ","):find(of, 1, true)
        then
          t.match(name, "^crun%-lua%-oci%-test")
          found = found + 1
          break
        end
      end
    end
    t.eq(found, #layout.hierarchies)
  end
)

test.case(
  "what is frozen is seen, and dies when the group is removed",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local child <close> = sleeper(group)
    local again = cgroup.open(group.record)
    again:freeze()
    t.ok(group:frozen())
    again:remove()
    t.eq(child:wait().signal, "kill")
    for _, dir in ipairs(group.record.dirs) do
      t.eq(stat(dir), nil, dir)
    end
    t.eq(cgroup.open(group.record).handle, nil)
    t.fails("has been removed", again.freeze, again)
  end
)

test.case(
  "a signal reaches every member, also in groups below",
  { "root", "cgroup:pids" },
  function(t)
    local group, guard = group_of {}
    local closing <close> = guard
    local dirs = {}
    for index, dir in ipairs(group.record.dirs) do
      dirs[index] = dir .. "/below"
      mkdir(dirs[index])
      local cpus = dir:find("/cpuset/") and read_file(dir .. "/cpuset.cpus")
      if cpus and cpus:find("%d") then
        write_file(dirs[index] .. "/cpuset.cpus", cpus, { append = true })
        write_file(
          dirs[index] .. "/cpuset.mems",
          read_file(dir .. "/cpuset.mems"),
          { append = true }
        )
      end
    end
    t.fails("leads out", group.exec_handle, group, "below/../..")
    t.fails("has no control group", group.exec_handle, group, "nowhere")
    local below = group:exec_handle("/below/")
    t.eq(below.dirs, dirs)
    local inner <close> = sleeper { handle = below }
    t.eq(group:pids(), { inner.pid })
    group:kill("term")
    t.eq(inner:wait().signal, "term")
  end
)

test.case(
  "groups above that were made for it go with it, others stay",
  { "root", "cgroup:pids" },
  function(t)
    local name = "/crun-lua-test-above-" .. proc_stat().pid
    local one = cgroup.make({ linux = { cgroupsPath = name .. "/one" } }, { id = "one" })
    local two = cgroup.make({ linux = { cgroupsPath = name .. "/two" } }, { id = "two" })
    local above = one.record.above
    t.ok(#above > 0 and stat(above[1]))
    t.eq(two.record.above, {})
    one:remove()
    t.ok(stat(above[1]), "the group above another container")
    two:remove()
    cgroup.open(one.record):remove()
    t.eq(stat(above[1]), nil)
  end
)

test.case(
  "on v2 a container's root owns what the kernel says may be given away",
  { "root", "cgroup:v2" },
  function(t)
    local spec = {
      process = { user = { uid = 0 } },
      mounts = { { type = "cgroup", destination = "/sys/fs/cgroup", options = { "rw" } } },
      linux = {
        namespaces = { { type = "cgroup" }, { type = "user" } },
        uidMappings = { { containerID = 0, hostID = 100000, size = 10 } },
      },
    }
    local group, guard = group_of({}, spec)
    local closing <close> = guard
    local dir = group.handle.paths.unified
    t.eq({ stat(dir).uid, stat(dir).gid }, { 100000, 0 })
    t.eq(stat(dir .. "/cgroup.procs").uid, 100000)
    t.eq(stat(dir .. "/memory.max").uid, 0)
    spec.mounts[1].options[1] = "ro"
    local other, other_guard = group_of({}, spec, { id = "readonly-mount" })
    local also <close> = other_guard
    t.eq(stat(other.handle.paths.unified).uid, 0)
  end
)

test.case("statistics have the shape of runc's", { "root", "cgroup:memory" }, function(t)
  local group, guard = group_of { memory = { limit = 64 * MB }, pids = { limit = 9 } }
  local closing <close> = guard
  local child <close> = sleeper(group)
  local stats = group:stats()
  for _ = 1, 100 do
    -- What has just begun to run is counted a moment later; 0 is left out.
    if stats.cpu.usage.total then
      break
    end
    poll({}, { timeout = "20ms" })
    stats = group:stats()
  end
  t.eq(options.keys(stats), {
    "blkio",
    "cpu",
    "cpuset",
    "hugetlb",
    "intel_rdt",
    "memory",
    "network_interfaces",
    "pids",
  })
  t.eq(stats.pids, { current = 1, limit = 9 })
  t.eq(stats.memory.usage.limit, 64 * MB)
  t.ok(stats.memory.usage.usage > 0)
  t.eq(stats.memory.usage.failcnt, 0)
  t.ok(stats.cpu.usage.total > 0)
  t.ok(math.type(stats.memory.raw.pgfault))
  t.eq(stats.cpuset.mems, { 0 })
  child:kill("kill")
  child:wait()
end)

test.case("intelRdt is a clear error where the kernel has none", function(t)
  local known = (read_file("/proc/filesystems") or ""):find("resctrl")
  if not known then
    local spec = { linux = { intelRdt = { closID = "gold" }, cgroupsPath = "crun-lua-rdt" } }
    t.fails("no resctrl file system", cgroup.make, spec, { id = "x", manager = "disabled" })
  end
end)

test.case("classes of service follow the eight rules", { "root" }, function(t)
  local rdt = require "oci.cgroup.rdt"
  local mount <close> = temp_dir()
  local dir = mount.path
  t.fails("is not the name of a class", rdt.make, { closID = "a/b" }, "x", dir)
  t.fails("there is no class of service", rdt.make, { closID = "gold" }, "x", dir)
  mkdir(dir .. "/gold")
  write_file(dir .. "/gold/schemata", "L3:0=0f\n")
  local there = rdt.make({ closID = "gold", l3CacheSchema = "L3:0=f" }, "x", dir)
  t.eq(there, { dir = dir .. "/gold", made = false })
  t.fails("another schema", rdt.make, { closID = "gold", l3CacheSchema = "L3:0=1" }, "x", dir)
  local root = rdt.make({ closID = "/" }, "x", dir)
  t.eq(root.dir, dir)
  local own = rdt.make({ schemata = { "L3:0=3", "MB:0=50" } }, "x", dir)
  t.eq(own, { dir = dir .. "/x", made = true })
  t.eq(read_file(dir .. "/x/schemata"), "L3:0=3\nMB:0=50\n")
  rdt.join(own, 42)
  t.eq(read_file(dir .. "/x/tasks"), "42")
end)

return test.run()

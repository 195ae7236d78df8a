-- Clauses of the runtime specification (1.3.0) that are no topic of their own: what a path means,
-- what a value of the wrong kind is answered with, what is passed over.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

-- What `run` answers for a configuration that a case changes.
local function run(t, args, change)
  local bench <close> = oci.bench()
  local spec = oci.spec(args)
  change(spec, bench)
  bench:write(spec)
  local result = bench:call { "run", "--bundle", bench.path, "box" }
  t.eq(bench:status "box", nil)
  return result
end

test.case("a namespace's path that leads to another kind is an error", NEEDS, function(t)
  local result = run(t, { "true" }, function(spec)
    spec.linux.namespaces[2].path = "/proc/self/ns/ipc"
  end)
  t.eq(result.code, 1)
  has(t, result.stderr, 'a namespace of kind "ipc"')
  result = run(t, { "true" }, function(spec)
    spec.linux.namespaces[4].path = "/proc/self/status"
  end)
  t.eq(result.code, 1)
  has(t, result.stderr, "/proc/self/status")
end)

test.case("a root may be named by its absolute path, and must be a directory", NEEDS, function(t)
  local result = run(t, { "cat", "/here" }, function(spec, bench)
    spec.root.path = bench.rootfs
    write_file(bench.rootfs .. "/here", "found\n")
  end)
  t.eq({ result.code, result.stdout }, { 0, "found\n" })
end)

test.case("a mount is a bind by its options, whatever its type says", NEEDS, function(t)
  local result = run(t, { "cat", "/tmp/shown/file" }, function(spec, bench)
    mkdir(bench.path .. "/volume")
    write_file(bench.path .. "/volume/file", "shown\n")
    -- A source that is not absolute lies in the bundle.
    spec.mounts[#spec.mounts + 1] = {
      destination = "/tmp/shown",
      type = "tmpfs",
      source = "volume",
      options = { "rbind", "ro" },
    }
  end)
  t.eq({ result.code, result.stdout }, { 0, "shown\n" })
end)

test.case(
  "mounts are made in their order, a destination without / begins at the root",
  NEEDS,
  function(t)
    local script = "cat /tmp/over/file; ls /tmp/over"
    local result = run(t, { "sh", "-c", script }, function(spec, bench)
      mkdir(bench.path .. "/volume")
      write_file(bench.path .. "/volume/file", "last\n")
      local tmpfs = { destination = "/tmp/over", type = "tmpfs", source = "tmpfs" }
      local bind = { destination = "tmp/over", source = "volume", options = { "bind" } }
      table.move({ tmpfs, bind }, 1, 2, #spec.mounts + 1, spec.mounts)
    end)
    t.eq({ result.code, result.stdout }, { 0, "last\nfile\n" })
    result = run(t, { "sh", "-c", "ls /tmp/over" }, function(spec, bench)
      mkdir(bench.path .. "/volume")
      write_file(bench.path .. "/volume/file", "first\n")
      local tmpfs = { destination = "/tmp/over", type = "tmpfs", source = "tmpfs" }
      local bind = { destination = "/tmp/over", source = "volume", options = { "bind" } }
      table.move({ bind, tmpfs }, 1, 2, #spec.mounts + 1, spec.mounts)
    end)
    t.eq({ result.code, result.stdout }, { 0, "" })
  end
)

test.case("a console's size without a terminal is ignored", NEEDS, function(t)
  local result = run(t, { "tty" }, function(spec)
    spec.process.consoleSize = { height = 33, width = 77 }
  end)
  t.eq(result.stdout, "not a tty\n")
end)

test.case("a domain of execution is the program's", NEEDS, function(t)
  for domain, expected in pairs { LINUX = "00000000", LINUX32 = "00000008" } do
    local result = run(t, { "cat", "/proc/self/personality" }, function(spec)
      spec.linux.personality = { domain = domain }
    end)
    t.eq({ result.code, result.stdout }, { 0, expected .. "\n" })
  end
  local result = run(t, { "true" }, function(spec)
    spec.linux.personality = { domain = "SOLARIS" }
  end)
  t.eq(result.code, 1)
  has(t, result.stderr, ".linux.personality.domain")
end)

test.case("kill reaches what is created or running, and nothing else", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local code, said = bench:detached { "create", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  t.eq(bench:call({ "kill", "box", "KILL" }).code, 0)
  bench:call { "wait", "box" }
  t.eq({ bench:status("box").status, bench:status("box").pid }, { "stopped", nil })
  local result = bench:call { "kill", "box", "TERM" }
  t.eq(result.code, 1)
  has(t, result.stderr, "container not running")
  t.eq(bench:call({ "start", "box" }).code, 1)
  t.eq(bench:call({ "delete", "box" }).code, 0)
  t.eq(bench:call({ "delete", "box" }).code, 1)
end)

test.case("a network device gets the next free name of a pattern", NEEDS, function(t)
  t.inside({ "net" }, function()
    for _, name in ipairs { "plum", "pear" } do
      veth(name, name .. "-peer")
      address_add(name, name == "plum" and "10.9.8.7/24" or "10.9.9.7/24")
    end
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.linux.netDevices = { plum = { name = "eth%d" }, pear = { name = "eth%d" } }
    bench:write(spec)
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local pid, up = bench:status("box").pid, {}
    for _, link in ipairs(links { ns = pid }) do
      up[link.name] = link.up
    end
    t.eq({ up.eth0, up.eth1 }, { true, true })
    local found = {}
    for _, address in ipairs(addresses { ns = pid }) do
      found[address.address] = address.link:match "^eth%d$" and true
    end
    t.eq({ found["10.9.8.7/24"], found["10.9.9.7/24"] }, { true, true })
    bench:call { "delete", "--force", "box" }
  end)
end)

test.case("a network device whose name is taken is an error, and stays outside", NEEDS, function(t)
  t.inside({ "net" }, function()
    for _, name in ipairs { "plum", "pear" } do
      veth(name, name .. "-peer")
    end
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.linux.netDevices = { plum = { name = "lo" } }
    bench:write(spec)
    local result = bench:call { "run", "--bundle", bench.path, "box" }
    t.eq(result.code, 1)
    has(t, result.stderr, 'the container has a device "lo" already')
    local there = {}
    for _, link in ipairs(links()) do
      there[link.name] = true
    end
    t.ok(there.plum and there.pear)
  end)
end)

test.case("without intelRdt nothing is asked of resctrl", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "true" })
  local path = bench.path .. "/trace"
  local words = bench:words { "run", "--bundle", bench.path, "box" }
  local line = { words[1], "--trace", path }
  table.move(words, 2, #words, #line + 1, line)
  t.eq(capture(line).code, 0)
  t.ok(not read_file(path):find("resctrl", 1, true))
end)

return test.run()

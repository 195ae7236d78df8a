-- What the caller hands into an OCI container: network devices, processors, memory nodes, policies.

local oci = require "test.oci"
local test = require "test"

local NEEDS = { "root", "program:busybox" }

local function has(t, text, part)
  t.ok(tostring(text):find(part, 1, true), ("%q is not in %q"):format(part, tostring(text)))
end

test.case("a network device moves in with its addresses, under its new name", NEEDS, function(t)
  -- In a network namespace of this case's own, which is the host's to the runtime.
  t.inside({ "net" }, function()
    veth("plum0", "plum1")
    address_add("plum0", "10.9.8.7/24")
    local bench <close> = oci.bench()
    local spec = oci.spec { "sleep", "100" }
    spec.linux.netDevices = { plum0 = { name = "eth7" } }
    bench:write(spec)
    local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
    t.eq(code, 0, said)
    local pid = bench:status("box").pid
    local there = {}
    for _, link in ipairs(links { ns = pid }) do
      there[link.name] = link
    end
    t.ok(there.eth7 and there.eth7.up and there.lo.up)
    local found
    for _, address in ipairs(addresses { ns = pid }) do
      found = found or address.link == "eth7" and address.address == "10.9.8.7/24"
    end
    t.ok(found)
    bench:call { "delete", "--force", "box" }
    spec.linux.netDevices = { nosuch = {} }
    bench:write(spec)
    local result = bench:call { "create", "--bundle", bench.path, "other" }
    t.eq(result.code, 1)
    has(t, result.stderr, 'there is no device "nosuch"')
    t.eq(bench:status "other", nil)
  end)
end)

test.case("exec runs on the processors that execCPUAffinity names", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
  local path = bench.path .. "/process.json"
  write_file(
    path,
    json_encode {
      args = { "grep", "Cpus_allowed_list", "/proc/self/status" },
      env = { "PATH=/bin" },
      cwd = "/",
      user = { uid = 0, gid = 0 },
      execCPUAffinity = { initial = "0", final = "0" },
    }
  )
  t.eq(bench:call({ "exec", "--process", path, "box" }).stdout, "Cpus_allowed_list:\t0\n")
end)

test.case("a policy changes what is made, and what exec starts", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sh", "-c", "hostname; sleep 100" })
  -- Below directories that only root may write to.
  local dir <close> = temp_dir { parent = "/run" }
  local path = dir.path .. "/policy.lua"
  write_file(
    path,
    [[return {
    mutate = function(spec, ctx)
      spec.process.env[#spec.process.env + 1] = "POLICY=" .. ctx.operation
    end,
    validate = function(spec)
      return spec.process.args[1] ~= "false", "false is not for containers"
    end,
  }]],
    { mode = "0600" }
  )
  local function call(words)
    local line = bench:words { "--policy", path }
    return table.move(words, 1, #words, #line + 1, line)
  end
  local child <close> = spawn(
    { stdin = "null", stdout = bench.path .. "/o", stderr = bench.path .. "/e" },
    function()
      exec(call { "run", "-d", "--bundle", bench.path, "box" })
    end
  )
  t.eq(child:wait().code, 0, read_file(bench.path .. "/e"))
  local pid = bench:status("box").pid
  has(t, read_file(("/proc/%d/environ"):format(pid)), "POLICY=create\0")
  t.eq(capture(call { "exec", "box", "sh", "-c", "echo $POLICY" }).stdout, "exec\n")
  local result = capture(call { "exec", "box", "false" })
  t.eq(result.code, 255)
  has(t, result.stderr, "false is not for containers")
end)

test.case("a pidfd of the first process, and of exec's, goes over the socket", NEEDS, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local path = bench.path .. "/pidfd"
  local listener <close> = socket_listen(path)
  local function took(words)
    local code, said = bench:detached(words)
    t.eq(code, 0, said)
    local connection <close> = listener:accept { timeout = "5s" }
    local got = connection:receive { timeout = "5s" }
    local number = got.fds[1].number
    local info = read_file("/proc/self/fdinfo/" .. number)
    return math.tointeger(tonumber(info:match("Pid:%s*(%d+)")))
  end
  local pid = took { "run", "-d", "--pidfd-socket", path, "--bundle", bench.path, "box" }
  t.eq(pid, bench:status("box").pid)
  local pid_file = bench.path .. "/pid"
  pid = took { "exec", "-d", "--pidfd-socket", path, "--pid-file", pid_file, "box", "sleep", "50" }
  t.eq(tostring(pid), read_file(pid_file))
end)

return test.run()

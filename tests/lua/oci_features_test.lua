--- `crun-lua features`, and the state: what they print is judged by the official schemas.
local features = require "oci.command.features"
local test = require "test"

test.need("jsonschema", function()
  local found, result = pcall(capture, { "python3", "-c", "import jsonschema" })
  if not found or result.code ~= 0 then
    return "python3-jsonschema is not installed"
  end
end)

test.need("state", function()
  if not pcall(require, "oci.state") then
    return "there is no module oci.state"
  end
end)

--- What the command prints, decoded.
local function printed()
  local dir <close> = temp_dir()
  local child <close> = spawn({ stdout = dir.path .. "/out" }, function()
    features { name = "features", options = {}, operands = {}, global = {} }
    io.stdout:flush()
  end)
  assert(child:wait().code == 0)
  return json_decode(read_file(dir.path .. "/out"))
end

--- The judgement of a document by an official schema.
local function judged(kind, value)
  local command = { "python3", "tests/fixtures/oci/validate.py", kind }
  local result = capture(command, { stdin = json_encode(value) .. "\n", timeout = "50s" })
  return result.code == 0 and result.stdout:match "^[^\n]*" or result.stderr
end

local function has(list, word)
  for _, item in ipairs(list) do
    if item == word then
      return true
    end
  end
  return false
end

-- config.md, "Linux mount options": those that MUST and SHOULD be there.
local MOUNT_OPTIONS = [[
  async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev
  nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime
  remount ro
  rprivate rshared rslave runbindable rw shared silent slave strictatime suid sync unbindable
  nosymfollow symfollow idmap ridmap ratime rdev rdiratime rexec rnoatime rnodiratime rnoexec
  rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow
  tmpcopyup
]]

test.case("an operand is an error", function(t)
  local call = { name = "features", options = {}, operands = { "x" }, global = {} }
  t.fails('features takes no operand, got "x"', features, call)
end)

test.case("features satisfy the official schema", { "jsonschema" }, function(t)
  local found = printed()
  t.eq(judged("features", found), "ok")
  found.linux.namespaces[1] = "net"
  t.match(judged("features", found), "^no linux/namespaces/0")
end)

test.case("features name all that the specification knows", function(t)
  local found = printed()
  t.eq({ found.ociVersionMin, found.ociVersionMax }, { "1.0.0", "1.3.0" })
  t.eq(#found.hooks, 6)
  t.eq(#found.linux.namespaces, 8)
  t.eq(#found.linux.seccomp.actions, 9)
  t.eq(#found.linux.seccomp.archs, 23)
  t.eq(#found.linux.memoryPolicy.modes, 7)
  for option in MOUNT_OPTIONS:gmatch "%S+" do
    t.ok(has(found.mountOptions, option), option)
  end
  for _, part in ipairs { "apparmor", "selinux", "seccomp", "netDevices", "intelRdt" } do
    t.eq(found.linux[part].enabled, true, part)
  end
end)

test.case("features name the capabilities that the kernel has", function(t)
  local found = printed()
  local last = tonumber(read_file "/proc/sys/kernel/cap_last_cap")
  for _, name in ipairs(caps_decode(("%016x"):format((1 << (last + 1)) - 1))) do
    -- One without a name is younger than this program.
    if not tonumber(name) then
      t.ok(has(found.linux.capabilities, "CAP_" .. name:upper()), name)
    end
  end
end)

test.case("features are the same for a user without rights", { "user" }, function(t)
  t.eq(printed().linux.cgroup, {
    v1 = true,
    v2 = true,
    systemd = true,
    systemdUser = true,
    rdma = true,
  })
end)

test.case("the state that is told satisfies the schema", { "jsonschema", "state" }, function(t)
  local state = require "oci.state"
  local record = {
    ociVersion = "1.3.0",
    id = "box",
    status = "running",
    pid = 5,
    bundle = "/b",
    rootfs = "/b/rootfs",
    annotations = { a = "b" },
  }
  t.eq(judged("state", state.public(record)), "ok")
  t.eq(judged("state", state.public(record, "stopped")), "ok")
  t.match(judged("state", state.public(record, "gone")), "^no status")
end)

return test.run()

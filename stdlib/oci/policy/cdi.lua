--- Devices as their vendors describe them: the Container Device Interface, whose files lie in
--- `/etc/cdi` and `/run/cdi` (github.com/cncf-tags/container-device-interface, SPEC.md).
---
--- A file holds devices of one kind, each with edits of the spec, and edits that go with each.
---
--- ```lua
--- local tools = require "oci.policy.tools"
---
--- local file = [[{ "cdiVersion": "0.6.0", "kind": "acme.com/null",
---   "devices": [ { "name": "0", "containerEdits": {
---     "deviceNodes": [ { "path": "/dev/acme0", "hostPath": "/dev/null" } ] } } ] }]]
--- local spec = {}
--- tools.add_cdi(spec, file, "acme.com/null=0", stat)
--- assert(spec.linux.devices[1].path == "/dev/acme0" and spec.linux.devices[1].major == 1)
--- ```
local options = require "options"

local M = {}

--- What `stat` calls a device, and what OCI does.
local TYPES = { char = "c", block = "b", fifo = "p" }

local function fail(message, hint)
  options.fail("add_cdi", message, hint)
end

--- A node's type and numbers, from the file or from the host's own node.
local function numbers(device, node)
  local kind, major, minor = device.type, device.major, device.minor
  local source = device.hostPath or device.path
  if kind and (kind == "p" or major and minor) then
    return kind, major, minor
  end
  local facts = node and node(source)
  if not facts then
    local hint = "give add_cdi the primitive stat, and name it in the policy's needs"
    fail(("the file does not tell the numbers of %s"):format(source), not node and hint or nil)
  end
  kind = TYPES[facts.type]
  if not kind then
    fail(("%s is no device but of type %s"):format(source, facts.type))
  end
  return kind, facts.major, facts.minor
end

-- As the CDI library does: a container's user owns its devices.
local function owner(spec, name)
  local user = spec.process and spec.process.user
  return user and user[name] and user[name] > 0 and user[name] or nil
end

--- How each kind of edit is made.
local EDITS = {}

function EDITS.env(tools, spec, text)
  local name, value = text:match "^([^=]+)=(.*)$"
  tools.add_env(spec, name or text, value or "")
end

function EDITS.deviceNodes(tools, spec, device, node)
  local kind, major, minor = numbers(device, node)
  tools.add_device(spec, {
    path = device.path,
    type = kind,
    major = major,
    minor = minor,
    fileMode = device.fileMode,
    uid = device.uid or owner(spec, "uid"),
    gid = device.gid or owner(spec, "gid"),
  }, device.permissions)
end

function EDITS.mounts(tools, spec, mount)
  tools.add_mount(spec, {
    source = mount.hostPath,
    destination = mount.containerPath,
    type = mount.type,
    options = mount.options,
  })
end

function EDITS.hooks(tools, spec, hook)
  local made = { path = hook.path, args = hook.args, env = hook.env, timeout = hook.timeout }
  tools.add_hook(spec, hook.hookName, made)
end

function EDITS.netDevices(tools, spec, device)
  tools.at(spec, "linux", "netDevices")[device.hostInterfaceName] = { name = device.name }
end

function EDITS.additionalGids(tools, spec, gid)
  if gid ~= 0 then
    tools.add_group(spec, gid)
  end
end

local function apply(tools, spec, edits, node)
  for kind, list in pairs(edits) do
    if kind == "intelRdt" then
      tools.at(spec, "linux").intelRdt = list
    elseif not EDITS[kind] then
      fail(("edits of the kind '%s' are not known here"):format(kind))
    else
      for _, item in ipairs(list) do
        EDITS[kind](tools, spec, item, node)
      end
    end
  end
end

--- See `oci.policy.tools.add_cdi`.
function M.add(tools, spec, text, name, node)
  if type(text) ~= "string" then
    fail(("expected the text of a CDI file, got %s"):format(type(text)), "is the file there?")
  end
  local file = json_decode(text)
  local kind, wanted = tostring(name):match "^([^=]+)=(.+)$"
  if not kind then
    fail(('%q names no device: "vendor.com/class=name" does'):format(tostring(name)))
  elseif file.kind ~= kind then
    fail(("the file describes %s, not %s"):format(tostring(file.kind), kind))
  end
  local names = {}
  for _, device in ipairs(file.devices or {}) do
    names[#names + 1] = device.name
    if device.name == wanted then
      apply(tools, spec, file.containerEdits or {}, node)
      apply(tools, spec, device.containerEdits or {}, node)
      return
    end
  end
  fail(("the file has no device '%s'; it has: %s"):format(wanted, table.concat(names, ", ")))
end

return M

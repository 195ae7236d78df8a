--- config.json as a whole, its root, mounts and hooks (runtime-spec 1.3.0, config.md). `process`,
--- `linux`, its resources and its seccomp are chapters of their own, which are loaded when a
--- configuration has them.
---
--- ```lua
--- local schema = require "oci.schema"
---
--- local spec = { ociVersion = "1.3.0", root = { path = "rootfs" } }
--- assert(schema.check(spec, "config.config") == nil)
--- spec.mounts = { { destination = "/data", options = { "bind" } } }
--- assert(schema.check(spec, "config.config").path == ".mounts[0].source")
--- ```
local M = { rules = {} }

M.config = {
  ociVersion = "config.version!",
  root = "config.root!",
  mounts = "config.mount[]", -- in this order
  process = "process.process", -- may be missing until `start`
  hostname = "config.host",
  domainname = "config.host",
  hooks = "config.hooks",
  annotations = "{text}",
  linux = "linux.linux",
  -- For another system, and checked for who edits documents of both.
  freebsd = "freebsd.freebsd",
}

M.root = {
  path = "file!", -- relative to the bundle, or absolute
  readonly = "boolean",
}

-- mount(8). Options that are no flag are the file system's: there is no list to check them by.
M.mount = {
  destination = "file!", -- a relative one is below `/`, and deprecated
  type = "string",
  source = "string", -- of a bind mount relative to the bundle, or absolute
  options = "string[]",
  uidMappings = "linux.id_mapping[]", -- of an id-mapped mount
  gidMappings = "linux.id_mapping[]",
}

M.hooks = {
  prestart = "config.hook[]", -- deprecated
  createRuntime = "config.hook[]",
  createContainer = "config.hook[]",
  startContainer = "config.hook[]",
  poststart = "config.hook[]",
  poststop = "config.hook[]",
}

M.hook = {
  path = "path!",
  args = "string[]", -- as execv(3) takes them, the name of the program first
  env = "process.variable[]",
  timeout = "1..9223372036854775807", -- seconds
}

--- A semantic version (semver.org). Any 1.x is read, since minor versions add only what may be
--- ignored, and so are the drafts before 1.0.
function M.version(value)
  local major, rest = tostring(value):match "^(%d+)%.%d+%.%d+(.*)$"
  local plain = rest and (rest == "" or rest:find "^[-+][%w.+-]+$")
  if type(value) ~= "string" or not plain then
    return 'a version such as "1.3.0"'
  elseif tonumber(major) > 1 then
    return "a version before 2.0.0"
  end
end

--- sethostname(2): the kernel takes 64 bytes.
function M.host(value)
  if type(value) ~= "string" or #value > 64 or value:find "[%c%s/]" then
    return "a host name of at most 64 bytes"
  end
end

local function has(list, ...)
  for _, item in ipairs(list or {}) do
    for _, word in ipairs { ... } do
      if item == word then
        return word
      end
    end
  end
end

function M.rules.mount(mount)
  local uids, gids = mount.uidMappings, mount.gidMappings
  if (uids == nil) ~= (gids == nil) then
    local missing = uids and ".gidMappings" or ".uidMappings"
    return missing, "is missing: users and groups are mapped together"
  end
  local bind = mount.source == nil and has(mount.options, "bind", "rbind")
  if bind then
    return ".source", ("is missing, and the option %q needs one"):format(bind)
  end
  if uids then
    return require("oci.schema.linux").rules.mappings(mount)
  end
end

--- The namespaces of a configuration, by type.
local function own_namespaces(spec)
  local found = {}
  for _, namespace in ipairs(spec.linux and spec.linux.namespaces or {}) do
    found[namespace.type] = namespace
  end
  return found
end

local OTHERS = { "freebsd", "solaris", "vm", "windows", "zos" }

--- Whether a configuration is one for this system: the others have no namespaces in our sense.
local function is_linux(spec)
  for _, other in ipairs(OTHERS) do
    if spec[other] and not spec.linux then
      return false
    end
  end
  return true
end

--- What would change the host, because the namespace that keeps it inside is missing.
function M.rules.config(spec)
  if not is_linux(spec) then
    return
  end
  local own = own_namespaces(spec)
  for _, key in ipairs { "hostname", "domainname" } do
    if spec[key] and spec[key] ~= "" and not own.uts then
      return "." .. key, "needs a namespace of the type uts in .linux.namespaces"
    end
  end
  if spec.annotations and spec.annotations[""] then
    return '.annotations[""]', "expected a key that is not empty"
  end
  for index, mount in ipairs(spec.mounts or {}) do
    local option = not own.user and not mount.uidMappings and has(mount.options, "idmap", "ridmap")
    if option then
      local place = (".mounts[%d].uidMappings"):format(index - 1)
      return place, ("is missing: without a user namespace %q has nothing to map by"):format(option)
    end
  end
  local sysctls = spec.linux and spec.linux.sysctl
  if sysctls and next(sysctls) then
    local path, text, hint = require("oci.schema.sysctl").check(sysctls, own, spec)
    return ".linux.sysctl" .. (path or ""), text, hint
  end
end

return M

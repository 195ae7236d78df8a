--- `crun-lua spec`: the configuration that it writes.
local config = require "oci.config"
local spec = require "oci.command.spec"
local test = require "test"

local function written(dir, options)
  options.bundle = dir.path
  local status = spec { name = "spec", options = options, operands = {}, global = {} }
  return status, config.load(dir.path)
end

test.case("a config.json that is there is not overwritten", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/config.json", "mine")
  local err = t.fails("config.json: file exists", written, dir, {})
  t.eq(err.hint, "remove it first")
  t.eq(read_file(dir.path .. "/config.json"), "mine")
end)

test.case("nor is what a link of this name points to", function(t)
  local dir <close> = temp_dir()
  symlink("elsewhere", dir.path .. "/config.json")
  t.fails("file exists", written, dir, {})
  t.eq(stat(dir.path .. "/elsewhere"), nil)
end)

test.case("a directory that is not there, and an operand, are errors", function(t)
  local call = { name = "spec", options = { bundle = "/nowhere" }, operands = {}, global = {} }
  t.fails("ENOENT", spec, call)
  call = { name = "spec", options = {}, operands = { "box" }, global = {} }
  t.fails('spec takes no operand, got "box"', spec, call)
end)

test.case(
  "CVE-2022-29162: what it writes passes the check, and has no capabilities to inherit",
  function(t)
    local dir <close> = temp_dir()
    local status, made = written(dir, {})
    t.eq(status, 0)
    t.eq(made.ociVersion, "1.3.0")
    local text = read_file(dir.path .. "/config.json")
    t.match(text, '"inheritable": []', true)
    t.match(text, '"ambient": []', true)
    t.eq(made.process.capabilities.bounding, {
      "CAP_AUDIT_WRITE",
      "CAP_KILL",
      "CAP_NET_BIND_SERVICE",
    })
  end
)

-- What differs from a runc of any age on purpose: its name, its version, paths that newer ones
-- mask, and sets that are empty here.
local function plain(made)
  made.hostname, made.ociVersion = nil, nil
  made.process.capabilities.inheritable, made.process.capabilities.ambient = nil, nil
  local masked = {}
  for _, path in ipairs(made.linux.maskedPaths) do
    masked[#masked + 1] = path ~= "/sys/devices/virtual/tpm" and path or nil
  end
  made.linux.maskedPaths = json_array(masked)
  return json_encode(made, { pretty = true })
end

local function same_as_runc(t, options, ...)
  local dir <close> = temp_dir()
  local theirs <close> = temp_dir()
  local result = capture({ "runc", "spec", ... }, { cwd = theirs.path })
  t.eq(result.code, 0, result.stderr)
  local _, made = written(dir, options)
  t.eq(plain(made), plain(json_decode(read_file(theirs.path .. "/config.json"))))
end

test.case("its content is that of runc's", { "program:runc" }, function(t)
  same_as_runc(t, {})
end)

test.case("its content for users is that of runc's", { "program:runc" }, function(t)
  same_as_runc(t, { rootless = true }, "--rootless")
end)

test.case("for a user it maps that user, and shares the network", { "user" }, function(t)
  local dir <close> = temp_dir()
  local _, made = written(dir, { rootless = true })
  local uid = proc_status().uid.effective
  t.eq(made.linux.uidMappings, { { containerID = 0, hostID = uid, size = 1 } })
  for _, namespace in ipairs(made.linux.namespaces) do
    t.ne(namespace.type, "network")
  end
  t.eq(made.linux.resources, nil)
end)

return test.run()

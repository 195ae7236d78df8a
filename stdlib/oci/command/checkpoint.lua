--- `checkpoint ID`: has criu(8) save the processes of a container, and removes the container,
--- unless it is to go on.
local criu = require "oci.criu"
local options = require "options"
local state = require "oci.state"

--- Whatever stands behind the first three descriptors: restore gives the same again.
local function descriptors(pid)
  local list = {}
  for number = 0, 2 do
    list[#list + 1] = try(readlink, ("/proc/%d/fd/%d"):format(pid, number)) or "/dev/null"
  end
  return list
end

--- Where the processes are stopped while they are read.
local function freezer(record)
  local group = record.cgroup and require("oci.cgroup").open(record.cgroup)
  local paths = group and group.handle and group.handle.paths or {}
  return paths.freezer or paths.unified
end

local function append(words, ...)
  return table.move({ ... }, 1, select("#", ...), #words + 1, words)
end

local function externals(words, spec, record)
  for _, mount in ipairs(criu.externals(spec, record.bundle)) do
    append(words, "--external", ("mnt[%s]:%s"):format(mount.destination, mount.destination))
  end
  for _, path in ipairs(spec.linux and spec.linux.maskedPaths or {}) do
    local found = stat(("/proc/%d/root%s"):format(record.pid, path))
    if found and found.type ~= "directory" then
      append(words, "--external", ("mnt[%s]:%s"):format(path, path))
    end
  end
  local network = criu.network(spec)
  if network then
    append(words, "--external", ("net[%d]:crun-lua-network"):format(stat(network).ino))
  end
end

local function page_server(words, address)
  local host, port = address:match("^(.*):(%d+)$")
  if not host then
    local text = ("--page-server: expected ADDRESS:PORT, got %q"):format(address)
    options.fail("checkpoint", text)
  end
  append(words, "--page-server", "--address", host, "--port", port)
end

--- criu's command line.
local function command(call, record, images, work)
  local given, spec = call.options, state.config(call.global.root, record.id)
  local words = { criu.program(call.global), given.pre_dump and "pre-dump" or "dump" }
  append(words, "--tree", tostring(record.pid), "--images-dir", images, "--work-dir", work)
  append(words, "--log-file", "dump.log", "-v4", "--evasive-devices")
  externals(words, spec, record)
  local frozen = freezer(record)
  if frozen then
    append(words, "--freeze-cgroup", frozen)
  end
  append(words, table.unpack(criu.options(given)))
  if given.parent_path then
    append(words, "--prev-images-dir", given.parent_path)
  end
  if given.parent_path or given.pre_dump then
    append(words, "--track-mem")
  end
  if given.page_server then
    page_server(words, given.page_server)
  end
  if given.status_fd then
    append(words, "--status-fd", tostring(given.status_fd))
  end
  append(words, given.leave_running and "--leave-running" or nil)
  return words
end

local function save(call, record, images, work)
  local words = command(call, record, images, work)
  mkdir(images, { parents = true, mode = "0700" })
  mkdir(work, { parents = true, mode = "0700" })
  write_file(images .. "/descriptors.json", json_encode(descriptors(record.pid)), { mode = "0600" })
  if call.options.status_fd then
    words.preserve_fds, words.listen_fds = { call.options.status_fd - 2 }, 0
  end
  local result = criu.run(function()
    local child <close> = spawn({ stdin = "null", stdout = "null", stderr = "pipe" }, function()
      exec(words)
    end)
    return child:output()
  end)
  if result.code ~= 0 then
    criu.failed("dump", result, work .. "/dump.log")
  end
end

---@param call oci.Call
---@return integer status
return function(call)
  local root, given = call.global.root, call.options
  local lock <close> = state.lock(root, call.operands[1])
  local record = state.get(root, call.operands[1])
  if record.status ~= "running" and record.status ~= "paused" then
    local text = ("container %q is not running"):format(record.id)
    options.fail("checkpoint", text)
  elseif given.parent_path and given.parent_path:sub(1, 1) == "/" then
    options.fail("checkpoint", "--parent-path must be relative to --image-path")
  elseif given.status_fd and given.status_fd < 3 then
    options.fail("checkpoint", "--status-fd must be 3 or more")
  end
  local images, work = criu.places(given)
  save(call, record, images, work)
  if not given.leave_running and not given.pre_dump then
    require("oci.delete").whole(root, record)
  end
  lock:close()
  return 0
end

--- A minimal Debian as a root: made once by mmdebstrap or debootstrap, kept, and below an overlay.
---
--- What is made goes into the data directory under a name that its options give. It is made under
--- a name of the process's own and renamed when it is whole: a build that was cut off is never
--- taken for a root, and is removed by the next one. Two processes that want the same take turns,
--- and the second finds it made.
---
--- An ordinary user has mmdebstrap work in a user namespace and takes its result as a tar file: so
--- all files are the user's own, without device nodes, and can be removed without a namespace.
---
--- ```lua
--- local debootstrap = require "rootfs.debootstrap"
---
--- local key = debootstrap.key { suite = "stable", packages = { "curl" } }
--- assert(key ~= debootstrap.key { suite = "stable" })
--- ```
local options = require "options"

local M = {}

local OP = "rootfs.debootstrap"

--- A name for what the options give: readable, and different for each of them.
---@param source table
---@return string
function M.key(source)
  local packages = table.move(source.packages or {}, 1, #(source.packages or {}), 1, {})
  table.sort(packages)
  local all = json_encode {
    source.suite,
    source.variant or "minbase",
    source.mirror or "",
    table.concat(packages, ","),
  }
  -- FNV-1a: the names differ, and nobody has an interest in two that do not.
  local hash = 0xcbf29ce484222325
  for index = 1, #all do
    hash = (hash ~ all:byte(index)) * 0x100000001b3
  end
  return ("%s-%s-%016x"):format(source.suite, source.variant or "minbase", hash)
end

local function program(name)
  for dir in ((os.getenv("PATH") or "") .. ":/usr/sbin:/sbin"):gmatch("[^:]+") do
    if try(stat, dir .. "/" .. name) then
      return dir .. "/" .. name
    end
  end
end

local function is_root()
  return proc_status().uid.effective == 0
end

--- The command that makes the root at `target`; as an ordinary user, that writes it as a tar file.
local function command(source, target)
  local list = { program("mmdebstrap") }
  if not list[1] then
    list[1] = program("debootstrap")
    if not list[1] then
      local hint = "install one of them: apt-get install mmdebstrap"
      options.fail(OP, "neither mmdebstrap nor debootstrap is installed", hint)
    elseif not is_root() then
      local hint = "install mmdebstrap, which does not, or run as root"
      options.fail(OP, "debootstrap needs root", hint)
    end
  elseif not is_root() then
    target = "-"
    table.move({ "--mode=unshare", "--format=tar", "--skip=output/dev" }, 1, 3, 2, list)
  end
  list[#list + 1] = "--variant=" .. (source.variant or "minbase")
  if source.packages and #source.packages > 0 then
    list[#list + 1] = "--include=" .. table.concat(source.packages, ",")
  end
  for _, word in ipairs { source.suite, target, source.mirror } do
    list[#list + 1] = word
  end
  return list
end

--- Removes what builds left that are no more: their process is in the name.
local function sweep(dir)
  for _, name in ipairs(list_dir(dir)) do
    local pid, start = name:match("^%.making%-(%d+)%-(%d+)$")
    local builder = pid and try(proc_stat, tonumber(pid))
    if pid and not (builder and builder.starttime == tonumber(start)) then
      try(remove, dir .. "/" .. name, { recursive = true })
    end
  end
end

local function check(source)
  local words = { source.suite, source.variant or "minbase", table.unpack(source.packages or {}) }
  for _, word in ipairs(words) do
    if type(word) ~= "string" or not word:match("^[%w][%w.+-]*$") then
      options.fail(OP, ("%q is no name of a suite, a variant or a package"):format(tostring(word)))
    end
  end
  if source.mirror and not (source.mirror:match("^%a+://") or source.mirror:match("^/")) then
    options.fail(OP, ("mirror: %q is no address"):format(source.mirror), "http://HOST/debian")
  end
end

--- Runs a command; `take` is given what it writes. What it mounts on the way (debootstrap: proc and
--- sys of the new root) stays in a namespace that goes with it.
local function run(list, take)
  local words = pipe()
  local child <close> = spawn({
    unshare = is_root() and { "mnt" } or nil,
    stdin = "null",
    stdout = words.write,
    die_with_parent = true,
  }, function()
    exec(list)
  end)
  words.write:close()
  local _, err = try(take, words.read)
  words.read:close()
  local code = child:wait().code
  if code ~= 0 then
    local hint = "its messages are above; without a network or a mirror it cannot be made"
      .. (is_root() and "" or ", nor where TMPDIR lets nobody else in (as user namespaces need it)")
    options.fail(OP, ("%s ended with status %d"):format(list[1], code), hint)
  elseif err then
    options.fail(OP, err.message or tostring(err), err.hint, err)
  end
end

--- What the program says is progress and goes to standard error: standard output is the script's.
local function show(words)
  for text in
    function()
      return words:read(4096)
    end
  do
    io.stderr:write(text)
  end
end

local function build(source, dir, final)
  local self = proc_stat()
  local making = ("%s/.making-%d-%d"):format(dir, self.pid, self.starttime)
  local list = command(source, making)
  local undo <close> = defer(function()
    try(remove, making, { recursive = true })
  end)
  io.stderr:write(("making a Debian (%s) in %s\n"):format(source.suite, final))
  if is_root() then
    run(list, show)
  else
    mkdir(making)
    local root <close> = rootfs_open(making)
    run(list, function(archive)
      root:unpack(archive.number, { owner = "own", setuid = "strip", file_caps = "strip" })
    end)
  end
  rename(making, final)
end

---@param source rootfs.Source
---@return rootfs.Prepared
function M.prepare(source)
  check(source)
  local dir = data_dir() .. "/debian"
  local final = dir .. "/" .. M.key(source)
  if not stat(final) then
    mkdir(dir, { parents = true })
    local turn <close> = file_lock(dir .. ".lock")
    sweep(dir)
    if not stat(final) then
      build(source, dir, final)
    end
  end
  return { kind = "debootstrap", lower = { { path = final } }, size = source.size }
end

---@param prepared rootfs.Prepared
---@return any root
function M.mount(prepared)
  return require("rootfs.overlay").mount(prepared)
end

return M

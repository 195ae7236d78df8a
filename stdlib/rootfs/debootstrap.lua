--- A minimal Debian as a root: made once by mmdebstrap or debootstrap, kept, and below an overlay.
---
--- What is made goes into the data directory under a name that its options give. It is made under
--- a name of the process's own and renamed when it is whole: a build that was cut off is never
--- taken for a root, and is removed by the next one.
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

--- Where roots are kept.
local function store()
  local dir = os.getenv("CRUN_LUA_DATA")
  if not dir and proc_status().uid.effective == 0 then
    dir = "/var/lib/crun-lua"
  elseif not dir then
    local home = os.getenv("HOME")
    dir = os.getenv("XDG_DATA_HOME") or home and home .. "/.local/share"
    if not dir then
      options.fail(OP, "no data directory", "set CRUN_LUA_DATA to a directory of yours")
    end
    dir = dir .. "/crun-lua"
  end
  return dir .. "/debian"
end

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

--- The command that makes the root at `target`.
local function command(source, target)
  local packages = table.concat(source.packages or {}, ",")
  local made = program("mmdebstrap")
  local list
  if made then
    list = { made, "--variant=" .. (source.variant or "minbase") }
  else
    made = program("debootstrap")
    if not made then
      local hint = "install one of them: apt-get install mmdebstrap"
      options.fail(OP, "neither mmdebstrap nor debootstrap is installed", hint)
    end
    if proc_status().uid.effective ~= 0 then
      options.fail(
        OP,
        "debootstrap needs root",
        "install mmdebstrap, which does not, or run as root"
      )
    end
    list = { made, "--variant=" .. (source.variant or "minbase") }
  end
  if packages ~= "" then
    list[#list + 1] = "--include=" .. packages
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

--- Runs a command. What it says is progress and goes to standard error: standard output belongs to
--- the script. What it mounts on the way (debootstrap: proc and sys of the new root) stays in a
--- namespace that goes with it.
local function run(list)
  local words = pipe()
  local child <close> = spawn({
    unshare = proc_status().uid.effective == 0 and { "mnt" } or nil,
    stdin = "null",
    stdout = words.write,
    die_with_parent = true,
  }, function()
    exec(list)
  end)
  words.write:close()
  for text in
    function()
      return words.read:read(4096)
    end
  do
    io.stderr:write(text)
  end
  words.read:close()
  return child:wait()
end

local function build(source, dir, final)
  local self = proc_stat()
  local making = ("%s/.making-%d-%d"):format(dir, self.pid, self.starttime)
  local list = command(source, making)
  local undo <close> = defer(function()
    try(remove, making, { recursive = true })
  end)
  io.stderr:write(("making a Debian (%s) in %s\n"):format(source.suite, final))
  local result = run(list)
  if result.code ~= 0 then
    local hint = "its messages are above; without a network or a mirror it cannot be made"
    options.fail(OP, ("%s ended with status %d"):format(list[1], result.code), hint)
  end
  local ok, err = try(function()
    rename(making, final)
    return true
  end)
  -- Another process was faster: what it has made is the same.
  if not ok and not stat(final) then
    options.fail(OP, err.message or tostring(err), err.hint, err)
  end
end

---@param source rootfs.Source
---@return rootfs.Prepared
function M.prepare(source)
  check(source)
  local dir = store()
  local final = dir .. "/" .. M.key(source)
  if not stat(final) then
    mkdir(dir, { parents = true })
    sweep(dir)
    build(source, dir, final)
  end
  return { kind = "debootstrap", lower = { { path = final } }, size = source.size }
end

---@param prepared rootfs.Prepared
---@return any root
function M.mount(prepared)
  return require("rootfs.overlay").mount(prepared)
end

return M

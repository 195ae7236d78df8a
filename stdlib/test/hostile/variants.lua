--- Hostile roots, as data: what an image may have where a runtime works.
---
--- A variant is a place and what lies there instead of what belongs there, or a shape of the whole
--- root. `CANARY` in a link's text stands for the canary's path, `UP` for as many `..` as lead from
--- the place to the directory that the root lies in.
---
--- ```lua
--- local variants = require "test.hostile.variants"
---
--- local dir <close> = temp_dir()
--- mkdir(dir.path .. "/rootfs")
--- variants.lay(variants.find "dev/null: absolute", dir.path .. "/rootfs", "/srv/canary")
--- assert(readlink(dir.path .. "/rootfs/dev/null") == "/srv/canary/secret")
--- ```
local M = {}

--- What can lie at a place. `in_dir` is used where the place is a directory in decent roots.
local KINDS = {
  absolute = { link = "CANARY" },
  relative = { link = "UP/canary" },
  above = { link = "../../../../../../../../../../../../../../../..CANARY" },
  dangling = { link = "nowhere/at/all" },
  loop = { link = "SELF" },
  chain = { link = "/chain0" },
  root = { link = "/proc/self/root/CANARY" },
  first = { link = "/proc/1/root/CANARY" },
  cwd = { link = "/proc/self/cwd/canary" },
  fd = { link = "/proc/self/fd/3" },
  setting = { link = "/proc/sys/kernel/core_pattern" },
  file = { file = "a file\n" },
  fifo = { node = { type = "p" } },
  device = { node = { type = "c", major = 1, minor = 5 } },
  socket = { socket = true },
  sparse = { sparse = "1T" },
}

-- Each kind comes several times, each place with those that have got somebody out, or nearly.
local ROWS = {
  { "proc", "absolute", "relative", "dangling", "loop", "file", "above", "socket" },
  { "sys", "relative", "absolute", "root", "fifo", "above" },
  { "dev", "absolute", "relative", "chain", "cwd", "dangling", "file" },
  { "dev/null", "setting", "absolute", "device", "fifo", "loop" },
  { "dev/pts", "relative", "fd", "file", "absolute" },
  { "dev/shm", "absolute", "above", "device" },
  { "dev/console", "setting", "relative", "fifo", "fd", "socket" },
  { "etc", "absolute", "chain", "file", "root", "loop" },
  { "etc/resolv.conf", "absolute", "first", "fifo", "dangling", "sparse" },
  { "etc/passwd", "relative", "setting", "device", "loop", "fifo", "socket", "sparse" },
  { "tmp", "above", "absolute", "fd", "file", "cwd" },
  { "run", "chain", "relative", "first", "fifo", "dangling" },
}

--- Places that are files in decent roots: a link there leads to a file of the canary's.
local FILES = {
  ["dev/null"] = true,
  ["dev/console"] = true,
  ["etc/resolv.conf"] = true,
  ["etc/passwd"] = true,
}

-- More than the kernel follows, and fewer.
local LONG_CHAIN <const>, SHORT_CHAIN <const> = 60, 20

local function chain(root, length, canary)
  for index = 0, length - 1 do
    root:symlink(index == length - 1 and canary or "/chain" .. index + 1, "/chain" .. index)
  end
end

--- Shapes of a whole root.
local SHAPES = {
  ["names of 255 bytes"] = function(root)
    local name = ("n"):rep(255)
    local path = ""
    for _ = 1, 12 do
      path = path .. "/" .. name
      root:mkdir(path)
    end
    root:write(path .. "/" .. ("f"):rep(255), "deep")
  end,
  ["names that are not UTF-8, and with newlines"] = function(root)
    for _, name in ipairs { "\xff\xfe", "a\nb", "-rf", "--", "\27[2J", " ", "\\040", "..." } do
      root:mkdir("/" .. name)
      root:write("/" .. name .. "/" .. name, name)
    end
  end,
  ["a chain of more links than the kernel follows"] = function(root, canary)
    chain(root, LONG_CHAIN, canary)
    root:symlink("chain0", "/vol")
  end,
  ["directories that nobody may enter"] = function(root)
    for _, name in ipairs { "/etc", "/run", "/vol" } do
      root:mkdir(name, { parents = true })
      root:chmod(name, "0000")
    end
  end,
  ["a link in the middle of every path"] = function(root, canary)
    root:symlink(canary, "/vol")
    root:symlink("../../canary", "/srv")
    root:mkdir("/home")
    root:symlink("../../../.." .. canary, "/home/user")
    root:symlink("/proc/self/root" .. canary, "/opt")
  end,
  ["set-user-ID programs and device nodes of disks"] = function(root)
    root:write("/su", "#!/bin/sh\n")
    root:chmod("/su", "6755")
    for minor = 0, 3 do
      root:mknod("/disk" .. minor, { type = "b", major = 254, minor = minor })
    end
    root:mknod("/mem", { type = "c", major = 1, minor = 1 })
  end,
  ["two hundred directories deep, and up again"] = function(root, canary)
    local deep <const> = 200
    root:mkdir(("/d"):rep(deep), { parents = true })
    root:symlink(("../"):rep(deep + 8) .. canary:sub(2), ("/d"):rep(deep) .. "/up")
    root:symlink(("d/"):rep(deep) .. "up", "/vol")
  end,
  ["programs that the runtime could be looking for"] = function(root)
    local bad = "#!/bin/sh\necho taken >/canary\n"
    for _, name in ipairs { "newuidmap", "iptables", "nft", "criu", "crun-lua", "ip" } do
      for _, dir in ipairs { "/sbin", "/usr/bin" } do
        root:mkdir(dir, { parents = true })
        root:write(dir .. "/" .. name, bad, { mode = "0755" })
      end
    end
    root:write("/config.json", '{"ociVersion":"1.0","root":{"path":"/"}}')
    root:write("/crun-lua.lua", "error 'loaded'")
  end,
}

--- A root that is hostile in one way.
---@class test.hostile.Variant
---@field name string
---@field place? string without a slash before it; nil where the root as a whole is hostile
---@field kind string

local function add(list, place, kind)
  local name = place and place .. ": " .. kind or kind
  list[#list + 1] = { name = name, place = place, kind = kind }
end

local function shapes(list)
  local names = {}
  for name in pairs(SHAPES) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    add(list, nil, name)
  end
  return list
end

--- The variants that are tried each time: each place, each kind and each shape is among them.
---@return test.hostile.Variant[]
function M.list()
  local list = {}
  for _, row in ipairs(ROWS) do
    for index = 2, #row do
      add(list, row[1], row[index])
    end
  end
  return shapes(list)
end

--- Every kind at every place, and the shapes: for runs that have the time.
---@return test.hostile.Variant[]
function M.every()
  local list, kinds = {}, {}
  for kind in pairs(KINDS) do
    kinds[#kinds + 1] = kind
  end
  table.sort(kinds)
  for _, row in ipairs(ROWS) do
    for _, kind in ipairs(kinds) do
      add(list, row[1], kind)
    end
  end
  return shapes(list)
end

--- The variant of a name.
---@param name string
---@return test.hostile.Variant
function M.find(name)
  for _, variant in ipairs(M.every()) do
    if variant.name == name then
      return variant
    end
  end
  error(("no variant is called %q"):format(name), 2)
end

--- A file that holds nothing and says that it is very long.
---@param path string
---@param size string as truncate(1) has it
function M.sparse(path, size)
  local made = capture { "truncate", "-s", size, path }
  if made.code ~= 0 then
    error(made.stderr, 0)
  end
end

--- Makes way for what is to lie at a place: a decent root has a directory there.
local function clear(path)
  local found = stat(path, { nofollow = true })
  if found then
    remove(path, { recursive = found.type == "directory" })
  end
end

local function text_of(variant, canary)
  local target = FILES[variant.place] and canary .. "/secret" or canary
  local relative = FILES[variant.place] and "canary/secret" or "canary"
  local up = ("../"):rep(select(2, variant.place:gsub("/", "")) + 1)
  local values = {
    ["UP/canary"] = up .. relative,
    SELF = variant.place:match("[^/]+$"),
    ["/proc/self/cwd/canary"] = "/proc/self/cwd/" .. relative,
  }
  local text = KINDS[variant.kind].link
  return values[text] or (text:gsub("/?CANARY", function()
    return target
  end))
end

--- Makes a root hostile: the directory is there, with what a decent root has.
---@param variant test.hostile.Variant
---@param path string the root
---@param canary string where links lead that leave it
function M.lay(variant, path, canary)
  local root <close> = rootfs_open(path)
  if variant.kind == "decent" then
    return
  elseif not variant.place then
    return SHAPES[variant.kind](root, canary)
  end
  local kind, place = KINDS[variant.kind], "/" .. variant.place
  clear(path .. place)
  if place:match("^/.*/") then
    root:mkdir(place:match("^(/.*)/"), { parents = true })
  end
  if kind.file then
    root:write(place, kind.file)
  elseif kind.node then
    root:mknod(place, kind.node)
  elseif kind.socket then
    socket_listen(path .. place):close()
  elseif kind.sparse then
    M.sparse(path .. place, kind.sparse)
  else
    root:symlink(text_of(variant, canary), place)
  end
  if variant.kind == "chain" then
    chain(root, SHORT_CHAIN, canary)
  end
end

return M

--- Unpacking against GNU tar and umoci: a layer of 100 MiB, and an image of gzip layers.
---
--- `crun-lua benches/unpack.lua [DIR…]`, as root; the programs `tar`, `gzip` and `umoci` are the
--- system's. Each DIR is a place on the file system to measure (default: the temporary directory,
--- and /dev/shm). The tree is the same on every machine: some thousand small files, few large ones,
--- links and directories. The programs take turns, each in a process and a directory of its own,
--- after what the last one wrote is on the disk; minimum and median are of the whole process.
local tar = require "test.tar"

local TURNS = tonumber(os.getenv "TURNS") or 9
local KIB, MIB = 1024, 1024 * 1024

--- Numbers that are the same everywhere (Knuth's MMIX generator).
local state = 1
local function number(most)
  state = state * 6364136223846793005 + 1442695040888963407
  return (state >> 33) % most
end

--- Text that compresses as programs and texts do, to about a third.
local function words(size)
  local known, parts, length = {}, {}, 0
  for index = 1, 4096 do
    local letters = {}
    for place = 1, 2 + number(9) do
      letters[place] = string.char(33 + number(94))
    end
    known[index] = table.concat(letters) .. " "
  end
  while length < size do
    local word = known[1 + number(64) * number(64) + number(64)] or known[1]
    parts[#parts + 1], length = word, length + #word
  end
  return table.concat(parts):sub(1, size)
end

local POOL = words(16 * MIB)

local function text(size)
  local from = 1 + number(#POOL - size)
  return POOL:sub(from, from + size - 1)
end

--- A directory with files and links.
local function directory(members, name, files)
  members[#members + 1] = { name = name, type = "directory", mode = 493 }
  for index = 1, files do
    members[#members + 1] = {
      name = ("%sfile-%03d.txt"):format(name, index),
      data = text(number(8 * KIB)),
      mode = number(8) == 0 and 493 or 420,
      uid = number(20) == 0 and 65534 or 0,
    }
  end
  members[#members + 1] = { name = name .. "link", type = "symlink", link = "file-001.txt" }
  local first = name .. "file-001.txt"
  members[#members + 1] = { name = name .. "hard", type = "hardlink", link = first }
end

--- The members of one layer of about `size` MiB: a quarter small files, a quarter of 128 KiB.
local function layer(top, size)
  local members = { { name = top, type = "directory", mode = 493 } }
  for index = 1, size * 2 do
    directory(members, ("%sdir-%03d/"):format(top, index), 32)
  end
  for index = 1, size * 2 do
    members[#members + 1] = { name = ("%slib-%03d.so"):format(top, index), data = text(128 * KIB) }
  end
  for index = 1, size // 16 do
    members[#members + 1] = { name = ("%sbig-%03d"):format(top, index), data = text(8 * MIB) }
  end
  return tar.archive(members)
end

local function run(command)
  local child <close> = spawn({ stdout = "null", stderr = "null" }, function()
    exec(command)
  end)
  local code = child:wait().code
  if code ~= 0 then
    error(("%s ended with status %d"):format(table.concat(command, " "), code))
  end
end

--- Writes layer and image into `dir`: in a child, so that the texts are not copied at every fork.
local function make(dir)
  local child <close> = spawn(function()
    write_file(dir .. "/layer.tar", layer("usr/", 100))
    local list = {}
    for index = 1, 5 do
      list[index] = { tar = layer(("part%d/"):format(index), 20) }
      list[index].blob = tar.compressed(list[index].tar, "gzip")
      list[index].media_type = "application/vnd.oci.image.layer.v1.tar+gzip"
    end
    tar.layout(dir .. "/image", list)
  end)
  assert(child:wait().code == 0)
end

local SCRIPTS = {
  layer = [[
local root <close> = rootfs_open(arg[2])
root:unpack(arg[1])
]],
  image = [[
local image <close> = require("image").open(arg[1])
local root <close> = rootfs_open(arg[2])
image:unpack(root)
]],
}

--- What is measured: for each form of the archive the reference first.
local function commands(dir)
  local self, layer_file, image = "/proc/self/exe", dir .. "/layer.tar", dir .. "/image:latest"
  return {
    { "layer", "tar -xf", { "tar", "-xf", layer_file, "-C" } },
    { "layer", "rootfs:unpack", { self, dir .. "/layer.lua", layer_file } },
    { "image", "umoci unpack", { "umoci", "unpack", "--image", image } },
    { "image", "umoci raw unpack", { "umoci", "raw", "unpack", "--image", image } },
    { "image", "image:unpack", { self, dir .. "/image.lua", dir .. "/image" } },
  }
end

--- One turn, in seconds. What is measured is the process, not the making and removing around it.
local function turn(command, keep)
  local root = command.root
  command[#command + 1], command.root = root, nil
  mkdir(root)
  run { "sync", "-f", root }
  local start = clock "monotonic"
  run(command)
  local took = clock "monotonic" - start
  if not keep then
    remove(root, { recursive = true })
  end
  return took
end

--- Whether a directory is in memory. There each tree is removed at once; on a disk at the end: ext4
--- looks long for inodes that were not freed a moment ago, and would be all that is measured.
local function in_memory(dir)
  local longest, found = -1, false
  for _, entry in ipairs(mountinfo()) do
    local point = entry.mount_point == "/" and "" or entry.mount_point
    if (dir .. "/"):sub(1, #point + 1) == point .. "/" and #point >= longest then
      longest, found = #point, entry.fs_type == "tmpfs"
    end
  end
  return found
end

local function report(list)
  local reference = {}
  for _, one in ipairs(list) do
    local kind, name, times = one[1], one[2], one.times
    table.sort(times)
    local least, middle = times[1], times[(#times + 1) // 2]
    local first = reference[kind] or { least, middle }
    reference[kind] = first
    local limit = name:find(":unpack", 1, true) and " (limit 1)" or ""
    local format = "  %-16s min %6.0f ms, median %6.0f ms   × %.2f, × %.2f" .. limit
    local ratios = { least / first[1], middle / first[2] }
    print(format:format(name, least * 1000, middle * 1000, table.unpack(ratios)))
  end
end

local function measure(parent)
  local dir <close> = temp_dir { parent = parent }
  make(dir.path)
  for name, script in pairs(SCRIPTS) do
    write_file(("%s/%s.lua"):format(dir.path, name), script)
  end
  local list, keep = commands(dir.path), not in_memory(dir.path)
  for count = 0, TURNS do
    for index, one in ipairs(list) do
      local root = ("%s/root-%d-%d"):format(dir.path, count, index)
      one.times = one.times or {}
      -- The first turn fills caches, and is not counted.
      one.times[count] = turn({ root = root, table.unpack(one[3]) }, keep)
    end
  end
  print(("%s: %d MiB, %d turns"):format(parent, stat(dir.path .. "/layer.tar").size // MIB, TURNS))
  report(list)
end

local places = #arg > 0 and arg or { os.getenv "TMPDIR" or "/tmp", "/dev/shm" }
for _, parent in ipairs(places) do
  measure(parent)
end

-- The store of images under bad conditions: full disks, other owners, damage, kills, crowds.

local image = require "image"
local tar = require "test.tar"
local test = require "test"

local ONE = {
  { name = "etc/", type = "directory", mode = 493 },
  { name = "etc/name", data = "one\n" },
  { name = "etc/gone", data = "x" },
  { name = "bin", type = "symlink", link = "usr/bin" },
}
local TWO = {
  { name = "etc/.wh.gone" },
  { name = "usr/bin/tool", data = ("tool\n"):rep(1000), mode = 493 },
  { name = "usr/bin/same", type = "hardlink", link = "usr/bin/tool" },
}

-- Stores an image.
local STORE = [[
local image = require "image"
print(image.store(arg[1], { dir = arg[2] }).dir)
]]

-- A layout in a directory of its own, where its store goes, and the script that stores it.
local function stage(list)
  local dir = temp_dir()
  write_file(dir.path .. "/store.lua", STORE)
  list = list or { { tar = tar.archive(ONE) }, { tar = tar.archive(TWO) } }
  local made = tar.layout(dir.path .. "/image", list)
  return dir,
    {
      layout = dir.path .. "/image",
      store = dir.path .. "/store",
      script = dir.path .. "/store.lua",
      digest = made.digest,
    }
end

local function is_whole(t, dir)
  t.eq(read_file(dir .. "/etc/name"), "one\n")
  t.eq(stat(dir .. "/etc/gone"), nil)
  t.eq(stat(dir .. "/usr/bin/tool").size, 5000)
  t.eq(stat(dir .. "/usr/bin/same").ino, stat(dir .. "/usr/bin/tool").ino)
end

-- The script in a process of its own, perhaps under a tracer.
local function start(at, tracer)
  local words = tracer or {}
  -- Below a tracer /proc/self/exe would be the tracer.
  words[#words + 1] = tracer and os.getenv "CRUN_LUA_TEST_PROGRAM" or "/proc/self/exe"
  table.move({ at.script, at.layout, at.store }, 1, 3, #words + 1, words)
  return spawn({ stdout = "pipe", stderr = "pipe" }, function()
    exec(words)
  end)
end

local function collect(t)
  t.eq(capture({ "/proc/self/exe", "gc" }).code, 0, "gc")
end

test.case("a blob that is cut off is refused, however it is packed, and nothing is stored", {
  "program:gzip",
  "program:zstd",
}, function(t)
  local oci = "application/vnd.oci.image.layer.v1.tar"
  local text = tar.archive(TWO)
  for program, suffix in pairs { gzip = "+gzip", zstd = "+zstd" } do
    local packed = tar.compressed(text, program)
    -- What the descriptor promises is cut as well: only the decoder can see it.
    local cut = packed:sub(1, -9)
    local dir <close>, at = stage { { tar = text, blob = cut, media_type = oci .. suffix } }
    local err = t.fails("layer 1 of 1", image.store, at.layout, { dir = at.store })
    t.match(err.message, "truncated", true)
    t.eq(#list_dir(at.store), 0)
    local _ = dir
  end
  local dir <close>, at = stage()
  local blob = image.open(at.layout).layers[2]
  local path = at.layout .. "/" .. blob.name
  write_file(path, read_file(path):sub(1, 700))
  t.fails("has 700 bytes, and its descriptor says", image.store, at.layout, { dir = at.store })
  t.eq(stat(at.store), nil)
  local _ = dir
end)

test.case("an image whose configuration is missing, or is none, is refused", function(t)
  local dir <close>, at = stage()
  local manifest = json_decode(read_file(at.layout .. "/blobs/sha256/" .. at.digest:sub(8)))
  local path = at.layout .. "/blobs/sha256/" .. manifest.config.digest:sub(8)
  remove(path)
  local err = t.fails("the configuration sha256:", image.store, at.layout, { dir = at.store })
  t.match(err.message, "is missing", true)
  t.match(err.hint, "was it copied whole?", true)
  local function with(text)
    write_file(path, text .. (" "):rep(manifest.config.size - #text))
    return t.fails("its blob is", image.store, at.layout, { dir = at.store })
  end
  with("{}")
  t.eq(stat(at.store), nil)
  local _ = dir
end)

test.case("an entry that comes twice as two kinds, and one through a link, are refused", function(t)
  local evil = {
    [{ { name = "a", data = "x" }, { name = "a", type = "symlink", link = "/etc" } }] = '"a"',
    [{ { name = "h", type = "hardlink", link = "/etc/passwd" } }] = '"h"',
    [{ { name = "../.wh.x" } }] = '"../.wh.x"',
    [{ { name = "etc/.wh..." } }] = '"etc/.wh..."',
  }
  for members, name in pairs(evil) do
    local list = { { tar = tar.archive(ONE) }, { tar = tar.archive(members) } }
    local dir <close>, at = stage(list)
    local err = t.fails("layer 2 of 2", image.store, at.layout, { dir = at.store })
    t.match(err.message, "the entry " .. name, true)
    t.eq(#list_dir(at.store), 0)
    local _ = dir
  end
  -- A link to the host's /etc in one layer is followed by no later layer.
  local list = { { tar = tar.archive { { name = "out", type = "symlink", link = "/tmp" } } } }
  list[2] = { tar = tar.archive { { name = "out/crun-lua-evil", data = "x" } } }
  local dir <close>, at = stage(list)
  t.fails("layer 2 of 2", image.store, at.layout, { dir = at.store })
  t.eq(stat("/tmp/crun-lua-evil"), nil)
  local _ = dir
end)

test.case("a docker-archive without one of its layers is refused", function(t)
  local dir <close> = temp_dir()
  local layer = tar.archive(ONE)
  local raw = json_encode {
    rootfs = { type = "layers", diff_ids = { "sha256:" .. sha256(layer) } },
  }
  local manifest = { { Config = sha256(raw) .. ".json", Layers = { "a/layer.tar" } } }
  local members = {
    { name = sha256(raw) .. ".json", data = raw },
    { name = "manifest.json", data = json_encode(manifest) },
  }
  local path, store = dir.path .. "/box.tar", dir.path .. "/store"
  write_file(path, tar.archive(members))
  t.fails("layer 1 of 1: 'a/layer.tar' is missing", image.store, path, { dir = store })
  t.eq(stat(store), nil)
  members[3] = { name = "a/layer.tar", data = layer }
  write_file(path, tar.archive(members))
  t.eq(read_file(image.store(path, { dir = store }).dir .. "/etc/name"), "one\n")
end)

test.case(
  "on a full disk an image says how much it needs and what to do, and the others stay",
  { "root" },
  function(t)
    local dir <close>, at = stage()
    local big = tar.archive {
      { name = "usr/first", data = ("1"):rep(300 << 10) },
      { name = "usr/big", data = ("x"):rep(3 << 20) },
    }
    local other <close>, large = stage { { tar = big } }
    mkdir(at.store)
    t.inside({ "mnt" }, function()
      mount("tmpfs", at.store, { type = "tmpfs", data = "size=1M,mode=700" })
      local kept = image.store(at.layout, { dir = at.store })
      local err = t.fails("layer 1 of 1", image.store, large.layout, { dir = at.store })
      t.match(err.message, "No space left on device; the file has 3145728 bytes", true)
      t.match(err.hint, ("its layers have %d bytes"):format(#big), true)
      t.match(err.hint, "make room (image.remove)", true)
      t.eq(#list_dir(at.store), 1)
      is_whole(t, kept.dir)
      t.eq(#image.list { dir = at.store }, 1)
      image.remove(kept.digest, { dir = at.store })
      t.eq(#list_dir(at.store), 0)
    end)
    local _ = dir
    local _ = other
  end
)

test.case("a store that another user could change is refused", { "root" }, function(t)
  local dir <close>, at = stage()
  image.store(at.layout, { dir = at.store })
  chown(at.store, { uid = 1000 })
  for _, call in ipairs { image.store, image.get, image.use, image.remove } do
    local what = call == image.store and at.layout or at.digest
    local last = { dir = at.store }
    local err
    if call == image.use then
      err = t.fails("belongs to user 1000", call, what, "web", last)
    else
      err = t.fails("belongs to user 1000", call, what, last)
    end
    t.match(err.hint, "CRUN_LUA_DATA", true)
  end
  chown(at.store, { uid = 0 })
  chmod(at.store, "0777")
  t.fails("can be written by others", image.list, { dir = at.store })
  chmod(at.store, "0700")
  t.eq(#image.list { dir = at.store }, 1)
  write_file(dir.path .. "/file", "")
  t.fails("is a file", image.store, at.layout, { dir = dir.path .. "/file" })
end)

test.case("a store of root's is no place for another user", { "user" }, function(t)
  local dir <close>, at = stage()
  t.ne(proc_status().uid.effective, 0)
  t.fails("belongs to user 0", image.store, at.layout, { dir = "/usr" })
  local _ = dir
end)

test.case("an image that was damaged hides no other, and can be replaced", function(t)
  local dir <close>, at = stage()
  local other <close>, second = stage { { tar = tar.archive(ONE) } }
  local kept = image.store(at.layout, { dir = at.store })
  image.store(second.layout, { dir = at.store })
  local where = kept.dir:match("^(.+)/rootfs$")
  local whole = read_file(where .. "/image.json")
  local wrong = { whole:sub(1, #whole // 2), "", "[]", '{"digest":"x"}', "\xff\0" }
  wrong[#wrong + 1] = (whole:gsub("sha256:%x%x", "sha256:zz"))
  for _, text in ipairs(wrong) do
    write_file(where .. "/image.json", text)
    local err = t.fails("is damaged", image.store, at.layout, { dir = at.store })
    t.match(err.message, where, true)
    t.match(err.hint, ('image.remove("%s")'):format(at.digest), true)
    t.fails("is damaged", image.get, at.digest, { dir = at.store })
    local good, bad = 0, 0
    for _, one in ipairs(image.list { dir = at.store }) do
      good, bad = good + (one.config and 1 or 0), bad + (one.damaged and 1 or 0)
    end
    t.eq({ good, bad }, { 1, 1 }, text)
  end
  remove(where .. "/image.json")
  t.fails("is damaged", image.store, at.layout, { dir = at.store })
  image.remove(at.digest, { dir = at.store })
  is_whole(t, image.store(at.layout, { dir = at.store }).dir)
  local _ = dir
  local _ = other
end)

test.case("processes that store one image at once all have it, and it is there once", function(t)
  local dir <close>, at = stage()
  local crowd = {}
  for index = 1, 6 do
    crowd[index] = start(at)
  end
  for _, child in ipairs(crowd) do
    local result = child:output()
    t.eq(result.code, 0, result.stderr)
    t.match(result.stdout, at.store .. "/sha256-" .. at.digest:sub(8) .. "/rootfs", true)
    child:close()
  end
  t.eq(list_dir(at.store), { "sha256-" .. at.digest:sub(8) })
  is_whole(t, image.get(at.digest, { dir = at.store }).dir)
  local _ = dir
end)

-- What a store does to the disk; each is a moment to be killed at.
local CALLS = "mkdir,mkdirat,openat,write,linkat,symlinkat,rename,renameat2,unlinkat,utimensat"

test.case(
  "killed at any of its calls, a store leaves nothing that gc does not remove, and goes on",
  { "program:strace", "minutes:3" },
  function(t)
    local dir <close>, at = stage()
    local killed, left, whole = 0, 0, 0
    for count = 1, 400 do
      local inject = ("inject=%s:signal=KILL:when=%d"):format(CALLS, count)
      local tracer = { "strace", "-qq", "-o", "/dev/null", "-e", "trace=" .. CALLS, "-e", inject }
      local child <close> = start(at, tracer)
      local result = child:output()
      if result.code == 0 then
        is_whole(t, image.get(at.digest, { dir = at.store }).dir)
        break
      end
      killed = killed + 1
      left = left + (stat(at.store) and #list_dir(at.store) or 0)
      collect(t)
      local list = image.list { dir = at.store }
      local names = stat(at.store) and list_dir(at.store) or {}
      t.eq(#names, #list, ("killed at call %d: %s"):format(count, table.concat(names, " ")))
      if list[1] then
        whole = whole + 1
        is_whole(t, list[1].dir)
        image.remove(at.digest, { dir = at.store })
      end
    end
    t.ok(killed > 20 and killed < 400, ("killed %d times"):format(killed))
    t.ok(left > 10, ("something was left %d times"):format(left))
    t.ok(whole > 0, "killed when it was done")
    local _ = dir
  end
)

return test.run()

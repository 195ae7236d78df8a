local image = require "image"
local tar = require "test.tar"
local test = require "test"

local BASE = {
  { name = "etc/", type = "directory", mode = 493 },
  { name = "etc/passwd", data = "root:x:0:0::/:/bin/sh\n" },
  { name = "etc/gone", data = "x" },
  { name = "opt/", type = "directory", mode = 493 },
  { name = "opt/old", data = "old" },
  { name = "bin", type = "symlink", link = "usr/bin" },
}
local UPPER = {
  { name = "etc/.wh.gone" },
  { name = "opt/.wh..wh..opq" },
  { name = "opt/new", data = "new" },
  { name = "usr/bin/su", data = "#!", mode = 2541 },
}

local LINK = { name = "l", type = "symlink", link = "/tmp" }

local function layers()
  return { { tar = tar.archive(BASE) }, { tar = tar.archive(UPPER) } }
end

--- A layout in a directory of its own, a store beside it, and a root to unpack into.
local function stage(change, list)
  local dir = temp_dir()
  local made = tar.layout(dir.path .. "/image", list or layers(), change)
  mkdir(dir.path .. "/root")
  return dir, { layout = dir.path .. "/image", store = dir.path .. "/store", made = made }
end

local function is_empty(store)
  return not stat(store) or #list_dir(store) == 0
end

local function refused(t, part, change, list)
  local dir <close>, at = stage(change, list)
  t.fails(part, image.store, at.layout, { dir = at.store })
  t.ok(is_empty(at.store), "the store is empty")
  local _ = dir
end

local function check_root(t, dir)
  t.eq(read_file(dir .. "/etc/passwd"), "root:x:0:0::/:/bin/sh\n")
  t.eq(stat(dir .. "/etc/gone"), nil)
  t.eq(list_dir(dir .. "/opt"), { "new" })
  t.eq(readlink(dir .. "/bin"), "usr/bin")
  t.eq(stat(dir .. "/usr/bin/su").mode, 2541)
end

test.case("a layout with a wrong digest, size or blob is refused and nothing is stored", function(t)
  local function manifest(edit)
    return { manifest = edit }
  end
  refused(
    t,
    "no whole number",
    manifest(function(m)
      m.layers[1].size = -1
    end)
  )
  refused(
    t,
    "its descriptor says 7",
    manifest(function(m)
      m.layers[2].size = 7
    end)
  )
  refused(
    t,
    "is missing",
    manifest(function(m)
      m.layers[2].digest = "sha256:" .. ("0"):rep(64)
    end)
  )
  refused(
    t,
    "must be sha256 and 64 digits",
    manifest(function(m)
      m.layers[1].digest = "sha256:../../../../etc/passwd"
    end)
  )
  refused(
    t,
    "must be sha256",
    manifest(function(m)
      m.config.digest = "sha512:" .. ("0"):rep(128)
    end)
  )
  refused(
    t,
    "is no layer that can be unpacked",
    manifest(function(m)
      m.layers[1].mediaType = "application/vnd.oci.image.layer.v1.tar+xz"
    end)
  )
  refused(
    t,
    "which is not an image's",
    manifest(function(m)
      m.config.mediaType = "application/vnd.oci.empty.v1+json"
    end)
  )
  refused(
    t,
    "its configuration lists 2",
    manifest(function(m)
      table.remove(m.layers)
    end)
  )
  refused(
    t,
    "schema version 2",
    manifest(function(m)
      m.schemaVersion = 1
    end)
  )
end)

test.case(
  "a blob whose bytes were changed is refused by its digest, layer and image named",
  function(t)
    local dir <close>, at = stage()
    local blob = at.made.manifest.layers[2]
    local path = at.layout .. "/blobs/sha256/" .. blob.digest:sub(8)
    local text = read_file(path):gsub("#!", "#?", 1)
    write_file(path, text)
    local err = t.fails("promised", image.store, at.layout, { dir = at.store })
    t.match(err.message, at.layout .. ": layer 2 of 2 (" .. blob.digest .. ")", true)
    t.ok(is_empty(at.store))
    local config = at.layout .. "/blobs/sha256/" .. at.made.manifest.config.digest:sub(8)
    write_file(config, (read_file(config):gsub("amd64", "AMD64")))
    t.fails("the digest of its blob is", image.open, at.layout)
    local _ = dir
  end
)

test.case("a layer whose content is not what the configuration says is refused", function(t)
  refused(t, "(diff_id) was promised", {
    raw = function(raw)
      raw.rootfs.diff_ids[1] = "sha256:" .. ("0"):rep(64)
    end,
  })
  refused(t, "is no sha256 digest", {
    raw = function(raw)
      raw.rootfs.diff_ids[1] = "sha256:0"
    end,
  })
end)

test.case("a layer that leaves the root is refused with its member's name", function(t)
  local evil = {
    [{ { name = "../evil", data = "x" } }] = '"../evil"',
    [{ { name = "/evil", data = "x" } }] = '"/evil"',
    [{ LINK, { name = "l/evil", data = "x" } }] = '"l/evil"',
    [{ { name = "evil", type = "hardlink", link = "../../etc/passwd" } }] = '"evil"',
    [{ { name = "evil", type = "char", major = 1, minor = 3 } }] = '"evil"',
  }
  for members, name in pairs(evil) do
    refused(t, "layer 1 of 1", nil, { { tar = tar.archive(members) } })
    refused(t, "the entry " .. name, nil, { { tar = tar.archive(members) } })
  end
end)

test.case("a truncated layer and one of an unknown compression are refused", function(t)
  local whole = tar.archive(BASE)
  refused(t, "truncated", nil, { { tar = whole:sub(1, 1200) } })
  refused(t, "format is xz", nil, { { tar = "\xfd7zXZ\0" .. whole } })
end)

test.case("a manifest of a million layers and one of too many are refused", function(t)
  refused(t, "at most 500 are taken", {
    manifest = function(m)
      for index = 1, 600 do
        m.layers[index] = m.layers[1]
      end
    end,
  })
  local dir <close>, at = stage()
  write_file(at.layout .. "/index.json", '{"manifests":[' .. ("{},"):rep(1000000) .. "{}]}")
  t.fails("no image in it is called", image.open, at.layout, { ref = "x" })
  write_file(at.layout .. "/index.json", '{"manifests":[' .. ("{},"):rep(2000000) .. "{}]}")
  t.fails("at most 4194304 are read", image.open, at.layout)
  local _ = dir
end)

test.case("layers that unpack to more than the limit of all are refused", function(t)
  local dir <close>, at = stage()
  local limits = { size = #tar.archive(BASE) + 100 }
  t.fails("layer 2 of 2", image.store, at.layout, { dir = at.store, limits = limits })
  t.ok(is_empty(at.store))
  local _ = dir
end)

test.case("what is no image says so", function(t)
  local dir <close> = temp_dir()
  t.fails("this is no image", image.open, dir.path)
  t.fails("there is no such file", image.open, dir.path .. "/none")
  write_file(dir.path .. "/text", "no tar file")
  t.fails("/text: ", image.open, dir.path .. "/text")
  write_file(dir.path .. "/root.tar", tar.archive(BASE))
  t.fails("this is no image", image.open, dir.path .. "/root.tar")
  t.fails("did you mean 'ref'?", image.open, dir.path, { reff = "x" })
  t.eq(image.is_image(dir.path .. "/root.tar"), false)
end)

test.case("a name that the image does not have is answered with those it has", function(t)
  local dir <close>, at = stage()
  local err = t.fails("no image in it is called", image.open, at.layout, { ref = "lates" })
  t.match(err.hint, 'did you mean "latest"?', true)
  local _ = dir
end)

test.case("layers are unpacked in order, with whiteouts, links and rights", function(t)
  local dir <close>, at = stage()
  local box <close> = image.open(at.layout, { ref = "latest" })
  t.eq(box.digest, at.made.digest)
  local root <close> = rootfs_open(dir.path .. "/root")
  box:unpack(root)
  check_root(t, dir.path .. "/root")
end)

test.case(
  "layers with gzip and with zstd are unpacked",
  { "program:gzip", "program:zstd" },
  function(t)
    local oci = "application/vnd.oci.image.layer.v1.tar"
    local list = layers()
    list[1].blob, list[1].media_type = tar.compressed(list[1].tar, "gzip"), oci .. "+gzip"
    list[2].blob, list[2].media_type = tar.compressed(list[2].tar, "zstd"), oci .. "+zstd"
    local dir <close>, at = stage(nil, list)
    check_root(t, image.store(at.layout, { dir = at.store }).dir)
    local _ = dir
  end
)

test.case("the configuration comes in the words of containers", function(t)
  local dir <close>, at = stage {
    config = {
      Cmd = { "-c", "true" },
      Entrypoint = { "/bin/sh" },
      Env = { "PATH=/bin", "X=a=b", "E=" },
      User = "1:2",
      WorkingDir = "/srv",
      StopSignal = "SIGINT",
      Volumes = { ["/data"] = {} },
      ExposedPorts = { ["80/tcp"] = {} },
    },
  }
  local box <close> = image.open(at.layout)
  t.eq(box.config.entrypoint, { "/bin/sh" })
  t.eq(box.config.command, { "-c", "true" })
  t.eq(box.config.env, { PATH = "/bin", X = "a=b", E = "" })
  t.eq({ box.config.user, box.config.workdir, box.config.stop_signal }, { "1:2", "/srv", "SIGINT" })
  t.eq(table.concat(box.config.volumes), "/data")
  t.eq(table.concat(box.config.ports), "80/tcp")
  local _ = dir
end)

test.case("of a nested index the manifest for the platform is taken", function(t)
  local dir <close>, at = stage {
    index = function(index, blob)
      local one = index.manifests[1]
      local other = { mediaType = one.mediaType, digest = "sha256:" .. ("1"):rep(64), size = 1 }
      one.platform = { os = "linux", architecture = "riscv64" }
      other.platform = { os = "linux", architecture = "s390x" }
      local inner = json_encode { schemaVersion = 2, manifests = { other, one } }
      local outer = blob(inner, "application/vnd.oci.image.index.v1+json")
      outer.annotations = { ["org.opencontainers.image.ref.name"] = "multi" }
      one.annotations, index.manifests = nil, { outer }
    end,
  }
  local box <close> = image.open(at.layout, { ref = "multi", platform = "riscv64" })
  t.eq(#box.layers, 2)
  local err = t.fails("no image for linux/386", image.open, at.layout, { platform = "386" })
  t.match(err.hint, "linux/s390x, linux/riscv64", true)
  local _ = dir
end)

test.case("a tar file of a layout is read without unpacking it", { "program:tar" }, function(t)
  local dir <close>, at = stage()
  for _, option in ipairs { "-cf", "-czf" } do
    local file = dir.path .. "/image.tar" .. option
    t.eq(capture({ "tar", option, file, "-C", at.layout, "." }).code, 0)
    check_root(t, image.store(file, { dir = at.store .. option }).dir)
  end
end)

local function docker_archive(change)
  local one, two = tar.archive(BASE), tar.archive(UPPER)
  local raw = json_encode {
    architecture = "amd64",
    os = "linux",
    config = { Cmd = { "sh" } },
    rootfs = {
      type = "layers",
      diff_ids = { "sha256:" .. sha256(one), "sha256:" .. sha256(one), "sha256:" .. sha256(two) },
    },
  }
  local name = sha256(raw) .. ".json"
  local members = {
    { name = "a/", type = "directory" },
    { name = "a/layer.tar", data = one },
    { name = "b/layer.tar", type = "symlink", link = "../a/layer.tar" },
    { name = "c/layer.tar", data = two },
    { name = name, data = raw },
    {
      name = "manifest.json",
      data = json_encode {
        {
          Config = name,
          RepoTags = { "example/box:1.0" },
          Layers = { "a/layer.tar", "b/layer.tar", "c/layer.tar" },
        },
      },
    },
  }
  if change then
    change(members)
  end
  return tar.archive(members), raw
end

test.case("a docker-archive is read without unpacking it, also where a layer is a link", function(t)
  local dir <close> = temp_dir()
  local text, raw = docker_archive()
  write_file(dir.path .. "/box.tar", text)
  local kept = image.store(dir.path .. "/box.tar", { ref = "box:1.0", dir = dir.path .. "/store" })
  t.eq(kept.digest, "sha256:" .. sha256(raw))
  t.eq(kept.config.command[1], "sh")
  check_root(t, kept.dir)
  t.fails("no image in it is called", image.open, dir.path .. "/box.tar", { ref = "other" })
end)

test.case("a docker-archive that is changed, cut or ambiguous is refused", function(t)
  local dir <close> = temp_dir()
  local path, store = dir.path .. "/box.tar", dir.path .. "/store"
  local function broken(part, change)
    write_file(path, (docker_archive(change)))
    t.fails(part, image.store, path, { dir = store })
    t.ok(is_empty(store), part)
  end
  broken("layer 3 of 3 (c/layer.tar)", function(members)
    members[4].data = tar.archive { { name = "other", data = "x" } }
  end)
  broken("the name comes twice", function(members)
    members[#members + 1] = members[4]
  end)
  broken("'b/layer.tar' is missing", function(members)
    members[3].link = "../../../../etc/passwd"
  end)
  broken("the digest of the configuration", function(members)
    members[5].data = members[5].data .. " "
  end)
  broken("manifest.json is not JSON", function(members)
    members[6].data = "{"
  end)
  write_file(path, (docker_archive()):sub(1, 4000))
  t.fails("truncated", image.store, path, { dir = store })
end)

test.case("an image is stored once, listed, kept while it is used, and removed", function(t)
  local dir <close>, at = stage()
  local first = image.store(at.layout, { dir = at.store })
  local inode = stat(first.dir).ino
  t.eq(stat(at.store).mode, 448, "nobody else may enter the store")
  t.eq(stat(image.store(at.layout, { dir = at.store }).dir).ino, inode)
  image.use(first.digest, "web", { dir = at.store })
  local list = image.list { dir = at.store }
  t.eq({ #list, list[1].digest, list[1].users }, { 1, first.digest, { "web" } })
  t.fails("is used by web", image.remove, first.digest, { dir = at.store })
  t.eq(stat(first.dir).ino, inode)
  image.release(first.digest, "web", { dir = at.store })
  image.release(first.digest, "web", { dir = at.store })
  image.remove(first.digest, { dir = at.store })
  t.ok(is_empty(at.store))
  t.fails("no image", image.remove, first.digest, { dir = at.store })
  t.fails("no image", image.use, first.digest, "web", { dir = at.store })
  t.fails("64 digits", image.remove, "sha256:../..", { dir = at.store })
  local _ = dir
end)

test.case("a store that is killed leaves what is no image, and gc removes it", function(t)
  local dir <close>, at = stage()
  mkdir(at.store)
  local child <close> = spawn(function()
    local fresh <close> = temp_dir { parent = at.store }
    local box <close> = image.open(at.layout)
    mkdir(fresh.path .. "/image/rootfs", { parents = true })
    local root <close> = rootfs_open(fresh.path .. "/image/rootfs")
    box:unpack(root)
    kill(proc_status().pid, "kill")
  end)
  t.eq(child:wait().signal, "kill")
  t.eq(#list_dir(at.store), 1)
  t.eq(#image.list { dir = at.store }, 0)
  t.eq(capture({ "/proc/self/exe", "gc" }).code, 0)
  t.ok(is_empty(at.store), "gc removes it")
  check_root(t, image.store(at.layout, { dir = at.store }).dir)
  local _ = dir
end)

test.case(
  "an ordinary user stores an image with its own ids and removes it",
  { "user" },
  function(t)
    local list = layers()
    list[3] = {
      tar = tar.archive {
        { name = "shut/", type = "directory", mode = 0 },
        { name = "own", uid = 5 },
      },
    }
    local dir <close>, at = stage(nil, list)
    local kept = image.store(at.layout, { dir = at.store })
    t.eq(stat(kept.dir .. "/own").uid, proc_status().uid.effective)
    t.eq(stat(kept.dir .. "/shut").mode, 0)
    image.remove(kept.digest, { dir = at.store })
    t.ok(is_empty(at.store))
    local _ = dir
  end
)

return test.run()

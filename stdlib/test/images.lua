--- Roots with busybox for tests, in each form that a container takes: a directory, a tar file, an
--- OCI image layout, a docker-archive. All hold the same files.
---
--- ```lua
--- local images = require "test.images"
---
--- if stat("/bin/busybox") then
---   local dir <close> = temp_dir()
---   images.write("tar", dir.path .. "/root.tar")
---   assert(stat(dir.path .. "/root.tar").size > 1 << 20)
--- end
--- ```
local tar = require "test.tar"

local M = {}

--- What `write` makes.
M.KINDS = { "directory", "tar", "layout", "docker" }

--- What the image says of its program; the user is in the root's own passwd file.
M.CONFIG = {
  Entrypoint = { "/bin/sh", "-c" },
  Cmd = { 'echo "$WHO is $(id -u) in $(pwd)"' },
  Env = { "WHO=the image", "PATH=/bin" },
  User = "web",
  WorkingDir = "/srv",
  StopSignal = "SIGUSR1",
}

local DIRECTORIES = { "bin", "dev", "etc", "proc", "sys", "srv", "tmp", "home" }

-- What a shell in there can call.
local PROGRAMS = {
  "sh",
  "cat",
  "echo",
  "grep",
  "hostname",
  "id",
  "kill",
  "ls",
  "mount",
  "nc",
  "ps",
  "pwd",
  "seq",
  "sleep",
  "stat",
  "stty",
  "touch",
  "true",
  "tty",
}

--- The members of the root, as `test.tar` takes them.
---@return table[]
function M.members()
  local list = {}
  for index, name in ipairs(DIRECTORIES) do
    list[index] = { name = name .. "/", type = "directory", mode = name == "tmp" and 1023 or 493 }
  end
  list[#list + 1] = { name = "bin/busybox", data = read_file("/bin/busybox"), mode = 493 }
  for _, name in ipairs(PROGRAMS) do
    list[#list + 1] = { name = "bin/" .. name, type = "symlink", link = "busybox" }
  end
  local passwd = "root:x:0:0::/root:/bin/sh\nweb:x:1000:1000::/srv:/bin/sh\n"
  list[#list + 1] = { name = "etc/passwd", data = passwd }
  list[#list + 1] = { name = "etc/group", data = "root:x:0:\nweb:x:1000:\nextra:x:1001:web\n" }
  list[#list + 1] = { name = "etc/origin", data = "the image\n" }
  return list
end

local function docker(config)
  local layer = tar.archive(M.members())
  local raw = json_encode {
    architecture = "amd64",
    os = "linux",
    config = config,
    rootfs = { type = "layers", diff_ids = { "sha256:" .. sha256(layer) } },
  }
  local name = sha256(raw) .. ".json"
  local manifest = { { Config = name, RepoTags = { "box:1" }, Layers = { "layer.tar" } } }
  return tar.archive {
    { name = "layer.tar", data = layer },
    { name = name, data = raw },
    { name = "manifest.json", data = json_encode(manifest) },
  }
end

--- Writes the root in one of its forms.
---@param kind "directory"|"tar"|"layout"|"docker"
---@param path string what is not there yet
---@param config? table what an image says; `M.CONFIG` without it
function M.write(kind, path, config)
  config = config or M.CONFIG
  if kind == "tar" then
    write_file(path, tar.archive(M.members()))
  elseif kind == "docker" then
    write_file(path, docker(config))
  elseif kind == "layout" then
    tar.layout(path, { { tar = tar.archive(M.members()) } }, { config = config })
  else
    mkdir(path, { mode = "0755" })
    for _, member in ipairs(M.members()) do
      local at = path .. "/" .. member.name
      if member.type == "directory" then
        mkdir(at, { mode = "0755" })
      elseif member.type == "symlink" then
        symlink(member.link, at)
      else
        write_file(at, member.data)
        chmod(at, ("%04o"):format(member.mode or 420))
      end
    end
    chmod(path .. "/tmp", "1777")
  end
end

return M

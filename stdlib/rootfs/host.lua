--- The host's system directories as a root, read-only, with everything else the container's own.
---
--- One tmpfs holds /etc, /tmp, /var, /run, /home and /root; /usr is bound once, and the links to it
--- (/bin, /lib …) are links again. Of the host's /etc only what programs need to run is there:
--- tiny texts are written, the rest is bound read-only. Never secrets, keys or names of people.
--- The host is read once a script: what `prepare` answers is the same for each container.
---
--- ```lua
--- local host = require "rootfs.host"
---
--- local prepared = host.prepare { kind = "host" }
--- assert(prepared.files["/etc/passwd"] and not prepared.files["/etc/shadow"])
--- ```
local M = {}

local SYSTEM = { "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr" }

--- What programs read in /etc. No file that can hold a password, a key or a name of the machine,
--- and none for programs that change /usr (ldconfig): each costs every container time.
local ETC = {
  "alternatives",
  "bash.bashrc",
  "debian_version",
  "gai.conf",
  "host.conf",
  "inputrc",
  "ld.so.cache",
  "locale.conf",
  "localtime",
  "mime.types",
  "os-release",
  "pki/tls/certs",
  "pki/ca-trust/extracted",
  "protocols",
  "services",
  "shells",
  "ssl/certs",
  "ssl/openssl.cnf",
  "terminfo",
  "timezone",
}

-- A text above this is bound: a mount costs the same whatever the file's size. A directory with
-- few and tiny files is cheaper as files than as a mount.
local LONGEST, MOST = 16 << 10, 8

local HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
local NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
  .. "networks: files\nprotocols: files\nservices: files\nrpc: files\n"

--- A file's text where it is short and text: only such a one may cross as JSON.
local function text_of(path, known)
  if known.type == "directory" or known.size > LONGEST then
    return nil
  end
  local text = try(read_file, path)
  return text and utf8.len(text) and text or nil
end

--- Whether a configuration has anything but comments: Debian's /etc/gai.conf has not.
local function says_something(text)
  return (text:gsub("#[^\n]*", "")):find("%S") ~= nil
end

--- The texts of a directory that has few and short files, or nil.
local function texts_in(path)
  local names = list_dir(path)
  if #names > MOST then
    return nil
  end
  local found = {}
  for _, name in ipairs(names) do
    local whole = path .. "/" .. name
    local known = not readlink(whole) and stat(whole)
    local text = known and text_of(whole, known)
    if not text then
      return nil
    end
    -- Such as in an empty /etc/terminfo.
    found[whole] = name ~= "README" and text or nil
  end
  return found
end

--- Has a directory made, after those above it.
local function directory(path, prepared)
  if prepared.dirs[path] or path == "" then
    return
  end
  directory(path:match("^(.*)/"), prepared)
  prepared.dirs[path] = true
  prepared.dirs[#prepared.dirs + 1] = path
end

--- Decides how one path of the host's /etc comes into the root.
local function take(path, prepared)
  -- Such as /etc/localtime: where it leads is below /usr, which is there.
  local target = try(readlink, path)
  if target then
    prepared.links[path] = target
    return
  end
  local known = try(stat, path)
  -- What this user cannot read, the container needs not either.
  if not known or (known.mode & 4) == 0 then
    return
  end
  local texts = known.type == "directory" and texts_in(path)
  local text = text_of(path, known)
  if texts then
    for file, content in pairs(texts) do
      directory(path, prepared)
      prepared.files[file] = content
    end
  elseif text then
    prepared.files[path] = says_something(text) and text or nil
  else
    prepared.binds[#prepared.binds + 1] = path
  end
end

--- Accounts of the system alone: people's names are no business of a container.
local function accounts(path, pattern, shown)
  local lines = {}
  for line in (try(read_file, path) or ""):gmatch("[^\n]+") do
    local name, id, rest = line:match(pattern)
    local number = tonumber(id)
    if number and (number < 1000 or number == 65534) then
      lines[#lines + 1] = shown(name, number, rest)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

local function account_files(files)
  files["/etc/passwd"] = accounts(
    "/etc/passwd",
    "^([^:]+):[^:]*:(%d+):(.*)$",
    function(name, id, rest)
      return ("%s:x:%d:%s"):format(name, id, rest)
    end
  )
  files["/etc/group"] = accounts("/etc/group", "^([^:]+):[^:]*:(%d+):", function(name, id)
    return ("%s:x:%d:"):format(name, id)
  end)
end

local function look(source)
  local prepared = {
    kind = "host",
    size = source.size or "1G",
    setuid = source.setuid,
    dirs = {},
    files = { ["/etc/hosts"] = HOSTS, ["/etc/nsswitch.conf"] = NSSWITCH },
    links = { ["/var/run"] = "/run", ["/var/lock"] = "/run/lock" },
    binds = {},
  }
  for _, path in ipairs(SYSTEM) do
    local target = readlink(path)
    if target then
      prepared.links[path] = target
    elseif stat(path) then
      prepared.binds[#prepared.binds + 1] = path
    end
  end
  if source.opt and stat("/opt") then
    prepared.binds[#prepared.binds + 1] = "/opt"
  end
  account_files(prepared.files)
  directory("/etc", prepared)
  for _, name in ipairs(ETC) do
    local path = "/etc/" .. name
    if try(stat, path) then
      directory(path:match("^(.+)/"), prepared)
      take(path, prepared)
    end
  end
  -- What crosses into the child is a plain list.
  prepared.dirs = table.move(prepared.dirs, 1, #prepared.dirs, 1, {})
  return prepared
end

-- By options: what was found on the host.
local found = {}

---@param source rootfs.Source
---@return rootfs.Prepared
function M.prepare(source)
  local key = ("%s %s %s"):format(source.opt, source.setuid, source.size)
  found[key] = found[key] or look(source)
  return found[key]
end

-- The directories that every system has, empty.
local DIRS = { "/home", "/run", "/run/lock", "/var" }

---@param prepared rootfs.Prepared
---@param others? table<string, any> by path: files that the caller puts there itself
---@return any root
function M.mount(prepared, others)
  local root = rootfs_new { size = prepared.size }
  local how = { readonly = true, nodev = true, nosuid = not prepared.setuid or nil }
  local files = {}
  for path, text in pairs(prepared.files) do
    if not (others and others[path]) then
      files[path] = text
    end
  end
  local dirs = table.move(prepared.dirs, 1, #prepared.dirs, #DIRS + 1, { table.unpack(DIRS) })
  root:fill { dirs = dirs, files = files, links = prepared.links }
  root:mkdir("/root", { mode = "0700" })
  root:mkdir("/tmp", { mode = "1777" })
  root:mkdir("/var/tmp", { mode = "1777" })
  for _, path in ipairs(prepared.binds) do
    root:bind(path, path, how)
  end
  return root
end

return M

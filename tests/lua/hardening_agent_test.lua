-- The profile for agents: one project writable, secrets unreadable by whatever way, git's hooks and
-- configuration as they were, and nothing started where that cannot be kept.

local hardening = require "hardening"
local rootfs = require "rootfs"
local secrets = require "hardening.secrets"
local test = require "test"

local NONE = ("0"):rep(16)
local SECRET = "the secret"

-- What must not be read, below the home and below the project.
local IN_HOME = {
  ".ssh/id_ed25519",
  ".aws/credentials",
  ".gnupg/secring.gpg",
  ".kube/config",
  ".docker/config.json",
  ".netrc",
  ".config/gh/hosts.yml",
  ".config/gcloud/credentials.db",
  ".git-credentials",
  ".bash_history",
  ".zsh_history",
  "other/.env",
  ".colima/docker.sock",
}
local IN_PROJECT = {
  ".env",
  ".env.local",
  "deep/er/.env.production",
  "key.pem",
  "id_rsa_deploy",
  "id_ed25519",
}

local function put(path, text)
  mkdir(path:match("^(.*)/"), { parents = true })
  write_file(path, text)
end

-- A home with a project in it.
local function scene(dir)
  local home = dir .. "/home"
  local project = home .. "/work"
  for _, name in ipairs(IN_HOME) do
    put(home .. "/" .. name, SECRET)
  end
  for _, name in ipairs(IN_PROJECT) do
    put(project .. "/" .. name, SECRET)
  end
  put(home .. "/notes", "notes")
  put(home .. "/.docker/daemon.json", "{}")
  put(project .. "/main.c", "code")
  put(project .. "/.env.example", "TOKEN=")
  put(project .. "/key.pub", "public")
  put(project .. "/.git/config", "[core]\n\thooksPath = .husky\n")
  put(project .. "/.git/HEAD", "ref: refs/heads/main\n")
  put(project .. "/.git/hooks/pre-commit", "#!/bin/sh\n")
  put(project .. "/.husky/pre-push", "#!/bin/sh\n")
  mkdir(project .. "/.git/objects")
  return home, project
end

-- The agent's box: `body` runs in it at last.
local function box(t, value, how, body)
  local profile = hardening.resolve(value)
  local prepared = hardening.prepare(profile, {
    root = not how.userns,
    userns = how.userns and true or false,
  })
  local from = rootfs.prepare(rootfs.parse("host"), { name = "box", root = not how.userns })
  local kinds = { "cgroup", "ipc", "mnt", "net", "pid", "uts" }
  kinds[#kinds + 1] = how.userns and "user" or nil
  local child <close> = spawn({ unshare = kinds }, function()
    local root = rootfs.mount(from)
    root:proc()
    root:dev()
    hardening.furnish(prepared, root)
    hardening.mounts(prepared, root)
    root:pivot()
    hardening.confine(prepared)
    return body(profile)
  end)
  t.eq(child:wait().code, 0, "the child's status")
  rootfs.release(from)
end

local function hidden(t, path)
  local text = t.read(path)
  t.ok(text == nil or text == "", path .. " cannot be read")
end

-- Every way to a secret: its path, by .., through /proc, and what finds its bytes anywhere.
local function secrets_hold(t, home, project)
  for _, list in ipairs { { home, IN_HOME }, { project, IN_PROJECT } } do
    for _, name in ipairs(list[2]) do
      local path = list[1] .. "/" .. name
      hidden(t, path)
      hidden(t, "/proc/self/root" .. path)
      hidden(t, "/proc/self/cwd/.." .. path)
      hidden(t, list[1] .. "/./" .. name)
    end
  end
  hidden(t, project .. "/../.ssh/id_ed25519")
  t.eq(list_dir(home .. "/.ssh"), {})
  local found = capture { "/bin/grep", "-rlF", SECRET, home }
  t.eq(found.stdout, "", "files with the secret in them")
end

local function project_works(t, home, project)
  t.eq(t.read(home .. "/notes"), "notes")
  t.eq(t.read(home .. "/.docker/daemon.json"), "{}")
  t.eq(t.read(project .. "/.env.example"), "TOKEN=")
  t.eq(t.read(project .. "/key.pub"), "public")
  put(project .. "/new/file", "made")
  write_file(project .. "/main.c", "more code")
  write_file("/tmp/scratch", "1")
  local script = "echo a > b && mv b c && cat c"
  t.eq(capture({ "/bin/sh", "-c", script }, { cwd = project }).stdout, "a\n")
  for _, path in ipairs { home .. "/new", home .. "/notes", "/usr/new", "/new", "/etc/new" } do
    t.ok(not io.open(path, "w"), path .. " cannot be written")
  end
end

local function git_holds(t, project)
  local git = project .. "/.git"
  -- A commit can be made.
  write_file(git .. "/index.lock", "1")
  rename(git .. "/index.lock", git .. "/index")
  write_file(git .. "/objects/ab", "1")
  for _, path in ipairs { "/.git/config", "/.git/hooks/pre-commit", "/.husky/pre-push" } do
    t.fails("EROFS", write_file, project .. path, "evil")
  end
  t.fails("EROFS", write_file, git .. "/hooks/post-commit", "evil")
  t.fails("EBUSY", rename, git, project .. "/.git-old")
  t.fails("EBUSY", rename, git .. "/hooks", git .. "/hooks-old")
  t.fails("EBUSY", rename, git .. "/config", git .. "/config-old")
  t.fails("EBUSY", remove, git .. "/config")
end

test.case("a project that is none, or that holds the home, is refused", function(t)
  local dir <close> = temp_dir()
  local function wrong(value, text)
    t.fails(text, hardening.resolve, value)
  end
  wrong("agent", "'project' is missing")
  wrong({ "agent", project = dir.path .. "/none" }, "no such directory")
  wrong({ "agent", project = "/" }, "no such directory")
  wrong({ "agent", project = "/usr" }, "a directory of the system")
  wrong({ "agent", project = "/etc/ssl" }, "a directory of the system")
  wrong({ "agent", project = dir.path, home = dir.path }, "holds the home")
  mkdir(dir.path .. "/home")
  wrong({ "agent", project = dir.path, home = dir.path .. "/home" }, "holds the home")
  wrong({ "agent", project = dir.path, home = 5 }, "home: expected")
  symlink("/usr/lib", dir.path .. "/link")
  wrong({ "agent", project = dir.path .. "/link" }, "a directory of the system")
end)

test.case("past a bound of the search nothing is prepared", function(t)
  local dir <close> = temp_dir()
  local home, project = scene(dir.path)
  local function prepare(changes)
    local value = { "agent", project = project, home = home }
    for key, item in pairs(changes) do
      value[key] = item
    end
    return hardening.prepare(hardening.resolve(value), { root = true })
  end
  t.ok(#prepare({}).secrets > 10)
  local err = t.fails("more than 20 names", prepare, { secrets_limit = 20 })
  t.match(err.hint, "secrets_limit", true)
  mkdir(project .. ("/d"):rep(70), { parents = true })
  t.fails("deeper than 64 directories", prepare, {})
  remove(project .. "/d", { recursive = true })
  for number = 1, 1001 do
    write_file(("%s/%d.pem"):format(project, number), "")
  end
  t.fails("more than 1000", prepare, {})
end)

test.case("patterns are names, ends of paths, places and exceptions", function(t)
  local dir <close> = temp_dir()
  local a = dir.path .. "/a"
  for _, name in ipairs { "x.pem", "x.pub", "sub/x.pem", ".docker/config.json" } do
    put(a .. "/" .. name, "1")
  end
  put(a .. "/docker/config.json", "1")
  put(dir.path .. "/home/.aws/credentials", "1")
  local volumes = {
    { source = a, target = "/work/" },
    { source = dir.path, target = "/all" },
  }
  local function find(...)
    return secrets.find(volumes, { ... }, { home = dir.path .. "/home" })
  end
  t.eq(find("*.pem"), { "/all/a/sub/x.pem", "/all/a/x.pem", "/work/sub/x.pem", "/work/x.pem" })
  t.eq(find("x.*", "!*.pem", "!/none"), { "/all/a/x.pub", "/work/x.pub" })
  t.eq(find(".docker/config.json"), {
    "/all/a/.docker/config.json",
    "/work/.docker/config.json",
  })
  t.eq(find("~/.aws"), { "/all/home/.aws" })
  t.eq(find(dir.path .. "/a/s?b"), { "/all/a/sub", "/work/sub" })
  t.eq(find("x.pen", "*.PEM", "pem"), {})
end)

test.case("a link that matches hides where it leads, if that is shown at all", function(t)
  local dir <close> = temp_dir()
  local home, project = scene(dir.path)
  remove(home .. "/.kube", { recursive = true })
  put(home .. "/dotfiles/kube/config", SECRET)
  symlink("dotfiles/kube", home .. "/.kube")
  symlink("/", project .. "/root.pem")
  symlink("nowhere", project .. "/dangling.pem")
  symlink("loop.pem", project .. "/loop.pem")
  local volumes = { { source = home, target = "/h" } }
  local found = secrets.find(volumes, { "~/.kube", "*.pem" }, { home = home, limit = 200 })
  t.eq(found, { "/h/dotfiles/kube", "/h/work/key.pem" })
end)

test.case("what package managers have fetched is not gone into, but for places", function(t)
  local dir <close> = temp_dir()
  local home, project = scene(dir.path)
  put(project .. "/node_modules/tls/test/key.pem", "public")
  put(project .. "/a/node_modules.txt/b/key.pem", SECRET)
  put(home .. "/.cache/x/.env", "public")
  put(home .. "/.cache/token", SECRET)
  local volumes = { { source = home, target = "/h" } }
  local found = secrets.find(volumes, { "key.pem", ".env", "~/.cache/token" }, {
    home = home,
    unsearched = { "node_modules", "~/.cache" },
  })
  t.eq(found, {
    "/h/.cache/token",
    "/h/other/.env",
    "/h/work/.env",
    "/h/work/a/node_modules.txt/b/key.pem",
    "/h/work/key.pem",
  })
end)

test.case("the other names of a secret's file are found", { "program:ln" }, function(t)
  local dir <close> = temp_dir()
  local home, project = scene(dir.path)
  capture { "ln", project .. "/.env", project .. "/plain.txt" }
  capture { "ln", home .. "/.ssh/id_ed25519", project .. "/innocent" }
  local volumes = { { source = project, target = "/p" } }
  local found = secrets.find(volumes, { "~/.ssh", ".env" }, { home = home })
  t.eq(found, { "/p/.env", "/p/innocent", "/p/plain.txt" })
end)

test.case("the container's own volumes are searched as well", function(t)
  local dir <close> = temp_dir()
  local _, project = scene(dir.path)
  local data = dir.path .. "/data"
  put(data .. "/.env", SECRET)
  local profile = hardening.resolve { "agent", project = project, home = false }
  local volumes = { { source = data, target = "/data", readonly = true } }
  local prepared = hardening.prepare(profile, { root = true, volumes = volumes })
  t.match(table.concat(prepared.secrets, " "), "/data/.env", true)
  t.ok(not table.concat(prepared.landlock.rw, " "):find("/data", 1, true))
end)

test.case("a directory that cannot be read is hidden as a whole", { "user" }, function(t)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/closed")
  chmod(dir.path .. "/closed", "0000")
  local volumes = { { source = dir.path, target = "/p" } }
  t.eq(secrets.find(volumes, { ".env" }, {}), { "/p/closed" })
  chmod(dir.path .. "/closed", "0700")
end)

local ROOT = { "root", "lsm:landlock" }
local USER = { "user", "userns", "lsm:landlock" }

local function whole(t, how)
  local dir <close> = temp_dir()
  local home, project = scene(dir.path)
  symlink(".env", project .. "/link")
  symlink(home .. "/.ssh/id_ed25519", project .. "/outside")
  box(t, { "agent", project = project, home = home }, how, function(profile)
    local status = proc_status()
    t.eq({ status.cap_bnd, status.cap_eff, status.cap_amb }, { NONE, NONE, NONE })
    t.eq({ status.no_new_privs, status.seccomp }, { 1, 2 })
    t.eq(profile.env.set.HOME, home)
    project_works(t, home, project)
    secrets_hold(t, home, project)
    hidden(t, project .. "/link")
    hidden(t, project .. "/outside")
    git_holds(t, project)
    local device = proc_net("dev")
    t.eq(#device, 1, "network devices")
    -- A mask cannot be taken away, and goes along with its directory.
    t.fails("EPERM", umount, project .. "/.env")
    t.fails("EBUSY", remove, project .. "/.env")
    t.fails("EBUSY", rename, project .. "/.env", project .. "/env")
    rename(project .. "/deep", project .. "/moved")
    hidden(t, project .. "/moved/er/.env.production")
  end)
  t.eq(read_file(project .. "/new/file"), "made")
  t.eq(read_file(project .. "/.git/config"), "[core]\n\thooksPath = .husky\n")
  t.eq(read_file(project .. "/.env"), SECRET, "on the host")
end

test.case("root's agent works on the project and reads no secret", ROOT, function(t)
  whole(t, {})
end)

test.case("an ordinary user's agent works on the project and reads no secret", USER, function(t)
  whole(t, { userns = true })
end)

test.case("root's agent is the user whom the project belongs to", ROOT, function(t)
  local dir <close> = temp_dir()
  local project = dir.path .. "/work"
  chmod(dir.path, "0755")
  mkdir(project .. "/.git", { parents = true })
  chown(project, { uid = 1000, gid = 1001 })
  chown(project .. "/.git", { uid = 1000, gid = 1001 })
  box(t, { "agent", project = project, home = false }, {}, function()
    local status = proc_status()
    t.eq({ status.uid.effective, status.gid.effective, status.groups }, { 1000, 1001, {} })
    write_file(project .. "/made", "1")
    t.fails("EROFS", write_file, project .. "/.git/hooks/pre-commit", "evil")
    t.fails("EROFS", write_file, project .. "/.git/config", "evil")
  end)
  local made = stat(project .. "/made")
  t.eq({ made.uid, made.gid }, { 1000, 1001 })
  -- They were missing, and an agent could have made them; they are the owner's.
  local hooks, config = stat(project .. "/.git/hooks"), stat(project .. "/.git/config")
  t.eq({ hooks.type, hooks.uid, config.size, config.uid }, { "directory", 1000, 0, 1000 })
end)

test.case("links in the place of hooks or configuration make git read-only", ROOT, function(t)
  local dir <close> = temp_dir()
  local project, outside = dir.path .. "/work", dir.path .. "/outside"
  mkdir(outside)
  mkdir(project .. "/.git", { parents = true })
  symlink(outside, project .. "/.git/hooks")
  symlink("/etc/passwd", project .. "/.git/config")
  box(t, { "agent", project = project, home = false }, {}, function()
    t.ok(not stat(outside), "what is not shown is not there")
    t.ok(#t.read("/etc/passwd") > 0)
    t.fails("EROFS", remove, project .. "/.git/hooks")
    t.fails("EROFS", remove, project .. "/.git/config")
    t.fails("EBUSY", rename, project .. "/.git", project .. "/git")
  end)
  t.eq(list_dir(outside), {})
end)

test.case("a link that comes in between is refused by the child", ROOT, function(t)
  local dir <close> = temp_dir()
  local project = dir.path .. "/work"
  mkdir(project .. "/.git", { parents = true })
  local profile = hardening.resolve { "agent", project = project, home = false }
  symlink("/etc", project .. "/.git/hooks")
  t.fails("is a link, and cannot be protected", box, t, profile, {}, function() end)
end)

test.case("hooks in a place of their own cannot be gone round", ROOT, function(t)
  local dir <close> = temp_dir()
  local project = dir.path .. "/work"
  put(project .. "/.git/config", "[core]\n  hookspath = ./tools/hooks/\n")
  box(t, { "agent", project = project, home = false }, {}, function()
    t.fails("EROFS", write_file, project .. "/tools/hooks/pre-commit", "evil")
    t.fails("EBUSY", rename, project .. "/tools", project .. "/old")
    write_file(project .. "/tools/other", "1")
  end)
end)

test.case("the file that says where a repository is stays as it was", ROOT, function(t)
  local dir <close> = temp_dir()
  local project = dir.path .. "/work"
  put(project .. "/.git", "gitdir: /elsewhere\n")
  box(t, { "agent", project = project, home = false }, {}, function()
    t.fails("EROFS", write_file, project .. "/.git", "gitdir: ../evil\n")
    t.fails("EBUSY", remove, project .. "/.git")
    t.fails("EBUSY", rename, project .. "/.git", project .. "/git")
  end)
end)

test.case("the network's allow-list is carried as it is", function(t)
  local dir <close> = temp_dir()
  local network = { mode = "bridge", allow = { "203.0.113.7/32:443" } }
  local value = { "agent", project = dir.path, home = false, network = network }
  t.eq(hardening.resolve(value).network, network)
  t.eq(hardening.resolve({ "agent", project = dir.path }).network, "none")
end)

return test.run()

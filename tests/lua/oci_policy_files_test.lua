local files = require "oci.policy.files"
local policy = require "oci.policy"
local test = require "test"

local QUIET = "return { validate = function() end }"

-- A directory as an administrator would make it, with one policy.
local function place()
  local dir = temp_dir()
  mkdir(dir.path .. "/d")
  write_file(dir.path .. "/d/a.lua", QUIET)
  return dir, dir.path .. "/d/a.lua"
end

test.case("a policy that others may write, own or have led to is refused", { "root" }, function(t)
  local changes = {
    ["its group or others may write it (mode 0664)"] = function(file)
      chmod(file, "0664")
    end,
    ["its group or others may write it (mode 0646)"] = function(file)
      chmod(file, "0646")
    end,
    ["user 65534 owns it"] = function(file)
      chown(file, { uid = 65534 })
    end,
    ["d: its group or others may write it (mode 0775)"] = function(_, dir)
      chmod(dir .. "/d", "0775")
    end,
    ["d: its group or others may write it (mode 1777)"] = function(_, dir)
      chmod(dir .. "/d", "1777")
    end,
    ["d: user 65534 owns it"] = function(_, dir)
      chown(dir .. "/d", { uid = 65534 })
    end,
    ["/up: its group or others may write it (mode 0777)"] = function(file, dir)
      mkdir(dir .. "/up/in", { parents = true })
      rename(file, dir .. "/up/in/a.lua")
      chmod(dir .. "/up", "0777")
      return dir .. "/up/in/a.lua"
    end,
    ["/up: user 65534 owns it"] = function(file, dir)
      mkdir(dir .. "/up/in", { parents = true })
      rename(file, dir .. "/up/in/a.lua")
      chown(dir .. "/up", { uid = 65534 })
      symlink(dir .. "/up/in/a.lua", file)
    end,
    ["it is no file but of type fifo"] = function(file)
      remove(file)
      mkfifo(file)
    end,
    ["it is no file but of type directory"] = function(file)
      remove(file)
      mkdir(file)
    end,
    ["it is longer than 1048576 bytes"] = function(file)
      write_file(file, ("-"):rep((1 << 20) + 1))
    end,
    ["no such file or directory"] = function(file)
      remove(file)
    end,
    ["a.lua: no such file or directory"] = function(file)
      remove(file)
      symlink("/no/such/file", file)
    end,
  }
  for reason, change in pairs(changes) do
    local dir <close>, file = place()
    file = change(file, dir.path) or file
    t.fails(reason, files.read, file)
  end
end)

test.case(
  "a symlink to a policy that would be refused is refused, another is followed",
  { "root" },
  function(t)
    local dir <close>, file = place()
    mkdir(dir.path .. "/links")
    local link = dir.path .. "/links/b.lua"
    symlink("../d/a.lua", link)
    t.eq(files.read(link).source, QUIET)
    chmod(file, "0666")
    t.fails("may write it (mode 0666)", files.read, link)
    chmod(file, "0644")
    chmod(dir.path .. "/d", "0777")
    t.fails("/d: its group or others may write it", files.read, link)
    chmod(dir.path .. "/d", "0755")
    chmod(dir.path .. "/links", "0777")
    t.fails("/links", files.read, link)
    symlink(dir.path .. "/d", dir.path .. "/way")
    t.eq(files.read(dir.path .. "/way/a.lua").source, QUIET)
  end
)

test.case("a sticky directory is fine above one's own, and not as that", function(t)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/sticky/mine", { parents = true })
  chmod(dir.path .. "/sticky", "1777")
  for _, name in ipairs { "/a.lua", "/sticky/a.lua", "/sticky/mine/a.lua" } do
    write_file(dir.path .. name, QUIET)
  end
  t.eq(files.read(dir.path .. "/a.lua").source, QUIET)
  t.eq(files.read(dir.path .. "/sticky/mine/a.lua").source, QUIET)
  t.fails("/sticky: its group or others may write it", files.read, dir.path .. "/sticky/a.lua")
end)

test.case(
  "a user's own policies are read without root, those of others are not",
  { "user" },
  function(t)
    local dir <close>, file = place()
    t.eq(files.read(file).source, QUIET)
    chmod(file, "0666")
    t.fails("may write it", files.read, file)
    t.eq(policy.apply({}, { operation = "create", id = "a" }), {})
  end
)

test.case("what replaces a file while it is judged is not read", { "root" }, function(t)
  local dir <close>, file = place()
  mkdir(dir.path .. "/evil")
  write_file(dir.path .. "/evil/a.lua", "return { evil = true }", { mode = "0644" })
  chown(dir.path .. "/evil/a.lua", { uid = 65534 })
  local racer <close> = fork(function()
    while true do
      rename(file, dir.path .. "/evil/a.lua", { exchange = true })
    end
  end)
  local read, refused, turns = 0, 0, 0
  while turns < 300 or (read == 0 or refused == 0) and turns < 30000 do
    turns = turns + 1
    local found, err = try(files.read, file)
    if found then
      t.eq(found.source, QUIET)
      read = read + 1
    else
      t.match(err.message, "owns it", true)
      refused = refused + 1
    end
  end
  racer:kill()
  t.ok(read > 0 and refused > 0, "both were met")
end)

-- Runs a function where /etc/crun-lua/policy.d is a directory of the case's own.
local function in_place_of_etc(t, entries, body)
  t.inside({ "mnt" }, function()
    mount("tmpfs", "/etc", { type = "tmpfs", data = { mode = "0755" } })
    mkdir(files.DIRECTORY, { parents = true })
    for name, text in pairs(entries) do
      write_file(files.DIRECTORY .. "/" .. name, text)
    end
    body(t)
  end)
end

test.case(
  "the directory's policies run in the order of their names, then those of --policy",
  { "root" },
  function(t)
    local function add(letter)
      local body = "spec.annotations.order = spec.annotations.order .. '%s'"
      return ("return { mutate = function(spec) " .. body .. " end }"):format(letter)
    end
    local entries = {
      ["20-b.lua"] = add "b",
      ["10-a.lua"] = add "a",
      ["30-c.lua"] = add "c",
      [".40-hidden.lua"] = add "x",
      ["50-old.lua.bak"] = add "x",
      ["README"] = "no Lua",
    }
    in_place_of_etc(t, entries, function()
      local dir <close>, file = place()
      write_file(file, add "z")
      local spec = { ociVersion = "1.3.0", root = { path = "r" }, annotations = { order = "" } }
      local made = policy.apply(spec, { operation = "create", id = "a", files = { file, file } })
      t.eq(made.annotations.order, "abczz")
    end)
  end
)

test.case("one bad file in the directory stops everything", { "root" }, function(t)
  in_place_of_etc(t, { ["a.lua"] = QUIET, ["b.lua"] = "return {" }, function()
    t.fails(
      "/etc/crun-lua/policy.d/b.lua:1: ",
      policy.apply,
      {},
      { operation = "create", id = "a" }
    )
    write_file(files.DIRECTORY .. "/b.lua", QUIET)
    policy.apply({}, { operation = "create", id = "a" })
    chmod(files.DIRECTORY .. "/b.lua", "0666")
    t.fails("b.lua: its group or others", policy.apply, {}, { operation = "create", id = "a" })
    chmod(files.DIRECTORY .. "/b.lua", "0644")
    chmod(files.DIRECTORY, "0777")
    t.fails("policy.d: its group or others", policy.apply, {}, { operation = "create", id = "a" })
    remove(files.DIRECTORY, { recursive = true })
    write_file(files.DIRECTORY, "")
    t.fails("it is no directory", policy.apply, {}, { operation = "create", id = "a" })
  end)
end)

test.case("nothing beside a bundle is loaded", { "root" }, function(t)
  local dir <close>, file = place()
  write_file(file, "return { validate = function() return false, 'loaded' end }")
  t.inside({ "mnt" }, function()
    mount("tmpfs", "/etc", { type = "tmpfs", data = { mode = "0755" } })
    local spec = {}
    t.eq(policy.apply(spec, { operation = "create", id = "a", bundle = dir.path .. "/d" }), spec)
  end)
end)

return test.run()

-- The exchange racer: a directory and a link to the host change places while it is worked on. What
-- looks first and acts afterwards falls within a second, and that is a test here too.

local calls = require "test.hostile.calls"
local canary = require "test.hostile.canary"
local oci = require "test.oci"
local racer = require "test.hostile.racer"
local rootfs = require "oci.rootfs"
local roots = require "test.roots"
local stage = require "test.hostile.stage"
local tar = require "test.tar"
local test = require "test"

-- Seconds for each race in `make test`; a part of the rig has its part of them.
local SHORT <const> = 0.15

local function texts(at, name)
  return {
    at.canary .. name,
    "../canary" .. name,
    ("../"):rep(20) .. at.canary:sub(2) .. name,
  }
end

--- The root: a directory /vol with what the calls use, and beside it a link.
local function lay(at, text)
  stage.renew(at)
  mkdir(at.root .. "/vol/sub", { parents = true })
  mkdir(at.root .. "/vol/empty")
  write_file(at.root .. "/vol/secret", "inside")
  write_file(at.root .. "/vol/passwd", "inside")
  symlink(text, at.root .. "/trap")
end

local function attempt(list, root, path, at, count)
  for _, call in ipairs(list) do
    local done, answer = calls.attempt(call, root, path)
    count.tries, count.done = count.tries + 1, count.done + (done and 1 or 0)
    local told = done and calls.leak(answer, at.watch)
    if told then
      error(("%s of %q: %s"):format(call[1], path, told), 0)
    end
  end
end

--- Repeats a body for the time of a race. What it finds is looked at now and then, not at the end
--- alone: a later call could put right what an earlier one did wrong.
local function repeated(at, what, body)
  local _, step = stage.part()
  local ends = clock("monotonic") + (stage.long() or SHORT / math.min(step, 4))
  local looked = clock("monotonic")
  repeat
    body()
    if clock("monotonic") - looked > 0.2 then
      at.watch:check(what, { "tree" })
      looked = clock("monotonic")
    end
  until clock("monotonic") > ends
  at.watch:check(what, { "tree", "mounts" })
end

local RACES = {}

local function race(name, body)
  RACES[#RACES + 1] = { name = name, body = body }
end

--- A race of two names in the root, once for each text of the link.
local function exchanged(at, what, count, body)
  count.exchanges = count.exchanges
    + racer.during(at.root .. "/vol", at.root .. "/trap", function()
      repeated(at, what, body)
    end)
end

race("a handle, with the directory on the way", function(at, count)
  for _, text in ipairs(texts(at, "")) do
    lay(at, text)
    local root <close> = rootfs_open(at.root)
    exchanged(at, text, count, function()
      attempt(calls.FILES, root, "/vol", at, count)
      attempt(calls.UNDO, root, "/vol", at, count)
    end)
  end
end)

race("a handle, with a file as the last component", function(at, count)
  for _, text in ipairs(texts(at, "/secret")) do
    stage.renew(at)
    write_file(at.root .. "/vol", "inside")
    symlink(text, at.root .. "/trap")
    local root <close> = rootfs_open(at.root)
    exchanged(at, text, count, function()
      attempt(calls.FILES, root, "/vol", at, count)
    end)
  end
end)

race("a handle, where going up means another directory each time", function(at, count)
  stage.renew(at)
  local deep = at.root .. "/a/b/c"
  for _, dir in ipairs { deep .. "/vol", at.root .. "/out/vol" } do
    mkdir(dir, { parents = true })
    symlink(("../"):rep(12) .. at.canary:sub(2), dir .. "/up")
  end
  local root <close> = rootfs_open(at.root)
  count.exchanges = count.exchanges
    + racer.during(deep, at.root .. "/out", function()
      repeated(at, "up", function()
        for _, path in ipairs {
          "/a/b/c/vol/up",
          "/a/b/c/vol/../../../../../canary",
          "/out/vol/../../canary",
        } do
          attempt(calls.FILES, root, path, at, count)
        end
      end)
    end)
end)

race("mounts of a handle", function(at, count)
  for _, text in ipairs(texts(at, "")) do
    lay(at, text)
    exchanged(at, text, count, function()
      local numbers = pipe()
      local child <close> = spawn({ unshare = { "mnt" } }, function()
        local bound, err = try(rootfs_open, at.root, { bind = true })
        if err and not stage.is_refusal(tostring(err)) then
          error(err, 0)
        end
        local root <close> = bound or rootfs_open(at.root)
        local found = { tries = 0, done = 0 }
        attempt(calls.MOUNTS, root, "/vol", at, found)
        local mounts = read_file("/proc/self/mountinfo")
        if mounts:find(at.canary, 1, true) or mounts:find(" /canary", 1, true) then
          error("a mount at the canary: " .. mounts, 0)
        end
        numbers.write:write(("%d %d"):format(found.tries, found.done))
      end)
      child:wait()
      numbers.write:close()
      local tries, done = (numbers.read:read(32) or ""):match("(%d+) (%d+)")
      numbers.read:close()
      count.tries, count.done = count.tries + tries, count.done + done
    end)
  end
end)

--- A container's root made in a child: volumes below the place, masks, and what is protected.
--- Answers whether it was made; what `inside` finds wrong in it fails the case.
local function furnish(at, spec, inside)
  local plan = rootfs.prepare(spec, { bundle = at.path, id = "race" })
  local how = { unshare = { "mnt", "pid" }, propagation = plan.propagation }
  local child <close> = spawn(how, function()
    local made, err = try(rootfs.furnish, plan)
    local mounts = read_file("/proc/self/mountinfo")
    if mounts:find(" " .. at.canary, 1, true) then
      error("a mount at the canary: " .. mounts, 0)
    end
    if not err then
      local _, refused = try(rootfs.enter, plan, made)
      err = refused
    end
    if err then
      return (err.errno or err.message) and 3 or 4
    end
    return inside and inside() or 0
  end)
  local code = child:wait().code
  if code ~= 0 and code ~= 3 then
    error("a container's root: status " .. code, 0)
  end
  return code == 0
end

race("a container's volumes, masks and read-only paths", function(at, count)
  local spec = roots.spec_of({
    roots.PROC,
    { destination = "/vol/a/b", type = "tmpfs", source = "tmpfs" },
    { destination = "/vol/etc", type = "bind", source = "/etc", options = { "rbind", "ro" } },
    { destination = "/vol/f", source = "/etc/passwd", options = { "bind" } },
    { destination = "/vol/sub", type = "tmpfs", source = "tmpfs", options = { "tmpcopyup" } },
  }, { maskedPaths = { "/vol/passwd", "/vol" }, readonlyPaths = { "/vol", "/vol/sub" } })
  for _, text in ipairs(texts(at, "")) do
    lay(at, text)
    exchanged(at, text, count, function()
      local made = furnish(at, spec)
      count.tries, count.done = count.tries + 1, count.done + (made and 1 or 0)
    end)
  end
end)

race("/dev/null of an image, with files to be masked", function(at, count)
  local spec = roots.spec_of({ roots.PROC }, { maskedPaths = { "/masked" } })
  for _, text in ipairs(texts(at, "/secret")) do
    stage.renew(at)
    mkdir(at.root .. "/dev")
    write_file(at.root .. "/masked", "inside")
    local root <close> = rootfs_open(at.root)
    root:mknod("/dev/null", { type = "c", major = 1, minor = 3 })
    symlink(text, at.root .. "/dev/trap")
    count.exchanges = count.exchanges
      + racer.during(at.root .. "/dev/null", at.root .. "/dev/trap", function()
        repeated(at, text, function()
          local made = furnish(at, spec, function()
            local found = stat("/masked")
            return found.type == "char" and found.major == 1 and found.minor == 3 and 0 or 5
          end)
          count.tries, count.done = count.tries + 1, count.done + (made and 1 or 0)
        end)
      end)
  end
end)

race("the unpacking of a layer", function(at, count)
  local members = {
    { name = "vol/", type = "directory", mode = 511 },
    { name = "vol/new", data = "harm" },
    { name = "vol/secret", data = "harm" },
    { name = "vol/sub/deep/er/file", data = "harm" },
    { name = "vol/newlink", type = "symlink", link = "secret" },
    { name = "vol/hard", type = "hardlink", link = "vol/secret" },
    { name = "vol/.wh.passwd" },
    { name = "vol/empty/", type = "directory", mode = 511 },
    { name = "vol/empty/.wh..wh..opq" },
  }
  write_file(at.path .. "/layer.tar", tar.archive(members))
  for _, text in ipairs(texts(at, "")) do
    lay(at, text)
    local root <close> = rootfs_open(at.root)
    exchanged(at, text, count, function()
      local _, err = try(root.unpack, root, at.path .. "/layer.tar", { whiteouts = true })
      count.tries, count.done = count.tries + 1, count.done + (err and 0 or 1)
    end)
  end
end)

race("the command `run`", function(at, count)
  local bench <close> = oci.bench()
  local spec = oci.spec { "true" }
  spec.root = { path = at.root }
  for _, target in ipairs { "/vol/a/b", "/vol" } do
    spec.mounts[#spec.mounts + 1] =
      { destination = target, type = "bind", source = "/etc", options = { "rbind", "ro" } }
  end
  spec.linux.maskedPaths = { "/vol/passwd" }
  bench:write(spec)
  lay(at, at.canary)
  capture { "cp", "-a", bench.rootfs .. "/.", at.root }
  exchanged(at, "run", count, function()
    local code, said = bench:detached { "run", "--bundle", bench.path, "race" }
    count.tries, count.done = count.tries + 1, count.done + (code == 0 and 1 or 0)
    if code ~= 0 and (said == "" or said:find("traceback", 1, true)) then
      error("run: not a clear error: " .. said, 0)
    end
  end)
end)

test.case("nothing that is exchanged leads out of a root", { "root", "minutes:30" }, function(t)
  stage.run(function(at)
    local sum = { exchanges = 0, tries = 0 }
    for _, one in ipairs(RACES) do
      local count = { exchanges = 0, tries = 0, done = 0 }
      one.body(at, count)
      print(
        ("  %-62s exchanges %8d, tries %7d, done %7d, escapes 0"):format(
          one.name,
          count.exchanges,
          count.tries,
          count.done
        )
      )
      t.ok(count.exchanges > 0 and count.tries > 0, one.name .. ": there was a race")
      sum.exchanges, sum.tries = sum.exchanges + count.exchanges, sum.tries + count.tries
    end
    print(("  in all: exchanges %d, tries %d"):format(sum.exchanges, sum.tries))
  end, { program = true })
end)

-- Each makes sure that /vol is a directory, and then goes there by its path: as careful as most
-- programs are.
local CARELESS = {
  mkdir = function(vol, number)
    mkdir(vol .. "/new" .. number)
  end,
  write = function(vol)
    write_file(vol .. "/secret", "harm")
  end,
  ["make a file"] = function(vol, number)
    write_file(vol .. "/new" .. number, "", { exclusive = true })
  end,
  chmod = function(vol)
    chmod(vol .. "/secret", "0777")
  end,
  chown = function(vol)
    chown(vol .. "/secret", { uid = 1 })
  end,
  unlink = function(vol)
    remove(vol .. "/passwd")
  end,
  rename = function(vol, number)
    rename(vol .. "/secret", vol .. "/renamed" .. number)
  end,
}

-- A second would do; a machine with other work to do may take its time.
local PATIENCE <const> = 30

--- Races a body that goes by paths until it has fallen, which it must, with a canary of its own.
local function falls(t, at, name, body)
  remove(at.canary, { recursive = true })
  at.watch = canary.plant(at.canary, nil, { "tree" })
  lay(at, at.canary)
  local vol, tries, fallen = at.root .. "/vol", 0, false
  local ends = clock("monotonic") + PATIENCE
  racer.during(vol, at.root .. "/trap", function()
    while not fallen and clock("monotonic") < ends do
      local found = stat(vol, { nofollow = true })
      if found and found.type == "directory" then
        tries = tries + 1
        fallen = body(vol, tries)
      end
    end
  end)
  t.ok(fallen, ("%s: it has got away %d times"):format(name, tries))
end

test.case("a careless program falls, whatever it changes", { "root", "minutes:5" }, function(t)
  stage.run(function(at)
    for name, careless in pairs(CARELESS) do
      falls(t, at, name, function(vol, number)
        try(careless, vol, number)
        return #at.watch:complaints() > 0
      end)
    end
  end, { unwatched = true })
end)

test.case("a careless program falls when it reads, and when it mounts", { "root" }, function(t)
  stage.run(function(at)
    falls(t, at, "read", function(vol)
      return try(read_file, vol .. "/secret") == canary.SECRET
    end)
    falls(t, at, "mount", function(vol)
      local child <close> = spawn({ unshare = { "mnt" } }, function()
        local found = stat(vol, { nofollow = true })
        if found and found.type == "directory" then
          try(mount, "/etc", vol .. "/sub", { bind = true })
        end
        return read_file("/proc/self/mountinfo"):find(" " .. at.canary, 1, true) and 7 or 0
      end)
      return child:wait().code == 7
    end)
  end, { unwatched = true })
end)

return test.run()

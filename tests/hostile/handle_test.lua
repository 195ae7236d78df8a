-- A rootfs handle on every hostile root: whatever is asked of it stays inside, or is refused.

local calls = require "test.hostile.calls"
local stage = require "test.hostile.stage"
local test = require "test"
local variants = require "test.hostile.variants"

-- What a variant is tried with where the root as a whole is hostile.
local WHOLE = { "/vol", "/srv", "/home/user", "/opt", "/etc", "/disk0", "/chain0", "/\xff\xfe" }

local function places(variant)
  return variant.place and { "/" .. variant.place } or WHOLE
end

local function try_all(root, at, variant, list, count)
  for _, path in ipairs(places(variant)) do
    for _, call in ipairs(list) do
      local done, answer = calls.attempt(call, root, path)
      count.tries, count.done = count.tries + 1, count.done + (done and 1 or 0)
      local told = done and calls.leak(answer, at.watch)
      if told then
        error(("%s: %s of %q: %s"):format(variant.name, call[1], path, told), 0)
      end
    end
  end
end

local function chosen()
  return stage.some(stage.long() and variants.every() or variants.list())
end

local function with_each(body)
  return function(t)
    stage.run(function(at)
      local count = { tries = 0, done = 0 }
      for _, variant in ipairs(chosen()) do
        stage.renew(at)
        variants.lay(variant, at.root, at.canary)
        body(t, at, variant, count)
        at.watch:check(variant.name, { "tree", "mounts" })
      end
      print(("  %d roots, %d calls, %d of them done"):format(#chosen(), count.tries, count.done))
      t.ok(count.done > count.tries / 10 and count.done < count.tries, "some are done")
    end, { frozen = true })
  end
end

test.case(
  "no call of a handle leaves a hostile root, or tells of what is outside",
  { "root" },
  with_each(function(_, at, variant, count)
    local root <close> = rootfs_open(at.root)
    try_all(root, at, variant, calls.FILES, count)
  end)
)

test.case(
  "no mount of a handle leaves a hostile root, with a procfs in it",
  { "root" },
  with_each(function(t, at, variant, count)
    -- The child's counts are its own; a failure in it is the case's.
    local numbers = pipe()
    local child <close> = spawn({ unshare = { "mnt", "pid" } }, function()
      local found = { tries = 0, done = 0 }
      local bound, err = try(rootfs_open, at.root, { bind = true })
      t.ok(bound or stage.is_refusal(tostring(err)), tostring(err))
      local root <close> = bound or rootfs_open(at.root)
      -- With it the links to /proc/self/root and its like are what they seem.
      try(root.proc, root)
      try_all(root, at, variant, calls.FILES, found)
      try_all(root, at, variant, calls.MOUNTS, found)
      local mounts = read_file("/proc/self/mountinfo")
      t.ok(not mounts:find(" " .. at.canary, 1, true), variant.name .. ": at the canary")
      at.watch:check(variant.name, { "tree" })
      numbers.write:write(("%d %d"):format(found.tries, found.done))
    end)
    numbers.write:close()
    local tries, done = (numbers.read:read(32) or ""):match("(%d+) (%d+)")
    numbers.read:close()
    t.eq(child:wait().code, 0, variant.name)
    count.tries, count.done = count.tries + tries, count.done + done
  end)
)

return test.run()

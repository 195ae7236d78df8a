-- What the checks of exercises 2 and 3 read: groups by name, points of a box, the red team's
-- matrix.

local attacks = require "lab.ex3.attacks"
local boxes = require "lab.ex3.boxes"
local cgroup = require "cgroup"
local facts = require "scenario.facts"
local groups = require "lab.ex2.groups"
local score = require "lab.ex3.score"
local test = require "test"

local function facts_of(group, own)
  return facts.new { answers = {}, given = { group = group }, own = own or {} }
end

--- The fact that a check has failed with.
local function failure(body, ...)
  local _, err = try(body, ...)
  return facts.failure(err) or {}
end

test.case("a group that is not there is told with the directory that was meant", {
  "root",
  "cgroup:memory",
}, function(t)
  local fact = failure(groups.find, facts_of "never-made", "memory")
  t.match(fact.what, "no group 'never-made'", true)
  t.match(fact.expected, "/never%-made$")
end)

test.case("a shell in the group is told from a load in it", { "root", "cgroup:pids" }, function(t)
  local made <close> = cgroup.make("lab-holds", { pids = 20 })
  local function load(group)
    local child = spawn({ cgroup = group }, function()
      exec { "sleep", "60" }
    end)
    child:started()
    return child
  end
  local outside <close> = load(nil)
  local inside <close> = load(made)
  local shell <close> = spawn(function()
    made:enter()
    local below <close> = load(nil)
    below:wait()
  end)
  local below
  for _ = 1, 500 do
    below = (proc_children(shell.pid) or {})[1]
    if below then
      break
    end
    poll({}, { timeout = "10ms" })
  end
  local given = facts_of "lab-holds"
  local found <close> = groups.find(given, "pids")
  groups.holds(given, found, inside.pid)
  t.match(failure(groups.holds, given, found, outside.pid).what, "is not in the group", true)
  t.match(failure(groups.holds, given, found, below).what, "your shell is in the group", true)
  groups.holds(given, found, below, { nested = true })
  local lab = facts_of("lab-holds", { shell.pid })
  t.match(failure(groups.holds, lab, found, inside.pid).what, "this program itself", true)
end)

test.case("a box of namespaces alone has no point for its rights", { "root" }, function(t)
  local box <close> = boxes.spawn({ "mnt", "pid", "uts" }, function()
    exec { "sleep", "60" }
  end)
  box:started()
  local points, rows = score.of(box.pid)
  t.eq(#score.lacking(rows), 10 - points)
  t.ok(points <= 2, points .. " points")
  t.fails("does not run", score.of, 2147483647)
end)

test.case("the course's box has three or four points of ten, and no filter", { "root" }, function(t)
  local place <close> = temp_dir()
  local box <close> = boxes.course { dir = place.path }
  box:started()
  local points, rows = score.of(box.pid)
  t.ok(points >= 2 and points <= 4, points .. " points")
  local lacking = table.concat(score.lacking(rows), "; ")
  for _, name in ipairs {
    "no_new_privs",
    "a seccomp filter",
    "a root of its own",
    "a read-only root",
  } do
    t.match(lacking, name, true)
  end
end)

test.case("a layer is in the matrix only where the kernel has it", { "root" }, function(t)
  local function matrix(body)
    local box <close> = boxes.spawn({ "mnt", "pid" }, function()
      body()
      exec { "sleep", "60" }
    end)
    box:started()
    -- Asked by a brother: nobody may trace a child of its own so.
    local said = pipe()
    local brother <close> = spawn(function()
      said.write:write(json_encode(attacks.matrix(box.pid)))
    end)
    said.write:close()
    local found = json_decode(said.read:read())
    brother:wait()
    return found
  end
  local naked = matrix(function() end)
  t.eq(naked.chroot, {})
  t.eq(naked.keyctl, {})
  t.eq(attacks.words(naked.ptrace), { "ns" })
  local without = matrix(function()
    drop_caps { "sys_chroot" }
  end)
  t.eq(attacks.words(without.chroot), { "cap" })
  t.eq(without.mount, {})
  local filtered = matrix(function()
    seccomp { default = "allow", errno = { "keyctl", "add_key", "request_key" } }
  end)
  t.eq(attacks.words(filtered.keyctl), { "seccomp" })
  t.eq(attacks.words(filtered.setuid), { "nnp" })
  t.eq(filtered.chroot, {})
  -- One of three ways that is left open is no refusal.
  local half = matrix(function()
    seccomp { default = "allow", errno = { "keyctl", "add_key" } }
  end)
  t.eq(half.keyctl, {})
end)

return test.run()

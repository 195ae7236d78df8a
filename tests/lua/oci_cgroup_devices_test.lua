-- Which devices an OCI container may use: rules as lists of v1 and as programs of v2.

local devices = require "oci.cgroup.devices"
local groups = require "test.groups"
local test = require "test"

local group_of = groups.of
local lines = groups.lines
local opens = groups.opens

test.case(
  "rules decide in order, and what every container needs stays open",
  { "root", "cgroup:pids" },
  function(t)
    local deny = { { allow = false, access = "rwm" } }
    local group, guard = group_of { devices = deny }
    local closing <close> = guard
    t.eq(opens(group, "/dev/null", { read = true, write = true }), 0)
    t.eq(opens(group, "/dev/urandom", { read = true }), 0)
    t.eq(opens(group, "/dev/kmsg", { read = true }), 1)
    group:set {
      devices = { deny[1], { allow = true, type = "c", major = 1, minor = 11, access = "r" } },
    }
    t.eq(opens(group, "/dev/kmsg", { read = true }), 0)
    t.eq(opens(group, "/dev/kmsg", { write = true }), 1)
    group:set {
      devices = {
        { allow = true, access = "rwm" },
        { allow = false, type = "c", major = 1, minor = 3 },
      },
    }
    t.eq(opens(group, "/dev/kmsg", { write = true }), 0)
    t.eq(opens(group, "/dev/null", { read = true }), 1)
  end
)

test.case("a list of devices becomes another by its difference", function(t)
  local deny = { { allow = false, access = "rwm" } }
  local function writes(text, given)
    local made = devices.difference(text, devices.rules(given))
    return made and lines(made)
  end
  t.eq(writes("a *:* rwm\n", deny), nil)
  t.eq(writes("", { { allow = true, access = "rwm" } }), nil)
  local partly = {
    deny[1],
    { allow = true, type = "c", major = 10, access = "rw" },
    { allow = false, type = "c", major = 10, minor = 229 },
  }
  t.eq(writes("c 10:* rw\n", partly), nil)
  local usual = "b *:* m\nc *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\nc 1:9 rwm\n"
    .. "c 5:0 rwm\nc 5:1 rwm\nc 5:2 rwm\nc 136:* rwm\n"
  t.eq(writes(usual, deny), {})
  local more = { deny[1], { allow = true, type = "c", major = 10, minor = 229, access = "rw" } }
  t.eq(writes(usual, more), { "devices.allow c 10:229 rw" })
  t.eq(writes(usual .. "c 10:229 rwm\n", more), { "devices.deny c 10:229 m" })
  t.eq(writes(usual .. "b 8:0 rwm\n", more), {
    "devices.allow c 10:229 rw",
    "devices.deny b 8:0 rwm",
  })
end)

test.case(
  "an update of devices denies no device for a moment that both lists allow",
  { "root", "cgroup:v1", "cgroup:devices" },
  function(t)
    local deny = { allow = false, access = "rwm" }
    local group, guard = group_of { devices = { deny } }
    local closing <close> = guard
    local stop = pipe()
    -- Opens devices as fast as it can until it is told to end: 0 if each opening went well.
    local child <close> = spawn({ cgroup = group.handle }, function()
      stop.write:close()
      while #poll({ stop.read }, { timeout = 0 }) == 0 do
        local fd, err = try(open, "/dev/null", { read = true })
        if err then
          return err.errno == "EPERM" and 1 or 2
        end
        fd:close()
      end
      return 0
    end)
    local list = group.opened.paths.devices .. "/devices.list"
    local kmsg = { allow = true, type = "c", major = 1, minor = 11, access = "r" }
    local all, none = { allow = true, access = "rwm" }, read_file(list)
    for turn = 1, 60 do
      -- From "everything" there is no way line by line: then nobody runs meanwhile.
      local open_all = turn % 10 == 0
      group:set { devices = open_all and { all } or turn % 2 == 0 and { deny, kmsg } or { deny } }
      t.ok(not group:frozen())
      t.eq(read_file(list):find("c 1:11 r\n", 1, true) ~= nil, turn % 2 == 0 and not open_all)
    end
    group:set { devices = { deny } }
    t.eq(read_file(list), none)
    stop.write:close()
    local ended = child:wait().code
    stop.read:close()
    t.eq(ended, 0)
  end
)

return test.run()

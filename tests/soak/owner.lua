-- The long process of the soak: it makes containers for as long as it is told to, a line each on
-- its standard input, and answers a line each. `once` as its first argument: one container, and the
-- end, for an owner that is to be killed.
--
--     crun-lua owner.lua ROOT            then lines: make NAME KIND, pid NAME, memory, leak KIND
--     crun-lua owner.lua ROOT once NAME KIND
local container = require "container"

local root = arg[1]
local USR = { "/usr:/usr:ro" }

--- The kinds of containers: what differs in what they hold of the host's.
local KINDS = {
  host = { rootfs = "host", memory = "64M", pids = 64 },
  plain = { rootfs = "host" },
  dir = { rootfs = root, memory = "64M", volumes = USR, tmpfs = { ["/mnt"] = { size = "1m" } } },
  detached = { rootfs = root, memory = "64M", volumes = USR, detach = true },
  network = { rootfs = "host", network = { mode = "bridge", publish = { "18080:80" } } },
}

local function options(name, kind)
  local given = { name = name }
  for key, value in pairs(KINDS[kind]) do
    given[key] = value
  end
  return given
end

--- A whole life. `step` is called between two steps, with the name of what comes next.
local function live(name, kind, step)
  local box <close> = container.new(options(name, kind))
  step("create", box)
  box:create { "sleep", "1000" }
  step("start", box)
  box:start()
  step("exec", box)
  local result = box:exec({ "true" }, { stdio = "null", timeout = "30s" })
  step("kill", box)
  box:kill "kill"
  local ended = box:wait { timeout = "30s" }
  step("delete", box)
  box:delete()
  return result.code, ended and ended.code
end

--- Forgets a container of which a step has failed: as its user would, through its name.
local function give_up(name)
  local box = container.get(name)
  if box then
    box:delete { force = true }
  end
end

--- What an error says, in one line, with the causes below it.
local function told(err)
  return (tostring(err):gsub("%s+", " "))
end

local leaked = {}

--- What a leak would look like: the soak must notice each.
local LEAKS = {
  fd = function() leaked[#leaked + 1] = open "/dev/null" end,
  memory = function() leaked[#leaked + 1] = ("x"):rep(256 << 10) .. #leaked end,
  cgroup = function(name)
    -- On cgroup v2 a group that this process stands in shares out no controllers.
    cgroup_set("left-" .. name, cgroup_layout().kind ~= "v2" and { pids = 5 } or {}):keep()
  end,
  state = function(name) write_file(state_dir() .. "/left-" .. name, "") end,
  mount = function(name)
    mkdir(root .. "/mnt/" .. name)
    mount("none", root .. "/mnt/" .. name, { type = "tmpfs", host = true }):keep()
  end,
  link = function(name) veth("left" .. name:sub(-6), "other" .. name:sub(-6)):keep() end,
  process = function()
    spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
      exec { "sleep", "1000" }
    end):keep()
  end,
}

local leak

--- Makes a container; what is injected into it is the kernel's doing, or that of `step`.
local function make(name, kind, break_at)
  local code, ended
  local _, err = try(function()
    code, ended = live(name, kind, function(step, box)
      if step == break_at then
        -- Whoever listens does what is to happen now, and lets this go on.
        print("at", step, box.record and box:status().pid or 0)
        io.read "l"
      end
    end)
  end)
  if err then
    local _, again = try(give_up, name)
    if again then
      return "failed", told(err) .. " | then delete: " .. told(again)
    end
    return "failed", told(err)
  elseif code ~= 0 or ended ~= 137 then
    return "failed", ("exec answered %s, the container %s"):format(code, ended)
  end
  for word in (leak or ""):gmatch "[^,]+" do
    LEAKS[word](name)
  end
  return "made"
end

if arg[2] == "once" then
  assert(live(arg[3], arg[4], function() end) == 0)
  return
end

io.stdout:setvbuf "line"
for line in io.lines() do
  local word, name, kind, break_at = line:match "^(%S+) ?(%S*) ?(%S*) ?(%S*)$"
  if word == "make" then
    print(make(name, kind, break_at))
  elseif word == "forget" then
    local _, err = try(give_up, name)
    print(err and told(err) or "forgotten")
  elseif word == "leak" then
    leak = name
    print "leaks"
  elseif word == "memory" then
    collectgarbage()
    collectgarbage()
    print(collectgarbage "count")
  end
end

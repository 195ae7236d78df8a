--- A user namespace without a map: all ids are the overflow id, and nobody in it is anybody. It is
--- what `unshare --user` makes when nobody writes the map.
local boxes = require "lab.ex5.boxes"
local fault = require "lab.ex5.fault"

--- What an id of the host is in there; nil where the map does not have it.
local function inside_of(ranges, id)
  for _, range in ipairs(ranges or {}) do
    if id >= range.outside and id < range.outside + range.count then
      return range.inside + id - range.outside
    end
  end
end

local function check(kind, read, file)
  return function(t)
    local pid = t.given.pid
    local id = t:status(pid)[kind].effective
    t:eq(
      inside_of(read(pid), id) or "not in the map",
      0,
      ("what %s %d of the host, as which it runs, is inside"):format(kind, id),
      ("cat /proc/%d/%s"):format(pid, file)
    )
  end
end

return fault {
  id = "nobody",
  title = "Everything belongs to nobody",
  symptom = [[
In the box of process given.pid every file belongs to 65534, `id` says 65534 as well, and a program
that wants to become root is told "Invalid argument". Its user should be root inside.]],
  cause = "no-map",
  choices = {
    { "no-map", "nobody has said what its ids are outside" },
    {
      "lost-files",
      "the owners of the files were changed",
      why = "outside, the same files have the owners that they had: only the view differs",
    },
    {
      "no-capability",
      "it lacks CAP_SETUID",
      why = 'that would be "Operation not permitted"; "Invalid argument" is an unknown id',
    },
    {
      "nobody-user",
      "it was started as the user nobody",
      why = "outside it runs as you: compare Uid in /proc/PID/status",
    },
  },
  needs = { "userns" },
  setup = function(t)
    t:give { pid = boxes.sleeper({ "user", "mnt" }, nil, { id_map = "none" }) }
  end,
  repair = function(t)
    id_map(t.given.pid, "root")
  end,
  observe = {
    "nsenter -t $pid -U --preserve-credentials id",
    "grep -E '^(Uid|Gid)' /proc/$pid/status",
    "cat /proc/$pid/uid_map /proc/$pid/gid_map",
  },
  checks = {
    { "its user is root inside", check("uid", uid_map, "uid_map") },
    { "its group is root's inside", check("gid", gid_map, "gid_map") },
  },
  hints = {
    "An id that is in no map is shown as 65534. What do the map's files say of this process?",
    "A map is written once, from outside, by whoever made the namespace: /proc/PID/uid_map and "
      .. "gid_map.",
    "Three columns: inside, outside, how many. Without rights setgroups must be denied before "
      .. "the groups.",
  },
  decoys = {
    {
      "only the users are mapped",
      function(t)
        local id = proc_status().uid.effective
        write_file(("/proc/%d/uid_map"):format(t.given.pid), ("0 %d 1\n"):format(id))
      end,
      says = "gid",
    },
    {
      "mapped to itself, which is root inside only for root",
      function(t)
        id_map(t.given.pid, { uid = 1000, gid = 1000 })
      end,
      says = "is inside",
    },
  },
  lesson = [[
A user namespace is born without ids. Who makes it writes its maps, once, before anything in it may
become anybody; `unshare --map-root-user` and `spawn` do, newuidmap does for ranges.]],
}

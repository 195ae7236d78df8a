--- Programs that parts of the stdlib run, with the packages that bring them.
---
--- ```lua
--- local rows = {}
--- require "doctor.programs"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "nft")
--- ```
local probe = require "doctor.probe"

--- One of several programs is enough; Debian's packages.
local WANTED = {
  { any = { "nft" }, package = "nftables", meaning = "nft and nat" },
  { any = { "tc" }, package = "iproute2", meaning = "bad lines on purpose (netem)" },
  { any = { "newuidmap" }, package = "uidmap", meaning = "ranges of ids for ordinary users" },
  { any = { "newgidmap" }, package = "uidmap", meaning = "the same for groups" },
  {
    any = { "pasta", "slirp4netns" },
    package = "passt",
    meaning = "a way out for containers of ordinary users",
  },
  {
    any = { "mmdebstrap", "debootstrap" },
    package = "mmdebstrap",
    meaning = "roots that are a whole Debian",
  },
}

---@param add fun(row: doctor.Row)
return function(add)
  for _, wanted in ipairs(WANTED) do
    local found
    for _, name in ipairs(wanted.any) do
      found = found or probe.program(name)
    end
    add {
      name = table.concat(wanted.any, " or "),
      ok = found ~= nil,
      found = found,
      meaning = wanted.meaning,
      reason = not found and "not in PATH" or nil,
      remedy = "apt install " .. wanted.package,
    }
  end
end

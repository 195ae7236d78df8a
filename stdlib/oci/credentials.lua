--- Capabilities and users of a process, as its configuration says them and as they can be had.
---
--- A capability that cannot be granted, because the kernel does not know it or the runtime does not
--- have it, is a warning and no error, as the specification wants since version 1.1. Before that a
--- name that the kernel does not know is an error; one that is merely out of reach is a warning
--- there too, for engines ask for all that the kernel has.
---
--- ```lua
--- local credentials = require "oci.credentials"
---
--- assert(credentials.name "CAP_NET_RAW" == "net_raw")
--- local user = credentials.parse_user "1000:100"
--- assert(user.uid == 1000 and user.gid == 100)
--- ```
local options = require "options"

local M = {}

local SETS = { "bounding", "permitted", "effective", "inheritable", "ambient" }

--- The kernel's name of a capability, as primitives take it.
---@param text string CAP_NET_RAW
---@return string
function M.name(text)
  return (text:lower():gsub("^cap_", ""))
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

--- What may be granted: in a new user namespace everything that the kernel knows.
local function grantable(userns)
  if userns then
    return set_of(caps_decode(("f"):rep(16)))
  end
  return set_of(caps_get(nil, { sets = { "bounding" } }).bounding)
end

--- Fails where a bundle was written for a text that wants every name known to the kernel.
local function check_names(given, version)
  if not require("oci.version").before(version, 1) then
    return
  end
  local known = set_of(caps_decode(("f"):rep(16)))
  for _, kind in ipairs(SETS) do
    for _, text in ipairs(given[kind] or {}) do
      if not known[M.name(text)] then
        local hint = "ociVersion 1.1.0 and later make this a warning"
        options.fail("oci", ("unknown capability %q"):format(text), hint)
      end
    end
  end
end

--- The five sets. What cannot be granted is told once; what a set may not hold without another one,
--- such as ambient without inheritable, is left out without a word: `runc spec` writes such sets.
---@param given? table process.capabilities
---@param userns boolean
---@param version? string ociVersion
---@return table<string, string[]>
function M.capabilities(given, userns, version)
  if given and version then
    check_names(given, version)
  end
  local may, refused, sets = grantable(userns), {}, {}
  -- Who holds whom (capabilities(7)): permitted needs no bounding.
  local within = { effective = "permitted", ambient = "inheritable" }
  for _, kind in ipairs(SETS) do
    local holder = within[kind] and set_of(sets[within[kind]])
    local list = {}
    for _, text in ipairs(given and given[kind] or {}) do
      local name = M.name(text)
      if not may[name] then
        refused[text] = true
      elseif not holder or holder[name] then
        list[#list + 1] = name
      end
    end
    sets[kind] = list
  end
  local permitted = set_of(sets.permitted)
  for index = #sets.ambient, 1, -1 do
    if not permitted[sets.ambient[index]] then
      table.remove(sets.ambient, index)
    end
  end
  local names = options.keys(refused)
  if #names > 0 then
    require("oci.log").warn("capabilities that cannot be granted: " .. table.concat(names, ", "))
  end
  return sets
end

--- The numbers of `--user`; anything but digits is refused: a name that is read as 0 would be root
--- (CVE-2026-30892).
---@param text string UID[:GID]
---@return { uid: integer, gid: integer? }
function M.parse_user(text)
  local uid, gid = text:match("^(%d+)$"), nil
  if not uid then
    uid, gid = text:match("^(%d+):(%d+)$")
  end
  local user = { uid = math.tointeger(tonumber(uid)), gid = math.tointeger(tonumber(gid)) }
  if not user.uid or user.uid > 0xfffffffe or (user.gid or 0) > 0xfffffffe then
    options.fail("oci", ("invalid user %q"):format(text), "UID or UID:GID, in digits")
  end
  return user
end

--- The user of a process, whole: what is not said is 0, as in runc and crun.
---@param given? table process.user
---@return table
function M.user(given)
  local user = options.copy(given or {})
  user.uid, user.gid = user.uid or 0, user.gid or 0
  return user
end

--- Whether supplementary groups may be changed at all: not in the namespace of an ordinary user,
--- who could shed a group that takes rights away (user_namespaces(7)).
local function may_set_groups()
  return (read_file("/proc/self/setgroups") or "allow"):find("^allow") ~= nil
end

--- Becomes the user, with all that it was permitted before still permitted; in the child.
---@param user table process.user
---@param userns boolean
---@param keep? boolean stay in the caller's groups, and in no others
---@return table found what `setuser` answers
function M.become(user, userns, keep)
  local groups = json_array(user.additionalGids or {})
  if keep then
    groups = "keep"
  elseif userns and not may_set_groups() then
    if #groups > 0 then
      options.fail(
        "oci",
        "supplementary groups cannot be set here",
        "/proc/self/setgroups denies it"
      )
    end
    groups = "keep"
  end
  if user.uid ~= 0 then
    -- Else the change from uid 0 empties the permitted set; exec forgets this again.
    keep_caps()
  end
  local name = ("%d:%d"):format(user.uid, user.gid)
  local found, err = try(setuser, name, { groups = groups })
  if err and err.errno == "EPERM" and userns and #groups == 0 then
    -- Without /proc nobody could be asked.
    return setuser(name, { groups = "keep" })
  elseif err then
    error(err, 0)
  end
  return found
end

return M

--- How one table of changes is laid over a profile: a rule for each key, and none that weakens a
--- profile without being told so.
---
--- | key | a change |
--- |---|---|
--- | `caps` | `{ "+a", "-b" }` relative, `{ "a" }` all of them, `false` or `{}` none |
--- | `seccomp` | `{ allow = { "+x", "-y" } }`, a whole spec with `default`, `false` for no filter |
--- | `masked`, `readonly_paths`, `pinned` | added; `"-x"` removes; `false` none |
--- | `secrets`, `unsearched`, `requires` | the same |
--- | `landlock` | its lists as those above, `net` and `scope` too; `false` off |
--- | `limits`, `rlimits`, `tmpfs`, `present` | replaced key by key; `false` removes a key, or all |
--- | `env` | `keep` added, `set` replaced name by name; `false` none |
--- | `volumes` | added; `false` none |
--- | the others | replaced; `false` for none |
---
--- What is removed must be there: a misspelt "-…" would leave in what was meant to go, or worse.
---
--- ```lua
--- local compose = require "hardening.compose"
---
--- local base = { caps = { "chown" }, masked = { "/proc/kcore" } }
--- local made = compose.change("profile", base, { caps = { "+kill" }, masked = { "/proc/keys" } })
--- assert(#made.caps == 2 and #made.masked == 2 and #base.caps == 1)
--- ```
local options = require "options"
local seccomp = require "hardening.seccomp"

local M = {}

local ALL_CAPS = "ffffffffffffffff"

-- By name; a number stands for a capability that has none yet.
local known_caps

local function cap_names()
  if not known_caps then
    known_caps = {}
    for _, name in ipairs(caps_decode(ALL_CAPS)) do
      if not name:find("^%d") then
        known_caps[#known_caps + 1] = name
      end
    end
  end
  return known_caps
end

local function has(list, item)
  for index, other in ipairs(list) do
    if other == item then
      return index
    end
  end
end

--- A capability as the profiles write it, from any of the usual forms.
local function capability(op, written)
  options.expect(op, "caps", written, "string")
  local name = written:lower():gsub("^cap_", "")
  if not has(cap_names(), name) then
    local near = options.nearest(name, cap_names())
    local hint = near and ("did you mean '%s'?"):format(near) or "capabilities(7) lists them"
    options.fail(op, ("caps: no capability is called '%s'"):format(written), hint)
  end
  return name
end

local function caps(op, base, wanted)
  local relative, absolute, made = false, false, {}
  for _, item in ipairs(wanted or {}) do
    options.expect(op, "caps", item, "string")
    local signed = item:find("^[+-]") ~= nil
    relative, absolute = relative or signed, absolute or not signed
  end
  if relative and absolute then
    local hint = 'either { "+chown", "-kill" }, or all of them: { "chown" }'
    options.fail(op, "caps: some have a + or -, and some have not", hint)
  end
  made = relative and options.copy(base) or made
  for _, item in ipairs(wanted or {}) do
    local sign, rest = item:match("^([+-])(.*)$")
    local name = capability(op, rest or item)
    local index = has(made, name)
    if sign == "-" and index then
      table.remove(made, index)
    elseif sign ~= "-" and not index then
      made[#made + 1] = name
    end
  end
  table.sort(made)
  return made
end

--- A rule for lists that are added to. `check` fails for what can be no item.
local function list(check)
  return function(op, base, wanted, key)
    local made = wanted and options.copy(base or {}) or {}
    for _, item in ipairs(wanted or {}) do
      local gone = type(item) == "string" and item:match("^%-(.+)$")
      local index = has(made, gone or item)
      if gone and not index then
        local near = options.nearest(gone, made)
        local hint = near and ("did you mean '-%s'?"):format(near)
        hint = hint or "it has: " .. table.concat(made, " ")
        options.fail(op, ("%s: '%s' is not in it"):format(key, gone), hint)
      elseif gone then
        table.remove(made, index)
      elseif not index then
        check(op, key, item)
        made[#made + 1] = item
      end
    end
    return made
  end
end

local function path(op, key, item)
  options.expect(op, key, item, "string")
  if item:sub(1, 1) ~= "/" or (item .. "/"):find("/%.%.?/") or item:find("%z") then
    local hint = '"/" first, no "." and ".."'
    options.fail(op, ("%s: '%s' is no absolute path"):format(key, item), hint)
  end
end

local function text(op, key, item)
  options.expect(op, key, item, "string")
  if item == "" then
    options.fail(op, key .. ": an empty text")
  end
end

--- The layers that a profile can insist on.
M.LAYERS = { "landlock", "namespaces", "no_new_privs", "seccomp" }

local function layer(op, key, item)
  options.expect(op, key, item, "=" .. table.concat(M.LAYERS, "|"))
end

local function port(op, key, item)
  options.expect(op, key, item, "integer")
  if item < 0 or item > 65535 then
    options.fail(op, ("%s: %d is no port"):format(key, item), "0 to 65535")
  end
end

local function scope(op, key, item)
  options.expect(op, key, item, "=abstract_unix_socket|signal")
end

local paths = list(path)

--- Ports by direction; what is named for the first time begins with no port at all.
local function net(op, base, wanted)
  if wanted == false then
    return nil
  end
  options.check(op .. ": landlock.net", wanted, {
    bind = { "list", "boolean" },
    connect = { "list", "boolean" },
  })
  local made = options.copy(base or {})
  for key, ports in pairs(wanted) do
    made[key] = ports and list(port)(op, made[key], ports, "landlock.net." .. key) or nil
  end
  return next(made) and made or nil
end

local function landlock(op, base, wanted)
  if wanted == false then
    return false
  end
  options.check(op .. ": landlock", wanted, {
    list = "list",
    ro = "list",
    rw = "list",
    exec = "list",
    scope = "list",
    net = { "table", "boolean" },
    compat = "=best_effort|hard",
    abi = "integer",
  })
  local made = options.copy(base or {})
  for _, key in ipairs { "list", "ro", "rw", "exec" } do
    if wanted[key] then
      made[key] = paths(op, made[key], wanted[key], "landlock." .. key)
    end
  end
  if wanted.scope then
    made.scope = list(scope)(op, made.scope, wanted.scope, "landlock.scope")
  end
  if wanted.net ~= nil then
    made.net = net(op, made.net, wanted.net)
  end
  made.compat, made.abi = wanted.compat or made.compat, wanted.abi or made.abi
  if made.rw and not made.ro and not made.exec then
    -- With rules over files whatever is not named is refused.
    options.fail(op, "landlock: nothing could be read or executed", 'exec = { "/" } as well')
  end
  return made
end

--- A rule for tables that are replaced key by key. `known` says which keys there are, or any.
local function by_key(known, check)
  return function(op, base, wanted, name)
    local made = wanted and options.copy(base or {}) or {}
    for key, value in pairs(wanted or {}) do
      if known then
        options.check(op .. ": " .. name, { [key] = value or nil }, known)
      end
      if check then
        check(op, name, key)
      end
      made[key] = value ~= false and options.copy(value) or nil
    end
    return made
  end
end

local function env(op, base, wanted)
  if not wanted then
    return { keep = {}, set = {} }
  end
  options.check(op .. ": env", wanted, {
    keep = { "list", "boolean" },
    set = { "table", "boolean" },
  })
  local made = options.copy(base or { keep = {}, set = {} })
  if wanted.keep ~= nil then
    made.keep = list(text)(op, made.keep, wanted.keep, "env.keep")
  end
  if wanted.set ~= nil then
    made.set = by_key(nil, text)(op, made.set, wanted.set, "env.set")
  end
  return made
end

local function volumes(op, base, wanted)
  local made = wanted and options.copy(base or {}) or {}
  for _, volume in ipairs(wanted or {}) do
    options.check(op .. ": volumes", volume, {
      source = "string",
      target = "string",
      readonly = "boolean",
      exec = "boolean",
    })
    path(op, "volumes.source", volume.source)
    path(op, "volumes.target", volume.target)
    made[#made + 1] = options.copy(volume)
  end
  return made
end

local function user(_, _, wanted)
  if not wanted or wanted == "" then
    return nil
  end
  return wanted
end

local function replace(_, _, wanted)
  return wanted ~= false and options.copy(wanted) or nil
end

local function flag(_, _, wanted)
  return wanted
end

local LIMITS = {
  memory = { "string", "integer" },
  memory_low = { "string", "integer" },
  swap = { "string", "integer" },
  cpu = { "string", "table" },
  cpu_weight = "integer",
  pids = { "string", "integer" },
  io_weight = "integer",
}

local RLIMIT = { "string", "integer", "table" }
local RLIMITS = {}
for _, name in ipairs {
  "as",
  "core",
  "cpu",
  "data",
  "fsize",
  "locks",
  "memlock",
  "msgqueue",
  "nice",
  "nofile",
  "nproc",
  "rss",
  "rtprio",
  "rttime",
  "sigpending",
  "stack",
} do
  RLIMITS[name] = RLIMIT
end

local OFF = { "boolean" }

--- By key: the types that a change may have, and the rule.
local RULES = {
  caps = { { "list", "boolean" }, caps },
  seccomp = {
    { "table", "boolean" },
    function(op, base, wanted, _, trusted)
      return seccomp.change(op, base, wanted, trusted)
    end,
  },
  masked = { { "list", "boolean" }, paths },
  readonly_paths = { { "list", "boolean" }, paths },
  pinned = { { "list", "boolean" }, paths },
  present = { { "table", "boolean" }, by_key(nil, path) },
  secrets = { { "list", "boolean" }, list(text) },
  secrets_limit = { "integer", replace },
  unsearched = { { "list", "boolean" }, list(text) },
  requires = { { "list", "boolean" }, list(layer) },
  landlock = { { "table", "boolean" }, landlock },
  limits = { { "table", "boolean" }, by_key(LIMITS) },
  rlimits = { { "table", "boolean" }, by_key(RLIMITS) },
  tmpfs = { { "table", "boolean" }, by_key(nil, path) },
  env = { { "table", "boolean" }, env },
  volumes = { { "list", "boolean" }, volumes },
  user = { { "string", "boolean" }, user },
  network = { { "string", "table", "boolean" }, replace },
  readonly_root = { OFF, flag },
  no_new_privs = { OFF, flag },
  oom_score = { { "integer", "boolean" }, replace },
  apparmor = { { "string", "boolean" }, replace },
  selinux = { { "string", "boolean" }, replace },
  summary = { "string", replace },
}

--- The keys of a profile that may be changed, with their types, as `options.check` takes them.
M.KNOWN = {}
for key, rule in pairs(RULES) do
  M.KNOWN[key] = rule[1]
end

-- `true` says nothing about what is wanted, where the alternative is a table.
local function refuse_true(op, key, value)
  if value == true and RULES[key][1] ~= OFF then
    options.fail(op, key .. ": true does not say what is wanted", "false switches it off")
  end
end

--- A profile after a change. The base stays as it is.
---@param op string who asks, for messages
---@param base table
---@param wanted table
---@param trusted? boolean see `hardening.seccomp`
---@return table
function M.change(op, base, wanted, trusted)
  options.check(op, wanted, M.KNOWN)
  local made = options.copy(base)
  for key, value in pairs(wanted) do
    refuse_true(op, key, value)
    made[key] = RULES[key][2](op, base[key], value, key, trusted)
  end
  return made
end

return M

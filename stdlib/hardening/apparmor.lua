--- A hardening profile as a profile of AppArmor's: written, loaded for a while, removed.
---
--- A container's mounts hide and protect paths for as long as the mounts are right. AppArmor
--- refuses the same paths by name, in the kernel, whatever is mounted and whoever asks, and it goes
--- on with every program that the container starts. What the profile says is taken over:
--- capabilities, masked and read-only paths, a read-only root with what is writable in it. What it
--- says nothing about stays allowed; mounts, and looking into processes of others, never are.
---
--- `secrets` are found by looking at volumes when a container starts, and are no names that could
--- stand here: their mounts protect them alone.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- local text = apparmor.text({ "strict", masked = { "/srv/private" } }, { name = "box" })
--- assert(text:find('deny "/srv/private/**" mrwklx,', 1, true))
---
--- local active = table.concat(lsm_status().active, " "):find("apparmor")
--- if active and try(capture, { "apparmor_parser", "--version" }) then
---   local loaded <close> = apparmor.load("strict")
---   print("profile = { 'strict', apparmor = '" .. loaded.name .. "' }")
--- end
--- ```
local options = require "options"
local state = require "network.state"

local M = {}

local OP = "hardening.apparmor"
local LOADED = "/sys/kernel/security/apparmor/profiles"

--- A path as the language writes it. A `*` that stands for part of a name stays one.
local function quoted(path, rest)
  if path:find("%c") then
    local hint = "AppArmor's language has no way to write such a name"
    options.fail(OP, ("%q has control characters in it"):format(path), hint)
  end
  local escaped = path:gsub('[\\"%[%]{}%?^@#]', "\\%0")
  return ('"%s%s"'):format(escaped, rest or "")
end

--- A rule for a path, and for what is below it.
local function covers(lines, path, rights, deny)
  local line = (deny and "  deny %s %s," or "  %s %s,")
  path = path:gsub("/+$", "")
  lines[#lines + 1] = line:format(quoted(path == "" and "/" or path), rights)
  lines[#lines + 1] = line:format(quoted(path, "/**"), rights)
end

local function has(list, wanted)
  for _, item in ipairs(list) do
    if item == wanted then
      return true
    end
  end
  return false
end

--- What is writable in a root that is not.
local function writable(profile, more)
  local found, seen = {}, {}
  local function add(path)
    if not seen[path] then
      seen[path] = true
      found[#found + 1] = path
    end
  end
  add "/dev"
  add "/proc"
  for _, path in ipairs(options.keys(profile.tmpfs or {})) do
    add(path)
  end
  for _, volume in ipairs(profile.volumes or {}) do
    if not volume.readonly then
      add(volume.target)
    end
  end
  for _, path in ipairs(more) do
    add(path)
  end
  return found
end

--- Files: an allow-list of what may be written where the root is read-only, else all. A denial wins
--- over every permission, so a protected path with something writable in it is left to its mount.
local function files(lines, profile, more)
  local open = writable(profile, more)
  if profile.readonly_root then
    lines[#lines + 1] = "  / r,"
    lines[#lines + 1] = "  /** mrkix,"
    for _, path in ipairs(open) do
      covers(lines, path, "rwkl")
    end
  else
    lines[#lines + 1] = "  file,"
  end
  for _, path in ipairs(profile.masked or {}) do
    covers(lines, path, "mrwklx", true)
  end
  for _, path in ipairs(profile.readonly_paths or {}) do
    local inside = false
    for _, other in ipairs(open) do
      inside = inside or other:sub(1, #path + 1) == path .. "/"
    end
    if not inside then
      covers(lines, path, "wl", true)
    end
  end
end

--- A name of a profile that is one: `*` and `{` would make it a pattern for programs.
local function checked(name)
  options.expect(OP, "name", name, "string")
  if not name:find "^%a[%w_.-]*$" or #name > 200 then
    local hint = "letters, digits, '.', '_' and '-', beginning with a letter"
    options.fail(OP, ("'%s' cannot be the name of a profile"):format(name), hint)
  end
  return name
end

local function resolved(profile)
  return require("hardening").resolve(profile)
end

local count = 0

--- A name that no other profile has.
local function fresh(profile)
  count = count + 1
  local plain = profile.name:gsub("[^%w_.-]+", "-"):gsub("-+$", "")
  return ("crun-lua-%s-%d-%d"):format(plain, proc_stat().pid, count)
end

local KEYS = { name = "string", writable = "list" }

--- The text, as `apparmor_parser` reads it.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- print(apparmor.text("web", { name = "web", writable = { "/srv/uploads" } }))
--- ```
---@param profile? string|table as `hardening.resolve` takes it
---@param how? { name?: string, writable?: string[] } writable: what the container mounts writable
--- beside the profile's own volumes, where the root is read-only
---@return string
function M.text(profile, how)
  how = options.check(OP, how, KEYS)
  profile = resolved(profile)
  local name = checked(how.name or fresh(profile))
  local lines = {
    ("# Made by crun-lua of the hardening profile %s."):format(profile.name:gsub("%c", "?")),
    ("profile %s flags=(attach_disconnected,mediate_deleted) {"):format(name),
  }
  local function add(line, ...)
    lines[#lines + 1] = "  " .. line:format(...)
  end
  for _, capability in ipairs(profile.caps) do
    add("capability %s,", capability)
  end
  add "network,"
  if not has(profile.caps, "net_raw") then
    add "deny network raw,"
    add "deny network packet,"
  end
  -- Whoever is not confined may end it; from inside only what is inside.
  add "signal (receive) peer=unconfined,"
  add("signal peer=%s,", name)
  add("ptrace peer=%s,", name)
  if has(profile.caps, "sys_admin") then
    add "mount,"
    add "remount,"
    add "umount,"
    add "pivot_root,"
  end
  files(lines, profile, how.writable or {})
  lines[#lines + 1] = "}\n"
  return table.concat(lines, "\n")
end

local function dir()
  return state_dir() .. "/apparmor"
end

--- Gives text to the parser, which compiles it for the kernel.
local function parse(word, text, name)
  local place <close> = temp_dir()
  local path = place.path .. "/" .. name
  write_file(path, text, { mode = "0600" })
  local result, err = try(capture, { "apparmor_parser", "--skip-cache", word, path })
  if err then
    local hint = "install apparmor_parser (the package apparmor)"
    options.fail(OP, "apparmor_parser cannot be run", hint, err)
  elseif result.code ~= 0 then
    local said = result.stderr:gsub("%s+$", "")
    options.fail(OP, ("%s: apparmor_parser %s ended with %d"):format(name, word, result.code), said)
  end
end

--- The kernel's own list; nil where it cannot be read.
local function is_loaded(name)
  local list = try(read_file, LOADED)
  return list and ("\n" .. list):find(("\n%s ("):format(name), 1, true) ~= nil
end

--- The profile first and then the record: one who is killed in between leaves a record too many.
local function unload(name)
  if is_loaded(name) ~= false then
    parse("--remove", ("profile %s {\n}\n"):format(name), name)
  end
  remove(("%s/%s"):format(dir(), name), { missing = true })
  try(remove, dir(), { directory = true })
end

---@class hardening.Loaded
---@field name string what a profile's `apparmor`, or OCI's `apparmorProfile`, is to be
local Loaded = {}
Loaded.__index = Loaded
Loaded.__name = "hardening.Loaded"

--- Removes the profile from the kernel. Processes that still run under it are unconfined by it from
--- then on (apparmor_parser(8)): end the container first.
---@package
function Loaded:close()
  if not self.closed then
    unload(self.name)
    self.closed = true
  end
end
Loaded.__close = Loaded.close

--- Writes the profile and loads it, enforcing, until the answer is closed. `crun-lua gc` removes
--- what a program that was killed has left.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- local _, err = try(apparmor.load, "strict", { name = "*" })
--- assert(err.message:find "cannot be the name")
--- ```
---@param profile? string|table as `hardening.resolve` takes it
---@param how? { name?: string, writable?: string[] } as `text` takes it
---@return hardening.Loaded loaded to be closed; its `name` is what a container is given
function M.load(profile, how)
  how = options.check(OP, how, KEYS)
  profile = resolved(profile)
  local name = checked(how.name or fresh(profile))
  local text = M.text(profile, { name = name, writable = how.writable })
  if not has(lsm_status().active, "apparmor") then
    local hint = "boot with security=apparmor, or leave this layer out: the others hold without it"
    options.fail(OP, "AppArmor is not active in this kernel", hint)
  end
  if is_loaded(name) then
    local hint = "another name; apparmor_parser --remove takes a profile away that nobody uses"
    options.fail(OP, ("a profile '%s' is loaded already"):format(name), hint)
  end
  mkdir(dir(), { parents = true, mode = "0700" })
  state.write(("%s/%s"):format(dir(), name), { owner = state.me() })
  local _, err = try(parse, "--replace", text, name)
  if err then
    remove(("%s/%s"):format(dir(), name), { missing = true })
    error(err, 0)
  end
  return setmetatable({ name = name }, Loaded)
end

--- Removes the profiles of programs that do not run any more.
---
--- ```lua
--- local apparmor = require "hardening.apparmor"
---
--- assert(type(apparmor.gc()) == "table")
--- ```
---@return string[] # what was removed
function M.gc()
  local told = {}
  for _, name in ipairs(try(list_dir, dir()) or {}) do
    local path = ("%s/%s"):format(dir(), name)
    if name:find "%.new$" then
      remove(path, { missing = true })
    else
      local record, err = try(state.read, path)
      if record and not state.alive(record.owner) then
        _, err = try(unload, name)
        told[#told + 1] = not err and "AppArmor profile " .. name or nil
      end
      told[#told + 1] = err and err.message or nil
    end
  end
  return told
end

return M

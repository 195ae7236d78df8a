--- Holds a command to a learnt profile, and names what it refuses.
---
--- Three locks, each for what it can judge. Capabilities are dropped. Landlock judges files and TCP
--- ports. The filter lets the learnt calls through; any other is stopped and asked about here, and
--- the answer is an error, never "go on": so no race can get a call through. Calls that name files
--- or ports are asked about too, to be named where they do not fit; those that fit go on, and
--- Landlock decides about them.
---
--- ```lua
--- local enforce = require "learn.enforce"
--- local learn = require "learn"
---
--- local profile = learn.record { "cat", "/etc/hostname" }
--- local result = enforce.run(profile, { "cat", "/etc/shells" }, { spawn = { stderr = "null" } })
--- assert(result.code ~= 0 and result.refused[1].text:find("/etc/shells", 1, true))
--- ```
local calls = require "learn.calls"
local grants = require "learn.grants"
local names = require "supervise.calls"
local options = require "options"
local paths = require "learn.paths"
local profiles = require "learn.profile"
local recorder = require "learn.recorder"
local supervise = require "supervise"
local uses = require "learn.uses"

local M = {}

local OP = "learn.enforce"

---@class learn.Refusal
---@field call string
---@field text string the call in strace's notation
---@field errno string what it was answered
---@field why string what the profile has not
---@field pid integer
---@field program string who made it
---@field count integer how often

local function shown(value)
  if type(value) == "string" then
    return value:find "^[%u_]+$" and value or ("%q"):format(value)
  elseif type(value) == "table" and value.family then
    local path = value.path or value.abstract and "@" .. value.abstract
    local port = ("%s:%s"):format(value.address or value.family, value.port or "?")
    return path and ("%q"):format(path) or port
  elseif type(value) == "table" then
    local parts = {}
    for index, item in ipairs(value) do
      parts[index] = index <= 8 and tostring(item) or nil
    end
    return "[" .. table.concat(parts, " ") .. "]"
  end
  return tostring(value)
end

--- A call as strace writes it: what is known of it by name, and the numbers of one that is not.
---@param req supervise.Request
---@return string
function M.text(req)
  local parts, args = {}, recorder.arguments(req)
  for _, argument in ipairs(names.signature(req.name)) do
    if argument.kind == "address" or argument.name == "envp" then
      -- The environment is where passwords are.
      parts[#parts + 1] = "…"
    else
      local number = argument.kind == "number" and args.raw[#parts + 1]
      parts[#parts + 1] = number and ("0x%x"):format(number) or shown(args[argument.name])
    end
  end
  if #parts == 0 and calls.ARGUMENTS[req.name] then
    for index, one in ipairs(calls.ARGUMENTS[req.name]) do
      parts[index] = ("arg%d=0x%x"):format(one[1], args.raw[one[1] + 1] & one[2])
    end
  end
  local list = #parts > 0 and table.concat(parts, ", ") or "…"
  return ("%s(%s)"):format(req.name, list)
end

-- By use: the lists that grant it.
local GRANTS = {
  read = { "ro", "rw", "exec" },
  list = { "list", "ro", "rw", "exec" },
  write = { "rw" },
  make = { "rw" },
  device = { "rw" },
  exec = { "exec" },
}
local PORTS = { bind = true, connect = true }

--- What of a use the profile does not grant, in words; nil where it grants it.
---@param profile learn.Profile
---@param use learn.Use
---@return string?
function M.missing(profile, use)
  if use.missing then
    return nil
  elseif PORTS[use.use] then
    for _, port in ipairs(profile.ports[use.use]) do
      if port == use.port then
        return nil
      end
    end
    return ("the port %d is not in ports.%s"):format(use.port, use.use)
  end
  local path = paths.general(use.path)
  local wanted = path ~= use.path and use.use == "exec" and "read" or use.use
  for _, list in ipairs(GRANTS[wanted]) do
    for _, above in ipairs(profile.files[list]) do
      if profiles.is_below(path, above) then
        return nil
      end
    end
  end
  local list = GRANTS[wanted][1]
  return ("%s is not in files.%s"):format(path, list)
end

---@class learn.Judge
local Judge = {}
Judge.__index = Judge

local function new_judge(profile)
  local self = { profile = profile, refused = {}, by_text = {}, whole = {}, keys = {} }
  for _, list in ipairs { profile.calls, calls.ALWAYS, { "execve" } } do
    for _, name in ipairs(list) do
      self.whole[name] = true
    end
  end
  for name, keys in pairs(profile.arguments) do
    self.keys[name] = {}
    for _, key in ipairs(keys) do
      self.keys[name][key] = true
    end
  end
  return setmetatable(self, Judge)
end

--- Answers a call with an error, and remembers it: the same one once, with a count. A write of five
--- bytes and one of six are the same where no write is granted.
function Judge:refuse(req, errno, why, same)
  local text = try(M.text, req) or req.name .. "(…)"
  same = same or text
  local known = self.by_text[same]
  if not known then
    local status = try(proc_status, req.pid, { fields = { "name" } })
    known = {
      call = req.name,
      text = text,
      errno = errno,
      why = why,
      pid = req.pid,
      program = status and status.name or "?",
      count = 0,
    }
    self.by_text[same] = known
    self.refused[#self.refused + 1] = known
  end
  known.count = known.count + 1
  req:errno(errno)
end

--- Answers a call that the filter alone does not settle.
function Judge:answer(req)
  local name = req.name
  if calls.UNSEEN[name] then
    return req:errno "ENOSYS"
  end
  local key = calls.key(name, req.raw)
  if not (self.whole[name] and key == "") and not (self.keys[name] and self.keys[name][key]) then
    local known = self.keys[name] ~= nil
    return self:refuse(
      req,
      "EPERM",
      known and "not with these arguments" or name .. " is not in calls",
      name .. " " .. key
    )
  end
  if not self:refuses_use(req) then
    req:allow()
  end
end

--- Whether a use of a file or a port does not fit; then it is answered.
function Judge:refuses_use(req)
  local name = req.name
  if uses.CALLS[name] then
    local view, args = paths.of(req.pid), recorder.arguments(req)
    for _, use in ipairs(try(uses.of, name, args, view) or {}) do
      local why = M.missing(self.profile, use)
      if why then
        self:refuse(req, "EACCES", why)
        return true
      end
    end
  end
  return false
end

--- The filter: what is settled by a number alone goes on without being asked about.
local function filter_of(profile)
  local filter = grants.filter(profile)
  local allow = {}
  for _, list in ipairs { profile.calls, calls.ALWAYS } do
    for _, name in ipairs(list) do
      if not uses.CALLS[name] then
        allow[#allow + 1] = name
      end
    end
  end
  local rules = {}
  for _, rule in ipairs(filter.rules) do
    rules[#rules + 1] = not uses.CALLS[rule.names[1]] and rule or nil
  end
  return { allow = allow, rules = rules, flags = require("learn.flags")() }
end

local function existing(list, kind)
  local kept = {}
  for _, path in ipairs(list) do
    local found = try(stat, path)
    kept[#kept + 1] = found and (not kind or found.type == kind) and path or nil
  end
  return kept
end

--- Gives up what the profile does not have; in the child, before the filter.
local function confine(profile)
  local now = proc_status(nil, { fields = { "cap_prm_names" } })
  if #now.cap_prm_names > 0 then
    local keep, has = {}, {}
    for _, name in ipairs(now.cap_prm_names) do
      has[name] = true
    end
    for _, name in ipairs(profile.caps) do
      keep[#keep + 1] = has[name] and name or nil
    end
    drop_caps { keep = keep }
  end
  no_new_privs()
  if landlock_abi() > 0 then
    local rules = grants.landlock(profile)
    for _, key in ipairs { "ro", "rw", "exec" } do
      rules[key] = existing(rules[key])
    end
    rules.list = existing(rules.list, "directory")
    landlock(rules)
  end
end

---@class learn.EnforceOptions
---@field spawn? table as `spawn` takes it: namespaces, streams, a control group
---@field setup? fun() runs in the child before rights are given up
---@field rootfs? string a container with this root, as `container.new` takes it: "host", a path
---@field on_refusal? fun(refusal: learn.Refusal) is told of each as it happens

--- Runs a command that may do what the profile says.
---@param profile learn.Profile
---@param command string[]
---@param given? learn.EnforceOptions
---@return { code: integer, signal: string?, refused: learn.Refusal[], landlock: boolean }
function M.run(profile, command, given)
  given = options.check(OP, given, {
    spawn = "table",
    setup = "function",
    rootfs = "string",
    on_refusal = "function",
  })
  local place = require("learn.place").within(given)
  local judge = new_judge(profile)
  local function answer(req)
    local before = #judge.refused
    judge:answer(req)
    if given.on_refusal and #judge.refused > before then
      given.on_refusal(judge.refused[#judge.refused])
    end
  end
  local session <close> = supervise.start({
    notify = { ["*"] = answer },
    filter = filter_of(profile),
    spawn = place.spawn,
    time = "10s",
    before = function(req)
      if req.name == "execve" and judge:refuses_use(req) and given.on_refusal then
        given.on_refusal(judge.refused[#judge.refused])
      end
    end,
    setup = function()
      if place.setup then
        place.setup()
      end
      confine(profile)
    end,
  }, command)
  session:serve()
  local result, err = try(session.process.wait, session.process)
  if not result and #judge.refused == 0 then
    error(err, 0)
  end
  -- As a shell has it for a program that may not be started.
  result = result or { code = 126 }
  result.answered, result.failures = session.answered, session.failures
  result.refused = judge.refused
  result.landlock = landlock_abi() > 0
  return result
end

return M

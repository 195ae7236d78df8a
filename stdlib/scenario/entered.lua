--- Checks that have to be somewhere else: a function that runs in a process's namespaces, and one
--- that must be refused to whoever has only that process's rights.
---
--- ```lua
--- local facts = require "scenario.facts"
---
--- local box <close> = spawn({ unshare = { "uts" } }, function()
---   sethostname("inside")
---   exec { "sleep", "100" }
--- end)
--- box:started()
--- local t = facts.new { answers = { pid = box.pid }, own = {} }
--- local name = t:inside(box.pid, { "uts" }, function()
---   return sysctl_get "kernel.hostname"
--- end)
--- assert(name == "inside")
--- ```
local options = require "options"

local M = {}

-- All kinds, where none are named; a user namespace only where it is another one.
local ALL = { "cgroup", "ipc", "mnt", "net", "pid", "time", "uts" }

--- Which namespaces are entered: those that are asked for and are not the caller's already.
local function to_join(self, pid, kinds, user)
  local own, join = proc_ns(), {}
  for _, kind in ipairs(kinds) do
    if self:ns(pid, kind) ~= own[kind] then
      join[kind] = pid
    end
  end
  -- A process may not enter the user namespace that it is in.
  if user and self:ns(pid, "user") ~= own.user then
    join.user = pid
  end
  return join
end

--- Runs a function in a child and brings back what it has answered, or why it failed.
local function attempt(join, prepare, body)
  local p = pipe()
  local child <close> = spawn({ name = "probe", join = join, die_with_parent = true }, function()
    p.read:close()
    local said
    local ready, problem = try(function()
      prepare()
      return true
    end)
    if ready then
      local list = table.pack(pcall(body))
      local err = not list[1] and list[2] or (list[2] == nil and list[3]) or nil
      local fact = type(err) == "table" and err.fact or nil
      if err then
        local one = type(err) == "table" and err or { message = tostring(err) }
        said =
          { errno = one.errno, message = tostring(one.message), where = one.where, fact = fact }
      else
        said = { value = list[2] }
      end
    else
      said = { problem = tostring(problem) }
    end
    p.write:write(json_encode(said))
  end)
  p.write:close()
  local text = p.read:read()
  p.read:close()
  local _, err = try(child.wait, child)
  return try(json_decode, text) or { problem = err and err.message or "the probe said nothing" }
end

--- An error of the function is that of the check: its place is kept.
local function raise(said)
  error({
    op = said.fact and "a fact of a scenario differs" or nil,
    message = said.message,
    errno = said.errno,
    where = said.where,
    fact = said.fact,
  }, 0)
end

local function impossible(self, pid, said)
  self:fail {
    what = ("the namespaces of the process %d cannot be entered"):format(pid),
    found = said.problem,
    see = ("nsenter -t %d -a true"):format(pid),
  }
end

--- See `t:inside`.
function M.run(self, op, pid, kinds, body, given)
  given = options.check(op, given, { user = "boolean", root = "boolean" })
  options.expect(op, "kinds", kinds, "list")
  options.expect(op, "body", body, "function")
  local root = given.root and readlink(("/proc/%d/root"):format(pid))
  local said = attempt(to_join(self, pid, kinds, given.user), function()
    if root and root ~= "/" then
      chroot(root)
    end
  end, body)
  if said.problem then
    impossible(self, pid, said)
  elseif said.message then
    raise(said)
  end
  return said.value
end

--- Gives up whatever the process does not have. The order: what needs a capability goes first.
local function become(status)
  local sets = { "bounding", "permitted", "effective", "inheritable", "ambient" }
  local names = {
    bounding = status.cap_bnd_names,
    permitted = status.cap_prm_names,
    effective = status.cap_eff_names,
    inheritable = status.cap_inh_names,
    ambient = status.cap_amb_names,
  }
  local wanted = {}
  for _, set in ipairs(sets) do
    wanted[set] = names[set] or {}
  end
  -- Leaving uid 0 empties the effective set, and the bounding set needs a capability of it.
  caps_set { bounding = wanted.bounding }
  keep_caps(true)
  if status.inner then
    try(setgroups, status.inner.groups)
    local who = ("%d:%d"):format(status.inner.uid, status.inner.gid)
    setuser(who, { groups = "keep" })
  end
  caps_set {
    permitted = wanted.permitted,
    effective = wanted.effective,
    inheritable = wanted.inheritable,
    ambient = wanted.ambient,
  }
  if status.no_new_privs == 1 then
    no_new_privs()
  end
end

--- An id of the caller's user namespace as the process's own counts it.
local function inside_of(map, id)
  for _, range in ipairs(map or {}) do
    if id >= range.outside and id < range.outside + range.count then
      return id - range.outside + range.inside
    end
  end
  return 65534
end

--- See `t:refused`.
function M.refused(self, pid, errno, what, body, see)
  options.expect("t:refused", "errno", errno, { "string", "list" })
  options.expect("t:refused", "what", what, "string")
  options.expect("t:refused", "body", body, "function")
  local status = self:status(pid)
  local own = proc_status()
  local elsewhere = self:ns(pid, "user") ~= proc_ns().user
  if elsewhere or status.uid.effective ~= own.uid.effective then
    local uids, gids = uid_map(pid), gid_map(pid)
    local groups = {}
    for _, group in ipairs(status.groups or {}) do
      groups[#groups + 1] = inside_of(gids, group)
    end
    status.inner = {
      uid = inside_of(uids, status.uid.effective),
      gid = inside_of(gids, status.gid.effective),
      groups = groups,
    }
  end
  local said = attempt(to_join(self, pid, ALL, true), function()
    become(status)
  end, body)
  if said.problem then
    impossible(self, pid, said)
  elseif said.fact then
    raise(said)
  end
  local allowed = type(errno) == "table" and errno or { errno }
  for _, one in ipairs(allowed) do
    if said.errno == one then
      return
    end
  end
  -- The host guard: the process is where the program is, and would be let.
  local guarded = said.message and said.message:find("would change the host", 1, true)
  if said.message and not said.errno and not guarded then
    raise(said)
  end
  self:fail {
    what = what,
    expected = "refused with " .. table.concat(allowed, " or "),
    found = said.errno and "refused with " .. said.errno or said.message or "it was done",
    see = see or ("grep Cap /proc/%d/status; ls -l /proc/%d/ns"):format(pid, pid),
  }
end

return M

--- Where the program keeps what lasts, what dead processes have left there, and resource limits.
---
--- ```lua
--- local rows = {}
--- require "doctor.state"(function(row) rows[#rows + 1] = row end)
--- assert(rows[1].name == "state directory")
--- ```
local probe = require "doctor.probe"

--- The data directory, by the rule of the primitive `data_dir`, which would make it.
local function data_path()
  local given, home = os.getenv("CRUN_LUA_DATA"), os.getenv("XDG_DATA_HOME")
  if given and given ~= "" then
    return given
  elseif probe.is_root() then
    return "/var/lib/crun-lua"
  elseif home and home ~= "" then
    return home .. "/crun-lua"
  end
  return (os.getenv("HOME") or "") .. "/.local/share/crun-lua"
end

--- Whether a directory could be made there: tried in the nearest one that exists, and removed.
local function can_write(path)
  local at = path
  while at ~= "" and at ~= "/" and not try(stat, at) do
    at = at:match("^(.*)/[^/]*$") or ""
  end
  local dir, err = try(temp_dir, { parent = at == "" and "/" or at })
  if dir then
    dir:close()
    return true
  end
  return false, probe.reason(err)
end

--- The journals whose process is gone: `PID-STARTTIME` (an ended process's number can have a new
--- owner, which started later).
local function left_over(dir)
  local dead = {}
  for _, name in ipairs(try(list_dir, dir .. "/journal") or {}) do
    local pid, start = name:match("^(%d+)%-(%d+)$")
    local number = math.tointeger(tonumber(pid))
    if number and number > 0 then
      local now = try(proc_stat, number)
      if not now or tostring(now.starttime) ~= start then
        dead[#dead + 1] = number
      end
    end
  end
  return dead
end

local function directory_rows(add)
  local dir, err = try(state_dir)
  add {
    name = "state directory",
    ok = dir ~= nil,
    required = true,
    found = dir,
    meaning = "what must be removed after a crash is written down there",
    reason = not dir and probe.reason(err) or nil,
    remedy = err and err.hint or "set CRUN_LUA_STATE to a directory of your own",
  }
  local path = data_path()
  local ok, reason = can_write(path)
  add {
    name = "data directory",
    ok = ok,
    found = path,
    meaning = "images and logs",
    reason = reason and ("%s: %s"):format(path, reason) or nil,
    remedy = "set CRUN_LUA_DATA to a directory of your own",
  }
  local dead = dir and left_over(dir) or {}
  add {
    name = "no leftovers",
    ok = #dead == 0,
    meaning = "nothing stayed behind of processes that were killed",
    reason = #dead > 0
        and ("%d dead processes left something, the first was %d"):format(#dead, dead[1])
      or nil,
    remedy = "crun-lua gc",
  }
end

local function limit_rows(add)
  local limits = proc_limits()
  local function row(name, least, meaning)
    local hard = limits[name] and limits[name].hard
    local ok = hard == "unlimited" or type(hard) == "number" and hard >= least
    add {
      name = "rlimit " .. name,
      ok = ok,
      found = tostring(hard),
      meaning = meaning,
      reason = not ok and ("the hard limit is %s; %d are comfortable"):format(hard, least) or nil,
      remedy = ("raise it in limits.conf(5), or Limit%s= of the service"):format(name:upper()),
    }
  end
  row("nofile", 4096, "descriptors: a few for each container")
  row("nproc", 1024, "processes of this user")
end

---@param add fun(row: doctor.Row)
return function(add)
  directory_rows(add)
  limit_rows(add)
end

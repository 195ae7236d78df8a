--- What stands before a line: where it will run, as the kernel shows it.
---
--- `host#3>` is the process that the user started; a box is shown by what makes it differ from
--- that: namespaces, the user, the capabilities that are left, filters. All of it is read from
--- `/proc` by the front end, so that a box in which `/proc` is hidden or reading is forbidden is
--- shown as well.
---
--- ```lua
--- local prompt = require "repl.prompt"
---
--- assert(prompt.of({ number = 3 }).plain == "host#3> ")
--- ```
local M = {}

-- What was read of each process last, by pid; the host's own by 0.
local seen = {}

local KINDS = { "cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts" }

local function count(mask)
  local bits = 0
  for digit in (mask or ""):gmatch "%x" do
    local value = tonumber(digit, 16)
    while value > 0 do
      bits, value = bits + value % 2, value // 2
    end
  end
  return bits
end

-- The facts of a process; nothing where it is gone or hidden.
local function read(pid)
  local own = pid ~= 0 and pid or nil
  local _, status = nil, try(proc_status, own)
  local spaces = try(proc_ns, own)
  if not status then
    return nil
  end
  local uid = status.uid
  return {
    ns = spaces or {},
    uid = type(uid) == "table" and (uid.effective or uid[2]) or uid,
    caps = status.cap_eff,
    bounding = status.cap_bnd,
    filters = status.seccomp_filters or (status.seccomp ~= 0 and status.seccomp or 0),
    no_new_privs = status.no_new_privs,
    root = try(readlink, ("/proc/%s/root"):format(own or "self")),
  }
end

local function host()
  seen[0] = seen[0] or read(0) or { ns = {} }
  return seen[0]
end

-- The namespaces in which a process differs; `pid…` is one that only its children are in.
local function differing(facts)
  local home, names = host().ns, {}
  for _, kind in ipairs(KINDS) do
    local inode = facts.ns[kind]
    if kind == "pid_for_children" then
      if inode ~= facts.ns.pid then
        names[#names + 1] = "(pid)"
      end
    elseif inode and home[kind] and inode ~= home[kind] then
      names[#names + 1] = kind
    end
  end
  return table.concat(names, ",")
end

local function summary(facts)
  if not facts then
    return { "hidden" }
  end
  local home, words = host(), {}
  local spaces = differing(facts)
  if spaces ~= "" then
    words[#words + 1] = spaces
  end
  if facts.root and facts.root ~= home.root then
    words[#words + 1] = "root=" .. facts.root
  end
  if facts.uid ~= home.uid or spaces:find "user" then
    words[#words + 1] = "u" .. tostring(facts.uid)
  end
  if facts.caps ~= home.caps then
    words[#words + 1] = ("caps=%d"):format(count(facts.caps))
  end
  if facts.filters ~= home.filters and facts.filters then
    words[#words + 1] = ("seccomp:%d"):format(facts.filters)
  end
  return words
end

-- Each fact with the word for it and how it is shown, in the order in which they are told.
local function told(facts)
  local list = {}
  local function add(name, value)
    list[#list + 1] = { name, value ~= nil and tostring(value) or "-" }
  end
  for _, kind in ipairs(KINDS) do
    add(kind == "pid_for_children" and "pid of children" or kind, facts.ns[kind])
  end
  add("root", facts.root)
  add("uid", facts.uid)
  add("capabilities", ("%d (%s)"):format(count(facts.caps), facts.caps or "-"))
  add("bounding set", ("%d (%s)"):format(count(facts.bounding), facts.bounding or "-"))
  add("seccomp filters", facts.filters)
  add("no_new_privs", facts.no_new_privs)
  return list
end

local function changes(before, after)
  local lines = {}
  local old, new = told(before), told(after)
  for index, fact in ipairs(new) do
    if fact[2] ~= old[index][2] then
      lines[#lines + 1] = ("~ %s %s → %s"):format(fact[1], old[index][2], fact[2])
    end
  end
  -- The first child has still to be started there; until then the kernel shows no inode.
  if
    after.ns.pid_for_children ~= before.ns.pid_for_children
    and after.ns.pid_for_children ~= after.ns.pid
  then
    lines[#lines + 1] =
      "  this process stays in its own pid namespace; what it starts is in the new one"
  end
  return table.concat(lines, "\n")
end

--- The prompt, plain and with colours, and as text what has changed since the last one.
---@param request { name?: string, pid?: integer, number: integer, colour?: boolean }
---@return { plain: string, styled: string, text: string }
function M.of(request)
  local name, pid = request.name, request.pid
  local tail = ("#%d> "):format(request.number)
  if not name then
    local plain = "host" .. tail
    return { plain = plain, styled = request.colour and "\27[1mhost\27[22m" .. tail or plain }
  end
  local facts = read(pid)
  -- A copy of a box starts with what the box has: only what comes then is a change.
  local before = seen[pid] or host()
  local text = facts and changes(before, facts) or ""
  seen[pid] = facts or seen[pid]
  local words = table.concat(summary(facts), " ")
  local middle = words ~= "" and " " .. words .. " " or ""
  local styled = request.colour
    and ("\27[1;33m%s\27[22;39m\27[2m%s\27[22m%s"):format(name, middle, tail)
  return { plain = name .. middle .. tail, styled = styled or name .. middle .. tail, text = text }
end

--- Whether nothing tells a process from the host.
---@param pid integer
---@return boolean
function M.same(pid)
  local facts = read(pid)
  return facts ~= nil and changes(host(), facts) == ""
end

--- The list of boxes.
---@param request { boxes: table[], current?: string, width?: integer }
---@return { text: string }
function M.boxes(request)
  local lines = { (request.current and "  " or "* ") .. "host" }
  for _, box in ipairs(request.boxes or {}) do
    local mark = box.name == request.current and "* " or "  "
    local words = table.concat(summary(read(box.pid)), " ")
    local state = box.frozen and "frozen" or ("pid %d"):format(box.pid)
    local copy = box.copy and not box.frozen and ("  from " .. box.copy) or ""
    lines[#lines + 1] = ("%s%-10s %-10s %s%s"):format(mark, box.name, state, words, copy)
  end
  return { text = table.concat(lines, "\n") }
end

return M

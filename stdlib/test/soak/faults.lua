--- What a soak lets go wrong: a call that fails, a program that is killed, a file system that is
--- full. A command is first run whole, to count its calls; a fault is then one of these.
---
--- ```lua
--- local faults = require "test.soak.faults"
---
--- local dir <close> = temp_dir()
--- mkdir(dir.path .. "/full")
--- local child <close> = spawn({ unshare = { "mnt" } }, function()
---   mount("tmpfs", dir.path .. "/full", { type = "tmpfs", data = "size=64k,nr_inodes=8" })
---   faults.fill(dir.path .. "/full")
---   assert(not try(write_file, dir.path .. "/full/new", ("x"):rep(4096)))
---   faults.empty(dir.path .. "/full")
---   write_file(dir.path .. "/full/new", ("x"):rep(4096))
--- end)
--- assert(child:wait().code == 0)
--- assert(faults.is_injected "open(/x) = -1 EIO (Input/output error)")
--- ```
local needs = require "needs"

local M = {}

--- Each has the same share. `payload` is the container's program, `full` the file system with the
--- state, `lock` a lock that somebody holds.
M.KINDS = { "errno", "errno", "killed", "killed", "payload", "full", "lock" }

--- None of them says that what was asked for is done already: ENOENT of a removal would be a lie.
M.ERRNOS = { "EACCES", "EAGAIN", "EBUSY", "EINTR", "EINVAL", "EIO", "EMFILE", "ENOMEM" }
table.move({ "ENOSPC", "EPERM", "EROFS" }, 1, 3, #M.ERRNOS + 1, M.ERRNOS)

--- One of a list, by the seed.
---@generic T
---@param list T[]
---@return T
function M.any(list)
  return list[math.random(#list)]
end

--- Whether an answer names an error that can have been injected.
---@param text string
---@return boolean
function M.is_injected(text)
  for _, errno in ipairs(M.ERRNOS) do
    if text:find(errno, 1, true) then
      return true
    end
  end
  return false
end

--- No room for bytes, or none for names.
---@param dir string where a file system of its own is mounted
function M.fill(dir)
  if math.random(2) == 1 then
    local block = ("x"):rep(64 << 10)
    repeat
      local _, err = try(write_file, dir .. "/ballast", block, { append = true })
      block = err and block:sub(1, #block // 2) or block
    until #block < 1024
    return
  end
  mkdir(dir .. "/ballasts")
  local number = 0
  repeat
    number = number + 1
    local _, full = try(write_file, ("%s/ballasts/%d"):format(dir, number), "")
  until full
end

---@param dir string
function M.empty(dir)
  remove(dir .. "/ballast", { missing = true })
  if stat(dir .. "/ballasts") then
    remove(dir .. "/ballasts", { recursive = true })
  end
end

--- What a command does, by its name: how many calls it makes, and the system calls in their order.
---@class test.soak.Calls
---@field own integer calls of the command itself; those of its children count on
---@field all integer the highest number in any of its processes
---@field events { number: integer, inside: string, text: string }[] what the calls were, and in
--- which of its processes
---@field system { [1]: string, [2]: integer }[] a name, and the how manieth of the name it is

--- The name of the container that is looked at, by which its processes are called.
M.FIRST = "first"

--- Runs a command whole and looks at what it does. `command_of` makes it anew, with more options.
---@param soak test.soak.Runner
---@param command_of fun(extra: string[]): string[]
---@return test.soak.Calls
function M.calibrate(soak, command_of)
  local file = soak.work .. "/calls"
  local found = { own = 0, all = 0, events = {}, system = {} }
  -- The first one of a kind makes directories, and compiles a filter: no other does.
  soak:must("a whole run", command_of {})
  soak:must("a whole run", command_of { "--trace", file })
  for line in read_file(file):gmatch "[^\n]+" do
    local event = json_decode(line)
    local number = event.number
    if number then
      found.all = math.max(found.all, number)
      found.own = event["in"] == "" and math.max(found.own, number) or found.own
      found.events[#found.events + 1] = { number = number, inside = event["in"], text = event.call }
    end
  end
  if not needs.unmet "program:strace" then
    local command = command_of {}
    soak:must("a whole run", table.move(command, 1, #command, 4, { "strace", "-o", file }))
    local counts = {}
    for line in read_file(file):gmatch "[^\n]+" do
      local call = line:match "^([%w_]+)%("
      if call then
        counts[call] = (counts[call] or 0) + 1
        table.insert(found.system, { call, counts[call] })
      end
    end
  end
  remove(file)
  return found
end

--- A call that is to fail: by its number in every process, or in one.
---@class test.soak.Target
---@field number integer
---@field inside? string

--- The calls that fail one by one: every so manieth number, or the calls that have one of these
--- words in them.
---@param calls test.soak.Calls
---@param stride integer
---@param only? string[]
---@return test.soak.Target[]
function M.targets(calls, stride, only)
  local list = {}
  for number = 1, only and 0 or calls.all, stride do
    list[#list + 1] = { number = number }
  end
  for _, event in ipairs(only and calls.events or {}) do
    local wanted = false
    for _, word in ipairs(only or {}) do
      wanted = wanted or event.text:find(word, 1, true) ~= nil
    end
    list[#list + 1] = wanted and event or nil
  end
  return list
end

--- A target as `--fault` reads it.
---@param target test.soak.Target
---@param name string of the container
---@return string
function M.option(target, name)
  local option = ("%d:%s"):format(target.number, M.any(M.ERRNOS))
  return target.inside and option .. ":" .. target.inside:gsub(M.FIRST, name) or option
end

--- Runs a command that is killed: before a call, or within a system call.
---@param soak test.soak.Runner
---@param calls test.soak.Calls
---@param command_of fun(extra: string[]): string[]
---@return { code: integer, signal: string?, text: string }
function M.killed(soak, calls, command_of)
  if #calls.system == 0 or math.random(2) == 1 then
    return soak:run(command_of { "--fault", ("%d:KILL:"):format(math.random(calls.own)) })
  end
  local call, number = table.unpack(M.any(calls.system))
  local inject = ("inject=%s:signal=KILL:when=%d"):format(call, number)
  local command = command_of {}
  local strace = { "strace", "-o", "/dev/null", "-e", "trace=" .. call, "-e", inject }
  return soak:run(table.move(command, 1, #command, #strace + 1, strace))
end

return M

--- A pretended host, on which the checks of exercise 4 run a learner's runtime, in any language, by
--- its command line alone.
---
--- It has network devices, mounts, a name and process numbers of its own, so whatever a runtime
--- that is half done makes there ends with it, and nothing is left on the machine. Only control
--- groups are the machine's: those that have the box's name are removed. What is found is handed
--- out as a plain table; the checks judge it.
---
--- ```lua
--- local host = require "lab.ex4.host"
---
--- local found = host.on({ runtime = "/bin/busybox", rootfs = "/", name = "box" }, function(place)
---   local run = place:start({ "sh", "-c", "echo here; exit 3" })
---   return { status = run:wait().code, text = run.text }
--- end)
--- assert(found.status == 3 and found.text == "here\n")
--- ```
local M = {}

-- An address that the pretended host has, and that is in no box's own network.
M.FAR = "198.51.100.1"

local function user_kinds()
  return proc_status().uid.effective ~= 0 and "user" or nil
end

--- The words that start a runtime: a path, or a command line. `crun-lua` is this very program, and
--- so is what runs a file of Lua.
---@param command string
---@return string[]
function M.words(command)
  local words = {}
  for word in command:gmatch("%S+") do
    words[#words + 1] = word
  end
  local own = { "/proc/self/exe" }
  local dir = read_file("/proc/self/cmdline"):match("%z%-%-stdlib%z([^%z]+)%z")
  if dir then
    own[2], own[3] = "--stdlib", dir
  end
  if words[1] == "crun-lua" then
    table.remove(words, 1)
  elseif not (words[1] or ""):find("%.lua$") then
    return words
  end
  return table.move(words, 1, #words, #own + 1, own)
end

--- The environment without what leads back to the machine: a runtime keeps its records in there.
local function environment()
  local env = {}
  for name, value in read_file("/proc/self/environ"):gmatch("([^=%z]+)=([^%z]*)") do
    env[name] = value
  end
  env.XDG_RUNTIME_DIR = "/run"
  return env
end

local Run = {}
Run.__index = Run

local Place = {}
Place.__index = Place

--- Starts the runtime with these words, and takes what it writes.
---@param words string[] what stands behind the runtime's own words
---@param given? { stdin?: any, tty?: any, file?: string } `file` takes the output instead
function Place:start(words, given)
  given = given or {}
  local command = M.words(self.runtime)
  table.move(words, 1, #words, #command + 1, command)
  local streams = { stdin = given.stdin or "null", stdout = "pipe", stderr = self.errors }
  if given.file then
    streams.stdout, streams.stderr = given.file, given.file
  elseif given.tty then
    streams = { stdin = "null", stdout = "null", stderr = "null" }
  end
  local process = spawn(streams, function()
    if given.tty then
      terminal_attach(given.tty)
    end
    command.env = environment()
    local _, err = try(exec, command)
    io.stderr:write(("%s: %s\n"):format(command[1], err.errno or err.message))
    return 127
  end)
  return setmetatable({ process = process, pid = process.pid, text = "" }, Run)
end

--- `run NAME ROOTFS` before a command.
---@param command string[]
---@param given? { name?: string, options?: string[], stdin?: any, tty?: any }
function Place:run(command, given)
  given = given or {}
  local words = table.move(given.options or {}, 1, #(given.options or {}), 2, { "run" })
  words[#words + 1] = given.name or self.name
  words[#words + 1] = self.rootfs
  return self:start(table.move(command, 1, #command, #words + 1, words), given)
end

--- Reads until a text is there, or the time is over; whether it came.
function Run:hear(wanted, seconds)
  local over = clock("monotonic") + (seconds or 5)
  while not self.text:find(wanted, 1, true) do
    local left = math.ceil((over - clock("monotonic")) * 1000)
    local part = left > 0
      and try(self.process.stdout.read, self.process.stdout, "64K", { timeout = left .. "ms" })
    if not part then
      return false
    end
    self.text = self.text .. part
  end
  return true
end

--- Waits for its end; nil where it has not come by then.
function Run:wait(seconds)
  local over = clock("monotonic") + (seconds or 5)
  while self.process.stdout do
    local left = math.max(1, math.ceil((over - clock("monotonic")) * 1000))
    local part =
      try(self.process.stdout.read, self.process.stdout, "64K", { timeout = left .. "ms" })
    if not part then
      break
    end
    self.text = self.text .. part
  end
  local left = math.max(1, math.ceil((over - clock("monotonic")) * 1000))
  return self.process:wait { timeout = left .. "ms" }
end

--- Every process in another pid namespace than this one's that has a word among its arguments.
---@param word string
---@return table<integer, { line: string, parent: integer, numbers: integer[] }>
local function bearers(word)
  local own, found = proc_ns().pid, {}
  for _, pid in ipairs(pids()) do
    local line = try(read_file, ("/proc/%d/cmdline"):format(pid)) or ""
    local spaces = line:find(word, 1, true) and try(proc_ns, pid)
    local stat = spaces and spaces.pid ~= own and try(proc_stat, pid)
    local numbers = stat and (try(proc_status, pid) or {}).ns_pid
    if numbers then
      found[pid] = { line = line, parent = stat.ppid, numbers = numbers }
    end
  end
  return found
end

--- A process in a pid namespace of its own that has a word among its arguments: the box's command.
--- Of several the innermost, whose number inside is told as well.
---@param word string
---@param seconds? number
---@return integer? pid
---@return integer? inside
function Place:find(word, seconds)
  local over = clock("monotonic") + (seconds or 5)
  repeat
    local all, found = bearers(word)
    for pid, process in pairs(all) do
      local parent, best = all[process.parent], all[found]
      -- A shell that starts a program is there twice until that has taken its place.
      local copy = parent and parent.line == process.line
      -- The command itself comes after those that start it with the same words.
      local closer = not best
        or #process.numbers > #best.numbers
        or #process.numbers == #best.numbers and pid > found
      found = not copy and closer and pid or found
    end
    if found then
      return found, all[found].numbers[#all[found].numbers]
    end
    poll({}, { timeout = "20ms" })
  until clock("monotonic") > over
end

--- All processes of a pid namespace, by its inode.
function Place:members(inode)
  local list = {}
  for _, pid in ipairs(pids()) do
    local stat, spaces = try(proc_stat, pid), try(proc_ns, pid)
    -- One that has ended and was not waited for shows no namespaces any more.
    if stat and spaces and spaces.pid == inode then
      list[#list + 1] = stat
    end
  end
  return list
end

--- The directories of control groups with the box's name, on the machine.
---@param name string
---@return string[]
function M.groups(name)
  local found = {}
  for _, hierarchy in ipairs(cgroup_layout().hierarchies) do
    -- Where a runtime puts its groups is its own affair: below the root, or below the caller's.
    local queue = { { hierarchy.mount, 0 } }
    while #queue > 0 do
      local dir, depth = table.unpack(table.remove(queue))
      for _, entry in ipairs(try(list_dir, dir) or {}) do
        local path = dir .. "/" .. entry
        local info = try(stat, path, { nofollow = true })
        if info and info.type == "directory" then
          found[#found + 1] = entry:find(name, 1, true) and path or nil
          if depth < 5 then
            queue[#queue + 1] = { path, depth + 1 }
          end
        end
      end
    end
  end
  return found
end

--- Lets everything in the groups with this name go on, and kills it. A runtime that is ended while
--- it holds its box frozen leaves processes that no signal reaches.
local function end_members(paths)
  for _, path in ipairs(paths) do
    for file, word in pairs { ["freezer.state"] = "THAWED", ["cgroup.freeze"] = "0" } do
      if stat(path .. "/" .. file) then
        try(write_file, path .. "/" .. file, word)
      end
    end
    for number in (try(read_file, path .. "/cgroup.procs") or ""):gmatch("%d+") do
      try(kill, math.tointeger(tonumber(number)), "kill")
    end
  end
end

--- Removes the groups with this name, when the pretended host has ended.
local function remove_groups(name)
  local paths = M.groups(name)
  for _ = 1, 50 do
    end_members(paths)
    local left = {}
    for index = #paths, 1, -1 do
      if not try(remove, paths[index], { directory = true }) and stat(paths[index]) then
        table.insert(left, 1, paths[index])
      end
    end
    paths = left
    if #paths == 0 then
      return
    end
    poll({}, { timeout = "20ms" })
  end
end

--- Runs a function on a pretended host, and answers what it answers, which has to fit into JSON.
---@param given { runtime: string, rootfs: string, name: string, errors?: string }
---@param body fun(place: table): table
---@return any
function M.on(given, body)
  local answer = pipe()
  local kinds = { "mnt", "net", "pid", "uts", "ipc", user_kinds() }
  local child <close> = spawn(
    { unshare = kinds, die_with_parent = true, stdin = "null" },
    function()
      mount("proc", "/proc", { type = "proc" })
      -- Runtimes write down there what they have made: records, locks, names of namespaces.
      mount("tmpfs", "/run", { type = "tmpfs", data = { mode = "0755" } })
      loopback_up()
      address_add("lo", M.FAR .. "/32")
      local place = setmetatable({ name = given.name, rootfs = given.rootfs }, Place)
      place.runtime = given.runtime
      place.errors = given.errors and open(given.errors, { append = true, create = true }) or "null"
      answer.write:write(json_encode(body(place)))
    end
  )
  answer.write:close()
  local text = answer.read:read()
  local ended, err
  repeat
    ended, err = try(child.wait, child, { timeout = "500ms" })
    if not ended and not err then
      end_members(M.groups(given.name))
    end
  until ended or err
  remove_groups(given.name)
  if err then
    error(err, 0)
  end
  return json_decode(text)
end

return M

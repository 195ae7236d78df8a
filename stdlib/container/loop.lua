--- One thread that waits for many containers: their ends, their output, the kernel's kills for want
--- of memory, their health and their restarts.
---
--- Everything that can happen is one call of `poll`; between two calls nothing runs. `group` drives
--- it for a script, `monitor` for a detached container.
---
--- ```lua
--- local loop = require "container.loop"
---
--- local lines = {}
--- local feed = loop.lines(function(line, whole) lines[#lines + 1] = line end)
--- feed("one\ntw")
--- feed("o\nthree")
--- feed(nil)
--- assert(table.concat(lines, ",") == "one,two,three")
--- ```
local build = require "container.build"
local health = require "container.health"
local other = require "container.other"
local restart = require "container.restart"
local state = require "container.state"
local units = require "view.units"

local M = {}

--- A line longer than this is handed on in pieces.
local LONGEST = 64 << 10
local CHUNK = 64 << 10

--- Cuts a stream into lines. The function that is answered takes what was read, and nil at the end.
---@param emit fun(line: string, whole: boolean) whole: a line's end was there
---@return fun(data: string?)
function M.lines(emit)
  local rest = ""
  return function(data)
    if data == nil then
      if rest ~= "" then
        emit(rest, false)
      end
      rest = ""
      return
    end
    local from = 1
    local text = rest .. data
    while true do
      local stop = text:find("\n", from, true)
      if not stop then
        break
      end
      emit(text:sub(from, stop - 1), true)
      from = stop + 1
    end
    rest = text:sub(from)
    while #rest > LONGEST do
      emit(rest:sub(1, LONGEST), false)
      rest = rest:sub(LONGEST + 1)
    end
  end
end

--- Signals that end a script.
M.ENDING = { "hup", "int", "term" }

local Loop = {}
Loop.__index = Loop

--- A loop without containers. `stopping(box)` says whether an end was asked for; `signals` become
--- events of kind "signal" instead of ending the script.
---@param given { stopping: (fun(box): boolean)?, relaunch: (fun(entry): any), signals: string[]? }
function M.new(given)
  return setmetatable({
    entries = {},
    queue = {},
    given = given,
    signals = given.signals,
    dirty = true,
    live = 0,
  }, Loop)
end

local function event(self, kind, entry, more)
  local made = more or {}
  made.kind, made.box = kind, entry.box
  self.queue[#self.queue + 1] = made
end

--- Watches a container that runs.
---@param box container.Box
---@param sink? fun(line: string, stream: string, whole: boolean) what its output goes to
---@return table entry
function Loop:add(box, sink)
  local entry = { box = box, sink = sink }
  self.entries[#self.entries + 1] = entry
  self:attach(entry)
  return entry
end

--- Takes up the process, the streams and the group of a container that was just started.
function Loop:attach(entry)
  local run = entry.box.run_state
  entry.process, entry.group = run.process, run.watched and run.group
  entry.begun = run.begun
  entry.streams = {}
  if entry.sink then
    for _, name in ipairs { "stdout", "stderr" } do
      local fd = run.process[name]
      if fd then
        entry.streams[name] = {
          fd = fd,
          feed = M.lines(function(line, whole)
            entry.sink(line, name, whole)
          end),
        }
      end
    end
    if run.complaints then
      -- Of the functions that answer its calls: they stand among its own errors.
      entry.streams.answers = {
        fd = run.complaints,
        feed = M.lines(function(line, whole)
          entry.sink(line, "stderr", whole)
        end),
      }
    end
  end
  if entry.box.config.health then
    entry.health = health.new(entry.box)
  end
  self.live = self.live + 1
  self.dirty = true
end

--- What is polled, and what each source means.
local function rebuild(self)
  local sources, means = {}, {}
  local function add(source, entry, kind, stream)
    sources[#sources + 1] = source
    means[#sources] = { entry = entry, kind = kind, stream = stream }
  end
  for _, entry in ipairs(self.entries) do
    if entry.process then
      add(entry.process, entry, "process")
      if entry.group then
        add(entry.group, entry, "group")
      end
      if entry.begun then
        add(entry.begun, entry, "begun")
      end
      if entry.health and entry.health.process then
        add(entry.health.process, entry, "health")
      end
      for _, name in ipairs { "stdout", "stderr", "answers" } do
        if entry.streams[name] then
          add(entry.streams[name].fd, entry, "stream", name)
        end
      end
    end
  end
  self.sources, self.means, self.dirty = sources, means, false
end

local function read_stream(self, entry, name)
  local stream = entry.streams[name]
  local data = stream.fd:read(CHUNK)
  stream.feed(data)
  if data == nil then
    stream.fd:close()
    entry.streams[name] = nil
    self.dirty = true
  end
end

--- Reads what is left: nobody of the container lives that could write more.
local function drain(entry)
  for _, stream in pairs(entry.streams) do
    while true do
      local data = try(stream.fd.read, stream.fd, CHUNK, { timeout = 0 })
      if not data then
        break
      end
      stream.feed(data)
    end
    stream.feed(nil)
    stream.fd:close()
  end
  entry.streams = {}
end

local function ended(self, entry)
  local process = entry.process
  local result, err = try(process.wait, process)
  err = err or entry.failed
  entry.failed = nil
  drain(entry)
  if entry.health then
    entry.health:stop()
    entry.health = nil
  end
  entry.process, entry.begun, entry.group = nil, nil, nil
  self.live, self.dirty = self.live - 1, true
  local box = entry.box
  if err then
    -- Before the end is written down: whoever reads that asks why.
    box.record.error = { message = err.message or tostring(err), hint = err.hint }
  end
  local known, failed = try(box.settle, box, result or { code = 127 })
  local asked = entry.stopping or self.given.stopping and self.given.stopping(box)
  local delay = not err and restart.again(box.config.restart, box.record, result, asked)
  if delay then
    entry.due = clock("monotonic") + tonumber(delay:match("%d+")) / 1000
    box.record.status = "restarting"
    state.save(box.record)
  end
  event(self, "exit", entry, {
    result = known or { code = result and result.code or 127 },
    error = err or failed,
    restarting = delay ~= nil and delay ~= false,
  })
end

local function dispatch(self, row)
  if row.signal then
    self.queue[#self.queue + 1] = { kind = "signal", signal = row.signal }
    return
  end
  local meaning = self.means[row.index]
  local entry = meaning.entry
  if meaning.kind == "stream" then
    if entry.streams[meaning.stream] then
      read_stream(self, entry, meaning.stream)
    end
  elseif meaning.kind == "process" then
    ended(self, entry)
  elseif meaning.kind == "group" then
    event(self, "oom", entry)
  elseif meaning.kind == "begun" and entry.begun then
    entry.begun, self.dirty = nil, true
    -- Its end of the pipe is closed by exec, and by an end before it.
    local _, err = try(build.started, entry.box.run_state, entry.box.config)
    if err then
      entry.failed = err
    else
      event(self, "started", entry)
    end
  elseif meaning.kind == "health" and entry.health then
    local change = entry.health:ended()
    self.dirty = true
    if change then
      event(self, "health", entry, { health = change })
    end
  end
end

--- Restarts and health checks whose time has come; answers when the next one is due.
local function timers(self)
  local now, soonest = clock("monotonic"), nil
  for _, entry in ipairs(self.entries) do
    local due = entry.due
    if due and due <= now then
      entry.due, due = nil, nil
      local _, err = try(self.given.relaunch, entry)
      if err then
        event(self, "exit", entry, { result = { code = 127 }, error = err })
      else
        self:attach(entry)
        event(self, "restart", entry)
      end
    end
    if entry.health and entry.process then
      local change
      due, change = entry.health:tick(now)
      self.dirty = self.dirty or entry.health:take_dirty()
      if change then
        event(self, "health", entry, { health = change })
      end
    end
    if due and (not soonest or due < soonest) then
      soonest = due
    end
  end
  return soonest
end

--- Whether anything is left that can happen.
function Loop:busy()
  if #self.queue > 0 or self.live > 0 then
    return true
  end
  for _, entry in ipairs(self.entries) do
    if entry.due then
      return true
    end
  end
  return false
end

--- Waits for the next event; nil when the time is over first, or when all has ended.
---@param deadline? number of the monotonic clock
---@return table? event { kind, box, … }
function Loop:next(deadline)
  while true do
    if #self.queue > 0 then
      return table.remove(self.queue, 1)
    elseif not self:busy() then
      return nil
    end
    local due = timers(self)
    if #self.queue == 0 then
      local now = clock("monotonic")
      local until_then = math.min(due or math.huge, deadline or math.huge)
      if deadline and deadline <= now then
        return nil
      end
      if self.dirty then
        rebuild(self)
      end
      local options = { signals = self.signals }
      if until_then < math.huge then
        options.timeout = ("%dms"):format(math.max(0, math.ceil((until_then - now) * 1000)))
      end
      for _, row in ipairs(poll(self.sources, options)) do
        dispatch(self, row)
      end
    end
  end
end

--- Ends a container in order and listens meanwhile: its last words are heard, and it does not stand
--- still at a full pipe. What happens to others until then is told later.
---@param box container.Box
---@param timeout any a duration; SIGKILL follows
---@return string? signal that has come meanwhile; it does not cut this off
function Loop:stop(box, timeout)
  local heard, signal, known = {}, nil, false
  for _, entry in ipairs(self.entries) do
    if entry.box == box then
      entry.stopping, entry.due, known = true, nil, true
    end
  end
  if not known then
    return
  end
  self.signals = M.ENDING
  local function listen(seconds)
    local deadline = clock("monotonic") + seconds
    while box.run_state and clock("monotonic") <= deadline do
      local one = self:next(deadline)
      if one and one.kind == "signal" then
        signal = one.signal
      else
        heard[#heard + 1] = one
      end
    end
  end
  local run = box.run_state
  if run and box.record.status ~= "created" then
    other.end_process(run.process, run.group, other.stop_signal({}, box.config))
    listen(units.seconds(timeout))
  end
  if box.run_state then
    try(run.process.kill, run.process, "kill")
    listen(30)
  end
  table.move(self.queue, 1, #self.queue, #heard + 1, heard)
  self.queue, self.signals = heard, self.given.signals
  return signal
end

--- Lets go of containers that have ended and will not start again.
function Loop:forget(box)
  for index, entry in ipairs(self.entries) do
    if entry.box == box then
      table.remove(self.entries, index)
      self.dirty = true
      return
    end
  end
end

return M

--- The owner of a detached container: a process that stays behind when the script ends.
---
--- It is forked twice, so that it is nobody's child, and leads a session of its own, so that no
--- terminal's signals reach it. It holds nothing of the script's but its memory: standard streams
--- are closed, other descriptors as well. It writes the output down, restarts, checks the health,
--- and ends when the container has ended for good. SIGTERM to it stops the container in order.
---
--- ```lua
--- local container = require "container"
---
--- local box = container.new { name = "monitor-example", rootfs = "host", detach = true }
--- box:start { "sh", "-c", "echo hello" }
--- box:wait()
--- assert(box:logs()[1].text == "hello")
--- box:delete()
--- ```
local build = require "container.build"
local logs = require "container.logs"
local loop = require "container.loop"
local options = require "options"
local state = require "container.state"

local M = {}

--- Tells the script how the start went: it reads until the end of the pipe.
local function answer(channel, err)
  if channel.closed then
    return
  end
  if err then
    local where = err.where and ("%s:%d"):format(err.where.file, err.where.line)
    channel:write(json_encode {
      op = err.op,
      message = err.message or tostring(err),
      hint = err.hint,
      errno = err.errno,
      code = err.code,
      call = err.call,
      at = where,
    })
  else
    channel:write("{}")
  end
  channel:close()
end

--- Starts the program of a box that this process owns.
local function launch(box, command, parked)
  box.run_state = build.start(box.made, command, {
    parked = parked,
    stdin = "null",
    stdout = "pipe",
    stderr = "pipe",
    session = true,
    begun = true,
    complaints = "pipe",
  })
end

local function set(box, changes)
  for key, value in pairs(changes) do
    box.record[key] = value
  end
  state.save(box.record)
end

--- What waits for the container, starts it again and writes its output down.
local function supervisor_of(box, command, writer)
  local supervisor = loop.new {
    signals = loop.ENDING,
    stopping = function()
      return state.is_stopping(box.name)
    end,
    relaunch = function()
      launch(box, command, false)
    end,
  }
  supervisor:add(box, function(line, stream, whole)
    writer:write(line, stream, whole)
  end)
  return supervisor
end

--- Runs until the container has ended for good.
local function supervise(box, supervisor)
  while true do
    local event = supervisor:next()
    if not event then
      return
    elseif event.kind == "started" and box.run_state then
      set(box, { status = "running", started = clock("realtime") })
    elseif event.kind == "signal" then
      state.mark_stopping(box.name)
      supervisor:stop(box, box.config.stop_timeout)
      return
    elseif event.kind == "exit" and state.is_stopping(box.name) then
      return
    end
  end
end

--- Takes back what was made of a container that cannot be started. A step that fails keeps nobody
--- from the next, nor from hearing why there is no container.
local function take_back(box, writer, again)
  if box.run_state then
    try(box.stop, box, { timeout = "0s" })
  end
  if writer then
    try(writer.close, writer)
  end
  if not box.made then
    return
  end
  box.made.undo:run()
  if again then
    try(box.made.running.close, box.made.running)
  else
    try(build.forget, box.made)
  end
end

--- The monitor's whole life. `made` is there where an ended container starts again.
local function live(Box, config, command, channel, again)
  local box = Box.new(config)
  local writer
  local ok, err = pcall(function()
    setsid()
    -- A log that the script has opened is for functions that answer calls; nobody waits for its
    -- end.
    close_fds(
      { channel },
      { files = config.profile.seccomp and config.profile.seccomp.notify and true }
    )
    state.forked()
    box.made = again and build.resume(config) or build.reserve(config)
    box.record = box.made.record
    -- While the script still hears why it cannot be opened.
    writer = logs.writer(box.name, config.log)
    local words = box:command_of(command, "container.start")
    launch(box, words, not again)
    command = words
    -- Whoever asked may be gone: then nobody knows of the container, and it goes as well.
    answer(channel)
  end)
  if not ok then
    take_back(box, writer, again)
    -- Twice, as what is taken back: nobody else knows why there is no container.
    if select(2, try(answer, channel, err)) then
      try(answer, channel, err)
    end
    return 1
  end
  local supervisor = supervisor_of(box, command, writer)
  local stop <close> = defer(function()
    if box.run_state then
      try(box.stop, box)
    end
    writer:close()
    box.made.undo:run()
    if config.remove then
      build.forget(box.made)
      return
    elseif box.record.image or box.record.release then
      -- Given back; until here whoever comes next would do it.
      box.record.image, box.record.release = nil, nil
      state.save(box.record)
    end
    box.made.running:close()
  end)
  local _, failed = try(supervise, box, supervisor)
  if failed then
    box.record.error = { message = failed.message, hint = failed.hint }
  end
  return failed and 1 or 0
end

--- Forks twice and waits for the word of the monitor.
local function fork_monitor(config, command, again)
  local Box = require "container.box"
  local channel = pipe()
  -- Closed in any case: a monitor that nobody listens to takes its container back.
  local read <close> = channel.read
  local between <close> = spawn({ stdin = "null", stdout = "null", stderr = "null" }, function()
    channel.read:close()
    local monitor = fork(function()
      return live(Box, config, command, channel.write, again)
    end)
    monitor:keep()
  end)
  channel.write:close()
  between:wait()
  local text = read:read()
  local word = try(json_decode, text)
  if not word then
    options.fail("container.start", config.name .. ": its monitor ended without a word")
  elseif word.message then
    error(word, 0)
  end
end

--- Makes a detached container, which waits for its start.
---@param box container.Box
---@param command? string[]
---@return container.Box box
function M.create(box, command)
  fork_monitor(box.config, command, false)
  box.monitored = true
  return box
end

--- Makes it where that has not been done, and starts it.
---@param box container.Box
---@param command? string[]
---@return container.Box box
function M.start(box, command)
  if not box.monitored then
    M.create(box, command)
  end
  require("container.other").start(box.name)
  return box
end

--- Starts a container again that has ended, with its log and by its first rules.
---@param name string
function M.again(name)
  local record = state.get(name)
  if record.lost then
    require("container.recover").one(record)
  end
  fork_monitor(state.config(name), record.command, true)
end

return M

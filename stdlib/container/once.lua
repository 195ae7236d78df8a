--- One run of a container's program to its end: at a terminal, with its output kept, or in the
--- foreground. However it ends, the container is settled.
---
--- ```lua
--- local container = require "container"
---
--- local box <close> = container.new { rootfs = "host" }
--- local result = box:run({ "echo", "hello" }, { capture = true })
--- assert(result.code == 0 and result.stdout == "hello\n")
--- assert(box:run({ "sleep", "100" }, { timeout = "100ms" }).timed_out)
--- ```
local foreground = require "container.foreground"

---@param box container.Box one that is reserved and does not run
---@param command string[]
---@param how container.RunOptions
---@param launch fun(box: container.Box, command: string[], how: table, parked: boolean) starts it
---@return container.Result
return function(box, command, how, launch)
  if box.config.tty then
    local result, err = try(require("container.terminal").run, box, command, how, launch)
    if err then
      try(box.settle, box, { code = 127 })
      error(err, 0)
    end
    return box:settle(result)
  end
  if how.capture then
    launch(box, command, how, false)
    return box:settle(box.run_state.process:output {
      stdin = how.stdin,
      timeout = how.timeout,
      max = how.max,
    })
  end
  foreground.start(function()
    launch(box, command, how, false)
  end, how.forward)
  local process = box.run_state.process
  local result, err = try(foreground.wait, process, how)
  if err then
    box:settle { code = 127 }
    error(err, 0)
  elseif not result then
    process:kill("kill")
    result = process:wait()
    result.timed_out = true
  end
  return box:settle(result)
end

--- `crun-lua top`: what the containers use, live; or one container, process or control group drawn
--- as curves against its limits.
---
--- On a terminal it takes the whole screen and obeys keys; into a pipe it writes plain lines.
---
--- ```lua
--- local top = require "commands.top"
---
--- local function list()
---   return { { name = "self", status = "running", pid = proc_stat().pid } }
--- end
--- assert(top({ "--once", "--interval", "10ms" }, { list = list }) == 0)
--- ```
local arguments = require "commands.arguments"
local colour = require "view.colour"
local lines = require "top.lines"
local monitor = require "cgroup.monitor"
local options = require "options"
local rows = require "top.rows"
local screen = require "view.screen"
local target = require "top.target"
local units = require "view.units"

local SPEC = {
  name = "crun-lua top",
  usage = [[
usage: crun-lua top [--once] [--interval TIME] [--sort KEY] [--json] [--ascii] [NAME|PID|GROUP]

  --once            one look, then the end
  --interval TIME   between two looks: "500ms", "5s"; "1s" without it
  --sort KEY        cpu (without it), memory, pids, io, net or name
  --json            a line of JSON a look
  --ascii           only ASCII in bars and curves

NAME, PID or GROUP draws one container, one process's control group, or a group by its name.
Keys: q quits, c m p i t n sort by cpu, memory, pids, io, net and name, r turns the order round.]],
  flags = { "once", "json", "ascii" },
  values = { "interval", "sort" },
  most = 1,
}

local KEYS = { c = "cpu", m = "memory", p = "pids", i = "io", t = "net", n = "name" }
local FOOTER = "q quit, sort: c cpu  m memory  p pids  i io  t net  n name, r reverse"

-- What Ctrl-C answers where it is a key: 128 and SIGINT's number.
local INTERRUPTED = 130

--- What is looked at: `look` samples, `lines` and `json` show the last look.
---@class top.View
---@field look fun()
---@field lines fun(width: integer, height: integer, colours: boolean): string[]
---@field json fun(): any
---@field wait fun(seconds: number)?
---@field footer string

--- All containers.
local function all(given, list)
  local sampler, shown = rows.sampler(), {}
  local view = { key = given.sort or "cpu", footer = FOOTER }
  local function sort()
    rows.sort(shown, view.key, view.reverse)
  end
  function view.look()
    shown = sampler:update(list())
    sort()
  end
  function view.press(key)
    if key == "r" then
      view.reverse = not view.reverse
    end
    view.key = KEYS[key] or view.key
    sort()
  end
  function view.lines(width, _, colours)
    return lines.of(
      shown,
      { width = width, sort = view.key, ascii = given.ascii, colours = colours }
    )
  end
  function view.json()
    for _, row in ipairs(shown) do
      json_array(row.findings)
      json_array(row.cpu_history)
      json_array(row.memory_history)
    end
    return json_array(shown)
  end
  function view.empty()
    return #shown == 0
  end
  return view
end

--- One group.
local function one(given, found)
  -- As many samples as the widest window shows columns.
  local watched = monitor.new { groups = { [found.name] = found.group }, history = 500 }
  local view = { footer = "q quit" }
  function view.look()
    watched:sample()
  end
  function view.press() end
  function view.lines(width, height, colours)
    -- Three charts share what the headings and remarks leave.
    local rest = math.max((height - 12) // 3, 1)
    return watched:draw {
      width = width,
      height = math.min(rest, 8),
      style = given.ascii and "ascii" or "block",
      colours = colours,
    }
  end
  function view.json()
    local known = watched:get(found.name)
    json_array(known.findings)
    return known
  end
  function view.empty()
    return false
  end
  return view
end

local function sleep(seconds)
  local never = pipe()
  local timeout = ("%dus"):format(math.ceil(seconds * 1000000))
  local _, err = try(never.read.read, never.read, 1, { timeout = timeout })
  never.read:close()
  never.write:close()
  if err and err.errno ~= "ETIMEDOUT" then
    error(err, 0)
  end
end

--- Writes the last look; false where nobody reads any more.
local function write(view, given)
  local said
  if given.json then
    said = json_encode(view.json()) .. "\n"
  else
    local tty = is_tty(1)
    local size = tty and window_size(1) or {}
    local width = (size.columns or 0) > 0 and size.columns or tty and 80 or 160
    said = table.concat(view.lines(width, 24, colour.wanted(1)), "\n") .. "\n"
  end
  return io.stdout:write(said) and io.stdout:flush()
end

--- Plain lines: one look, or one each interval until nobody reads.
local function plain(view, given, seconds)
  view.look()
  if given.once then
    if not view.empty() then
      -- A share of the processor lies between two looks.
      sleep(math.min(seconds, 0.2))
      view.look()
    end
    return write(view, given) and 0 or 1
  end
  while write(view, given) do
    sleep(seconds)
    view.look()
    if not given.json and not io.stdout:write("\n") then
      break
    end
  end
  return 0
end

--- The lines of a screen: the view's, and the keys in the last row.
local function page(view, columns, height)
  local shown = view.lines(columns, height - 1, colour.wanted(1))
  local out = table.move(shown, 1, math.min(#shown, height - 1), 1, {})
  while #out < height - 1 do
    out[#out + 1] = ""
  end
  out[height] = colour.paint(view.footer:sub(1, columns), "dim", colour.wanted(1))
  return out
end

--- What keys that came together ask for: a status to end with, or nothing.
local function obey(view, keys)
  if keys == "" then
    return 0
  elseif keys:find("^\27.") then
    return nil
  end
  for key in keys:gmatch(".") do
    if key == "q" or key == "Q" or key == "\27" or key == "\4" then
      return 0
    elseif key == "\3" then
      return INTERRUPTED
    end
    view.press(key)
  end
end

local function interactive(view, seconds)
  local shown <close> = screen.open()
  local due = 0
  while true do
    if clock("monotonic") >= due then
      view.look()
      due = clock("monotonic") + seconds
    end
    shown:draw(page(view, shown:size()))
    local left = math.max(due - clock("monotonic"), 0.001)
    local keys = shown:key(("%dus"):format(math.ceil(left * 1000000)))
    local status = keys and obey(view, keys)
    if status then
      return status
    end
  end
end

--- What is wrong with the options' values.
local function wrong(given, seconds)
  if not seconds or seconds <= 0 then
    return ('--interval: expected a time such as "1s", got %s'):format(given.interval)
  end
  for _, key in ipairs(rows.KEYS) do
    if not given.sort or given.sort == key then
      return nil
    end
  end
  local near = options.nearest(given.sort, rows.KEYS)
  local hint = near and ("; did you mean %s?"):format(near) or ""
  return ("--sort: no key is called %q%s"):format(given.sort, hint)
end

---@class commands.TopContext
---@field list? fun(): table[] records; those of `require "container"` without it

---@param args string[]
---@param context? commands.TopContext
---@return integer status
local function top(args, context)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status or 2
  end
  local seconds = units.seconds(given.interval or "1s")
  local reason = wrong(given, seconds)
  if reason then
    return arguments.refuse(SPEC, reason)
  end
  local list = (context or {}).list or require("container").list
  local view = given[1] and one(given, target.find(given[1], list())) or all(given, list)
  if given.once or given.json or not screen.possible() then
    return plain(view, given, seconds)
  end
  return interactive(view, seconds)
end

return top

--- What the levels of exercise 4 have in common: a root to run in, a starting file, an answer that
--- is a program of any language, and checks that see nothing of it but what it does.
---
--- ```lua
--- local level = require "lab.ex4.level"
---
--- local step = level.step { id = "pid1", title = "t", text = "x", checks = {} }
--- assert(step.answers.runtime)
--- ```
local host = require "lab.ex4.host"
local skeleton = require "lab.ex4.skeleton"

local M = {}

local ANSWERS = {
  runtime = "your runtime: a file of Lua, or the command line of any program",
}

local TELL = [[


Your runtime is run as `RUNTIME run NAME ROOTFS COMMAND [ARGUMENTS…]`. A starting file in Lua is
$runtime, with earlier levels done; a root with busybox is $rootfs. Edit it, or answer with a
program of your own in any language: only what it does is looked at.]]

-- What a shell in the root can call.
local PROGRAMS = {
  "cat",
  "chroot",
  "echo",
  "hostname",
  "id",
  "ip",
  "kill",
  "ls",
  "mkdir",
  "mount",
  "ps",
  "sh",
  "sleep",
  "stty",
  "tty",
}

--- Makes a small root with busybox in a directory. What is written goes through a handle of the
--- root: a link in there, such as /bin, must not lead to the host's own.
---@param dir string
function M.make_root(dir)
  mkdir(dir)
  local root <close> = rootfs_open(dir)
  local busybox
  for _, file in ipairs(program_files { "busybox" }) do
    root:mkdir(file.path:match("^(.+)/") or "/", { parents = true })
    if file.target then
      root:symlink(file.target, file.path)
    else
      busybox = file.path:find("/busybox$") and file.path or busybox
      root:write(file.path, read_file(file.source), { mode = "0755" })
    end
  end
  for _, name in ipairs { "/bin", "/dev", "/etc", "/proc", "/sys" } do
    root:mkdir(name, { parents = true })
  end
  -- The shell wants one for what it starts with &, also where a runtime makes no /dev as yet.
  root:write("/dev/null", "", { mode = "0666" })
  root:mkdir("/tmp", { mode = "1777" })
  root:chmod("/tmp", "1777")
  for _, name in ipairs(PROGRAMS) do
    root:symlink(busybox, "/bin/" .. name)
  end
end

--- A program of this text in the stage, as an answer.
---@param t scenario.Hand
---@param text string
function M.answer(t, text)
  write_file(t.dir .. "/answer.lua", text)
  t:answer { runtime = t.dir .. "/answer.lua" }
end

--- A wrong action: the whole program but for some levels.
---@param ... string
function M.without(...)
  local levels = { ... }
  return function(t)
    M.answer(t, skeleton.without(table.unpack(levels)))
  end
end

--- A wrong action: the whole program with other texts in places of it.
---@param ... string what is there, and what stands there instead; any number of pairs
function M.instead(...)
  local pairs_of = { ... }
  return function(t)
    local text = skeleton.text()
    for index = 1, #pairs_of, 2 do
      local first, last = text:find(pairs_of[index], 1, true)
      assert(first, pairs_of[index])
      text = text:sub(1, first - 1) .. pairs_of[index + 1] .. text:sub(last + 1)
    end
    M.answer(t, text)
  end
end

--- Runs a function on a pretended host, with the learner's runtime; see `lab.ex4.host`.
---@param t scenario.Facts
---@param body fun(place: table): table
function M.on_host(t, body)
  if not t.answers.runtime then
    t:fail { what = "there is no answer 'runtime' yet", expected = "a program", found = "nothing" }
  end
  return host.on({
    runtime = t.answers.runtime,
    rootfs = t.given.rootfs,
    name = t.prefix .. "box",
    errors = t.dir .. "/errors",
  }, body)
end

--- What the runtime has said last: the reason, where nothing else is known.
function M.complaint(t)
  local text = t:read(t.dir .. "/errors") or ""
  return text:match("([^\n]+)\n*$") or "it said nothing"
end

--- A level as a step of the scenario.
---@param given table
function M.step(given)
  local id = given.id
  given.needs = given.needs or { "userns", "program:busybox" }
  given.answers = ANSWERS
  given.text = given.text .. TELL
  given.setup = function(t)
    M.make_root(t.dir .. "/rootfs")
    write_file(t.dir .. "/rootfs/etc/token", t.token)
    write_file(t.dir .. "/runtime.lua", skeleton.text(id))
    t:give { rootfs = t.dir .. "/rootfs", runtime = t.dir .. "/runtime.lua" }
  end
  given.action = function(t)
    local done = {}
    for _, level in ipairs(skeleton.LEVELS) do
      done[level] = true
      if level == id then
        break
      end
    end
    M.answer(t, skeleton.of(done))
  end
  -- Each starts a runtime a few times, and some wait for it.
  for _, check in ipairs(given.checks) do
    check[3] = check[3] or { deadline = "30s" }
  end
  given.solution = skeleton.added(id)
  given.observe = given.observe
    or {
      "crun-lua $runtime run box $rootfs /bin/sh",
      "crun-lua --explain $runtime run box $rootfs /bin/sh",
    }
  return given
end

return M

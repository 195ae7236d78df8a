--- What somebody waits for who types: the first prompt, and a completion with the whole stdlib loaded.
---
--- `crun-lua benches/repl.lua PROGRAM`. Both interpreters are started on a terminal of their own and
--- take turns, so that a slow moment of the machine meets both. The time of a start is from the
--- clone until the first prompt has come; that of a completion from the tab until the word is there.
local program = assert(arg[1], "which program?")
local ROUNDS = tonumber(os.getenv "ROUNDS" or 60)

local function sorted(list)
  table.sort(list)
  return list
end

local function show(what, list)
  sorted(list)
  local middle, worst = list[(#list + 1) // 2], list[math.max(1, #list * 95 // 100)]
  print(("%-34s min %6.2f  median %6.2f  p95 %6.2f ms"):format(what, list[1] * 1e3, middle * 1e3, worst * 1e3))
  return middle
end

--- Reads until a text has come; the time at which it had.
local function read_until(terminal, wanted)
  local seen = ""
  repeat
    local bytes = terminal.master:read(65536)
    if not bytes then
      error(("the program has ended: %q"):format(seen))
    end
    seen = seen .. bytes
  until seen:find(wanted, 1, true)
  return clock "monotonic"
end

--- Starts a program on a terminal and answers when its first prompt has come.
local function start(command, prompt)
  local terminal = pty { rows = 40, columns = 100 }
  local begun = clock "monotonic"
  local child = spawn(function()
    terminal_attach(terminal)
    exec(command)
  end)
  return read_until(terminal, prompt) - begun, terminal, child
end

local function once(command, prompt)
  local took, terminal, child = start(command, prompt)
  child:kill "kill"
  child:wait()
  child:close()
  terminal:close()
  return took
end

local home <close> = temp_dir()
local env = { HOME = home.path, PATH = os.getenv "PATH", TERM = "xterm" }
local ours, lua, bare = {}, {}, {}
local has_lua = capture({ "sh", "-c", "command -v lua5.4" }).code == 0
local empty = home.path .. "/empty.lua"
write_file(empty, "io.write('# begun\\n')")
for _ = 1, ROUNDS do
  ours[#ours + 1] = once({ program, env = env }, "#1> ")
  bare[#bare + 1] = once({ program, empty, env = env }, "# begun")
  if has_lua then
    lua[#lua + 1] = once({ "lua5.4", "-i", env = env }, "> ")
  end
end
local first = show("first prompt, crun-lua", ours)
show("a script's first line, crun-lua", bare)
if has_lua then
  print(("%-34s %.2f"):format("ratio to lua5.4 -i", first / show("first prompt, lua5.4 -i", lua)))
end

--- How long a tab takes, with every module loaded.
local _, terminal, child = start({ program, env = env }, "#1> ")
local modules = { "container", "hardening", "network", "oci.main", "image", "inspect", "cgroup" }
for _, name in ipairs { "doctor", "rootfs", "reference" } do
  modules[#modules + 1] = name
end
for index, name in ipairs(modules) do
  terminal.master:write(("%s = require %q;\r"):format(name:gsub("%.", "_"), name))
  read_until(terminal, ("#%d> "):format(index + 1))
end
local tabs = { { "cont", "container" }, { "container.ne", "container.new" } }
tabs[#tabs + 1] = { "unsh", "unshare" }
tabs[#tabs + 1] = { 'mount("proc", "/proc", { typ', "type" }
for _, tab in ipairs(tabs) do
  local times = {}
  for _ = 1, ROUNDS do
    terminal.master:write(tab[1])
    read_until(terminal, tab[1]:sub(-3))
    local begun = clock "monotonic"
    terminal.master:write "\t"
    times[#times + 1] = read_until(terminal, tab[2]) - begun
    terminal.master:write "\3"
    read_until(terminal, "> ")
  end
  show(("tab after %s"):format(tab[1]), times)
end
child:kill "kill"
child:wait()

--- Level 5: what the command reads and writes, through pipes and at a terminal.
---
--- ```lua
--- assert(require("lab.ex4.stdio").id == "stdio")
--- ```
local level = require "lab.ex4.level"

local ROWS, COLUMNS = 33, 97

--- Reads a terminal until a text is there; what has come.
local function hear(terminal, wanted, seconds)
  local text, over = "", clock("monotonic") + seconds
  while not text:find(wanted, 1, true) and clock("monotonic") < over do
    text = text .. (try(terminal.master.read, terminal.master, "4K", { timeout = "200ms" }) or "")
  end
  return text
end

--- Runs a script at a terminal of the check's own.
local function at_terminal(t, script, talk)
  return level.on_host(t, function(place)
    local terminal <close> = pty { rows = ROWS, columns = COLUMNS }
    local run = place:run({ "/bin/sh", "-c", script, t.token }, { tty = terminal })
    local found = talk(terminal, run, place)
    local ended = run:wait(3)
    found.status = ended and ended.code or "it still runs"
    return found
  end)
end

return level.step {
  id = "stdio",
  title = "Standard input, and a terminal",
  after = { "orphans" },
  text = [[
What comes in at the runtime's standard input is the command's, byte by byte, and the end of it
too. Where the runtime stands at a terminal, the command has one, of the same size, that is not
yours: a line arrives, ctrl-C interrupts the command, and the status is the command's.]],
  checks = {
    {
      "bytes go through unchanged, and the end of them arrives",
      function(t)
        local sent = "line\n\0\1\255 no end" .. ("x"):rep(100000)
        local found = level.on_host(t, function(place)
          local input = pipe()
          local run = place:run({ "/bin/cat" }, { stdin = input.read })
          input.read:close()
          -- More than a pipe holds: whoever reads all before it writes would hang.
          local writer <close> = fork(function()
            try(input.write.write, input.write, sent)
          end)
          input.write:close()
          local ended = run:wait(4)
          return {
            hash = sha256(run.text),
            size = #run.text,
            status = ended and ended.code or "it still runs",
          }
        end)
        t:eq(found.status, 0, "`cat` ends with its input", "printf x | RUNTIME run … /bin/cat")
        t:eq(
          found.size,
          #sent,
          "bytes that came back from `cat`",
          "printf x | RUNTIME run … /bin/cat | wc -c"
        )
        t:eq(
          found.hash,
          sha256(sent),
          "the bytes themselves",
          "printf 'a\\0b' | RUNTIME run … /bin/cat | od -c"
        )
      end,
    },
    {
      "at a terminal the command has a terminal of that size, and a line arrives",
      function(t)
        local script =
          'test -t 0 && test -t 1 && echo "size $(stty size)"; read line; echo "got $line"'
        local found = at_terminal(t, script, function(terminal)
          local text = hear(terminal, "size", 8)
          text = text .. (text:find("\n", 1, true) and "" or hear(terminal, "\n", 1))
          try(terminal.master.write, terminal.master, t.token .. "\n")
          return { text = text .. hear(terminal, "got " .. t.token, 3) }
        end)
        local size = ("size %d %d"):format(ROWS, COLUMNS)
        local see = "RUNTIME run … /bin/stty size"
        t:has(found.text:gsub("[\r\n]+", " "), size, "the size of the command's terminal", see)
        local what = "what the command has read and repeated"
        t:has(found.text:gsub("[\r\n]+", " "), "got " .. t.token, what, "RUNTIME run … /bin/cat")
      end,
    },
    {
      "ctrl-C interrupts the command",
      function(t)
        local script = "trap 'exit 44' INT; echo ready; while :; do sleep 0.1; done"
        local found = at_terminal(t, script, function(terminal)
          hear(terminal, "ready", 8)
          try(terminal.master.write, terminal.master, "\3")
          return {}
        end)
        t:eq(
          found.status,
          44,
          "the status of a command that answers INT with `exit 44`",
          "RUNTIME run … ; ctrl-C"
        )
      end,
    },
    {
      "the terminal is not the runtime's own",
      function(t)
        local found = at_terminal(t, "echo ready; sleep 1; :", function(terminal, run, place)
          hear(terminal, "ready", 8)
          local pid = place:find(t.token, 2) or 1
          -- A box may have a devpts of its own, so the number of the device says nothing.
          local mine, outer =
            stat(("/proc/%d/fd/0"):format(pid)), stat(("/proc/%d/fd/0"):format(run.pid))
          return {
            same = mine and outer and mine.dev == outer.dev and mine.ino == outer.ino or false,
            has = proc_stat(pid).tty_nr ~= 0,
          }
        end)
        t:eq(found.has, true, "the command has a controlling terminal", "ps -o pid,tty,args")
        local what = "the command's terminal is the one that the runtime stands at"
        t:eq(found.same, false, what, "ps -o pid,tty,args")
      end,
    },
  },
  hints = {
    "Descriptors 0, 1 and 2 are inherited like all others; what is different at a terminal?",
    "A terminal for the box is a pair: the box gets one end, the runtime copies between the "
      .. "other and yours, in raw mode.",
    "pty() makes the pair, terminal_attach in the child makes it its own, relay in the parent"
      .. " copies, with `process` to know the end.",
  },
  decoys = {
    { "nothing is to be read", level.without("stdio"), says = "bytes that came back from `cat`" },
    {
      "the course's own: the box gets the very terminal",
      level.instead("is_tty(0) and is_tty(1) and pty() or nil", "nil"),
      says = "the one that the runtime stands at",
      course = true,
    },
  },
  observe = {
    "echo hello | crun-lua $runtime run box $rootfs /bin/cat",
    "crun-lua $runtime run box $rootfs /bin/sh",
  },
  lesson = [[
A box that has your terminal can write what you will "type" next (TIOCSTI), and waits there when
it is over. With a pair of its own it can do as it likes. That is docker's -t; without it, plain
pipes.]],
}

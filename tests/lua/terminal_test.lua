-- Terminals: pty pairs, attaching, keys, window sizes, raw mode, the foreground group.

local test = require "test"

-- Reads from a pty's master until the text has come.
local function expect(t, p, pattern)
  local text = ""
  while not text:find(pattern) do
    local part = p.master:read("4K", { timeout = "10s" })
    t.ok(part, "the terminal's end came before " .. pattern .. " after: " .. text)
    text = text .. part
  end
  return text
end

-- A program on the terminal.
local function on(p, command)
  return fork(function()
    terminal_attach(p)
    exec(command)
  end)
end

local function settings(p)
  local child <close> = spawn({ stdin = p.slave, stdout = "pipe" }, function()
    exec { "stty", "-a" }
  end)
  return child:output().stdout
end

test.case("a path that is no multiplexer is refused", function(t)
  t.match(t.fails("ENOENT", pty, { ptmx = "/no/such/ptmx" }).hint, "devpts", true)
  t.fails("ENOTTY", pty, { ptmx = "/dev/null" })
  t.fails("go together", pty, { rows = 3 })
end)

test.case("what is no terminal has no size, no raw mode and no foreground group", function(t)
  local p = pipe()
  t.ok(not is_tty(p.read))
  t.fails("ENOTTY", window_size, p.read)
  t.fails("ENOTTY", set_window_size, p.read, { rows = 1, columns = 1 })
  t.fails("ENOTTY", raw_mode, p.read)
  t.fails("ENOTTY", tcsetpgrp, nil, { terminal = p.read })
  t.fails('the option "columns"', set_window_size, p.read, { rows = 1 })
end)

test.case("a group's leader cannot attach a terminal", function(t)
  local p <close> = pty()
  local child <close> = spawn({ process_group = true }, function()
    t.match(t.fails("EPERM", terminal_attach, p).hint, "spawn", true)
  end)
  t.eq(child:wait().code, 0)
end)

test.case("a terminal of another session is not handed to a group", function(t)
  local p <close> = pty()
  t.match(t.fails("ENOTTY", tcsetpgrp, nil, { terminal = p }).hint, "terminal_attach", true)
end)

test.case("a program on a pty has a terminal at 0, 1, 2 and as /dev/tty", function(t)
  local p <close> = pty()
  local child <close> =
    on(p, { "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo yes >/dev/tty" })
  expect(t, p, "yes\r\n")
  t.eq(child:wait().code, 0)
  t.eq(capture({ "test", "-t", "0" }).code, 1)
end)

test.case("the slave is the pty that the index and the path name", function(t)
  local p <close> = pty()
  t.eq(p.path, "/dev/pts/" .. p.index)
  local child <close> = spawn({ stdin = p.slave, stdout = "pipe" }, function()
    exec { "tty" }
  end)
  t.eq(child:output().stdout, p.path .. "\n")
end)

test.case("Ctrl-C on the terminal ends the foreground group", function(t)
  local p <close> = pty()
  local child <close> = on(p, { "sh", "-c", "echo ready; sleep 100; echo never" })
  expect(t, p, "ready")
  -- A shell that is just starting a program may pass over the first.
  local ended
  for _ = 1, 50 do
    p.master:write("\3")
    ended = child:wait { timeout = "200ms" }
    if ended then
      break
    end
  end
  t.eq(ended.signal, "int")
end)

test.case("the terminal's hang-up ends the session", function(t)
  local p = pty()
  local child <close> = on(p, { "sh", "-c", "echo ready; sleep 100" })
  expect(t, p, "ready")
  p:close()
  t.eq(child:wait().signal, "hup")
end)

test.case("a program learns of a new window size", function(t)
  local p <close> = pty { rows = 24, columns = 80 }
  local script = "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.02; done"
  local child <close> = on(p, { "sh", "-c", script })
  expect(t, p, "24 80\r\n")
  set_window_size(p, { rows = 50, columns = 132 })
  expect(t, p, "50 132\r\n")
  t.eq(child:wait().code, 0)
  t.eq(window_size(p), { rows = 50, columns = 132 })
end)

test.case("raw mode lasts as long as its handle", function(t)
  local p <close> = pty()
  local before = settings(p)
  t.match(before, "%sicanon")
  do
    local raw <close> = raw_mode(p)
    t.match(settings(p), "%-icanon")
    t.match(settings(p), "%-isig")
    t.match(tostring(raw), "raw mode", true)
  end
  t.eq(settings(p), before)
end)

test.case("raw mode ends with a script that a signal ends", function(t)
  local p <close> = pty()
  local before = settings(p)
  local ready = pipe()
  local child <close> = fork(function()
    terminal_attach(p)
    raw_mode()
    ready.write:write("x")
    local sleeper = spawn(function()
      exec { "sleep", "100" }
    end)
    sleeper:wait()
  end)
  ready.read:read(1)
  t.match(settings(p), "%-icanon")
  child:kill("term")
  t.eq(child:wait().code, 143)
  t.eq(settings(p), before)
end)

test.case("a job gets the terminal and gives it back, and nobody is stopped", function(t)
  local p <close> = pty()
  local shell <close> = fork(function()
    terminal_attach(p)
    local own = tcgetpgrp()
    local job <close> = spawn({
      process_group = true,
      parent = function(job)
        tcsetpgrp(job)
      end,
    }, function()
      exec { "sh", "-c", "read line; echo got $line" }
    end)
    t.eq(tcgetpgrp(), job.pid)
    t.eq(job:wait().code, 0)
    -- From the background now: without care this would be a SIGTTOU.
    tcsetpgrp()
    t.eq(tcgetpgrp(), own)
  end)
  p.master:write("hello\n")
  expect(t, p, "got hello\r\n")
  t.eq(shell:wait().code, 0)
end)

test.case("the relay carries both directions to the program's end", function(t)
  local p <close> = pty()
  local child <close> = on(p, { "sh", "-c", "stty -echo; echo ready; cat; echo end" })
  local input, output = pipe(), pipe()
  input.write:write("hello\n")
  input.write:close()
  p:relay { process = child, input = input.read, output = output.write }
  output.write:close()
  local text = output.read:read()
  t.match(text, "hello\r\n.*end\r\n$")
  t.eq(child:wait().code, 0)
end)

test.case("the relay ends with its program, whoever has the terminal still", function(t)
  local p <close> = pty()
  local child <close> = on(p, { "sh", "-c", "trap '' HUP; sleep 2 & echo done" })
  local output = pipe()
  p:relay { process = child, output = output.write }
  output.write:close()
  t.eq(output.read:read(), "done\r\n")
  child:wait()
  capture { "sleep", "2.2" }
end)

test.case("much output and much input at once do not stop the relay", function(t)
  local p <close> = pty()
  local child <close> =
    on(p, { "sh", "-c", "stty raw -echo; head -c 300000 /dev/zero | tr '\\0' z" })
  local input, output = pipe(), pipe()
  local writer <close> = fork(function()
    input.read:close()
    output.write:close()
    pcall(input.write.write, input.write, ("x"):rep(200000))
  end)
  input.write:close()
  local reader <close> = spawn({ stdin = output.read, stdout = "pipe" }, function()
    exec { "sh", "-c", "tr -dc z | wc -c" }
  end)
  p:relay { process = child, input = input.read, output = output.write }
  output.write:close()
  t.match(reader.stdout:read(), "300000", true)
end)

test.case("the relay passes the user's window and its changes on", function(t)
  local user <close> = pty { rows = 30, columns = 90 }
  local script = "trap 'stty size; exit' WINCH; echo ready; stty size; while :; do sleep 0.02; done"
  local runtime <close> = fork(function()
    terminal_attach(user)
    local p <close> = pty()
    local child <close> = on(p, { "sh", "-c", script })
    -- The first size comes with the relay; the program starts after it or gets the signal.
    set_window_size(p, { rows = 30, columns = 90 })
    p:relay { process = child }
    return child:wait().code
  end)
  expect(t, user, "30 90\r\n")
  set_window_size(user, { rows = 41, columns = 101 })
  expect(t, user, "41 101\r\n")
  t.eq(runtime:wait().code, 0)
  t.match(settings(user), "%sicanon")
end)

test.case("a pty of another devpts mount comes from that mount", { "root" }, function(t)
  t.inside({ "mnt" }, function()
    local dir = os.getenv("TMPDIR") .. "/pts"
    mkdir(dir)
    mount("devpts", dir, { type = "devpts", data = "newinstance,ptmxmode=0666" })
    local p <close> = pty { ptmx = dir .. "/ptmx" }
    t.eq({ p.index, p.path }, { 0, dir .. "/0" })
    t.ok(is_tty(p.slave))
    p:close()
    umount(dir)
    os.remove(dir)
  end)
end)

return test.run()

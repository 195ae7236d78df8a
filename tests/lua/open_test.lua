-- Opening files by path, pipes with a name, and files that are replaced as a whole.

local test = require "test"

-- What is wrong

test.case("options of open that make no sense together are refused", function(t)
  t.fails("options.create: expected write or append", open, "/dev/null", { create = true })
  t.fails("options.truncate: expected write", open, "/dev/null", { append = true, truncate = true })
  t.fails(
    "options.exclusive: expected create",
    open,
    "/dev/null",
    { write = true, exclusive = true }
  )
  t.fails("expected read, write or append", open, "/dev/null", { read = false })
  t.fails('did you mean "nonblock"', open, "/dev/null", { nonblok = true })
end)

test.case("open says what is in the way", function(t)
  local dir <close> = temp_dir()
  t.fails("ENOENT", open, dir.path .. "/none")
  symlink("/dev/null", dir.path .. "/link")
  local err = t.fails("ELOOP", open, dir.path .. "/link", { nofollow = true })
  t.match(err.call, 'link", O_RDONLY|O_NOFOLLOW|O_NOCTTY|O_CLOEXEC)', true)
  open(dir.path .. "/link"):close()
  open(dir.path .. "/file", { write = true, create = true }):close()
  t.fails("EEXIST", open, dir.path .. "/file", { write = true, create = true, exclusive = true })
end)

test.case("a pipe without a reader is ENXIO for a writer that does not wait", function(t)
  local dir <close> = temp_dir()
  mkfifo(dir.path .. "/pipe")
  local err = t.fails("ENXIO", open, dir.path .. "/pipe", { write = true, nonblock = true })
  t.match(err.hint, "nobody reads", true)
  t.fails("EEXIST", mkfifo, dir.path .. "/pipe")
end)

test.case(
  "a file is not replaced half, through a link, or in the place of something else",
  function(t)
    local dir <close> = temp_dir()
    local path = dir.path .. "/file"
    t.fails("exclude each other", write_file, path, "x", { append = true, atomic = true })
    t.fails("ENOENT", write_file, dir.path .. "/none/file", "x", { atomic = true })
    symlink("target", dir.path .. "/link")
    t.fails("ELOOP", write_file, dir.path .. "/link", "x", { atomic = true })
    mkfifo(dir.path .. "/pipe")
    t.fails("EINVAL", write_file, dir.path .. "/pipe", "x", { atomic = true })
    t.fails("EISDIR", write_file, dir.path, "x", { atomic = true })
    write_file(path, "old")
    t.fails("EEXIST", write_file, path, "new", { atomic = true, exclusive = true })
    t.eq(read_file(path), "old")
    t.eq(list_dir(dir.path), { "file", "link", "pipe" })
  end
)

-- What holds

test.case(
  "a log is appended to by a program and by the script, with the mode it was made with",
  function(t)
    local dir <close> = temp_dir()
    local path = dir.path .. "/log"
    umask("022")
    local log <close> = open(path, { append = true, create = true, mode = "0666" })
    t.eq(stat(path).mode, tonumber("644", 8))
    for index = 1, 3 do
      local child <close> = spawn({ stdout = log, stderr = log }, function()
        exec { "sh", "-c", ("echo out %d; echo err %d >&2"):format(index, index) }
      end)
      child:wait()
      log:write(("line %d\n"):format(index))
    end
    t.eq(#read_file(path), 3 * #"out 1\nerr 1\nline 1\n")
    -- Another that appends does not write over what is there.
    local other <close> = open(path, { append = true })
    other:write("other\n")
    log:write("last\n")
    t.match(read_file(path), "line 3\nother\nlast\n$")
  end
)

test.case("open reads, writes from the start, empties, and does both", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/file"
  local file = open(path, { write = true, create = true })
  file:write("hello")
  t.fails("EBADF", file.read, file)
  file:close()
  file = open(path, { write = true, read = true })
  t.eq(file:read(2), "he")
  file:write("y")
  file:close()
  t.eq(read_file(path), "heylo")
  open(path, { write = true, truncate = true }):close()
  t.eq(read_file(path), "")
end)

test.case("a descriptor that was opened is not left to a program", function(t)
  local file <close> = open("/dev/null")
  local seen = capture { "sh", "-c", ("test -e /proc/self/fd/%d"):format(file.number) }
  t.eq(seen.code, 1)
end)

test.case("a pipe with a name is opened without waiting, and polled", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/pipe"
  umask("022")
  mkfifo(path, "0622")
  t.eq({ stat(path).type, stat(path).mode }, { "fifo", tonumber("600", 8) })
  local reader <close> = open(path, { nonblock = true })
  t.eq(poll({ reader }, { timeout = "0ms" }), {})
  local writer = open(path, { write = true, nonblock = true })
  t.fails("EAGAIN", reader.read, reader, 10)
  local child <close> = spawn({ stdout = writer }, function()
    exec { "echo", "hello" }
  end)
  child:wait()
  t.eq(poll({ reader })[1].readable, true)
  t.eq(reader:read(10), "hello\n")
  writer:close()
  t.eq(poll({ reader })[1].hangup, true)
  t.eq(reader:read(10), nil)
end)

test.case("a pipe with a name waits for its other end, and a signal ends that", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/pipe"
  mkfifo(path)
  local child <close> = fork(function()
    local writer <close> = open(path, { write = true })
    writer:write("from the child")
  end)
  local reader <close> = open(path)
  t.eq(reader:read(), "from the child")
  t.eq(child:wait().code, 0)
  local stuck <close> = fork(function()
    open(path)
  end)
  -- In open(2), where a signal is EINTR: /proc tells.
  local where
  repeat
    where = read_file(("/proc/%d/wchan"):format(stuck.pid))
  until where == nil or where:find("fifo") or where == "0"
  poll({}, { timeout = "50ms" })
  stuck:kill("term")
  t.eq(stuck:wait().code, 143)
end)

test.case(
  "a file is replaced as a whole: another inode, the same owner and mode",
  { "root" },
  function(t)
    local dir <close> = temp_dir()
    local path = dir.path .. "/state.json"
    umask("022")
    write_file(path, "one", { atomic = true, mode = "0666" })
    t.eq({ read_file(path), stat(path).mode, stat(path).uid }, { "one", tonumber("644", 8), 0 })
    chown(path, { uid = 65534, gid = 65533 })
    chmod(path, "4640")
    local before, held = stat(path), open(path)
    write_file(path, "two", { atomic = true })
    local after = stat(path)
    t.ne(after.ino, before.ino)
    t.eq({ after.mode, after.uid, after.gid }, { tonumber("4640", 8), 65534, 65533 })
    -- Who had it open has the old text still.
    t.eq({ held:read(), read_file(path) }, { "one", "two" })
    write_file(dir.path .. "/new", "x", { atomic = true, exclusive = true })
    t.eq(list_dir(dir.path), { "new", "state.json" })
  end
)

test.case("an ordinary user replaces files of his own, and no others", { "user" }, function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/file"
  for _, text in ipairs { "one", "two" } do
    write_file(path, text, { atomic = true, mode = "0600" })
    t.eq({ read_file(path), stat(path).mode }, { text, tonumber("600", 8) })
  end
  mkdir(dir.path .. "/closed", { mode = "0555" })
  t.fails("EACCES", write_file, dir.path .. "/closed/file", "x", { atomic = true })
  t.eq({ list_dir(dir.path), list_dir(dir.path .. "/closed") }, { { "closed", "file" }, {} })
end)

test.case("whoever reads meanwhile finds a whole text, however many write and die", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/file"
  local function text(letter)
    return letter:rep(200000)
  end
  write_file(path, text("a"))
  local writers = {}
  for index, letter in ipairs { "b", "c", "d" } do
    writers[index] = fork(function()
      while true do
        write_file(path, text(letter), { atomic = true })
      end
    end)
  end
  for _ = 1, 200 do
    local found = read_file(path)
    t.eq({ #found, found == text(found:sub(1, 1)) }, { 200000, true })
  end
  for _, writer in ipairs(writers) do
    writer:close()
  end
  local found = read_file(path)
  t.eq(found == text(found:sub(1, 1)), true)
end)

return test.run()

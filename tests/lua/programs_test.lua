-- The files that programs need: program_files.

local test = require "test"

local function temporary(name, content)
  local path = (os.getenv "TMPDIR" or "/tmp") .. "/" .. name
  local file <close> = assert(io.open(path, "w"))
  file:write(content)
  return path
end

test.case("a program that is nowhere is named, with the path that was searched", function(t)
  t.fails("no-such: no program of this name in PATH (/bin)", function()
    program_files({ "no-such" }, { path = "/bin" })
  end)
  t.fails("/no/such: does not exist", program_files, { "/no/such" })
end)

test.case("an empty list, a wrong key and a relative path are refused", function(t)
  t.fails("the list is empty", program_files, {})
  t.fails('unknown option "rot"; did you mean "root"?', program_files, { "sh" }, { rot = "/" })
  t.fails("absolute path", program_files, { "./sh" })
  t.fails("programs[1]: an empty path", program_files, { "" })
end)

test.case("a file that is not executable is refused by name", function(t)
  local path = temporary("plain", "text")
  t.fails("plain: no execute permission", program_files, { path })
  os.remove(path)
end)

test.case("every file exists on the host, and every path is absolute", function(t)
  local files = program_files { "/bin/sh", "/usr/bin/env" }
  local last = ""
  for _, file in ipairs(files) do
    t.match(file.path, "^/")
    t.ok(file.path > last, "sorted by path")
    last = file.path
    if file.source then
      t.ok(io.open(file.source), file.source)
    else
      t.ok(#file.target > 0, file.path)
    end
    t.ok(file.needed_by, file.path)
  end
end)

test.case("an ordinary user gets the same list", { "user" }, function(t)
  t.ok(#program_files { "/bin/sh" } > 0)
end)

return test.run()

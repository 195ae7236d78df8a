--- What a script defers is called once: when its handle closes, or when the script ends.
local test = require "test"

test.case("an error in a deferred function is the closer's", function(t)
  local handle = defer(function()
    error({ message = "no way back" })
  end)
  local err = t.fails("no way back", handle.close, handle)
  t.match(err.where.file, "handles_test.lua", true)
  handle:close()
end)

test.case("a deferred function is called once, and not after keep", function(t)
  local calls = 0
  local function count()
    calls = calls + 1
  end
  local once, never = defer(count), defer(count)
  never:keep()
  once:close()
  once:close()
  never:close()
  t.eq(calls, 1)
end)

test.case("a child does not call what its parent has deferred", function(t)
  local calls = 0
  local handle <close> = defer(function()
    calls = calls + 1
  end)
  local child <close> = fork(function()
    handle:close()
    return calls
  end)
  t.eq(child:wait().code, 0)
end)

test.case("it is called at the end of a script, at os.exit, and after an error", function(t)
  for _, body in ipairs {
    function() end,
    function()
      os.exit(3)
    end,
  } do
    local child <close> = spawn({ stdout = "pipe" }, function()
      defer(function()
        io.stdout:write("undone")
        io.stdout:flush()
      end)
      return body()
    end)
    t.eq(child:output().stdout, "undone")
  end
  local file = temp_dir().path .. "/undone"
  local child <close> = spawn(function()
    defer(function()
      write_file(file, "undone")
    end)
    error("failed")
  end)
  t.fails("failed", child.wait, child)
  t.eq(read_file(file), "undone")
end)

test.case("it is called when a signal ends the script, with the time that it takes", function(t)
  local child <close> = spawn({ stdout = "pipe" }, function()
    defer(function()
      for _ = 1, 100000 do
        math.random()
      end
      io.stdout:write("undone")
      io.stdout:flush()
    end)
    io.stdout:write("ready ")
    io.stdout:flush()
    while true do
      math.random()
    end
  end)
  t.eq(child.stdout:read(6), "ready ")
  child:kill("int")
  t.eq(child:output().stdout, "undone")
end)

return test.run()

-- Many descriptors: the program's own limit, that of the programs it starts, and what children pay.

local test = require "test"

local PROGRAM = os.getenv("CRUN_LUA_TEST_PROGRAM") or "/proc/self/exe"

--- Runs a script in a crun-lua that was started with these limits of descriptors: what it prints.
local function limited(t, soft, hard, source)
  local input = pipe()
  input.write:write(source)
  input.write:close()
  local child <close> = spawn({ stdin = input.read, stdout = "pipe" }, function()
    rlimit { nofile = { soft = soft, hard = hard } }
    exec { PROGRAM, "-" }
  end)
  local result = child:output()
  t.eq(result.code, 0)
  return result.stdout
end

local SHOW = 'local r = capture { "sh", "-c", "ulimit -Sn; ulimit -Hn" }.stdout\nio.write(r)\n'

test.case("a program gets the limit that crun-lua was started with", function(t)
  t.eq(limited(t, 64, 200, SHOW), "64\n200\n")
  t.eq(limited(t, 200, 200, SHOW), "200\n200\n")
end)

test.case("a program gets the limit that the script has set", function(t)
  t.eq(limited(t, 64, 200, "rlimit { nofile = { soft = 100 } }\n" .. SHOW), "100\n200\n")
  t.eq(limited(t, 64, 200, "rlimit { nofile = 150 }\n" .. SHOW), "150\n150\n")
  -- A hard limit alone leaves the soft one that there was.
  t.eq(limited(t, 64, 200, "rlimit { nofile = { hard = 100 } }\n" .. SHOW), "64\n100\n")
  t.eq(limited(t, 64, 200, "rlimit { nofile = { hard = 32 } }\n" .. SHOW), "32\n32\n")
  -- What cannot be set changes nothing.
  local wrong = "print(pcall(rlimit, { nofile = { soft = 300 } }))\n"
  t.match(limited(t, 64, 200, wrong .. SHOW), "^false.*\n64\n200\n$")
end)

test.case(
  "the script itself has descriptors up to the hard limit, after a failed exec too",
  function(t)
    local source = [[
    local before = rlimits().nofile
    pcall(exec, { "/no/such/program" })
    local after = rlimits().nofile
    local held = {}
    for index = 1, 80 do held[index] = pipe() end
    print(before.soft, after.soft, #held)
  ]]
    t.eq(limited(t, 64, 200, source), "200\t200\t80\n")
  end
)

test.case("a child of the script has its limit, and its program the first", function(t)
  local source = [[
    local child <close> = spawn({ stdout = "pipe" }, function()
      io.write(rlimits().nofile.soft, " ")
      io.stdout:flush()
      exec { "sh", "-c", "ulimit -Sn" }
    end)
    io.write(child:output().stdout)
  ]]
  t.eq(limited(t, 64, 200, source), "200 64\n")
end)

test.case("a child does not touch what its parent holds, however much that is", function(t)
  local held = {}
  for index = 1, 1000 do
    held[index] = pipe()
  end
  -- Each page of the parent's that a child writes to is copied for it.
  local function faults()
    return tonumber((read_file("/proc/self/stat"):match("%) %S+ %S+ %S+ %S+ %S+ %S+ %S+ (%S+)")))
  end
  local function child_faults()
    local out = pipe()
    local child <close> = spawn({ stdout = out.write }, function()
      print(faults())
    end)
    out.write:close()
    return tonumber(out.read:read())
  end
  local many = child_faults()
  for index = 1, 1000 do
    held[index].read:close()
    held[index].write:close()
  end
  collectgarbage()
  local few = child_faults()
  t.ok(many <= few + 40, ("%d page faults with many handles, %d without"):format(many, few))
end)

test.case(
  "a child closes nothing of its parent's, and finds its links by name",
  { "root" },
  function(t)
    t.inside({ "net" }, function()
      local pair <close> = veth("tst-a", "tst-b")
      local order = {}
      local deferred <close> = defer(function()
        order[#order + 1] = "parent"
      end)
      local child <close> = fork(function()
        deferred:close()
        local own <close> = defer(function() end)
        link_set("tst-a", { mtu = 1400 })
        return #order
      end)
      t.eq(child:wait().code, 0)
      t.eq(links()[2] and pair.name, "tst-a")
      t.eq(order, {})
    end)
  end
)

return test.run()

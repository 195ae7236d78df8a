-- stdlib/network: several programs at once, and what is left when one is killed.

local test = require "test"
local network = require "network"
local state = require "network.state"
local net = require "test.network"

local on_host, plan, box, sleep = net.on_host, net.plan, net.box, net.sleep
local serve, ask, ip_of, link = net.serve, net.ask, net.ip_of, net.link

local TALK = { "root", "program:nft", "program:busybox" }

test.case("twenty containers of several processes at once get twenty addresses", TALK, function(t)
  on_host(t, function()
    local workers, seen, count = {}, {}, 0
    for worker = 1, 5 do
      workers[worker] = spawn({ stdout = "pipe" }, function()
        local all = {}
        for number = 1, 4 do
          all[number] = plan(("box%d-%d"):format(worker, number), { mode = "bridge", nat = false })
          print(ip_of(all[number]))
        end
        -- Until all have theirs.
        local dir = state.dir(all[1].record.scope) .. "/bridges/crun-lua0/leases"
        while #list_dir(dir) < 20 and not stat(dir .. "/done") do
          capture { "sleep", "0.05" }
        end
        touch(dir .. "/done")
        for _, attachment in ipairs(all) do
          network.release(attachment)
        end
      end)
    end
    for _, process in ipairs(workers) do
      local output = process:output()
      t.eq(output.code, 0)
      for address in output.stdout:gmatch("%S+") do
        t.eq(seen[address], nil, address)
        seen[address], count = true, count + 1
      end
    end
    t.eq(count, 20)
    local left = state.dir(ns_list().net.inode) .. "/bridges/crun-lua0/leases/done"
    remove(left)
    t.eq(network.gc(), { "bridge crun-lua0" })
  end)
end)

--- Kills a process that holds networks, at a moment of its own choice, and answers when it is dead.
local function killed(t, body)
  local victim <close> = spawn(function()
    body()
    kill(proc_stat().pid, "kill")
  end)
  t.eq(victim:wait().signal, "kill")
end

test.case("after SIGKILL of the owner gc leaves no link, table, lease or record", TALK, function(t)
  on_host(t, function()
    killed(t, function()
      local six = { mode = "bridge", subnet6 = true, nat6 = true, publish = "8080:80" }
      local one, a = box("one", six, sleep)
      one:kill("kill")
      one:wait()
      plan("two", { mode = "bridge", bridge = "second" })
      t.ok(a)
    end)
    t.ok(link("crun-lua0") and link("second"))
    local removed = network.gc()
    t.eq(#removed, 2)
    t.eq(#links(), 1)
    t.eq(nft_list(), "")
    t.eq(network.gc(), {})
  end)
end)

test.case("a container that lives on keeps its network when its maker has died", TALK, function(t)
  on_host(t, function()
    local pid
    local victim <close> = spawn({ stdout = "pipe" }, function()
      local one, a = box("one", { mode = "bridge", nat = false }, serve(7000, "alive"))
      one:keep()
      print(one.pid, a.record.id)
      io.stdout:flush()
      kill(proc_stat().pid, "kill")
    end)
    pid = math.tointeger(victim:output().stdout:match("%d+"))
    t.eq(network.gc(), {})
    t.eq(ask("10.89.0.2", 7000), "alive\n")
    t.fails('the container "one" has it', plan, "two", {
      mode = "bridge",
      address = "10.89.0.2",
    })
    local left <close> = process_open(pid)
    left:kill("kill")
    while left:alive() do
      capture { "sleep", "0.01" }
    end
    local two = plan("two", { mode = "bridge", nat = false, address = "10.89.0.2" })
    network.release(two)
    t.eq(link("crun-lua0"), nil)
  end)
end)

--- Runs a whole life of a container on a bridge again and again, each time with a fault at the next
--- call, until none is left; each time gc must leave nothing. Answers how many there were.
local function each_call(t, fault, fine)
  local program = [[
    local network = require "network"
    local spec = network.parse { mode = "bridge", publish = "8080:80" }
    local a = network.plan(spec, { name = "one", root = true })
    local box = spawn({
      unshare = { "net" },
      parent = function(process) network.connect(a, process) end,
    }, function() return 0 end)
    box:wait()
    network.release(a)
  ]]
  local file = os.getenv("TMPDIR") .. "/faults.lua"
  write_file(file, program)
  local env = { CRUN_LUA_STATE = state_dir(), PATH = os.getenv("PATH") }
  local run = net.program("--allow-host", "--trace", file .. ".trace", file)
  local calls = 0
  -- A plan of it tells the calls and makes nothing.
  t.eq(capture(net.program("--allow-host", "--dry-run", file), { env = env }).code, 0)
  t.eq(#links(), 1)
  t.eq(capture(run, { env = env }).code, 0)
  for line in io.lines(file .. ".trace") do
    calls = calls + (line:find('"call"', 1, true) and 1 or 0)
  end
  for number = 1, calls do
    run = net.program("--allow-host", "--fault", ("%d:%s"):format(number, fault), file)
    local result = capture(run, { env = env, timeout = "20s" })
    t.ok(fine(result), result.stderr)
    -- The container's process hears of its parent's death a moment later.
    for _ = 1, 200 do
      network.gc()
      if #links() == 1 then
        break
      end
      capture { "sleep", "0.01" }
    end
    network.gc()
    t.eq(#links(), 1, "devices after call " .. number)
    t.eq(nft_list(), "", "rules after call " .. number)
    local left = stat(state.base()) and table.concat(list_dir(state.base()), " ") or ""
    t.ok(left == "" or left == "lock", ("records after call %d: %s"):format(number, left))
  end
  remove(file)
  remove(file .. ".trace")
  return calls
end

test.case("whichever call fails, gc leaves nothing", TALK, function(t)
  on_host(t, function()
    local calls = each_call(t, "EIO", function(result)
      return result.signal == nil and not result.timed_out
    end)
    t.ok(calls > 40, calls)
  end)
end)

test.case("killed before whichever call, gc leaves nothing", TALK, function(t)
  on_host(t, function()
    local kills = 0
    each_call(t, "KILL", function(result)
      kills = kills + (result.signal == "kill" and 1 or 0)
      return result.signal == "kill" or result.code == 0
    end)
    t.ok(kills > 40, kills)
  end)
end)

test.case("a record that is torn or newer is left, said, and hurts nobody else", TALK, function(t)
  on_host(t, function()
    local one = plan("one", { mode = "bridge", nat = false })
    local dir = state.dir(one.record.scope) .. "/attachments/"
    write_file(dir .. "torn.json", '{"version":1,"owner"')
    write_file(dir .. "newer.json", '{"version":99}')
    local told = table.concat(network.gc(), "\n")
    t.match(told, "torn.json: the record cannot be read", true)
    t.match(told, "newer.json: the record is of a newer version", true)
    local two = plan("two", { mode = "bridge", nat = false })
    t.eq(ip_of(two), "10.89.0.3")
    network.release(one)
    network.release(two)
    remove(dir .. "torn.json")
    remove(dir .. "newer.json")
    network.gc()
  end)
end)

test.case("a disk that is full is an error, and nothing is half made", TALK, function(t)
  on_host(t, function()
    mount("tmpfs", state_dir(), { type = "tmpfs", data = { nr_inodes = 12, mode = "0700" } })
    local made, err = {}, nil
    for index = 1, 12 do
      made[index], err = try(plan, "box" .. index, { mode = "bridge", nat = false })
      if err then
        break
      end
    end
    t.eq(err.errno, "ENOSPC")
    for _, attachment in ipairs(made) do
      network.release(attachment)
    end
    t.eq(link("crun-lua0"), nil)
    t.eq(list_dir(state.base()), { "lock" })
    umount(state_dir(), { detach = true })
  end)
end)

return test.run()

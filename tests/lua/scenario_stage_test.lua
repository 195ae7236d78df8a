-- The stage of a scenario's step: errors in the middle, what its end removes, and what remains when
-- the program, or its keeper too, is killed.

local remains = require "scenario.remains"
local scenario = require "scenario"
local test = require "test"

local function file_exists(path)
  return stat(path) ~= nil
end

--- A step with what a case is about.
local function step(fields)
  fields.id = "one"
  fields.checks = fields.checks or { { "nothing", function() end } }
  return fields
end

--- Whether a process runs.
local function runs(pid)
  local found = proc_stat(pid)
  return found ~= nil and found.state ~= "Z" and found.state ~= "X"
end

--- A process that has left its parent, its group and its session.
local function escape(t)
  local path = t.dir .. "/escaped"
  fork(function()
    setsid()
    fork(function()
      setsid()
      write_file(path, tostring(proc_stat().pid), { atomic = true })
      exec { "sleep", "600" }
    end):keep()
  end)
  while not stat(path) do
    poll({}, { timeout = "5ms" })
  end
  return math.tointeger(tonumber(read_file(path)))
end

local function here(err)
  return err.where and err.where.file:match("([^/]*)$"), err.where and err.where.line
end

test.case("an error in setup names file and line, and the stage goes", function(t)
  local place = scenario.stage(step {
    setup = function()
      error { op = "setup", message = "no bread" }
    end,
  })
  local dir = place.dir
  local _, err = try(place.setup, place)
  t.match(err.message, 'setup of "one" stopped with an error', true)
  t.match(err.message, "no bread", true)
  t.eq(here(err), "scenario_stage_test.lua")
  t.eq(place:close(), {})
  t.eq(file_exists(dir), false, "the directory")
end)

test.case("an error of a primitive in an action names file and line", function(t)
  local place <close> = scenario.stage(step {})
  local function action(hand)
    mkdir(hand.dir .. "/a/b")
  end
  local _, err = try(place.act, place, action)
  local file, line = here(err)
  t.match(err.message, "ENOENT", true)
  t.eq(file, "scenario_stage_test.lua")
  t.eq(line, function_info(action).line + 1)
end)

test.case("an action that does not come to its end is ended after its deadline", function(t)
  local place <close> = scenario.stage(step { deadline = "300ms", answers = { pid = "it" } })
  local _, err = try(place.act, place, function(hand)
    hand:answer { pid = proc_stat().pid }
    poll({}, { timeout = "1h" })
  end)
  t.match(err.message, "has not come to its end within 0.3 s", true)
  local pid = place.answers.pid
  t.ok(runs(pid))
  place:close()
  t.eq(runs(pid), false, "the action's process")
end)

test.case("an action whose process ends is told", function(t)
  local place <close> = scenario.stage(step {})
  local _, err = try(place.act, place, function()
    exec { "sh", "-c", "exit 7" }
  end)
  t.match(err.message, "has ended (status 7)", true)
end)

test.case("an answer that nobody asked for, or that is no number or word, is refused", function(t)
  local place <close> = scenario.stage(step { answers = { pid = "it" } })
  local _, err = try(place.act, place, function(hand)
    hand:answer { pdi = 7 }
  end)
  t.match(err.message, "no answer is called 'pdi'", true)
  t.eq(err.hint, "did you mean 'pid'?")
  _, err = try(place.act, place, function(hand)
    hand:answer { pid = 1.5 }
  end)
  t.match(err.message, "pid: expected a whole number or a word, got float", true)
  t.eq(place.answers, {})
end)

test.case("what was given and answered arrives, a process by its number", function(t)
  local place <close> = scenario.stage(step {
    answers = { pid = "it", word = "a word" },
    setup = function(hand)
      hand:give { token = hand.token, yes = true }
    end,
  })
  place:setup()
  t.eq(place.given, { token = place.token, yes = true })
  place:act(function(hand)
    t.eq(hand.given.token, place.token)
    hand:answer { word = "w", pid = spawn(function()
      exec { "sleep", "600" }
    end) }
  end)
  t.eq(place.answers.word, "w")
  t.ok(runs(place.answers.pid))
end)

test.case("the end takes along what has forked twice and made sessions of its own", function(t)
  local place = scenario.stage(step { answers = { pid = "it" } })
  place:act(function(hand)
    hand:answer { pid = escape(hand) }
  end)
  local pid = place.answers.pid
  t.ok(runs(pid))
  t.eq(place:close(), {})
  t.eq(runs(pid), false, "the process that got away")
  t.eq(place:close(), {}, "closing twice")
end)

test.case("a second action ends the processes of the first, and setup's stay", function(t)
  local place <close> = scenario.stage(step {
    answers = { pid = "it" },
    setup = function(hand)
      hand:give { pid = spawn(function()
        exec { "sleep", "600" }
      end).pid }
    end,
  })
  place:setup()
  place:act(function(hand)
    hand:answer { pid = escape(hand) }
  end)
  local first = place.answers.pid
  place:act(function() end)
  t.eq(runs(first), false, "the first action's process")
  t.ok(runs(place.given.pid), "setup's process")
end)

--- Makes one of everything that can outlive a process, with nobody to remove it.
local function litter(hand)
  write_file(hand.dir .. "/file", "")
  mkdir(hand.dir .. "/mounted")
  mount("tmpfs", hand.dir .. "/mounted", { type = "tmpfs", host = true })
  veth(hand.prefix .. "a", hand.prefix .. "b", { host = true }):keep()
  cgroup_set(hand.prefix .. "group", { pids = 20 }):keep()
  netns_add(hand.prefix .. "net"):keep()
end

--- What carries the stage's name or lies in its directory.
local function left_of(place)
  local found = remains.groups(place.prefix)
  for _, link in ipairs(links()) do
    found[#found + 1] = link.name:sub(1, 6) == place.prefix and link.name or nil
  end
  for _, name in ipairs(netns_list()) do
    found[#found + 1] = tostring(name):sub(1, 6) == place.prefix and name or nil
  end
  for _, row in ipairs(mountinfo()) do
    found[#found + 1] = row.mount_point:find(place.dir, 1, true) and row.mount_point or nil
  end
  found[#found + 1] = stat(place.dir) and place.dir or nil
  local record = ("%s/scenario/%s.json"):format(state_dir(), place.token)
  found[#found + 1] = stat(record) and record or nil
  return found
end

local ROOT = { "root", "cgroup:pids" }

test.case("the end removes links, groups, named namespaces, mounts and files", ROOT, function(t)
  local place = scenario.stage(step {})
  place:act(litter)
  t.ok(#left_of(place) >= 6, "there is something to remove")
  t.eq(place:close(), {})
  t.eq(left_of(place), {})
end)

--- Runs a program in a child that opens a stage and is then killed in some way; answers the stage.
local function killed(litters, how)
  local dir <close> = temp_dir()
  local child <close> = spawn(function()
    local place = scenario.stage(step {
      setup = function(hand)
        hand:give { pid = escape(hand) }
      end,
      answers = { pid = "it" },
    })
    place:setup()
    place:act(function(hand)
      if litters then
        litter(hand)
      end
      hand:answer { pid = spawn(function()
        exec { "sleep", "600" }
      end) }
    end)
    write_file(
      dir.path .. "/place",
      json_encode {
        dir = place.dir,
        prefix = place.prefix,
        token = place.token,
        pids = { place.answers.pid, place.given.pid, place.learner },
        keeper = place.keeper.pid,
        acting = place.acting.pid,
      }
    )
    how(place)
    poll({}, { timeout = "1h" })
  end)
  try(child.wait, child)
  return json_decode(read_file(dir.path .. "/place"))
end

for _, signal in ipairs { "kill", "term", "hup", "int" } do
  test.case(
    ("nothing is left of a program that is ended by SIG%s"):format(signal:upper()),
    function(t)
      local place = killed(false, function()
        kill(proc_stat().pid, signal)
      end)
      for _, pid in ipairs(place.pids) do
        t.eventually("the process is gone", function()
          return not runs(pid)
        end)
      end
      t.eventually("the directory is gone", function()
        return #left_of(place) == 0
      end)
    end
  )
end

test.case("nothing is left of what a killed program has littered", ROOT, function(t)
  local place = killed(true, function()
    kill(proc_stat().pid, "kill")
  end)
  t.eventually("what carries its name is gone", function()
    return #left_of(place) == 0
  end)
end)

test.case("gc removes what is left when the keeper is killed as well", ROOT, function(t)
  local place = killed(true, function(place)
    kill(place.keeper.pid, "kill")
    kill(place.acting.pid, "kill")
    kill(proc_stat().pid, "kill")
  end)
  t.ok(#left_of(place) >= 6, "there is something to remove")
  local told = capture { "/proc/self/exe", "gc" }
  t.match(told.stdout, "what a scenario has left: " .. place.prefix, true)
  t.eq(left_of(place), {})
  -- What has made a session of its own is nobody's any more; this case's own is ended by hand.
  for _, pid in ipairs(place.pids) do
    if runs(pid) then
      t.eq(pid, place.pids[2], "the process that still runs")
      kill(pid, "kill")
    end
  end
end)

test.case("gc lets a stage be whose program lives", function(t)
  local place <close> = scenario.stage(step {})
  remains.gc()
  t.ok(file_exists(place.dir))
  t.ok(#left_of(place) == 2, "the directory and the record")
end)

test.case("gc does nothing by a record that no stage has written, but removes it", function(t)
  local kept <close> = temp_dir()
  local token = ("x"):rep(16)
  local good = {
    token = token,
    prefix = "s" .. token:sub(1, 5),
    dir = kept.path,
    owner = { pid = 2147483647, starttime = 1 },
    sessions = {},
  }
  for field, value in pairs {
    token = "x",
    prefix = "",
    dir = kept.path .. "/..",
    owner = false,
    sessions = { { pid = "1" } },
  } do
    local record = json_decode(json_encode(good))
    record[field] = value
    mkdir(state_dir() .. "/scenario", { parents = true })
    write_file(state_dir() .. "/scenario/odd.json", json_encode(record))
    t.match(table.concat(remains.gc(), "\n"), "cannot be read", true)
    t.ok(file_exists(kept.path), field .. ": the directory is still there")
  end
  mkdir(state_dir() .. "/scenario", { parents = true })
  write_file(state_dir() .. "/scenario/good.json", json_encode(good))
  t.match(table.concat(remains.gc(), "\n"), "what a scenario has left", true)
  t.eq(file_exists(kept.path), false, "the directory of a good one")
end)

test.case("gc removes a record that cannot be read, and says so", function(t)
  mkdir(state_dir() .. "/scenario", { parents = true })
  local path = state_dir() .. "/scenario/broken.json"
  write_file(path, "{ no json")
  local told = table.concat(remains.gc(), "\n")
  t.match(told, "broken.json", true)
  t.eq(file_exists(path), false, "the record")
end)

return test.run()

-- The plans of OCI commands: they come to their end, change nothing, and are what is done then.
local oci = require "test.oci"
local test = require "test"

local ROOT = { "root", "program:busybox" }

-- What a command leaves as it was: the container's state, and every file of the record.
local function standing(bench, id)
  local files = {}
  for _, dir in ipairs { bench.state, bench.state .. "/" .. id } do
    for _, name in ipairs(try(list_dir, dir) or {}) do
      local path = dir .. "/" .. name
      local regular = stat(path).type == "file"
      files[#files + 1] = path .. "\n" .. (regular and read_file(path) or "")
    end
  end
  local state = bench:status(id)
  return table.concat(files, "\n") .. (state and state.status or "")
end

local function expect_plan(t, bench, id, words)
  local before = standing(bench, id)
  local line = table.concat(words, " ")
  local planned = bench:call(words)
  t.eq(planned.code, 0, line .. ": " .. planned.stderr)
  t.ok(planned.stdout:find("Nothing was run.", 1, true), line .. ": " .. planned.stdout)
  t.eq(standing(bench, id), before, line)
end

-- The calls of each process, without what only the kernel knows before they are made.
local function calls(t, bench, path, words)
  local made = bench:call(table.move(words, 1, #words, 2, { "--trace=" .. path }))
  t.eq(made.code, 0, made.stderr)
  local lists, pid = {}, nil
  for line in read_file(path):gmatch "[^\n]+" do
    local event = json_decode(line)
    pid = pid or event.pid
    if event.call then
      local call =
        event.call:gsub(("%d%%-%%d+"):format(pid), "PID-START"):gsub("^(write%(<[^>]*>).*", "%1")
      local name = event["in"] or ""
      lists[name] = (lists[name] or "") .. call .. "\n"
    end
  end
  return lists
end

test.case(
  "a plan of a command for a container that does not exist fails as the command does",
  ROOT,
  function(t)
    local bench <close> = oci.bench()
    for _, command in ipairs { "start", "kill", "delete", "pause", "state" } do
      local planned = bench:call { "--dry-run", command, "nobody" }
      t.eq(planned.code, 1, command)
      t.ok(planned.stderr:find("does not exist", 1, true), planned.stderr)
    end
  end
)

test.case("a plan of each command comes to its end and changes nothing", ROOT, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "sleep", "100" })
  local bundle = { "--bundle", bench.path }
  local function plan(...)
    expect_plan(t, bench, "c", { "--dry-run", ... })
  end
  plan("create", bundle[1], bundle[2], "c")
  plan("run", bundle[1], bundle[2], "c")
  plan("run", "--detach", bundle[1], bundle[2], "c")
  t.eq(bench:status("c"), nil)
  t.eq(bench:detached { "create", "--bundle", bench.path, "c" }, 0)
  plan("start", "c")
  plan("delete", "--force", "c")
  t.eq(bench:call({ "start", "c" }).code, 0)
  plan("exec", "c", "true")
  plan("exec", "--detach", "c", "true")
  plan("ps", "c")
  plan("pause", "c")
  plan("update", "--pids-limit", "20", "c")
  plan("kill", "c", "KILL")
  plan("delete", "--force", "c")
  t.eq(bench:status("c").status, "running")
end)

test.case("run makes the calls of its plan, in each process", ROOT, function(t)
  local bench <close> = oci.bench()
  bench:write(oci.spec { "true" })
  -- A plan looks at what is there: another directory would be made for the first container.
  mkdir(bench.state, { mode = "0700" })
  local words = { "run", "--bundle", bench.path, "c" }
  local plan = calls(t, bench, bench.path .. "/plan", { "--dry-run", table.unpack(words) })
  local live = calls(t, bench, bench.path .. "/live", words)
  for name in pairs(live) do
    t.ok(plan[name], "a process that the plan does not have: " .. name)
  end
  for name, foreseen in pairs(plan) do
    local made = live[name] or ""
    local next_made = made:gmatch "[^\n]+"
    for call in foreseen:gmatch "[^\n]+" do
      t.eq(next_made(), call, name)
    end
    t.eq(next_made(), nil, name)
  end
  t.ok(live.c and live.c:find("execve(", 1, true), "the container's own calls")
end)

return test.run()

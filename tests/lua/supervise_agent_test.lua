-- Calls that functions answer from elsewhere: for a child that asks for it itself, and for a
-- container that any runtime has started (linux.seccomp.listenerPath).

local oci = require "test.oci"
local supervise = require "supervise"
local test = require "test"

local place = temp_dir()
local DIR = place.path

-- The number of the error that a call ends with, as an exit status; 0 where it ends with none.
local function errno_of(...)
  local _, err = try(...)
  return err and err.code or 0
end

local function inside(notify, body)
  local child <close> = spawn(function()
    seccomp { default = "allow", notify = notify }
    return body()
  end)
  return child:wait({ timeout = "30s" }).code
end

test.case(
  "seccomp with functions: what cannot be answered is refused where it is written",
  function(t)
    local function quiet() end
    t.fails("did you mean", seccomp, { default = "allow", notify = { mkdirr = quiet } })
    t.fails(
      "before anybody could answer",
      seccomp,
      { default = "allow", notify = { ["*"] = quiet } }
    )
    t.fails("hands over the filter's listener", seccomp, {
      default = "allow",
      notify = { sendmsg = quiet },
    })
    t.fails("functions are for `seccomp`", seccomp_compile, {
      default = "allow",
      notify = { mkdir = quiet },
    })
    t.eq(seccomp_status().mode, "disabled")
  end
)

test.case("in a child a function allows, refuses and answers, by the arguments", function(t)
  local notify = {
    mkdir = function(req)
      local name = req.args.pathname:match "[^/]+$"
      if name == "a" then
        req:allow()
      elseif name == "b" then
        req:value(0)
      else
        req:delay("5ms"):errno("EROFS")
      end
    end,
  }
  for name, code in pairs { a = 0, b = 0, c = 30 } do
    t.eq(
      inside(notify, function()
        return errno_of(mkdir, DIR .. "/" .. name)
      end),
      code,
      name
    )
  end
  t.eq(stat(DIR .. "/a").type, "directory")
  t.eq(try(stat, DIR .. "/b"), nil)
  t.eq(try(stat, DIR .. "/c"), nil)
end)

test.case("in a child a function that fails or hangs lets nothing through", function(t)
  for _, bad in ipairs {
    function()
      error "broken"
    end,
    function() end,
    function()
      while true do
        pcall(error)
      end
    end,
  } do
    t.eq(
      inside({ mkdir = bad }, function()
        return errno_of(mkdir, DIR .. "/made")
      end),
      1
    )
    t.eq(try(stat, DIR .. "/made"), nil)
  end
end)

test.case("without the process that answers, the calls of a child fail", function(t)
  local code = inside({
    mkdir = function()
      kill(tonumber(readlink "/proc/self"), "kill")
    end,
  }, function()
    return errno_of(mkdir, DIR .. "/made") + errno_of(mkdir, DIR .. "/made")
  end)
  -- ENOSYS, twice: of the call that waited, and of the next.
  t.eq(code, 38 + 38)
  t.eq(try(stat, DIR .. "/made"), nil)
end)

test.case("a child has no listener of its own filter, and its program is answered", {
  "program:python3",
}, function(t)
  local code = inside({
    mkdir = function(req)
      req:errno("EDQUOT")
    end,
  }, function()
    for _, open in ipairs(proc_fds()) do
      assert(not open.target:find("seccomp notify", 1, true))
    end
    exec {
      "python3",
      "-S",
      "-c",
      "import os\ntry: os.mkdir('/x')\nexcept OSError as e: os._exit(e.errno)",
    }
  end)
  t.eq(code, 122)
end)

local WITH = "mkdir /dev/with 2>/dev/null; mkdir /dev/without 2>/dev/null; ls /dev | grep with"

-- Runs a container that makes two directories, by some runtime, with an agent for its calls. What
-- the agent was told of it, and the directories that were made.
local function contain(runtime, notify)
  local bench <close> = oci.bench()
  local path = bench.path .. "/agent"
  local spec = oci.spec { "/bin/sh", "-c", WITH }
  -- What Debian's crun of today knows.
  spec.ociVersion = "1.0.2"
  spec.linux.seccomp = {
    defaultAction = "SCMP_ACT_ALLOW",
    listenerPath = path,
    listenerMetadata = "note",
    syscalls = { { names = { "mkdir", "mkdirat", "rmdir" }, action = "SCMP_ACT_NOTIFY" } },
  }
  bench:write(spec)
  local words = { "run", "--bundle", bench.path, bench.group }
  if runtime then
    words = table.move(words, 1, #words, 4, { runtime, "--root", bench.state })
  else
    words = bench:words(words)
  end
  local agent <close> = supervise.listen(path, { notify = notify, on_error = function() end })
  local out = pipe()
  local caller <close> = spawn({ stdout = out.write }, function()
    exec(words)
  end)
  out.write:close()
  local session <close> = agent:accept { timeout = "30s" }
  session:serve()
  local said = ""
  repeat
    local piece = out.read:read(4096)
    said = said .. (piece or "")
  until not piece or piece == ""
  caller:wait()
  return session, said, bench.group
end

local function judge(req)
  if req.args.pathname:match "without$" then
    req:errno "EDQUOT"
  else
    req:allow()
  end
end

for name, runtime in pairs { ["this program"] = false, crun = "crun", runc = "runc" } do
  local needs = { "root", "program:busybox", runtime and "program:" .. runtime or nil }
  -- Debian's crun does without the hybrid layout of control groups.
  needs[#needs + 1] = runtime == "crun" and "cgroup:v2" or nil
  test.case("an agent answers the calls of a container of " .. name, needs, function(t)
    local session, made, id = contain(runtime, { mkdir = judge, mkdirat = judge })
    t.eq(made, "with\n")
    t.eq(session.failures, 0)
    t.eq(session.state.metadata, "note")
    t.eq(session.state.state.id, id)
  end)
end

test.case("what an agent has no function for, or fails at, is refused", {
  "root",
  "program:busybox",
}, function(t)
  local session, made = contain(false, {
    mkdir = function()
      error "broken"
    end,
  })
  t.eq(made, "")
  t.ok(session.failures >= 1)
  session, made = contain(false, { rmdir = judge })
  t.eq(made, "")
  t.eq(session.failures, 0)
end)

test.case("who connects without a listener is refused, and keeps nothing open", function(t)
  local agent <close> = supervise.listen(DIR .. "/agent", { notify = { mkdir = judge } })
  local before = #proc_fds()
  for _, text in ipairs { "{}", "no JSON", '{"fds":["other"]}', '{"fds":["seccompFd"]}' } do
    local p = pipe()
    local socket = socket_connect(DIR .. "/agent")
    socket:send(text, { fds = text:find "other" and { p.read } or {} })
    socket:close()
    p.read:close()
    p.write:close()
    t.fails("no container process state", agent.accept, agent)
  end
  local p = pipe()
  local socket = socket_connect(DIR .. "/agent")
  socket:send('{"fds":["seccompFd"]}', { fds = { p.read } })
  socket:close()
  t.fails("is no listener", agent.accept, agent)
  p.read:close()
  p.write:close()
  t.eq(#proc_fds(), before)
end)

return test.run()

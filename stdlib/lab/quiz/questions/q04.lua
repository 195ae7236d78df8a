--- Question 4, capabilities: root with one right left. Six calls are foretold and then made for
--- real, by root of a user namespace, so that an ordinary user is told the same.

--- Runs a function as root that has kept nothing but CAP_NET_BIND_SERVICE.
local function with_one_right(body)
  local child <close> = spawn({
    unshare = { "user", "pid", "mnt", "net", "uts" },
    die_with_parent = true,
  }, function()
    loopback_up()
    drop_caps { keep = { "net_bind_service" } }
    return body()
  end)
  child:wait()
end

return {
  title = "Root with one right",
  form = "predict",
  course = "What are Linux capabilities and why are they important for container security?",
  text = [[
A process is root (uid 0) and has dropped every capability but CAP_NET_BIND_SERVICE. It stands in
user, pid, mnt, net and uts namespaces of its own. Which of its calls work?]],
  explain = [[
To the kernel "root" is a number; what counts is the capability that each call asks for. A web
server needs one of 41. Files of its own, its own children and its own memory need none: that is
what every user may do.]],
  see = { "ex3.caps" },
  needs = { "userns", "program:busybox" },
  deadline = "20s",
  outcomes = {
    { "works", "it works" },
    { "EPERM", "it is refused: EPERM" },
    { "EACCES", "it is refused: EACCES" },
  },
  cases = {
    {
      "listen on port 80",
      run = function()
        with_one_right(function()
          local server <close> = spawn({ stdin = "null", stderr = "null" }, function()
            exec { "busybox", "nc", "-l", "-p", "80" }
          end)
          for _ = 1, 300 do
            local socket = try(tcp_connect, "127.0.0.1", 80)
            if socket then
              socket:close()
              return
            end
            -- It ends where it may not bind; nothing would ever listen then.
            assert(not server:wait { timeout = "10ms" }, "nc could not bind")
          end
          error("nothing listens on port 80")
        end)
      end,
      expect = "works",
      why = "ports below 1024 are what CAP_NET_BIND_SERVICE is for; without it bind gives EACCES",
    },
    {
      "mount a tmpfs",
      run = function()
        with_one_right(function()
          mount("tmpfs", "/mnt", { type = "tmpfs" })
        end)
      end,
      expect = "EPERM",
      why = "mount asks for CAP_SYS_ADMIN over the mount namespace, though it is its own",
    },
    {
      "change the host name of its own uts namespace",
      run = function()
        with_one_right(function()
          sethostname("other")
        end)
      end,
      expect = "EPERM",
      why = "sethostname asks for CAP_SYS_ADMIN: a namespace of one's own is not a right",
    },
    {
      "kill a child of its own",
      run = function()
        with_one_right(function()
          local child <close> = fork(function()
            exec { "sleep", "60" }
          end)
          child:kill("kill")
          child:wait()
        end)
      end,
      expect = "works",
      why = "signals to processes of the same user need no right; CAP_KILL is for those of others",
    },
    {
      "chroot into /tmp",
      run = function()
        with_one_right(function()
          chroot("/tmp")
        end)
      end,
      expect = "EPERM",
      why = "chroot asks for CAP_SYS_CHROOT, also of root",
    },
    {
      "make a directory in a directory of its own",
      run = function(t)
        local dir = t.dir .. "/own"
        mkdir(dir)
        with_one_right(function()
          mkdir(dir .. "/new")
        end)
      end,
      expect = "works",
      why = "it owns the directory: the permission bits allow it, and CAP_DAC_OVERRIDE is not "
        .. "asked",
    },
  },
}

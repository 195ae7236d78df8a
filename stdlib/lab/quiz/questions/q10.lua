--- Question 10, a minimal runtime: the steps of Liz Rice's talk, in which each added line has one
--- effect that can be seen. The learner's order is made for real, in a user namespace.

--- The steps that run in the child, as functions of the new root's directory.
local STEPS = {}

function STEPS.hostname()
  sethostname("container")
end

function STEPS.root(dir)
  mount("tmpfs", dir, { type = "tmpfs" })
  for _, file in ipairs(program_files { "true" }) do
    local parent = file.path:match("^(.+)/")
    if parent then
      mkdir(dir .. parent, { parents = true })
    end
    if file.target then
      symlink(file.target, dir .. file.path)
    else
      write_file(dir .. file.path, "")
      mount(file.source, dir .. file.path, { bind = true })
    end
  end
  mkdir(dir .. "/proc")
end

function STEPS.proc(dir)
  mount("proc", dir .. "/proc", { type = "proc" })
end

function STEPS.pivot(dir)
  pivot_root(dir)
end

--- What ends the child with 0 when all is as a container should be.
local function is_contained()
  assert(sysctl_get("kernel.hostname") == "container", "it has the host's name")
  assert(not stat("/home"), "it sees the host's files")
  assert(proc_stat().pid == 1, "its /proc is not its own")
end

--- Makes the keys' steps; "clone" begins the child, "exec" ends it.
local function make(dir, keys)
  local at = 1
  while keys[at] ~= "clone" do
    local step = STEPS[keys[at]]
    if not step then
      return "exec: then the runtime itself is gone, and nothing was made"
    end
    -- Before the clone it is the caller whom the step would change; the host guard refuses.
    local _, err = try(step, dir)
    if err then
      return ("%s: %s"):format(keys[at], err.message)
    end
    at = at + 1
  end
  local child <close> = spawn(
    { unshare = { "user", "pid", "mnt", "uts", "ipc", "net" } },
    function()
      for index = at + 1, #keys do
        if keys[index] == "exec" then
          is_contained()
          exec { "true" }
        end
        STEPS[keys[index]](dir)
      end
    end
  )
  local _, err = try(child.wait, child)
  return err and (type(err) == "table" and err.message or tostring(err)) or nil
end

return {
  title = "The smallest runtime",
  form = "order",
  course = "How would you implement a minimal container runtime?",
  text = [[Put the steps into an order in which each does its work. Your order is tried, here.]],
  explain = [[
First the child, in its namespaces: whatever is done before changes the host. Then the name, which
shows at once that it works. Then the root with its own /proc in it, and the pivot: root of a user
namespace is given a new proc only while it still sees a whole one. At last exec, after which
nothing of the runtime is there any more. `unshare` alone, as the course has it, does not move the
caller into a new pid namespace: a fork is missing.]],
  erratum = '"create namespaces with unshare": the caller stays in its pid namespace; its child '
    .. "is process 1",
  see = { "ex4.pid1", "ex1.fork" },
  needs = { "userns" },
  deadline = "20s",
  items = {
    { "clone", "clone into new user, pid, mnt, uts, ipc and net namespaces" },
    { "hostname", "set the host name" },
    { "root", "mount the new root, with the program in it" },
    { "proc", "mount proc in the new root" },
    { "pivot", "pivot into the new root" },
    { "exec", "exec the program" },
  },
  rules = {
    { "clone", "hostname", why = "before, it would be the host's name" },
    { "clone", "root", why = "before, it would be the host's root" },
    { "clone", "proc", why = "before, it would be the host's /proc" },
    { "root", "proc", why = "the directory that it is mounted on lies in the new root" },
    {
      "proc",
      "pivot",
      why = "root of a user namespace may mount proc only where a whole one is still to be "
        .. "seen: EPERM",
    },
    { "hostname", "exec", why = "after exec nothing of the runtime is there any more" },
    { "pivot", "exec", why = "after exec nothing of the runtime is there any more" },
  },
  run = function(t, keys)
    local dir = t.dir .. "/root"
    mkdir(dir)
    local failed = make(dir, keys)
    return not failed, failed or "a process 1 with a name, a root and a /proc of its own"
  end,
}

--- Question 1, containers and virtual machines: what the kernel says on both sides. Nobody has to
--- believe that a container has no kernel of its own; it can be read, from a box that runs here.

--- What a function answers inside of the box, as text.
local function inside(pid, body)
  local join = { user = pid, uts = pid, mnt = pid, pid = pid }
  local child <close> = spawn({ join = join, stdout = "pipe" }, function()
    io.stdout:write(body())
  end)
  return child:output().stdout
end

local function boot_id()
  return read_file("/proc/sys/kernel/random/boot_id"):match("%S+")
end

--- "yes" and "no" in the ways in which people write them.
local function accept(said, found)
  local first = said:lower():match("^%s*([yn])")
  return first ~= nil and first == found:sub(1, 1)
end

return {
  title = "One kernel",
  form = "observe",
  course = "What is the difference between containers and virtual machines at the kernel level?",
  text = [[
A box runs here, in namespaces of its own. Find out what it has of the machine's kernel. A virtual
machine of this host would answer every one of these differently.]],
  explain = [[
A container is a process of this kernel: the same release, the same boot, and a row in the host's
own list of processes. What differs is what the process is shown. A virtual machine has a kernel
of its own, with a boot id of its own, and its processes are in no list of the host's; one fault
in the shared kernel is a fault of all containers, and that is what "less isolation" means.]],
  see = { "ex1.uts", "ex1.pid" },
  needs = { "userns" },
  setup = function()
    local box = spawn({
      unshare = { "user", "pid", "mnt", "uts", "ipc", "net" },
      die_with_parent = true,
    }, function()
      sethostname("guest")
      mount("proc", "/proc", { type = "proc" })
      exec { "sleep", "3600" }
    end)
    box:started()
    return { pid = box:keep().pid }
  end,
  facts = {
    {
      "the kernel's release, as the box has it",
      read = function(t)
        return inside(t.given.pid, function()
          return sysctl_get("kernel.osrelease")
        end)
      end,
      see = "nsenter -t $pid -U -u -m -p uname -r",
      why = "uname in the box asks the kernel that runs the box, and that is the host's",
    },
    {
      "is the boot id of the box that of the host? (yes or no)",
      read = function(t)
        return inside(t.given.pid, boot_id) == boot_id() and "yes" or "no"
      end,
      accept = accept,
      see = "cat /proc/sys/kernel/random/boot_id, here and inside",
      why = "the id is made once at each boot of a kernel; the box has booted none",
    },
    {
      "the number that the host's process list has for the box's process 1",
      read = function(t)
        return ("%d"):format(t.given.pid)
      end,
      see = "grep NStgid /proc/$pid/status: the first number is the host's, the last the box's",
      why = "it is an ordinary process with two numbers; of a guest's processes a host sees none",
    },
  },
}

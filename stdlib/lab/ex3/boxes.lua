--- Boxes for exercise 3: namespaces for root and, within a user namespace, for anybody; containers
--- of a profile; and what the course's solution 3 really makes.
---
--- ```lua
--- local boxes = require "lab.ex3.boxes"
---
--- local box <close> = boxes.spawn({ "uts" }, function() exec { "sleep", "60" } end)
--- box:started()
--- assert(proc_ns(box.pid).uts ~= proc_ns().uts)
--- ```
local container = require "container"
local needs = require "needs"

local M = {}

-- `namespaces`: as root, or as a user who may have a user namespace.
needs.add("namespaces", function()
  return needs.unmet "root" and needs.unmet "userns"
end)

-- `filters`: the filters of another process can be read back.
needs.add("filters", function()
  local reason = needs.unmet "root"
  if reason then
    return reason
  end
  local asked = pipe()
  local box <close> = spawn(function()
    seccomp { default = "allow", errno = { "vhangup" } }
    exec { "sleep", "60" }
  end)
  box:started()
  -- A process may not trace its own child through this call; a brother of it may.
  local brother <close> = spawn(function()
    local _, err = try(seccomp_map, box.pid)
    asked.write:write(err and (err.errno or "it fails") or "")
  end)
  asked.write:close()
  local text = asked.read:read()
  brother:wait()
  asked.read:close()
  return text ~= "" and "this kernel does not tell what a filter is: " .. text or nil
end)

local function is_root()
  return proc_status(nil, { fields = { "uid" } }).uid.effective == 0
end

--- A child in namespaces of its own; who is not root gets a user namespace with them.
---@param kinds string[]
---@param body fun()
---@return any process
function M.spawn(kinds, body)
  local wanted = table.move(kinds, 1, #kinds, 1, {})
  if not is_root() then
    wanted[#wanted + 1] = "user"
  end
  return spawn({ unshare = wanted }, body)
end

-- Containers are closed when nobody knows them any more.
local kept = {}

--- A container that sleeps.
---@param t scenario.Hand
---@param profile string|table
---@return integer pid
function M.sleeping(t, profile)
  local box = container.new {
    name = t.prefix .. "-box",
    rootfs = "host",
    profile = profile,
    command = { "sleep", "600" },
  }
  kept[#kept + 1] = box
  box:create()
  box:start()
  return box:status().pid
end

--- What the course's hardened_container.sh starts once its shell is found: namespaces, no
--- capability, another user, a chroot; no filter, no new mounts, no no_new_privs.
---@param t { dir: string } where the root is made
---@return any process
function M.course(t)
  -- Within a user namespace of one id there is no other user to become.
  local root_outside = is_root()
  return M.spawn({ "pid", "net", "mnt", "uts", "ipc" }, function()
    local root, sleep = t.dir .. "/secure-container", nil
    mkdir(root)
    chmod(t.dir, "0755")
    for _, file in ipairs(program_files { "sleep" }) do
      local parent = file.path:match("^(.+)/")
      if parent then
        mkdir(root .. parent, { parents = true })
      end
      if file.target then
        symlink(file.target, root .. file.path)
      else
        copy_file(file.source, root .. file.path)
      end
      sleep = file.path:find("/sleep$") and file.path or sleep
    end
    chroot(root)
    caps_set { bounding = {} }
    if root_outside then
      setuser("65534:65534", { groups = {} })
    end
    drop_caps { keep = {} }
    exec { sleep, "600" }
  end)
end

return M

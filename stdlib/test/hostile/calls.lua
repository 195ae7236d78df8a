--- Every call of a rootfs handle, with a hostile place as its path: once where the place is the
--- last component, once where it is on the way.
---
--- Where the place leads to the canary for somebody who follows links, each of these would harm it
--- or tell of it. A call may succeed or fail, as the root has it; it may do neither to the canary.
---
--- ```lua
--- local calls = require "test.hostile.calls"
---
--- local dir <close> = temp_dir()
--- local root <close> = rootfs_open(dir.path)
--- assert(calls.attempt(calls.FILES[1], root, "/etc"))
--- ```
local canary = require "test.hostile.canary"

-- Another text in each process: what an earlier run has left is not what this one writes.
local HARM = ("harm %d"):format(proc_stat().pid)

local M = {}

--- A call: its name, and how it is made of the place `path`.
---@class test.hostile.Call
---@field [1] string
---@field [2] fun(root: any, path: string): any

--- Those that need no mount namespace. What removes comes last.
---@type test.hostile.Call[]
M.FILES = {
  {
    "read",
    function(root, path)
      return root:read(path)
    end,
  },
  {
    "read below",
    function(root, path)
      return root:read(path .. "/secret")
    end,
  },
  {
    "open",
    function(root, path)
      local file <close> = root:open(path)
      return file:read(4096)
    end,
  },
  {
    "open below",
    function(root, path)
      local file <close> = root:open(path .. "/secret")
      return file:read(4096)
    end,
  },
  {
    "open a directory",
    function(root, path)
      local file <close> = root:open(path, { directory = true })
      return list_dir("/proc/self/fd/" .. file.number)
    end,
  },
  {
    "open to write",
    function(root, path)
      local file <close> = root:open(path, { write = true })
      file:write(HARM)
    end,
  },
  {
    "open to write below",
    function(root, path)
      local file <close> = root:open(path .. "/secret", { append = true })
      file:write(HARM)
    end,
  },
  {
    "open and create",
    function(root, path)
      root:open(path .. "/made", { write = true, create = true }):close()
    end,
  },
  {
    "list",
    function(root, path)
      return root:list(path)
    end,
  },
  {
    "list below",
    function(root, path)
      return root:list(path .. "/sub/../.")
    end,
  },
  {
    "stat",
    function(root, path)
      return root:stat(path)
    end,
  },
  {
    "stat below",
    function(root, path)
      return root:stat(path .. "/secret", { nofollow = true })
    end,
  },
  {
    "readlink below",
    function(root, path)
      return root:readlink(path .. "/link")
    end,
  },
  {
    "subdir",
    function(root, path)
      local dir <close> = root:subdir(path)
      return dir:list("/")
    end,
  },
  {
    "write",
    function(root, path)
      root:write(path, HARM)
    end,
  },
  {
    "write below",
    function(root, path)
      root:write(path .. "/secret", HARM, { append = true })
    end,
  },
  {
    "write a new file",
    function(root, path)
      root:write(path .. "/new", HARM, { exclusive = true, uid = 1 })
    end,
  },
  {
    "fill",
    function(root, path)
      root:fill { dirs = { path .. "/a" }, files = { [path .. "/a/b"] = HARM } }
    end,
  },
  {
    "mkdir",
    function(root, path)
      root:mkdir(path .. "/newdir", { uid = 1 })
    end,
  },
  {
    "mkdir with parents",
    function(root, path)
      root:mkdir(path .. "/sub/x/../y/z", { parents = true, uid = 1 })
    end,
  },
  {
    "symlink",
    function(root, path)
      root:symlink("secret", path .. "/newlink")
    end,
  },
  {
    "mknod",
    function(root, path)
      root:mknod(path .. "/newpipe", { type = "p", uid = 1 })
    end,
  },
  {
    "mknod a device",
    function(root, path)
      root:mknod(path .. "/zero", { type = "c", major = 1, minor = 5, host = "/dev/zero" })
    end,
  },
  {
    "chown",
    function(root, path)
      root:chown(path, { uid = 1, gid = 1 })
    end,
  },
  {
    "chown below",
    function(root, path)
      root:chown(path .. "/secret", { uid = 1, nofollow = true })
    end,
  },
  {
    "chmod",
    function(root, path)
      root:chmod(path, "0700")
    end,
  },
  {
    "chmod below",
    function(root, path)
      root:chmod(path .. "/secret", "4777")
    end,
  },
  {
    "unlink below",
    function(root, path)
      root:unlink(path .. "/secret")
    end,
  },
  {
    "rmdir below",
    function(root, path)
      root:rmdir(path .. "/empty")
    end,
  },
}

--- Those that mount: in a mount namespace of the caller's, which they leave as they found it.
---@type test.hostile.Call[]
M.MOUNTS = {
  {
    "mask",
    function(root, path)
      root:mask(path)
    end,
  },
  {
    "mask below",
    function(root, path)
      root:mask(path .. "/secret")
    end,
  },
  {
    "read-only",
    function(root, path)
      root:readonly(path .. "/sub")
    end,
  },
  {
    "bind a file",
    function(root, path)
      root:bind("/etc/passwd", path .. "/passwd", { readonly = true })
    end,
  },
  {
    "bind a directory",
    function(root, path)
      root:bind("/etc", path .. "/sub/a/b", { readonly = true, recursive = false })
    end,
  },
  {
    "mount",
    function(root, path)
      root:mount("tmpfs", path, { type = "tmpfs" })
    end,
  },
  {
    "mount below",
    function(root, path)
      root:mount("tmpfs", path .. "/empty", { type = "tmpfs", readonly = true })
    end,
  },
  {
    "remount",
    function(root, path)
      root:remount(path, { readonly = true })
    end,
  },
  {
    "unmount",
    function(root, path)
      root:umount(path)
    end,
  },
  {
    "proc",
    function(root)
      root:proc()
    end,
  },
  {
    "sys",
    function(root)
      root:sys()
    end,
  },
  {
    "dev",
    function(root)
      root:dev { shm_size = "64K" }
    end,
  },
}

--- What the calls have made below a place goes, as far as it is there; each of these is a try as
--- well.
---@type test.hostile.Call[]
M.UNDO = {}
for _, name in ipairs { "made", "new", "a/b", "newlink", "newpipe", "zero" } do
  M.UNDO[#M.UNDO + 1] = {
    "unlink " .. name,
    function(root, path)
      root:unlink(path .. "/" .. name)
    end,
  }
end
for _, name in ipairs { "a", "newdir", "sub/y/z", "sub/y", "sub/x" } do
  M.UNDO[#M.UNDO + 1] = {
    "rmdir " .. name,
    function(root, path)
      root:rmdir(path .. "/" .. name)
    end,
  }
end
M.UNDO[#M.UNDO + 1] = {
  "write it anew",
  function(root, path)
    root:write(path .. "/secret", "inside")
    root:mkdir(path .. "/empty", { parents = true })
  end,
}

--- Makes a call. Answers true and what it answered, or false and why it was refused; fails where
--- the refusal is no error of the program's own, with the call, the reason and what it was about.
---@param call test.hostile.Call
---@param root any
---@param path string
---@return boolean done
---@return any answer
function M.attempt(call, root, path)
  local answer, err = try(call[2], root, path)
  if err == nil then
    return true, answer
  end
  local clear = type(err) ~= "string" and err.op and (err.errno or err.message)
  if not clear then
    error(("%s of %q: not a clear error: %s"):format(call[1], path, tostring(err)), 0)
  end
  return false, err
end

--- What an answer tells of the canary, or nil: nobody inside may be told any of it.
---@param answer any
---@param watch test.hostile.Watch
---@return string?
function M.leak(answer, watch)
  if type(answer) == "string" and answer:find(canary.SECRET, 1, true) then
    return "it has read the secret"
  end
  if type(answer) == "table" and answer.ino then
    for name, row in pairs(watch.before.tree) do
      if row.ino == answer.ino and row.dev == answer.dev then
        return ("it has found the canary's %q"):format(name)
      end
    end
  elseif type(answer) == "table" then
    for _, name in ipairs(answer) do
      -- No root of the rig's has a file of this name.
      if name == "tool" then
        return "it has listed the canary"
      end
    end
  end
end

return M

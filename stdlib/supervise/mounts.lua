--- Mounts of a container that has no right to mount: the few kinds that are safe, made by the
--- script inside of the container's own user and mount namespace.
---
--- ```lua
--- local mounts = require "supervise.mounts"
---
--- local notify = mounts.notify { below = { "/mnt" }, kinds = { "tmpfs", "bind" } }
--- assert(notify.mount and notify.umount2)
--- ```
---
--- The arguments are read once, and what was read is what is mounted: changing the memory meanwhile
--- changes nothing. The mount is made by a process that has entered the caller's user and mount
--- namespace, so the kernel judges it as one of the container's own root: it reaches no file of the
--- host, no mount that was locked when the namespace was made. Both namespaces are opened before it
--- is asked whether the caller still waits, so they are the caller's and not those of whoever got
--- its number. A path is resolved from descriptor to descriptor with the directory of `below` as
--- its root, so that no symbolic link leads out of it, also none that is changed meanwhile.
---
--- What a program could use against others in the container is refused: a target outside of
--- `below`, where no set-user-ID program looks for its files; a source of a bind mount outside of
--- it; `suid` and `dev`, which are taken off whatever was asked. Only what was mounted here is
--- unmounted, since a mount may hide something. What is not known here is refused with EPERM,
--- as the kernel refuses it without CAP_SYS_ADMIN.
---
--- A new proc or sysfs would show what the container's own has masked, and let be written what is
--- read-only there. So `proc` is the container's own /proc once more, with all that is mounted in
--- it; where that is of another pid namespace than the caller's, a new one of nothing but processes
--- (`subset=pid`, Linux 5.8). `sysfs` is the container's own /sys once more, read-only. `overlay`
--- is not among the kinds: the kernel works in its layers with the rights of who has mounted it,
--- and says nothing of what happens when they are changed meanwhile, which a program could do with
--- its own.
local options = require "options"

local M = {}

---@class supervise.MountOptions
---@field below string[] directories of the container in which targets, and sources of bind mounts,
--- may lie; the program must not be able to replace them themselves
---@field kinds? ("tmpfs"|"bind"|"proc"|"sysfs")[] what may be mounted (default the first two)
---@field size? string|integer how much a tmpfs may hold at most (default `"64M"`)
---@field on_mount? fun(target: string, kind: string, req: supervise.Request) told of each

-- mount(2): flags that are followed, those that mean nothing here, and those that choose the kind.
local FLAGS = { [0x1] = "readonly", [0x8] = "noexec", [0x400] = "noatime" }
local TAKEN_OFF = 0x2 | 0x4 -- nosuid, nodev: always on
local HARMLESS = 0x8000 | 0x200000 -- silent, relatime
local BIND, REC = 0x1000, 0x4000
-- UMOUNT_NOFOLLOW and MNT_DETACH
local UMOUNT = 0x8 | 0x2

local function refuse(why)
  error({ op = "supervise.mounts", message = why, errno = "EPERM" }, 0)
end

-- A path as the directory of `below` that it is in, and the rest; absolute, without "..".
local function place(self, path)
  if not path or path:sub(1, 1) ~= "/" or ("/" .. path .. "/"):find("/../", 1, true) then
    refuse "a path that is not plain"
  end
  local plain = path:gsub("/%.%f[/\0]", ""):gsub("/+", "/"):gsub("(.)/$", "%1")
  for _, top in ipairs(self.below) do
    if plain:sub(1, #top + 1) == top .. "/" then
      return { top = top, rest = plain:sub(#top + 1), whole = plain }
    end
  end
  refuse "a path that is not below those allowed"
end

local function flags_of(flags, kinds)
  local how = { nosuid = true, nodev = true }
  local rest = flags & ~(TAKEN_OFF | HARMLESS | kinds)
  for bit, name in pairs(FLAGS) do
    how[name] = flags & bit ~= 0 or nil
    rest = rest & ~bit
  end
  if rest ~= 0 then
    refuse "flags that are not known here"
  end
  return how
end

-- "size=1M,mode=700": no other options, and no more than the script allows.
local function tmpfs_data(self, text)
  local data = { size = self.size, mode = "0755" }
  for word in (text or ""):gmatch "[^,]+" do
    local size, mode = word:match "^size=(%d+[kKmMgG]?)$", word:match "^mode=([0-7]+)$"
    if size then
      local units = { k = 1 << 10, m = 1 << 20, g = 1 << 30 }
      local number = tonumber(size:match "%d+") * (units[size:sub(-1):lower()] or 1)
      data.size = number > 0 and math.min(number, self.size) or self.size
    elseif mode then
      data.mode = ("%04o"):format(tonumber(mode, 8) & 0x1ff)
    else
      refuse "options of tmpfs that are not known here"
    end
  end
  return data
end

-- Whether a file system of this kind, as a whole, is what stands at a path of the caller's.
local function stands(path, kind)
  local top
  for _, one in ipairs(mountinfo()) do
    top = one.mount_point == path and one or top
  end
  return top and top.fs_type == kind and top.root == "/"
end

local function once_more(root, path, here, target, how)
  local from <close> = root:open(path, { path_only = true })
  how.recursive = true
  here:bind(from, target, how)
end

---@package
--- By kind: shows what the caller has of it already.
M.SHOWN = {
  proc = function(root, here, target, how)
    if not stands("/proc", "proc") then
      refuse "a caller without a /proc of its own"
    elseif #proc_status().ns_pid == 1 then
      once_more(root, "/proc", here, target, how)
    else
      how.type, how.data = "proc", { subset = "pid", hidepid = "2" }
      here:mount("proc", target, how)
    end
  end,
  sysfs = function(root, here, target, how)
    if not stands("/sys", "sysfs") then
      refuse "a caller without a /sys of its own"
    end
    how.readonly = true
    once_more(root, "/sys", here, target, how)
  end,
}

-- What is to be done, as a function for a process inside; it knows nothing but what was read.
local function wanted(self, req)
  local args = req.args
  local target = place(self, args.target)
  local flags = args.mountflags
  if flags & BIND ~= 0 and self.kinds.bind then
    local source = place(self, args.source)
    local how = flags_of(flags, BIND | REC)
    how.recursive = flags & REC ~= 0
    return target,
      "bind",
      function(root)
        local there <close> = root:subdir(source.top)
        local from <close> = there:open(source.rest, { path_only = true })
        local here <close> = root:subdir(target.top)
        here:open(target.rest, { path_only = true }):close()
        here:bind(from, target.rest, how)
      end
  elseif args.filesystemtype == "tmpfs" and self.kinds.tmpfs then
    local how = flags_of(flags, 0)
    local data = args.data ~= 0 and req.bare:text(args.data) or nil
    how.type, how.data = "tmpfs", tmpfs_data(self, data)
    return target,
      "tmpfs",
      function(root)
        local here <close> = root:subdir(target.top)
        -- What is missing is ENOENT: a mount would make it.
        here:open(target.rest, { path_only = true }):close()
        here:mount("tmpfs", target.rest, how)
      end
  end
  local show = self.kinds[args.filesystemtype] and args.data == 0 and M.SHOWN[args.filesystemtype]
  if show then
    local how = flags_of(flags, 0)
    how.noexec = true
    return target,
      args.filesystemtype,
      function(root)
        local here <close> = root:subdir(target.top)
        here:open(target.rest, { path_only = true }):close()
        show(root, here, target.rest, how)
      end
  end
  refuse "a kind of mount that is not allowed"
end

-- Runs a function in the caller's own user and mount namespace, at the caller's root. `judge` sees
-- which mount namespace that is.
local function within(req, kind, body, judge)
  local dir = ("/proc/%d"):format(req.pid)
  local user <close> = ns_open(dir .. "/ns/user", "user")
  local mnt <close> = ns_open(dir .. "/ns/mnt", "mnt")
  local pid <close> = ns_open(dir .. "/ns/pid", "pid")
  local top, own = stat(dir .. "/root/."), proc_ns()
  if user.inode == own.user or mnt.inode == own.mnt then
    refuse "a caller without a user and a mount namespace of its own"
  elseif not req:waits() then
    refuse "a caller that is gone"
  end
  if judge then
    judge(mnt.inode)
  end
  local join = { user = user, mnt = mnt }
  -- A proc shows the processes of the pid namespace that its maker is in. Nobody else has to be
  -- seen by the caller, who may signal what it sees.
  join.pid = kind == "proc" and pid.inode ~= own.pid and pid or nil
  local child <close> = spawn({ join = join }, function()
    local root <close> = rootfs_open "/"
    local here = stat "/"
    if here.ino ~= top.ino or here.dev ~= top.dev then
      -- Changed by chroot(2): a path means something else to it.
      refuse "a caller with another root than its namespace"
    end
    body(root)
  end)
  local result = child:wait()
  if result.code ~= 0 then
    refuse "the mount has failed"
  end
  return mnt.inode
end

-- Answers what was refused, and what the kernel says inside, to the caller.
local function answered(judge)
  return function(req)
    local _, err = try(judge, req)
    if not err then
      req:value(0)
    elseif type(err) == "table" and err.errno and not req.answered then
      req:errno(err.errno)
    else
      error(err, 0)
    end
  end
end

--- The functions, for `notify`.
---@param given supervise.MountOptions
---@return table<string, fun(req: supervise.Request)>
function M.notify(given)
  local op = "supervise.mounts"
  given = options.check(op, given, {
    below = "list",
    kinds = "list",
    size = { "string", "integer" },
    on_mount = "function",
  })
  options.expect(op, "below", given.below, "list")
  local self = { below = {}, kinds = {}, made = {}, size = 64 << 20 }
  for index, top in ipairs(given.below) do
    if not top:match "^/[^/]" or top:find "/%.%.?/?$" or top:find("//", 1, true) then
      options.fail(op, ("below: %q is no plain directory other than /"):format(top))
    end
    self.below[index] = top:gsub("/$", "")
  end
  for _, kind in ipairs(given.kinds or { "tmpfs", "bind" }) do
    if kind ~= "tmpfs" and kind ~= "bind" and not M.SHOWN[kind] then
      local message = "kinds: %q is none that is safe: tmpfs, bind, proc, sysfs"
      options.fail(op, message:format(tostring(kind)))
    end
    self.kinds[kind] = true
  end
  if given.size then
    local number, unit = tostring(given.size):match "^(%d+)([KMG]?)$"
    local units = { [""] = 1, K = 1 << 10, M = 1 << 20, G = 1 << 30 }
    self.size = number and math.tointeger(tonumber(number) * units[unit])
      or options.fail(op, 'size: expected bytes, or such as "64M"')
  end
  return {
    mount = answered(function(req)
      local target, kind, make = wanted(self, req)
      local key = within(req, kind, make) .. target.whole
      self.made[key] = (self.made[key] or 0) + 1
      if given.on_mount then
        given.on_mount(target.whole, kind, req)
      end
    end),
    umount2 = answered(function(req)
      local target = place(self, req.args.target)
      if req.args.flags & ~UMOUNT ~= 0 then
        refuse "flags that are not known here"
      end
      local key
      within(req, nil, function(root)
        local here <close> = root:subdir(target.top)
        here:umount(target.rest)
      end, function(namespace)
        key = namespace .. target.whole
        if not self.made[key] then
          refuse "a mount that was not made here"
        end
      end)
      self.made[key] = self.made[key] > 1 and self.made[key] - 1 or nil
    end),
  }
end

return M

--- Connections to a few addresses, for a program in a network namespace that has none at all.
---
--- ```lua
--- local supervise = require "supervise"
---
--- local egress = supervise.egress { allow = { "127.0.0.1:1" } }
--- local result = supervise.run({
---   notify = egress.notify,
---   filter = egress.filter,
---   spawn = { unshare = { "net" } },
--- }, { "python3", "-c", [[
--- import errno, socket
--- def reach(port):
---     with socket.socket() as s: return s.connect_ex(("127.0.0.1", port))
--- exit(not (reach(1) == errno.ECONNREFUSED and reach(2) == errno.EACCES))
--- ]] })
--- assert(result.code == 0)
--- ```
---
--- The program's own sockets lead nowhere. When it connects one, the script connects another
--- here, in its own network namespace, to the address as it was read, and puts that in the place
--- of the program's: so the program never holds a socket of this namespace that is not connected
--- already, and changing the address meanwhile changes nothing. What is connected cannot be
--- connected anew, because every connect is answered here and none is let through to the kernel.
---
--- A unix socket of the program's is connected by the script too, where the program has the
--- script's own rights (ids, capabilities, user namespace); else the answer is EACCES, since the
--- kernel would judge the script instead of the program.
---
--- Over a network it is TCP alone; options that were set on the socket before connect (a bound
--- address, keepalive) are lost. A name in the list is looked up when the list is made; the program
--- itself needs addresses, or an /etc/hosts. While a connection is made other calls wait, `timeout`
--- at most.
local addresses = require "supervise.addresses"
local options = require "options"

local M = {}

---@class supervise.EgressOptions
---@field allow string[] `"192.0.2.1:443"`, `"10.0.0.0/8:8000-8100"`, `"[fd00::]/8:*"`, `"host:443"`
---@field timeout? string|number for one connection (default `"5s"`)
---@field on_refusal? fun(address: string, port: integer, req: supervise.Request) what was refused

-- Other ways to connect a socket: an io_uring connects without a system call of its own, and a
-- first piece of data may carry an address along.
local FASTOPEN = 0x20000000

local function without_fastopen(name, index)
  return {
    names = { name },
    action = "errno",
    errno = "EOPNOTSUPP",
    args = { { index = index, op = "masked_eq", mask = FASTOPEN, value = FASTOPEN } },
  }
end

local FILTER = {
  errno = { "io_uring_setup", "io_uring_enter", "io_uring_register" },
  rules = {
    without_fastopen("sendto", 3),
    without_fastopen("sendmsg", 2),
    without_fastopen("sendmmsg", 3),
  },
}

-- Flags of /proc/PID/fdinfo/N (octal): what a copy at the same number has to keep.
local NONBLOCK, CLOEXEC = 0x800, 0x80000

local function flags_of(req, number)
  local text = read_file(("/proc/%d/fdinfo/%d"):format(req.pid, number)) or ""
  return tonumber(text:match "flags:%s*(%d+)" or "0", 8)
end

-- Whether the caller has the rights of this script, no fewer and no others.
local function has_our_rights(req)
  local function rights(pid)
    local status = read_file(("/proc/%s/status"):format(pid)) or ""
    local found = { readlink(("/proc/%s/ns/user"):format(pid)) or "" }
    for _, field in ipairs { "Uid", "Gid", "Groups", "CapEff" } do
      found[#found + 1] = status:match("\n" .. field .. ":([^\n]*)") or ""
    end
    return table.concat(found, "\n")
  end
  return req:waits() and rights "self" == rights(req.pid)
end

-- A unix socket is connected here too, to the file that its process means by the path. The kernel
-- judges by the rights of whoever connects, and tells them to the other side: so this is only for a
-- caller who has the script's own.
local function connect_unix(req, socket, address)
  if not has_our_rights(req) then
    return req:errno "EACCES"
  elseif address.abstract then
    socket:connect { abstract = address.abstract }
    return req:value(0)
  end
  local dir = ("/proc/%d"):format(req.pid)
  local root <close> = rootfs_open(dir .. "/root")
  local path = address.path
  if path:sub(1, 1) ~= "/" then
    -- As the kernel shows it from here, the working directory begins with the root's own path.
    local top, cwd = readlink(dir .. "/root"), readlink(dir .. "/cwd")
    path = (top == "/" and cwd or cwd:sub(#top + 1)) .. "/" .. path
  end
  local file <close> = root:open(path, { path_only = true })
  socket:connect { path = "/proc/self/fd/" .. file.number }
  req:value(0)
end

local function connect_inet(req, address, number, timeout)
  local flags = flags_of(req, number)
  local ours <close> = tcp_connect(
    address.address,
    address.port,
    { timeout = timeout, nonblocking = flags & NONBLOCK ~= 0 }
  )
  req.bare:add_fd(ours, { number = number, cloexec = flags & CLOEXEC ~= 0, answer = false })
  req:value(0)
end

--- The functions and the filter, for `notify` and `filter`.
---@param given supervise.EgressOptions
---@return { notify: table<string, fun(req: supervise.Request)>, filter: table }
function M.new(given)
  local op = "supervise.egress"
  given = options.check(
    op,
    given,
    { allow = "list", timeout = { "string", "number" }, on_refusal = "function" }
  )
  options.expect(op, "allow", given.allow, "list")
  local allows = addresses.list(op, given.allow)
  local timeout = given.timeout or "5s"

  local function connect(req)
    local address, number = req.args.addr, req.args.sockfd
    local socket <close> = req:take_fd(number)
    local kind = socket:socket()
    if not kind then
      return req:errno "ENOTSOCK"
    elseif kind.domain == "unix" and address.family == "unix" then
      return connect_unix(req, socket, address)
    elseif address.bytes and kind.type == "stream" and kind.domain == address.family then
      if allows(addresses.plain(address.bytes), address.port) then
        return connect_inet(req, address, number, timeout)
      end
      if given.on_refusal then
        given.on_refusal(address.address, address.port, req)
      end
    end
    req:errno "EACCES"
  end

  return {
    filter = FILTER,
    notify = {
      connect = function(req)
        local _, err = try(connect, req)
        if err and not (type(err) == "table" and err.errno) then
          error(err, 0)
        elseif err and not req.answered then
          -- What the other side says is what the program hears.
          req:errno(err.errno)
        end
      end,
    },
  }
end

return M

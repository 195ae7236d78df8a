--- What `seccomp { notify = { mkdir = function(req) … end } }` does in a child: a process beside it
--- answers the calls by these functions, as long as any process is left under the filter.
---
--- ```lua
--- local child <close> = spawn(function()
---   seccomp {
---     default = "allow",
---     notify = { mkdir = function(req) req:errno("EROFS") end },
---   }
---   local _, err = try(mkdir, "/tmp/supervised-inside")
---   assert(err.errno == "EROFS")
--- end)
--- assert(child:wait().code == 0)
--- ```
---
--- The functions run in a copy of the child, made at that moment: they see what its variables held,
--- have its rights and namespaces, and what they change is not seen by the child. The program that
--- the child becomes may kill that process: then the kernel answers its calls with ENOSYS. It can
--- neither trace it nor look into its memory.
local filters = require "supervise.filter"
local options = require "options"

local M = {}

local OP = "seccomp"

-- The life of the process that answers.
local function answer(socket, by_name)
  -- A program without rights must not get them by tracing who supervises it.
  dumpable(false)
  local message = socket:receive()
  local got = message and message.fds[1]
  socket:close()
  if not got then
    -- The filter was refused: the child tells why.
    return 0
  end
  local session <close> = require("supervise.session").new {
    listener = seccomp_listener(got),
    handlers = by_name,
    started = true,
  }
  session:serve()
end

--- Starts the process that answers.
---@param by_name table the functions by call, as `supervise.filter` answers them
---@return any socket the filter's listener is sent to it
function M.begin(by_name)
  local pair = socket_pair()
  local supervisor = spawn({ name = "supervisor", die_with_parent = false }, function()
    pair[1]:close()
    return answer(pair[2], by_name)
  end)
  supervisor:keep()
  pair[2]:close()
  return pair[1]
end

--- Loads the filter into this process, for good.
---@param filter table as `seccomp` takes it, with functions by call in `notify`
---@param how? table as `seccomp` takes it
function M.load(filter, how)
  local by_name = filters.handlers(OP, filter.notify)
  if by_name["*"] then
    options.fail(
      OP,
      'notify["*"]: every call would be asked about before anybody could answer',
      "name the calls, or use supervise.run"
    )
  end
  local plain = {}
  for key, value in pairs(filter) do
    plain[key] = value
  end
  plain.notify = options.keys(by_name)
  local compiled = seccomp_compile(plain)
  local ours <close> = M.begin(by_name)
  seccomp(compiled, { no_new_privs = (how or {}).no_new_privs, listener_to = ours })
end

return M

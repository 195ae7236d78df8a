--- What help tells of that is neither a function nor a command: a way to use the program.
---
--- ```lua
--- local guides = require "reference.guides"
---
--- assert(guides.get("restricted").text:find("--allow", 1, true))
--- ```
local M = {}

---@class reference.Guide
---@field name string
---@field summary string
---@field text string

local RESTRICTED = [[
crun-lua --restricted [OPTIONS] SCRIPT [ARGUMENTS…]

The script finds Lua's pure libraries, print, os.exit, the time, its arguments and the modules of
the stdlib, which have its rights and no others. There are no files, no environment, no load, no
debug, no finalizers, and no primitive but those of --allow. It runs in this process.

    --allow NAMES       primitives that it may call, with any arguments: stat,spawn,process:wait;
                        process:* is each method of such a handle, *:* each of all
    --memory SIZE       what Lua may allocate (64M). What primitives take beside it, and each child
                        and program that it starts, has twice that and 16 MiB (RLIMIT_DATA)
    --time TIME         how long it may take (10s); two seconds later an alarm ends it
    --instructions N    how many instructions of Lua it may run; no limit without it
    --output SIZE       how much it may print (1M)

exit status: the script's own; 1 an error, or no memory left; 2 a wrong option; 124 its time or its
instructions are over; 128+N the signal N

It is a boundary against Lua code: mistakes, greed, and scripts that use the interpreter as it is
meant. What runs out ends the script through every pcall and every __close of it.

It is none against these:

    a hole in the interpreter, a C program: there is one process, and one address space
    what is allowed: exec, capture or write_file is all that you may do yourself, read_file each
        file
    many processes, files and shared memory: with spawn, memory and instructions are each process's
        own; a cgroup with pids and memory holds them all
    what can be measured: the time of day, the speed of this machine

Code of an enemy belongs into a container besides: container.new { profile = "strict" }.

examples: crun-lua --restricted rules.lua
          crun-lua --restricted --allow stat,list_dir --time 2s report.lua /srv

see: the book's page on security, budget, container.new]]

---@type reference.Guide[]
local GUIDES = {
  {
    name = "restricted",
    summary = "Run a script that nobody trusts: what it may, and what this is no boundary against.",
    text = RESTRICTED,
  },
}

--- All of them.
---@return reference.Guide[]
function M.all()
  return GUIDES
end

--- The one of a name.
---@param name string
---@return reference.Guide?
function M.get(name)
  for _, guide in ipairs(GUIDES) do
    if guide.name == name then
      return guide
    end
  end
end

return M

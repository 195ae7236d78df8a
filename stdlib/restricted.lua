--- What a script of `crun-lua --restricted` finds: the box that it runs in, with `print`, `os.exit`
--- and the primitives that its caller has allowed by name.
---
--- The host holds it to its budgets and to these primitives; see `docs/security.md` for what this
--- is a boundary against.
---
--- ```lua
--- local restricted = require "restricted"
---
--- local environment = restricted { allow = { "stat" }, output = 100, arguments = { "a" } }
--- assert(environment.stat("/").type == "directory" and environment.arg[1] == "a")
--- local _, err = try(function() return environment.mount end)
--- assert(err.op == "mount" and err.hint:find("--allow mount", 1, true))
--- ```
local _, host = ...

local sandbox = require "sandbox"

--- What a script for a wider world looks for, and what there is instead.
local ELSEWHERE = {
  io = "; print writes to standard output, and files are out of reach",
  load = "; its code is the script alone",
  package = "; require finds the stdlib's modules",
}

local function missing(name, is_primitive)
  if is_primitive then
    return {
      op = name,
      message = "a restricted script may call it only where it is allowed",
      hint = ("crun-lua --restricted --allow %s … permits it"):format(name),
    }
  end
  local instead = ELSEWHERE[name] or ""
  return ("'%s' is not there in a restricted script%s"):format(tostring(name), instead)
end

--- `print` for so many bytes.
local function printer(left)
  local is_terminal = is_tty(1)
  return function(...)
    local words = table.pack(...)
    for index = 1, words.n do
      words[index] = tostring(words[index])
    end
    local text = table.concat(words, "\t", 1, words.n) .. "\n"
    if #text > left then
      error("print: the script may not print so much; --output SIZE allows more", 2)
    end
    left = left - #text
    -- A terminal obeys what it is told: of a script's text it is told nothing but letters.
    io.stdout:write(is_terminal and host.harmless(text) or text)
  end
end

---@param given { allow: string[], output: integer, arguments: string[], script?: string }
---@return table environment
return function(given)
  local arguments = table.move(given.arguments, 1, #given.arguments, 1, { [0] = given.script })
  local box = sandbox.new {
    missing = missing,
    globals = {
      arg = arguments,
      print = printer(given.output),
      rawequal = rawequal,
      rawget = rawget,
      rawlen = rawlen,
      rawset = rawset,
      os = {
        clock = os.clock,
        date = os.date,
        difftime = os.difftime,
        exit = os.exit,
        time = os.time,
      },
    },
  }
  box.grant(given.allow)
  return box.environment
end

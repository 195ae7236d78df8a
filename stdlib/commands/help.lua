--- `crun-lua help`: what there is, what one of it does, and where something is told of.
---
--- ```lua
--- local help = require "commands.help"
---
--- assert(help { "umount" } == 0)
--- assert(help { "umuont" } == 2)
--- ```
local arguments = require "commands.arguments"

local SPEC = {
  name = "crun-lua help",
  usage = [[
usage: crun-lua help [NAME…]
       crun-lua help --search WORD…

Tells what a primitive, a method, a topic, a module of the stdlib, one of its functions or a command
does; crun-lua help restricted tells how a script is run that nobody trusts. * and ? in a NAME make
it a pattern. Without a NAME it lists all there is.

    -s, --search   look for words in names and descriptions
        --names    only the names, for completion

examples: crun-lua help mount              crun-lua help process:wait
          crun-lua help container.new      crun-lua help 'net*'
          crun-lua help --search memory limit

exit status: 0 told; 1 nothing found; 2 nothing is called so, or a wrong option]],
  flags = { "search", "names" },
  short = { s = "search" },
  most = 100,
}

local function look()
  if not is_tty(1) then
    return { width = 100 }
  end
  local columns = window_size(1).columns
  return { width = columns >= 40 and columns or 80 }
end

---@param args string[]
---@return integer status
return function(args)
  local given, status = arguments.parse(args, SPEC)
  if not given then
    return status
  end
  local page = require "reference.page"
  if given.search then
    local words = table.concat(given, " ")
    if words == "" then
      return arguments.refuse(SPEC, "--search needs a word")
    end
    local found = page.search(words, look())
    if not found then
      io.stderr:write(("crun-lua help: nothing tells of %q\n"):format(words))
      return 1
    end
    io.write(found)
    return 0
  elseif given.names then
    for _, name in ipairs(require("reference").find "*") do
      io.write(name, "\n")
    end
    return 0
  elseif #given == 0 then
    io.write(page.overview(look()))
    return 0
  end
  local worst = 0
  for index, name in ipairs(given) do
    local text, err = page.of(name, look())
    if text then
      io.write(index > 1 and "\n" or "", text)
    else
      io.stderr:write("crun-lua help: ", err, "\n")
      worst = 2
    end
  end
  return worst
end

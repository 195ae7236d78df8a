--- Erratum: the course's runtime reads a limit such as "512M", and nothing else: any other value
--- leaves a variable unset.

-- What a limit may look like; each is asked for.
local VALUES = {
  ["100M"] = "104857600",
  ["1G"] = "1073741824",
  ["268435456"] = "268435456",
  ["512M"] = "536870912",
  ["64K"] = "65536",
}

-- The lines of the course's create_cgroup, around its `if`.
local COURSE = [[
#!/usr/bin/env python3
import sys

def size(memory_limit):
    if memory_limit.endswith("M"):
        limit = int(memory_limit[:-1]) * 1024 * 1024
    return str(limit)

print(size(sys.argv[1]))
]]

local MENDED = [[
#!/bin/sh
number=${1%[KMG]}
case $1 in
  *[!0-9KMG]* | "") exit 2 ;;
  *K) echo $((number * 1024)) ;;
  *M) echo $((number * 1024 * 1024)) ;;
  *G) echo $((number * 1024 * 1024 * 1024)) ;;
  *) echo "$number" ;;
esac
]]

local function write_program(t, text)
  write_file(t.dir .. "/size", text, { mode = "0755" })
end

-- An interpreter may need seconds to start on a busy machine, and a check asks for several values.
local PATIENCE, DEADLINE = "10s", "60s"

--- Runs the learner's program on a value.
local function ask(t, value)
  local path = t.dir .. "/size"
  local see = ("%s %q; echo $?"):format(path, value)
  local said, err = try(capture, { path, value }, { timeout = PATIENCE })
  if not said then
    t:fail { what = "the program cannot be started", found = err.message, see = "ls -l " .. path }
  elseif said.timed_out then
    t:fail { what = "the program has not ended after " .. PATIENCE, see = see }
  end
  return said, see
end

return {
  id = "size",
  title = "Limits end in M, says the course",
  text = [[
create_cgroup of the course's runtime turns "512M" into bytes. Read what it does with "1G", or with
268435456, which its own second solution writes. Make a program $dir/size, in any language, that
prints the bytes of its argument: digits alone, or with K, M or G behind them. For anything else it
ends with another status than 0.]],
  needs = { "program:sh" },
  setup = function(t)
    chmod(t.dir, "0777")
  end,
  observe = { "$dir/size 512M", "$dir/size 1G; echo $?" },
  action = function(t)
    write_program(t, MENDED)
  end,
  checks = {
    {
      "there is a program",
      function(t)
        local file = stat(t.dir .. "/size")
        t:ok(file and file.type == "file", "there is no file yet", ("ls -l %s/size"):format(t.dir))
      end,
    },
    {
      "it prints the bytes of each value",
      function(t)
        for _, value in ipairs(require("options").keys(VALUES)) do
          local said, see = ask(t, value)
          local found = said.stdout:gsub("%s+$", "")
          if said.code ~= 0 then
            found = ("status %d %s"):format(said.code, said.stderr:match("([^\n]+)\n*$") or "")
          end
          t:eq(found, VALUES[value], "the bytes of " .. value, see)
        end
      end,
      { deadline = DEADLINE },
    },
    {
      "it refuses what is no size",
      function(t)
        for _, value in ipairs { "lots", "12X", "" } do
          local said, see = ask(t, value)
          t:ne(said.code, 0, ("the status for %q"):format(value), see)
        end
      end,
      { deadline = DEADLINE },
    },
  },
  hints = {
    "Which line gives the variable a value, and for which inputs is that line reached?",
    "There are four cases: no letter, K, M and G; and a fifth, everything that is no size.",
    "In a shell ${1%[KMG]} is the number; a case by the last letter says how often 1024 is in it.",
  },
  decoys = {
    {
      "the course's lines",
      function(t)
        write_program(t, COURSE)
      end,
      says = "limit",
      course = true,
      needs = { "program:python3" },
    },
    {
      "the letter is thrown away",
      function(t)
        write_program(t, "#!/bin/sh\necho ${1%[KMG]}\n")
      end,
      says = "the bytes of",
    },
    {
      "what is no size is a zero",
      function(t)
        write_program(t, (MENDED:gsub("exit 2", "echo 0")))
      end,
      says = "the status for",
    },
    {
      "what is no size hangs",
      function(t)
        write_program(t, (MENDED:gsub("exit 2", "exec sleep 60")))
      end,
      says = "has not ended",
    },
  },
  lesson = [[
UnboundLocalError for every value but those that end in M. The kernel's own files read K, M and G:
the course could have written the word as it is. `cgroup_set` takes "1G" and numbers, and refuses
"lots" by name.]],
}

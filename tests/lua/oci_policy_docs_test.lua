-- The Lua of docs/policies.md: each block is a policy, and the comment before it says what comes of
-- it: `refuses: TEXT`, `makes: EXPRESSION of spec`; or it is a whole `script`.
local policy = require "oci.policy"
local test = require "test"

local PAGE = "docs/policies.md"

local function spec()
  return json_decode [[{
    "ociVersion": "1.3.0",
    "root": { "path": "rootfs" },
    "process": { "args": ["/bin/sh"], "cwd": "/", "env": ["A=1"], "user": { "uid": 0, "gid": 0 } },
    "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" } ]
  }]]
end

local function apply(text)
  local dir <close> = temp_dir()
  mkdir(dir.path .. "/d")
  local file = dir.path .. "/d/policy.lua"
  write_file(file, text)
  return policy.apply(spec(), { operation = "create", id = "web", bundle = "/b", files = { file } })
end

local count, line = 0, 1
for before, comment, text in
  (read_file(PAGE) or ""):gmatch "(.-)<!%-%- ([^\n]-) %-%->\n```lua\n(.-)```\n"
do
  line = line + select(2, before:gsub("\n", "")) + 2
  count = count + 1
  test.case(("the Lua at line %d of docs/policies.md does what it says"):format(line), function(t)
    local word, rest = comment:match "^(%a+):? ?(.*)$"
    if word == "refuses" then
      t.fails(rest, apply, text)
    elseif word == "makes" then
      local made = apply(text)
      t.ok(assert(load("local spec = ... return " .. rest))(made), rest)
    else
      t.eq(word, "script")
      assert(load(text, "@" .. PAGE))()
    end
  end)
  line = line + select(2, text:gsub("\n", "")) + 1
end

test.case(
  "every block of Lua in docs/policies.md is run, and every shipped policy is named",
  function(t)
    local page = read_file(PAGE)
    t.eq(count, select(2, page:gsub("\n```lua\n", "")))
    t.ok(count >= 7)
    for _, name in ipairs(list_dir "scripts/policy") do
      t.match(page, ("[%s](../scripts/policy/%s)"):format(name, name), true)
    end
  end
)

return test.run()

--- The check of documents: what it says of a wrong value, and that the description has all that the
--- official JSON schema has.
local schema = require "oci.schema"
local test = require "test"

local SCHEMAS = "tests/fixtures/oci/schema/"

local function problem(value, word)
  local found = schema.check(value, word)
  return found and (found.path .. ": " .. found.text) or "none", found and found.hint
end

test.case("a wrong type is told with its place, what was expected and what was found", function(t)
  local wrong = {
    { 5, "string", ": expected a string, got 5" },
    { "5", "uint32", ': expected a whole number from 0 to 4294967295, got "5"' },
    { 1.0, "uint32", ": expected a whole number from 0 to 4294967295, got 1.0" },
    { -1, "uint64", ": expected a whole number from 0 to 18446744073709551615, got -1" },
    { -2, "limit", ": expected a whole number from -1 to 9223372036854775807, got -2" },
    { 1, "boolean", ": expected true or false, got 1" },
    { {}, "string", ": expected a string, got an object" },
    { json_array { 1 }, "string", ": expected a string, got a list" },
    { { a = 1 }, "string[]", ": expected a list, got an object" },
    { { "a", "b", 3 }, "string[]", "[2]: expected a string, got 3" },
    { json_array {}, "{string}", ": expected an object, got a list" },
    { { ["net.ipv4.x"] = 1 }, "{string}", '["net.ipv4.x"]: expected a string, got 1' },
    { "a/b", "path", ': expected an absolute path, got "a/b"' },
    { "a\0b", "string", ': expected a string without zero bytes, got "a\\u0000b"' },
    { { { options = { 1 } } }, "config.mount[]", "[0].options[0]: expected a string, got 1" },
  }
  for _, row in ipairs(wrong) do
    t.eq(problem(row[1], row[2]), row[3])
  end
  local empty = json_decode '{ "options": {}, "destination": "/" }'
  t.match(schema.check(empty, "config.mount", true).text, "expected a list, got an object", true)
end)

test.case("a member that must be there and is not is named", function(t)
  t.eq(problem({ soft = 1, hard = 1 }, "process.rlimit"), ".type: is missing, and must be there")
  local rule = { { names = { "a" } } }
  t.eq(problem(rule, "seccomp.syscall[]"), "[0].action: is missing, and must be there")
end)

test.case("a wrong word is told with the one that was probably meant", function(t)
  local function hint(word, type)
    return (select(2, problem(word, type)))
  end
  t.eq(hint("netwrk", "linux.namespace_type"), 'did you mean "network"?')
  t.eq(hint("net", "linux.namespace_type"), 'did you mean "network"?')
  t.eq(hint("RLIMIT_NOFILES", "process.rlimit_type"), 'did you mean "RLIMIT_NOFILE"?')
  t.eq(hint("nofile", "process.rlimit_type"), 'did you mean "RLIMIT_NOFILE"?')
  t.eq(hint("errno", "seccomp.action"), 'did you mean "SCMP_ACT_ERRNO"?')
  t.eq(hint("wholly other", "seccomp.action"), nil)
  t.eq(hint(5, "seccomp.action"), nil)
end)

test.case("a long or strange text is told in one short line of UTF-8", function(t)
  local shown = problem(("ä"):rep(40000), "uint32")
  t.ok(#shown < 200 and utf8.len(shown), shown)
  t.match(shown, "(80000 bytes)", true)
  shown = problem('a\nb"\27[31m', "path")
  t.match(shown, [["a\u000ab\"\u001b[31m"]], true)
end)

test.case("the first tables of a policy are judged like those of a file", function(t)
  -- An empty table of Lua may be meant as either.
  t.eq(problem({}, "string[]"), "none")
  t.eq(problem({}, "{string}"), "none")
  t.match(problem({ "a", x = 1 }, "string[]"), "a list without other keys", true)
  t.match(problem({ "a", nil, "c" }, "string[]"), "[1]: expected a string, got nothing", true)
  t.match(problem({ "a" }, "{string}"), "expected an object, got a list", true)
  t.match(problem({ path = print }, "config.root"), ".path: expected", true)
  t.match(problem({ [true] = "a" }, "{string}"), "expected", true)
end)

test.case("members that nobody knows are ignored, and can be listed", function(t)
  local spec = {
    ociVersion = "1.9.0",
    future = { list = { 1 } },
    root = { path = "rootfs", colour = "red" },
    mounts = { { destination = "/a", x = 1 }, { destination = "/b" } },
    annotations = { any = "thing" },
    linux = { resources = { rdma = { card = { hcaHandles = 1, y = 2 } } } },
  }
  t.eq(problem(spec, "config.config"), "none")
  t.eq(schema.unknown(spec, "config.config"), {
    ".future",
    ".linux.resources.rdma.card.y",
    ".mounts[0].x",
    ".root.colour",
  })
end)

-- The official schema ---------------------------------------------------------------------------

local files = {}

local function document(name)
  files[name] = files[name] or json_decode(read_file(SCHEMAS .. name))
  return files[name]
end

--- A node of the schema, with the file that it stands in: references are followed.
local function followed(node, file)
  while node["$ref"] do
    local target, pointer = node["$ref"]:match "^([^#]*)#/?(.*)$"
    file = target ~= "" and target or file
    node = document(file)
    for step in pointer:gmatch "[^/]+" do
      node = node[step]
    end
  end
  return node, file
end

--- The parts that all hold, as one: that is how the schema writes devices with a weight.
local function whole(node, file)
  node, file = followed(node, file)
  local parts = node.allOf or node.anyOf
  if not parts then
    return node, file
  end
  local made = { properties = {}, required = {} }
  for _, part in ipairs(parts) do
    local inner
    inner, made.file = followed(part, file)
    for key, value in pairs(inner.properties or {}) do
      made.properties[key] = value
    end
    table.move(inner.required or {}, 1, #(inner.required or {}), #made.required + 1, made.required)
  end
  return made, made.file
end

local function module_type(word)
  local chapter, name = word:match "^([%l_]+)%.([%l_]+)$"
  return chapter and require("oci.schema." .. chapter)[name]
end

-- Podman hands in st_mode, with the bits of the device's type, where the schema ends at 0777.
local WIDER = { [".linux.devices[].fileMode"] = "maximum" }

local OTHER_SYSTEMS = { solaris = true, windows = true, vm = true, zos = true }

local compare

local function compare_objects(t, path, node, file, members)
  for key, inner in pairs(node.properties) do
    if not OTHER_SYSTEMS[key] then
      t.ok(members[key], path .. "." .. key .. " is described")
      compare(t, path .. "." .. key, inner, file, (members[key]:gsub("!$", "")))
    end
  end
  for _, key in ipairs(node.required or {}) do
    t.match(members[key], "!$")
  end
end

local SCALARS = { string = true, integer = true, boolean = true }

function compare(t, path, node, file, word)
  node, file = whole(node, file)
  local described = module_type(word)
  if node.properties then
    t.eq(type(described), "table", path .. " is an object")
    compare_objects(t, path, node, file, described)
  elseif node.type == "array" then
    t.match(word, "%[%]$")
    compare(t, path .. "[]", node.items, file, word:sub(1, -3))
  elseif node.enum then
    for _, one in ipairs(node.enum) do
      t.eq(schema.check(one, word), nil, path .. " may be " .. one)
    end
  elseif node.additionalProperties or node.patternProperties then
    t.match(word, "^{.*}$")
    local inner = node.additionalProperties or node.patternProperties[".{1,}"]
    compare(t, path .. "{}", inner, file, word:sub(2, -2))
  else
    t.ok(SCALARS[node.type], path .. " has a type")
    for _, bound in ipairs { "minimum", "maximum" } do
      local beyond = node[bound] and (bound == "minimum" and -1 or 1)
      if beyond and math.type(node[bound]) == "integer" and WIDER[path] ~= bound then
        local out = node[bound] + beyond
        -- The ends of 64 bits have nothing beyond.
        if (out > node[bound]) == (beyond > 0) then
          t.ok(schema.check(out, word), ("%s: %d is beyond the %s"):format(path, out, bound))
        end
      end
    end
  end
end

test.case("every member, word and bound of the official schema is in the description", function(t)
  local file = "config-schema.json"
  compare(t, "", document(file), file, "config.config")
end)

-- An independent judge --------------------------------------------------------------------------

test.need("jsonschema", function()
  local found, result = pcall(capture, { "python3", "-c", "import jsonschema" })
  if not found or result.code ~= 0 then
    return "python3-jsonschema is not installed"
  end
end)

-- Values that take the place of others: of each type, and at the ends of ranges.
local VALUES = {
  function()
    return math.random(-2, 70000)
  end,
  function()
    return 1.5
  end,
  function()
    return ""
  end,
  function()
    return "/a"
  end,
  function()
    return "x y"
  end,
  function()
    return true
  end,
  function()
    return {}
  end,
  function()
    return json_array {}
  end,
  function()
    return json_array { "a" }
  end,
  function()
    return { a = 1 }
  end,
  function()
    return 2 ^ 32 // 1 | 0
  end,
}

--- The places of a document: pairs of a table and a key, in an order that does not change.
local function places(value, found)
  found = found or {}
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(keys) do
    found[#found + 1] = { value, key }
    if type(value[key]) == "table" then
      places(value[key], found)
    end
  end
  return found
end

local function change(spec)
  local all = places(spec)
  local place, key = table.unpack(all[math.random(#all)])
  if math.type(key) or math.random(4) > 1 then
    place[key] = VALUES[math.random(#VALUES)]()
  else
    place[key] = nil
  end
end

local function samples()
  local texts = {}
  for _, name in ipairs(list_dir "tests/fixtures/oci/config/good") do
    -- Documents for other systems have rules of their own.
    if not name:find "zos" then
      texts[#texts + 1] = read_file("tests/fixtures/oci/config/good/" .. name)
    end
  end
  return texts
end

-- What is refused here although the JSON schema takes it, because its words can say no more: by
-- what the error says.
local STRICTER = {
  "expected an absolute path",
  "expected a path",
  "control characters",
  "expected NAME=value",
  "expected a host name",
  'expected a version such as "1.3.0"',
  'expected a list of processors or nodes such as "0-3,7"',
  "expected a name of a network device",
  "expected a whole number from ", -- narrower: an id is not -1, a mode has nine bits
  'expected letters of "rwm"',
  "expected 0, or a whole number from 10 to 1000",
  'expected "a" or "c" or "b"',
  'expected "RLIMIT_AS"',
}

--- Whether the JSON schema could not have seen it: a rule between members, or a narrower type.
local function is_stricter(found)
  if not found.text:find("^expected") or found.text:find("^expected at most") then
    return not found.text:find("must be there", 1, true) or found.path == ".root"
  end
  for _, part in ipairs(STRICTER) do
    if found.text:find(part, 1, true) then
      return true
    end
  end
  return found.text:find("expected at least", 1, true)
    or found.text:find("^expected a .* such as ")
    or found.text:find("^expected the name")
    or found.text:find("^expected a file name")
end

test.case(
  "what the JSON schema refuses is refused, and what it takes only for a stated reason",
  { "jsonschema", "minutes:3" },
  function(t)
    math.randomseed(20251104)
    local documents, lines = {}, {}
    for _, text in ipairs(samples()) do
      for _ = 1, 150 do
        local spec = json_decode(text)
        for _ = 1, math.random(2) do
          change(spec)
        end
        documents[#documents + 1] = json_encode(spec)
      end
    end
    local input = table.concat(documents, "\n") .. "\n"
    local command = { "python3", "tests/fixtures/oci/validate.py", "config" }
    local result = capture(command, { stdin = input, timeout = "120s", max = "16M" })
    t.eq(result.code, 0, result.stderr)
    for line in result.stdout:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    t.eq(#lines, #documents)
    local refused = 0
    for index, verdict in ipairs(lines) do
      local found = schema.check(json_decode(documents[index]), "config.config", true)
      local what = found and found.path .. ": " .. found.text or "nothing"
      refused = refused + (verdict == "ok" and 0 or 1)
      if verdict ~= "ok" then
        t.ok(found, verdict .. " in " .. documents[index])
      elseif found then
        t.ok(is_stricter(found), what .. " in " .. documents[index])
      end
    end
    -- A judge that says the same of all is none.
    t.ok(refused > #documents // 10 and refused < #documents * 9 // 10, refused .. " refused")
  end
)

return test.run()

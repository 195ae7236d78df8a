local test = require "test"

test.case("a text that is not JSON is an error with line and column", function(t)
  local wrong = {
    ['{\n  "a": 1,\n}'] = "line 3 column 1",
    ["[1, 2"] = "EOF while parsing a list at line 1 column 5",
    ["[1] 2"] = "trailing characters at line 1 column 5",
    [""] = "line 1 column 0",
    ['{"a":1,"a":2}'] = 'the key "a" comes twice at line 1 column',
    ['{"a":null,"a":2}'] = 'the key "a" comes twice',
    ["[1,null]"] = "null is the element 2 of a list",
    ['"\xff"'] = "line 1 column",
    ["01"] = "line 1 column",
    ["1e999"] = "number out of range",
    ["[NaN]"] = "line 1 column",
  }
  for text, part in pairs(wrong) do
    t.fails(part, json_decode, text)
  end
end)

test.case("a text that is too deep or too long is refused", function(t)
  t.fails("recursion limit", json_decode, ("["):rep(200) .. ("]"):rep(200))
  t.fails("options.limit allows 8", json_decode, "[1,2,3,4]", { limit = 8 })
  t.eq(#json_decode(("["):rep(127) .. ("]"):rep(127)), 1)
end)

test.case("what JSON has no word for is refused with its path", function(t)
  local loop = { list = {} }
  loop.list[1] = loop
  local deep = {}
  for _ = 1, 200 do
    deep = { deep }
  end
  local wrong = {
    { { spec = { env = { X = print } } }, ".spec.env.X: a function" },
    { { spec = { ["a b"] = 0 / 0 } }, '.spec["a b"]: JSON has no number' },
    { { list = { 1, math.huge } }, ".list[2]: JSON has no number" },
    { loop, ".list[1]: a table that contains itself" },
    { { 1, 2, x = 3 }, 'value: a list of 2 elements that also has the key "x"' },
    { { a = { [2.5] = 1 } }, ".a: the key 2.5 is no text" },
    { { a = { [true] = 1 } }, ".a: the key true is no text" },
    { { a = { [7] = 1 } }, ".a: the key 7 is no text" },
    { { a = "\xff\xfe" }, ".a: a text that is not UTF-8" },
    { { ["\xff"] = 1 }, "a text that is not UTF-8" },
    { { a = setmetatable({}, { __index = {} }) }, ".a: a table with a metatable" },
    { { a = coroutine.create(print) }, ".a: thread cannot be written" },
    { deep, "tables nest deeper than 127" },
  }
  for _, pair in ipairs(wrong) do
    t.fails(pair[2], json_encode, pair[1])
  end
end)

test.case("whole numbers stay integers, others stay floats", function(t)
  local value = json_decode("[1, -9223372036854775808, 9223372036854775807, 1.0, 2.5, 1e3]")
  t.eq(math.type(value[1]), "integer")
  t.eq(value[2], math.mininteger)
  t.eq(value[3], math.maxinteger)
  t.eq(math.type(value[4]), "float")
  t.eq(json_encode(value), "[1,-9223372036854775808,9223372036854775807,1.0,2.5,1000.0]")
end)

test.case("the largest limit of a kernel comes back as it was", function(t)
  local text = '{"hard":18446744073709551615}'
  t.eq(json_encode(json_decode(text)), text)
end)

test.case("empty lists and empty objects stay what they are", function(t)
  local text = '{"a":[],"b":{},"c":[[],{}]}'
  t.eq(json_encode(json_decode(text)), text)
  local list = json_decode("[1]")
  table.remove(list)
  t.eq(json_encode(list), "[]")
  t.eq(json_encode({}), "{}")
  t.eq(json_encode(json_array({})), "[]")
end)

test.case("the mark of a list cannot be taken or changed", function(t)
  local list = json_array({})
  t.eq(getmetatable(list), "json array")
  t.eq(pcall(setmetatable, list, {}), false)
  t.eq(json_array(list), list)
  t.fails("has a metatable already", json_array, setmetatable({}, {}))
  t.fails("expected a table", json_array, 1)
end)

test.case("a null field is left out", function(t)
  local value = json_decode('{"a":null,"b":false}')
  t.eq(next(value), "b")
  t.eq(json_decode("null"), nil)
end)

test.case("keys are sorted and texts escaped", function(t)
  t.eq(
    json_encode({ b = 1, a = '"\\\n\0é', C = true }),
    '{"C":true,"a":"\\"\\\\\\n\\u0000é","b":1}'
  )
  t.eq(json_encode({ a = { 1, {} } }, { pretty = true }), '{\n  "a": [\n    1,\n    {}\n  ]\n}\n')
  t.eq(json_decode('"\\u00e9\\ud83d\\ude00\\u0000"'), "é😀\0")
end)

test.case("one table in two places is no cycle", function(t)
  local shared = { 1 }
  t.eq(json_encode({ a = shared, b = shared }), '{"a":[1],"b":[1]}')
end)

return test.run()

-- What the prompt reads of a text that is not finished: tokens, whether it can run, where in it the
-- cursor stands.

local context = require "repl.context"
local test = require "test"
local tokens = require "repl.tokens"
local validate = require "repl.validate"

--- The tokens of a text in short: `name:a`, an unfinished one with `?`.
local function short(text)
  local parts = {}
  for index, token in ipairs(tokens.scan(text)) do
    parts[index] = token.kind .. ":" .. token.text .. (token.open and "?" or "")
  end
  return table.concat(parts, " ")
end

--- The context at the mark `|` of a text.
local function at(marked)
  local pos = marked:find("|", 1, true) - 1
  return context.of(marked:sub(1, pos) .. marked:sub(pos + 2), pos)
end

--- The frames at the mark, in short.
local function stack(marked)
  local parts = {}
  for index, frame in ipairs(at(marked).stack) do
    local number = frame.argument or frame.item or frame.word or ""
    parts[index] = frame.kind .. ":" .. number .. (frame.key and "=" .. frame.key or "")
  end
  return table.concat(parts, " ", 2)
end

test.case("what is not finished is a token as well, and nothing is lost", function(t)
  t.eq(short 'f("a', 'name:f op:( string:"a?')
  t.eq(short '"a\nb"', 'string:"a? name:b string:"?')
  t.eq(short "[[a\nb", "string:[[a\nb?")
  t.eq(short "--[==[ a ]] b", "comment:--[==[ a ]] b?")
  t.eq(short "x -- y", "name:x comment:-- y?")
  t.eq(short '"a\\"b"', 'string:"a\\"b"')
  t.eq(short '"a\\', 'string:"a\\?')
  t.eq(short "'a\\\nb'", "string:'a\\\nb'")
  t.eq(short "'a\\z  \n b'", "string:'a\\z  \n b'")
  t.eq(short "[=[ ]] ]=]", "string:[=[ ]] ]=]")
  t.eq(short "", "")
  t.eq(short " \n\t", "")
end)

test.case("every byte but blanks belongs to exactly one token", function(t)
  local odd = {
    "größe = 日本 .. '\xff'",
    "\0\1\127 @ $ `",
    "a.b:c[[x]]'y'{}",
    "0x1p-3+1e5-.5..3",
    "#!/usr/bin/crun-lua\nx",
    "::label:: goto label <const>",
    "a//b<<c>>d~=e...",
  }
  for _, text in ipairs(odd) do
    local covered = 1
    for _, token in ipairs(tokens.scan(text)) do
      t.ok(not text:sub(covered, token.from - 1):find("%S"), text)
      t.eq(text:sub(token.from, token.to), token.text)
      covered = token.to + 1
    end
    t.ok(not text:sub(covered):find("%S"), text)
  end
end)

test.case("numbers are read as Lua reads them", function(t)
  t.eq(short "0x1p-3 1e+5 .5 3. 12ab", "number:0x1p-3 number:1e+5 number:.5 number:3. number:12ab")
  t.eq(short "a..b", "name:a op:.. name:b")
end)

test.case("a text that no further line can finish is an error, never incomplete", function(t)
  local wrong = { "'abc", '"abc', "f('a", "x = { 'a', \"b", "end", "= 1", "local 3x", ")" }
  for _, text in ipairs(wrong) do
    local state, message = validate.state(text)
    t.eq(state, "error", text)
    t.match(message, "^input:1: ")
  end
  t.match(select(2, validate.state "{ 1, ) }"), "near ')'", true)
end)

test.case("a text that is not finished waits for more", function(t)
  local unfinished = {
    "for i = 1, 2 do",
    "x =",
    "1 +",
    "f(",
    "f {",
    "[[abc",
    "--[[ abc",
    "'abc\\",
    "'abc\\z",
    "a.b:",
    "return function()",
    "x = 1 -- note\nif x then",
    "goto",
  }
  for _, text in ipairs(unfinished) do
    t.eq(validate.state(text), "incomplete", text)
  end
end)

test.case("expressions, statements and nothing at all are complete, and nothing is run", function(t)
  local whole = { "", "  ", "-- note", "1 + 1", "x = 1", "return 1", "error('ran')", "f 'a'" }
  for _, text in ipairs(whole) do
    t.eq(validate.state(text), "complete", text)
  end
end)

test.case("the cursor is in the innermost call, at its argument and option", function(t)
  t.eq(stack 'mount("proc", "/proc", { ty|', "call:3 table:1")
  t.eq(stack 'mount("a,b", f(1, 2), { type = "t|', "call:3 table:1=type")
  t.eq(stack 'spawn({ unshare = { "u|', "call:1 table:1=unshare table:1")
  t.eq(stack "spawn({ a = 1, b = { 2, 3 }, c|", "call:1 table:3")
  t.eq(stack 'require "con|', "call:1")
  t.eq(stack "f{}(|", "call:1")
  t.eq(stack "f(function(a, b) return a, b end, |", "call:2")
  t.eq(stack "f(1, (2 + |", "call:2 group:")
  t.eq(stack 'spawn({}, function() unshare { "|', "call:2 block:function call:1 table:1")
end)

test.case("too many or too few closing words confuse nothing", function(t)
  t.eq(stack "x = 3 end end ) } f(1, |", "call:2")
  t.eq(stack "f(function() if x then g() end, |", "call:1 block:function")
  t.eq(stack "f(function() x = { 1 ) g(|", "call:1")
  t.eq(stack "repeat f() until g(|", "call:1")
end)

test.case("names that are declared are known where they are seen, and not outside", function(t)
  local function names(marked)
    local list = {}
    for name in pairs(context.locals(at(marked))) do
      list[#list + 1] = name
    end
    table.sort(list)
    return table.concat(list, " ")
  end
  t.eq(names "local a, b <const>, c = 1, 2 |", "a b c")
  t.eq(names "local function f(x, ...) for i, v in pairs(x) do |", "f i v x")
  t.eq(names "local function f(x) local y end |", "f")
  t.eq(names "if a then local y = 1 else |", "")
  t.eq(names "do local y end local z |", "z")
  t.eq(names "local x <close> = f(|", "x")
end)

test.case("options that are written before and after the cursor are known", function(t)
  local keys = at('f({ a = 1, ["b c"] = 2, |, d = { e = 1 } }, { z = 1 })').table.keys
  t.eq({ keys.a, keys["b c"], keys.d, keys.e, keys.z }, { true, true, true })
end)

test.case("a word in a comment or a string is told from one in the code", function(t)
  t.eq(at("-- uns|").token.kind, "comment")
  t.eq(at("x = 1 -- uns|").word, "")
  local here = at 'f("a b|c")'
  t.eq({ here.token.kind, here.word, here.start }, { "string", "a b", 3 })
  here = at "日本 = mou|nt"
  t.eq({ here.word, here.start }, { "mou", 9 })
end)

test.case("only the end of a very long text is read", function(t)
  local text = ("local x = { 1, 2, 3 }\n"):rep(10000) .. 'mount("a", '
  local here = context.of(text, #text)
  t.eq({ here.call.argument, here.start }, { 2, #text })
  t.ok(#here.tokens < 10000)
end)

return test.run()

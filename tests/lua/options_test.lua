--- Option tables of the stdlib: what they refuse, and what they say.
local options = require "options"
local test = require "test"

local KNOWN = {
  name = "string",
  size = { "integer", "string" },
  mode = "=read|write",
  list = "list",
  extra = "any",
}

local function refused(given)
  local _, err = try(options.check, "box", given, KNOWN)
  return err
end

test.case("an unknown key fails and names the nearest", function(t)
  local err = refused { naem = "x" }
  t.eq(err.op, "box")
  t.eq(err.message, "no option is called 'naem'; did you mean 'name'?")
  t.eq(refused({ wholly_other = 1 }).message, "no option is called 'wholly_other'")
  t.eq(refused({ "x" }).message, "no option is called '1'")
end)

test.case("a wrong type fails and says what was expected", function(t)
  t.eq(refused({ name = 1 }).message, "name: expected string, got 1")
  t.eq(refused({ size = {} }).message, "size: expected integer or string, got a table")
  t.eq(refused({ size = 1.5 }).message, "size: expected integer or string, got 1.5")
  t.eq(refused({ list = { a = 1 } }).message, "list: expected list, got a table")
  t.eq(refused("text").message, 'expected a table of options, got "text"')
end)

test.case("a word that is not one of the allowed fails and names the nearest", function(t)
  local err = refused { mode = "raed" }
  t.eq(err.message, 'mode: expected "read" or "write", got "raed"')
  t.eq(err.hint, 'did you mean "read"?')
  t.eq(refused({ mode = "rea|wri" }).hint, nil)
end)

test.case("an error has the place of the script that called", function(t)
  t.match(refused({ x = 1 }).where.file, "options_test.lua", true)
end)

test.case("what is right passes, and nothing at all is an empty table", function(t)
  local given = { name = "n", size = "1G", mode = "read", list = { 1, 2 }, extra = print }
  t.eq(options.check("box", given, KNOWN), given)
  t.eq(options.check("box", nil, KNOWN), {})
end)

return test.run()

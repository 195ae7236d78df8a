--- What lines and commands of the session answer, without a terminal.
local test = require "test"
local commands = require "repl.commands"
local prompt = require "repl.prompt"
local session = require "repl.session"

local function case(name, body)
  test.case(name, {}, body)
end

local function evaluate(text, more)
  local request = { op = "evaluate", text = text, width = 80 }
  for key, value in pairs(more or {}) do
    request[key] = value
  end
  return session.request(request)
end

case("a request that nobody knows is an error", function()
  assert(session.request({ op = "nonsense" }).error)
end)

case("a line that fails is no line of the saved script", function()
  session.request { op = "reset" }
  assert(evaluate("nope").error)
  assert(evaluate("x = = 1").error)
  assert(evaluate("x = 1").error == nil)
  assert(#session.entries() == 1)
  -- One that is ended from outside has not succeeded either.
  evaluate "y = 2"
  session.request { op = "over" }
  assert(#session.entries() == 1)
end)

case("the line that has failed is named, although it ends with a call", function()
  local answer = evaluate "error { message = 'on purpose' }"
  assert(answer.error and answer.text:find("on purpose", 1, true))
  assert(evaluate("\n\nstat()").text:find(":3", 1, true), evaluate("\n\nstat()").text)
end)

case("values are kept, and an answer of nothing prints nothing", function()
  session.request { op = "reset" }
  assert(evaluate("1, nil, 3").text == "1  nil  3")
  assert(evaluate("_").text == "1")
  assert(evaluate("nil").text == "nil")
  assert(evaluate("(function() end)()").text == nil)
  assert(evaluate("try(error, 'x') == nil;").text == nil)
  assert(evaluate("return 7 -- comment").text == "7")
  assert(evaluate("x = 1 return x + 1").text == "2")
  assert(evaluate("load('return x')()").text == "1")
end)

case("a name that a line sets is no name of a script's or a module's", function()
  evaluate "leaked = 1"
  local _, err = try(function()
    return _ENV.leaked
  end)
  assert(err and err.message:find("not declared", 1, true))
end)

case("the saved script runs, whatever was typed", function()
  local typed = {
    { text = "a = 6;", kind = "statement" },
    { text = "a * 7", kind = "expression" },
    { text = "(print or error)('bracketed')", kind = "call" },
    { text = "local b = a return b", kind = "statement" },
    { text = "c = _", kind = "statement" },
    { text = "return c", kind = "expression" },
  }
  local text = commands.script(typed)
  local printed
  local env = setmetatable({
    print = function(value)
      printed = value
    end,
  }, { __index = _ENV })
  assert(load(text:gsub("^#![^\n]*", ""), "saved", "t", env))()
  assert(printed == "bracketed")
end)

case("commands are read, and what is none names the nearest", function()
  local function run(text)
    return commands.run({ text = text }, session)
  end
  assert(run(":enter box1").action.name == "box1")
  assert(run(":kill").action.name == nil)
  assert(run(":explain on").action.request.on == true)
  assert(run(":explain perhaps").error)
  assert(run(":plan").error and run(":time").error and run(":load").error and run(":save").error)
  assert(run(":bix").text:find(":box", 1, true))
  assert(run(":").error and run("?no_such_thing_at_all").error)
  assert(run("??mount").text:find("mount", 1, true))
end)

test.case("a box is shown by what makes it differ", { "root" }, function()
  local child <close> = spawn({ unshare = { "uts", "ipc" } }, function()
    drop_caps { keep = { "net_raw" } }
    exec { "sleep", "100" }
  end)
  child:started()
  local shown = prompt.of { name = "box1", pid = child.pid, number = 4 }
  assert(shown.plain == "box1 ipc,uts caps=1 #4> ", shown.plain)
  assert(shown.text:find("~ uts %d+ → %d+"), shown.text)
  assert(prompt.of({ name = "box1", pid = child.pid, number = 5 }).text == "")
  assert(not prompt.same(child.pid))
end)

return test.run()

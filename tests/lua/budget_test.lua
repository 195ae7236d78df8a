local test = require "test"

-- A line of a script, as the error of a function that stands in it tells it.
local function chunk(text)
  return assert(load(text, "@loop.lua"))
end

test.case("what loops is ended, with the line it stood in", function(t)
  local loops = {
    "\nwhile true do end",
    "\nwhile true do pcall(error) end",
    "\nwhile true do pcall(function() while true do end end) end",
    "\nwhile true do try(function() while true do end end) end",
    "\nwhile true do xpcall(error, function() while true do end end) end",
    "\nlocal co = coroutine.wrap(function() while true do end end) co()",
    "\nwhile true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "\nlocal x <close> = setmetatable({}, { __close = function() while true do end end }) error()",
    "\ntable.sort({ 1, 2, 3 }, function() while true do end end)",
    "\nreturn load(function() while true do end end)",
  }
  for _, text in ipairs(loops) do
    local before = clock "monotonic"
    local err = t.fails(
      "the function needs more than 20ms of processor time",
      budget,
      { time = "20ms" },
      chunk(text)
    )
    t.eq(err.where, { file = "loop.lua", line = 2 }, text)
    t.ok(clock "monotonic" - before < 20, text)
  end
end)

test.case("what allocates too much is ended, and its memory is free again", function(t)
  local greedy = {
    'return ("x"):rep(20 << 20)',
    "local list = {} for i = 1, math.huge do list[i] = {} end",
    'local text = "x" while true do text = text .. text end',
    "local co = coroutine.wrap(function() return ('x'):rep(20 << 20) end) co()",
  }
  for _, text in ipairs(greedy) do
    t.fails("the function needs more than 8 MiB of memory", budget, { memory = "8M" }, chunk(text))
  end
  t.eq(#("x"):rep(32 << 20), 32 << 20)
end)

test.case("after a read of nearly 2^63 bytes was refused the limit still holds", function(t)
  local zero <close> = assert(io.open "/dev/zero")
  local greedy = {
    "return file:read(most)",
    "return file:lines(most)()",
    "return io.lines('/dev/zero', most)()",
    "return pcall(file.read, file, most), ('x'):rep(20 << 20)",
  }
  for _, text in ipairs(greedy) do
    for _, most in ipairs { math.maxinteger, math.maxinteger - 4096, 1 << 62, 1 << 31 } do
      local body = chunk("local file, most = ... " .. text)
      t.fails("the function needs more than 8 MiB of memory", budget, { memory = "8M" }, function()
        return body(zero, most)
      end)
    end
  end
  t.fails("not enough memory", zero.read, zero, math.maxinteger)
  t.fails("not enough memory", function()
    return { ("x"):rep(1 << 29), ("y"):rep(1 << 29) }
  end)
  local _, said = pcall(chunk "\nreturn 1 + #('x'):rep(1e10)")
  t.match(said, "^loop.lua:2: resulting string too large")
  t.fails("bad argument #2 to 'read' (invalid format)", zero.read, zero, 1, "x")
  t.fails("bad argument #1 to 'read' (string expected, got table)", zero.read, zero, {})
end)

test.case("a function that catches the want of memory is ended by its time", function(t)
  t.fails("20ms of processor time", budget, { time = "20ms", memory = "8M" }, function()
    while true do
      pcall(string.rep, "x", 20 << 20)
    end
  end)
end)

test.case("wrong arguments are refused before anything is called", function(t)
  local function never()
    error "called"
  end
  t.fails('unknown option "tiem"; did you mean "time"?', budget, { tiem = "1s" }, never)
  t.fails("limits", budget, never)
  t.fails("body: expected", budget, { time = "1s" })
  t.fails("limits.memory", budget, { memory = "much" }, never)
end)

test.case("an error of the function is its own, and no budget is left behind", function(t)
  local reason = { message = "no", op = "mine" }
  local err = t.fails("no", budget, { time = "1s", memory = "8M" }, function()
    error(reason)
  end)
  t.eq(err.op, "mine")
  t.eq(budget({ time = "1ms" }, function() end), nil)
  local stop = clock "monotonic" + 0.05
  local turns = 0
  while clock "monotonic" < stop do
    turns = turns + 1
  end
  t.ok(turns > 0)
end)

test.case("a budget inside of another has no more than that", function(t)
  local reached
  t.fails("more than 20ms", budget, { time = "20ms" }, function()
    pcall(budget, { time = "60s", memory = "1G" }, chunk "while true do end")
    reached = true
  end)
  t.eq(reached, nil)
  local inner = budget({ time = "60s" }, function()
    return (select(2, try(budget, { time = "10ms" }, chunk "while true do end")))
  end)
  t.match(inner.message, "more than 10ms", true)
end)

test.case(
  "the function's first value is answered, and time that others use is not its own",
  function(t)
    t.eq(
      budget({ time = "100ms", memory = "8M" }, function()
        local child <close> = spawn(function()
          exec { "sleep", "0.3" }
        end)
        return child:wait().code, 2
      end),
      0
    )
  end
)

return test.run()

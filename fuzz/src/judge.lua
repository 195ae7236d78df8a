-- What stands before every fuzzed script: the judgement of errors. What is not as promised is told, and ends
-- the script with a status of its own.
local function found(what, text)
  io.stderr:write(("%s: %s\n"):format(what, text))
  os.exit(99)
end

-- An error of a primitive or of the stdlib: a table with its fields. A defect's message is Lua's own.
local function judge(what, err)
  -- Where a budget leaves no byte there is none for an object either: the text is what ends the function.
  if err == "not enough memory" then
    error(err, 0)
  end
  local meta = type(err) == "table" and getmetatable(err)
  if type(meta) ~= "table" or meta.__name ~= "error" then
    found(what, "no error object: " .. tostring(err))
  elseif type(err.message) ~= "string" or #err.message == 0 then
    found(what, "an error without a message")
  elseif err.message:find("internal error", 1, true) then
    found(what, tostring(err))
  end
  local text = tostring(err)
  if type(text) ~= "string" then
    found(what, "an error that cannot be printed")
  end
  if err.where and (type(err.where.file) ~= "string" or type(err.where.line) ~= "number") then
    found(what, "a place without file or line: " .. text)
  elseif (err.errno ~= nil or err.code ~= nil) and not err.cause then
    if type(err.errno) ~= "string" or math.type(err.code) ~= "integer" or type(err.call) ~= "string" then
      found(what, "an error number without name, number or call: " .. text)
    end
  end
  return err
end

-- Of the stdlib: what it raises has been said by somebody who knew what was wrong.
local function judge_meant(what, err)
  judge(what, err)
  if not err.op and not err.message:find("a plan does not know", 1, true) then
    found(what, "an error that nobody meant: " .. tostring(err) .. "\n" .. tostring(err.traceback))
  end
  return err
end

-- Calls a primitive.
local function check(what, call, ...)
  local results = table.pack(pcall(call, ...))
  if results[1] then
    return table.unpack(results, 2, results.n)
  end
  judge(what, results[2])
  -- What the function of a child raises in a plan is its own: a table, or the text "x".
  local own = type(results[2].value) == "table" or tostring(results[2].value):find("^input.lua:%d+: x$")
  if not results[2].op and not own then
    found(what, "an error without op: " .. tostring(results[2]))
  end
end

-- Calls a method of what may be no handle of that kind, or no handle.
local function invoke(value, name, ...)
  local got, method = pcall(function() return value[name] end)
  -- What methods of texts raise is Lua's.
  if got and type(method) == "function" and type(value) ~= "string" then
    return check(name, method, value, ...)
  end
end

--- config.json, read and checked: the official samples, broken files, and other sources.

local config = require "oci.config"
local configs = require "test.configs"
local test = require "test"

local message = configs.message
local base = configs.base
local all_fail = configs.all_fail

local SAMPLES = "tests/fixtures/oci/config/"

--- Loads a text as the config.json of a bundle.
local function load(text)
  local dir <close> = temp_dir()
  if text then
    write_file(dir.path .. "/config.json", text)
  end
  local found, err = message(config.load, dir.path)
  local start, stop = found:find(dir.path, 1, true)
  return start and found:sub(1, start - 1) .. "DIR" .. found:sub(stop + 1) or found, err
end

test.case("every official sample is judged right", function(t)
  local count = 0
  for _, kind in ipairs { "good", "bad" } do
    for _, name in ipairs(list_dir(SAMPLES .. kind)) do
      local found = load(read_file(SAMPLES .. kind .. "/" .. name))
      t.eq(found == "none", kind == "good", name .. ": " .. found)
      count = count + 1
    end
  end
  t.eq(count, 14)
end)

test.case("a bad sample's error names the place, what is expected and what is there", function(t)
  local function bad(name)
    return (load(read_file(SAMPLES .. "bad/" .. name .. ".json")))
  end
  t.eq(bad "invalid-json", "config.json: not JSON: key must be a string at line 1 column 2")
  t.eq(
    bad "linux-rdma",
    "config.json: .linux.resources.rdma.mlx5_1.hcaHandles: "
      .. 'expected a whole number from 0 to 4294967295, got "not a uint32"'
  )
end)

test.case("a config.json that is missing, empty, cut off or no object is refused", function(t)
  local found, err = load(nil)
  t.eq(found, "open DIR/config.json: no such file or directory")
  t.match(err.hint, "crun-lua spec", true)
  local text = read_file(SAMPLES .. "good/spec-example.json")
  for _, length in ipairs { 0, 1, 100, #text // 2, #text - 3 } do
    found, err = load(text:sub(1, length))
    t.match(found, "config.json: not JSON: EOF while parsing", true)
    t.match(err.hint, "cut off", true)
  end
  t.eq(load "[]", "config.json: expected an object, got a list")
  t.eq(load "null", "config.json: expected an object, got nothing")
  t.match(load('{"ociVersion":"1.0.0"'), "EOF", true)
  t.match(load '{"ociVersion":"1.0.0","ociVersion":"1.1.0"}', "comes twice", true)
  t.fails("ENOTDIR", config.load, "/dev/null")
end)

test.case("texts of 64 KiB and more, and deep nesting, are taken or refused in a line", function(t)
  local long = ("x"):rep(70000)
  t.eq(
    message(
      config.check,
      base(function(_, _, process)
        process.args = { "echo", long }
      end)
    ),
    "none"
  )
  local found = message(
    config.check,
    base(function(spec)
      spec.hostname = long
    end)
  )
  t.ok(#found < 250, found)
  t.match(found, "(70000 bytes)", true)
  found = load('{"ociVersion":"1.0.0","root":{"path":"r"},"x":' .. ("["):rep(5000))
  t.match(found, "recursion limit exceeded", true)
  local nested = ("["):rep(100) .. ("]"):rep(100)
  t.eq(load('{"ociVersion":"1.0.0","root":{"path":"r"},"x":' .. nested .. "}"), "none")
end)

test.case("a number that would be read as another is refused", function(t)
  local function limit(number)
    return (
      load(
        (
          '{"ociVersion":"1.0.0","root":{"path":"r"},"hostname":"","annotations":{"a":'
          .. '"18446744073709551614"},"process":{"cwd":"/","rlimits":[{"type":"RLIMIT_AS","soft":1,'
          .. '"hard":%s}]},"linux":{}}'
        ):format(number)
      )
    )
  end
  t.eq(limit "18446744073709551615", "none")
  t.eq(limit "9223372036854775808", "none")
  t.match(limit "18446744073709551614", "18446744073709551614 cannot be held exactly", true)
  t.match(limit "9223372036854775809", "cannot be held exactly", true)
  t.match(limit "18446744073709551616", "cannot be held exactly", true)
  t.match(limit "18446744073709551620000", "expected a whole number", true)
  t.match(limit "-1", "expected a whole number", true)
  t.match(limit "1e3", "expected a whole number", true)
end)

test.case("a version of 1.x or before is read, and a later or wrong one is refused", function(t)
  for _, version in ipairs { "1.0.0", "1.3.0", "1.99.7-rc.1+dev", "0.5.0-dev", "1.0.2-dev" } do
    t.eq(message(config.check, { ociVersion = version, root = { path = "r" } }), "none")
  end
  for _, version in ipairs { "2.0.0", "1.0", "", "1.0.0 ", "v1.0.0", "1.0.0-" } do
    local found = message(config.check, { ociVersion = version, root = { path = "r" } })
    t.match(found, "config.json: .ociVersion: expected a version", true)
  end
end)

test.case("an annotation without a name, and one that is no text, are refused", function(t)
  all_fail(t, {
    {
      '.annotations[""]: expected a key that is not empty',
      function(spec)
        spec.annotations = { [""] = "x" }
      end,
    },
    {
      ".annotations.a: expected a string, got 5",
      function(spec)
        spec.annotations = { a = 5 }
      end,
    },
  })
end)

test.case("the process of exec and the resources of update are read from files", function(t)
  local dir <close> = temp_dir()
  local path = dir.path .. "/part.json"
  write_file(path, '{ "cwd": "/", "args": ["id"], "user": { "uid": "root" } }')
  t.match(message(config.load_process, path), path .. ": .user.uid: expected", true)
  write_file(path, '{ "cwd": "/", "args": ["id"] }')
  t.eq(config.load_process(path).args[1], "id")
  t.match(message(config.check_process, { args = { "id" } }), "process: .cwd: is missing", true)
  write_file(path, '{ "pids": { "limit": 5 } }')
  t.eq(config.load_resources(path).pids.limit, 5)
  remove(path)
  t.match(message(config.load_resources, path), "no such file or directory", true)
end)

test.case("resources are read from standard input", function(t)
  local dir <close> = temp_dir()
  write_file(dir.path .. "/in", '{"pids":{"limit":7}}')
  local streams = { stdin = dir.path .. "/in", stdout = dir.path .. "/out" }
  local child <close> = spawn(streams, function()
    print(config.load_resources("-").pids.limit)
    print(message(config.load_resources, "-"))
    io.stdout:flush()
  end)
  t.eq(child:wait().code, 0)
  t.match(read_file(streams.stdout), "^7\nstandard input: not JSON: EOF")
end)

test.case("with debug the members that are ignored are logged, and without it nothing", function(t)
  local log = require "oci.log"
  local dir <close> = temp_dir()
  local file = dir.path .. "/log"
  write_file(dir.path .. "/config.json", '{"ociVersion":"1.0.0","root":{"path":"r"},"x":1}')
  log.open { log = file, debug = true }
  local spec, text = config.load(dir.path)
  t.eq({ spec.x, text }, { 1, read_file(dir.path .. "/config.json") })
  t.eq(read_file(file), "")
  config.load(dir.path, { debug = true })
  t.match(read_file(file), "config.json: .x: unknown, and ignored", true)
end)

return test.run()

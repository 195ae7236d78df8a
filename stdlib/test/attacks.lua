--- What tests of known attacks have in common: an attack is a function that answers what it has
--- reached, or nil. This program has to stop it; where a peer of a known version falls to the same
--- function, that is a case too, or the attack would prove nothing.
---
--- ```lua
--- local attacks = require "test.attacks"
---
--- assert(attacks.CRUN[3] == "version:crun 1.8.1")
--- assert(attacks.spec({ "true" }).ociVersion == "1.0.2")
--- ```
local oci = require "test.oci"
local test = require "test"

local M = {}

--- What each case needs, with this program and with a peer.
M.NEEDS = { "root", "program:busybox" }
M.CRUN = { "root", "program:busybox", "version:crun 1.8.1" }
M.RUNC = { "root", "program:busybox", "version:runc 1.1.5" }
M.BWRAP = { "root", "version:bwrap 0.8.0" }

local NAMES = { [M.CRUN] = "crun", [M.RUNC] = "runc" }

test.need("version", oci.version)

--- A configuration that the peers take as well, whose root can be written.
---@param args string[]
---@return table
function M.spec(args)
  local spec = oci.spec(args)
  spec.ociVersion = "1.0.2"
  spec.root.readonly = false
  return spec
end

--- A bench of the program that `needs` is about, with a configuration where there are arguments.
---@param needs string[] `NEEDS`, `CRUN` or `RUNC`
---@param args? string[]
---@return table bench
---@return table? spec
function M.bench(needs, args)
  local bench = oci.bench(NAMES[needs])
  local spec = args and M.spec(args)
  if spec then
    bench:write(spec)
  end
  return bench, spec
end

--- Writes a configuration and runs the container to its end.
---@param bench table
---@param spec table
---@return table result
function M.run(bench, spec)
  spec.ociVersion = "1.0.2"
  bench:write(spec)
  return bench:call { "run", "--bundle", bench.path, "box" }
end

--- Starts the bench's container.
---@param t table
---@param bench table
function M.started(t, bench)
  local code, said = bench:detached { "run", "-d", "--bundle", bench.path, "box" }
  t.eq(code, 0, said)
end

--- An attack that this program is to stop.
---@param name string
---@param body fun(bench: table, t: table): any what it has reached
function M.stopped(name, body)
  test.case(name, M.NEEDS, function(t)
    local bench <close> = M.bench(M.NEEDS)
    t.eq(body(bench, t), nil, "reached")
  end)
end

--- The same where it is known to reach what it wants.
---@param name string
---@param needs string[] `CRUN` or `RUNC`
---@param body fun(bench: table, t: table): any
function M.falls(name, needs, body)
  test.case(name, needs, function(t)
    local bench <close> = M.bench(needs)
    t.ok(body(bench, t), "nothing was reached: the attack is none")
  end)
end

return M

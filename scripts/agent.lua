#!/usr/bin/env crun-lua
-- Shows an AI agent, or any tool that you do not trust, at work on one project and nothing else.
--
-- One table is the whole sandbox. The project can be written; the home is there without its secrets
-- (~/.ssh, ~/.aws, every .env, private keys), and read-only; git's hooks and configuration stay as
-- they are; the environment has no credentials; there is no network, or only the addresses that are
-- allowed; and if the kernel lacks a layer of it, nothing is started. It needs no rights: an
-- ordinary user gets the same in a user namespace. Try to get out:
--
--   crun-lua scripts/agent.lua ~/work/it -- sh -c 'cat ~/.ssh/id_*; echo x > .git/hooks/pre-push'

local USAGE = [[
usage: crun-lua scripts/agent.lua [OPTIONS] DIR -- COMMAND ARGUMENTS…

  --allow ADDRESS:PORT  what may be reached: "203.0.113.7/32:443"; may be repeated
  --no-home             the home is not shown at all
  --show                says what the agent may, and runs nothing
]]

local function usage_error(text)
  io.stderr:write("agent.lua: ", text, "\n\n", USAGE)
  os.exit(2)
end

local allow, home, show, project, command = {}, nil, false, nil, nil
local index = 1
while arg[index] and not command do
  local word = arg[index]
  if word == "--" then
    command = table.move(arg, index + 1, #arg, 1, {})
  elseif word == "--allow" then
    index = index + 1
    table.insert(allow, arg[index] or usage_error("--allow: its value is missing"))
  elseif word == "--no-home" then
    home = false
  elseif word == "--show" then
    show = true
  elseif word:sub(1, 1) == "-" or project then
    usage_error(word .. ": not an option")
  else
    project = word
  end
  index = index + 1
end
if not project or not show and #(command or {}) == 0 then
  usage_error("a directory, -- and a command are expected")
end

-- Without root there is no bridge: the program pasta carries the connections.
local mode = proc_status().uid.effective == 0 and "bridge" or "pasta"
local network = #allow > 0 and { mode = mode, allow = allow } or "none"
local function sandbox()
  local hardening = require "hardening"
  local profile = hardening.resolve { "agent", project = project, home = home, network = network }
  if show then
    print(table.concat(hardening.describe(profile), "\n"))
    os.exit(0)
  end
  return require("container").new {
    rootfs = "host",
    profile = profile,
    network = network,
    workdir = profile.volumes[#profile.volumes].target,
    init = true,
    tty = is_tty(0) and is_tty(1) or nil,
  }
end

local box, err = try(sandbox)
if err then
  usage_error(err.message .. (err.hint and "\n  hint: " .. err.hint or ""))
end
os.exit(box:run(command).code)

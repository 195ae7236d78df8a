--- An AI agent, or a tool of unknown intentions, at work on a project.
---
--- It may write the project and nothing else, sees the user's home without the secrets in it, has
--- no network unless it is given an allow-list, and is not started at all where a layer is missing.
--- What it writes is still the work of a stranger: scripts in the project run with your rights when
--- you start them. Of git, hooks and configuration stay as they were; trust no more of `.git`: a
--- file `commondir` in it can name another configuration, and no mount can forbid a new file.
---
--- ```lua
--- local hardening = require "hardening"
---
--- local dir <close> = temp_dir()
--- local profile = hardening.resolve { "agent", project = dir.path, home = false }
--- assert(profile.volumes[1].target == dir.path and profile.network == "none")
--- ```
local globs = require "hardening.globs"
local options = require "options"
local patterns = require "hardening.patterns"

local OP = "hardening.resolve"

-- A project is a directory that somebody works in, not one of the system's.
local NOT_A_PROJECT = "^/[^/]*$"
local SYSTEM = { bin = true, boot = true, dev = true, etc = true, lib = true, proc = true }
SYSTEM.run, SYSTEM.sbin, SYSTEM.sys, SYSTEM.usr = true, true, true, true

--- The user whom the project belongs to: as somebody else the agent could not write it. An ordinary
--- user is the only one in its namespace.
local function owner(project)
  if proc_status().uid.effective ~= 0 then
    return nil, nil
  end
  local known = stat(project)
  local user = try(user_lookup, tostring(known.uid))
  return ("%d:%d"):format(known.uid, known.gid), known.uid ~= 0 and user and user.home or nil
end

local function the_project(written)
  if not written then
    options.fail(OP, "option 'project' is missing", '{ "agent", project = "/path/of/a/project" }')
  end
  if written:sub(1, 1) ~= "/" then
    written = readlink("/proc/self/cwd") .. "/" .. written
  end
  local project = globs.real(written)
  local known = project and project ~= "" and stat(project)
  if not known or known.type ~= "directory" then
    options.fail(OP, ("project: %s: no such directory"):format(written))
  end
  local first = project:match("^/([^/]+)/") or project
  if project:find(NOT_A_PROJECT) or SYSTEM[first] then
    local hint = "the directory of one project, such as ~/work/it"
    options.fail(OP, ("project: %s is a directory of the system"):format(project), hint)
  end
  return project
end

--- The user's home, which is shown; nil where it is not wanted or there is none.
local function the_home(wanted, project, of_owner)
  if wanted == false then
    return nil
  end
  local home = type(wanted) == "string" and wanted or of_owner or os.getenv("HOME")
  home = home and globs.real(home)
  if not home or home == "" then
    return nil
  end
  if home == project or (home .. "/"):sub(1, #project + 1) == project .. "/" then
    local hint = "give a directory in the home"
    options.fail(OP, ("project: %s holds the home %s"):format(project, home), hint)
  end
  return home
end

--- A directory that git runs hooks from, inside of the project; nil where the usual one is meant.
local function hooks_path(git)
  local config = try(read_file, git .. "/config") or ""
  local hooks = config:match('[Hh]ooks[Pp]ath%s*=%s*"?([^\n"]+)')
  hooks = hooks and hooks:gsub("%s+$", ""):gsub("/+$", ""):gsub("^%./", "")
  local inside = hooks and hooks ~= "" and hooks:sub(1, 1) ~= "/"
  return inside and not (hooks .. "/"):find("%.%.?/") and hooks or nil
end

--- What git would run: its hooks, wherever they are, and the configuration, which can name any
--- program. A directory above one of them becomes a mount point: else it could be renamed, the
--- protected part along with it, and made anew.
local function guard_git(changes, project)
  local git = project .. "/.git"
  local known = try(stat, git, { nofollow = true })
  if not known then
    return
  elseif known.type ~= "directory" or readlink(git .. "/hooks") or readlink(git .. "/config") then
    -- A file that says where the repository is, or links, which no mount can hold in their place.
    changes.readonly_paths = { git }
    return
  end
  changes.pinned = { git }
  changes.present = { [git .. "/hooks"] = "directory", [git .. "/config"] = "file" }
  changes.readonly_paths = { git .. "/config", git .. "/hooks" }
  for _, name in ipairs { "config.worktree", "modules", "worktrees" } do
    table.insert(changes.readonly_paths, git .. "/" .. name)
  end
  local hooks = hooks_path(git)
  if hooks then
    local above = project
    for name in hooks:gmatch("([^/]+)/") do
      above = above .. "/" .. name
      table.insert(changes.pinned, above)
    end
    changes.present[project .. "/" .. hooks] = "directory"
    table.insert(changes.readonly_paths, project .. "/" .. hooks)
  end
end

return {
  summary = "an AI agent or an untrusted tool: a project to write, no secrets, no network",
  extends = "strict",

  parameters = { project = "string", home = { "string", "boolean" } },

  -- Each of these holds alone. A machine without one of them gets no agent, not a weaker one.
  requires = { "landlock", "namespaces" },

  -- Nothing of the caller's environment, which is where credentials are, but what a terminal needs.
  env = { keep = { "COLORTERM", "LANG", "LC_ALL", "LC_CTYPE", "NO_COLOR", "TERM", "TZ" } },

  -- Off. An agent that needs its model's API is given that address, and resolves nothing else:
  -- network = { mode = "bridge", allow = { "203.0.113.7/32:443" } }
  network = "none",

  -- A build and its tests run in here.
  tmpfs = { ["/tmp"] = { size = "1G", mode = "1777" } },
  limits = { memory = "4G", cpu = "200%", pids = 1024 },
  rlimits = { nofile = 16384 },

  secrets = patterns.secrets,
  unsearched = patterns.unsearched,

  --- What depends on the project.
  fill = function(given)
    local project = the_project(given.project)
    local user, of_owner = owner(project)
    local home = the_home(given.home, project, of_owner)
    local changes = {
      user = user or false,
      volumes = { { source = project, target = project } },
      env = { set = { HOME = home or "/tmp", XDG_CACHE_HOME = "/tmp/.cache" } },
    }
    if home then
      -- Below the project's mount, which may lie in it.
      table.insert(changes.volumes, 1, { source = home, target = home, readonly = true })
    end
    guard_git(changes, project)
    return changes
  end,
}

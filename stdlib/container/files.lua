--- Files that the network knows and the container reads: its /etc/hosts and /etc/resolv.conf.
---
--- Into a root that is the container's own they are written. Else they lie in the state directory
--- and are shown, so that no file of a user's directory or of an image changes; and those that the
--- network goes on writing, because a bridge's containers come and go, are shown read-only.
---
--- ```lua
--- local files = require "container.files"
---
--- local plan = files.plan({}, { kind = "host" }, { files = { ["/etc/hosts"] = "::1 me\n" } })
--- assert(plan["/etc/hosts"].text == "::1 me\n")
--- ```
local state = require "container.state"

local M = {}

---@class container.File one of text, path and mount
---@field text? string is written
---@field path? string a file of the host that is shown
---@field mount? any one that has no place yet
---@field readonly? boolean

--- A file of the host as the child can show it. An owner with the rights to it hands over a mount
--- that has no place yet: the root of a user namespace may not walk into the state directory, and a
--- mount that is attached in another namespace cannot be copied (open_tree(2), EINVAL). An ordinary
--- user is that root, and goes by the name.
local function shown(config, path, readonly)
  if not config.userns or proc_status().uid.effective ~= 0 then
    return { path = path, readonly = readonly }
  end
  local how = { readonly = readonly, nosuid = true, nodev = true, noexec = true }
  return { mount = open_tree(path, how) }
end

--- What the child is to do with each file, in the parent.
---@param config table see `container.spec`
---@param prepared rootfs.Prepared
---@param attachment network.Attachment
---@return table<string, container.File>
function M.plan(config, prepared, attachment)
  local live = attachment.live or {}
  local own = prepared.kind == "host" or prepared.kind == "copy"
  local made = {}
  for path, text in pairs(attachment.files) do
    if live[path] then
      made[path] = shown(config, live[path], true)
    elseif own then
      made[path] = { text = text }
    else
      local file = state.dir(config.name) .. "/" .. path:gsub("/", "_")
      write_file(file, text, { mode = "0644" })
      made[path] = shown(config, file)
    end
  end
  return made
end

--- Puts them into the root, in the child.
---@param root any
---@param made table<string, container.File>
function M.put(root, made)
  local texts = {}
  for path, file in pairs(made) do
    texts[path] = file.text
  end
  root:fill { files = texts }
  for path, file in pairs(made) do
    if file.mount then
      root:mount(file.mount, path)
    elseif not file.text then
      local how = { readonly = file.readonly, nosuid = true, nodev = true, noexec = true }
      root:bind(file.path, path, how)
    end
  end
end

--- Lets go of what the child has, in the parent.
---@param made table<string, container.File>
function M.close(made)
  for _, file in pairs(made) do
    if file.mount then
      file.mount:close()
    end
  end
end

return M

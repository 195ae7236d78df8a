--- The record of an OCI container: what its state file may say.
---
--- Who may write to the directory may have written the file, and a command that stops in the middle
--- of it would leave a container that nobody can delete: so a record is looked at here, as a whole,
--- before anything in it is believed.
---
--- ```lua
--- local records = require "oci.record"
---
--- local text = json_encode { id = "box", status = "stopped", owner = 0 }
--- assert(records.read(text, "box").status == "stopped")
--- assert(records.read(text, "other") == nil)
--- assert(records.read('{"id":"box","status":"stopped","owner":"me"}', "box") == nil)
--- ```
local M = {}

---@class oci.Record
---@field id string
---@field pid? integer the first process, by the host's number
---@field starttime? integer when that process started, in ticks since boot: tells numbers apart
---@field maker? { pid: integer, starttime: integer } who creates it; nil once it is there
---@field bundle string absolute
---@field rootfs string absolute
---@field status "creating"|"created"|"running"|"paused"|"stopped"
---@field created string RFC 3339
---@field ociVersion string
---@field annotations? table<string, string>
---@field cgroup? table the plain record of `oci.cgroup`
---@field group_path? string linux.cgroupsPath, as long as the control group is not written down
---@field owner integer the uid that made it
---@field own_pids? boolean whether its pid namespace is its own
---@field callers_keyring? boolean whether its programs stay in the caller's session keyring
---@field damaged? string why its state cannot be believed
---@field join? string[] kinds of namespaces that `exec` enters

-- A judgement of tables: texts, by keys of this type.
local function texts_by(kind)
  return function(value)
    for key, item in pairs(type(value) == "table" and value or { false }) do
      if type(item) ~= "string" or type(key) ~= kind then
        return false
      end
    end
    return true
  end
end

local texts = texts_by "number"

local PROCESS = { pid = "integer", starttime = "integer" }

-- What the fields of a record are, where they are there.
local TYPES = {
  pid = "integer",
  starttime = "integer",
  maker = PROCESS,
  bundle = "string",
  rootfs = "string",
  created = "string",
  ociVersion = "string",
  annotations = texts_by "string",
  cgroup = {
    manager = "string",
    path = "string",
    dirs = texts,
    above = texts,
    kept = texts,
    unit = "string",
    rdt = { dir = "string", made = "boolean", monitor = "string" },
  },
  group_path = "string",
  owner = "integer",
  own_pids = "boolean",
  callers_keyring = "boolean",
  join = texts,
}

-- Whether a value is of a type: the name of one, a judgement, or the types of a table's fields.
local function is_of(value, kind)
  if type(kind) == "function" then
    return kind(value)
  elseif type(kind) == "string" then
    return type(value) == kind or math.type(value) == kind
  elseif type(value) ~= "table" then
    return false
  end
  for name, expected in pairs(kind) do
    if value[name] ~= nil and not is_of(value[name], expected) then
      return false
    end
  end
  return true
end

local function is_record(record, id)
  return type(record) == "table"
    and record.id == id
    and record.damaged == nil
    and type(record.status) == "string"
    and is_of(record, TYPES)
    and (record.cgroup == nil or record.cgroup.dirs ~= nil)
end

--- What is known of a container whose record cannot be read: it can still be deleted.
---@param id string
---@param reason string
---@return oci.Record
function M.damaged(id, reason)
  return {
    id = id,
    status = "stopped",
    bundle = "",
    rootfs = "",
    created = "",
    ociVersion = "",
    owner = 0,
    damaged = reason,
  }
end

--- The record that a text says; nil where it is none of a container of this id.
---@param text string
---@param id string
---@return oci.Record?
function M.read(text, id)
  local record = try(json_decode, text)
  return is_record(record, id) and record or nil
end

return M

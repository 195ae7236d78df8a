--- Messages for the caller of the OCI runtime: lines on standard error, and in the file of `--log`.
---
--- The lines are runc's, byte by byte, because engines read them: containerd and conmon take the
--- last line of the file whose level is "error" for the reason of a failure.
---
--- | | without `--log` | with `--log` |
--- |---|---|---|
--- | error | standard error | the file, and one plain line on standard error |
--- | warning | standard error | the file |
--- | debug, with `--debug` | standard error | the file |
---
--- Nothing is written before `open`. The file is opened once, before anything else is done, so
--- that a child that stands in a container's root writes to the same file.
---
--- ```lua
--- local log = require "oci.log"
---
--- assert(log.line("text", "warning", "no room", 0)
---   == 'time="1970-01-01T00:00:00Z" level=warning msg="no room"\n')
--- assert(log.line("json", "error", "no room", 0)
---   == '{"level":"error","msg":"no room","time":"1970-01-01T00:00:00Z"}\n')
--- ```
local M = {}

-- What `open` was given; nil before it.
local opened

--- A text as logrus writes it: bare where it is one plain word.
local function quoted(text)
  if text:find("^[%w%-%._/@^+]+$") then
    return text
  end
  local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
  local plain = text:gsub('[%c"\\]', function(byte)
    return escapes[byte] or ("\\x%02x"):format(byte:byte())
  end)
  return '"' .. plain .. '"'
end

--- Text that JSON can carry: bytes that are no UTF-8 become question marks.
local function valid(text)
  local position = 1
  while not utf8.len(text) and position do
    local _, bad = utf8.len(text, position)
    text = text:sub(1, bad - 1) .. "?" .. text:sub(bad + 1)
    position = bad
  end
  return text
end

--- A line of the log, with its end.
---@param format "text"|"json"
---@param level "error"|"warning"|"debug"
---@param text string
---@param time? integer seconds since 1970; now without it
---@return string
function M.line(format, level, text, time)
  local stamp = os.date("!%Y-%m-%dT%H:%M:%SZ", time)
  if format == "json" then
    local parts = { json_encode(level), json_encode(valid(text)), json_encode(stamp) }
    return ('{"level":%s,"msg":%s,"time":%s}\n'):format(table.unpack(parts))
  end
  return ('time="%s" level=%s msg=%s\n'):format(stamp, level, quoted(text))
end

local function write(level, text)
  if not opened then
    return
  elseif opened.file then
    -- A log that is full or gone must not hide what it is about.
    try(opened.file.write, opened.file, M.line(opened.format, level, text))
  elseif opened.format == "json" then
    io.stderr:write(M.line("json", level, text))
  elseif level ~= "error" then
    io.stderr:write(("crun-lua: %s: %s\n"):format(level, text))
  end
  local plain = opened.file or opened.format == "text"
  if level == "error" and plain then
    io.stderr:write(("crun-lua: %s\n"):format(text))
  end
end

--- Says where the lines go.
---@param global { log?: string, log_format?: "text"|"json", debug?: boolean }
function M.open(global)
  local found = { format = global.log_format or "text", debug = global.debug }
  local backend, path = (global.log or ""):match("^(%l+):(.*)$")
  if backend == "journald" or backend == "syslog" then
    local options = require "options"
    options.fail("--log", ("no log is kept by %s here"):format(backend), "name a file")
  end
  path = backend == "file" and path or global.log
  if path and path ~= "" then
    found.file = open(path, { append = true, create = true, mode = "0644" })
  end
  opened = found
end

---@return boolean
function M.is_open()
  return opened ~= nil
end

---@param text string
function M.error(text)
  write("error", text)
end

---@param text string
function M.warn(text)
  write("warning", text)
end

--- Written with `--debug` only.
---@param text string
function M.debug(text)
  if opened and opened.debug then
    write("debug", text)
  end
end

return M

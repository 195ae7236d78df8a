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
--- `--log journald:ID` and `--log syslog:ID` send each line to these instead of to a file; ID tells
--- the container's lines from others.
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

-- syslog(3): the severity, and the facility of daemons in the bits above.
local SEVERITY = { error = 3, warning = 4, debug = 7 }
local DAEMON = 3 << 3

--- One field of journald's: a text with a line's end in it goes with its length
--- (https://systemd.io/JOURNAL_NATIVE_PROTOCOL).
local function field(name, text)
  if text:find("\n", 1, true) then
    return ("%s\n%s%s\n"):format(name, ("<I8"):pack(#text), text)
  end
  return ("%s=%s\n"):format(name, text)
end

local BACKENDS = {
  journald = {
    path = "/run/systemd/journal/socket",
    message = function(id, level, text)
      local name = field("SYSLOG_IDENTIFIER", "crun-lua") .. field("ID", id)
      return field("MESSAGE", text) .. field("PRIORITY", tostring(SEVERITY[level])) .. name
    end,
  },
  syslog = {
    path = "/dev/log",
    message = function(id, level, text)
      local stamp = os.date "%b %e %H:%M:%S"
      return ("<%d>%s %s: %s"):format(DAEMON | SEVERITY[level], stamp, id, text)
    end,
  },
}

local function write(level, text)
  if not opened then
    return
  elseif opened.backend then
    try(opened.socket.send, opened.socket, opened.backend.message(opened.id, level, text))
  elseif opened.file then
    -- A log that is full or gone must not hide what it is about.
    try(opened.file.write, opened.file, M.line(opened.format, level, text))
  elseif opened.format == "json" then
    io.stderr:write(M.line("json", level, text))
  elseif level ~= "error" then
    io.stderr:write(("crun-lua: %s: %s\n"):format(level, text))
  end
  local plain = opened.file or opened.backend or opened.format == "text"
  if level == "error" and plain then
    io.stderr:write(("crun-lua: %s\n"):format(text))
  end
end

--- Says where the lines go.
---@param global { log?: string, log_format?: "text"|"json", debug?: boolean }
function M.open(global)
  local found = { format = global.log_format or "text", debug = global.debug }
  local backend, path = (global.log or ""):match("^(%l+):(.*)$")
  found.backend = BACKENDS[backend]
  if found.backend then
    local socket, err = try(socket_connect, found.backend.path)
    if err then
      local message = ("%s does not listen at %s"):format(backend, found.backend.path)
      require("options").fail("--log", message, "name a file", err)
    end
    found.socket, found.id = socket, path ~= "" and path or "crun-lua"
    opened = found
    return
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

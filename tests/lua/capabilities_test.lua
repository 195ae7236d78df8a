-- Capabilities: the five sets, files, securebits, no_new_privs. Masks are the kernel's own.

local test = require "test"

local NONE = "0000000000000000"
local BIND = "0000000000000400"

-- The Cap masks and flags of this process, as /proc/self/status shows them.
local function status(t)
  local fields = {}
  for name, value in t.read("/proc/self/status"):gmatch("(%w+):%s*(%S+)") do
    fields[name] = value
  end
  return fields
end

local function masks(t)
  local s = status(t)
  return s.CapBnd, s.CapPrm, s.CapEff, s.CapInh, s.CapAmb
end

-- A program that asks the kernel for port 80, or for a raw socket: 0, or the error number.
local PORT_80 = [[
import socket, sys
try:
    socket.socket().bind(("127.0.0.1", 80))
except OSError as error:
    sys.exit(error.errno)
]]

local RAW_SOCKET = [[
import socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
except OSError as error:
    sys.exit(error.errno)
]]

local EACCES, EPERM = 13, 1

local function python(code)
  exec { "/usr/bin/env", "python3", "-c", code }
end

test.case("a misspelt capability is refused before anything has changed", function(t)
  local before = { masks(t) }
  t.fails('did you mean "sys_admin"?', drop_caps, { "sys_admn" })
  t.fails('did you mean "net_raw"?', drop_caps, { keep = { "net_rav" } })
  t.fails("no capability of this kernel", caps_set, { bounding = { "63" } })
  t.fails('did you mean "keep"?', drop_caps, { kep = {} })
  t.fails("{ keep = {} } drops all", drop_caps, {})
  t.fails('did you mean "noroot"?', securebits, { "norot" })
  t.eq({ masks(t) }, before)
end)

test.case("sets that contradict each other are refused before any call", { "root" }, function(t)
  local before = { masks(t) }
  t.fails(
    "net_raw is not in sets.permitted",
    caps_set,
    { permitted = {}, effective = { "net_raw" } }
  )
  t.fails(
    "net_raw is not in sets.inheritable",
    caps_set,
    { inheritable = {}, ambient = { "net_raw" } }
  )
  t.fails("both raised and lowered", caps_ambient, { raise = { "net_raw" }, lower = { "net_raw" } })
  t.eq({ masks(t) }, before)
end)

test.case(
  "without rights the bounding set cannot shrink, and the hint says why",
  { "user" },
  function(t)
    local err = t.fails("EPERM", drop_caps, { keep = {} })
    t.match(err.hint, "CAP_SETPCAP", true)
    t.fails("EPERM", caps_set, { permitted = { "sys_admin" } })
    t.fails("EPERM", securebits, { "noroot" })
    t.match(t.fails("EPERM", caps_ambient, { raise = { "net_raw" } }).hint, "inheritable", true)
  end
)

test.case("without rights the other sets can be emptied", { "user" }, function(t)
  caps_set { permitted = {}, effective = {}, inheritable = {}, ambient = {} }
  local _, permitted, effective = masks(t)
  t.eq({ permitted, effective }, { NONE, NONE })
end)

test.case("what has been dropped cannot be raised again", { "root" }, function(t)
  drop_caps { "net_raw" }
  t.fails("EPERM", caps_set, { permitted = caps_decode("ffff") })
  t.fails("EPERM", caps_set, { inheritable = { "net_raw" } })
end)

test.case("without setpcap the bounding set stays, and the hint names it", { "root" }, function(t)
  caps_set { permitted = { "net_bind_service" } }
  local bounding = masks(t)
  t.match(t.fails("EPERM", drop_caps, { "net_bind_service" }).hint, "CAP_SETPCAP", true)
  t.eq({ masks(t) }, { bounding, BIND, BIND, NONE, NONE })
end)

test.case("to keep one capability empties every set of the others", { "root" }, function(t)
  drop_caps { keep = { "net_bind_service" } }
  t.eq({ masks(t) }, { BIND, BIND, BIND, NONE, NONE })
end)

test.case("to drop one capability leaves the others in every set", { "root" }, function(t)
  local function without(mask)
    return ("%016x"):format(tonumber(mask, 16) & ~(1 << 21))
  end
  local bounding, permitted, effective = masks(t)
  drop_caps { "CAP_SYS_ADMIN" }
  t.eq({ masks(t) }, { without(bounding), without(permitted), without(effective), NONE, NONE })
end)

test.case(
  "a dropped capability leaves the ambient and inheritable sets as well",
  { "root" },
  function(t)
    local two = { "net_bind_service", "net_raw" }
    caps_set { inheritable = two, ambient = two }
    drop_caps { "net_raw" }
    local s = status(t)
    t.eq({ s.CapInh, s.CapAmb }, { BIND, BIND })
  end
)

test.case("to drop twice is to drop once", { "root" }, function(t)
  drop_caps { keep = {} }
  drop_caps { keep = {} }
  drop_caps { "sys_admin" }
  t.eq({ masks(t) }, { NONE, NONE, NONE, NONE, NONE })
end)

test.case("everything is dropped up to the kernel's last capability", { "root" }, function(t)
  drop_caps { keep = {} }
  t.eq(status(t).CapBnd, NONE)
  t.eq(caps_get().bounding, {})
end)

test.case(
  "a program started after a drop does not get it back",
  { "root", "program:busybox" },
  function(t)
    local child <close> = spawn({ unshare = { "mnt" } }, function()
      drop_caps { keep = {} }
      exec { "busybox", "mount", "-t", "tmpfs", "none", "/mnt" }
    end)
    t.ne(child:wait().code, 0)
  end
)

test.case("port 80 is refused without net_bind_service", { "root", "program:python3" }, function(t)
  local child <close> = spawn({ unshare = { "net" } }, function()
    drop_caps { "net_bind_service" }
    python(PORT_80)
  end)
  t.eq(child:wait().code, EACCES)
end)

test.case(
  "port 80 is granted with net_bind_service alone",
  { "root", "program:python3" },
  function(t)
    local child <close> = spawn({ unshare = { "net" } }, function()
      drop_caps { keep = { "net_bind_service" } }
      python(PORT_80)
    end)
    t.eq(child:wait().code, 0)
  end
)

test.case("a raw socket is refused without net_raw", { "root", "program:python3" }, function(t)
  local child <close> = spawn({ unshare = { "net" } }, function()
    drop_caps { "net_raw" }
    python(RAW_SOCKET)
  end)
  t.eq(child:wait().code, EPERM)
end)

test.case("a set that is left out stays as it is", { "root" }, function(t)
  local bounding, permitted = masks(t)
  caps_set { effective = { "net_bind_service" } }
  t.eq({ masks(t) }, { bounding, permitted, BIND, NONE, NONE })
end)

test.case("permitted that shrinks takes effective along", { "root" }, function(t)
  caps_set { permitted = { "net_bind_service" } }
  local _, permitted, effective = masks(t)
  t.eq({ permitted, effective }, { BIND, BIND })
end)

test.case("all five sets are set in one call, and ambient survives exec", { "root" }, function(t)
  local one = { "net_bind_service" }
  local child <close> = spawn(function()
    local sets =
      { bounding = one, permitted = one, effective = one, inheritable = one, ambient = one }
    caps_set(sets)
    t.eq({ masks(t) }, { BIND, BIND, BIND, BIND, BIND })
    securebits_get()
    exec { "/bin/sh", "-c", "grep -q 'CapAmb:.*" .. BIND .. "' /proc/self/status" }
  end)
  t.eq(child:wait().code, 0)
end)

test.case("the ambient set is cleared, lowered and raised in this order", { "root" }, function(t)
  local three = { "chown", "net_bind_service", "net_raw" }
  caps_set { inheritable = three, ambient = three }
  caps_ambient { lower = { "chown" } }
  t.eq(caps_get().ambient, { "net_bind_service", "net_raw" })
  caps_ambient { clear = true, raise = { "net_bind_service" } }
  t.eq(status(t).CapAmb, BIND)
end)

test.case(
  "a locked securebit forbids its change, and the hint names the lock",
  { "root" },
  function(t)
    securebits { "no_cap_ambient_raise", "no_cap_ambient_raise_locked" }
    t.eq(securebits_get(), { "no_cap_ambient_raise", "no_cap_ambient_raise_locked" })
    t.match(t.fails("EPERM", securebits, {}).hint, "_locked", true)
    caps_set { inheritable = { "net_raw" } }
    t.fails("EPERM", caps_ambient, { raise = { "net_raw" } })
  end
)

test.case("with noroot a program of uid 0 has no capabilities", { "root" }, function(t)
  local child <close> = spawn(function()
    securebits { "noroot", "noroot_locked" }
    exec { "/bin/sh", "-c", "grep -q 'CapEff:.*" .. NONE .. "' /proc/self/status" }
  end)
  t.eq(child:wait().code, 0)
end)

test.case("keep_caps is a securebit that the kernel shows", function(t)
  keep_caps()
  t.eq(securebits_get(), { "keep_caps" })
  keep_caps(false)
  t.eq(securebits_get(), {})
end)

test.case("no_new_privs is set for good and inherited", function(t)
  t.eq(status(t).NoNewPrivs, "0")
  no_new_privs()
  t.eq(status(t).NoNewPrivs, "1")
  t.inside({}, function()
    t.eq(status(t).NoNewPrivs, "1")
  end)
end)

test.case("the sets of another process are its own", { "root" }, function(t)
  local child <close> = spawn(function()
    drop_caps { keep = { "net_bind_service" } }
    exec { "sleep", "60" }
  end)
  child:started()
  local theirs = caps_get(child.pid)
  t.eq(theirs.effective, { "net_bind_service" })
  t.eq(theirs.masks.effective, BIND)
  t.ne(caps_get().masks.effective, BIND)
end)

test.case("the sets of no process are ESRCH", function(t)
  t.fails("ESRCH", caps_get, 2147483647)
end)

test.case("masks are decoded and encoded as capsh does", function(t)
  t.fails("hexadecimal", caps_decode, "xyz")
  t.fails("hexadecimal", caps_decode, "+1")
  t.fails("hexadecimal", caps_decode, "10000000000000000")
  t.eq(caps_decode("0x400"), { "net_bind_service" })
  t.eq(caps_decode("8000000000000001"), { "chown", "63" })
  t.eq(#caps_decode("0000003fffffffff"), 38)
  t.eq(caps_encode { "cap_net_bind_service" }, BIND)
  t.eq(caps_encode {}, NONE)
end)

local function temporary()
  local path = (os.getenv("TMPDIR") or "/tmp") .. "/file-caps"
  io.open(path, "w"):close()
  return path
end

test.case("a file's capabilities are not given by who has no right to", { "user" }, function(t)
  local path = temporary()
  t.match(t.fails("EPERM", file_caps_set, path, "cap_net_raw=ep").hint, "CAP_SETFCAP", true)
  t.eq(file_caps_get(path), nil)
  os.remove(path)
end)

test.case("a file's capabilities that cannot be are refused", function(t)
  t.fails("no capability of this kernel", file_caps_set, "/bin/sh", "cap_net_rav=ep")
  t.fails("flags are e, i and p", file_caps_set, "/bin/sh", "cap_net_raw=x")
  t.fails("one effective bit", file_caps_set, "/bin/sh", "cap_net_raw=ep cap_chown=p")
  t.fails("nothing that could be effective", file_caps_set, "/bin/sh", { effective = true })
  t.fails("ENOENT", file_caps_get, "/no/such/file")
end)

test.case("a file's capabilities are read back, and gone after removal", { "root" }, function(t)
  local path = temporary()
  file_caps_set(path, "cap_net_bind_service,cap_net_raw=+ep")
  t.eq(file_caps_get(path), {
    permitted = { "net_bind_service", "net_raw" },
    inheritable = {},
    effective = true,
    text = "cap_net_bind_service,cap_net_raw=ep",
  })
  file_caps_set(path, { permitted = { "chown" }, inheritable = { "chown" }, rootid = 100000 })
  t.eq(file_caps_get(path), {
    permitted = { "chown" },
    inheritable = { "chown" },
    effective = false,
    rootid = 100000,
    text = "cap_chown=ip",
  })
  file_caps_remove(path)
  t.eq(file_caps_get(path), nil)
  t.match(t.fails("ENODATA", file_caps_remove, path).hint, "no capabilities", true)
  os.remove(path)
end)

test.case("getcap reads what file_caps_set writes", { "root", "program:getcap" }, function(t)
  local path = temporary()
  file_caps_set(path, "cap_net_raw=ei")
  local child <close> = spawn(function()
    exec { "/bin/sh", "-c", 'getcap "$1" | grep -q cap_net_raw=ei', "sh", path }
  end)
  t.eq(child:wait().code, 0)
  os.remove(path)
end)

return test.run()

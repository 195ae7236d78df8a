-- Names and parameters: sethostname, setdomainname, sysctl.

local test = require "test"

test.case("the host's name is refused, and the missing unshare is named", { "root" }, function(t)
  local before = sysctl_get("kernel.hostname")
  local err = t.fails("would change the host", sethostname, "nobody")
  t.match(err.hint, 'unshare { "uts" }', true)
  t.eq(sysctl_get("kernel.hostname"), before)
end)

test.case("a name of 65 bytes is the kernel's EINVAL", { "root" }, function(t)
  t.inside({ "uts" }, function()
    t.match(t.fails("EINVAL", sethostname, ("x"):rep(65)).hint, "64 bytes")
  end)
end)

test.case("a parameter's name cannot leave /proc/sys", function(t)
  t.fails("is not a parameter's name", sysctl_get, "net/../../etc/passwd")
  t.fails("is not a parameter's name", sysctl_get, "net..ipv4")
  t.fails("is not a parameter's name", sysctl, "/etc/passwd", 1)
end)

test.case("a parameter of no namespace is refused even inside all of them", { "root" }, function(t)
  t.inside({ "net", "ipc", "uts", "mnt", "pid" }, function()
    t.fails("would change the host", sysctl, "vm.swappiness", 60)
  end)
end)

test.case("a name set in a new uts namespace stays there", { "root" }, function(t)
  local before = sysctl_get("kernel.hostname")
  t.inside({ "uts" }, function()
    sethostname("inside")
    setdomainname("lab")
    t.eq(sysctl_get("kernel.hostname"), "inside")
    t.eq(sysctl_get("kernel.domainname"), "lab")
  end)
  t.eq(sysctl_get("kernel.hostname"), before)
end)

test.case("a parameter of a new net namespace is read back", { "root" }, function(t)
  t.inside({ "net" }, function()
    sysctl("net.ipv4.ip_forward", 1)
    t.eq(sysctl_get("net.ipv4.ip_forward"), "1")
  end)
end)

return test.run()

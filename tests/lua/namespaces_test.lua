-- Namespaces: unshare, setns, handles and pins, id maps, time offsets.

local test = require "test"

test.case("a misspelt kind is refused before anything is unshared", function(t)
  t.fails('did you mean "uts"', unshare, { "net", "utz" })
end)

test.case(
  "namespaces without the rights are EPERM, and the hint says what is missing",
  { "user" },
  function(t)
    t.match(t.fails("EPERM", unshare, { "net" }).hint, '"user"', true)
  end
)

test.case(
  "an unprivileged caller becomes root in its own user namespace",
  { "user", "userns" },
  function(t)
    unshare { "user", "uts" }
    sethostname("box")
    t.eq(sysctl_get("kernel.hostname"), "box")
    t.match(t.read("/proc/self/uid_map"), "^%s*0%s+65534%s+1\n$")
    t.match(t.read("/proc/self/gid_map"), "^%s*0%s+65534%s+1\n$")
    t.eq(t.read("/proc/self/setgroups"), "deny\n")
  end
)

test.case(
  "mounts of a new mount namespace are private unless asked otherwise",
  { "root" },
  function(t)
    local function root_is_shared()
      for line in io.lines("/proc/self/mountinfo") do
        if line:match("^%d+ %d+ %S+ %S+ (%S+)") == "/" then
          return line:find(" shared:", 1, true) ~= nil
        end
      end
    end
    t.inside({ "mnt" }, function()
      unshare({ "mnt" }, { propagation = "shared" })
      t.ok(root_is_shared())
      unshare({ "mnt" }, { propagation = "unchanged" })
      t.ok(root_is_shared())
      unshare { "mnt" }
      t.ok(not root_is_shared())
    end)
  end
)

return test.run()

-- How the mounts of an OCI container hang together with those of the host.

local mounting = require "test.mounts"
local rootfs = require "oci.rootfs"
local test = require "test"

local within = mounting.within
local flags_at = mounting.flags_at
local on_host = mounting.on_host

test.case("propagation is what each word says, also below", { "root" }, function(t)
  on_host(t, function(host)
    mount(nil, host, { shared = true, recursive = true })
    local function bind(...)
      return {
        destination = "/" .. (select("#", ...) > 0 and ... or "none"),
        source = host,
        options = { "rbind", ... },
      }
    end
    within(t, {
      bind("private"),
      bind("rprivate"),
      bind("slave"),
      bind("rslave"),
      bind("shared"),
      bind("rshared"),
      bind("unbindable"),
      bind("runbindable"),
      { destination = "/both", source = host, options = { "rbind", "rslave", "shared" } },
      { destination = "/tmp", type = "tmpfs", options = { "shared" } },
    }, function()
      local function tags(path)
        local _, rest = flags_at(path)
        return rest:match("^(.-) %- "):gsub("%d+", "N"):gsub("propagate_from:N", ""):gsub(" ", "")
      end
      local found = {}
      for _, name in ipairs {
        "private",
        "rprivate",
        "slave",
        "rslave",
        "shared",
        "rshared",
        "unbindable",
        "runbindable",
        "both",
      } do
        found[name] = (tags("/" .. name)) .. " " .. (tags("/" .. name .. "/below"))
      end
      t.eq(found, {
        private = " master:N",
        rprivate = " ",
        slave = "master:N master:N",
        rslave = "master:N master:N",
        shared = "shared:Nmaster:N master:N",
        rshared = "shared:Nmaster:N shared:Nmaster:N",
        unbindable = "unbindable master:N",
        runbindable = "unbindable unbindable",
        both = "shared:Nmaster:N master:N",
      })
      t.eq((tags("/tmp")), "shared:N")
    end)
  end)
end)

test.case(
  "a shared volume carries mounts to the host if the root is shared",
  { "root" },
  function(t)
    on_host(t, function(host)
      mount(nil, host, { shared = true, recursive = true })
      mkdir(host .. "/a")
      mkdir(host .. "/b")
      within(t, {
        { destination = "/shared", source = host, options = { "rbind", "rshared" } },
        { destination = "/private", source = host, options = { "rbind", "rprivate" } },
      }, function()
        mount("tmpfs", "/shared/a", { type = "tmpfs" })
        mount("tmpfs", "/private/b", { type = "tmpfs" })
      end, { linux = { rootfsPropagation = "rshared" } })
      t.ok(flags_at(host .. "/a"), "a mount on the host")
      t.eq(flags_at(host .. "/b"), nil)
      within(
        t,
        { { destination = "/x", source = host, options = { "rbind", "rshared" } } },
        function()
          mount("tmpfs", "/x/b", { type = "tmpfs" })
        end
      )
      t.eq(flags_at(host .. "/b"), nil)
    end)
  end
)

return test.run()

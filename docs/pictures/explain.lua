-- A box in five lines: what `crun-lua --explain` tells of it is a picture in the README.
local box <close> = spawn({ unshare = { "pid", "uts" } }, function()
  sethostname("box")
  drop_caps { keep = { "net_bind_service" } }
  exec { "uname", "-n" }
end)
box:wait()

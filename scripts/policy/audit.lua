-- Writes a line of JSON for every container that is made, and for every program that is started in
-- one. Named so that it comes last, it sees what the other policies have made of it. Where the line
-- cannot be written, nothing is started.
local LOG = "/var/log/crun-lua-audit.log"

return {
  needs = { "write_file", "json_encode" },
  validate = function(spec, ctx)
    local entry = {
      time = os.date "!%Y-%m-%dT%H:%M:%SZ",
      operation = ctx.operation,
      id = ctx.id,
      bundle = ctx.bundle,
      args = spec.process and spec.process.args,
      user = spec.process and spec.process.user,
      annotations = ctx.annotations,
    }
    write_file(LOG, json_encode(entry) .. "\n", { append = true, mode = "0600" })
  end,
}

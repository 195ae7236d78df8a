//! Files by path: what scripts do outside of a rootfs.

use mlua::Value;

use super::args::Args;
use super::error::Outcome;
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, may, need};
use crate::kernel::files::Call;

const MKDIR: &[Param] = &[may("mode", Type::Mode, "permission bits before the umask; \"0755\"")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "mkdir",
    summary: "Makes a directory.",
    params: &[need("path", Type::Path, "the new directory"), may("options", Type::Options(MKDIR), "")],
    returns: "nothing",
    syscalls: &["mkdir(2)"],
    shell: "= mkdir -m MODE PATH",
    needs: "",
    scope: Scope::Object,
    reversible: true,
    examples: &[example("local path = \"/tmp/crun-lua-example-mkdir\"\nmkdir(path, { mode = \"0700\" })\nos.remove(path)")],
    see: &["mkdir(2)"],
    function: mkdir,
}];

fn mkdir(args: &Args) -> Outcome {
    let options = args.options("options")?;
    args.host.run(Call::Mkdir { path: args.required_path("path"), mode: options.mode("mode").unwrap_or(0o755) })?;
    Ok(Value::Nil)
}

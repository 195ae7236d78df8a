//! Members of an archive that stays packed: an image in one tar file, its manifest, its layers.

use mlua::Value;

use super::{ARCHIVE, source};
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::stop_if_signalled;
use crate::lua::table::{Primitive, Scope, example};
use crate::lua::types::{Param, Type, may, need};
use crate::sys::Errno;
use crate::sys::archives::{Refusal, Source, members};

const LIST: &[Param] = &[may("limit", Type::Integer(1, i64::MAX), "an archive with more members is refused; 100000")];
const READ: &[Param] = &[may("limit", Type::Size, "a longer member is refused; \"16M\"")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "tar_list",
        summary: "Lists the members of a tar, tar.gz or tar.zst without unpacking it; a name that comes twice is refused.",
        params: &[
            need("archive", ARCHIVE, "a file of the host, or the number of an open descriptor"),
            may("options", Type::Options(LIST), ""),
        ],
        returns: "list of { name, type, size, link } in order; names without dots and doubled slashes, \"\" for the root",
        syscalls: &["open(2)", "read(2)", "lseek(2)"],
        shell: "≈ tar -tvf ARCHIVE",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-list.tar\"\nlocal file = io.open(path, \"w\")\nfile:write((\"\\0\"):rep(1024))\nfile:close()\nprint(tar_list(path)[1])\nos.remove(path)",
        )],
        see: &["tar_read", "rootfs:unpack", "tar(5)"],
        function: list,
    },
    Primitive {
        name: "tar_read",
        summary: "Reads a file that is a member of a tar, tar.gz or tar.zst.",
        params: &[
            need("archive", ARCHIVE, "a file of the host, or the number of an open descriptor"),
            need("member", Type::Path, "its name, without dots and doubled slashes"),
            may("options", Type::Options(READ), ""),
        ],
        returns: "string, or nil where there is no such member",
        syscalls: &["open(2)", "read(2)", "lseek(2)"],
        shell: "= tar -xOf ARCHIVE MEMBER",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-read.tar\"\nlocal file = io.open(path, \"w\")\nfile:write((\"\\0\"):rep(1024))\nfile:close()\nassert(tar_read(path, \"manifest.json\") == nil)\nos.remove(path)",
        )],
        see: &["tar_list", "rootfs:unpack", "tar(5)"],
        function: read,
    },
];

/// A read that failed: the reason is the hint, as it is where an archive is unpacked.
fn refused(args: &Args, name: &str, source: &Source, refusal: &Refusal) -> Raise {
    if refusal.errno == Errno::EINTR && stop_if_signalled(args.host) {
        return Raise::Lua(mlua::Error::runtime("interrupted"));
    }
    Raise::read(format!("{name}({source})"), refusal.errno).hint(refusal.to_string())
}

fn list(args: &Args) -> Outcome {
    let source = source(args, "archive")?;
    let most = args.options("options")?.integer("limit")?.unwrap_or(100_000);
    let found = members::list(&source, most).map_err(|refusal| refused(args, "tar_list", &source, &refusal))?;
    let list = args.lua.create_table_with_capacity(found.len(), 0)?;
    for member in found {
        let row = args.lua.create_table()?;
        row.raw_set("name", args.lua.create_string(&member.name)?)?;
        row.raw_set("type", member.kind)?;
        row.raw_set("size", member.size)?;
        if let Some(link) = member.link {
            row.raw_set("link", args.lua.create_string(&link)?)?;
        }
        list.raw_push(row)?;
    }
    Ok(Value::Table(list))
}

fn read(args: &Args) -> Outcome {
    let source = source(args, "archive")?;
    let limit = args.options("options")?.size("limit").unwrap_or(16 << 20);
    let name = args.bytes("member").unwrap_or_default();
    match members::read(&source, &name, limit).map_err(|refusal| refused(args, "tar_read", &source, &refusal))? {
        Some(content) => Ok(Value::String(args.lua.create_string(content)?)),
        None => Ok(Value::Nil),
    }
}

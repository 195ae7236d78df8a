//! SHA-256 of texts and files, as sha256sum(1) prints it.

use mlua::Value;

use super::archives::{ARCHIVE, source};
use super::args::Args;
use super::error::{Outcome, Raise};
use super::stop_if_signalled;
use super::table::{Primitive, Scope, example};
use super::types::{Type, need};
use crate::sys::{Errno, digests};

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "sha256",
        summary: "Computes the SHA-256 digest of a text.",
        params: &[need("text", Type::Bytes, "any bytes")],
        returns: "64 hexadecimal digits",
        syscalls: &[],
        shell: "= printf %s TEXT | sha256sum",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(sha256(\"abc\"):sub(1, 8) == \"ba7816bf\")")],
        see: &["sha256_file", "sha256sum(1)"],
        function: |args| {
            let digest = digests::of(&args.bytes("text").unwrap_or_default());
            Ok(Value::String(args.lua.create_string(digest.hex())?))
        },
    },
    Primitive {
        name: "sha256_file",
        summary: "Computes the SHA-256 digest of a file, a piece at a time.",
        params: &[need("file", ARCHIVE, "a file of the host, or the number of an open descriptor, which is read to its end")],
        returns: "64 hexadecimal digits",
        syscalls: &["open(2)", "read(2)"],
        shell: "= sha256sum FILE",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(sha256_file(\"/dev/null\") == sha256(\"\"))")],
        see: &["sha256", "sha256sum(1)"],
        function: of_file,
    },
];

fn of_file(args: &Args) -> Outcome {
    let source = source(args, "file")?;
    match digests::of_file(&source) {
        Ok(digest) => Ok(Value::String(args.lua.create_string(digest.hex())?)),
        Err(Errno::EINTR) if stop_if_signalled(args.host) => Err(Raise::Lua(mlua::Error::runtime("interrupted"))),
        Err(errno) => Err(Raise::read(format!("read({source})"), errno)),
    }
}

//! Archives unpacked into a rootfs handle, with nothing trusted that they say.

use mlua::{Table, Value};

use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::rootfs::Rootfs;
use super::stop_if_signalled;
use super::table::{Primitive, Scope, example};
use super::types::{Param, Type, U32, UINT, may, need};
use crate::kernel::archives::{Call, Report};
use crate::sys::Errno;
use crate::sys::archives::{Expected, Limits, Options, Owner, Rights, Source};
use crate::sys::digests::Digest;
use crate::sys::namespaces::ids::{self, Range};

pub mod members;

/// A file, by its path or as a descriptor's number.
pub const ARCHIVE: Type = Type::Either(&[Type::Path, Type::Integer(0, i32::MAX as i64)]);

const RIGHTS: Type = Type::Word(&["refuse", "strip", "keep"]);

const RANGE: &[Param] = &[
    need("inside", U32, "the first id in the archive"),
    need("outside", U32, "the first id that files get"),
    need("count", U32, "how many"),
];

const RANGES: Type = Type::List(&Type::Options(RANGE));

const OWNER_MAP: &[Param] = &[need("uid", RANGES, "of users"), need("gid", RANGES, "of groups")];

const OWNER: Type = Type::Either(&[Type::Word(&["keep", "own"]), Type::Options(OWNER_MAP)]);

const LIMITS: &[Param] = &[
    may("size", Type::Size, "bytes that it unpacks to, with holes; \"4G\""),
    may("entries", Type::Integer(1, i64::MAX), "files, directories and links; 1000000"),
    may("path", Type::Integer(1, 4095), "bytes of a name; 4095"),
    may("ratio", Type::Integer(1, i64::MAX), "unpacked bytes for a compressed one, judged from 16M on; 200"),
];

const UNPACK: &[Param] = &[
    may("whiteouts", Type::Boolean, "`.wh.NAME` removes NAME and `.wh..wh..opq` what lower layers left in its directory, as in OCI layers"),
    may(
        "owner",
        OWNER,
        "\"keep\": the ids in the archive; \"own\": the caller's; or what they are, as in `id_map`. \"keep\" for root, else \"own\"",
    ),
    may("strip", UINT, "how many leading parts of names are left out"),
    may("devices", Type::Boolean, "makes device nodes instead of refusing them"),
    may("setuid", RIGHTS, "files with a set-user-ID or set-group-ID bit; \"refuse\""),
    may("file_caps", RIGHTS, "files with capabilities (security.capability); \"refuse\""),
    may("xattrs", Type::Boolean, "restores attributes `user.*`; others never are"),
    may("limits", Type::Options(LIMITS), "what it may cost"),
    may("member", Type::Path, "the archive is this member of the file, which is itself a tar file"),
    may("digest", Type::Text, "\"sha256:…\" of the archive's bytes; others are refused and nothing stays"),
    may("diff_id", Type::Text, "\"sha256:…\" of what it decompresses to"),
    may("size", UINT, "how many bytes the archive has"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "rootfs:unpack",
    summary: "Unpacks a tar, tar.gz or tar.zst; what could leave the root or give rights is refused by name, and nothing of it stays.",
    params: &[
        need("archive", ARCHIVE, "a file of the host, or the number of an open descriptor"),
        may("options", Type::Options(UNPACK), ""),
    ],
    returns: "{ entries, bytes, whiteouts, dropped_xattrs }",
    syscalls: &["openat2(2)", "openat(2)", "mkdirat(2)", "symlinkat(2)", "linkat(2)", "fchown(2)", "fchmod(2)", "utimensat(2)"],
    shell: "≈ tar -xp --numeric-owner -C ROOT, which repairs names instead of refusing them",
    needs: "CAP_CHOWN for owner = \"keep\", CAP_MKNOD for devices",
    scope: Scope::Object,
    reversible: false,
    examples: &[example(
        "local path = \"/tmp/crun-lua-example-unpack.tar\"\nlocal file = io.open(path, \"w\")\nfile:write((\"\\0\"):rep(1024))\nfile:close()\nlocal root <close> = rootfs_open(\"/tmp\")\nroot:unpack(path, { setuid = \"strip\", limits = { size = \"64M\" } })\nos.remove(path)",
    )],
    see: &["rootfs_open", "rootfs_new", "tar(5)", "openat2(2)"],
    function: unpack,
}];

fn unpack(args: &Args) -> Outcome {
    let root = args.this::<Rootfs>()?.root()?;
    let source = source(args, "archive")?;
    let report = Report::default();
    let call = Call::Unpack { root, source, options: options(&args.options("options")?)?, report: report.clone() };
    match args.host.run(call) {
        Ok(_) => Ok(Value::Table(summary(args, &report)?)),
        Err(failure) if failure.errno() == Some(Errno::EINTR) && stop_if_signalled(args.host) => {
            Err(Raise::Lua(mlua::Error::runtime("interrupted")))
        }
        Err(failure) => Err(failure),
    }
}

/// The file that an argument of the type [`ARCHIVE`] means.
pub fn source(args: &Args, name: &str) -> Outcome<Source> {
    Ok(match args.value(name) {
        Value::String(_) => Source::Path(args.required_path(name)),
        _ => Source::Number(args.integer(name)?.unwrap_or_default()),
    })
}

fn digest(fields: &Fields, name: &str) -> Outcome<Option<Digest>> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    let wrong = || Raise::argument(format!("options.{name}: expected \"sha256:\" and 64 digits 0-9 a-f, got {text:?}"));
    Digest::parse(&text).map(Some).ok_or_else(wrong)
}

fn options(fields: &Fields) -> Outcome<Options> {
    let limits = fields.options("limits")?;
    let standard = Limits::default();
    let rights = |name| match fields.text(name).as_deref() {
        Some("strip") => Rights::Strip,
        Some("keep") => Rights::Keep,
        _ => Rights::Refuse,
    };
    Ok(Options {
        whiteouts: fields.flag("whiteouts"),
        devices: fields.flag("devices"),
        setuid: rights("setuid"),
        file_caps: rights("file_caps"),
        xattrs: fields.flag("xattrs"),
        owner: owner(fields.value("owner"))?,
        strip: fields.integer("strip")?.unwrap_or(0),
        limits: Limits {
            size: limits.size("size").unwrap_or(standard.size),
            entries: limits.integer("entries")?.unwrap_or(standard.entries),
            path: limits.integer("path")?.unwrap_or(standard.path),
            ratio: limits.integer("ratio")?.unwrap_or(standard.ratio),
        },
        member: fields.bytes("member"),
        expected: Expected { digest: digest(fields, "digest")?, diff_id: digest(fields, "diff_id")?, size: fields.integer("size")? },
    })
}

fn owner(value: &Value) -> Outcome<Owner> {
    match value {
        Value::String(word) if *word == "own" => Ok(Owner::Own),
        Value::String(_) => Ok(Owner::Keep),
        Value::Table(table) => {
            let fields = Fields::from_table(table, OWNER_MAP)?;
            Ok(Owner::Map { uid: ranges(&fields, "uid")?, gid: ranges(&fields, "gid")? })
        }
        _ => Ok(Owner::Auto),
    }
}

fn ranges(fields: &Fields, name: &str) -> Outcome<Vec<Range>> {
    let mut ranges = Vec::new();
    for value in fields.values(name) {
        let Some(table) = value.as_table() else { continue };
        let fields = Fields::from_table(table, RANGE)?;
        let number = |name| fields.integer(name).map(Option::unwrap_or_default);
        ranges.push(Range { inside: number("inside")?, outside: number("outside")?, count: number("count")? });
    }
    ids::judge(&ranges).map_err(|reason| Raise::argument(format!("options.owner.{name}: {reason}")))?;
    Ok(ranges)
}

fn summary(args: &Args, report: &Report) -> mlua::Result<Table> {
    let table = args.lua.create_table()?;
    let found = report.summary();
    for name in ["entries", "bytes", "whiteouts", "dropped_xattrs"] {
        let number = found.as_ref().map(|found| match name {
            "entries" => found.entries,
            "bytes" => found.bytes,
            "whiteouts" => found.whiteouts,
            _ => found.dropped_xattrs,
        });
        match number {
            Some(number) => table.raw_set(name, number)?,
            None => table.raw_set(name, super::unknown(args.lua)?)?,
        }
    }
    Ok(table)
}

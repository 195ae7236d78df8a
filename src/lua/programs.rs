//! Programs of the host: their ELF interpreter and libraries, found without running them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use mlua::{Table, Value};

use super::args::Args;
use super::error::{Outcome, Raise};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{Param, Type, may, need};
use crate::sys::programs::{self, Item, What};

/// Where a program is searched when the environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const OPTIONS: &[Param] = &[
    may("root", Type::Path, "the directory that stands for / ; links in it stay in it; \"/\""),
    may("path", Type::Text, "directories with colons, where names without a slash are searched; the environment's PATH"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "program_files",
    summary: "Lists the files and links that a new root needs for programs to start; runs nothing, unlike ldd.",
    params: &[
        need("programs", Type::List(&Type::Path), "absolute paths, or names that are searched in PATH"),
        may("options", Type::Options(OPTIONS), ""),
    ],
    returns: "list of { path, source = host file, needed_by } and of { path, target = link text, needed_by }, sorted by path",
    syscalls: &["open(2)", "read(2)", "readlink(2)"],
    shell: "≈ ldd PROGRAM, which runs the program's own loader",
    needs: "",
    scope: Scope::Reads,
    reversible: true,
    examples: &[
        example(
            "for _, file in ipairs(program_files { \"/bin/sh\" }) do\n  assert(file.path:find(\"^/\") and (file.source or file.target))\nend",
        ),
        example_with(
            &["program:busybox"],
            "local files = program_files({ \"busybox\" }, { path = \"/bin:/usr/bin\" })\nassert(files[#files].path:find(\"busybox\"))",
        ),
    ],
    see: &["ld.so(8)", "elf(5)", "rootfs_open"],
    function: program_files,
}];

fn program_files(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let names = args.values("programs");
    let programs: Vec<PathBuf> = names.iter().filter_map(Value::as_string).map(|name| OsStr::from_bytes(&name.as_bytes()).into()).collect();
    if programs.is_empty() {
        return Err(Raise::argument("programs: the list is empty"));
    }
    let root = options.path("root").unwrap_or_else(|| PathBuf::from("/"));
    let given = options.bytes("path").map(OsString::from_vec);
    let path = given.or_else(|| std::env::var_os("PATH")).unwrap_or_else(|| PATH.into());
    let items = programs::files(&programs, &root, &path).map_err(|problem| {
        Raise::state(problem.0).hint("files are only read, as ld.so(8) would look for them; LD_LIBRARY_PATH does not count")
    })?;
    let list = args.lua.create_table_with_capacity(items.len(), 0)?;
    for item in items {
        list.raw_push(row(args, &item)?)?;
    }
    Ok(Value::Table(list))
}

fn row(args: &Args, item: &Item) -> mlua::Result<Table> {
    let text = |path: &Path| args.lua.create_string(path.as_os_str().as_bytes());
    let row = args.lua.create_table()?;
    row.raw_set("path", text(&item.path)?)?;
    row.raw_set("needed_by", text(&item.needed_by)?)?;
    match &item.what {
        What::File(source) => row.raw_set("source", text(source)?)?,
        What::Link(target) => row.raw_set("target", text(target)?)?,
    }
    Ok(row)
}

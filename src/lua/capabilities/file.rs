//! The capabilities of files: `file_caps_get`, `file_caps_set`, `file_caps_remove`.

use mlua::Value;

use super::super::args::{Args, Fields};
use super::super::error::{Outcome, Raise};
use super::super::table::{Primitive, Scope, example_with};
use super::super::types::{Param, Type, U32, did_you_mean, may, need};
use super::super::unknown;
use super::{CAPABILITIES, mask};
use crate::kernel::capabilities::{Call, file_text};
use crate::sys::capabilities::file::FileCaps;
use crate::sys::{Errno, capabilities as caps};

const PATH: Param = need("path", Type::Path, "a regular file; links are followed");

const CAPS: &[Param] = &[
    may("permitted", CAPABILITIES, "what its execution adds, within the bounding set"),
    may("inheritable", CAPABILITIES, "what its execution keeps of the caller's inheritable set"),
    may("effective", Type::Boolean, "whether they are effective at once, for programs that know nothing of capabilities"),
    may("rootid", U32, "only where this user id is root: a user namespace (attribute revision 3)"),
];

/// `file_caps_get`
pub const GET: Primitive = Primitive {
    name: "file_caps_get",
    summary: "Reads the capabilities that a file's execution gives; nil where it has none.",
    params: &[PATH],
    returns: "{ permitted, inheritable, effective, rootid, text } or nil",
    syscalls: &["getxattr(2)"],
    shell: "= getcap PATH",
    needs: "",
    scope: Scope::Reads,
    reversible: true,
    examples: &[example_with(&[], "assert(file_caps_get(\"/proc/self/exe\") == nil)")],
    see: &["file_caps_set", "capabilities(7)"],
    function: get,
};

/// `file_caps_set`
pub const SET: Primitive = Primitive {
    name: "file_caps_set",
    summary: "Gives a file capabilities: whoever executes it has them, within the bounding set.",
    params: &[
        PATH,
        need("caps", Type::Either(&[Type::Text, Type::Options(CAPS)]), "libcap's text, `cap_net_bind_service=+ep`, or the sets"),
    ],
    returns: "nothing",
    syscalls: &["setxattr(2)"],
    shell: "= setcap CAPS PATH",
    needs: "CAP_SETFCAP",
    scope: Scope::Object,
    reversible: true,
    examples: &[example_with(
        &["root"],
        "local path = \"/tmp/crun-lua-example-file-caps\"\nio.open(path, \"w\"):close()\nfile_caps_set(path, \"cap_net_bind_service=+ep\")\nassert(file_caps_get(path).text == \"cap_net_bind_service=ep\")\nos.remove(path)",
    )],
    see: &["file_caps_get", "cap_from_text(3)"],
    function: set,
};

/// `file_caps_remove`
pub const REMOVE: Primitive = Primitive {
    name: "file_caps_remove",
    summary: "Takes a file's capabilities away.",
    params: &[PATH],
    returns: "nothing",
    syscalls: &["removexattr(2)"],
    shell: "= setcap -r PATH",
    needs: "CAP_SETFCAP",
    scope: Scope::Object,
    reversible: true,
    examples: &[example_with(
        &["root"],
        "local path = \"/tmp/crun-lua-example-file-caps\"\nio.open(path, \"w\"):close()\nfile_caps_set(path, { permitted = { \"net_raw\" }, effective = true })\nfile_caps_remove(path)\nassert(file_caps_get(path) == nil)\nos.remove(path)",
    )],
    see: &["file_caps_set"],
    function: remove,
};

fn get(args: &Args) -> Outcome {
    let path = args.required_path("path");
    let found = match caps::file::get(&path) {
        Ok(found) => found,
        // A plan has not made the file that the script made before.
        Err(Errno::ENOENT) if args.host.kernel().is_plan() => return Ok(unknown(args.lua)?),
        Err(errno) => return Err(Raise::read(format!("getxattr(\"{}\", \"security.capability\")", path.display()), errno)),
    };
    let Some(found) = found else { return Ok(Value::Nil) };
    let table = args.lua.create_table()?;
    table.raw_set("permitted", caps::names(found.permitted))?;
    table.raw_set("inheritable", caps::names(found.inheritable))?;
    table.raw_set("effective", found.effective)?;
    table.raw_set("rootid", found.rootid)?;
    table.raw_set("text", file_text(&found))?;
    Ok(Value::Table(table))
}

fn set(args: &Args) -> Outcome {
    let caps = match args.text("caps") {
        Some(text) => parse(&text).map_err(|reason| Raise::argument(format!("caps: {reason}")))?,
        None => from_options(&args.options("caps")?)?,
    };
    args.host.run(Call::FileSet { path: args.required_path("path"), caps })?;
    Ok(Value::Nil)
}

fn remove(args: &Args) -> Outcome {
    args.host.run(Call::FileRemove { path: args.required_path("path") })?;
    Ok(Value::Nil)
}

fn from_options(options: &Fields) -> Outcome<FileCaps> {
    let caps = FileCaps {
        permitted: mask(&options.texts("permitted")),
        inheritable: mask(&options.texts("inheritable")),
        effective: options.flag("effective"),
        rootid: options.integer("rootid")?,
    };
    if caps.effective && caps.permitted | caps.inheritable == 0 {
        return Err(Raise::argument("caps.effective: there is nothing that could be effective; give permitted or inheritable"));
    }
    Ok(caps)
}

/// Reads libcap's text form (cap_from_text(3)): clauses of names, an operator and flags.
///
/// A file has one effective bit for all its capabilities, so `e` must be given for each of them
/// or for none, as setcap(8) demands too.
fn parse(text: &str) -> Result<FileCaps, String> {
    let (mut effective, mut permitted, mut inheritable) = (0, 0, 0);
    let mut clauses = 0;
    for clause in text.split_whitespace() {
        clauses += 1;
        let start = clause.find(['=', '+', '-']).ok_or_else(|| format!("{clause:?} has no =, + or - with the flags e, i, p"))?;
        let (names, mut actions) = clause.split_at(start);
        let names = parse_names(names, actions.starts_with('='))?;
        while let Some(operator) = actions.chars().next() {
            let rest = &actions[1..];
            let end = rest.find(['=', '+', '-']).unwrap_or(rest.len());
            let (flags, next) = rest.split_at(end);
            actions = next;
            if let Some(wrong) = flags.chars().find(|flag| !"eip".contains(*flag)) {
                return Err(format!("{clause:?} has the flag {wrong:?}; flags are e, i and p"));
            }
            for (set, flag) in [(&mut effective, 'e'), (&mut permitted, 'p'), (&mut inheritable, 'i')] {
                let given = flags.contains(flag);
                match operator {
                    '=' | '+' if given => *set |= names,
                    '=' => *set &= !names,
                    '-' if given => *set &= !names,
                    _ => {}
                }
            }
        }
    }
    if clauses == 0 {
        return Err("the text is empty; file_caps_remove takes capabilities away".to_owned());
    }
    if effective != 0 && effective != permitted | inheritable {
        return Err(format!("{text:?}: a file has one effective bit for all; give e to each capability or to none"));
    }
    Ok(FileCaps { permitted, inheritable, effective: effective != 0, rootid: None })
}

/// `cap_a,cap_b`, `all`, or nothing before `=`, which means all.
fn parse_names(names: &str, may_be_empty: bool) -> Result<u64, String> {
    if names.eq_ignore_ascii_case("all") || names.is_empty() && may_be_empty {
        return Ok(caps::all());
    }
    let mut mask = 0;
    for name in names.split(',') {
        let number = caps::number(name).ok_or_else(|| {
            let all = caps::names(caps::all());
            let near = did_you_mean(name.trim_start_matches("cap_"), all.iter().map(String::as_str));
            format!("no capability of this kernel is called {name:?}{near}")
        })?;
        mask |= 1 << number;
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_of_libcap_is_understood() -> Result<(), String> {
        let bind = 1 << 10;
        let raw = 1 << 13;
        let both = FileCaps { permitted: bind | raw, inheritable: 0, effective: true, rootid: None };
        assert_eq!(parse("cap_net_bind_service=+ep")?, FileCaps { permitted: bind, ..both });
        assert_eq!(parse("cap_net_bind_service,cap_net_raw=ep")?, both);
        assert_eq!(parse("cap_net_bind_service+ep cap_net_raw+ep")?, both);
        assert_eq!(parse("cap_net_raw=eip-p")?, FileCaps { permitted: 0, inheritable: raw, ..both });
        assert_eq!(parse("=p")?.permitted, caps::all());
        assert_eq!(parse("all=p cap_net_raw-p")?.permitted, caps::all() & !raw);
        assert_eq!(parse("=")?, FileCaps::default());
        Ok(())
    }

    #[test]
    fn text_that_no_file_can_have_is_refused() {
        for text in ["", "cap_net_raw", "cap_net_rw=p", "cap_net_raw=x", "cap_net_raw=ep cap_chown=p", "+p"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

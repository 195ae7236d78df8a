//! Users and groups of a process, and the container's own passwd and group files.

use std::os::fd::AsFd;
use std::path::PathBuf;

use mlua::Value;

use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::rootfs::Rootfs;
use super::table::{Primitive, Scope, example, example_with};
use super::types::{Param, Type, may, need};
use crate::kernel::users::Call;
use crate::sys::users::{Id, User, group_id, parse_id, parse_spec};
use crate::sys::{self, Fd};

const GROUP: Type = Type::Either(&[Type::Integer(0, 0xffff_fffe), Type::Text]);
const ROOT: Param = may(
    "root",
    Type::Either(&[Type::Handle("rootfs"), Type::Path]),
    "the rootfs, or the root directory, whose /etc/passwd and /etc/group are read; \"/\"",
);
const LOOKUP: &[Param] = &[ROOT];
const SETUSER: &[Param] = &[
    may(
        "groups",
        Type::Either(&[Type::Word(&["keep"]), Type::List(&GROUP)]),
        "supplementary groups instead of those that list the user; \"keep\" leaves them as they are",
    ),
    ROOT,
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "setuser",
        summary: "Becomes a user: supplementary groups, group and user, in this order, each read back.",
        params: &[
            need("user", Type::Text, "\"uid\", \"uid:gid\", \"name\" or \"name:group\"; a number is never looked up as a name"),
            may("options", Type::Options(SETUSER), ""),
        ],
        returns: "what user_lookup answers",
        syscalls: &["openat2(2)", "setgroups(2)", "setresgid(2)", "setresuid(2)"],
        shell: "≈ setpriv --reuid UID --regid GID --groups … COMMAND",
        needs: "CAP_SETGID and CAP_SETUID over the user namespace",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example_with(&["root"], "local user = setuser(\"65534:65534\", { groups = {} })\nassert(user.uid == 65534)")],
        see: &["user_lookup", "setgroups", "credentials(7)"],
        function: setuser,
    },
    Primitive {
        name: "user_lookup",
        summary: "Looks a user up in the passwd and group files below a root.",
        params: &[need("user", Type::Text, "as setuser takes it"), may("options", Type::Options(LOOKUP), "")],
        returns: "{ uid, gid, groups, name, home, shell }",
        syscalls: &["openat2(2)"],
        shell: "≈ chroot ROOT id USER",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(user_lookup(\"root\").uid == 0)\nassert(user_lookup(\"12345\").uid == 12345)")],
        see: &["setuser", "passwd(5)", "group(5)"],
        function: lookup,
    },
    Primitive {
        name: "setgroups",
        summary: "Sets the supplementary groups.",
        params: &[need("groups", Type::List(&Type::Integer(0, 0xffff_fffe)), "group ids; an empty list for none")],
        returns: "nothing",
        syscalls: &["setgroups(2)"],
        shell: "≈ setpriv --groups … COMMAND",
        needs: "CAP_SETGID over the user namespace",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example_with(&["root"], "setgroups { 4, 20 }")],
        see: &["setuser", "setgroups(2)"],
        function: setgroups,
    },
];

/// The root whose files are read.
fn root(options: &Fields) -> Outcome<Fd> {
    if let Some(rootfs) = options.handle::<Rootfs>("root")? {
        return rootfs.root();
    }
    let path = options.path("root").unwrap_or_else(|| PathBuf::from("/"));
    let label = path.display().to_string();
    let fd = sys::users::open_root(&path).map_err(|errno| Raise::read(format!("open(\"{label}\", O_PATH|O_DIRECTORY)"), errno))?;
    Ok(Fd::new(label, fd))
}

fn read(root: &Fd, name: &str) -> Outcome<String> {
    if root.is_planned() {
        // A plan reads the directory that it would open, as far as it is there already.
        let opened = sys::users::open_root(root.label().as_ref());
        return Ok(opened.and_then(|fd| sys::users::read_in_root(fd.as_fd(), name)).unwrap_or_default());
    }
    root.get()
        .and_then(|fd| sys::users::read_in_root(fd, name))
        .map_err(|errno| Raise::read(format!("openat2({root}, \"{name}\", {{resolve=RESOLVE_IN_ROOT}})"), errno))
}

/// The user that an argument means, and the text of the group file.
fn found(args: &Args, options: &Fields) -> Outcome<(User, String)> {
    let spec = parse_spec(&args.required_text("user")).map_err(|reason| Raise::argument(format!("user: {reason}")))?;
    let root = root(options)?;
    // With numbers alone there is nothing to look up in it.
    let numbers = matches!(spec, (Id::Number(_), Some(Id::Number(_))))
        && options.value("groups").is_table()
        && options.values("groups").iter().all(|value| value.as_u32().is_some());
    let passwd = read(&root, "etc/passwd")?;
    let group = if numbers { String::new() } else { read(&root, "etc/group")? };
    let user = sys::users::user(&spec, &passwd, &group).map_err(Raise::state)?;
    Ok((user, group))
}

fn answer(args: &Args, user: &User) -> Outcome {
    let table = args.lua.create_table()?;
    table.raw_set("uid", user.uid)?;
    table.raw_set("gid", user.gid)?;
    table.raw_set("groups", args.lua.create_sequence_from(user.groups.iter().copied())?)?;
    table.raw_set("name", user.name.as_deref())?;
    table.raw_set("home", user.home.as_deref())?;
    table.raw_set("shell", user.shell.as_deref())?;
    Ok(Value::Table(table))
}

fn lookup(args: &Args) -> Outcome {
    let (user, _) = found(args, &args.options("options")?)?;
    answer(args, &user)
}

fn setuser(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let (mut user, group) = found(args, &options)?;
    let keep = options.value("groups").is_string();
    if options.value("groups").is_table() {
        user.groups = options.values("groups").iter().map(|value| number(value, &group)).collect::<Outcome<_>>()?;
    }
    let failed = |errno| Raise::read("getgroups()", errno);
    let before = (sys::users::groups().map_err(failed)?, sys::users::ids().1);
    if keep {
        user.groups.clone_from(&before.0);
    } else {
        args.host.run(Call::SetGroups { groups: user.groups.clone() })?;
    }
    // The user last: without it the rights to change the rest are gone.
    let changed = args.host.run(Call::SetGid { gid: user.gid }).and_then(|_| args.host.run(Call::SetUid { uid: user.uid }));
    if let Err(failure) = changed {
        // What was changed is put back; where that fails as well, the first failure says more.
        if sys::users::ids().1 != before.1 {
            let _ = args.host.run(Call::SetGid { gid: before.1 });
        }
        if !keep {
            let _ = args.host.run(Call::SetGroups { groups: before.0 });
        }
        return Err(failure);
    }
    answer(args, &user)
}

/// A group's number, from a number or a name.
fn number(value: &Value, group: &str) -> Outcome<u32> {
    if let Some(number) = value.as_u32() {
        return Ok(number);
    }
    let text = value.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default();
    let id: Id = parse_id(&text).map_err(|reason| Raise::argument(format!("groups: {reason}")))?;
    group_id(&id, group).map_err(Raise::state)
}

fn setgroups(args: &Args) -> Outcome {
    let groups = args.values("groups").iter().filter_map(Value::as_u32).collect();
    args.host.run(Call::SetGroups { groups })?;
    Ok(Value::Nil)
}

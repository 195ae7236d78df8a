//! Readers of `/proc`: what the kernel says of a process, as plain tables.
//!
//! Each takes `root`, a directory laid out like `/proc`: another mount of it, or a recorded tree.
//! A process that does not exist is nil, not an error; in a plan a child that was never started
//! answers what a plan does not know.

use std::path::PathBuf;

use mlua::{Lua, Value};

use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::{Handle, Resource};
use super::processes::Process;
use super::table::{Primitive, Scope, example};
use super::types::{PID, Param, Type, may, need};
use crate::sys::readers::{self, Field, Proc, Table};
use crate::sys::{self, Errno};

const ROOT: &[Param] = &[may("root", Type::Path, "a directory laid out like /proc, which is the default")];
const OPTIONS: Param = may("options", Type::Options(ROOT), "where to read");
const STATUS: &[Param] = &[
    may("root", Type::Path, "a directory laid out like /proc, which is the default"),
    may("fields", Type::List(&Type::Text), "only these: most of the time goes into the lists of names"),
];
const WHO: Param = may("pid", Type::Either(&[PID, Type::Handle("process")]), "a process; the calling one where it is left out");
const TABLES: &[&str] = &["tcp", "tcp6", "udp", "udp6", "unix", "dev", "route"];

/// A reader of one process; they differ in little but their names.
const fn reader(
    name: &'static str,
    summary: &'static str,
    returns: &'static str,
    shell: &'static str,
    examples: &'static [super::table::Example],
    see: &'static [&'static str],
    function: fn(&Args) -> Outcome,
) -> Primitive {
    Primitive {
        name,
        summary,
        params: &[WHO, OPTIONS],
        returns,
        syscalls: &["open(2)", "read(2)"],
        shell,
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples,
        see,
        function,
    }
}

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        params: &[WHO, may("options", Type::Options(STATUS), "where to read, and what")],
        ..reader(
            "proc_status",
            "Reads the state, ids, memory, signals and capabilities of a process.",
            "table of the kernel's fields in snake case (memory in kB, masks as text with a list `…_names` beside them), or nil",
            "= cat /proc/PID/status",
            &[
                example(
                    "local status = proc_status()\nassert(#status.name > 0 and status.uid.effective >= 0)\nprint(status.vm_rss, status.cap_eff, #status.cap_eff_names)",
                ),
                example(
                    "local child <close> = spawn(function() exec { \"sleep\", \"10\" } end)\nchild:started()\nassert(proc_status(child.pid, { fields = { \"name\" } }).name == \"sleep\")",
                ),
            ],
            &["proc_stat", "proc_pid_status(5)"],
            status,
        )
    },
    reader(
        "proc_stat",
        "Reads the name, parent, session, times and memory of a process.",
        "table with the field names of proc_pid_stat(5) (times in clock ticks), or nil",
        "= cat /proc/PID/stat",
        &[example("local stat = proc_stat()\nassert(stat.pid > 0 and stat.num_threads == 1)")],
        &["proc_status", "proc_pid_stat(5)"],
        |args| read(args, "stat", Proc::stat),
    ),
    reader(
        "proc_ns",
        "Reads which namespaces a process is in, by inode number: equal numbers are the same namespace.",
        "table such as { mnt = 4026531832 }, or nil",
        "≈ ls -l /proc/PID/ns",
        &[example("local mine, parents = proc_ns(), proc_ns(proc_stat().ppid)\nprint(mine.mnt, parents.mnt)")],
        &["unshare", "namespaces(7)"],
        |args| read(args, "ns", Proc::namespaces),
    ),
    reader(
        "mountinfo",
        "Reads the mounts that a process sees; escapes are undone.",
        "list of { mount_id, parent_id, major, minor, root, mount_point, mount_options, shared, master, propagate_from, unbindable, fs_type, source, super_options }, or nil",
        "= cat /proc/PID/mountinfo",
        &[example(
            "for _, mount in ipairs(mountinfo()) do\n  if mount.mount_point == \"/proc\" then\n    assert(mount.fs_type == \"proc\")\n  end\nend",
        )],
        &["mount", "proc_pid_mountinfo(5)"],
        |args| read(args, "mountinfo", Proc::mountinfo),
    ),
    reader(
        "proc_limits",
        "Reads the resource limits of a process.",
        "table from setrlimit(2)'s names to { soft, hard, units }, \"unlimited\" for no limit; or nil",
        "= cat /proc/PID/limits",
        &[example("local nofile = proc_limits().nofile\nprint(nofile.soft, nofile.hard)")],
        &["rlimit", "proc_pid_limits(5)"],
        |args| read(args, "limits", Proc::limits),
    ),
    reader(
        "uid_map",
        "Reads how the user ids of a process's user namespace map to those of the caller's.",
        "list of { inside, outside, count }, or nil",
        "= cat /proc/PID/uid_map",
        &[example("for _, range in ipairs(uid_map()) do\n  print(range.inside, range.outside, range.count)\nend")],
        &["gid_map", "user_namespaces(7)"],
        |args| read(args, "uid_map", |proc| proc.id_map(false)),
    ),
    reader(
        "gid_map",
        "Reads how the group ids of a process's user namespace map to those of the caller's.",
        "list of { inside, outside, count }, or nil",
        "= cat /proc/PID/gid_map",
        &[example("assert(#gid_map() == #uid_map())")],
        &["uid_map", "user_namespaces(7)"],
        |args| read(args, "gid_map", |proc| proc.id_map(true)),
    ),
    reader(
        "proc_cgroup",
        "Reads the cgroup of a process in each hierarchy; version 2 has the number 0 and no controllers.",
        "list of { hierarchy_id, controllers, path }, or nil",
        "= cat /proc/PID/cgroup",
        &[example(
            "for _, group in ipairs(proc_cgroup()) do\n  print(group.hierarchy_id, table.concat(group.controllers, \",\"), group.path)\nend",
        )],
        &["cgroups(7)"],
        |args| read(args, "cgroup", Proc::cgroup),
    ),
    reader(
        "proc_fds",
        "Reads the open descriptors of a process and what they refer to.",
        "list of { fd, target, pos, flags, cloexec, mnt_id, ino } by number, or nil",
        "≈ ls -l /proc/PID/fd",
        &[example("for _, open in ipairs(proc_fds()) do\n  print(open.fd, open.target, open.cloexec)\nend")],
        &["proc_pid_fd(5)", "proc_pid_fdinfo(5)"],
        |args| read(args, "fd", Proc::descriptors),
    ),
    reader(
        "proc_children",
        "Reads which children a process has.",
        "list of process ids, or nil",
        "≈ pgrep -P PID",
        &[example("local child <close> = spawn(function() return 0 end)\nprint(#proc_children())")],
        &["pids", "proc_tid_children(5)"],
        |args| read(args, "task", Proc::children),
    ),
    Primitive {
        name: "proc_net",
        summary: "Reads a table of the network namespace that a process is in.",
        params: &[WHO, need("table", Type::Word(TABLES), "which table"), OPTIONS],
        returns: "list of rows with the kernel's column names (addresses as text, states as words), or nil",
        syscalls: &["open(2)", "read(2)"],
        shell: "= cat /proc/PID/net/TABLE",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("for _, device in ipairs(proc_net(\"dev\")) do\n  print(device.interface, device.rx_bytes)\nend")],
        see: &["proc_pid_net(5)"],
        function: net,
    },
    Primitive {
        name: "pids",
        summary: "Reads which processes there are in the pid namespace that /proc was mounted for.",
        params: &[OPTIONS],
        returns: "list of process ids, in order",
        syscalls: &["open(2)", "getdents64(2)"],
        shell: "≈ ps -e -o pid=",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(#pids() > 0)")],
        see: &["proc_children", "proc(5)"],
        function: pids,
    },
];

fn root(args: &Args) -> Outcome<PathBuf> {
    Ok(args.options("options")?.path("root").unwrap_or_else(|| PathBuf::from("/proc")))
}

/// The process that is meant, below the root; none where only a plan has made it.
fn who(args: &Args) -> Outcome<Option<Proc>> {
    let pid = match Handle::from_value(args.value("pid")) {
        // A process that has ended and was closed is still a process to ask for.
        Some(handle) => match handle.any::<Process>()?.field(args.lua, "pid")?.as_i32() {
            None => return Ok(None),
            pid => pid,
        },
        None => args.integer("pid")?,
    };
    Ok(Some(Proc::new(&root(args)?, pid)))
}

fn read(args: &Args, file: &str, reader: impl Fn(&Proc) -> sys::Result<Option<Field>>) -> Outcome {
    let Some(proc) = who(args)? else { return Ok(super::unknown(args.lua)?) };
    match reader(&proc) {
        Ok(field) => field.map_or(Ok(Value::Nil), |field| Ok(to_lua(args.lua, &field)?)),
        Err(errno) => Err(failure(&proc, file, errno)),
    }
}

fn status(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let fields = options.has("fields").then(|| options.texts("fields"));
    read(args, "status", |proc| proc.status(fields.as_deref()))
}

fn net(args: &Args) -> Outcome {
    let Some(table) = Table::from_word(&args.required_text("table")) else { return Err(Raise::argument("table: no such table")) };
    let Some(proc) = who(args)? else { return Ok(super::unknown(args.lua)?) };
    match proc.net(table) {
        Ok(field) => field.map_or(Ok(Value::Nil), |field| Ok(to_lua(args.lua, &field)?)),
        Err(errno) => Err(failure(&proc, &format!("net/{}", table.file()), errno)),
    }
}

fn pids(args: &Args) -> Outcome {
    let root = root(args)?;
    let found = readers::pids(&root)
        .map_err(|errno| Raise::read(format!("open({:?}, O_RDONLY|O_DIRECTORY)", root.display().to_string()), errno))?;
    Ok(Value::Table(args.lua.create_sequence_from(found)?))
}

fn failure(proc: &Proc, file: &str, errno: Errno) -> Raise {
    let path = proc.path(file).display().to_string();
    let raise = Raise::read(format!("open({path:?}, O_RDONLY)"), errno);
    match errno {
        Errno::EBADMSG => raise.hint("the file is not as its man page describes it; is it a tree of /proc?"),
        Errno::EACCES | Errno::EPERM => raise.hint("another user's process is closed to readers without CAP_SYS_PTRACE: ptrace(2)"),
        Errno::ENOENT => raise.hint("this kernel does not have the file, or /proc is not mounted here"),
        _ => raise,
    }
}

fn to_lua(lua: &Lua, field: &Field) -> mlua::Result<Value> {
    Ok(match field {
        Field::Number(number) => Value::Integer(*number),
        Field::Flag(flag) => Value::Boolean(*flag),
        Field::Text(text) => Value::String(lua.create_string(text)?),
        Field::List(list) => {
            let table = lua.create_table_with_capacity(list.len(), 0)?;
            for item in list {
                table.raw_push(to_lua(lua, item)?)?;
            }
            Value::Table(table)
        }
        Field::Record(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, value) in fields {
                table.raw_set(name.as_str(), to_lua(lua, value)?)?;
            }
            Value::Table(table)
        }
    })
}

//! Where containers, images and locks are kept, and the lock that keeps two scripts apart.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::time::Duration;

use mlua::{Lua, Value};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise, unexpected};
use super::files::text;
use super::handle::Resource;
use super::processes::patiently;
use super::table::{Primitive, Scope, example};
use super::types::{PID, Param, Type, UINT, may, need};
use crate::kernel::root_is_the_first;
use crate::kernel::state::{self, Call};
use crate::sys::Fd;

const LOCK: &[Param] = &[
    may(
        "wait",
        Type::Either(&[Type::Boolean, Type::Duration]),
        "true (default) for as long as it takes, false for not at all, or how long",
    ),
    may("shared", Type::Boolean, "together with others that share it"),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "state_dir",
        summary: "The directory for what lives as long as the machine is up: CRUN_LUA_STATE, or the user's own; made where it is missing.",
        params: &[],
        returns: "string, an absolute path",
        syscalls: &["mkdir(2)"],
        shell: "= mkdir -p -m 0700 /run/crun-lua",
        needs: "a directory of this user's own that others cannot write",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("assert(stat(state_dir()).mode & 18 == 0)")],
        see: &["data_dir", "file_lock"],
        function: state_dir,
    },
    Primitive {
        name: "journal_collect",
        summary: "Takes back what a dead process has written down and left: groups, links, mounts. `crun-lua gc` does it for all.",
        params: &[need("pid", PID, "as the host counts it"), need("starttime", UINT, "when it started, as `proc_stat` tells it: in ticks")],
        returns: "integer, how many things; 0 for one that lives or has left nothing",
        syscalls: &["rmdir(2)", "umount2(2)", "unlink(2)"],
        shell: "",
        needs: "the rights with which the things were made",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("assert(journal_collect(proc_stat().pid, proc_stat().starttime) == 0, \"it lives\")")],
        see: &["state_dir", "cgroup_set"],
        function: journal_collect,
    },
    Primitive {
        name: "data_dir",
        summary: "The directory for what stays when the machine goes down: CRUN_LUA_DATA, or the user's own; made where it is missing.",
        params: &[],
        returns: "string, an absolute path",
        syscalls: &["mkdir(2)"],
        shell: "= mkdir -p -m 0700 /var/lib/crun-lua",
        needs: "a directory of this user's own that others cannot write",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("assert(data_dir():sub(1, 1) == \"/\")")],
        see: &["state_dir"],
        function: data_dir,
    },
    Primitive {
        name: "file_lock",
        summary: "Takes a lock that every process sees who asks for the same file. A forked child does not hold it; the kernel gives it back when its owner dies.",
        params: &[
            need("path", Type::Path, "a regular file, made with mode 0600 where it is missing; it stays"),
            may("options", Type::Options(LOCK), ""),
        ],
        returns: "file_lock, with the field path; nil where it was not to be had in time",
        syscalls: &["open(2)", "flock(2)"],
        shell: "= flock PATH COMMAND",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-lock\"\ndo\n  local lock <close> = file_lock(path)\n  assert(lock.path == path)\nend\nremove(path)",
        )],
        see: &["state_dir", "handle:close", "flock(2)"],
        function: file_lock,
    },
];

/// A directory for this user alone; in another root the host's is out of reach.
fn directory(args: &Args, path: std::io::Result<PathBuf>, variable: &'static str) -> Outcome {
    if !root_is_the_first() {
        return Err(Raise::state("the directory belongs to the root that the program was started in, and this is another root")
            .hint("ask before the pivot or chroot, in the parent"));
    }
    let path = path.map_err(|error| Raise::state(error.to_string()))?;
    args.host.run(Call::Directory { path: path.clone(), variable })?;
    Ok(text(args.lua, path.as_os_str())?)
}

fn state_dir(args: &Args) -> Outcome {
    directory(args, state::state_path(), "CRUN_LUA_STATE")
}

fn data_dir(args: &Args) -> Outcome {
    directory(args, state::data_path(), "CRUN_LUA_DATA")
}

fn journal_collect(args: &Args) -> Outcome {
    let pid = args.integer("pid")?.unwrap_or_default();
    let start = args.integer("starttime")?.unwrap_or_default();
    let removed = crate::kernel::gc_of(args.host.kernel(), pid, start);
    let count = removed.map_err(|error| Raise::state(format!("the journal cannot be read: {error}")))?;
    Ok(Value::Integer(i64::try_from(count).unwrap_or_default()))
}

/// A lock that is held. It belongs to the open file (flock(2)), which a forked child shares: the
/// child closes its copy at once, so that the lock ends with its owner, and the owner gives it back
/// by `LOCK_UN`, which needs no one else to close anything. Where that fails, closing the last copy
/// does the same: what was done under the lock is done, and no error makes its caller forget it.
struct Lock {
    fd: RefCell<Option<Fd>>,
    /// The descriptor's number while it is open.
    number: Cell<Option<RawFd>>,
    owner: u32,
    path: PathBuf,
}

impl Lock {
    fn no_number(&self, host: &Host) {
        if let Some(number) = self.number.take() {
            host.ledger.not_private(number);
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The child's copy was closed at the fork, and the number may be another's by now.
        if self.number.get().is_some() && self.owner != crate::sys::fork::own_pid() {
            std::mem::forget(self.fd.take());
        }
    }
}

impl Resource for Lock {
    fn kind(&self) -> &'static str {
        "file_lock"
    }

    fn describe(&self) -> String {
        format!("lock {}", self.path.display())
    }

    fn fields(&self) -> &'static [&'static str] {
        &["path"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        text(lua, self.path.as_os_str())
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        self.no_number(host);
        if let Some(fd) = self.fd.take() {
            let _ = host.run(Call::Unlock { fd });
        }
        Ok(())
    }

    /// Held until the process ends.
    fn kept(&self, host: &Host) {
        self.no_number(host);
        std::mem::forget(self.fd.take());
    }

    fn private(&self) -> Option<RawFd> {
        self.number.get()
    }
}

fn file_lock(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let patience = match options.value("wait") {
        Value::Nil | Value::Boolean(true) => None,
        Value::Boolean(false) => Some(Duration::ZERO),
        _ => options.duration("wait"),
    };
    let path = args.required_path("path");
    let open = Call::OpenLock { path: path.clone() };
    let fd = args.host.run(open.clone())?.fd().map_err(|errno| unexpected(&open.into(), errno))?;
    let call = Call::Lock { fd: fd.clone(), shared: options.flag("shared"), patience };
    let had = patiently(args.host, call.clone())?.number().map_err(|errno| unexpected(&call.into(), errno))?;
    if had == 0 {
        return Ok(Value::Nil);
    }
    let number = Cell::new(fd.get().ok().map(|fd| fd.as_raw_fd()));
    args.adopt(Lock { fd: RefCell::new(Some(fd)), number, owner: crate::sys::fork::own_pid(), path }, None)
}

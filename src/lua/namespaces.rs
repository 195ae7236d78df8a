//! Namespaces: making, entering, pinning and listing them; id maps and time offsets.

use mlua::Value;

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::processes::Process;
use super::spawn::KIND_WORDS;
use super::table::{Primitive, Scope, example, example_with};
use super::types::{PID, Param, Type, may, need};
use crate::kernel::namespaces::{Call, Propagation, Target};
use crate::kernel::{Kinds, Reply, processes, spawn};
use crate::sys::namespaces::{self as ns, Identity};
use crate::sys::{Pid, fork};

pub mod clocks;
pub mod handles;
pub mod id_map;

pub use handles::{Opened, open};

/// How mounts may travel, in words.
pub const PROPAGATION: Type = Type::Word(&["private", "slave", "shared", "unchanged"]);

/// Where a namespace may be found: a process, a file, or what stands for one of them.
pub const TARGET: Type = Type::Either(&[PID, Type::Path, Type::Handle("namespace"), Type::Handle("process")]);

const KIND: Type = Type::Word(KIND_WORDS);
const KIND_LIST: Type = Type::List(&KIND);

const UNSHARE: &[Param] = &[
    may(
        "propagation",
        PROPAGATION,
        "with \"mnt\": how mounts travel between the new namespace and the old, for / and all below; \"private\"",
    ),
    may("id_map", id_map::ID_MAP, "with \"user\": the ids of the new namespace, as for `id_map`; \"root\""),
];

const SETNS: &[Param] = &[may("kinds", KIND_LIST, "of a process: which of its namespaces; of a file: the kind that it must have")];

const PIN: &[Param] = &[];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "unshare",
        summary: "Moves the calling process into new namespaces; \"pid\" and \"time\" take effect for its children. With \"user\" the caller is root inside.",
        params: &[need("kinds", KIND_LIST, "the kinds of namespaces"), may("options", Type::Options(UNSHARE), "")],
        returns: "nothing",
        syscalls: &["unshare(2)", "mount(2)"],
        shell: "≈ unshare --KIND… (which starts a program in them)",
        needs: "CAP_SYS_ADMIN for kinds other than user; none together with \"user\"",
        scope: Scope::Caller,
        reversible: false,
        examples: &[
            example_with(&["root"], "unshare { \"mnt\", \"uts\" }\nsethostname(\"box\")"),
            example_with(&["userns"], "unshare { \"user\", \"net\" }\nassert(io.open(\"/proc/self/uid_map\"):read(\"n\") == 0)"),
            example_with(
                &["root", "userns"],
                "local ids = { { inside = 0, outside = 100000, count = 65536 } }\nunshare({ \"user\" }, { id_map = { uid = ids, gid = ids } })\nassert(io.open(\"/proc/self/setgroups\"):read(\"l\") == \"allow\")",
            ),
        ],
        see: &["spawn", "setns", "id_map", "namespaces(7)", "user_namespaces(7)"],
        function: unshare,
    },
    Primitive {
        name: "setns",
        summary: "Moves the calling process into namespaces that exist: a process's, a file's or a handle's. \"pid\" takes effect for its children.",
        params: &[need("target", TARGET, "a pid, a path, a namespace or a process"), may("options", Type::Options(SETNS), "")],
        returns: "nothing",
        syscalls: &["setns(2)", "pidfd_open(2)", "open(2)", "ioctl_nsfs(2)"],
        shell: "≈ nsenter --target PID --KIND… (which starts a program in them)",
        needs: "CAP_SYS_ADMIN here and over the target; without it enter the target's \"user\" first",
        scope: Scope::Caller,
        reversible: true,
        examples: &[
            example_with(
                &["root"],
                "local home <close> = ns_open(\"/proc/self/ns/uts\")\nunshare { \"uts\" }\nsethostname(\"box\")\nsetns(home)",
            ),
            example_with(
                &["root"],
                "local child <close> = spawn({ unshare = { \"net\", \"uts\" } }, function()\n  exec { \"sleep\", \"60\" }\nend)\nchild:started()\nsetns(child, { kinds = { \"net\", \"uts\" } })",
            ),
        ],
        see: &["ns_open", "spawn", "setns(2)"],
        function: setns,
    },
    Primitive {
        name: "ns_open",
        summary: "Opens a namespace; the handle keeps it alive after its last process has ended.",
        params: &[
            need("target", TARGET, "a path, or a process"),
            may("kind", KIND, "which namespace of a process; for a path, what it must be"),
        ],
        returns: "namespace with the fields kind and inode",
        syscalls: &["open(2)", "ioctl_nsfs(2)"],
        shell: "≈ exec 3< /proc/PID/ns/KIND",
        needs: "CAP_SYS_PTRACE over a process of another user",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("local net <close> = ns_open(\"/proc/self/ns/net\")\nassert(net.kind == \"net\" and net.inode > 0)")],
        see: &["setns", "ns_pin", "ns_list", "namespaces(7)"],
        function: handles::ns_open,
    },
    Primitive {
        name: "ns_pin",
        summary: "Binds a namespace to a new file, which keeps it alive and gives it a name; closing the pin removes the file.",
        params: &[
            need("namespace", Type::Either(&[KIND, Type::Handle("namespace")]), "a handle, or a kind for the caller's own"),
            need("path", Type::Path, "a file that does not exist"),
            may("options", Type::Options(PIN), ""),
        ],
        returns: "pin with the fields path and kind",
        syscalls: &["open(2)", "mount(2)"],
        shell: "= touch PATH; mount --bind /proc/PID/ns/KIND PATH",
        needs: "CAP_SYS_ADMIN over the mount namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root"],
            "unshare { \"mnt\", \"net\" }\nlocal pin <close> = ns_pin(\"net\", \"/tmp/crun-lua-example-net\")\nsetns(pin.path, { kinds = { \"net\" } })",
        )],
        see: &["ns_open", "handle:keep", "ip-netns(8)"],
        function: handles::ns_pin,
    },
    Primitive {
        name: "namespace:pin",
        summary: "Binds the namespace to a new file, as `ns_pin` does.",
        params: &[need("path", Type::Path, "a file that does not exist")],
        returns: "pin with the fields path and kind",
        syscalls: &["open(2)", "mount(2)"],
        shell: "= touch PATH; mount --bind /proc/PID/ns/KIND PATH",
        needs: "CAP_SYS_ADMIN over the mount namespace",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["root"],
            "unshare { \"mnt\" }\nlocal uts <close> = ns_open(\"/proc/self/ns/uts\", \"uts\")\nlocal pin <close> = uts:pin(\"/tmp/crun-lua-example-uts\")\nassert(pin.kind == \"uts\")",
        )],
        see: &["ns_pin"],
        function: handles::pin,
    },
    Primitive {
        name: "ns_list",
        summary: "Lists the namespaces of a process by kind.",
        params: &[may("process", Type::Either(&[PID, Type::Handle("process")]), "the caller, where it is left out")],
        returns: "table from kind to { inode, user, owner_uid, parent }: the inode, that of the owning user namespace, the uid that made that one, and the inode of the namespace above (pid and user); nil where it is out of sight",
        syscalls: &["open(2)", "ioctl_nsfs(2)"],
        shell: "≈ lsns --task PID",
        needs: "CAP_SYS_PTRACE over a process of another user",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(ns_list().net.inode == ns_open(\"/proc/self/ns/net\").inode)")],
        see: &["ns_open", "namespaces(7)", "ioctl_nsfs(2)"],
        function: handles::ns_list,
    },
    Primitive {
        name: "id_map",
        summary: "Says which ids a process's new user namespace has: directly, or without the rights by newuidmap and newgidmap.",
        params: &[
            need("process", Type::Either(&[PID, Type::Handle("process")]), "a process in a user namespace without a map"),
            need(
                "map",
                id_map::ID_MAP,
                "\"root\": the caller is root inside; \"auto\": and has the ids that /etc/subuid allots (root without any: every id, one to one); or ranges",
            ),
        ],
        returns: "nothing",
        syscalls: &["open(2)", "write(2)"],
        shell: "= newuidmap PID INSIDE OUTSIDE COUNT…; newgidmap PID INSIDE OUTSIDE COUNT…",
        needs: "CAP_SETUID and CAP_SETGID above the namespace, or newuidmap; none for one line with the caller's own id",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["root", "userns"],
            "local ids = { { inside = 0, outside = 100000, count = 65536 } }\nlocal child <close> = spawn({\n  unshare = { \"user\" },\n  id_map = \"none\",\n  parent = function(process) id_map(process, { uid = ids, gid = ids }) end,\n}, function() return 0 end)\nassert(child:wait().code == 0)",
        )],
        see: &["spawn", "unshare", "user_namespaces(7)", "subuid(5)", "newuidmap(1)"],
        function: id_map::primitive,
    },
    Primitive {
        name: "time_offset",
        summary: "Says how far the clocks of the new time namespace are ahead, before its first process is in it.",
        params: &[need("offsets", Type::Options(clocks::OFFSETS), "")],
        returns: "nothing",
        syscalls: &["open(2)", "write(2)"],
        shell: "≈ unshare --time --monotonic SECONDS --boottime SECONDS …",
        needs: "CAP_SYS_TIME over the time namespace; kernel 5.6",
        scope: Scope::Children,
        reversible: true,
        examples: &[example_with(
            &["root", "file:/proc/self/ns/time"],
            "unshare { \"time\" }\ntime_offset { boottime = \"24h\", monotonic = -5 }\nlocal child <close> = spawn(function() assert(clock(\"boottime\") > 86400) end)\nassert(child:wait().code == 0)",
        )],
        see: &["unshare", "spawn", "clock", "time_namespaces(7)"],
        function: clocks::time_offset,
    },
    Primitive {
        name: "clock",
        summary: "Reads a clock as this time namespace has it.",
        params: &[need("name", Type::Word(clocks::NAMES), "the clock")],
        returns: "seconds as a number",
        syscalls: &["clock_gettime(2)"],
        shell: "≈ cat /proc/uptime",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(clock(\"monotonic\") <= clock(\"boottime\"))")],
        see: &["time_offset", "clock_gettime(2)"],
        function: clocks::clock,
    },
];

/// The kinds that a list of words names.
pub fn kinds_of(words: &[String]) -> Kinds {
    words.iter().filter_map(|word| Kinds::from_word(word)).collect()
}

/// Kinds that an `unshare` changes for children only (`setns` moves the caller's clocks, too).
const FOR_CHILDREN: Kinds = Kinds::PID.union(Kinds::TIME);

fn unshare(args: &Args) -> Outcome {
    let kinds = kinds_of(&args.texts("kinds"));
    let options = args.options("options")?;
    let propagation = options.text("propagation");
    if propagation.is_some() && !kinds.contains(Kinds::MNT) {
        return Err(Raise::argument("options.propagation: it is of a new mount namespace; \"mnt\" is not in the list"));
    }
    if options.has("id_map") && !kinds.contains(Kinds::USER) {
        return Err(Raise::argument("options.id_map: it is of a new user namespace; \"user\" is not in the list"));
    }
    let maps = if kinds.contains(Kinds::USER) { id_map::Maps::read(args.host, options.value("id_map"), "options.id_map")? } else { None };
    remember(args.host, kinds);
    match &maps {
        // Only a process outside can write such a map.
        Some(maps) if !maps.written_inside() => {
            enter_mapped(args.host, maps)?;
            args.host.guard.leave(Kinds::USER);
            args.host.run(Call::Unshare { kinds: kinds - Kinds::USER })?;
        }
        _ => {
            args.host.run(Call::Unshare { kinds })?;
            args.host.guard.leave(kinds & Kinds::USER);
            if let Some(maps) = &maps {
                maps.write(args.host, None)?;
            }
        }
    }
    args.host.guard.leave(kinds - FOR_CHILDREN);
    args.host.guard.send_ahead(kinds & FOR_CHILDREN);
    if kinds.contains(Kinds::MNT) {
        propagate(args.host, propagation.as_deref())?;
    }
    Ok(Value::Nil)
}

/// Enters a new user namespace whose map only a process outside may write.
///
/// A child is made in the namespace, its map is written from here with the rights that the caller
/// still has, and the caller follows the child. It ends when its end of the channel is closed,
/// however this function is left.
fn enter_mapped(host: &Host, maps: &id_map::Maps) -> Outcome<()> {
    let (ours, theirs) = channel()?;
    let child = host.next_child();
    let Reply::Process(pid, pidfd) = host.run(processes::Call::Clone { child, kinds: Kinds::USER, cgroup: None })? else {
        drop(ours);
        let _ = theirs.receive();
        fork::exit_now(0)
    };
    drop(theirs);
    let entered = maps.write(host, Some(&pid)).and_then(|()| {
        let target = Target::Process(pid, pidfd.clone());
        host.run(Call::SetNs { target, kinds: Kinds::USER })
    });
    drop(ours);
    host.run(spawn::Call::Reap { pidfd })?;
    entered.map(drop)
}

/// Both ends of a channel between this process and a child.
pub fn channel() -> Outcome<(fork::Channel, fork::Channel)> {
    fork::Channel::pair().map_err(|errno| Raise::read("socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC)", errno))
}

/// A new mount namespace keeps its mounts to itself unless it was asked for something else.
///
/// A copy of a shared mount is shared with the original, so without this what is mounted in the
/// new namespace appears on the host (`mount_namespaces(7)`; unshare(1) does the same).
pub fn propagate(host: &Host, word: Option<&str>) -> Outcome<()> {
    if let Some(how) = Propagation::from_word(word.unwrap_or("private")) {
        host.run(Call::Propagate { how })?;
    }
    Ok(())
}

/// Notes which namespaces the host's are, before the first of them is left.
pub fn remember(host: &Host, kinds: Kinds) {
    host.guard.remember(kinds, |word| identity_of(None, word));
}

/// The identity of a process's namespace; of the caller's own where there is none.
fn identity_of(pid: Option<&Pid>, word: &str) -> Option<Identity> {
    let pid = pid.map_or_else(|| Some("self".to_owned()), |pid| pid.raw().ok().map(|raw| raw.to_string()))?;
    ns::identity_at(std::path::Path::new(&format!("/proc/{pid}/ns/{word}"))).ok()
}

/// Tells the guard that a namespace has been entered, which may be the host's again.
pub fn entered(host: &Host, kind: Kinds, identity: Option<Identity>) {
    let guard = &host.guard;
    let home = identity.is_some_and(|identity| guard.is_home(kind, identity));
    if FOR_CHILDREN.contains(kind) {
        if home { guard.call_back(kind) } else { guard.send_ahead(kind) }
    }
    // A process's own pid namespace never changes.
    match home {
        _ if kind == Kinds::PID => {}
        true => guard.come_back(kind),
        false => guard.leave(kind),
    }
}

fn setns(args: &Args) -> Outcome {
    let kinds = kinds_of(&args.options("options")?.texts("kinds"));
    let target = args.value("target");
    let process = handles::handle_in::<Process>(target)?;
    if let Some(pid) = handles::process_in(target)? {
        if kinds.is_empty() {
            return Err(Raise::argument("options.kinds: a process has a namespace of each kind; expected a list such as { \"net\" }"));
        }
        let pidfd = match process {
            Some(process) => process.pidfd(),
            None => args.host.run(spawn::Call::OpenProcess { pid: pid.clone() })?.fd().map_err(|errno| Raise::read("pidfd_open", errno))?,
        };
        // Read before: afterwards this may be another /proc.
        let parts: Vec<_> =
            kinds.words().into_iter().filter_map(|word| Some((Kinds::from_word(word)?, identity_of(Some(&pid), word)))).collect();
        remember(args.host, kinds);
        args.host.run(Call::SetNs { target: Target::Process(pid, pidfd), kinds })?;
        for (kind, identity) in parts {
            entered(args.host, kind, identity);
        }
        return Ok(Value::Nil);
    }
    if kinds.words().len() > 1 {
        return Err(Raise::argument("options.kinds: a file is one namespace; expected one kind"));
    }
    let opened = open(args.host, target, "target", kinds)?;
    enter(args.host, &opened)?;
    Ok(Value::Nil)
}

/// Enters one namespace.
pub fn enter(host: &Host, opened: &Opened) -> Outcome<()> {
    remember(host, opened.kind);
    host.run(Call::SetNs { target: Target::Namespace(opened.fd.clone()), kinds: opened.kind })?;
    entered(host, opened.kind, opened.identity);
    Ok(())
}

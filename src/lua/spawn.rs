//! `spawn`: one `clone3`, and Lua in the child.
//!
//! The heart of the language: a container is a Lua function that runs inside its own namespaces
//! until it calls `exec`. It is sound because this program has one thread at every fork.
//!
//! Between the clone and the body both sides have work: the parent writes id maps and calls the
//! script's `parent`, the child joins namespaces and sets clocks. `child.rs` has the child's part
//! and `door.rs` the process in between that some joins need.

use mlua::{Function, Value};

use super::args::{Args, Fields};
use super::cgroups::Joining;
use super::error::{Outcome, Raise, unexpected};
use super::handle::Handle;
use super::namespaces::{self, PROPAGATION, TARGET, clocks, id_map};
use super::processes::Process;
use super::processes::streams::{self, Setup};
use super::table::{Primitive, Scope, example, example_with};
use super::types::{Param, Type, may, need};
use crate::kernel::namespaces::Offset;
use crate::kernel::processes::Call;
use crate::kernel::{KINDS, Kinds, Reply};
use crate::sys::{Errno, Pid, fork};

mod child;
mod door;

pub use child::{UNHEARD, to_message_of};

/// The words for kinds of namespaces.
pub const KIND_WORDS: &[&str] = &["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

const JOIN: &[Param] = &[
    may("cgroup", TARGET, "whose cgroup namespace"),
    may("ipc", TARGET, "whose ipc namespace"),
    may("mnt", TARGET, "whose mnt namespace"),
    may("net", TARGET, "whose net namespace"),
    may("pid", TARGET, "whose pid namespace"),
    may("time", TARGET, "whose time namespace"),
    may("user", TARGET, "whose user namespace"),
    may("uts", TARGET, "whose uts namespace"),
];

const SPAWN: &[Param] = &[
    may("unshare", Type::List(&Type::Word(KIND_WORDS)), "namespaces that the child gets of its own"),
    may("join", Type::Options(JOIN), "namespaces that the child enters, by kind: a pid, a path, a namespace or a process"),
    may(
        "id_map",
        id_map::ID_MAP,
        "with \"user\" in `unshare`: as for the primitive `id_map`; \"root\", or \"none\" to leave it to `parent`",
    ),
    may("time_offsets", Type::Options(clocks::OFFSETS), "with \"time\" in `unshare`: as for `time_offset`"),
    may("propagation", PROPAGATION, "with \"mnt\" in `unshare`: how mounts travel, for / and all below; \"private\""),
    may("parent", Type::Function, "called in the parent with the process before the child's function starts"),
    may("cgroup", Type::Handle("cgroup"), "the group that the child starts in"),
    may(
        "die_with_parent",
        Type::Boolean,
        "the kernel kills the child when this process ends; forgotten when the child changes its ids; true in a session that is typed",
    ),
    may("name", Type::Text, "the child's name in plans and traces"),
    streams::STDIN,
    streams::STDOUT,
    streams::STDERR,
    streams::PROCESS_GROUP,
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "spawn",
    summary: "Starts a child in new namespaces and runs a Lua function in it, until it ends or calls exec.",
    params: &[
        may("options", Type::Options(SPAWN), ""),
        need("body", Type::Function, "runs in the child; a number that it returns is the exit status"),
    ],
    returns: "process",
    syscalls: &["clone3(2)", "setns(2)", "mount(2)", "prctl(2)"],
    shell: "≈ unshare --fork … sh -c …",
    needs: "CAP_SYS_ADMIN for namespaces other than user; none together with \"user\"",
    scope: Scope::Children,
    reversible: true,
    examples: &[
        example("local child <close> = spawn(function() return 7 end)\nassert(child:wait().code == 7)"),
        example_with(
            &["root"],
            "local child <close> = spawn({ unshare = { \"pid\", \"uts\", \"mnt\" }, die_with_parent = true }, function()\n  sethostname(\"box\")\nend)\nassert(child:wait().code == 0)",
        ),
        example_with(
            &["userns"],
            "local child <close> = spawn({ unshare = { \"user\", \"uts\" } }, function()\n  sethostname(\"box\")\nend)\nassert(child:wait().code == 0)",
        ),
        example_with(
            &["root"],
            "local first <close> = spawn({ name = \"first\", unshare = { \"pid\", \"net\" } }, function()\n  exec { \"sleep\", \"60\" }\nend)\nfirst:started()\nlocal second <close> = spawn({ name = \"second\", join = { pid = first, net = first } }, function() return 0 end)\nassert(second:wait().code == 0)",
        ),
        example_with(
            &["root", "file:/proc/self/ns/time"],
            "local child <close> = spawn({ unshare = { \"time\" }, time_offsets = { boottime = \"24h\" } }, function()\n  assert(clock(\"boottime\") > 86400)\nend)\nassert(child:wait().code == 0)",
        ),
    ],
    see: &["exec", "process:wait", "unshare", "setns", "clone(2)", "namespaces(7)"],
    function: spawn,
}];

/// How a child starts, judged before anything is done.
struct Start {
    name: String,
    /// Namespaces of its own.
    unshare: Kinds,
    /// Open namespaces that it enters, in the order in which the rights allow it.
    join: Vec<namespaces::Opened>,
    maps: Option<id_map::Maps>,
    offsets: Vec<Offset>,
    propagation: Option<String>,
    parent: Option<Function>,
    die_with_parent: bool,
    cgroup: Option<Joining>,
}

impl Start {
    fn read(args: &Args, options: &Fields) -> Outcome<Self> {
        let unshare = namespaces::kinds_of(&options.texts("unshare"));
        let requires = |option: &str, kind: Kinds| {
            if !options.has(option) || unshare.contains(kind) {
                return Ok(());
            }
            let word = kind.words().join(", ");
            Err(Raise::argument(format!("options.{option}: it is of a new namespace; \"{word}\" is not in `unshare`")))
        };
        requires("id_map", Kinds::USER)?;
        requires("time_offsets", Kinds::TIME)?;
        requires("propagation", Kinds::MNT)?;
        let join = options.options("join")?;
        let joined: Vec<_> = KINDS.iter().filter(|(word, _, _)| join.has(word)).collect();
        if let Some((word, _, _)) = joined.iter().find(|(_, _, kind)| unshare.contains(*kind)) {
            return Err(Raise::argument(format!("options.join.{word}: \"{word}\" is in `unshare` as well; a child has one of each kind")));
        }
        let maps =
            if unshare.contains(Kinds::USER) { id_map::Maps::read(args.host, options.value("id_map"), "options.id_map")? } else { None };
        let offsets = if options.has("time_offsets") {
            clocks::offsets(&options.options("time_offsets")?, "options.time_offsets")?
        } else {
            Vec::new()
        };
        let mut start = Self {
            // Without one a plan could not tell the child from its parent.
            name: options.text("name").filter(|name| !name.is_empty()).unwrap_or_else(|| args.host.next_child()),
            unshare,
            join: Vec::new(),
            maps,
            offsets,
            propagation: options.text("propagation"),
            parent: options.function("parent"),
            // What is typed must not outlive the session, however that ends.
            die_with_parent: options.boolean("die_with_parent").unwrap_or_else(|| args.host.boxes.is_session()),
            cgroup: None,
        };
        // All are opened, and their kinds compared, before the first is entered.
        for (word, _, kind) in joined {
            start.join.push(namespaces::open(args.host, join.value(word), &format!("options.join.{word}"), *kind)?);
        }
        start.cgroup = options.handle("cgroup")?.map(|group| Joining::prepare(args.host, &group)).transpose()?;
        // With rights here the user namespace comes last, for they end there; without any it
        // comes first, for they begin there. nsenter(1) has the same order.
        let privileged = id_map::privileged(args.host);
        start.join.sort_by_key(|opened| (opened.kind == Kinds::USER) == privileged);
        Ok(start)
    }

    /// The namespaces that the clone makes. A time namespace with offsets is made by the child
    /// itself: the clone would enter it at once, and then its clocks cannot be set any more. So is
    /// a cgroup namespace on v1, whose root is the group that the child is in at that moment.
    fn cloned(&self) -> Kinds {
        let kinds = if self.offsets.is_empty() { self.unshare } else { self.unshare - Kinds::TIME };
        kinds - self.after_entering()
    }

    /// The namespaces that the child makes when it has entered its cgroup.
    fn after_entering(&self) -> Kinds {
        let enters = self.cgroup.as_ref().is_some_and(|group| !group.files.is_empty());
        if enters { self.unshare & Kinds::CGROUP } else { Kinds::empty() }
    }

    /// The clone.
    fn call(&self) -> Call {
        Call::Clone { child: self.name.clone(), kinds: self.cloned(), cgroup: self.group() }
    }

    /// The cgroup (v2) that the clone puts the child into.
    fn group(&self) -> Option<crate::sys::Fd> {
        self.cgroup.as_ref().and_then(|group| group.into.clone())
    }

    /// Whether a process in between must join before the clone: see `door.rs`.
    fn needs_door(&self) -> bool {
        let joined: Kinds = self.join.iter().map(|opened| opened.kind).collect();
        joined.intersects(Kinds::PID | Kinds::USER) || !joined.is_empty() && self.unshare.contains(Kinds::USER)
    }

    /// Whether the process in between enters the cgroup, and the child is born in it: where a
    /// hierarchy is mounted with `nsdelegate` (systemd does so), nobody gets out of a cgroup
    /// namespace that he has joined, also not into a group below its root (cgroup-v2.rst).
    fn door_enters(&self) -> bool {
        self.cgroup.is_some() && self.needs_door() && self.join.iter().any(|opened| opened.kind == Kinds::CGROUP)
    }

    /// Whether the child waits until its parent lets it go on.
    fn waits(&self) -> bool {
        self.maps.is_some() || self.parent.is_some() || self.die_with_parent || self.needs_door()
    }
}

/// Starts a child; `options` may be absent (`fork`).
pub fn spawn(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let Some(body) = args.function("body") else { return Err(Raise::argument("body: expected a function")) };
    let mut start = Start::read(args, &options)?;
    let setup = Setup::prepare(args.host, &start.name, &options)?;
    if args.host.spawned.replace(args.host.spawned.get() + 1) == 1 {
        // What children call is made once for all that follow: each would else make it for itself.
        args.lua.named_registry_value::<Function>("crun_lua.make_methods")?.call::<()>(())?;
    }
    namespaces::remember(args.host, start.unshare);
    let (ours, theirs) = namespaces::channel()?;
    let (pid, pidfd, channel, setup) = if start.needs_door() {
        if let Some(group) = start.cgroup.as_mut().filter(|group| group.into.is_some() && !args.host.kernel().is_plan())
            && !fork::has_clone3()
        {
            group.without_clone3(args.host)?;
        }
        door::start(args, &start, (ours, theirs), setup, &body)?
    } else {
        match clone(args.host, &mut start)? {
            Reply::Child => {
                drop(ours);
                child::live(args.lua, args.host, &start, theirs, setup, &body)
            }
            Reply::Process(pid, pidfd) => {
                drop(theirs);
                (pid, pidfd, ours, setup)
            }
            _ => return Err(unexpected(&start.call().into(), Errno::EPROTO)),
        }
    };
    let planned = pid.is_planned();
    let handle = args.host.ledger.adopt(Process::new(pid.clone(), pidfd, channel), None);
    if planned {
        child::inside(args.host, &start, || child::begin(args.host, &start, &setup))?;
    }
    if let Err(raise) = attend(args, &start, &pid, &handle, setup) {
        // What fails here takes the waiting child with it; why it failed is what the script hears.
        let _ = handle.close(args.host);
        return Err(raise);
    }
    if planned {
        child::inside(args.host, &start, || child::plan(args, &start, &body))?;
    }
    Ok(Value::UserData(args.lua.create_userdata(handle)?))
}

/// Starts the child. Nobody is born in a cgroup (v2) without `clone3`, which is younger than what else
/// is needed, and which filters refuse: then the child enters by a file, as on v1.
fn clone(host: &super::Host, start: &mut Start) -> Outcome<Reply> {
    let answer = host.run(start.call());
    let lacks = answer.as_ref().is_err_and(|failure| failure.errno() == Some(Errno::ENOSYS));
    match &mut start.cgroup {
        Some(group) if lacks && group.into.is_some() => {
            group.without_clone3(host)?;
            host.run(start.call())
        }
        _ => answer,
    }
}

/// The parent's work while the child waits, and the word on which it goes on.
fn attend(args: &Args, start: &Start, pid: &Pid, handle: &Handle, setup: Setup) -> Outcome<()> {
    setup.attend(args.host, &*handle.open::<Process>()?)?;
    if let Some(maps) = &start.maps {
        maps.write(args.host, Some(pid))?;
    }
    if let Some(parent) = &start.parent {
        let child = Value::UserData(args.lua.create_userdata(handle.clone())?);
        super::call_back(args.lua, args.host, parent, child)?;
    }
    if start.waits() && !pid.is_planned() {
        handle.open::<Process>()?.release()?;
    }
    Ok(())
}

const _: () = assert!(KIND_WORDS.len() == KINDS.len());

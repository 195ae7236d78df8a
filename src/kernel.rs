//! The one gate: everything that changes the kernel is a value, and goes through one door.
//!
//! A [`Call`] holds the real arguments of one request. [`Kernel::run`] is the only way to have it
//! done. [`Live`] does it and [`Fault`] lets one fail. [`Faces`] stands in front of them: it has a call
//! told by [`Explain`], written down by [`Trace`], or only remembered by a [`Plan`]. Whoever holds a
//! `Kernel` cannot tell which it is, so a script runs unchanged under all of them.

use std::fmt;
use std::rc::Rc;

use crate::sys::{self, Errno};

mod back;
mod event;
mod explain;
mod faces;
mod guard;
pub mod journal;
mod layout;
mod lesson;
mod live;
mod plan;
mod quoting;
mod request;
mod script;
mod trace;
mod witness;

pub mod archives;
pub mod attributes;
pub mod capabilities;
pub mod cgroups;
pub mod files;
pub mod lsm;
pub mod mounts;
pub mod namespaces;
pub mod network;
pub mod processes;
pub mod programs;
pub mod rootfs;
pub mod seccomp;
pub mod sockets;
pub mod spawn;
pub mod state;
pub mod supervision;
pub mod sysctl;
pub mod terminal;
pub mod users;

pub use event::{Event, Stage};
pub use explain::{Detail, Explain};
pub use faces::Faces;
pub use guard::{Guard, KINDS, Kinds};
pub use journal::{Journal, Kept, gc, gc_of};
pub use lesson::{Lesson, Mark, Script};
pub use live::{Effect, Fault, Live, Target};
pub use plan::{Plan, Step};
pub use quoting::{quote, shell_quote};
pub use request::{Fact, Reply, Request, Shell, Silence};
pub use state::{remember_root, root_is_the_first, state_dir};
pub use trace::Trace;
pub use witness::Witness;

/// Declares `Call`, the sum of the topics, and hands every method of [`Request`] on to them.
macro_rules! calls {
    ($($topic:ident :: $name:ident),* $(,)?) => {
        /// One request, complete enough to run, to print or to remember.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Call {
            $(#[doc = concat!("See [`", stringify!($topic), "`].")] $name($topic::Call),)*
        }

        impl Call {
            /// The topic that the call belongs to.
            #[must_use]
            pub fn topic(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($topic),)* }
            }

            fn request(&self) -> &dyn Request {
                match self { $(Self::$name(call) => call,)* }
            }
        }

        $(impl From<$topic::Call> for Call {
            fn from(call: $topic::Call) -> Self { Self::$name(call) }
        })*
    };
}

calls! {
    archives::Archives,
    attributes::Attributes,
    capabilities::Capabilities,
    cgroups::Cgroups,
    files::Files,
    lsm::Lsm,
    mounts::Mounts,
    namespaces::Namespaces,
    network::Network,
    processes::Processes,
    programs::Programs,
    rootfs::Rootfs,
    seccomp::Seccomp,
    sockets::Sockets,
    spawn::Spawn,
    state::State,
    supervision::Supervision,
    sysctl::Sysctl,
    terminal::Terminal,
    users::Users,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.request().fmt(f)
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        self.request().execute()
    }
    fn planned(&self) -> Reply {
        self.request().planned()
    }
    fn shell(&self) -> Shell {
        self.request().shell()
    }
    fn facts(&self) -> Vec<Fact> {
        self.request().facts()
    }
    fn facts_after(&self, reply: &Reply) -> Vec<Fact> {
        self.request().facts_after(reply)
    }
    fn lesson(&self) -> Lesson {
        self.request().lesson()
    }
    fn script(&self) -> Script {
        self.request().script()
    }
    fn silence(&self) -> Silence {
        self.request().silence()
    }
    fn forks(&self) -> bool {
        self.request().forks()
    }
    fn irreversible(&self) -> bool {
        self.request().irreversible()
    }
    fn returns(&self) -> bool {
        self.request().returns()
    }
    fn hint(&self, errno: Errno) -> Option<String> {
        self.request().hint(errno).or_else(|| hint_for_any(errno))
    }
}

/// What can be said of an error whatever the call was.
fn hint_for_any(errno: Errno) -> Option<String> {
    let text = match errno {
        Errno::ENOSYS => "this kernel does not have the call; `crun-lua --version` names the oldest kernel that is supported",
        Errno::EMFILE => "too many open descriptors in this process: close handles, or raise `rlimit { nofile = … }`",
        Errno::ENOSPC => "a limit of the kernel or of the file system is reached; for namespaces see /proc/sys/user/max_*",
        _ => return None,
    };
    Some(text.to_owned())
}

/// A call that failed, with what is known about why.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The call in strace's notation.
    pub call: String,
    /// The kernel's answer.
    pub errno: Errno,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// The failure of `call` with `errno`.
    #[must_use]
    pub fn new(call: &Call, errno: Errno) -> Self {
        Self { call: call.to_string(), errno, hint: call.hint(errno) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = -1 {:?} ({})", self.call, self.errno, self.errno.desc())
    }
}

impl std::error::Error for Failure {}

/// Where a script stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// The script's name; a module's where no script is running.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The text of that line, where it is known.
    pub text: Option<Rc<str>>,
    /// The module's line that the script's line has come to.
    pub via: Option<(String, usize)>,
    /// The primitive that makes the call; empty where none does: at the end of a script.
    pub primitive: &'static str,
    /// Which run of it: the calls of one run belong together.
    pub turn: u64,
    /// The primitive with its arguments, as it would be written in Lua.
    pub said: Option<Rc<str>>,
}

/// Tells where the running script stands. Supplied by the layer that runs scripts.
pub trait Locator {
    /// Where it stands.
    fn site(&self) -> Site;

    /// The text of a script, by the name that a [`Site`] calls it.
    fn source(&self, file: &str) -> Option<Rc<[u8]>>;
}

/// A locator that several share.
pub type Locate = Rc<dyn Locator>;

/// Where calls go.
pub trait Kernel {
    /// Has one call done, or remembered.
    fn run(&self, call: &Call) -> Result<Reply, Failure>;

    /// Whether calls are only remembered: what they answer is not known.
    fn is_plan(&self) -> bool {
        false
    }

    /// Whether a planned call may have made this path by then: whether it is there is not known.
    fn foresees(&self, path: &std::path::Path) -> bool {
        let _ = path;
        false
    }

    /// Whether planned calls have made this place in a root that is planned as well; nothing where
    /// that is not known.
    fn made(&self, place: &std::path::Path) -> Option<bool> {
        let _ = place;
        None
    }

    /// Whether somebody wants to know of calls: then the script's side says more about them.
    fn listens(&self) -> bool {
        false
    }

    /// The faces that can be switched, where it has some.
    fn faces(&self) -> Option<&Faces> {
        None
    }

    /// Told that this process is about to end.
    fn end(&self) {}

    /// Descriptors that it writes to, which a child must not let go of.
    fn descriptors(&self) -> Vec<std::os::fd::RawFd> {
        Vec::new()
    }

    /// Told that the program now stands in (or, with `false`, has left) a child's body.
    fn enter_child(&self, label: &str, enter: bool) {
        let _ = (label, enter);
    }
}

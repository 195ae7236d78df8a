//! The host guard: what would change the host is refused while the process still stands in it.
//!
//! Host namespaces are those that the process was started in. The guard costs no system call: the
//! calls that enter a namespace tell it, live and in a plan alike.

use std::cell::{Cell, RefCell};

/// What tells one namespace from another: the device and the inode of its file.
type Identity = (u64, u64);

bitflags::bitflags! {
    /// Kinds of namespaces, with the kernel's own flag values (`CLONE_NEW*`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Kinds: u32 {
        /// `CLONE_NEWTIME`
        const TIME = 0x0000_0080;
        /// `CLONE_NEWNS`
        const MNT = 0x0002_0000;
        /// `CLONE_NEWCGROUP`
        const CGROUP = 0x0200_0000;
        /// `CLONE_NEWUTS`
        const UTS = 0x0400_0000;
        /// `CLONE_NEWIPC`
        const IPC = 0x0800_0000;
        /// `CLONE_NEWUSER`
        const USER = 0x1000_0000;
        /// `CLONE_NEWPID`
        const PID = 0x2000_0000;
        /// `CLONE_NEWNET`
        const NET = 0x4000_0000;
    }
}

/// Every kind with the word that scripts use for it and the kernel's name of the flag.
pub const KINDS: [(&str, &str, Kinds); 8] = [
    ("cgroup", "CLONE_NEWCGROUP", Kinds::CGROUP),
    ("ipc", "CLONE_NEWIPC", Kinds::IPC),
    ("mnt", "CLONE_NEWNS", Kinds::MNT),
    ("net", "CLONE_NEWNET", Kinds::NET),
    ("pid", "CLONE_NEWPID", Kinds::PID),
    ("time", "CLONE_NEWTIME", Kinds::TIME),
    ("user", "CLONE_NEWUSER", Kinds::USER),
    ("uts", "CLONE_NEWUTS", Kinds::UTS),
];

impl Kinds {
    /// The kind that scripts call `word`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        KINDS.iter().find(|(name, _, _)| *name == word).map(|(_, _, kind)| *kind)
    }

    /// The words of the kinds in this set.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        KINDS.iter().filter(|(_, _, kind)| self.contains(*kind)).map(|(word, _, _)| *word).collect()
    }

    /// The kernel's flags, as strace writes them.
    #[must_use]
    pub fn flags(self) -> String {
        let names: Vec<_> = KINDS.iter().filter(|(_, _, kind)| self.contains(*kind)).map(|(_, flag, _)| *flag).collect();
        if names.is_empty() { "0".to_owned() } else { names.join("|") }
    }
}

/// Which of the host's namespaces the process has left, and whether the guard is lifted.
#[derive(Debug, Default)]
pub struct Guard {
    left: Cell<Kinds>,
    /// Left for children only: a process cannot change its own pid namespace.
    ahead: Cell<Kinds>,
    /// The host's namespaces, each read before the process leaves it for the first time.
    home: RefCell<Vec<(Kinds, Identity)>>,
    lifted: Cell<bool>,
}

impl Guard {
    /// A guard over a process that stands in the host's namespaces; `lifted` by `--allow-host`.
    #[must_use]
    pub fn new(lifted: bool) -> Self {
        let guard = Self::default();
        guard.lifted.set(lifted);
        guard
    }

    /// The process has gone into namespaces of its own.
    pub fn leave(&self, kinds: Kinds) {
        self.left.set(self.left.get() | kinds);
    }

    /// The process has gone back into the host's namespaces.
    pub fn come_back(&self, kinds: Kinds) {
        self.left.set(self.left.get() - kinds);
    }

    /// The children from now on start in namespaces of their own; the process stays where it is.
    pub fn send_ahead(&self, kinds: Kinds) {
        self.ahead.set(self.ahead.get() | kinds);
    }

    /// The children from now on start in the host's namespaces again.
    pub fn call_back(&self, kinds: Kinds) {
        self.ahead.set(self.ahead.get() - kinds);
    }

    /// The kinds that only children are sent into.
    #[must_use]
    pub fn ahead(&self) -> Kinds {
        self.ahead.get()
    }

    /// Notes the host's namespaces that the process is about to leave, each the first time only.
    pub fn remember(&self, kinds: Kinds, read: impl Fn(&str) -> Option<Identity>) {
        let known: Kinds = self.home.borrow().iter().map(|(kind, _)| *kind).collect();
        for (word, _, kind) in KINDS.iter().filter(|(_, _, kind)| (kinds - known - self.left.get()).contains(*kind)) {
            if let Some(identity) = read(word) {
                self.home.borrow_mut().push((*kind, identity));
            }
        }
    }

    /// Whether this is the host's namespace of its kind. One that was never left is not known.
    #[must_use]
    pub fn is_home(&self, kind: Kinds, identity: Identity) -> bool {
        self.home.borrow().contains(&(kind, identity))
    }

    /// The kinds that are not the host's any more.
    #[must_use]
    pub fn left(&self) -> Kinds {
        self.left.get()
    }

    /// Where the process and its children stand, for [`Guard::restore`].
    #[must_use]
    pub fn saved(&self) -> (Kinds, Kinds) {
        (self.left.get(), self.ahead.get())
    }

    /// Puts back what [`Guard::saved`] said earlier: a plan does so after a child's body.
    pub fn restore(&self, (left, ahead): (Kinds, Kinds)) {
        self.left.set(left);
        self.ahead.set(ahead);
    }

    /// Whether a change that belongs to the namespaces `kinds` may be made.
    #[must_use]
    pub fn allows(&self, kinds: Kinds) -> bool {
        self.lifted.get() || self.left.get().contains(kinds)
    }
}

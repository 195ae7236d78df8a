//! The host guard: what would change the host is refused while the process still stands in it.
//!
//! Host namespaces are those that the process was started in. The guard costs no system call: the
//! calls that enter a namespace tell it, live and in a plan alike.

use std::cell::Cell;

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

    /// The kinds that are not the host's any more.
    #[must_use]
    pub fn left(&self) -> Kinds {
        self.left.get()
    }

    /// Puts back what [`Guard::left`] said earlier: a plan does so after a child's body.
    pub fn restore(&self, left: Kinds) {
        self.left.set(left);
    }

    /// Whether a change that belongs to the namespaces `kinds` may be made.
    #[must_use]
    pub fn allows(&self, kinds: Kinds) -> bool {
        self.lifted.get() || self.left.get().contains(kinds)
    }
}

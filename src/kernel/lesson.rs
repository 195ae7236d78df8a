//! What a call means to whoever reads of it: its row in a plan, why it is made, what it needs.
//!
//! Every topic has one function that answers with a [`Lesson`] for each of its calls, so the words
//! of `--explain` and `--dry-run` stand together and can be read as a text.

use std::borrow::Cow;

use super::{Kinds, Shell};

/// What a call does to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is there afterwards.
    Add,
    /// It is another afterwards.
    Change,
    /// It is gone afterwards.
    Remove,
    /// Something runs, or is waited for.
    Run,
    /// It is only opened, looked at or tidied up.
    Look,
}

impl Mark {
    /// The sign in front of a plan's row.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
            Self::Run => '▸',
            Self::Look => ' ',
        }
    }
}

/// The words about one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lesson {
    /// What happens to the thing.
    pub mark: Mark,
    /// What kind of thing: `mount`, `cgroup`, `link`.
    pub kind: &'static str,
    /// Which one; rows of one kind and name are one row.
    pub name: String,
    /// What is set on it.
    pub detail: String,
    /// Why the call is made, or what it means for what comes after it.
    pub note: Option<Cow<'static, str>>,
    /// What the kernel wants to see for it.
    pub needs: Option<&'static str>,
    /// Namespaces whose owner must have given the right for it.
    pub owners: Kinds,
}

impl Lesson {
    /// The row of a plan.
    pub fn new(mark: Mark, kind: &'static str, name: impl Into<String>) -> Self {
        Self { mark, kind, name: name.into(), detail: String::new(), note: None, needs: None, owners: Kinds::empty() }
    }

    /// A call that a reader is shown only on request.
    pub fn look(kind: &'static str, name: impl Into<String>) -> Self {
        Self::new(Mark::Look, kind, name)
    }

    /// What is set.
    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Why.
    #[must_use]
    pub fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// What the kernel wants.
    #[must_use]
    pub fn needs(mut self, needs: &'static str) -> Self {
        self.needs = Some(needs);
        self
    }

    /// Whose owner must have given the right.
    #[must_use]
    pub fn owned_by(mut self, kinds: Kinds) -> Self {
        self.owners = kinds;
        self
    }

    /// Whether a reader is shown it only on request.
    #[must_use]
    pub fn is_look(&self) -> bool {
        self.mark == Mark::Look
    }
}

/// How a call is written in a shell script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// A line of its own; the second text says how it differs, where it does.
    Line(String, Option<&'static str>),
    /// A command that changes only what it starts: the rest of the process goes behind it. Words for
    /// the same command are joined: `setpriv` with `--no-new-privs` and `--reuid 1000`.
    Wrap {
        /// `setpriv`
        command: &'static str,
        /// Its options.
        options: String,
        /// How it differs, where it does.
        how: Option<&'static str>,
    },
    /// A new process, whose calls go inside.
    Child {
        /// Its name in plans.
        name: String,
        /// Namespaces of its own.
        kinds: Kinds,
        /// The directory of the cgroup (v2) that it starts in.
        cgroup: Option<String>,
    },
    /// The id maps of a child with a user namespace.
    Map {
        /// The child; the caller where there is none.
        child: Option<String>,
        /// The options of unshare(1).
        options: String,
    },
    /// The process becomes a program.
    Exec(String),
    /// Waits for children.
    Wait(Vec<String>),
    /// No command does it.
    Missing,
    /// Nothing has to be done for it in a shell.
    Needless,
}

impl Script {
    /// What the equivalent command is good for as a line; one with a gap (`…`) in it cannot be run.
    #[must_use]
    pub fn of(shell: Shell) -> Self {
        match shell {
            Shell::Exact(command) => Self::Line(command, None),
            Shell::Close(command, how) if !command.contains('…') => Self::Line(command, Some(how)),
            Shell::Close(..) | Shell::None => Self::Missing,
        }
    }
}

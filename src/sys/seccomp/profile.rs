//! What a filter means, before it is a program: a default, and rules by system call.

/// What happens to a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The process ends with `SIGSYS`.
    KillProcess,
    /// The thread ends.
    KillThread,
    /// The thread gets `SIGSYS`, which it may handle.
    Trap,
    /// The call is not made and answers with this error number.
    Errno(u16),
    /// A process behind the listener decides.
    Notify,
    /// A tracer decides; the number is for it. Without a tracer `ENOSYS` is answered.
    Trace(u16),
    /// The call is made and logged.
    Log,
    /// The call is made.
    Allow,
}

impl Action {
    /// From the strictest to the mildest: where several filters match, the kernel takes the first.
    #[must_use]
    pub fn severity(self) -> u8 {
        match self {
            Self::KillProcess => 0,
            Self::KillThread => 1,
            Self::Trap => 2,
            Self::Errno(_) => 3,
            Self::Notify => 4,
            Self::Trace(_) => 5,
            Self::Log => 6,
            Self::Allow => 7,
        }
    }

    /// The word for it in profiles.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::KillProcess => "kill_process",
            Self::KillThread => "kill_thread",
            Self::Trap => "trap",
            Self::Errno(_) => "errno",
            Self::Notify => "notify",
            Self::Trace(_) => "trace",
            Self::Log => "log",
            Self::Allow => "allow",
        }
    }

    /// The value that a filter answers with (`SECCOMP_RET_*` of linux/seccomp.h).
    #[must_use]
    pub fn value(self) -> u32 {
        match self {
            Self::KillProcess => 0x8000_0000,
            Self::KillThread => 0,
            Self::Trap => 0x0003_0000,
            Self::Errno(number) => 0x0005_0000 | u32::from(number),
            Self::Notify => 0x7fc0_0000,
            Self::Trace(number) => 0x7ff0_0000 | u32::from(number),
            Self::Log => 0x7ffc_0000,
            Self::Allow => 0x7fff_0000,
        }
    }

    /// The reverse of [`Action::value`]; what the kernel does not know kills the process.
    #[must_use]
    pub fn from_value(value: u32) -> Self {
        let data = u16::try_from(value & 0xffff).unwrap_or_default();
        match value & 0xffff_0000 {
            0 => Self::KillThread,
            0x0003_0000 => Self::Trap,
            0x0005_0000 => Self::Errno(data),
            0x7fc0_0000 => Self::Notify,
            0x7ff0_0000 => Self::Trace(data),
            0x7ffc_0000 => Self::Log,
            0x7fff_0000 => Self::Allow,
            _ => Self::KillProcess,
        }
    }
}

/// How an argument is compared, as an unsigned number of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Equal after `and` with this mask.
    MaskedEq(u64),
}

/// One condition on one argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compare {
    /// Which argument, from 0 to 5.
    pub index: u32,
    /// How.
    pub op: Op,
    /// With what.
    pub value: u64,
}

impl Compare {
    /// Whether an argument meets the condition.
    #[must_use]
    pub fn holds(&self, argument: u64) -> bool {
        match self.op {
            Op::Eq => argument == self.value,
            Op::Ne => argument != self.value,
            Op::Lt => argument < self.value,
            Op::Le => argument <= self.value,
            Op::Gt => argument > self.value,
            Op::Ge => argument >= self.value,
            Op::MaskedEq(mask) => argument & mask == self.value & mask,
        }
    }

    /// Whether it can be shown that no argument meets both conditions.
    fn excludes(&self, other: &Self) -> bool {
        if self.index != other.index {
            return false;
        }
        if let (Op::MaskedEq(a), Op::MaskedEq(b)) = (self.op, other.op) {
            return (self.value ^ other.value) & a & b != 0;
        }
        match (self.op, other.op) {
            (Op::Eq, _) => !other.holds(self.value),
            (_, Op::Eq) => !self.holds(other.value),
            _ => match (self.range(), other.range()) {
                (Some(a), Some(b)) => a.0 > b.1 || b.0 > a.1,
                _ => false,
            },
        }
    }

    fn range(&self) -> Option<(u64, u64)> {
        match self.op {
            Op::Lt => Some((0, self.value.saturating_sub(1))),
            Op::Le => Some((0, self.value)),
            Op::Gt => Some((self.value.saturating_add(1), u64::MAX)),
            Op::Ge => Some((self.value, u64::MAX)),
            Op::Eq => Some((self.value, self.value)),
            Op::Ne | Op::MaskedEq(_) => None,
        }
    }
}

/// What happens to one system call, where all the conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The call's name.
    pub name: String,
    /// What happens.
    pub action: Action,
    /// Each argument at most once.
    pub args: Vec<Compare>,
}

impl Rule {
    /// Whether it can be shown that no call meets both rules.
    #[must_use]
    pub fn excludes(&self, other: &Self) -> bool {
        self.args.iter().any(|a| other.args.iter().any(|b| a.excludes(b)))
    }
}

/// From which number on a call is answered with `ENOSYS` instead of the default action.
///
/// A libc tries a new call first and falls back to an older one on `ENOSYS`, not on `EPERM`, so
/// that a refusal of calls that a profile's author could not know breaks programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newer {
    /// Past the highest number that the profile names, as runc does it for OCI profiles.
    ThanProfile,
    /// Past the highest number that this program knows.
    ThanProgram,
}

/// A filter's meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What happens to a call without a rule.
    pub default: Action,
    /// Words of [`super::names::ARCHES`]. Calls of any other architecture kill the process.
    pub arches: Vec<&'static str>,
    /// The rules, in no particular order: one without conditions wins over those with, and one with the
    /// default action says nothing (as with runc and crun).
    pub rules: Vec<Rule>,
    /// What is too new to be judged.
    pub newer: Newer,
}

impl Profile {
    /// Whether a listener has to answer some calls.
    #[must_use]
    pub fn notifies(&self) -> bool {
        self.default == Action::Notify || self.rules.iter().any(|rule| rule.action == Action::Notify)
    }
}

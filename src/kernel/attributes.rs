//! What a process carries: limits, scheduling, umask, personality, keyrings, death signal.

use std::fmt;

use super::processes::signal_name;
use super::{Fact, Lesson, Reply, Request, Script, Shell, quote};
use crate::sys::attributes::{self, Scheduling, UNLIMITED};
use crate::sys::{self, Errno};

mod lesson;
mod words;

pub use words::{IO_CLASSES, LIMITS, MEM_FLAGS, MEM_MODES, PERSONAS, POLICIES, SCHED_FLAGS, limit_number, number_in, words_in};

/// A change of what the calling process carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `prlimit(2)`
    Limit {
        /// Another process.
        pid: Option<i32>,
        /// A name of [`LIMITS`].
        kind: &'static str,
        /// The soft limit; stays where there is none.
        soft: Option<u64>,
        /// The hard limit; stays where there is none.
        hard: Option<u64>,
    },
    /// `umask(2)`: answers the mask before.
    Umask {
        /// Permission bits that new files do not get.
        mask: u32,
    },
    /// `setpriority(2)`
    Nice {
        /// From -20 to 19.
        value: i32,
    },
    /// `sched_setattr(2)`
    Scheduler {
        /// All attributes.
        attr: Scheduling,
    },
    /// `ioprio_set(2)`
    IoPriority {
        /// A place in [`IO_CLASSES`].
        class: i32,
        /// From 0 to 7.
        level: i32,
    },
    /// `sched_setaffinity(2)`
    Affinity {
        /// Processors by number.
        cpus: Vec<usize>,
    },
    /// `personality(2)`
    Personality {
        /// The domain, with flags.
        persona: u64,
    },
    /// A write to `/proc/PID/oom_score_adj`.
    OomScore {
        /// Another process.
        pid: Option<i32>,
        /// From -1000 (never) to 1000 (first).
        score: i32,
    },
    /// `prctl(PR_SET_PDEATHSIG)`
    DeathSignal {
        /// The signal's number; 0 for none.
        signal: i32,
    },
    /// `prctl(PR_SET_DUMPABLE)`
    Dumpable {
        /// Whether it may be traced.
        on: bool,
    },
    /// `prctl(PR_SET_CHILD_SUBREAPER)`
    Subreaper {
        /// Whether it adopts orphans.
        on: bool,
    },
    /// `keyctl(KEYCTL_JOIN_SESSION_KEYRING)`: answers the serial number.
    JoinKeyring {
        /// The keyring's name; a new one without a name where there is none.
        name: Option<String>,
    },
    /// `keyctl(KEYCTL_CLEAR)` of the session keyring.
    ClearKeyring,
    /// `set_mempolicy(2)`
    MemPolicy {
        /// `MPOL_…` with flags.
        mode: u32,
        /// Memory nodes by number.
        nodes: Vec<u32>,
    },
}

fn bound(limit: Option<u64>) -> String {
    match limit {
        None => "(same)".to_owned(),
        Some(UNLIMITED) => "RLIM64_INFINITY".to_owned(),
        Some(number) => number.to_string(),
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { pid, kind, soft, hard } => {
                let (soft, hard) = (bound(*soft), bound(*hard));
                let kind = kind.to_uppercase();
                write!(f, "prlimit64({}, RLIMIT_{kind}, {{rlim_cur={soft}, rlim_max={hard}}}, NULL)", pid.unwrap_or(0))
            }
            Self::Umask { mask } => write!(f, "umask({mask:03o})"),
            Self::Nice { value } => write!(f, "setpriority(PRIO_PROCESS, 0, {value})"),
            Self::Scheduler { attr } => {
                let policy = words::word_in(POLICIES, attr.policy).to_uppercase();
                write!(f, "sched_setattr(0, {{sched_policy=SCHED_{policy}, sched_flags={:#x}, sched_nice={}", attr.flags, attr.nice)?;
                write!(f, ", sched_priority={}", attr.priority)?;
                if !attr.runtime.is_zero() {
                    let [runtime, deadline, period] = [attr.runtime, attr.deadline, attr.period].map(|time| time.as_nanos());
                    write!(f, ", sched_runtime={runtime}, sched_deadline={deadline}, sched_period={period}")?;
                }
                f.write_str("}, 0)")
            }
            Self::IoPriority { class, level } => {
                let class = words::word_in(IO_CLASSES, class.cast_unsigned()).to_uppercase();
                write!(f, "ioprio_set(IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_{class}, {level}))")
            }
            Self::Affinity { cpus } => write!(f, "sched_setaffinity(0, {cpus:?})"),
            Self::Personality { persona } => write!(f, "personality({persona:#x})"),
            Self::OomScore { pid, score } => {
                write!(f, "write(<{}>, \"{score}\", {})", attributes::oom_path(*pid), score.to_string().len())
            }
            Self::DeathSignal { signal: 0 } => f.write_str("prctl(PR_SET_PDEATHSIG, 0)"),
            Self::DeathSignal { signal } => write!(f, "prctl(PR_SET_PDEATHSIG, SIG{})", signal_name(*signal).to_uppercase()),
            Self::Dumpable { on } => write!(f, "prctl(PR_SET_DUMPABLE, {})", u8::from(*on)),
            Self::Subreaper { on } => write!(f, "prctl(PR_SET_CHILD_SUBREAPER, {})", u8::from(*on)),
            Self::JoinKeyring { name: Some(name) } => write!(f, "keyctl(KEYCTL_JOIN_SESSION_KEYRING, {})", quote(name.as_bytes(), 64)),
            Self::JoinKeyring { name: None } => f.write_str("keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)"),
            Self::ClearKeyring => f.write_str("keyctl(KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING)"),
            Self::MemPolicy { mode, nodes } => {
                let word = words::word_in(MEM_MODES, mode & 0xff).to_uppercase();
                let flags = words::words_in(MEM_FLAGS, u64::from(*mode)).into_iter().map(|flag| format!("|MPOL_F_{}", flag.to_uppercase()));
                write!(f, "set_mempolicy(MPOL_{word}{}, {nodes:?})", flags.collect::<String>())
            }
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Limit { pid, kind, soft, hard } => {
                attributes::set_limit(pid.unwrap_or(0), limit_number(kind).ok_or(Errno::EINVAL)?, *soft, *hard)?;
            }
            Self::Umask { mask } => return Ok(Reply::Number(attributes::umask(*mask).into())),
            Self::Nice { value } => attributes::set_nice(*value)?,
            Self::Scheduler { attr } => attributes::set_scheduling(attr)?,
            Self::IoPriority { class, level } => attributes::set_io_priority(*class, *level)?,
            Self::Affinity { cpus } => attributes::set_affinity(cpus)?,
            Self::Personality { persona } => drop(attributes::personality(*persona)?),
            Self::OomScore { pid, score } => attributes::set_oom_score(*pid, *score)?,
            Self::DeathSignal { signal } => attributes::set_death_signal(*signal)?,
            Self::Dumpable { on } => attributes::set_dumpable(*on)?,
            Self::Subreaper { on } => attributes::set_subreaper(*on)?,
            Self::JoinKeyring { name } => return attributes::join_session_keyring(name.as_deref()).map(Reply::Number),
            Self::ClearKeyring => attributes::clear_session_keyring()?,
            Self::MemPolicy { mode, nodes } => attributes::set_mem_policy(*mode, nodes)?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Umask { .. } | Self::JoinKeyring { .. } => Reply::Number(0),
            _ => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self)
    }

    fn shell(&self) -> Shell {
        words::shell(self)
    }

    fn facts(&self) -> Vec<Fact> {
        words::facts(self)
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        words::hint(self, errno)
    }
}

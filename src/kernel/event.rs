//! One call as it happened: what every face of the gate is made from.

use std::time::Duration;

use super::{Call, Fact, Failure, Reply, Site, attributes};

/// A call, where the script made it, and what became of it.
pub struct Event<'a> {
    /// The call's number in its process; a child goes on counting from its parent's.
    pub number: u64,
    /// The path of children that the process is: `""` for the first process, `child 1/child 1`.
    pub inside: String,
    /// How many children deep that is.
    pub depth: usize,
    /// The script's line.
    pub site: Site,
    /// What was asked for.
    pub call: &'a Call,
    /// When, since the start of the program.
    pub at: Duration,
    /// How long it took.
    pub took: Duration,
    /// What the kernel showed before.
    pub before: Vec<Fact>,
    /// What it showed after.
    pub after: Vec<Fact>,
    /// The answer, where there is one yet.
    pub result: Option<Result<Reply, Failure>>,
}

/// When a call is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before it is made: afterwards nobody could.
    Ahead,
    /// When it has been made.
    Done,
    /// Instead of being made.
    Planned,
}

impl Event<'_> {
    /// The answer as strace writes it; `?` where there is none yet.
    #[must_use]
    pub fn answer(&self) -> String {
        match &self.result {
            None => "?".to_owned(),
            // strace(1) writes a mask as chmod(1) takes it.
            Some(Ok(Reply::Number(mask))) if matches!(self.call, Call::Attributes(attributes::Call::Umask { .. })) => format!("{mask:03o}"),
            Some(Ok(Reply::Done)) => written(&self.call.to_string()).unwrap_or_else(|| "0".to_owned()),
            Some(Ok(reply)) => show(reply),
            Some(Err(failure)) => format!("-1 {:?} ({})", failure.errno, failure.errno.desc()),
        }
    }

    /// The process that the call has started.
    #[must_use]
    pub fn child(&self) -> Option<i32> {
        match &self.result {
            Some(Ok(Reply::Process(pid, _))) => pid.raw().ok(),
            _ => None,
        }
    }
}

/// What write(2) answers: as many bytes as it was given.
fn written(call: &str) -> Option<String> {
    let alone = call.starts_with("write(") && !call.contains("), write(") && !call.contains("); ");
    let count = call.strip_suffix(')')?.rsplit(", ").next()?;
    (alone && !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit())).then(|| count.to_owned())
}

fn show(reply: &Reply) -> String {
    match reply {
        Reply::Number(number) => number.to_string(),
        Reply::Pid(pid) | Reply::Process(pid, _) => pid.raw().map_or_else(|_| "?".to_owned(), |raw| raw.to_string()),
        Reply::Fd(fd) => fd.raw().map_or_else(|_| format!("?{fd}"), |raw| format!("{raw}{fd}")),
        Reply::Pair(one, other) => match (one.raw(), other.raw()) {
            (Ok(one), Ok(other)) => format!("0 [{one}, {other}]"),
            _ => "0 [?, ?]".to_owned(),
        },
        Reply::Bytes(bytes) => bytes.len().to_string(),
        Reply::Done | Reply::Ended(..) | Reply::Child => "0".to_owned(),
    }
}

//! What outlives the process is written down first, so that it can be removed by another.
//!
//! Each process that makes something lasting (a cgroup, a link, a pinned namespace) has a file
//! `journal/PID-STARTTIME` of JSON lines under the state directory: a line before the thing is
//! made, and a line after it is gone. When the process is dead, [`gc`] takes back what is left.

use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{private_dir, state_dir};
use super::{Call, Kernel};
use crate::sys::cgroups::read_short;
use crate::sys::fork;

/// A path as the journal has it: a text, or the numbers of its bytes where these are none.
#[must_use]
pub fn written(path: &Path) -> Value {
    path.to_str().map_or_else(|| path.as_os_str().as_bytes().into(), Value::from)
}

/// The path that [`written`] has written.
#[must_use]
pub fn path_of(written: &Value) -> Option<PathBuf> {
    if let Some(text) = written.as_str() {
        return Some(text.into());
    }
    let bytes = written.as_array()?.iter().map(|byte| byte.as_u64()?.try_into().ok()).collect::<Option<Vec<u8>>>()?;
    Some(OsString::from_vec(bytes).into())
}

/// One lasting thing: its kind, and what its topic needs to remove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// `cgroup`, `link`, `pin`, `directory` …
    pub kind: String,
    /// The topic's own description.
    pub what: Value,
}

impl Kept {
    /// A lasting thing of this kind.
    #[must_use]
    pub fn new(kind: &str, what: Value) -> Self {
        Self { kind: kind.to_owned(), what }
    }

    /// The calls that remove it; each may fail where the thing is gone already. Others have `living`.
    fn undo(&self, living: &[Self]) -> Vec<Call> {
        match self.kind.as_str() {
            "directory" => super::files::undo(&self.what),
            "pin" => super::namespaces::undo(&self.what),
            "link" => super::network::undo_link(&self.what),
            "netns" => super::network::undo_netns(&self.what),
            "nft_table" => super::network::undo_table(&self.what),
            "mount" => super::mounts::undo(&self.what),
            "cgroup" => {
                let others: Vec<&Value> = living.iter().filter(|other| other.kind == "cgroup").map(|other| &other.what).collect();
                super::cgroups::undo(&self.what, &others)
            }
            _ => Vec::new(),
        }
    }
}

#[derive(Serialize, Deserialize)]
enum Line {
    Made(u64, Kept),
    Gone(u64),
}

/// This process's file, opened when the first line is written.
#[derive(Debug, Default)]
pub struct Journal {
    file: RefCell<Option<(File, PathBuf)>>,
    next: Cell<u64>,
    open: Cell<u64>,
}

impl Journal {
    /// Writes down what is about to be made; the number is for [`Journal::gone`].
    pub fn made(&self, kept: Kept) -> io::Result<u64> {
        if self.file.borrow().is_none() {
            let dir = state_dir()?.join("journal");
            private_dir(&dir)?;
            let path = dir.join(own_name()?);
            let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW).open(&path)?;
            self.file.replace(Some((file, path)));
        }
        let number = self.next.get();
        self.next.set(number + 1);
        self.open.set(self.open.get() + 1);
        self.write(&Line::Made(number, kept))?;
        Ok(number)
    }

    /// Writes down that the thing is gone, or that it is somebody else's from now on.
    ///
    /// The file is removed with its last entry.
    pub fn gone(&self, number: u64) -> io::Result<()> {
        self.open.set(self.open.get().saturating_sub(1));
        if self.open.get() == 0 {
            if let Some((_, path)) = self.file.take() {
                fs::remove_file(path)?;
            }
            return Ok(());
        }
        self.write(&Line::Gone(number))
    }

    /// Forgets everything without a trace in the file: a forked child starts a journal of its own.
    pub fn forget(&self) {
        self.file.replace(None);
        self.open.set(0);
    }

    fn write(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        match &*self.file.borrow() {
            Some((file, _)) => (&*file).write_all(text.as_bytes()),
            None => Ok(()),
        }
    }
}

/// `PID-STARTTIME`: a name that no later process with the same number has.
///
/// As `gc` will see both: where a child has a pid namespace, a /proc or clocks of its own, that
/// is not what it sees itself.
fn own_name() -> io::Result<String> {
    let stat = read_short(Path::new("/proc/self/stat")).map_err(io::Error::from)?;
    let shown: i32 = stat.split(' ').next().and_then(|pid| pid.parse().ok()).unwrap_or_default();
    // A /proc that shows another number than getpid(2) is that of outside.
    let own = shown == fork::own_pid().cast_signed();
    let pid = fork::outer_pid().filter(|_| own).unwrap_or(shown);
    Ok(format!("{pid}-{}", start_field(&stat)?.saturating_add_signed(-clock_offset())))
}

/// By how many ticks this process's boot time is ahead of the host's (time_namespaces(7)).
fn clock_offset() -> i64 {
    let text = read_short(Path::new("/proc/self/timens_offsets")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("boottime")).unwrap_or_default();
    let mut numbers = line.split_whitespace().map(|number| number.parse::<i64>().unwrap_or_default());
    let (seconds, nanos) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    // USER_HZ is 100 on every architecture that is supported.
    seconds * 100 + nanos / 10_000_000
}

/// The fields of `/proc/PID/stat` from the third on; the name before them may have blanks and
/// brackets in it.
fn after_name(stat: &str) -> &str {
    stat.rsplit(')').next().unwrap_or_default()
}

/// Field 22 of `/proc/PID/stat`.
fn start_field(stat: &str) -> io::Result<u64> {
    after_name(stat)
        .split_whitespace()
        .nth(19)
        .and_then(|field| field.parse().ok())
        .ok_or_else(|| io::Error::other("unreadable /proc/PID/stat"))
}

/// Removes what dead processes left; tells each thing through `told` and answers their number. A
/// plan leaves the journals as they are.
pub fn gc(kernel: &dyn Kernel, told: &mut dyn FnMut(&Kept)) -> io::Result<usize> {
    let dir = state_dir()?.join("journal");
    if !dir.exists() {
        return Ok(0);
    }
    let mut removed = 0;
    for entry in fs::read_dir(&dir)? {
        removed += collect(kernel, &dir, &entry?.path(), told)?;
    }
    Ok(removed)
}

/// As [`gc`], of one process alone. Whoever gives a name of the dead one's to something new does this
/// first: its journal would claim the new thing as well.
pub fn gc_of(kernel: &dyn Kernel, pid: i32, start: u64) -> io::Result<usize> {
    let dir = state_dir()?.join("journal");
    collect(kernel, &dir, &dir.join(format!("{pid}-{start}")), &mut |_| {})
}

fn collect(kernel: &dyn Kernel, dir: &Path, path: &Path, told: &mut dyn FnMut(&Kept)) -> io::Result<usize> {
    if owner_lives(path) != Some(false) {
        return Ok(0);
    }
    // Another one that collects may be as far.
    let Some(left) = read(path)? else { return Ok(0) };
    let mut removed = 0;
    for kept in left.into_iter().rev() {
        // Who made it anew by the same name answers for it now.
        let living = of_the_living(dir)?;
        if living.contains(&kept) {
            continue;
        }
        for call in kept.undo(&living) {
            // Failing means that the thing is gone already: the owner died between the two.
            let _ = kernel.run(&call);
        }
        told(&kept);
        removed += 1;
    }
    if !kernel.is_plan() {
        missing_is_fine(fs::remove_file(path))?;
    }
    Ok(removed)
}

/// `PF_EXITING` of the kernel's sched.h, among the flags of `/proc/PID/stat`.
const EXITING: u32 = 4;

/// Whether the process that a journal is named after still runs; nothing for another file's name.
fn owner_lives(path: &Path) -> Option<bool> {
    let (pid, start) = path.file_name()?.to_str()?.split_once('-')?;
    let fields = fs::read_to_string(format!("/proc/{}/stat", pid.parse::<u32>().ok()?)).unwrap_or_default();
    // One that the kernel is taking apart, or whose parent has not asked yet, undoes nothing any more.
    let field = |index| after_name(&fields).split_whitespace().nth(index);
    let exiting = field(6).and_then(|flags| flags.parse::<u32>().ok()).is_none_or(|flags| flags & EXITING != 0);
    let dead = exiting || matches!(field(0), Some("Z" | "X"));
    Some(!dead && start_field(&fields).is_ok_and(|now| now.to_string() == start))
}

/// What a journal says is left; nothing where it is gone. Its last line may be torn, within a
/// character too.
fn read(path: &Path) -> io::Result<Option<Vec<Kept>>> {
    let bytes = missing_is_fine(fs::read(path))?;
    Ok(bytes.map(|bytes| left_over(&String::from_utf8_lossy(&bytes))))
}

fn missing_is_fine<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What stands in the journals of processes that live. Read anew for each thing that is removed,
/// because it is written before the thing is made.
fn of_the_living(dir: &Path) -> io::Result<Vec<Kept>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if owner_lives(&path) == Some(true) {
            all.extend(read(&path)?.unwrap_or_default());
        }
    }
    Ok(all)
}

/// The entries that were made and are not gone, in order. A torn last line is passed over.
fn left_over(text: &str) -> Vec<Kept> {
    let mut open: Vec<(u64, Kept)> = Vec::new();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Made(number, kept)) => open.push((number, kept)),
            Ok(Line::Gone(number)) => open.retain(|(other, _)| *other != number),
            Err(_) => {}
        }
    }
    open.into_iter().map(|(_, kept)| kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::ffi::OsStr;

    #[test]
    fn any_path_is_written_and_read() {
        for bytes in [&b"/tmp/pin"[..], b"/tmp/\xff\xfe", b""] {
            let path = Path::new(OsStr::from_bytes(bytes));
            assert_eq!(path_of(&written(path)).as_deref(), Some(path));
        }
        for other in [json!(null), json!(7), json!([256]), json!(["a"]), json!({})] {
            assert_eq!(path_of(&other), None);
        }
    }

    #[test]
    fn what_is_gone_or_torn_is_not_left_over() -> serde_json::Result<()> {
        let kept = |name: &str| Kept::new("directory", json!(name));
        let mut text = String::new();
        for line in [Line::Made(0, kept("a")), Line::Made(1, kept("b")), Line::Gone(0)] {
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        text.push_str("{\"Made\":[2,{\"ki");
        assert_eq!(left_over(&text), [kept("b")]);
        Ok(())
    }
}

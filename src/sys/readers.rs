//! Readers of `/proc`, below any root directory, so that recorded trees test them without rights.
//!
//! What the kernel writes there is text that processes have a say in: a process chooses its own
//! name, a mount point may have a space or a line's end in it, a socket's path may be any bytes.
//! The readers work on bytes, split where the kernel's own format splits, and undo its escapes.
//! A line that is not as the man page describes it fails the whole read with `EBADMSG`: an answer
//! with a mount missing would be worse than none. Answers are [`Field`]s, with the kernel's names
//! in snake case and the kernel's units.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Errno, Result, files};

mod mountinfo;
mod net;
mod process;
mod stat;
mod status;

pub use net::Table;

/// A value that was read: a plain tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A decimal number.
    Number(i64),
    /// Any bytes.
    Text(Vec<u8>),
    /// A yes or no.
    Flag(bool),
    /// A sequence.
    List(Vec<Field>),
    /// Named fields, in the kernel's order.
    Record(Vec<(String, Field)>),
}

impl From<i64> for Field {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&[u8]> for Field {
    fn from(text: &[u8]) -> Self {
        Self::Text(text.to_vec())
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Field {
    fn from(text: Vec<u8>) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<Field>> for Field {
    fn from(list: Vec<Field>) -> Self {
        Self::List(list)
    }
}

/// A record under construction.
#[derive(Debug, Default)]
struct Record(Vec<(String, Field)>);

impl Record {
    fn put(&mut self, name: impl Into<String>, value: impl Into<Field>) {
        self.0.push((name.into(), value.into()));
    }

    fn done(self) -> Field {
        Field::Record(self.0)
    }
}

/// The directory of one process below a root that is laid out like `/proc`.
#[derive(Clone, Debug)]
pub struct Proc {
    root: PathBuf,
    dir: PathBuf,
}

impl Proc {
    /// A process by its number; the calling one where there is none.
    #[must_use]
    pub fn new(root: &Path, pid: Option<i32>) -> Self {
        let name = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
        Self { root: root.to_owned(), dir: root.join(name) }
    }

    /// The path of one of the process's files, for messages.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The process's state, ids, memory, signals and capabilities: proc_pid_status(5). Of the fields
    /// only those that are named, where some are.
    pub fn status(&self, fields: Option<&[String]>) -> Result<Option<Field>> {
        self.file("status", |bytes| status::status(bytes, fields))
    }

    /// Its name, parent, session, times and memory in one line: proc_pid_stat(5).
    pub fn stat(&self) -> Result<Option<Field>> {
        self.file("stat", stat::stat)
    }

    /// Its resource limits: proc_pid_limits(5).
    pub fn limits(&self) -> Result<Option<Field>> {
        self.file("limits", stat::limits)
    }

    /// The mounts of its namespace: proc_pid_mountinfo(5).
    pub fn mountinfo(&self) -> Result<Option<Field>> {
        self.file("mountinfo", mountinfo::mountinfo)
    }

    /// How the ids of its user namespace map to those of the reader's: user_namespaces(7).
    pub fn id_map(&self, group: bool) -> Result<Option<Field>> {
        self.file(if group { "gid_map" } else { "uid_map" }, process::id_map)
    }

    /// Its cgroup in each hierarchy: cgroups(7).
    pub fn cgroup(&self) -> Result<Option<Field>> {
        self.file("cgroup", process::cgroup)
    }

    /// A table of its network namespace: proc_pid_net(5).
    pub fn net(&self, table: Table) -> Result<Option<Field>> {
        self.file(&format!("net/{}", table.file()), |bytes| net::parse(table, bytes))
    }

    /// The inode numbers of its namespaces: namespaces(7).
    pub fn namespaces(&self) -> Result<Option<Field>> {
        self.living(process::namespaces(&self.path("ns")))
    }

    /// Its open descriptors: proc_pid_fd(5), proc_pid_fdinfo(5).
    pub fn descriptors(&self) -> Result<Option<Field>> {
        self.living(process::descriptors(&self.dir))
    }

    /// The numbers of its children, of all its threads.
    pub fn children(&self) -> Result<Option<Field>> {
        self.living(process::children(&self.root, &self.dir))
    }

    /// Reads one file and parses it; none where the process does not exist.
    fn file(&self, name: &str, parse: impl FnOnce(&[u8]) -> Option<Field>) -> Result<Option<Field>> {
        let in_one_piece = matches!(name, "stat" | "status" | "cgroup");
        let read = if in_one_piece { files::read_proc_piece } else { files::read_proc };
        let read = read(&self.path(name));
        self.living(read.and_then(|bytes| parse(&bytes).ok_or(Errno::EBADMSG)))
    }

    /// Tells a process that is gone from a kernel without this file, and from a missing `/proc`.
    fn living(&self, result: Result<Field>) -> Result<Option<Field>> {
        match result {
            Ok(field) => Ok(Some(field)),
            Err(Errno::ESRCH) => Ok(None),
            Err(Errno::ENOENT) if !self.dir.exists() && self.root.is_dir() => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

/// The numbers of all processes that the root shows, in order.
pub fn pids(root: &Path) -> Result<Vec<i32>> {
    let mut pids = Vec::new();
    for entry in fs::read_dir(root).map_err(files::errno)? {
        let name = entry.map_err(files::errno)?.file_name();
        pids.extend(name.to_str().and_then(|name| name.parse::<i32>().ok()).filter(|pid| *pid > 0));
    }
    pids.sort_unstable();
    Ok(pids)
}

/// The lines of a file, without the empty one behind the last.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// The words of a line that is padded with spaces or tabs.
fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// A decimal number.
fn decimal(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A decimal number, or its digits where it is beyond what Lua counts: `18446744073709551615`.
fn number(text: &[u8]) -> Option<Field> {
    let digits = std::str::from_utf8(text).ok()?;
    match digits.parse::<i64>() {
        Ok(number) => Some(number.into()),
        Err(_) => digits.parse::<u64>().ok().map(|_| text.into()),
    }
}

/// A hexadecimal number.
fn hex(text: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

/// A hexadecimal number as a field.
fn hex_field(text: &[u8]) -> Option<Field> {
    hex(text).and_then(|value| i64::try_from(value).ok()).map(Field::Number)
}

/// Undoes the kernel's escapes: `\040` for a space, `\n` for a line's end, `\\` for a backslash.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let (byte, after) = match (first, tail) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), after)
            }
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [b'\\', after @ ..]) => (b'\\', after),
            _ => (*first, tail),
        };
        out.push(byte);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_stay() {
        assert_eq!(unescape(br"a\040b\134c\012"), b"a b\\c\n");
        assert_eq!(unescape(br"a\\b\nc"), b"a\\b\nc");
        assert_eq!(unescape(br"\9\04"), br"\9\04");
        assert_eq!(unescape(b"\\"), b"\\");
        assert_eq!(unescape(b"\xff\\377"), b"\xff\xff");
    }

    #[test]
    fn a_number_too_large_for_lua_keeps_its_digits() {
        assert_eq!(number(b"18446744073709551615"), Some("18446744073709551615".into()));
        assert_eq!(number(b"-1"), Some(Field::Number(-1)));
        assert_eq!(number(b"1e3"), None);
        assert_eq!(number(b""), None);
    }

    #[test]
    fn a_missing_process_is_none_and_a_missing_root_is_an_error() {
        let proc = Path::new("/proc");
        assert_eq!(Proc::new(proc, Some(i32::MAX)).status(None), Ok(None));
        assert_eq!(Proc::new(proc, Some(i32::MAX)).namespaces(), Ok(None));
        assert_eq!(Proc::new(proc, Some(i32::MAX)).descriptors(), Ok(None));
        assert_eq!(Proc::new(proc, Some(i32::MAX)).children(), Ok(None));
        assert_eq!(Proc::new(Path::new("/nowhere"), Some(1)).status(None), Err(Errno::ENOENT));
        assert_eq!(pids(Path::new("/nowhere")), Err(Errno::ENOENT));
    }
}

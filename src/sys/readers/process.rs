//! The smaller parts of `/proc/PID`: maps of ids, cgroups, namespaces, descriptors, children.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Field, Proc, Record, decimal, lines, pids, words};
use crate::sys::{Errno, Result, files};

/// The lines of `uid_map` or `gid_map`: `{ inside, outside, count }`, as user_namespaces(7) orders
/// them.
pub fn id_map(bytes: &[u8]) -> Option<Field> {
    let line = |line| {
        let mut values = words(line);
        let mut record = Record::default();
        for name in ["inside", "outside", "count"] {
            record.put(name, decimal(values.next()?)?);
        }
        Some(record.done())
    };
    lines(bytes).map(line).collect::<Option<Vec<_>>>().map(Field::List)
}

/// The lines of `cgroup`: `HIERARCHY:CONTROLLERS:PATH`; the path may have colons of its own.
pub fn cgroup(bytes: &[u8]) -> Option<Field> {
    let line = |line: &[u8]| {
        let mut parts = line.splitn(3, |byte| *byte == b':');
        let mut record = Record::default();
        record.put("hierarchy_id", decimal(parts.next()?)?);
        let controllers = parts.next()?.split(|byte| *byte == b',').filter(|name| !name.is_empty());
        record.put("controllers", controllers.map(Field::from).collect::<Vec<_>>());
        record.put("path", parts.next()?);
        Some(record.done())
    };
    lines(bytes).map(line).collect::<Option<Vec<_>>>().map(Field::List)
}

/// The links below `ns`: `mnt:[4026531832]` becomes `mnt = 4026531832`.
pub fn namespaces(dir: &Path) -> Result<Field> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(files::errno)? {
        let entry = entry.map_err(files::errno)?;
        let target = match fs::read_link(entry.path()).map_err(files::errno) {
            Ok(target) => target,
            // A new pid namespace has no first process yet.
            Err(Errno::ENOENT) => continue,
            Err(errno) => return Err(errno),
        };
        let inode = inode(target.as_os_str().as_bytes()).ok_or(Errno::EBADMSG)?;
        found.push((entry.file_name().to_string_lossy().into_owned(), Field::Number(inode)));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Field::Record(found))
}

/// The number in `mnt:[4026531832]`.
fn inode(target: &[u8]) -> Option<i64> {
    let open = target.iter().position(|byte| *byte == b'[')?;
    decimal(target.get(open + 1..)?.strip_suffix(b"]")?)
}

/// The links below `fd`, with what `fdinfo` says of each.
///
/// A descriptor that is closed meanwhile is left out.
pub fn descriptors(dir: &Path) -> Result<Field> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir.join("fd")).map_err(files::errno)? {
        let entry = entry.map_err(files::errno)?;
        let Some(fd) = decimal(entry.file_name().as_bytes()) else { continue };
        let target = match fs::read_link(entry.path()).map_err(files::errno) {
            Ok(target) => target,
            Err(Errno::ENOENT) => continue,
            Err(errno) => return Err(errno),
        };
        let mut record = Record::default();
        record.put("fd", fd);
        record.put("target", target.as_os_str().as_bytes());
        match fs::read(dir.join(format!("fdinfo/{fd}"))).map_err(files::errno) {
            Ok(bytes) => fdinfo(&mut record, &bytes).ok_or(Errno::EBADMSG)?,
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(errno),
        }
        found.push((fd, record.done()));
    }
    found.sort_by_key(|(fd, _)| *fd);
    Ok(Field::List(found.into_iter().map(|(_, record)| record).collect()))
}

/// `O_CLOEXEC` in the flags that fdinfo shows in octal.
const CLOSED_BY_EXEC: i64 = 0o2_000_000;

/// What every kind of descriptor has: offset, flags, mount, inode.
fn fdinfo(record: &mut Record, bytes: &[u8]) -> Option<()> {
    for line in lines(bytes) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (key, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
        match key {
            b"pos" | b"mnt_id" | b"ino" => record.put(std::str::from_utf8(key).ok()?, decimal(value)?),
            b"flags" => {
                let flags = i64::from_str_radix(std::str::from_utf8(value).ok()?, 8).ok()?;
                record.put("flags", value);
                record.put("cloexec", flags & CLOSED_BY_EXEC != 0);
            }
            _ => {}
        }
    }
    Some(())
}

/// The children of every thread, in order; from everybody's parent where the kernel has no list.
pub fn children(root: &Path, dir: &Path) -> Result<Field> {
    let mut found = Vec::new();
    for thread in fs::read_dir(dir.join("task")).map_err(files::errno)? {
        match fs::read(thread.map_err(files::errno)?.path().join("children")).map_err(files::errno) {
            Ok(bytes) => found.extend(words(&bytes).filter_map(decimal)),
            Err(Errno::ENOENT) => return by_parent(root, dir),
            Err(errno) => return Err(errno),
        }
    }
    found.sort_unstable();
    Ok(Field::List(found.into_iter().map(Field::Number).collect()))
}

/// Everybody whose parent this process is: for kernels without `CONFIG_PROC_CHILDREN`.
fn by_parent(root: &Path, dir: &Path) -> Result<Field> {
    let own = fs::read(dir.join("stat")).map_err(files::errno)?;
    let own = words(&own).next().and_then(decimal).ok_or(Errno::EBADMSG)?;
    let mut found = Vec::new();
    for pid in pids(root)? {
        let Some(Field::Record(fields)) = Proc::new(root, Some(pid)).stat()? else { continue };
        if fields.contains(&("ppid".to_owned(), Field::Number(own))) {
            found.push(Field::Number(pid.into()));
        }
    }
    Ok(Field::List(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_three_numbers_a_line() {
        let map = |inside: i64, outside: i64, count: i64| {
            Field::Record(vec![("inside".into(), inside.into()), ("outside".into(), outside.into()), ("count".into(), count.into())])
        };
        let text = b"         0       1000          1\n         1     100000      65536\n";
        assert_eq!(id_map(text), Some(vec![map(0, 1000, 1), map(1, 100_000, 65536)].into()));
        assert_eq!(id_map(b"         0          0 4294967295\n"), Some(vec![map(0, 0, 4_294_967_295)].into()));
        assert_eq!(id_map(b""), Some(Field::List(vec![])));
        for text in [&b"0 0\n"[..], b"a b c\n", b"0 0 -\n", b"\xff\n"] {
            assert_eq!(id_map(text), None);
        }
    }

    #[test]
    fn a_cgroups_path_may_have_colons() {
        let text = b"4:memory,pids:/a:b \xff\n0::/user.slice\n";
        let Some(Field::List(list)) = cgroup(text) else { unreachable!() };
        let path = |path: &[u8]| ("path".to_owned(), Field::from(path));
        assert!(matches!(list.first(), Some(Field::Record(fields)) if fields.contains(&path(b"/a:b \xff"))));
        assert!(
            matches!(list.get(1), Some(Field::Record(fields)) if fields.contains(&("controllers".into(), Field::List(vec![]))) && fields.contains(&path(b"/user.slice")))
        );
        for text in [&b"4:memory\n"[..], b"x:memory:/\n", b"4\n"] {
            assert_eq!(cgroup(text), None);
        }
    }

    #[test]
    fn a_namespace_link_has_its_number_in_brackets() {
        assert_eq!(inode(b"mnt:[4026531832]"), Some(4_026_531_832));
        for target in [&b"mnt:[]"[..], b"mnt:4026531832", b"mnt:[40", b"", b"["] {
            assert_eq!(inode(target), None);
        }
    }

    #[test]
    fn fdinfo_of_any_kind_is_read() {
        let mut record = Record::default();
        let text = b"pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t3\neventfd-count: 5\ntfd: 1 events: 19\nbroken\n";
        assert_eq!(fdinfo(&mut record, text), Some(()));
        assert!(record.0.contains(&("cloexec".into(), true.into())));
        assert!(record.0.contains(&("flags".into(), "02000002".into())));
        assert_eq!(fdinfo(&mut Record::default(), b"pos:\tx\n"), None);
        assert_eq!(fdinfo(&mut Record::default(), b"flags:\t9\n"), None);
    }
}

//! `/proc/PID/mountinfo`: proc_pid_mountinfo(5).

use super::{Field, Record, decimal, lines, unescape};

/// Every mount, in the kernel's order: a mount stands behind its parent.
pub fn mountinfo(bytes: &[u8]) -> Option<Field> {
    lines(bytes).map(mount).collect::<Option<Vec<_>>>().map(Field::List)
}

/// One line. Fields are split at single spaces: the source of a mount may be empty.
fn mount(line: &[u8]) -> Option<Field> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut record = Record::default();
    record.put("mount_id", decimal(fields.next()?)?);
    record.put("parent_id", decimal(fields.next()?)?);
    let mut device = fields.next()?.split(|byte| *byte == b':');
    record.put("major", decimal(device.next()?)?);
    record.put("minor", decimal(device.next()?)?);
    record.put("root", unescape(fields.next()?));
    record.put("mount_point", unescape(fields.next()?));
    // Flags of the mount itself: words of the kernel's own, without escapes.
    let options = fields.next()?.split(|byte| *byte == b',').map(Field::from);
    record.put("mount_options", options.collect::<Vec<_>>());
    loop {
        match fields.next()? {
            b"-" => break,
            field => propagation(&mut record, field)?,
        }
    }
    record.put("fs_type", unescape(fields.next()?));
    record.put("source", unescape(fields.next()?));
    // Left in one piece: a file system's own options may have commas in them.
    record.put("super_options", unescape(fields.next()?));
    Some(record.done())
}

/// `shared:12`, `master:3`, `propagate_from:4`, `unbindable`; words of a newer kernel too.
fn propagation(record: &mut Record, field: &[u8]) -> Option<()> {
    let mut parts = field.splitn(2, |byte| *byte == b':');
    let name = std::str::from_utf8(parts.next()?).ok().filter(|name| !name.is_empty())?;
    match parts.next() {
        Some(group) => record.put(name, decimal(group)?),
        None => record.put(name, true),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &[u8]) -> Vec<(String, Field)> {
        match mountinfo(line) {
            Some(Field::List(list)) => match list.into_iter().next() {
                Some(Field::Record(fields)) => fields,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    #[test]
    fn escapes_empty_sources_and_propagation_are_read() {
        let line = b"36 35 98:0 /a\\040b /mnt\\012\\134\xff rw,noatime shared:5 master:1 unbindable - ext3  rw,errors=continue\n";
        let expected: Vec<(String, Field)> = vec![
            ("mount_id".into(), 36.into()),
            ("parent_id".into(), 35.into()),
            ("major".into(), 98.into()),
            ("minor".into(), 0.into()),
            ("root".into(), "/a b".into()),
            ("mount_point".into(), b"/mnt\n\\\xff".to_vec().into()),
            ("mount_options".into(), vec![Field::from("rw"), "noatime".into()].into()),
            ("shared".into(), 5.into()),
            ("master".into(), 1.into()),
            ("unbindable".into(), true.into()),
            ("fs_type".into(), "ext3".into()),
            ("source".into(), "".into()),
            ("super_options".into(), "rw,errors=continue".into()),
        ];
        assert_eq!(fields(line), expected);
    }

    #[test]
    fn a_mount_point_may_look_like_the_separator() {
        let line = b"1 2 0:3 / /a\\040-\\040tmpfs rw - proc proc rw\n";
        assert!(fields(line).contains(&("mount_point".into(), "/a - tmpfs".into())));
        assert!(fields(line).contains(&("fs_type".into(), "proc".into())));
    }

    #[test]
    fn malformed_lines_are_refused() {
        let good = b"1 2 0:3 / / rw - proc proc rw";
        assert!(mountinfo(good).is_some());
        for end in 0..good.len() - 1 {
            if let Some(part) = good.get(..end).filter(|part| !part.is_empty() && !part.ends_with(b" ") && end < good.len() - 2) {
                assert_eq!(mountinfo(part), None, "{}", String::from_utf8_lossy(part));
            }
        }
        for line in [&b"x 2 0:3 / / rw - proc proc rw"[..], b"1 2 03 / / rw - proc proc rw", b"1 2 0:3 / / rw shared:x - a b c"] {
            assert_eq!(mountinfo(line), None, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(mountinfo(b""), Some(Field::List(vec![])));
    }
}

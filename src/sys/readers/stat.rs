//! `/proc/PID/stat` and `/proc/PID/limits`: proc_pid_stat(5), proc_pid_limits(5).

use super::{Field, Record, lines, number, words};

/// What comes behind the name, in order.
const FIELDS: [&str; 50] = [
    "state",
    "ppid",
    "pgrp",
    "session",
    "tty_nr",
    "tpgid",
    "flags",
    "minflt",
    "cminflt",
    "majflt",
    "cmajflt",
    "utime",
    "stime",
    "cutime",
    "cstime",
    "priority",
    "nice",
    "num_threads",
    "itrealvalue",
    "starttime",
    "vsize",
    "rss",
    "rsslim",
    "startcode",
    "endcode",
    "startstack",
    "kstkesp",
    "kstkeip",
    "signal",
    "blocked",
    "sigignore",
    "sigcatch",
    "wchan",
    "nswap",
    "cnswap",
    "exit_signal",
    "processor",
    "rt_priority",
    "policy",
    "delayacct_blkio_ticks",
    "guest_time",
    "cguest_time",
    "start_data",
    "end_data",
    "start_brk",
    "arg_start",
    "arg_end",
    "env_start",
    "env_end",
    "exit_code",
];

/// The one line. The name is everything between the first `(` and the last `)`: it may have
/// parentheses, spaces and line ends of its own.
pub fn stat(bytes: &[u8]) -> Option<Field> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let mut record = Record::default();
    record.put("pid", number(bytes.get(..open)?.trim_ascii())?);
    record.put("comm", bytes.get(open + 1..close)?);
    let mut values = words(bytes.get(close + 1..)?);
    record.put("state", values.next()?);
    // Fields that an older kernel does not have are left out; a newer one's are passed over.
    for (name, value) in FIELDS.iter().skip(1).zip(values) {
        record.put(*name, number(value)?);
    }
    Some(record.done())
}

/// The kernel's words for limits, and the names that setrlimit(2) and the primitive `rlimit` use.
const LIMITS: [(&str, &str); 16] = [
    ("Max cpu time", "cpu"),
    ("Max file size", "fsize"),
    ("Max data size", "data"),
    ("Max stack size", "stack"),
    ("Max core file size", "core"),
    ("Max resident set", "rss"),
    ("Max processes", "nproc"),
    ("Max open files", "nofile"),
    ("Max locked memory", "memlock"),
    ("Max address space", "as"),
    ("Max file locks", "locks"),
    ("Max pending signals", "sigpending"),
    ("Max msgqueue size", "msgqueue"),
    ("Max nice priority", "nice"),
    ("Max realtime priority", "rtprio"),
    ("Max realtime timeout", "rttime"),
];

/// Each limit under setrlimit(2)'s name: `{ soft, hard, units }`, `"unlimited"` for no limit.
pub fn limits(bytes: &[u8]) -> Option<Field> {
    let mut record = Record::default();
    let mut lines = lines(bytes);
    lines.next().filter(|header| header.starts_with(b"Limit"))?;
    for line in lines {
        let Some((long, short)) = LIMITS.iter().find(|(long, _)| line.starts_with(long.as_bytes())) else { continue };
        let mut values = words(line.get(long.len()..)?);
        let mut limit = Record::default();
        for name in ["soft", "hard"] {
            let value = values.next()?;
            limit.put(name, if value == b"unlimited" { value.into() } else { number(value)? });
        }
        if let Some(units) = values.next() {
            limit.put("units", units);
        }
        record.put(*short, limit.done());
    }
    Some(record.done())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(record: Option<Field>, name: &str) -> Option<Field> {
        let Some(Field::Record(fields)) = record else { return None };
        fields.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let line = b"42 (a) S 1 (\n\xff) R 7 42 42 0 -1 4194304 100\n";
        assert_eq!(field(stat(line), "comm"), Some(b"a) S 1 (\n\xff".to_vec().into()));
        assert_eq!(field(stat(line), "state"), Some("R".into()));
        assert_eq!(field(stat(line), "ppid"), Some(Field::Number(7)));
        assert_eq!(field(stat(line), "tpgid"), Some(Field::Number(-1)));
        assert_eq!(field(stat(line), "rss"), None);
    }

    #[test]
    fn malformed_lines_are_refused() {
        for line in [&b""[..], b"42", b"42 (a", b"42 a) S", b"42 )(", b"x (a) S 1", b"42 (a)", b"42 (a) S one"] {
            assert_eq!(stat(line), None, "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn limits_have_the_names_of_setrlimit() {
        let text = b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max open files            1024                 unlimited            files     \n\
            Max nice priority         0                    0                    \n\
            Max something new         1                    2                    days      \n";
        let nofile = field(limits(text), "nofile");
        assert_eq!(field(nofile.clone(), "soft"), Some(Field::Number(1024)));
        assert_eq!(field(nofile.clone(), "hard"), Some("unlimited".into()));
        assert_eq!(field(nofile, "units"), Some("files".into()));
        assert_eq!(field(field(limits(text), "nice"), "units"), None);
        assert_eq!(limits(b""), None);
        assert_eq!(limits(b"Limit\nMax open files 1024\n"), None);
        assert_eq!(limits(b"Limit\nMax open files x y\n"), None);
    }
}

//! `/proc/PID/status`: proc_pid_status(5).

use nix::sys::signal::Signal;

use super::{Field, Record, decimal, hex, lines, number, unescape, words};

/// Masks and lists that look like decimal numbers and are none.
const TEXTS: [&str; 6] = ["umask", "cpus_allowed", "cpus_allowed_list", "mems_allowed", "mems_allowed_list", "untag_mask"];

/// The fields of the file under the kernel's names in snake case: all, or those that are wanted.
pub fn status(bytes: &[u8], wanted: Option<&[String]>) -> Option<Field> {
    // What is derived is read with what it is derived from.
    let of = |name: &str, key: &str| name == key || name.strip_suffix("_names").or(name.strip_suffix("_name")) == Some(key);
    let mut record = Record::default();
    for line in lines(bytes) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (key, value) = (std::str::from_utf8(line.get(..colon)?).ok()?, line.get(colon + 1..)?);
        let value = value.strip_prefix(b"\t").unwrap_or(value);
        let key = snake_case(key);
        if wanted.is_none_or(|names| names.iter().any(|name| of(name, &key))) {
            put(&mut record, &key, value)?;
        }
    }
    Some(record.done())
}

fn put(record: &mut Record, key: &str, value: &[u8]) -> Option<()> {
    match key {
        "name" => record.put(key, unescape(value)),
        "state" => {
            let mut parts = value.splitn(2, |byte| *byte == b' ');
            record.put(key, parts.next()?);
            let long = parts.next().unwrap_or_default();
            record.put("state_name", long.strip_prefix(b"(").and_then(|long| long.strip_suffix(b")")).unwrap_or(long));
        }
        "uid" | "gid" => {
            let mut ids = Record::default();
            for (name, id) in ["real", "effective", "saved", "fs"].iter().zip(words(value)) {
                ids.put(*name, decimal(id)?);
            }
            record.put(key, ids.done());
        }
        "groups" | "ns_tgid" | "ns_pid" | "ns_pgid" | "ns_sid" => {
            record.put(key, words(value).map(|id| decimal(id).map(Field::Number)).collect::<Option<Vec<_>>>()?);
        }
        "sig_q" => {
            let mut parts = value.split(|byte| *byte == b'/');
            let mut queue = Record::default();
            queue.put("queued", number(parts.next()?)?);
            queue.put("limit", number(parts.next()?)?);
            record.put(key, queue.done());
        }
        _ if key.starts_with("cap_") => {
            record.put(key, value);
            record.put(format!("{key}_names"), bits(hex(value)?, capability));
        }
        "sig_pnd" | "shd_pnd" | "sig_blk" | "sig_ign" | "sig_cgt" => {
            record.put(key, value);
            record.put(format!("{key}_names"), bits(hex(value)?, |bit| signal(bit + 1)));
        }
        _ if TEXTS.contains(&key) => record.put(key, value),
        _ => record.put(key, plain(value)),
    }
    Some(())
}

/// A number, with the unit kB taken off, or text as it is.
fn plain(value: &[u8]) -> Field {
    let digits = value.strip_suffix(b" kB").unwrap_or(value).trim_ascii();
    number(digits).unwrap_or_else(|| value.into())
}

fn bits(mask: u64, name: impl Fn(u8) -> String) -> Vec<Field> {
    (0..64).filter(|bit| mask & (1 << bit) != 0).map(|bit| name(bit).as_str().into()).collect()
}

/// `net_admin` for 12; the number of one that is newer than this program.
fn capability(bit: u8) -> String {
    crate::sys::capabilities::name(bit.into())
}

/// `term` for 15; the number of a realtime signal.
fn signal(signal: u8) -> String {
    let known = Signal::try_from(i32::from(signal));
    known.map_or_else(|_| signal.to_string(), |known| known.as_str().trim_start_matches("SIG").to_lowercase())
}

/// `VmHWM` becomes `vm_hwm` and `Seccomp_filters` `seccomp_filters`.
fn snake_case(key: &str) -> String {
    match key {
        // No rule tells these from VmPeak.
        "PPid" => return "ppid".into(),
        "NStgid" => return "ns_tgid".into(),
        "NSpid" => return "ns_pid".into(),
        "NSpgid" => return "ns_pgid".into(),
        "NSsid" => return "ns_sid".into(),
        _ => {}
    }
    let chars: Vec<char> = key.chars().collect();
    let mut out = String::new();
    for (index, &char) in chars.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| chars.get(index)).copied().unwrap_or('_');
        let after = chars.get(index + 1).copied().unwrap_or('_');
        let starts_word = before.is_lowercase() || before.is_ascii_digit() || (before.is_uppercase() && after.is_lowercase());
        if char.is_uppercase() && starts_word {
            out.push('_');
        }
        out.extend(char.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(text: &[u8], name: &str) -> Option<Field> {
        let Some(Field::Record(fields)) = status(text, None) else { return None };
        fields.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    #[test]
    fn names_become_snake_case() {
        for (kernel, ours) in [
            ("VmHWM", "vm_hwm"),
            ("FDSize", "fd_size"),
            ("TracerPid", "tracer_pid"),
            ("NoNewPrivs", "no_new_privs"),
            ("THP_enabled", "thp_enabled"),
            ("Speculation_Store_Bypass", "speculation_store_bypass"),
            ("SpeculationIndirectBranch", "speculation_indirect_branch"),
            ("NSpid", "ns_pid"),
            ("PPid", "ppid"),
            ("Tgid", "tgid"),
        ] {
            assert_eq!(snake_case(kernel), ours);
        }
    }

    #[test]
    fn a_hostile_name_is_one_field() {
        let text = b"Name:\tx\\nUid:\\t0 \\\\\xff)\nUmask:\t0022\n";
        assert_eq!(field(text, "name"), Some(b"x\nUid:\t0 \\\xff)".to_vec().into()));
        assert_eq!(field(text, "umask"), Some("0022".into()));
        assert_eq!(field(text, "uid"), None);
    }

    #[test]
    fn masks_keep_their_text_and_are_named() {
        let text = b"CapEff:\t0000000000003000\nSigIgn:\t8000000000004001\nCpus_allowed:\t3\n";
        assert_eq!(field(text, "cap_eff"), Some("0000000000003000".into()));
        assert_eq!(field(text, "cap_eff_names"), Some(vec![Field::from("net_admin"), "net_raw".into()].into()));
        assert_eq!(field(text, "sig_ign_names"), Some(vec![Field::from("hup"), "term".into(), "64".into()].into()));
        assert_eq!(field(text, "cpus_allowed"), Some("3".into()));
        assert_eq!(field(b"CapEff:\t0000020000000000\n", "cap_eff_names"), Some(vec![Field::from("41")].into()));
    }

    #[test]
    fn numbers_lose_their_padding_and_unit() {
        assert_eq!(field(b"VmPeak:\t    3060 kB\n", "vm_peak"), Some(Field::Number(3060)));
        assert_eq!(field(b"Groups:\t \n", "groups"), Some(Field::List(vec![])));
        assert_eq!(field(b"NSpid:\t4242\t1\n", "ns_pid"), Some(vec![Field::Number(4242), Field::Number(1)].into()));
    }

    #[test]
    fn malformed_lines_are_refused() {
        for text in [&b"no colon\n"[..], b"\xff:\t1\n", b"Uid:\tx\n", b"CapEff:\tzz\n", b"SigQ:\t1\n", b"Groups:\t1 x\n"] {
            assert_eq!(status(text, None), None, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(status(b"", None), Some(Field::Record(vec![])));
        assert_eq!(field(b"Name:\n", "name"), Some("".into()));
    }
}

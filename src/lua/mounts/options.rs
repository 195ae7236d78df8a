//! The options that mounts share: flags, propagation, and the file system's own.

use mlua::Value;
use nix::libc;

use crate::kernel::mounts::flags::{FLAGS, PROPAGATION};
use crate::lua::args::Fields;
use crate::lua::error::{Outcome, Raise};
use crate::lua::types::{INT, Type};

/// What the `data` option may be.
pub const DATA: Type = Type::Either(&[Type::Text, Type::Map(&Type::Either(&[Type::Text, INT, Type::Boolean]))]);

/// Ways of sharing events.
pub const PROPAGATIONS: &[&str] = &["private", "slave", "shared", "unbindable"];

/// The options of everything that is mounted, and those of one primitive.
macro_rules! with_flags {
    ($($more:expr),* $(,)?) => {
        &[
            may("readonly", Type::Boolean, "nothing can be written"),
            may("ro", Type::Boolean, "the same as readonly"),
            may("nosuid", Type::Boolean, "set-user-id bits and file capabilities do nothing"),
            may("nodev", Type::Boolean, "device nodes do nothing"),
            may("noexec", Type::Boolean, "nothing can be executed"),
            may("nosymfollow", Type::Boolean, "symlinks are not followed (Linux 5.10)"),
            may("noatime", Type::Boolean, "access times are not written"),
            may("nodiratime", Type::Boolean, "nor those of directories"),
            may("relatime", Type::Boolean, "access times are written when older than the last change; the kernel's default"),
            may("strictatime", Type::Boolean, "access times are always written"),
            may("propagation", Type::Word(PROPAGATIONS), "how mounts and unmounts reach copies of this mount (mount_namespaces(7))"),
            may("private", Type::Boolean, "the same as propagation = \"private\""),
            may("slave", Type::Boolean, "the same as propagation = \"slave\""),
            may("shared", Type::Boolean, "the same as propagation = \"shared\""),
            may("unbindable", Type::Boolean, "the same as propagation = \"unbindable\""),
            $($more),*
        ]
    };
}
pub(crate) use with_flags;

/// The options of what makes a new file system.
macro_rules! with_data {
    ($($more:expr),* $(,)?) => {
        $crate::lua::mounts::options::with_flags![
            may("data", DATA, "the file system's own options: \"size=64M,mode=0755\", or a table"),
            may("lower", Type::List(&Type::Path), "overlay: the read-only directories, the uppermost first"),
            may("upper", Type::Path, "overlay: the directory that takes the changes"),
            may("work", Type::Path, "overlay: an empty directory beside upper, for the kernel"),
            may("sync", Type::Boolean, "writes wait for the device"),
            may("dirsync", Type::Boolean, "writes to directories wait for the device"),
            may("lazytime", Type::Boolean, "times are kept in memory for a while"),
            may("mand", Type::Boolean, "mandatory locks, where the kernel still has them (before Linux 5.15)"),
            may("iversion", Type::Boolean, "the file system counts the changes of each inode"),
            may("silent", Type::Boolean, "fewer messages in the kernel's log"),
            $($more),*
        ]
    };
}
pub(crate) use with_data;

/// The flags that were asked for: on, off, or not mentioned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `MS_*` that were said to be true.
    pub on: u64,
    /// `MS_*` that were said to be false.
    pub off: u64,
}

/// The flags that belong to the file system and not to a mount of it.
pub const OF_FILE_SYSTEM: u64 = libc::MS_SYNCHRONOUS
    | libc::MS_DIRSYNC
    | libc::MS_MANDLOCK
    | libc::MS_I_VERSION
    | libc::MS_SILENT
    | crate::kernel::mounts::flags::LAZYTIME;

const ATIME: u64 = libc::MS_NOATIME | libc::MS_RELATIME | libc::MS_STRICTATIME;

impl Asked {
    /// Reads the flags of an option table; contradictions are refused.
    pub fn of(options: &Fields) -> Outcome<Self> {
        let mut asked = Self::default();
        for flag in FLAGS {
            match options.boolean(flag.word) {
                Some(true) => asked.on |= flag.ms,
                Some(false) => asked.off |= flag.ms,
                None => {}
            }
        }
        if asked.on & asked.off != 0 {
            return Err(Raise::argument("options: readonly and ro say different things"));
        }
        if (asked.on & ATIME).count_ones() > 1 {
            return Err(Raise::argument("options: expected one of noatime, relatime and strictatime"));
        }
        Ok(asked)
    }

    /// Whether a flag of a single mount was mentioned.
    #[must_use]
    pub fn mentions_mount(self) -> bool {
        (self.on | self.off) & !OF_FILE_SYSTEM != 0
    }

    /// The attributes of `mount_setattr(2)` to set and to clear.
    #[must_use]
    pub fn attributes(self) -> (u64, u64) {
        let (mut set, mut clear) = (0, 0);
        for flag in FLAGS {
            if self.on & flag.ms != 0 {
                set |= flag.attr;
                // The three ways of atime are one field: it is cleared before it is set.
                clear |= if flag.mask == flag.attr { 0 } else { flag.mask };
            } else if self.off & flag.ms != 0 {
                clear |= flag.mask;
            }
        }
        (set, clear)
    }
}

/// The propagation that was asked for, as `MS_*`; 0 where none was.
pub fn propagation(options: &Fields) -> Outcome<u64> {
    let mut found: Vec<(&str, u64)> = PROPAGATION.iter().copied().filter(|(word, _)| options.flag(word)).collect();
    if let Some(word) = options.text("propagation") {
        found.extend(PROPAGATION.iter().copied().filter(|(name, _)| *name == word));
    }
    match found.as_slice() {
        [] => Ok(0),
        [(_, flag)] => Ok(*flag),
        [(a, one), (b, other)] if one == other && a == b => Ok(*one),
        _ => Err(Raise::argument("options: expected one of private, slave, shared and unbindable")),
    }
}

/// The file system's own options: a name, and a value unless it is a flag.
pub type Data = Vec<(String, Option<String>)>;

/// Reads `data` and, for overlay, `lower`, `upper` and `work`.
pub fn data(options: &Fields, fstype: Option<&str>) -> Outcome<Data> {
    let mut data: Data = match options.value("data") {
        Value::String(text) => split_data(&text.to_string_lossy()),
        Value::Table(_) => {
            let mut data = Data::new();
            for (key, value) in options.pairs("data") {
                match value {
                    Value::Boolean(true) => data.push((key, None)),
                    Value::Boolean(false) => {}
                    Value::Integer(number) => data.push((key, Some(number.to_string()))),
                    other => data.push((key, other.as_string().map(|text| text.to_string_lossy()))),
                }
            }
            data
        }
        _ => Data::new(),
    };
    let overlay = ["lower", "upper", "work"];
    if fstype != Some("overlay") {
        if let Some(name) = overlay.iter().find(|name| options.has(name)) {
            return Err(Raise::argument(format!("options.{name}: belongs to type = \"overlay\"")));
        }
        return Ok(data);
    }
    if options.has("upper") != options.has("work") {
        return Err(Raise::argument("options: upper and work are given together, or neither for a read-only overlay"));
    }
    let lower = options.texts("lower");
    if options.has("lower") {
        let layers: Vec<String> = lower.iter().map(|path| path.replace('\\', r"\\").replace(':', r"\:")).collect();
        data.push(("lowerdir".into(), Some(layers.join(":"))));
    }
    for (option, key) in [("upper", "upperdir"), ("work", "workdir")] {
        if let Some(path) = options.text(option) {
            data.push((key.into(), Some(path)));
        }
    }
    if !data.iter().any(|(key, _)| key == "lowerdir") {
        return Err(Raise::argument("options: an overlay needs lower, a list of directories"));
    }
    Ok(data)
}

/// `a=b,c` as pairs; a comma after a backslash belongs to the value (overlay), and so does one in
/// the quotes of an SELinux context.
fn split_data(text: &str) -> Data {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        match (char, parts.last_mut()) {
            ('"', Some(part)) if quoted || part.ends_with("context=") => quoted = !quoted,
            (',', _) if !quoted => parts.push(String::new()),
            ('\\', Some(part)) if chars.peek() == Some(&',') => part.extend(chars.next()),
            (other, Some(part)) => part.push(other),
            (_, None) => {}
        }
    }
    let pair = |part: String| match part.split_once('=') {
        Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
        None => (part, None),
    };
    parts.into_iter().filter(|part| !part.is_empty()).map(pair).collect()
}

/// The pairs as the one string that `mount(2)` takes.
pub fn joined(data: &Data, fstype: Option<&str>) -> Outcome<Option<String>> {
    let mut parts = Vec::new();
    for (key, value) in data {
        let Some(value) = value else {
            parts.push(key.clone());
            continue;
        };
        // SELinux's levels have commas in them; its options are read with their quotes.
        if key.ends_with("context") && value.contains(',') && !value.contains('"') {
            parts.push(format!("{key}=\"{value}\""));
            continue;
        }
        // Only overlay knows how to take a comma in another value.
        if value.contains(',') && fstype != Some("overlay") {
            return Err(Raise::argument(format!("options.data.{key}: a comma cannot be part of a value")));
        }
        // A backslash is overlay's own escape; it has been doubled in lowerdir already.
        let escaped = match (fstype, key.as_str()) {
            (Some("overlay"), "lowerdir") => value.replace(',', r"\,"),
            (Some("overlay"), _) => value.replace('\\', r"\\").replace(',', r"\,"),
            _ => value.clone(),
        };
        parts.push(format!("{key}={escaped}"));
    }
    Ok((!parts.is_empty()).then(|| parts.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_split_at_commas_that_are_not_escaped() {
        let found = split_data(r"size=1M,nosuid,,x=a\,b=c");
        let wanted = [("size", Some("1M")), ("nosuid", None), ("x", Some("a,b=c"))];
        assert_eq!(found, wanted.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))));
        let found = split_data(r#"mode=755,context="u:r:t:s0:c1,c2",size=1M"#);
        let wanted = [("mode", Some("755")), ("context", Some("u:r:t:s0:c1,c2")), ("size", Some("1M"))];
        assert_eq!(joined(&found, Some("tmpfs")).ok().flatten().as_deref(), Some(r#"mode=755,context="u:r:t:s0:c1,c2",size=1M"#));
        assert_eq!(found, wanted.map(|(key, value)| (key.to_owned(), value.map(str::to_owned))));
    }

    #[test]
    fn atime_is_one_field() {
        use crate::sys::mounts::attributes::attr;
        let asked = Asked { on: libc::MS_RELATIME, off: libc::MS_NOEXEC };
        assert_eq!(asked.attributes(), (0, attr::ATIME | attr::NOEXEC));
        let asked = Asked { on: libc::MS_NOATIME | libc::MS_RDONLY, off: 0 };
        assert_eq!(asked.attributes(), (attr::NOATIME | attr::RDONLY, attr::ATIME));
    }
}

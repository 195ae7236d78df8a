//! The names of mount flags: the kernel's, for strace's notation, and the options' own.

use nix::libc;

use crate::sys::mounts::attributes::{NOSYMFOLLOW, attr};

/// `MS_LAZYTIME`, which libc has for some targets only.
pub const LAZYTIME: u64 = 1 << 25;

/// One option of a mount: its word, the flag of `mount(2)`, and the attribute of `mount_setattr(2)`.
#[derive(Clone, Copy, Debug)]
pub struct Flag {
    /// `nosuid`
    pub word: &'static str,
    /// `MS_NOSUID`
    pub ms: u64,
    /// `MOUNT_ATTR_NOSUID`; 0 for the file system's own, which a single mount does not have.
    pub attr: u64,
    /// The bits that say the same thing, cleared before the attribute is set.
    pub mask: u64,
}

const fn flag(word: &'static str, ms: u64, attr: u64) -> Flag {
    Flag { word, ms, attr, mask: attr }
}

const fn atime(word: &'static str, ms: u64, attr: u64) -> Flag {
    Flag { word, ms, attr, mask: attr::ATIME }
}

/// The options that are flags.
pub const FLAGS: [Flag; 16] = [
    flag("readonly", libc::MS_RDONLY, attr::RDONLY),
    flag("ro", libc::MS_RDONLY, attr::RDONLY),
    flag("nosuid", libc::MS_NOSUID, attr::NOSUID),
    flag("nodev", libc::MS_NODEV, attr::NODEV),
    flag("noexec", libc::MS_NOEXEC, attr::NOEXEC),
    flag("nosymfollow", NOSYMFOLLOW, attr::NOSYMFOLLOW),
    flag("nodiratime", libc::MS_NODIRATIME, attr::NODIRATIME),
    atime("noatime", libc::MS_NOATIME, attr::NOATIME),
    atime("relatime", libc::MS_RELATIME, 0),
    atime("strictatime", libc::MS_STRICTATIME, attr::STRICTATIME),
    flag("sync", libc::MS_SYNCHRONOUS, 0),
    flag("dirsync", libc::MS_DIRSYNC, 0),
    flag("lazytime", LAZYTIME, 0),
    flag("mand", libc::MS_MANDLOCK, 0),
    flag("iversion", libc::MS_I_VERSION, 0),
    flag("silent", libc::MS_SILENT, 0),
];

/// Ways in which a mount shares events with others (mount_namespaces(7)).
pub const PROPAGATION: [(&str, u64); 4] =
    [("private", libc::MS_PRIVATE), ("slave", libc::MS_SLAVE), ("shared", libc::MS_SHARED), ("unbindable", libc::MS_UNBINDABLE)];

/// The flags of `mount(2)` by name.
#[must_use]
pub fn mount_flags(flags: u64) -> String {
    const NAMES: [(u64, &str); 23] = [
        (libc::MS_REMOUNT, "MS_REMOUNT"),
        (libc::MS_BIND, "MS_BIND"),
        (libc::MS_MOVE, "MS_MOVE"),
        (libc::MS_REC, "MS_REC"),
        (libc::MS_PRIVATE, "MS_PRIVATE"),
        (libc::MS_SLAVE, "MS_SLAVE"),
        (libc::MS_SHARED, "MS_SHARED"),
        (libc::MS_UNBINDABLE, "MS_UNBINDABLE"),
        (libc::MS_RDONLY, "MS_RDONLY"),
        (libc::MS_NOSUID, "MS_NOSUID"),
        (libc::MS_NODEV, "MS_NODEV"),
        (libc::MS_NOEXEC, "MS_NOEXEC"),
        (NOSYMFOLLOW, "MS_NOSYMFOLLOW"),
        (libc::MS_SYNCHRONOUS, "MS_SYNCHRONOUS"),
        (libc::MS_DIRSYNC, "MS_DIRSYNC"),
        (libc::MS_NOATIME, "MS_NOATIME"),
        (libc::MS_NODIRATIME, "MS_NODIRATIME"),
        (libc::MS_RELATIME, "MS_RELATIME"),
        (libc::MS_STRICTATIME, "MS_STRICTATIME"),
        (LAZYTIME, "MS_LAZYTIME"),
        (libc::MS_MANDLOCK, "MS_MANDLOCK"),
        (libc::MS_I_VERSION, "MS_I_VERSION"),
        (libc::MS_SILENT, "MS_SILENT"),
    ];
    names(flags, &NAMES)
}

/// The attributes of a mount by name.
#[must_use]
pub fn attributes(attributes: u64) -> String {
    const NAMES: [(u64, &str); 9] = [
        (attr::RDONLY, "MOUNT_ATTR_RDONLY"),
        (attr::NOSUID, "MOUNT_ATTR_NOSUID"),
        (attr::NODEV, "MOUNT_ATTR_NODEV"),
        (attr::NOEXEC, "MOUNT_ATTR_NOEXEC"),
        (attr::ATIME, "MOUNT_ATTR__ATIME"),
        (attr::NOATIME, "MOUNT_ATTR_NOATIME"),
        (attr::STRICTATIME, "MOUNT_ATTR_STRICTATIME"),
        (attr::NODIRATIME, "MOUNT_ATTR_NODIRATIME"),
        (attr::NOSYMFOLLOW, "MOUNT_ATTR_NOSYMFOLLOW"),
    ];
    let idmap = if attributes & attr::IDMAP == 0 { String::new() } else { "MOUNT_ATTR_IDMAP".to_owned() };
    let rest = names(attributes & !attr::IDMAP, &NAMES);
    match (idmap.is_empty(), rest == "0") {
        (true, _) => rest,
        (false, true) => idmap,
        (false, false) => format!("{rest}|{idmap}"),
    }
}

/// The flags of `umount2(2)` by name.
#[must_use]
pub fn unmount_flags(flags: i32) -> String {
    let names_of = [
        (libc::MNT_FORCE as u64, "MNT_FORCE"),
        (libc::MNT_DETACH as u64, "MNT_DETACH"),
        (libc::MNT_EXPIRE as u64, "MNT_EXPIRE"),
        (libc::UMOUNT_NOFOLLOW as u64, "UMOUNT_NOFOLLOW"),
    ];
    names(u64::from(flags.cast_unsigned()), &names_of)
}

/// Names joined by `|`; a name whose bits another has taken is passed over.
fn names(flags: u64, table: &[(u64, &'static str)]) -> String {
    let mut left = flags;
    let mut found = Vec::new();
    for (bits, name) in table {
        if *bits != 0 && left & bits == *bits {
            left &= !bits;
            found.push(*name);
        }
    }
    let mut text = found.join("|");
    if left != 0 || text.is_empty() {
        let rest = if left == 0 { "0".to_owned() } else { format!("{left:#x}") };
        text = if text.is_empty() { rest } else { format!("{text}|{rest}") };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_kernels_names() {
        assert_eq!(mount_flags(0), "0");
        assert_eq!(mount_flags(libc::MS_BIND | libc::MS_REC), "MS_BIND|MS_REC");
        assert_eq!(mount_flags(1 << 40), "0x10000000000");
        assert_eq!(attributes(attr::ATIME), "MOUNT_ATTR__ATIME");
        assert_eq!(attributes(attr::RDONLY | attr::IDMAP), "MOUNT_ATTR_RDONLY|MOUNT_ATTR_IDMAP");
        assert_eq!(unmount_flags(libc::MNT_DETACH), "MNT_DETACH");
    }
}

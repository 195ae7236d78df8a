//! The capabilities of a file: the extended attribute `security.capability`.
//!
//! The attribute is `struct vfs_cap_data` of linux/capability.h, little-endian: a word with the
//! revision and the effective bit, then permitted and inheritable in two halves of 32 bits, and
//! in revision 3 the user id (in the file's user namespace) whose root the capabilities are for.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::libc;

use super::super::{Errno, Result};

/// A path as the kernel takes it.
fn c_path(path: &Path) -> Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

const NAME: &std::ffi::CStr = c"security.capability";
const REVISION_MASK: u32 = 0xff00_0000;
const REVISION_1: u32 = 0x0100_0000;
const REVISION_2: u32 = 0x0200_0000;
const REVISION_3: u32 = 0x0300_0000;
const EFFECTIVE: u32 = 1;

/// What execve(2) of a file gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileCaps {
    /// Added to the permitted set, within the bounding set.
    pub permitted: u64,
    /// Kept in the permitted set where the process has it inheritable.
    pub inheritable: u64,
    /// Whether what is permitted becomes effective at once: one bit for the whole file.
    pub effective: bool,
    /// The user id that is root in the namespace these are for; `None` is the initial namespace.
    pub rootid: Option<u32>,
}

impl FileCaps {
    /// The bytes of the attribute: revision 3 where there is a root id, else 2.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let revision = if self.rootid.is_some() { REVISION_3 } else { REVISION_2 };
        let half = |mask: u64, shift: u32| u32::try_from(mask >> shift & 0xffff_ffff).unwrap_or_default();
        let (permitted, inheritable) = (self.permitted, self.inheritable);
        let mut words = vec![revision | u32::from(self.effective)];
        words.extend([half(permitted, 0), half(inheritable, 0), half(permitted, 32), half(inheritable, 32)]);
        words.extend(self.rootid);
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// Reads the bytes of an attribute; `None` where no kernel writes them so.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes.chunks_exact(4).map(|word| word.try_into().map(u32::from_le_bytes).unwrap_or_default());
        let magic = words.next()?;
        let words: Vec<u32> = words.collect();
        let (low, high, rootid) = match (magic & REVISION_MASK, &words[..]) {
            (REVISION_1, [p, i]) => ((*p, *i), (0, 0), None),
            (REVISION_2, [p, i, hp, hi]) => ((*p, *i), (*hp, *hi), None),
            (REVISION_3, [p, i, hp, hi, rootid]) => ((*p, *i), (*hp, *hi), Some(*rootid)),
            _ => return None,
        };
        let join = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (permitted, inheritable) = (join(low.0, high.0), join(low.1, high.1));
        Some(Self { permitted, inheritable, effective: magic & EFFECTIVE != 0, rootid })
    }
}

/// getxattr(2): `None` where the file has none; `EINVAL` where it cannot be read.
///
/// A file system without extended attributes gives no file capabilities: to execve(2) both are one.
pub fn get(path: &Path) -> Result<Option<FileCaps>> {
    let path = c_path(path)?;
    let mut bytes = [0_u8; 64];
    // SAFETY: the strings end with NUL and the buffer's length is passed along.
    let length = unsafe { libc::getxattr(path.as_ptr(), NAME.as_ptr(), bytes.as_mut_ptr().cast(), bytes.len()) };
    match Errno::result(length) {
        Ok(length) => {
            let read = usize::try_from(length).ok().and_then(|length| bytes.get(..length)).and_then(FileCaps::decode);
            read.map(Some).ok_or(Errno::EINVAL)
        }
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// setxattr(2).
pub fn set(path: &Path, caps: &FileCaps) -> Result<()> {
    let path = c_path(path)?;
    let bytes = caps.encode();
    // SAFETY: the strings end with NUL and the buffer's length is passed along.
    Errno::result(unsafe { libc::setxattr(path.as_ptr(), NAME.as_ptr(), bytes.as_ptr().cast(), bytes.len(), 0) }).map(drop)
}

/// removexattr(2).
pub fn remove(path: &Path) -> Result<()> {
    let path = c_path(path)?;
    // SAFETY: the strings end with NUL.
    Errno::result(unsafe { libc::removexattr(path.as_ptr(), NAME.as_ptr()) }).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_revision_survives_its_encoding_and_nothing_else_is_read() {
        let plain = FileCaps { permitted: 1 << 10, inheritable: 1 << 40, effective: true, rootid: None };
        let owned = FileCaps { rootid: Some(100_000), ..plain };
        assert_eq!(plain.encode().len(), 20);
        assert_eq!(owned.encode().len(), 24);
        assert_eq!(FileCaps::decode(&plain.encode()), Some(plain));
        assert_eq!(FileCaps::decode(&owned.encode()), Some(owned));
        let first = [1, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0];
        assert_eq!(FileCaps::decode(&first), Some(FileCaps { permitted: 1 << 10, effective: true, ..FileCaps::default() }));
        for wrong in [&[][..], &[1, 0, 0, 9], &plain.encode()[..16]] {
            assert_eq!(FileCaps::decode(wrong), None);
        }
    }
}

//! Whiteouts: what a layer of an OCI image says is gone (image-spec, "Representing Changes").
//!
//! They only speak of what lower layers have left in the root, in whatever order the entries
//! come: what this archive has made itself stays.

use super::extract::Extract;
use super::names;
use super::reader::{Entry, Kind};
use super::tree::kind;
use super::{Judged, Refusal};
use crate::sys::Errno;
use nix::sys::stat::SFlag;

/// A file of this name empties its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// A file with this in front removes the one without.
const PREFIX: &[u8] = b".wh.";
/// AUFS's own files, which old images still have; they say nothing.
const META: &[u8] = b".wh..wh.";

impl Extract<'_> {
    /// Follows an entry that is a whiteout; false where it is none.
    pub(super) fn whiteout(&mut self, name: &[u8], entry: &Entry) -> Judged<bool> {
        let (dir, last) = names::split(name);
        let Some(gone) = last.strip_prefix(PREFIX) else { return Ok(false) };
        if last != OPAQUE && last.starts_with(META) {
            return Ok(true);
        }
        if entry.kind != Kind::File || entry.size != 0 {
            return Err(Refusal::new(Errno::EBADMSG, "a whiteout that is not an empty file"));
        }
        self.summary.whiteouts += 1;
        if last == OPAQUE {
            let children = match self.tree.list(dir) {
                Err(Errno::ENOENT) => return Ok(true),
                other => other.map_err(|errno| Refusal::kernel("reading the directory", errno))?,
            };
            for child in children {
                self.remove_lower(&names::join(dir, &child))?;
            }
            return Ok(true);
        }
        if gone.is_empty() || gone == b"." || gone == b".." {
            return Err(Refusal::new(Errno::EINVAL, "a whiteout of no file"));
        }
        match self.remove_lower(&names::join(dir, gone)) {
            Err(refusal) if refusal.errno == Errno::ENOENT => Ok(true),
            other => other.map(|()| true),
        }
    }

    /// Removes a name with everything below it, but not what this archive has made.
    pub(super) fn remove_lower(&mut self, name: &[u8]) -> Judged<()> {
        let failed = |name: &[u8], errno| Refusal::kernel(&format!("removing \"{}\"", name.escape_ascii()), errno);
        self.tree.forget();
        // Each directory comes twice: to list it, and to remove it when it is empty.
        let mut stack = vec![(name.to_vec(), false)];
        while let Some((name, listed)) = stack.pop() {
            let (dir, last) = names::split(&name);
            let own = self.seen.contains_key(&name);
            let Some(found) = self.tree.stat(dir, last).map_err(|errno| failed(&name, errno))? else { continue };
            let is_dir = kind(&found) == SFlag::S_IFDIR;
            let removed = match (is_dir, listed) {
                (true, false) => {
                    let children = self.tree.list(&name).map_err(|errno| failed(&name, errno))?;
                    stack.push((name.clone(), true));
                    stack.extend(children.into_iter().map(|child| (names::join(&name, &child), false)));
                    continue;
                }
                (true, true) if !own => self.tree.rmdir(dir, last),
                (false, _) if !own => self.tree.unlink(dir, last),
                _ => continue,
            };
            match removed {
                // What is left in it is this archive's.
                Ok(()) | Err(Errno::ENOTEMPTY | Errno::EEXIST) => {}
                Err(errno) => return Err(failed(&name, errno)),
            }
        }
        self.tree.forget();
        Ok(())
    }
}

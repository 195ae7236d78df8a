//! What becomes of each entry: made below the root, or refused.
//!
//! Directories get their mode and time at the very end, deepest first: until then the caller must
//! be able to write into them, and each file made in them would change their time again. Every
//! new name is noted before anything else is done with it, so that [`Extract::undo`] finds it.
//!
//! A name is made and not looked for first: nearly all are new, and one that is there is `EEXIST`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::BorrowedFd;

use nix::sys::stat::SFlag;

use super::reader::{Entry, Kind, Reader};
use super::tree::{Metadata, Tree, kind, restore};
use super::{Judged, Options, Owner, Refusal, Rights, Summary, names};
use crate::sys::namespaces::ids::Range;
use crate::sys::{Errno, interrupt};

/// The attribute that holds a file's capabilities.
const FILE_CAPS: &[u8] = b"security.capability";

/// One archive's extraction.
pub struct Extract<'a> {
    pub(super) tree: Tree<'a>,
    pub(super) options: &'a Options,
    /// What this archive has made so far: the name, and the kind in a word.
    pub(super) seen: HashMap<Vec<u8>, &'static str>,
    /// Names that were not there before, in the order in which they were made.
    created: Vec<Vec<u8>>,
    directories: BTreeMap<Vec<u8>, Metadata>,
    pub(super) summary: Summary,
    /// Whose files are new: the caller's user and group.
    user: (u32, u32),
}

impl<'a> Extract<'a> {
    /// Starts below `root`.
    pub fn new(root: BorrowedFd<'a>, options: &'a Options) -> Self {
        Self {
            tree: Tree::new(root),
            options,
            seen: HashMap::new(),
            created: Vec::new(),
            directories: BTreeMap::new(),
            summary: Summary::default(),
            user: (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw()),
        }
    }

    /// Makes everything that the archive has.
    pub fn all(&mut self, reader: &mut Reader, progress: &mut dyn FnMut(u64)) -> Judged<Summary> {
        while let Some(entry) = reader.advance()? {
            self.summary.entries += 1;
            if self.summary.entries > self.options.limits.entries {
                let limit = self.options.limits.entries;
                return Err(
                    Refusal::new(Errno::EFBIG, format!("the archive has more than {limit} entries (limits.entries)")).at(&entry.name)
                );
            }
            self.entry(&entry, reader, progress).map_err(|refusal| refusal.at(&entry.name))?;
            progress(reader.stream.compressed());
        }
        for (name, metadata) in std::mem::take(&mut self.directories).into_iter().rev() {
            let done = self.tree.restore_dir(&name, &metadata).map_err(|errno| restoring(&metadata, errno).at(&name));
            // Kept for `undo`, which may have to enter it again.
            self.directories.insert(name, metadata);
            done?;
        }
        Ok(self.summary)
    }

    /// Removes what was made; answers how many of the names could not be removed.
    pub fn undo(&mut self) -> usize {
        self.tree.forget();
        for name in self.directories.keys().filter(|name| !name.is_empty()) {
            let (dir, last) = names::split(name);
            // Fails where it was never restricted, or is gone: either is fine.
            let _ = self.tree.reopen(dir, last);
        }
        let mut left = 0;
        for name in self.created.drain(..).rev() {
            let (dir, last) = names::split(&name);
            let removed = match self.tree.unlink(dir, last) {
                Err(Errno::EISDIR | Errno::EPERM) => self.tree.rmdir(dir, last),
                other => other,
            };
            if !matches!(removed, Ok(()) | Err(Errno::ENOENT)) {
                left += 1;
            }
        }
        left
    }

    fn entry(&mut self, entry: &Entry, reader: &mut Reader, progress: &mut dyn FnMut(u64)) -> Judged<()> {
        if interrupt::pending().is_some() {
            return Err(Refusal::kernel("unpacking", Errno::EINTR));
        }
        let limit = self.options.limits.path;
        let Some(name) = names::judge(&entry.name, self.options.strip, limit)? else { return Ok(()) };
        if self.options.whiteouts && self.whiteout(&name, entry)? {
            return Ok(());
        }
        let metadata = self.judge(entry)?;
        if name.is_empty() {
            if entry.kind != Kind::Directory {
                return Err(Refusal::new(Errno::EISDIR, format!("a {} in place of the root directory", entry.kind.word())));
            }
            self.directories.insert(name, metadata);
            return Ok(());
        }
        if self.seen.get(&name).is_some_and(|kind| *kind != entry.kind.word()) {
            let first = self.seen.get(&name).copied().unwrap_or_default();
            let reason = format!("the name comes twice, first as a {first} and then as a {}", entry.kind.word());
            return Err(Refusal::new(Errno::EEXIST, reason));
        }
        let (dir, last) = names::split(&name);
        self.parents(dir)?;
        let target = self.link_target(entry, &name)?;
        let making = |errno| Refusal::kernel(&format!("making the {}", entry.kind.word()), errno);
        let mut made = self.make(dir, last, entry, &metadata, &target);
        if matches!(made, Err(Errno::EEXIST)) {
            made = if self.make_way(&name, &entry.kind)? { self.make(dir, last, entry, &metadata, &target) } else { Ok(None) };
        }
        self.seen.insert(name.clone(), entry.kind.word());
        let restored = |done: crate::sys::Result<()>| done.map_err(|errno| restoring(&metadata, errno));
        match (made.map_err(making)?, &entry.kind) {
            (Some(file), _) => fill(file, entry, &metadata, reader, progress),
            (None, Kind::Directory) => {
                self.directories.insert(name, metadata);
                Ok(())
            }
            (None, Kind::Link(_)) => Ok(()),
            (None, kind) => restored(self.tree.restore_node(dir, last, &metadata, matches!(kind, Kind::Symlink(_)))),
        }
    }

    /// Makes a name that is not there, and notes it; a file is open for its content.
    fn make(&mut self, dir: &[u8], last: &[u8], entry: &Entry, metadata: &Metadata, target: &[u8]) -> crate::sys::Result<Option<File>> {
        let tree = &mut self.tree;
        let file = match &entry.kind {
            Kind::Directory => tree.mkdir(dir, last).map(|()| None),
            Kind::File => tree.create(dir, last, metadata.first_mode(self.user)).map(Some),
            Kind::Symlink(text) => tree.symlink(text, dir, last).map(|()| None),
            Kind::Link(_) => tree.link(names::split(target), dir, last).map(|()| None),
            Kind::Fifo => tree.node(dir, last, SFlag::S_IFIFO, (0, 0)).map(|()| None),
            Kind::Character(major, minor) => tree.node(dir, last, SFlag::S_IFCHR, (*major, *minor)).map(|()| None),
            Kind::Block(major, minor) => tree.node(dir, last, SFlag::S_IFBLK, (*major, *minor)).map(|()| None),
        }?;
        self.created.push(names::join(dir, last));
        Ok(file)
    }

    /// Judges what the entry asks for beside its name, before anything is made.
    fn judge(&mut self, entry: &Entry) -> Judged<Metadata> {
        let mut mode = entry.mode;
        match &entry.kind {
            Kind::Character(major, minor) | Kind::Block(major, minor) => {
                if !self.options.devices {
                    let reason = format!("a {}, {major}:{minor}; with devices = true it would be made", entry.kind.word());
                    return Err(Refusal::new(Errno::EPERM, reason));
                }
                if *major > 0xfff || *minor > 0xf_ffff {
                    return Err(Refusal::new(Errno::EINVAL, format!("a device number that Linux does not have, {major}:{minor}")));
                }
            }
            Kind::Symlink(text) if text.is_empty() || text.contains(&0) || text.len() > 4095 => {
                return Err(Refusal::new(Errno::EINVAL, "a symbolic link whose text is empty, too long, or has a NUL byte"));
            }
            _ => {}
        }
        // On a directory the set-group-ID bit only says which group new files have.
        if mode & 0o6000 != 0 && !matches!(entry.kind, Kind::Directory | Kind::Symlink(_) | Kind::Link(_)) {
            match self.options.setuid {
                Rights::Keep => {}
                Rights::Strip => mode &= !0o6000,
                Rights::Refuse => {
                    let reason =
                        format!("a set-user-ID or set-group-ID bit (mode {mode:04o}); setuid = \"strip\" or \"keep\" takes the file");
                    return Err(Refusal::new(Errno::EPERM, reason));
                }
            }
        }
        Ok(Metadata { mode, owner: self.owner(entry)?, mtime: entry.mtime, xattrs: self.xattrs(entry)? })
    }

    fn xattrs(&mut self, entry: &Entry) -> Judged<Vec<(Vec<u8>, Vec<u8>)>> {
        let mut wanted = Vec::new();
        for (name, value) in &entry.xattrs {
            let keep = if name == FILE_CAPS {
                if self.options.file_caps == Rights::Refuse {
                    let reason = "file capabilities (security.capability); file_caps = \"strip\" or \"keep\" takes the file";
                    return Err(Refusal::new(Errno::EPERM, reason));
                }
                self.options.file_caps == Rights::Keep && entry.kind == Kind::File
            } else {
                self.options.xattrs && name.starts_with(b"user.") && matches!(entry.kind, Kind::File | Kind::Directory)
            };
            if keep {
                wanted.push((name.clone(), value.clone()));
            } else {
                self.summary.dropped_xattrs += 1;
            }
        }
        Ok(wanted)
    }

    fn owner(&self, entry: &Entry) -> Judged<Option<(u32, u32)>> {
        let same = |number: u64| u32::try_from(number).ok().filter(|number| *number != u32::MAX);
        let (uid, gid) = match &self.options.owner {
            Owner::Own => return Ok(None),
            Owner::Auto if self.user.0 != 0 => return Ok(None),
            Owner::Auto | Owner::Keep => (same(entry.uid), same(entry.gid)),
            Owner::Map { uid, gid } => (outside(uid, entry.uid), outside(gid, entry.gid)),
        };
        let reason = || format!("the owner {}:{} is not one that can be, or that is mapped", entry.uid, entry.gid);
        uid.zip(gid).map(Some).ok_or_else(|| Refusal::new(Errno::EINVAL, reason()))
    }

    /// Makes the directories on the way that the archive does not name itself.
    fn parents(&mut self, dir: &[u8]) -> Judged<()> {
        let at = |name: &[u8], errno| match errno {
            Errno::ELOOP => {
                Refusal::new(errno, format!("it passes \"{}\", which is or leads through a symbolic link", name.escape_ascii()))
            }
            Errno::EXDEV => Refusal::new(errno, format!("it passes \"{}\", where another file system is mounted", name.escape_ascii())),
            Errno::ENOTDIR => Refusal::new(errno, format!("it passes \"{}\", which is no directory", name.escape_ascii())),
            _ => Refusal::kernel(&format!("opening \"{}\"", name.escape_ascii()), errno),
        };
        match self.tree.dir(dir).map(drop) {
            Ok(()) => return Ok(()),
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(at(dir, errno)),
        }
        let (above, last) = names::split(dir);
        self.parents(above)?;
        match self.tree.mkdir(above, last) {
            Ok(()) => self.created.push(dir.to_vec()),
            // A dangling symbolic link is "no such file" as a directory, and there as a name.
            Err(Errno::EEXIST) => return Err(at(dir, Errno::ELOOP)),
            Err(errno) => return Err(at(dir, errno)),
        }
        let owner = if self.user.0 == 0 { self.owner(&implied())? } else { None };
        self.directories.insert(dir.to_vec(), Metadata { mode: 0o755, owner, mtime: now(), xattrs: Vec::new() });
        Ok(())
    }

    /// The file that a hard link names: a regular file below the root, judged as every name is.
    fn link_target(&mut self, entry: &Entry, name: &[u8]) -> Judged<Vec<u8>> {
        let Kind::Link(text) = &entry.kind else { return Ok(Vec::new()) };
        let told =
            |refusal: Refusal| Refusal::new(refusal.errno, format!("a hard link to \"{}\": {}", text.escape_ascii(), refusal.reason));
        let judged = names::judge(text, self.options.strip, self.options.limits.path).map_err(told)?;
        let target = judged.filter(|target| !target.is_empty() && target != name);
        let target = target.ok_or_else(|| told(Refusal::new(Errno::EINVAL, "that is no other file below the root")))?;
        let (dir, last) = names::split(&target);
        let found = self.tree.stat(dir, last).map_err(|errno| {
            told(if errno == Errno::ELOOP {
                Refusal::new(errno, "it leads through a symbolic link")
            } else {
                Refusal::kernel("opening its directory", errno)
            })
        })?;
        match found.as_ref().map(kind) {
            Some(SFlag::S_IFREG) => Ok(target),
            Some(SFlag::S_IFLNK) => Err(told(Refusal::new(Errno::ELOOP, "that is a symbolic link"))),
            Some(_) => Err(told(Refusal::new(Errno::EPERM, "that is no regular file"))),
            None => Err(told(Refusal::new(Errno::ENOENT, "there is no such file below the root yet"))),
        }
    }

    /// Removes what is in the way of a new name; false where it is a directory that may stay.
    fn make_way(&mut self, name: &[u8], new: &Kind) -> Judged<bool> {
        let (dir, last) = names::split(name);
        let failed = |errno| Refusal::kernel("replacing what is there", errno);
        let Some(found) = self.tree.stat(dir, last).map_err(failed)? else { return Ok(true) };
        let was_dir = kind(&found) == SFlag::S_IFDIR;
        if was_dir && *new == Kind::Directory {
            return Ok(false);
        }
        if was_dir || *new == Kind::Directory {
            // A layer may turn a directory into a file and back; a plain archive that wants to
            // do so was not made for this root.
            if !self.options.whiteouts || self.seen.contains_key(name) {
                let old = if was_dir { "a directory" } else { "no directory" };
                return Err(Refusal::new(Errno::EEXIST, format!("what the root has under this name already is {old}")));
            }
            self.remove_lower(name)?;
        } else {
            self.tree.unlink(dir, last).map_err(failed)?;
        }
        Ok(true)
    }
}

/// Writes a new file's content, and restores the rest of it.
fn fill(mut file: File, entry: &Entry, metadata: &Metadata, reader: &mut Reader, progress: &mut dyn FnMut(u64)) -> Judged<()> {
    reader.stream.charge(entry.pieces.iter().map(|(_, length)| length).sum())?;
    let failed = |error| writing(entry, crate::sys::files::errno(error));
    let mut end = 0;
    for (offset, length) in &entry.pieces {
        if *offset != end {
            file.seek(SeekFrom::Start(*offset)).map_err(failed)?;
        }
        end = offset + length;
        let mut left = *length;
        while left > 0 {
            let bytes = reader.part(left)?;
            file.write_all(bytes).map_err(failed)?;
            left -= bytes.len() as u64;
            progress(reader.stream.compressed());
            if interrupt::pending().is_some() {
                return Err(Refusal::kernel("unpacking", Errno::EINTR));
            }
        }
    }
    // A hole at the end has no data to write.
    if end != entry.size {
        file.set_len(entry.size).map_err(failed)?;
    }
    restore(&file, metadata).map_err(|errno| restoring(metadata, errno))
}

/// Why a file could not be written; on a full disk with how much it needs.
fn writing(entry: &Entry, errno: Errno) -> Refusal {
    let refusal = Refusal::kernel("writing the file", errno);
    if !matches!(errno, Errno::ENOSPC | Errno::EDQUOT) {
        return refusal;
    }
    Refusal { reason: format!("{}; the file has {} bytes", refusal.reason, entry.size), ..refusal }
}

/// What an id of a user namespace is outside of it.
fn outside(ranges: &[Range], id: u64) -> Option<u32> {
    let id = u32::try_from(id).ok()?;
    ranges.iter().find_map(|range| {
        let distance = id.checked_sub(range.inside).filter(|distance| *distance < range.count)?;
        range.outside.checked_add(distance)
    })
}

/// The owner of directories that no entry names: root, or the caller.
fn implied() -> Entry {
    Entry {
        name: Vec::new(),
        kind: Kind::Directory,
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: (0, 0),
        xattrs: Vec::new(),
        size: 0,
        pieces: Vec::new(),
    }
}

fn now() -> (i64, i64) {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (i64::try_from(since.as_secs()).unwrap_or(0), i64::from(since.subsec_nanos()))
}

/// Why owner, mode or time could not be restored.
fn restoring(metadata: &Metadata, errno: Errno) -> Refusal {
    match (metadata.owner, errno) {
        (Some((uid, gid)), Errno::EINVAL) => {
            let reason =
                format!("the owner {uid}:{gid} is not mapped in this user namespace; owner = \"own\" makes every file the caller's");
            Refusal::new(errno, reason)
        }
        (Some((uid, gid)), Errno::EPERM) => Refusal::new(
            errno,
            format!("the owner {uid}:{gid} cannot be set without CAP_CHOWN; owner = \"own\" makes every file the caller's"),
        ),
        _ => Refusal::kernel("restoring owner, mode and time", errno),
    }
}

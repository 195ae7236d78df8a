//! The words about changes inside of a root.

use nix::libc;
use nix::sys::stat::{SFlag, major, minor};

use super::{Call, Change};
use crate::kernel::Kinds;
use crate::kernel::lesson::{Lesson, Mark, Script};

const INSIDE: &str = "resolved below the root by the kernel (RESOLVE_IN_ROOT): a link of the container's cannot lead to the host's files";

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let place = call.place();
    let mounts = |lesson: Lesson| lesson.needs("CAP_SYS_ADMIN in the user namespace that owns this mount namespace").owned_by(Kinds::MNT);
    match &call.change {
        Change::Open { flags, .. } if flags & (libc::O_CREAT | libc::O_WRONLY | libc::O_RDWR) == 0 => {
            Lesson::look("file", place).note(INSIDE)
        }
        Change::Open { .. } => Lesson::new(Mark::Change, "file", place).with("opened for writing").note(INSIDE),
        Change::Mkdir { mode, .. } => Lesson::new(Mark::Add, "directory", place).with(format!("mode {mode:04o}")).note(INSIDE),
        Change::Write { content, .. } => Lesson::new(Mark::Add, "file", place).with(format!("{} bytes", content.len())).note(INSIDE),
        Change::Symlink { text } => Lesson::new(Mark::Add, "link to a path", place)
            .with(format!("→ {}", text.display()))
            .note("the text is followed by whoever opens it, and means the root that he is in"),
        Change::Node { node: (kind, device), host, .. } => {
            let what = match *kind {
                SFlag::S_IFCHR => format!("character device {}:{}", major(*device), minor(*device)),
                SFlag::S_IFBLK => format!("block device {}:{}", major(*device), minor(*device)),
                _ => "pipe".to_owned(),
            };
            Lesson::new(Mark::Add, "device", place).with(what).needs("CAP_MKNOD in the first user namespace").note(if host.is_some() {
                "the host's node is mounted there where a user namespace may not make one"
            } else {
                "the numbers say which driver answers, the name says nothing"
            })
        }
        Change::Unlink => Lesson::new(Mark::Remove, "file", place).note(INSIDE),
        Change::Rmdir => Lesson::new(Mark::Remove, "directory", place).note(INSIDE),
        Change::Chown { owner: (uid, gid), .. } => {
            let id = |id: &Option<u32>| id.map_or_else(|| "same".to_owned(), |id| id.to_string());
            Lesson::new(Mark::Change, "file", place)
                .with(format!("owner {}:{}", id(uid), id(gid)))
                .needs("CAP_CHOWN, in a user namespace that maps both ids")
        }
        Change::Chmod { mode } => Lesson::new(Mark::Change, "file", place).with(format!("mode {mode:04o}")),
        Change::MountPoint { .. } => Lesson::look("mount", place).note(INSIDE),
        Change::Remount { flags, .. } | Change::RemountAll { flags } => {
            mounts(Lesson::new(Mark::Change, "mount", place).with(crate::kernel::mounts::flags::mount_flags(*flags)))
        }
        Change::Mask { .. } => mounts(
            Lesson::new(Mark::Add, "mount", place)
                .with("masked")
                .note("an empty file or directory lies over it: the container can neither read what is below nor write to it"),
        ),
        Change::ReadOnly => mounts(
            Lesson::new(Mark::Add, "mount", place)
                .with("read-only")
                .note("the path is mounted onto itself, and the new mount made read-only before it is attached"),
        ),
        Change::MountNew { source, fstype, .. } => {
            let what = fstype.clone().unwrap_or_else(|| format!("{} again", source.display()));
            mounts(Lesson::new(Mark::Add, "mount", place).with(what).note("on a directory that is made for it"))
        }
        Change::HostDevice { .. } => {
            Lesson::look("device", call.path.display().to_string()).note("opened as a path and compared with the number that is wanted")
        }
    }
}

/// The call in a shell script.
pub fn script(call: &Call, shell: crate::kernel::Shell) -> Script {
    match &call.change {
        Change::Open { flags, .. } if flags & (libc::O_CREAT | libc::O_WRONLY | libc::O_RDWR) == 0 => Script::Needless,
        Change::MountPoint { .. } => {
            Script::Line(format!("mkdir -p {}", crate::kernel::shell_quote(&call.place())), Some("a file where a file is mounted"))
        }
        Change::HostDevice { .. } => Script::Needless,
        Change::Write { content, .. } => match std::str::from_utf8(content) {
            Ok(text) if !text.contains('\0') => Script::Line(
                format!("printf %s {} > {}", crate::kernel::shell_quote(text), crate::kernel::shell_quote(&call.place())),
                Some("by path, which a symlink in the root may lead out of it"),
            ),
            _ => Script::Missing,
        },
        _ => Script::of(shell),
    }
}

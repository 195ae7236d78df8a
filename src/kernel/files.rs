//! Files by path: what scripts do outside of a rootfs.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::libc;
use serde_json::Value;

use super::{Fact, Lesson, Reply, Request, Script, Shell, journal, quote, shell_quote};
use crate::sys::{self, Errno, Fd, files};

mod lesson;

/// A change to a file, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `mkdir(2)`
    Mkdir {
        /// The new directory.
        path: PathBuf,
        /// Its permission bits, before the umask.
        mode: u32,
        /// Also what is missing before it; one that exists is fine.
        parents: bool,
    },
    /// `mkdir(2)` of a directory with a name that nobody can foresee.
    Temporary {
        /// The new directory.
        path: PathBuf,
    },
    /// Removes such a directory with all that is in it.
    RemoveTemporary {
        /// The directory.
        path: PathBuf,
    },
    /// `rmdir(2)`
    Rmdir {
        /// An empty directory.
        path: PathBuf,
    },
    /// `unlink(2)`
    Unlink {
        /// Anything but a directory.
        path: PathBuf,
    },
    /// `unlinkat(2)` of a directory and all that is in it.
    RemoveAll {
        /// Anything.
        path: PathBuf,
    },
    /// `open(2)` and `write(2)`
    Write {
        /// The file.
        path: PathBuf,
        /// All of it.
        content: Vec<u8>,
        /// Permission bits of a new file, before the umask.
        mode: u32,
        /// At the end of what is there.
        append: bool,
        /// Only where there is nothing.
        exclusive: bool,
    },
    /// `write(2)` of a new file, and `renameat2(2)` over the old one.
    Replace {
        /// A regular file.
        path: PathBuf,
        /// All of it.
        content: Vec<u8>,
        /// Permission bits of a new file, before the umask.
        mode: u32,
        /// Only where there is nothing.
        exclusive: bool,
    },
    /// `open(2)`: answers [`Reply::Fd`].
    Open {
        /// The file.
        path: PathBuf,
        /// `O_WRONLY`, `O_NONBLOCK` …
        flags: i32,
        /// Permission bits of a new file, before the umask.
        mode: u32,
    },
    /// `mkfifo(3)`
    Fifo {
        /// The new pipe.
        path: PathBuf,
        /// Permission bits, before the umask.
        mode: u32,
    },
    /// `symlink(2)`
    Symlink {
        /// What the link says.
        text: PathBuf,
        /// The new link.
        path: PathBuf,
    },
    /// `copy_file_range(2)`
    Copy {
        /// A regular file.
        from: PathBuf,
        /// Replaced where it exists.
        to: PathBuf,
    },
    /// `chmod(2)`
    Chmod {
        /// A file; symlinks are followed.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// `fchownat(2)`
    Chown {
        /// A file.
        path: PathBuf,
        /// The new user.
        uid: Option<u32>,
        /// The new group.
        gid: Option<u32>,
        /// Whether symlinks are followed.
        follow: bool,
    },
    /// `renameat2(2)`
    Rename {
        /// What there is.
        from: PathBuf,
        /// What it is called from now on.
        to: PathBuf,
        /// `RENAME_EXCHANGE`, `RENAME_NOREPLACE`
        flags: u32,
    },
    /// `utimensat(2)`; makes the file where it is missing.
    Touch {
        /// A file.
        path: PathBuf,
        /// Permission bits of a new file, before the umask.
        mode: u32,
    },
}

impl Call {
    fn path(&self) -> &Path {
        match self {
            Self::Mkdir { path, .. }
            | Self::Temporary { path }
            | Self::RemoveTemporary { path }
            | Self::Rmdir { path }
            | Self::Unlink { path }
            | Self::RemoveAll { path }
            | Self::Write { path, .. }
            | Self::Replace { path, .. }
            | Self::Open { path, .. }
            | Self::Fifo { path, .. }
            | Self::Symlink { path, .. }
            | Self::Rename { to: path, .. }
            | Self::Copy { to: path, .. }
            | Self::Chmod { path, .. }
            | Self::Chown { path, .. }
            | Self::Touch { path, .. } => path,
        }
    }
}

/// The flags of open(2) that a script can ask for, as strace writes them.
fn flag_names(flags: i32) -> String {
    let mut names = vec![match flags & libc::O_ACCMODE {
        libc::O_WRONLY => "O_WRONLY",
        libc::O_RDWR => "O_RDWR",
        _ => "O_RDONLY",
    }];
    for (flag, name) in [
        (libc::O_APPEND, "O_APPEND"),
        (libc::O_CREAT, "O_CREAT"),
        (libc::O_EXCL, "O_EXCL"),
        (libc::O_TRUNC, "O_TRUNC"),
        (libc::O_NONBLOCK, "O_NONBLOCK"),
        (libc::O_NOFOLLOW, "O_NOFOLLOW"),
    ] {
        if flags & flag != 0 {
            names.push(name);
        }
    }
    names.extend(["O_NOCTTY", "O_CLOEXEC"]);
    names.join("|")
}

fn path(path: &Path) -> String {
    quote(path.as_os_str().as_encoded_bytes(), 4096)
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |id: &Option<u32>| id.map_or_else(|| "-1".to_owned(), |id| id.to_string());
        match self {
            Self::Mkdir { path: dir, mode, parents: false } => write!(f, "mkdir({}, {mode:04o})", path(dir)),
            Self::Mkdir { path: dir, mode, parents: true } => write!(f, "mkdir({}, {mode:04o}) /* and its parents */", path(dir)),
            // No two runs have the same name here; `--explain` shows it among the effects.
            Self::Temporary { .. } => f.write_str("mkdir(\"$TMPDIR/crun-lua-XXXXXX\", 0700)"),
            Self::RemoveTemporary { .. } => {
                f.write_str("unlinkat(AT_FDCWD, \"$TMPDIR/crun-lua-XXXXXX\", AT_REMOVEDIR) /* and all in it */")
            }
            Self::Rmdir { path: dir } => write!(f, "rmdir({})", path(dir)),
            Self::Unlink { path: file } => write!(f, "unlink({})", path(file)),
            Self::RemoveAll { path: dir } => write!(f, "unlinkat(AT_FDCWD, {}, AT_REMOVEDIR) /* and all in it */", path(dir)),
            Self::Write { path: file, content, .. } => {
                write!(f, "write(<{}>, {}, {})", file.display(), quote(content, 64), content.len())
            }
            Self::Replace { path: file, content, exclusive, .. } => {
                let beside = format!("{}.new", file.display());
                let place = if *exclusive { ", RENAME_NOREPLACE" } else { "" };
                write!(f, "write(<{beside}>, {}, {}); ", quote(content, 64), content.len())?;
                write!(f, "renameat2(AT_FDCWD, {}, AT_FDCWD, {}{place})", quote(beside.as_bytes(), 4096), path(file))
            }
            Self::Open { path: file, flags, mode } => {
                let mode = if flags & libc::O_CREAT == 0 { String::new() } else { format!(", {mode:04o}") };
                write!(f, "open({}, {}{mode})", path(file), flag_names(*flags))
            }
            Self::Fifo { path: file, mode } => write!(f, "mknod({}, S_IFIFO|{mode:04o})", path(file)),
            Self::Rename { from, to, flags } => {
                let flags = match flags {
                    1 => "RENAME_NOREPLACE",
                    2 => "RENAME_EXCHANGE",
                    _ => "0",
                };
                write!(f, "renameat2(AT_FDCWD, {}, AT_FDCWD, {}, {flags})", path(from), path(to))
            }
            Self::Symlink { text, path: link } => write!(f, "symlink({}, {})", path(text), path(link)),
            Self::Copy { from, to } => write!(f, "copy_file_range(<{}>, NULL, <{}>, NULL, …)", from.display(), to.display()),
            Self::Chmod { path: file, mode } => write!(f, "chmod({}, {mode:04o})", path(file)),
            Self::Chown { path: file, uid, gid, follow } => {
                let at = if *follow { "0" } else { "AT_SYMLINK_NOFOLLOW" };
                write!(f, "fchownat(AT_FDCWD, {}, {}, {}, {at})", path(file), id(uid), id(gid))
            }
            Self::Touch { path: file, .. } => write!(f, "utimensat(AT_FDCWD, {}, NULL, 0)", path(file)),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Mkdir { path, mode, parents: false } => files::mkdir(path, *mode)?,
            Self::Mkdir { path, mode, parents: true } => files::mkdir_parents(path, *mode)?,
            Self::Temporary { path } => files::mkdir(path, 0o700)?,
            Self::Rmdir { path } => files::rmdir(path)?,
            Self::Unlink { path } => files::unlink(path)?,
            Self::RemoveAll { path } | Self::RemoveTemporary { path } => files::remove_all(path)?,
            Self::Write { path, content, mode, append, exclusive } => files::write(path, content, *mode, *append, *exclusive)?,
            Self::Replace { path, content, mode, exclusive } => files::replace(path, content, *mode, *exclusive)?,
            Self::Open { path, flags, mode } => {
                return Ok(Reply::Fd(Fd::new(path.display().to_string(), files::open(path, *flags, *mode)?)));
            }
            Self::Fifo { path, mode } => files::mkfifo(path, *mode)?,
            Self::Rename { from, to, flags } => files::rename(from, to, *flags)?,
            Self::Symlink { text, path } => files::symlink(text, path)?,
            Self::Copy { from, to } => drop(files::copy(from, to)?),
            Self::Chmod { path, mode } => files::chmod(path, *mode)?,
            Self::Chown { path, uid, gid, follow } => files::chown(path, *uid, *gid, *follow)?,
            Self::Touch { path, mode } => files::touch(path, *mode)?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Open { path, .. } => Reply::Fd(Fd::planned(path.display().to_string())),
            _ => Reply::Done,
        }
    }

    fn script(&self) -> Script {
        lesson::script(self, self.shell())
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        let word = |path: &Path| shell_quote(&path.display().to_string());
        Shell::Exact(match self {
            Self::Mkdir { path, mode, parents } => format!("mkdir {}-m {mode:04o} {}", if *parents { "-p " } else { "" }, word(path)),
            Self::Temporary { .. } => "mktemp -d".to_owned(),
            Self::Rmdir { path } => format!("rmdir {}", word(path)),
            Self::Unlink { path } => format!("rm {}", word(path)),
            Self::RemoveAll { path } | Self::RemoveTemporary { path } => {
                return Shell::Close(format!("rm -r --one-file-system {}", word(path)), "removes up to the mount");
            }
            Self::Write { path, append, .. } => format!("cat {} {}", if *append { ">>" } else { ">" }, word(path)),
            Self::Replace { path, exclusive, .. } => {
                let (path, option) = (word(path), if *exclusive { "-n " } else { "" });
                return Shell::Close(
                    format!("cat > {path}.new && mv {option}{path}.new {path}"),
                    "the new file has another owner and mode",
                );
            }
            Self::Open { path, flags, .. } => {
                let sign = match flags & (libc::O_ACCMODE | libc::O_APPEND) {
                    libc::O_RDONLY => "<",
                    libc::O_WRONLY => ">",
                    libc::O_RDWR => "<>",
                    _ => ">>",
                };
                return Shell::Close(format!("exec 9{sign}{}", word(path)), "the shell picks the number, and has fewer flags");
            }
            Self::Fifo { path, mode } => format!("mkfifo -m {mode:04o} {}", word(path)),
            Self::Rename { from, to, flags } => {
                let option = if *flags == 2 { "--exchange " } else { "" };
                format!("mv {option}{} {}", word(from), word(to))
            }
            Self::Symlink { text, path } => format!("ln -s {} {}", word(text), word(path)),
            Self::Copy { from, to } => format!("cp {} {}", word(from), word(to)),
            Self::Chmod { path, mode } => format!("chmod {mode:04o} {}", word(path)),
            Self::Chown { path, uid, gid, follow } => {
                let id = |id: &Option<u32>| id.map_or_else(String::new, |id| id.to_string());
                format!("chown {}{}:{} {}", if *follow { "" } else { "-h " }, id(uid), id(gid), word(path))
            }
            Self::Touch { path, .. } => format!("touch {}", word(path)),
        })
    }

    fn facts(&self) -> Vec<Fact> {
        let path = self.path();
        let Ok(Some(found)) = files::stat(path, false) else { return Vec::new() };
        let text = format!("mode {:o}, owner {}:{}, {} bytes", found.st_mode, found.st_uid, found.st_gid, found.st_size);
        vec![(path.display().to_string(), text)]
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Write { .. }, Errno::ENOENT) => {
                "the directory is missing: mkdir makes it; files of /proc and /sys are the kernel's to make"
            }
            (Self::Mkdir { parents: false, .. }, Errno::ENOENT) => "a directory before it is missing: parents = true makes it",
            (Self::Open { .. }, Errno::ENXIO) => "nobody reads from this pipe: open it for reading first, or without nonblock to wait",
            (Self::Open { .. } | Self::Replace { .. }, Errno::ELOOP) => "a symlink is not followed here",
            (Self::Replace { .. }, Errno::EINVAL) => "only a regular file can be replaced as a whole",
            (Self::Replace { .. }, Errno::EPERM) => "the file belongs to another user, and its owner cannot be handed on",
            (Self::Rename { .. }, Errno::EXDEV) => "the two are on different mounts: copy_file, then remove",
            (Self::RemoveAll { .. } | Self::RemoveTemporary { .. }, Errno::EXDEV) => {
                "something is mounted in there and is not removed: umount it first"
            }
            (Self::Rmdir { .. }, Errno::ENOTEMPTY) => "the directory is not empty: recursive = true removes what is in it",
            (Self::Unlink { .. }, Errno::EISDIR | Errno::EPERM) => {
                "a directory is removed with remove(path, { directory = true }) or { recursive = true }"
            }
            (Self::Chown { .. }, Errno::EPERM) => "CAP_CHOWN is needed, in a user namespace that maps the ids",
            (Self::Chown { .. }, Errno::EINVAL) => "this user namespace maps no such id: see /proc/self/uid_map",
            (_, Errno::EACCES) => "this user may not: stat tells the owner and the mode, also of each directory on the way",
            (_, Errno::EROFS) => "the mount is read-only: mountinfo tells which, and mount(nil, target, { remount = true, … }) changes it",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// The calls that remove a directory that a dead process has left.
#[must_use]
pub fn undo(what: &Value) -> Vec<super::Call> {
    journal::path_of(what).map(|path| Call::RemoveAll { path }.into()).into_iter().collect()
}

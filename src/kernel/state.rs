//! Where the program keeps what outlives it, and the locks that keep two of its kind apart.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use nix::unistd::{AccessFlags, Uid, access, geteuid};

use super::{Fact, Lesson, Reply, Request, Shell, quote, shell_quote};
use crate::sys::{self, Errno, Fd, files, state};

mod lesson;

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `mkdir(2)` of a directory for this user alone; one that is so already is fine.
    Directory {
        /// The directory; what is missing before it is made as well.
        path: PathBuf,
        /// The variable that may name another one.
        variable: &'static str,
    },
    /// `open(2)` of the file of a lock: answers [`Reply::Fd`].
    OpenLock {
        /// The file; made where it is missing.
        path: PathBuf,
    },
    /// `flock(2)`: answers the number 1, or 0 where the time was over first.
    Lock {
        /// The file.
        fd: Fd,
        /// Whether others may share it.
        shared: bool,
        /// How long to wait; for ever where there is none.
        patience: Option<Duration>,
    },
    /// `flock(2)` with `LOCK_UN`.
    Unlock {
        /// The file.
        fd: Fd,
    },
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = |path: &Path| quote(path.as_os_str().as_encoded_bytes(), 4096);
        match self {
            // Two runs may have another one each; `--explain` shows it among the effects.
            Self::Directory { variable, .. } if std::env::var_os(variable).is_some() => write!(f, "mkdir(\"${variable}\", 0700)"),
            Self::Directory { path: dir, .. } => write!(f, "mkdir({}, 0700)", path(dir)),
            Self::OpenLock { path: file } => write!(f, "open({}, O_RDWR|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC, 0600)", path(file)),
            Self::Lock { fd, shared, patience } => {
                let operation = if *shared { "LOCK_SH" } else { "LOCK_EX" };
                write!(f, "flock({fd}, {operation}{})", if patience.is_some() { "|LOCK_NB" } else { "" })
            }
            Self::Unlock { fd } => write!(f, "flock({fd}, LOCK_UN)"),
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Directory { path, .. } => {
                if let Some(parent) = path.parent() {
                    fs::DirBuilder::new().mode(0o700).recursive(true).create(parent).map_err(files::errno)?;
                }
                private_dir(path).map_err(|error| match error.kind() {
                    io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Errno::EPERM,
                    _ => files::errno(error),
                })?;
            }
            Self::OpenLock { path } => return Ok(Reply::Fd(Fd::new(path.display().to_string(), state::open_lock(path)?))),
            Self::Lock { fd, shared, patience } => return Ok(Reply::Number(state::lock(fd.get()?, *shared, *patience)?.into())),
            Self::Unlock { fd } => state::unlock(fd.get()?)?,
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::OpenLock { path } => Reply::Fd(Fd::planned(path.display().to_string())),
            Self::Lock { .. } => Reply::Number(1),
            _ => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        let word = |path: &Path| shell_quote(&path.display().to_string());
        match self {
            Self::Directory { path, .. } => Shell::Exact(format!("mkdir -p -m 0700 {}", word(path))),
            Self::OpenLock { path } => Shell::Close(format!("exec 9<>{}", word(path)), "the shell picks the number, and follows links"),
            Self::Lock { shared, patience, .. } => {
                let wait = patience
                    .map_or_else(String::new, |time| if time.is_zero() { "-n ".into() } else { format!("-w {} ", time.as_secs_f64()) });
                Shell::Exact(format!("flock {}{wait}9", if *shared { "-s " } else { "" }))
            }
            Self::Unlock { .. } => Shell::Exact("flock -u 9".to_owned()),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let (Self::Directory { path, .. } | Self::OpenLock { path }) = self else { return Vec::new() };
        let Ok(Some(found)) = files::stat(path, false) else { return Vec::new() };
        vec![(path.display().to_string(), format!("mode {:o}, owner {}:{}", found.st_mode, found.st_uid, found.st_gid))]
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Directory { .. }, Errno::EPERM) => {
                "there is something that is not a directory of this user's own, or that others may write: name another one with CRUN_LUA_STATE or CRUN_LUA_DATA"
            }
            (Self::Directory { .. }, _) => "CRUN_LUA_STATE and CRUN_LUA_DATA name other directories",
            (Self::OpenLock { .. }, Errno::ELOOP) => "a symlink is not followed: somebody else may have put it there",
            (Self::OpenLock { .. }, Errno::EINVAL | Errno::EISDIR) => "a lock is a regular file",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Device and inode of the root directory that the program was started in.
static ROOT: OnceLock<(u64, u64)> = OnceLock::new();

/// The user that started the program. In a user namespace of its own it is called root, and its
/// files still are where `crun-lua gc` looks for that user's.
static USER: OnceLock<Uid> = OnceLock::new();

fn root() -> Option<(u64, u64)> {
    fs::metadata("/").ok().map(|found| (found.dev(), found.ino()))
}

/// Takes note of the root directory and the user. To be called before any script runs.
pub fn remember_root() {
    let _ = USER.set(geteuid());
    if let Some(root) = root() {
        let _ = ROOT.set(root);
    }
}

/// Whether paths still mean what they meant at the start. In another root a container's own files
/// would answer (compare CVE-2019-12589), so the state directory is out of reach there.
#[must_use]
pub fn root_is_the_first() -> bool {
    ROOT.get().copied() == root()
}

/// The state directory, made where it is missing.
///
/// It must belong to the caller and be closed to others, or it is refused.
pub fn state_dir() -> io::Result<PathBuf> {
    let path = state_path()?;
    private_dir(&path).map(|()| path)
}

/// The state directory's path: `$CRUN_LUA_STATE`, `/run/crun-lua` for root, else below
/// `$XDG_RUNTIME_DIR`, else `/tmp/crun-lua-UID`.
pub fn state_path() -> io::Result<PathBuf> {
    chosen("CRUN_LUA_STATE", |uid| {
        Some(if uid.is_root() {
            PathBuf::from("/run/crun-lua")
        } else {
            absolute("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from(format!("/tmp/crun-lua-{uid}")), |run| run.join("crun-lua"))
        })
    })
}

/// The data directory's path: `$CRUN_LUA_DATA`, `/var/lib/crun-lua` for root, else below
/// `$XDG_DATA_HOME`, else `$HOME/.local/share/crun-lua`.
pub fn data_path() -> io::Result<PathBuf> {
    chosen("CRUN_LUA_DATA", |uid| {
        if uid.is_root() {
            return Some(PathBuf::from("/var/lib/crun-lua"));
        }
        let share = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        share.map(|share| share.join("crun-lua"))
    })
}

/// A variable's path; one that is not absolute counts as none, as the XDG specification wants it.
fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// What the variable says, or the directory of the user that started the program. After a change
/// of user (`setuser`) that one may be out of reach; then it is the new user's.
fn chosen(variable: &str, of: impl Fn(Uid) -> Option<PathBuf>) -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return std::path::absolute(path);
    }
    let now = geteuid();
    let first = *USER.get().unwrap_or(&now);
    let path = of(first).filter(|path| now == first || within_reach(path, now)).or_else(|| of(now));
    path.ok_or_else(|| io::Error::other(format!("neither {variable} nor HOME is set")))
}

fn within_reach(path: &Path, user: Uid) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) => found.uid() == user.as_raw(),
        Err(_) => path.parent().is_some_and(|parent| access(parent, AccessFlags::W_OK).is_ok()),
    }
}

/// Makes a directory of mode 0700 where there is none; refuses one that is not the caller's own.
pub fn private_dir(path: &Path) -> io::Result<()> {
    match own_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => own_dir(path),
    }
}

/// Refuses a directory that is not the caller's own.
pub fn own_dir(path: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    let own = found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o022 == 0;
    if own {
        return Ok(());
    }
    let text = format!("{}: not a directory of this user's own, or writable by others", path.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

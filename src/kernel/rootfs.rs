//! The rootfs handle: every path inside a root directory, resolved so that it cannot leave it.
//!
//! A call names the root and a path in it. The path is resolved when the call is made, and nowhere
//! else; that may take several system calls (`openat2`, then `mkdirat` in what it opened), which
//! are shown as the one that makes the change.

use std::fmt;
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, major, minor};

use super::{Fact, Lesson, Reply, Request, Script, Shell, back, quote, shell_quote};
use crate::sys::rootfs::change::{self, Node, Owner, Writing};
use crate::sys::rootfs::{self, Links, cover, plain};
use crate::sys::{self, Errno, Fd};

mod lesson;

/// What a mount point has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Like {
    /// A directory.
    Directory(Links),
    /// What this mount's root is.
    Mount(Fd, Links),
}

/// A change inside a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The root directory.
    pub root: Fd,
    /// A path in it.
    pub path: PathBuf,
    /// What is done.
    pub change: Change,
}

/// What is done at a path in a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `openat2(2)`: answers a descriptor.
    Open {
        /// `O_*`
        flags: i32,
        /// Permission bits of a new file.
        mode: u32,
        /// Also a device, a pipe or a socket.
        special: bool,
    },
    /// `mkdirat(2)`
    Mkdir {
        /// Permission bits, whatever the umask.
        mode: u32,
        /// Also what is missing before it.
        parents: bool,
        /// Whose it becomes.
        owner: Owner,
    },
    /// `openat(2)` and `write(2)`
    Write {
        /// All of it.
        content: Vec<u8>,
        /// Permission bits of a new file, whatever the umask.
        mode: u32,
        /// What happens to a file that is there.
        writing: Writing,
        /// Whose it becomes.
        owner: Owner,
    },
    /// `symlinkat(2)`
    Symlink {
        /// What the link says.
        text: PathBuf,
    },
    /// `mknodat(2)`, or a bind mount of the host's node where that is forbidden.
    Node {
        /// Kind and number.
        node: Node,
        /// Permission bits, whatever the umask.
        mode: u32,
        /// Whose it becomes.
        owner: Owner,
        /// The host's node.
        host: Option<PathBuf>,
    },
    /// `unlinkat(2)`
    Unlink,
    /// `unlinkat(2)` with `AT_REMOVEDIR`
    Rmdir,
    /// `fchownat(2)`
    Chown {
        /// The new owner.
        owner: Owner,
        /// A symlink itself.
        link: bool,
    },
    /// `fchmodat2(2)`
    Chmod {
        /// Permission bits.
        mode: u32,
    },
    /// Opens a mount point, and makes it where it is missing: answers a descriptor.
    MountPoint {
        /// What it has to be.
        like: Like,
    },
    /// Adds flags to the mount that is now on a mount point (old kernels).
    Remount {
        /// The mount point.
        below: Fd,
        /// `MS_*`
        flags: u64,
        /// Also to what is mounted below.
        recursive: bool,
    },
    /// Adds flags to the mount at a path and to all below it (old kernels).
    RemountAll {
        /// `MS_*`
        flags: u64,
    },
    /// Hides the path.
    Mask {
        /// The null device.
        null: Fd,
        /// An empty file system; without one (old kernels) each directory gets its own.
        empty: Option<Fd>,
    },
    /// Mounts the path onto itself, read-only.
    ReadOnly,
    /// `mkdirat(2)` and `mount(2)` in a root that is this program's own.
    MountNew {
        /// A word, or a path of the host.
        source: PathBuf,
        /// `tmpfs`; none for a bind mount.
        fstype: Option<String>,
        /// `MS_*`
        flags: u64,
        /// The file system's own options.
        data: Option<String>,
    },
    /// Opens a device of the host (the path is the host's) and makes sure of it.
    HostDevice {
        /// Kind and number.
        node: Node,
    },
}

impl Call {
    /// The path with the root's name in front.
    fn place(&self) -> String {
        place(&self.root, &self.path)
    }
}

/// The name of a path in a root, for messages and labels.
#[must_use]
pub fn place(root: &Fd, path: &Path) -> String {
    let inside = path.display().to_string();
    let inside = inside.trim_matches('/');
    let root = root.label().trim_end_matches('/');
    if inside.is_empty() { root.to_owned() } else { format!("{root}/{inside}") }
}

fn owner_text((uid, gid): Owner) -> String {
    let id = |id: Option<u32>| id.map_or_else(|| "-1".to_owned(), |id| id.to_string());
    format!("{}, {}", id(uid), id(gid))
}

fn node_text((kind, device): Node) -> (&'static str, String) {
    let number = format!("makedev({}, {})", major(device), minor(device));
    match kind {
        SFlag::S_IFCHR => ("S_IFCHR", number),
        SFlag::S_IFBLK => ("S_IFBLK", number),
        _ => ("S_IFIFO", "0".to_owned()),
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = &self.root;
        let path = quote(self.path.as_os_str().as_encoded_bytes(), 4096);
        match &self.change {
            Change::Open { flags, mode, .. } => {
                write!(f, "openat2({root}, {path}, {{flags={}", open_flags(*flags))?;
                if flags & nix::libc::O_CREAT != 0 {
                    write!(f, ", mode={mode:04o}")?;
                }
                f.write_str(", resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})")
            }
            Change::Mkdir { mode, parents, owner } => {
                let parents = if *parents { " /* and its parents */" } else { "" };
                write!(f, "mkdirat({root}, {path}, {mode:04o}){parents}")?;
                if *owner == (None, None) { Ok(()) } else { write!(f, " /* owner {} */", owner_text(*owner)) }
            }
            Change::Write { content, .. } => write!(f, "write(<{}>, {}, {})", self.place(), quote(content, 64), content.len()),
            Change::Symlink { text } => {
                write!(f, "symlinkat({}, {root}, {path})", quote(text.as_os_str().as_encoded_bytes(), 4096))
            }
            Change::Node { node, mode, .. } => {
                let (kind, number) = node_text(*node);
                write!(f, "mknodat({root}, {path}, {kind}|{mode:04o}, {number})")
            }
            Change::Unlink => write!(f, "unlinkat({root}, {path}, 0)"),
            Change::Rmdir => write!(f, "unlinkat({root}, {path}, AT_REMOVEDIR)"),
            Change::Chown { owner, link } => {
                let at = if *link { "AT_SYMLINK_NOFOLLOW" } else { "0" };
                write!(f, "fchownat({root}, {path}, {}, {at})", owner_text(*owner))
            }
            Change::Chmod { mode } => write!(f, "fchmodat2({root}, {path}, {mode:04o}, 0)"),
            Change::MountPoint { like } => {
                let (flags, links) = match like {
                    Like::Directory(links) => ("O_PATH|O_DIRECTORY", links),
                    Like::Mount(_, links) => ("O_PATH", links),
                };
                let strict = if *links == Links::Refused { "|RESOLVE_NO_SYMLINKS" } else { "" };
                write!(
                    f,
                    "openat2({root}, {path}, {{flags={flags}, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS{strict}}}) /* made if missing */"
                )
            }
            Change::Remount { flags, .. } | Change::RemountAll { flags } => {
                let flags = super::mounts::flags::mount_flags(*flags);
                write!(f, "mount(NULL, <{}>, NULL, MS_REMOUNT|MS_BIND|{flags} /* and the flags it has */, NULL)", self.place())
            }
            Change::Mask { null, empty } => {
                let empty = empty.as_ref().map_or_else(|| "<tmpfs>".to_owned(), ToString::to_string);
                write!(f, "move_mount({null} /* or, on a directory, {empty} */, \"\", <{}>, \"\", …)", self.place())
            }
            Change::ReadOnly => write!(f, "move_mount(<{0}> /* read-only clone */, \"\", <{0}>, \"\", …)", self.place()),
            Change::MountNew { source, fstype, flags, data } => {
                let text = |text: &Option<String>| text.as_ref().map_or_else(|| "NULL".to_owned(), |text| quote(text.as_bytes(), 4096));
                let source = quote(source.as_os_str().as_encoded_bytes(), 4096);
                let (fstype, flags) = (text(fstype), super::mounts::flags::mount_flags(*flags));
                write!(f, "mount({source}, <{}> /* made */, {fstype}, {flags}, {})", self.place(), text(data))
            }
            Change::HostDevice { .. } => write!(f, "open({path}, O_PATH|O_NOFOLLOW|O_CLOEXEC)"),
        }
    }
}

fn open_flags(flags: i32) -> String {
    let text: Vec<&str> = OFlag::from_bits_truncate(flags & !OFlag::O_LARGEFILE.bits()).iter_names().map(|(name, _)| name).collect();
    let reads = flags & (nix::libc::O_ACCMODE | nix::libc::O_PATH) == 0;
    let access = reads.then_some("O_RDONLY");
    let rest = text.into_iter().filter(|name| !matches!(*name, "O_RDONLY" | "O_LARGEFILE" | "O_ACCMODE" | "O_NDELAY" | "O_FSYNC"));
    access.into_iter().chain(rest).collect::<Vec<_>>().join("|")
}

fn bits(mode: u32) -> Mode {
    Mode::from_bits_truncate(mode)
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        let path = self.path.as_path();
        if let Change::HostDevice { node } = &self.change {
            return Ok(Reply::Fd(Fd::new(path.display().to_string(), cover::host_device(path, *node)?)));
        }
        let root = self.root.get()?;
        let opened = |fd| Ok(Reply::Fd(Fd::new(self.place(), fd)));
        match &self.change {
            Change::Open { flags, mode, special } => {
                let (flags, mode) = (OFlag::from_bits_retain(*flags), bits(*mode));
                return opened(match special {
                    true => rootfs::open(root, path, flags, mode, Links::Inside)?,
                    false => plain::file(root, path, flags, mode)?,
                });
            }
            Change::MountPoint { like } => {
                return opened(match like {
                    Like::Directory(links) => rootfs::mount_point(root, path, true, *links)?,
                    Like::Mount(mount, links) => cover::place_like(root, path, mount.get()?, *links)?,
                });
            }
            Change::Mkdir { mode, parents, owner } => change::mkdir(root, path, bits(*mode), *parents, *owner)?,
            Change::Write { content, mode, writing, owner } => change::write(root, path, content, bits(*mode), *writing, *owner)?,
            Change::Symlink { text } => change::symlink(root, path, text)?,
            Change::Node { node, mode, owner, host: Some(host) } => cover::device(root, path, *node, bits(*mode), *owner, host)?,
            Change::Node { node, mode, owner, host: None } => change::mknod(root, path, *node, bits(*mode), *owner)?,
            Change::Unlink => change::unlink(root, path)?,
            Change::Rmdir => change::rmdir(root, path)?,
            Change::Chown { owner, link } => change::chown(root, path, *owner, if *link { Links::NotLast } else { Links::Inside })?,
            Change::Chmod { mode } => change::chmod(root, path, bits(*mode))?,
            Change::Remount { below, flags, recursive } => cover::remount(root, path, below.get()?, *flags, *recursive)?,
            Change::RemountAll { flags } => cover::remount_all(root, path, *flags)?,
            Change::Mask { null, empty } => {
                let empty = empty.as_ref().map(Fd::get).transpose()?;
                cover::mask(root, path, null.get()?, empty)?;
            }
            Change::ReadOnly => cover::read_only(root, path)?,
            Change::MountNew { source, fstype, flags, data } => {
                cover::mount_new(root, path, source, fstype.as_deref(), *flags, data.as_deref())?;
            }
            Change::HostDevice { .. } => {}
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match &self.change {
            Change::Open { .. } | Change::MountPoint { .. } => Reply::Fd(Fd::planned(self.place())),
            Change::HostDevice { .. } => Reply::Fd(Fd::planned(self.path.display().to_string())),
            _ => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn script(&self) -> Script {
        lesson::script(self, self.shell())
    }

    fn shell(&self) -> Shell {
        const UNSAFE: &str = "by path, which a symlink in the root may lead out of it";
        let place = shell_quote(&self.place());
        let close = |command: String| Shell::Close(command, UNSAFE);
        match &self.change {
            Change::Mkdir { mode, parents, .. } => close(format!("mkdir {}-m {mode:04o} {place}", if *parents { "-p " } else { "" })),
            Change::Write { .. } => close(format!("cat > {place}")),
            Change::Symlink { text } => close(format!("ln -s {} {place}", shell_quote(&text.display().to_string()))),
            Change::Node { node: (kind, device), mode, .. } => close(match *kind {
                SFlag::S_IFCHR => format!("mknod -m {mode:04o} {place} c {} {}", major(*device), minor(*device)),
                SFlag::S_IFBLK => format!("mknod -m {mode:04o} {place} b {} {}", major(*device), minor(*device)),
                _ => format!("mkfifo -m {mode:04o} {place}"),
            }),
            Change::Unlink => close(format!("rm {place}")),
            Change::Rmdir => close(format!("rmdir {place}")),
            Change::Chown { owner: (uid, gid), .. } => {
                let id = |id: &Option<u32>| id.map_or_else(String::new, |id| id.to_string());
                close(format!("chown {}:{} {place}", id(uid), id(gid)))
            }
            Change::Chmod { mode } => close(format!("chmod {mode:04o} {place}")),
            Change::Mask { .. } => close(format!("mount --bind /dev/null {place}")),
            Change::ReadOnly => close(format!("mount --bind -o ro {place} {place}")),
            Change::MountNew { source, fstype: None, .. } => {
                close(format!("mkdir {place}; mount --bind {} {place}", shell_quote(&source.display().to_string())))
            }
            Change::MountNew { fstype: Some(fstype), .. } => close(format!("mkdir {place}; mount -t {fstype} … {place}")),
            Change::Remount { .. } | Change::RemountAll { .. } => close(format!("mount -o remount,bind,… {place}")),
            Change::Open { .. } | Change::MountPoint { .. } | Change::HostDevice { .. } => Shell::None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let Ok(root) = self.root.get() else { return Vec::new() };
        let Ok(Some(found)) = rootfs::read::stat(root, &self.path, Links::NotLast) else { return Vec::new() };
        let text = format!("mode {:o}, owner {}:{}, {} bytes", found.st_mode, found.st_uid, found.st_gid, found.st_size);
        let mounts = matches!(
            self.change,
            Change::Mask { .. } | Change::ReadOnly | Change::MountNew { .. } | Change::Remount { .. } | Change::RemountAll { .. }
        );
        let count = mounts.then(|| ("mounts".to_owned(), back::mounts().len().to_string()));
        count.into_iter().chain([(self.place(), text)]).collect()
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (&self.change, errno) {
            (Change::MountPoint { like: Like::Directory(Links::Refused) }, Errno::ELOOP | Errno::ENOTDIR) => {
                "this destination must be a real directory in the root: a link here is how an image takes over the host (CVE-2019-19921)"
            }
            (Change::Write { .. }, Errno::ELOOP) => "the last component is a symlink and is not followed: unlink it first",
            (Change::Write { .. }, Errno::ENXIO) => {
                "the path is a device, a pipe, a socket or a setting of the kernel's (/proc, /sys); only files of the root are written"
            }
            (Change::Open { special: false, .. }, Errno::ENXIO) => {
                "the path is a device, a pipe, a socket or a setting of the kernel's (/proc, /sys) to be written, which is opened with special = true only: that may wait, or set something to work"
            }
            (Change::Open { .. }, Errno::EAGAIN) => "somebody has a lease on the file, F_SETLEASE in fcntl(2): opening it would wait",
            (Change::HostDevice { .. } | Change::Node { host: Some(_), .. }, Errno::ENXIO) => {
                "the host's node is not the device that it is named after; nothing was mounted"
            }
            (Change::Node { host: None, .. }, Errno::EPERM) => {
                "device nodes need CAP_MKNOD in the initial user namespace: name the host's node to have it mounted there, host = \"/dev/…\""
            }
            (Change::Node { .. }, Errno::EEXIST) => "something else is there already",
            (Change::Chown { .. } | Change::Mkdir { .. } | Change::Write { .. }, Errno::EINVAL | Errno::EOVERFLOW) => {
                "this user namespace maps no such id: see /proc/self/uid_map"
            }
            (_, Errno::ELOOP) => "symlinks in the root lead round in a circle, or to a magic link of /proc",
            (_, Errno::EXDEV) => "/proc is not procfs here, or the mount point was moved meanwhile",
            (_, Errno::EBADF) => "the root's descriptor is closed",
            (_, Errno::ENOENT) => "the path does not exist in this root, or a link on it dangles; mkdir has parents = true",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

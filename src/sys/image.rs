//! This program's own image: sealing it from the containers it starts, and its Lua machine.

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use mlua::{Lua, LuaOptions, StdLib};
use nix::libc;

use super::{Errno, Result};

// On other machines the program seals itself in `main`, after the C library's work.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod entry;

/// Makes a Lua state that has the `debug` library, which mlua counts as unsafe.
pub fn lua_with_debug(libs: StdLib, options: LuaOptions) -> mlua::Result<Lua> {
    // SAFETY: only the prelude, which is part of this program, is given `debug`; scripts run in an
    // environment without it, load text only, and so cannot break what Rust relies on.
    let lua = unsafe { Lua::unsafe_new_with(libs, options) };
    Ok(lua)
}

/// What Rust's own `main` would do that matters: a standard stream that is closed becomes `/dev/null`,
/// so that nothing which is opened later takes its number and is written to as standard error; and
/// writing to a closed pipe is an error rather than the end.
pub fn prepare_process() {
    let mut streams = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // SAFETY: the array has three elements, and the path is a C string; a signal's disposition may be
    // set at any time.
    unsafe {
        libc::poll(streams.as_mut_ptr(), 3, 0);
        for stream in streams {
            // The lowest number that is free, and with it this one.
            if stream.revents & libc::POLLNVAL != 0 && libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) < 0 {
                libc::abort();
            }
        }
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}

/// Whether the program was started with rights that its caller does not have.
///
/// For root a security module's transition sets `AT_SECURE` as well (getauxval(3)); there it
/// says nothing about rights.
#[must_use]
pub fn is_setuid() -> bool {
    // The kernel has written all of them beside the arguments.
    // SAFETY: takes no pointers.
    let told = |kind| unsafe { libc::getauxval(kind) };
    let (uid, gid) = (told(libc::AT_UID), told(libc::AT_GID));
    uid != told(libc::AT_EUID) || gid != told(libc::AT_EGID) || (told(libc::AT_SECURE) != 0 && uid != 0)
}

const OPEN_TREE_CLONE: libc::c_uint = 1;
const MOUNT_ATTR_RDONLY: u64 = 1;
const COPY_BUFFER: usize = 1 << 20;

/// Re-executes the program from an image that no container can write to (CVE-2019-5736).
///
/// A payload may be `#!/proc/self/exe`, and `/proc/PID/exe` of a process about to call exec leads
/// to this file. With mount rights the image is a read-only, detached clone of the file's mount:
/// nothing is copied. Without them a file that the caller cannot write needs no protection, and
/// one that the caller can write is run from a sealed copy in memory. Returns only where the
/// image is safe already, or where there was nothing to be done.
pub fn seal() -> Result<()> {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    if entry::IS_SEALED.load(std::sync::atomic::Ordering::Relaxed) {
        return Ok(());
    }
    let exe = c"/proc/self/exe";
    if is_sealed(exe)? {
        return Ok(());
    }
    if let Ok(fd) = read_only_clone(exe) {
        return exec(&fd);
    }
    // SAFETY: the path is a valid C string.
    if unsafe { libc::access(exe.as_ptr(), libc::W_OK) } != 0 {
        return Ok(());
    }
    exec(&sealed_copy(exe)?)
}

/// A read-only mount or a memory file that may not be written.
fn is_sealed(exe: &std::ffi::CStr) -> Result<bool> {
    let flags = nix::sys::statvfs::statvfs(exe)?.flags();
    if flags.contains(nix::sys::statvfs::FsFlags::ST_RDONLY) {
        return Ok(true);
    }
    let target = std::fs::read_link("/proc/self/exe").map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
    Ok(target.as_os_str().as_bytes().starts_with(b"/memfd:crun-lua"))
}

/// A detached, read-only clone of the mount that the file is on.
fn read_only_clone(exe: &std::ffi::CStr) -> Result<OwnedFd> {
    // SAFETY: the path is a C string; the call answers a descriptor or an error.
    let fd = Errno::result(unsafe {
        libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, exe.as_ptr(), OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint)
    })?;
    // SAFETY: the descriptor is new and nobody else's.
    #[allow(clippy::cast_possible_truncation)]
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    let attr: [u64; 4] = [MOUNT_ATTR_RDONLY, 0, 0, 0];
    // SAFETY: the attributes are four 64-bit words, the size that is passed along.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_mount_setattr, fd.as_raw_fd(), c"".as_ptr(), libc::AT_EMPTY_PATH, attr.as_ptr(), size_of_val(&attr))
    })?;
    Ok(fd)
}

/// A copy in memory that nobody can change any more.
fn sealed_copy(exe: &std::ffi::CStr) -> Result<OwnedFd> {
    use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl, open};
    use nix::sys::memfd::{MFdFlags, memfd_create};
    let from = open(exe, OFlag::O_RDONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
    let to = memfd_create("crun-lua", MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    while nix::sys::sendfile::sendfile(&to, &from, None, COPY_BUFFER)? > 0 {}
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&to, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(to)
}

/// Runs the image with this process's own arguments and environment.
fn exec(image: &OwnedFd) -> Result<()> {
    let strings = |list: Vec<Vec<u8>>| -> Vec<CString> { list.into_iter().filter_map(|text| CString::new(text).ok()).collect() };
    let args = strings(std::env::args_os().map(|arg| arg.as_bytes().to_vec()).collect());
    let env = strings(std::env::vars_os().map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()).collect());
    nix::unistd::execveat(image, c"", &args, &env, nix::fcntl::AtFlags::AT_EMPTY_PATH).map(|never| match never {})
}

//! Network devices, addresses, routes: rtnetlink(7), asked in any network namespace.
//!
//! A netlink socket belongs for its whole life to the network namespace that it was opened in.
//! So a request to another namespace goes there only to open the socket and comes straight back:
//! one `setns` each way, and none of what `ip netns exec` costs (a mount namespace, a new sysfs).
//!
//! The crate is asynchronous. Its runtime is made inside the call, has no thread but the caller's,
//! and is gone when the call returns, so that a later fork inherits nothing of it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::pin;

use futures_util::future::{Either, select};
use nix::libc;
use nix::sched::{CloneFlags, setns};
use rtnetlink::Handle;

use super::{Errno, Result, files};

pub mod addresses;
pub mod links;
pub mod netem;
pub mod netns;
pub mod nftables;
mod programs;
pub mod routes;

/// Runs `body` in another network namespace, and comes back.
///
/// The way back is tried before the way there: a process in a user namespace of its own may be
/// unable to return to the network namespace that it stands in, and would be left outside.
pub fn inside<T>(namespace: Option<BorrowedFd<'_>>, body: impl FnOnce() -> Result<T>) -> Result<T> {
    let Some(namespace) = namespace else { return body() };
    let own = own_namespace()?;
    setns(own.as_fd(), CloneFlags::CLONE_NEWNET)?;
    setns(namespace, CloneFlags::CLONE_NEWNET)?;
    let result = body();
    setns(own.as_fd(), CloneFlags::CLONE_NEWNET)?;
    result
}

/// The network namespace that the caller stands in.
pub fn own_namespace() -> Result<OwnedFd> {
    open_namespace("/proc/self/ns/net")
}

/// Opens a network namespace: `/proc/PID/ns/net`, or a file that one is mounted on.
///
/// Anything else that the path may name would only be refused by `setns`, so it is refused here.
pub fn open_namespace(path: impl AsRef<std::path::Path>) -> Result<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    // Without O_NONBLOCK a FIFO in the place of the namespace would block for ever.
    let flags = libc::O_CLOEXEC | libc::O_NOCTTY | libc::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(files::errno)?;
    let kind = nix::sys::statfs::fstatfs(&file)?.filesystem_type();
    if kind == nix::sys::statfs::NSFS_MAGIC { Ok(file.into()) } else { Err(Errno::EINVAL) }
}

/// Which namespace a descriptor refers to: two are the same when device and inode are.
pub fn identity(namespace: BorrowedFd<'_>) -> Result<(u64, u64)> {
    nix::sys::stat::fstat(namespace).map(|stat| (stat.st_dev, stat.st_ino))
}

/// Opens a route socket in `namespace` and runs a conversation over it to its end.
pub fn session<T>(namespace: Option<BorrowedFd<'_>>, talk: impl AsyncFnOnce(Handle) -> Result<T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(files::errno)?;
    runtime.block_on(async {
        let (connection, handle, _messages) = inside(namespace, || rtnetlink::new_connection().map_err(files::errno))?;
        // The connection moves bytes only while it is polled: it runs beside the conversation.
        match select(pin!(talk(handle)), pin!(connection)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Errno::ECONNRESET),
        }
    })
}

/// The kernel's number in an error of the crate.
#[allow(clippy::needless_pass_by_value)]
fn errno(error: rtnetlink::Error) -> Errno {
    match error {
        rtnetlink::Error::NetlinkError(message) => Errno::from_raw(-message.raw_code()),
        _ => Errno::EPROTO,
    }
}

/// `IFF_UP`, in the width that an ifreq has for it.
const UP: libc::c_short = 1;

/// Brings `lo` up with `SIOCSIFFLAGS` (netdevice(7)): two ioctls cost a tenth of a netlink talk.
pub fn loopback_up(namespace: Option<BorrowedFd<'_>>) -> Result<()> {
    use std::os::fd::AsRawFd;
    let socket = inside(namespace, || {
        use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
        socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
    })?;
    // SAFETY: an all-zero ifreq is a valid value of the type.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(*b"lo") {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    // SAFETY: the kernel reads and writes one ifreq, which lives until the call returns.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, std::ptr::addr_of_mut!(request)) })?;
    // SAFETY: SIOCGIFFLAGS has just stored this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | UP;
    // SAFETY: the kernel reads one ifreq, which lives until the call returns.
    Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, std::ptr::addr_of_mut!(request)) })?;
    Ok(())
}

/// Writes a parameter below `/proc/sys/net`, of which each network namespace has its own.
pub fn set_parameter(namespace: Option<BorrowedFd<'_>>, name: &str, value: &str) -> Result<()> {
    inside(namespace, || super::sysctl::set(name, value))
}

/// An error number of the standard library, for `?` in this topic.
fn io_errno(error: io::Error) -> Errno {
    files::errno(error)
}

//! Unix sockets, descriptors that travel over them (unix(7)), and connections over TCP (tcp(7)).

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrIn, SockaddrIn6, UnixAddr, accept4, bind, connect, listen as listen_on, setsockopt,
    socket, socketpair, sockopt::SendTimeout,
};
use nix::sys::stat::Mode;
use nix::sys::time::{TimeVal, TimeValLike};

use super::{Errno, Result};

/// The longest text that comes with descriptors.
pub const LARGEST: usize = 1 << 16;

/// How many descriptors one message may carry: the kernel's SCM_MAX_FD.
const MOST: usize = 253;

/// Calls something with the address of a path; one that is too long for an address is reached
/// through its open directory.
fn with_address<T>(path: &Path, call: impl FnOnce(&UnixAddr) -> Result<T>) -> Result<T> {
    match UnixAddr::new(path) {
        Err(Errno::ENAMETOOLONG) => {}
        address => return call(&address?),
    }
    let parent = path.parent().ok_or(Errno::ENAMETOOLONG)?;
    let name = path.file_name().ok_or(Errno::ENAMETOOLONG)?;
    let dir = nix::fcntl::open(parent, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd())).join(std::ffi::OsStr::from_bytes(name.as_bytes()));
    call(&UnixAddr::new(&short)?)
}

fn stream() -> Result<OwnedFd> {
    new(SockType::Stream)
}

fn new(kind: SockType) -> Result<OwnedFd> {
    socket(AddressFamily::Unix, kind, SockFlag::SOCK_CLOEXEC, None)
}

/// How long a listener may take to have room for one more that connects.
const PATIENCE: libc::time_t = if cfg!(test) { 1 } else { 10 };

/// Connects to the socket at a path: a stream, or else one of datagrams, as those of logs are. Nobody
/// can ask beforehand which of the two it is. `EAGAIN` where the listener takes nobody for some seconds.
pub fn open(path: &Path) -> Result<OwnedFd> {
    let limit = |fd: &OwnedFd, seconds| setsockopt(fd, SendTimeout, &TimeVal::seconds(seconds));
    let connected = |fd: OwnedFd| {
        limit(&fd, PATIENCE)?;
        with_address(path, |address| connect(fd.as_raw_fd(), address))?;
        limit(&fd, 0).map(|()| fd)
    };
    match connected(stream()?) {
        Err(Errno::EPROTOTYPE) => connected(new(SockType::Datagram)?),
        result => result,
    }
}

/// Makes a socket at a path that others connect to.
pub fn listen(path: &Path) -> Result<OwnedFd> {
    let fd = stream()?;
    with_address(path, |address| bind(fd.as_raw_fd(), address))?;
    listen_on(&fd, Backlog::new(16)?)?;
    Ok(fd)
}

/// Two connected sockets.
pub fn pair() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)
}

/// The next connection.
pub fn accept(listener: BorrowedFd) -> Result<OwnedFd> {
    let fd = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Which addresses a socket has, and whether it carries a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `AF_*`
    pub domain: i32,
    /// `SOCK_*`
    pub kind: i32,
    /// `IPPROTO_*`
    pub protocol: i32,
}

/// Asks a socket for its kind; `ENOTSOCK` of any other descriptor.
pub fn kind_of(fd: BorrowedFd) -> Result<Kind> {
    let option = |name: libc::c_int| {
        // Of an int.
        let (mut value, mut length): (libc::c_int, libc::socklen_t) = (0, 4);
        // SAFETY: the value and its length outlive the call.
        let done = unsafe { libc::getsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut length) };
        Errno::result(done).map(|_| value)
    };
    Ok(Kind { domain: option(libc::SO_DOMAIN)?, kind: option(libc::SO_TYPE)?, protocol: option(libc::SO_PROTOCOL)? })
}

/// Where a socket is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `AF_INET`, `AF_INET6`
    Inet(SocketAddr),
    /// `AF_UNIX`: a file.
    Path(PathBuf),
    /// `AF_UNIX`: a name without a file, in the socket's network namespace.
    Abstract(Vec<u8>),
}

/// A TCP connection, made within a time; `ETIMEDOUT` after it.
///
/// The kernel calls a socket that was waited for connected only when connect(2) is called again.
/// Until then one whose other side resets it is unconnected anew, and whoever holds it could
/// connect it elsewhere without that call (`MSG_FASTOPEN`).
pub fn connect_tcp(address: SocketAddr, timeout: Duration) -> Result<OwnedFd> {
    let stream = std::net::TcpStream::connect_timeout(&address, timeout).map_err(|error| match error.kind() {
        std::io::ErrorKind::TimedOut => Errno::ETIMEDOUT,
        _ => super::files::errno(error),
    })?;
    let again = match address {
        SocketAddr::V4(address) => connect(stream.as_raw_fd(), &SockaddrIn::from(address)),
        SocketAddr::V6(address) => connect(stream.as_raw_fd(), &SockaddrIn6::from(address)),
    };
    match again {
        Ok(()) | Err(Errno::EISCONN) => Ok(stream.into()),
        Err(errno) => Err(errno),
    }
}

/// Connects a unix socket that is there.
pub fn connect_unix(fd: BorrowedFd, address: &Address) -> Result<()> {
    match address {
        Address::Path(path) => with_address(path, |address| connect(fd.as_raw_fd(), address)),
        Address::Abstract(name) => connect(fd.as_raw_fd(), &UnixAddr::new_abstract(name)?),
        Address::Inet(_) => Err(Errno::EAFNOSUPPORT),
    }
}

/// Whether reads and writes return at once: a property that every copy of the descriptor shares.
pub fn set_nonblocking(fd: BorrowedFd, on: bool) -> Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    let wanted = if on { flags | OFlag::O_NONBLOCK } else { flags & !OFlag::O_NONBLOCK };
    fcntl(fd, FcntlArg::F_SETFL(wanted)).map(drop)
}

/// Room for a control message with the most descriptors; words, because the kernel's headers in it
/// are read and written as such.
type Control = [u64; CONTROL];
const CONTROL: usize = (size_of::<libc::cmsghdr>() + MOST * size_of::<RawFd>()).div_ceil(8);

/// The header of a message of one piece of text.
fn header(text: &mut libc::iovec, control: &mut Control, length: usize) -> libc::msghdr {
    // SAFETY: all zeros is a valid header: no address, no text, no control message.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = text;
    header.msg_iovlen = 1;
    if length > 0 {
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = length as _;
    }
    header
}

/// Sends a text, and copies of descriptors with its first byte (`SCM_RIGHTS`).
pub fn send(socket: BorrowedFd, text: &[u8], fds: &[BorrowedFd]) -> Result<()> {
    if fds.len() > MOST {
        return Err(Errno::EINVAL);
    }
    let mut control: Control = [0; CONTROL];
    let bytes = u32::try_from(fds.len() * size_of::<RawFd>()).map_err(|_| Errno::EINVAL)?;
    let mut part = libc::iovec { iov_base: text.as_ptr().cast_mut().cast(), iov_len: text.len() };
    // SAFETY: only computes a size.
    let length = if fds.is_empty() { 0 } else { unsafe { libc::CMSG_SPACE(bytes) as usize } };
    let message = header(&mut part, &mut control, length);
    if !fds.is_empty() {
        // SAFETY: the buffer is aligned for the header and has room for it and for the descriptors.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const message);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(bytes) as _;
            let data: *mut RawFd = libc::CMSG_DATA(first).cast();
            for (index, fd) in fds.iter().enumerate() {
                data.add(index).write_unaligned(fd.as_raw_fd());
            }
        }
    }
    let sent = loop {
        // SAFETY: the header, the text and the control message outlive the call.
        match Errno::result(unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) }) {
            Err(Errno::EINTR) => {}
            other => break usize::try_from(other?).map_err(|_| Errno::EIO)?,
        }
    };
    super::processes::write_all(socket, text.get(sent..).unwrap_or_default())
}

/// What comes next: at most [`LARGEST`] bytes, none at the end, and the descriptors with them.
pub fn receive(socket: BorrowedFd) -> Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut buffer = vec![0; LARGEST];
    let mut control: Control = [0; CONTROL];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let mut message = header(&mut part, &mut control, size_of::<Control>());
    // SAFETY: the header, the text and the control message outlive the call.
    let count = Errno::result(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) })?;
    let mut fds = Vec::new();
    // SAFETY: the kernel has written whole messages, as long as they say; descriptors in them are
    // new, and nobody else's.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(&raw const message);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let bytes = ((*next).cmsg_len as usize).saturating_sub(libc::CMSG_LEN(0) as usize);
                let data: *const RawFd = libc::CMSG_DATA(next).cast();
                for index in 0..bytes / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(data.add(index).read_unaligned()));
                }
            }
            next = libc::CMSG_NXTHDR(&raw const message, next);
        }
    }
    buffer.truncate(usize::try_from(count).map_err(|_| Errno::EIO)?);
    Ok((buffer, fds))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_descriptor_arrives_with_its_text_also_by_a_path_too_long_for_an_address() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        for path in [dir.path().join("short"), deep.join("long")] {
            let listener = listen(&path).unwrap();
            let client = open(&path).unwrap();
            let server = accept(listener.as_fd()).unwrap();
            let (read, write) = crate::sys::processes::pipe().unwrap();
            send(client.as_fd(), b"tty", &[write.as_fd()]).unwrap();
            drop((write, client));
            let (text, fds) = receive(server.as_fd()).unwrap();
            assert_eq!((text.as_slice(), fds.len()), (&b"tty"[..], 1));
            crate::sys::processes::write_all(fds[0].as_fd(), b"x").unwrap();
            drop(fds);
            assert_eq!(crate::sys::processes::read_all(read.as_fd(), 10).unwrap(), b"x");
            assert_eq!(receive(server.as_fd()).unwrap().0, b"");
        }
    }

    #[test]
    fn a_listener_that_takes_nobody_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("full");
        let _listener = listen(&path).unwrap();
        let mut waiting = Vec::new();
        let refused = loop {
            match open(&path) {
                Ok(fd) => waiting.push(fd),
                Err(errno) => break errno,
            }
        };
        assert_eq!((refused, waiting.len() >= 16), (Errno::EAGAIN, true));
    }

    #[test]
    fn nobody_listening_is_told() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(open(&dir.path().join("nobody")).unwrap_err(), Errno::ENOENT);
        let path = dir.path().join("gone");
        drop(listen(&path).unwrap());
        assert_eq!(open(&path).unwrap_err(), Errno::ECONNREFUSED);
    }
}

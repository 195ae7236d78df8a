//! Unix sockets, descriptors that travel over them, and connections over TCP.

use std::fmt;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use super::{Lesson, Reply, Request, Shell, quote};
use crate::sys::sockets::Address;
use crate::sys::{self, Errno, Fd};

mod lesson;

/// A change that concerns a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `socket(2)` and `connect(2)`: answers [`Reply::Fd`].
    Connect {
        /// The socket's file.
        path: PathBuf,
    },
    /// `socket(2)`, `bind(2)` and `listen(2)`: answers [`Reply::Fd`].
    Listen {
        /// The socket's file, which is made.
        path: PathBuf,
    },
    /// `socketpair(2)`: answers [`Reply::Pair`].
    Pair,
    /// `socket(2)` and `connect(2)` over TCP: answers [`Reply::Fd`].
    ConnectTcp {
        /// The other side.
        address: SocketAddr,
        /// How long it may take.
        timeout: Duration,
        /// Whether reads and writes return at once.
        nonblocking: bool,
    },
    /// `connect(2)` of a unix socket that is there.
    ConnectUnix {
        /// The socket.
        socket: Fd,
        /// The other side.
        address: Address,
    },
    /// `accept4(2)`: answers [`Reply::Fd`].
    Accept {
        /// Where others connect to.
        listener: Fd,
    },
    /// `sendmsg(2)`
    Send {
        /// The connection.
        socket: Fd,
        /// What is said.
        text: Vec<u8>,
        /// What goes along.
        fds: Vec<Fd>,
    },
}

/// What the two ends of a pair are called.
const PAIR: [&str; 2] = ["socket pair 1", "socket pair 2"];

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = |path: &PathBuf| quote(path.as_os_str().as_encoded_bytes(), 4096);
        match self {
            Self::Connect { path } => write!(f, "connect(<socket>, {{sa_family=AF_UNIX, sun_path={}}})", file(path)),
            Self::Listen { path } => write!(f, "bind(<socket>, {{sa_family=AF_UNIX, sun_path={}}}); listen(<socket>, 16)", file(path)),
            Self::Pair => f.write_str("socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)"),
            Self::ConnectTcp { address, .. } => {
                let (family, field) = if address.is_ipv4() { ("AF_INET", "sin") } else { ("AF_INET6", "sin6") };
                let (port, ip) = (address.port(), address.ip());
                write!(f, "connect(<socket>, {{sa_family={family}, {field}_port=htons({port}), {field}_addr=\"{ip}\"}})")
            }
            Self::ConnectUnix { socket, address: Address::Path(path) } => {
                write!(f, "connect({socket}, {{sa_family=AF_UNIX, sun_path={}}})", file(path))
            }
            Self::ConnectUnix { socket, address: Address::Abstract(name) } => {
                write!(f, "connect({socket}, {{sa_family=AF_UNIX, sun_path=@{}}})", quote(name, 108))
            }
            Self::ConnectUnix { socket, address: Address::Inet(address) } => write!(f, "connect({socket}, {{{address}}})"),
            Self::Accept { listener } => write!(f, "accept4({listener}, NULL, NULL, SOCK_CLOEXEC)"),
            Self::Send { socket, text, fds } => {
                let fds: Vec<_> = fds.iter().map(ToString::to_string).collect();
                write!(f, "sendmsg({socket}, {{msg_iov={}, SCM_RIGHTS=[{}]}})", quote(text, 64), fds.join(", "))
            }
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        let label = |path: &PathBuf| path.display().to_string();
        Ok(match self {
            Self::Connect { path } => Reply::Fd(Fd::new(label(path), sys::sockets::open(path)?)),
            Self::Listen { path } => Reply::Fd(Fd::new(label(path), sys::sockets::listen(path)?)),
            Self::Pair => {
                let (one, other) = sys::sockets::pair()?;
                Reply::Pair(Fd::new(PAIR[0], one), Fd::new(PAIR[1], other))
            }
            Self::ConnectTcp { address, timeout, nonblocking } => {
                let fd = sys::sockets::connect_tcp(*address, *timeout)?;
                sys::sockets::set_nonblocking(fd.as_fd(), *nonblocking)?;
                Reply::Fd(Fd::new(address.to_string(), fd))
            }
            Self::ConnectUnix { socket, address } => {
                sys::sockets::connect_unix(socket.get()?, address)?;
                Reply::Done
            }
            Self::Accept { listener } => Reply::Fd(Fd::new("connection", sys::sockets::accept(listener.get()?)?)),
            Self::Send { socket, text, fds } => {
                let fds = fds.iter().map(Fd::get).collect::<sys::Result<Vec<_>>>()?;
                sys::sockets::send(socket.get()?, text, &fds)?;
                Reply::Done
            }
        })
    }

    fn planned(&self) -> Reply {
        match self {
            Self::Connect { path } | Self::Listen { path } => Reply::Fd(Fd::planned(path.display().to_string())),
            Self::Pair => Reply::Pair(Fd::planned(PAIR[0]), Fd::planned(PAIR[1])),
            Self::ConnectTcp { address, .. } => Reply::Fd(Fd::planned(address.to_string())),
            Self::Accept { .. } => Reply::Fd(Fd::planned("connection")),
            Self::Send { .. } | Self::ConnectUnix { .. } => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Connect { path } => Shell::Close(format!("socat - UNIX-CONNECT:{}", path.display()), "socat(1) passes bytes alone"),
            Self::Listen { path } => Shell::Close(format!("socat - UNIX-LISTEN:{}", path.display()), "socat(1) passes bytes alone"),
            Self::ConnectTcp { address, .. } => Shell::Close(format!("socat - TCP:{address}"), "socat(1) passes bytes alone"),
            Self::Pair | Self::Accept { .. } | Self::Send { .. } | Self::ConnectUnix { .. } => Shell::None,
        }
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Connect { .. }, Errno::ECONNREFUSED) => "the file is there, but nobody listens",
            (Self::Connect { .. }, Errno::EPROTOTYPE) => "the socket there is neither a stream nor one of datagrams",
            (Self::ConnectTcp { .. }, Errno::ECONNREFUSED) => "nobody listens at that address and port",
            (Self::ConnectTcp { .. }, Errno::ENETUNREACH) => "there is no route from this network namespace",
            (Self::Listen { .. }, Errno::EADDRINUSE) => "something has this name already: remove it first",
            (Self::Send { .. }, Errno::EPIPE) => "nobody holds the other end any more",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

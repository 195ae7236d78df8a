//! Unix sockets with a name, and descriptors that travel over them.

use std::fmt;
use std::path::PathBuf;

use super::{Reply, Request, Shell, quote};
use crate::sys::{self, Errno, Fd};

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

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = |path: &PathBuf| quote(path.as_os_str().as_encoded_bytes(), 4096);
        match self {
            Self::Connect { path } => write!(f, "connect(<socket>, {{sa_family=AF_UNIX, sun_path={}}})", file(path)),
            Self::Listen { path } => write!(f, "bind(<socket>, {{sa_family=AF_UNIX, sun_path={}}}); listen(<socket>, 16)", file(path)),
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
            Self::Accept { .. } => Reply::Fd(Fd::planned("connection")),
            Self::Send { .. } => Reply::Done,
        }
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Connect { path } => Shell::Close(format!("socat - UNIX-CONNECT:{}", path.display()), "socat(1) passes bytes alone"),
            Self::Listen { path } => Shell::Close(format!("socat - UNIX-LISTEN:{}", path.display()), "socat(1) passes bytes alone"),
            Self::Accept { .. } | Self::Send { .. } => Shell::None,
        }
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Connect { .. }, Errno::ECONNREFUSED) => "the file is there, but nobody listens",
            (Self::Connect { .. }, Errno::EPROTOTYPE) => "the socket there is one of datagrams; a stream is expected",
            (Self::Listen { .. }, Errno::EADDRINUSE) => "something has this name already: remove it first",
            (Self::Send { .. }, Errno::EPIPE) => "nobody holds the other end any more",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

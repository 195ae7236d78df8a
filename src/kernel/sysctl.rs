//! Names and parameters of the kernel: hostname, domainname, `/proc/sys`.

use std::fmt;

use super::{Fact, Lesson, Reply, Request, Shell, quote, shell_quote};
use crate::sys::{self, Errno};

mod lesson;

/// A change to a name or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `sethostname(2)`
    SetHostname {
        /// At most 64 bytes.
        name: String,
    },
    /// `setdomainname(2)`
    SetDomainname {
        /// At most 64 bytes.
        name: String,
    },
    /// A write to a file below `/proc/sys`.
    Set {
        /// `net.ipv4.ip_forward`
        name: String,
        /// What is written.
        value: String,
    },
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetHostname { name } => write!(f, "sethostname({}, {})", quote(name.as_bytes(), 64), name.len()),
            Self::SetDomainname { name } => write!(f, "setdomainname({}, {})", quote(name.as_bytes(), 64), name.len()),
            Self::Set { name, value } => {
                write!(f, "write(<{}>, {}, {})", sys::sysctl::path(name), quote(value.as_bytes(), 64), value.len())
            }
        }
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::SetHostname { name } => sys::sysctl::set_hostname(name)?,
            Self::SetDomainname { name } => sys::sysctl::set_domainname(name)?,
            Self::Set { name, value } => sys::sysctl::set(name, value)?,
        }
        Ok(Reply::Done)
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        Shell::Exact(match self {
            Self::SetHostname { name } => format!("hostname {}", shell_quote(name)),
            Self::SetDomainname { name } => format!("domainname {}", shell_quote(name)),
            Self::Set { name, value } => format!("sysctl -w {}", shell_quote(&format!("{name}={value}"))),
        })
    }

    fn facts(&self) -> Vec<Fact> {
        let name = match self {
            Self::SetHostname { .. } => "kernel.hostname",
            Self::SetDomainname { .. } => "kernel.domainname",
            Self::Set { name, .. } => name,
        };
        sys::sysctl::get(name).map(|value| vec![(name.to_owned(), value)]).unwrap_or_default()
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::SetHostname { .. } | Self::SetDomainname { .. }, Errno::EPERM) => {
                "CAP_SYS_ADMIN in the user namespace that owns the uts namespace is needed: unshare { \"user\", \"uts\" }, or run as root"
            }
            (Self::SetHostname { .. } | Self::SetDomainname { .. }, Errno::EINVAL) => "the kernel takes at most 64 bytes",
            (Self::Set { .. }, Errno::ENOENT) => "this kernel, or this namespace, has no such parameter; `ls /proc/sys` lists them",
            (Self::Set { .. }, Errno::EACCES | Errno::EPERM) => "the parameter belongs to a namespace that this process has no rights over",
            (Self::Set { .. }, Errno::EXDEV) => "/proc is no procfs, or another file is mounted over the parameter",
            (Self::Set { .. }, Errno::EROFS) => "/proc/sys is mounted read-only here",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

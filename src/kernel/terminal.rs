//! Terminals: pty pairs, raw mode, window size, the foreground group.

use std::fmt;
use std::path::PathBuf;

use nix::sys::termios::Termios;

use super::{Fact, Lesson, Reply, Request, Shell, quote};
use crate::sys::{self, Errno, Fd, Pid, terminal};

mod lesson;

/// A change to a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `open(2)` of a multiplexer: answers the master of a new pty.
    OpenMaster {
        /// `/dev/ptmx`, or a devpts mount's own.
        ptmx: PathBuf,
    },
    /// `TIOCSPTLCK`
    Unlock {
        /// The master.
        master: Fd,
    },
    /// `TIOCGPTPEER`: answers the other side.
    Peer {
        /// The master.
        master: Fd,
    },
    /// `TIOCSCTTY`
    Control {
        /// The terminal that the caller's session gets.
        terminal: Fd,
    },
    /// `TIOCNOTTY`
    GiveUp {
        /// The caller's controlling terminal.
        terminal: Fd,
    },
    /// `TIOCSPGRP`, without being stopped for it.
    Foreground {
        /// The session's terminal.
        terminal: Fd,
        /// A process whose group it becomes; the caller's own where there is none.
        process: Option<Pid>,
    },
    /// `TIOCSWINSZ`
    Resize {
        /// Either side of a pty, or a terminal.
        terminal: Fd,
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
    },
    /// `TCSETSW` of raw mode.
    Raw {
        /// The terminal.
        terminal: Fd,
    },
    /// `TCSETSW` of what was there before.
    Restore {
        /// The terminal.
        terminal: Fd,
        /// Its settings; a plan has none.
        saved: Option<Termios>,
    },
    /// The copy loop between a terminal and a pty: poll(2), read(2), write(2).
    Relay {
        /// The pty's master.
        master: Fd,
        /// Where keys come from.
        input: Option<Fd>,
        /// Where the program's output goes to.
        output: Fd,
        /// The program, whose end is the relay's end.
        process: Option<Fd>,
        /// Signals that go on to the program meanwhile.
        forward: Vec<i32>,
    },
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenMaster { ptmx } => write!(f, "open({}, O_RDWR|O_NOCTTY|O_CLOEXEC)", quote(ptmx.as_os_str().as_encoded_bytes(), 4096)),
            Self::Unlock { master } => write!(f, "ioctl({master}, TIOCSPTLCK, [0])"),
            Self::Peer { master } => write!(f, "ioctl({master}, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)"),
            Self::Control { terminal } => write!(f, "ioctl({terminal}, TIOCSCTTY, 0)"),
            Self::GiveUp { terminal } => write!(f, "ioctl({terminal}, TIOCNOTTY)"),
            Self::Foreground { terminal, process: Some(pid) } => write!(f, "ioctl({terminal}, TIOCSPGRP, [{pid}])"),
            Self::Foreground { terminal, process: None } => write!(f, "ioctl({terminal}, TIOCSPGRP, [getpgrp()])"),
            Self::Resize { terminal, rows, columns } => write!(f, "ioctl({terminal}, TIOCSWINSZ, {{ws_row={rows}, ws_col={columns}}})"),
            Self::Raw { terminal } => write!(f, "ioctl({terminal}, TCSETSW, /* raw */)"),
            Self::Restore { terminal, .. } => write!(f, "ioctl({terminal}, TCSETSW, /* as before */)"),
            Self::Relay { master, input, output, .. } => {
                let input = input.as_ref().map_or_else(|| "-1".to_owned(), ToString::to_string);
                write!(f, "poll([{master}, {input}, SIGWINCH], …) /* copies to {output} */")
            }
        }
    }
}

const MASTER: &str = "pty master";
const SLAVE: &str = "pty slave";

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::OpenMaster { ptmx } => return Ok(Reply::Fd(Fd::new(MASTER, terminal::open_master(ptmx)?))),
            Self::Unlock { master } => terminal::unlock(master.get()?)?,
            Self::Peer { master } => return Ok(Reply::Fd(Fd::new(SLAVE, terminal::peer(master.get()?)?))),
            Self::Control { terminal } => terminal::set_controlling(terminal.get()?)?,
            Self::GiveUp { terminal } => terminal::give_up(terminal.get()?)?,
            Self::Foreground { terminal, process } => {
                let pid = process.as_ref().map_or(Ok(0), Pid::raw)?;
                terminal::set_foreground(terminal.get()?, sys::processes::getpgid(pid)?)?;
            }
            Self::Resize { terminal, rows, columns } => terminal::set_size(terminal.get()?, (*rows, *columns))?,
            Self::Raw { terminal } => terminal::set_raw(terminal.get()?)?,
            Self::Restore { terminal, saved: Some(saved) } => terminal::set_attributes(terminal.get()?, saved)?,
            Self::Restore { saved: None, .. } => return Err(Errno::EINVAL),
            Self::Relay { master, input, output, process, forward } => {
                let input = input.as_ref().map(Fd::get).transpose()?;
                let process = process.as_ref().map(Fd::get).transpose()?;
                terminal::relay(master.get()?, input, output.get()?, process, forward)?;
            }
        }
        Ok(Reply::Done)
    }

    fn planned(&self) -> Reply {
        match self {
            Self::OpenMaster { .. } => Reply::Fd(Fd::planned(MASTER)),
            Self::Peer { .. } => Reply::Fd(Fd::planned(SLAVE)),
            _ => Reply::Done,
        }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Control { .. } => Shell::Close("setsid --ctty …".to_owned(), "setsid(1) starts a program in the session"),
            Self::GiveUp { .. } => Shell::Close("setsid …".to_owned(), "setsid(1) also leaves the session and its signals"),
            Self::Foreground { .. } => Shell::Close("fg".to_owned(), "the shell also sends SIGCONT and waits"),
            Self::Resize { rows, columns, .. } => Shell::Exact(format!("stty rows {rows} cols {columns}")),
            Self::Raw { .. } => Shell::Exact("stty raw -echo".to_owned()),
            Self::Restore { .. } => Shell::Close("stty sane".to_owned(), "stty(1) needs the settings from `stty -g`"),
            Self::Relay { .. } => Shell::Close("script -qc … /dev/null".to_owned(), "script(1) makes the pty and starts the program too"),
            Self::OpenMaster { .. } | Self::Unlock { .. } | Self::Peer { .. } => Shell::None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = match self {
            Self::Foreground { terminal, .. } => {
                terminal.get().and_then(terminal::foreground).map(|group| ("foreground group".to_owned(), group.to_string()))
            }
            Self::Resize { terminal, .. } => {
                terminal.get().and_then(terminal::size).map(|(rows, columns)| ("window".to_owned(), format!("{rows}x{columns}")))
            }
            _ => return Vec::new(),
        };
        fact.into_iter().collect()
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::OpenMaster { .. }, Errno::ENOENT) => {
                "no devpts is mounted in this root: mount(\"devpts\", \"/dev/pts\", { type = \"devpts\", data = \"newinstance,ptmxmode=0666\" })"
            }
            (Self::OpenMaster { .. }, Errno::ENOTTY) => "the path does not lead to a pty multiplexer",
            (Self::OpenMaster { .. }, Errno::ENOSPC) => "all ptys are taken: see /proc/sys/kernel/pty/max",
            (Self::OpenMaster { .. }, Errno::EACCES) => "the multiplexer of this devpts is closed to others: mount it with ptmxmode=0666",
            (Self::Control { .. }, Errno::EPERM) => {
                "the caller must lead a session (setsid) that has no terminal yet, and the terminal must be nobody's"
            }
            (Self::GiveUp { .. }, Errno::ENOTTY) => "it is not the caller's controlling terminal, which open(\"/dev/tty\") answers",
            (Self::Foreground { .. }, Errno::ENOTTY) => {
                "it is not the controlling terminal of the caller's session: terminal_attach makes it that"
            }
            (Self::Foreground { .. }, Errno::EPERM) => "the group must be of the terminal's session",
            (_, Errno::ENOTTY) => "the descriptor is not a terminal",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

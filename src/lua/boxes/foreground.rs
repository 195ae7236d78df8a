//! A program in the foreground of an interactive session: it gets the terminal, and gives it back.
//!
//! The program has a process group of its own, which is the terminal's foreground group while it
//! runs, so that keys such as Ctrl-C mean it alone. However it ends, the terminal has its settings
//! and its group back afterwards. One that Ctrl-Z stops is kept, to be resumed or to be ended.

use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;

use mlua::{Lua, Value};
use nix::libc;

use super::super::Host;
use super::super::error::{self, Outcome, Raise, unexpected};
use super::super::spawn::to_message_of;
use crate::kernel::{Kinds, Reply, processes::Call};
use crate::sys::processes::End;
use crate::sys::{self, Errno, Fd, fork, interrupt, terminal};

/// How a program has left the foreground.
#[derive(Debug)]
pub struct Ran {
    /// Its name.
    pub name: String,
    /// How it has ended; nothing where it is stopped.
    pub end: Option<End>,
    /// The stopped program.
    pub job: Option<Job>,
}

/// A program that was started in the foreground.
#[derive(Clone, Debug)]
pub struct Job {
    name: String,
    pid: i32,
    pidfd: Fd,
    /// Where it reports that it could not be started.
    report: Rc<fork::Channel>,
    /// The terminal's settings as the program left them when it was stopped.
    settings: Option<nix::sys::termios::Termios>,
}

/// The session's terminal, if standard input is one.
fn own_terminal() -> Option<BorrowedFd<'static>> {
    let stdin = sys::processes::standard_input();
    terminal::is_tty(stdin).then_some(stdin)
}

/// Starts a program and waits until it leaves the foreground. `exec` becomes it, in the child.
pub fn run(lua: &Lua, host: &Host, name: &str, exec: impl FnOnce() -> Raise) -> Outcome<Ran> {
    let (ours, theirs) = fork::Channel::pair().map_err(|errno| Raise::read("socketpair", errno))?;
    let call = Call::Clone { child: name.to_owned(), kinds: Kinds::empty(), cgroup: None };
    match host.run(call.clone())? {
        Reply::Child => {
            let _here = fork::NoReturn;
            drop(ours);
            host.in_child(name);
            let _ = sys::spawn::die_with_parent();
            if let Some(terminal) = own_terminal() {
                let _ = sys::processes::setpgid(0, 0);
                let _ = terminal::set_foreground(terminal, sys::processes::getpgid(0).unwrap_or_default());
            }
            let failure = exec();
            if let Some(json) = to_message_of(lua, "exec", failure) {
                let _ = theirs.send(json.to_string().as_bytes());
            }
            fork::exit_now(127)
        }
        Reply::Process(pid, pidfd) => {
            drop(theirs);
            let pid = pid.raw().map_err(|errno| unexpected(&call.into(), errno))?;
            let job = Job { name: name.to_owned(), pid, pidfd, report: Rc::new(ours), settings: None };
            let ran = job.wait();
            job.raise(lua)?;
            Ok(ran)
        }
        _ => Err(unexpected(&call.into(), Errno::EPROTO)),
    }
}

/// How often a program in the foreground is looked at: whether it is stopped.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

impl Job {
    /// Waits until the program has ended or is stopped, and takes the terminal back.
    fn wait(&self) -> Ran {
        let own = own_terminal();
        let saved = own.and_then(|terminal| terminal::attributes(terminal).ok());
        let state = self.left();
        let mut job = None;
        if let Some(terminal) = own {
            if matches!(state, Ok(None)) {
                job = Some(Job { settings: terminal::attributes(terminal).ok(), ..self.clone() });
            }
            take_back(terminal, saved.as_ref());
        } else if matches!(state, Ok(None)) {
            job = Some(self.clone());
        }
        Ran { name: self.name.clone(), end: state.ok().flatten(), job }
    }

    /// How the program has ended; nothing where it is stopped.
    fn left(&self) -> sys::Result<Option<End>> {
        let mut is_torn = false;
        loop {
            // The end is noticed at once, a stop at the next look.
            match sys::processes::readable(&[self.pidfd.get()?], Some(LOOK)) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(_) => {
                    if let Some(state) = sys::processes::ended_or_stopped(self.pidfd.get()?)? {
                        return Ok(state);
                    }
                    is_torn = self.mend(is_torn);
                }
            }
            // A signal that somebody sends to the session while the program has the terminal: the
            // session ends, and with it the program; an interrupt is meant for the program.
            match interrupt::pending() {
                Some(nix::sys::signal::Signal::SIGINT) => {
                    let _ = sys::processes::kill(-self.pid, libc::SIGINT);
                    interrupt::clear();
                }
                Some(_) => self.hang_up(),
                None => {}
            }
        }
    }

    /// A key that stops a shell in the moment between vfork(2) and exec(2) stops the child alone: the
    /// shell waits for it in the kernel, where no stop reaches it, and so neither would ever go on.
    /// They are let go on, and stopped again at the next look. Answers whether that is to be done.
    fn mend(&self, is_torn: bool) -> bool {
        if is_torn {
            let _ = sys::processes::kill(-self.pid, libc::SIGTSTP);
            return false;
        }
        let waits = sys::processes::state_of(self.pid) == Some('D');
        if !waits || !sys::processes::children_of(self.pid).into_iter().any(|child| sys::processes::state_of(child) == Some('T')) {
            return false;
        }
        let _ = sys::processes::kill(-self.pid, libc::SIGCONT);
        true
    }

    fn hang_up(&self) {
        for signal in [libc::SIGHUP, libc::SIGCONT, libc::SIGKILL] {
            let _ = sys::processes::kill(-self.pid, signal);
        }
        let _ = self.pidfd.get().and_then(|pidfd| sys::processes::signal(pidfd, libc::SIGKILL));
    }

    /// Raises the error of a program that could not be started.
    fn raise(&self, lua: &Lua) -> Outcome<()> {
        let report = sys::processes::readable(&[self.report.as_fd()], Some(std::time::Duration::ZERO));
        if report.is_ok_and(|ready| ready.is_empty()) {
            return Ok(());
        }
        let message = self.report.receive().ok().flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        match message {
            Some(json) => Err(Raise::Object(Value::Table(error::from_json(lua, &json)?))),
            None => Ok(()),
        }
    }

    /// Puts the program into the foreground again.
    pub fn resume(self) -> Ran {
        if let Some(terminal) = own_terminal() {
            let settings = self.settings.clone();
            let before = terminal::attributes(terminal).ok();
            if let Some(settings) = &settings {
                let _ = terminal::set_attributes(terminal, settings);
            }
            let _ = terminal::set_foreground(terminal, self.pid);
            let _ = sys::processes::kill(-self.pid, libc::SIGCONT);
            let mut ran = self.wait();
            if let Some(before) = before {
                let _ = terminal::set_attributes(terminal, &before);
            }
            if let Some(job) = &mut ran.job {
                job.settings = job.settings.take().or(settings);
            }
            return ran;
        }
        let _ = sys::processes::kill(self.pid, libc::SIGCONT);
        self.wait()
    }

    /// Ends it with its whole group.
    pub fn end(self) {
        self.hang_up();
        let _ = self.left();
    }
}

/// The terminal is the session's again: its group, and its settings.
pub fn take_back(terminal: BorrowedFd, settings: Option<&nix::sys::termios::Termios>) {
    if let Ok(own) = sys::processes::getpgid(0) {
        let _ = terminal::set_foreground(terminal, own);
    }
    if let Some(settings) = settings {
        let _ = terminal::set_attributes(terminal, settings);
    }
}

//! A program on a terminal of its own, driven as a user does: keys in, what the screen got out.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::leaks::Snapshot;
use crate::program::{NOBODY, Place, deadline, is_root, staged};

/// A session on a terminal, and the machine as it was before.
pub struct Session {
    pub place: Place,
    child: Child,
    master: Option<File>,
    /// What has come since the last look, as it came.
    pub raw: String,
    pending: Vec<u8>,
    before: Snapshot,
}

/// Starts the program's session with its own home.
pub fn session(place: Place, words: &[&str], variables: &[(&str, &str)], unprivileged: bool) -> Result<Session, String> {
    let before = Snapshot::take();
    let (program, _) = staged(unprivileged);
    let mut command = Command::new(&program);
    place.equip(&mut command);
    command.args(words);
    let home = place.path().join("home");
    let _ = std::fs::create_dir(&home);
    command.current_dir(place.path()).env("HOME", &home).env("TERM", "xterm").env_remove("NO_COLOR").env("SHELL", "/bin/sh");
    command.env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
    command.envs(variables.iter().copied());
    if unprivileged && is_root() {
        std::os::unix::fs::chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let (child, master) = on_terminal(command)?;
    Ok(Session { place, child, master: Some(master), raw: String::new(), pending: Vec::new(), before })
}

/// Starts a command that leads a session, with a new terminal at 0, 1 and 2.
fn on_terminal(mut command: Command) -> Result<(Child, File), String> {
    let size = nix::pty::Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size, None).map_err(|errno| errno.to_string())?;
    let slave = File::from(pty.slave);
    let copy = || slave.try_clone().map(Stdio::from).map_err(|error| error.to_string());
    command.stdin(copy()?).stdout(copy()?).stderr(copy()?);
    let _ = nix::fcntl::fcntl(&pty.master, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC));
    let lead = || {
        nix::unistd::setsid()?;
        // SAFETY: takes a number by value.
        nix::errno::Errno::result(unsafe { nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0) })?;
        Ok(())
    };
    // SAFETY: only system calls are made between fork and exec.
    unsafe { command.pre_exec(lead) };
    let child = command.spawn().map_err(|error| error.to_string())?;
    Ok((child, File::from(pty.master)))
}

/// A text without what moves the cursor and colours it.
pub fn clean(raw: &str) -> String {
    let mut text = String::new();
    let mut chars = raw.chars().peekable();
    while let Some(char) = chars.next() {
        if char == '\x1b' && chars.peek() == Some(&'[') {
            chars.next();
            while chars.next().is_some_and(|char| !char.is_ascii_alphabetic()) {}
        } else if char != '\r' {
            text.push(char);
        }
    }
    text
}

/// Whether a text ends with a prompt.
pub fn is_prompt(text: &str) -> bool {
    let Some(rest) = text.strip_suffix("> ") else { return false };
    let name = rest.trim_end_matches(|char: char| char.is_ascii_digit());
    name.len() < rest.len() && name.ends_with('#')
}

impl Session {
    /// Gives the terminal other columns than a hundred: a line that is wrapped is drawn anew with
    /// each key, and may look like a prompt in between.
    pub fn widen(&self, columns: u16) {
        let size = nix::pty::Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is open, and the kernel reads a `winsize`.
        let done = unsafe { nix::libc::ioctl(self.master().as_raw_fd(), nix::libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(done, 0);
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// The session's own children: its boxes.
    pub fn boxes(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid())).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    pub fn master(&self) -> &File {
        self.master.as_ref().unwrap()
    }

    /// Reads what is there, or comes within a moment. False at the end.
    fn take(&mut self, wait: u16) -> bool {
        let Some(master) = &mut self.master else { return false };
        let mut polled = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut polled, PollTimeout::from(wait)) != Ok(1) {
            return true;
        }
        let mut buffer = vec![0; 65536];
        let Ok(length) = master.read(&mut buffer) else { return false };
        self.pending.extend_from_slice(&buffer[..length]);
        let valid = match std::str::from_utf8(&self.pending) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.pending.len(),
        };
        let rest = self.pending.split_off(valid);
        self.raw.push_str(&String::from_utf8_lossy(&self.pending));
        self.pending = rest;
        length > 0
    }

    /// Types keys.
    pub fn send(&mut self, keys: &str) {
        let mut left = keys.as_bytes();
        while !left.is_empty() {
            // What is echoed has to be read, or a long text would block both sides.
            while {
                let mut polled = [PollFd::new(self.master().as_fd(), PollFlags::POLLIN)];
                poll(&mut polled, PollTimeout::ZERO) == Ok(1)
            } {
                if !self.take(0) {
                    return;
                }
            }
            let some = left.len().min(1024);
            match self.master().write(&left[..some]) {
                Ok(length) => left = &left[length..],
                Err(_) => return,
            }
        }
    }

    /// Waits until what has come fits, and answers it cleaned.
    pub fn until(&mut self, what: &str, fits: impl Fn(&str) -> bool) -> Result<String, String> {
        self.until_by(deadline(1) / 2, what, fits)
    }

    /// The same with as many minutes of patience.
    pub fn until_within(&mut self, minutes: u64, what: &str, fits: impl Fn(&str) -> bool) -> Result<String, String> {
        self.until_by(deadline(minutes), what, fits)
    }

    fn until_by(&mut self, patience: Duration, what: &str, fits: impl Fn(&str) -> bool) -> Result<String, String> {
        let end = Instant::now() + patience;
        loop {
            let text = clean(&self.raw);
            if fits(&text) {
                self.raw.clear();
                return Ok(text);
            }
            if Instant::now() > end || !self.take(100) {
                return Err(format!(
                    "{what} did not come; what came: {:?}",
                    text.chars().rev().take(2000).collect::<Vec<_>>().iter().rev().collect::<String>()
                ));
            }
        }
    }

    /// Waits for a text.
    pub fn expect(&mut self, wanted: &str) -> Result<String, String> {
        self.until(&format!("{wanted:?}"), |text| text.contains(wanted))
    }

    /// Waits for a prompt.
    pub fn prompt(&mut self) -> Result<String, String> {
        self.until("a prompt", is_prompt)
    }

    /// The same with as many minutes of patience.
    pub fn prompt_within(&mut self, minutes: u64) -> Result<String, String> {
        self.until_within(minutes, "a prompt", is_prompt)
    }

    /// Waits for a prompt, and answers all that came as it came.
    pub fn prompt_raw(&mut self) -> Result<String, String> {
        let end = Instant::now() + deadline(1) / 2;
        while !is_prompt(&clean(&self.raw)) || !self.raw.contains('\n') {
            if Instant::now() > end || !self.take(100) {
                return Err(format!("a prompt did not come; what came: {:?}", self.raw));
            }
        }
        Ok(std::mem::take(&mut self.raw))
    }

    /// Types a line, and answers what is printed up to the next prompt, with that.
    pub fn line(&mut self, line: &str) -> Result<String, String> {
        self.send(&format!("{line}\r"));
        self.after_line()
    }

    /// What is printed for a line that was typed, up to the next prompt.
    pub fn after_line(&mut self) -> Result<String, String> {
        self.after_line_by(deadline(1) / 2)
    }

    /// The same with as many minutes of patience.
    pub fn after_line_within(&mut self, minutes: u64) -> Result<String, String> {
        self.after_line_by(deadline(minutes))
    }

    fn after_line_by(&mut self, patience: Duration) -> Result<String, String> {
        // The line as it is typed ends like a prompt where it is empty: its end comes first.
        let text = self.until_by(patience, "a prompt", |text| text.contains('\n') && is_prompt(text))?;
        let text = text.split_once('\n').map_or("", |(_, rest)| rest);
        // The mark of a line without an end, which the terminal writes over.
        let lines = text.lines().filter(|line| !(line.starts_with('%') && line.contains("  ")));
        Ok(lines.flat_map(|line| [line, "\n"]).collect::<String>()
            + text.lines().last().and_then(|line| line.strip_prefix('%')).map_or("", str::trim_start))
    }

    /// The group that has the terminal.
    pub fn foreground(&self) -> i32 {
        nix::unistd::tcgetpgrp(self.master()).map_or(-1, nix::unistd::Pid::as_raw)
    }

    /// Sends a signal to the session itself.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal);
    }

    /// Closes the terminal.
    pub fn hang_up(&mut self) {
        self.master = None;
    }

    /// Waits for the end of the session.
    pub fn end(&mut self) -> Result<ExitStatus, String> {
        let end = Instant::now() + deadline(1) / 2;
        loop {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                return Ok(status);
            }
            if Instant::now() > end {
                let _ = self.child.kill();
                return Err(format!("the session does not end: {:?}", clean(&self.raw)));
            }
            if self.master.is_none() {
                std::thread::sleep(Duration::from_millis(20));
            } else {
                self.take(20);
            }
        }
    }

    /// Leaves by Ctrl-D, with this status; nothing may be left behind.
    pub fn leave(mut self, status: i32) -> Result<Place, String> {
        self.send("\x04");
        self.ended(Some(status))
    }

    /// Waits for the end of the session; nothing may be left behind. `gc` is allowed to help where
    /// the session had no time for it.
    pub fn ended(&mut self, status: Option<i32>) -> Result<Place, String> {
        let ended = self.end()?;
        if let Some(status) = status
            && ended.code() != Some(status)
        {
            return Err(format!("ended with {ended}, not {status}: {:?}", clean(&self.raw)));
        }
        let place = std::mem::replace(&mut self.place, Place::new(false));
        let mark = place.path().display().to_string();
        // The session has a directory of its own for temporary files, and removes nothing of others'.
        let mine = |what: &str| !what.contains("file /tmp/") && !what.starts_with("(gone)");
        let left = self.before.left_of(&mark, place.path(), &mine, &Vec::new);
        if left.is_empty() { Ok(place) } else { Err(format!("left behind: {}", left.join("; "))) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The identity of a process's namespace.
pub fn namespace(pid: i32, kind: &str) -> Result<String, String> {
    let link = std::fs::read_link(Path::new("/proc").join(pid.to_string()).join("ns").join(kind));
    link.map(|link| link.display().to_string()).map_err(|error| format!("{kind} of {pid}: {error}"))
}

/// The terminal's descriptor, for its settings.
pub fn settings(master: &File) -> String {
    let found = nix::sys::termios::tcgetattr(master).unwrap();
    assert!(master.as_raw_fd() >= 0);
    format!("{:?} {:?} {:?} {:?}", found.input_flags, found.output_flags, found.control_flags, found.local_flags)
}

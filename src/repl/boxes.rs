//! Boxes, as their front end sees them: the line to each, and how it ends.
//!
//! A message is a length of four bytes and so much JSON. Whoever asks numbers the request, and the
//! answer has the same number: an answer that came too late for somebody who did not wait is not
//! taken for that to the next one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value as Json, json};

use super::{Session, ends};
use crate::lua::boxes::Fresh;
use crate::lua::session::Answer;
use crate::sys::processes::{self, End};
use crate::sys::{Errno, interrupt, sockets};

/// One side of the line between a front end and a box.
pub struct Link {
    socket: OwnedFd,
    received: Vec<u8>,
    fds: Vec<OwnedFd>,
}

impl Link {
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, received: Vec::new(), fds: Vec::new() }
    }

    /// Sends a request.
    pub fn send(&self, number: u64, request: &Json) -> Result<(), Errno> {
        self.send_frame(&json!({ "id": number, "request": request }), &[])
    }

    /// Sends a frame, and descriptors with it.
    pub fn send_frame(&self, frame: &Json, fds: &[BorrowedFd]) -> Result<(), Errno> {
        let text = frame.to_string();
        let length = u32::try_from(text.len()).map_err(|_| Errno::EMSGSIZE)?;
        let bytes = [&length.to_le_bytes(), text.as_bytes()].concat();
        sockets::send(self.socket.as_fd(), &bytes, fds)
    }

    /// The next frame; `None` at the end. `EINTR` loses nothing: what came so far is kept.
    pub fn receive(&mut self) -> Result<Option<Json>, Errno> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            processes::readable(&[self.socket.as_fd()], None)?;
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// Takes what is there; false at the end.
    fn read(&mut self) -> Result<bool, Errno> {
        match sockets::receive(self.socket.as_fd()) {
            Ok((bytes, fds)) => {
                self.received.extend_from_slice(&bytes);
                self.fds.extend(fds);
                Ok(!bytes.is_empty())
            }
            Err(Errno::ECONNRESET) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// A frame that has come as a whole.
    fn take(&mut self) -> Result<Option<Json>, Errno> {
        let Some(length) = self.received.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize) else { return Ok(None) };
        if self.received.len() < 4 + length {
            return Ok(None);
        }
        let rest = self.received.split_off(4 + length);
        let frame = std::mem::replace(&mut self.received, rest);
        serde_json::from_slice(frame.get(4..).unwrap_or_default()).map(Some).map_err(|_| Errno::EPROTO)
    }
}

/// Why a box does not answer.
pub enum Gone {
    /// It has ended, for this reason where one is known.
    Ended(Option<String>),
    /// The front end itself is to end.
    Signal(i32),
}

/// A box.
pub struct Boxed {
    pub name: String,
    pub pid: i32,
    /// When it was started, in the kernel's clock ticks: with the number it names the process for good.
    pub start: u64,
    pub pidfd: OwnedFd,
    pub link: Link,
    /// The number of its next line.
    pub number: u64,
    /// Whether it is a copy to come back to, in which nothing runs.
    pub frozen: bool,
    /// The copy that it came from, or that was made of it last.
    pub copy: Option<String>,
}

/// How long a box may take to stop before its user is told how to end it.
const PATIENCE: Duration = Duration::from_millis(700);

/// How long one that is idle needs for what it holds, mostly.
const MOMENT: Duration = Duration::from_millis(300);

/// How long a box may take for what it holds.
const FAREWELL: Duration = Duration::from_secs(3);

impl Boxed {
    /// Takes over a box that has been made.
    pub fn new(fresh: Fresh, number: u64) -> Result<Self, Errno> {
        Ok(Self {
            pidfd: processes::pidfd_open(fresh.pid)?,
            start: ends::start_of(fresh.pid),
            link: Link::new(fresh.link),
            name: fresh.name,
            pid: fresh.pid,
            number,
            frozen: false,
            copy: None,
        })
    }

    /// Waits for the answer to a request. Ctrl-C goes to the box; to one that does not stop for it a
    /// second one is the end.
    pub fn hear(&mut self, number: u64, hint: &mut dyn FnMut(&str)) -> Result<Json, Gone> {
        let mut since: Option<Instant> = None;
        let mut warned = false;
        loop {
            match self.link.take() {
                Ok(Some(frame)) if frame["id"].as_u64() == Some(number) => return Ok(frame),
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(_) => return Err(self.broken()),
            }
            let left = since.filter(|_| !warned).map(|since| PATIENCE.saturating_sub(since.elapsed()));
            match processes::readable(&[self.link.socket.as_fd(), self.pidfd.as_fd()], left) {
                Ok(ready) if ready.is_empty() => {
                    warned = true;
                    hint(&format!("{} does not stop; Ctrl-C once more kills it", self.name));
                }
                // What it has said before it ended is heard first.
                Ok(ready) if ready.contains(&0) && matches!(self.link.read(), Ok(true) | Err(Errno::EINTR)) => {}
                Err(Errno::EINTR) => match interrupt::pending() {
                    Some(Signal::SIGINT) => {
                        interrupt::clear();
                        if warned {
                            self.kill();
                            return Err(Gone::Ended(Some(format!("{} was killed", self.name))));
                        }
                        self.pass_interrupt();
                        since.get_or_insert_with(Instant::now);
                    }
                    Some(signal) => return Err(Gone::Signal(signal as i32)),
                    None => {}
                },
                Ok(_) | Err(_) => return Err(self.broken()),
            }
        }
    }

    /// Waits a moment for an answer that nobody misses where it does not come.
    pub fn hear_soon(&mut self, number: u64, patience: Duration) -> Option<Json> {
        let deadline = Instant::now() + patience;
        loop {
            match self.link.take().ok()? {
                Some(frame) if frame["id"].as_u64() == Some(number) => return Some(frame),
                Some(_) => continue,
                None => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ready = processes::readable(&[self.link.socket.as_fd()], Some(left)).ok()?;
            if ready.is_empty() || !self.link.read().ok()? {
                return None;
            }
        }
    }

    /// The descriptor that came with an answer.
    pub fn take_fd(&mut self) -> Option<OwnedFd> {
        self.link.fds.pop()
    }

    /// A box with a session or a group of its own is not signalled by the terminal.
    fn pass_interrupt(&self) {
        if processes::getpgid(self.pid) != processes::getpgid(0) {
            let _ = processes::signal(self.pidfd.as_fd(), nix::libc::SIGINT);
        }
    }

    /// Why the line to it is broken.
    fn broken(&mut self) -> Gone {
        if let Some(end) = self.wait(Duration::from_secs(1)) {
            return Gone::Ended(Some(ends::words(&self.name, self.pid, end)));
        }
        self.kill();
        Gone::Ended(Some(format!("{} has closed its line to the REPL (close_fds?) and was killed", self.name)))
    }

    fn wait(&self, patience: Duration) -> Option<End> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match processes::wait_any(&[self.pidfd.as_fd()], Some(left), &[]) {
                Ok(ended) => return ended.map(|(_, end, _)| end),
                // Whatever comes meanwhile: this takes a moment, and then it is looked at.
                Err(Errno::EINTR) if !left.is_zero() => interrupt::clear(),
                Err(_) => return None,
            }
        }
    }

    /// Ends it at once.
    pub fn kill(&self) {
        let _ = processes::signal(self.pidfd.as_fd(), nix::libc::SIGKILL);
        self.wait(FAREWELL);
    }

    /// Lets it close what it holds, and ends it.
    pub fn end(self) {
        let asked = self.link.send_frame(&json!({ "id": 0, "request": { "op": "end" } }), &[]);
        if asked.is_ok() && self.wait(MOMENT).is_some() {
            return;
        }
        // It is in the middle of a line: that ends first.
        let _ = processes::signal(self.pidfd.as_fd(), nix::libc::SIGTERM);
        if self.wait(FAREWELL).is_none() {
            self.kill();
        }
    }
}

impl Session<'_> {
    /// Does something with a box.
    pub fn with<T>(&self, name: &str, body: impl FnOnce(&mut Boxed) -> T) -> Option<T> {
        self.boxes.borrow_mut().iter_mut().find(|boxed| boxed.name == name).map(body)
    }

    /// Takes a box out of the list.
    pub fn take(&self, name: &str) -> Option<Boxed> {
        let mut boxes = self.boxes.borrow_mut();
        let index = boxes.iter().position(|boxed| boxed.name == name)?;
        Some(boxes.remove(index))
    }

    /// Takes over a box that has been made.
    pub fn adopt(&self, fresh: Fresh) -> Option<()> {
        let name = fresh.name.clone();
        match Boxed::new(fresh, self.number.get()) {
            Ok(boxed) => {
                self.boxes.borrow_mut().push(boxed);
                Some(())
            }
            Err(errno) => {
                self.complain(&format!("{name} cannot be watched: {errno}"));
                None
            }
        }
    }

    /// Ends a new box whose first line has failed before anything was changed: the host is where it was.
    pub fn drop_unchanged(&self, name: &str) {
        let Some(pid) = self.with(name, |boxed| boxed.pid) else { return };
        let Answer::Said(said) = self.machine.request(&json!({ "op": "same", "pid": pid })) else { return };
        if said["same"].as_bool() != Some(true) {
            return;
        }
        if let Some(boxed) = self.take(name) {
            let start = boxed.start;
            boxed.end();
            self.collect(pid, start);
        }
        self.current.take();
        self.hint(&format!("nothing was changed; {name} is gone again"));
    }

    /// A box is gone: says why, removes what it has made, and goes back to the host.
    pub fn lose(&self, name: &str, why: Option<String>) {
        self.failed.set(true);
        let Some(boxed) = self.take(name) else { return };
        let (pid, start) = (boxed.pid, boxed.start);
        let why = why.unwrap_or_else(|| {
            let end = boxed.wait(Duration::from_secs(1));
            boxed.kill();
            end.map_or_else(|| format!("{name} does not answer and was killed"), |end| ends::words(name, pid, end))
        });
        drop(boxed);
        self.settle();
        self.complain(&why);
        self.collect(pid, start);
        self.current.replace_with(|current| current.take().filter(|current| current != name));
    }
}

//! Reading lines without an editor: from a pipe or a file, or on a terminal that cannot do more.

use std::io::Write;

use super::editor::Read;
use crate::sys::{Errno, interrupt, processes};

/// How much is read at once.
const CHUNK: usize = 4096;

/// What has been read and not been taken.
#[derive(Default)]
pub struct Plain {
    buffer: Vec<u8>,
    ended: bool,
}

impl Plain {
    /// Reads a line, and more as long as it is incomplete.
    pub fn read(&mut self, prompt: &str, is_incomplete: &dyn Fn(&str) -> bool) -> Read {
        let mut text = String::new();
        tell(prompt);
        loop {
            match self.line() {
                Ok(Some(line)) => {
                    text.push_str(&String::from_utf8_lossy(&line));
                    // The end of the file ends what stands there as well.
                    if self.ended || !is_incomplete(text.trim_end_matches('\n')) {
                        return Read::Line(text.trim_end_matches('\n').to_owned());
                    }
                }
                Ok(None) if text.is_empty() => return Read::End,
                Ok(None) => return Read::Line(text),
                Err(Errno::EINTR) => match interrupt::pending() {
                    Some(signal) if signal as i32 != nix::libc::SIGINT => return Read::Signal(signal as i32),
                    _ => {
                        interrupt::clear();
                        tell(if prompt.is_empty() { "" } else { "\n" });
                        return Read::Cleared;
                    }
                },
                Err(_) => return Read::End,
            }
        }
    }

    /// One line with its end; without one where the file has ended.
    fn line(&mut self) -> Result<Option<Vec<u8>>, Errno> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let rest = self.buffer.split_off(end + 1);
                return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
            }
            if self.ended {
                return Ok(if self.buffer.is_empty() { None } else { Some(std::mem::take(&mut self.buffer)) });
            }
            // A signal that came before the read is one within it.
            processes::readable(&[processes::standard_input()], None)?;
            let mut chunk = [0; CHUNK];
            let length = nix::unistd::read(processes::standard_input(), &mut chunk)?;
            self.ended = length == 0;
            self.buffer.extend_from_slice(chunk.get(..length).unwrap_or_default());
        }
    }
}

fn tell(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

//! The user's own file, `$XDG_CONFIG_HOME/crun-lua/repl.lua`: run before the first line that is typed.
//!
//! It runs with the user's rights, root's mostly, so a file that others may write is refused. Scripts
//! and lines from a pipe never read it.

use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use serde_json::json;

use super::{Session, user_dir};

impl Session<'_> {
    /// Runs the file, if there is one.
    pub fn run_rc_file(&self) {
        let Some(path) = user_dir("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("repl.lua")) else { return };
        match read_own(&path) {
            Ok(None) => {}
            Ok(Some(text)) => {
                let name = path.display().to_string();
                if let Some(said) = self.ask_here(&json!({ "op": "evaluate", "text": text, "name": name, "quiet": true })) {
                    self.tell(&said);
                }
                self.settle();
            }
            Err(reason) => self.complain(&format!("{}: {reason}; it was not run", path.display())),
        }
    }
}

/// The text of a file that nobody else could have written.
fn read_own(path: &Path) -> Result<Option<String>, String> {
    let open = std::fs::OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path);
    let mut file = match open {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    // Of the open file, so that it is the one that is read.
    let found = file.metadata().map_err(|error| error.to_string())?;
    let own = nix::unistd::geteuid().as_raw();
    if !found.is_file() {
        return Err("no regular file".to_owned());
    }
    if found.uid() != own {
        return Err(format!("it belongs to the user {}, not to {own}", found.uid()));
    }
    if found.mode() & 0o022 != 0 {
        return Err(format!("others may write it (mode {:04o}); chmod go-w", found.mode() & 0o7777));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(Some(text))
}

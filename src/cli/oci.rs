//! Command lines of an OCI runtime: `crun-lua --root DIR create --bundle DIR ID`.
//!
//! They are recognised here and read in Lua, by the module `oci.main`: an engine starts the program
//! several times a container, and none of these starts pays for clap. What the commands and options
//! mean stands in `stdlib/oci/commands.lua`; a test compares the names.

use std::ffi::{OsStr, OsString};

use clap::Parser;

use super::start::{self, Options};
use crate::lua::types;

/// Words that are commands of the OCI runtime. `ps` is one too where it names a container.
const COMMANDS: [&str; 19] = [
    "checkpoint",
    "completion",
    "create",
    "delete",
    "events",
    "exec",
    "features",
    "kill",
    "list",
    "man",
    "pause",
    "restore",
    "resume",
    "run",
    "spec",
    "start",
    "state",
    "update",
    "wait",
];

/// Options of the OCI runtime that stand before its command.
const FLAGS: [&str; 2] = ["--debug", "--systemd-cgroup"];
const VALUES: [&str; 7] = ["--root", "--log", "--log-format", "--cgroup-manager", "--rootless", "--policy", "--criu"];

/// The project's own options, which may stand before any command.
const OWN_FLAGS: [&str; 5] = ["--explain", "--dry-run", "--as-shell", "--verbose", "--allow-host"];
const OWN_VALUES: [&str; 3] = ["--trace", "--fault", "--stdlib"];

/// A command line for the OCI runtime.
#[derive(Debug, Default)]
pub struct Line {
    /// The project's own options, as they were written.
    own: Vec<OsString>,
    /// The rest, in its order.
    rest: Vec<OsString>,
}

/// What clap makes of the project's own options, where there are any.
#[derive(Debug, Parser)]
#[command(name = "crun-lua")]
struct Own {
    #[command(flatten)]
    options: Options,
}

impl Line {
    /// The words of a command line, without the program's name; nothing where they are not the
    /// OCI runtime's.
    pub fn read(words: &[OsString]) -> Option<Self> {
        let mut line = Self::default();
        let mut named = false;
        let mut left = words;
        while let [word, following @ ..] = left {
            let text = word.to_string_lossy();
            let (name, value) = text.split_once('=').map_or((&*text, None), |(name, value)| (name, Some(value)));
            if !text.starts_with('-') || text == "-" || text == "--" {
                line.rest.extend_from_slice(left);
                return (named || is_command(word, following)).then_some(line);
            }
            let own = OWN_FLAGS.contains(&name) || OWN_VALUES.contains(&name);
            let takes_next = value.is_none() && (OWN_VALUES.contains(&name) || VALUES.contains(&name));
            let (taken, following) = left.split_at(left.len().min(if takes_next { 2 } else { 1 }));
            if own { &mut line.own } else { &mut line.rest }.extend_from_slice(taken);
            named |= FLAGS.contains(&name) || VALUES.contains(&name);
            left = following;
        }
        named.then_some(line)
    }

    /// Runs the command; the exit status.
    pub fn run(self) -> i32 {
        let program = OsString::from("crun-lua");
        let own = self.own.into_iter();
        let mut options =
            if own.len() == 0 { Options::default() } else { Own::parse_from(std::iter::once(program.clone()).chain(own)).options };
        options.brief = true;
        let arguments = std::iter::once(program).chain(self.rest).collect();
        start::start(options, arguments, |machine| machine.run_command("oci.main"))
    }
}

/// Whether a word is a command of the OCI runtime.
pub fn is_named(word: &str) -> bool {
    COMMANDS.contains(&word)
}

/// The command that was meant by a word which is none.
pub fn nearest(word: &OsStr) -> Option<&'static str> {
    types::nearest(&word.to_string_lossy(), COMMANDS.into_iter())
}

/// The project's own `ps` takes flags and no words, so whoever names a container or a format means
/// that of the OCI runtime.
fn is_command(word: &OsStr, following: &[OsString]) -> bool {
    let wants_container = |word: &OsString| {
        let text = word.to_string_lossy();
        !text.starts_with('-') || text.starts_with("--format") || text == "-f"
    };
    word.to_str().is_some_and(|word| is_named(word) || (word == "ps" && following.iter().any(wants_container)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(String, String)> {
        let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let joined = |words: &[OsString]| words.join(OsStr::new(" ")).to_string_lossy().into_owned();
        Line::read(&words).map(|line| (joined(&line.own), joined(&line.rest)))
    }

    #[test]
    fn scripts_and_the_projects_own_commands_are_no_oci_lines() {
        for line in ["", "script.lua create", "./create", "- run", "-- run", "--explain box.lua", "--help", "--version", "gc", "help run"] {
            assert_eq!(read(line), None, "{line}");
        }
        for line in ["ps", "ps -a -q", "ps --json", "ps --help", "--trace create ps", "--stdlib=run doctor"] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn a_command_or_a_global_option_makes_an_oci_line() {
        for line in ["create x", "--root /r", "--log=/l ps", "--debug --help", "--bogus create x", "--systemd-cgroup bogus", "man /tmp"] {
            assert_eq!(read(line), Some((String::new(), line.to_owned())), "{line}");
        }
        for line in ["ps box", "ps --format json box", "ps --format=json", "ps -f table box"] {
            assert_eq!(read(line), Some((String::new(), line.to_owned())), "{line}");
        }
    }

    #[test]
    fn own_options_are_taken_out_only_before_the_command() {
        let found = read("--explain --root run --trace /t --fault=1:EIO create --trace x");
        assert_eq!(found, Some(("--explain --trace /t --fault=1:EIO".to_owned(), "--root run create --trace x".to_owned())));
        assert_eq!(read("--stdlib run run id"), Some(("--stdlib run".to_owned(), "run id".to_owned())));
        assert_eq!(read("--root"), Some((String::new(), "--root".to_owned())));
    }

    #[test]
    fn words_that_are_no_text_are_handed_over_as_they_are() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(vec![b'a', 0xff]);
        let line = Line::read(&["exec".into(), "id".into(), odd.clone()]).map(|line| line.rest);
        assert_eq!(line, Some(vec!["exec".into(), "id".into(), odd]));
    }
}

//! `--restricted`: how a script is run that nobody trusts. What it may do is said here, and held to by
//! `lua::budget`; what that is worth stands in `docs/security.md`.

use std::ffi::OsString;
use std::time::Duration;

use super::start::{Options, start};
use super::{chunk_name, fail, read_script};
use crate::lua::budget::Limits;
use crate::lua::confine::{self, Only};
use crate::lua::units;

/// What the script may use.
#[derive(Debug, clap::Args)]
pub struct Restriction {
    /// Run a SCRIPT that nobody trusts: no files, no environment, no primitives but those of --allow, and only so much time and memory
    #[arg(long)]
    pub restricted: bool,
    /// Primitives that it may call, with any arguments: mount,spawn,process:wait; process:* is each method of such a handle
    #[arg(long, value_name = "NAMES", requires = "restricted", value_delimiter = ',', value_parser = name)]
    allow: Vec<String>,
    /// What Lua may allocate for it
    #[arg(long, value_name = "SIZE", requires = "restricted", default_value = "64M", value_parser = units::size)]
    memory: u64,
    /// How long it may take
    #[arg(long, value_name = "TIME", requires = "restricted", default_value = "10s", value_parser = units::duration)]
    time: Duration,
    /// How many instructions of Lua it may run, in steps of 1000; a coroutine costs one step
    #[arg(long, value_name = "N", requires = "restricted", value_parser = clap::value_parser!(u64).range(1..))]
    instructions: Option<u64>,
    /// How much it may print
    #[arg(long, value_name = "SIZE", requires = "restricted", default_value = "1M", value_parser = units::size)]
    output: u64,
}

fn name(text: &str) -> Result<String, String> {
    confine::judge(text).map(|()| text.to_owned())
}

impl Restriction {
    /// Runs the script; the exit status.
    pub fn run(self, mut options: Options, arguments: Vec<OsString>) -> i32 {
        let source = match read_script(&arguments) {
            Ok(source) => source,
            Err(status) => return status,
        };
        let only = match Only::new(self.allow, "crun-lua --restricted --allow") {
            Ok(only) => only,
            Err(text) => return fail(&format!("--allow: {text}"), 2),
        };
        options.distrust = true;
        let limits = Limits {
            elapsed: Some(self.time),
            instructions: self.instructions,
            memory: Some(self.memory),
            only: Some(only),
            processor: None,
        };
        let name = arguments.first().map(|name| chunk_name(name)).unwrap_or_default();
        start(options, arguments, |machine| machine.run_restricted(&source, &name, limits, self.output))
    }
}

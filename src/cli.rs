//! The command line: parses and hands over; it decides nothing.
//!
//! Commands of an OCI runtime are read in Lua ([`oci`]); scripts and the project's own commands here.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};

use clap::{Parser, Subcommand};

use crate::kernel;
use crate::repl;
use crate::sys::{self, Errno};

mod oci;
mod restricted;
mod start;

use start::{Options, start};

/// As engines parse it: the program, "version", the version; and the specification's below.
const VERSION: &str = concat!("version ", env!("CARGO_PKG_VERSION"), "\nspec: 1.3.0");

/// A container runtime you can read, script and take apart.
#[derive(Debug, Parser)]
#[command(
    name = "crun-lua",
    version = VERSION,
    disable_help_subcommand = true,
    after_help = "A first script: see `crun-lua help spawn`; `crun-lua help` lists every primitive.\n\
        As an OCI runtime: create, start, state, kill, delete, run, exec, list, ps ID, … \\\n\
        see `crun-lua --debug --help` and `crun-lua COMMAND --help`.",
    override_usage = "crun-lua [OPTIONS]  (a session to type into)\n       crun-lua [OPTIONS] SCRIPT [ARGUMENTS]…\n       crun-lua [OPTIONS] -  (a script from standard input)\n       crun-lua COMMAND"
)]
pub struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    restriction: restricted::Restriction,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Type lines and see what they do; the default on a terminal
    Repl,
    /// Remove what dead processes left behind
    Gc,
    /// Tell everything about a container
    #[command(disable_help_flag = true)]
    Inspect(Raw),
    /// Tell what this machine can do, and what is missing
    #[command(disable_help_flag = true)]
    Doctor(Raw),
    /// List containers
    #[command(disable_help_flag = true)]
    Ps(Raw),
    /// Watch containers
    #[command(disable_help_flag = true)]
    Top(Raw),
    /// Print the reference as files for the documentation and for editors
    #[command(disable_help_flag = true)]
    Reference(Raw),
    /// Tell what a primitive, a module, a function or a command does; without a name, list them all
    #[command(disable_help_flag = true)]
    Help(Raw),
    /// Find mistakes in scripts without running them
    #[command(disable_help_flag = true)]
    Check(Raw),
    /// Set the editor's language server up for scripts
    #[command(disable_help_flag = true)]
    Setup(Raw),
    /// Draw a run, or what runs, as one page
    #[command(disable_help_flag = true)]
    Report(Raw),
    /// Show, try, test or hand out a scenario: a lesson as one file
    #[command(disable_help_flag = true)]
    Scenario(Raw),
    /// Do the course's exercises; checks read the kernel
    #[command(disable_help_flag = true)]
    Lab(Raw),
    /// Load this machine a little: eat memory, burn a processor, fork, make system calls
    #[command(disable_help_flag = true)]
    Probe(Raw),
    /// Judge how well a process, a container or a configuration is confined
    #[command(disable_help_flag = true)]
    Audit(Raw),
    /// Record what a command needs, and write the profile that allows just that
    #[command(disable_help_flag = true)]
    Learn(Raw),
    /// A script, or - for standard input; what follows is the script's own
    #[command(external_subcommand)]
    Script(Vec<OsString>),
}

/// The rest of the line: the command's own module reads it, options too.
#[derive(Debug, clap::Args)]
struct Raw {
    /// See COMMAND --help
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// Runs the program with the words that follow its name; the exit status.
#[must_use]
pub fn run(words: &[OsString]) -> i32 {
    if let Some(line) = oci::Line::read(words) {
        return line.run();
    }
    if words.is_empty() && sys::terminal::is_tty(sys::processes::standard_input()) {
        // Nothing to be parsed: the prompt is there a moment earlier.
        return interactive(Options::default());
    }
    let Cli { mut options, restriction, command: wanted } = Cli::parse();
    if restriction.restricted {
        return match wanted {
            Some(Command::Script(arguments)) => restriction.run(options, arguments),
            _ => fail("--restricted takes a script: crun-lua --restricted SCRIPT, or - for standard input", 2),
        };
    }
    match wanted {
        Some(Command::Gc) => {
            // Whoever asks for this means the host.
            options.allow_host = true;
            gc(options)
        }
        Some(Command::Inspect(raw)) => command(options, "inspect", raw),
        Some(Command::Doctor(raw)) => command(options, "doctor", raw),
        Some(Command::Ps(raw)) => command(options, "ps", raw),
        Some(Command::Top(raw)) => command(options, "top", raw),
        Some(Command::Reference(raw)) => command(options, "reference", raw),
        Some(Command::Help(raw)) => command(options, "help", raw),
        Some(Command::Check(raw)) => command(options, "check", raw),
        Some(Command::Setup(raw)) => command(options, "setup", raw),
        Some(Command::Report(raw)) => {
            // Whoever looks changes nothing; the script that is run has its own options.
            options.allow_host = true;
            command(options, "report", raw)
        }
        Some(Command::Scenario(raw)) => command(options, "scenario", raw),
        Some(Command::Lab(raw)) => match lesson(&raw.arguments) {
            Some(words) => start(options, vec!["repl".into()], |machine| repl::run(&machine, Some(&words))),
            None => command(options, "lab", raw),
        },
        Some(Command::Probe(raw)) => command(options, "probe", raw),
        Some(Command::Audit(raw)) => command(options, "audit", raw),
        Some(Command::Learn(raw)) => command(options, "learn", raw),
        Some(Command::Script(arguments)) => script(options, arguments),
        Some(Command::Repl) => interactive(options),
        // As for `lua`: a file or a pipe is a script, a terminal is somebody who types.
        None if sys::terminal::is_tty(sys::processes::standard_input()) => interactive(options),
        None => script(options, vec!["-".into()]),
    }
}

/// The session that a user types into; from a pipe, the same without prompt and editor.
fn interactive(options: Options) -> i32 {
    start(options, vec!["repl".into()], |machine| repl::run(&machine, None))
}

/// A command of the stdlib's: the module `commands.NAME`.
fn command(options: Options, name: &str, raw: Raw) -> i32 {
    let arguments = std::iter::once(name.into()).chain(raw.arguments).collect();
    start(options, arguments, |machine| machine.run_command(&format!("commands.{name}")))
}

/// The words of `lab start`, where somebody types: a session with a lesson attached.
fn lesson(arguments: &[OsString]) -> Option<Vec<String>> {
    let mut words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let verb = match words.first()?.as_str() {
        "--course" => 2,
        word if word.starts_with("--course=") => 1,
        _ => 0,
    };
    if words.get(verb)? != "start" || words.iter().any(|word| word == "--help" || word == "-h") {
        return None;
    }
    words.remove(verb);
    sys::terminal::is_tty(sys::processes::standard_input()).then_some(words)
}

/// First what journals say, then what the stdlib's own module `gc` finds.
fn gc(options: Options) -> i32 {
    start(options, vec!["gc".into()], |machine| {
        // A plan has removed nothing.
        let planned = machine.kernel().is_plan();
        let told = |text: &str| {
            if !planned {
                say(&format!("removed {text}\n"));
            }
        };
        let journals = kernel::gc(machine.kernel(), &mut |kept| told(&format!("{} {}", kept.kind, kept.what)));
        let texts = if machine.has_module("gc") { machine.run_module("gc") } else { Ok(Vec::new()) };
        let mut removed = *journals.as_ref().unwrap_or(&0);
        for text in texts.iter().flatten() {
            told(text);
            removed += 1;
        }
        if !planned {
            say(&format!("{removed} removed\n"));
        }
        let journals = journals.map_or_else(|error| fail(&error.to_string(), 1), |_| 0);
        let status = texts.map_or_else(|failure| fail(&failure.to_string(), 1), |_| 0);
        machine.finish(journals.max(status))
    })
}

/// Prints to standard output; a reader that is gone is no reason to stop.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn script(options: Options, arguments: Vec<OsString>) -> i32 {
    let name = arguments.first().cloned().unwrap_or_default();
    match read_script(&arguments) {
        Ok(source) => start(options, arguments, |machine| machine.run(&source, &chunk_name(&name))),
        Err(status) => status,
    }
}

/// The text of the script that the first word names; else the status, and why is told.
fn read_script(arguments: &[OsString]) -> Result<Vec<u8>, i32> {
    let name = arguments.first().cloned().unwrap_or_default();
    read(&name).map_err(|error| {
        let near = oci::nearest(&name).filter(|_| error.kind() == std::io::ErrorKind::NotFound);
        let hint = near.map_or_else(String::new, |near| format!("; did you mean the command {near}?"));
        fail(&format!("{}: {}{hint}", name.display(), plain(&error)), 2)
    })
}

fn read(name: &OsStr) -> std::io::Result<Vec<u8>> {
    if name != "-" {
        return std::fs::read(name);
    }
    let mut source = Vec::new();
    std::io::stdin().read_to_end(&mut source)?;
    Ok(source)
}

/// The system's words for an error, without Rust's "(os error 2)".
fn plain(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| Errno::from_raw(code).desc().to_owned())
}

/// What errors call the script.
fn chunk_name(name: &OsStr) -> String {
    if name == "-" { "stdin".to_owned() } else { name.to_string_lossy().into_owned() }
}

fn fail(text: &str, status: i32) -> i32 {
    sys::complain(text);
    status
}

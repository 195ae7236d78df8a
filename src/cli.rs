//! The command line: parses and hands over; it decides nothing.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::rc::Rc;

use clap::{Parser, Subcommand};

use crate::kernel::{self, Effect, Explain, Fault, Kernel, Live, Plan, Target, Trace};
use crate::lua::{Machine, Settings, reference, table};
use crate::sys::attributes::descriptors;
use crate::sys::{self, Errno, interrupt};

/// A container runtime you can read, script and take apart.
#[derive(Debug, Parser)]
#[command(
    name = "crun-lua",
    version,
    disable_help_subcommand = true,
    after_help = "A first script: see `crun-lua help spawn`; `crun-lua help` lists every primitive.",
    override_usage = "crun-lua [OPTIONS] SCRIPT [ARGUMENTS]…\n       crun-lua [OPTIONS] -  (a script from standard input)\n       crun-lua COMMAND"
)]
pub struct Cli {
    /// Tell each call to the kernel and what it changed, on standard error
    #[arg(long)]
    explain: bool,
    /// Print the calls that the script would make; change nothing
    #[arg(long, conflicts_with = "explain")]
    dry_run: bool,
    /// Write each call as a line of JSON
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Let call N (as --trace numbers them) fail with ERRNO, or KILL the process before it; N:ERRNO:IN: in the process IN alone
    #[arg(long, value_name = "N:ERRNO|N:KILL", value_parser = parse_fault)]
    fault: Option<Target>,
    /// Let primitives change the host's own namespaces
    #[arg(long)]
    allow_host: bool,
    /// Take the stdlib from this directory instead of the one in the program
    #[arg(long, value_name = "DIR")]
    stdlib: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
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
    /// Print the reference of the primitives
    Reference {
        /// As JSON: names, examples and their needs
        #[arg(long)]
        json: bool,
        /// As definitions for editors
        #[arg(long, conflicts_with = "json")]
        luacats: bool,
    },
    /// Tell what a primitive does; without a name, list them all
    Help {
        /// A primitive such as mount, a method such as process:wait, a topic such as network
        name: Option<String>,
    },
    /// A script, or - for standard input; what follows is the script's own
    #[command(external_subcommand)]
    Script(Vec<String>),
}

/// The rest of the line: the command's own module reads it, options too.
#[derive(Debug, clap::Args)]
struct Raw {
    /// See COMMAND --help
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

fn parse_fault(text: &str) -> Result<Target, String> {
    let (number, rest) = text.split_once(':').ok_or("expected a number and an error, such as 3:EPERM or 3:KILL")?;
    let (name, inside) = rest.split_once(':').map_or((rest, None), |(name, inside)| (name, Some(inside.to_owned())));
    let at = number.parse().map_err(|_| format!("{number:?} is not a call's number"))?;
    if name == "KILL" {
        return Ok(Target { at, effect: Effect::Kill, inside });
    }
    let errno = (1..200).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name);
    let effect = errno.map(Effect::Fail).ok_or_else(|| format!("no error is called {name:?}"))?;
    Ok(Target { at, effect, inside })
}

/// Runs the program; the exit status.
#[must_use]
pub fn run(mut cli: Cli) -> i32 {
    match cli.command.take() {
        Some(Command::Gc) => gc(cli),
        Some(Command::Inspect(raw)) => command(cli, "inspect", raw),
        Some(Command::Doctor(raw)) => command(cli, "doctor", raw),
        Some(Command::Ps(raw)) => command(cli, "ps", raw),
        Some(Command::Top(raw)) => command(cli, "top", raw),
        Some(Command::Reference { json: true, .. }) => print_examples(),
        Some(Command::Reference { luacats, .. }) => {
            say(&if luacats { reference::luacats() } else { reference::markdown() });
            0
        }
        Some(Command::Help { name }) => help(name.as_deref()),
        Some(Command::Script(arguments)) => script(cli, arguments),
        None => fail("no script given; `crun-lua FILE`, or `crun-lua -` for standard input (see --help)", 2),
    }
}

/// A command of the stdlib's: the module `commands.NAME`.
fn command(cli: Cli, name: &str, raw: Raw) -> i32 {
    let arguments = std::iter::once(name.to_owned()).chain(raw.arguments).collect();
    start(cli, arguments, |machine| machine.run_command(&format!("commands.{name}")))
}

/// First what journals say, then what the stdlib's own module `gc` finds. Whoever asks for this
/// means the host.
fn gc(mut cli: Cli) -> i32 {
    cli.allow_host = true;
    start(cli, vec!["gc".to_owned()], |machine| {
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

fn help(name: Option<&str>) -> i32 {
    match name.map_or_else(|| Ok(reference::help::overview()), reference::help::about) {
        Ok(text) => {
            say(&text);
            0
        }
        Err(reason) => fail(&reason, 2),
    }
}

/// Every example as a line of JSON, for the tests that run them.
fn print_examples() -> i32 {
    for primitive in table::all().into_iter().flat_map(|(_, list)| list) {
        for example in primitive.examples {
            let line = serde_json::json!({ "name": primitive.name, "code": example.code, "needs": example.needs });
            say(&format!("{line}\n"));
        }
    }
    0
}

fn script(cli: Cli, arguments: Vec<String>) -> i32 {
    let name = arguments.first().cloned().unwrap_or_default();
    match read(&name) {
        Ok(source) => start(cli, arguments, |machine| machine.run(&source, &chunk_name(&name))),
        Err(error) => fail(&format!("{name}: {}", plain(&error)), 2),
    }
}

/// Makes the machine that the options ask for, and runs something with it.
fn start(cli: Cli, arguments: Vec<String>, run: impl FnOnce(&Machine) -> i32) -> i32 {
    if let Some(dir) = cli.stdlib.as_ref().filter(|dir| !dir.is_dir()) {
        return fail(&format!("--stdlib {}: no such directory", dir.display()), 2);
    }
    if let Err(errno) = interrupt::watch() {
        return fail(&format!("sigaction: {errno}"), 1);
    }
    // Where it is forbidden the limit stays: a script that needs more hears of it then.
    let _ = descriptors::raise();
    let settings = Settings { stdlib: cli.stdlib, allow_host: cli.allow_host, arguments };
    let plan = cli.dry_run.then(|| Rc::new(Plan::default()));
    let remembered = plan.clone();
    let machine = Machine::new(settings, move |locate| {
        let mut kernel: Rc<dyn Kernel> = match plan {
            Some(plan) => plan,
            None => Rc::new(Live),
        };
        if let Some(target) = cli.fault {
            kernel = Rc::new(Fault::new(kernel, target));
        }
        if cli.explain {
            kernel = Rc::new(Explain::new(kernel, Rc::clone(&locate)));
        }
        if let Some(path) = cli.trace {
            let trace = Trace::new(kernel, &path, locate);
            kernel = Rc::new(trace.map_err(|error| std::io::Error::other(format!("--trace {}: {}", path.display(), plain(&error))))?);
        }
        Ok(kernel)
    });
    let status = match machine {
        Ok(machine) => run(&machine),
        Err(failure) => return fail(&failure.to_string(), 1),
    };
    match remembered.map(|plan| plan.write(&mut std::io::stdout().lock())) {
        // Nobody is left to read it.
        Some(Err(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(&error.to_string(), 1),
        _ => status,
    }
}

fn read(name: &str) -> std::io::Result<Vec<u8>> {
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
fn chunk_name(name: &str) -> String {
    if name == "-" { "stdin".to_owned() } else { name.to_owned() }
}

fn fail(text: &str, status: i32) -> i32 {
    sys::complain(text);
    status
}

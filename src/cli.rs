//! The command line: parses and hands over; it decides nothing.

use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

use clap::{Parser, Subcommand};

use crate::kernel::{self, Explain, Fault, Kernel, Live, Plan, Trace};
use crate::lua::{Machine, Settings, reference, table};
use crate::sys::{Errno, interrupt};

/// A container runtime you can read, script and take apart.
#[derive(Debug, Parser)]
#[command(name = "crun-lua", version, args_conflicts_with_subcommands = true)]
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
    /// Let the call number N fail with ERRNO
    #[arg(long, value_name = "N:ERRNO", value_parser = parse_fault)]
    fault: Option<(u64, Errno)>,
    /// Let primitives change the host's own namespaces
    #[arg(long)]
    allow_host: bool,
    /// Take the stdlib from this directory instead of the one in the program
    #[arg(long, value_name = "DIR")]
    stdlib: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
    /// The script, or - for standard input
    script: Option<String>,
    /// What the script finds in `arg`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Remove what dead processes left behind
    Gc,
    /// Print the reference of the primitives
    Reference {
        /// As JSON: names, examples and their needs
        #[arg(long)]
        json: bool,
    },
}

fn parse_fault(text: &str) -> Result<(u64, Errno), String> {
    let (number, name) = text.split_once(':').ok_or("expected a number and an error, such as 3:EPERM")?;
    let number = number.parse().map_err(|_| format!("{number:?} is not a call's number"))?;
    let errno = (1..200).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name);
    errno.map(|errno| (number, errno)).ok_or_else(|| format!("no error is called {name:?}"))
}

/// Runs the program; the exit status.
#[must_use]
pub fn run(cli: Cli) -> i32 {
    match cli.command {
        Some(Command::Gc) => gc(),
        Some(Command::Reference { json }) => print_reference(json),
        None => script(cli),
    }
}

fn gc() -> i32 {
    let removed = kernel::gc(&mut |kept| println!("removed {} {}", kept.kind, kept.what));
    match removed {
        Ok(number) => println!("{number} removed"),
        Err(error) => return fail(&error.to_string(), 1),
    }
    0
}

fn print_reference(json: bool) -> i32 {
    if !json {
        print!("{}", reference::markdown());
        return 0;
    }
    for primitive in table::all().into_iter().flat_map(|(_, list)| list) {
        for example in primitive.examples {
            println!("{}", serde_json::json!({ "name": primitive.name, "code": example.code, "needs": example.needs }));
        }
    }
    0
}

fn script(cli: Cli) -> i32 {
    let Some(name) = cli.script.clone() else {
        return fail("no script given; `crun-lua FILE`, or `crun-lua -` for standard input (see --help)", 2);
    };
    let source = match read(&name) {
        Ok(source) => source,
        Err(error) => return fail(&format!("{name}: {error}"), 2),
    };
    if let Err(errno) = interrupt::watch() {
        return fail(&format!("sigaction: {errno}"), 1);
    }
    let mut arguments = vec![name.clone()];
    arguments.extend(cli.arguments);
    let settings = Settings { stdlib: cli.stdlib, allow_host: cli.allow_host, arguments };
    let plan = cli.dry_run.then(|| Rc::new(Plan::default()));
    let remembered = plan.clone();
    let machine = Machine::new(settings, move |locate| {
        let mut kernel: Rc<dyn Kernel> = match plan {
            Some(plan) => plan,
            None => Rc::new(Live),
        };
        if let Some((at, errno)) = cli.fault {
            kernel = Rc::new(Fault::new(kernel, at, errno));
        }
        if cli.explain {
            kernel = Rc::new(Explain::new(kernel, Rc::clone(&locate)));
        }
        if let Some(path) = cli.trace {
            kernel = Rc::new(Trace::new(kernel, &path, locate)?);
        }
        Ok(kernel)
    });
    let status = match machine {
        Ok(machine) => machine.run(&source, &chunk_name(&name)),
        Err(failure) => return fail(&format!("{failure:?}"), 1),
    };
    if let Some(plan) = remembered {
        plan.print();
    }
    status
}

fn read(name: &str) -> std::io::Result<Vec<u8>> {
    if name != "-" {
        return std::fs::read(name);
    }
    let mut source = Vec::new();
    std::io::stdin().read_to_end(&mut source)?;
    Ok(source)
}

/// What errors call the script.
fn chunk_name(name: &str) -> String {
    if name == "-" { "stdin".to_owned() } else { name.to_owned() }
}

fn fail(text: &str, status: i32) -> i32 {
    eprintln!("crun-lua: {text}");
    status
}

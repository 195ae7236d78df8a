//! The options that say how the kernel is called, and the machine that they make: the same for
//! scripts, for the project's commands and for those of the OCI runtime.

use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use super::{fail, plain};
use crate::kernel::{Effect, Explain, Fault, Kernel, Live, Plan, Target, Trace};
use crate::lua::{Machine, Settings};
use crate::sys::attributes::descriptors;
use crate::sys::{Errno, interrupt};

/// What stands before a script or a command.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
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
    pub allow_host: bool,
    /// Take the stdlib from this directory instead of the one in the program
    #[arg(long, value_name = "DIR")]
    stdlib: Option<PathBuf>,
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

/// Makes the machine that the options ask for, and runs something with it.
pub fn start(options: Options, arguments: Vec<OsString>, run: impl FnOnce(&Machine) -> i32) -> i32 {
    if let Some(dir) = options.stdlib.as_ref().filter(|dir| !dir.is_dir()) {
        return fail(&format!("--stdlib {}: no such directory", dir.display()), 2);
    }
    if let Err(errno) = interrupt::watch() {
        return fail(&format!("sigaction: {errno}"), 1);
    }
    // Where it is forbidden the limit stays: a script that needs more hears of it then.
    let _ = descriptors::raise();
    let settings = Settings { stdlib: options.stdlib, allow_host: options.allow_host, arguments };
    let plan = options.dry_run.then(|| Rc::new(Plan::default()));
    let remembered = plan.clone();
    let machine = Machine::new(settings, move |locate| {
        let mut kernel: Rc<dyn Kernel> = match plan {
            Some(plan) => plan,
            None => Rc::new(Live),
        };
        if let Some(target) = options.fault {
            kernel = Rc::new(Fault::new(kernel, target));
        }
        if options.explain {
            kernel = Rc::new(Explain::new(kernel, Rc::clone(&locate)));
        }
        if let Some(path) = options.trace {
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

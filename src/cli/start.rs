//! The options that say how the kernel is called, and the machine that they make: the same for
//! scripts, for the project's commands and for those of the OCI runtime.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::{fail, plain};
use crate::kernel::{Detail, Effect, Explain, Faces, Fault, Kernel, Live, Locate, Plan, Target, Trace, Witness, shell_quote};
use crate::lua::{Machine, Settings};
use crate::sys::attributes::descriptors;
use crate::sys::{Errno, environment, interrupt};

/// What stands before a script or a command.
#[derive(Debug, Default, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "a command line has them")]
pub struct Options {
    /// Tell each call to the kernel and what it changed, on standard error; =all: also those that only open or look; =FILE (with a slash): at the end of a file
    #[arg(long, value_name = "all|FILE", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    explain: Option<OsString>,
    /// Print what the script would make, change and remove; =calls: each call. Nothing is run
    #[arg(long, value_name = "calls", num_args = 0..=1, require_equals = true, default_missing_value = "", value_parser = ["", "calls"], conflicts_with = "explain", hide_possible_values = true)]
    dry_run: Option<String>,
    /// Print a shell script of commands that do the same. Nothing is run
    #[arg(long, conflicts_with_all = ["explain", "dry_run"])]
    as_shell: bool,
    /// Shorten nothing in what --explain and --dry-run tell
    #[arg(long, short)]
    verbose: bool,
    /// Write each call as a line of JSON
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Let call N (as --trace numbers them) fail with ERRNO, or KILL the process before it; N:ERRNO:IN: in the process IN alone; may be repeated
    #[arg(long, value_name = "N:ERRNO|N:KILL", value_parser = parse_fault)]
    fault: Vec<Target>,
    /// Tell moments through the pipes ask and answer of this directory: what report looks through
    #[arg(long, value_name = "DIR", hide = true)]
    witness: Option<PathBuf>,
    /// Let primitives change the host's own namespaces
    #[arg(long)]
    pub allow_host: bool,
    /// Take the stdlib from this directory instead of the one in the program
    #[arg(long, value_name = "DIR")]
    stdlib: Option<PathBuf>,
    /// See [`Settings::brief`]; what somebody else has written may not end by itself.
    #[arg(skip)]
    pub brief: bool,
    /// See [`Settings::distrust`].
    #[arg(skip)]
    pub distrust: bool,
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
pub fn start(options: Options, arguments: Vec<OsString>, run: impl FnOnce(Machine) -> i32) -> i32 {
    if let Some(dir) = options.stdlib.as_ref().filter(|dir| !dir.is_dir()) {
        return fail(&format!("--stdlib {}: no such directory", dir.display()), 2);
    }
    if let Err(errno) = interrupt::watch() {
        return fail(&format!("sigaction: {errno}"), 1);
    }
    if !options.brief {
        // Where it is forbidden the limit stays: a script that needs more hears of it then.
        let _ = descriptors::raise();
    }
    let from_here = Wanted::from_environment();
    let plan = (options.dry_run.is_some() || options.as_shell).then(|| Rc::new(Plan::default()));
    let what = what(&arguments);
    // What the script itself prints would stand in the middle of the commands.
    let stdout = match options.as_shell.then(set_stdout_aside).transpose() {
        Ok(stdout) => stdout,
        Err(error) => return fail(&format!("--as-shell: {}", plain(&error)), 1),
    };
    let settings = Settings {
        brief: options.brief && options.stdlib.is_none(),
        stdlib: options.stdlib,
        allow_host: options.allow_host,
        arguments,
        distrust: options.distrust,
    };
    let remembered = plan.clone();
    let (explain, trace, verbose, fault) = (options.explain, options.trace, options.verbose, options.fault);
    let machine = Machine::new(settings, move |locate| {
        let live: Rc<dyn Kernel> = if fault.is_empty() { Rc::new(Live) } else { Rc::new(Fault::new(Rc::new(Live), fault)) };
        let mut faces = Faces::new(live, locate);
        let (path, append, option) = match (trace, from_here.trace) {
            (Some(path), _) => (Some(path), false, "--trace"),
            (None, path) => (path, true, "CRUN_LUA_TRACE"),
        };
        if let Some(path) = path {
            let trace = Trace::new(&path, append);
            faces = faces.traced(trace.map_err(|error| std::io::Error::other(format!("{option} {}: {}", path.display(), plain(&error))))?);
        }
        if let Some(wanted) = explain.or(from_here.explain).filter(|_| plan.is_none()) {
            faces.set_explain(Some(Rc::new(narrator(&wanted, verbose, faces.locate())?)));
        }
        faces.set_plan(plan);
        let mut kernel: Rc<dyn Kernel> = Rc::new(faces);
        if let Some(dir) = options.witness {
            let witness = Witness::new(kernel, &dir);
            kernel = Rc::new(witness.map_err(|error| std::io::Error::other(format!("--witness {}: {}", dir.display(), plain(&error))))?);
        }
        Ok(kernel)
    });
    let status = match machine {
        Ok(machine) => {
            let kernel = machine.shared_kernel();
            let status = run(machine);
            kernel.end();
            status
        }
        Err(failure) => return fail(&failure.to_string(), 1),
    };
    let Some(plan) = remembered else { return status };
    let written = match (stdout, options.dry_run.as_deref()) {
        (Some(mut stdout), _) => stdout.write_all(plan.as_shell(&what).as_bytes()),
        (None, Some("calls")) => plan.write_calls(&mut std::io::stdout().lock()),
        (None, _) => plan.write(verbose, &mut std::io::stdout().lock()),
    };
    match written {
        // Nobody is left to read it.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => fail(&plain(&error), 1),
        _ => status,
    }
}

/// What the environment asks for: the only way to a runtime that an engine starts. Nothing that this
/// program starts sees it.
struct Wanted {
    explain: Option<OsString>,
    trace: Option<PathBuf>,
}

impl Wanted {
    fn from_environment() -> Self {
        let explain = environment::take("CRUN_LUA_EXPLAIN").filter(|value| value != "0");
        Self { explain, trace: environment::take("CRUN_LUA_TRACE").map(PathBuf::from) }
    }
}

/// `1` and `all` tell on standard error; a path is a file that is added to.
fn narrator(wanted: &OsStr, verbose: bool, locate: Locate) -> std::io::Result<Explain> {
    let detail = |all| Detail { all, verbose };
    let bytes = wanted.as_bytes();
    match bytes {
        b"1" => Explain::new(detail(false), locate),
        b"all" => Explain::new(detail(true), locate),
        _ if bytes.contains(&b'/') => Explain::append(Path::new(wanted), detail(false), locate)
            .map_err(|error| std::io::Error::other(format!("explain {}: {}", wanted.display(), plain(&error)))),
        _ => Err(std::io::Error::other(format!("explain {}: expected 1, all, or a file with a slash in its name", wanted.display()))),
    }
}

/// The command line, for the head of a script.
fn what(arguments: &[OsString]) -> String {
    let words = arguments.iter().map(|word| shell_quote(&word.to_string_lossy()));
    std::iter::once("crun-lua".to_owned()).chain(words).collect::<Vec<_>>().join(" ").replace('\n', " ")
}

/// Standard output for later; until then what is printed goes to standard error.
fn set_stdout_aside() -> std::io::Result<File> {
    let kept = std::io::stdout().as_fd().try_clone_to_owned()?;
    nix::unistd::dup2_stdout(std::io::stderr().as_fd())?;
    Ok(File::from(kept))
}

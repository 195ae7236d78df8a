//! `exec`: what a program is started with, judged first and then handed to the kernel.
//!
//! The list of arguments is never joined to a string and never seen by a shell. Nothing of this
//! program's own stays open in the new one: every descriptor from 3 on is marked as closed by
//! exec, except those that were asked for.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use mlua::Value;

use super::super::Host;
use super::super::args::{Args, Fields};
use super::super::error::{Outcome, Raise};
use super::super::handle::Handle;
use super::super::table::{Primitive, Scope, example};
use super::super::types::{Param, Type, may, need};
use super::streams::Descriptor;
use super::{interrupted, patiently};
use crate::kernel::processes::Call;
use crate::sys::{self, Fd};

/// The whole environment of a program.
pub const ENV: Param = may("env", Type::Map(&Type::Text), "the whole environment; without it the caller's is passed on");
/// The working directory of a program.
pub const CWD: Param = may("cwd", Type::Path, "the working directory; it must lie inside of this process's root");
/// Descriptors for the program.
const PRESERVE: Param = may(
    "preserve_fds",
    Type::Either(&[Type::List(&Type::Handle("fd")), Type::Integer(0, 1024)]),
    "descriptors for the program, at the numbers from 3 on, counted in LISTEN_FDS; a number means so many that the caller left open",
);

const EXEC: &[Param] = &[
    ENV,
    CWD,
    may("argv0", Type::Text, "what the program sees as its own name"),
    PRESERVE,
    may("listen_fds", Type::Integer(0, 1024), "how many of the preserved are counted in LISTEN_FDS; all. With 0 `env` stays as it is"),
];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "exec",
        summary: "Replaces the process by a program; Lua ends here. Never a shell string: a list of arguments.",
        params: &[need("command", Type::Command(EXEC), "the program, searched in the PATH of `env`, and its arguments")],
        returns: "never",
        syscalls: &["close_range(2)", "chdir(2)", "dup2(2)", "execve(2)"],
        shell: "= exec PROGRAM ARGS…",
        needs: "",
        scope: Scope::Caller,
        reversible: false,
        examples: &[
            example("local child <close> = spawn(function() exec { \"true\" } end)\nassert(child:wait().code == 0)"),
            example(
                "local child <close> = spawn(function()\n  exec { \"sh\", \"-c\", 'test \"$PWD\" = /', env = { PATH = \"/usr/bin:/bin\" }, cwd = \"/\" }\nend)\nassert(child:wait().code == 0)",
            ),
        ],
        see: &["spawn", "capture", "execve(2)", "sd_listen_fds(3)"],
        function: exec,
    },
    Primitive {
        name: "chdir",
        summary: "Sets the working directory; one outside of this process's root is EXDEV.",
        params: &[need("path", Type::Path, "the directory")],
        returns: "nothing",
        syscalls: &["chdir(2)", "getcwd(2)"],
        shell: "= cd PATH",
        needs: "",
        scope: Scope::Caller,
        reversible: true,
        examples: &[example("chdir(\"/usr\")\nassert(readlink(\"/proc/self/cwd\") == \"/usr\")")],
        see: &["exec", "chroot", "chdir(2)"],
        function: chdir,
    },
];

/// Where a program is searched when its environment has no PATH.
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Descriptors that a program is to find open.
enum Preserve {
    /// These, at 3 and on.
    List(Vec<Fd>),
    /// What stands at 3 and on already.
    Count(u32),
}

/// A program with all that it is started with. Making one judges it; nothing is called yet.
pub struct Program {
    name: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    preserve: Preserve,
    /// How many of them the program is told of.
    told: usize,
}

impl Program {
    /// Takes an argument list and options as `exec` knows them.
    pub fn take(command: &Value, options: &Fields) -> Outcome<Self> {
        let mut args = texts(command);
        let name = args.first().cloned().unwrap_or_default();
        if name.is_empty() {
            return Err(Raise::argument("command[1]: an empty name is no program"));
        }
        if let (Some(first), Some(argv0)) = (args.first_mut(), options.bytes("argv0")) {
            *first = OsString::from_vec(argv0);
        }
        let preserve = match options.value("preserve_fds") {
            Value::Table(_) => {
                let handles = options.values("preserve_fds");
                let fds = handles.iter().filter_map(Handle::from_value).map(|handle| handle.open::<Descriptor>()?.fd());
                Preserve::List(fds.collect::<Outcome<_>>()?)
            }
            other => Preserve::Count(other.as_u32().unwrap_or(0)),
        };
        let mut env = environment(options)?;
        let count = match &preserve {
            Preserve::List(fds) => fds.len(),
            Preserve::Count(count) => {
                if let Some(shut) = (3..3 + count.cast_signed()).find(|number| !sys::processes::preserved(*number)) {
                    return Err(Raise::argument(format!("preserve_fds: the caller has not left descriptor {shut} open")));
                }
                *count as usize
            }
        };
        let told = options.integer("listen_fds")?.unwrap_or(count);
        if told > count {
            return Err(Raise::argument(format!("listen_fds: {told} of {count} preserved descriptors")));
        }
        if told > 0 {
            for (name, value) in [("LISTEN_FDS", told.to_string()), ("LISTEN_PID", crate::sys::fork::own_pid().to_string())] {
                env.retain(|(other, _)| other != name);
                env.push((name.into(), value.into()));
            }
        }
        Ok(Self { name, args, env, cwd: options.path("cwd"), preserve, told })
    }

    /// Replaces this process. Comes back only with a failure, or in a plan.
    pub fn exec(&self, host: &Host) -> Raise {
        match self.replace(host) {
            Ok(()) => {
                // Only a plan comes here: what follows an exec never runs.
                host.exit.set(Some(0));
                interrupted()
            }
            Err(failure) => failure,
        }
    }

    fn replace(&self, host: &Host) -> Outcome<()> {
        if let Some(cwd) = &self.cwd {
            host.run(Call::Chdir { path: cwd.clone() })?;
        }
        let (preserve, kept) = match &self.preserve {
            Preserve::List(fds) => (fds.clone(), 0),
            Preserve::Count(count) => (Vec::new(), *count),
        };
        host.run(Call::CloseOnExec { first: 3 + kept })?;
        // A LISTEN_PID of the parent's would be wrong in a child that was forked since.
        let mut env = self.env.clone();
        for (_, value) in env.iter_mut().filter(|(name, _)| name == "LISTEN_PID" && self.told > 0) {
            *value = crate::sys::fork::own_pid().to_string().into();
        }
        let path = env.iter().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, value)| value.as_bytes());
        let program = search(&self.name, path);
        patiently(host, Call::Exec { program, args: self.args.clone(), env, preserve })?;
        Ok(())
    }
}

/// The elements of an argument list, byte for byte.
fn texts(command: &Value) -> Vec<OsString> {
    let Some(table) = command.as_table() else { return Vec::new() };
    let values = table.sequence_values::<mlua::LuaString>().filter_map(Result::ok);
    values.map(|text| OsString::from_vec(text.as_bytes().to_vec())).collect()
}

/// The environment that was asked for, sorted by name, or the caller's.
fn environment(options: &Fields) -> Outcome<Vec<(OsString, OsString)>> {
    if !options.has("env") {
        return Ok(std::env::vars_os().collect());
    }
    let mut env = Vec::new();
    for (name, value) in options.pairs("env") {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Raise::argument(format!("env: {name:?} cannot be a variable's name")));
        }
        let Some(value) = value.as_string() else { continue };
        env.push((name.into(), OsString::from_vec(value.as_bytes().to_vec())));
    }
    Ok(env)
}

/// The file that a name means: as it is where it has a slash, else the first in the path that can
/// be executed, else the first that is there, so that the kernel says what is wrong with it.
///
/// A name that is nowhere comes back with the path's first directory, so that the kernel's own
/// ENOENT names a file. Relative parts of a path are passed over.
fn search(name: &std::ffi::OsStr, path: &[u8]) -> PathBuf {
    if name.as_bytes().contains(&b'/') {
        return PathBuf::from(name);
    }
    let dirs = || path.split(|byte| *byte == b':').filter(|dir| dir.starts_with(b"/"));
    let candidates = || dirs().map(|dir| PathBuf::from(OsString::from_vec(dir.to_vec())).join(name));
    let executable = |file: &PathBuf| nix::unistd::access(file, nix::unistd::AccessFlags::X_OK).is_ok() && !file.is_dir();
    candidates()
        .find(executable)
        .or_else(|| candidates().find(|file| file.exists()))
        .or_else(|| candidates().next())
        .unwrap_or_else(|| PathBuf::from(name))
}

fn chdir(args: &Args) -> Outcome {
    args.host.run(Call::Chdir { path: args.required_path("path") })?;
    Ok(Value::Nil)
}

fn exec(args: &Args) -> Outcome {
    let program = Program::take(args.value("command"), &args.options("command")?)?;
    if args.host.boxes.is_session() && !args.host.kernel().is_plan() {
        // Whoever types goes on afterwards.
        return Err(args.host.boxes.run(args.lua, args.host, &program.name.to_string_lossy(), || program.exec(args.host)));
    }
    Err(program.exec(args.host))
}

//! Terminals: pty pairs, raw mode, window size, the foreground group.

use mlua::{Lua, Value};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise, unexpected};
use super::handle::{Handle, Resource, kind_of};
use super::processes::{Process, sessions, streams};
use super::table::{Primitive, Scope, example};
use super::types::{PID, Param, Type, may, need};
use crate::kernel::{processes, terminal::Call};
use crate::sys::{self, Fd, Pid};

pub mod pty;

/// A terminal: an fd, a pty (its master), or a number of the caller's own.
pub const TERMINAL: Type = Type::Either(&[Type::Handle("fd"), Type::Handle("pty"), Type::Integer(0, 1024)]);

const SIZE: &[Param] =
    &[need("rows", Type::Integer(0, 65535), "lines of text"), need("columns", Type::Integer(0, 65535), "characters in a line")];
const GROUP: &[Param] = &[may("terminal", TERMINAL, "the session's terminal; standard input")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "is_tty",
        summary: "Whether a descriptor is a terminal.",
        params: &[may("terminal", TERMINAL, "an fd, a pty, or 0, 1, 2; standard input")],
        returns: "boolean",
        syscalls: &["ioctl(2)"],
        shell: "= test -t FD",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(not is_tty(pipe().read))")],
        see: &["pty", "isatty(3)"],
        function: is_tty,
    },
    Primitive {
        name: "window_size",
        summary: "Reads a terminal's size in characters.",
        params: &[may("terminal", TERMINAL, "standard input")],
        returns: "{ rows, columns }",
        syscalls: &["ioctl(2)"],
        shell: "= stty size",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("local p <close> = pty { rows = 24, columns = 80 }\nassert(window_size(p).columns == 80)")],
        see: &["set_window_size", "TIOCGWINSZ(2const)"],
        function: window_size,
    },
    Primitive {
        name: "set_window_size",
        summary: "Sets a terminal's size; its foreground group gets SIGWINCH.",
        params: &[need("terminal", TERMINAL, "an fd, a pty, or 0, 1, 2"), need("size", Type::Options(SIZE), "{ rows = 24, columns = 80 }")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "= stty rows ROWS cols COLUMNS",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local p <close> = pty()\nset_window_size(p, { rows = 50, columns = 132 })\nassert(window_size(p.slave).rows == 50)",
        )],
        see: &["window_size", "TIOCSWINSZ(2const)"],
        function: set_window_size,
    },
    Primitive {
        name: "raw_mode",
        summary: "Puts a terminal into raw mode until the handle is closed: every byte passes, no key is a signal.",
        params: &[may("terminal", TERMINAL, "standard input")],
        returns: "raw_mode",
        syscalls: &["ioctl(2)"],
        shell: "= stty raw -echo",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("local p <close> = pty()\nlocal raw <close> = raw_mode(p.slave)")],
        see: &["pty:relay", "cfmakeraw(3)"],
        function: raw_mode,
    },
    Primitive {
        name: "terminal_attach",
        summary: "Makes a terminal the caller's own: a new session, its controlling terminal, and 0, 1 and 2.",
        params: &[need("terminal", TERMINAL, "a pty means its slave")],
        returns: "nothing",
        syscalls: &["setsid(2)", "ioctl(2)", "dup2(2)"],
        shell: "≈ setsid --ctty COMMAND <TTY >TTY 2>&1",
        needs: "a child of fork or spawn that leads no group",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example(
            "local p <close> = pty()\nlocal child <close> = fork(function()\n  terminal_attach(p)\n  exec { \"test\", \"-t\", \"0\" }\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["pty", "setsid", "TIOCSCTTY(2const)"],
        function: attach,
    },
    Primitive {
        name: "terminal_detach",
        summary: "Gives up the controlling terminal: what runs from here on cannot type on it. Its keys still signal the process's group. A session's leader ends the session's programs by it (SIGHUP).",
        params: &[need("terminal", TERMINAL, "what open(\"/dev/tty\") answers, or another descriptor of it")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "≈ setsid COMMAND",
        needs: "the controlling terminal of the caller's session",
        scope: Scope::Caller,
        reversible: false,
        examples: &[example(
            "local p <close> = pty()\nlocal child <close> = fork(function()\n  terminal_attach(p)\n  local inner <close> = spawn(function()\n    terminal_detach(0)\n    assert(not try(open, \"/dev/tty\"))\n  end)\n  assert(inner:wait().code == 0)\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["terminal_attach", "setsid", "TIOCNOTTY(2const)"],
        function: detach,
    },
    Primitive {
        name: "tcsetpgrp",
        summary: "Hands the terminal to a process's group, or takes it back for the caller's: who may read it and whom its keys signal. Never stops the caller.",
        params: &[
            may("process", Type::Either(&[Type::Handle("process"), PID]), "without it the caller"),
            may("options", Type::Options(GROUP), ""),
        ],
        returns: "nothing",
        syscalls: &["getpgid(2)", "ioctl(2)"],
        shell: "≈ fg",
        needs: "the controlling terminal of the caller's session",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local p <close> = pty()\nlocal child <close> = fork(function()\n  terminal_attach(p)\n  tcsetpgrp()\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["setpgid", "tcgetpgrp", "tcsetpgrp(3)"],
        function: set_foreground,
    },
    Primitive {
        name: "tcgetpgrp",
        summary: "Reads which group has the terminal.",
        params: &[may("terminal", TERMINAL, "standard input")],
        returns: "the group's number",
        syscalls: &["ioctl(2)"],
        shell: "≈ ps -o tpgid= -p $$",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("local p <close> = pty()\nassert(tcgetpgrp(p) ~= nil)")],
        see: &["tcsetpgrp", "tcgetpgrp(3)"],
        function: foreground,
    },
];

/// The descriptor that an argument means; a pty's master, or its slave where that is wanted.
fn descriptor(value: &Value, slave: bool) -> Outcome<Fd> {
    match (kind_of(value), Handle::from_value(value)) {
        (Some("pty"), Some(handle)) => {
            let pty = handle.open::<pty::Pty>()?;
            if slave { pty.slave() } else { pty.master() }
        }
        (_, Some(handle)) => handle.open::<streams::Descriptor>()?.fd(),
        _ => streams::own(value.as_i32().unwrap_or(0)),
    }
}

fn is_tty(args: &Args) -> Outcome {
    let fd = descriptor(args.value("terminal"), false)?;
    if fd.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    let open = fd.get().map_err(|errno| Raise::read(format!("ioctl({fd}, TCGETS)"), errno))?;
    Ok(Value::Boolean(sys::terminal::is_tty(open)))
}

fn window_size(args: &Args) -> Outcome {
    let fd = descriptor(args.value("terminal"), false)?;
    let table = args.lua.create_table()?;
    if fd.is_planned() {
        table.raw_set("rows", super::unknown(args.lua)?)?;
        table.raw_set("columns", super::unknown(args.lua)?)?;
        return Ok(Value::Table(table));
    }
    let (rows, columns) = fd.get().and_then(sys::terminal::size).map_err(|errno| Raise::read(format!("ioctl({fd}, TIOCGWINSZ)"), errno))?;
    table.raw_set("rows", rows)?;
    table.raw_set("columns", columns)?;
    Ok(Value::Table(table))
}

fn set_window_size(args: &Args) -> Outcome {
    let size = args.options("size")?;
    let terminal = descriptor(args.value("terminal"), false)?;
    let rows = size.integer("rows")?.unwrap_or_default();
    let columns = size.integer("columns")?.unwrap_or_default();
    args.host.run(Call::Resize { terminal, rows, columns })?;
    Ok(Value::Nil)
}

/// A terminal in raw mode, with the settings that it gets back.
struct RawMode {
    terminal: Fd,
    saved: Option<nix::sys::termios::Termios>,
}

impl Resource for RawMode {
    fn kind(&self) -> &'static str {
        "raw_mode"
    }

    fn describe(&self) -> String {
        format!("raw mode of {}", self.terminal)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["terminal"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        Ok(Value::String(lua.create_string(self.terminal.label())?))
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        host.run(Call::Restore { terminal: self.terminal.clone(), saved: self.saved.clone() })?;
        Ok(())
    }
}

/// Puts a terminal into raw mode: the handle that ends it.
fn make_raw(host: &Host, terminal: Fd) -> Outcome<Handle> {
    let saved = if terminal.is_planned() {
        None
    } else {
        let read = terminal.get().and_then(sys::terminal::attributes);
        Some(read.map_err(|errno| Raise::read(format!("ioctl({terminal}, TCGETS)"), errno).hint("the descriptor is not a terminal"))?)
    };
    host.run(Call::Raw { terminal: terminal.clone() })?;
    Ok(host.ledger.adopt(RawMode { terminal, saved }, None))
}

fn raw_mode(args: &Args) -> Outcome {
    let handle = make_raw(args.host, descriptor(args.value("terminal"), true)?)?;
    Ok(Value::UserData(args.lua.create_userdata(handle)?))
}

fn attach(args: &Args) -> Outcome {
    let terminal = descriptor(args.value("terminal"), true)?;
    sessions::start(args.host)?;
    args.host.run(Call::Control { terminal: terminal.clone() })?;
    args.host.run(processes::Call::Place { moves: [0, 1, 2].map(|number| (terminal.clone(), number)).to_vec() })?;
    Ok(Value::Nil)
}

fn detach(args: &Args) -> Outcome {
    args.host.run(Call::GiveUp { terminal: descriptor(args.value("terminal"), true)? })?;
    Ok(Value::Nil)
}

fn set_foreground(args: &Args) -> Outcome {
    let process = match args.value("process") {
        Value::Nil => None,
        Value::UserData(_) => args.handle::<Process>("process")?.map(|process| process.pid().clone()),
        other => other.as_i32().map(Pid::foreign),
    };
    let terminal = descriptor(args.options("options")?.value("terminal"), true)?;
    args.host.run(Call::Foreground { terminal, process })?;
    Ok(Value::Nil)
}

fn foreground(args: &Args) -> Outcome {
    let fd = descriptor(args.value("terminal"), false)?;
    if fd.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    let group = fd.get().and_then(sys::terminal::foreground).map_err(|errno| Raise::read(format!("ioctl({fd}, TIOCGPGRP)"), errno))?;
    Ok(Value::Integer(group.into()))
}

/// Has a call done that opens a descriptor.
fn opened(host: &Host, call: Call) -> Outcome<Fd> {
    host.run(call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))
}

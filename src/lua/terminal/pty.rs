//! A pty: the two ends of a terminal that no hardware stands behind, and the loop that joins the
//! user's own terminal to it.

use std::path::{Path, PathBuf};

use mlua::{Lua, Value};

use super::super::Host;
use super::super::args::Args;
use super::super::error::{Outcome, Raise};
use super::super::handle::{Handle, Resource};
use super::super::processes::streams::{Descriptor, own};
use super::super::processes::{Process, SIGNAL_NAME, patiently, waiting};
use super::super::table::{Primitive, Scope, example};
use super::super::types::{Param, Type, may};
use super::{TERMINAL, descriptor, make_raw, opened};
use crate::kernel::terminal::Call;
use crate::sys::{self, Fd};

const PTY: &[Param] = &[
    may(
        "ptmx",
        Type::Either(&[Type::Handle("fd"), Type::Path]),
        "the multiplexer: \"/dev/ptmx\", the file `ptmx` of another devpts mount, or an open one, which becomes the master",
    ),
    may("rows", Type::Integer(0, 65535), "the window's height"),
    may("columns", Type::Integer(0, 65535), "the window's width"),
];
const RELAY: &[Param] = &[
    may("process", Type::Handle("process"), "its end is the relay's end; without it the end is when no process has the slave open"),
    may("input", TERMINAL, "where keys come from; standard input"),
    may("output", TERMINAL, "where output goes to; standard output"),
    may("forward", Type::List(&SIGNAL_NAME), "signals that go on to the process when they come meanwhile, instead of ending the script"),
    may("raw", Type::Boolean, "put an input that is a terminal into raw mode meanwhile; true"),
];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "pty",
        summary: "Makes a pseudo-terminal. The slave comes from the master itself, never from a path.",
        params: &[may("options", Type::Options(PTY), "")],
        returns: "pty, with the fields master, slave (fds), index and path",
        syscalls: &["open(2)", "ioctl(2)"],
        shell: "≈ script -qc COMMAND /dev/null",
        needs: "a devpts mount",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("local p <close> = pty()\nassert(is_tty(p.slave))")],
        see: &["terminal_attach", "pty:relay", "pty(7)"],
        function: pty,
    },
    Primitive {
        name: "pty:relay",
        summary: "Joins the user's terminal to the pty until the program has ended; window sizes are passed on.",
        params: &[may("options", Type::Options(RELAY), "")],
        returns: "nothing; the slave is closed in this process",
        syscalls: &["poll(2)", "read(2)", "write(2)", "signalfd(2)", "ioctl(2)"],
        shell: "≈ script -qc COMMAND /dev/null",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local p <close> = pty()\nlocal child <close> = fork(function()\n  terminal_attach(p)\n  exec { \"echo\", \"hello\" }\nend)\nlocal out = pipe()\np:relay { process = child, output = out.write }\nout.write:close()\nassert(out.read:read() == \"hello\\r\\n\")\nchild:wait()",
        )],
        see: &["pty", "raw_mode"],
        function: relay,
    },
];

/// Both ends of a pty.
pub struct Pty {
    master: Handle,
    slave: Handle,
    index: Option<u32>,
    ptmx: PathBuf,
}

impl Pty {
    /// The end that this program reads and writes.
    pub fn master(&self) -> Outcome<Fd> {
        self.master.open::<Descriptor>()?.fd()
    }

    /// The master's number; a planned one has none.
    pub fn number(&self) -> Outcome<Option<i32>> {
        self.master.open::<Descriptor>()?.number()
    }

    /// The end that the program in it has.
    pub fn slave(&self) -> Outcome<Fd> {
        self.slave.open::<Descriptor>()?.fd()
    }

    /// The slave's path in the devpts mount that the multiplexer belongs to.
    fn path(&self) -> Option<PathBuf> {
        let dir = self.ptmx.parent().unwrap_or(Path::new("/"));
        let dir = if dir.ends_with("pts") { dir.to_owned() } else { dir.join("pts") };
        self.index.map(|index| dir.join(index.to_string()))
    }
}

impl Resource for Pty {
    fn kind(&self) -> &'static str {
        "pty"
    }

    fn describe(&self) -> String {
        self.path().map_or_else(|| "pty".to_owned(), |path| format!("pty {}", path.display()))
    }

    fn fields(&self) -> &'static [&'static str] {
        &["master", "slave", "index", "path"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        match (name, self.index, self.path()) {
            ("master", ..) => Ok(Value::UserData(lua.create_userdata(self.master.clone())?)),
            ("slave", ..) => Ok(Value::UserData(lua.create_userdata(self.slave.clone())?)),
            ("index", Some(index), _) => Ok(Value::Integer(index.into())),
            (_, _, Some(path)) => Ok(Value::String(lua.create_string(path.as_os_str().as_encoded_bytes())?)),
            _ => super::super::unknown(lua),
        }
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        self.slave.close(host)?;
        self.master.close(host)
    }

    fn lasting(&self) -> bool {
        false
    }
}

fn pty(args: &Args) -> Outcome {
    let options = args.options("options")?;
    if options.has("rows") != options.has("columns") {
        return Err(Raise::argument("options: rows and columns go together"));
    }
    let host = args.host;
    let given = options.handle::<Descriptor>("ptmx")?;
    let ptmx = match &given {
        Some(_) => "/dev/pts/ptmx".into(),
        None => options.path("ptmx").unwrap_or_else(|| "/dev/ptmx".into()),
    };
    let master = match given {
        Some(fd) => fd.fd()?,
        None => opened(host, Call::OpenMaster { ptmx: ptmx.clone() })?,
    };
    host.run(Call::Unlock { master: master.clone() })?;
    let slave = opened(host, Call::Peer { master: master.clone() })?;
    if let (Some(rows), Some(columns)) = (options.integer("rows")?, options.integer("columns")?) {
        host.run(Call::Resize { terminal: master.clone(), rows, columns })?;
    }
    let index = master.get().and_then(sys::terminal::index).ok();
    let master = host.ledger.adopt(Descriptor::new(master), None);
    let slave = host.ledger.adopt(Descriptor::new(slave), None);
    args.adopt(Pty { master, slave, index, ptmx }, None)
}

fn relay(args: &Args) -> Outcome {
    let pty = args.this::<Pty>()?;
    let options = args.options("options")?;
    let host = args.host;
    let master = pty.master()?;
    let input = descriptor(options.value("input"), false)?;
    let output = if options.has("output") { descriptor(options.value("output"), false)? } else { own(1)? };
    let process = options.handle::<Process>("process")?.map(|process| process.pidfd());
    let forward = waiting::forwarded(&options)?;
    if process.is_none() && !forward.is_empty() {
        return Err(Raise::argument("options: signals are forwarded to the process, and there is none"));
    }
    // As long as this process has the slave open, its last user is never gone.
    pty.slave.close(host)?;
    let is_terminal = input.get().is_ok_and(sys::terminal::is_tty);
    let raw = if options.boolean("raw").unwrap_or(true) && is_terminal { Some(make_raw(host, input.clone())?) } else { None };
    let copied = patiently(host, Call::Relay { master, input: Some(input), output, process, forward });
    if let Some(raw) = raw {
        raw.close(host)?;
    }
    copied?;
    Ok(Value::Nil)
}

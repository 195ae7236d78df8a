//! What stands at 0, 1 and 2 of a child, descriptors as handles, and pipes.
//!
//! A [`Setup`] is judged and opened in the parent, before the child exists, so that a path means
//! the parent's file and a mistake starts nothing. The child then only copies numbers.

use std::cell::RefCell;
use std::path::PathBuf;

use mlua::{Lua, Value};

use super::super::Host;
use super::super::args::{Args, Fields};
use super::super::error::{Outcome, Raise, unexpected};
use super::super::handle::{Handle, Resource};
use super::super::stop_if_signalled;
use super::super::table::{Primitive, Scope, example};
use super::super::types::{Param, Type, did_you_mean, may, need};
use super::{Process, interrupted, patiently};
use crate::kernel::processes::Call;
use crate::sys::{self, Errno, Fd};

const STREAM: Type = Type::Either(&[Type::Handle("fd"), Type::Path]);

/// The child's input.
pub const STDIN: Param = may("stdin", STREAM, "\"inherit\" (default), \"null\", \"pipe\", an fd, or a path with a slash");
/// The child's output.
pub const STDOUT: Param = may("stdout", STREAM, "as stdin; a file is made or emptied");
/// The child's error output.
pub const STDERR: Param = may("stderr", STREAM, "as stdout; \"stdout\" for the same");
/// The child's process group.
pub const PROCESS_GROUP: Param = may(
    "process_group",
    Type::Either(&[Type::Boolean, Type::Integer(1, i32::MAX as i64)]),
    "true for a group of the child's own, or the group to join",
);

const READ: &[Param] = &[may("timeout", Type::Duration, "ETIMEDOUT is raised when nothing has come by then")];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "pipe",
        summary: "Makes a pipe. Both ends are closed by exec unless they are preserved.",
        params: &[],
        returns: "{ read, write }: two fds",
        syscalls: &["pipe2(2)"],
        shell: "≈ … | …",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("local p = pipe()\np.write:write(\"hello\")\np.write:close()\nassert(p.read:read() == \"hello\")")],
        see: &["fd:read", "fd:write", "pipe(7)"],
        function: pipe,
    },
    Primitive {
        name: "fd:read",
        summary: "Reads to the end, or at most `size` bytes of what is there.",
        params: &[
            may("size", Type::Size, "one read of at most so much; without it everything, up to 64M"),
            may("options", Type::Options(READ), ""),
        ],
        returns: "string; nil at the end when a size is given",
        syscalls: &["read(2)", "poll(2)"],
        shell: "≈ cat <&FD",
        needs: "",
        scope: Scope::Reads,
        reversible: false,
        examples: &[example("local p = pipe()\np.write:write(\"hello\")\nassert(p.read:read(2) == \"he\")")],
        see: &["fd:write", "read(2)"],
        function: read,
    },
    Primitive {
        name: "fd:write",
        summary: "Writes all of the bytes.",
        params: &[need("bytes", Type::Bytes, "all of it is written")],
        returns: "nothing",
        syscalls: &["write(2)"],
        shell: "≈ printf … >&FD",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("local p = pipe()\np.write:write(\"hello\")")],
        see: &["fd:read", "write(2)"],
        function: write,
    },
    Primitive {
        name: "fd:close",
        summary: "Closes the descriptor in this process; one that a child has inherited, too.",
        params: &[],
        returns: "nothing",
        syscalls: &["close(2)"],
        shell: "= exec FD>&-",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("local p = pipe()\np.write:close()\nassert(p.read:read() == \"\")")],
        see: &["pipe"],
        function: close,
    },
];

/// An open descriptor.
pub struct Descriptor {
    fd: RefCell<Option<Fd>>,
    label: String,
    /// Whether a read is known to wait: a pipe that was made here.
    waits: bool,
}

impl Descriptor {
    /// Takes an open descriptor.
    pub fn new(fd: Fd) -> Self {
        let label = fd.label().to_owned();
        Self { fd: RefCell::new(Some(fd)), label, waits: false }
    }

    /// The descriptor's number, while it is open. A planned one has none.
    pub fn number(&self) -> Outcome<Option<i32>> {
        match &*self.fd.borrow() {
            Some(fd) => Ok(fd.raw().ok()),
            None => Err(Raise::state(format!("{} is closed", self.describe()))),
        }
    }

    /// The descriptor, while it is open.
    pub fn fd(&self) -> Outcome<Fd> {
        self.fd.borrow().clone().ok_or_else(|| Raise::state(format!("{} is closed", self.describe())))
    }
}

impl Resource for Descriptor {
    fn kind(&self) -> &'static str {
        "fd"
    }

    fn describe(&self) -> String {
        format!("fd <{}>", self.label)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["number"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        let number = self.fd.borrow().as_ref().and_then(|fd| fd.raw().ok());
        number.map_or_else(|| super::super::unknown(lua), |number| Ok(Value::Integer(number.into())))
    }

    fn close(&self, _host: &Host) -> Outcome<()> {
        self.fd.take();
        Ok(())
    }

    fn lasting(&self) -> bool {
        false
    }

    fn reopened(&self) {
        self.fd.replace(Some(Fd::planned(self.label.clone())));
    }
}

/// What one of the three is to be.
enum Stream {
    Inherit,
    Null,
    Pipe,
    /// The same as the output.
    Stdout,
    Given(Fd),
    File(PathBuf),
}

const WORDS: [&str; 4] = ["inherit", "null", "pipe", "stdout"];

fn stream(options: &Fields, name: &str) -> Outcome<Stream> {
    if let Some(handle) = options.handle::<Descriptor>(name)? {
        return handle.fd().map(Stream::Given);
    }
    let Some(path) = options.path(name) else { return Ok(Stream::Inherit) };
    match path.to_str() {
        Some("inherit") => Ok(Stream::Inherit),
        Some("null") => Ok(Stream::Null),
        Some("pipe") => Ok(Stream::Pipe),
        Some("stdout") if name == "stderr" => Ok(Stream::Stdout),
        Some(word) if !word.contains('/') => {
            let near = did_you_mean(word, WORDS.into_iter());
            Err(Raise::argument(format!("{name}: expected inherit, null, pipe, an fd, or a path with a slash, got {word:?}{near}")))
        }
        _ => Ok(Stream::File(path)),
    }
}

/// What a child changes of itself before anything else, and what the parent keeps of that.
#[derive(Default)]
pub struct Setup {
    moves: Vec<(Fd, i32)>,
    ours: [Option<Fd>; 3],
    /// The group to join; 0 for one of its own.
    group: Option<i32>,
}

impl Setup {
    /// Reads the options `stdin`, `stdout`, `stderr` and `process_group`, and opens what they name.
    pub fn prepare(host: &Host, child: &str, options: &Fields) -> Outcome<Self> {
        let group = match options.value("process_group") {
            Value::Boolean(true) => Some(0),
            other => other.as_i32(),
        };
        let wanted = [stream(options, "stdin")?, stream(options, "stdout")?, stream(options, "stderr")?];
        let mut setup = Self { group, ..Self::default() };
        for (stream, (number, noun)) in wanted.into_iter().zip([(0, "stdin"), (1, "stdout"), (2, "stderr")]) {
            setup.open(host, stream, number, &format!("{child} {noun}"))?;
        }
        Ok(setup)
    }

    /// No input, and pipes at both outputs; a pipe at the input too, where there is text for it.
    pub fn captured(host: &Host, child: &str, input: bool) -> Outcome<Self> {
        let mut setup = Self::default();
        setup.open(host, if input { Stream::Pipe } else { Stream::Null }, 0, &format!("{child} stdin"))?;
        setup.open(host, Stream::Pipe, 1, &format!("{child} stdout"))?;
        setup.open(host, Stream::Pipe, 2, &format!("{child} stderr"))?;
        Ok(setup)
    }

    fn open(&mut self, host: &Host, stream: Stream, number: i32, name: &str) -> Outcome<()> {
        let theirs = match stream {
            Stream::Inherit => return Ok(()),
            Stream::Given(fd) => fd,
            Stream::Null => open_stream(host, "/dev/null".into(), number > 0)?,
            Stream::File(path) => open_stream(host, path, number > 0)?,
            Stream::Stdout => match self.moves.iter().find(|(_, number)| *number == 1) {
                Some((fd, _)) => fd.clone(),
                None => own(1)?,
            },
            Stream::Pipe => {
                let (read, write) = make_pipe(host, name)?;
                let (theirs, ours) = if number == 0 { (read, write) } else { (write, read) };
                if let Some(place) = usize::try_from(number).ok().and_then(|number| self.ours.get_mut(number)) {
                    *place = Some(ours);
                }
                theirs
            }
        };
        self.moves.push((theirs, number));
        Ok(())
    }

    /// In the child: joins the group and puts the streams in place.
    pub fn enter(&self, host: &Host) -> Outcome<()> {
        if let Some(group) = self.group {
            host.run(Call::SetGroup { pid: None, group: Some(group) })?;
        }
        if !self.moves.is_empty() {
            host.run(Call::Place { moves: self.moves.clone() })?;
        }
        Ok(())
    }

    /// In the parent: the same group, whoever of the two is first, and handles of the pipes.
    pub fn attend(self, host: &Host, process: &Process) -> Outcome<()> {
        if let Some(group) = self.group {
            match host.run(Call::SetGroup { pid: Some(process.pid().clone()), group: Some(group) }) {
                // The child was first, and has called exec or ended by now.
                Err(failure) if matches!(failure.errno(), Some(Errno::EACCES | Errno::ESRCH)) => {}
                other => drop(other?),
            }
        }
        for (place, fd) in process.streams.borrow_mut().iter_mut().zip(self.ours) {
            *place = fd.map(|fd| host.ledger.adopt(Descriptor::new(fd), None));
        }
        Ok(())
    }
}

/// A copy of one of this process's own descriptors, by number.
pub fn own(number: i32) -> Outcome<Fd> {
    let label = match number {
        0 => "stdin".to_owned(),
        1 => "stdout".to_owned(),
        2 => "stderr".to_owned(),
        other => format!("fd {other}"),
    };
    let fd = sys::processes::duplicate(number).map_err(|errno| Raise::read(format!("dup({number})"), errno))?;
    Ok(Fd::new(label, fd))
}

fn open_stream(host: &Host, path: PathBuf, write: bool) -> Outcome<Fd> {
    let call = Call::OpenStream { path, write };
    host.run(call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))
}

fn make_pipe(host: &Host, name: &str) -> Outcome<(Fd, Fd)> {
    let call = Call::Pipe { name: name.to_owned() };
    host.run(call.clone())?.pair().map_err(|errno| unexpected(&call.into(), errno))
}

fn pipe(args: &Args) -> Outcome {
    let (read, write) = make_pipe(args.host, "pipe")?;
    let table = args.lua.create_table()?;
    table.raw_set("read", args.adopt(Descriptor { waits: true, ..Descriptor::new(read) }, None)?)?;
    table.raw_set("write", args.adopt(Descriptor::new(write), None)?)?;
    Ok(Value::Table(table))
}

/// What is read without a size given.
const MOST: usize = 64 << 20;

fn read(args: &Args) -> Outcome {
    let this = args.this::<Descriptor>()?;
    let fd = this.fd()?;
    if fd.is_planned() {
        return Ok(super::super::unknown(args.lua)?);
    }
    let failed = |errno: Errno| {
        if errno == Errno::EINTR && stop_if_signalled(args.host) { interrupted() } else { Raise::read(format!("read({fd})"), errno) }
    };
    let open = fd.get().map_err(failed)?;
    if let Some(timeout) = args.options("options")?.duration("timeout")
        && sys::processes::readable(&[open], Some(timeout)).map_err(failed)?.is_empty()
    {
        return Err(failed(Errno::ETIMEDOUT));
    }
    let bytes = match args.size("size") {
        Some(0) => return Err(Raise::argument("size: expected a size from 1")),
        Some(size) => {
            let size = usize::try_from(size).unwrap_or(MOST).min(MOST);
            let Some(bytes) = sys::processes::read(open, size, this.waits).map_err(failed)? else { return Ok(Value::Nil) };
            bytes
        }
        None => sys::processes::read_all(open, MOST).map_err(failed)?,
    };
    Ok(Value::String(args.lua.create_string(bytes)?))
}

fn write(args: &Args) -> Outcome {
    let fd = args.this::<Descriptor>()?.fd()?;
    patiently(args.host, Call::Write { fd, bytes: args.bytes("bytes").unwrap_or_default() })?;
    Ok(Value::Nil)
}

fn close(args: &Args) -> Outcome {
    let handle: &Handle = args.this_handle()?;
    handle.any::<Descriptor>()?.fd.take();
    handle.close(args.host)?;
    Ok(Value::Nil)
}

//! Namespaces as things: opened, pinned to a file, listed.

use std::cell::RefCell;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use mlua::{Lua, Table, Value};

use super::super::args::Args;
use super::super::error::{Outcome, Raise, unexpected};
use super::super::handle::{self, Resource};
use super::super::processes::Process;
use super::super::{Host, unknown};
use super::identity_of;
use crate::kernel::namespaces::{Call, Source};
use crate::kernel::{KINDS, Kept, Kinds, journal};
use crate::sys::namespaces::{self as ns, Identity};
use crate::sys::{Errno, Fd, Pid};

/// An open namespace. The descriptor keeps it alive.
pub struct Namespace(RefCell<Option<Opened>>, String);

/// A descriptor of a namespace, and what is known of it: in a plan only what a file shows that
/// is there already.
#[derive(Clone)]
pub struct Opened {
    /// The namespace.
    pub fd: Fd,
    /// Its kind; empty where it is not known.
    pub kind: Kinds,
    /// Which one it is.
    pub identity: Option<Identity>,
}

impl Namespace {
    fn opened(&self) -> Outcome<Opened> {
        self.0.borrow().clone().ok_or_else(|| Raise::state(format!("{} is closed", self.describe())))
    }
}

impl Resource for Namespace {
    fn kind(&self) -> &'static str {
        "namespace"
    }

    fn describe(&self) -> String {
        format!("namespace {}", self.1)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["kind", "inode"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        let opened = self.0.borrow();
        let known = match (name, opened.as_ref()) {
            (_, None) => return Ok(Value::Nil),
            ("kind", Some(opened)) => opened.kind.words().first().map(|word| lua.create_string(word).map(Value::String)).transpose()?,
            (_, Some(opened)) => opened.identity.map(|(_, inode)| number(inode)),
        };
        known.map_or_else(|| unknown(lua), Ok)
    }

    fn close(&self, _host: &Host) -> Outcome<()> {
        self.0.replace(None);
        Ok(())
    }

    fn lasting(&self) -> bool {
        false
    }
}

/// A namespace that is bound to a file.
struct Pin {
    path: PathBuf,
    kind: Kinds,
    /// Where the path meant the file.
    view: View,
}

/// The mount namespace and the root directory: the same path means the same file in both.
type View = (Option<Identity>, Option<Identity>);

fn view() -> View {
    (identity_of(None, "mnt"), ns::identity_at("/".as_ref()).ok())
}

impl Resource for Pin {
    fn kind(&self) -> &'static str {
        "pin"
    }

    fn describe(&self) -> String {
        format!("pin {}", self.path.display())
    }

    fn fields(&self) -> &'static [&'static str] {
        &["kind", "path"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        match (name, self.kind.words().first()) {
            ("path", _) => lua.create_string(self.path.as_os_str().as_encoded_bytes()).map(Value::String),
            (_, Some(word)) => lua.create_string(word).map(Value::String),
            _ => unknown(lua),
        }
    }

    /// Whoever has removed the mount or the file before has done the work. From under another
    /// root, though, a missing file says nothing, and the journal keeps the pin.
    fn close(&self, host: &Host) -> Outcome<()> {
        let here = self.view == view();
        let gone = |raise: &Raise| matches!(raise.errno(), Some(Errno::EINVAL)) || here && raise.errno() == Some(Errno::ENOENT);
        for call in [Call::Unbind { path: self.path.clone() }, Call::RemovePinFile { path: self.path.clone() }] {
            match host.run(call) {
                Err(raise) if !gone(&raise) => return Err(raise),
                _ => {}
            }
        }
        Ok(())
    }
}

fn number(value: u64) -> Value {
    i64::try_from(value).map_or(Value::Nil, Value::Integer)
}

/// Opens the namespace that a target stands for. Of a process it is the one of `kind`; of a file
/// or a handle it must be of that kind, where one is given.
pub fn open(host: &Host, target: &Value, name: &str, kind: Kinds) -> Outcome<Opened> {
    let opened = match handle_in::<Namespace>(target)? {
        Some(namespace) => namespace.opened()?,
        None => open_source(host, &source(target, name, kind)?)?,
    };
    if kind.is_empty() || kind == opened.kind {
        return Ok(opened);
    }
    if opened.kind.is_empty() {
        return Ok(Opened { kind, ..opened });
    }
    let word = |kind: Kinds| kind.words().join(", ");
    let (label, found) = (opened.fd.label(), word(opened.kind));
    Err(Raise::argument(format!("{name}: {label} is a namespace of kind \"{found}\", expected \"{}\"", word(kind))))
}

fn open_source(host: &Host, source: &Source) -> Outcome<Opened> {
    let call = Call::Open { source: source.clone() };
    let fd = host.run(call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))?;
    let look = |fd: BorrowedFd| Some((Kinds::from_bits(ns::kind(fd).ok()?)?, ns::identity(fd).ok()?));
    let found = match fd.get() {
        Ok(open) => look(open),
        // A plan looks at the file, if it is there; one that the plan itself would make is not.
        Err(_) => source.path().and_then(|path| ns::open_namespace(&path)).ok().and_then(|file| look(file.as_fd())),
    };
    let kind = found.map_or_else(Kinds::empty, |(kind, _)| kind);
    Ok(Opened { fd, kind, identity: found.map(|(_, identity)| identity) })
}

/// The resource of a handle in a value; none for a value or a handle of another kind.
pub fn handle_in<T: Resource>(value: &Value) -> Outcome<Option<handle::Held<T>>> {
    match handle::Handle::from_value(value) {
        Some(handle) if handle.any::<T>().is_ok() => handle.open().map(Some),
        _ => Ok(None),
    }
}

/// The process that a number or a handle stands for.
pub fn process_in(value: &Value) -> Outcome<Option<Pid>> {
    if let Some(raw) = value.as_i64() {
        return Ok(Some(Pid::foreign(i32::try_from(raw).unwrap_or_default())));
    }
    Ok(handle_in::<Process>(value)?.map(|process| process.pid().clone()))
}

fn source(target: &Value, name: &str, kind: Kinds) -> Outcome<Source> {
    if let Some(pid) = process_in(target)? {
        return match KINDS.iter().find(|(_, _, other)| *other == kind) {
            Some((word, _, _)) => Ok(Source::Process(Some(pid), word)),
            None => Err(Raise::argument(format!("{name}: a process has a namespace of each kind; say which"))),
        };
    }
    let bytes = target.as_string().map(|text| text.as_bytes().to_vec()).unwrap_or_default();
    Ok(Source::Path(PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes))))
}

fn kind_option(args: &Args) -> Kinds {
    args.text("kind").and_then(|word| Kinds::from_word(&word)).unwrap_or_default()
}

pub fn ns_open(args: &Args) -> Outcome {
    let opened = open(args.host, args.value("target"), "target", kind_option(args))?;
    let label = opened.fd.label().to_owned();
    args.adopt(Namespace(RefCell::new(Some(opened)), label), None)
}

pub fn ns_pin(args: &Args) -> Outcome {
    let kind = args.text("namespace").and_then(|text| KINDS.iter().find(|(word, _, _)| *word == text));
    let opened = match kind {
        Some((word, _, _)) => open_source(args.host, &Source::Process(None, word))?,
        None => open(args.host, args.value("namespace"), "namespace", Kinds::empty())?,
    };
    make_pin(args, opened)
}

pub fn pin(args: &Args) -> Outcome {
    make_pin(args, args.this::<Namespace>()?.opened()?)
}

/// Binds a namespace to a new file: written down first, and undone where it fails half-way.
///
/// The host guard does not ask: the file is new and the pin's own, as a cgroup that is made is.
fn make_pin(args: &Args, opened: Opened) -> Outcome {
    let host = args.host;
    let path = std::path::absolute(args.required_path("path")).map_err(|error| Raise::state(error.to_string()))?;
    let entry = handle::journal(host, Kept::new("pin", journal::written(&path)))?;
    let written_off = || entry.is_some_and(|number| host.journal.gone(number).is_ok());
    if let Err(raise) = host.run(Call::MakePinFile { path: path.clone() }) {
        written_off();
        return Err(raise);
    }
    if let Err(raise) = host.run(Call::Bind { namespace: opened.fd, path: path.clone() }) {
        if host.run(Call::RemovePinFile { path }).is_ok() {
            written_off();
        }
        return Err(raise);
    }
    args.adopt(Pin { path, kind: opened.kind, view: view() }, entry)
}

pub fn ns_list(args: &Args) -> Outcome {
    let pid = process_in(args.value("process"))?;
    if pid.as_ref().is_some_and(Pid::is_planned) {
        return Ok(unknown(args.lua)?);
    }
    let all = args.lua.create_table()?;
    for (word, _, kind) in KINDS {
        // A kernel without this kind, or a process that ended in between.
        if identity_of(pid.as_ref(), word).is_none() && kind == Kinds::TIME {
            continue;
        }
        let source = Source::Process(pid.clone(), word);
        let read = || Raise::read(format!("open(\"{}\", O_RDONLY|O_CLOEXEC)", source.label()), Errno::EIO);
        let path = source.path().map_err(|_| read())?;
        let fd = ns::open_namespace(&path).map_err(|errno| {
            let call = Call::Open { source: source.clone() };
            unexpected(&call.into(), errno)
        })?;
        all.raw_set(word, describe(args.lua, fd.as_fd(), kind)?)?;
    }
    Ok(Value::Table(all))
}

fn describe(lua: &Lua, fd: BorrowedFd, kind: Kinds) -> mlua::Result<Table> {
    let inode = |fd: BorrowedFd| ns::identity(fd).map_or(Value::Nil, |(_, inode)| number(inode));
    let table = lua.create_table()?;
    table.raw_set("inode", inode(fd))?;
    if kind == Kinds::USER {
        table.raw_set("owner_uid", ns::owner_uid(fd).ok())?;
    }
    if let Ok(user) = ns::user_namespace(fd) {
        table.raw_set("user", inode(user.as_fd()))?;
        if kind != Kinds::USER {
            table.raw_set("owner_uid", ns::owner_uid(user.as_fd()).ok())?;
        }
    }
    if let Ok(parent) = ns::parent(fd) {
        table.raw_set("parent", inode(parent.as_fd()))?;
    }
    Ok(table)
}

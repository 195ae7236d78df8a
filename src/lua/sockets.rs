//! Unix sockets with a name: how another program hands over a terminal or takes a descriptor.

use mlua::Value;

use super::args::Args;
use super::error::{Outcome, Raise, unexpected};
use super::handle::Handle;
use super::processes::streams::Descriptor;
use super::processes::{Process, interrupted, patiently};
use super::seccomp::Listener;
use super::stop_if_signalled;
use super::table::{Primitive, Scope, example};
use super::terminal::pty::Pty;
use super::types::{Param, Type, may, need};
use crate::kernel::sockets::Call;
use crate::sys::{self, Errno, Fd};

const SENT: Type = Type::Either(&[Type::Handle("fd"), Type::Handle("pty"), Type::Handle("process"), Type::Handle("seccomp_listener")]);
const SEND: &[Param] =
    &[may("fds", Type::List(&SENT), "descriptors that the other side gets copies of; a pty means its master, a process its pidfd")];
const WAIT: &[Param] = &[may("timeout", Type::Duration, "ETIMEDOUT is raised when nothing has come by then")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "socket_connect",
        summary: "Connects to the unix socket at a path, however long that is.",
        params: &[need("path", Type::Path, "the socket's file")],
        returns: "fd",
        syscalls: &["socket(2)", "connect(2)"],
        shell: "≈ socat - UNIX-CONNECT:PATH",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-connect\"\nlocal listener <close> = socket_listen(path)\nlocal mine <close> = socket_connect(path)\nlocal theirs <close> = listener:accept()\nmine:write(\"hello\")\nassert(theirs:read(5) == \"hello\")\nremove(path)",
        )],
        see: &["socket_listen", "fd:send", "unix(7)"],
        function: connect,
    },
    Primitive {
        name: "socket_listen",
        summary: "Makes a unix socket that others connect to. The file stays when the handle closes.",
        params: &[need("path", Type::Path, "the new socket's file")],
        returns: "fd",
        syscalls: &["socket(2)", "bind(2)", "listen(2)"],
        shell: "≈ socat - UNIX-LISTEN:PATH",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-listen\"\nlocal listener <close> = socket_listen(path)\nassert(stat(path).type == \"socket\")\nremove(path)",
        )],
        see: &["fd:accept", "unix(7)"],
        function: listen,
    },
    Primitive {
        name: "fd:accept",
        summary: "Takes the next connection of a listening socket.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "fd",
        syscalls: &["accept4(2)", "poll(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-accept\"\nlocal listener <close> = socket_listen(path)\nlocal mine <close> = socket_connect(path)\nlocal theirs <close> = listener:accept { timeout = \"1s\" }\nmine:write(\"x\")\nassert(theirs:read(1) == \"x\")\nremove(path)",
        )],
        see: &["socket_listen", "accept(2)"],
        function: accept,
    },
    Primitive {
        name: "fd:send",
        summary: "Sends a text over a unix socket, and copies of descriptors with it.",
        params: &[need("text", Type::Bytes, "at least one byte, where descriptors go along"), may("options", Type::Options(SEND), "")],
        returns: "nothing",
        syscalls: &["sendmsg(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-send\"\nlocal listener <close> = socket_listen(path)\nlocal mine <close> = socket_connect(path)\nlocal theirs <close> = listener:accept()\nlocal p = pipe()\nmine:send(\"a pipe\", { fds = { p.write } })\nlocal got = theirs:receive()\nassert(got.text == \"a pipe\" and #got.fds == 1)\nremove(path)",
        )],
        see: &["fd:receive", "unix(7)", "cmsg(3)"],
        function: send,
    },
    Primitive {
        name: "fd:receive",
        summary: "Takes what has come over a unix socket: a text, and the descriptors with it.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "{ text, fds }: at most 64 KiB of text, empty at the end; the list of fds that came with its first byte",
        syscalls: &["recvmsg(2)", "poll(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: false,
        examples: &[example(
            "local path = \"/tmp/crun-lua-example-receive\"\nlocal listener <close> = socket_listen(path)\nsocket_connect(path):close()\nlocal theirs <close> = listener:accept()\nassert(theirs:receive().text == \"\")\nremove(path)",
        )],
        see: &["fd:send", "recv(2)"],
        function: receive,
    },
];

fn opened(args: &Args, call: Call) -> Outcome {
    let fd = args.host.run(call.clone())?.fd().map_err(|errno| unexpected(&call.into(), errno))?;
    args.adopt(Descriptor::new(fd), None)
}

fn connect(args: &Args) -> Outcome {
    opened(args, Call::Connect { path: args.required_path("path") })
}

fn listen(args: &Args) -> Outcome {
    opened(args, Call::Listen { path: args.required_path("path") })
}

/// Waits until a socket has something, where a time is given.
fn await_input(args: &Args, fd: &Fd, call: &str) -> Outcome<()> {
    let timeout = args.options("options")?.duration("timeout");
    let failed = |errno: Errno| {
        if errno == Errno::EINTR && stop_if_signalled(args.host) { interrupted() } else { Raise::read(format!("{call}({fd})"), errno) }
    };
    if sys::processes::readable(&[fd.get().map_err(failed)?], timeout).map_err(failed)?.is_empty() {
        return Err(failed(Errno::ETIMEDOUT));
    }
    Ok(())
}

fn accept(args: &Args) -> Outcome {
    let listener = args.this::<Descriptor>()?.fd()?;
    if !listener.is_planned() {
        await_input(args, &listener, "accept4")?;
    }
    opened(args, Call::Accept { listener })
}

fn sent(value: &Value) -> Option<Outcome<Fd>> {
    let handle = Handle::from_value(value)?;
    Some(match handle.kind() {
        "pty" => handle.open::<Pty>().and_then(|pty| pty.master()),
        "process" => handle.open::<Process>().map(|process| process.pidfd().clone()),
        "seccomp_listener" => handle.open::<Listener>().and_then(|listener| listener.fd()),
        _ => handle.open::<Descriptor>().and_then(|fd| fd.fd()),
    })
}

fn send(args: &Args) -> Outcome {
    let socket = args.this::<Descriptor>()?.fd()?;
    let text = args.bytes("text").unwrap_or_default();
    let fds = args.options("options")?.values("fds").iter().filter_map(sent).collect::<Outcome<Vec<_>>>()?;
    if text.is_empty() && !fds.is_empty() {
        return Err(Raise::argument("text: descriptors travel with a byte of text; it is empty"));
    }
    patiently(args.host, Call::Send { socket, text, fds })?;
    Ok(Value::Nil)
}

fn receive(args: &Args) -> Outcome {
    let socket = args.this::<Descriptor>()?.fd()?;
    if socket.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    await_input(args, &socket, "recvmsg")?;
    let received = socket.get().and_then(sys::sockets::receive);
    let (text, fds) = received.map_err(|errno| Raise::read(format!("recvmsg({socket})"), errno))?;
    let table = args.lua.create_table()?;
    table.raw_set("text", args.lua.create_string(text)?)?;
    let list = args.lua.create_table()?;
    for fd in fds {
        list.raw_push(args.adopt(Descriptor::new(Fd::new("received", fd)), None)?)?;
    }
    table.raw_set("fds", list)?;
    Ok(Value::Table(table))
}

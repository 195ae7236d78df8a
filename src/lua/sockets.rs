//! Unix sockets: how another program hands over a terminal or takes a descriptor.

use std::net::SocketAddr;
use std::time::Duration;

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
use crate::sys::sockets::Address;
use crate::sys::{self, Errno, Fd};

const SENT: Type = Type::Either(&[Type::Handle("fd"), Type::Handle("pty"), Type::Handle("process"), Type::Handle("seccomp_listener")]);
const SEND: &[Param] =
    &[may("fds", Type::List(&SENT), "descriptors that the other side gets copies of; a pty means its master, a process its pidfd")];
const WAIT: &[Param] = &[may("timeout", Type::Duration, "ETIMEDOUT is raised when nothing has come by then")];

const TCP: &[Param] = &[
    may("timeout", Type::Duration, "ETIMEDOUT is raised after it (default 10 seconds)"),
    may("nonblocking", Type::Boolean, "whether later reads and writes return at once (default false)"),
];
const ADDRESS: &[Param] = &[may("path", Type::Path, "a socket's file"), may("abstract", Type::Bytes, "a name without a file")];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "socket_connect",
        summary: "Connects to the unix socket at a path, however long that is: a stream, or one of datagrams.",
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
        name: "socket_pair",
        summary: "Makes two connected unix sockets, for a child to keep one of. Exec closes both.",
        params: &[],
        returns: "list of two fds",
        syscalls: &["socketpair(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local pair = socket_pair()\nlocal child <close> = fork(function() pair[2]:send(\"hello\") end)\nassert(pair[1]:receive().text == \"hello\")\nchild:wait()",
        )],
        see: &["fd:send", "fd:receive", "pipe", "socketpair(2)"],
        function: pair,
    },
    Primitive {
        name: "tcp_connect",
        summary: "Connects to an address over TCP, from this network namespace.",
        params: &[
            need("address", Type::Text, "a numeric IPv4 or IPv6 address"),
            need("port", Type::Integer(1, 65535), "the port there"),
            may("options", Type::Options(TCP), ""),
        ],
        returns: "fd",
        syscalls: &["socket(2)", "connect(2)", "poll(2)"],
        shell: "≈ socat - TCP:ADDRESS:PORT",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example("-- Nobody listens at port 1.\nassert(not pcall(tcp_connect, \"127.0.0.1\", 1))")],
        see: &["seccomp_request:add_fd", "tcp(7)"],
        function: tcp,
    },
    Primitive {
        name: "fd:connect",
        summary: "Connects a unix socket that somebody else has made.",
        params: &[need("address", Type::Options(ADDRESS), "`path` or `abstract`")],
        returns: "nothing",
        syscalls: &["connect(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example("local pair = socket_pair()\nassert(not pcall(pair[1].connect, pair[1], { path = \"/not/there\" }))")],
        see: &["seccomp_request:take_fd", "unix(7)"],
        function: connect_unix,
    },
    Primitive {
        name: "fd:socket",
        summary: "What kind of socket a descriptor is.",
        params: &[],
        returns: "{ domain, type, protocol }: words such as \"inet\" and \"stream\" where they are known, and the protocol's number; nil for what is no socket",
        syscalls: &["getsockopt(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local pair = socket_pair()\nassert(pair[1]:socket().domain == \"unix\" and pair[1]:socket().type == \"stream\")\nassert(pipe().read:socket() == nil)",
        )],
        see: &["socket(7)"],
        function: kind,
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

fn pair(args: &Args) -> Outcome {
    let (one, other) = args.host.run(Call::Pair)?.pair().map_err(|errno| unexpected(&Call::Pair.into(), errno))?;
    let list = args.lua.create_table()?;
    for fd in [one, other] {
        list.raw_push(args.adopt(Descriptor::new(fd), None)?)?;
    }
    Ok(Value::Table(list))
}

fn tcp(args: &Args) -> Outcome {
    let text = args.required_text("address");
    let ip = text
        .parse()
        .map_err(|_| Raise::argument(format!("address: expected a numeric address such as \"192.0.2.1\" or \"::1\", got {text:?}")))?;
    let options = args.options("options")?;
    let timeout = options.duration("timeout").unwrap_or(Duration::from_secs(10));
    if timeout.is_zero() {
        return Err(Raise::argument("options.timeout: expected more than no time"));
    }
    let address = SocketAddr::new(ip, args.integer("port")?.unwrap_or_default());
    opened(args, Call::ConnectTcp { address, timeout, nonblocking: options.flag("nonblocking") })
}

fn connect_unix(args: &Args) -> Outcome {
    let address = args.options("address")?;
    let address = match (address.path("path"), address.bytes("abstract")) {
        (Some(path), None) => Address::Path(path),
        (None, Some(name)) => Address::Abstract(name),
        _ => return Err(Raise::argument("address: expected either `path` or `abstract`")),
    };
    let socket = args.this::<Descriptor>()?.fd()?;
    args.host.run(Call::ConnectUnix { socket, address })?;
    Ok(Value::Nil)
}

const DOMAINS: &[(i32, &str)] = &[(1, "unix"), (2, "inet"), (10, "inet6"), (16, "netlink"), (17, "packet"), (40, "vsock")];
const KINDS: &[(i32, &str)] = &[(1, "stream"), (2, "dgram"), (3, "raw"), (5, "seqpacket"), (10, "packet")];

fn kind(args: &Args) -> Outcome {
    let fd = args.this::<Descriptor>()?.fd()?;
    if fd.is_planned() {
        return Ok(super::unknown(args.lua)?);
    }
    let found = match fd.get().and_then(sys::sockets::kind_of) {
        Err(Errno::ENOTSOCK) => return Ok(Value::Nil),
        found => found.map_err(|errno| Raise::read(format!("getsockopt({fd}, SOL_SOCKET, SO_DOMAIN)"), errno))?,
    };
    let word = |words: &[(i32, &'static str)], number: i32| words.iter().find(|(known, _)| *known == number).map(|(_, word)| *word);
    let table = args.lua.create_table()?;
    for (name, words, number) in [("domain", DOMAINS, found.domain), ("type", KINDS, found.kind)] {
        match word(words, number) {
            Some(word) => table.raw_set(name, word)?,
            None => table.raw_set(name, number)?,
        }
    }
    table.raw_set("protocol", found.protocol)?;
    Ok(Value::Table(table))
}

fn sent(value: &Value) -> Option<Outcome<Fd>> {
    let handle = Handle::from_value(value)?;
    Some(match handle.kind() {
        "pty" => handle.open::<Pty>().and_then(|pty| pty.master()),
        "process" => handle.open::<Process>().map(|process| process.pidfd()),
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

//! What Lua sees of supervised calls: each primitive with its arguments and examples.

use super::serve::{request, serve};
use super::{add_fd, answer, fd_of, listener, read, receive, take_fd, text, waits, write};
use crate::lua::seccomp::{ERRNO, errno_of};
use crate::lua::table::{Primitive, Scope, example_with};
use crate::lua::types::{INT, PID, Param, Type, U32, may, need};
use crate::sys::Errno;
use crate::sys::supervision::Answer;

const WAIT: &[Param] = &[may("timeout", Type::Duration, "ETIMEDOUT is raised when no call has come by then")];
const SERVE: &[Param] = &[
    may("time", Type::Duration, "processor time for one answer: more ends the function; no limit without it"),
    may("timeout", Type::Duration, "ETIMEDOUT is raised when it is over"),
    may(
        "others",
        Type::List(&OTHER),
        "it comes back with `{ ready = N }` as soon as the Nth of these can be read; where calls wait as well they take turns",
    ),
];
const OTHER: Type = Type::Either(&[Type::Handle("fd"), Type::Handle("seccomp_listener")]);
const ADD: &[Param] = &[
    may("number", U32, "its number there; the lowest that is free without it. What stands at a given number is closed"),
    may("cloexec", Type::Boolean, "whether exec closes it there (default false)"),
    may("answer", Type::Boolean, "whether the call has the number as its result (default true)"),
];
const LONGEST: Param = may("longest", Type::Size, "how many bytes at most (default 4096, PATH_MAX); ENAMETOOLONG is raised for more");

/// What every example begins with: a child whose mkdir is judged here.
macro_rules! supervised {
    ($rest:literal) => {
        concat!(
            "local pair = socket_pair()\n",
            "local ours <close>, theirs = pair[1], pair[2]\n",
            "local child <close> = spawn(function()\n",
            "  local listener = seccomp { default = \"allow\", notify = { \"mkdir\", \"mkdirat\" } }\n",
            "  theirs:send(\"x\", { fds = { listener } })\n",
            "  return pcall(mkdir, \"/tmp/crun-lua-example-supervised\") and 0 or 1\n",
            "end)\n",
            "local listener <close> = seccomp_listener(ours:receive().fds[1])\n",
            "local request <close> = listener:receive { timeout = \"5s\" }\n",
            $rest
        )
    };
}

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "seccomp_listener",
        summary: "The listener of a filter from a descriptor that another process has sent.",
        params: &[need("fd", Type::Handle("fd"), "as fd:receive gives it; the listener has it from then on")],
        returns: "seccomp_listener",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(&["live"], supervised!("request:errno(\"EROFS\")\nassert(child:wait().code == 1)"))],
        see: &["seccomp", "seccomp_listener:receive", "fd:receive"],
        function: listener,
    },
    Primitive {
        name: "fd_of",
        summary: "A copy of a descriptor of another process.",
        params: &[need("process", PID, "whose it is"), need("number", U32, "its number there, as proc_fds has it")],
        returns: "fd",
        syscalls: &["pidfd_open(2)", "pidfd_getfd(2)"],
        shell: "",
        needs: "Linux 5.6, and the right to trace the process (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            "local p = pipe()\nlocal child <close> = spawn({ stdin = p.read }, function()\n  exec { \"sleep\", \"9\" }\nend)\nchild:started()\nlocal copy <close> = fd_of(child.pid, 0)\np.write:write(\"hello\")\nassert(copy:read(5) == \"hello\")",
        )],
        see: &["proc_fds", "seccomp_request:take_fd", "pidfd_getfd(2)"],
        function: fd_of,
    },
    Primitive {
        name: "seccomp_listener:receive",
        summary: "Waits for the next call that the filter hands over. Its caller sleeps until it is answered.",
        params: &[may("options", Type::Options(WAIT), "")],
        returns: "seccomp_request { id, pid, name, number, architecture, pointer, args }, args as the six registers hold them; nil when no process is left under the filter",
        syscalls: &["ioctl(2)", "poll(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: false,
        examples: &[example_with(&["live"], supervised!("assert(request.name:find(\"mkdir\"))\nrequest:errno(\"EROFS\")\nchild:wait()"))],
        see: &["seccomp_request:allow", "seccomp_request:errno", "seccomp_unotify(2)"],
        function: receive,
    },
    Primitive {
        name: "seccomp_listener:serve",
        summary: "Has a function answer call after call, until no process is left under the filter.",
        params: &[
            need(
                "judge",
                Type::Function,
                "called with a call's name and thread; what it returns is the answer: `\"allow\"`, `\"errno\", \"EPERM\"`, `\"value\", 0`, or nothing where it has answered the request itself",
            ),
            may("options", Type::Options(SERVE), ""),
        ],
        returns: "nil at the end; { ready } where one of `others` has something; { request, error } where the function has left a request without an answer, or has failed: the loop stops there, and is called again",
        syscalls: &["ioctl(2)", "poll(2)", "clock_gettime(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live"],
            supervised!("request:errno(\"EROFS\")\nassert(listener:serve(function(name, pid) return \"allow\" end) == nil)\nchild:wait()"),
        )],
        see: &["seccomp_listener:request", "seccomp_listener:receive", "budget"],
        function: serve,
    },
    Primitive {
        name: "seccomp_listener:request",
        summary: "The request behind the call that the function of `serve` judges: its arguments, its memory, its descriptors.",
        params: &[],
        returns: "seccomp_request",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!(
                "request:errno(\"EROFS\")\nlistener:serve(function(name)\n  local request = listener:request()\n  assert(request.name == name and #request.args == 6)\n  request:allow()\nend)\nchild:wait()"
            ),
        )],
        see: &["seccomp_listener:serve"],
        function: request,
    },
    Primitive {
        name: "seccomp_request:allow",
        summary: "Lets the kernel make the call, with what the caller's memory holds by then.",
        params: &[],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "Linux 5.5. The caller can change its memory after it was looked at: to forbid something, answer an error instead of allowing what looks harmless",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live"],
            supervised!(
                "request:allow()\nassert(child:wait().code == 0)\nremove(\"/tmp/crun-lua-example-supervised\", { directory = true })"
            ),
        )],
        see: &["seccomp_request:errno", "seccomp_unotify(2)"],
        function: |args| answer(args, Answer::Continue),
    },
    Primitive {
        name: "seccomp_request:errno",
        summary: "Answers the call with an error; it is not made.",
        params: &[need("error", ERRNO, "`\"EPERM\"`")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(&["live"], supervised!("request:errno(\"EROFS\")\nassert(child:wait().code == 1)"))],
        see: &["seccomp_request:value"],
        function: |args| answer(args, Answer::Error(Errno::from_raw(errno_of(args.value("error")).into()))),
    },
    Primitive {
        name: "seccomp_request:value",
        summary: "Answers the call with a result; it is not made.",
        params: &[need("value", INT, "what the call answers")],
        returns: "nothing",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live"],
            supervised!("request:value(0)\nassert(child:wait().code == 0)\nassert(not try(stat, \"/tmp/crun-lua-example-supervised\"))"),
        )],
        see: &["seccomp_request:errno"],
        function: |args| answer(args, Answer::Value(args.integer("value")?.unwrap_or_default())),
    },
    Primitive {
        name: "seccomp_request:add_fd",
        summary: "Gives the caller a copy of a descriptor, most often as the result of its call.",
        params: &[need("fd", Type::Handle("fd"), "what it gets"), may("options", Type::Options(ADD), "")],
        returns: "the number there",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "Linux 5.9; 5.14 for the answer in the same step",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live", "program:python3"],
            "local pair = socket_pair()\nlocal ours <close>, theirs = pair[1], pair[2]\nlocal child <close> = spawn(function()\n  local listener = seccomp { default = \"allow\", notify = { \"memfd_create\" } }\n  theirs:send(\"x\", { fds = { listener } })\n  exec { \"python3\", \"-c\", \"import os; print(os.read(os.memfd_create('x'), 5) == b'hello')\" }\nend)\nlocal listener <close> = seccomp_listener(ours:receive().fds[1])\nlocal request <close> = listener:receive { timeout = \"60s\" }\nlocal p = pipe()\np.write:write(\"hello\")\nassert(request:add_fd(p.read) >= 3)\nassert(child:wait().code == 0)",
        )],
        see: &["seccomp_request:take_fd"],
        function: add_fd,
    },
    Primitive {
        name: "seccomp_request:take_fd",
        summary: "A copy of a descriptor of the caller's.",
        params: &[need("number", U32, "its number there")],
        returns: "fd",
        syscalls: &["pidfd_open(2)", "pidfd_getfd(2)", "ioctl(2)"],
        shell: "",
        needs: "Linux 5.6, and the right to trace the caller (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!("local output <close> = request:take_fd(2)\nassert(output.number > 2)\nrequest:errno(\"EROFS\")\nchild:wait()"),
        )],
        see: &["seccomp_request:add_fd"],
        function: take_fd,
    },
    Primitive {
        name: "seccomp_request:read",
        summary: "Copies memory of the caller, as far as it is there.",
        params: &[need("address", INT, "as an argument holds it"), need("length", Type::Size, "up to 1M")],
        returns: "string, shorter where memory ends; ENOENT is raised where the call does not wait any more",
        syscalls: &["process_vm_readv(2)", "ioctl(2)"],
        shell: "",
        needs: "the right to trace the caller (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!(
                "local path = request.args[request.name == \"mkdir\" and 1 or 2]\nassert(request:read(path, 4) == \"/tmp\")\nrequest:errno(\"EROFS\")\nchild:wait()"
            ),
        )],
        see: &["seccomp_request:text"],
        function: read,
    },
    Primitive {
        name: "seccomp_request:text",
        summary: "Copies a text that ends with a NUL from the caller's memory: a path.",
        params: &[need("address", INT, "as an argument holds it"), may("options", Type::Options(&[LONGEST]), "")],
        returns: "string",
        syscalls: &["process_vm_readv(2)", "ioctl(2)"],
        shell: "",
        needs: "the right to trace the caller (ptrace(2))",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!(
                "local path = request.args[request.name == \"mkdir\" and 1 or 2]\nassert(request:text(path) == \"/tmp/crun-lua-example-supervised\")\nrequest:errno(\"EROFS\")\nchild:wait()"
            ),
        )],
        see: &["seccomp_request:read"],
        function: text,
    },
    Primitive {
        name: "seccomp_request:write",
        summary: "Writes into the caller's memory, where the call would have left its result.",
        params: &[need("address", INT, "as an argument holds it"), need("bytes", Type::Bytes, "all of it is written")],
        returns: "nothing",
        syscalls: &["process_vm_writev(2)", "ioctl(2)"],
        shell: "",
        needs: "the right to trace the caller (ptrace(2))",
        scope: Scope::Object,
        reversible: false,
        examples: &[example_with(
            &["live", "program:python3"],
            "local pair = socket_pair()\nlocal child <close> = spawn(function()\n  local listener = seccomp { default = \"allow\", notify = { \"getcwd\" } }\n  pair[2]:send(\"x\", { fds = { listener } })\n  exec { \"python3\", \"-c\", \"import os, sys; sys.exit(os.getcwd() != '/moon')\" }\nend)\nlocal listener <close> = seccomp_listener(pair[1]:receive().fds[1])\npair[2]:close()\nwhile true do\n  local request = listener:receive()\n  if not request then break end\n  request:write(request.args[1], \"/moon\\0\")\n  request:value(6)\nend\nassert(child:wait().code == 0)",
        )],
        see: &["seccomp_request:read", "seccomp_request:value"],
        function: write,
    },
    Primitive {
        name: "seccomp_request:waits",
        summary: "Whether the caller still waits for the answer: it may have been killed, or a signal may have ended its call.",
        params: &[],
        returns: "boolean",
        syscalls: &["ioctl(2)"],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example_with(
            &["live"],
            supervised!("assert(request:waits())\nrequest:errno(\"EROFS\")\nassert(not request:waits())\nchild:wait()"),
        )],
        see: &["seccomp_listener:receive"],
        function: waits,
    },
];

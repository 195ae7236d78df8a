//! System call filters: `seccomp`, `seccomp_compile`, `seccomp_load_json`, `seccomp_status`,
//! `seccomp_map`.

use std::rc::Rc;

use mlua::{Lua, Value};

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::{Handle, Resource};
use super::processes::streams::Descriptor;
use super::table::{Primitive, Scope, example, example_with};
use super::types::{INT, PID, Param, Type, may, need};
use crate::kernel::Reply;
use crate::kernel::seccomp::{Call, Filter, oci};
use crate::sys;
use crate::sys::seccomp::{names, profile::Action};

mod attached;
mod attempt;
mod json;
mod listener;
mod silence;
mod spec;

pub use listener::{Judged, Line, Listener, Turn};
pub use spec::{ERRNO, errno_of};

const JSON: &[Param] = &[
    may("caps", super::capabilities::CAPABILITIES, "what Docker's includes and excludes take as the container's capabilities; none"),
    may("kernel", Type::Text, "what minKernel is compared with; the running kernel's version"),
];

const DECIDE: &[Param] = &[
    may("args", Type::List(&INT), "the arguments, from the first on; 0"),
    may("architecture", Type::Word(&names::ARCH_WORDS), "the native one"),
];

const LOAD: &[Param] = &[
    may(
        "no_new_privs",
        Type::Boolean,
        "set it first (default true): without it the kernel asks for CAP_SYS_ADMIN, since a set-uid program would run under the filter",
    ),
    may(
        "listener_to",
        Type::Handle("fd"),
        "a connected unix socket: the listener goes there at once and does not stay here, so that no call of this process's own waits for an answer that nobody gives yet",
    ),
];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        name: "seccomp",
        summary: "Filters the system calls of this process and its children from now on, for good.",
        params: &[
            need(
                "filter",
                Type::Either(&[Type::Handle("seccomp_filter"), Type::Options(spec::SPEC)]),
                "a compiled filter, or what it is compiled from",
            ),
            may("options", Type::Options(LOAD), ""),
        ],
        returns: "seccomp_listener where a call is to be notified, else nothing",
        syscalls: &["prctl(2)", "seccomp(2)"],
        shell: "≈ systemd-run -p SystemCallFilter=…",
        needs: "CAP_SYS_ADMIN where no_new_privs is not wanted; a filter without execve, exit_group and what Lua uses stops this process too",
        scope: Scope::Caller,
        reversible: false,
        examples: &[
            example_with(
                &["live"],
                "local child <close> = spawn(function()\n  seccomp {\n    default = \"allow\",\n    notify = { mkdir = function(req) req:errno(\"EROFS\") end },\n  }\n  local _, err = try(mkdir, \"/tmp/crun-lua-example-notify\")\n  assert(err.errno == \"EROFS\")\nend)\nassert(child:wait().code == 0)",
            ),
            example("seccomp { default = \"errno\", allow = { \"@default\" } }\nassert(seccomp_status().mode == \"filter\")"),
            example(
                "seccomp {\n  default = \"allow\",\n  errno = { \"mkdir\", \"mkdirat\" },\n  errno_ret = \"EROFS\",\n}\nlocal ok, err = pcall(mkdir, \"/tmp/crun-lua-example-seccomp\")\nassert(not ok and err.errno == \"EROFS\")",
            ),
            example(
                "seccomp {\n  default = \"allow\",\n  rules = {\n    { names = { \"socket\" }, action = \"errno\", errno = \"EAFNOSUPPORT\",\n      args = { { index = 0, op = \"eq\", value = 38 } } },\n  },\n}",
            ),
        ],
        see: &["seccomp_compile", "no_new_privs", "seccomp(2)", "systemd.exec(5)"],
        function: load,
    },
    Primitive {
        name: "seccomp_compile",
        summary: "Compiles a filter without loading it; the program is kept in the state directory for the next time.",
        params: &[need("spec", Type::Options(spec::SPEC), "as seccomp takes it")],
        returns: "seccomp_filter",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local filter = seccomp_compile { default = \"errno\", allow = { \"@default\" } }\nassert(filter.length > 0)\nno_new_privs()\nseccomp(filter)",
        )],
        see: &["seccomp", "seccomp_filter:decide"],
        function: compile,
    },
    Primitive {
        name: "seccomp_load_json",
        summary: "Compiles a profile in the form of the OCI specification or of Docker; seccomp(filter) makes it hold.",
        params: &[
            need("profile", Type::Either(&[Type::Text, Type::Map(&Type::Any)]), "JSON, or the same as a table"),
            may("options", Type::Options(JSON), ""),
        ],
        returns: "seccomp_filter; its `warnings` tell which calls are not known here and were passed over",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[example(
            "local filter = seccomp_load_json [[{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  \"syscalls\": [{ \"names\": [\"mkdir\", \"nosuch\"], \"action\": \"SCMP_ACT_ERRNO\" }]\n}]]\nassert(#filter.warnings == 1)\nassert(filter:decide(\"mkdir\").errno == \"EPERM\")",
        )],
        see: &["seccomp_compile"],
        function: load_json,
    },
    Primitive {
        name: "seccomp_filter:decide",
        summary: "What the compiled filter answers to a system call: the program is run here, the call is not made.",
        params: &[need("name", spec::CALL, "the call"), may("options", Type::Options(DECIDE), "")],
        returns: "{ action, errno }; nil where the architecture has no such call",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example(
            "local filter = seccomp_compile { default = \"errno\", allow = { \"@default\" } }\nassert(filter:decide(\"read\").action == \"allow\")\nassert(filter:decide(\"socket\", { args = { 40 } }).errno == \"EPERM\")",
        )],
        see: &["seccomp_compile"],
        function: decide,
    },
    Primitive {
        name: "seccomp_status",
        summary: "Whether the system calls of this process or of another are filtered.",
        params: &[may("pid", PID, "this process without it")],
        returns: "{ mode = \"disabled\" | \"strict\" | \"filter\", filters, no_new_privs }; filters from Linux 5.9",
        syscalls: &["open(2)", "read(2)"],
        shell: "= grep Seccomp /proc/PID/status",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(seccomp_status(1).mode)")],
        see: &["seccomp", "proc_pid_status(5)"],
        function: status,
    },
    attached::MAP,
    attempt::TRY,
    Primitive {
        name: "seccomp_groups",
        summary: "The groups that lists may name with an @, or the calls of one of them.",
        params: &[may("group", spec::CALL_OR_GROUP, "`@default`")],
        returns: "sorted list of names",
        syscalls: &[],
        shell: "= systemd-analyze syscall-filter",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[example("assert(#seccomp_groups() > 20)\nassert(seccomp_groups(\"@reboot\")[3] == \"reboot\")")],
        see: &["seccomp"],
        function: spec::groups,
    },
];

/// A compiled filter, held by a script.
pub struct Compiled {
    filter: Rc<Filter>,
    warnings: Vec<String>,
}

impl Resource for Compiled {
    fn kind(&self) -> &'static str {
        "seccomp_filter"
    }

    fn describe(&self) -> String {
        format!("seccomp filter of {} instructions", self.filter.length())
    }

    fn fields(&self) -> &'static [&'static str] {
        &["length", "bytes", "warnings", "architectures", "notifies"]
    }

    fn field(&self, lua: &Lua, name: &str) -> mlua::Result<Value> {
        Ok(match name {
            "length" => Value::Integer(i64::try_from(self.filter.length()).unwrap_or_default()),
            "bytes" => Value::String(lua.create_string(&self.filter.code)?),
            "warnings" => Value::Table(lua.create_sequence_from(self.warnings.clone())?),
            "architectures" => Value::Table(lua.create_sequence_from(self.filter.profile.arches.clone())?),
            _ => Value::Boolean(self.filter.profile.notifies()),
        })
    }

    fn close(&self, _host: &Host) -> Outcome<()> {
        Ok(())
    }

    fn lasting(&self) -> bool {
        false
    }
}

fn load(args: &Args) -> Outcome {
    if args.handle::<Compiled>("filter")?.is_none() && spec::judges(&args.options("filter")?) {
        return supervised(args);
    }
    let options = args.options("options")?;
    let sets_no_new_privs = options.boolean("no_new_privs").unwrap_or(true);
    let to = Handle::from_value(options.value("listener_to")).map(|socket| socket.open::<Descriptor>()?.fd()).transpose()?;
    let filter = match args.handle::<Compiled>("filter")? {
        Some(compiled) => Rc::clone(&compiled.filter),
        None => Rc::new(spec::compile(args, &args.options("filter")?, "filter")?),
    };
    if to.is_some() && !filter.profile.notifies() {
        return Err(Raise::argument("options.listener_to: the filter notifies no call, so it has no listener"));
    }
    if sets_no_new_privs {
        args.host.run(crate::kernel::capabilities::Call::NoNewPrivs)?;
    }
    silence::tell_ahead(args, &filter);
    match args.host.run(Call::Load { filter, to })? {
        Reply::Fd(fd) => args.adopt(Listener::new(fd), None),
        _ => Ok(Value::Nil),
    }
}

/// Functions judge calls: the stdlib makes the process that runs them, and comes back with their names.
fn supervised(args: &Args) -> Outcome {
    let environment: mlua::Table = args.lua.named_registry_value("crun_lua.environment")?;
    let require: mlua::Function = environment.get("require")?;
    let name = Value::String(args.lua.create_string("supervise.inside")?);
    let module = super::call_back(args.lua, args.host, &require, name)?;
    let load = module.as_table().map(|module| module.raw_get::<mlua::Function>("load")).transpose()?;
    let Some(load) = load else { return Err(Raise::state("the module supervise.inside has no function load")) };
    let given = mlua::MultiValue::from_vec(vec![args.value("filter").clone(), args.value("options").clone()]);
    super::protected(args.lua, &load, given)?.map_err(Raise::Object)
}

fn compile(args: &Args) -> Outcome {
    let filter = spec::compile(args, &args.options("spec")?, "spec")?;
    args.adopt(Compiled { filter: Rc::new(filter), warnings: Vec::new() }, None)
}

fn load_json(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let mut machine = oci::Machine::here();
    machine.caps = super::capabilities::mask(&options.texts("caps"));
    if let Some(text) = options.text("kernel") {
        machine.kernel = oci::version(&text).ok_or_else(|| Raise::argument("options.kernel: expected a version such as \"6.1\""))?;
    }
    let wrong = |reason: String| Raise::argument(format!("profile: {reason}"));
    let json = match args.text("profile") {
        Some(text) => serde_json::from_str(&text).map_err(|error| wrong(format!("no JSON: {error}")))?,
        None => json::from_lua(args.value("profile"), 0).map_err(wrong)?,
    };
    let read = oci::read(&json, &machine).map_err(wrong)?;
    spec::check_flags("profile", read.flags, &read.profile)?;
    let filter = Filter::new(read.profile, read.flags, !args.host.kernel().is_plan()).map_err(wrong)?;
    args.adopt(Compiled { filter: Rc::new(filter), warnings: read.warnings }, None)
}

fn decide(args: &Args) -> Outcome {
    let handle: &Handle = args.this_handle()?;
    let compiled = handle.any::<Compiled>()?;
    let options = args.options("options")?;
    let arch = options.text("architecture").and_then(|word| names::arch_of(&word)).unwrap_or_else(|| names::native());
    let mut values = [0; 6];
    for (place, value) in values.iter_mut().zip(options.values("args")) {
        *place = value.as_i64().unwrap_or_default().cast_unsigned();
    }
    let Some(action) = compiled.filter.decide(&args.required_text("name"), arch, values) else { return Ok(Value::Nil) };
    let table = args.lua.create_table()?;
    table.raw_set("action", action.word())?;
    if let Action::Errno(number) = action {
        table.raw_set("errno", format!("{:?}", sys::Errno::from_raw(number.into())))?;
    }
    Ok(Value::Table(table))
}

fn status(args: &Args) -> Outcome {
    let pid: Option<i32> = args.integer("pid")?;
    let shown = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let status = sys::seccomp::status(pid).map_err(|errno| Raise::read(format!("open(\"/proc/{shown}/status\", O_RDONLY)"), errno))?;
    let table = args.lua.create_table()?;
    let mode = ["disabled", "strict", "filter"].get(usize::try_from(status.mode).unwrap_or_default()).copied();
    table.raw_set("mode", mode.unwrap_or("unknown"))?;
    table.raw_set("filters", status.filters)?;
    table.raw_set("no_new_privs", status.no_new_privs)?;
    Ok(Value::Table(table))
}

//! What Lua sees of control groups: each primitive with its arguments and examples.

use super::super::table::{Primitive, Scope, example, example_with};
use super::super::types::{PID, Param, Type, U32, may, need};
use super::{cgroup_may, cgroup_of, cgroup_open, cgroup_set, events, layout_of, limits, methods};

const HOST: &[Param] = &[may("host", Type::Boolean, "also a group that this process has not made")];
const ROOT: &[Param] = &[may("root", Type::Path, "where /proc and /sys are read: a recorded machine; \"/\"")];
const PIDS: &[Param] = &[may("nested", Type::Boolean, "those of the groups below too")];
const TIMEOUT: &[Param] = &[may("timeout", Type::Duration, "how long to wait; nil is answered when it is over")];
const NAME_OR_GROUP: Type = Type::Either(&[Type::Path, Type::Handle("cgroup")]);
const PROCESS: Type = Type::Either(&[PID, Type::Handle("process")]);

/// What most primitives of this topic share.
const fn primitive(name: &'static str, summary: &'static str) -> Primitive {
    Primitive {
        name,
        summary,
        params: &[],
        returns: "nothing",
        syscalls: &["open(2)", "write(2)"],
        shell: "",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples: &[],
        see: &["cgroup_set", "cgroups(7)"],
        function: layout_of,
    }
}

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[
    Primitive {
        params: &[
            need("target", NAME_OR_GROUP, "a name below this process's own group, or from the root with a leading /; or a handle"),
            may("limits", Type::Options(limits::LIMITS), "only what is said is written"),
        ],
        returns: "cgroup; close removes it with its members",
        syscalls: &["mkdir(2)", "open(2)", "write(2)", "bpf(2)"],
        shell: "= mkdir /sys/fs/cgroup/NAME; echo LIMIT > /sys/fs/cgroup/NAME/FILE",
        needs: "write rights on the group above; on v2 its controllers",
        examples: &[
            example_with(
                &["root", "cgroup:memory", "cgroup:pids"],
                "local box <close> = cgroup_set(\"example-set\", { memory = \"64M\", pids = 32 })\nassert(box:get().memory == 64 << 20)\nlocal child <close> = spawn({ cgroup = box }, function() return 0 end)\nassert(child:wait().code == 0)",
            ),
            example_with(
                &["root", "cgroup:cpu"],
                "local box <close> = cgroup_set(\"example-cpu\", { cpu = \"50%\", cpu_weight = 50 })\ncgroup_set(box, { cpu = { quota = \"20ms\", period = \"100ms\" } })\nassert(box:get().cpu.quota == 20000)",
            ),
        ],
        see: &["cgroup:set", "cgroup:stats", "cgroup_may", "spawn", "cgroups(7)"],
        function: cgroup_set,
        ..primitive("cgroup_set", "Makes a control group, or finds the one it has made, and sets limits.")
    },
    Primitive {
        params: &[need(
            "path",
            Type::Either(&[Type::Path, Type::List(&Type::Path)]),
            "as `cgroup_set` names groups; or the group's directories, as the field `dirs` has them",
        )],
        returns: "cgroup; close leaves the group as it is",
        syscalls: &["open(2)"],
        shell: "= ls /sys/fs/cgroup/PATH",
        scope: Scope::Reads,
        examples: &[example_with(&["cgroup:memory"], "local root <close> = cgroup_open(\"/\")\nassert(root.path)")],
        function: cgroup_open,
        ..primitive("cgroup_open", "Opens a control group that is there, to read it.")
    },
    Primitive {
        params: &[need("process", PROCESS, "a process id, or a handle")],
        returns: "cgroup; close leaves the group as it is",
        syscalls: &["open(2)"],
        shell: "= cat /proc/PID/cgroup",
        scope: Scope::Reads,
        examples: &[example_with(&["cgroup:memory"], "local own <close> = cgroup_of(1)\nprint(own.path, own:stats().memory)")],
        function: cgroup_of,
        ..primitive("cgroup_of", "Opens the control group of a process, to read it.")
    },
    Primitive {
        params: &[may("options", Type::Options(ROOT), "")],
        returns: "{ kind = \"v1\" | \"v2\" | \"hybrid\" | \"none\", hierarchies = { { version, controllers, name, mount, own } … } }",
        syscalls: &["open(2)"],
        shell: "≈ grep cgroup /proc/self/mountinfo; cat /proc/self/cgroup",
        scope: Scope::Reads,
        examples: &[example(
            "local layout = cgroup_layout()\nfor _, hierarchy in ipairs(layout.hierarchies) do\n  print(hierarchy.mount, table.concat(hierarchy.controllers, \" \"))\nend",
        )],
        see: &["cgroup_may", "cgroups(7)"],
        function: layout_of,
        ..primitive("cgroup_layout", "Tells which hierarchies are mounted where, with which controllers, and where this process stands.")
    },
    Primitive {
        returns: "list of controllers, by v2's names",
        syscalls: &["access(2)"],
        scope: Scope::Reads,
        examples: &[example("for _, controller in ipairs(cgroup_may()) do\n  print(controller)\nend")],
        see: &["cgroup_layout", "cgroup_set"],
        function: cgroup_may,
        ..primitive("cgroup_may", "Lists the controllers that this user may set limits of, below its own group.")
    },
    Primitive {
        params: &[need("limits", Type::Options(limits::LIMITS), "only what is said is written")],
        shell: "= echo LIMIT > /sys/fs/cgroup/NAME/FILE",
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-set2\", { pids = 10 })\nbox:set { pids = 20 }\nassert(box:get().pids == 20)",
        )],
        see: &["cgroup_set", "cgroup:get"],
        function: methods::set,
        ..primitive("cgroup:set", "Sets limits of the group.")
    },
    Primitive {
        returns: "the limits as `cgroup_set` takes them; \"max\" is no limit",
        syscalls: &["open(2)", "read(2)"],
        shell: "= cat /sys/fs/cgroup/NAME/FILE",
        scope: Scope::Reads,
        examples: &[example_with(
            &["root", "cgroup:memory"],
            "local box <close> = cgroup_set(\"example-get\", { memory = \"32M\" })\nassert(box:get().memory == 32 << 20)",
        )],
        see: &["cgroup:set", "cgroup:stats"],
        function: methods::get,
        ..primitive("cgroup:get", "Reads the limits back from the kernel.")
    },
    Primitive {
        returns: "{ memory = { usage, peak, swap, failcnt, stat }, cpu = { usage_usec, nr_periods, nr_throttled, throttled_usec … }, pids = { current, peak }, io = { { device, rbytes, wbytes, rios, wios } … }, pressure }",
        syscalls: &["open(2)", "read(2)"],
        shell: "= cat /sys/fs/cgroup/NAME/*.stat",
        scope: Scope::Reads,
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-stats\", { pids = 10 })\nassert(box:stats().pids.current == 0)",
        )],
        see: &["cgroup:events", "cgroup:get"],
        function: methods::get_stats,
        ..primitive("cgroup:stats", "Reads what the group uses and has used; what the kernel does not count is left out.")
    },
    Primitive {
        returns: "{ memory = { oom_kill, max … }, pids = { max }, populated, frozen }",
        syscalls: &["open(2)", "read(2)"],
        shell: "= cat /sys/fs/cgroup/NAME/*.events",
        scope: Scope::Reads,
        examples: &[example_with(
            &["root", "cgroup:memory"],
            "local box <close> = cgroup_set(\"example-events\", { memory = \"32M\" })\nassert(box:events().memory.oom_kill == 0)\nassert(not box:events().populated)",
        )],
        see: &["cgroup:wait_event", "cgroup:stats"],
        function: methods::events,
        ..primitive("cgroup:events", "Reads how often limits were met, and whether the group has members and is frozen.")
    },
    Primitive {
        params: &[
            need("event", Type::Word(events::EVENTS), "a count since it was last told, or a state"),
            may("options", Type::Options(TIMEOUT), ""),
        ],
        returns: "what `cgroup:events` answers; nil after a timeout",
        syscalls: &["eventfd(2)", "poll(2)"],
        scope: Scope::Reads,
        examples: &[example_with(
            &["root", "cgroup:memory"],
            "local box <close> = cgroup_set(\"example-wait\", { memory = \"32M\" })\nassert(box:wait_event(\"oom\", { timeout = \"10ms\" }) == nil)",
        )],
        see: &["cgroup:events", "eventfd(2)"],
        function: events::wait_event,
        ..primitive("cgroup:wait_event", "Waits until an event has happened: at once where it has since it was last told.")
    },
    Primitive {
        params: &[may("options", Type::Options(PIDS), "")],
        returns: "list of process ids",
        syscalls: &["open(2)", "read(2)"],
        shell: "= cat /sys/fs/cgroup/NAME/cgroup.procs",
        scope: Scope::Reads,
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-pids\", { pids = 10 })\nlocal child <close> = spawn({ cgroup = box }, function() exec { \"sleep\", \"60\" } end)\nchild:started()\nassert(box:pids()[1])",
        )],
        function: methods::pids,
        ..primitive("cgroup:pids", "Lists the members.")
    },
    Primitive {
        params: &[may("options", Type::Options(HOST), "")],
        shell: "≈ echo 1 > /sys/fs/cgroup/NAME/cgroup.freeze",
        needs: "cgroup v2 (Linux 5.2), or v1's freezer",
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-freeze\", { pids = 10 })\nbox:freeze()\nbox:thaw()",
        )],
        see: &["cgroup:thaw"],
        function: methods::freeze,
        ..primitive("cgroup:freeze", "Stops every member, and waits until all stand still.")
    },
    Primitive {
        params: &[may("options", Type::Options(HOST), "")],
        shell: "≈ echo 0 > /sys/fs/cgroup/NAME/cgroup.freeze",
        needs: "cgroup v2 (Linux 5.2), or v1's freezer",
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-thaw\", { pids = 10 })\nbox:freeze()\nbox:thaw()",
        )],
        see: &["cgroup:freeze"],
        function: methods::thaw,
        ..primitive("cgroup:thaw", "Lets the members go on, and waits until they do.")
    },
    Primitive {
        params: &[may("options", Type::Options(HOST), "")],
        syscalls: &["open(2)", "write(2)", "kill(2)"],
        shell: "= echo 1 > /sys/fs/cgroup/NAME/cgroup.kill",
        reversible: false,
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-kill\", { pids = 10 })\nlocal child <close> = spawn({ cgroup = box }, function() exec { \"sleep\", \"60\" } end)\nchild:started()\nbox:kill()\nassert(child:wait().signal == \"kill\")",
        )],
        see: &["cgroup:remove"],
        function: methods::kill,
        ..primitive("cgroup:kill", "Kills every member, nested groups too, and waits until they are dead.")
    },
    Primitive {
        params: &[may("options", Type::Options(HOST), "")],
        syscalls: &["rmdir(2)"],
        shell: "= rmdir /sys/fs/cgroup/NAME",
        reversible: false,
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box = cgroup_set(\"example-remove\", { pids = 10 })\nbox:remove()\nbox:close()",
        )],
        see: &["cgroup:kill", "handle:close"],
        function: methods::remove,
        ..primitive("cgroup:remove", "Kills the members and removes the group, also one that was only opened.")
    },
    Primitive {
        scope: Scope::Caller,
        shell: "≈ echo $$ > /sys/fs/cgroup/NAME/cgroup.procs",
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-enter\", { pids = 10 })\nlocal child <close> = spawn(function()\n  box:enter()\nend)\nassert(child:wait().code == 0)",
        )],
        see: &["spawn", "cgroup:add"],
        function: methods::enter,
        ..primitive("cgroup:enter", "Moves the calling process into the group; on v1 without the kernel's wait. Close moves it back.")
    },
    Primitive {
        params: &[need("process", PROCESS, "a process id, or a handle"), may("options", Type::Options(HOST), "")],
        shell: "= echo PID > /sys/fs/cgroup/NAME/cgroup.procs",
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-add\", { pids = 10 })\nlocal child <close> = spawn(function() exec { \"sleep\", \"60\" } end)\nchild:started()\nbox:add(child)\nassert(box:pids()[1])",
        )],
        see: &["cgroup:enter", "spawn"],
        function: methods::add,
        ..primitive(
            "cgroup:add",
            "Moves another process in. Slow, about 10 ms: the kernel waits for all processors; `spawn` and `enter` do not.",
        )
    },
    Primitive {
        params: &[
            need("name", Type::Path, "below this group"),
            may("limits", Type::Options(limits::LIMITS), "only what is said is written"),
        ],
        returns: "cgroup",
        syscalls: &["mkdir(2)", "open(2)", "write(2)"],
        shell: "= mkdir /sys/fs/cgroup/NAME/CHILD",
        examples: &[example_with(
            &["root", "cgroup:pids"],
            "local box <close> = cgroup_set(\"example-child\", { pids = 10 })\nlocal inner <close> = box:child(\"inner\", { pids = 5 })\nassert(inner:get().pids == 5)",
        )],
        function: methods::child,
        ..primitive("cgroup:child", "Makes a group below this one; on v2 this one may then have no processes of its own.")
    },
    Primitive {
        params: &[need("uid", U32, "the new owner"), need("gid", U32, "its group"), may("options", Type::Options(HOST), "")],
        syscalls: &["lchown(2)"],
        shell: "= cd /sys/fs/cgroup/NAME; chown UID:GID . $(cat /sys/kernel/cgroup/delegate)",
        needs: "cgroup v2, CAP_CHOWN",
        examples: &[example_with(
            &["root", "cgroup:v2"],
            "local box <close> = cgroup_set(\"example-delegate\")\nbox:delegate(65534, 65534)",
        )],
        function: methods::delegate,
        ..primitive("cgroup:delegate", "Gives a v2 group to a user, who may then make groups below it, but not raise its limits.")
    },
];

//! The JSON forms: what they mean, and what is refused.

use serde_json::json;

use super::*;
use crate::sys::seccomp::compile::compile;

type Any = Result<(), String>;

fn plain(json: &Value) -> Outcome<Read> {
    read(json, &Machine { caps: 0, kernel: (6, 1) })
}

#[test]
fn all_nine_actions_are_known() -> Any {
    let names = [
        ("SCMP_ACT_KILL", Action::KillThread),
        ("SCMP_ACT_KILL_THREAD", Action::KillThread),
        ("SCMP_ACT_KILL_PROCESS", Action::KillProcess),
        ("SCMP_ACT_TRAP", Action::Trap),
        ("SCMP_ACT_ERRNO", Action::Errno(1)),
        ("SCMP_ACT_TRACE", Action::Trace(1)),
        ("SCMP_ACT_ALLOW", Action::Allow),
        ("SCMP_ACT_LOG", Action::Log),
        ("SCMP_ACT_NOTIFY", Action::Notify),
    ];
    for (name, action) in names {
        let found = plain(&json!({ "defaultAction": "SCMP_ACT_KILL_PROCESS", "syscalls": [{ "names": ["mkdir"], "action": name }] }))?;
        assert_eq!(found.profile.rules.first().map(|rule| rule.action), Some(action), "{name}");
        compile(&found.profile)?;
    }
    Ok(())
}

#[test]
fn what_the_form_does_not_allow_is_an_error_that_names_the_place() {
    let with = |entry: Value| json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [entry] });
    for (json, place) in [
        (json!([]), "expected an object"),
        (json!({}), "defaultAction"),
        (json!({ "defaultAction": "ALLOW" }), "no action is called"),
        (json!({ "defaultAction": "SCMP_ACT_NOTIFY" }), "stop the runtime"),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1 }), "defaultErrnoRet"),
        (json!({ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096 }), "defaultErrnoRet"),
        (json!({ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1 }), "defaultErrnoRet"),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"] }), "architectures"),
        (json!({ "defaultAction": "SCMP_ACT_ALLOW", "flags": ["LOG"] }), "flags"),
        (
            json!({ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": [{ "architecture": "SCMP_ARCH_X86" }] }),
            "exclude each other",
        ),
        (with(json!({ "action": "SCMP_ACT_ERRNO" })), "syscalls[0]: names no system call"),
        (with(json!({ "names": ["mkdir"], "action": "SCMP_ACT_KILL", "errnoRet": 1 })), "syscalls[0].errnoRet"),
        (with(json!({ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{ "index": 6, "op": "SCMP_CMP_EQ" }] })), "args[0].index"),
        (with(json!({ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{ "index": 0, "op": "EQ" }] })), "args[0].op"),
        (with(json!({ "names": ["write"], "action": "SCMP_ACT_NOTIFY" })), "for write"),
        (with(json!({ "names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "includes": { "minKernel": "x" } })), "minKernel"),
    ] {
        let found = plain(&json);
        assert!(found.as_ref().is_err_and(|reason| reason.contains(place)), "{json}: {found:?}");
    }
}

#[test]
fn calls_that_are_not_known_are_passed_over_with_a_warning() -> Any {
    let json = json!({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "comment": "unknown keys too",
        "syscalls": [{ "names": ["read", "not_a_call"], "action": "SCMP_ACT_ALLOW" }],
    });
    let found = plain(&json)?;
    assert_eq!(found.profile.default, Action::Errno(38));
    assert_eq!(found.profile.rules.len(), 1);
    assert_eq!(found.warnings.len(), 2);
    Ok(())
}

#[test]
fn dockers_conditions_look_at_capabilities_architecture_and_kernel() -> Any {
    let entry = |key: &str, what: Value| json!({ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{ "names": ["mount"], "action": "SCMP_ACT_ALLOW", key: what }] });
    let admin = Machine { caps: 1 << 21, kernel: (6, 1) };
    let none = Machine { caps: 0, kernel: (4, 7) };
    let rules = |json: &Value, machine: &Machine| read(json, machine).map(|read| read.profile.rules.len());
    let here = go_arch(names::native().word);
    for (key, what, with_admin, with_none) in [
        ("includes", json!({ "caps": ["CAP_SYS_ADMIN"] }), 1, 0),
        ("excludes", json!({ "caps": ["CAP_SYS_ADMIN"] }), 0, 1),
        ("includes", json!({ "minKernel": "4.8" }), 1, 0),
        ("excludes", json!({ "minKernel": "4.8" }), 0, 1),
        ("includes", json!({ "arches": [here] }), 1, 1),
        ("includes", json!({ "arches": ["vax"] }), 0, 0),
        ("excludes", json!({ "arches": [here] }), 0, 0),
        ("excludes", json!(null), 1, 1),
    ] {
        let json = entry(key, what);
        assert_eq!((rules(&json, &admin)?, rules(&json, &none)?), (with_admin, with_none), "{json}");
    }
    Ok(())
}

#[test]
fn the_map_of_architectures_brings_those_that_run_on_this_one() -> Any {
    let native = names::native().word;
    let token = format!("SCMP_ARCH_{}", native.to_ascii_uppercase());
    let map = json!({ "defaultAction": "SCMP_ACT_ALLOW", "archMap": [
        { "architecture": token, "subArchitectures": ["SCMP_ARCH_PPC"] },
        { "architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"] },
        { "architecture": "SCMP_ARCH_M68K", "subArchitectures": null },
    ]});
    assert_eq!(plain(&map)?.profile.arches, [native, "ppc"]);
    assert_eq!(plain(&json!({ "defaultAction": "SCMP_ACT_ALLOW" }))?.profile.arches, [native]);
    Ok(())
}

#[test]
fn an_argument_that_is_compared_twice_makes_two_rules_as_in_runc() -> Any {
    let json = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["personality"], "action": "SCMP_ACT_ERRNO", "args": [
        { "index": 0, "value": 1, "op": "SCMP_CMP_EQ" },
        { "index": 0, "value": 0xf0, "valueTwo": 0x10, "op": "SCMP_CMP_MASKED_EQ" },
    ]}]});
    let found = plain(&json)?;
    assert_eq!(found.profile.rules.len(), 2);
    assert_eq!(
        found.profile.rules.get(1).map(|rule| rule.args.clone()),
        Some(vec![Compare { index: 0, op: Op::MaskedEq(0xf0), value: 0x10 }])
    );
    compile(&found.profile).map(drop)
}

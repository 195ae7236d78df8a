//! The program against the meaning: every compiled filter is run on a matrix of calls,
//! architectures and arguments, and must answer what the profile says.

use super::super::names::ARCHES;
use super::super::program::{Asked, decode, run};
use super::*;

const EPERM: Action = Action::Errno(1);

fn profile(default: Action, arches: &[&'static str], rules: Vec<Rule>) -> Profile {
    Profile { default, arches: arches.to_vec(), rules, newer: Newer::ThanProgram }
}

fn rule(name: &str, action: Action, args: &[(u32, Op, u64)]) -> Rule {
    let args = args.iter().map(|(index, op, value)| Compare { index: *index, op: *op, value: *value }).collect();
    Rule { name: name.to_owned(), action, args }
}

/// What the profile says of a call, without any program.
///
/// On 32-bit architectures, and those are libseccomp's x32 too, an argument is its low half.
fn meaning(profile: &Profile, arch: &Arch, name: &str, args: [u64; 6]) -> Action {
    if !profile.arches.contains(&arch.word) {
        return Action::KillProcess;
    }
    let rules = || profile.rules.iter().filter(|rule| rule.name == name);
    let narrow = matches!(arch.word, "x86" | "x32" | "arm");
    let width = if narrow { u64::from(u32::MAX) } else { u64::MAX };
    let any = |one: &Compare| matches!(one.op, Op::MaskedEq(mask) if mask & width == 0);
    if let Some(whole) = rules().find(|rule| rule.args.iter().all(any)) {
        return whole.action;
    }
    let low = |one: &Compare| Compare { value: one.value & width, ..*one };
    let holds = |rule: &&Rule| rule.args.iter().all(|one| low(one).holds(args[one.index as usize] & width));
    rules().find(holds).map_or(profile.default, |rule| rule.action)
}

/// Compares the program with the meaning for some calls, on every usual architecture.
fn check(profile: &Profile, names: &[&str], values: &[u64]) -> Result<usize, String> {
    let program = decode(&compile(profile)?);
    let mut compared = 0;
    for arch in ARCHES.iter().take(5) {
        for name in names {
            let Some(number) = names::number(name, arch) else { continue };
            for first in values {
                for second in values {
                    let args = [*first, *second, *first, *second, 0, *second];
                    let asked = Asked { number, arch: arch.audit, pointer: 0, args };
                    let found = run(&program, &asked).map(Action::from_value);
                    let wanted = meaning(profile, arch, name, args);
                    if found != Some(wanted) {
                        return Err(format!("{} {name} {args:x?}: {found:?}, expected {wanted:?}", arch.word));
                    }
                    compared += 1;
                }
            }
        }
    }
    Ok(compared)
}

const VALUES: [u64; 13] = [0, 1, 7, 8, 38, 39, 40, 41, 0x8000_0000, 0xffff_ffff, 0x1_0000_0026, 0x1_0000_0000, u64::MAX];
const CALLS: [&str; 12] =
    ["read", "write", "openat", "mkdir", "personality", "clone", "unshare", "getpid", "mount", "mseal", "uretprobe", "exit_group"];

#[test]
fn whole_calls_have_their_action_on_every_architecture_of_the_profile() -> Result<(), String> {
    for default in [EPERM, Action::Allow, Action::KillProcess, Action::KillThread, Action::Log, Action::Trap, Action::Trace(7)] {
        for arches in [&["x86_64"][..], &["x86_64", "x86", "x32"], &["x86_64", "x86"], &["aarch64", "arm"]] {
            let rules = vec![
                rule("read", Action::Allow, &[]),
                rule("write", Action::Errno(38), &[]),
                rule("mkdir", Action::Notify, &[]),
                rule("mseal", Action::Log, &[]),
                rule("uretprobe", Action::Allow, &[]),
                rule("unshare", Action::KillThread, &[]),
            ];
            check(&profile(default, arches, rules), &CALLS, &[0, 1])?;
        }
    }
    Ok(())
}

#[test]
fn every_comparison_means_what_it_says() -> Result<(), String> {
    let arches = ["x86_64", "x86", "x32", "aarch64"];
    for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::MaskedEq(0xf8), Op::MaskedEq(0xffff_ffff)] {
        for value in [0, 8, 40] {
            for (default, action) in [(EPERM, Action::Allow), (Action::Allow, EPERM)] {
                let rules = vec![rule("personality", action, &[(0, op, value)]), rule("read", action, &[(1, op, value)])];
                assert!(check(&profile(default, &arches, rules), &CALLS, &VALUES)? > 500);
            }
        }
    }
    Ok(())
}

#[test]
fn conditions_of_one_rule_must_all_hold_and_rules_are_alternatives() -> Result<(), String> {
    let both = rule("openat", Action::Allow, &[(0, Op::Eq, 1), (1, Op::Ge, 39)]);
    let either = vec![rule("mount", Action::Allow, &[(0, Op::Lt, 8)]), rule("mount", Action::Allow, &[(1, Op::Eq, 40)])];
    let rules = [vec![both], either].concat();
    check(&profile(EPERM, &["x86_64", "x86", "x32"], rules), &CALLS, &VALUES).map(drop)
}

#[test]
fn different_actions_on_conditions_that_exclude_each_other_are_kept_apart() -> Result<(), String> {
    let rules = vec![
        rule("personality", Action::Log, &[(0, Op::Eq, 8)]),
        rule("personality", Action::Errno(22), &[(0, Op::Eq, 40)]),
        rule("clone", Action::Trap, &[(0, Op::Lt, 8)]),
        rule("clone", Action::Log, &[(0, Op::Ge, 8)]),
    ];
    check(&profile(EPERM, &["x86_64", "x86"], rules), &CALLS, &VALUES).map(drop)
}

#[test]
fn a_rule_with_the_default_action_hides_no_other_whichever_table_has_the_call() -> Result<(), String> {
    for name in ["mkdir", "mseal", "uretprobe"] {
        for rules in [[Action::KillThread, Action::Trap], [Action::Trap, Action::KillThread]] {
            let rules = rules.map(|action| rule(name, action, &[])).to_vec();
            let program = decode(&compile(&profile(Action::KillThread, &["x86_64"], rules))?);
            let asked = Asked { number: names::number(name, &ARCHES[0]).unwrap_or_default(), arch: ARCHES[0].audit, ..Asked::default() };
            assert_eq!(run(&program, &asked).map(Action::from_value), Some(Action::Trap), "{name}");
        }
    }
    Ok(())
}

#[test]
fn a_socket_family_cannot_be_hidden_behind_high_bits_or_socketcall() -> Result<(), String> {
    let families = [(0, Op::Lt, 38), (0, Op::Eq, 39), (0, Op::Eq, 41)];
    let mut rules: Vec<Rule> = families.iter().map(|one| rule("socket", Action::Allow, &[*one])).collect();
    rules.push(rule("bind", Action::Allow, &[]));
    let profile = profile(EPERM, &["x86_64", "x86", "x32"], rules);
    check(&profile, &["socket", "bind"], &VALUES)?;
    let program = decode(&compile(&profile)?);
    let ask = |arch: &Arch, name: &str, first| {
        let asked = Asked { number: names::number(name, arch)?, arch: arch.audit, pointer: 0, args: [first, 0, 0, 0, 0, 0] };
        run(&program, &asked).map(Action::from_value)
    };
    assert_eq!(ask(&ARCHES[0], "socket", 0x1_0000_0026), Some(EPERM));
    for subcall in 0..21 {
        assert_eq!(ask(&ARCHES[1], "socketcall", subcall), Some(NO_SUCH_CALL), "{subcall}");
    }
    Ok(())
}

#[test]
fn without_conditions_socketcall_follows_its_members() -> Result<(), String> {
    let profile = profile(EPERM, &["x86_64", "x86"], vec![rule("socket", Action::Allow, &[])]);
    let program = decode(&compile(&profile)?);
    let ask = |subcall| {
        let number = names::number("socketcall", &ARCHES[1])?;
        let asked = Asked { number, arch: ARCHES[1].audit, pointer: 0, args: [subcall, 0, 0, 0, 0, 0] };
        run(&program, &asked).map(Action::from_value)
    };
    assert_eq!((ask(1), ask(2)), (Some(Action::Allow), Some(EPERM)));
    Ok(())
}

#[test]
fn what_is_too_new_answers_enosys_and_a_tracers_minus_one_does_not() -> Result<(), String> {
    for arches in [&["x86_64"][..], &["x86_64", "x32"], &["x86"], &["aarch64"]] {
        let filter = |newer, default| {
            let rules = vec![rule("read", Action::Allow, &[]), rule("cachestat", Action::Allow, &[])];
            compile(&Profile { newer, ..profile(default, arches, rules) }).map(|code| decode(&code))
        };
        let arch = names::arch_of(arches[arches.len() - 1]).ok_or("no such architecture")?;
        let ask = |program: &[Instruction], number| {
            run(program, &Asked { number, arch: arch.audit, pointer: 0, args: [0; 6] }).map(Action::from_value)
        };
        let program = filter(Newer::ThanProgram, EPERM)?;
        assert_eq!(ask(&program, arch.base + 462), Some(EPERM), "{arches:?}");
        assert_eq!(ask(&program, arch.base + 451), Some(Action::Allow), "{arches:?}");
        assert_eq!(ask(&program, arch.base + 470), Some(NO_SUCH_CALL), "{arches:?}");
        assert_ne!(ask(&program, u32::MAX), Some(NO_SUCH_CALL), "{arches:?}");
        let program = filter(Newer::ThanProfile, EPERM)?;
        assert_eq!(ask(&program, arch.base + 462), Some(NO_SUCH_CALL), "{arches:?}");
        let program = filter(Newer::ThanProgram, Action::KillProcess)?;
        assert_eq!(ask(&program, arch.base + 470), Some(Action::KillProcess), "{arches:?}");
    }
    Ok(())
}

#[test]
fn calls_of_x32_are_killed_where_the_profile_has_only_x86_64() -> Result<(), String> {
    let profile = profile(EPERM, &["x86_64"], vec![rule("read", Action::Allow, &[])]);
    let program = decode(&compile(&profile)?);
    for number in [X32, X32 + 451, X32 + 500] {
        let asked = Asked { number, arch: ARCHES[0].audit, pointer: 0, args: [0; 6] };
        assert_eq!(run(&program, &asked).map(Action::from_value), Some(Action::KillProcess), "{number:#x}");
    }
    Ok(())
}

#[test]
fn arguments_of_calls_that_the_library_does_not_know_are_judged_as_well() -> Result<(), String> {
    for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge, Op::MaskedEq(0xf8), Op::MaskedEq(0xf_0000_00f8)] {
        for value in [0, 40, 0x8000_0000, 0x1_0000_0000, 0x1_0000_0026, u64::MAX] {
            let rules = vec![
                rule("mseal", Action::Trap, &[(5, op, value)]),
                rule("mseal", EPERM, &[(0, op, value), (1, Op::Ge, 8)]),
                rule("uretprobe", EPERM, &[(1, op, value)]),
            ];
            check(&profile(Action::Allow, &["x86_64", "x86", "x32", "aarch64"], rules), &CALLS, &VALUES)?;
        }
    }
    Ok(())
}

/// Profiles that a fuzzer has found, and one of whose rules libseccomp makes no program.
#[test]
fn rules_that_the_library_loses_are_kept() -> Result<(), String> {
    let wide = (3, Op::Ge, 0x439c_e7de_fc43_4d50);
    let number = 0xdada_dada_dab2_e832;
    let (huge, low) = ((2, Op::Le, u64::MAX - 1), (3, Op::Ge, 38));
    let highest = (1, Op::MaskedEq(1 << 63), 1 << 63);
    let profiles = [
        (Action::Allow, vec![rule("getpid", EPERM, &[(3, Op::Le, 1 << 32)]), rule("getpid", EPERM, &[(3, Op::Lt, 177)])]),
        (
            Action::KillThread,
            vec![
                rule("exit_group", Action::Trap, &[wide, (5, Op::Gt, 0), (2, Op::Eq, 182)]),
                rule("exit_group", Action::Trap, &[(3, Op::Le, 7)]),
                rule("exit_group", Action::Trap, &[(5, Op::Le, 2)]),
                rule("exit_group", Action::Trap, &[(5, Op::Le, 1 << 32)]),
            ],
        ),
        (
            Action::KillThread,
            vec![
                rule("openat", Action::KillProcess, &[(2, Op::Ne, number)]),
                rule("openat", Action::KillProcess, &[(2, Op::MaskedEq(0x0eda_b8da_dada_dada), 0xffff)]),
                rule("openat", Action::Allow, &[(2, Op::Ne, 0xdada_dada_dada_dada), (3, Op::Le, 3)]),
            ],
        ),
        (
            Action::Trap,
            vec![
                rule("socket", EPERM, &[(3, Op::Le, 2)]),
                rule("socket", Action::Notify, &[(3, Op::Le, 0xffff_ffff_ffff_7365)]),
                rule("socket", Action::Notify, &[(5, Op::Gt, u64::MAX)]),
                rule("socket", Action::Notify, &[(3, Op::Le, 0xffff_b1b1_b1b1_b1b1)]),
            ],
        ),
        (
            EPERM,
            vec![
                rule("exit_group", Action::KillThread, &[huge, low]),
                rule("exit_group", Action::KillThread, &[huge, low]),
                rule("exit_group", Action::Log, &[huge, (5, Op::Le, u64::MAX - 1)]),
            ],
        ),
        (
            Action::Allow,
            vec![
                rule("exit_group", Action::KillThread, &[huge, low]),
                rule("exit_group", Action::Log, &[huge, (5, Op::Le, u64::MAX - 1)]),
                rule("exit_group", Action::Notify, &[]),
            ],
        ),
        (
            Action::Allow,
            vec![
                rule("openat", Action::KillProcess, &[(1, Op::Ge, 154), (3, Op::Eq, 154)]),
                rule("openat", Action::KillProcess, &[(3, Op::Eq, 175), (1, Op::Le, 109)]),
            ],
        ),
        (
            Action::Allow,
            vec![rule("openat", Action::Errno(101), &[(2, Op::Gt, 97), highest]), rule("openat", Action::Errno(0), &[highest])],
        ),
    ];
    for (default, rules) in profiles {
        let numbers = rules.iter().flat_map(|rule| &rule.args).map(|one| one.value);
        let near = numbers.flat_map(|value| [value.wrapping_sub(1), value, value.wrapping_add(1), value >> 32, value & 0xffff_ffff]);
        let values: Vec<u64> = near.chain(VALUES).collect();
        for arches in [&["x86_64"][..], &["x86_64", "x86", "x32"], &["aarch64", "arm"]] {
            let rules = rules.clone();
            check(&profile(default, arches, rules), &["getpid", "exit_group", "openat", "socket"], &values)?;
        }
    }
    Ok(())
}

#[test]
fn a_rule_over_which_no_test_leads_is_refused() {
    let rule = rule("mseal", EPERM, &[(0, Op::Ge, 1 << 32); 60]);
    assert!(compile(&profile(Action::Allow, &["x86_64"], vec![rule])).is_err_and(|said| said.contains("too many conditions")));
}

//! Where the library's program is not believed, but run.
//!
//! libseccomp loses a rule now and then where two of them compare the same argument by its order and one
//! of the numbers does not fit into 32 bits: `arg <= 2^32` beside `arg < 177` holds for no 177 (2.5.4).
//! What was to be refused would be allowed. So such a profile's program is run on arguments near each
//! number, and one that does not say what the profile says is an error and not a filter.

use super::super::names::{self, Arch};
use super::super::profile::{Action, Compare, Op, Profile, Rule};
use super::super::program::{self, Asked};

/// Whose arguments have 64 bits, of those that profiles name. Others compare the low half.
const WIDE: [&str; 3] = ["x86_64", "aarch64", "riscv64"];

/// Fails where the program answers another way than the profile.
pub fn settle(profile: &Profile, rules: &[Rule], code: &[u8]) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    // Hardly a profile has one: for the others this costs nothing.
    for rule in rules.iter().filter(|rule| rule.args.iter().any(is_order)) {
        let name = rule.name.as_str();
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let of_it: Vec<&Rule> = rules.iter().filter(|rule| rule.name == name && rule.action != profile.default).collect();
        if of_it.iter().any(|rule| rule.args.is_empty()) || !is_doubtful(&of_it) {
            continue;
        }
        let program = program::decode(code);
        for arch in super::arches(profile).into_iter().filter(|arch| WIDE.contains(&arch.word)) {
            ask(profile, &of_it, &program, name, arch)?;
        }
    }
    Ok(())
}

/// Two rules order the same argument.
fn is_doubtful(rules: &[&Rule]) -> bool {
    let ordered = |rule: &Rule| rule.args.iter().filter(|one| is_order(one)).fold(0_u32, |mask, one| mask | 1 << one.index);
    rules.iter().enumerate().any(|(at, rule)| rules.iter().take(at).any(|other| ordered(rule) & ordered(other) != 0))
}

fn is_order(compare: &Compare) -> bool {
    matches!(compare.op, Op::Lt | Op::Le | Op::Gt | Op::Ge)
}

fn ask(profile: &Profile, rules: &[&Rule], program: &[program::Instruction], name: &str, arch: &Arch) -> Result<(), String> {
    let Some(number) = names::number(name, arch) else { return Ok(()) };
    for rule in rules {
        let mut met = [0_u64; 6];
        for one in &rule.args {
            set(&mut met, one.index, meeting(one));
        }
        for one in &rule.args {
            for near in rules.iter().flat_map(|rule| &rule.args).filter(|near| near.index == one.index) {
                for value in [near.value.wrapping_sub(1), near.value, near.value.wrapping_add(1)] {
                    let mut args = met;
                    set(&mut args, one.index, value);
                    let asked = Asked { number, arch: arch.audit, pointer: 0, args };
                    let found = program::run(program, &asked).map(Action::from_value);
                    if !may_be(profile, rules, &args, found) {
                        return Err(format!(
                            "libseccomp loses a rule for {name}: argument {} as {value:#x} is not answered as the rules say. Compare it in one \
                             rule only, or to numbers below 2^32",
                            one.index
                        ));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whether that may be answered: by a rule that holds, or by default where none does.
fn may_be(profile: &Profile, rules: &[&Rule], args: &[u64; 6], found: Option<Action>) -> bool {
    let argument = |one: &Compare| args.get(one.index as usize).copied().unwrap_or_default();
    let holding: Vec<&&Rule> = rules.iter().filter(|rule| rule.args.iter().all(|one| one.holds(argument(one)))).collect();
    match found {
        Some(found) if holding.is_empty() => found == profile.default,
        Some(found) => holding.iter().any(|rule| rule.action == found),
        None => false,
    }
}

fn set(args: &mut [u64; 6], index: u32, value: u64) {
    if let Some(place) = args.get_mut(index as usize) {
        *place = value;
    }
}

/// An argument that meets a condition.
fn meeting(one: &Compare) -> u64 {
    match one.op {
        Op::Eq | Op::Le | Op::Ge => one.value,
        Op::Ne | Op::Gt => one.value.wrapping_add(1),
        Op::Lt => one.value.wrapping_sub(1),
        Op::MaskedEq(mask) => one.value & mask,
    }
}

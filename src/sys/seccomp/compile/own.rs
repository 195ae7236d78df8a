//! The calls that are judged by instructions of our own, before the library's program: those that are
//! younger than the library, and those of whose rules it makes something else.
//!
//! libseccomp 2.5.4 loses a rule now and then, or takes one for another, where two of them compare the same
//! argument. `arg <= 2^32` beside `arg < 177` holds for no 177: where a number does not fit into 32 bits it
//! takes the low half of an argument for the high one, and of some such rules it makes no program at all,
//! and does not come back. `arg1 >= 154, arg4 == 154` beside `arg1 <= 109, arg4 == 175` holds for 2 and 154:
//! of rules with several conditions it goes on in another one's.
//!
//! The program here is what the rules say, one behind the other: of those that hold for a call the
//! strictest answers, without one the default.

use std::collections::BTreeSet;

use super::super::names::{self, Arch, Known, X32};
use super::super::profile::{Compare, Op, Profile, Rule};
use super::super::program::{AND, ANSWER, AT_LEAST, EQUAL, GREATER, Instruction, LOAD, offset_of};
use super::{plain, test};

/// The calls about which the library is not asked.
pub fn names<'a>(rules: &'a [Rule], profile: &Profile) -> BTreeSet<&'a str> {
    let own = |rule: &&Rule| match names::find(&rule.name) {
        // Hardly a rule is so: for the others this costs nothing.
        Some(Known::Library(_)) => (rule.args.len() > 1 || rule.args.iter().any(is_wide)) && is_doubtful(&of(&rule.name, rules, profile)),
        found => found.is_some(),
    };
    rules.iter().filter(own).map(|rule| rule.name.as_str()).collect()
}

/// The rules for a call that say anything: one with the default action does not, as with runc and crun.
fn of<'a>(name: &str, rules: &'a [Rule], profile: &Profile) -> Vec<&'a Rule> {
    rules.iter().filter(|rule| rule.name == name && rule.action != profile.default).collect()
}

/// Two rules compare the same argument: also where another is for the whole call, since the library
/// looks at these two first.
fn is_doubtful(rules: &[&Rule]) -> bool {
    let compared = |rule: &Rule| rule.args.iter().fold(0_u32, |mask, one| mask | 1 << one.index);
    rules.iter().enumerate().any(|(at, rule)| rules.iter().take(at).any(|other| compared(rule) & compared(other) != 0))
}

fn is_wide(one: &Compare) -> bool {
    let mask = if let Op::MaskedEq(mask) = one.op { mask } else { 0 };
    one.value.max(mask) > u64::from(u32::MAX)
}

/// What judges a call of that name; it answers in any case. Nothing where no rule says anything of it.
pub fn judgement(name: &str, rules: &[Rule], profile: &Profile, arch: &Arch) -> Result<Vec<Instruction>, String> {
    let mut rules = of(name, rules, profile);
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let narrow = is_narrow(arch);
    // As with the library, a rule of which every condition looks at no bit is for the call as a whole.
    if let Some(whole) = rules.iter().find(|rule| rule.args.iter().all(|one| looks_at_nothing(one, narrow))) {
        return Ok(vec![plain(ANSWER, whole.action.value())]);
    }
    rules.sort_by_key(|rule| rule.action.severity());
    let mut out = Vec::new();
    for rule in rules {
        // From its end: then it is known how far it is to the next rule.
        let mut code = vec![plain(ANSWER, rule.action.value())];
        for one in rule.args.iter().rev() {
            code.splice(0..0, condition(one, code.len(), narrow));
        }
        // A test leads no further; six arguments, each compared once, take 43.
        if code.len() > usize::from(u8::MAX) {
            return Err(format!("{name}: a rule has too many conditions"));
        }
        out.extend(code);
    }
    out.push(plain(ANSWER, profile.default.value()));
    Ok(out)
}

/// Arguments of 32 bits, whose high halves are not looked at; `AUDIT_ARCH` has a bit for the others. As in
/// the library these are also those of processors of 64 bits that use 32 of them.
fn is_narrow(arch: &Arch) -> bool {
    arch.audit & 0x8000_0000 == 0 || arch.base == X32 || arch.word.ends_with("n32")
}

/// Every argument is as good as another.
fn looks_at_nothing(one: &Compare, narrow: bool) -> bool {
    let seen = if narrow { u64::from(u32::MAX) } else { u64::MAX };
    matches!(one.op, Op::MaskedEq(mask) if mask & seen == 0)
}

/// Where a test leads.
#[derive(Clone, Copy)]
enum Way {
    /// To the next instruction.
    On,
    /// The condition holds.
    Holds,
    /// It does not.
    Fails,
}

/// Instructions that are passed by where a condition holds; where it does not, so are `rest` more.
fn condition(one: &Compare, rest: usize, narrow: bool) -> Vec<Instruction> {
    use Way::{Fails, Holds, On};
    let mask = if let Op::MaskedEq(mask) = one.op { mask } else { u64::MAX };
    let half = |value: u64, high: bool| u32::try_from(if high { value >> 32 } else { value & 0xffff_ffff }).unwrap_or_default();
    let value = |high: bool| half(one.value & mask, high);
    // Of the high half: what is known of the whole by it, and go on to the low half where it is the same.
    let (above, below) = match one.op {
        Op::Eq | Op::MaskedEq(_) => (Fails, Fails),
        Op::Ne => (Holds, Holds),
        Op::Lt | Op::Le => (Fails, Holds),
        Op::Gt | Op::Ge => (Holds, Fails),
    };
    // Of the low half.
    let (code, then, otherwise) = match one.op {
        Op::Eq | Op::MaskedEq(_) => (EQUAL, Holds, Fails),
        Op::Ne => (EQUAL, Fails, Holds),
        Op::Lt => (AT_LEAST, Fails, Holds),
        Op::Le => (GREATER, Fails, Holds),
        Op::Gt => (GREATER, Holds, Fails),
        Op::Ge => (AT_LEAST, Holds, Fails),
    };
    let load = |high: bool| {
        let masked = half(mask, high) != u32::MAX;
        let and = masked.then(|| (plain(AND, half(mask, high)), On, On));
        [Some((plain(LOAD, offset_of(one.index, high)), On, On)), and].into_iter().flatten()
    };
    let mut steps: Vec<(Instruction, Way, Way)> = Vec::new();
    if !narrow {
        steps.extend(load(true));
        if matches!(one.op, Op::Lt | Op::Le | Op::Gt | Op::Ge) {
            steps.push((plain(GREATER, value(true)), above, On));
        }
        steps.push((plain(EQUAL, value(true)), On, below));
    }
    steps.extend(load(false));
    steps.push((plain(code, value(false)), then, otherwise));
    let length = steps.len();
    let place = |(at, (step, then, otherwise)): (usize, (Instruction, Way, Way))| {
        let left = length - at - 1;
        // Of a rule that is longer nothing is made.
        let far = |way: Way| {
            let distance = match way {
                On => 0,
                Holds => left,
                Fails => left + rest,
            };
            u8::try_from(distance).unwrap_or(u8::MAX)
        };
        test(step.code, step.k, far(then), far(otherwise))
    };
    steps.into_iter().enumerate().map(place).collect()
}

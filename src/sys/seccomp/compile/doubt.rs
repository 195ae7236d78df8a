//! Where the library's program is not believed, but run.
//!
//! libseccomp loses a rule now and then where two of them compare the same argument by its order and one
//! of the numbers does not fit into 32 bits: `arg <= 2^32` beside `arg < 177` holds for no 177 (2.5.4).
//! What was to be refused would be allowed. So such a profile's program is run on every combination of
//! arguments that its comparisons can tell apart, and one that does not say what the profile says is an
//! error and not a filter.
//!
//! A program compares halves of arguments with halves of the profile's numbers. Between two neighbours of
//! these it cannot answer differently; so each half takes the numbers themselves and those beside them.

use std::collections::BTreeSet;

use super::super::names;
use super::super::profile::{Action, Compare, Op, Profile, Rule};
use super::super::program::{self, Asked, Instruction};

/// Whose arguments have 64 bits, of those that profiles name. Others compare the low half.
const WIDE: [&str; 3] = ["x86_64", "aarch64", "riscv64"];

const LOW: u64 = 0xffff_ffff;

/// More combinations than these are not run, and the profile is refused.
const LIMIT: usize = 1 << 16;

/// Fails where the program answers another way than the profile, and where that cannot be told.
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
        let worth = worth_trying(&of_it).ok_or_else(|| {
            format!(
                "libseccomp loses rules that order an argument and numbers of more than 32 bits; those for {name} have too many conditions to \
                 run their program on all that they tell apart. Compare an argument in one rule only, or to numbers below 2^32"
            )
        })?;
        let program = program::decode(code);
        for arch in super::arches(profile).into_iter().filter(|arch| WIDE.contains(&arch.word)) {
            let Some(number) = names::number(name, arch) else { continue };
            let call = |args| Asked { number, arch: arch.audit, pointer: 0, args };
            if let Some(args) = combinations(&worth).find(|args| !answers(profile, &of_it, &program, &call(*args))) {
                return Err(format!(
                    "libseccomp loses a rule for {name}: a call with {} is not answered as the rules say. Compare an argument in one rule only, \
                     or to numbers below 2^32",
                    told(&args, &worth)
                ));
            }
        }
    }
    Ok(())
}

/// Two rules order the same argument, and a number is wide.
fn is_doubtful(rules: &[&Rule]) -> bool {
    let ordered = |rule: &Rule| rule.args.iter().filter(|one| is_order(one)).fold(0_u32, |mask, one| mask | 1 << one.index);
    let twice = rules.iter().enumerate().any(|(at, rule)| rules.iter().take(at).any(|other| ordered(rule) & ordered(other) != 0));
    twice && rules.iter().flat_map(|rule| &rule.args).any(|one| one.value > u64::from(u32::MAX))
}

fn is_order(compare: &Compare) -> bool {
    matches!(compare.op, Op::Lt | Op::Le | Op::Gt | Op::Ge)
}

/// The values of each argument that the rules can tell apart. Nothing where they have too many combinations.
fn worth_trying(rules: &[&Rule]) -> Option<[Vec<u64>; 6]> {
    let mut worth: [Vec<u64>; 6] = Default::default();
    let mut product = 1_usize;
    for (index, values) in (0..).zip(&mut worth) {
        let compares: Vec<&Compare> = rules.iter().flat_map(|rule| &rule.args).filter(|one| one.index == index).collect();
        let (high, low) = (halves(&compares, |value| value >> 32)?, halves(&compares, |value| value & LOW)?);
        product = product.checked_mul(high.len() * low.len()).filter(|product| *product <= LIMIT)?;
        values.extend(high.iter().flat_map(|high| low.iter().map(move |low| high << 32 | low)));
    }
    Some(worth)
}

/// The values of one half of an argument that comparisons tell apart; 0 alone where there are none.
fn halves(compares: &[&Compare], half: fn(u64) -> u64) -> Option<BTreeSet<u64>> {
    let near = |one: &&Compare| [half(one.value).wrapping_sub(1) & LOW, half(one.value), (half(one.value) + 1) & LOW];
    let plain: BTreeSet<u64> = compares.iter().flat_map(near).chain([0]).collect();
    let masks = compares.iter().filter_map(|one| match one.op {
        Op::MaskedEq(mask) => Some((half(mask), half(one.value & mask))),
        _ => None,
    });
    let masks: BTreeSet<(u64, u64)> = masks.collect();
    let masked = || plain.iter().flat_map(|value| masks.iter().map(move |(mask, bits)| value & !mask | bits));
    (plain.len() * masks.len() <= LIMIT).then(|| plain.iter().copied().chain(masked()).collect())
}

/// Every combination of six lists' values, counted as a number is whose digits are places in the lists.
fn combinations(of: &[Vec<u64>; 6]) -> impl Iterator<Item = [u64; 6]> {
    (0..of.iter().map(Vec::len).product()).map(|mut number: usize| {
        of.each_ref().map(|values| {
            let value = values.get(number % values.len()).copied();
            number /= values.len();
            value.unwrap_or_default()
        })
    })
}

/// The arguments that the rules compare, in words.
fn told(args: &[u64; 6], worth: &[Vec<u64>; 6]) -> String {
    let compared = args.iter().zip(worth).enumerate().filter(|(_, (_, values))| values.len() > 1);
    compared.map(|(index, (value, _))| format!("argument {index} = {value:#x}")).collect::<Vec<_>>().join(", ")
}

/// Whether the program's answer is one of a rule that holds, or the default where none does.
fn answers(profile: &Profile, rules: &[&Rule], program: &[Instruction], asked: &Asked) -> bool {
    let argument = |one: &Compare| asked.args.get(one.index as usize).copied().unwrap_or_default();
    let mut holding = rules.iter().filter(|rule| rule.args.iter().all(|one| one.holds(argument(one)))).peekable();
    match program::run(program, asked).map(Action::from_value) {
        Some(found) if holding.peek().is_none() => found == profile.default,
        Some(found) => holding.any(|rule| rule.action == found),
        None => false,
    }
}

//! Where the library's program is not believed, but run.
//!
//! libseccomp loses a rule now and then, or takes one for another, where two of them compare the same
//! argument and a number does not fit into 32 bits: `arg <= 2^32` beside `arg < 177` holds for no 177
//! (2.5.4). What was to be refused would be allowed. So such a profile's program is run on every combination of
//! arguments that its comparisons can tell apart, and one that does not say what the profile says is an
//! error and not a filter.
//!
//! A program compares halves of arguments with numbers that stand in it, and the rules compare them with
//! theirs. Between two neighbours of all these no answer can change: so each half takes the numbers
//! themselves and those that follow them.

use std::collections::BTreeSet;

use super::super::names;
use super::super::profile::{Action, Compare, Op, Profile, Rule};
use super::super::program::{self, Asked, Instruction, Word};

/// Whose arguments have 64 bits, of those that profiles name. Others compare the low half.
const WIDE: [&str; 3] = ["x86_64", "aarch64", "riscv64"];

const LOW: u64 = 0xffff_ffff;

/// More combinations than these are not run, and the profile is refused.
const LIMIT: usize = 1 << 14;

/// Fails where the program answers another way than the profile, and where that cannot be told.
pub fn settle(profile: &Profile, rules: &[Rule], code: &[u8]) -> Result<(), String> {
    let mut seen: Vec<&str> = Vec::new();
    // Hardly a profile has one: for the others this costs nothing.
    for rule in rules.iter().filter(|rule| rule.args.iter().any(is_wide)) {
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
            let Some(number) = names::number(name, arch) else { continue };
            try_all(profile, &of_it, &program, name, (number, arch.audit))?;
        }
    }
    Ok(())
}

/// Asks the program about everything that it or the rules can tell apart.
fn try_all(profile: &Profile, rules: &[&Rule], program: &[Instruction], name: &str, (number, arch): (u32, u32)) -> Result<(), String> {
    let compared = program::comparisons(program, number, arch);
    let Some(worth) = worth_trying(rules, &compared) else {
        // Nothing was ever found of rules that are all equalities.
        if rules.iter().flat_map(|rule| &rule.args).all(is_equality) {
            return Ok(());
        }
        return Err(format!(
            "libseccomp loses rules that compare one argument to numbers of more than 32 bits; those for {name} have too many conditions to run \
             their program on all that they tell apart. Compare an argument in one rule only, or to numbers below 2^32"
        ));
    };
    let call = |args| Asked { number, arch, pointer: 0, args };
    match combinations(&worth).find(|args| !answers(profile, rules, program, &call(*args))) {
        None => Ok(()),
        Some(args) => Err(format!(
            "libseccomp loses a rule for {name}: a call with {} is not answered as the rules say. Compare an argument in one rule only, or to \
             numbers below 2^32",
            told(&args, &worth)
        )),
    }
}

/// Two rules compare the same argument.
fn is_doubtful(rules: &[&Rule]) -> bool {
    let compared = |rule: &Rule| rule.args.iter().fold(0_u32, |mask, one| mask | 1 << one.index);
    rules.iter().enumerate().any(|(at, rule)| rules.iter().take(at).any(|other| compared(rule) & compared(other) != 0))
}

fn is_wide(compare: &Compare) -> bool {
    let mask = if let Op::MaskedEq(mask) = compare.op { mask } else { 0 };
    compare.value.max(mask) > LOW
}

fn is_equality(compare: &Compare) -> bool {
    matches!(compare.op, Op::Eq | Op::MaskedEq(_))
}

/// The values of each argument that can be told apart. Nothing where they have too many combinations.
fn worth_trying(rules: &[&Rule], compared: &BTreeSet<(Word, u32)>) -> Option<[Vec<u64>; 6]> {
    let mut worth: [Vec<u64>; 6] = Default::default();
    let mut product = 1_usize;
    for (index, values) in (0..).zip(&mut worth) {
        let of_rules: Vec<&Compare> = rules.iter().flat_map(|rule| &rule.args).filter(|one| one.index == index).collect();
        let half = |high: bool| {
            let offset = program::offset_of(index, high);
            let of_program = compared.iter().filter(|(word, _)| word.offset == offset).map(|(word, number)| (word.mask, *number));
            let cut = |value: u64| u32::try_from(if high { value >> 32 } else { value & LOW }).unwrap_or_default();
            let mask = |one: &&Compare| if let Op::MaskedEq(mask) = one.op { cut(mask) } else { u32::MAX };
            neighbours(&of_program.chain(of_rules.iter().map(|one| (mask(one), cut(one.value)))).collect())
        };
        let (high, low) = (half(true)?, half(false)?);
        product = product.checked_mul(high.len() * low.len()).filter(|product| *product <= LIMIT)?;
        values.extend(high.iter().flat_map(|high| low.iter().map(move |low| u64::from(*high) << 32 | u64::from(*low))));
    }
    Some(worth)
}

/// The values that comparisons with these numbers tell apart, each under its mask; 0 alone where there are none.
fn neighbours(numbers: &BTreeSet<(u32, u32)>) -> Option<BTreeSet<u32>> {
    let plain: BTreeSet<u32> = numbers.iter().flat_map(|(_, number)| [*number, number.wrapping_add(1)]).chain([0]).collect();
    let masks = || numbers.iter().filter(|(mask, _)| *mask != u32::MAX);
    let masked = || plain.iter().flat_map(|value| masks().map(move |(mask, bits)| value & !mask | bits & mask));
    (plain.len() * numbers.len() <= LIMIT).then(|| plain.iter().copied().chain(masked()).collect())
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

//! Device rules: an ordered list, for v1 as lines and for v2 as a program.
//!
//! A list starts from "nothing is allowed", as the OCI runtimes do, and of the rules that fit an
//! access the last one decides, for each of read, write and mknod on its own. A rule without a
//! type, a major or a minor means all of them.

use crate::sys::cgroups::bpf::Insn;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Whether it allows or denies.
    pub allow: bool,
    /// `a` (all), `b` (block) or `c` (character).
    pub kind: char,
    /// All where it is left out.
    pub major: Option<u32>,
    /// All where it is left out.
    pub minor: Option<u32>,
    /// Some of `r`, `w` and `m` (mknod).
    pub access: String,
}

/// Bits of an access (`BPF_DEVCG_ACC_*`).
const MKNOD: i32 = 1;
const READ: i32 = 2;
const WRITE: i32 = 4;
const ALL: i32 = MKNOD | READ | WRITE;

impl Rule {
    fn bits(&self) -> i32 {
        let bit = |letter: char, bit: i32| if self.access.contains(letter) { bit } else { 0 };
        bit('m', MKNOD) | bit('r', READ) | bit('w', WRITE)
    }

    /// Whether it is about every access to every device.
    fn is_all(&self) -> bool {
        self.kind == 'a' && self.major.is_none() && self.minor.is_none() && self.bits() == ALL
    }

    /// `c 1:3 rwm`, as the files of v1 take it.
    fn line(&self, kind: char) -> String {
        let number = |number: Option<u32>| number.map_or_else(|| "*".to_owned(), |number| number.to_string());
        format!("{kind} {}:{} {}", number(self.major), number(self.minor), self.access)
    }

    fn same_devices(&self, other: &Self) -> bool {
        (self.kind, self.major, self.minor) == (other.kind, other.major, other.minor)
    }
}

/// What to write where on v1: `devices.allow` and `devices.deny`, in order.
///
/// v1 keeps a list of exceptions and takes an exception back only by its own name: a rule that
/// denies a part of what an earlier one has allowed cannot be said there, and is refused.
pub fn lines(rules: &[Rule]) -> Result<Vec<(&'static str, String)>, String> {
    // Rules before the last one about everything have no effect.
    let start = rules.iter().rposition(Rule::is_all).unwrap_or(0);
    let rules = rules.get(start..).unwrap_or_default();
    let open = rules.first().is_some_and(|rule| rule.is_all() && rule.allow);
    let mut out = vec![(if open { "devices.allow" } else { "devices.deny" }, "a".to_owned())];
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| !rule.is_all()) {
        let earlier = rules.get(..index).unwrap_or_default();
        let takes_back = |other: &&Rule| !other.is_all() && other.allow != rule.allow && overlap(other, rule);
        if rule.allow == open
            && let Some(other) = earlier.iter().find(takes_back).filter(|other| !other.same_devices(rule))
        {
            let (verb, before) = if rule.allow { ("allow", "deny") } else { ("deny", "allow") };
            return Err(format!("cgroup v1 cannot {verb} {} after {before} {}", rule.line(rule.kind), other.line(other.kind)));
        }
        let file = if rule.allow { "devices.allow" } else { "devices.deny" };
        let kinds = if rule.kind == 'a' { vec!['b', 'c'] } else { vec![rule.kind] };
        out.extend(kinds.into_iter().map(|kind| (file, rule.line(kind))));
    }
    Ok(out)
}

/// Whether two rules have a device in common.
fn overlap(a: &Rule, b: &Rule) -> bool {
    let meet = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
    (a.kind == 'a' || b.kind == 'a' || a.kind == b.kind) && meet(a.major, b.major) && meet(a.minor, b.minor)
}

// Registers: the context comes in R1, the answer goes out in R0.
const R0: u8 = 0;
const CONTEXT: u8 = 1;
const TYPE: u8 = 2;
const ASKED: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

const LOAD_WORD: u8 = 0x61;
const MOVE: u8 = 0xbc;
const MOVE_CONSTANT: u8 = 0xb4;
const AND_CONSTANT: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const JUMP_EQUAL: u8 = 0x15;
const JUMP_NOT_EQUAL: u8 = 0x55;
const EXIT: u8 = 0x95;

fn insn(code: u8, to: u8, from: u8, offset: i16, constant: i32) -> Insn {
    Insn { code, registers: from << 4 | to, offset, constant }
}

fn answer(allow: bool) -> [Insn; 2] {
    [insn(MOVE_CONSTANT, R0, 0, 0, i32::from(allow)), insn(EXIT, 0, 0, 0, 0)]
}

/// The program for v2: `BPF_PROG_TYPE_CGROUP_DEVICE`, answers 1 to allow.
///
/// It walks the rules from the last to the first and keeps in a register what has been asked for
/// and not decided yet: a rule that allows takes its bits away, one that denies any of them ends
/// it. So an access of two bits may be allowed by two rules, as on v1.
#[must_use]
pub fn program(rules: &[Rule]) -> Vec<Insn> {
    let mut out = vec![
        // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }, where
        // access_type is the access in the high half and the type in the low.
        insn(LOAD_WORD, TYPE, CONTEXT, 0, 0),
        insn(MOVE, ASKED, TYPE, 0, 0),
        insn(SHIFT_RIGHT, ASKED, 0, 0, 16),
        insn(AND_CONSTANT, TYPE, 0, 0, 0xffff),
        insn(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        insn(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for rule in rules.iter().rev() {
        out.extend(check(rule));
        if rule.is_all() {
            break;
        }
    }
    // What nobody has decided is denied; nothing asked is nothing to deny.
    out.push(insn(JUMP_EQUAL, ASKED, 0, 2, 0));
    out.extend(answer(false));
    out.extend(answer(true));
    out
}

/// One rule: jumps behind itself unless the device fits.
fn check(rule: &Rule) -> Vec<Insn> {
    let mut tests: Vec<(u8, i32)> = Vec::new();
    match rule.kind {
        'b' => tests.push((TYPE, 1)),
        'c' => tests.push((TYPE, 2)),
        _ => {}
    }
    tests.extend(rule.major.map(|major| (MAJOR, major.cast_signed())));
    tests.extend(rule.minor.map(|minor| (MINOR, minor.cast_signed())));
    let body = if rule.allow {
        vec![insn(AND_CONSTANT, ASKED, 0, 0, ALL & !rule.bits())]
    } else {
        let mut body =
            vec![insn(MOVE, SCRATCH, ASKED, 0, 0), insn(AND_CONSTANT, SCRATCH, 0, 0, rule.bits()), insn(JUMP_EQUAL, SCRATCH, 0, 2, 0)];
        body.extend(answer(false));
        body
    };
    let mut out = Vec::new();
    for (index, (register, value)) in tests.iter().enumerate() {
        let behind = tests.len() - index - 1 + body.len();
        out.push(insn(JUMP_NOT_EQUAL, *register, 0, i16::try_from(behind).unwrap_or(i16::MAX), *value));
    }
    out.extend(body);
    out
}

#[cfg(test)]
// The interpreter takes the kernel's signed fields as they are.
#[allow(clippy::cast_sign_loss, clippy::cast_lossless)]
mod tests {
    use super::*;

    fn rule(allow: bool, kind: char, major: Option<u32>, minor: Option<u32>, access: &str) -> Rule {
        Rule { allow, kind, major, minor, access: access.to_owned() }
    }

    /// Runs a program on an access, as the kernel would.
    fn run(program: &[Insn], kind: char, access: &str, major: u64, minor: u64) -> Option<u64> {
        let asked = rule(true, kind, None, None, access).bits() as u64;
        let context = [asked << 16 | if kind == 'b' { 1 } else { 2 }, major, minor];
        let mut registers = [0_u64; 11];
        let mut at = 0_usize;
        for _ in 0..10_000 {
            let step = program.get(at)?;
            let to = usize::from(step.registers & 15);
            let from = usize::from(step.registers >> 4);
            let constant = step.constant as u32 as u64;
            at += 1;
            // Jumps compare 64 bits with the constant's sign extended.
            let wide = i64::from(step.constant) as u64;
            match step.code {
                LOAD_WORD => registers[to] = context[step.offset as usize / 4],
                MOVE => registers[to] = registers[from],
                MOVE_CONSTANT => registers[to] = constant,
                AND_CONSTANT => registers[to] &= constant,
                SHIFT_RIGHT => registers[to] >>= constant,
                JUMP_EQUAL if registers[to] == wide => at += step.offset as usize,
                JUMP_NOT_EQUAL if registers[to] != wide => at += step.offset as usize,
                JUMP_EQUAL | JUMP_NOT_EQUAL => {}
                EXIT => return Some(registers[0]),
                _ => return None,
            }
        }
        None
    }

    #[test]
    fn an_empty_list_denies_everything() {
        assert_eq!(run(&program(&[]), 'c', "r", 1, 3), Some(0));
    }

    #[test]
    fn the_last_rule_that_fits_decides() {
        let rules = [
            rule(true, 'a', None, None, "rwm"),
            rule(false, 'c', Some(1), None, "rw"),
            rule(true, 'c', Some(1), Some(3), "rw"),
            rule(false, 'b', None, None, "rwm"),
        ];
        let program = program(&rules);
        let allowed = |kind, access, major, minor| run(&program, kind, access, major, minor);
        assert_eq!(allowed('c', "rw", 1, 3), Some(1));
        assert_eq!(allowed('c', "r", 1, 5), Some(0));
        // mknod of the same device was not denied.
        assert_eq!(allowed('c', "m", 1, 5), Some(1));
        assert_eq!(allowed('c', "rwm", 5, 0), Some(1));
        assert_eq!(allowed('b', "r", 8, 0), Some(0));
    }

    #[test]
    fn an_access_is_allowed_by_two_rules_and_denied_by_a_part() {
        let split = program(&[rule(true, 'c', Some(1), Some(3), "r"), rule(true, 'c', Some(1), Some(3), "w")]);
        assert_eq!(run(&split, 'c', "rw", 1, 3), Some(1));
        assert_eq!(run(&split, 'c', "rwm", 1, 3), Some(0));
        let part = program(&[rule(true, 'a', None, None, "rwm"), rule(false, 'a', None, None, "w")]);
        assert_eq!(run(&part, 'c', "rw", 1, 3), Some(0));
        assert_eq!(run(&part, 'c', "r", 1, 3), Some(1));
    }

    #[test]
    fn v1_gets_the_same_rules_as_lines() {
        let rules = [rule(false, 'a', None, None, "rwm"), rule(true, 'c', Some(1), Some(3), "rwm"), rule(true, 'a', None, None, "m")];
        let expected = [("devices.deny", "a"), ("devices.allow", "c 1:3 rwm"), ("devices.allow", "b *:* m"), ("devices.allow", "c *:* m")];
        let found = lines(&rules).unwrap_or_default();
        assert_eq!(found.iter().map(|(file, line)| (*file, line.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_v1_cannot_say_is_refused() {
        let rules = [rule(true, 'c', Some(1), None, "rwm"), rule(false, 'c', Some(1), Some(5), "r")];
        assert!(lines(&rules).is_err_and(|reason| reason.contains("cannot deny c 1:5 r")));
        let rules = [rule(true, 'c', Some(1), Some(5), "rwm"), rule(false, 'c', Some(1), Some(5), "w")];
        assert_eq!(lines(&rules).map(|lines| lines.len()), Ok(3));
    }
}

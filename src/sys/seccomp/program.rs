//! Filters as programs of the classic BPF machine: their instructions, and what they answer.
//!
//! The kernel runs the same program on every system call; see seccomp(2) and
//! Documentation/networking/filter.rst. [`run`] does what the kernel does, so that a filter can be
//! asked without being loaded.

use std::collections::BTreeSet;

/// One instruction, `struct sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it does.
    pub code: u16,
    /// How many instructions are passed over where a test holds.
    pub jt: u8,
    /// How many where it does not.
    pub jf: u8,
    /// The constant.
    pub k: u32,
}

/// Load the word at offset `k` of the call's description.
pub const LOAD: u16 = 0x20;
/// Jump by `k`.
pub const JUMP: u16 = 0x05;
/// Test for equality.
pub const EQUAL: u16 = 0x15;
/// Test for greater.
pub const GREATER: u16 = 0x25;
/// Test for greater or equal.
pub const AT_LEAST: u16 = 0x35;
/// Test for common bits.
const COMMON: u16 = 0x45;
/// And with `k`.
pub const AND: u16 = 0x54;
/// Answer `k`.
pub const ANSWER: u16 = 0x06;

/// Offset of the call's number in `struct seccomp_data`.
pub const NUMBER: u32 = 0;
/// Offset of the architecture.
pub const ARCH: u32 = 4;

const HIGH_FIRST: bool = cfg!(target_endian = "big");

/// Offset of a half of an argument.
#[must_use]
pub const fn offset_of(argument: u32, high: bool) -> u32 {
    16 + 8 * argument + if high == HIGH_FIRST { 0 } else { 4 }
}

/// The size of an instruction in bytes.
pub const SIZE: usize = 8;

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
pub const LIMIT: usize = 4096;

/// Writes instructions as the kernel takes them.
#[must_use]
pub fn encode(program: &[Instruction]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(program.len() * SIZE);
    for one in program {
        bytes.extend(one.code.to_ne_bytes());
        bytes.extend([one.jt, one.jf]);
        bytes.extend(one.k.to_ne_bytes());
    }
    bytes
}

/// Reads instructions; a rest that is no whole instruction is passed over.
#[must_use]
pub fn decode(bytes: &[u8]) -> Vec<Instruction> {
    bytes
        .as_chunks::<SIZE>()
        .0
        .iter()
        .map(|[c0, c1, jt, jf, k @ ..]| Instruction { code: u16::from_ne_bytes([*c0, *c1]), jt: *jt, jf: *jf, k: u32::from_ne_bytes(*k) })
        .collect()
}

/// A system call as a filter sees it, `struct seccomp_data`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The number.
    pub number: u32,
    /// `AUDIT_ARCH_*`
    pub arch: u32,
    /// Where the call was made.
    pub pointer: u64,
    /// The arguments.
    pub args: [u64; 6],
}

impl Asked {
    fn word(&self, offset: u32) -> Option<u32> {
        #[allow(clippy::cast_possible_truncation)]
        let half = |value: u64, high: bool| if high { (value >> 32) as u32 } else { value as u32 };
        match offset {
            NUMBER => Some(self.number),
            ARCH => Some(self.arch),
            8 | 12 => Some(half(self.pointer, (offset == 12) != HIGH_FIRST)),
            16..64 if offset.is_multiple_of(4) => {
                let index = usize::try_from((offset - 16) / 8).ok()?;
                Some(half(*self.args.get(index)?, (offset % 8 == 4) != HIGH_FIRST))
            }
            _ => None,
        }
    }
}

/// Everything that a program may answer to a call, whatever its arguments are. Nothing for a program
/// that the kernel would not have loaded.
///
/// A test on an argument goes both ways; jumps only go forward, so each instruction is looked at at
/// most once with what is known of the accumulator then.
#[must_use]
pub fn answers(program: &[Instruction], number: u32, arch: u32) -> BTreeSet<u32> {
    let asked = Asked { number, arch, ..Asked::default() };
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut open: Vec<(usize, Option<u32>)> = vec![(0, Some(0))];
    while let Some((at, known)) = open.pop() {
        if !seen.insert((at, known)) {
            continue;
        }
        let Some(one) = program.get(at) else { return BTreeSet::new() };
        let next = |jump: u8, known| (at + 1 + usize::from(jump), known);
        let test = match one.code {
            LOAD => {
                // The number and the architecture are known, the place and the arguments are not.
                open.push(next(0, if one.k < 8 { asked.word(one.k) } else { None }));
                continue;
            }
            AND => {
                open.push(next(0, known.map(|value| value & one.k)));
                continue;
            }
            JUMP => {
                open.push((at + 1 + usize::try_from(one.k).unwrap_or(LIMIT), known));
                continue;
            }
            ANSWER => {
                found.insert(one.k);
                continue;
            }
            EQUAL => known.map(|value| value == one.k),
            GREATER => known.map(|value| value > one.k),
            AT_LEAST => known.map(|value| value >= one.k),
            COMMON => known.map(|value| value & one.k != 0),
            _ => return BTreeSet::new(),
        };
        if test != Some(false) {
            // What was compared with an unknown value is known on this side; elsewhere it is not.
            open.push(next(one.jt, if one.code == EQUAL { Some(one.k) } else { known }));
        }
        if test != Some(true) {
            open.push(next(one.jf, known));
        }
    }
    found
}

/// What a program answers. `None` for a program that the kernel would not have loaded.
#[must_use]
pub fn run(program: &[Instruction], asked: &Asked) -> Option<u32> {
    let mut accumulator: u32 = 0;
    let mut at = 0;
    loop {
        let one = program.get(at)?;
        at += 1;
        let test = match one.code {
            LOAD => {
                accumulator = asked.word(one.k)?;
                continue;
            }
            AND => {
                accumulator &= one.k;
                continue;
            }
            JUMP => {
                at += usize::try_from(one.k).ok()?;
                continue;
            }
            ANSWER => return Some(one.k),
            EQUAL => accumulator == one.k,
            GREATER => accumulator > one.k,
            AT_LEAST => accumulator >= one.k,
            COMMON => accumulator & one.k != 0,
            _ => return None,
        };
        at += usize::from(if test { one.jt } else { one.jf });
    }
}

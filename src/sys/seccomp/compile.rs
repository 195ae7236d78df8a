//! From a profile's meaning to a program: libseccomp, and a prologue for what it does not know.
//!
//! The prologue is a few instructions before the library's program. It decides the calls that are
//! younger than the library, and those whose rules the library loses, by number, and answers `ENOSYS`
//! to calls that are too new for the profile (see [`Newer`]). All else falls through to the library's
//! program, which is a binary tree by number.
//!
//! On 32-bit x86, s390 and a few others, sockets and System V objects also have one entry each,
//! `socketcall` and `ipc`, whose arguments are in memory. libseccomp translates a rule for
//! `socket` into one for `socketcall(SYS_SOCKET)` and loses the rule's conditions on the way: what
//! was allowed on a condition would be allowed without. So a profile with conditions on such a
//! call closes the entry with `ENOSYS`, unless it names the entry itself.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use libseccomp::error::SeccompError;
use libseccomp::{ScmpAction, ScmpArgCompare, ScmpCompareOp, ScmpFilterContext, ScmpSyscall};

use super::super::Errno;
use super::names::{self, Arch, Known, X32};
use super::profile::{Action, Compare, Newer, Op, Profile, Rule};
use super::program::{self, ANSWER, ARCH, AT_LEAST, EQUAL, GREATER, Instruction, JUMP, LOAD, NUMBER};

mod own;

/// Raised where the same profile makes another program than before: kept ones are not taken then.
pub const REVISION: u32 = 5;

const NO_SUCH_CALL: Action = Action::Errno(Errno::ENOSYS as u16);

/// The calls behind `socketcall`.
const SOCKETCALL: [&str; 20] = [
    "socket",
    "bind",
    "connect",
    "listen",
    "accept",
    "getsockname",
    "getpeername",
    "socketpair",
    "send",
    "recv",
    "sendto",
    "recvfrom",
    "shutdown",
    "setsockopt",
    "getsockopt",
    "sendmsg",
    "recvmsg",
    "accept4",
    "recvmmsg",
    "sendmmsg",
];

/// The calls behind `ipc`.
const IPC: [&str; 12] =
    ["semop", "semget", "semctl", "semtimedop", "msgsnd", "msgrcv", "msgget", "msgctl", "shmat", "shmdt", "shmget", "shmctl"];

/// Compiles a profile. The error is what is wrong with it, in words.
///
/// Rules for calls that no architecture of the profile has are passed over.
pub fn compile(profile: &Profile) -> Result<Vec<u8>, String> {
    let rules = closed(profile);
    let own = own::names(&rules, profile);
    let mut code = program::encode(&prologue(profile, &rules, &own)?);
    code.extend(library(profile, &rules, &own)?);
    if code.len() / program::SIZE > program::LIMIT {
        let length = code.len() / program::SIZE;
        return Err(format!("the filter has {length} instructions; the kernel takes at most {}", program::LIMIT));
    }
    Ok(code)
}

/// The rules, with `socketcall` and `ipc` closed where conditions could not be kept.
fn closed(profile: &Profile) -> Vec<Rule> {
    let mut rules = profile.rules.clone();
    for (entry, members) in [("socketcall", &SOCKETCALL[..]), ("ipc", &IPC[..])] {
        let conditional = profile.rules.iter().any(|rule| !rule.args.is_empty() && members.contains(&rule.name.as_str()));
        if conditional && !profile.rules.iter().any(|rule| rule.name == entry) {
            // The library takes no rule with the default action, so the action must be another.
            let refused = if profile.default == NO_SUCH_CALL { Action::Errno(Errno::EPERM as u16) } else { NO_SUCH_CALL };
            rules.push(Rule { name: entry.to_owned(), action: refused, args: Vec::new() });
        }
    }
    rules
}

fn library(profile: &Profile, rules: &[Rule], own: &BTreeSet<&str>) -> Result<Vec<u8>, String> {
    // The highest level of the library's interface: what this kernel supports is the load's matter,
    // and asking the kernel would cost a dozen system calls.
    let _ = libseccomp::set_api(6);
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: SeccompError| format!("libseccomp: {what}: {error}")
    };
    let mut context = ScmpFilterContext::new(action(profile.default)).map_err(failed("the default action"))?;
    context.set_act_badarch(ScmpAction::KillProcess).map_err(failed("SCMP_FLTATR_ACT_BADARCH"))?;
    context.set_ctl_optimize(2).map_err(failed("SCMP_FLTATR_CTL_OPTIMIZE"))?;
    for arch in arches(profile) {
        context.add_arch(arch.scmp).map_err(failed(arch.word))?;
    }
    if !profile.arches.contains(&names::native().word) {
        context.remove_arch(names::native().scmp).map_err(failed(names::native().word))?;
    }
    for rule in rules.iter().filter(|rule| rule.action != profile.default && !own.contains(rule.name.as_str())) {
        let Some(Known::Library(number)) = names::find(&rule.name) else { continue };
        let conditions: Vec<_> = rule.args.iter().map(condition).collect();
        let call = ScmpSyscall::from_raw_syscall(number);
        context.add_rule_conditional(action(rule.action), call, &conditions).map_err(failed(&rule.name))?;
    }
    export(&context).map_err(|error| format!("the filter could not be exported: {error}"))
}

/// The library writes programs to a descriptor only.
fn export(context: &ScmpFilterContext) -> std::io::Result<Vec<u8>> {
    use nix::sys::memfd::{MFdFlags, memfd_create};
    use std::io::{Read, Seek};
    let fd = memfd_create("seccomp-filter", MFdFlags::MFD_CLOEXEC)?;
    context.export_bpf(fd.as_fd()).map_err(|error| std::io::Error::other(error.to_string()))?;
    let mut file = std::fs::File::from(fd);
    file.rewind()?;
    let mut code = Vec::new();
    file.read_to_end(&mut code)?;
    Ok(code)
}

fn action(action: Action) -> ScmpAction {
    match action {
        Action::KillProcess => ScmpAction::KillProcess,
        Action::KillThread => ScmpAction::KillThread,
        Action::Trap => ScmpAction::Trap,
        Action::Errno(number) => ScmpAction::Errno(number.into()),
        Action::Notify => ScmpAction::Notify,
        Action::Trace(number) => ScmpAction::Trace(number),
        Action::Log => ScmpAction::Log,
        Action::Allow => ScmpAction::Allow,
    }
}

fn condition(compare: &Compare) -> ScmpArgCompare {
    let (op, value) = match compare.op {
        Op::Eq => (ScmpCompareOp::Equal, compare.value),
        Op::Ne => (ScmpCompareOp::NotEqual, compare.value),
        Op::Lt => (ScmpCompareOp::Less, compare.value),
        Op::Le => (ScmpCompareOp::LessOrEqual, compare.value),
        Op::Gt => (ScmpCompareOp::Greater, compare.value),
        Op::Ge => (ScmpCompareOp::GreaterEqual, compare.value),
        Op::MaskedEq(mask) => (ScmpCompareOp::MaskedEqual(mask), compare.value & mask),
    };
    ScmpArgCompare::new(compare.index, op, value)
}

/// The profile's architectures, the native one first: most calls are its own.
fn arches(profile: &Profile) -> Vec<&'static Arch> {
    let mut arches: Vec<_> = profile.arches.iter().filter_map(|word| names::arch_of(word)).collect();
    arches.sort_by_key(|arch| arch.word != names::native().word);
    arches
}

/// The instructions before the library's program; they fall through where they decide nothing.
fn prologue(profile: &Profile, rules: &[Rule], own: &BTreeSet<&str>) -> Result<Vec<Instruction>, String> {
    let mut sections: Vec<(u32, Vec<Instruction>)> = Vec::new();
    for arch in arches(profile) {
        let section = section(profile, rules, own, arch)?;
        match sections.iter_mut().find(|(audit, _)| *audit == arch.audit) {
            // x86-64 and x32 look the same to a filter and differ by number.
            Some((_, other)) => other.extend(section),
            None => sections.push((arch.audit, section)),
        }
    }
    sections.retain(|(_, section)| !section.is_empty());
    if sections.is_empty() {
        return Ok(Vec::new());
    }
    let mut out = vec![plain(LOAD, ARCH)];
    let mut left: usize = sections.iter().map(|(_, section)| section.len() + 4).sum();
    for (audit, section) in sections {
        let length = section.len() + 4;
        left -= length;
        out.push(test(EQUAL, audit, 1, 0));
        out.push(plain(JUMP, jump(length - 2)?));
        out.push(plain(LOAD, NUMBER));
        out.extend(section);
        out.push(plain(JUMP, jump(left)?));
    }
    Ok(out)
}

/// What one architecture's calls by number answer, with the number loaded.
fn section(profile: &Profile, rules: &[Rule], own: &BTreeSet<&str>, arch: &Arch) -> Result<Vec<Instruction>, String> {
    let mut decided: Vec<(u32, Vec<Instruction>)> = Vec::new();
    let mut highest = None;
    for rule in rules {
        let number = names::number(&rule.name, arch);
        highest = highest.max(number);
        let Some(number) = number.filter(|_| own.contains(rule.name.as_str())) else { continue };
        if !decided.iter().any(|(other, _)| *other == number) {
            decided.push((number, own::judgement(&rule.name, rules, profile, arch)?));
        }
    }
    decided.retain(|(_, judgement)| !judgement.is_empty());
    decided.sort_by_key(|(number, _)| *number);
    let mut out = Vec::new();
    for (number, judgement) in &decided {
        match u8::try_from(judgement.len()) {
            Ok(length) => out.push(test(EQUAL, *number, 0, length)),
            Err(_) => out.extend([test(EQUAL, *number, 1, 0), plain(JUMP, jump(judgement.len())?)]),
        }
        out.extend(judgement);
    }
    // One test passes over all of them, for the calls that programs really make.
    if let Some((lowest, _)) = decided.first() {
        let length = jump(out.len())?;
        out.splice(0..0, [test(AT_LEAST, *lowest, 1, 0), plain(JUMP, length)]);
    }
    if matches!(profile.default, Action::Errno(_)) && profile.default != NO_SUCH_CALL {
        let known = (profile.newer == Newer::ThanProgram).then_some(arch.base + names::YOUNGEST);
        out.extend(highest.max(known).map(|highest| too_new(highest, arch)).into_iter().flatten());
    }
    Ok(out)
}

/// `ENOSYS` past the highest number. x86-64's numbers end where those of x32 begin, and -1 is no
/// number: a tracer writes it to have no call made.
fn too_new(highest: u32, arch: &Arch) -> Vec<Instruction> {
    let end = match arch.word {
        "x86_64" => X32 - 1,
        _ => u32::MAX - 1,
    };
    vec![test(GREATER, highest, 0, 2), test(GREATER, end, 1, 0), plain(ANSWER, NO_SUCH_CALL.value())]
}

fn plain(code: u16, k: u32) -> Instruction {
    Instruction { code, jt: 0, jf: 0, k }
}

fn test(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

fn jump(length: usize) -> Result<u32, String> {
    u32::try_from(length).map_err(|_| "the filter is too long".to_owned())
}

#[cfg(test)]
mod tests;

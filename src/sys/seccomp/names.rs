//! Names and numbers of system calls and architectures.
//!
//! The numbers are libseccomp's; calls that are younger than the linked version of the library
//! come from a table here. Since Linux 5.1 a new call has one number on every architecture.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use libseccomp::{ScmpArch, ScmpSyscall};

/// One architecture: the word for it, libseccomp's, the kernel's `AUDIT_ARCH_*`, and what is
/// added to the number of a call.
#[derive(Clone, Copy, Debug)]
pub struct Arch {
    /// `x86_64`: what follows `SCMP_ARCH_`, in lower case.
    pub word: &'static str,
    /// The library's.
    pub scmp: ScmpArch,
    /// `AUDIT_ARCH_*`: what a filter sees.
    pub audit: u32,
    /// Where its table of calls starts.
    pub base: u32,
}

const fn arch(word: &'static str, scmp: ScmpArch, audit: u32, base: u32) -> Arch {
    Arch { word, scmp, audit, base }
}

/// The bit by which x32 calls differ from those of x86-64.
pub const X32: u32 = 0x4000_0000;

/// Every architecture that profiles can name.
pub const ARCHES: [Arch; 22] = [
    arch("x86_64", ScmpArch::X8664, 0xc000_003e, 0),
    arch("x86", ScmpArch::X86, 0x4000_0003, 0),
    arch("x32", ScmpArch::X32, 0xc000_003e, X32),
    arch("aarch64", ScmpArch::Aarch64, 0xc000_00b7, 0),
    arch("arm", ScmpArch::Arm, 0x4000_0028, 0),
    arch("riscv64", ScmpArch::Riscv64, 0xc000_00f3, 0),
    arch("loongarch64", ScmpArch::Loongarch64, 0xc000_0102, 0),
    arch("s390x", ScmpArch::S390X, 0x8000_0016, 0),
    arch("s390", ScmpArch::S390, 0x16, 0),
    arch("ppc64le", ScmpArch::Ppc64Le, 0xc000_0015, 0),
    arch("ppc64", ScmpArch::Ppc64, 0x8000_0015, 0),
    arch("ppc", ScmpArch::Ppc, 0x14, 0),
    arch("mips", ScmpArch::Mips, 0x8, 4000),
    arch("mips64", ScmpArch::Mips64, 0x8000_0008, 5000),
    arch("mips64n32", ScmpArch::Mips64N32, 0xa000_0008, 6000),
    arch("mipsel", ScmpArch::Mipsel, 0x4000_0008, 4000),
    arch("mipsel64", ScmpArch::Mipsel64, 0xc000_0008, 5000),
    arch("mipsel64n32", ScmpArch::Mipsel64N32, 0xe000_0008, 6000),
    arch("m68k", ScmpArch::M68k, 0x4, 0),
    arch("parisc", ScmpArch::Parisc, 0xf, 0),
    arch("parisc64", ScmpArch::Parisc64, 0x8000_000f, 0),
    arch("sh", ScmpArch::Sh, 0x4000_002a, 0),
];

/// The words of [`ARCHES`].
pub const ARCH_WORDS: [&str; 22] = {
    let mut words = [""; 22];
    let mut index = 0;
    while index < 22 {
        words[index] = ARCHES[index].word;
        index += 1;
    }
    words
};

/// The architecture of that word.
#[must_use]
pub fn arch_of(word: &str) -> Option<&'static Arch> {
    ARCHES.iter().find(|arch| arch.word == word)
}

/// The architecture that this program runs on.
#[must_use]
pub fn native() -> &'static Arch {
    let word = match std::env::consts::ARCH {
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "powerpc64" => "ppc64",
        other => other,
    };
    arch_of(word).unwrap_or(&ARCHES[0])
}

/// Calls that the linked libseccomp may not know, with their number on every architecture.
const YOUNG: [(&str, u32); 19] = [
    ("cachestat", 451),
    ("fchmodat2", 452),
    ("map_shadow_stack", 453),
    ("futex_wake", 454),
    ("futex_wait", 455),
    ("futex_requeue", 456),
    ("statmount", 457),
    ("listmount", 458),
    ("lsm_get_self_attr", 459),
    ("lsm_set_self_attr", 460),
    ("lsm_list_modules", 461),
    ("mseal", 462),
    ("setxattrat", 463),
    ("getxattrat", 464),
    ("listxattrat", 465),
    ("removexattrat", 466),
    ("open_tree_attr", 467),
    ("file_getattr", 468),
    ("file_setattr", 469),
];

/// The number of the youngest call that is known here, on every architecture (Linux 6.17).
pub const YOUNGEST: u32 = 469;

/// How a call is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// To libseccomp, by its own number (which is negative where only other architectures have it).
    Library(i32),
    /// To the table here, by its number on `arch`; none where that has no such call.
    Young(u32),
    /// `uretprobe` and `uprobe` of x86-64, which no library version before 2.6 knows.
    X8664(u32),
}

/// Finds a call by name.
#[must_use]
pub fn find(name: &str) -> Option<Known> {
    if let Ok(number) = ScmpSyscall::from_name(name) {
        return Some(Known::Library(number.as_raw_syscall()));
    }
    match name {
        "uretprobe" => return Some(Known::X8664(335)),
        "uprobe" => return Some(Known::X8664(336)),
        _ => {}
    }
    YOUNG.iter().find(|(young, _)| *young == name).map(|(_, number)| Known::Young(*number))
}

/// The number of a call on an architecture, without the architecture's base where it is young.
#[must_use]
pub fn number(name: &str, arch: &Arch) -> Option<u32> {
    match find(name)? {
        Known::Library(_) => {
            let number = ScmpSyscall::from_name_by_arch(name, arch.scmp).ok()?.as_raw_syscall();
            // Where a call came late and was behind `socketcall` or `ipc` before, the library answers
            // a number of its own below -100; the real one is between these two everywhere.
            let direct = |number: &i32| {
                let found = ScmpSyscall::from_raw_syscall(*number).get_name_by_arch(arch.scmp);
                found.is_ok_and(|found| found == name)
            };
            let number = if (-300..-99).contains(&number) { (320..430).find(direct)? } else { number };
            u32::try_from(number).ok()
        }
        Known::Young(number) => Some(arch.base + number),
        Known::X8664(number) => (arch.word == "x86_64").then_some(number),
    }
}

/// The name of a call that a filter on an architecture (`AUDIT_ARCH_*`) has seen.
///
/// The library searches its whole table for each; who supervises asks for few, again and again.
#[must_use]
pub fn name_of(number: i32, audit: u32) -> Option<Rc<str>> {
    type Found = HashMap<(i32, u32), Option<Rc<str>>>;
    thread_local! {
        static KNOWN: RefCell<Found> = RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| known.entry((number, audit)).or_insert_with(|| search(number, audit).map(Into::into)).clone())
}

fn search(number: i32, audit: u32) -> Option<String> {
    let unsigned = u32::try_from(number).ok()?;
    let arch = ARCHES.iter().find(|arch| arch.audit == audit && (arch.base & X32 != 0) == (unsigned & X32 != 0))?;
    if let Some((name, _)) = YOUNG.iter().find(|(_, young)| arch.base + young == unsigned) {
        return Some((*name).to_owned());
    }
    ScmpSyscall::from_raw_syscall(number).get_name_by_arch(arch.scmp).ok()
}

/// Every name that can be found by number on the usual architectures, sorted.
#[must_use]
pub fn all() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut names: Vec<String> = YOUNG.iter().map(|(name, _)| (*name).to_owned()).collect();
        for arch in ["x86_64", "x86", "arm", "aarch64"].iter().filter_map(|word| arch_of(word)) {
            let by_number = |number: i32| ScmpSyscall::from_raw_syscall(number).get_name_by_arch(arch.scmp).ok();
            names.extend((0..600).filter_map(by_number));
        }
        names.sort();
        names.dedup();
        names
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_library_where_both_know_a_call() {
        for (name, number) in YOUNG {
            if let Ok(found) = ScmpSyscall::from_name(name) {
                assert_eq!(u32::try_from(found.as_raw_syscall()), Ok(number), "{name}");
            }
        }
    }

    #[test]
    fn calls_are_found_on_the_architectures_that_have_them() {
        assert_eq!(number("open", &ARCHES[0]), Some(2));
        assert_eq!(number("open", &ARCHES[1]), Some(5));
        assert_eq!(number("read", &ARCHES[2]), Some(X32));
        assert_eq!(arch_of("aarch64").and_then(|arch| number("open", arch)), None);
        assert_eq!(number("mseal", &ARCHES[2]), Some(X32 + 462));
        assert_eq!(number("socket", &ARCHES[1]), Some(359));
        assert_eq!(name_of(2, ARCHES[0].audit).as_deref(), Some("open"));
        assert_eq!(name_of(0x4000_0000, ARCHES[0].audit).as_deref(), Some("read"));
        assert_eq!(name_of(5, ARCHES[1].audit).as_deref(), Some("open"));
        assert_eq!(name_of(462, ARCHES[0].audit).as_deref(), Some("mseal"));
        assert_eq!(name_of(-1, ARCHES[0].audit), None);
        assert_eq!(find("opeen"), None);
        assert!(all().len() > 400);
    }
}

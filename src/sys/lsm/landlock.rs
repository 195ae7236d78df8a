//! Landlock: a process restricts itself, without rights, by the crate `landlock`.

use std::error::Error;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetStatus, Scope,
};
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, SFlag, fstat};

use super::super::{Errno, Result};

/// What is restricted, and what is granted again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)]
pub struct Rules {
    /// Whether files are restricted at all.
    pub files: bool,
    /// Directories whose names may be read, and those below; no file in them.
    pub list: Vec<PathBuf>,
    /// Read, without execution.
    pub ro: Vec<PathBuf>,
    /// Read, write, make and remove, without execution.
    pub rw: Vec<PathBuf>,
    /// Read and execute.
    pub exec: Vec<PathBuf>,
    /// TCP ports that may be bound; `None` for all.
    pub bind: Option<Vec<u16>>,
    /// TCP ports that may be connected to; `None` for all.
    pub connect: Option<Vec<u16>>,
    /// Abstract unix sockets of processes outside are out of reach.
    pub abstract_sockets: bool,
    /// Processes outside get no signals.
    pub signals: bool,
    /// The version of the interface whose file rights are handled.
    pub abi: i32,
    /// Whether all of it must be supported.
    pub hard: bool,
}

/// How much of the rules the kernel enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforced {
    /// All.
    Fully,
    /// What this kernel's version of Landlock knows.
    Partially,
    /// Nothing.
    Not,
}

/// The version of the kernel's interface; 0 where there is none.
#[must_use]
pub fn abi() -> i32 {
    const VERSION: libc::c_uint = 1;
    let null = std::ptr::null::<libc::c_void>();
    // SAFETY: with this flag the call takes neither attributes nor a size and only answers.
    let answer = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, null, 0_usize, VERSION) };
    i32::try_from(answer).unwrap_or_default().max(0)
}

/// Restricts the calling thread, for good. Sets no `no_new_privs`: that is a call of its own.
pub fn restrict(rules: &Rules) -> Result<Enforced> {
    let level = if rules.hard { CompatLevel::HardRequirement } else { CompatLevel::BestEffort };
    let abi = ABI::from(rules.abi);
    let mut ruleset = Ruleset::default().set_compatibility(level);
    if rules.files {
        ruleset = ruleset.handle_access(AccessFs::from_all(abi)).map_err(number)?;
    }
    if rules.bind.is_some() {
        ruleset = ruleset.handle_access(AccessNet::BindTcp).map_err(number)?;
    }
    if rules.connect.is_some() {
        ruleset = ruleset.handle_access(AccessNet::ConnectTcp).map_err(number)?;
    }
    if rules.abstract_sockets {
        ruleset = ruleset.scope(Scope::AbstractUnixSocket).map_err(number)?;
    }
    if rules.signals {
        ruleset = ruleset.scope(Scope::Signal).map_err(number)?;
    }
    let mut created = ruleset.create().map_err(number)?.no_new_privs(false);
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::from_write(abi) | read;
    let list = AccessFs::ReadDir.into();
    for (paths, access) in [(&rules.list, list), (&rules.ro, read), (&rules.rw, write), (&rules.exec, read | AccessFs::Execute)] {
        for path in paths {
            let (fd, access) = beneath(path, access, abi)?;
            if access.is_empty() {
                // Only a directory has names to be listed.
                return Err(Errno::ENOTDIR);
            }
            created = created.add_rule(PathBeneath::new(fd, access)).map_err(number)?;
        }
    }
    for (ports, access) in [(&rules.bind, AccessNet::BindTcp), (&rules.connect, AccessNet::ConnectTcp)] {
        for port in ports.iter().flatten() {
            created = created.add_rule(NetPort::new(*port, access)).map_err(number)?;
        }
    }
    let status = created.restrict_self().map_err(number)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => Enforced::Fully,
        RulesetStatus::PartiallyEnforced => Enforced::Partially,
        RulesetStatus::NotEnforced => Enforced::Not,
    })
}

/// A path's descriptor, and those of the rights that its kind of file can have.
fn beneath(path: &PathBuf, access: BitFlags<AccessFs>, abi: ABI) -> Result<(OwnedFd, BitFlags<AccessFs>)> {
    let fd = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let directory = SFlag::from_bits_truncate(fstat(&fd)?.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR;
    Ok((fd, if directory { access } else { access & AccessFs::from_file(abi) }))
}

/// The kernel's number in an error of the crate; `EOPNOTSUPP` where the crate itself refused
/// because this kernel does not know what is required.
#[allow(clippy::needless_pass_by_value)]
fn number(error: landlock::RulesetError) -> Errno {
    let mut at: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(one) = at {
        if let Some(number) = one.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error) {
            return Errno::from_raw(number);
        }
        at = one.source();
    }
    Errno::EOPNOTSUPP
}

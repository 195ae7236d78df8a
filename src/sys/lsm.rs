//! Security modules: which are active, labels for the next exec, Landlock.

use std::fs;

use nix::libc;

use super::{Errno, Result, files};

pub mod landlock;

/// The modules that are active, in the kernel's order.
///
/// lsm_list_modules(2) knows them from Linux 6.8; before, a file of securityfs does, where it is
/// mounted.
#[must_use]
pub fn active() -> Vec<String> {
    let by_call = by_call();
    if !by_call.is_empty() {
        return by_call;
    }
    let list = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    let mut names: Vec<String> = list.trim().split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let says_yes = |path: &str| fs::read_to_string(path).is_ok_and(|text| text.starts_with('Y'));
    if names.is_empty() && says_yes("/sys/module/apparmor/parameters/enabled") {
        names.push("apparmor".to_owned());
    }
    names
}

fn by_call() -> Vec<String> {
    // `LSM_ID_*` of linux/lsm.h, from 100 on.
    const NAMES: [&str; 14] = [
        "capability",
        "selinux",
        "smack",
        "tomoyo",
        "apparmor",
        "yama",
        "loadpin",
        "safesetid",
        "lockdown",
        "bpf",
        "landlock",
        "ima",
        "evm",
        "ipe",
    ];
    const LIST_MODULES: libc::c_long = 461;
    let mut ids = [0_u64; 32];
    let mut size = u32::try_from(size_of_val(&ids)).unwrap_or_default();
    // SAFETY: the buffer is as long as the size says, and both outlive the call.
    let count = Errno::result(unsafe { libc::syscall(LIST_MODULES, ids.as_mut_ptr(), &raw mut size, 0) });
    let count = count.ok().and_then(|count| usize::try_from(count).ok()).unwrap_or_default();
    let name = |id: &u64| {
        let known = usize::try_from(id.wrapping_sub(100)).ok().and_then(|index| NAMES.get(index));
        known.map_or_else(|| id.to_string(), |name| (*name).to_owned())
    };
    ids.iter().take(count).map(name).collect()
}

/// The label that a module has for a process; `None` where the module is not active.
pub fn label(pid: Option<i32>, file: &str) -> Result<Option<String>> {
    let process = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    match fs::read_to_string(format!("/proc/{process}/attr/{file}")) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\0']).to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let gone = pid.is_some_and(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(false));
            if gone { Err(Errno::ESRCH) } else { Ok(None) }
        }
        // The file is there for whichever module comes first, and answers EINVAL without one.
        Err(error) => match files::errno(error) {
            Errno::EINVAL => Ok(None),
            errno => Err(errno),
        },
    }
}

/// Writes to `/proc/thread-self/attr/FILE`; see [`super::procfs`].
pub fn set_exec_label(file: &str, text: &str) -> Result<()> {
    super::procfs::write(&format!("thread-self/attr/{file}"), text.as_bytes())
}

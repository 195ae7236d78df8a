//! Where a target runs: with no rights, in a directory of its own, and under a filter by which the kernel
//! itself says that nothing was changed: whatever would change anything is a crash.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crun_lua::sys::seccomp::compile::compile;
use crun_lua::sys::seccomp::names;
use crun_lua::sys::seccomp::profile::{Action, Compare, Newer, Op, Profile, Rule};
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

/// A user that nobody else is.
const USER: u32 = 61_234;

/// Names the directory that a target may write to; whoever starts the program makes and removes it.
pub const PLACE: &str = "CRUN_LUA_FUZZ_PLACE";

/// Directories and files that targets find there.
const DIRECTORIES: [&str; 8] = ["etc", "state", "bundle", "bundle/rootfs", "root", "root/box", "unpack", "canary"];
const FILES: [&str; 7] =
    ["etc/passwd", "etc/subuid", "bundle/config.json", "root/box/state.json", "root/box/config.json", "canary/file", "policy.lua"];

/// Calls that change something outside of the process, or start or end another one. What libFuzzer needs
/// itself (files of its corpus, its end) is not among them.
const CHANGING: &[&str] = &[
    "mount",
    "umount2",
    "move_mount",
    "fsopen",
    "fsmount",
    "open_tree",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "fork",
    "vfork",
    "clone",
    "clone3",
    "execve",
    "execveat",
    "kill",
    "tkill",
    "pidfd_send_signal",
    "rt_sigqueueinfo",
    "ptrace",
    "process_vm_writev",
    "mkdir",
    "mkdirat",
    "rmdir",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "lchown",
    "fchown",
    "fchownat",
    "truncate",
    "fallocate",
    "utimensat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "sethostname",
    "setdomainname",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setfsuid",
    "setfsgid",
    "capset",
    "setpriority",
    "sched_setscheduler",
    "sched_setparam",
    "sched_setattr",
    "sched_setaffinity",
    "ioprio_set",
    "set_mempolicy",
    "add_key",
    "request_key",
    "keyctl",
    "swapon",
    "swapoff",
    "reboot",
    "init_module",
    "finit_module",
    "delete_module",
    "bpf",
    "perf_event_open",
    "io_uring_setup",
    "userfaultfd",
    "chdir",
    "fchdir",
    "umask",
    "setsid",
    "setpgid",
    "landlock_restrict_self",
    "bind",
    "connect",
    "listen",
    "acct",
    "quotactl",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "syslog",
    "vhangup",
    "setrlimit",
    "seccomp",
];

/// The directory of this process.
pub fn place() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| PathBuf::from(std::env::var_os(PLACE).unwrap_or_else(|| panic!("{PLACE} must name a directory; see make fuzz"))))
}

thread_local! {
    static OPEN: RefCell<HashMap<&'static str, File>> = RefCell::default();
}

/// Gives a file, which [`once`] has made, another content. It is opened once: later no file can be.
pub fn rewrite(name: &'static str, path: &Path, content: &[u8]) {
    OPEN.with_borrow_mut(|open| {
        let file = open.entry(name).or_insert_with(|| OpenOptions::new().write(true).open(path).unwrap());
        file.set_len(0).unwrap();
        file.write_all_at(content, 0).unwrap();
    });
}

/// Gives everything up, before the first execution.
pub fn once(writes: bool) {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    drop_rights();
    furnish();
    if !writes {
        load();
    }
}

fn drop_rights() {
    if Uid::effective().is_root() {
        let (user, group) = (Uid::from_raw(USER), Gid::from_raw(USER));
        let owned = |path: &Path| std::os::unix::fs::chown(path, Some(USER), Some(USER));
        owned(place()).unwrap();
        setgroups(&[]).unwrap();
        setresgid(group, group, group).unwrap();
        setresuid(user, user, user).unwrap();
    }
    // SAFETY: numbers only.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    std::env::set_current_dir(place()).unwrap();
    // SAFETY: no other thread reads the environment.
    unsafe {
        for (name, dir) in [("CRUN_LUA_STATE", "state"), ("CRUN_LUA_DATA", "state"), ("XDG_RUNTIME_DIR", "state")] {
            std::env::set_var(name, place().join(dir));
        }
    }
}

fn furnish() {
    for dir in DIRECTORIES {
        let _ = fs::create_dir(place().join(dir));
    }
    for file in FILES {
        fs::write(place().join(file), "{}").unwrap();
    }
    let open = [
        ("passwd", "etc/passwd"),
        ("subuid", "etc/subuid"),
        ("config", "bundle/config.json"),
        ("state", "root/box/state.json"),
        ("policy", "policy.lua"),
    ];
    for (name, file) in open {
        rewrite(name, &place().join(file), b"{}");
    }
}

/// Loads the filter. A file that this program opens for writing has `O_CLOEXEC`; libFuzzer's have not.
fn load() {
    let mut rules: Vec<Rule> =
        CHANGING.iter().map(|name| Rule { name: (*name).to_owned(), action: Action::Trap, args: Vec::new() }).collect();
    let close_on_exec = u64::from(libc::O_CLOEXEC.unsigned_abs());
    for flag in [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT] {
        let bits = close_on_exec | u64::from(flag.unsigned_abs());
        for (name, index) in [("open", 1), ("openat", 2)] {
            let args = vec![Compare { index, op: Op::MaskedEq(bits), value: bits }];
            rules.push(Rule { name: name.to_owned(), action: Action::Trap, args });
        }
    }
    // Without a structure they only ask what the kernel has.
    for (name, index) in [("mount_setattr", 4), ("landlock_create_ruleset", 1)] {
        let given = vec![Compare { index, op: Op::Ne, value: 0 }];
        rules.push(Rule { name: name.to_owned(), action: Action::Trap, args: given });
    }
    let profile = Profile { default: Action::Allow, arches: vec![names::native().word], rules, newer: Newer::ThanProgram };
    let code = compile(&profile).unwrap();
    let action = SigAction::new(SigHandler::SigAction(changed), SaFlags::SA_SIGINFO, SigSet::empty());
    // SAFETY: the handler only ends the process, by a signal that whoever watches takes for a crash.
    unsafe { sigaction(Signal::SIGSYS, &action) }.unwrap();
    crun_lua::sys::seccomp::load(&code, 0).unwrap();
}

/// Tells the number of the call, and ends.
extern "C" fn changed(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let text = b"a call that changes something was made: number ";
    let mut digits = [b'0'; 4];
    // SAFETY: with SIGSYS the kernel has filled `info` in, and the call's number lies behind the address of
    // the instruction (sigaction(2)); write and abort may be called from a handler.
    unsafe {
        let mut number = info.byte_add(24).cast::<u32>().read();
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        libc::write(2, text.as_ptr().cast(), text.len());
        libc::write(2, digits.as_ptr().cast(), digits.len());
        libc::write(2, b"\n".as_ptr().cast(), 1);
        libc::abort();
    }
}

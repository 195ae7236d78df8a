//! How a process has ended, in words: from its status, and from what the kernel's log says of it.
//!
//! A wait tells that a box was killed by SIGSYS or by SIGKILL; which call a filter did not allow,
//! or that memory ran out, is only in the kernel's log, where the reader may have no access.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use crate::kernel::processes::signal_name;
use crate::sys::processes::End;

/// What a box ends with when it cannot answer any more.
pub const SPEECHLESS: i32 = 74;

/// A signal as the kernel and as people call it.
pub fn signal_words(signal: i32) -> String {
    format!("SIG{}", signal_name(signal).to_uppercase())
}

/// How a box has ended.
pub fn words(name: &str, pid: i32, end: End) -> String {
    match end {
        End::Exited(SPEECHLESS) => format!("{name} has ended: what it may still do does not let it answer (sendmsg)"),
        End::Exited(0) => format!("{name} has ended"),
        End::Exited(status) => format!("{name} has ended: exit status {status}"),
        End::Signalled(nix::libc::SIGSYS, _) => {
            let call = log_of(pid).and_then(|log| forbidden_call(&log, pid));
            let call = call.unwrap_or_else(|| "a system call (the kernel's log does not say which)".to_owned());
            format!("{name} was killed by its seccomp filter: it called {call} (SIGSYS)")
        }
        End::Signalled(nix::libc::SIGKILL, _) if log_of(pid).is_some_and(|log| ran_out_of_memory(&log, pid)) => {
            format!("{name} was killed: its memory ran out (OOM, SIGKILL)")
        }
        End::Signalled(signal, core) => {
            format!("{name} was killed by {}{}", signal_words(signal), if core { ", leaving a core" } else { "" })
        }
    }
}

/// What the kernel's log says, as far as it may be read.
fn log_of(_pid: i32) -> Option<String> {
    let mut file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open("/dev/kmsg").ok()?;
    let mut text = String::new();
    let mut record = [0; 8192];
    // A record a read; the end is EAGAIN, and EPIPE says that records were lost meanwhile.
    loop {
        match file.read(&mut record) {
            Ok(0) => break,
            Ok(length) => text.push_str(&String::from_utf8_lossy(record.get(..length).unwrap_or_default())),
            Err(error) if error.raw_os_error() == Some(nix::libc::EPIPE) => {}
            Err(_) => break,
        }
    }
    Some(text)
}

/// The number after a word such as `syscall=`.
fn number_after(line: &str, word: &str) -> Option<i32> {
    line.split(word).nth(1)?.split(|byte: char| !byte.is_ascii_digit()).next()?.parse().ok()
}

fn forbidden_call(log: &str, pid: i32) -> Option<String> {
    let mark = format!(" pid={pid} ");
    let line = log.lines().rev().find(|line| line.contains("type=1326") && line.contains(&mark))?;
    let number = number_after(line, "syscall=")?;
    let name = libseccomp::ScmpSyscall::from(number).get_name();
    Some(name.unwrap_or_else(|_| format!("system call {number}")))
}

fn ran_out_of_memory(log: &str, pid: i32) -> bool {
    let mark = format!("Killed process {pid} ");
    log.lines().rev().any(|line| line.contains(&mark))
}

/// When a process was started, in the kernel's clock ticks (field 22 of `/proc/PID/stat`).
pub fn start_of(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().nth(19).and_then(|field| field.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_names_the_call_and_the_lack_of_memory() {
        let log = "5,1,2,-;audit: type=1326 audit(1.0:2): auid=0 pid=17 comm=\"exe\" sig=31 arch=c000003e syscall=1 compat=0\n\
                   3,2,3,-;Memory cgroup out of memory: Killed process 18 (exe) total-vm:1kB\n";
        assert_eq!(forbidden_call(log, 18), None);
        #[cfg(target_arch = "x86_64")]
        assert_eq!(forbidden_call(log, 17).as_deref(), Some("write"));
        assert!(ran_out_of_memory(log, 18) && !ran_out_of_memory(log, 1) && !ran_out_of_memory(log, 17));
    }
}

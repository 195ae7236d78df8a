//! Stopping all of a group: freezing it, thawing it, killing what is in it.
//!
//! All of it waits until it is so, with a limit: `ETIMEDOUT` where a group does not freeze, `EBUSY`
//! where a member does not die.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::PollFlags;

use super::{NAP, PATIENCE, Version, members, notified, read, write};
use crate::sys::{Errno, Result, files::errno, processes};

/// Freezes or thaws a group and waits until it is so.
pub fn freeze(dir: &Path, version: Version, frozen: bool) -> Result<()> {
    match version {
        Version::V1 => freeze_v1(dir, if frozen { "FROZEN" } else { "THAWED" }),
        Version::V2 => {
            write(&dir.join("cgroup.freeze"), if frozen { "1" } else { "0" })?;
            let wanted = if frozen { "frozen 1" } else { "frozen 0" };
            wait_for_event(&dir.join("cgroup.events"), |text| text.lines().any(|line| line == wanted))
        }
    }
}

/// The v1 freezer goes through FREEZING, and stays there while a member forks or stands in the
/// kernel; writing again gives it another try (Documentation/admin-guide/cgroup-v1).
fn freeze_v1(dir: &Path, state: &str) -> Result<()> {
    let file = dir.join("freezer.state");
    let deadline = Instant::now() + PATIENCE;
    loop {
        write(&file, state)?;
        if read(&file)? == state {
            return Ok(());
        }
        if Instant::now() > deadline {
            // A group that is half frozen is worse than one that runs.
            let _ = write(&file, "THAWED");
            return Err(Errno::ETIMEDOUT);
        }
        std::thread::sleep(NAP);
    }
}

/// Waits until a v2 events file says so; the kernel gives notice of each change by POLLPRI.
fn wait_for_event(path: &Path, done: impl Fn(&str) -> bool) -> Result<()> {
    let file = File::open(path).map_err(errno)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if done(&read(path)?) {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Errno::ETIMEDOUT);
        }
        // A short limit on each wait: a notice between reading and polling is not lost for long.
        notified(file.as_fd(), PollFlags::POLLPRI, left.min(Duration::from_millis(50)))?;
    }
}

/// Kills every process of these groups and of those below, except the caller.
///
/// `freezer` is the group's place in the v1 freezer hierarchy: what is frozen cannot fork away,
/// and its numbers cannot be given to others meanwhile.
pub fn kill(dirs: &[PathBuf], freezer: Option<&Path>) -> Result<()> {
    for dir in dirs {
        // cgroup.kill (Linux 5.14) takes all of them at once, whatever they fork meanwhile.
        match write(&dir.join("cgroup.kill"), "1") {
            Ok(()) | Err(Errno::ENOENT | Errno::ENODEV | Errno::EACCES | Errno::EOPNOTSUPP) => {}
            Err(other) => return Err(other),
        }
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pids = living(dirs)?;
        if pids.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Errno::EBUSY);
        }
        let frozen = freezer.filter(|dir| freeze_v1(dir, "FROZEN").is_ok());
        for pid in living(dirs)? {
            match processes::kill(pid, libc::SIGKILL) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(other) => return Err(other),
            }
        }
        if let Some(dir) = frozen {
            freeze_v1(dir, "THAWED")?;
        }
        std::thread::sleep(NAP);
    }
}

/// The members that a signal can still reach: neither the caller, nor dead already.
pub(super) fn living(dirs: &[PathBuf]) -> Result<Vec<i32>> {
    let own = std::process::id().cast_signed();
    let mut pids = Vec::new();
    for dir in dirs {
        pids.extend(members(dir, true)?);
    }
    // 0 is a process of another pid namespace: it has no number here.
    pids.retain(|pid| *pid != own && *pid > 0 && !is_dead(*pid));
    pids.sort_unstable();
    pids.dedup();
    Ok(pids)
}

fn is_dead(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| matches!(rest.trim_start().chars().next(), Some('Z' | 'X')))
}

//! Limits in one vocabulary, and what each becomes on v1 and on v2.
//!
//! Only what was asked is written. The vocabulary is v2's; the conversions to v1 are those that
//! the OCI runtimes share, so a container has the same limits whoever starts it.

use std::path::PathBuf;

use super::{Call, devices};
use crate::sys::cgroups::Version;

/// No limit.
pub const MAX: u64 = u64::MAX;

/// A bandwidth of processors, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// Time in each period; [`MAX`] for no limit.
    pub quota: Option<u64>,
    /// The period.
    pub period: Option<u64>,
    /// Time that may be saved up.
    pub burst: Option<u64>,
}

/// Limits of one block device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// `8:0`
    pub device: String,
    /// `rbps`, `wbps`, `riops`, `wiops` with their limits.
    pub limits: Vec<(&'static str, u64)>,
    /// 1 to 10000.
    pub weight: Option<u64>,
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes that are taken only when there is no other memory.
    pub memory_low: Option<u64>,
    /// Bytes of swap, without the memory.
    pub swap: Option<u64>,
    /// Processor time.
    pub cpu: Option<Bandwidth>,
    /// 1 to 10000; 100 is the kernel's default.
    pub cpu_weight: Option<u64>,
    /// Whether it only gets time that nobody else wants.
    pub cpu_idle: Option<bool>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Block devices.
    pub io: Vec<Io>,
    /// 1 to 10000; 100 is the kernel's default.
    pub io_weight: Option<u64>,
    /// `0-1,4`
    pub cpuset: Option<String>,
    /// `0`
    pub cpuset_mems: Option<String>,
    /// Bytes by size of page (`2MB`).
    pub hugetlb: Vec<(String, u64)>,
    /// Rules, in order.
    pub devices: Option<Vec<devices::Rule>>,
    /// Files by name, as they are.
    pub files: Vec<(String, String)>,
    /// Files in order, as they are: what is refused is tried again after the rest.
    pub writes: Vec<(String, String)>,
    /// Whether the group is to be in every hierarchy, with every controller, limits or not.
    pub everywhere: bool,
    /// Whether the caller has written down what is to be removed after a crash.
    pub noted: bool,
}

/// A group's place in one hierarchy.
pub type Place = (Version, PathBuf);

impl Limits {
    /// The controllers that the limits need, by v2's names; `devices` is one of v1 only.
    #[must_use]
    pub fn controllers(&self) -> Vec<String> {
        let asked = [
            ("memory", self.memory.is_some() || self.memory_low.is_some() || self.swap.is_some()),
            ("cpu", self.cpu.is_some() || self.cpu_weight.is_some() || self.cpu_idle.is_some()),
            ("pids", self.pids.is_some()),
            ("io", !self.io.is_empty() || self.io_weight.is_some()),
            ("cpuset", self.cpuset.is_some() || self.cpuset_mems.is_some()),
            ("hugetlb", !self.hugetlb.is_empty()),
            ("devices", self.devices.is_some()),
        ];
        let mut names: Vec<String> = asked.iter().filter(|(_, asked)| *asked).map(|(name, _)| (*name).to_owned()).collect();
        for (file, _) in self.files.iter().chain(&self.writes) {
            let name = controller_of(file);
            if name != "cgroup" && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The calls that set the limits; `place` knows where the group is for each controller.
    pub fn calls(&self, place: &dyn Fn(&str) -> Option<Place>) -> Result<Vec<Call>, String> {
        let mut calls = Vec::new();
        let here = |name: &str| place(name).ok_or_else(|| format!("the group has no place for the controller {name}"));
        if self.memory.is_some() || self.memory_low.is_some() || self.swap.is_some() {
            self.memory_calls(&here("memory")?, &mut calls)?;
        }
        if self.cpu.is_some() || self.cpu_weight.is_some() || self.cpu_idle.is_some() {
            self.cpu_calls(&here("cpu")?, &mut calls);
        }
        if let Some(pids) = self.pids {
            calls.push(write(&here("pids")?, "pids.max", limit(pids, "max")));
        }
        if !self.io.is_empty() || self.io_weight.is_some() {
            self.io_calls(&here("io")?, &mut calls);
        }
        for (file, value) in [("cpuset.cpus", &self.cpuset), ("cpuset.mems", &self.cpuset_mems)] {
            if let Some(value) = value {
                calls.push(write(&here("cpuset")?, file, value.clone()));
            }
        }
        for (size, bytes) in &self.hugetlb {
            let at = here("hugetlb")?;
            let file = if at.0 == Version::V1 { "limit_in_bytes" } else { "max" };
            calls.push(write(&at, &format!("hugetlb.{size}.{file}"), limit(*bytes, if at.0 == Version::V1 { "-1" } else { "max" })));
        }
        if let Some(rules) = &self.devices {
            let at = here("devices")?;
            match at.0 {
                Version::V1 => {
                    let writes = devices::lines(rules)?.into_iter().map(|(file, line)| (at.1.join(file), line)).collect();
                    calls.push(Call::Write { writes });
                }
                Version::V2 => calls.push(Call::Devices { dir: at.1, rules: rules.clone() }),
            }
        }
        for (file, value) in &self.files {
            calls.push(write(&here(&controller_of(file))?, file, value.clone()));
        }
        if !self.writes.is_empty() {
            let path = |file: &String| here(&controller_of(file)).map(|at| at.1.join(file));
            let writes = self.writes.iter().map(|(file, value)| Ok((path(file)?, value.clone()))).collect::<Result<_, String>>()?;
            calls.push(Call::Write { writes });
        }
        Ok(calls)
    }

    fn memory_calls(&self, at: &Place, calls: &mut Vec<Call>) -> Result<(), String> {
        let (version, dir) = at;
        let mut writes = Vec::new();
        match version {
            Version::V2 => {
                if let Some(bytes) = self.memory {
                    writes.push((dir.join("memory.max"), limit(bytes, "max")));
                }
                if let Some(bytes) = self.swap {
                    writes.push((dir.join("memory.swap.max"), limit(bytes, "max")));
                }
                if let Some(bytes) = self.memory_low {
                    writes.push((dir.join("memory.low"), limit(bytes, "max")));
                }
                calls.extend(writes.into_iter().map(|item| Call::Write { writes: vec![item] }));
            }
            Version::V1 => {
                if let Some(bytes) = self.memory {
                    writes.push((dir.join("memory.limit_in_bytes"), limit(bytes, "-1")));
                }
                if let Some(swap) = self.swap {
                    // v1 counts both together.
                    let both = match (self.memory, swap) {
                        (_, MAX) | (Some(MAX), _) => MAX,
                        (Some(memory), swap) => memory.saturating_add(swap),
                        (None, _) => return Err("swap: cgroup v1 limits memory and swap together: say `memory` as well".to_owned()),
                    };
                    writes.push((dir.join("memory.memsw.limit_in_bytes"), limit(both, "-1")));
                }
                if !writes.is_empty() {
                    calls.push(Call::Write { writes });
                }
                if let Some(bytes) = self.memory_low {
                    calls.push(write(at, "memory.soft_limit_in_bytes", limit(bytes, "-1")));
                }
            }
        }
        Ok(())
    }

    fn cpu_calls(&self, at: &Place, calls: &mut Vec<Call>) {
        let (version, dir) = at;
        // Going idle resets the weight, so it comes first.
        if let Some(idle) = self.cpu_idle {
            calls.push(write(at, "cpu.idle", u64::from(idle).to_string()));
        }
        if let Some(weight) = self.cpu_weight {
            calls.push(match version {
                Version::V1 => write(at, "cpu.shares", weight_to_shares(weight).to_string()),
                Version::V2 => write(at, "cpu.weight", weight.to_string()),
            });
        }
        let Some(Bandwidth { quota, period, burst }) = self.cpu else { return };
        let mut writes = Vec::new();
        match version {
            Version::V1 => {
                writes.extend(period.map(|period| (dir.join("cpu.cfs_period_us"), period.to_string())));
                writes.extend(quota.map(|quota| (dir.join("cpu.cfs_quota_us"), limit(quota, "-1"))));
                writes.extend(burst.map(|burst| (dir.join("cpu.cfs_burst_us"), burst.to_string())));
            }
            Version::V2 => {
                // A quota alone leaves the period as it is; a period needs the quota before it.
                let value = match (quota, period) {
                    (Some(quota), Some(period)) => Some(format!("{} {period}", limit(quota, "max"))),
                    (Some(quota), None) => Some(limit(quota, "max")),
                    (None, Some(period)) => Some(format!("max {period}")),
                    (None, None) => None,
                };
                writes.extend(value.map(|value| (dir.join("cpu.max"), value)));
                writes.extend(burst.map(|burst| (dir.join("cpu.max.burst"), burst.to_string())));
            }
        }
        if !writes.is_empty() {
            calls.push(Call::Write { writes });
        }
    }

    fn io_calls(&self, at: &Place, calls: &mut Vec<Call>) {
        if let Some(weight) = self.io_weight {
            calls.push(Call::Weight { dir: at.1.clone(), version: at.0, device: None, weight });
        }
        for io in &self.io {
            match at.0 {
                Version::V2 if !io.limits.is_empty() => {
                    let limits: Vec<_> = io.limits.iter().map(|(name, value)| format!("{name}={}", limit(*value, "max"))).collect();
                    calls.push(write(at, "io.max", format!("{} {}", io.device, limits.join(" "))));
                }
                Version::V2 => {}
                Version::V1 => {
                    for (name, value) in &io.limits {
                        // 0 takes a limit away.
                        calls.push(write(at, throttle_file(name), format!("{} {}", io.device, limit(*value, "0"))));
                    }
                }
            }
            if let Some(weight) = io.weight {
                calls.push(Call::Weight { dir: at.1.clone(), version: at.0, device: Some(io.device.clone()), weight });
            }
        }
    }
}

/// The file of v1 for one of v2's names.
#[must_use]
pub fn throttle_file(name: &str) -> &'static str {
    match name {
        "rbps" => "blkio.throttle.read_bps_device",
        "wbps" => "blkio.throttle.write_bps_device",
        "riops" => "blkio.throttle.read_iops_device",
        _ => "blkio.throttle.write_iops_device",
    }
}

fn write(at: &Place, file: &str, value: String) -> Call {
    Call::Write { writes: vec![(at.1.join(file), value)] }
}

fn limit(value: u64, none: &str) -> String {
    if value == MAX { none.to_owned() } else { value.to_string() }
}

/// The controller that a file belongs to, by v2's name: `memory` of `memory.high`.
#[must_use]
pub fn controller_of(file: &str) -> String {
    match file.split('.').next().unwrap_or_default() {
        "blkio" => "io".to_owned(),
        other => other.to_owned(),
    }
}

/// The default shares, 1024, are the default weight, 100, and the ends meet: a parabola through
/// the three points, on logarithmic scales, as runc and crun draw it since 2025.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn shares_to_weight(shares: u64) -> u64 {
    match shares {
        0..=2 => 1,
        262_144.. => 10_000,
        _ => {
            let log = (shares as f64).log2();
            let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
            // The kernel's own points must not be missed by a rounding error.
            (10_f64.powf(exponent) - 1e-9).ceil() as u64
        }
    }
}

/// The reverse of [`shares_to_weight`].
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
pub fn weight_to_shares(weight: u64) -> u64 {
    match weight {
        0..=1 => 2,
        10_000.. => 262_144,
        _ => {
            let exponent = (weight as f64).log10() + 7.0 / 34.0;
            let log = ((125.0_f64 * 125.0 + 4.0 * 612.0 * exponent).sqrt() - 125.0) / 2.0;
            log.exp2().round() as u64
        }
    }
}

/// The weight of v1's blkio, 10 to 1000, for one of v2's io, as the OCI runtimes convert it.
#[must_use]
pub fn io_weight_v1(weight: u64) -> u64 {
    10 + weight.clamp(1, 10_000).saturating_sub(1) * 990 / 9999
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(limits: &Limits, version: Version) -> Vec<String> {
        let calls = limits.calls(&|_| Some((version, PathBuf::from("/g")))).unwrap_or_default();
        calls.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn swap_alone_cannot_be_said_on_v1() {
        let limits = Limits { swap: Some(1), ..Limits::default() };
        assert!(limits.calls(&|_| Some((Version::V1, PathBuf::new()))).is_err());
        assert!(limits.calls(&|_| None).is_err());
    }

    #[test]
    fn nothing_is_written_that_was_not_asked() {
        assert_eq!(texts(&Limits::default(), Version::V2), [""; 0]);
        let limits = Limits { pids: Some(MAX), ..Limits::default() };
        assert_eq!(texts(&limits, Version::V2), ["write(</g/pids.max>, \"max\", 3)"]);
    }

    #[test]
    fn one_vocabulary_becomes_both_versions_files() {
        let limits = Limits {
            memory: Some(64 << 20),
            swap: Some(0),
            cpu: Some(Bandwidth { quota: Some(50_000), period: Some(100_000), burst: None }),
            cpu_weight: Some(100),
            io: vec![Io { device: "8:0".into(), limits: vec![("rbps", 1024), ("wiops", MAX)], weight: None }],
            ..Limits::default()
        };
        let v1 = texts(&limits, Version::V1).join("\n");
        assert!(v1.contains("memory.limit_in_bytes>, \"67108864\", 8), write(</g/memory.memsw.limit_in_bytes>, \"67108864\""), "{v1}");
        assert!(v1.contains("cpu.cfs_quota_us>, \"50000\"") && v1.contains("cpu.shares>, \"1024\""), "{v1}");
        assert!(v1.contains("read_bps_device>, \"8:0 1024\"") && v1.contains("write_iops_device>, \"8:0 0\""), "{v1}");
        let v2 = texts(&limits, Version::V2).join("\n");
        assert!(v2.contains("memory.swap.max>, \"0\"") && v2.contains("cpu.max>, \"50000 100000\""), "{v2}");
        assert!(v2.contains("io.max>, \"8:0 rbps=1024 wiops=max\""), "{v2}");
    }

    #[test]
    fn the_weights_meet_at_the_ends_and_at_the_default() {
        for (shares, weight) in [(2, 1), (1024, 100), (262_144, 10_000)] {
            assert_eq!(shares_to_weight(shares), weight);
            assert_eq!(weight_to_shares(weight), shares);
        }
        assert!((1..10_000).all(|weight| shares_to_weight(weight_to_shares(weight)).abs_diff(weight) <= weight / 50 + 1));
        assert_eq!((io_weight_v1(1), io_weight_v1(10_000)), (10, 1000));
    }
}

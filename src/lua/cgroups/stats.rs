//! What a group shows: limits in the vocabulary they were set in, statistics, counts of events.
//!
//! A value that the kernel does not show is left out; nothing is made up. v1's nanoseconds and
//! clock ticks become v2's microseconds. The crate `cgroups-rs` reads the keyed files; it is not
//! used for anything that writes, waits or starts a thread.

use std::fs::File;
use std::path::Path;

use cgroups_rs::fs::{flat_keyed_to_vec, nested_keyed_to_hashmap};
use mlua::{Lua, Table, Value};

use super::group::Cgroup;
use super::place::Part;
use crate::kernel::cgroups::limits::{shares_to_weight, throttle_file};
use crate::lua::error::Outcome;
use crate::sys::cgroups::{Version, read};

/// One file, as text; none where it is not there.
fn text(part: &Part, file: &str) -> Option<String> {
    read(&part.dir.join(file)).ok()
}

/// One file, as a number.
fn number(part: &Part, file: &str) -> Option<i64> {
    text(part, file)?.trim().parse().ok()
}

/// One file with a limit: a number, or "max" where there is none.
fn limit(lua: &Lua, part: &Part, file: &str) -> mlua::Result<Value> {
    let Some(text) = text(part, file) else { return Ok(Value::Nil) };
    limit_value(lua, &text)
}

fn limit_value(lua: &Lua, text: &str) -> mlua::Result<Value> {
    // v1 says "no limit" as -1, and for memory as the last page below 2^63.
    const NO_LIMIT: i64 = 0x7fff_ffff_ffff_0000;
    match text.trim().parse::<i64>() {
        Ok(number) if (0..NO_LIMIT).contains(&number) => Ok(Value::Integer(number)),
        Ok(_) => Ok(Value::String(lua.create_string("max")?)),
        Err(_) if text.trim() == "max" => Ok(Value::String(lua.create_string("max")?)),
        Err(_) => Ok(Value::Nil),
    }
}

/// How often a limit of v1 was met: where both are the same, memory and swap are counted together.
fn failures(part: &Part) -> Option<i64> {
    Some(number(part, "memory.failcnt")? + number(part, "memory.memsw.failcnt").unwrap_or_default())
}

/// A file of lines `key value`.
fn flat(path: &Path) -> Vec<(String, i64)> {
    File::open(path).ok().and_then(|file| flat_keyed_to_vec(file).ok()).unwrap_or_default()
}

fn flat_value(part: &Part, file: &str, key: &str) -> Option<i64> {
    flat(&part.dir.join(file)).into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn flat_table(lua: &Lua, part: &Part, file: &str) -> mlua::Result<Option<Table>> {
    let pairs = flat(&part.dir.join(file));
    if pairs.is_empty() { Ok(None) } else { lua.create_table_from(pairs).map(Some) }
}

/// The limits, as `cgroup_set` takes them.
pub fn limits(lua: &Lua, group: &Cgroup) -> Outcome<Table> {
    let out = lua.create_table()?;
    if let Some(part) = group.part("memory") {
        match part.version {
            Version::V2 => {
                out.raw_set("memory", limit(lua, &part, "memory.max")?)?;
                out.raw_set("swap", limit(lua, &part, "memory.swap.max")?)?;
                out.raw_set("memory_low", limit(lua, &part, "memory.low")?)?;
            }
            Version::V1 => {
                let memory = limit(lua, &part, "memory.limit_in_bytes")?;
                let both = limit(lua, &part, "memory.memsw.limit_in_bytes")?;
                let swap = match (both.as_i64(), memory.as_i64()) {
                    (Some(both), Some(memory)) => Value::Integer(both - memory),
                    _ => both,
                };
                out.raw_set("memory", memory)?;
                out.raw_set("swap", swap)?;
                out.raw_set("memory_low", limit(lua, &part, "memory.soft_limit_in_bytes")?)?;
            }
        }
    }
    if let Some(part) = group.part("cpu") {
        out.raw_set("cpu", bandwidth(lua, &part)?)?;
        let weight = match part.version {
            Version::V2 => number(&part, "cpu.weight"),
            Version::V1 => number(&part, "cpu.shares").map(|shares| shares_to_weight(shares.cast_unsigned()).cast_signed()),
        };
        out.raw_set("cpu_weight", weight)?;
        out.raw_set("cpu_idle", number(&part, "cpu.idle").map(|idle| idle == 1))?;
    }
    if let Some(part) = group.part("pids") {
        out.raw_set("pids", limit(lua, &part, "pids.max")?)?;
    }
    if let Some(part) = group.part("cpuset") {
        out.raw_set("cpuset", text(&part, "cpuset.cpus").filter(|text| !text.is_empty()))?;
        out.raw_set("cpuset_mems", text(&part, "cpuset.mems").filter(|text| !text.is_empty()))?;
    }
    if let Some(part) = group.part("io") {
        out.raw_set("io", io_limits(lua, &part)?)?;
    }
    Ok(out)
}

fn bandwidth(lua: &Lua, part: &Part) -> mlua::Result<Table> {
    let out = lua.create_table()?;
    match part.version {
        Version::V2 => {
            let text = text(part, "cpu.max").unwrap_or_default();
            let mut fields = text.split(' ');
            out.raw_set("quota", limit_value(lua, fields.next().unwrap_or_default())?)?;
            out.raw_set("period", fields.next().and_then(|period| period.parse::<i64>().ok()))?;
            out.raw_set("burst", number(part, "cpu.max.burst"))?;
        }
        Version::V1 => {
            out.raw_set("quota", limit(lua, part, "cpu.cfs_quota_us")?)?;
            out.raw_set("period", number(part, "cpu.cfs_period_us"))?;
            out.raw_set("burst", number(part, "cpu.cfs_burst_us"))?;
        }
    }
    Ok(out)
}

fn io_limits(lua: &Lua, part: &Part) -> mlua::Result<Table> {
    let names = ["rbps", "wbps", "riops", "wiops"];
    let mut found: Vec<(String, &str, String)> = Vec::new();
    match part.version {
        Version::V2 => {
            for line in text(part, "io.max").unwrap_or_default().lines() {
                let mut fields = line.split(' ');
                let device = fields.next().unwrap_or_default();
                for (name, value) in fields.filter_map(|field| field.split_once('=')) {
                    if let Some(name) = names.iter().find(|other| **other == name) {
                        found.push((device.to_owned(), name, value.to_owned()));
                    }
                }
            }
        }
        Version::V1 => {
            for name in names {
                for line in text(part, throttle_file(name)).unwrap_or_default().lines() {
                    if let Some((device, value)) = line.split_once(' ') {
                        found.push((device.to_owned(), name, value.to_owned()));
                    }
                }
            }
        }
    }
    let out = lua.create_table()?;
    let mut order: Vec<String> = found.iter().map(|(device, _, _)| device.clone()).collect();
    order.sort();
    order.dedup();
    for device in order {
        let entry = lua.create_table()?;
        for (_, name, value) in found.iter().filter(|(other, _, _)| *other == device) {
            entry.raw_set(*name, limit_value(lua, value)?)?;
        }
        entry.raw_set("device", device)?;
        out.raw_push(entry)?;
    }
    Ok(out)
}

/// What the group uses and has used.
pub fn stats(lua: &Lua, group: &Cgroup) -> Outcome<Table> {
    let out = lua.create_table()?;
    if let Some(part) = group.part("memory") {
        out.raw_set("memory", memory(lua, &part)?)?;
    }
    out.raw_set("cpu", cpu(lua, group)?)?;
    if let Some(part) = group.part("pids") {
        let pids = lua.create_table()?;
        pids.raw_set("current", number(&part, "pids.current"))?;
        pids.raw_set("peak", number(&part, "pids.peak"))?;
        out.raw_set("pids", pids)?;
    }
    if let Some(part) = group.part("io") {
        out.raw_set("io", io(lua, &part)?)?;
    }
    let pressure = lua.create_table()?;
    if let Some(part) = group.core().filter(|part| part.version == Version::V2) {
        for name in ["cpu", "memory", "io"] {
            if let Some(text) = text(&part, &format!("{name}.pressure")) {
                pressure.raw_set(name, pressures(lua, &text)?)?;
            }
        }
    }
    if !pressure.is_empty() {
        out.raw_set("pressure", pressure)?;
    }
    Ok(out)
}

fn memory(lua: &Lua, part: &Part) -> mlua::Result<Table> {
    let out = lua.create_table()?;
    match part.version {
        Version::V2 => {
            out.raw_set("usage", number(part, "memory.current"))?;
            out.raw_set("peak", number(part, "memory.peak"))?;
            out.raw_set("swap", number(part, "memory.swap.current"))?;
            out.raw_set("failcnt", flat_value(part, "memory.events", "max"))?;
        }
        Version::V1 => {
            let usage = number(part, "memory.usage_in_bytes");
            let both = number(part, "memory.memsw.usage_in_bytes");
            out.raw_set("usage", usage)?;
            out.raw_set("peak", number(part, "memory.max_usage_in_bytes"))?;
            out.raw_set("swap", both.zip(usage).map(|(both, usage)| (both - usage).max(0)))?;
            out.raw_set("failcnt", failures(part))?;
        }
    }
    out.raw_set("stat", flat_table(lua, part, "memory.stat")?)?;
    Ok(out)
}

fn cpu(lua: &Lua, group: &Cgroup) -> mlua::Result<Table> {
    let out = lua.create_table()?;
    // v2 counts time in every group, with the controller or without.
    let core = || group.core().filter(|part| part.version == Version::V2);
    if let Some(part) = group.part("cpu").or_else(core) {
        for (name, value) in flat(&part.dir.join("cpu.stat")) {
            match name.as_str() {
                "throttled_time" => out.raw_set("throttled_usec", value / 1000)?,
                "burst_time" => out.raw_set("burst_usec", value / 1000)?,
                "wait_sum" => {}
                name => out.raw_set(name, value)?,
            }
        }
    }
    if let Some(part) = group.part("cpuacct") {
        out.raw_set("usage_usec", number(&part, "cpuacct.usage").map(|nanos| nanos / 1000))?;
        out.raw_set("user_usec", number(&part, "cpuacct.usage_user").map(|nanos| nanos / 1000))?;
        out.raw_set("system_usec", number(&part, "cpuacct.usage_sys").map(|nanos| nanos / 1000))?;
    }
    Ok(out)
}

fn io(lua: &Lua, part: &Part) -> mlua::Result<Table> {
    let out = lua.create_table()?;
    match part.version {
        Version::V2 => {
            let file = File::open(part.dir.join("io.stat")).ok();
            let devices = file.and_then(|file| nested_keyed_to_hashmap(file).ok()).unwrap_or_default();
            let mut devices: Vec<_> = devices.into_iter().collect();
            devices.sort_by(|a, b| a.0.cmp(&b.0));
            for (device, counts) in devices {
                let entry = lua.create_table_from(counts)?;
                entry.raw_set("device", device)?;
                out.raw_push(entry)?;
            }
        }
        Version::V1 => {
            let files = [
                ("blkio.throttle.io_service_bytes_recursive", "rbytes", "wbytes"),
                ("blkio.throttle.io_serviced_recursive", "rios", "wios"),
            ];
            let mut entries: Vec<(String, Table)> = Vec::new();
            for (file, read, write) in files {
                for line in text(part, file).unwrap_or_default().lines() {
                    let fields: Vec<&str> = line.split(' ').collect();
                    let [device, what, count] = fields.as_slice() else { continue };
                    let name = match *what {
                        "Read" => read,
                        "Write" => write,
                        _ => continue,
                    };
                    let entry = if let Some((_, entry)) = entries.iter().find(|(other, _)| other == device) {
                        entry.clone()
                    } else {
                        let entry = lua.create_table()?;
                        entry.raw_set("device", *device)?;
                        entries.push(((*device).to_owned(), entry.clone()));
                        entry
                    };
                    entry.raw_set(name, count.parse::<i64>().ok())?;
                }
            }
            for (_, entry) in entries {
                out.raw_push(entry)?;
            }
        }
    }
    Ok(out)
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` (Documentation/accounting/psi.rst).
fn pressures(lua: &Lua, text: &str) -> mlua::Result<Table> {
    let out = lua.create_table()?;
    for line in text.lines() {
        let mut fields = line.split(' ');
        let Some(kind) = fields.next() else { continue };
        let entry = lua.create_table()?;
        for (name, value) in fields.filter_map(|field| field.split_once('=')) {
            match value.parse::<i64>() {
                Ok(number) => entry.raw_set(name, number)?,
                Err(_) => entry.raw_set(name, value.parse::<f64>().ok())?,
            }
        }
        out.raw_set(kind, entry)?;
    }
    Ok(out)
}

/// How often things have happened: `memory` { oom, oom_kill, max … }, `pids` { max }, and the
/// states `populated` and `frozen`.
pub fn events(lua: &Lua, group: &Cgroup) -> Outcome<Table> {
    let out = lua.create_table()?;
    if let Some(part) = group.part("memory") {
        let memory = match part.version {
            Version::V2 => flat_table(lua, &part, "memory.events")?,
            Version::V1 => {
                let table = lua.create_table()?;
                table.raw_set("oom_kill", flat_value(&part, "memory.oom_control", "oom_kill"))?;
                table.raw_set("under_oom", flat_value(&part, "memory.oom_control", "under_oom"))?;
                table.raw_set("max", failures(&part))?;
                Some(table)
            }
        };
        out.raw_set("memory", memory)?;
    }
    if let Some(part) = group.part("pids") {
        out.raw_set("pids", flat_table(lua, &part, "pids.events")?)?;
    }
    if let Some(part) = group.core() {
        match part.version {
            Version::V2 => {
                out.raw_set("populated", flat_value(&part, "cgroup.events", "populated").map(|flag| flag == 1))?;
                out.raw_set("frozen", flat_value(&part, "cgroup.events", "frozen").map(|flag| flag == 1))?;
            }
            Version::V1 => {
                let members = crate::sys::cgroups::members(&part.dir, true).unwrap_or_default();
                out.raw_set("populated", !members.is_empty())?;
                out.raw_set("frozen", text(&part, "freezer.state").map(|state| state == "FROZEN"))?;
            }
        }
    }
    Ok(out)
}

/// Where an event that can be waited for is counted: controller, file on v1, file on v2, key.
pub fn counter(part: &Part, event: &str) -> Option<i64> {
    match (event, part.version) {
        ("oom" | "oom_kill", Version::V1) => flat_value(part, "memory.oom_control", "oom_kill"),
        ("max", Version::V1) => failures(part),
        ("pids", _) => flat_value(part, "pids.events", "max"),
        ("populated" | "frozen", Version::V2) => flat_value(part, "cgroup.events", event),
        ("populated", Version::V1) => Some(i64::from(!crate::sys::cgroups::members(&part.dir, true).ok()?.is_empty())),
        ("frozen", Version::V1) => text(part, "freezer.state").map(|state| i64::from(state == "FROZEN")),
        (event, Version::V2) => flat_value(part, "memory.events", event),
        (_, Version::V1) => None,
    }
}

//! The option table of `cgroup_set`: limits, each with its type and unit.

use mlua::Value;

use crate::kernel::cgroups::devices::Rule;
use crate::kernel::cgroups::limits::{Bandwidth, Io, Limits, MAX, shares_to_weight};
use crate::lua::args::{Fields, size_of};
use crate::lua::error::{Outcome, Raise};
use crate::lua::types::{INT, Param, Type, UINT, may, need};
use crate::lua::units;
use crate::sys;

const TIME: Type = Type::Either(&[Type::Duration, Type::Word(&["max"])]);

const CPU: &[Param] = &[
    may("quota", TIME, "processor time in each period, in µs or as \"50ms\"; \"max\" for no limit"),
    may("period", Type::Duration, "the period, 1 ms to 1 s; the kernel's default is \"100ms\""),
    may("burst", Type::Duration, "unused time that may be saved up, at most the quota"),
];

const RATE: Type = Type::Size;
const WEIGHT: Type = Type::Integer(1, 10_000);

const IO: &[Param] = &[
    need("device", Type::Text, "a whole disk: `8:0`, or the path of its device file"),
    may("rbps", RATE, "bytes read each second"),
    may("wbps", RATE, "bytes written each second"),
    may("riops", RATE, "reads each second"),
    may("wiops", RATE, "writes each second"),
    may("weight", WEIGHT, "share of this device"),
];

const U32: Type = crate::lua::types::U32;

const DEVICE: &[Param] = &[
    need("allow", Type::Boolean, "allow or deny"),
    may("type", Type::Word(&["a", "b", "c", "u"]), "all, block, character; all where it is left out"),
    may("major", U32, "all where it is left out"),
    may("minor", U32, "all where it is left out"),
    may("access", Type::Text, "some of r, w and m (mknod); all where it is left out"),
];

const WRITES: &[Param] =
    &[need("file", Type::Text, "a limit's file, by name"), need("value", Type::Either(&[INT, Type::Text]), "written as it is")];

/// The options of `cgroup_set`.
pub const LIMITS: &[Param] = &[
    may("memory", Type::Size, "bytes of memory; what goes beyond is taken back or killed"),
    may("memory_low", Type::Size, "bytes that are taken back only when there is no other way"),
    may("swap", Type::Size, "bytes of swap, not counting the memory; on v1 say `memory` as well"),
    may("cpu", Type::Either(&[Type::Percent, Type::Word(&["max"]), Type::Options(CPU)]), "of one processor: \"50%\", \"200%\""),
    may("cpu_weight", WEIGHT, "share when processors are short; 100 is the default"),
    may("cpu_shares", Type::Integer(2, 262_144), "the same in v1's numbers; 1024 is the default"),
    may("cpu_idle", Type::Boolean, "runs only when nobody else wants to (Linux 5.15)"),
    may("pids", Type::Either(&[UINT, Type::Word(&["max"])]), "processes and threads"),
    may("io", Type::List(&Type::Options(IO)), "limits of block devices"),
    may("io_weight", WEIGHT, "share of all block devices; 100 is the default"),
    may("cpuset", Type::Text, "processors: \"0-1,4\""),
    may("cpuset_mems", Type::Text, "memory nodes: \"0\""),
    may("hugetlb", Type::Map(&Type::Size), "bytes by size of page: { [\"2M\"] = \"64M\" }"),
    may("devices", Type::List(&Type::Options(DEVICE)), "rules from \"nothing is allowed\" on; the last that fits decides"),
    may("files", Type::Map(&Type::Either(&[INT, Type::Text])), "files by name, written as they are: { [\"memory.high\"] = \"50M\" }"),
    may("writes", Type::List(&Type::Options(WRITES)), "files in order: what is refused is tried again after the rest"),
    may("controllers", Type::Word(&["all"]), "a place in every hierarchy and every controller that is to be had, limits or not"),
    may("journal", Type::Boolean, "false where the caller writes down itself what is to be removed after a crash; true"),
    may("host", Type::Boolean, "also change a group that this process has not made"),
];

/// Takes the limits from checked options.
pub fn limits(options: &Fields) -> Outcome<Limits> {
    if options.has("cpu_weight") && options.has("cpu_shares") {
        return Err(Raise::argument("cpu_weight and cpu_shares are the same limit in two units: say one"));
    }
    let weight = match options.integer::<u64>("cpu_shares")? {
        Some(shares) => Some(shares_to_weight(shares)),
        None => options.integer("cpu_weight")?,
    };
    Ok(Limits {
        memory: options.size("memory"),
        memory_low: options.size("memory_low"),
        swap: options.size("swap"),
        cpu: options.has("cpu").then(|| cpu(options)).transpose()?,
        cpu_weight: weight,
        cpu_idle: options.boolean("cpu_idle"),
        pids: match options.value("pids") {
            Value::String(_) => Some(MAX),
            other => other.as_u64(),
        },
        io: options.values("io").iter().enumerate().map(|(index, value)| io(index + 1, value)).collect::<Outcome<_>>()?,
        io_weight: options.integer("io_weight")?,
        cpuset: numbers(options, "cpuset")?,
        cpuset_mems: numbers(options, "cpuset_mems")?,
        hugetlb: hugetlb(options)?,
        devices: options.has("devices").then(|| rules(options)).transpose()?,
        files: files(options)?,
        writes: writes(options)?,
        everywhere: options.has("controllers"),
        noted: options.boolean("journal") == Some(false),
    })
}

/// Microseconds: a number is the kernel's unit.
fn micros(options: &Fields, name: &str) -> Outcome<Option<u64>> {
    match options.value(name) {
        Value::Nil => Ok(None),
        Value::String(text) if text == "max" => Ok(Some(MAX)),
        Value::String(text) => {
            let time = units::duration(&text.to_string_lossy()).map_err(Raise::argument)?;
            Ok(u64::try_from(time.as_micros()).ok())
        }
        other => Ok(other.as_u64()),
    }
}

fn cpu(options: &Fields) -> Outcome<Bandwidth> {
    if let Some(text) = options.text("cpu") {
        if text == "max" {
            return Ok(Bandwidth { quota: Some(MAX), ..Bandwidth::default() });
        }
        let percent = options.percent("cpu").unwrap_or_default();
        if percent == 0 {
            return Err(Raise::argument("limits.cpu: the kernel takes no less than \"1%\""));
        }
        return Ok(Bandwidth { quota: Some(percent.saturating_mul(1000)), period: Some(100_000), burst: None });
    }
    let table = options.options("cpu")?;
    let found = Bandwidth { quota: micros(&table, "quota")?, period: micros(&table, "period")?, burst: micros(&table, "burst")? };
    if found.period.is_some() && found.quota.is_none() {
        return Err(Raise::argument("limits.cpu: a period needs its quota"));
    }
    if let (Some(quota), Some(burst)) = (found.quota, found.burst)
        && burst > quota
    {
        return Err(Raise::argument("limits.cpu: the burst must not be more than the quota"));
    }
    Ok(found)
}

fn io(index: usize, value: &Value) -> Outcome<Io> {
    let Some(table) = value.as_table() else { return Ok(Io::default()) };
    let fields = Fields::from_table(table, IO)?;
    let device =
        device(&fields.required_text("device")).map_err(|reason| Raise::argument(format!("limits.io[{index}].device: {reason}")))?;
    let mut limits = Vec::new();
    for name in ["rbps", "wbps", "riops", "wiops"] {
        if let Some(value) = fields.size(name) {
            if value == 0 {
                return Err(Raise::argument(format!("limits.io[{index}].{name}: the kernel takes no 0; \"max\" is no limit")));
            }
            limits.push((name, value));
        }
    }
    let weight = fields.integer("weight")?;
    if limits.is_empty() && weight.is_none() {
        return Err(Raise::argument(format!("limits.io[{index}]: expected one of rbps, wbps, riops, wiops, weight")));
    }
    Ok(Io { device, limits, weight })
}

fn device(text: &str) -> Result<String, String> {
    if text.starts_with('/') {
        return sys::cgroups::device_number(std::path::Path::new(text)).map_err(|errno| format!("{text}: {}", errno.desc()));
    }
    let numbers = text.split_once(':').and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)));
    numbers.map(|(major, minor)| format!("{major}:{minor}")).ok_or_else(|| format!("expected \"8:0\" or a path, got {text:?}"))
}

/// A list of numbers and ranges, as cpusets take it.
fn numbers(options: &Fields, name: &str) -> Outcome<Option<String>> {
    let Some(text) = options.text(name) else { return Ok(None) };
    let number = |text: &str| text.parse::<u32>().ok();
    let range = |part: &str| match part.split_once('-') {
        Some((a, b)) => matches!((number(a), number(b)), (Some(a), Some(b)) if a <= b),
        None => number(part).is_some(),
    };
    if text.split(',').all(range) {
        return Ok(Some(text));
    }
    Err(Raise::argument(format!("limits.{name}: expected numbers and ranges such as \"0-1,4\", got {text:?}")))
}

fn hugetlb(options: &Fields) -> Outcome<Vec<(String, u64)>> {
    let mut found = Vec::new();
    for (key, value) in options.pairs("hugetlb") {
        let page = units::size(&key).map_err(|reason| Raise::argument(format!("limits.hugetlb: {reason}")))?;
        let name = match page {
            page if page >= 1 << 30 => format!("{}GB", page >> 30),
            page if page >= 1 << 20 => format!("{}MB", page >> 20),
            page => format!("{}KB", page >> 10),
        };
        found.push((name, size_of(&value).unwrap_or_default()));
    }
    Ok(found)
}

fn rules(options: &Fields) -> Outcome<Vec<Rule>> {
    let mut found = Vec::new();
    for (index, value) in options.values("devices").iter().enumerate() {
        let Some(table) = value.as_table() else { continue };
        let fields = Fields::from_table(table, DEVICE)?;
        let access = fields.text("access").unwrap_or_else(|| "rwm".to_owned());
        let once = |letter: char| access.matches(letter).count() <= 1;
        if access.is_empty() || !access.chars().all(|letter| "rwm".contains(letter) && once(letter)) {
            let index = index + 1;
            return Err(Raise::argument(format!("limits.devices[{index}].access: expected some of r, w and m, got {access:?}")));
        }
        let kind = match fields.text("type").as_deref() {
            Some("b") => 'b',
            // u is mknod's word for an unbuffered character device.
            Some("c" | "u") => 'c',
            _ => 'a',
        };
        found.push(Rule { allow: fields.flag("allow"), kind, major: fields.integer("major")?, minor: fields.integer("minor")?, access });
    }
    Ok(found)
}

/// Files that move, kill or remove have methods; writing them by name would go past the guard.
const NOT_BY_NAME: [&str; 8] =
    ["cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.event_control", "freezer.state", "tasks", "release_agent"];

fn files(options: &Fields) -> Outcome<Vec<(String, String)>> {
    let mut found = Vec::new();
    for (name, value) in options.pairs("files") {
        found.push((file_name("files", name)?, text_of(&value)));
    }
    Ok(found)
}

fn writes(options: &Fields) -> Outcome<Vec<(String, String)>> {
    let mut found = Vec::new();
    for value in options.values("writes") {
        let Some(table) = value.as_table() else { continue };
        let fields = Fields::from_table(table, WRITES)?;
        found.push((file_name("writes", fields.required_text("file"))?, text_of(fields.value("value"))));
    }
    Ok(found)
}

fn file_name(option: &str, name: String) -> Outcome<String> {
    let plain = name.contains('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && !name.contains("..");
    if plain && !NOT_BY_NAME.contains(&name.as_str()) {
        return Ok(name);
    }
    Err(Raise::argument(format!("limits.{option}: {name:?} is not a limit's file such as \"memory.high\"")))
}

fn text_of(value: &Value) -> String {
    let text = value.as_string().map(|text| text.to_string_lossy());
    text.or_else(|| value.as_i64().map(|number| number.to_string())).unwrap_or_default()
}

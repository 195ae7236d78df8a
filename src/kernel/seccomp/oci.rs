//! Profiles in JSON: the form of the OCI runtime specification (`linux.seccomp`), and Docker's,
//! which adds `archMap`, `includes` and `excludes`.
//!
//! As runc does: a call that is not known is passed over, with a warning, because profiles name
//! the calls of newer kernels and other architectures. What the form itself does not allow is an
//! error. Where one rule compares an argument twice, each condition becomes a rule of its own.

use serde_json::Value;

use crate::sys::seccomp::names::{self, ARCHES};
use crate::sys::seccomp::profile::{Action, Compare, Newer, Op, Profile, Rule};
use crate::sys::{Errno, seccomp};

/// What Docker's `includes` and `excludes` are compared with.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// Capabilities that the container will have, a mask.
    pub caps: u64,
    /// Major and minor version of the kernel.
    pub kernel: (u32, u32),
}

impl Machine {
    /// This kernel, and no capabilities.
    #[must_use]
    pub fn here() -> Self {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self { caps: 0, kernel: version(&release).unwrap_or_default() }
    }
}

/// A profile, the flags of its load, and what was passed over.
#[derive(Clone, Debug)]
pub struct Read {
    /// The filter's meaning.
    pub profile: Profile,
    /// `SECCOMP_FILTER_FLAG_*`
    pub flags: u32,
    /// In words.
    pub warnings: Vec<String>,
}

type Outcome<T> = Result<T, String>;

/// Reads a profile; the error names the place in the JSON.
pub fn read(json: &Value, machine: &Machine) -> Outcome<Read> {
    if !json.is_object() {
        return Err("expected an object with defaultAction and syscalls".to_owned());
    }
    let mut warnings = Vec::new();
    let known = ["defaultAction", "defaultErrnoRet", "architectures", "archMap", "flags", "listenerPath", "listenerMetadata", "syscalls"];
    for key in json.as_object().into_iter().flatten().map(|(key, _)| key) {
        if !known.contains(&key.as_str()) {
            warnings.push(format!("{key}: not a key of a profile"));
        }
    }
    let default = action("defaultAction", &json["defaultAction"], "defaultErrnoRet", &json["defaultErrnoRet"])?;
    if default == Action::Notify {
        return Err("defaultAction: SCMP_ACT_NOTIFY would stop the runtime itself; name the calls instead".to_owned());
    }
    let mut rules = Vec::new();
    for (index, entry) in list("syscalls", &json["syscalls"])?.iter().enumerate() {
        let place = format!("syscalls[{index}]");
        if applies(entry, machine).map_err(|reason| format!("{place}.{reason}"))? {
            entry_rules(&place, entry, &mut rules, &mut warnings)?;
        }
    }
    let profile = Profile { default, arches: arches(json)?, rules, newer: Newer::ThanProfile };
    Ok(Read { profile, flags: flags(&json["flags"])?, warnings })
}

/// An array that may be left out, or null.
fn list<'a>(place: &str, value: &'a Value) -> Outcome<&'a [Value]> {
    match value {
        Value::Null => Ok(&[]),
        Value::Array(items) => Ok(items),
        // An empty table of Lua may have been meant as either.
        Value::Object(map) if map.is_empty() => Ok(&[]),
        _ => Err(format!("{place}: expected an array")),
    }
}

fn texts<'a>(place: &str, value: &'a Value) -> Outcome<Vec<&'a str>> {
    list(place, value)?.iter().map(|item| item.as_str().ok_or_else(|| format!("{place}: expected an array of strings"))).collect()
}

fn action(place: &str, value: &Value, errno_place: &str, errno: &Value) -> Outcome<Action> {
    let name = value.as_str().ok_or_else(|| format!("{place}: expected an action such as \"SCMP_ACT_ERRNO\""))?;
    let number = match errno {
        Value::Null => None,
        other => Some(other.as_u64().and_then(|number| u16::try_from(number).ok()).ok_or_else(|| format!("{errno_place}: out of range"))?),
    };
    let plain = match name {
        "SCMP_ACT_ERRNO" => {
            let number = number.unwrap_or(Errno::EPERM as u16);
            return if number <= 4095 { Ok(Action::Errno(number)) } else { Err(format!("{errno_place}: errors end at 4095")) };
        }
        "SCMP_ACT_TRACE" => return Ok(Action::Trace(number.unwrap_or(Errno::EPERM as u16))),
        "SCMP_ACT_KILL" | "SCMP_ACT_KILL_THREAD" => Action::KillThread,
        "SCMP_ACT_KILL_PROCESS" => Action::KillProcess,
        "SCMP_ACT_TRAP" => Action::Trap,
        "SCMP_ACT_LOG" => Action::Log,
        "SCMP_ACT_NOTIFY" => Action::Notify,
        "SCMP_ACT_ALLOW" => Action::Allow,
        _ => return Err(format!("{place}: no action is called {name:?}")),
    };
    if number.is_some() { Err(format!("{errno_place}: {name} answers no error number")) } else { Ok(plain) }
}

fn entry_rules(place: &str, entry: &Value, rules: &mut Vec<Rule>, warnings: &mut Vec<String>) -> Outcome<()> {
    let action = action(&format!("{place}.action"), &entry["action"], &format!("{place}.errnoRet"), &entry["errnoRet"])?;
    let mut found = texts(&format!("{place}.names"), &entry["names"])?;
    found.extend(entry["name"].as_str());
    if found.is_empty() {
        return Err(format!("{place}: names no system call"));
    }
    let args = list(&format!("{place}.args"), &entry["args"])?.iter().enumerate();
    let args: Vec<Compare> =
        args.map(|(index, value)| compare(value).map_err(|reason| format!("{place}.args[{index}].{reason}"))).collect::<Outcome<_>>()?;
    let repeated = args.iter().enumerate().any(|(at, one)| args.iter().take(at).any(|other| other.index == one.index));
    if repeated {
        warnings.push(format!("{place}: compares an argument twice; each condition is taken as a rule of its own, as runc does"));
    }
    for name in found {
        if names::find(name).is_none() {
            warnings.push(format!("{place}: no system call is called {name:?}"));
            continue;
        }
        if action == Action::Notify && name == "write" {
            return Err(format!("{place}: SCMP_ACT_NOTIFY for write would stop the runtime before it has handed over the listener"));
        }
        let rule = |args| Rule { name: name.to_owned(), action, args };
        if repeated {
            rules.extend(args.iter().map(|one| rule(vec![*one])));
        } else {
            rules.push(rule(args.clone()));
        }
    }
    Ok(())
}

fn compare(json: &Value) -> Outcome<Compare> {
    let number = |key: &str| match &json[key] {
        Value::Null => Ok(0),
        // A Lua number past 2^63 is negative.
        value => value.as_u64().or_else(|| value.as_i64().map(i64::cast_unsigned)).ok_or_else(|| format!("{key}: expected a whole number")),
    };
    let index = number("index")?;
    let (value, second) = (number("value")?, number("valueTwo")?);
    let (op, value) = match json["op"].as_str().unwrap_or_default() {
        "SCMP_CMP_NE" => (Op::Ne, value),
        "SCMP_CMP_LT" => (Op::Lt, value),
        "SCMP_CMP_LE" => (Op::Le, value),
        "SCMP_CMP_EQ" => (Op::Eq, value),
        "SCMP_CMP_GE" => (Op::Ge, value),
        "SCMP_CMP_GT" => (Op::Gt, value),
        // Here `value` is the mask and `valueTwo` what the rest must be.
        "SCMP_CMP_MASKED_EQ" => (Op::MaskedEq(value), second),
        other => return Err(format!("op: no comparison is called {other:?}")),
    };
    let index = u32::try_from(index).ok().filter(|index| *index < 6).ok_or("index: a call has arguments 0 to 5")?;
    Ok(Compare { index, op, value })
}

/// Whether Docker's conditions let an entry in.
fn applies(entry: &Value, machine: &Machine) -> Outcome<bool> {
    let (includes, excludes) = (&entry["includes"], &entry["excludes"]);
    let has = |name: &&str| seccomp_cap(name).is_some_and(|bit| machine.caps & bit != 0);
    let here = go_arch(names::native().word);
    let mut fine = texts("includes.caps", &includes["caps"])?.iter().all(has);
    fine &= !texts("excludes.caps", &excludes["caps"])?.iter().any(has);
    let wanted = texts("includes.arches", &includes["arches"])?;
    fine &= wanted.is_empty() || wanted.contains(&here);
    fine &= !texts("excludes.arches", &excludes["arches"])?.contains(&here);
    let least = |place: &str, value: &Value| match value {
        Value::Null => Ok(None),
        Value::String(text) => version(text).map(Some).ok_or_else(|| format!("{place}: expected a version such as \"4.8\"")),
        _ => Err(format!("{place}: expected a version such as \"4.8\"")),
    };
    if let Some(least) = least("includes.minKernel", &includes["minKernel"])? {
        fine &= machine.kernel >= least;
    }
    if let Some(least) = least("excludes.minKernel", &excludes["minKernel"])? {
        fine &= machine.kernel < least;
    }
    Ok(fine)
}

fn seccomp_cap(name: &str) -> Option<u64> {
    crate::sys::capabilities::number(name).map(|number| 1 << number)
}

/// Docker names architectures as the Go language does.
fn go_arch(word: &str) -> &str {
    match word {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "mipsel64" => "mips64le",
        "mipsel" => "mipsle",
        "loongarch64" => "loong64",
        other => other,
    }
}

/// Major and minor of a version, whatever follows them.
#[must_use]
pub fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next().unwrap_or("0").parse().ok()?))
}

/// The architectures; the native one where the profile names none.
fn arches(json: &Value) -> Outcome<Vec<&'static str>> {
    let word = |token: &str| {
        let word = token.strip_prefix("SCMP_ARCH_").map(str::to_ascii_lowercase).unwrap_or_default();
        let found = ARCHES.iter().find(|arch| arch.word == word || word == "native" && arch.word == names::native().word);
        found.map(|arch| arch.word).ok_or_else(|| format!("no architecture is called {token:?}"))
    };
    let mut tokens = texts("architectures", &json["architectures"])?;
    let map = list("archMap", &json["archMap"])?;
    if !tokens.is_empty() && !map.is_empty() {
        return Err("architectures and archMap exclude each other".to_owned());
    }
    for entry in map {
        let own = entry["architecture"].as_str().ok_or("archMap: architecture is missing")?;
        if word(own).is_ok_and(|own| own == names::native().word) {
            tokens.push(own);
            tokens.extend(texts("archMap.subArchitectures", &entry["subArchitectures"])?);
        }
    }
    let mut arches = Vec::new();
    for token in tokens {
        let word = word(token).map_err(|reason| format!("architectures: {reason}"))?;
        if !arches.contains(&word) {
            arches.push(word);
        }
    }
    Ok(if arches.is_empty() { vec![names::native().word] } else { arches })
}

fn flags(json: &Value) -> Outcome<u32> {
    let mut flags = 0;
    for name in texts("flags", json)? {
        let word = name.strip_prefix("SECCOMP_FILTER_FLAG_").map(str::to_ascii_lowercase).unwrap_or_default();
        let found = seccomp::FLAGS.iter().find(|(known, _)| *known == word);
        flags |= found.ok_or_else(|| format!("flags: no flag is called {name:?}"))?.1;
    }
    Ok(flags)
}

#[cfg(test)]
mod tests;

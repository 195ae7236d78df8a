//! Clocks: what a time namespace adds to two of them, and reading them.

use mlua::Value;
use nix::libc;

use super::super::args::{Args, Fields};
use super::super::error::{Outcome, Raise};
use super::super::types::{INT, Param, Type, may};
use super::super::units;
use crate::kernel::namespaces::{Call, Offset};
use crate::sys;

const OFFSET: Type = Type::Either(&[INT, Type::Text]);

/// The clocks that a time namespace has of its own.
pub const OFFSETS: &[Param] = &[
    may("monotonic", OFFSET, "ahead of the host's CLOCK_MONOTONIC: seconds, or text such as \"24h\" and \"-500ms\""),
    may("boottime", OFFSET, "ahead of the host's CLOCK_BOOTTIME, which is the uptime"),
];

/// The clocks that can be read.
pub const NAMES: &[&str] = &["boottime", "monotonic", "realtime"];

/// The offsets in a table, whose key is `path`.
pub fn offsets(fields: &Fields, path: &str) -> Outcome<Vec<Offset>> {
    let mut offsets = Vec::new();
    for (name, clock) in [("monotonic", libc::CLOCK_MONOTONIC), ("boottime", libc::CLOCK_BOOTTIME)] {
        if fields.has(name) {
            let (seconds, nanoseconds) = parse(fields.value(name)).map_err(|reason| Raise::argument(format!("{path}.{name}: {reason}")))?;
            offsets.push(Offset { clock, seconds, nanoseconds });
        }
    }
    if offsets.is_empty() { Err(Raise::argument(format!("{path}: expected monotonic, boottime, or both"))) } else { Ok(offsets) }
}

/// Seconds and nanoseconds, the latter always forward, as the kernel takes them.
fn parse(value: &Value) -> Result<(i64, u32), String> {
    if let Some(seconds) = value.as_i64() {
        return Ok((seconds, 0));
    }
    let text = value.as_string().map(|text| text.to_string_lossy()).unwrap_or_default();
    let (back, digits) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let span = units::duration(digits)?;
    let seconds = i64::try_from(span.as_secs()).map_err(|_| format!("{text:?} is too long"))?;
    Ok(match (back, span.subsec_nanos()) {
        (false, nanoseconds) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, nanoseconds) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

pub fn time_offset(args: &Args) -> Outcome {
    let offsets = offsets(&args.options("offsets")?, "offsets")?;
    args.host.run(Call::SetOffsets { offsets })?;
    Ok(Value::Nil)
}

pub fn clock(args: &Args) -> Outcome {
    let clock = match args.required_text("name").as_str() {
        "boottime" => libc::CLOCK_BOOTTIME,
        "monotonic" => libc::CLOCK_MONOTONIC,
        _ => libc::CLOCK_REALTIME,
    };
    sys::namespaces::clock(clock).map(Value::Number).map_err(|errno| Raise::read("clock_gettime", errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_backwards_has_its_nanoseconds_forward() -> mlua::Result<()> {
        let lua = mlua::Lua::new();
        let parsed = |text: &str| lua.create_string(text).map(|text| parse(&Value::String(text)));
        assert_eq!(parsed("-1500ms")?, Ok((-2, 500_000_000)));
        assert_eq!(parsed("-2s")?, Ok((-2, 0)));
        assert_eq!(parsed("250ms")?, Ok((0, 250_000_000)));
        assert!(parsed("-")?.is_err());
        assert!(parsed("--1s")?.is_err());
        assert_eq!(parse(&Value::Integer(-7)), Ok((-7, 0)));
        Ok(())
    }
}

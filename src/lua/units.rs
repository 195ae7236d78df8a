//! Units as people write them: `"64M"`, `"250ms"`, `"50%"`.

use std::time::Duration;

/// Bytes: a whole number with an optional binary suffix, `K M G T P`, `KiB`, or `B`; `"max"` is
/// no limit and comes back as `u64::MAX`.
pub fn size(text: &str) -> Result<u64, String> {
    if text == "max" {
        return Ok(u64::MAX);
    }
    let (digits, suffix) = split(text);
    let power = match suffix.to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(expected("a size such as \"64M\" or \"1G\"", text)),
    };
    let number: u64 = digits.parse().map_err(|_| expected("a size such as \"64M\" or \"1G\"", text))?;
    number.checked_mul(1 << (10 * power)).ok_or_else(|| format!("{text:?} is more than 2^64 bytes"))
}

/// The longest time, in seconds: 64 bits of nanoseconds hold no more (584 years).
pub const LONGEST: i64 = (u64::MAX / 1_000_000_000).cast_signed();

/// A span of time with its unit: `ns us ms s m h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = split(text);
    let nanos: u64 = match unit {
        "ns" => 1,
        "us" | "µs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return Err(expected("a time such as \"250ms\" or \"10s\"", text)),
    };
    let number: u64 = digits.parse().map_err(|_| expected("a time such as \"250ms\" or \"10s\"", text))?;
    number.checked_mul(nanos).map(Duration::from_nanos).ok_or_else(|| format!("{text:?} is too long"))
}

/// Hundredths: `"50%"` is 50, `"150%"` is 150.
pub fn percent(text: &str) -> Result<u64, String> {
    let digits = text.strip_suffix('%').ok_or_else(|| expected("a share such as \"50%\"", text))?;
    digits.parse().map_err(|_| expected("a share such as \"50%\"", text))
}

/// Permission bits: an octal string such as `"0755"`.
pub fn mode(text: &str) -> Result<u32, String> {
    let bits = u32::from_str_radix(text.trim_start_matches("0o"), 8).map_err(|_| expected("an octal mode such as \"0755\"", text))?;
    if bits > 0o7777 { Err(format!("{text:?} has bits outside of 07777")) } else { Ok(bits) }
}

/// A size as people read it, exact or to one decimal place.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    const NAMES: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let power = (bytes.max(1).ilog2() / 10).min(5);
    let unit = 1_u64 << (10 * power);
    let name = NAMES[power as usize];
    if bytes.is_multiple_of(unit) {
        return format!("{} {name}", bytes / unit);
    }
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn expected(what: &str, got: &str) -> String {
    format!("expected {what}, got {got:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_units_are_refused() {
        for text in ["", "M", "64Q", "-1", "1.5G", "64 M", "0x10", "99999999999P"] {
            assert!(size(text).is_err(), "{text}");
        }
        for text in ["", "10", "ms", "-1s", "1.5s", "1 s", "10d"] {
            assert!(duration(text).is_err(), "{text}");
        }
        for text in ["", "50", "%", "half%", "-1%"] {
            assert!(percent(text).is_err(), "{text}");
        }
        for text in ["", "rwx", "0999", "17777"] {
            assert!(mode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn units_are_read_exactly() {
        assert_eq!(size("64M"), Ok(64 << 20));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("512"), Ok(512));
        assert_eq!(size("max"), Ok(u64::MAX));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(percent("150%"), Ok(150));
        assert_eq!(mode("0755"), Ok(0o755));
        assert_eq!(show_size(64 << 20), "64 MiB");
        assert_eq!(show_size(1536), "1.5 KiB");
    }
}

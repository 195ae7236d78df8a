//! Extended headers (pax(1), "pax Extended Header"): records `LENGTH KEY=VALUE\n`.
//!
//! The crate `tar` splits them at newlines and stops at an empty line without a word; a value may
//! hold a newline, and what comes after an empty line another reader may obey. So they are read by
//! their lengths here, to the last byte.

use super::{Judged, Refusal};
use crate::sys::Errno;

/// The records of one extended header, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records(Vec<(Vec<u8>, Vec<u8>)>);

/// Keys that may come more than once: the oldest form of sparse maps.
const REPEATED: [&[u8]; 2] = [b"GNU.sparse.offset", b"GNU.sparse.numbytes"];

impl Records {
    /// Reads a header's content.
    pub fn parse(mut bytes: &[u8]) -> Judged<Self> {
        let bad = || Refusal::new(Errno::EBADMSG, "a malformed extended header");
        let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').ok_or_else(bad)?;
            let digits = bytes.get(..space).filter(|digits| digits.iter().all(u8::is_ascii_digit)).ok_or_else(bad)?;
            let length: usize = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(bad)?;
            let record = bytes.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(bad)?;
            let equals = record.iter().position(|byte| *byte == b'=').filter(|at| *at > 0).ok_or_else(bad)?;
            let (key, value) = (record.get(..equals).unwrap_or_default(), record.get(equals + 1..).unwrap_or_default());
            if !REPEATED.contains(&key) && records.iter().any(|(other, _)| other == key) {
                let reason = format!("an extended header with two values for {}", key.escape_ascii());
                return Err(Refusal::new(Errno::EBADMSG, reason));
            }
            records.push((key.to_vec(), value.to_vec()));
            bytes = bytes.get(length..).unwrap_or_default();
        }
        Ok(Self(records))
    }

    /// A value; an empty one means that there is none.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.0.iter().find(|(other, _)| other == key.as_bytes()).map(|(_, value)| value.as_slice()).filter(|value| !value.is_empty())
    }

    /// A whole number.
    pub fn number(&self, key: &str) -> Judged<Option<u64>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        decimal(value).map(Some).ok_or_else(|| Refusal::new(Errno::EBADMSG, format!("an extended header where {key} is not a number")))
    }

    /// Seconds and nanoseconds, which may lie before 1970.
    pub fn time(&self, key: &str) -> Judged<Option<(i64, i64)>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        time(value).map(Some).ok_or_else(|| Refusal::new(Errno::EBADMSG, format!("an extended header where {key} is not a time")))
    }

    /// The records whose keys begin with `prefix`, without it.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.0.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix.as_bytes())?, value.as_slice())))
    }

    /// Takes later records over earlier ones.
    pub fn merge(&mut self, later: Self) {
        for (key, value) in later.0 {
            self.0.retain(|(other, _)| *other != key);
            self.0.push((key, value));
        }
    }
}

/// A number in decimal digits and nothing else.
pub fn decimal(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

fn time(text: &[u8]) -> Option<(i64, i64)> {
    let (negative, text) = text.strip_prefix(b"-").map_or((false, text), |rest| (true, rest));
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let seconds = i64::try_from(decimal(parts.next()?)?).ok()?;
    let mut nanos = 0;
    if let Some(fraction) = parts.next().filter(|fraction| !fraction.is_empty()) {
        decimal(fraction.get(..fraction.len().min(18))?)?;
        let padded: Vec<u8> = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9).collect();
        nanos = i64::try_from(decimal(&padded)?).ok()?;
    }
    if !negative {
        return Some((seconds, nanos));
    }
    if nanos == 0 { Some((-seconds, 0)) } else { Some((-seconds - 1, 1_000_000_000 - nanos)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_records_are_refused() {
        for text in [
            "x",
            "5 a=b",
            "6 a=b\nx",
            "99 a=b\n",
            "6 =ab\n",
            "-6 a=b\n",
            "6 a=b\n6 a=c\n",
            "4 a\n",
            "\n",
            "6 a=b\n\n",
            "0 a=b\n",
            "1 a=b\n",
        ] {
            assert!(Records::parse(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn values_may_hold_anything() {
        let records = Records::parse(b"12 path=a\nb\n10 x=\xff=y\0\n").map(|records| records.0);
        assert_eq!(records, Ok(vec![(b"path".to_vec(), b"a\nb".to_vec()), (b"x".to_vec(), b"\xff=y\0".to_vec())]));
    }

    #[test]
    fn times_have_fractions_and_signs() {
        assert_eq!(time(b"1.5"), Some((1, 500_000_000)));
        assert_eq!(time(b"-1.25"), Some((-2, 750_000_000)));
        assert_eq!(time(b"12."), Some((12, 0)));
        assert_eq!(time(b"1e5"), None);
        assert_eq!(time(b"99999999999999999999"), None);
    }
}

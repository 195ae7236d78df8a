//! The numbers of a header, read so that no other reader could read them as others.

use tar::Header;

use super::super::stream::BLOCK;
use super::super::{Judged, Refusal};
use crate::sys::Errno;

/// What fills the last block of `size` bytes.
pub fn padding(size: u64) -> u64 {
    let block = BLOCK as u64;
    (block - size % block) % block
}

/// The sum of a header's bytes, with those of the sum itself as spaces.
pub fn check_sum(header: &Header) -> Judged<()> {
    let sum_of = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let own = &header.as_old().cksum;
    let sum = u64::from(sum_of(header.as_bytes()) - sum_of(own) + 8 * 32);
    if unsigned(own) == Some(sum) {
        return Ok(());
    }
    Err(Refusal::new(Errno::EBADMSG, "a header with a wrong checksum: damaged, or no tar file"))
}

/// A number in a header: octal digits, or base 256 where the first bit is set. Empty is 0.
///
/// Unlike in the crate, digits with junk around them and numbers that do not fit are no numbers.
pub fn unsigned(field: &[u8]) -> Option<u64> {
    let first = *field.first()?;
    if first & 0x80 != 0 {
        let negative = first & 0x40 != 0;
        let start = u64::from(first & 0x3f);
        let rest = field.get(1..)?;
        return rest.iter().try_fold(start, |sum, byte| sum.checked_mul(256)?.checked_add(u64::from(*byte))).filter(|_| !negative);
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| !(b'0'..=b'7').contains(byte)).unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    if rest.first().is_some_and(|byte| ![0, b' '].contains(byte)) {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| sum.checked_mul(8)?.checked_add(u64::from(byte - b'0')))
}

/// A time, which may lie before 1970 in base 256.
pub fn signed(field: &[u8]) -> Option<i64> {
    if field.first() == Some(&0xff) {
        let bytes: [u8; 8] = field.get(field.len().checked_sub(8)?..)?.try_into().ok()?;
        let high = field.get(..field.len() - 8)?.iter().all(|byte| *byte == 0xff);
        return Some(i64::from_be_bytes(bytes)).filter(|value| high && *value < 0);
    }
    unsigned(field).and_then(|value| i64::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_junk_are_no_numbers() {
        for field in [&b"+7"[..], b"-1", b"8", b"0x1", b"7a", b"1\x007a8"] {
            let wanted = if field == b"1\x007a8" { Some(1) } else { None };
            assert_eq!(unsigned(field), wanted, "{}", field.escape_ascii());
        }
        assert_eq!(unsigned(b"\x80\0\0\0\0\0\0\0\0\0\x01\0"), Some(256));
        assert_eq!(unsigned(b"\x80\0\0\x01\0\0\0\0\0\0\0\0"), None);
        assert_eq!(unsigned(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), None);
        assert_eq!(signed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), Some(-1));
        assert_eq!(unsigned(b"  0000644\0"), Some(0o644));
    }
}

//! SHA-256, of texts and of streams: what an image names its parts by.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Read;

use sha2::Digest as _;

use super::archives::Source;
use super::{Errno, Result, files, interrupt};

/// A finished digest. Its text form is that of OCI: `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Reads the text form; none where it is not exactly that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("sha256:").filter(|hex| hex.len() == 64)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            // Two spellings of one digest would be two names of one image.
            if pair.iter().any(|digit| !matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
                return None;
            }
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digits alone, as sha256sum(1) prints them.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            // Writing to a text does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

/// A digest that is being computed.
#[derive(Clone, Debug, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of what was taken so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(self.0.clone().finalize().into())
    }
}

/// The digest of a text.
#[must_use]
pub fn of(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.digest()
}

/// The digest of a file, or of what an open descriptor still has to give.
pub fn of_file(source: &Source) -> Result<Digest> {
    let mut file = match source {
        Source::Path(path) => File::open(path).map_err(files::errno)?,
        Source::Number(number) => File::from(super::archives::stream::duplicate(*number)?),
    };
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 16];
    loop {
        if interrupt::pending().is_some() {
            return Err(Errno::EINTR);
        }
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.digest()),
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(files::errno(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_spelling_of_a_digest_is_read() {
        let digest = of(b"").to_string();
        assert_eq!(digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(Digest::parse(&digest), Some(of(b"")));
        for wrong in [&digest.to_uppercase(), &digest[7..], &digest[..70], &format!("{digest}0"), "sha512:00", "", "sha256:+1"] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}

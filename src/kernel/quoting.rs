//! Bytes and words as strace and a shell write them.

use std::fmt::Write;

/// Quotes bytes as strace does: C escapes, shortened after `limit` bytes.
#[must_use]
pub fn quote(bytes: &[u8], limit: usize) -> String {
    let mut out = String::from("\"");
    for byte in bytes.iter().take(limit) {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(char::from(*byte)),
            other => {
                let _ = write!(out, "\\{other:o}");
            }
        }
    }
    out.push('"');
    if bytes.len() > limit {
        out.push_str("...");
    }
    out
}

/// Quotes a word for a POSIX shell, only where it needs it.
#[must_use]
pub fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_escapes_what_a_terminal_would_obey() {
        assert_eq!(quote(b"a\"b\n\x1b", 32), r#""a\"b\n\33""#);
        assert_eq!(quote(b"abcdef", 3), "\"abc\"...");
        assert_eq!(shell_quote("it's"), r"'it'\''s'");
        assert_eq!(shell_quote("/bin/sh"), "/bin/sh");
    }
}

//! Takes the names of local variables and upvalues out of compiled Lua, and keeps its lines.
//!
//! Names are a third of a compiled module and are read anew at every start; errors of the stdlib
//! name their line without them. `string.dump` takes out all or nothing, so the file is walked as
//! `ldump.c` of Lua 5.4 writes it.

/// The code without the names; nothing where it is not what is expected.
pub fn without_names(code: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk { left: code, out: Vec::with_capacity(code.len()) };
    walk.take(4)?;
    let version = *walk.left.first()?;
    // Version and format, six bytes that show damage, three sizes, an integer and a float.
    walk.take(2 + 6)?;
    let [instruction, integer, number] = *walk.left.first_chunk::<3>()?;
    if version != 0x54 || (instruction, integer, number) != (4, 8, 8) {
        return None;
    }
    walk.take(3 + 8 + 8)?;
    // The number of upvalues.
    walk.take(1)?;
    walk.function()?;
    walk.left.is_empty().then_some(walk.out)
}

struct Walk<'a> {
    left: &'a [u8],
    out: Vec<u8>,
}

impl Walk<'_> {
    /// Copies bytes.
    fn take(&mut self, count: usize) -> Option<()> {
        let (taken, left) = self.left.split_at_checked(count)?;
        self.out.extend_from_slice(taken);
        self.left = left;
        Some(())
    }

    /// Passes bytes over.
    fn drop(&mut self, count: usize) -> Option<()> {
        self.left = self.left.get(count..)?;
        Some(())
    }

    /// A number, seven bits a byte, the last with its highest bit set; and how long it is.
    fn number(&self) -> Option<(usize, usize)> {
        let mut value = 0;
        for (index, byte) in self.left.iter().enumerate() {
            value = value << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 != 0 {
                return Some((value, index + 1));
            }
        }
        None
    }

    fn take_number(&mut self) -> Option<usize> {
        let (value, length) = self.number()?;
        self.take(length)?;
        Some(value)
    }

    fn drop_number(&mut self) -> Option<usize> {
        let (value, length) = self.number()?;
        self.drop(length)?;
        Some(value)
    }

    /// A text, with its length and one more before it; 0 is no text.
    fn take_text(&mut self) -> Option<()> {
        let size = self.take_number()?;
        self.take(size.saturating_sub(1))
    }

    fn drop_text(&mut self) -> Option<()> {
        let size = self.drop_number()?;
        self.drop(size.saturating_sub(1))
    }

    fn function(&mut self) -> Option<()> {
        self.take_text()?;
        // The first and the last line; parameters, whether they vary, registers.
        self.take_number()?;
        self.take_number()?;
        self.take(3)?;
        let instructions = self.take_number()?;
        self.take(instructions * 4)?;
        self.constants()?;
        let upvalues = self.take_number()?;
        self.take(upvalues * 3)?;
        for _ in 0..self.take_number()? {
            self.function()?;
        }
        self.lines_and_names()
    }

    fn constants(&mut self) -> Option<()> {
        for _ in 0..self.take_number()? {
            let kind = *self.left.first()?;
            self.take(1)?;
            match kind {
                // nil, false, true
                0x00 | 0x01 | 0x11 => {}
                // An integer, a float.
                0x03 | 0x13 => self.take(8)?,
                // A short text, a long one.
                0x04 | 0x14 => self.take_text()?,
                _ => return None,
            }
        }
        Some(())
    }

    fn lines_and_names(&mut self) -> Option<()> {
        let lines = self.take_number()?;
        self.take(lines)?;
        for _ in 0..self.take_number()? {
            self.take_number()?;
            self.take_number()?;
        }
        for _ in 0..self.drop_number()? {
            self.drop_text()?;
            self.drop_number()?;
            self.drop_number()?;
        }
        for _ in 0..self.drop_number()? {
            self.drop_text()?;
        }
        // None of either, in one byte each.
        self.out.extend_from_slice(&[0x80, 0x80]);
        Some(())
    }
}

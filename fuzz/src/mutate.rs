//! Changed copies of inputs, the same on every machine: the short form of a fuzzer, for the tests.

/// Random numbers (xorshift64*), from a seed.
pub struct Random(u64);

impl Random {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below another one, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or_default() % end
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}

/// One of the inputs with a few changes, with a piece of another one in it; or bytes that are no input's.
pub fn changed(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    if corpus.is_empty() || random.below(4) == 0 {
        return (0..random.below(200)).map(|_| random.byte()).collect();
    }
    let mut data = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        match random.below(6) {
            0 => data.insert(at, random.byte()),
            1 => data.truncate(at),
            2 => {
                let other = &corpus[random.below(corpus.len())];
                let piece = random.below(other.len() + 1);
                data.splice(at..at, other[piece..].iter().copied().take(64));
            }
            3 if at < data.len() => {
                data.remove(at);
            }
            4 if at < data.len() => data[at] ^= 1 << random.below(8),
            _ if at < data.len() => data[at] = random.byte(),
            _ => {}
        }
    }
    data
}

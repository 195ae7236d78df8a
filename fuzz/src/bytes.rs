//! Choices made by the bytes of an input: a fuzzer that changes a byte changes one choice. When the bytes
//! are used up, every choice is the first.

/// What is left of an input.
pub struct Bytes<'a>(&'a [u8]);

/// Numbers at which something ends.
const EDGES: [u64; 20] = [
    0,
    1,
    2,
    7,
    8,
    38,
    255,
    256,
    4095,
    65535,
    65536,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    i64::MAX as u64,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

impl<'a> Bytes<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rest as it is.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// So many bytes, or what is left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A number below another one, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        let high = if end > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high + usize::from(self.byte())) % end
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// Any number; edges and small ones more often.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            edge @ 0..=99 => EDGES[usize::from(edge) % EDGES.len()],
            100..=199 => self.byte().into(),
            _ => self.take(8).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        }
    }
}

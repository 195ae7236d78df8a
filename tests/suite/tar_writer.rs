//! Writes tar files byte by byte, also those that no decent program would write.

/// One header, before its checksum.
#[derive(Clone)]
pub struct Head {
    pub name: Vec<u8>,
    pub kind: u8,
    pub mode: u32,
    pub size: u64,
    pub uid: u64,
    pub link: Vec<u8>,
    pub device: (u32, u32),
    pub gnu: bool,
}

impl Head {
    pub fn new(name: &str, kind: u8) -> Self {
        let device = (0, 0);
        Self { name: name.into(), kind, mode: 0o644, size: 0, uid: 0, link: Vec::new(), device, gnu: false }
    }

    pub fn block(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, format!("{:07o}\0", self.mode).as_bytes());
        put(108, format!("{:07o}\0", self.uid).as_bytes());
        put(116, b"0000000\0");
        put(124, format!("{:011o}\0", self.size).as_bytes());
        put(136, format!("{:011o}\0", 1_000_000_000).as_bytes());
        put(156, &[self.kind]);
        put(157, &self.link);
        put(257, if self.gnu { b"ustar  \0" } else { b"ustar\x0000" });
        put(329, format!("{:07o}\0{:07o}\0", self.device.0, self.device.1).as_bytes());
        sum(&mut block);
        block
    }
}

/// Writes a header's checksum.
pub fn sum(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// An archive that is being written.
#[derive(Clone, Default)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    /// A header and data; the header's size is what it says, whatever the data.
    pub fn raw(mut self, head: &Head, data: &[u8]) -> Self {
        self.0.extend(head.block());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn with(self, head: Head, data: &[u8]) -> Self {
        let size = data.len() as u64;
        self.raw(&Head { size, ..head }, data)
    }

    pub fn file(self, name: &str, data: &str) -> Self {
        self.with(Head::new(name, b'0'), data.as_bytes())
    }

    pub fn dir(self, name: &str) -> Self {
        self.with(Head { mode: 0o755, ..Head::new(name, b'5') }, b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.with(Head { link: target.into(), ..Head::new(name, b'2') }, b"")
    }

    pub fn link(self, name: &str, target: &str) -> Self {
        self.with(Head { link: target.into(), ..Head::new(name, b'1') }, b"")
    }

    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        self.with(Head::new("pax", b'x'), &pax(records))
    }

    pub fn global(self, records: &[(&str, &[u8])]) -> Self {
        self.with(Head::new("global", b'g'), &pax(records))
    }

    /// The end mark.
    pub fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// The content of an extended header.
pub fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let length = (1..8).map(|digits| rest + digits).find(|length| length.to_string().len() + rest == *length).unwrap();
        out.extend(format!("{length} {key}=").into_bytes());
        out.extend(*value);
        out.push(b'\n');
    }
    out
}

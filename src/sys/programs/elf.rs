//! What an ELF file says of its interpreter and libraries (elf(5)).
//!
//! The file is not trusted: every offset and size is bounded before it is read, and only the
//! program headers count. Section headers, which the kernel and ld.so ignore, are not looked at.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use object::Endianness;
use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadRef};

/// The longest interpreter that the kernel takes is a path.
const INTERPRETER: u64 = 4096;
/// More than any linker writes.
const DYNAMIC: u64 = 1 << 20;
/// Names of libraries and symbols; the largest real ones are some tens of MiB.
const STRINGS: u64 = 256 << 20;

/// The kind of machine that a file is for. Files of different kinds are never loaded together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// 64 or 32 bits.
    pub wide: bool,
    /// Big-endian.
    pub big: bool,
    /// The number in `e_machine`.
    pub number: u16,
}

impl Machine {
    /// The name that `uname -m` has for it, where it is a usual one.
    #[must_use]
    pub fn name(self) -> String {
        let name = match (self.number, self.wide, self.big) {
            (62, true, _) => "x86_64",
            (62, false, _) => "x32",
            (3, ..) => "i386",
            (183, _, false) => "aarch64",
            (40, ..) => "arm",
            (243, true, _) => "riscv64",
            (22, true, _) => "s390x",
            (21, _, false) => "ppc64le",
            (258, true, _) => "loongarch64",
            _ => return format!("ELF machine {} ({} bits)", self.number, if self.wide { 64 } else { 32 }),
        };
        name.to_owned()
    }

    /// Debian's name for the directory of its libraries.
    #[must_use]
    pub fn multiarch(self) -> Option<&'static str> {
        Some(match (self.number, self.wide, self.big) {
            (62, true, _) => "x86_64-linux-gnu",
            (62, false, _) => "x86_64-linux-gnux32",
            (3, ..) => "i386-linux-gnu",
            (183, _, false) => "aarch64-linux-gnu",
            (40, ..) => "arm-linux-gnueabihf",
            (243, true, _) => "riscv64-linux-gnu",
            (22, true, _) => "s390x-linux-gnu",
            (21, _, false) => "powerpc64le-linux-gnu",
            (258, true, _) => "loongarch64-linux-gnu",
            _ => return None,
        })
    }
}

/// What a file needs to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The kind of machine that it is for.
    pub machine: Machine,
    /// `PT_INTERP`
    pub interpreter: Option<Vec<u8>>,
    /// `DT_SONAME`
    pub soname: Option<Vec<u8>>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<Vec<u8>>,
    /// `DT_RPATH`; ignored where there is a runpath.
    pub rpath: Option<Vec<u8>>,
    /// `DT_RUNPATH`
    pub runpath: Option<Vec<u8>>,
    /// `DF_1_NODEFLIB`: the default directories are not searched.
    pub no_default: bool,
}

/// Reads a file; the reason where it is not an ELF file that can be loaded.
pub fn read(path: &Path) -> Result<Image, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let mut ident = [0; 16];
    file.read_exact(&mut ident).map_err(|_| "shorter than an ELF header".to_owned())?;
    file.seek(SeekFrom::Start(0)).map_err(|error| error.to_string())?;
    if !ident.starts_with(b"\x7fELF") {
        return Err("not an ELF file".to_owned());
    }
    let data = ReadCache::new(file);
    match ident[4] {
        1 => parse::<FileHeader32<Endianness>, _>(&data),
        2 => parse::<FileHeader64<Endianness>, _>(&data),
        class => Err(format!("an ELF file of the unknown class {class}")),
    }
}

fn parse<'data, Elf, R>(data: R) -> Result<Image, String>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let bad = |error: object::read::Error| format!("a damaged ELF file: {error}");
    let header = Elf::parse(data).map_err(bad)?;
    let endian = header.endian().map_err(bad)?;
    let kind = header.e_type(endian);
    if kind != elf::ET_EXEC && kind != elf::ET_DYN {
        return Err("an ELF file that is neither a program nor a shared library".to_owned());
    }
    let segments = header.program_headers(endian, data).map_err(bad)?;
    let mut image = Image {
        machine: Machine { wide: header.is_class_64(), big: endian == Endianness::Big, number: header.e_machine(endian).0 },
        interpreter: None,
        soname: None,
        needed: Vec::new(),
        rpath: None,
        runpath: None,
        no_default: false,
    };
    for segment in segments {
        let size = segment.file_range(endian).1;
        let limit = if segment.p_type(endian) == elf::PT_INTERP { INTERPRETER } else { DYNAMIC };
        if [elf::PT_INTERP, elf::PT_DYNAMIC].contains(&segment.p_type(endian)) && size > limit {
            return Err(format!("a damaged ELF file: a segment of {size} bytes where {limit} are the most"));
        }
        if let Some(name) = segment.interpreter(endian, data).map_err(bad)? {
            image.interpreter = Some(name.to_vec());
        }
        if let Some(entries) = segment.dynamic(endian, data).map_err(bad)? {
            dynamic::<Elf, R>(&mut image, endian, data, segments, entries)?;
        }
    }
    Ok(image)
}

/// Takes what the dynamic section says; its strings are found through the loaded segments.
fn dynamic<'data, Elf, R>(
    image: &mut Image,
    endian: Endianness,
    data: R,
    segments: &[Elf::ProgramHeader],
    entries: &[Elf::Dyn],
) -> Result<(), String>
where
    Elf: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let entries: Vec<_> =
        entries.iter().map(|entry| (entry.tag(endian), entry.val(endian))).take_while(|(tag, _)| *tag != elf::DT_NULL).collect();
    let value = |wanted| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    let Some(address) = value(elf::DT_STRTAB) else { return Ok(()) };
    let size = value(elf::DT_STRSZ).unwrap_or(0);
    if size > STRINGS {
        return Err(format!("a damaged ELF file: {size} bytes of strings"));
    }
    let offset = segments.iter().find_map(|segment| {
        let within = address.checked_sub(segment.p_vaddr(endian).into())?;
        let (offset, length) = segment.file_range(endian);
        let inside = segment.p_type(endian) == elf::PT_LOAD && within.checked_add(size)? <= length;
        inside.then(|| offset.checked_add(within)).flatten()
    });
    let strings =
        offset.and_then(|offset| data.read_bytes_at(offset, size).ok()).ok_or("a damaged ELF file: its strings are in no segment")?;
    let text = |start: u64| -> Result<Vec<u8>, String> {
        let rest = usize::try_from(start).ok().and_then(|start| strings.get(start..));
        let text = rest.and_then(|rest| rest.split(|byte| *byte == 0).next());
        text.map(<[u8]>::to_vec).ok_or_else(|| "a damaged ELF file: a name outside of its strings".to_owned())
    };
    for (tag, value) in &entries {
        match *tag {
            elf::DT_NEEDED => image.needed.push(text(*value)?),
            elf::DT_SONAME => image.soname = Some(text(*value)?),
            elf::DT_RPATH => image.rpath = Some(text(*value)?),
            elf::DT_RUNPATH => image.runpath = Some(text(*value)?),
            elf::DT_FLAGS_1 => image.no_default = *value & 0x800 != 0,
            _ => {}
        }
    }
    Ok(())
}

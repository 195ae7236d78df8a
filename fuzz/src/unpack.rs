//! Archives into a root: a tree beside it must not change, and where an archive is refused the root is empty
//! again. Archives are written entry by entry by the input, or are the input itself with the checksums put
//! right, which no fuzzer would guess.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crun_lua::sys::archives::{Limits, Options, Owner, Rights, Source, unpack};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::bytes::Bytes;
use super::confine::place;
use super::tar_writer::{Head, Tar, sum};

const PARTS: [&str; 14] = ["a", "b", "dir", "..", ".", "", "canary", "file", ".wh.a", ".wh..wh..opq", ".wh.", "\u{fc}", "..a", "a\u{0}b"];
const KINDS: [u8; 14] = [b'0', b'0', b'5', b'5', b'2', b'2', b'1', b'1', b'3', b'4', b'6', b'\0', b'7', b'9'];
const KEYS: [&str; 10] = [
    "path",
    "linkpath",
    "size",
    "uid",
    "mtime",
    "SCHILY.xattr.user.a",
    "SCHILY.xattr.security.capability",
    "GNU.sparse.name",
    "hdrcharset",
    "",
];

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let (options, kind) = (options(&mut bytes), bytes.byte());
    let archive = match kind {
        0..=159 => written(&mut bytes),
        160..=223 => summed(bytes.rest().to_vec()),
        _ => bytes.rest().to_vec(),
    };
    let mut file = File::from(memfd_create("archive", MFdFlags::MFD_CLOEXEC).unwrap());
    file.write_all(&archive).unwrap();
    file.rewind().unwrap();
    let root_path = place().join("unpack");
    let root = File::open(&root_path).unwrap();
    let before = seen(&place().join("canary"));
    let result = unpack(root.as_fd(), &Source::Number(file.as_raw_fd()), &options, &mut |_| {});
    assert_eq!(before, seen(&place().join("canary")), "the tree beside the root has changed: {result:?}");
    // An archive has a mode for the root as well.
    set_mode(&root_path, 0o755);
    let left = fs::read_dir(&root_path).unwrap().count();
    match result {
        Ok(_) => clear(&root_path),
        Err(refusal) => {
            assert!(!refusal.reason.is_empty());
            assert_eq!(left, 0, "something stays of an archive that was refused: {refusal}");
        }
    }
}

fn options(bytes: &mut Bytes) -> Options {
    let (flags, rights) = (bytes.byte(), [Rights::Refuse, Rights::Strip, Rights::Keep]);
    Options {
        whiteouts: flags & 1 != 0,
        devices: flags & 2 != 0,
        xattrs: flags & 4 != 0,
        owner: if flags & 8 == 0 { Owner::Auto } else { Owner::Own },
        strip: usize::from(flags >> 4 & 3),
        setuid: bytes.pick(&rights),
        file_caps: bytes.pick(&rights),
        limits: Limits { size: 1 << 20, entries: 100, path: 1000, ratio: 200 },
        ..Options::default()
    }
}

fn name(bytes: &mut Bytes) -> String {
    let parts: Vec<&str> = (0..=bytes.below(4)).map(|_| bytes.pick(&PARTS)).collect();
    let start = if bytes.one_in(16) { "/" } else { "" };
    let path = format!("{start}{}", parts.join("/"));
    if bytes.one_in(32) { path.repeat(40) } else { path }
}

/// An archive of up to ten entries.
fn written(bytes: &mut Bytes) -> Vec<u8> {
    let mut tar = Tar::new();
    for _ in 0..bytes.below(10) {
        let kind = bytes.pick(&KINDS);
        let mut head = Head::new(&name(bytes), kind);
        if bytes.one_in(3) {
            let value = if bytes.one_in(2) { name(bytes).into_bytes() } else { bytes.number().to_string().into_bytes() };
            let record = [(bytes.pick(&KEYS), value.as_slice())];
            tar = if bytes.one_in(4) { tar.global(&record) } else { tar.pax(&record) };
        }
        if bytes.one_in(8) {
            let kind = bytes.pick(b"LK");
            let mut long = name(bytes).into_bytes();
            long.push(0);
            tar = tar.with(Head { gnu: true, ..Head::new("././@LongLink", kind) }, &long);
        }
        head.mode = bytes.pick(&[0o644, 0o755, 0o4755, 0o2755, 0o1777, 0, 0o7777, 0o100_644]);
        head.link = name(bytes).into_bytes();
        head.link.truncate(100);
        head.gnu = bytes.one_in(4);
        let count = bytes.below(600);
        let content = vec![b'x'; if [b'0', b'\0', b'7'].contains(&kind) || bytes.one_in(16) { count } else { 0 }];
        head.size = if bytes.one_in(16) { bytes.number() & 0o77_777_777_777 } else { content.len() as u64 };
        tar = tar.raw(&head, &content);
    }
    match bytes.below(8) {
        0 => tar.0,
        1 => {
            let mut cut = tar.end();
            cut.truncate(bytes.below(4096));
            cut
        }
        _ => tar.end(),
    }
}

/// Puts the checksum right of every block that a reader would take for a header.
fn summed(mut data: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(block) = data.get_mut(at..at + 512).and_then(|block| <&mut [u8; 512]>::try_from(block).ok()) {
        if block.iter().any(|byte| *byte != 0) {
            sum(block);
        }
        let size = std::str::from_utf8(&block[124..135]).ok().and_then(|text| usize::from_str_radix(text.trim(), 8).ok());
        at += 512 + size.unwrap_or(0).min(1 << 20).next_multiple_of(512);
    }
    data
}

/// What a tree is, to the change of its times.
fn seen(dir: &Path) -> BTreeMap<PathBuf, (u64, u32, u64, i64, i64)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).chain([dir.to_owned()]);
    let facts = |path: PathBuf| {
        let found = fs::symlink_metadata(&path).unwrap();
        (path, (found.ino(), found.mode(), found.nlink(), found.ctime(), found.ctime_nsec()))
    };
    entries.map(facts).collect()
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Empties the root. A directory may be closed to its owner.
fn clear(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            set_mode(&entry.path(), 0o700);
            clear(&entry.path());
            fs::remove_dir(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
}

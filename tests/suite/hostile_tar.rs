//! Archives made to harm: each must be refused with its entry named, a tree beside the root must
//! not change by a bit, and the root must be as it was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use crun_lua::sys::archives::{Limits, Options, Rights, Source, Summary, unpack};
use libtest_mimic::{Failed, Trial};

use crate::tar_writer::{Head, Tar, sum};

type Case = (&'static str, Vec<u8>, Options, &'static str);

/// A file outside of the root that archives try to reach as `../canary/file`.
const CONTENT: &str = "untouched";

pub fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = cases()
        .into_iter()
        .map(|(name, archive, options, reason)| {
            Trial::test(format!("hostile_tar: {name}"), move || refused(&archive, &options, reason, &|_| {}))
        })
        .collect();
    trials.push(Trial::test("hostile_tar: a link that the root has already is not followed", || {
        let archive = Tar::new().file("first", "x").file("out/file", "evil").end();
        refused(&archive, &Options::default(), "\"out/file\": it passes \"out\"", &|root| symlink("../canary", root.join("out")).unwrap())
    }));
    trials.push(Trial::test("hostile_tar: a file in place of the root's directory is refused", || {
        let archive = Tar::new().file("kept/new", "x").file("kept", "evil").end();
        refused(&archive, &Options::default(), "\"kept\": what the root has", &|root| fs::create_dir(root.join("kept")).unwrap())
    }));
    trials.push(Trial::test("hostile_tar: a compressed bomb", || {
        let zeros = Head { size: 40 << 20, ..Head::new("zeros", b'0') };
        let archive = gzip(&start().raw(&zeros, &vec![0; 40 << 20]).end(), |_| {});
        refused(&archive, &Options::default(), "\"zeros\": the archive unpacks to more than 200 times its size", &|_| {})
    }));
    trials.push(Trial::test("hostile_tar: no cut through an archive is taken for a whole one", cut));
    trials.push(Trial::test("hostile_tar: no changed byte leads outside or panics", changed));
    trials
}

/// A benign start, so that there is something to remove again.
fn start() -> Tar {
    Tar::new().dir("./").dir("first/").file("first/a", "hello").symlink("first/link", "a")
}

#[allow(clippy::too_many_lines)]
fn cases() -> Vec<Case> {
    let plain = Options::default;
    let limits = |limits: Limits| Options { limits, ..Options::default() };
    let head = Head::new;
    let setuid = |mode| Head { mode, ..head("su", b'0') };
    let device = |kind| Head { device: (1, 3), ..head("null", kind) };
    let xattr = ("SCHILY.xattr.security.capability", &b"\x01\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..]);
    let long = || Head { gnu: true, ..head("././@LongLink", b'L') };
    let layer = || Options { whiteouts: true, ..Options::default() };
    let mut wrong_sum = head("sum", b'0').block();
    wrong_sum[150] ^= 1;
    let mut wrong_mode = head("mode", b'0').block();
    wrong_mode[100..107].copy_from_slice(b"rwxr-xr");
    sum(&mut wrong_mode);
    let mut unknown = head("unknown", b'0').block();
    unknown[257..263].copy_from_slice(b"zoo\0\0\0");
    sum(&mut unknown);
    let raw = |block: [u8; 512]| {
        let mut tar = start();
        tar.0.extend(block);
        tar.end()
    };
    vec![
        ("an absolute path", start().file("/tmp/evil", "x").end(), plain(), "\"/tmp/evil\": an absolute path"),
        ("a path that starts with ..", start().file("../canary/file", "x").end(), plain(), "\"../canary/file\": a path with \"..\""),
        ("a path with .. inside", start().file("first/../../canary/file", "x").end(), plain(), "\"first/../../canary/file\": a path with"),
        ("a path that ends in ..", start().dir("first/..").end(), plain(), "\"first/..\": a path with"),
        (
            "a file behind an absolute symlink",
            start().symlink("out", "/tmp").file("out/evil", "x").end(),
            plain(),
            "\"out/evil\": it passes \"out\", which is or leads through a symbolic link",
        ),
        (
            "a file behind a relative symlink",
            start().symlink("out", "../canary").file("out/file", "x").end(),
            plain(),
            "\"out/file\": it passes",
        ),
        (
            "a file behind a chain of symlinks",
            start().symlink("b", "../canary").symlink("a", "b").file("a/file", "x").end(),
            plain(),
            "\"a/file\": it passes",
        ),
        (
            "a file behind a dangling symlink",
            start().symlink("out", "nowhere").file("out/x/y", "x").end(),
            plain(),
            "\"out/x/y\": it passes",
        ),
        (
            "a file below a symlinked directory that comes later",
            start().dir("d/").symlink("d/out", "../../canary").dir("d/out/sub").end(),
            plain(),
            "\"d/out/sub\": it passes \"d/out\"",
        ),
        (
            "a directory that becomes a symlink",
            start().dir("d").symlink("d", "../canary").file("d/file", "x").end(),
            plain(),
            "\"d\": the name comes twice",
        ),
        (
            "a file that becomes a symlink",
            start().file("f", "x").symlink("f", "../canary/file").end(),
            plain(),
            "\"f\": the name comes twice",
        ),
        (
            "a symlink that becomes a file",
            start().symlink("f", "../canary/file").file("f", "x").end(),
            plain(),
            "\"f\": the name comes twice",
        ),
        (
            "CVE-2026-33056: a symlink that becomes a directory",
            start().symlink("d", "../canary").with(Head { mode: 0o777, ..head("d", b'5') }, b"").end(),
            plain(),
            "\"d\": the name comes twice",
        ),
        ("a file that becomes a directory", start().file("f", "x").dir("f").end(), plain(), "\"f\": the name comes twice"),
        (
            "a file inside of a file",
            start().file("f", "x").file("f/g", "x").end(),
            plain(),
            "\"f/g\": it passes \"f\", which is no directory",
        ),
        (
            "a symlink in place of the root",
            start().symlink("./", "../canary").end(),
            plain(),
            "\"./\": a symbolic link in place of the root",
        ),
        (
            "a hard link out of the root",
            start().link("h", "../canary/file").end(),
            plain(),
            "\"h\": a hard link to \"../canary/file\": a path with",
        ),
        (
            "a hard link to an absolute path",
            start().link("h", "/etc/passwd").end(),
            plain(),
            "\"h\": a hard link to \"/etc/passwd\": an absolute path",
        ),
        (
            "a hard link to a symlink",
            start().symlink("s", "../canary/file").link("h", "s").file("h", "x").end(),
            plain(),
            "\"h\": a hard link to \"s\": that is a symbolic link",
        ),
        (
            "a hard link through a symlink",
            start().symlink("s", "../canary").link("h", "s/file").end(),
            plain(),
            "\"h\": a hard link to \"s/file\"",
        ),
        (
            "a hard link to a directory",
            start().link("h", "first").end(),
            plain(),
            "\"h\": a hard link to \"first\": that is no regular file",
        ),
        (
            "a hard link to what is not there",
            start().link("h", "none").end(),
            plain(),
            "\"h\": a hard link to \"none\": there is no such file",
        ),
        ("a hard link to itself", start().link("h", "h").end(), plain(), "\"h\": a hard link to \"h\": that is no other file"),
        (
            "a hard link with data",
            start().with(Head { link: b"first/a".to_vec(), ..head("h", b'1') }, b"evil").end(),
            plain(),
            "\"h\": a hard link with 4 bytes",
        ),
        ("a directory with data", start().with(head("d", b'5'), &[0; 512]).end(), plain(), "\"d\": a directory with 512 bytes"),
        ("a character device", start().with(device(b'3'), b"").end(), plain(), "\"null\": a character device, 1:3"),
        ("a block device", start().with(device(b'4'), b"").end(), plain(), "\"null\": a block device, 1:3"),
        ("a set-user-ID file", start().with(setuid(0o4755), b"x").end(), plain(), "\"su\": a set-user-ID or set-group-ID bit (mode 4755)"),
        ("a set-group-ID file", start().with(setuid(0o2755), b"x").end(), plain(), "\"su\": a set-user-ID or set-group-ID bit (mode 2755)"),
        ("file capabilities", start().pax(&[xattr]).file("ping", "x").end(), plain(), "\"ping\": file capabilities"),
        (
            "CVE-2025-62518: a size that only the extended header has",
            start().pax(&[("size", b"1024")]).with(head("inner", b'0'), b"").file("smuggled", "x").end(),
            plain(),
            "\"inner\": two sizes: 0 in its header, 1024 in its extended header",
        ),
        (
            "CVE-2026-33055: a size that the extended header takes away",
            start().pax(&[("size", b"0")]).file("outer", &"x".repeat(1024)).end(),
            plain(),
            "\"outer\": two sizes: 1024 in its header, 0",
        ),
        (
            "a global header that names every file",
            start().global(&[("path", b"../evil")]).file("f", "x").end(),
            plain(),
            "\"global\": a global header",
        ),
        ("a global header with capabilities", start().global(&[xattr]).file("f", "x").end(), plain(), "\"global\": a global header"),
        (
            "two extended headers for one entry",
            start().pax(&[("path", b"a")]).pax(&[("path", b"b")]).file("f", "x").end(),
            plain(),
            "\"pax\": two extended headers",
        ),
        (
            "two values for one key",
            start().pax(&[("path", b"a"), ("path", b"../b")]).file("f", "x").end(),
            plain(),
            "\"pax\": an extended header with two values for path",
        ),
        (
            "a GNU long name beside an extended one",
            start().with(long(), b"a\0").pax(&[("path", b"b")]).file("f", "x").end(),
            plain(),
            "\"f\": two extensions that give the entry a name",
        ),
        (
            "a long name with text after its end",
            start().with(long(), b"a\0../b\0").file("f", "x").end(),
            plain(),
            "a long name with text after its end",
        ),
        (
            "an extended name that leaves the root",
            start().pax(&[("path", b"../canary/file")]).file("f", "x").end(),
            plain(),
            "\"../canary/file\": a path with",
        ),
        (
            "an extended link name that leaves the root",
            start().pax(&[("linkpath", b"../canary/file")]).link("f", "first/a").end(),
            plain(),
            "\"f\": a hard link to",
        ),
        ("a name with a NUL byte", start().pax(&[("path", b"a\0b")]).file("f", "x").end(), plain(), "\"a\\x00b\": a name with a NUL byte"),
        (
            "a malformed extended header",
            start().with(head("pax", b'x'), b"99 path=a\n").file("f", "x").end(),
            plain(),
            "\"pax\": a malformed extended header",
        ),
        (
            "an extended header hidden behind an empty line",
            start().with(head("pax", b'x'), b"\n11 path=../x\n").file("f", "x").end(),
            plain(),
            "malformed",
        ),
        (
            "an extended header of 2 MiB",
            start().raw(&Head { size: 2 << 20, ..head("pax", b'x') }, b"").end(),
            plain(),
            "\"pax\": an extended header of 2097152 bytes",
        ),
        (
            "an extended header without an entry",
            start().pax(&[("path", b"a")]).end(),
            plain(),
            "ends between an extended header and its entry",
        ),
        ("an empty name", start().file("", "x").end(), plain(), "\"\": an empty name"),
        (
            "a name of 300 bytes in one part",
            start().pax(&[("path", &[b'n'; 300])]).file("f", "x").end(),
            plain(),
            "a part of the name has 300 bytes",
        ),
        (
            "a name that is longer than a path may be",
            start().pax(&[("path", &b"d/".repeat(3000))]).dir("d").end(),
            plain(),
            "a name of 6000 bytes",
        ),
        ("a file whose name ends with a slash", start().file("f/", "x").end(), plain(), "\"f/\": a file whose name ends with a slash"),
        ("a symlink without text", start().symlink("s", "").end(), plain(), "\"s\": a symbolic link whose text is empty"),
        (
            "an entry of an unknown type",
            start().with(head("multi", b'M'), b"").end(),
            plain(),
            "\"multi\": an entry of the unknown type 'M'",
        ),
        (
            "an owner that does not exist",
            start().pax(&[("uid", b"4294967295")]).file("f", "x").end(),
            plain(),
            "\"f\": the owner 4294967295:0",
        ),
        ("a mode in letters", raw(wrong_mode), plain(), "\"mode\": its mode is not a number"),
        ("a header of another format", raw(unknown), plain(), "\"unknown\": a header of an unknown format"),
        ("a wrong checksum", raw(wrong_sum), plain(), "\"sum\": a header with a wrong checksum"),
        ("no tar file at all", vec![b'a'; 10_240], plain(), "wrong checksum: damaged, or no tar file"),
        ("an empty file", Vec::new(), plain(), "no end mark"),
        ("an archive compressed with xz", b"\xfd7zXZ\0\0\0".to_vec(), plain(), "the archive's format is xz"),
        ("an archive without its end mark", start().0, plain(), "no end mark: it is truncated"),
        (
            "an archive that ends inside of a file",
            start().raw(&Head { size: 4096, ..head("half", b'0') }, &[1; 1024]).0,
            plain(),
            "\"half\": the archive is truncated",
        ),
        (
            "an archive after the archive",
            [start().end(), start().file("f", "x").end()].concat(),
            plain(),
            "data after the archive's end mark",
        ),
        ("an entry after one block of zeros", start().zeros(512).file("f", "x").end(), plain(), "data after the archive's end mark"),
        ("garbage after the end", [start().end(), b"garbage".to_vec()].concat(), plain(), "data after the archive's end mark"),
        ("a gzip stream that is cut", gzip(&start().end(), |bytes| drop(bytes.split_off(bytes.len() - 6))), plain(), "truncated"),
        ("a gzip stream with a wrong checksum", gzip(&start().end(), |bytes| flip(bytes, 5)), plain(), "damaged"),
        ("garbage after a gzip stream", gzip(&start().end(), |bytes| bytes.extend(b"garbage that is no gzip header")), plain(), "damaged"),
        ("a zstd stream with a wrong checksum", zstd(&start().end(), 0xdead_beef), plain(), "a checksum is wrong"),
        (
            "a file larger than the limit",
            start().raw(&Head { size: 5 << 30, ..head("big", b'0') }, b"").end(),
            plain(),
            "\"big\": the archive unpacks to more than",
        ),
        (
            "more bytes than the limit, file by file",
            (0..20).fold(start(), |tar, number| tar.file(&format!("f{number}"), &"x".repeat(1000))).end(),
            limits(Limits { size: 16 << 10, ..Limits::default() }),
            "the archive unpacks to more than 16384 bytes",
        ),
        (
            "more entries than the limit",
            (0..20).fold(start(), |tar, number| tar.file(&format!("f{number}"), "")).end(),
            limits(Limits { entries: 10, ..Limits::default() }),
            "\"f6\": the archive has more than 10 entries",
        ),
        ("a sparse bomb in the GNU form", sparse(1 << 40, &[(0, 512)]), plain(), "\"sparse\": the archive unpacks to more than"),
        (
            "a sparse bomb in the pax form",
            start()
                .pax(&[
                    ("GNU.sparse.major", b"1"),
                    ("GNU.sparse.minor", b"0"),
                    ("GNU.sparse.name", b"holes"),
                    ("GNU.sparse.realsize", b"1099511627776"),
                ])
                .with(head("GNUSparseFile.0/holes", b'0'), &{
                    let mut map = b"0\n".to_vec();
                    map.resize(512, 0);
                    map
                })
                .end(),
            plain(),
            "\"holes\": the archive unpacks to more than",
        ),
        ("a sparse map that overlaps", sparse(4096, &[(0, 512), (256, 512)]), plain(), "\"sparse\": its map of holes is malformed"),
        ("a sparse map beyond the file", sparse(512, &[(0, 512), (4096, 512)]), plain(), "\"sparse\": its map of holes is malformed"),
        ("a sparse map that is not all of the data", sparse(4096, &[(0, 100)]), plain(), "\"sparse\": its map of holes is malformed"),
        (
            "a sparse name that leaves the root",
            start()
                .pax(&[("GNU.sparse.map", b"0,4"), ("GNU.sparse.size", b"4"), ("GNU.sparse.name", b"../canary/file")])
                .file("f", "evil")
                .end(),
            plain(),
            "\"../canary/file\": a path with",
        ),
        ("a whiteout that leaves the root", start().file("first/.wh...", "").end(), layer(), "\"first/.wh...\": a whiteout of no file"),
        ("a whiteout behind a symlink", start().symlink("out", "../canary").file("out/.wh.file", "").end(), layer(), "\"out/.wh.file\""),
        (
            "an opaque whiteout behind a symlink",
            start().symlink("out", "../canary").file("out/.wh..wh..opq", "").end(),
            layer(),
            "\"out/.wh..wh..opq\"",
        ),
        ("a whiteout with data", start().file(".wh.first", "x").end(), layer(), "\".wh.first\": a whiteout that is not an empty file"),
        (
            "a device in a layer, with rights kept",
            start().with(device(b'3'), b"").end(),
            Options { setuid: Rights::Keep, file_caps: Rights::Keep, ..layer() },
            "\"null\": a character device",
        ),
    ]
}

impl Tar {
    fn zeros(mut self, count: usize) -> Self {
        self.0.resize(self.0.len() + count, 0);
        self
    }
}

/// An archive with one sparse file in the GNU form; each piece has 512 bytes of data.
fn sparse(size: u64, pieces: &[(u64, u64)]) -> Vec<u8> {
    let data = vec![1; pieces.len() * 512];
    let head = Head { size: data.len() as u64, gnu: true, ..Head::new("sparse", b'S') };
    let mut block = head.block();
    for (index, (offset, length)) in pieces.iter().enumerate() {
        let at = 386 + index * 24;
        block[at..at + 24].copy_from_slice(format!("{offset:011o}\0{length:011o}\0").as_bytes());
    }
    // Twelve octal digits do not hold a terabyte's neighbours; base 256 does.
    block[483..495].copy_from_slice(&[[0x80, 0, 0, 0].as_slice(), &size.to_be_bytes()].concat());
    sum(&mut block);
    let mut tar = start();
    tar.0.extend(block);
    tar.0.extend(data);
    tar.end()
}

fn gzip(bytes: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    let mut out = encoder.finish().unwrap();
    change(&mut out);
    out
}

fn flip(bytes: &mut [u8], from_end: usize) {
    let at = bytes.len() - from_end;
    bytes[at] ^= 0xff;
}

/// A zstd frame of raw blocks, which need no compressor, with this checksum.
fn zstd(bytes: &[u8], checksum: u32) -> Vec<u8> {
    let mut out = b"\x28\xb5\x2f\xfd\x04\x58".to_vec();
    let count = bytes.chunks(4096).count();
    for (index, block) in bytes.chunks(4096).enumerate() {
        let last = u32::from(index + 1 == count);
        let header = (u32::try_from(block.len()).unwrap() << 3) | last;
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(block);
    }
    out.extend(checksum.to_le_bytes());
    out
}

/// What a tree is: for each path inode, mode, owner, size, time and content.
type State = BTreeMap<String, (u64, u32, u32, u64, i64, i64, Vec<u8>)>;

fn state(dir: &Path) -> State {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(path) = waiting.pop() {
        let kind = fs::symlink_metadata(&path).unwrap();
        let content = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let row = (kind.ino(), kind.mode(), kind.uid(), kind.size(), kind.mtime(), kind.mtime_nsec(), content);
        if kind.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path.display().to_string(), row);
    }
    found
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = state(dir).into_keys().collect();
    names.sort();
    names
}

struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        // In memory where that can be had: thousands of trees are made and removed.
        let place = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
        let dir = tempfile::Builder::new().prefix("crun-lua-hostile").tempdir_in(place).unwrap();
        for name in ["canary", "canary/sub", "root"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        fs::write(dir.path().join("canary/file"), CONTENT).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn unpack(&self, archive: &[u8], options: &Options) -> Result<Summary, String> {
        fs::write(self.path("x.tar"), archive).unwrap();
        let root = File::open(self.path("root")).unwrap();
        unpack(root.as_fd(), &Source::Path(self.path("x.tar")), options, &mut |_| {}).map_err(|refusal| refusal.to_string())
    }
}

fn refused(archive: &[u8], options: &Options, reason: &str, prepare: &dyn Fn(&Path)) -> Result<(), Failed> {
    let stage = Stage::new();
    prepare(&stage.path("root"));
    let (canary, root) = (state(&stage.path("canary")), names(&stage.path("root")));
    let told = match stage.unpack(archive, options) {
        Ok(summary) => return Err(format!("it was unpacked: {summary:?}").into()),
        Err(told) => told,
    };
    assert_eq!(state(&stage.path("canary")), canary, "the canary has changed");
    assert_eq!(names(&stage.path("root")), root, "the root is not as it was");
    if told.contains(reason) { Ok(()) } else { Err(format!("expected {reason:?}, found {told:?}").into()) }
}

/// Every archive that ends too early is refused, wherever it ends.
fn cut() -> Result<(), Failed> {
    let whole = start().pax(&[("path", b"long")]).file("f", &"x".repeat(600)).end();
    for length in (0..whole.len()).step_by(37) {
        let stage = Stage::new();
        let result = stage.unpack(&whole[..length], &Options::default());
        if result.is_ok() || names(&stage.path("root")).len() != 1 {
            return Err(format!("cut to {length} bytes: {result:?}, {:?}", names(&stage.path("root"))).into());
        }
    }
    Ok(())
}

/// Whatever byte of an archive changes, with its checksum made right again: nothing outside of
/// the root changes, and what is refused leaves nothing.
fn changed() -> Result<(), Failed> {
    let tar =
        Tar::new().dir("d/").symlink("d/s", "../../canary").pax(&[("path", b"d/t"), ("mtime", b"1.5")]).file("f", "x").link("h", "d/t");
    let whole = tar.end();
    let stage = Stage::new();
    let canary = state(&stage.path("canary"));
    let root = stage.path("root");
    for at in (0..whole.len() - 1024).filter(|at| at % 512 < 345) {
        for value in [b'/', 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let start = at / 512 * 512;
            let mut block: [u8; 512] = bytes[start..start + 512].try_into()?;
            if block[257..262] == *b"ustar" && !(148..156).contains(&(at % 512)) {
                sum(&mut block);
                bytes[start..start + 512].copy_from_slice(&block);
            }
            let result = stage.unpack(&bytes, &Options::default());
            if result.is_err() && names(&root).len() != 1 {
                return Err(format!("byte {at} = {value}: {result:?} left {:?}", names(&root)).into());
            }
            fs::remove_dir_all(&root)?;
            fs::create_dir(&root)?;
        }
        if at % 256 == 0 && state(&stage.path("canary")) != canary {
            return Err(format!("byte {at}: the canary has changed").into());
        }
    }
    assert_eq!(state(&stage.path("canary")), canary, "the canary has changed");
    Ok(())
}

//! Trees that tar(1) has packed, unpacked and compared: names, types, modes, owners, times,
//! contents, links and holes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crun_lua::sys::archives::{Options, Owner, Rights, Source, Summary, unpack};
use crun_lua::sys::namespaces::ids::Range;
use libtest_mimic::{Failed, Trial};

use crate::tar_writer::{Head, Tar};

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("unpacking: a layer's whiteouts remove what lower layers left", whiteouts),
        Trial::test("unpacking: without whiteouts their files are files", plain_whiteouts),
        Trial::test("unpacking: rights are stripped or kept as asked", rights),
        Trial::test("unpacking: owners are mapped into a range, or the archive is refused", mapped),
        Trial::test("unpacking: leading parts of names and link targets are stripped", stripped),
        Trial::test("unpacking: zstd frames in a row and frames to skip are read", frames),
        Trial::test("unpacking: directories that no entry names are made", implied),
        Trial::test("unpacking: a later entry of the same kind replaces the first", replaced),
        Trial::test("unpacking: a pipe will do as an archive", piped),
        Trial::test("unpacking: a refusal in a root with files takes only the archive's own away", kept),
    ];
    for (format, extra) in [
        ("gnu", &["--sparse"][..]),
        ("pax", &["--sparse"]),
        ("pax", &["--sparse", "--sparse-version=0.1"]),
        ("pax", &["--sparse", "--sparse-version=0.0"]),
        ("ustar", &[]),
    ] {
        for compress in ["", "gzip", "zstd"] {
            let name = format!("unpacking: {format} {} {compress}: what tar packs comes back", extra.join(" "));
            let missing = (!compress.is_empty() && Command::new(compress).arg("--version").output().is_err()) || !is_root();
            trials.push(Trial::test(name, move || round_trip(format, extra, compress)).with_ignored_flag(missing));
        }
    }
    trials
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("crun-lua-unpacking").tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn root(&self, name: &str) -> PathBuf {
        self.0.path().join("root").join(name)
    }

    fn unpack_from(&self, source: &Source, options: &Options) -> Result<Summary, Failed> {
        let root = File::open(self.path("root"))?;
        Ok(unpack(root.as_fd(), source, options, &mut |_| {})?)
    }

    fn unpack(&self, archive: &[u8], options: &Options) -> Result<Summary, Failed> {
        fs::write(self.path("x.tar"), archive)?;
        self.unpack_from(&Source::Path(self.path("x.tar")), options)
    }
}

/// A tree with everything that a distribution's has, and a little more.
fn make_tree(dir: &Path, long: bool) {
    for name in ["usr/bin", "usr/lib", "etc/empty", "var/mail", "tmp"] {
        fs::create_dir_all(dir.join(name)).unwrap();
    }
    symlink("usr/bin", dir.join("bin")).unwrap();
    symlink("/absolute/nowhere", dir.join("etc/dangling")).unwrap();
    fs::write(dir.join("usr/bin/tool"), vec![7; 200_000]).unwrap();
    fs::hard_link(dir.join("usr/bin/tool"), dir.join("usr/bin/other-name")).unwrap();
    fs::write(dir.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").unwrap();
    fs::write(dir.join("etc/nothing"), "").unwrap();
    fs::write(dir.join(OsStr::from_bytes(b"etc/\xff\xfe not utf-8\n")), "x").unwrap();
    let modes =
        [("usr/bin/tool", 0o755), ("etc/passwd", 0o640), ("tmp", 0o1777), ("var/mail", 0o2775), ("etc/nothing", 0), ("etc/empty", 0o500)];
    for (name, mode) in modes {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    if is_root() {
        std::os::unix::fs::chown(dir.join("etc/passwd"), Some(1000), Some(65_534)).unwrap();
        std::os::unix::fs::lchown(dir.join("bin"), Some(3), Some(4)).unwrap();
    }
    if long {
        let deep = dir.join("long").join("d".repeat(200)).join("e".repeat(200));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("f".repeat(200)), "deep").unwrap();
        symlink("t".repeat(300), deep.join("link")).unwrap();
        let sparse = File::create(dir.join("holes")).unwrap();
        for piece in 0..40_u64 {
            sparse.write_all_at(&[1; 4096], piece << 20).unwrap();
        }
        sparse.set_len(64 << 20).unwrap();
    }
    assert!(Command::new("mkfifo").arg(dir.join("pipe")).status().unwrap().success());
    assert!(
        Command::new("find")
            .arg(dir)
            .args(["-exec", "touch", "-h", "-d", "2001-02-03 04:05:06.789 UTC", "{}", ";"])
            .status()
            .unwrap()
            .success()
    );
}

type Row = (u32, u32, u32, u64, i64, u64, Vec<u8>);

/// Mode with type, owner, group, size, time, links, and content or text.
fn rows(dir: &Path) -> BTreeMap<PathBuf, Row> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(path) = waiting.pop() {
        let kind = fs::symlink_metadata(&path).unwrap();
        let content = if kind.is_file() {
            fs::read(&path).unwrap()
        } else if kind.is_symlink() {
            fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
        } else {
            Vec::new()
        };
        let size = if kind.is_dir() { 0 } else { kind.size() };
        let links = if kind.is_dir() { 0 } else { kind.nlink() };
        if kind.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let row = (kind.mode(), kind.uid(), kind.gid(), size, kind.mtime(), links, content);
        found.insert(path.strip_prefix(dir).unwrap().to_owned(), row);
    }
    found
}

fn round_trip(format: &str, extra: &[&str], compress: &str) -> Result<(), Failed> {
    let stage = Stage::new();
    let tree = stage.path("tree");
    fs::create_dir(&tree)?;
    make_tree(&tree, format != "ustar");
    let archive = stage.path("x.tar");
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(&tree).arg(format!("--format={format}")).args(extra);
    if !compress.is_empty() {
        tar.arg(format!("--use-compress-program={compress}"));
    }
    let packed = tar.arg("-cf").arg(&archive).arg(".").output()?;
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    stage.unpack_from(&Source::Path(archive), &Options::default())?;
    let (wanted, found) = (rows(&tree), rows(&stage.path("root")));
    for (path, row) in &wanted {
        let other = found.get(path).ok_or_else(|| format!("{} is missing", path.display()))?;
        let short = |row: &Row| (row.0, row.1, row.2, row.3, row.4, row.5);
        if row != other {
            return Err(format!("{}: wanted {:?}, found {:?}", path.display(), short(row), short(other)).into());
        }
    }
    assert_eq!(wanted.len(), found.len());
    if format == "pax" {
        assert_eq!(fs::metadata(stage.root("etc/passwd"))?.mtime_nsec(), 789_000_000, "fractions of a second");
    }
    if !extra.is_empty() {
        let blocks = fs::metadata(stage.root("holes"))?.blocks() * 512;
        assert!(blocks < 32 << 20, "the holes were filled: {blocks} bytes");
    }
    Ok(())
}

fn whiteouts() -> Result<(), Failed> {
    let stage = Stage::new();
    for name in ["a/lower", "a/deep/er/file", "b/lower", "c/lower", "plain"] {
        fs::create_dir_all(stage.root(name).parent().unwrap())?;
        fs::write(stage.root(name), "lower")?;
    }
    symlink("../../outside", stage.root("b/link"))?;
    let layer = Tar::new()
        .dir("a/")
        .file("a/new", "upper")
        .file("a/.wh..wh..opq", "")
        .file(".wh.b", "")
        .file("b/again", "upper")
        .file("c", "a file now")
        .dir("plain/")
        .file("plain/x", "a directory now")
        .file(".wh.not-there", "")
        .file(".wh..wh.plnk", "")
        .end();
    let summary = stage.unpack(&layer, &Options { whiteouts: true, ..Options::default() })?;
    assert_eq!(summary.whiteouts, 3);
    let found: Vec<String> = rows(&stage.path("root")).into_keys().map(|path| path.display().to_string()).collect();
    assert_eq!(found, ["", "a", "a/new", "b", "b/again", "c", "plain", "plain/x"]);
    Ok(())
}

fn plain_whiteouts() -> Result<(), Failed> {
    let stage = Stage::new();
    fs::write(stage.root("x"), "")?;
    stage.unpack(&Tar::new().file(".wh.x", "").end(), &Options::default())?;
    assert!(stage.root("x").exists() && stage.root(".wh.x").exists());
    Ok(())
}

fn rights() -> Result<(), Failed> {
    let caps = b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let archive = Tar::new()
        .with(Head { mode: 0o6755, ..Head::new("su", b'0') }, b"x")
        .pax(&[
            ("SCHILY.xattr.security.capability", caps),
            ("SCHILY.xattr.user.note", b"hi"),
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ])
        .file("ping", "x")
        .end();
    let stage = Stage::new();
    let summary = stage.unpack(&archive, &Options { setuid: Rights::Strip, file_caps: Rights::Strip, ..Options::default() })?;
    assert_eq!(summary.dropped_xattrs, 3);
    assert_eq!(fs::metadata(stage.root("su"))?.mode() & 0o7777, 0o755);
    assert_eq!(xattr(&stage.root("ping"), "security.capability"), None);
    if !is_root() {
        return Ok(());
    }
    let stage = Stage::new();
    stage.unpack(&archive, &Options { setuid: Rights::Keep, file_caps: Rights::Keep, ..Options::default() })?;
    assert_eq!(fs::metadata(stage.root("su"))?.mode() & 0o7777, 0o6755);
    assert_eq!(xattr(&stage.root("ping"), "security.capability"), Some(caps.len()));
    assert_eq!(xattr(&stage.root("ping"), "trusted.overlay.opaque"), None);
    Ok(())
}

/// The length of an attribute's value.
fn xattr(path: &Path, name: &str) -> Option<usize> {
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    let name = std::ffi::CString::new(name).unwrap();
    // SAFETY: a null buffer of length 0 asks for the length.
    let length = unsafe { nix::libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) };
    usize::try_from(length).ok()
}

fn mapped() -> Result<(), Failed> {
    let archive = |uid| Tar::new().with(Head { uid, ..Head::new("f", b'0') }, b"x").end();
    let ids = vec![Range { inside: 0, outside: 100_000, count: 1000 }];
    let options = Options { owner: Owner::Map { uid: ids.clone(), gid: ids }, ..Options::default() };
    let stage = Stage::new();
    let told = stage.unpack(&archive(1000), &options).err().map(|error| error.message().unwrap_or_default().to_owned());
    assert_eq!(told.as_deref(), Some("the entry \"f\": the owner 1000:0 is not one that can be, or that is mapped"));
    if is_root() {
        stage.unpack(&archive(999), &options)?;
        assert_eq!((fs::metadata(stage.root("f"))?.uid(), fs::metadata(stage.root("f"))?.gid()), (100_999, 100_000));
    }
    Ok(())
}

fn stripped() -> Result<(), Failed> {
    let stage = Stage::new();
    let archive = Tar::new().dir("top/").file("top/d/f", "x").link("top/h", "top/d/f").end();
    stage.unpack(&archive, &Options { strip: 1, ..Options::default() })?;
    assert_eq!(fs::metadata(stage.root("h"))?.ino(), fs::metadata(stage.root("d/f"))?.ino());
    assert!(!stage.root("top").exists());
    Ok(())
}

fn frames() -> Result<(), Failed> {
    let raw = |bytes: &[u8]| {
        let header = (u32::try_from(bytes.len()).unwrap() << 3) | 1;
        [b"\x28\xb5\x2f\xfd\x00\x58", &header.to_le_bytes()[..3], bytes].concat()
    };
    let whole = Tar::new().file("f", &"x".repeat(1000)).end();
    let skip = b"\x50\x2a\x4d\x18\x04\0\0\0skip";
    let archive = [skip, raw(&whole[..700]).as_slice(), skip, &raw(&whole[700..]), skip].concat();
    let stage = Stage::new();
    stage.unpack(&archive, &Options::default())?;
    assert_eq!(fs::read(stage.root("f"))?, vec![b'x'; 1000]);
    Ok(())
}

fn implied() -> Result<(), Failed> {
    let stage = Stage::new();
    let summary = stage.unpack(&Tar::new().file("a/b/c/f", "x").dir("a/b/").end(), &Options::default())?;
    assert_eq!(summary.entries, 2);
    assert_eq!(fs::metadata(stage.root("a/b/c"))?.mode() & 0o7777, 0o755);
    assert_eq!(fs::metadata(stage.root("a/b"))?.mtime(), 1_000_000_000);
    Ok(())
}

fn replaced() -> Result<(), Failed> {
    let stage = Stage::new();
    fs::write(stage.path("outside"), "safe")?;
    fs::hard_link(stage.path("outside"), stage.root("f"))?;
    symlink("../outside", stage.root("s"))?;
    stage.unpack(&Tar::new().file("f", "first").file("f", "second").file("s", "file").end(), &Options::default())?;
    assert_eq!(fs::read_to_string(stage.root("f"))?, "second");
    assert_eq!(fs::read_to_string(stage.root("s"))?, "file");
    assert_eq!(fs::read_to_string(stage.path("outside"))?, "safe");
    Ok(())
}

fn piped() -> Result<(), Failed> {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    let stage = Stage::new();
    let (read, write) = nix::unistd::pipe()?;
    let archive = Tar::new().file("f", &"x".repeat(300_000)).end();
    let writer = std::thread::spawn(move || File::from(write).write_all(&archive));
    stage.unpack_from(&Source::Number(read.as_raw_fd()), &Options::default())?;
    writer.join().unwrap()?;
    assert_eq!(fs::metadata(stage.root("f"))?.len(), 300_000);
    Ok(())
}

fn kept() -> Result<(), Failed> {
    let stage = Stage::new();
    fs::create_dir(stage.root("d"))?;
    fs::write(stage.root("d/old"), "x")?;
    fs::set_permissions(stage.root("d"), fs::Permissions::from_mode(0o700))?;
    let result = stage.unpack(&Tar::new().dir("d/").file("d/new", "x").dir("e/f/g/").file("../x", "x").end(), &Options::default());
    assert!(result.is_err());
    let found: Vec<String> = rows(&stage.path("root")).into_keys().map(|path| path.display().to_string()).collect();
    assert_eq!(found, ["", "d", "d/old"]);
    assert_eq!(fs::metadata(stage.root("d"))?.mode() & 0o7777, 0o700, "a directory that was there keeps its mode");
    Ok(())
}

//! The lister against files made here, and against `ldd` on the programs of this machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

fn list(root: &Path, programs: &[&str]) -> Found<Vec<Item>> {
    let programs: Vec<PathBuf> = programs.iter().map(PathBuf::from).collect();
    files(&programs, root, OsStr::new("/bin:/usr/bin"))
}

fn problem(root: &Path, program: &str) -> String {
    list(root, &[program]).unwrap_err().0
}

fn write(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// What a hand-made ELF file says.
#[derive(Default)]
struct Made<'a> {
    machine: u16,
    interpreter: Option<&'a str>,
    needed: &'a [&'a str],
    rpath: Option<&'a str>,
    runpath: Option<&'a str>,
}

/// A 64-bit little-endian file with one loaded segment that holds all of it.
fn elf(made: &Made) -> Vec<u8> {
    let mut strings = vec![0];
    let mut entries: Vec<(u64, u64)> = Vec::new();
    let named = made.needed.iter().map(|name| (1, *name));
    for (tag, text) in named.chain(made.rpath.map(|path| (15, path))).chain(made.runpath.map(|path| (29, path))) {
        entries.push((tag, strings.len() as u64));
        strings.extend_from_slice(text.as_bytes());
        strings.push(0);
    }
    let interpreter = made.interpreter.map_or_else(Vec::new, |name| [name.as_bytes(), &[0]].concat());
    let dynamic_at = 64 + 56 * 3;
    let strings_at = dynamic_at + (entries.len() as u64 + 3) * 16;
    let interpreter_at = strings_at + strings.len() as u64;
    let total = interpreter_at + interpreter.len() as u64;
    entries.extend([(5, strings_at), (10, strings.len() as u64), (0, 0)]);
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let (half, word, wide) = (u16::to_le_bytes, u32::to_le_bytes, u64::to_le_bytes);
    out.extend([half(3), half(if made.machine == 0 { 62 } else { made.machine })].concat());
    out.extend(word(1));
    out.extend([wide(0), wide(64), wide(0)].concat());
    out.extend(word(0));
    out.extend([half(64), half(56), half(3), half(0), half(0), half(0)].concat());
    let interpreter_kind = if interpreter.is_empty() { 0 } else { 3 };
    let dynamic = (2, dynamic_at, strings_at - dynamic_at);
    for (kind, at, size) in [(1, 0, total), dynamic, (interpreter_kind, interpreter_at, interpreter.len() as u64)] {
        out.extend([word(kind), word(4)].concat());
        out.extend([wide(at), wide(at), wide(at), wide(size), wide(size), wide(8)].concat());
    }
    for (tag, value) in entries {
        out.extend([wide(tag), wide(value)].concat());
    }
    out.extend(strings);
    out.extend(interpreter);
    out
}

#[test]
fn what_is_missing_is_named_with_what_needs_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    assert_eq!(problem(root, "/bin/none"), "/bin/none: does not exist (/bin is missing)");
    assert_eq!(problem(root, "none"), "none: no program of this name in PATH (/bin:/usr/bin)");
    assert!(problem(root, "bin/sh").contains("absolute path"));
    write(root, "bin/a", &elf(&Made { interpreter: Some("/lib/ld.so"), ..Made::default() }));
    assert_eq!(problem(root, "/bin/a"), "/lib/ld.so (needed by /bin/a): does not exist (/lib is missing)");
    write(root, "bin/b", &elf(&Made { needed: &["libx.so.1"], ..Made::default() }));
    assert_eq!(problem(root, "/bin/b"), "libx.so.1 (needed by /bin/b): no such library where ld.so would look for it");
    write(root, "lib/libx.so.1", &elf(&Made { needed: &["liby.so"], ..Made::default() }));
    assert_eq!(problem(root, "/bin/b"), "liby.so (needed by /lib/libx.so.1): no such library where ld.so would look for it");
}

#[test]
fn a_library_for_another_machine_is_passed_over_and_named() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "bin/a", &elf(&Made { needed: &["libx.so"], ..Made::default() }));
    write(root, "lib64/libx.so", &elf(&Made { machine: 183, ..Made::default() }));
    assert_eq!(problem(root, "/bin/a"), "libx.so (needed by /bin/a): /lib64/libx.so is for aarch64, what needs it is for x86_64");
    write(root, "usr/lib/libx.so", &elf(&Made::default()));
    let found = list(root, &["/bin/a"]).unwrap();
    assert_eq!(found.last().unwrap().path, Path::new("/usr/lib/libx.so"));
    write(root, "bin/b", &elf(&Made { interpreter: Some("/lib64/libx.so"), ..Made::default() }));
    assert_eq!(problem(root, "/bin/b"), "/lib64/libx.so (needed by /bin/b): is for aarch64, the program for x86_64");
}

#[test]
fn what_is_no_program_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "bin/text", b"hello");
    assert!(problem(root, "/bin/text").contains("neither an ELF file nor a script"));
    write(root, "bin/empty", b"");
    assert!(problem(root, "/bin/empty").contains("neither an ELF file nor a script"));
    write(root, "bin/torn", b"\x7fELF\x02\x01");
    assert!(problem(root, "/bin/torn").contains("shorter than an ELF header"));
    let mut huge = elf(&Made { needed: &["libx.so"], ..Made::default() });
    huge[64 + 56 + 32..64 + 56 + 40].copy_from_slice(&u64::MAX.to_le_bytes());
    write(root, "bin/huge", &huge);
    assert!(problem(root, "/bin/huge").contains("damaged ELF file"));
    fs::set_permissions(root.join("bin/text"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(problem(root, "/bin/text").contains("no execute permission"));
    assert!(problem(root, "/bin").contains("no regular file"));
}

#[test]
fn damaged_elf_files_never_panic() {
    let whole = elf(&Made { interpreter: Some("/lib/ld.so"), needed: &["libx.so"], rpath: Some("/x"), runpath: Some("/y"), machine: 0 });
    let root = tempfile::tempdir().unwrap();
    for length in 0..whole.len() {
        write(root.path(), "bin/a", &whole[..length]);
        assert!(list(root.path(), &["/bin/a"]).is_err() || length > 64);
    }
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] = 0xff;
        write(root.path(), "bin/a", &changed);
        let _ = list(root.path(), &["/bin/a"]);
    }
}

#[test]
fn loops_of_links_and_of_interpreters_end() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    fs::create_dir(root.join("bin")).unwrap();
    symlink("b", root.join("bin/a")).unwrap();
    symlink("a", root.join("bin/b")).unwrap();
    assert!(problem(root, "/bin/a").contains("links in a loop"));
    write(root, "bin/self", b"#!/bin/self\n");
    assert!(problem(root, "/bin/self").contains("more often than the kernel follows"));
    write(root, "bin/none", b"#!  \n");
    assert!(problem(root, "/bin/none").contains("without an interpreter"));
    write(root, "bin/relative", b"#!sh\n");
    assert!(problem(root, "/bin/relative").contains("not an absolute path"));
    write(root, "bin/gone", b"#!/bin/nothing -x\n");
    assert_eq!(problem(root, "/bin/gone"), "/bin/nothing (needed by /bin/gone): does not exist");
}

#[test]
fn links_are_kept_and_never_leave_the_root() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "usr/bin/dash", &elf(&Made::default()));
    symlink("dash", root.join("usr/bin/sh")).unwrap();
    symlink("../../../../usr/bin", root.join("bin")).unwrap();
    let found = list(root, &["/bin/sh"]).unwrap();
    let shown: Vec<_> = found.iter().map(|item| (item.path.to_str().unwrap(), &item.what)).collect();
    let link = |text: &str| What::Link(PathBuf::from(text));
    let file = What::File(root.join("usr/bin/dash"));
    assert_eq!(shown, [("/bin", &link("../../../../usr/bin")), ("/usr/bin/dash", &file), ("/usr/bin/sh", &link("dash"))]);
}

#[test]
fn paths_in_the_files_come_before_the_default_directories() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    for dir in ["opt/lib", "opt/run", "lib"] {
        write(root, &format!("{dir}/libx.so"), &elf(&Made { needed: &["liby.so"], ..Made::default() }));
        write(root, &format!("{dir}/liby.so"), &elf(&Made::default()));
    }
    let chosen = |name: &str, rpath: Option<&str>, runpath: Option<&str>| -> Vec<PathBuf> {
        write(root, name, &elf(&Made { needed: &["libx.so"], rpath, runpath, ..Made::default() }));
        let found = list(root, &[&format!("/{name}")]).unwrap();
        found.into_iter().map(|item| item.path).filter(|path| path.to_str().unwrap().contains(".so")).collect()
    };
    let paths = |names: [&str; 2]| names.map(PathBuf::from).to_vec();
    // An rpath holds for what the library needs as well; a runpath only for the file that has it.
    assert_eq!(chosen("opt/bin/rpath", Some("$ORIGIN/../lib"), None), paths(["/opt/lib/libx.so", "/opt/lib/liby.so"]));
    assert_eq!(chosen("opt/bin/runpath", None, Some("${ORIGIN}/../run")), paths(["/lib/liby.so", "/opt/run/libx.so"]));
    assert_eq!(chosen("opt/bin/both", Some("/opt/lib"), Some("/opt/run")), paths(["/lib/liby.so", "/opt/run/libx.so"]));
    assert_eq!(chosen("opt/bin/none", None, None), paths(["/lib/libx.so", "/lib/liby.so"]));
}

#[test]
fn configured_directories_are_searched_where_there_is_no_cache() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "etc/ld.so.conf", b"# first\ninclude ld.so.conf.d/*.conf\n");
    write(root, "etc/ld.so.conf.d/a.conf", b"include /etc/ld.so.conf\n/srv/lib # here\n");
    write(root, "srv/lib/libx.so", &elf(&Made::default()));
    write(root, "bin/a", &elf(&Made { needed: &["libx.so"], ..Made::default() }));
    assert_eq!(list(root, &["/bin/a"]).unwrap().last().unwrap().path, Path::new("/srv/lib/libx.so"));
}

#[test]
fn the_loader_of_musl_is_its_own_libc() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "lib/ld-musl-x86_64.so.1", &elf(&Made::default()));
    write(root, "etc/ld-musl-x86_64.path", b"/opt/musl\n");
    write(root, "opt/musl/libx.so", &elf(&Made { needed: &["libc.so"], ..Made::default() }));
    let needed = &["libx.so", "libc.musl-x86_64.so.1"];
    write(root, "bin/a", &elf(&Made { interpreter: Some("/lib/ld-musl-x86_64.so.1"), needed, ..Made::default() }));
    let found: Vec<_> = list(root, &["/bin/a"]).unwrap().into_iter().map(|item| item.path).collect();
    assert_eq!(found, ["/bin/a", "/lib/ld-musl-x86_64.so.1", "/opt/musl/libx.so"].map(PathBuf::from));
}

#[test]
fn what_ldd_finds_by_running_is_found_by_reading() {
    let mut compared = 0;
    for program in ["/bin/sh", "/bin/bash", "/usr/bin/tar", "/usr/bin/perl", "/bin/ls", "/usr/bin/ssh", "/usr/sbin/ip", "/bin/busybox"] {
        let Ok(output) = Command::new("ldd").arg(program).output() else { continue };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !Path::new(program).exists() || !output.status.success() {
            continue;
        }
        let paths = text.split_whitespace().filter(|word| word.starts_with('/'));
        let mut wanted: BTreeSet<PathBuf> = paths.filter_map(|path| fs::canonicalize(path).ok()).collect();
        wanted.insert(fs::canonicalize(program).unwrap());
        let found = list(Path::new("/"), &[program]).unwrap();
        let found: BTreeSet<PathBuf> = found.into_iter().filter(|item| matches!(item.what, What::File(_))).map(|item| item.path).collect();
        assert_eq!(found, wanted, "{program}");
        compared += 1;
    }
    eprintln!("compared with ldd: {compared} programs");
}

#[test]
fn static_programs_and_scripts_are_listed() {
    let root = Path::new("/");
    if Path::new("/bin/busybox").exists() {
        assert!(list(root, &["busybox"]).unwrap().iter().any(|item| item.path.ends_with("busybox")));
    }
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("run");
    write(dir.path(), "run", b"#!/usr/bin/env -S FOO=1 sh\n");
    let found = list(root, &[script.to_str().unwrap()]).unwrap();
    let has = |name: &str| found.iter().any(|item| item.path.file_name() == Some(OsStr::new(name)));
    assert!(has("run") && has("env") && has("sh"), "{found:?}");
}

/// A program linked by the machine's own compiler, with a library that it finds by `$ORIGIN`.
#[test]
fn what_gcc_links_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fs::create_dir(dir.join("lib")).unwrap();
    fs::write(dir.join("x.c"), "int x(void) { return 0; }").unwrap();
    fs::write(dir.join("main.c"), "int x(void); int main(void) { return x(); }").unwrap();
    let gcc = |arguments: &[&str]| Command::new("gcc").current_dir(dir).args(arguments).status().is_ok_and(|status| status.success());
    let made = gcc(&["-shared", "-fPIC", "x.c", "-Wl,-soname,libx.so.1", "-o", "lib/libx.so.1"])
        && gcc(&["main.c", "lib/libx.so.1", "-Wl,-rpath,$ORIGIN/lib", "-o", "main"]);
    if !made {
        eprintln!("skipped: no gcc here");
        return;
    }
    let found = list(Path::new("/"), &[dir.join("main").to_str().unwrap()]).unwrap();
    assert!(found.iter().any(|item| item.path == dir.join("lib/libx.so.1")), "{found:?}");
    assert!(found.iter().any(|item| item.path.file_name() == Some(OsStr::new("libc.so.6"))), "{found:?}");
}

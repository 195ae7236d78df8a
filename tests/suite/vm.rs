//! What `tests/vm/run.sh` says where it cannot start a guest, or the guest does not answer. It must fail
//! then: a run of the tests that has not taken place would look like one without failures.

use std::os::unix::fs::PermissionsExt;

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, ROOT, is_root, text};

pub fn trials() -> Vec<Trial> {
    let trial = |name: &str, needs_guests: bool, run: fn() -> Result<(), Failed>| {
        let reason = needs_guests.then(unmet).flatten();
        let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
        Trial::test(format!("vm: {name}{skipped}"), run).with_ignored_flag(reason.is_some())
    };
    vec![
        trial("options that are none, and no command, are told with the usage", false, usage),
        trial("a machine without QEMU, where nothing can be installed, is an error", true, no_qemu),
        trial("a disk without room for an image is an error that says how much is missing", true, no_room),
        trial("an ordinary user is told who can start a guest", true, not_root),
        trial("a guest that hangs is stopped after its time: 124, and the end of its console", true, hanging),
        trial("a guest that ends by itself has not run anything: 125, and the end of its console", true, ending),
    ]
}

/// Whether this machine is one for guests.
fn unmet() -> Option<&'static str> {
    if !is_root() {
        return Some("not run as root");
    }
    let there = ["/usr/bin/qemu-system-x86_64", "/usr/bin/apt-get"].iter().all(|path| std::path::Path::new(path).exists());
    if there { None } else { Some("QEMU or apt-get is not installed") }
}

/// Runs it below a command, with programs of ours before others; it must end with 125, and say this.
fn fails(below: &str, words: &str, programs: &[(&str, &str)], wanted: &[&str]) -> Result<(), Failed> {
    ends(125, &Place::new(false), below, words, programs, wanted)
}

fn ends(status: i32, place: &Place, below: &str, words: &str, programs: &[(&str, &str)], wanted: &[&str]) -> Result<(), Failed> {
    for (name, body) in programs {
        let path = place.file(name, &format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    let dir = place.path().display();
    // The image would be made there.
    let source = format!("PATH={dir}:$PATH CARGO_TARGET_DIR={dir}/target exec {below} {ROOT}/tests/vm/run.sh {words}");
    let output = place.run_program("sh", &["-eu", "-c", &source])?;
    let printed = text(&output);
    if output.status.code() == Some(status) && wanted.iter().all(|part| printed.contains(part)) {
        return Ok(());
    }
    Err(format!("expected status {status} and {wanted:?}, found: {printed}").into())
}

fn usage() -> Result<(), Failed> {
    fails("", "--sytemd -- true", &[], &["unknown option '--sytemd'; usage: tests/vm/run.sh"])?;
    fails("", "--seconds", &[], &["--seconds needs a value"])?;
    fails("", "--seconds 5", &[], &["no command"])?;
    fails("", "--kernel 5.4 -- true", &[], &["unknown kernel '5.4': stable or backports"])
}

/// The program is hidden in a mount namespace of its own.
fn no_qemu() -> Result<(), Failed> {
    let hide = "mount --bind /dev/null /usr/bin/qemu-system-x86_64; exec \"$0\" \"$@\"";
    let apt = [("apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100")];
    let wanted = ["could not install: qemu-system-x86", "vm: QEMU, or what goes with it, is missing"];
    fails(&format!("unshare --mount sh -eu -c '{hide}'"), "-- true", &apt, &wanted)
}

fn no_room() -> Result<(), Failed> {
    fails("", "-- true", &[("df", "echo Avail; echo 512000")], &["has 500 MB left, and an image needs 2048: make room"])
}

fn not_root() -> Result<(), Failed> {
    fails("", "-- true", &[("id", "echo 1000")], &["a guest is started by root"])
}

const LAST_WORDS: &str = "this kernel goes no further";

/// A kernel that writes its last words to the serial port, and then does this (machine code): a file
/// in the format of Multiboot, which QEMU loads without an image of Debian's.
fn kernel(after: &[u8]) -> Vec<u8> {
    const LOADED_AT: u32 = 0x10_0000;
    const HEADER: u32 = 32;
    const MAGIC: u32 = 0x1BAD_B002;
    const HAS_ADDRESSES: u32 = 1 << 16;
    // cld; mov edx, 0x3f8; mov esi, …
    let begin = [0xFC, 0xBA, 0xF8, 0x03, 0, 0, 0xBE];
    // next: lodsb; test al, al; jz after; out dx, al; jmp next
    let write = [0xAC, 0x84, 0xC0, 0x74, 0x03, 0xEE, 0xEB, 0xF8];
    let code = u32::try_from(begin.len() + 4 + write.len() + after.len()).unwrap();
    let text = LOADED_AT + HEADER + code;
    let checksum = 0u32.wrapping_sub(MAGIC).wrapping_sub(HAS_ADDRESSES);
    let header = [MAGIC, HAS_ADDRESSES, checksum, LOADED_AT, LOADED_AT, 0, 0, LOADED_AT + HEADER];
    let mut file: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    for part in [&begin, &text.to_le_bytes()[..], &write, after, LAST_WORDS.as_bytes(), b"\r\n"] {
        file.extend(part);
    }
    // It is looked for in the first 8 KiB.
    file.resize(8192, 0);
    file
}

/// Runs a command in a guest with such a kernel, for which an image counts as made.
fn with_kernel(after: &[u8], status: i32, seconds: u32, wanted: &str) -> Result<(), Failed> {
    let place = Place::new(false);
    let key = format!("cat {ROOT}/tests/vm/image.sh {ROOT}/tests/vm/guest/init | sha256sum | cut -c1-12");
    let key = place.run_program("sh", &["-eu", "-c", &key]).and_then(crate::program::succeeded)?;
    let image = place.path().join("target/vm").join(format!("stable-{}", String::from_utf8_lossy(&key.stdout).trim()));
    std::fs::create_dir_all(&image)?;
    std::fs::write(image.join("vmlinux"), kernel(after))?;
    for (name, text) in [("initrd", "-"), ("version", "-"), ("accelerator", "tcg\n")] {
        std::fs::write(image.join(name), text)?;
    }
    std::fs::File::create(image.join("disk.img"))?.set_len(1 << 20)?;
    let words = format!("--seconds {seconds} --memory 128M --processors 1 -- sleep 600");
    ends(status, &place, "", &words, &[], &[wanted, LAST_WORDS, ".console"])
}

fn hanging() -> Result<(), Failed> {
    // stop: cli; hlt; jmp stop
    let stop = [0xFA, 0xF4, 0xEB, 0xFD];
    let told = |seconds| format!("vm: the guest has not ended after {seconds} seconds (tcg), and was stopped");
    // A busy machine may need more than that until the kernel runs.
    with_kernel(&stop, 124, 4, &told(4)).or_else(|_| with_kernel(&stop, 124, 40, &told(40)))
}

fn ending() -> Result<(), Failed> {
    // The keyboard's controller resets the machine: mov al, 0xfe; out 0x64, al; stop: hlt; jmp stop
    let reset = [0xB0, 0xFE, 0xE6, 0x64, 0xF4, 0xEB, 0xFD];
    with_kernel(&reset, 125, 60, "vm: the guest has ended without a result (QEMU: 0)")
}

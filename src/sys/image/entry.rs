//! The program's first instructions: the image is sealed before anything else is set up.
//!
//! A program that seals itself starts twice. What the C library does before `main` (two hundred
//! kilobytes of pointers to be relocated, the heap, locks, the standard streams) is wasted in the
//! first of the two, so the kernel enters here instead of at the C library's `_start`: three system
//! calls, and the sealed image begins; the second time one call, and `_start` goes on. Where the
//! image cannot be sealed so (no right to mount, no /proc), `_start` goes on as well, and `seal`
//! of the module above decides.
//!
//! Nothing here may use what is not there yet: no pointer from static data, no function of the C
//! library, none of Rust's that may call one, no panic.

// The words of a system call have no type.
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, clippy::cast_sign_loss, clippy::unnecessary_cast)]

use std::arch::{asm, naked_asm};
use std::ffi::{c_long, c_uint};
use std::mem::MaybeUninit;
use std::sync::atomic::AtomicBool;

use nix::libc;

/// Whether the image was found to be sealed.
pub(super) static IS_SEALED: AtomicBool = AtomicBool::new(false);

static EXE: [u8; 15] = *b"/proc/self/exe\0";
static EMPTY: [u8; 1] = [0];

/// Where the kernel starts the program (`build.rs` tells the linker). The kernel's first word on
/// the stack is the number of arguments; the register that `_start` is given is kept.
// SAFETY: nothing else has this name.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn crun_lua_entry() -> ! {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov r12, rdx", "mov rdi, rsp", "call {seal}", "mov rdx, r12", "jmp _start", seal = sym seal_at_once);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("mov x19, x0", "mov x0, sp", "bl {seal}", "mov x0, x19", "b _start", seal = sym seal_at_once);
}

/// Starts the program anew from a read-only clone of its file's mount, unless it runs from one.
extern "C" fn seal_at_once(stack: *const usize) {
    // SAFETY: the calls are given what their man pages ask for: C strings, structures of the kernel's
    // size, and the arguments and the environment that the kernel has put on the stack itself. The
    // byte of static data has no other writer, for nobody else is there yet.
    unsafe {
        let arguments = stack.add(1);
        let environment = arguments.add(*stack + 1);
        // A start from the clone would lose the rights of the file's capabilities, and with them the
        // sign by which `is_setuid` refuses to run.
        if is_secure(environment) {
            return;
        }
        let exe = &raw const EXE as usize;
        let mut found = MaybeUninit::<libc::statfs64>::uninit();
        if call(libc::SYS_statfs, [exe, found.as_mut_ptr() as usize, 0, 0, 0]) < 0 {
            return;
        }
        if (*found.as_ptr()).f_flags as u64 & libc::ST_RDONLY as u64 != 0 {
            (&raw const IS_SEALED).cast::<u8>().cast_mut().write(1);
            return;
        }
        let here = libc::AT_FDCWD as usize;
        let clone = super::OPEN_TREE_CLONE | libc::O_CLOEXEC as c_uint;
        let fd = call(libc::SYS_open_tree, [here, exe, clone as usize, 0, 0]);
        if fd < 0 {
            return;
        }
        let (fd, empty, at_fd) = (fd as usize, &raw const EMPTY as usize, libc::AT_EMPTY_PATH as usize);
        let attr: [u64; 4] = [super::MOUNT_ATTR_RDONLY, 0, 0, 0];
        if call(libc::SYS_mount_setattr, [fd, empty, at_fd, &raw const attr as usize, 32]) == 0 {
            call(libc::SYS_execveat, [fd, empty, arguments as usize, environment as usize, at_fd]);
        }
        call(libc::SYS_close, [fd, 0, 0, 0, 0]);
    }
}

/// Whether the kernel says `AT_SECURE` (getauxval(3)): its words for the program, each with its kind
/// before it, are behind the environment's.
#[inline]
unsafe fn is_secure(environment: *const usize) -> bool {
    // SAFETY: a null ends the environment, and `AT_NULL` the words behind it.
    unsafe {
        let mut place = environment;
        while *place != 0 {
            place = place.add(1);
        }
        place = place.add(1);
        while *place != libc::AT_NULL as usize {
            if *place == libc::AT_SECURE as usize {
                return *place.add(1) != 0;
            }
            place = place.add(2);
        }
    }
    false
}

/// A system call, without the C library's `errno`: an error is its number below zero.
#[inline]
unsafe fn call(number: c_long, words: [usize; 5]) -> isize {
    let answer: isize;
    let [first, second, third, fourth, fifth] = words;
    // SAFETY: the kernel changes what the caller's words point to, the answer, and these registers.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("syscall", inlateout("rax") number as isize => answer, in("rdi") first, in("rsi") second, in("rdx") third,
            in("r10") fourth, in("r8") fifth, lateout("rcx") _, lateout("r11") _, options(nostack));
        #[cfg(target_arch = "aarch64")]
        asm!("svc 0", in("x8") number, inlateout("x0") first as isize => answer, in("x1") second, in("x2") third,
            in("x3") fourth, in("x4") fifth, options(nostack));
    }
    answer
}

//! Seal the program's image, parse, hand over.
//!
//! `main` is the program's own, because that of Rust's runtime first reads `/proc/self/maps` for the end of
//! the stack and sets up handlers that tell of it: sixteen system calls, at each of two starts.

#![cfg_attr(not(test), no_main)]
#![cfg_attr(test, allow(dead_code, missing_docs))]

use std::ffi::{c_char, c_int};

use crun_lua::{cli, sys};

// SAFETY: the C library calls it by this name, once, with the arguments that Rust has as well.
#[cfg_attr(not(test), unsafe(no_mangle))]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    sys::memory::be_alone();
    sys::image::prepare_process();
    if sys::image::is_setuid() {
        sys::complain("refuses to run setuid or with file capabilities: a script would have the owner's rights");
        std::process::exit(1);
    }
    // Before anything is read or run: see `sys::image::seal`. Without /proc there is no way to
    // the image that would have to be closed.
    match sys::image::seal() {
        Ok(()) | Err(sys::Errno::ENOENT) => {}
        Err(errno) => {
            sys::complain(format_args!("cannot protect the program's own file from containers: {errno}"));
            std::process::exit(1);
        }
    }
    sys::fork::tidy_memory();
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    std::process::exit(cli::run(&words))
}

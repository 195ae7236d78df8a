//! Seal the program's image, parse, hand over.

use clap::Parser;
use crun_lua::{cli, sys};

fn main() {
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
    std::process::exit(cli::run(cli::Cli::parse()));
}

//! Letting go of what a forked child has inherited and does not need.
//!
//! A child that stays (the first process of a container, a monitor) would keep the parent's pipes
//! open, whose readers then never see their end, and would carry the host's directories into the
//! container. Each number keeps standing for something, an empty eventfd, because the handles that
//! own the numbers close them later.

use std::os::fd::{AsRawFd, RawFd};

use mlua::Value;

use super::super::args::Args;
use super::super::error::Outcome;
use super::super::handle::Handle;
use super::super::table::{Primitive, Scope, example};
use super::super::types::{Param, Type, may};
use super::streams::Descriptor;
use crate::kernel::processes::Call;

const OPTIONS: &[Param] = &[
    may("preserve", Type::Integer(0, 1024), "as many from 3 on as the caller left open for a program"),
    may("files", Type::Boolean, "regular files stay open too, such as a log of io.open: nobody waits for the end of one"),
];

/// The primitives of this part.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "close_fds",
    summary: "Lets go of every descriptor that this process has inherited or opened, but the first three and those that are listed.",
    params: &[may("keep", Type::List(&Type::Handle("fd")), "what is still needed"), may("options", Type::Options(OPTIONS), "")],
    returns: "nothing",
    syscalls: &["getdents64(2)", "dup3(2)"],
    shell: "≈ exec 3>&- 4>&- …",
    needs: "",
    scope: Scope::Caller,
    reversible: false,
    examples: &[example(
        "local p = pipe()\nlocal child <close> = fork(function()\n  close_fds()\n  exec { \"sleep\", \"60\" }\nend)\nchild:started()\np.write:close()\nassert(p.read:read() == \"\")",
    )],
    see: &["fork", "exec", "close_range(2)"],
    function: close_fds,
}];

fn close_fds(args: &Args) -> Outcome {
    let host = args.host;
    let mut keep: Vec<RawFd> = host.kernel.descriptors();
    keep.extend(host.report.borrow().iter().map(crate::sys::fork::Channel::raw));
    for handle in args.values("keep").iter().filter_map(Handle::from_value) {
        let fd = handle.open::<Descriptor>()?.fd()?;
        if !fd.is_planned() {
            keep.extend(fd.get().ok().map(|fd| fd.as_raw_fd()));
        }
    }
    let options = args.options("options")?;
    let preserved: i32 = options.integer("preserve")?.unwrap_or(0);
    keep.extend(3..3 + preserved);
    if options.flag("files") {
        keep.extend(crate::sys::fork::regular_files());
    }
    host.run(Call::LetGo { keep })?;
    Ok(Value::Nil)
}

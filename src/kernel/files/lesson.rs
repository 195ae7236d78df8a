//! The words about files by path.

use super::{Call, libc};
use crate::kernel::lesson::{Lesson, Mark, Script};
use crate::kernel::{Shell, shell_quote};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    let name = call.path().display().to_string();
    match call {
        Call::Mkdir { mode, .. } => Lesson::new(Mark::Add, "directory", name).with(format!("mode {mode:04o}")),
        Call::Temporary { .. } => Lesson::new(Mark::Add, "directory", "temporary")
            .with("name known after apply")
            .note("closed to others, and with a name that nobody can have put a link at"),
        Call::RemoveTemporary { .. } => Lesson::new(Mark::Remove, "directory", "temporary").with("with all in it"),
        Call::Rmdir { .. } => Lesson::new(Mark::Remove, "directory", name),
        Call::Unlink { .. } => Lesson::new(Mark::Remove, "file", name),
        Call::RemoveAll { .. } => Lesson::new(Mark::Remove, "directory", name)
            .with("with all in it")
            .note("walked by descriptors, never through a link, and not into another mount"),
        Call::Write { content, append, .. } => {
            let how = if *append { "bytes at its end" } else { "bytes" };
            Lesson::new(Mark::Add, "file", name).with(format!("{} {how}", content.len()))
        }
        Call::Replace { content, .. } => Lesson::new(Mark::Add, "file", name)
            .with(format!("{} bytes, in one step", content.len()))
            .note("written beside and renamed over: a reader finds the old file or the new one, never half of it"),
        Call::Open { flags, .. } if flags & (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) == libc::O_RDONLY => {
            Lesson::look("file", name)
        }
        Call::Open { .. } => Lesson::new(Mark::Change, "file", name).with("opened for writing"),
        Call::Fifo { .. } => Lesson::new(Mark::Add, "pipe", name).with("with a name"),
        Call::Symlink { text, .. } => Lesson::new(Mark::Add, "link to a path", name).with(format!("→ {}", text.display())),
        Call::Copy { from, .. } => Lesson::new(Mark::Add, "file", name)
            .with(format!("a copy of {}", from.display()))
            .note("the kernel copies; on some file systems the blocks are shared"),
        Call::Chmod { mode, .. } => Lesson::new(Mark::Change, "file", name).with(format!("mode {mode:04o}")),
        Call::Chown { uid, gid, .. } => {
            let id = |id: &Option<u32>| id.map_or_else(|| "same".to_owned(), |id| id.to_string());
            Lesson::new(Mark::Change, "file", name)
                .with(format!("owner {}:{}", id(uid), id(gid)))
                .needs("CAP_CHOWN, in a user namespace that maps both ids")
        }
        Call::Rename { from, .. } => {
            Lesson::new(Mark::Change, "file", name).with(format!("was {}", from.display())).note("in one step: nobody sees both or none")
        }
        Call::Touch { .. } => Lesson::new(Mark::Change, "file", name).with("time of now"),
    }
}

/// The call in a shell script: a plan knows the content, and the name of what is temporary.
pub fn script(call: &Call, shell: Shell) -> Script {
    let word = |path: &std::path::Path| shell_quote(&path.display().to_string());
    match call {
        Call::Temporary { path } => Script::Line(format!("mkdir -m 0700 {}", word(path)), None),
        Call::Write { path, content, append, .. } => match std::str::from_utf8(content) {
            Ok(text) if !text.contains('\0') => {
                Script::Line(format!("printf %s {} {} {}", shell_quote(text), if *append { ">>" } else { ">" }, word(path)), None)
            }
            _ => Script::Missing,
        },
        Call::Replace { path, content, .. } => match std::str::from_utf8(content) {
            Ok(text) if !text.contains('\0') => {
                let path = word(path);
                Script::Line(
                    format!("printf %s {} > {path}.new && mv {path}.new {path}", shell_quote(text)),
                    Some("the new file has another owner and mode"),
                )
            }
            _ => Script::Missing,
        },
        Call::Open { flags, .. } if flags & (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) == libc::O_RDONLY => Script::Needless,
        Call::Open { .. } => Script::Missing,
        _ => Script::of(shell),
    }
}

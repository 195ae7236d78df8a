//! Archives unpacked into a rootfs handle, with nothing trusted that they say.
//!
//! An archive is one request, however many files it makes: it is refused or it is unpacked. While
//! it takes long and standard error is a terminal, a bar shows how far it is. The bar is drawn
//! between two entries, by this thread: a drawing thread would make every later fork unsound.

use std::cell::RefCell;
use std::fmt;
use std::io::IsTerminal;
use std::rc::Rc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::{Fact, Lesson, Reply, Request, Shell, quote, shell_quote};
use crate::sys::archives::{Options, Owner, Refusal, Rights, Source, Summary, unpack};
use crate::sys::{self, Errno, Fd};

mod lesson;

/// How long unpacking may take before a bar is shown.
const PATIENCE: Duration = Duration::from_secs(1);
/// Facts count no more entries than this.
const COUNTED: usize = 100_000;

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// An archive unpacked below a directory: many calls, all relative to descriptors below it.
    Unpack {
        /// The directory.
        root: Fd,
        /// The archive.
        source: Source,
        /// What is allowed and what is restored.
        options: Options,
        /// Filled in when the call runs.
        report: Report,
    },
}

/// What an [`Call::Unpack`] has found: more than a reply or an error number can say.
///
/// Two reports are equal: a request is the same before and after it has run.
#[derive(Clone, Debug, Default)]
pub struct Report(Rc<RefCell<Option<Result<Summary, Refusal>>>>);

impl PartialEq for Report {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Report {}

impl Report {
    /// What was unpacked; none in a plan.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        self.0.borrow().as_ref().and_then(|result| result.as_ref().ok().copied())
    }

    /// Why the archive was refused.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.0.borrow().as_ref().and_then(|result| result.as_ref().err().map(ToString::to_string))
    }
}

fn name(source: &Source) -> String {
    match source {
        Source::Path(path) => path.display().to_string(),
        Source::Number(number) => format!("/dev/fd/{number}"),
    }
}

/// The options that change what is allowed or restored, as words.
fn words(options: &Options) -> Vec<String> {
    let mut words = Vec::new();
    for (name, on) in [("whiteouts", options.whiteouts), ("devices", options.devices), ("xattrs", options.xattrs)] {
        if on {
            words.push(name.to_owned());
        }
    }
    for (name, rights) in [("setuid", options.setuid), ("file_caps", options.file_caps)] {
        match rights {
            Rights::Refuse => {}
            Rights::Strip => words.push(format!("{name}=strip")),
            Rights::Keep => words.push(format!("{name}=keep")),
        }
    }
    match &options.owner {
        Owner::Auto => {}
        Owner::Keep => words.push("owner=keep".to_owned()),
        Owner::Own => words.push("owner=own".to_owned()),
        Owner::Map { .. } => words.push("owner=map".to_owned()),
    }
    if options.strip > 0 {
        words.push(format!("strip={}", options.strip));
    }
    if let Some(member) = &options.member {
        words.push(format!("member={}", member.escape_ascii()));
    }
    for (name, digest) in [("digest", options.expected.digest), ("diff_id", options.expected.diff_id)] {
        if let Some(digest) = digest {
            words.push(format!("{name}={digest}"));
        }
    }
    words
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Unpack { root, source, options, .. } = self;
        write!(f, "unpack({root}, {}", quote(name(source).as_bytes(), 4096))?;
        let words = words(options);
        if !words.is_empty() {
            write!(f, ", {}", words.join("|"))?;
        }
        f.write_str(")")
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        let Self::Unpack { root, source, options, report } = self;
        let mut bar = Bar::new(source);
        let result = unpack(root.get()?, source, options, &mut |read| bar.show(read));
        bar.clear();
        let reply = match &result {
            Ok(summary) => Ok(Reply::Number(i64::try_from(summary.entries).unwrap_or(i64::MAX))),
            Err(refusal) => Err(refusal.errno),
        };
        report.0.replace(Some(result));
        reply
    }

    fn planned(&self) -> Reply {
        Reply::Number(0)
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        let Self::Unpack { root, source, options, .. } = self;
        let strip = if options.strip > 0 { format!(" --strip-components={}", options.strip) } else { String::new() };
        let archive = shell_quote(&name(source));
        let rest = format!("--numeric-owner{strip} -C {}", shell_quote(root.label()));
        let command = match &options.member {
            Some(member) => format!("tar -xOf {archive} {} | tar -xpf - {rest}", shell_quote(&String::from_utf8_lossy(member))),
            None => format!("tar -xpf {archive} {rest}"),
        };
        Shell::Close(command, "tar repairs names instead of refusing them, and takes set-user-ID files and devices")
    }

    fn facts(&self) -> Vec<Fact> {
        let Self::Unpack { root, .. } = self;
        let count = root.get().ok().map(count);
        count.map(|count| vec![(format!("{root} entries"), count)]).unwrap_or_default()
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let Self::Unpack { report, .. } = self;
        let _ = errno;
        report.refusal()
    }
}

/// How many files and directories are below a root.
fn count(root: std::os::fd::BorrowedFd) -> String {
    let tree = sys::archives::tree::Tree::new(root);
    let mut waiting = vec![Vec::new()];
    let mut found = 0;
    while let Some(dir) = waiting.pop() {
        // A directory that another user's mode forbids counts as one.
        let Ok(names) = tree.list(&dir) else { continue };
        found += names.len();
        if found > COUNTED {
            return format!("more than {COUNTED}");
        }
        let below = names.into_iter().map(|name| if dir.is_empty() { name } else { [dir.as_slice(), b"/", &name].concat() });
        waiting.extend(below);
    }
    found.to_string()
}

/// A bar that appears when it is worth looking at.
struct Bar {
    start: Instant,
    total: Option<u64>,
    wanted: bool,
    drawn: Option<ProgressBar>,
}

impl Bar {
    fn new(source: &Source) -> Self {
        let total = match source {
            Source::Path(path) => std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|found| found.len()),
            Source::Number(_) => None,
        };
        Self { start: Instant::now(), total, wanted: std::io::stderr().is_terminal(), drawn: None }
    }

    fn show(&mut self, read: u64) {
        if !self.wanted {
            return;
        }
        if self.drawn.is_none() && self.start.elapsed() > PATIENCE {
            let bar = self.total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            if let Ok(style) = ProgressStyle::with_template("unpacking {wide_bar} {bytes}/{total_bytes} {eta}") {
                bar.set_style(style);
            }
            self.drawn = Some(bar);
        }
        if let Some(bar) = &self.drawn {
            bar.set_position(read);
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.drawn {
            bar.finish_and_clear();
        }
    }
}

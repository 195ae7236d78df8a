//! Programs of the host: their ELF interpreter and libraries, found without running them.
//!
//! `ldd` runs the program's own loader, which a hostile file chooses. Here every file is only
//! read: `PT_INTERP` names the interpreter, `DT_NEEDED` the libraries, and [`loader`] looks for
//! them where ld.so(8) would. What comes out is the list of files that a new root needs for the
//! programs to start, with the symbolic links on the way to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

pub mod elf;
pub mod loader;
pub mod root;

use loader::Loader;
use root::Root;

/// Why a program's files cannot be listed: one sentence that names the file and what needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

/// A result of this topic.
pub type Found<T> = Result<T, Problem>;

/// One thing that the new root must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where, absolute in the new root; no part of it but the last is a symbolic link.
    pub path: PathBuf,
    /// What is there.
    pub what: What,
    /// The program, script or library that asked for it first.
    pub needed_by: PathBuf,
}

/// What is at an [`Item`]'s path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A copy of, or a bind to, this file of the host.
    File(PathBuf),
    /// A symbolic link with this text.
    Link(PathBuf),
}

/// How often one script may name another as its interpreter (`binfmt_script`, execve(2)).
const SCRIPTS: usize = 4;

/// Lists what `programs` need, sorted by path. A name without a slash is searched in `path`, a
/// list of directories with colons. Everything is looked up below `root`, whose symbolic links
/// stay inside of it.
pub fn files(programs: &[PathBuf], root: &Path, path: &OsStr) -> Found<Vec<Item>> {
    let mut search = Search { root: Root::new(root), path, items: BTreeMap::new(), done: BTreeSet::new() };
    for program in programs {
        let file = search.find(program)?;
        search.program(&file, program, 0)?;
    }
    Ok(search.items.into_values().collect())
}

struct Search<'a> {
    root: Root,
    path: &'a OsStr,
    items: BTreeMap<PathBuf, Item>,
    done: BTreeSet<PathBuf>,
}

impl Search<'_> {
    /// The file that a program's name means.
    fn find(&self, name: &Path) -> Found<PathBuf> {
        if name.as_os_str().as_bytes().contains(&b'/') {
            if name.is_absolute() {
                return Ok(name.to_owned());
            }
            return Err(Problem(format!("{}: a program is an absolute path, or a name that is searched in PATH", name.display())));
        }
        for dir in self.path.as_bytes().split(|byte| *byte == b':').filter(|dir| dir.starts_with(b"/")) {
            let candidate = Path::new(OsStr::from_bytes(dir)).join(name);
            if self.root.is_executable(&candidate) {
                return Ok(candidate);
            }
        }
        Err(Problem(format!("{}: no program of this name in PATH ({})", name.display(), self.path.display())))
    }

    /// Takes one file into the list, with the links on the way to it. Answers where it really is.
    fn take(&mut self, path: &Path, needed_by: &Path) -> Found<PathBuf> {
        let found = self.root.resolve(path).map_err(|reason| Problem(blame(path, needed_by, &reason)))?;
        for (link, target) in found.links {
            self.items.entry(link.clone()).or_insert(Item { path: link, what: What::Link(target), needed_by: needed_by.to_owned() });
        }
        let source = self.root.host(&found.path);
        let item = Item { path: found.path.clone(), what: What::File(source), needed_by: needed_by.to_owned() };
        self.items.entry(found.path.clone()).or_insert(item);
        Ok(found.path)
    }

    /// A program or script with everything that it needs.
    fn program(&mut self, path: &Path, needed_by: &Path, depth: usize) -> Found<()> {
        if depth > SCRIPTS {
            return Err(Problem(blame(path, needed_by, "scripts name each other as interpreters, more often than the kernel follows")));
        }
        let real = self.take(path, needed_by)?;
        if !self.root.is_executable(&real) && !is_library(&real) {
            return Err(Problem(blame(path, needed_by, "no execute permission, or no regular file")));
        }
        let start = self.root.head(&real).map_err(|errno| Problem(blame(path, needed_by, errno.desc())))?;
        if let Some(line) = start.strip_prefix(b"#!") {
            return self.script(&real, line, depth);
        }
        if !start.starts_with(b"\x7fELF") {
            return Err(Problem(blame(path, needed_by, "neither an ELF file nor a script that starts with #!")));
        }
        if !self.done.insert(real.clone()) {
            return Ok(());
        }
        let image = elf::read(&self.root.host(&real)).map_err(|reason| Problem(blame(path, needed_by, &reason)))?;
        let mut loader = Loader::new(&self.root, &real, image)?;
        loader.load()?;
        for (file, by) in loader.files() {
            self.take(&file, &by)?;
        }
        Ok(())
    }

    /// A script's interpreter; behind `/usr/bin/env`, the program that it is to find as well.
    fn script(&mut self, script: &Path, line: &[u8], depth: usize) -> Found<()> {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty()).collect();
        let Some(name) = words.first().map(|name| Path::new(OsStr::from_bytes(name))) else {
            return Err(Problem(format!("{}: its first line is #! without an interpreter", script.display())));
        };
        if !name.is_absolute() {
            let reason = format!("{}: its interpreter {} is not an absolute path", script.display(), name.display());
            return Err(Problem(reason));
        }
        self.program(name, script, depth + 1)?;
        if name.file_name() == Some(OsStr::new("env")) {
            let is_option = |word: &[u8]| word.starts_with(b"-") || word.contains(&b'=');
            if let Some(program) = words.iter().skip(1).find(|word| !is_option(word)) {
                let program = self.find(Path::new(OsStr::from_bytes(program)))?;
                self.program(&program, script, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// Libraries are often not executable, and may be listed like programs (NSS modules, preloads).
fn is_library(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().windows(3).any(|part| part == b".so"))
}

/// `FILE (needed by WHO): REASON`.
pub(super) fn blame(path: &Path, needed_by: &Path, reason: &str) -> String {
    if path == needed_by {
        return format!("{}: {reason}", path.display());
    }
    format!("{} (needed by {}): {reason}", path.display(), needed_by.display())
}

#[cfg(test)]
mod tests;

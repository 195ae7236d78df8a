//! Where ld.so(8) finds the libraries of one program.
//!
//! For each library, in this order: the `DT_RPATH` of the file that needs it and of those that
//! loaded that file, unless it has a `DT_RUNPATH`; its `DT_RUNPATH`; `/etc/ld.so.cache`, or the
//! directories of `/etc/ld.so.conf` where there is no cache; the default directories. A file for
//! another kind of machine is passed over. `LD_LIBRARY_PATH` is not read: what it says here says
//! nothing about the new root. musl's loader has a shorter list, `/etc/ld-musl-ARCH.path`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::elf::{self, Image};
use super::root::Root;
use super::{Found, Problem, blame};

/// The libraries that musl's loader is itself.
const MUSL_OWN: [&str; 7] = ["libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."];
/// How deep ld.so.conf files may include each other.
const INCLUDES: usize = 8;
/// The largest cache or configuration file that is read.
const CONFIGURATION: u64 = 16 << 20;
const CACHE: &str = "/etc/ld.so.cache";

/// One loaded file.
struct Object {
    /// The name under which it was found: `$ORIGIN` is its directory.
    path: PathBuf,
    image: Image,
    /// The file that needed it, in the list of objects.
    loader: Option<usize>,
}

/// The files of one program, as ld.so would load them.
pub struct Loader<'a> {
    root: &'a Root,
    objects: Vec<Object>,
    /// The interpreter, and files that it reads.
    more: Vec<(PathBuf, PathBuf)>,
    /// Names that are loaded: as they were asked for, and as the files call themselves.
    names: BTreeSet<Vec<u8>>,
    musl: bool,
    cache: Option<BTreeMap<Vec<u8>, Vec<PathBuf>>>,
    configured: Vec<PathBuf>,
}

impl<'a> Loader<'a> {
    /// Starts with a program, whose real path is known; takes its interpreter.
    pub fn new(root: &'a Root, program: &Path, image: Image) -> Found<Self> {
        let interpreter = image.interpreter.clone();
        let machine = image.machine;
        let musl = interpreter.as_deref().is_some_and(|name| name.windows(7).any(|part| part == b"ld-musl"));
        let mut loader = Self {
            root,
            objects: vec![Object { path: program.to_owned(), image, loader: None }],
            more: Vec::new(),
            names: BTreeSet::new(),
            musl,
            cache: None,
            configured: Vec::new(),
        };
        if musl {
            loader.configured = musl_directories(root, interpreter.as_deref().unwrap_or_default());
        } else {
            loader.cache = root.read(Path::new(CACHE), CONFIGURATION).and_then(|bytes| cache(&bytes));
            if loader.cache.is_none() {
                loader.configured = configured(root, Path::new("/etc/ld.so.conf"), 0);
            }
        }
        if let Some(name) = interpreter {
            let path = Path::new(OsStr::from_bytes(&name));
            let found = root.resolve(path).map_err(|reason| Problem(blame(path, program, &reason)))?;
            let own = elf::read(&root.host(&found.path)).map_err(|reason| Problem(blame(path, program, &reason)))?;
            if own.machine != machine {
                let reason = format!("is for {}, the program for {}", own.machine.name(), machine.name());
                return Err(Problem(blame(path, program, &reason)));
            }
            // The interpreter is loaded under its own name: libc needs it by that.
            loader.names.extend(own.soname);
            loader.more.push((path.to_owned(), program.to_owned()));
        }
        Ok(loader)
    }

    /// Loads what is needed, and what that needs, breadth first as ld.so does.
    pub fn load(&mut self) -> Found<()> {
        let mut next = 0;
        while let Some(object) = self.objects.get(next) {
            let needed = object.image.needed.clone();
            for name in needed {
                let own = self.musl && MUSL_OWN.iter().any(|prefix| name.starts_with(prefix.as_bytes()));
                if own || !self.names.insert(name.clone()) {
                    continue;
                }
                let (path, image) = self.find(&name, next)?;
                self.names.extend(image.soname.clone());
                self.objects.push(Object { path, image, loader: Some(next) });
            }
            next += 1;
        }
        Ok(())
    }

    /// Everything but the program itself: where it was found, and what needed it.
    pub fn files(&self) -> Vec<(PathBuf, PathBuf)> {
        let by = |object: &Object| object.loader.and_then(|index| self.objects.get(index)).map(|loader| loader.path.clone());
        let libraries = self.objects.iter().filter_map(|object| by(object).map(|by| (object.path.clone(), by)));
        self.more.iter().cloned().chain(libraries).collect()
    }

    /// Looks for one library that the object at `index` needs.
    fn find(&mut self, name: &[u8], index: usize) -> Found<(PathBuf, Image)> {
        let Some(object) = self.objects.get(index) else { return Err(Problem("no such object".to_owned())) };
        let (needed_by, machine, no_default) = (object.path.clone(), object.image.machine, object.image.no_default);
        let mut wrong = None;
        let file = OsStr::from_bytes(name);
        let mut candidates: VecDeque<PathBuf> = VecDeque::new();
        let has_slash = name.contains(&b'/');
        if has_slash {
            candidates.extend(expand(name, object));
        } else {
            candidates.extend(self.own_directories(index).into_iter().map(|dir| dir.join(file)));
        }
        let own = candidates.len();
        let listed = self.cache.as_ref().and_then(|cache| cache.get(name)).cloned().unwrap_or_default();
        if !has_slash && !no_default {
            candidates.extend(listed);
            candidates.extend(self.configured.iter().map(|dir| dir.join(file)));
        }
        let configured = candidates.len();
        if !has_slash && !no_default && !self.musl {
            candidates.extend(defaults(machine).into_iter().map(|dir| dir.join(file)));
        }
        for (position, candidate) in candidates.into_iter().enumerate() {
            if !candidate.is_absolute() || !self.root.is_file(&candidate) {
                continue;
            }
            let Ok(found) = self.root.resolve(&candidate) else { continue };
            let image = elf::read(&self.root.host(&found.path)).map_err(|reason| Problem(blame(&candidate, &needed_by, &reason)))?;
            if image.machine == machine {
                self.note_configuration(&candidate, machine, (own..configured).contains(&position), &needed_by);
                return Ok((candidate, image));
            }
            wrong = wrong.or(Some((candidate, image.machine)));
        }
        let path = Path::new(file);
        Err(Problem(match wrong {
            Some((found, other)) => {
                let reason = format!("{} is for {}, what needs it is for {}", found.display(), other.name(), machine.name());
                blame(path, &needed_by, &reason)
            }
            None => blame(path, &needed_by, "no such library where ld.so would look for it"),
        }))
    }

    /// A library that only the configuration leads to needs the configuration in the new root.
    fn note_configuration(&mut self, found: &Path, machine: elf::Machine, configured: bool, needed_by: &Path) {
        let known = defaults(machine).iter().any(|dir| Some(dir.as_path()) == found.parent());
        if !configured || known || self.cache.is_none() || self.more.iter().any(|(path, _)| path == Path::new(CACHE)) {
            return;
        }
        self.more.push((PathBuf::from(CACHE), needed_by.to_owned()));
    }

    /// The directories that the files themselves name.
    fn own_directories(&self, index: usize) -> Vec<PathBuf> {
        let Some(object) = self.objects.get(index) else { return Vec::new() };
        if let Some(runpath) = &object.image.runpath {
            return directories(runpath, object);
        }
        let mut found = Vec::new();
        let mut next = Some(index);
        while let Some(object) = next.and_then(|index| self.objects.get(index)) {
            if let (Some(rpath), None) = (&object.image.rpath, &object.image.runpath) {
                found.extend(directories(rpath, object));
            }
            next = object.loader;
        }
        found
    }
}

/// The directories of an rpath or runpath; an empty one would be the working directory.
fn directories(list: &[u8], object: &Object) -> Vec<PathBuf> {
    list.split(|byte| *byte == b':').filter(|dir| !dir.is_empty()).flat_map(|dir| expand(dir, object)).collect()
}

/// Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`. `$LIB` differs between distributions: each is tried.
fn expand(text: &[u8], object: &Object) -> Vec<PathBuf> {
    let origin = object.path.parent().unwrap_or(Path::new("/")).as_os_str().as_bytes();
    let machine = object.image.machine;
    let multiarch = machine.multiarch().map(|name| format!("lib/{name}"));
    let libs = [multiarch.unwrap_or_else(|| "lib".into()), if machine.wide { "lib64".into() } else { "lib".into() }];
    let mut found = Vec::new();
    for lib in libs {
        let mut out = replace(text, b"ORIGIN", origin);
        out = replace(&out, b"LIB", lib.as_bytes());
        out = replace(&out, b"PLATFORM", machine.name().as_bytes());
        let path = PathBuf::from(OsStr::from_bytes(&out));
        if !found.contains(&path) {
            found.push(path);
        }
    }
    found
}

/// Replaces `$NAME` and `${NAME}`.
fn replace(text: &[u8], name: &[u8], value: &[u8]) -> Vec<u8> {
    let (plain, braced) = ([b"$", name].concat(), [b"${", name, b"}"].concat());
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(byte) = rest.first() {
        if let Some(after) = rest.strip_prefix(braced.as_slice()).or_else(|| rest.strip_prefix(plain.as_slice())) {
            out.extend_from_slice(value);
            rest = after;
        } else {
            out.push(*byte);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out
}

/// The directories that are searched last, for every distribution's layout.
fn defaults(machine: elf::Machine) -> Vec<PathBuf> {
    let multiarch = machine.multiarch().map(|name| [format!("/lib/{name}"), format!("/usr/lib/{name}")]);
    let wide = if machine.wide { ["/lib64", "/usr/lib64"] } else { ["/lib32", "/usr/lib32"] };
    let names = multiarch.into_iter().flatten().chain(wide.into_iter().chain(["/lib", "/usr/lib"]).map(str::to_owned));
    names.map(PathBuf::from).collect()
}

/// The names in `/etc/ld.so.cache` (glibc's `struct cache_file_new`), baseline libraries only.
///
/// An entry for special hardware (`glibc-hwcaps`) always has a baseline entry beside it, and the
/// baseline runs on every machine. `None` where the file has another format.
fn cache(bytes: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<PathBuf>>> {
    const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
    // Old caches have the old format first; offsets count from the new one's start.
    let start = bytes.windows(MAGIC.len()).position(|part| part == MAGIC)?;
    let bytes = bytes.get(start..)?;
    // Byte 28: 2 for little endian, 3 for big, 0 where glibc was too old to say.
    let big = bytes.get(28).is_some_and(|flag| flag & 3 == 3);
    let number = |offset: usize| -> Option<usize> {
        let raw: [u8; 4] = bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }).ok()
    };
    let text = |offset: usize| bytes.get(offset..).and_then(|rest| rest.split(|byte| *byte == 0).next()).map(<[u8]>::to_vec);
    let mut found: BTreeMap<Vec<u8>, Vec<PathBuf>> = BTreeMap::new();
    for index in 0..number(20)? {
        let entry = 48 + index.checked_mul(24)?;
        let (Some(key), Some(value)) = (number(entry + 4), number(entry + 8)) else { break };
        let baseline = bytes.get(entry + 16..entry + 24)?.iter().all(|byte| *byte == 0);
        if let (Some(key), Some(value), true) = (text(key), text(value), baseline) {
            found.entry(key).or_default().push(PathBuf::from(OsStr::from_bytes(&value)));
        }
    }
    Some(found)
}

/// The directories of `/etc/ld.so.conf` and of the files that it includes.
fn configured(root: &Root, file: &Path, depth: usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Some(content) = root.read(file, CONFIGURATION).filter(|_| depth < INCLUDES) else { return found };
    for line in content.split(|byte| *byte == b'\n') {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
        if let Some(pattern) = line.strip_prefix(b"include").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace)) {
            for file in included(root, file, Path::new(OsStr::from_bytes(pattern.trim_ascii()))) {
                found.extend(configured(root, &file, depth + 1));
            }
        } else if line.starts_with(b"/") {
            found.push(PathBuf::from(OsStr::from_bytes(line)));
        }
    }
    found
}

/// The files that an include line names: the last part may have one `*`.
fn included(root: &Root, from: &Path, pattern: &Path) -> Vec<PathBuf> {
    let pattern = if pattern.is_absolute() { pattern.to_owned() } else { from.with_file_name(pattern) };
    let (Some(dir), Some(name)) = (pattern.parent(), pattern.file_name()) else { return Vec::new() };
    let Some(star) = name.as_bytes().iter().position(|byte| *byte == b'*') else { return vec![pattern.clone()] };
    let (before, after) = (&name.as_bytes()[..star], &name.as_bytes()[star + 1..]);
    let entries = root.resolve(dir).ok().and_then(|found| std::fs::read_dir(root.host(&found.path)).ok());
    let names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
    let fits = |name: &std::ffi::OsString| {
        let name = name.as_bytes();
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after) && !name.starts_with(b".")
    };
    let mut files: Vec<PathBuf> = names.filter(fits).map(|name| dir.join(name)).collect();
    files.sort();
    files
}

/// musl's directories: `/etc/ld-musl-ARCH.path` beside the interpreter, or its built-in list.
fn musl_directories(root: &Root, interpreter: &[u8]) -> Vec<PathBuf> {
    let interpreter = Path::new(OsStr::from_bytes(interpreter));
    let name = interpreter.file_name().unwrap_or_default().to_string_lossy();
    let file = Path::new("/etc").join(format!("{}.path", name.split(".so").next().unwrap_or_default()));
    let list = root.read(&file, CONFIGURATION).unwrap_or_else(|| b"/lib:/usr/local/lib:/usr/lib".to_vec());
    let dirs = list.split(|byte| b":\n".contains(byte)).filter(|dir| dir.starts_with(b"/"));
    dirs.map(|dir| PathBuf::from(OsStr::from_bytes(dir))).collect()
}

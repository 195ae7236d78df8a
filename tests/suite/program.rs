//! Running the program under test in a place of its own.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::leaks;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_crun-lua");

/// The project's directory.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The user and group of cases that need no rights.
pub const NOBODY: u32 = 65534;

/// How long so many minutes are. Slow machines (emulation) multiply them.
pub fn deadline(minutes: u64) -> Duration {
    let factor = std::env::var("CRUN_LUA_TEST_SLOW").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(60 * minutes * factor)
}

/// Whether the suite runs as root: only then can a case run as somebody else.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Where unprivileged cases find the program and the project: here, or copied to where they may go.
static STAGE: OnceLock<(PathBuf, PathBuf)> = OnceLock::new();

/// The program and the project, where this user may go.
pub fn staged(unprivileged: bool) -> (PathBuf, PathBuf) {
    let here = || (PathBuf::from(PROGRAM), PathBuf::from(ROOT));
    STAGE.get().filter(|_| unprivileged).cloned().unwrap_or_else(here)
}

/// Whether everybody can go there.
fn is_open(path: &Path) -> bool {
    path.ancestors().all(|dir| std::fs::metadata(dir).is_ok_and(|found| found.mode() & 0o5 == 0o5))
}

/// Copies the program and the tests out of a directory that is closed to others (a home, say).
///
/// The copy is removed when the value is dropped.
pub fn stage() -> Option<tempfile::TempDir> {
    if !is_root() || (is_open(Path::new(PROGRAM)) && is_open(&Path::new(ROOT).join("tests/lua"))) {
        return None;
    }
    let dir = tempfile::Builder::new().prefix("crun-lua-stage").tempdir().unwrap();
    set_mode(dir.path(), 0o755);
    let program = dir.path().join("crun-lua");
    std::fs::copy(PROGRAM, &program).unwrap();
    for name in ["tests", "scripts"] {
        copy_tree(&Path::new(ROOT).join(name), &dir.path().join(name));
    }
    STAGE.set((program, dir.path().to_owned())).unwrap();
    Some(dir)
}

fn copy_tree(from: &Path, to: &Path) {
    let Ok(entries) = std::fs::read_dir(from) else { return };
    std::fs::create_dir(to).unwrap();
    set_mode(to, 0o755);
    for entry in entries.flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&from, &to);
        } else if let Ok(target) = std::fs::read_link(&from) {
            std::os::unix::fs::symlink(target, &to).unwrap();
        } else {
            std::fs::copy(&from, &to).unwrap();
            set_mode(&to, 0o644);
        }
    }
}

/// A directory of the test's own, with state and temporary files in it.
pub struct Place {
    dir: tempfile::TempDir,
    unprivileged: bool,
    minutes: u64,
}

impl Place {
    pub fn new(unprivileged: bool) -> Self {
        let dir = tempfile::Builder::new().prefix(leaks::PLACE).tempdir().unwrap();
        for name in ["tmp", "state", "data"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            let mode = if name == "tmp" { 0o1777 } else { 0o700 };
            set_mode(&dir.path().join(name), mode);
            if unprivileged && is_root() {
                std::os::unix::fs::chown(dir.path().join(name), Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        set_mode(dir.path(), 0o755);
        Self { dir, unprivileged, minutes: 1 }
    }

    /// Lets a case take so many minutes.
    pub fn patient(mut self, minutes: u64) -> Self {
        self.minutes = minutes;
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where cases keep what takes long to make, from case to case and from run to run: in cargo's
    /// directory. A user who cannot go there keeps it no longer than the place.
    fn kept(&self) -> PathBuf {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let other = self.unprivileged && is_root();
        if other && !is_open(target) {
            return self.path().join("tmp");
        }
        let dir = target.join(if other { "kept-unprivileged" } else { "kept" });
        std::fs::create_dir_all(&dir).unwrap();
        set_mode(&dir, 0o700);
        if other {
            std::os::unix::fs::chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        dir
    }

    /// Runs the program to its end; fails the test when it hangs or leaves something behind.
    pub fn run(&self, arguments: &[&str], unprivileged: bool) -> Result<Output, String> {
        let (program, project) = staged(unprivileged);
        let mut command = Command::new(program);
        command.args(arguments).current_dir(project);
        self.watched(command, unprivileged)
    }

    /// The same where only the answer is wanted: what others leave behind meanwhile does not matter.
    pub fn ask(&self, arguments: &[&str], unprivileged: bool) -> Result<Output, String> {
        let (program, project) = staged(unprivileged);
        let mut command = Command::new(program);
        command.args(arguments).current_dir(project);
        self.finished(command, unprivileged)
    }

    /// Runs the program to its end. What it leaves behind is another test's to find.
    pub fn output(&self, arguments: &[&str]) -> Result<Output, String> {
        finish(self.command(Path::new(PROGRAM), arguments), self.minutes)
    }

    /// Runs another program the same way, as the suite's own user.
    pub fn run_program(&self, program: &str, arguments: &[&str]) -> Result<Output, String> {
        self.watched(self.command(Path::new(program), arguments), false)
    }

    /// The place's directories, its mark, and streams of the suite's own.
    fn settle(&self, command: &mut Command) {
        self.equip(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    }

    /// The place's directories and its mark.
    pub fn equip(&self, command: &mut Command) {
        command
            .env("CRUN_LUA_STATE", self.path().join("state"))
            .env("CRUN_LUA_DATA", self.path().join("data"))
            .env("TMPDIR", self.path().join("tmp"))
            .env("CRUN_LUA_TEST_KEPT", self.kept())
            .env(leaks::MARK, self.path())
            // For cases that run the program once more, under a tracer.
            .env("CRUN_LUA_TEST_PROGRAM", PROGRAM);
    }

    fn finished(&self, mut command: Command, unprivileged: bool) -> Result<Output, String> {
        self.settle(&mut command);
        if unprivileged && is_root() {
            command.uid(NOBODY).gid(NOBODY).env("HOME", self.path().join("tmp"));
        }
        finish(command, self.minutes)
    }

    fn watched(&self, command: Command, unprivileged: bool) -> Result<Output, String> {
        let before = leaks::Snapshot::take();
        let mark = self.path().display().to_string();
        let output = self.finished(command, unprivileged)?;
        let left = before.left_behind(&mark, self.path());
        if left.is_empty() { Ok(output) } else { Err(format!("left behind: {}\n{}", left.join("; "), text(&output))) }
    }

    /// Runs the program, and after it `gc` where something could not be closed: what is left after
    /// that is left behind.
    pub fn run_then_collect(&self, arguments: &[&str]) -> Result<Output, String> {
        self.collected(arguments, |output| text(output).contains("crun-lua: close: "))
    }

    /// Runs the program, which is killed in the middle, and `gc` after it: what is left after that
    /// is left behind.
    pub fn run_killed(&self, arguments: &[&str]) -> Result<Output, String> {
        self.collected(arguments, |_| true)
    }

    fn collected(&self, arguments: &[&str], wanted: fn(&Output) -> bool) -> Result<Output, String> {
        let before = leaks::Snapshot::take();
        let mark = self.path().display().to_string();
        let output = finish(self.command(Path::new(PROGRAM), arguments), self.minutes)?;
        if wanted(&output) {
            let collected = finish(self.command(Path::new(PROGRAM), &["gc"]), self.minutes)?;
            succeeded(collected)?;
        }
        let left = before.left_behind(&mark, self.path());
        if left.is_empty() { Ok(output) } else { Err(format!("left behind: {}\n{}", left.join("; "), text(&output))) }
    }

    /// Runs a text of shell commands in a directory where `crun-lua`, `scripts/` and these files are
    /// found. Both streams are one, as on a terminal.
    pub fn run_shell(&self, source: &str, files: &[(String, String)], unprivileged: bool) -> Result<Output, String> {
        // The OCI commands keep this directory; here it must not look as if a test had left it.
        if is_root() {
            std::fs::create_dir_all("/run/crun-lua/oci").unwrap();
            set_mode(Path::new("/run/crun-lua"), 0o700);
            set_mode(Path::new("/run/crun-lua/oci"), 0o700);
        }
        let (program, project) = staged(unprivileged);
        let [bin, work, run] = ["bin", "work", "run"].map(|name| self.path().join(name));
        for dir in [&bin, &work, &run] {
            std::fs::create_dir(dir).unwrap();
            set_mode(dir, 0o755);
        }
        std::os::unix::fs::symlink(program, bin.join("crun-lua")).unwrap();
        std::os::unix::fs::symlink(project.join("scripts"), work.join("scripts")).unwrap();
        for (name, text) in files {
            std::fs::write(work.join(name), text).unwrap();
        }
        if unprivileged && is_root() {
            for dir in [&work, &run] {
                std::os::unix::fs::chown(dir, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let mut command = Command::new("sh");
        let path = std::env::var("PATH").unwrap_or_default();
        command.args(["-eu", "-c", &format!("exec 2>&1\n{source}")]).env("PATH", format!("{}:{path}", bin.display()));
        command.env("XDG_RUNTIME_DIR", &run);
        command.current_dir(work);
        self.watched(command, unprivileged)
    }

    /// A command with the place's directories, and no terminal.
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(ROOT);
        self.settle(&mut command);
        command
    }

    /// Runs a script given as text.
    pub fn run_text(&self, options: &[&str], source: &str, unprivileged: bool) -> Result<Output, String> {
        let file = self.file("script.lua", source);
        let mut arguments = options.to_vec();
        let file = file.display().to_string();
        arguments.push(&file);
        self.run(&arguments, unprivileged)
    }

    /// Writes a file into the place.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Waits for a command, with the deadline; its output is read meanwhile.
fn finish(mut command: Command, minutes: u64) -> Result<Output, String> {
    let child = command.spawn().map_err(|error| error.to_string())?;
    let pid = child.id().cast_signed();
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    let start = Instant::now();
    if let Ok(output) = receive.recv_timeout(deadline(minutes)) {
        return output.map_err(|error| error.to_string());
    }
    let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
    let output = receive.recv_timeout(Duration::from_secs(5)).ok().and_then(Result::ok);
    Err(format!("no end after {:?}\n{}", start.elapsed(), output.map(|output| text(&output)).unwrap_or_default()))
}

/// What a program has printed, for a failure's message.
pub fn text(output: &Output) -> String {
    format!("{}{}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Fails with the program's own words unless it has ended with status 0.
pub fn succeeded(output: Output) -> Result<Output, String> {
    if output.status.success() { Ok(output) } else { Err(text(&output)) }
}

//! What a script leaves when it is killed, and what `gc` takes back: no more and no less.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::{Failed, Trial};

use crate::program::{PROGRAM, Place, is_root, succeeded, text};

/// A proof, to be run when it is this test's turn.
type Test = fn() -> Result<(), Failed>;

pub fn trials() -> Vec<Trial> {
    let tests: [(&str, bool, Test); 8] = [
        ("a mount on the host", true, mount),
        ("a mount in its second step", true, half_a_mount),
        ("a temporary directory with all that is in it", false, directory),
        ("nothing while the owner lives", false, living),
        ("what belongs to a process whose number another has now", false, reused),
        ("nothing of a child that lives with a /proc and clocks of its own", true, other_numbers),
        ("what such a child has left, once it is dead", true, other_numbers_dead),
        ("all but the last line where that is torn, within a character too", false, torn),
    ];
    tests
        .into_iter()
        .map(|(name, root, run)| {
            let skipped = if root && !is_root() { " (skipped: not run as root)" } else { "" };
            Trial::test(format!("gc: removes {name}{skipped}"), run).with_ignored_flag(!skipped.is_empty())
        })
        .collect()
}

/// A script that has said "ready" and waits to be killed.
struct Victim {
    place: Place,
    child: Child,
    /// What it has said after that, on the same line.
    said: String,
}

impl Victim {
    fn start(source: &str) -> Result<Self, Failed> {
        let place = Place::new(false);
        let file = place.file("script.lua", &format!("{source}\nio.stdout:flush()\nwhile true do end"));
        let mut command = place.command(Path::new(PROGRAM), &[&file.display().to_string()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
        let mut said = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().ok_or("no output")?), &mut said)?;
        let said = said.trim_end().strip_prefix("ready ").ok_or_else(|| format!("said {said:?}"))?.to_owned();
        Ok(Self { place, child, said })
    }

    fn kill(&mut self) -> Result<(), Failed> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Runs `gc` on the script's state: what it prints.
    fn gc(&self) -> Result<String, Failed> {
        let mut command: Command = self.place.command(Path::new(PROGRAM), &["gc"]);
        Ok(text(&succeeded(command.output()?)?))
    }

    fn journals(&self) -> Result<Vec<PathBuf>, Failed> {
        let entries = std::fs::read_dir(self.place.path().join("state/journal"))?;
        Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
    }

    fn journal(&self) -> Result<PathBuf, Failed> {
        self.journals()?.pop().ok_or_else(|| "no journal".into())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn is_mounted(target: &str) -> bool {
    let text = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    text.lines().any(|line| line.split(' ').nth(4) == Some(target))
}

fn exists(path: &str) -> bool {
    Path::new(path).symlink_metadata().is_ok()
}

const DIRECTORY: &str =
    "local dir = temp_dir()\nmkdir(dir.path .. \"/a\")\nwrite_file(dir.path .. \"/a/b\", \"x\")\nprint(\"ready \" .. dir.path)";

fn mount() -> Result<(), Failed> {
    let mut victim = Victim::start(
        "local dir = temp_dir()\nmount(\"none\", dir.path, { type = \"tmpfs\", host = true })\nprint(\"ready \" .. dir.path)",
    )?;
    victim.kill()?;
    assert!(is_mounted(&victim.said));
    let printed = victim.gc()?;
    assert!(!is_mounted(&victim.said) && !exists(&victim.said), "{printed}");
    assert!(printed.contains("removed mount") && printed.contains("2 removed"), "{printed}");
    assert!(victim.journals()?.is_empty());
    Ok(())
}

/// The undo is in the program itself: nothing is left for `gc`, neither the mount nor the journal.
fn half_a_mount() -> Result<(), Failed> {
    let source = "local dir <close> = temp_dir()\n\
         local _, reason = try(mount, \"/usr\", dir.path, { bind = true, readonly = true, host = true })\n\
         assert(reason.errno == \"EIO\", reason)\n\
         assert(reason.call:find(\"MS_REMOUNT\", 1, true), reason.call)\n\
         assert(not read_file(\"/proc/self/mountinfo\"):find(dir.path, 1, true), \"still mounted\")\n\
         assert(#list_dir(os.getenv(\"CRUN_LUA_STATE\") .. \"/journal\") == 1)\n\
         for line in read_file(os.getenv(\"CRUN_LUA_STATE\") .. \"/journal/\" .. list_dir(os.getenv(\"CRUN_LUA_STATE\") .. \"/journal\")[1]):gmatch(\"[^\\n]+\") do print(line) end";
    // The calls: the directory, the bind mount, the remount that makes it read-only.
    let output = Place::new(false).run_text(&["--fault", "3:EIO"], source, false).and_then(succeeded)?;
    let printed = text(&output);
    assert!(printed.contains("{\"Gone\":1}"), "{printed}");
    Ok(())
}

fn directory() -> Result<(), Failed> {
    let mut victim = Victim::start(DIRECTORY)?;
    victim.kill()?;
    assert!(exists(&format!("{}/a/b", victim.said)));
    let printed = victim.gc()?;
    assert!(!exists(&victim.said) && printed.contains("1 removed"), "{printed}");
    assert!(victim.gc()?.contains("0 removed"));
    Ok(())
}

fn living() -> Result<(), Failed> {
    let victim = Victim::start(DIRECTORY)?;
    let printed = victim.gc()?;
    assert!(exists(&format!("{}/a/b", victim.said)) && printed.contains("0 removed"), "{printed}");
    assert_eq!(victim.journals()?.len(), 1);
    Ok(())
}

/// This process's own number with another start: the owner's successor, as the kernel counts.
fn reused() -> Result<(), Failed> {
    let mut victim = Victim::start(DIRECTORY)?;
    victim.kill()?;
    let journal = victim.journal()?;
    std::fs::rename(&journal, journal.with_file_name(format!("{}-1", std::process::id())))?;
    let printed = victim.gc()?;
    assert!(!exists(&victim.said) && victim.journals()?.is_empty(), "{printed}");
    Ok(())
}

fn torn() -> Result<(), Failed> {
    let mut victim = Victim::start(DIRECTORY)?;
    victim.kill()?;
    let mut content = std::fs::read(victim.journal()?)?;
    content.extend(b"{\"Made\":[1,{\"kind\":\"directory\",\"what\":\"/tmp/\xc3");
    std::fs::write(victim.journal()?, content)?;
    let printed = victim.gc()?;
    assert!(!exists(&victim.said) && printed.contains("1 removed") && victim.journals()?.is_empty(), "{printed}");
    Ok(())
}

/// A child that is process 1 of its pid namespace, with that namespace's /proc, and that has been
/// up for a day by its own clock, makes a directory. The parent tells where, and waits.
const OTHER_NUMBERS: &str = "local out = pipe()\n\
     spawn({ unshare = { \"pid\", \"mnt\", \"time\" }, time_offsets = { boottime = \"24h\" }, stdout = out.write, die_with_parent = true }, function()\n\
       mount(\"proc\", \"/proc\", { type = \"proc\" })\n\
       assert(readlink(\"/proc/self\") == \"1\")\n\
       local dir = temp_dir()\n\
       print(dir.path)\n\
       io.stdout:flush()\n\
       while true do end\n\
     end)\n\
     print(\"ready \" .. out.read:read(200):gsub(\"\\n\", \"\"))";

fn other_numbers() -> Result<(), Failed> {
    let victim = Victim::start(OTHER_NUMBERS)?;
    let printed = victim.gc()?;
    assert!(exists(&victim.said) && printed.contains("0 removed"), "{:?}: {printed}", victim.journals()?);
    Ok(())
}

fn other_numbers_dead() -> Result<(), Failed> {
    let mut victim = Victim::start(OTHER_NUMBERS)?;
    victim.kill()?;
    // The child dies with its parent, a moment later.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while exists(&victim.said) && std::time::Instant::now() < deadline {
        victim.gc()?;
    }
    assert!(!exists(&victim.said) && victim.journals()?.is_empty());
    Ok(())
}

//! A directory for the time being: its name cannot be foreseen, and it goes with its handle.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use mlua::{Lua, Value};

use super::text;
use crate::kernel::files::Call;
use crate::kernel::{Kept, journal};
use crate::lua::Host;
use crate::lua::args::Args;
use crate::lua::error::{Outcome, Raise};
use crate::lua::handle::{self, Resource};
use crate::sys::{Errno, files};

/// A directory that goes when its handle closes.
pub struct Directory(PathBuf);

impl Resource for Directory {
    fn kind(&self) -> &'static str {
        "directory"
    }

    fn describe(&self) -> String {
        format!("directory {}", self.0.display())
    }

    fn fields(&self) -> &'static [&'static str] {
        &["path"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        text(lua, self.0.as_os_str())
    }

    fn close(&self, host: &Host) -> Outcome<()> {
        match host.run(Call::RemoveTemporary { path: self.0.clone() }) {
            Err(failure) if failure.errno() == Some(Errno::ENOENT) => Ok(()),
            other => other.map(drop),
        }
    }
}

pub fn temp_dir(args: &Args) -> Outcome {
    let usual = || std::env::var_os("TMPDIR").filter(|dir| dir.as_bytes().starts_with(b"/")).map_or_else(|| "/tmp".into(), PathBuf::from);
    let given = args.options("options")?.path("parent");
    // The journal's reader stands somewhere else.
    let given = given.map(|dir| std::path::absolute(dir).map_err(|error| Raise::read("getcwd()", files::errno(error)))).transpose()?;
    let path = given.unwrap_or_else(usual).join(format!("crun-lua-{}", random_name()?));
    let journal = handle::journal(args.host, Kept::new("directory", journal::written(&path)))?;
    if let Err(failure) = args.host.run(Call::Temporary { path: path.clone() }) {
        if let Some(number) = journal {
            args.host.journal.gone(number).map_err(|error| Raise::state(error.to_string()))?;
        }
        return Err(failure);
    }
    args.adopt(Directory(path), journal)
}

/// Sixteen hexadecimal digits that nobody can foresee.
fn random_name() -> Outcome<String> {
    let mut bytes = [0_u8; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| std::io::Read::read_exact(&mut file, &mut bytes));
    read.map_err(|error| Raise::read("read(\"/dev/urandom\")", files::errno(error)))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

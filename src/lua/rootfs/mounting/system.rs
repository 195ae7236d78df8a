//! The file systems that every container expects: `/proc`, `/sys` and `/dev` with what is in it.

use mlua::Value;
use nix::libc;
use nix::sys::stat::{SFlag, makedev};

use super::BIND;
use super::wanted::Wanted;
use crate::kernel::Kinds;
use crate::kernel::mounts::Spot;
use crate::kernel::rootfs::Change;
use crate::lua::args::{Args, Fields};
use crate::lua::error::Outcome;
use crate::lua::mounts::options::{Asked, Data, data};

const QUIET: u64 = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

pub fn proc(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let on = QUIET | if options.flag("readonly") { libc::MS_RDONLY } else { 0 };
    let data = data(&options, Some("proc"))?;
    Wanted::new(args, "/proc")?.file_system("proc", "proc", &data, Asked { on, off: 0 }, 0)?;
    Ok(Value::Nil)
}

pub fn sys(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let on = QUIET | if options.boolean("readonly").unwrap_or(true) { libc::MS_RDONLY } else { 0 };
    let wanted = Wanted::new(args, "/sys")?;
    if options.flag("bind") {
        let flags = args.lua.create_table()?;
        for (word, flag) in
            [("readonly", libc::MS_RDONLY), ("nosuid", libc::MS_NOSUID), ("nodev", libc::MS_NODEV), ("noexec", libc::MS_NOEXEC)]
        {
            flags.raw_set(word, (on & flag != 0).then_some(true))?;
        }
        wanted.bind(Spot::Path("/sys".into()), &Fields::from_table(&flags, BIND)?, true)?;
    } else {
        wanted.file_system("sysfs", "sysfs", &Data::new(), Asked { on, off: 0 }, 0)?;
    }
    Ok(Value::Nil)
}

/// The nodes that every container has (OCI runtime spec, "Default Devices").
const NODES: [(&str, u64, u64); 6] = [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

pub fn dev(args: &Args) -> Outcome {
    let options = args.options("options")?;
    let size = |name: &str, default: u64| options.size(name).unwrap_or(default).to_string();
    let pair = |key: &str, value: String| (key.to_owned(), Some(value));
    let on = |flags: u64| Asked { on: flags, off: 0 };
    let mut wanted = Wanted::new(args, "/dev")?;
    let data = vec![pair("mode", "755".into()), pair("size", size("size", 64 << 10))];
    wanted.file_system("tmpfs", "tmpfs", &data, on(libc::MS_NOSUID | libc::MS_NOEXEC), 0)?;
    // From here on /dev is this tmpfs: no link of the image's is on the way any more.
    for (name, major, minor) in NODES {
        wanted.target = format!("/dev/{name}").into();
        let node = (SFlag::S_IFCHR, makedev(major, minor));
        wanted.run(Change::Node { node, mode: 0o666, owner: (None, None), host: Some(format!("/dev/{name}").into()) })?;
    }
    for (name, text) in LINKS {
        wanted.target = format!("/dev/{name}").into();
        wanted.run(Change::Symlink { text: text.into() })?;
    }
    let mut terminals = vec![("newinstance".to_owned(), None), pair("ptmxmode", "0666".into()), pair("mode", "0620".into())];
    if let Some(gid) = options.integer::<u32>("tty_gid")? {
        terminals.push(pair("gid", gid.to_string()));
    }
    wanted.target = "/dev/pts".into();
    wanted.file_system("devpts", "devpts", &terminals, on(libc::MS_NOSUID | libc::MS_NOEXEC), 0)?;
    wanted.target = "/dev/shm".into();
    let data = vec![pair("mode", "1777".into()), pair("size", size("shm_size", 64 << 20))];
    wanted.file_system("tmpfs", "shm", &data, on(QUIET), 0)?;
    if options.boolean("mqueue").unwrap_or_else(|| args.host.guard.left().contains(Kinds::IPC)) {
        wanted.target = "/dev/mqueue".into();
        wanted.file_system("mqueue", "mqueue", &Data::new(), on(QUIET), 0)?;
    }
    Ok(Value::Nil)
}

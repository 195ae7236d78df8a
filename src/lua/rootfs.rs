//! The rootfs handle: every path inside a root directory, resolved so that it cannot leave it.
//!
//! What is in a root may be hostile, and may change while it is worked on. The handle holds the
//! root as a descriptor; its methods take paths as the container will see them, follow symlinks
//! inside the root only, and never hand such a path to the kernel as text from the host's root.

use std::cell::{Cell, RefCell};

use mlua::{Lua, Value};
use nix::libc;

use super::Host;
use super::args::Args;
use super::error::{Outcome, Raise};
use super::handle::Resource;
use super::table::{Example, Primitive, Scope};
use super::types::{Param, Type, need};
use crate::kernel::mounts::{Call as MountCall, Spot};
use crate::sys::Fd;

mod changing;
pub mod mounting;
mod opening;
mod reading;
mod table;

pub use table::PRIMITIVES;

const PATH: Param = need("path", Type::Path, "as the container will see it");

const fn method(
    name: &'static str,
    summary: &'static str,
    params: &'static [Param],
    returns: &'static str,
    syscalls: &'static [&'static str],
    examples: &'static [Example],
    function: fn(&Args) -> Outcome,
) -> Primitive {
    Primitive {
        name,
        summary,
        params,
        returns,
        syscalls,
        shell: "≈ by path, which a symlink in the root may lead out of it",
        needs: "",
        scope: Scope::Object,
        reversible: true,
        examples,
        see: &["rootfs_open", "openat2(2)"],
        function,
    }
}

/// An example in a new root, as root.
macro_rules! inside {
    ($code:literal) => {
        &[example_with(
            &["root"],
            concat!(
                "local child <close> = spawn({ unshare = { \"mnt\", \"ipc\" } }, function()\n  local root <close> = rootfs_new { size = \"1M\" }\n  ",
                $code,
                "\nend)\nassert(child:wait().code == 0)"
            ),
        )]
    };
}
use inside;

/// A root directory, and what the handle has made for it.
pub struct Rootfs {
    fd: RefCell<Option<Fd>>,
    name: String,
    /// The root is a mount that this handle has attached.
    attached: Cell<bool>,
    /// The host's null device, for masks.
    null: RefCell<Option<Fd>>,
    /// An empty file system, for masks.
    empty: RefCell<Option<Fd>>,
}

impl Rootfs {
    fn new(fd: Fd, attached: bool) -> Self {
        let name = fd.label().to_owned();
        Self { fd: RefCell::new(Some(fd)), name, attached: Cell::new(attached), null: RefCell::default(), empty: RefCell::default() }
    }

    /// The root as a descriptor (`O_PATH`).
    pub fn root(&self) -> Outcome<Fd> {
        self.fd.borrow().clone().ok_or_else(|| Raise::state(format!("{} is closed", self.describe())))
    }

    /// The root is now the process's own: closing the handle leaves it alone.
    pub fn entered(&self) {
        self.attached.set(false);
    }
}

impl Resource for Rootfs {
    fn kind(&self) -> &'static str {
        "rootfs"
    }

    fn describe(&self) -> String {
        format!("rootfs {}", self.name)
    }

    fn fields(&self) -> &'static [&'static str] {
        &["name"]
    }

    fn field(&self, lua: &Lua, _name: &str) -> mlua::Result<Value> {
        lua.create_string(&self.name).map(Value::String)
    }

    /// Unmounts a root that the handle has mounted, unless the process has gone into it.
    fn close(&self, host: &Host) -> Outcome<()> {
        self.null.replace(None);
        self.empty.replace(None);
        let Some(fd) = self.fd.take() else { return Ok(()) };
        if self.attached.get() {
            host.run(MountCall::Unmount { target: Spot::Fd(fd), flags: libc::MNT_DETACH })?;
        }
        Ok(())
    }

    fn lasting(&self) -> bool {
        false
    }
}

//! How a child starts in a group: opened by the parent, entered by the child.

use super::group::{Cgroup, IntoFd};
use super::place::Part;
use crate::kernel::cgroups::Call;
use crate::lua::Host;
use crate::lua::error::Outcome;
use crate::sys::Fd;
use crate::sys::cgroups::Version;

/// The descriptors through which a child starts in a group, and what it does with them.
pub struct Joining {
    /// For `clone3` (v2).
    pub into: Option<Fd>,
    /// To be written by the child itself, before anything else (v1, and v2 without `clone3`).
    pub files: Vec<Fd>,
    /// The group's places.
    pub parts: Vec<Part>,
}

impl Drop for Joining {
    /// The parent's part: they were opened one after the other, and are closed in a few calls.
    fn drop(&mut self) {
        Fd::close_all(self.files.drain(..).chain(self.into.take()));
    }
}

impl Joining {
    /// Opens what a child needs to start in the group of this handle.
    pub fn prepare(host: &Host, group: &Cgroup) -> Outcome<Self> {
        let (into, files) = group.open(host)?;
        Ok(Self { into, files, parts: group.parts.borrow().clone() })
    }

    /// Where `clone3` is not to be had: the child enters every group by a file.
    pub fn without_clone3(&mut self, host: &Host) -> Outcome<()> {
        if self.into.take().is_some() {
            for part in self.parts.iter().filter(|part| part.version == Version::V2) {
                self.files.push(host.run(Call::Open { path: part.entrance(), write: true })?.into_fd()?);
            }
        }
        Ok(())
    }

    /// The child's part: a process of one thread writes "0" to each `tasks` file, in no time.
    pub fn enter(&self, host: &Host) -> Outcome<()> {
        self.files.iter().try_for_each(|file| host.run(Call::Enter { file: file.clone() }).map(drop))
    }
}

//! Security modules: labels for the next exec, and Landlock.

use std::fmt;
use std::path::Path;

use super::{Fact, Lesson, Reply, Request, Shell, quote, shell_quote};
use crate::sys::lsm::landlock::{self, Enforced, Rules};
use crate::sys::{self, Errno};

mod lesson;

/// A change of this topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `landlock_create_ruleset(2)`, `landlock_add_rule(2)`, `landlock_restrict_self(2)`: answers
    /// [`Reply::Number`], 0 for fully enforced, 1 for partially, 2 for not.
    Landlock {
        /// What is restricted.
        rules: Rules,
    },
    /// The AppArmor profile that the next exec enters.
    AppArmor {
        /// Its name.
        profile: String,
    },
    /// The SELinux label that the next exec gets.
    Selinux {
        /// `user:role:type:level`
        label: String,
    },
}

/// The file for AppArmor's label: its own from Linux 5.8, the one of the first module before.
fn apparmor_file() -> &'static str {
    if Path::new("/proc/thread-self/attr/apparmor").exists() { "apparmor/exec" } else { "exec" }
}

fn show(f: &mut fmt::Formatter<'_>, rules: &Rules) -> fmt::Result {
    let mut parts = Vec::new();
    let paths = |paths: &[std::path::PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    if rules.files {
        parts.push(format!("handled_access_fs=ABI {}", rules.abi));
    }
    for (name, list) in [("list", &rules.list), ("ro", &rules.ro), ("rw", &rules.rw), ("exec", &rules.exec)] {
        if !list.is_empty() {
            parts.push(format!("{name}=[{}]", paths(list)));
        }
    }
    for (name, ports) in [("bind_tcp", &rules.bind), ("connect_tcp", &rules.connect)] {
        if let Some(ports) = ports {
            parts.push(format!("{name}={ports:?}"));
        }
    }
    for (name, on) in [("abstract_unix_socket", rules.abstract_sockets), ("signal", rules.signals)] {
        if on {
            parts.push(format!("scoped={name}"));
        }
    }
    write!(f, "landlock_restrict_self({{{}}}, 0)", parts.join(", "))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, text) = match self {
            Self::Landlock { rules } => return show(f, rules),
            Self::AppArmor { profile } => (apparmor_file(), format!("exec {profile}")),
            Self::Selinux { label } => ("exec", label.clone()),
        };
        write!(f, "write(</proc/thread-self/attr/{file}>, {}, {})", quote(text.as_bytes(), 256), text.len())
    }
}

impl Request for Call {
    fn execute(&self) -> sys::Result<Reply> {
        match self {
            Self::Landlock { rules } => Ok(Reply::Number(match landlock::restrict(rules)? {
                Enforced::Fully => 0,
                Enforced::Partially => 1,
                Enforced::Not => 2,
            })),
            Self::AppArmor { profile } => sys::lsm::set_exec_label(apparmor_file(), &format!("exec {profile}")).map(|()| Reply::Done),
            Self::Selinux { label } => sys::lsm::set_exec_label("exec", label).map(|()| Reply::Done),
        }
    }

    fn planned(&self) -> Reply {
        if matches!(self, Self::Landlock { .. }) { Reply::Number(0) } else { Reply::Done }
    }

    fn lesson(&self) -> Lesson {
        lesson::lesson(self)
    }

    fn shell(&self) -> Shell {
        match self {
            Self::Landlock { .. } => Shell::Close("setpriv --landlock-access fs …".to_owned(), "for the command that it starts"),
            Self::AppArmor { profile } => Shell::Close(format!("aa-exec -p {} …", shell_quote(profile)), "for the command that it starts"),
            Self::Selinux { label } => Shell::Close(format!("runcon {} …", shell_quote(label)), "for the command that it starts"),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name: &str, file: &str| {
            let label = sys::lsm::label(None, file).ok().flatten();
            label.map(|label| (name.to_owned(), label)).into_iter().collect()
        };
        match self {
            Self::Landlock { .. } => Vec::new(),
            Self::AppArmor { .. } => fact("apparmor on exec", apparmor_file()),
            Self::Selinux { .. } => fact("selinux on exec", "exec"),
        }
    }

    fn irreversible(&self) -> bool {
        matches!(self, Self::Landlock { .. })
    }

    fn hint(&self, errno: Errno) -> Option<String> {
        let text = match (self, errno) {
            (Self::Landlock { rules }, Errno::ENOENT | Errno::EACCES | Errno::ENOTDIR) => {
                let missing = [&rules.ro, &rules.rw, &rules.exec].into_iter().flatten().find(|path| path.metadata().is_err())?;
                return Some(format!("{} cannot be opened", missing.display()));
            }
            (Self::Landlock { .. }, Errno::EPERM) => "call no_new_privs() first, or keep CAP_SYS_ADMIN until then",
            (Self::Landlock { .. }, Errno::EOPNOTSUPP) => {
                return Some(format!(
                    "this kernel's Landlock has version {}: ports need 4, devices' ioctls 5, scopes 6; \
                     compat = \"best_effort\" enforces what there is",
                    landlock::abi()
                ));
            }
            (Self::Landlock { .. }, Errno::E2BIG) => "at most 16 restrictions can be stacked",
            (Self::AppArmor { .. }, Errno::ENOENT) if sys::lsm::active().iter().any(|name| name == "apparmor") => {
                "no such profile is loaded: /sys/kernel/security/apparmor/profiles lists them, apparmor_parser -r FILE loads one"
            }
            (Self::AppArmor { .. }, Errno::ENOENT | Errno::EINVAL) => "AppArmor is not active in this kernel: see lsm_status()",
            (Self::AppArmor { .. }, Errno::EACCES | Errno::EPERM) => {
                "the current profile does not allow the change, or no_new_privs forbids it"
            }
            (Self::Selinux { .. }, Errno::EINVAL) => "not a label of the loaded policy, or SELinux is not active: see lsm_status()",
            (Self::Selinux { .. }, Errno::EACCES | Errno::EPERM) => "the policy does not allow setexec to the current label",
            (_, Errno::EXDEV) => "/proc is no procfs, or something is mounted over the files below it: the label would go astray",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

//! The words about security modules.

use super::Call;
use crate::kernel::lesson::{Lesson, Mark};

/// What is to be said of a call.
pub fn lesson(call: &Call) -> Lesson {
    match call {
        Call::Landlock { rules } => {
            let mut parts = Vec::new();
            let count = |name: &str, length: usize| format!("{name} {length}");
            if rules.files {
                parts.extend([count("list", rules.list.len())].into_iter().filter(|_| !rules.list.is_empty()));
                parts.extend([count("read", rules.ro.len()), count("write", rules.rw.len()), count("execute", rules.exec.len())]);
            }
            for (name, ports) in [("bind", &rules.bind), ("connect", &rules.connect)] {
                parts.extend(ports.as_ref().map(|ports| format!("{name} {} ports", ports.len())));
            }
            Lesson::new(Mark::Change, "landlock", "of this process")
                .with(parts.join(", "))
                .note("files and ports that are not named are refused, to this process and to all it starts; the kernel shows it nowhere")
                .needs("no_new_privs, or CAP_SYS_ADMIN in this user namespace")
        }
        Call::AppArmor { profile } => Lesson::new(Mark::Change, "apparmor", "of the next exec")
            .with(profile.clone())
            .note("takes hold at exec, and confines the program alone"),
        Call::Selinux { label } => Lesson::new(Mark::Change, "selinux", "of the next exec")
            .with(label.clone())
            .note("takes hold at exec, if the policy allows the transition"),
    }
}

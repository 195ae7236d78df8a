//! The errors of each system call that goes through the gate, as its man page lists them (section 2;
//! for netlink also what rtnetlink(7) answers). `EWOULDBLOCK` is `EAGAIN`, and stands under that name.

/// Errors that some part of the program takes for something else than a failure.
pub const TOLD_APART: [&str; 4] = ["EBUSY", "EEXIST", "ENOENT", "EPERM"];

/// What a message says where the error has one meaning for the caller, who need not know the call.
pub fn meaning(errno: &str) -> Option<&'static str> {
    match errno {
        "EEXIST" => Some(" is there"),
        "ESRCH" => Some(" is stopped"),
        _ => None,
    }
}

const OPEN: &[&str] = &[
    "EACCES", "EAGAIN", "EBADF", "EBUSY", "EDQUOT", "EEXIST", "EFAULT", "EFBIG", "EINTR", "EINVAL", "EISDIR", "ELOOP", "EMFILE",
    "ENAMETOOLONG", "ENFILE", "ENODEV", "ENOENT", "ENOMEM", "ENOSPC", "ENOTDIR", "ENXIO", "EOPNOTSUPP", "EOVERFLOW", "EPERM", "EROFS",
    "ETXTBSY",
];
const MKDIR: &[&str] = &[
    "EACCES", "EBADF", "EDQUOT", "EEXIST", "EFAULT", "EINVAL", "ELOOP", "EMLINK", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOSPC", "ENOTDIR",
    "EPERM", "EROFS",
];
const MKNOD: &[&str] = &[
    "EACCES", "EBADF", "EDQUOT", "EEXIST", "EFAULT", "EINVAL", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOSPC", "ENOTDIR", "EPERM",
    "EROFS",
];
const UNLINK: &[&str] = &[
    "EACCES", "EBADF", "EBUSY", "EFAULT", "EINVAL", "EIO", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOTDIR", "ENOTEMPTY",
    "EPERM", "EROFS",
];
const SYMLINK: &[&str] = &[
    "EACCES", "EBADF", "EDQUOT", "EEXIST", "EFAULT", "EIO", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOSPC", "ENOTDIR", "EPERM",
    "EROFS",
];
const CHDIR: &[&str] = &["EACCES", "EBADF", "EFAULT", "EIO", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOTDIR"];
const DUP: &[&str] = &["EBADF", "EBUSY", "EINTR", "EINVAL", "EMFILE", "ENOMEM"];
const CHOWN: &[&str] =
    &["EACCES", "EBADF", "EFAULT", "EINVAL", "EIO", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOTDIR", "EOPNOTSUPP", "EPERM", "EROFS"];
const SETID: &[&str] = &["EAGAIN", "EINVAL", "EPERM"];

const TABLE: &[(&str, &[&str])] = &[
    ("capset", &["EFAULT", "EINVAL", "EPERM", "ESRCH"]),
    ("chdir", CHDIR),
    ("chmod", CHOWN),
    ("chown", CHOWN),
    ("clone3", &["EACCES", "EAGAIN", "EBUSY", "EEXIST", "EINVAL", "ENOMEM", "ENOSPC", "EOPNOTSUPP", "EPERM", "EUSERS"]),
    ("close_range", &["EINVAL", "EMFILE", "ENOMEM"]),
    ("dup2", DUP),
    ("dup3", DUP),
    ("eventfd", &["EINVAL", "EMFILE", "ENFILE", "ENODEV", "ENOMEM"]),
    (
        "execve",
        &[
            "E2BIG", "EACCES", "EAGAIN", "EFAULT", "EINVAL", "EIO", "EISDIR", "ELIBBAD", "ELOOP", "EMFILE", "ENAMETOOLONG", "ENFILE",
            "ENOENT", "ENOEXEC", "ENOMEM", "ENOTDIR", "EPERM", "ETXTBSY",
        ],
    ),
    ("fchdir", CHDIR),
    ("flock", &["EAGAIN", "EBADF", "EINTR", "EINVAL", "ENOLCK"]),
    (
        "fsconfig",
        &["EACCES", "EBADF", "EBUSY", "EFAULT", "EINVAL", "ELOOP", "ENOENT", "ENOMEM", "ENOTBLK", "ENOTDIR", "EOPNOTSUPP", "EPERM", "EROFS"],
    ),
    ("fsmount", &["EBADF", "EBUSY", "EINVAL", "EMFILE", "ENFILE", "ENOMEM", "EPERM"]),
    ("fsopen", &["EFAULT", "EINVAL", "EMFILE", "ENFILE", "ENODEV", "ENOMEM", "EPERM"]),
    ("ioctl", &["EBADF", "EFAULT", "EINVAL", "ENODEV", "ENOTTY", "EPERM"]),
    ("kill", &["EINVAL", "EPERM", "ESRCH"]),
    ("landlock_add_rule", &["EBADF", "EBADFD", "EFAULT", "EINVAL", "ENOMSG", "EOPNOTSUPP", "EPERM"]),
    ("landlock_create_ruleset", &["E2BIG", "EFAULT", "EINVAL", "ENOMSG", "EOPNOTSUPP"]),
    ("landlock_restrict_self", &["E2BIG", "EBADF", "EBADFD", "EINVAL", "EOPNOTSUPP", "EPERM"]),
    ("mkdir", MKDIR),
    ("mkdirat", MKDIR),
    ("mknodat", MKNOD),
    (
        "mount",
        &[
            "EACCES", "EBUSY", "EFAULT", "EINVAL", "ELOOP", "EMFILE", "ENAMETOOLONG", "ENODEV", "ENOENT", "ENOMEM", "ENOTBLK", "ENOTDIR",
            "ENXIO", "EPERM", "EROFS",
        ],
    ),
    ("mount_setattr", &["EBADF", "EBUSY", "EINVAL", "ENOENT", "ENOMEM", "ENOSPC", "EPERM"]),
    ("move_mount", &["EACCES", "EBADF", "EFAULT", "EINVAL", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOTDIR", "EPERM"]),
    ("open", OPEN),
    ("open_tree", &["EACCES", "EBADF", "EFAULT", "EINVAL", "ELOOP", "EMFILE", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOTDIR", "EPERM"]),
    (
        "openat2",
        &[
            "E2BIG", "EACCES", "EAGAIN", "EBADF", "EDQUOT", "EEXIST", "EFAULT", "EINTR", "EINVAL", "EISDIR", "ELOOP", "EMFILE",
            "ENAMETOOLONG", "ENFILE", "ENODEV", "ENOENT", "ENOMEM", "ENOSPC", "ENOTDIR", "ENXIO", "EPERM", "EROFS", "ETXTBSY", "EXDEV",
        ],
    ),
    ("pidfd_open", &["EINVAL", "EMFILE", "ENFILE", "ENODEV", "ENOMEM", "ESRCH"]),
    ("pidfd_send_signal", &["EBADF", "EINVAL", "EPERM", "ESRCH"]),
    ("pipe2", &["EFAULT", "EINVAL", "EMFILE", "ENFILE", "ENOPKG"]),
    ("pivot_root", &["EBUSY", "EINVAL", "ENOTDIR", "EPERM"]),
    ("prctl", &["EACCES", "EBADF", "EBUSY", "EFAULT", "EINVAL", "ENODEV", "ENXIO", "EOPNOTSUPP", "EPERM"]),
    ("prlimit", &["EFAULT", "EINVAL", "EPERM", "ESRCH"]),
    (
        "renameat2",
        &[
            "EACCES", "EBADF", "EBUSY", "EDQUOT", "EEXIST", "EFAULT", "EINVAL", "EISDIR", "ELOOP", "EMLINK", "ENAMETOOLONG", "ENOENT",
            "ENOMEM", "ENOSPC", "ENOTDIR", "ENOTEMPTY", "EPERM", "EROFS", "EXDEV",
        ],
    ),
    (
        "rmdir",
        &["EACCES", "EBUSY", "EFAULT", "EINVAL", "ELOOP", "ENAMETOOLONG", "ENOENT", "ENOMEM", "ENOTDIR", "ENOTEMPTY", "EPERM", "EROFS"],
    ),
    ("seccomp", &["EACCES", "EBUSY", "EFAULT", "EINVAL", "ENOMEM", "EOPNOTSUPP", "ESRCH"]),
    (
        "sendto",
        &[
            "EACCES", "EAGAIN", "EALREADY", "EBADF", "EBUSY", "ECONNRESET", "EDESTADDRREQ", "EEXIST", "EFAULT", "EINTR", "EINVAL",
            "EISCONN", "EMSGSIZE", "ENOBUFS", "ENODEV", "ENOMEM", "ENOTCONN", "ENOTSOCK", "EOPNOTSUPP", "EPERM", "EPIPE",
        ],
    ),
    ("setgroups", &["EFAULT", "EINVAL", "ENOMEM", "EPERM"]),
    ("sethostname", &["EFAULT", "EINVAL", "ENAMETOOLONG", "EPERM"]),
    ("setns", &["EBADF", "EINVAL", "ENOMEM", "EPERM", "ESRCH"]),
    ("setresgid", SETID),
    ("setresuid", SETID),
    ("setsid", &["EPERM"]),
    ("symlink", SYMLINK),
    ("symlinkat", SYMLINK),
    ("umount2", &["EAGAIN", "EBUSY", "EFAULT", "EINVAL", "ENAMETOOLONG", "ENOENT", "ENOMEM", "EPERM"]),
    ("unlink", UNLINK),
    ("unlinkat", UNLINK),
    ("unshare", &["EINVAL", "ENOMEM", "ENOSPC", "EPERM", "EUSERS"]),
    ("waitid", &["EAGAIN", "ECHILD", "EINTR", "EINVAL", "ESRCH"]),
    (
        "write",
        &["EAGAIN", "EBADF", "EDESTADDRREQ", "EDQUOT", "EFAULT", "EFBIG", "EINTR", "EINVAL", "EIO", "ENOSPC", "EPERM", "EPIPE"],
    ),
];

/// The errors of a call; nothing where the table has no row for it.
pub fn of(call: &str) -> Option<&'static [&'static str]> {
    TABLE.iter().find(|(name, _)| *name == call).map(|(_, errnos)| *errnos)
}

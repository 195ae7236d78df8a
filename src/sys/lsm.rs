//! Linux security modules: Landlock, AppArmor, SELinux.

//! Capabilities: the five sets of a process, and those of files; securebits, no_new_privs.

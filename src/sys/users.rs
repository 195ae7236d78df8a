//! Users and groups of a process, and the container's own passwd and group files.

//! Readers of `/proc` and of cgroup files, below any root directory, so that recorded trees test them.

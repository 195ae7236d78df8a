//! Mounts by path, and the descriptors of the new mount API.

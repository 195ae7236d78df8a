//! Programs of the host: their ELF interpreter and libraries, found without running them.

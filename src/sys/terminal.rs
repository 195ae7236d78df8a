//! Terminals: pty pairs, raw mode, window size, the foreground group.

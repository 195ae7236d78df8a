//! What a process carries: limits, scheduling, umask, personality, keyrings, death signal.

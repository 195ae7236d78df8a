//! Namespaces: entering, leaving, pinning and listing them; id maps and time offsets.

//! Archives unpacked into a rootfs handle, with nothing trusted that they say.

//! crun-lua: a container runtime you can read, script and take apart.
//!
//! The layers point one way. [`sys`] wraps the kernel's calls safely and knows nothing above it;
//! [`kernel`] turns each request into a value and is the only door to `sys`; [`lua`] gives every
//! request a Lua name in one table of primitives; the Lua files under `stdlib/` and `scripts/`
//! build everything else.

#![deny(unsafe_code)]

pub mod cli;
pub mod kernel;
pub mod lua;
pub mod repl;
#[allow(unsafe_code)]
pub mod sys;

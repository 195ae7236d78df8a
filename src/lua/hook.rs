//! The machine's one hook: what looks up from the script now and then, for signals and budgets.

use std::rc::Rc;

use mlua::{HookTriggers, Lua, VmState};

use super::Host;
use crate::sys::interrupt;

/// How many instructions pass between two looks for a signal.
const HOOK_EVERY: u32 = 10_000;

/// Stops the script at its next instruction when a signal has come: once, because what is closed
/// while the script unwinds may take its time. A further signal cuts that off.
pub fn watch(lua: &Lua, host: &Rc<Host>) -> mlua::Result<()> {
    let host = Rc::downgrade(host);
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(HOOK_EVERY), move |lua, frame| {
        let Some(host) = host.upgrade() else { return Ok(VmState::Continue) };
        let further = interrupt::pending().is_some();
        if stop_if_signalled(&host) && (!host.unwound.replace(true) || further) {
            return Err(mlua::Error::runtime("interrupted"));
        }
        host.budget.check(lua, frame)?;
        Ok(VmState::Continue)
    })
}

/// Takes note of a signal that ends the script.
pub fn stop_if_signalled(host: &Host) -> bool {
    if let Some(signal) = interrupt::pending() {
        host.stopped.set(Some(signal as i32));
        interrupt::clear();
    }
    host.stopped.get().is_some()
}

//! The machine's one hook: what looks up from the script now and then, for signals and budgets.
//!
//! It does not raise itself what ends the script. mlua throws a hook's error away from the frame of the
//! function that is interrupted, which closes that function's variables while Lua still counts as being
//! in the hook: a `__close` that loops would never be looked at again. So the hook leaves a second one
//! behind, of the library `debug`, whose function raises at the next instruction: see `cut` in the
//! prelude.
//!
//! With it each instruction costs a look at a counter, so commands of the binary's own are without
//! it: all of their Lua is known to end, and signals are looked for by [`heed`].

use std::rc::Rc;

use mlua::{Function, HookTriggers, Lua, Thread, VmState};

use super::Host;
use crate::sys::interrupt;

/// How many instructions pass between two looks.
const HOOK_EVERY: u32 = 10_000;
/// The same where nobody trusts the script: what it can do between two looks is little.
const HOOK_OFTEN: u32 = 1_000;

/// How many instructions pass between two looks of this machine's.
pub fn every(host: &Host) -> u32 {
    if host.settings.distrust { HOOK_OFTEN } else { HOOK_EVERY }
}

/// Stops the script at its next instruction when a signal has come: once, because what is closed
/// while the script unwinds may take its time. A further signal cuts that off.
///
/// Once is enough.
pub fn watch(lua: &Lua, host: &Rc<Host>) -> mlua::Result<()> {
    if host.watched.replace(true) {
        return Ok(());
    }
    look(lua, host, every(host))
}

/// Lets the line that runs do nothing more, because it goes on in a box: what it would close as it
/// unwinds is its copy's to close. `main` is the coroutine that the line was started in. [`watch`] ends this.
pub fn halt(lua: &Lua, host: &Rc<Host>, main: Option<&Thread>) -> mlua::Result<()> {
    host.watched.set(false);
    look(lua, host, 1)?;
    if let Some(main) = main {
        main.set_hook(HookTriggers::new().every_nth_instruction(1), |_, _| Err(moved()))?;
    }
    Ok(())
}

fn moved() -> mlua::Error {
    mlua::Error::runtime("the line goes on in a box")
}

fn look(lua: &Lua, host: &Rc<Host>, steps: u32) -> mlua::Result<()> {
    let host = Rc::downgrade(host);
    lua.set_global_hook(HookTriggers::new().every_nth_instruction(steps), move |lua, frame| {
        let Some(host) = host.upgrade() else { return Ok(VmState::Continue) };
        if host.boxes.has_moved() {
            return Err(moved());
        }
        let further = interrupt::pending().is_some();
        let halted = stop_if_signalled(&host) && (!host.unwound.replace(true) || further);
        if halted || host.budget.is_over(lua, Some(frame), steps) {
            cut(lua)?;
        }
        Ok(VmState::Continue)
    })
}

/// Has the next instruction of the coroutine that runs end the script, or the function whose budget is
/// over.
fn cut(lua: &Lua) -> mlua::Result<()> {
    // Without memory to do that the error comes from here, with what that means for what is closed.
    let cut = lua.named_registry_value::<Function>("crun_lua.cut").and_then(|cut| cut.call::<()>(()));
    cut.map_err(|_| mlua::Error::runtime("interrupted"))
}

/// Puts the hook back into the coroutine that runs.
pub fn rearm(lua: &Lua, host: &Rc<Host>) -> mlua::Result<()> {
    look(lua, host, every(host))
}

/// Before a primitive of a machine without the hook: stops the script when a signal has come.
pub fn heed(host: &Host) -> mlua::Result<()> {
    if host.watched.get() { Ok(()) } else { interrupted(host) }
}

/// After a call that a signal may have cut short: stops the script where it has.
pub fn interrupted(host: &Host) -> mlua::Result<()> {
    if stop_if_signalled(host) && !host.unwound.replace(true) {
        return Err(mlua::Error::runtime("interrupted"));
    }
    Ok(())
}

/// Takes note of a signal that ends the script.
pub fn stop_if_signalled(host: &Host) -> bool {
    if let Some(signal) = interrupt::pending() {
        host.stopped.set(Some(signal as i32));
        interrupt::clear();
    }
    host.stopped.get().is_some()
}

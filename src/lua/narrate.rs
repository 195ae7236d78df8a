//! What the module `scenario.narrate` is handed: it shows a lesson, and so has a process of its own
//! tell its calls as `--explain` does, with the lines of the lesson's file.

use std::cell::RefCell;
use std::rc::Rc;

use mlua::{Lua, Result, Table};

use super::Host;
use crate::kernel::{Detail, Explain};

/// More processes in one another than anybody makes.
const DEEPEST: usize = 64;

/// `explain(on)`: whether this process tells its calls from now on, as the first one of its story;
/// `aside(on)`: whether it keeps silent for a while; `note(file, text)`: the text of a file that was
/// loaded by Lua, whose lines are quoted.
pub fn service(lua: &Lua, host: &Rc<Host>) -> Result<Table> {
    let service = lua.create_table()?;
    let own = Rc::clone(host);
    let explain = move |_: &Lua, on: bool| {
        let Some(faces) = own.faces() else { return Ok(false) };
        let narrator = on.then(|| Explain::new(Detail::default(), faces.locate())).transpose();
        if on {
            (0..DEEPEST).for_each(|_| own.kernel().enter_child("", false));
        }
        faces.set_explain(narrator.map_err(mlua::Error::external)?.map(Rc::new));
        Ok(faces.explains())
    };
    service.raw_set("explain", lua.create_function(explain)?)?;
    let (own, silent) = (Rc::clone(host), RefCell::new(None));
    let aside = move |_: &Lua, on: bool| {
        let Some(faces) = own.faces() else { return Ok(()) };
        if on {
            silent.replace(faces.narrator());
            faces.set_explain(None);
        } else if let Some(narrator) = silent.take() {
            // The same as before: with it, children that speak meanwhile wait for their turn.
            faces.set_explain(Some(narrator));
        }
        Ok(())
    };
    service.raw_set("aside", lua.create_function(aside)?)?;
    let own = Rc::clone(host);
    let note = move |_: &Lua, (name, text): (String, mlua::LuaString)| {
        own.standing.note(&name, &text.as_bytes());
        Ok(())
    };
    service.raw_set("note", lua.create_function(note)?)?;
    Ok(service)
}

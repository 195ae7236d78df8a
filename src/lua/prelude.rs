//! The prelude from this side: what it is given of the host, and what of it the host calls.
//!
//! `prelude.lua` is the first Lua that runs. It and its parts make the globals of scripts out of the
//! services here, and hand back the functions by which everything else is run: they turn whatever was
//! raised into an error object, and let pass what ends the script.

use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, MultiValue, Table, Value};

use super::error::{Outcome, Raise};
use super::{Host, Machine, budget, confine, hook, is_unwinding, modules, narrate, reference, syntax, table, types};

impl Machine {
    /// Runs it, and remembers what it hands back.
    pub(super) fn load_prelude(&self) -> mlua::Result<()> {
        let services = self.services()?;
        let prelude = self.lua.load(modules::PRELUDE).set_name("=prelude");
        let part = self.lua.create_function(|lua, name: String| {
            let code = modules::PRELUDE_PARTS.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
            lua.load(code.unwrap_or_default()).set_name("=prelude").into_function()
        })?;
        let exports: Table = prelude.into_function()?.call((services, self.lua.globals(), part))?;
        for name in [
            "adopt",
            "close",
            "make_methods",
            "method",
            "methods",
            "protect",
            "shield",
            "environment",
            "set_planning",
            "set_counted",
            "cut",
            "doubt",
            "unknown",
        ] {
            self.lua.set_named_registry_value(&format!("crun_lua.{name}"), exports.raw_get::<Value>(name)?)?;
        }
        Ok(())
    }

    /// What the prelude needs of the host and scripts never see.
    fn services(&self) -> mlua::Result<Table> {
        let services = self.lua.create_table()?;
        let host = Rc::clone(&self.host);
        services.raw_set(
            "exit",
            self.lua.create_function(move |_, code: i32| {
                host.exit.set(Some(code));
                Ok(())
            })?,
        )?;
        let host = Rc::clone(&self.host);
        services.raw_set("unwinding", self.lua.create_function(move |_, ()| Ok(is_unwinding(&host)))?)?;
        let host = Rc::clone(&self.host);
        services.raw_set("interrupted", self.lua.create_function(move |_, ()| super::hook::interrupted(&host))?)?;
        let host = Rc::clone(&self.host);
        services.raw_set("spent", self.lua.create_function(move |_, ()| Ok(host.budget.is_spent()))?)?;
        let host = Rc::clone(&self.host);
        services.raw_set("step", self.lua.create_function(move |lua, ()| budget::step(lua, &host))?)?;
        let host = Rc::clone(&self.host);
        services.raw_set("rearm", self.lua.create_function(move |lua, ()| hook::rearm(lua, &host))?)?;
        // A restricted script's text is any bytes: what is no text is told as that.
        let harmless = |lua: &Lua, text: mlua::LuaString| lua.create_string(confine::harmless(&text.to_string_lossy()));
        services.raw_set("harmless", self.lua.create_function(harmless)?)?;
        services.raw_set("is_pure", self.lua.create_function(|_, name: String| Ok(confine::is_pure(&name)))?)?;
        let standing = Rc::clone(&self.host.standing);
        services.raw_set("saying", self.lua.create_function(move |_, ()| Ok(standing.saying()))?)?;
        let host = Rc::clone(&self.host);
        services.raw_set(
            "needs_value",
            self.lua.create_function(move |_, what: String| {
                if let Some(faces) = host.faces() {
                    faces.needs_value(&what);
                }
                Ok(())
            })?,
        )?;
        services.raw_set("planning", self.host.kernel.is_plan())?;
        services.raw_set("arg", self.lua.create_sequence_from(self.arguments()?)?)?;
        let script = self.host.settings.arguments.first().map(|name| self.lua.create_string(name.as_bytes()));
        services.raw_set("script", script.transpose()?)?;
        let suggest = |_: &Lua, (wrong, names): (String, Vec<String>)| {
            Ok(types::nearest(&wrong, names.iter().map(String::as_str)).map(str::to_owned))
        };
        services.raw_set("suggest", self.lua.create_function(suggest)?)?;
        let flat = || table::all().into_iter().flat_map(|(_, list)| list).filter(|primitive| primitive.method().is_none());
        services.raw_set(
            "primitives",
            self.lua.create_function(move |_, ()| Ok(flat().map(|primitive| primitive.name).collect::<Vec<_>>()))?,
        )?;
        let methods = || table::all().into_iter().flat_map(|(_, list)| list).filter(|primitive| primitive.method().is_some());
        services.raw_set(
            "methods",
            self.lua.create_function(move |_, ()| Ok(methods().map(|primitive| primitive.name).collect::<Vec<_>>()))?,
        )?;
        let host = Rc::clone(&self.host);
        let bind = move |lua: &Lua, name: String| table::find(&name).map(|primitive| primitive.bind(lua, &host)).transpose();
        services.raw_set("primitive", self.lua.create_function(bind)?)?;
        let stdlib = self.host.settings.stdlib.clone();
        services.raw_set("modules", self.lua.create_function(move |_, ()| Ok(modules::names(stdlib.as_deref())))?)?;
        let stdlib = self.host.settings.stdlib.clone();
        services.raw_set(
            "module",
            self.lua.create_function(move |lua, (name, environment): (String, Table)| {
                let Some(code) = modules::find(&name, stdlib.as_deref()) else { return Ok((None, None)) };
                // Compiled code can do anything: none is taken but the binary's own.
                let mode = if stdlib.is_some() || !code.starts_with(b"\x1bLua") { ChunkMode::Text } else { ChunkMode::Binary };
                let chunk = lua.load(&*code).set_name(modules::chunk_name(&name)).set_mode(mode);
                match chunk.set_environment(environment).into_function() {
                    Err(mlua::Error::SyntaxError { message, .. }) => Ok((None, Some(message))),
                    function => Ok((Some(function?), None)),
                }
            })?,
        )?;
        let stdlib = self.host.settings.stdlib.clone();
        // What only one module is given: nothing of it is made unless that one is loaded.
        let private = self.lua.create_table()?;
        private.raw_set("reference", self.lua.create_function(move |lua, ()| reference::service(lua, stdlib.as_deref()))?)?;
        private.raw_set("check", self.lua.create_function(|lua, ()| syntax::service(lua))?)?;
        let host = Rc::clone(&self.host);
        private.raw_set("scenario.narrate", self.lua.create_function(move |lua, ()| narrate::service(lua, &host))?)?;
        services.raw_set("private", private)?;
        Ok(services)
    }
}

/// What a plan answers where only the kernel would know: it prints, and refuses to be computed with.
pub fn unknown(lua: &Lua) -> mlua::Result<Value> {
    lua.named_registry_value::<Function>("crun_lua.unknown")?.call(())
}

/// Whether a value is one of [`unknown`]'s.
pub fn is_unknown(lua: &Lua, value: &Value) -> bool {
    let doubt = || lua.named_registry_value::<Table>("crun_lua.doubt").ok();
    value.as_table().and_then(Table::metatable).is_some_and(|found| doubt() == Some(found))
}

/// Runs a function under the prelude's protection: its first answer, or the error object.
pub fn protected(lua: &Lua, function: &Function, arguments: MultiValue) -> mlua::Result<Result<Value, Value>> {
    let protect: Function = lua.named_registry_value("crun_lua.protect")?;
    let mut results: MultiValue = protect.call((function, arguments))?;
    let fine = results.pop_front().is_some_and(|value| value.as_boolean() == Some(true));
    let first = results.pop_front().unwrap_or(Value::Nil);
    Ok(if fine { Ok(first) } else { Err(first) })
}

/// Runs a script, or a child's function. Its numeric answer, or `os.exit`'s, is a status.
pub fn protect(lua: &Lua, host: &Rc<Host>, function: &Function, arguments: MultiValue) -> Outcome<i32> {
    let result = protected(lua, function, arguments)?;
    if let Some(status) = host.exit.take().or(host.stopped.get().map(|signal| 128 + signal)) {
        return Ok(status);
    }
    match result {
        Ok(Value::Boolean(false)) => Ok(1),
        Ok(other) => Ok(other.as_i32().unwrap_or(0)),
        Err(object) => Err(Raise::Object(object)),
    }
}

/// Runs a function that the script has given for the primitive to call; its error passes through.
pub fn call_back(lua: &Lua, host: &Host, function: &Function, argument: Value) -> Outcome {
    match protected(lua, function, MultiValue::from_vec(vec![argument]))? {
        Ok(value) => Ok(value),
        Err(_) if is_unwinding(host) => Err(Raise::Lua(mlua::Error::runtime("the script is ending"))),
        Err(object) => Err(Raise::Object(object)),
    }
}

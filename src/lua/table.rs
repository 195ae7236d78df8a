//! The one table of primitives: each is declared once, and everything is made from the declaration.
//!
//! Argument checks, help, completion, the reference page, the editor's definition files and the
//! tests that run every example all read [`all`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::OnceLock;

use mlua::{Function, Lua, MultiValue, Value};

use super::args::{Args, Fields};
use super::error::{Outcome, Raise};
use super::handle::{Handle, kind_of};
use super::types::{Param, Type};
use super::{Host, hook};

/// Whom a primitive changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: it reads.
    Reads,
    /// The calling process.
    Caller,
    /// Processes that are started.
    Children,
    /// An object with a handle or a name.
    Object,
}

/// A piece of Lua that shows a primitive; the tests run each in a process of its own.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// Lua source.
    pub code: &'static str,
    /// What a machine must have to run it, in the words of `test.needs`: `root`, `cgroup:memory`; and
    /// `live` where it goes on by what only the kernel answers, so that there is no plan of it.
    pub needs: &'static [&'static str],
}

/// An example that runs anywhere, as root or not.
#[must_use]
pub const fn example(code: &'static str) -> Example {
    Example { code, needs: &[] }
}

/// An example with needs.
#[must_use]
pub const fn example_with(needs: &'static [&'static str], code: &'static str) -> Example {
    Example { code, needs }
}

/// One primitive.
#[derive(Debug)]
pub struct Primitive {
    /// `mount`, or `process:wait` for a handle's method.
    pub name: &'static str,
    /// One line in the present tense.
    pub summary: &'static str,
    /// At most two positional nouns, then one option table, a function last.
    pub params: &'static [Param],
    /// What it answers, in words.
    pub returns: &'static str,
    /// The system calls, as man pages name them.
    pub syscalls: &'static [&'static str],
    /// The nearest command, and how it differs.
    pub shell: &'static str,
    /// Capabilities, kernel versions and controllers that it needs, in words; empty for none.
    pub needs: &'static str,
    /// Whom it changes.
    pub scope: Scope,
    /// Whether the change can be taken back.
    pub reversible: bool,
    /// Pieces of Lua that show it.
    pub examples: &'static [Example],
    /// Man pages, kernel documents, and primitives to read next.
    pub see: &'static [&'static str],
    /// The function.
    pub function: fn(&Args) -> Outcome,
}

/// Every primitive, by topic.
#[must_use]
pub fn all() -> Vec<(&'static str, &'static [Primitive])> {
    vec![
        ("namespaces", super::namespaces::PRIMITIVES),
        ("spawn", super::spawn::PRIMITIVES),
        ("processes", super::processes::PRIMITIVES),
        ("polling", super::processes::polling::PRIMITIVES),
        ("exec", super::processes::exec::PRIMITIVES),
        ("streams", super::processes::streams::PRIMITIVES),
        ("capture", super::processes::capture::PRIMITIVES),
        ("sessions", super::processes::sessions::PRIMITIVES),
        ("inherited descriptors", super::processes::inherited::PRIMITIVES),
        ("sockets", super::sockets::PRIMITIVES),
        ("users", super::users::PRIMITIVES),
        ("attributes", super::attributes::PRIMITIVES),
        ("limits", super::attributes::limits::PRIMITIVES),
        ("scheduling", super::attributes::scheduling::PRIMITIVES),
        ("capabilities", super::capabilities::PRIMITIVES),
        ("seccomp", super::seccomp::PRIMITIVES),
        ("supervision", super::supervision::PRIMITIVES),
        ("lsm", super::lsm::PRIMITIVES),
        ("mounts", super::mounts::PRIMITIVES),
        ("detached mounts", super::mounts::tree::PRIMITIVES),
        ("rootfs", super::rootfs::PRIMITIVES),
        ("mounts in a rootfs", super::rootfs::mounting::PRIMITIVES),
        ("archives", super::archives::PRIMITIVES),
        ("members of archives", super::archives::members::PRIMITIVES),
        ("digests", super::digests::PRIMITIVES),
        ("programs", super::programs::PRIMITIVES),
        ("files", super::files::PRIMITIVES),
        ("state", super::state::PRIMITIVES),
        ("cgroups", super::cgroups::PRIMITIVES),
        ("links", super::network::links::PRIMITIVES),
        ("addresses", super::network::addresses::PRIMITIVES),
        ("netns", super::network::netns::PRIMITIVES),
        ("netem", super::network::netem::PRIMITIVES),
        ("nftables", super::network::nftables::PRIMITIVES),
        ("sysctl", super::sysctl::PRIMITIVES),
        ("terminal", super::terminal::PRIMITIVES),
        ("pty", super::terminal::pty::PRIMITIVES),
        ("readers", super::readers::PRIMITIVES),
        ("json", super::json::PRIMITIVES),
        ("budget", super::budget::PRIMITIVES),
        ("handles", super::handles::PRIMITIVES),
        ("values", super::values::PRIMITIVES),
    ]
}

impl Primitive {
    /// The kind of handle that this is a method of, and the method's name.
    #[must_use]
    pub fn method(&self) -> Option<(&'static str, &'static str)> {
        self.name.split_once(':')
    }

    /// Judges the values of a call and gives each its name.
    ///
    /// An optional argument may be passed over when the value has the shape of a later one, so
    /// that `spawn(fn)` and `spawn(opts, fn)` both work.
    fn take(&self, mut values: MultiValue) -> Outcome<Fields> {
        let mut fields = Fields::default();
        for (index, param) in self.params.iter().enumerate() {
            let value = values.front().cloned().unwrap_or(Value::Nil);
            let later = &self.params[index + 1..];
            let skip = !param.required && !param.kind.accepts(&value) && later.iter().any(|param| param.kind.accepts(&value));
            if value.is_nil() || skip {
                if param.required && !skip {
                    return Err(Raise::argument(format!("{}: expected {}, got nothing", param.name, param.kind.expected())));
                }
                if !skip {
                    values.pop_front();
                }
                // Options that were left out altogether may still include a required one.
                if value.is_nil() && matches!(param.kind, Type::Options(params) if params.iter().any(|param| param.required)) {
                    return Err(Raise::argument(format!("{}: expected a table of options, got nothing", param.name)));
                }
                fields.put(param, Value::Nil);
                continue;
            }
            values.pop_front();
            param.kind.check(&value, param.name).map_err(Raise::Argument)?;
            fields.put(param, value);
        }
        if values.iter().all(Value::is_nil) {
            return Ok(fields);
        }
        Err(Raise::argument(format!("too many arguments; it takes {}", self.signature())))
    }

    /// `mount(source, target, options?)`.
    #[must_use]
    pub fn signature(&self) -> String {
        let name = |param: &Param| if param.required { param.name.to_owned() } else { format!("{}?", param.name) };
        let params: Vec<_> = self.params.iter().map(name).collect();
        format!("{}({})", self.name, params.join(", "))
    }

    /// The Lua function: `true, value` on success, `false, error object` on failure.
    pub fn bind(&'static self, lua: &Lua, host: &Rc<Host>) -> mlua::Result<Function> {
        let host = Rc::clone(host);
        lua.create_function(move |lua, values: MultiValue| {
            if host.boxes.has_moved() {
                return Err(mlua::Error::runtime("the line goes on in a box"));
            }
            hook::heed(&host)?;
            // A defect of ours is the script's error, not the end of what it holds open.
            let said = host.kernel.listens().then(|| super::site::say(self.name, &values));
            let result = host.standing.within(self.name, said, || catch_unwind(AssertUnwindSafe(|| self.call(lua, &host, values))));
            if host.ledger.take_crowded() {
                // Twice over: what a handle held is seen only when the handle itself is gone.
                host.ledger.sweep();
                lua.gc_collect()?;
                host.ledger.sweep();
            }
            match result.unwrap_or_else(|panic| Err(defect(&*panic))) {
                Ok(value) => Ok((true, value)),
                Err(Raise::Lua(error)) if super::is_unwinding(&host) => Err(error),
                Err(raise) => Ok((false, raise.into_object(lua, self.name)?)),
            }
        })
    }

    fn call(&self, lua: &Lua, host: &Rc<Host>, values: MultiValue) -> Outcome {
        if !host.kernel().is_plan() {
            return self.call_checked(lua, host, values);
        }
        if self.scope != Scope::Reads {
            let doubtful = values.iter().find(|value| super::is_unknown(lua, value)).cloned();
            return self.call_checked(lua, host, values).map_err(|raise| match (raise, doubtful) {
                (Raise::Argument(_), Some(Value::Table(unknown))) => {
                    let what: String = unknown.raw_get("what").unwrap_or_default();
                    host.faces().inspect(|faces| faces.needs_value(&what));
                    Raise::state(format!("a plan does not know what {what} answers: it is known after the calls have been made"))
                }
                (raise, _) => raise,
            });
        }
        // What a plan's calls would have made is not there to be read, and what they would have
        // answered cannot be asked about.
        if values.iter().any(|value| super::is_unknown(lua, value)) {
            return Ok(super::unknown(lua)?);
        }
        match self.call_checked(lua, host, values) {
            Err(Raise::Kernel(_)) => Ok(super::unknown(lua)?),
            other => other,
        }
    }

    /// In a plan, a text that nobody knows yet is written as what it is.
    fn as_texts(&self, lua: &Lua, values: MultiValue) -> mlua::Result<MultiValue> {
        let text = Value::String(lua.create_string("(known after apply)")?);
        let takes_text = |index: usize| self.params.get(index).is_some_and(|param| param.kind.accepts(&text));
        let known = |(index, value)| if super::is_unknown(lua, &value) && takes_text(index) { text.clone() } else { value };
        Ok(values.into_iter().enumerate().map(known).collect())
    }

    fn call_checked(&self, lua: &Lua, host: &Rc<Host>, mut values: MultiValue) -> Outcome {
        host.budget.permit(self)?;
        let mut this = None;
        if let Some((kind, _)) = self.method() {
            let first = values.pop_front().unwrap_or(Value::Nil);
            let fits = kind == "handle" || kind_of(&first) == Some(kind);
            this = Handle::from_value(&first).filter(|_| fits);
            if this.is_none() {
                return Err(Raise::argument(format!("call it on a {kind}, with a colon: {}", self.signature())));
            }
        }
        // Nobody can read what a plan has only foreseen.
        if self.scope == Scope::Reads && host.kernel.is_plan() && values.iter().any(|value| super::is_unknown(lua, value)) {
            return Ok(super::unknown(lua)?);
        }
        let fields = self.take(if host.kernel.is_plan() { self.as_texts(lua, values)? } else { values })?;
        host.boxes.before(self, lua, host, &fields)?;
        (self.function)(&Args::new(lua, host, this, fields))
    }
}

/// What a panic becomes for the script.
fn defect(panic: &(dyn std::any::Any + Send)) -> Raise {
    let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Raise::state(format!("internal error: {}", said.unwrap_or("unknown")))
        .hint("this is a defect of crun-lua; please report it with the script")
}

/// A primitive that answers a handle of this kind.
#[must_use]
pub fn maker(kind: &str) -> Option<&'static str> {
    let flat = all().into_iter().flat_map(|(_, list)| list).filter(|primitive| primitive.method().is_none());
    let answers = |words: &str| {
        words.strip_prefix(kind).is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
    };
    flat.filter(|primitive| answers(primitive.returns)).map(|primitive| primitive.name).next()
}

/// The primitive or method of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Primitive> {
    static BY_NAME: OnceLock<Vec<&Primitive>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let mut list: Vec<&Primitive> = all().into_iter().flat_map(|(_, list)| list).collect();
        list.sort_unstable_by_key(|primitive| primitive.name);
        list
    });
    by_name.binary_search_by_key(&name, |primitive| primitive.name).ok().map(|index| by_name[index])
}

#[cfg(test)]
mod tests {
    use mlua::Table;

    use super::*;
    use crate::kernel::Plan;
    use crate::lua::{Machine, Settings};

    static BROKEN: Primitive = Primitive {
        name: "broken",
        summary: "Panics.",
        params: &[],
        returns: "never",
        syscalls: &[],
        shell: "",
        needs: "",
        scope: Scope::Reads,
        reversible: true,
        examples: &[],
        see: &[],
        function: |_| unreachable!("on purpose"),
    };

    #[test]
    fn a_panic_in_a_primitive_is_an_error_object() -> Result<(), Raise> {
        let machine = Machine::new(Settings::default(), |_| Ok(Rc::new(Plan::default())))?;
        let (ok, object): (bool, Table) = machine.with(|lua, host| BROKEN.bind(lua, host)?.call(()))?;
        assert!(!ok);
        assert!(object.raw_get::<String>("message")?.contains("internal error"));
        Ok(())
    }

    #[test]
    fn names_are_unique_and_every_primitive_is_described() {
        let mut names: Vec<_> = all().into_iter().flat_map(|(_, list)| list).map(|primitive| primitive.name).collect();
        for primitive in all().into_iter().flat_map(|(_, list)| list) {
            assert!(!primitive.examples.is_empty(), "{} has no example", primitive.name);
            assert!(primitive.summary.ends_with('.'), "{}: a summary is a sentence", primitive.name);
            assert!(!primitive.returns.is_empty(), "{} does not say what it answers", primitive.name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "two primitives have the same name");
    }
}

//! Which primitives a function may call: what `budget { only = … }` and `--restricted` hold to.
//!
//! It is asked at the one place where each primitive begins, so it does not matter through whose
//! hands a function has come to be called: a global, an upvalue, a module, a handle's method, a child.

use std::rc::Rc;

use super::error::{Outcome, Raise};
use super::table::{self, Primitive};
use super::types::did_you_mean;

/// What takes values, answers values, and asks the kernel nothing. The stdlib's modules need these to
/// think, and nobody can do anything with them.
const PURE: [&str; 8] =
    ["caps_decode", "caps_encode", "function_info", "handle:close", "handle_info", "json_array", "json_decode", "json_encode"];

/// Names that may be called.
#[derive(Debug)]
pub struct Only {
    names: Vec<String>,
    /// What holds around it: nobody inside has more.
    outer: Option<Rc<Only>>,
    /// How whoever wrote the list permits one more.
    remedy: &'static str,
}

impl Only {
    /// A list of names: a primitive's, a method's (`process:wait`), every method's of a kind
    /// (`process:*`) or of every kind (`*:*`).
    pub fn new(names: Vec<String>, remedy: &'static str) -> Result<Self, String> {
        names.iter().try_for_each(|name| judge(name))?;
        Ok(Self { names, outer: None, remedy })
    }

    /// The same inside of another.
    #[must_use]
    pub fn within(mut self, outer: Option<Rc<Only>>) -> Self {
        self.outer = outer;
        self
    }

    /// The names, as they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn permits(&self, primitive: &Primitive) -> bool {
        let is_named = |name: &String| match (name.strip_suffix(":*"), primitive.method()) {
            (Some("*"), Some(_)) => true,
            (Some(kind), Some((own, _))) => kind == own,
            _ => name == primitive.name,
        };
        self.names.iter().any(is_named)
    }

    /// Refuses a primitive that is not named.
    pub fn check(&self, primitive: &Primitive) -> Outcome<()> {
        if is_pure(primitive.name) {
            return Ok(());
        }
        if !self.permits(primitive) {
            let name = primitive.name;
            return Err(Raise::state(format!("{name} is not allowed here")).hint(format!("{} {name} permits it", self.remedy)));
        }
        self.outer.as_ref().map_or(Ok(()), |outer| outer.check(primitive))
    }
}

/// Whether a primitive gives nobody any rights.
pub fn is_pure(name: &str) -> bool {
    PURE.contains(&name)
}

/// A text without what a terminal would obey.
pub fn harmless(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() && letter != '\n' && letter != '\t' { '?' } else { letter }).collect()
}

/// Whether a name is one of a primitive, or stands for methods; else what it is not.
pub fn judge(name: &str) -> Result<(), String> {
    let kinds = || table::all().into_iter().flat_map(|(_, list)| list).filter_map(|primitive| primitive.method()).map(|(kind, _)| kind);
    let known = match name.strip_suffix(":*") {
        Some("*") => true,
        Some(kind) => kinds().any(|known| known == kind),
        None => table::find(name).is_some(),
    };
    if known {
        return Ok(());
    }
    let near = match name.strip_suffix(":*") {
        Some(kind) => did_you_mean(kind, kinds()),
        None => did_you_mean(name, table::all().into_iter().flat_map(|(_, list)| list).map(|primitive| primitive.name)),
    };
    Err(format!("no primitive is called {name:?}{near}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lua::table::Scope;

    #[test]
    fn what_is_pure_is_a_primitive_that_makes_no_system_call() {
        for name in PURE {
            let primitive = table::find(name);
            assert!(primitive.is_some_and(|found| found.syscalls.is_empty()), "{name}");
            assert!(primitive.is_some_and(|found| found.scope == Scope::Reads || name == "handle:close"), "{name}");
        }
    }

    #[test]
    fn nobody_inside_has_more_than_what_is_around() -> Result<(), String> {
        let outer = Rc::new(Only::new(vec!["mount".into(), "process:*".into()], "--allow")?);
        let inner = Only::new(vec!["mount".into(), "umount".into(), "*:*".into()], "only:")?.within(Some(outer));
        let may = |name: &str| table::find(name).is_some_and(|primitive| inner.check(primitive).is_ok());
        assert!(may("mount") && may("process:wait") && may("json_encode"));
        assert!(!may("umount") && !may("rootfs:open") && !may("spawn"));
        Ok(())
    }

    #[test]
    fn a_name_that_nothing_has_is_told_with_the_nearest() {
        assert_eq!(judge("mont").err().as_deref(), Some("no primitive is called \"mont\"; did you mean \"mount\"?"));
        assert!(judge("proces:*").is_err_and(|text| text.contains("did you mean \"process\"?")));
        assert!(judge("process:*").is_ok() && judge("*:*").is_ok());
    }
}

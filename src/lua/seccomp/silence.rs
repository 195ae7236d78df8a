//! A filter may take from a child the calls by which it tells its parent what it fails at. That it
//! cannot exec is known when the filter is loaded, and is told then: the parent raises it where the
//! child ends without another word.

use serde_json::json;

use super::super::args::Args;
use super::super::processes::AHEAD;
use crate::kernel::seccomp::Filter;
use crate::sys::seccomp::{names, profile::Action};

/// What `exec` needs, and a child that tells its error.
const EXEC: [&str; 2] = ["close_range", "execve"];
const TELL: [&str; 2] = ["sendmsg", "write"];

fn refused(filter: &Filter, calls: &[&'static str]) -> Vec<&'static str> {
    let passes = |name: &str| {
        let action = filter.decide(name, names::native(), [0; 6]);
        matches!(action, Some(Action::Allow | Action::Log | Action::Notify | Action::Trace(_)))
    };
    calls.iter().copied().filter(|name| !passes(name)).collect()
}

/// Tells the parent, where this process is a child that will not be able to.
pub fn tell_ahead(args: &Args, filter: &Filter) {
    let report = args.host.report.borrow();
    let Some(channel) = report.as_ref().filter(|_| !args.host.kernel().is_plan()) else { return };
    if refused(filter, &TELL).len() < TELL.len() {
        return;
    }
    let lacking = refused(filter, &EXEC);
    if lacking.is_empty() {
        // What becomes a program may end in any way, and there is nothing to be told of that.
        return;
    }
    let what = lacking.join(" and ");
    let allow: Vec<_> = lacking.iter().chain(&["write"]).map(|name| format!("\"{name}\"")).collect();
    let mut words = json!({
        "op": "seccomp",
        "message": format!("the child has failed under its filter, which refuses {what}, which exec needs; and sendmsg and write, so it could not tell at what"),
        "hint": format!("allow {} as well; the group \"@default\" has them", allow.join(", ")),
    });
    if let Some(site) = super::super::site(args.lua) {
        words["file"] = json!(site.file);
        words["line"] = json!(site.line);
    }
    // Without the word the child ends as silently as before.
    let _ = channel.send(json!({ AHEAD: words }).to_string().as_bytes());
}

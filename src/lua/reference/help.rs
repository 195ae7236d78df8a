//! `crun-lua help NAME`: one primitive, a topic, or the list of all, for a terminal.

use std::fmt::Write;

use super::super::table::{self, Primitive};
use super::super::types::did_you_mean;

/// The names of all primitives by topic, each with its first line.
#[must_use]
pub fn overview() -> String {
    let mut out = String::new();
    for (topic, list) in table::all() {
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{topic}");
        for primitive in list {
            line(&mut out, primitive);
        }
    }
    out.push_str("\n`crun-lua help NAME` tells more of one, `crun-lua --help` the program's options.\n");
    out
}

/// What is known under a name: a primitive, the methods of a kind of handle, a topic.
pub fn about(name: &str) -> Result<String, String> {
    let topics = table::all();
    let all = || topics.iter().flat_map(|(_, list)| list.iter());
    if let Some(primitive) = all().find(|primitive| primitive.name == name) {
        return Ok(page(primitive));
    }
    let mut out = String::new();
    let is_method = |primitive: &Primitive| primitive.method().is_some_and(|(kind, method)| kind == name || method == name);
    for primitive in all().filter(|primitive| is_method(primitive)) {
        line(&mut out, primitive);
    }
    if out.is_empty() {
        for primitive in topics.iter().filter(|(topic, _)| *topic == name).flat_map(|(_, list)| list.iter()) {
            line(&mut out, primitive);
        }
    }
    if !out.is_empty() {
        return Ok(out);
    }
    let names = all().map(|primitive| primitive.name).chain(topics.iter().map(|(topic, _)| *topic));
    let near = did_you_mean(name, names);
    let near = if near.is_empty() { "; `crun-lua help` lists them all".to_owned() } else { near };
    Err(format!("no primitive is called {name:?}{near}"))
}

fn line(out: &mut String, primitive: &Primitive) {
    let _ = writeln!(out, "  {:<36} {}", primitive.signature(), primitive.summary);
}

/// The entry of the reference page, without its marks.
fn page(primitive: &Primitive) -> String {
    let mut entry = String::new();
    super::entry(&mut entry, primitive);
    let mut out = String::new();
    let mut code = false;
    for line in entry.trim_start().lines() {
        if line.starts_with("```") {
            code = !code;
        } else if code {
            let _ = writeln!(out, "    {line}");
        } else {
            let _ = writeln!(out, "{}", line.trim_start_matches("### ").replace(['`', '*'], ""));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nothing_gets_the_nearest() {
        assert_eq!(about("mkdri"), Err("no primitive is called \"mkdri\"; did you mean \"mkdir\"?".into()));
        assert_eq!(about("zzzzzzzzz"), Err("no primitive is called \"zzzzzzzzz\"; `crun-lua help` lists them all".into()));
    }

    #[test]
    fn a_primitive_a_kind_and_a_topic_are_known() {
        assert!(about("mkdir").is_ok_and(|text| text.starts_with("mkdir(path, options?) → nothing") && text.contains("    mkdir(path")));
        assert!(about("process").is_ok_and(|text| text.contains("process:wait(options?)")));
        assert!(about("wait").is_ok_and(|text| text.contains("process:wait(options?)")));
        assert!(about("sysctl").is_ok_and(|text| text.starts_with("sysctl(name, value, options?)")));
        assert!(about("files").is_ok_and(|text| text.contains("mkdir(")));
        assert!(overview().contains("\nreaders\n"));
    }
}

//! What is generated from the table of primitives: the reference page, the editor's definitions,
//! the terminal's help.

use std::fmt::Write;

use super::table::{self, Primitive};

pub mod help;
mod luacats;

pub use luacats::luacats;

/// The reference page in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from("# Primitives\n\nGenerated from the table of primitives (`crun-lua reference`); do not edit.\n");
    for (topic, list) in table::all() {
        let _ = write!(out, "\n## {topic}\n");
        for primitive in list {
            entry(&mut out, primitive);
        }
    }
    out
}

fn entry(out: &mut String, primitive: &Primitive) {
    let _ = write!(out, "\n### `{}` → {}\n\n{}\n\n", primitive.signature(), primitive.returns, primitive.summary);
    for param in primitive.params {
        param_line(out, param, 0);
    }
    let row = |out: &mut String, name: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "- *{name}*: {text}");
        }
    };
    row(out, "calls", &primitive.syscalls.join(", "));
    row(out, "shell", primitive.shell);
    row(out, "needs", primitive.needs);
    row(out, "undo", if primitive.reversible { "" } else { "irreversible" });
    row(out, "see", &primitive.see.join(" · "));
    for example in primitive.examples {
        let _ = write!(out, "\n```lua\n{}\n```\n", example.code.trim_end());
    }
}

fn param_line(out: &mut String, param: &super::types::Param, depth: usize) {
    use super::types::Type;
    let optional = if param.required { "" } else { ", optional" };
    let doc = if param.doc.is_empty() { String::new() } else { format!(": {}", param.doc) };
    let _ = writeln!(out, "{}- `{}` ({}{optional}){doc}", "  ".repeat(depth), param.name, param.kind.describe());
    let options: &[super::types::Param] = match &param.kind {
        Type::Options(params) | Type::Command(params) => params,
        _ => &[],
    };
    for option in options {
        param_line(out, option, depth + 1);
    }
}

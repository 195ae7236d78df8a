//! Every primitive and every public function of the stdlib has a definition for editors and a place
//! on a page of the reference. What there is is asked of the table and of the loaded modules, not of
//! the comments that both are made from: a function without a comment would be missing in all three.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};

use crate::program::{Place, ROOT, succeeded};

/// Modules that stand beside the public ones, and are the program's own: what `crun-lua help`, `check`
/// and `lab` are made of, and what the stdlib asks in a plan.
const INTERNAL: [&str; 6] = ["check", "lab", "planned", "reference", "restricted", "sandbox"];

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("tree: every primitive has its definition and its place on a page", primitives),
        Trial::test("tree: every function that a public module has has its definition and its place on a page", functions),
        Trial::test("tree: a module is public, internal, or a part of one, and users are shown public ones", modules),
    ]
}

fn read(path: &str) -> Result<String, Failed> {
    std::fs::read_to_string(Path::new(ROOT).join(path)).map_err(|error| format!("{path}: {error}").into())
}

fn all_there(missing: &[String]) -> Result<(), Failed> {
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n").into()) }
}

fn primitives() -> Result<(), Failed> {
    let definitions = read("stdlib/meta/sys.d.lua")?;
    let mut missing = Vec::new();
    for (topic, list) in crun_lua::lua::table::all() {
        let file = format!("docs/reference/primitives/{}.md", topic.replace(' ', "-"));
        let page = read(&file)?;
        for primitive in list {
            let name = primitive.name;
            let (defined, told) = (format!("\nfunction {name}("), format!("`{name}("));
            if !definitions.contains(&defined) {
                missing.push(format!("stdlib/meta/sys.d.lua: no function {name}"));
            }
            if primitive.method().is_none() && !definitions.contains(&format!("\nsys.{name} = {name}\n")) {
                missing.push(format!("stdlib/meta/sys.d.lua: no sys.{name}"));
            }
            if !page.lines().any(|line| line.starts_with('#') && line.contains(&told)) {
                missing.push(format!("{file}: nothing about {name}"));
            }
        }
    }
    all_there(&missing)
}

/// The modules that `stdlib/reference.lua` names as public.
fn public() -> Result<BTreeSet<String>, Failed> {
    let text = read("stdlib/reference.lua")?;
    let list = text.split_once("M.PUBLIC = {").and_then(|(_, rest)| rest.split_once('}')).ok_or("no list of public modules")?.0;
    Ok(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

fn functions() -> Result<(), Failed> {
    let source = "for _, name in ipairs(arg) do\n  local module = require(name)\n  \
                  for key, value in pairs(type(module) == \"table\" and module or { [\"\"] = module }) do\n    \
                  if type(value) == \"function\" then\n      print(name, key)\n    end\n  end\nend\n";
    let place = Place::new(false);
    let file = place.file("functions.lua", source).display().to_string();
    let modules = public()?;
    let mut words = vec![file.as_str()];
    words.extend(modules.iter().map(String::as_str));
    let output = succeeded(place.output(&words)?)?;
    let (mut missing, mut count) = (Vec::new(), 0);
    for (module, name) in String::from_utf8(output.stdout)?.lines().filter_map(|line| line.split_once('\t')) {
        let (definitions, page) = (read(&format!("stdlib/meta/{module}.d.lua"))?, read(&format!("docs/reference/stdlib/{module}.md"))?);
        // A module that is a function itself is called by its own name.
        let (defined, told) = match name {
            "" => (" fun(".to_owned(), format!("`{module}(")),
            name => (format!(".{name}("), format!("`{module}.{name}(")),
        };
        let is_defined = definitions.lines().any(|line| line.contains(&defined) && (name.is_empty() || line.starts_with("function ")))
            || name.is_empty() && definitions.contains("\nlocal function ");
        if !is_defined {
            missing.push(format!("stdlib/meta/{module}.d.lua: no function {name}"));
        }
        if !page.lines().any(|line| line.starts_with('#') && line.contains(&told)) {
            missing.push(format!("docs/reference/stdlib/{module}.md: nothing about {name}"));
        }
        count += 1;
    }
    assert!(count > 100, "only {count} functions are public");
    all_there(&missing)
}

fn modules() -> Result<(), Failed> {
    let public = public()?;
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(Path::new(ROOT).join("stdlib"))? {
        let path = entry?.path();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let is_module = path.extension().is_some_and(|extension| extension == "lua");
        if is_module && !public.contains(&name) && !INTERNAL.contains(&name.as_str()) {
            missing.push(format!("stdlib/{name}.lua is neither in PUBLIC of stdlib/reference.lua nor in INTERNAL here"));
        }
    }
    for file in shown()? {
        for name in required(&std::fs::read_to_string(&file)?) {
            if !public.contains(&name) {
                missing.push(format!("{}: requires {name:?}, which is not public", file.display()));
            }
        }
    }
    all_there(&missing)
}

/// What users read: the scripts, the README and the book.
fn shown() -> Result<Vec<PathBuf>, Failed> {
    let mut found = vec![Path::new(ROOT).join("README.md")];
    found.extend(crate::book::pages().iter().map(|page| Path::new(ROOT).join(page)));
    for dir in ["scripts", "scripts/policy"] {
        let entries = std::fs::read_dir(Path::new(ROOT).join(dir))?.collect::<Result<Vec<_>, _>>()?;
        found.extend(entries.into_iter().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "lua")));
    }
    Ok(found)
}

/// The modules that a text requires by a literal.
fn required(text: &str) -> Vec<String> {
    let words = ["require \"", "require(\""];
    let rest = |word| text.split(word).skip(1).filter_map(|rest: &str| rest.split_once('"'));
    words
        .into_iter()
        .flat_map(rest)
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.chars().all(|letter| letter.is_ascii_lowercase() || "._".contains(letter)))
        .collect()
}

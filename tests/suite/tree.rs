//! The project's own files: formatted, linted, and current where they are generated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use stylua_lib::{Config, OutputVerification, format_code};

use crun_lua::lua::types::{Param, Type};

use crate::program::PROGRAM;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn trials() -> Vec<Trial> {
    // Not every distribution has the linter.
    let unlinted = Command::new("luacheck").arg("--version").output().is_err();
    let lint = if unlinted { "tree: luacheck finds nothing (skipped: luacheck is not installed)" } else { "tree: luacheck finds nothing" };
    vec![
        Trial::test("tree: Lua files are formatted (BLESS=1 formats them)", formatted),
        Trial::test(lint, linted).with_ignored_flag(unlinted),
        Trial::test("tree: docs/reference has a page a topic and a module, all current (BLESS=1 writes them)", pages_are_current),
        Trial::test("tree: stdlib/meta has definitions for each module, current and Lua (BLESS=1 writes them)", definitions_are_current),
        Trial::test(
            "tree: every public function and class has a summary, a function its parameters and an example",
            functions_are_described,
        ),
        Trial::test("tree: every parameter is described and every reference leads somewhere", table_is_whole),
        Trial::test("tree: help tells of a primitive and answers a misspelt one with the nearest", help_answers),
        Trial::test("tree: the program is one static file", is_static),
    ]
}

fn bless() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn lua_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in ["stdlib", "scripts", "tests/lua", "tests/hostile", "src/lua"] {
        collect(&Path::new(ROOT).join(dir), &mut files);
    }
    files.sort();
    files
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "lua") && !path.to_string_lossy().ends_with(".d.lua") {
            files.push(path);
        }
    }
}

fn formatted() -> Result<(), Failed> {
    let config: Config = toml_config(&std::fs::read_to_string(Path::new(ROOT).join("stylua.toml"))?)?;
    let mut wrong = Vec::new();
    for path in lua_files() {
        let source = std::fs::read_to_string(&path)?;
        let wanted =
            format_code(&source, config, None, OutputVerification::None).map_err(|error| format!("{}: {error}", path.display()))?;
        if wanted != source {
            if bless() {
                std::fs::write(&path, wanted)?;
            } else {
                wrong.push(path.display().to_string());
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("not formatted: {}", wrong.join(", ")).into()) }
}

/// The few keys of `stylua.toml` that this project sets; the program `stylua` reads the same file.
fn toml_config(text: &str) -> Result<Config, Failed> {
    let mut config = Config::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(" = ") else { continue };
        match (key, value.trim_matches('"')) {
            ("syntax", "Lua54") => config.syntax = stylua_lib::LuaVersion::Lua54,
            ("column_width", width) => config.column_width = width.parse()?,
            ("indent_type", "Spaces") => config.indent_type = stylua_lib::IndentType::Spaces,
            ("indent_width", width) => config.indent_width = width.parse()?,
            ("quote_style", "AutoPreferDouble") => config.quote_style = stylua_lib::QuoteStyle::AutoPreferDouble,
            ("call_parentheses", "Input") => config.call_parentheses = stylua_lib::CallParenType::Input,
            other => return Err(format!("stylua.toml: {other:?} is not handled here").into()),
        }
    }
    Ok(config)
}

fn linted() -> Result<(), Failed> {
    let output = Command::new("luacheck")
        .arg("-q")
        .args(lua_files())
        .arg("--read-globals")
        .args(primitives())
        .current_dir(ROOT)
        .output()
        .map_err(|error| format!("luacheck (package lua-check): {error}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stdout).into_owned().into()) }
}

/// The flat names that scripts have; every primitive has an example, or it is missing here.
fn primitives() -> Vec<String> {
    let output = Command::new(PROGRAM).args(["reference", "--json"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut names: Vec<String> = vec!["try".into(), "sys".into()];
    for line in text.lines() {
        let example: serde_json::Value = serde_json::from_str(line).unwrap();
        names.push(example["name"].as_str().unwrap().to_owned());
    }
    names.retain(|name| !name.contains(':'));
    names.dedup();
    names
}

fn pages_are_current() -> Result<(), Failed> {
    let pages = are_current("docs/reference", "--pages")?;
    let topics = crun_lua::lua::table::all().into_iter().map(|(topic, _)| format!("primitives/{}.md", topic.replace(' ', "-")));
    let missing: Vec<_> = topics.filter(|page| !pages.contains_key(page)).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no page for a topic: {}", missing.join(", ")).into()) }
}

fn definitions_are_current() -> Result<(), Failed> {
    let config = toml_config(&std::fs::read_to_string(Path::new(ROOT).join("stylua.toml"))?)?;
    for (name, text) in are_current("stdlib/meta", "--luacats")? {
        if !text.starts_with("---@meta") {
            return Err(format!("{name}: the first line must be ---@meta").into());
        }
        format_code(&text, config, None, OutputVerification::None).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// A directory of generated files is what the program writes now; the files by their names.
fn are_current(dir: &str, option: &str) -> Result<BTreeMap<String, String>, Failed> {
    let made = tempfile::tempdir()?;
    let output = Command::new(PROGRAM).args(["reference", option]).arg(made.path()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let (wanted, here) = (texts(made.path()), texts(&Path::new(ROOT).join(dir)));
    let names = wanted.keys().chain(here.keys()).collect::<std::collections::BTreeSet<_>>();
    let stale: Vec<_> = names.into_iter().filter(|name| wanted.get(*name) != here.get(*name)).collect();
    if bless() {
        for name in &stale {
            let path = Path::new(ROOT).join(dir).join(name);
            match wanted.get(*name) {
                Some(text) => {
                    std::fs::create_dir_all(path.parent().unwrap())?;
                    std::fs::write(path, text)?;
                }
                None => std::fs::remove_file(path)?,
            }
        }
    } else if !stale.is_empty() {
        return Err(format!("stale in {dir}: {stale:?}; run the tests once with BLESS=1").into());
    }
    Ok(wanted)
}

/// The files below a directory, by their paths in it.
fn texts(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![dir.to_path_buf()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                left.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(dir).unwrap().display().to_string();
                found.insert(name, std::fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    found
}

fn functions_are_described() -> Result<(), Failed> {
    let output = Command::new(PROGRAM).args(["reference", "--modules"]).output()?;
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in String::from_utf8(output.stdout)?.lines() {
        let row: serde_json::Value = serde_json::from_str(line)?;
        let mut missing: Vec<&str> = row["undescribed"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
        if row["summary"].as_str().is_none_or(str::is_empty) {
            missing.push("a summary");
        }
        // The example of a class is its methods' or its module's.
        if row["kind"] != "class" && row["examples"].as_array().is_none_or(Vec::is_empty) {
            missing.push("an example");
        }
        if !missing.is_empty() {
            wrong.push(format!("{} ({}:{}): {}", row["name"], row["file"], row["line"], missing.join(", ")));
        }
        count += 1;
    }
    assert!(count > 100, "only {count} modules and functions are public");
    if wrong.is_empty() { Ok(()) } else { Err(format!("not described:\n{}", wrong.join("\n")).into()) }
}

fn table_is_whole() -> Result<(), Failed> {
    let primitives: Vec<_> = crun_lua::lua::table::all().into_iter().flat_map(|(_, list)| list).collect();
    let mut wrong = Vec::new();
    for primitive in &primitives {
        undescribed(primitive.params, primitive.name, &mut wrong);
        let nouns = primitive.params.iter().filter(|param| !matches!(param.kind, Type::Options(_) | Type::Function)).count();
        if nouns > 2 {
            wrong.push(format!("{} takes {nouns} nouns; two are the most", primitive.name));
        }
        // Man pages have a section, documents a slash; a bare word must be a primitive.
        let word = |name: &&&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b':');
        for name in primitive.see.iter().filter(word) {
            if !primitives.iter().any(|other| other.name == *name) {
                wrong.push(format!("{} refers to {name}, which is no primitive", primitive.name));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn undescribed(params: &[Param], path: &str, wrong: &mut Vec<String>) {
    for param in params {
        let path = format!("{path}: {}", param.name);
        match param.kind {
            Type::Options(options) => undescribed(options, &path, wrong),
            _ if param.doc.is_empty() => wrong.push(format!("{path} is not described")),
            Type::Command(options) => undescribed(options, &path, wrong),
            _ => {}
        }
    }
}

fn help_answers() -> Result<(), Failed> {
    let ask = |name: &str| Command::new(PROGRAM).args(["help", name]).output();
    let known = ask("mkdir")?;
    assert!(known.status.success() && String::from_utf8_lossy(&known.stdout).starts_with("mkdir(path, options?)"));
    let wrong = ask("mkdri")?;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean mkdir?"));
    Ok(())
}

fn is_static() -> Result<(), Failed> {
    let output = Command::new("ldd").arg(PROGRAM).output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    if text.contains("statically linked") || text.contains("not a dynamic executable") { Ok(()) } else { Err(text.into_owned().into()) }
}

//! The project's own files: formatted, linted, and current where they are generated.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use stylua_lib::{Config, OutputVerification, format_code};

use crate::program::PROGRAM;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("tree: Lua files are formatted (BLESS=1 formats them)", formatted),
        Trial::test("tree: luacheck finds nothing", linted),
        Trial::test("tree: docs/reference.md is current (BLESS=1 writes it)", reference_is_current),
        Trial::test("tree: the program is one static file", is_static),
    ]
}

fn bless() -> bool {
    std::env::var_os("BLESS").is_some()
}

fn lua_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in ["stdlib", "scripts", "tests/lua", "src/lua"] {
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
        } else if path.extension().is_some_and(|extension| extension == "lua") {
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

fn reference_is_current() -> Result<(), Failed> {
    let output = Command::new(PROGRAM).arg("reference").output()?;
    let wanted = String::from_utf8(output.stdout)?;
    let path = Path::new(ROOT).join("docs/reference.md");
    if std::fs::read_to_string(&path).unwrap_or_default() == wanted {
        return Ok(());
    }
    if bless() {
        std::fs::write(&path, wanted)?;
        return Ok(());
    }
    Err("docs/reference.md is stale: run the tests once with BLESS=1".into())
}

fn is_static() -> Result<(), Failed> {
    let output = Command::new("ldd").arg(PROGRAM).output()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    if text.contains("statically linked") || text.contains("not a dynamic executable") { Ok(()) } else { Err(text.into_owned().into()) }
}

//! Puts every file below `stdlib/` into the binary, compiled, as `STDLIB: &[Module]`, and has
//! libseccomp linked from its archive.
//!
//! A program that starts in a few milliseconds cannot spend them on reading text. What is compiled holds
//! no comments, so the text lies beside it as a whole, compressed, for help and for whoever wants to read
//! how a thing is done.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "build/bytecode.rs"]
mod bytecode;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("stdlib");
    for source in ["stdlib", "build.rs", "build"] {
        println!("cargo::rerun-if-changed={source}");
    }
    let mut modules = Vec::new();
    collect(&root, &root, &mut modules)?;
    modules.sort();
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::create_dir_all(out_dir.join("code"))?;
    let compiler = Compiler::new(&out_dir);
    let mut out = String::from(
        "/// Every module, by name.\n#[allow(clippy::unreadable_literal, reason = \"written by a program\")]\nstatic STDLIB: &[Module] = &[\n",
    );
    let (mut text, mut begin) = (flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best()), 0);
    for (name, path) in modules {
        let code = compiler.compile(&path, &name, &format!("@stdlib/{}.lua", name.replace('.', "/")))?;
        let source = fs::read(&path)?;
        text.write_all(&source)?;
        let end = begin + source.len();
        let _ = writeln!(out, "    Module {{ name: {name:?}, code: include_bytes!({code:?}), text: ({begin}, {end}) }},");
        begin = end;
    }
    out.push_str("];\n");
    let packed = out_dir.join("text.deflate");
    fs::write(&packed, text.finish()?)?;
    let _ = writeln!(
        out,
        "/// The text of all modules, one behind the other.\npub static TEXT: &[u8] = include_bytes!({:?});",
        packed.display().to_string()
    );
    println!("cargo::rerun-if-changed=src/lua/prelude.lua");
    println!("cargo::rerun-if-changed=src/lua/prelude");
    let prelude = root.with_file_name("src/lua/prelude.lua");
    let code = compiler.compile(&prelude, "prelude", "=prelude")?;
    let _ = writeln!(out, "/// What runs first.\npub static PRELUDE: &[u8] = include_bytes!({code:?});");
    out.push_str("/// What that is made of, by name.\npub static PRELUDE_PARTS: &[(&str, &[u8])] = &[\n");
    let mut parts = Vec::new();
    collect(&prelude.with_extension(""), &prelude.with_extension(""), &mut parts)?;
    parts.sort();
    for (name, path) in parts {
        let code = compiler.compile(&path, &format!("prelude.{name}"), "=prelude")?;
        let _ = writeln!(out, "    ({name:?}, include_bytes!({code:?})),");
    }
    out.push_str("];\n");
    link_static_libseccomp()?;
    enter_before_the_c_library();
    fs::write(out_dir.join("stdlib.rs"), out)
}

/// Compiles Lua here for the target, where both have the same layout.
struct Compiler {
    lua: Option<mlua::Lua>,
    dir: PathBuf,
}

impl Compiler {
    fn new(out_dir: &Path) -> Self {
        let layout = |name: &str| env::var(name).unwrap_or_default();
        let same = layout("CARGO_CFG_TARGET_POINTER_WIDTH") == usize::BITS.to_string()
            && (layout("CARGO_CFG_TARGET_ENDIAN") == "little") == cfg!(target_endian = "little");
        Self { lua: same.then(mlua::Lua::new), dir: out_dir.join("code") }
    }

    /// The file of the compiled text, with what tells its lines; of the text itself where it cannot
    /// be compiled here.
    fn compile(&self, path: &Path, name: &str, chunk: &str) -> io::Result<String> {
        let Some(lua) = &self.lua else { return Ok(path.display().to_string()) };
        let file = self.dir.join(name);
        let function = lua.load(fs::read(path)?).set_name(chunk).into_function();
        // What is wrong with a module is told when it is loaded, with its line.
        let Ok(code) = function.map(|function| function.dump(false)) else { return Ok(path.display().to_string()) };
        let code = bytecode::without_names(&code).unwrap_or(code);
        fs::write(&file, code)?;
        Ok(file.display().to_string())
    }
}

/// `hardening/init.lua` is the module `hardening`; files ending in `.d.lua` are for editors only.
fn collect(root: &Path, dir: &Path, modules: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let text = path.display().to_string();
        if path.is_dir() {
            collect(root, &path, modules)?;
        } else if path.extension().is_some_and(|extension| extension == "lua") && !text.ends_with(".d.lua") {
            let relative = path.strip_prefix(root).unwrap_or(&path).with_extension("");
            let name = relative.display().to_string().replace('/', ".");
            modules.push((name.strip_suffix(".init").map_or(name.clone(), str::to_owned), path));
        }
    }
    Ok(())
}

/// Has the kernel start the program in `src/sys/image/entry.rs`.
fn enter_before_the_c_library() {
    if matches!(env::var("CARGO_CFG_TARGET_ARCH").as_deref(), Ok("x86_64" | "aarch64")) {
        println!("cargo::rustc-link-arg-bin=crun-lua=-Wl,--entry=crun_lua_entry");
    }
}

/// The crate libseccomp-sys asks for a shared library, which a static program cannot load: it
/// crashes at the first call. The linker takes the first directory that has the library in any
/// form, so it is shown one that has nothing but the archive.
fn link_static_libseccomp() -> io::Result<()> {
    let target = env::var("TARGET").unwrap_or_default();
    let linker = env::var(format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"))).unwrap_or_else(|_| "cc".into());
    let output = std::process::Command::new(&linker).arg("-print-file-name=libseccomp.a").output()?;
    let archive = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if !archive.is_absolute() {
        return Err(io::Error::other(format!("{linker} finds no libseccomp.a; install libseccomp-dev (libseccomp-static)")));
    }
    let dir = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("link");
    fs::create_dir_all(&dir)?;
    fs::copy(&archive, dir.join("libseccomp.a"))?;
    println!("cargo::rerun-if-changed={}", archive.display());
    println!("cargo::rustc-link-search=native={}", dir.display());
    Ok(())
}

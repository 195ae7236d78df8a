//! Puts every file below `stdlib/` into the binary, as `STDLIB: &[(name, source)]`, and has
//! libseccomp linked from its archive.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("stdlib");
    println!("cargo::rerun-if-changed=stdlib");
    let mut modules = Vec::new();
    collect(&root, &root, &mut modules)?;
    modules.sort();
    let mut out = String::from("/// Module names and their sources.\nstatic STDLIB: &[(&str, &str)] = &[\n");
    for (name, path) in modules {
        let _ = writeln!(out, "    ({name:?}, include_str!({:?})),", path.display().to_string());
    }
    out.push_str("];\n");
    link_static_libseccomp()?;
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("stdlib.rs"), out)
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

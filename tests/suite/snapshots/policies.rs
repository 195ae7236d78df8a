//! What each policy in `scripts/policy/` makes of a container, as a file that people read and review:
//! `tests/snapshots/policy/NAME.plan` has the lines in which the plan of `run` with the policy differs
//! from the one without it, or what a refusal says. What policies read of the host is put below the
//! case's own directory, for no two hosts have the same there.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libtest_mimic::{Failed, Trial};

use super::normal::normal;
use super::{compare, without_own_groups};
use crate::documents::evenly_spaced;
use crate::program::{Place, ROOT, text};

/// The paths of the host's that the policies name.
const OF_THE_HOST: [&str; 5] =
    ["/etc/cdi", "/etc/crun-lua/seccomp.json", "/etc/ssl/certs/ca-certificates.crt", "/usr/local/bin/tell-network", "/var/log/"];

const DEVICE: &str = r#"{ "cdiVersion": "0.6.0", "kind": "acme.com/gpu", "devices": [ { "name": "0", "containerEdits": {
  "deviceNodes": [ { "path": "/dev/acme0", "hostPath": "/dev/null" } ], "env": ["GPU=0"] } } ] }"#;

const PROFILE: &str = r#"{ "defaultAction": "SCMP_ACT_ALLOW",
  "syscalls": [ { "names": ["mount"], "action": "SCMP_ACT_ERRNO" } ] }"#;

pub fn trials(reason: Option<&'static str>) -> Vec<Trial> {
    let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
    let of = |name: String| {
        let title = format!("snapshots: what policy/{name}.lua changes is what was reviewed (BLESS=1 writes it){skipped}");
        Trial::test(title, move || check(&name)).with_ignored_flag(reason.is_some())
    };
    names().into_iter().map(of).collect()
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join("scripts/policy")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn check(name: &str) -> Result<(), Failed> {
    let place = Place::new(false);
    prepare(&place)?;
    let before = plan(&place, name, &[])?;
    let policy = place.path().join("policy").join(format!("{name}.lua")).display().to_string();
    let after = plan(&place, name, &["--policy", &policy])?;
    let found = match (before, after) {
        (Ok(before), Ok(after)) => differences(&before, &after),
        (Ok(_), Err(refusal)) => refusal,
        (Err(failure), _) => return Err(failure.into()),
    };
    if found.is_empty() {
        return Err("the policy changes nothing".into());
    }
    compare(&Path::new(ROOT).join("tests/snapshots/policy").join(format!("{name}.plan")), &found)
}

/// A bundle, the policies, and what they read.
fn prepare(place: &Place) -> Result<(), Failed> {
    let at = |path: &str| place.path().join(path);
    for dir in ["b/rootfs", "policy", "etc/cdi"] {
        std::fs::create_dir_all(at(dir))?;
        std::fs::set_permissions(at(dir), std::fs::Permissions::from_mode(0o755))?;
    }
    for name in names() {
        let mut source = std::fs::read_to_string(Path::new(ROOT).join("scripts/policy").join(format!("{name}.lua")))?;
        for path in OF_THE_HOST {
            let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let own =
                if path.ends_with('/') { format!("{}/", at("tmp").display()) } else { at(&format!("etc/{base}")).display().to_string() };
            source = source.replace(path, &own);
        }
        std::fs::write(at(&format!("policy/{name}.lua")), source)?;
    }
    std::fs::write(at("etc/cdi/acme.com-gpu.json"), DEVICE)?;
    std::fs::write(at("etc/seccomp.json"), PROFILE)?;
    std::fs::write(at("etc/ca-certificates.crt"), "certificates\n")?;
    std::fs::write(at("etc/tell-network"), "#!/bin/sh\n")?;
    std::fs::set_permissions(at("etc/tell-network"), std::fs::Permissions::from_mode(0o755))?;
    let spec = place.output(&["spec", "--bundle", &at("b").display().to_string()])?;
    if !spec.status.success() {
        return Err(text(&spec).into());
    }
    let file = at("b/config.json");
    let mut config: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
    config["process"]["terminal"] = false.into();
    config["process"]["args"] = serde_json::json!(["/bin/true"]);
    config["annotations"] = serde_json::json!({ "org.example.device/first": "acme.com/gpu=0" });
    std::fs::write(&file, config.to_string())?;
    Ok(())
}

/// The plan of a run, line by line; or what a refusal says.
fn plan(place: &Place, name: &str, options: &[&str]) -> Result<Result<String, String>, Failed> {
    let file = place.path().join("b/config.json");
    if name == "deny_host" {
        // One that shares the host's processes, which is what the policy is about.
        let mut config: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        if let Some(list) = config["linux"]["namespaces"].as_array_mut() {
            list.retain(|namespace| namespace["type"] != "pid");
        }
        std::fs::write(&file, config.to_string())?;
    }
    let [root, bundle] = ["oci", "b"].map(|dir| place.path().join(dir).display().to_string());
    let words = [&["--dry-run", "--verbose", "--root", &root], options, &["run", "--bundle", &bundle, "box"]].concat();
    let output = place.output(&words)?;
    let told = |bytes: &[u8]| {
        let said = String::from_utf8_lossy(bytes).replace(&place.path().display().to_string(), "PLACE");
        // How wide the columns are depends on what else stands in them.
        normal(&without_own_groups(&said)).lines().map(|line| evenly_spaced(line) + "\n").collect::<String>()
    };
    Ok(if output.status.success() { Ok(told(&output.stdout)) } else { Err(told(&output.stderr)) })
}

/// The lines that only one of two texts has, in their order: `-` of the first, `+` of the second.
fn differences(before: &str, after: &str) -> String {
    let [old, new] = [before, after].map(|text| text.lines().collect::<Vec<_>>());
    // The longest common subsequence from each pair of places on.
    let mut longest = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (i, one) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            longest[i][j] = if one == other { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && longest[i + 1][j] >= longest[i][j + 1] {
            out.push_str(&format!("-{}\n", old[i]));
            i += 1;
        } else {
            out.push_str(&format!("+{}\n", new[j]));
            j += 1;
        }
    }
    out
}

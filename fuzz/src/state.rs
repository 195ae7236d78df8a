//! The state file of a container: each command that reads it, with what was written down by nobody knows whom.

use serde_json::{Value, json};

use super::bytes::Bytes;
use super::confine::{place, rewrite};
use super::json;

const MEMBERS: [&str; 24] = [
    "id",
    "pid",
    "starttime",
    "maker",
    "bundle",
    "rootfs",
    "status",
    "created",
    "ociVersion",
    "annotations",
    "cgroup",
    "group_path",
    "owner",
    "own_pids",
    "callers_keyring",
    "join",
    "lost",
    "damaged",
    "path",
    "hierarchies",
    "manager",
    "scope",
    "version",
    "kind",
];

const COMMANDS: [&[&str]; 12] = [
    &["state", "box"],
    &["list"],
    &["list", "--format", "json"],
    &["start", "box"],
    &["kill", "box", "KILL"],
    &["kill", "--all", "box"],
    &["delete", "box"],
    &["delete", "--force", "box"],
    &["ps", "box"],
    &["pause", "box"],
    &["update", "--pids-limit", "20", "box"],
    &["exec", "box", "true"],
];

fn good(status: &str) -> Value {
    json!({
        "id": "box", "pid": 999_999_999, "starttime": 1, "bundle": "/bundle", "rootfs": "/bundle/rootfs", "status": status,
        "created": "2026-01-01T00:00:00Z", "ociVersion": "1.3.0", "annotations": { "a": "b" }, "owner": 61234, "own_pids": true,
        "join": ["pid", "mnt"], "maker": { "pid": 999_999_999, "starttime": 1 },
    })
}

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let command = bytes.pick(&COMMANDS);
    let text = if bytes.one_in(3) {
        bytes.rest().to_vec()
    } else {
        let mut state = good(bytes.pick(&["creating", "created", "running", "paused", "stopped"]));
        if bytes.one_in(2) {
            // One that lives: this process.
            state["pid"] = json!(std::process::id());
            state["starttime"] = json!(started());
        }
        json::patched(&state, &MEMBERS, &mut bytes).to_string().into_bytes()
    };
    rewrite("state", &place().join("root/box/state.json"), &text);
    let root = place().join("root").display().to_string();
    let words: Vec<&str> = [&["--root", root.as_str()], command].concat();
    super::config::command(&words);
}

/// When this process was started, as the kernel tells it.
fn started() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    text.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(19)?.parse().ok()).unwrap_or_default()
}

//! The words of a mount's options: what the parser makes of them against the last word of each kind, and
//! the planned mounts that follow.

use super::bytes::Bytes;
use super::machine::{literal, shared};

const WORDS: [&str; 44] = [
    "ro",
    "rw",
    "nosuid",
    "suid",
    "nodev",
    "dev",
    "noexec",
    "exec",
    "nosymfollow",
    "symfollow",
    "noatime",
    "atime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "nodiratime",
    "diratime",
    "bind",
    "rbind",
    "remount",
    "idmap",
    "ridmap",
    "tmpcopyup",
    "defaults",
    "",
    "private",
    "rprivate",
    "shared",
    "rslave",
    "unbindable",
    "sync",
    "async",
    "rro",
    "rrw",
    "rnosuid",
    "rnoatime",
    "rstrictatime",
    "size=1M",
    "mode=755",
    "lowerdir=/a:/b",
    "x=,y",
    "=",
    "size=-1,ro",
];

const SCRIPT: &str = r#"
local words = require "oci.mounts.options"
local parsed = words.parse(list)
local last = {}
local PAIRS = { ro = "rw", nosuid = "suid", nodev = "dev", noexec = "exec", nosymfollow = "symfollow" }
for on, off in pairs(PAIRS) do
  local name = on == "ro" and "readonly" or on
  local want, below
  for _, word in ipairs(list) do
    if word == on or word == off then want = word == on end
    if word == "r" .. on or word == "r" .. off then below = word == "r" .. on end
  end
  if parsed.flags[name] ~= want or parsed.all[name] ~= below then
    found("parse", name .. " is not what the last word says")
  end
end
local times = 0
for _, name in ipairs { "noatime", "relatime", "strictatime" } do
  times = times + (parsed.flags[name] == true and 1 or 0)
end
if times > 1 then found("parse", "two ways of writing access times") end
local options = { type = kind, data = parsed.data }
for name, value in pairs(words.turned_on(parsed)) do options[name] = value end
check("mount", mount, "none", "/mnt", options)
local flags = {}
for name, value in pairs(words.of_mount(parsed)) do flags[name] = value end
check("mount_setattr", sys.mount_setattr or function() end, "/mnt", flags)
"#;

pub fn run(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let kind = bytes.pick(&["tmpfs", "proc", "overlay", "cgroup2", "devpts", ""]);
    let mut list = Vec::new();
    while !bytes.is_empty() && list.len() < 24 {
        if bytes.one_in(4) {
            let length = bytes.below(24);
            list.push(literal(bytes.take(length)));
        } else {
            list.push(literal(bytes.pick(&WORDS).as_bytes()));
        }
    }
    let kind = literal(kind.as_bytes());
    shared(&format!("local list, kind = {{ {} }}, {kind}\n{SCRIPT}", list.join(", ")));
}

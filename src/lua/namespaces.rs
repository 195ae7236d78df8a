//! Namespaces: entering, leaving, pinning and listing them; id maps and time offsets.

use mlua::Value;

use super::Host;
use super::args::Args;
use super::error::Outcome;
use super::spawn::KIND_WORDS;
use super::table::{Primitive, Scope, example_with};
use super::types::{Param, Type, may, need};
use crate::kernel::Kinds;
use crate::kernel::namespaces::{Call, Ids, Propagation};
use crate::sys::namespaces::ids::Range;

/// How mounts may travel, in words.
pub const PROPAGATION: Type = Type::Word(&["private", "slave", "shared", "unchanged"]);

const UNSHARE: &[Param] = &[may(
    "propagation",
    PROPAGATION,
    "with \"mnt\": how mounts travel between the new namespace and the old, for / and all below; \"private\"",
)];

/// The primitives of this topic.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "unshare",
    summary: "Moves the calling process into new namespaces; \"pid\" and \"time\" take effect for its children.",
    params: &[need("kinds", Type::List(&Type::Word(KIND_WORDS)), "the kinds of namespaces"), may("options", Type::Options(UNSHARE), "")],
    returns: "nothing",
    syscalls: &["unshare(2)", "mount(2)"],
    shell: "≈ unshare --KIND… (which starts a program in them)",
    needs: "CAP_SYS_ADMIN for kinds other than user; with \"user\" the caller becomes root inside",
    scope: Scope::Caller,
    reversible: false,
    examples: &[
        example_with(&["root"], "unshare { \"mnt\", \"uts\" }\nsethostname(\"box\")"),
        example_with(&["userns"], "unshare { \"user\", \"net\" }\nassert(io.open(\"/proc/self/uid_map\"):read(\"n\") == 0)"),
    ],
    see: &["spawn", "setns", "namespaces(7)", "user_namespaces(7)"],
    function: unshare,
}];

/// The kinds that a list of words names.
pub fn kinds_of(words: &[String]) -> Kinds {
    words.iter().filter_map(|word| Kinds::from_word(word)).collect()
}

fn unshare(args: &Args) -> Outcome {
    let kinds = kinds_of(&args.texts("kinds"));
    let options = args.options("options")?;
    let propagation = options.text("propagation");
    // Read before the call: afterwards the ids have no name until the maps are written.
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    args.host.run(Call::Unshare { kinds })?;
    args.host.guard.leave(kinds);
    if kinds.contains(Kinds::USER) {
        // The caller is root inside, as after `unshare -r`: the one map that needs no rights above.
        args.host.run(Call::SetGroups { pid: None, allow: false })?;
        args.host.run(Call::WriteMap { pid: None, ids: Ids::Uid, ranges: vec![Range::one(0, uid)] })?;
        args.host.run(Call::WriteMap { pid: None, ids: Ids::Gid, ranges: vec![Range::one(0, gid)] })?;
    }
    if kinds.contains(Kinds::MNT) {
        propagate(args.host, propagation.as_deref())?;
    }
    Ok(Value::Nil)
}

/// A new mount namespace keeps its mounts to itself unless it was asked for something else.
///
/// A copy of a shared mount is shared with the original, so without this what is mounted in the
/// new namespace appears on the host (`mount_namespaces(7)`; unshare(1) does the same).
pub fn propagate(host: &Host, word: Option<&str>) -> Outcome<()> {
    if let Some(how) = Propagation::from_word(word.unwrap_or("private")) {
        host.run(Call::Propagate { how })?;
    }
    Ok(())
}

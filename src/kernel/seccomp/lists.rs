//! From lists of names and groups to rules, one meaning a call.
//!
//! A name that is written out wins over groups. Between groups the strictest action wins, as it
//! does in the kernel between filters, so that `allow = { "@system-service" }, errno =
//! { "@keyring" }` refuses the keyring. A rule without conditions and one with another action and
//! conditions cannot both be kept for one call: libseccomp would drop the conditions silently.

use std::collections::BTreeMap;

use super::groups;
use crate::sys::seccomp::profile::{Action, Compare, Rule};

/// Names and groups that share an action and conditions.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it was written, for messages: `errno`, `rules[2]`.
    pub place: String,
    /// What happens.
    pub action: Action,
    /// Calls, and groups with their `@`.
    pub names: Vec<String>,
    /// Empty for a plain list.
    pub args: Vec<Compare>,
}

/// Whole calls: what happens, and the place that says so.
type Whole<'a> = BTreeMap<String, (Action, &'a str)>;

/// The rules of all entries; the error names the two places that contradict each other.
pub fn rules(entries: &[Entry]) -> Result<Vec<Rule>, String> {
    let written = written(entries)?;
    let mut whole = written.clone();
    let mut conditional: Vec<(Rule, &str)> = Vec::new();
    let mut last = Vec::new();
    for entry in by_severity(entries) {
        for group in entry.names.iter().filter(|name| name.starts_with('@')) {
            for member in groups::members(group).into_iter().filter(|member| !written.contains_key(&member.name)) {
                match (member.errno, member.condition) {
                    (Some(errno), _) => last.push((member.name, (Action::Errno(errno), entry.place.as_str()))),
                    (None, None) if entry.args.is_empty() => {
                        whole.entry(member.name).or_insert((entry.action, &entry.place));
                    }
                    (None, condition) => {
                        let args = entry.args.iter().copied().chain(condition).collect();
                        conditional.push((Rule { name: member.name, action: entry.action, args }, &entry.place));
                    }
                }
            }
        }
        for name in entry.names.iter().filter(|name| !name.starts_with('@') && !entry.args.is_empty()) {
            conditional.push((Rule { name: name.clone(), action: entry.action, args: entry.args.clone() }, &entry.place));
        }
    }
    // A group's own error is for calls that nothing else in the profile asks for.
    for (name, meaning) in last {
        whole.entry(name).or_insert(meaning);
    }
    let mut rules = kept(&whole, conditional)?;
    rules.extend(whole.into_iter().map(|(name, (action, _))| Rule { name, action, args: Vec::new() }));
    Ok(rules)
}

/// The calls that are written out without conditions; each may have one action.
fn written(entries: &[Entry]) -> Result<Whole<'_>, String> {
    let mut written = Whole::new();
    for entry in entries.iter().filter(|entry| entry.args.is_empty()) {
        for name in entry.names.iter().filter(|name| !name.starts_with('@')) {
            let (action, place) = written.entry(name.clone()).or_insert((entry.action, &entry.place));
            if *action != entry.action {
                return Err(format!("{}: \"{name}\" is in {place} already, with another action", entry.place));
            }
        }
    }
    Ok(written)
}

fn by_severity(entries: &[Entry]) -> Vec<&Entry> {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by_key(|entry| entry.action.severity());
    sorted
}

/// The rules with conditions that say something, checked against each other and the whole calls.
fn kept(whole: &Whole, conditional: Vec<(Rule, &str)>) -> Result<Vec<Rule>, String> {
    let mut kept: Vec<(Rule, &str)> = Vec::new();
    for (rule, place) in conditional {
        if let Some((action, other)) = whole.get(&rule.name) {
            if action.severity() > rule.action.severity() {
                let name = &rule.name;
                return Err(format!(
                    "{place}: \"{name}\" as a whole is {} by {other}; a filter cannot say \"otherwise\": \
                     take it out there and write the opposite condition",
                    action.word()
                ));
            }
            continue;
        }
        let clash = kept.iter().find(|(other, _)| other.name == rule.name && other.action != rule.action && !rule.excludes(other));
        if let Some((_, other)) = clash {
            return Err(format!("{place}: \"{}\" may meet the conditions of {other} as well, which has another action", rule.name));
        }
        kept.push((rule, place));
    }
    Ok(kept.into_iter().map(|(rule, _)| rule).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::seccomp::profile::Op;

    fn entry(place: &str, action: Action, names: &[&str], args: &[Compare]) -> Entry {
        Entry { place: place.to_owned(), action, names: names.iter().map(|name| (*name).to_owned()).collect(), args: args.to_vec() }
    }

    fn action(entries: &[Entry], name: &str) -> Result<Option<Action>, String> {
        Ok(rules(entries)?.iter().find(|rule| rule.name == name).map(|rule| rule.action))
    }

    const EPERM: Action = Action::Errno(1);

    #[test]
    fn a_name_wins_over_groups_and_the_strictest_group_wins() -> Result<(), String> {
        let lists =
            [entry("allow", Action::Allow, &["@system-service", "keyctl"], &[]), entry("errno", EPERM, &["@keyring", "openat"], &[])];
        assert_eq!(action(&lists, "keyctl")?, Some(Action::Allow));
        assert_eq!(action(&lists, "add_key")?, Some(EPERM));
        assert_eq!(action(&lists, "openat")?, Some(EPERM));
        assert_eq!(action(&lists, "read")?, Some(Action::Allow));
        Ok(())
    }

    #[test]
    fn a_groups_own_error_gives_way_to_whatever_else_names_the_call() -> Result<(), String> {
        let clone3 = |names: &[&str]| action(&[entry("allow", Action::Allow, names, &[])], "clone3");
        assert_eq!(clone3(&["@default"])?, Some(Action::Errno(38)));
        assert_eq!(clone3(&["@default", "@process"])?, Some(Action::Allow));
        assert_eq!(clone3(&["@default", "clone3"])?, Some(Action::Allow));
        Ok(())
    }

    #[test]
    fn contradictions_name_both_places() {
        let one = [Compare { index: 0, op: Op::Eq, value: 1 }];
        let lists = [entry("allow", Action::Allow, &["mkdir"], &[]), entry("kill", Action::KillProcess, &["mkdir"], &[])];
        assert!(rules(&lists).is_err_and(|text| text.contains("kill: \"mkdir\" is in allow")));
        let lists = [entry("allow", Action::Allow, &["@file-system"], &[]), entry("rules[1]", EPERM, &["mkdir"], &one)];
        assert!(rules(&lists).is_err_and(|text| text.contains("by allow")));
        let other = [Compare { index: 1, op: Op::Eq, value: 1 }];
        let lists = [entry("rules[1]", EPERM, &["mkdir"], &one), entry("rules[2]", Action::Log, &["mkdir"], &other)];
        assert!(rules(&lists).is_err_and(|text| text.contains("may meet the conditions of rules[1]")));
        let two = [Compare { index: 0, op: Op::Eq, value: 2 }];
        let lists = [entry("rules[1]", EPERM, &["mkdir"], &one), entry("rules[2]", Action::Log, &["mkdir"], &two)];
        assert!(rules(&lists).is_ok_and(|rules| rules.len() == 2));
    }
}

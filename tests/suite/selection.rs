//! Which tests a run has, beside the part of a name that cargo is given. Both are for machines that
//! are slow, as an emulated one is (`tests/vm`).
//!
//! - `CRUN_LUA_TEST_TOPICS="cgroups stdlib_example"`: those of these topics, which are what a name
//!   begins with, with `_` for a space; `"-lab -crash"`: all but those.
//! - `CRUN_LUA_TEST_PART=1/2`: every second test, from the first on; another machine has the others.
//!   What is skipped is told by the first part only, so that counts add up.

use std::collections::BTreeSet;

use libtest_mimic::{Arguments, Trial};

/// What is asked for.
pub struct Selection {
    filter: String,
    /// The topic that the filter begins with, if it does with one: `cgroups:`.
    topic: Option<String>,
    topics: Option<BTreeSet<String>>,
    part: Option<(usize, usize)>,
}

impl Selection {
    /// `known` are the topics that there are: any other word before a colon stands in a sentence.
    pub fn new(arguments: &Arguments, known: &[String]) -> Self {
        let filter = arguments.filter.clone().unwrap_or_default();
        let word = filter.split_once(':').map(|(word, _)| word.to_owned());
        let topics = std::env::var("CRUN_LUA_TEST_TOPICS").ok();
        Self {
            topic: word.filter(|word| known.contains(word)),
            filter,
            topics: topics.map(|topics| topics.split_whitespace().map(str::to_owned).collect()),
            part: std::env::var("CRUN_LUA_TEST_PART").ok().map(|text| part(&text)),
        }
    }

    /// Whether the run can have tests of this topic. To make a topic's tests can take long: many ask
    /// the machine first what it has.
    pub fn may_have(&self, topic: &str) -> bool {
        // `config:` may be the end of another topic's name too.
        self.is_asked_for(topic) && self.topic.as_ref().is_none_or(|asked| topic.ends_with(asked))
    }

    /// Drops the tests that the run is not to have.
    pub fn keep(&self, trials: &mut Vec<Trial>) {
        trials.retain(|trial| self.is_asked_for(trial.name().split(':').next().unwrap_or_default()));
        let Some((part, parts)) = self.part else { return };
        let mut number = 0;
        trials.retain(|trial| {
            if trial.has_ignored_flag() || !trial.name().contains(&self.filter) {
                return part == 1;
            }
            number += 1;
            (number - 1) % parts == part - 1
        });
    }

    fn is_asked_for(&self, topic: &str) -> bool {
        let Some(topics) = &self.topics else { return true };
        let topic = topic.replace(' ', "_");
        topics.contains(&topic) || (topics.iter().all(|word| word.starts_with('-')) && !topics.contains(&format!("-{topic}")))
    }
}

fn part(text: &str) -> (usize, usize) {
    let parsed = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
    let valid = parsed.filter(|(part, parts)| (1..=*parts).contains(part));
    valid.unwrap_or_else(|| panic!("CRUN_LUA_TEST_PART: expected '1/2' or the like, found '{text}'"))
}

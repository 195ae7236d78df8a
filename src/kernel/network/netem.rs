//! The arguments of `tc` that say what a device does to its packets.

use std::time::Duration;

/// What happens to the packets that leave by a device (tc-netem(8)). Shares are text such as `5%`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Netem {
    /// How long each is held back.
    pub delay: Option<Duration>,
    /// By how much that varies.
    pub jitter: Option<Duration>,
    /// How many are lost.
    pub loss: Option<String>,
    /// How many go out twice.
    pub duplicate: Option<String>,
    /// How many overtake those that are held back.
    pub reorder: Option<String>,
    /// In how many one bit is wrong.
    pub corrupt: Option<String>,
    /// Bits in a second.
    pub rate: Option<u64>,
    /// How many may wait.
    pub limit: Option<u32>,
}

/// The arguments for a device; without settings those that take them away.
#[must_use]
pub fn arguments(link: &str, settings: Option<&Netem>) -> Vec<String> {
    let verb = if settings.is_some() { "replace" } else { "del" };
    let mut words: Vec<String> = ["qdisc", verb, "dev", link, "root", "netem"].into_iter().map(str::to_owned).collect();
    let Some(settings) = settings else { return words };
    // The second word of the delay is its jitter.
    let delay = settings.delay.map(|delay| match settings.jitter {
        Some(jitter) => vec![time(delay), time(jitter)],
        None => vec![time(delay)],
    });
    let one = |value: &Option<String>| value.clone().map(|value| vec![value]);
    let options = [
        ("limit", settings.limit.map(|limit| vec![limit.to_string()])),
        ("delay", delay),
        ("loss", one(&settings.loss)),
        ("duplicate", one(&settings.duplicate)),
        ("corrupt", one(&settings.corrupt)),
        ("reorder", one(&settings.reorder)),
        ("rate", settings.rate.map(|rate| vec![format!("{rate}bit")])),
    ];
    for (name, values) in options {
        if let Some(values) = values {
            words.push(name.to_owned());
            words.extend(values);
        }
    }
    words
}

fn time(time: Duration) -> String {
    let micros = time.as_micros();
    if micros.is_multiple_of(1000) { format!("{}ms", micros / 1000) } else { format!("{micros}us") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jitter_stands_behind_the_delay() {
        let settings = Netem {
            delay: Some(Duration::from_millis(100)),
            jitter: Some(Duration::from_micros(1500)),
            loss: Some("0.5%".to_owned()),
            rate: Some(1_000_000),
            limit: Some(10),
            ..Netem::default()
        };
        let words = arguments("eth0", Some(&settings)).join(" ");
        assert_eq!(words, "qdisc replace dev eth0 root netem limit 10 delay 100ms 1500us loss 0.5% rate 1000000bit");
        assert_eq!(arguments("eth0", None).join(" "), "qdisc del dev eth0 root netem");
    }
}

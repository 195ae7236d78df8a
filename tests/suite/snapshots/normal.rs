//! Puts a word in place of what no two runs share: numbers of processes, inodes, times, addresses of
//! hardware, names by chance.

/// Puts a word in place of what no two runs share.
pub fn normal(said: &str) -> String {
    let mut out = String::new();
    for line in said.lines() {
        // The kernel gives a link this address by itself, some time after it is up.
        if line.contains(" address fe80::") || line.contains(" route fe80::") {
            continue;
        }
        // A time at the right edge.
        let timed = |unit: &str| {
            let rest = line.strip_suffix(unit)?;
            let bare = rest.trim_end_matches(|letter: char| letter.is_ascii_digit());
            (bare.len() < rest.len() && bare.ends_with("  ")).then(|| bare.trim_end().to_owned())
        };
        let untimed = [" µs", " ms", " s"].into_iter().find_map(timed);
        let text = without_lines_of_modules(&numbers(&used(untimed.as_deref().unwrap_or(line))));
        let mut text = sizes(&text);
        for (start, end, word) in [
            ("mount /  ", " → ", "HOST"),
            ("kernel.hostname  ", " → ", "HOST"),
            // Names have process numbers in them, of more digits or fewer.
            ("sethostname(\"box-N-1\", ", ")", "N"),
            ("mounts  ", "", "N"),
            ("fe80::", "/64", "MAC"),
            ("(0:", ")", "N"),
            ("], /* ", " vars */", "N"),
            (">, \"{", "\"...", "…"),
            ("\"..., ", ")", "N"),
            // A hash that may have no letter.
            ("{\\\"id\\\":\\\"", "\\\"", "HEX"),
            ("of processor time, ", " KiB", "N"),
            ("owner 0:0, ", " bytes", "N"),
            ("state.json  ", " bytes", "N"),
            // A hash that may have no letter.
            ("attachments/", ".json", "HEX"),
        ] {
            text = between(&text, start, end, word);
        }
        // Whether any of the host's mounts was shared before is the host's affair.
        text = text.replace("effect = mounts", "effect ~ mounts");
        if text.trim().is_empty() {
            continue;
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// A module of the stdlib without the line: that is no other run, but another version.
fn without_lines_of_modules(line: &str) -> String {
    let bare = |text: &str| text.trim_end_matches(|letter: char| letter.is_ascii_digit()).trim_end_matches(':').to_owned();
    if let Some(rest) = line.strip_prefix("The plan stops here. stdlib/") {
        return rest
            .split_once(": ")
            .map_or_else(|| line.to_owned(), |(place, why)| format!("The plan stops here. stdlib/{}: {why}", bare(place)));
    }
    match line.rsplit_once(" ← ") {
        // The place stands at the right edge.
        Some((before, module)) => match before.rsplit_once("  ") {
            Some((head, script)) => format!("{}  {script} ← {}", head.trim_end(), bare(module)),
            None => format!("{before} ← {}", bare(module)),
        },
        None => line.to_owned(),
    }
}

/// A word for the time that a process has had.
fn used(line: &str) -> String {
    let Some((before, after)) = line.split_once(" ms of processor time") else { return line.to_owned() };
    let before = before.trim_end_matches(|letter: char| letter.is_ascii_digit());
    format!("{before}T ms of processor time{after}")
}

/// Sizes of texts that hold process numbers: a word for each of two digits or more.
fn sizes(line: &str) -> String {
    let mut parts = line.split(" bytes").map(str::to_owned).collect::<Vec<_>>();
    let last = parts.len() - 1;
    for part in &mut parts[..last] {
        let bare = part.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if part.len() >= bare.len() + 2 {
            *part = format!("{bare}N");
        }
    }
    parts.join(" bytes")
}

/// A word for whatever stands between `start` and `end`; the rest of the line where `end` is nothing.
fn between(line: &str, start: &str, end: &str, word: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(from) = rest.find(start).map(|place| place + start.len()) {
        let length = if end.is_empty() { Some(rest.len() - from) } else { rest[from..].find(end) };
        let Some(length) = length else { break };
        out.push_str(&rest[..from]);
        out.push_str(word);
        rest = &rest[from + length..];
    }
    out + rest
}

/// Long numbers, addresses of hardware, names by chance.
fn numbers(line: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in line.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric()
            || letter == ':' && word.len() % 3 == 2 && word.chars().all(|letter| letter.is_ascii_hexdigit() || letter == ':')
        {
            word.push(letter);
            continue;
        }
        let digits = word.chars().all(|letter| letter.is_ascii_digit());
        let hex = word.chars().all(|letter| letter.is_ascii_hexdigit()) && word.chars().any(|letter| letter.is_ascii_digit());
        let mac = word.matches(':').count() == 5;
        out.push_str(match () {
            () if mac => "MAC",
            // Every capability that this kernel knows.
            () if hex && word.len() == 16 && word.starts_with("000001f") => "ALL",
            () if word.len() == 12 && word.starts_with("cl") && word[2..].chars().all(|letter| letter.is_ascii_hexdigit()) => "clHEX",
            () if digits && word.len() >= 4 && !KEPT.contains(&word.as_str()) => "N",
            () if digits && word.len() >= 2 && PROCESS.iter().any(|before| out.ends_with(before)) => "N",
            () if hex && word.len() >= 10 && !(word.len() == 16 && word.starts_with("0000")) => "HEX",
            () => &word,
        });
        word.clear();
        out.push(letter);
    }
    out.pop();
    out
}

/// What stands before the number of a process, which may be a short one.
const PROCESS: [&str; 6] = ["-", "pid ", ") = ", "wait ", "-t ", "which is "];

/// Numbers that mean something.
const KEPT: [&str; 10] = ["50000", "100000", "0755", "0700", "0644", "0600", "1777", "65534", "67108864", "134217728"];

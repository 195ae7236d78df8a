//! Writes a plan as a shell script: util-linux, iproute2 and libcap instead of system calls.
//!
//! A shell starts programs and changes itself in few ways. So a child becomes a `bash` below unshare(1),
//! and what a process does to itself for good (dropping capabilities, a change of user) becomes a
//! command like setpriv(1) that starts the rest of the process behind it.

use std::collections::HashSet;
use std::fmt::Write;

use super::lesson::Script;
use super::{Kinds, Plan, Request, Shell, Step, shell_quote};

/// The whole script; `what` is the command line that it stands for.
#[must_use]
pub fn write(plan: &Plan, what: &str) -> String {
    let steps = plan.steps();
    let mut writer = Writer { steps: &steps, mapped: HashSet::new(), stages: 0 };
    let mut out = format!(
        "#!/bin/bash\n# The commands for what `{what}` asks of the kernel (crun-lua --as-shell).\n\
         # ≈ comes close, and how it differs; — has no command. Paths stand where the program holds descriptors.\n\
         set -eu\nstatus=0\n"
    );
    let ends = writer.process("", &mut out);
    if let Some(why) = plan.stopped() {
        let _ = writeln!(out, "\n# The plan stops here. {}", why.replace('\n', " "));
    }
    if !ends {
        out.push_str("\nexit \"$status\"\n");
    }
    out
}

struct Writer<'a> {
    steps: &'a [Step],
    /// Children whose maps unshare(1) has written.
    mapped: HashSet<String>,
    /// Texts inside of texts need an end of their own each.
    stages: usize,
}

/// The variable of a child's number.
fn variable(name: &str) -> String {
    let plain: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' }).collect();
    if plain.starts_with(|letter: char| letter.is_ascii_digit()) { format!("p_{plain}") } else { plain }
}

/// A child's label in a command becomes the variable with its number.
fn with_numbers(command: &str, children: &[String]) -> String {
    let mut out = command.to_owned();
    for child in children {
        let number = format!("\"${{{}}}\"", variable(child));
        out = out.replace(&format!("'<{child}>'"), &number).replace(&format!("<{child}>"), &number);
    }
    out
}

impl Writer<'_> {
    /// The steps of a process; whether the last of them is an exec.
    fn process(&mut self, inside: &str, out: &mut String) -> bool {
        let steps: Vec<&Step> = self.steps.iter().filter(|step| step.inside == inside).collect();
        self.stretch(inside, &steps, &mut Vec::new(), out)
    }

    /// Steps of one process, as far as a shell gets with them.
    fn stretch(&mut self, inside: &str, steps: &[&Step], children: &mut Vec<String>, out: &mut String) -> bool {
        let mut place = None;
        for (index, step) in steps.iter().enumerate() {
            let script = step.call.script();
            if script == Script::Needless {
                continue;
            }
            comment(step, &mut place, out);
            match script {
                Script::Needless => {}
                Script::Line(command, how) => {
                    if let Some(how) = how {
                        let _ = writeln!(out, "# ≈ {how}");
                    }
                    self.ready(inside, &command, children, out);
                    let _ = writeln!(out, "{}", with_numbers(&command, children));
                }
                Script::Missing => missing(step, out),
                Script::Wait(names) => {
                    for name in names.iter().filter(|name| children.contains(name)) {
                        let _ = writeln!(out, "wait \"${{{}}}\" || status=$?", variable(name));
                    }
                }
                Script::Map { child, options } => self.map(inside, child, &options, out),
                Script::Child { name, kinds, cgroup } => {
                    self.child(inside, &name, kinds, cgroup.as_deref(), out);
                    children.push(name);
                }
                Script::Exec(command) => {
                    let _ = writeln!(out, "exec {command}");
                    return true;
                }
                Script::Wrap { .. } => {
                    self.behind(inside, steps.get(index..).unwrap_or_default(), children, out);
                    return true;
                }
            }
        }
        false
    }

    /// What a process does behind a command that changes only what it starts.
    fn behind(&mut self, inside: &str, steps: &[&Step], children: &mut Vec<String>, out: &mut String) {
        let mut commands: Vec<(&'static str, Vec<String>)> = Vec::new();
        let mut rest = steps;
        while let [step, others @ ..] = rest {
            match step.call.script() {
                Script::Wrap { command, options, how } => {
                    if let Some(how) = how {
                        let _ = writeln!(out, "# ≈ {how}");
                    }
                    match commands.last_mut() {
                        Some((last, all)) if *last == command => {
                            if !all.contains(&options) {
                                all.push(options);
                            }
                        }
                        _ => commands.push((command, vec![options])),
                    }
                }
                Script::Needless => {}
                // It stands before the commands: what has no command has no effect either.
                Script::Missing => missing(step, out),
                _ => break,
            }
            rest = others;
        }
        let wrapped: Vec<String> = commands.iter().map(|(command, options)| format!("{command} {}", options.join(" "))).collect();
        let dashes = |command: &str| if command == "chroot" { "" } else { " --" };
        let with_end: Vec<String> =
            wrapped.iter().zip(&commands).map(|(text, (command, _))| format!("{text}{}", dashes(command))).collect();
        let front = with_end.join(" ");
        if let [step] = rest
            && let Script::Exec(command) = step.call.script()
        {
            let _ = writeln!(out, "exec {front} {command}");
            return;
        }
        let mut body = String::from("set -eu\nstatus=0\n");
        if !self.stretch(inside, rest, children, &mut body) {
            body.push_str("exit \"$status\"\n");
        }
        let end = self.end();
        let _ = writeln!(out, "exec {front} bash -c \"$(cat <<'{end}'\n{body}{end}\n)\"");
    }

    /// A new process: `bash` below unshare(1), with its text inside of this one.
    fn child(&mut self, inside: &str, name: &str, kinds: Kinds, cgroup: Option<&str>, out: &mut String) {
        let path = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
        let mut front = String::new();
        if !kinds.is_empty() {
            let mut words: Vec<String> =
                kinds.words().iter().map(|word| format!("--{}", if *word == "mnt" { "mount" } else { word })).collect();
            words.extend(self.maps_of(inside, name));
            if kinds.contains(Kinds::PID) {
                words.push("--fork".to_owned());
            }
            front = format!("unshare {} ", words.join(" "));
            let _ = writeln!(out, "# ≈ unshare(1) makes the mounts private by itself, and forks after it has entered");
        }
        let mut body = String::from("set -eu\nstatus=0\n");
        if let Some(dir) = cgroup {
            let _ = writeln!(body, "echo 0 > {}", shell_quote(&format!("{dir}/cgroup.procs")));
        }
        if !self.process(&path, &mut body) {
            body.push_str("exit \"$status\"\n");
        }
        let end = self.end();
        // The text comes as an argument, so that standard input stays the program's.
        let _ = writeln!(out, "{front}bash -c \"$(cat <<'{end}'\n{body}{end}\n)\" <&0 &\n{}=$!", variable(name));
    }

    /// The maps that the parent writes for a child, as options of unshare(1).
    fn maps_of(&mut self, inside: &str, name: &str) -> Vec<String> {
        self.mapped.insert(name.to_owned());
        let mut options = Vec::new();
        for step in self.steps.iter().filter(|step| step.inside == inside) {
            match step.call.script() {
                Script::Map { child: Some(child), options: words } if child == name && !words.is_empty() && !options.contains(&words) => {
                    options.push(words);
                }
                _ => {}
            }
        }
        // --map-root-user says it itself.
        if options.iter().any(|option| option == "--map-root-user") {
            options.retain(|option| !option.starts_with("--setgroups"));
        }
        options
    }

    fn map(&mut self, inside: &str, child: Option<String>, options: &str, out: &mut String) {
        let whose = child.unwrap_or_default();
        let _ = if self.mapped.contains(&whose) {
            writeln!(out, "# unshare(1) above has written it")
        } else {
            let whose = if inside.is_empty() { "a process" } else { inside };
            writeln!(out, "# — only unshare(1) writes the map of {whose} itself: {options}")
        };
    }

    /// A command for a child's namespaces waits until unshare(1) has made them.
    fn ready(&self, inside: &str, command: &str, children: &[String], out: &mut String) {
        for child in children.iter().filter(|child| command.contains(&format!("<{child}>"))) {
            let made = self.steps.iter().find_map(|step| match step.call.script() {
                Script::Child { name, kinds, .. } if step.inside == inside && name == *child => Some(kinds - Kinds::PID),
                _ => None,
            });
            if let Some(word) = made.and_then(|kinds| kinds.words().first().copied()) {
                let number = variable(child);
                let _ = writeln!(out, "until ! [ \"/proc/${{{number}}}/ns/{word}\" -ef /proc/self/ns/{word} ]; do sleep 0.01; done");
            }
        }
    }

    fn end(&mut self) -> String {
        self.stages += 1;
        format!("END_{}", self.stages)
    }
}

/// The script's line, once for all that it does.
fn comment<'a>(step: &'a Step, place: &mut Option<(&'a str, usize)>, out: &mut String) {
    let site = &step.site;
    let now = (site.file.as_str(), site.line);
    if place.replace(now) == Some(now) {
        return;
    }
    let text = match (&site.text, site.file.is_empty()) {
        (Some(text), _) => format!("{}:{}  {text}", site.file, site.line),
        (None, false) => format!("{}:{}  {}", site.file, site.line, site.primitive),
        (None, true) => "what was still open is closed".to_owned(),
    };
    let _ = writeln!(out, "\n# {text}");
}

/// A call without a command.
fn missing(step: &Step, out: &mut String) {
    let call = step.call.to_string().replace('\n', " ");
    let _ = match step.call.shell() {
        Shell::Close(command, how) => writeln!(out, "# — {call}: {command} ({how})"),
        _ => writeln!(out, "# — {call}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_label_becomes_a_variable() {
        let children = ["child 1".to_owned(), "2 web".to_owned()];
        assert_eq!(with_numbers("ip link set x netns '<child 1>'", &children), "ip link set x netns \"${child_1}\"");
        assert_eq!(with_numbers("nsenter -t <2 web> -n true", &children), "nsenter -t \"${p_2_web}\" -n true");
    }
}

//! What README.md and the book show of the REPL is typed into one, on a terminal, and must come out
//! as it stands there: prompts, answers and all.
//!
//! A block of text that begins with `host#1> ` is a session, and one that begins with a later number
//! goes on with the page's session before it; `$ crun-lua` stands for the start, with the greeting
//! below it. Numbers of more than six digits are namespaces, which are others each time; the host's name
//! is written `vm`, and root has 41 capabilities. `…` stands for any text of a line.

use std::path::Path;

use libtest_mimic::{Failed, Trial};

use crate::documents::line_fits;
use crate::program::{Place, ROOT, is_root};
use crate::pty::{Session, session};

/// What is typed at a prompt, and what comes then.
struct Step {
    line: usize,
    prompt: String,
    typed: String,
    answer: Vec<String>,
}

/// A session: the greeting where it is shown, and its steps.
struct Shown {
    page: String,
    greeting: Vec<String>,
    steps: Vec<Step>,
}

pub fn trials() -> Vec<Trial> {
    let mut pages = vec!["README.md".to_owned()];
    pages.extend(crate::book::pages());
    let shown: Vec<Shown> = pages.iter().flat_map(|page| read(page)).collect();
    let reason = if is_root() { "" } else { " (skipped: not run as root)" };
    let mut trials = vec![Trial::test("document: a session whose answer is another is told", others_are_told)];
    for one in shown {
        let line = one.steps.first().map_or(0, |step| step.line);
        let title = format!("document: {} line {line}, a session of the REPL{reason}", one.page);
        trials.push(Trial::test(title, move || play(&one).map_err(Failed::from)).with_ignored_flag(!is_root()));
    }
    trials
}

/// A prompt and what is typed behind it.
fn split(line: &str) -> Option<(&str, &str)> {
    let (before, rest) = line.split_once('#')?;
    let digits = rest.len() - rest.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
    let typed = rest[digits..].strip_prefix('>').filter(|typed| typed.is_empty() || typed.starts_with(' '))?;
    let is_prompt = digits > 0 && before.starts_with(|letter: char| letter.is_ascii_lowercase());
    is_prompt.then(|| (&line[..line.len() - typed.len()], typed.trim_start()))
}

/// The sessions of a page.
fn read(page: &str) -> Vec<Shown> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
    sessions(page, &text)
}

fn sessions(page: &str, text: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line != "```text" {
            continue;
        }
        let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let first = body.first().copied().unwrap_or_default();
        if first == "$ crun-lua" || first.starts_with("host#1>") {
            found.push(Shown { page: page.to_owned(), greeting: Vec::new(), steps: Vec::new() });
        } else if split(first).is_none() {
            continue;
        }
        let Some(session) = found.last_mut() else { continue };
        for (index, line) in body.iter().enumerate().skip(usize::from(first == "$ crun-lua")) {
            if let Some((prompt, typed)) = split(line) {
                let (prompt, typed) = (prompt.to_owned(), typed.to_owned());
                session.steps.push(Step { line: number + 2 + index, prompt, typed, answer: Vec::new() });
            } else {
                let answer = session.steps.last_mut().map_or(&mut session.greeting, |step| &mut step.answer);
                answer.push((*line).to_owned());
            }
        }
    }
    found
}

/// Types it all.
fn play(shown: &Shown) -> Result<(), String> {
    let mut session = session(Place::new(false), &[], &[], false)?;
    let came = session.prompt()?;
    let mut lines: Vec<&str> = came.lines().collect();
    let mut prompt = lines.pop().unwrap_or_default().trim_end().to_owned();
    if !shown.greeting.is_empty() {
        compare(&shown.page, 0, &shown.greeting, &lines)?;
    }
    for step in &shown.steps {
        if prompt != step.prompt {
            return Err(format!("{}:{}: the prompt is {:?}, the page has {:?}", shown.page, step.line, prompt, step.prompt));
        }
        if step.typed.is_empty() {
            continue;
        }
        prompt = typed(&mut session, shown, step)?;
    }
    leave(session, &prompt)
}

/// Types a line; its answer is compared, and the next prompt answered.
fn typed(session: &mut Session, shown: &Shown, step: &Step) -> Result<String, String> {
    let came = session.line(&step.typed)?;
    let mut lines: Vec<&str> = came.lines().collect();
    let prompt = lines.pop().unwrap_or_default().trim_end().to_owned();
    compare(&shown.page, step.line, &step.answer, &lines)?;
    Ok(prompt)
}

fn compare(page: &str, line: usize, wanted: &[String], came: &[&str]) -> Result<(), String> {
    let host = format!("{:?}", std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim());
    let all = capabilities();
    let usual = |line: &&str| line.replace(&host, "\"vm\"").replace(&all, "41 (000001ffffffffff)").trim_end().to_owned();
    let came: Vec<String> = came.iter().map(usual).collect();
    let fit = |(wanted, came): (&String, &String)| line_fits(&without_numbers(wanted), &without_numbers(came));
    if wanted.len() == came.len() && wanted.iter().zip(&came).all(fit) {
        return Ok(());
    }
    Err(format!("{page}:{line}: the page has\n{}\nwhat came is\n{}", wanted.join("\n"), came.join("\n")))
}

/// What the session shows of all capabilities that the suite itself has.
fn capabilities() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap_or_default();
    format!("{} ({mask})", u64::from_str_radix(mask, 16).unwrap_or_default().count_ones())
}

/// A word for each number of more than six digits.
fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    for part in line.split_inclusive(|letter: char| !letter.is_ascii_digit()) {
        let digits = part.trim_end_matches(|letter: char| !letter.is_ascii_digit());
        out.push_str(&if digits.len() > 6 { part.replacen(digits, "N", 1) } else { part.to_owned() });
    }
    out
}

/// Ends the session, from a box by way of the host.
fn leave(mut session: Session, prompt: &str) -> Result<(), String> {
    if !prompt.starts_with("host#") {
        session.line(":leave")?;
    }
    session.leave(0).map(drop)
}

fn others_are_told() -> Result<(), Failed> {
    let page = "```text\nhost#1> 1 + 1\n2\nbox1 uts #2>\n```\n\n```text\nnot a session\n```\n\n```text\nhost#3> x\n```\n";
    let [session] = &sessions("page.md", page)[..] else { return Err("one session is read".into()) };
    let steps: Vec<_> = session.steps.iter().map(|step| (step.line, &*step.prompt, &*step.typed, step.answer.len())).collect();
    assert_eq!(steps, [(2, "host#1>", "1 + 1", 1), (4, "box1 uts #2>", "", 0), (12, "host#3>", "x", 0)]);
    let wanted = ["~ uts 4026531838 → 4026532252".to_owned()];
    assert!(compare("page.md", 1, &wanted, &["~ uts 4026531838 → 4026532999"]).is_ok());
    assert!(compare("page.md", 1, &wanted, &["~ mnt 4026531838 → 4026532999"]).is_err());
    assert!(compare("page.md", 1, &wanted, &[]).is_err());
    Ok(())
}

//! Every example: those in the table of primitives run, and a plan of each has the same calls; those in
//! the stdlib's comments run as root, each as the whole script that it is.

use std::collections::{BTreeMap, HashMap};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::program::{PROGRAM, Place, is_root, succeeded};

pub fn trials() -> Vec<Trial> {
    let output = std::process::Command::new(PROGRAM).args(["reference", "--json"]).output().unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let examples: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let unmet = unmet(examples.iter().flat_map(needs).collect(), false);
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    let mut trials = Vec::new();
    for example in examples {
        let name = example["name"].as_str().unwrap().to_owned();
        let number = count.entry(name.clone()).or_default();
        *number += 1;
        let reason = needs(&example).iter().find_map(|need| unmet.get(need).cloned());
        let skipped = reason.as_ref().map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
        let title = format!("example: {name} {number}{skipped}");
        let code = example["code"].as_str().unwrap().to_owned();
        let live = is_live(&example);
        trials.push(Trial::test(title, move || if live { runs(&code) } else { check(&code) }).with_ignored_flag(reason.is_some()));
    }
    trials.extend(of_stdlib());
    trials
}

/// The examples of public modules and functions, each once: many functions share their module's.
fn of_stdlib() -> Vec<Trial> {
    let output = std::process::Command::new(PROGRAM).args(["reference", "--modules"]).output().unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut seen = std::collections::HashSet::new();
    let mut trials = Vec::new();
    for line in lines.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let name = row["name"].as_str().unwrap();
        for (index, code) in row["examples"].as_array().unwrap().iter().enumerate() {
            let code = code.as_str().unwrap().to_owned();
            if !seen.insert(code.clone()) {
                continue;
            }
            let title = format!("stdlib example: {name} {}", index + 1);
            trials.push(Trial::test(title, move || runs(&code)).with_ignored_flag(!is_root()));
        }
    }
    trials
}

fn needs(example: &Value) -> Vec<String> {
    example["needs"].as_array().unwrap().iter().map(|need| need.as_str().unwrap().to_owned()).filter(|need| need != "live").collect()
}

/// Whether an example goes on by what only the kernel answers: then there is no plan of it.
fn is_live(example: &Value) -> bool {
    example["needs"].as_array().unwrap().iter().any(|need| need == "live")
}

fn runs(code: &str) -> Result<(), Failed> {
    succeeded(Place::new(false).run_text(&[], code, false)?)?;
    Ok(())
}

/// Which of these needs this machine does not meet, for this user or for an ordinary one, and why:
/// asked once for all.
pub fn unmet(mut all: Vec<String>, unprivileged: bool) -> HashMap<String, String> {
    all.sort();
    all.dedup();
    let source = "local test = require \"test\"\nfor _, need in ipairs(arg) do\n  print(need, test.unmet(need) or \"\")\nend\n";
    let place = Place::new(unprivileged);
    let file = place.file("needs.lua", source).display().to_string();
    let mut arguments = vec![file.as_str()];
    arguments.extend(all.iter().map(String::as_str));
    let output = place.ask(&arguments, unprivileged).and_then(succeeded).unwrap();
    let answers = String::from_utf8_lossy(&output.stdout).into_owned();
    let rows = answers.lines().filter_map(|line| line.split_once('\t'));
    rows.filter(|(_, reason)| !reason.is_empty()).map(|(need, reason)| (need.to_owned(), reason.to_owned())).collect()
}

/// Runs an example live and as a plan, and compares what each process was to call.
fn check(code: &str) -> Result<(), Failed> {
    let live = Place::new(false);
    let trace = live.path().join("trace").display().to_string();
    succeeded(live.run_text(&["--trace", &trace], code, false)?)?;
    let plan = Place::new(false);
    let planned = plan.path().join("trace").display().to_string();
    succeeded(plan.run_text(&["--dry-run", "--trace", &planned], code, false)?)?;
    let (made, foreseen) = (calls(&trace), calls(&planned));
    if made == foreseen { Ok(()) } else { Err(format!("live: {made:#?}\nplan: {foreseen:#?}").into()) }
}

/// The calls of each process, in order. A live run kills what a plan never started, so what the
/// end of the script closes is left out: it has no line.
fn calls(trace: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(trace).unwrap().lines().skip(1) {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["end"].is_number() {
            continue;
        }
        found.entry(event["in"].as_str().unwrap().to_owned()).or_default().push(event["call"].as_str().unwrap().to_owned());
    }
    found
}

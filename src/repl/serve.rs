//! The life of a box: answers what its front end asks, until that is gone.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::signal::Signal;
use serde_json::{Value as Json, json};

use super::asking::ran_words;
use super::boxes::Link;
use super::{end_here, ends};
use crate::lua::Machine;
use crate::lua::boxes::{Side, Turn};
use crate::lua::session::Answer;
use crate::sys::{Errno, fork, interrupt};

/// Answers requests for the rest of this process's life. `first`: the line in which the box was made.
pub fn serve(machine: &Machine, link: OwnedFd, first: Option<(u64, Answer)>) -> ! {
    let _here = fork::NoReturn;
    let mut link = Link::new(link);
    if let Some((number, answer)) = first {
        reply(machine, &link, number, answer);
    }
    loop {
        machine.boxes().stay_close();
        let frame = match link.receive() {
            Ok(Some(frame)) => frame,
            Ok(None) => end(machine, 0),
            Err(Errno::EINTR) => match interrupt::pending() {
                // Meant for whatever else the terminal runs.
                Some(Signal::SIGINT) | None => {
                    interrupt::clear();
                    continue;
                }
                Some(signal) => end(machine, 128 + signal as i32),
            },
            Err(_) => end(machine, ends::SPEECHLESS),
        };
        let (number, request) = (frame["id"].as_u64().unwrap_or_default(), &frame["request"]);
        match request["op"].as_str() {
            Some("end") => end(machine, 0),
            Some("fork") => fork_off(machine, &mut link, number, request),
            _ => {
                let answer = machine.request(request);
                reply(machine, &link, number, answer);
            }
        }
    }
}

fn reply(machine: &Machine, link: &Link, number: u64, answer: Answer) {
    let mut frame = match answer {
        Answer::Said(said) => json!({ "said": said }),
        Answer::Interrupted => json!({ "interrupted": true }),
        Answer::Failed(reason) => json!({ "failed": reason }),
        Answer::Turned(Turn::Ran(ran)) => json!({ "ran": ran_words(&ran) }),
        Answer::Turned(Turn::Moved(_)) => json!({ "failed": "a box does not move on" }),
        Answer::Ending(status) => end(machine, status),
    };
    if frame["said"].is_null() {
        frame["number"] = json!(machine.over());
    }
    frame["id"] = json!(number);
    if link.send_frame(&frame, &[]).is_err() {
        end(machine, ends::SPEECHLESS);
    }
}

/// Makes a copy of this box, which is the front end's child as well, and hands over the line to it.
fn fork_off(machine: &Machine, link: &mut Link, number: u64, request: &Json) {
    let name = request["name"].as_str().unwrap_or("box").to_owned();
    let host = machine.host();
    if host.guard.ahead().contains(crate::kernel::Kinds::PID) {
        let reason = "this box's children start in another pid namespace than its own, and so would a copy: \
                      it would not be the same. Make the copy before unshare { \"pid\" }";
        return reply(machine, link, number, Answer::Failed(reason.to_owned()));
    }
    match machine.boxes().make(host, name, true) {
        Ok(Side::Inside) => {
            if let Some(own) = machine.boxes().take_link() {
                // The old line is the other box's alone.
                *link = Link::new(own);
            }
        }
        Ok(Side::Front(fresh)) => {
            let frame = json!({ "id": number, "said": { "pid": fresh.pid } });
            if link.send_frame(&frame, &[fresh.link.as_fd()]).is_err() {
                end(machine, ends::SPEECHLESS);
            }
        }
        Err(failure) => reply(machine, link, number, Answer::Failed(failure.to_string())),
    }
}

/// Closes what the box holds, and ends it.
fn end(machine: &Machine, status: i32) -> ! {
    machine.boxes().end_jobs();
    let status = machine.finish(status);
    machine.kernel().end();
    end_here(status)
}

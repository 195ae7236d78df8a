//! `netem`: a bad network on purpose, for whoever wants to know what a program makes of one.

use std::time::Duration;

use mlua::Value;

use super::{AT, HOST, LINK, device, guard};
use crate::kernel::network::{Netem, shape};
use crate::lua::args::{Args, Fields};
use crate::lua::error::{Outcome, Raise};
use crate::lua::table::{Primitive, Scope, example_with};
use crate::lua::types::{Param, Type, may, need};
use crate::sys::Errno;

const NETEM: &[Param] = &[
    may("delay", Type::Duration, "how long each packet is held back; at most an hour"),
    may("jitter", Type::Duration, "by how much the delay varies, to both sides"),
    may("loss", Type::Text, "how many packets are lost: \"5%\", \"0.1%\""),
    may("duplicate", Type::Text, "how many go out twice"),
    may("reorder", Type::Text, "how many go out at once, before those that the delay holds back"),
    may("corrupt", Type::Text, "in how many a bit is wrong"),
    may(
        "rate",
        Type::Either(&[Type::Integer(1, i64::MAX), Type::Text]),
        "bits in a second: a number, or \"1M\", \"1Mbit\" (1,000,000), \"1Mi\" (1,048,576)",
    ),
    may("limit", Type::Integer(1, u32::MAX as i64), "how many packets may wait; 1000"),
];

const ELSEWHERE: &[Param] = &[AT, HOST];

/// The primitives of this file.
pub const PRIMITIVES: &[Primitive] = &[Primitive {
    name: "netem",
    summary: "Delays, loses, duplicates, reorders, corrupts or slows down what leaves by a network device. Without settings the device is as before.",
    params: &[
        need("link", LINK, "the device"),
        may("settings", Type::Options(NETEM), "all of them: a call replaces what an earlier one has set"),
        may("options", Type::Options(ELSEWHERE), ""),
    ],
    returns: "nothing",
    syscalls: &["execve(2)"],
    shell: "= tc qdisc replace dev LINK root netem …",
    needs: "the program tc; CAP_NET_ADMIN over the network namespace; sch_netem in the kernel",
    scope: Scope::Object,
    reversible: true,
    examples: &[example_with(
        &["root", "program:tc", "qdisc:netem"],
        "local box <close> = spawn({ unshare = { \"net\" } }, function()\n  loopback_up()\n  netem(\"lo\", { delay = \"20ms\", jitter = \"5ms\", loss = \"1%\", rate = \"10M\" })\n  netem(\"lo\")\nend)\nassert(box:wait().code == 0)",
    )],
    see: &["link_set", "veth", "tc-netem(8)"],
    function: netem,
}];

fn netem(args: &Args) -> Outcome {
    let host = args.host;
    let options = args.options("options")?;
    let settings = settings(&args.options("settings")?)?;
    let device = device(host, args, "link", &options)?;
    guard(host, device.place.as_ref(), device.handle.is_some(), &options, &format!("shaping the device {}", device.name))?;
    let removes = settings.is_none();
    match host.run(shape(device.place, device.name, settings)) {
        // There is none to be removed; a missing program says something else.
        Err(Raise::Kernel(failure))
            if removes && failure.errno == Errno::ENOENT && failure.hint.as_ref().is_some_and(|hint| hint.starts_with("tc says")) =>
        {
            Ok(Value::Nil)
        }
        other => other.map(|_| Value::Nil),
    }
}

/// What was asked for; none where that is nothing.
fn settings(fields: &Fields) -> Outcome<Option<Netem>> {
    let settings = Netem {
        delay: time(fields, "delay")?,
        jitter: time(fields, "jitter")?,
        loss: share(fields, "loss")?,
        duplicate: share(fields, "duplicate")?,
        reorder: share(fields, "reorder")?,
        corrupt: share(fields, "corrupt")?,
        rate: rate(fields)?,
        limit: fields.integer("limit")?,
    };
    if settings.delay.is_none() && (settings.jitter.is_some() || settings.reorder.is_some()) {
        return Err(Raise::argument("settings: jitter and reorder need a delay: packets that are not held back cannot change places"));
    }
    Ok(Some(settings).filter(|settings| *settings != Netem::default()))
}

fn time(fields: &Fields, name: &str) -> Outcome<Option<Duration>> {
    match fields.duration(name) {
        Some(time) if time > Duration::from_hours(1) => Err(Raise::argument(format!("settings.{name}: an hour is the most"))),
        time => Ok(time),
    }
}

/// A share of packets, in the words it was given in.
fn share(fields: &Fields, name: &str) -> Outcome<Option<String>> {
    let Some(text) = fields.text(name) else { return Ok(None) };
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = text.strip_suffix('%').filter(|digits| plain(digits)).and_then(|digits| digits.parse::<f64>().ok());
    match number {
        Some(number) if number <= 100.0 => Ok(Some(text)),
        _ => Err(Raise::argument(format!("settings.{name}: expected a share from \"0%\" to \"100%\", such as \"0.5%\", got {text:?}"))),
    }
}

/// Bits in a second. A network's thousands are decimal, as tc has them.
fn rate(fields: &Fields) -> Outcome<Option<u64>> {
    let Some(text) = fields.text("rate") else { return fields.integer("rate") };
    let (digits, suffix) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let suffix = suffix.to_ascii_lowercase();
    let unit: Option<u64> = match suffix.strip_suffix("bit").unwrap_or(&suffix) {
        "" => Some(1),
        "k" => Some(1000),
        "m" => Some(1_000_000),
        "g" => Some(1_000_000_000),
        "t" => Some(1_000_000_000_000),
        "ki" => Some(1 << 10),
        "mi" => Some(1 << 20),
        "gi" => Some(1 << 30),
        "ti" => Some(1 << 40),
        _ => None,
    };
    let rate = unit.zip(digits.parse::<u64>().ok()).and_then(|(unit, number)| number.checked_mul(unit)).filter(|rate| *rate > 0);
    rate.map(Some)
        .ok_or_else(|| Raise::argument(format!("settings.rate: expected bits in a second such as \"1M\" or \"512kbit\", got {text:?}")))
}

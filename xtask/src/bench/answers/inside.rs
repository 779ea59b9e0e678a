//! The gateway within one process, by the program that calls it and what is behind it
//! (`xtask/peers/answers`).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Held, Part};
use crate::{
    bench::{
        Settings, figures,
        measure::{Latencies, Rounds, median_of},
        rig::{Database, LOAD, Rig, peers},
    },
    table::Table,
};

/// The token of those who ask.
const READER: &str = "reader";

/// Where a call begins, as the program names it and as the table does.
const WAYS: [(&str, &str); 3] = [
    ("direct", "the use case"),
    ("gateway", "through the gateway"),
    ("name", "by the action's name"),
];
/// Questions, in the same way.
const READS: [(&str, &str); 3] = [
    ("types", "event types, from memory"),
    ("event", "one event by its id"),
    ("search", "100 newest of a service and type"),
];

/// Builds the program.
pub(super) fn build(settings: &Settings) -> Result<PathBuf> {
    let [program] = peers(settings, ["bench-answers"])?;
    Ok(program)
}

/// What it printed, as JSON.
fn run(
    rig: &Rig,
    program: &Path,
    database: &Database<'_>,
    token: &str,
    arguments: &[&str],
) -> Result<Vec<Value>> {
    let printed = rig.read(program, |command| {
        command.args(arguments);
        command.args(["--database-url", &database.url(), "--token-file"]);
        command.arg(rig.token_file(token));
    })?;
    let lines = printed.lines().map(serde_json::from_str);
    lines
        .collect::<Result<_, _>>()
        .context("the program told no JSON")
}

/// What one way took, over all its turns of a round.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Turns {
    events: f64,
    seconds: f64,
    cpu_s: f64,
}

impl Turns {
    fn rate(&self) -> f64 {
        self.events / self.seconds
    }

    fn cpu_per_event_s(&self) -> f64 {
        self.cpu_s / self.events
    }
}

fn turns(lines: &[Value]) -> Result<BTreeMap<&'static str, Turns>> {
    let mut ways: BTreeMap<_, Turns> = BTreeMap::new();
    for (way, _) in WAYS {
        let of_it: Vec<&Value> = lines.iter().filter(|line| line["way"] == way).collect();
        ensure!(!of_it.is_empty(), "nothing was told of `{way}`");
        let sum = |name: &str| of_it.iter().filter_map(|line| line[name].as_f64()).sum();
        let turns = Turns {
            events: sum("events"),
            seconds: sum("seconds"),
            cpu_s: sum("cpu_s"),
        };
        ways.insert(way, turns);
    }
    Ok(ways)
}

/// Single events, with and without the gateway.
pub(super) fn ingest(
    rig: &Rig,
    program: &Path,
    rounds: Rounds,
    settings: &Settings,
) -> Result<Part> {
    let (turns_of_each, events) = if settings.quick { (2, 500) } else { (12, 4000) };
    let [times, number] = [turns_of_each, events].map(|figure| figure.to_string());
    let mut found = Vec::new();
    for round in 0..rounds.count() {
        let database = rig.database()?;
        let arguments = ["ingest", "--turns", &times, "--events", &number];
        let lines = run(rig, program, &database, LOAD, &arguments)?;
        found.push(turns(&lines)?);
        eprintln!("{:>2} ingest", round + 1);
    }
    let median = |way: &str, figure: fn(&Turns) -> f64| median_of(&found, |one| figure(&one[way]));
    let ratio = |way: &str| median_of(&found, |one| one[way].rate() / one["direct"].rate());
    let mut table = Table::new(["", "rate", "CPU of the process, an event"]);
    for (way, title) in WAYS {
        table.row([
            title.into(),
            figures::rate(median(way, Turns::rate)),
            figures::time(median(way, Turns::cpu_per_event_s)),
        ]);
    }
    let held = |way: &str, what: &str| {
        let name = format!("single events {what} / to the use case");
        Held::new(name, figures::ratio(ratio(way)), "at least 0.97")
    };
    let how = format!(
        "Ingest: 64 senders in one process, each with one event at a time, without HTTP; JSON comes in and \
         goes out either way. Each way has {turns_of_each} turns of {events} events a round, in an order \
         that changes, on one database that is new for the round. *The use case* takes the event in \
         directly; *through the gateway* the token is checked for each, as on `POST /v1/events`; *by the \
         action's name* it comes in an envelope as on `POST /v1/actions`, and its answer goes out with \
         coverage."
    );
    Ok(Part {
        how,
        tables: vec![("Single events:".into(), table)],
        held: vec![
            held("gateway", "through the gateway"),
            held("name", "by the action's name"),
        ],
    })
}

/// How long each question took in one round, by question and way.
type Asked = BTreeMap<(&'static str, &'static str), Latencies>;

fn asked(lines: &[Value]) -> Result<Asked> {
    let mut all = Asked::new();
    for (read, _) in READS {
        let line = lines.iter().find(|line| line["read"] == read);
        let line = line.with_context(|| format!("nothing was told of `{read}`"))?;
        for (way, _) in WAYS {
            let times = line[format!("{way}_us")].as_array().into_iter().flatten();
            let times = times.filter_map(Value::as_f64);
            let times: Vec<_> = times.map(|us| Duration::from_secs_f64(us / 1e6)).collect();
            ensure!(!times.is_empty(), "no times of `{read}`, {way}");
            all.insert((read, way), Latencies::taken(times));
        }
    }
    Ok(all)
}

/// What a way takes more than the use case alone: the median, over the rounds, of the difference
/// between their percentiles in the same round.
fn added(found: &[Asked], read: &'static str, way: &'static str, percent: usize) -> f64 {
    median_of(found, |one| {
        let of = |way| one[&(read, way)].percentile_s(percent);
        of(way) - of("direct")
    })
}

/// Questions, with and without the gateway.
pub(super) fn reads(
    rig: &Rig,
    program: &Path,
    rounds: Rounds,
    settings: &Settings,
) -> Result<Part> {
    rig.token(READER, "events:read")?;
    let (events, times) = if settings.quick {
        (5_000, 200)
    } else {
        (100_000, 3_000)
    };
    let [stored, each] = [events, times].map(|figure: usize| figure.to_string());
    let mut found = Vec::new();
    for round in 0..rounds.count() {
        let database = rig.database()?;
        let arguments = ["read", "--events", &stored, "--times", &each];
        let lines = run(rig, program, &database, READER, &arguments)?;
        found.push(asked(&lines)?);
        eprintln!("{:>2} read", round + 1);
    }
    let mut table = Table::new([
        "",
        "use case p50",
        "p99",
        "gateway p50",
        "p99",
        "by name p50",
        "p99",
    ]);
    let mut held = Vec::new();
    for (read, title) in READS {
        let alone = |percent| {
            let alone = median_of(&found, |one| one[&(read, "direct")].percentile_s(percent));
            figures::time(alone)
        };
        let more = |way, percent| figures::more(added(&found, read, way, percent));
        table.row([
            title.into(),
            alone(50),
            alone(99),
            more("gateway", 50),
            more("gateway", 99),
            more("name", 50),
            more("name", 99),
        ]);
        let name = format!("a read, what the gateway adds at p99: {title}");
        held.push(Held::new(name, more("gateway", 99), "at most 50 us"));
    }
    let how = format!(
        "Reads: one question after another over {events} events, without HTTP, {times} times each way a \
         round, in an order that changes with each question. What the gateway adds, and what calling by \
         name adds (the input read from JSON, the answer made a tree of JSON), is the difference between \
         percentiles of the same round; where the store is asked, that of the slowest hundredth is as \
         uneven as the store's own."
    );
    let title = "Questions: the use case alone, and what is added to it:";
    Ok(Part {
        how,
        tables: vec![(title.into(), table)],
        held,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_turns_of_a_way_are_added_up() {
        let line = |way: &str, seconds: f64| json!({"way": way, "events": 100, "seconds": seconds, "cpu_s": 0.5});
        let lines = [
            line("direct", 1.0),
            line("gateway", 1.0),
            line("name", 2.0),
            line("direct", 3.0),
        ];
        let ways = turns(&lines).expect("all ways");
        assert!((ways["direct"].rate() - 50.0).abs() < 1e-9);
        assert!((ways["direct"].cpu_per_event_s() - 0.005).abs() < 1e-9);
        assert!(turns(&lines[..2]).is_err());
    }

    #[test]
    fn what_is_added_is_a_difference_within_a_round() {
        let round = |direct: f64, gateway: f64| {
            let line = |read: &str| json!({"read": read, "direct_us": [direct], "gateway_us": [gateway], "name_us": [gateway]});
            asked(&READS.map(|(read, _)| line(read))).expect("all reads")
        };
        // The machine was ten times slower in the second round.
        let found = [
            round(100.0, 110.0),
            round(1000.0, 1100.0),
            round(90.0, 101.0),
        ];
        assert!((added(&found, "event", "gateway", 99) - 11e-6).abs() < 1e-9);
        assert!(asked(&[]).is_err());
    }
}

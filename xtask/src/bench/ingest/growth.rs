//! What a full table costs: the same load where little is stored and where much is, and what
//! readers meet there while events come in.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};

use super::{
    Part, Ratio, Readings, Rig, compare, part,
    probe::{self, Found},
};
use crate::{
    bench::{
        Outcome, Scenario, Settings, figures,
        measure::{Latencies, Rounds, median_of},
        rig::{self, Database, Pace, Post, Server},
    },
    table::Table,
};

/// The scenario.
pub(crate) struct Growth;

const SMALL_EVENTS: u64 = 100_000;
/// The databases: what small ones are made from, and the large one.
const SMALL_TEMPLATE: &str = "pts_small_bench";
const SMALL: &str = "pts_bench";
const LARGE: &str = "pts_large_bench";
/// The token of those who ask.
const READER: &str = "reader";
/// Readers ask for so long, in each round.
const READING: Duration = Duration::from_secs(15);
/// Events that readers follow in a round: none ever needs so many.
const PROBES: usize = 100_000;
/// Cycles of identities between two measurements on one database: none ever uses so many.
const CYCLES: u64 = 100_000;

const PARTS: &[Part] = &[
    part::server(
        "single-small",
        "single events, 64 connections, small",
        64,
        0,
    ),
    part::server(
        "single-large",
        "single events, 64 connections, large",
        64,
        0,
    ),
    part::server(
        "batch-small",
        "batches of 1,000, 4 connections, small",
        4,
        1000,
    ),
    part::server(
        "batch-large",
        "batches of 1,000, 4 connections, large",
        4,
        1000,
    ),
];

const RATIOS: &[Ratio] = &[
    super::ratio(
        "single, large / small",
        "single-large",
        "single-small",
        "0.85",
    ),
    super::ratio(
        "batches, large / small",
        "batch-large",
        "batch-small",
        "0.85",
    ),
];

impl Scenario for Growth {
    fn name(&self) -> &'static str {
        "ingest-growth"
    }

    fn about(&self) -> &'static str {
        "the same load at 100,000 and at 10,000,000 stored events, and readers beside it"
    }

    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome> {
        ensure!(
            settings.events > SMALL_EVENTS,
            "--events: more than {SMALL_EVENTS}"
        );
        let rig = Rig::start(settings, None)?;
        rig.token(READER, "events:read")?;
        let small = rig.database_named(SMALL_TEMPLATE)?;
        small.fill(&rig, SMALL_EVENTS)?;
        eprintln!("filling a table with {} events ...", settings.events);
        let large = rig.database_named(LARGE)?;
        large.fill(&rig, settings.events)?;

        let mut growth = Run {
            rig: &rig,
            large: &large,
            readings: Readings::default(),
            next_cycle: settings.events.next_multiple_of(1_000_000) + CYCLES,
        };
        let mut found = Vec::new();
        for round in 0..rounds.count() {
            for nth in 0..PARTS.len() {
                let nth = if round % 2 == 0 {
                    nth
                } else {
                    PARTS.len() - 1 - nth
                };
                growth.part(&PARTS[nth])?;
            }
            found.push(growth.readers(settings, round)?);
        }
        let parts: Vec<&Part> = PARTS.iter().collect();
        let how = how(&rig, settings, rounds, &large)?;
        Ok(Outcome {
            how,
            table: growth.readings.table(&parts),
            more: vec![
                (
                    "What each event costs:".into(),
                    growth.readings.costs(&parts),
                ),
                ("In comparison:".into(), compare(&growth.readings, RATIOS)),
                (
                    "Readers of the large table while single events come in at half of its rate:"
                        .into(),
                    readers(&found),
                ),
            ],
        })
    }
}

struct Run<'a> {
    rig: &'a Rig,
    large: &'a Database<'a>,
    readings: Readings,
    next_cycle: u64,
}

impl Run<'_> {
    /// Identities that were not used before in the large table.
    fn cycle(&mut self) -> u64 {
        self.next_cycle += CYCLES;
        self.next_cycle
    }

    fn part(&mut self, part: &'static Part) -> Result<()> {
        let more = [format!("--first-cycle={}", self.cycle())];
        let reading = if part.name.ends_with("large") {
            self.rig.cluster.psql("postgres", "CHECKPOINT")?;
            part.measure_on(self.rig, self.large, &more)
        } else {
            let small = self
                .rig
                .database_from(SMALL, SMALL_TEMPLATE, SMALL_EVENTS)?;
            part.measure_on(self.rig, &small, &more)
        };
        let reading = reading.with_context(|| part.name.to_owned())?;
        eprintln!("   {:<16} {}", part.name, reading.line());
        self.readings.keep(part.name, Some(reading));
        Ok(())
    }

    /// What readers meet at half of the rate that the table was found to take.
    fn readers(&mut self, settings: &Settings, round: usize) -> Result<Found> {
        let full = self.readings.median("single-large", |one| Some(one.rate()));
        let half = full.context("no rate was measured")? / 2.0;
        let cycle = self.cycle();
        let first = round * PROBES;
        let server = Server::start(self.rig, self.large)?;
        let lasts = if settings.quick { READING / 5 } else { READING };
        let warm = Duration::from_secs(1);
        let post = Post {
            more: vec![format!("--rate={half}"), format!("--first-cycle={cycle}")],
            pace: Pace {
                warm,
                window: lasts,
            },
            ..Post::new(self.rig, &server, 64)
        };
        let load = post.start(self.rig)?;
        std::thread::sleep(warm);
        let token = |name: &str| fs::read_to_string(self.rig.token_file(name));
        let asked = {
            let tokens = (token(READER)?, token(rig::LOAD)?);
            probe::run(&server.address, (&tokens.0, &tokens.1), lasts, first)
        };
        let told = rig::finish(load)?;
        told.clean()?;
        let found = asked.with_context(|| format!("the server said: {}", server.said()))?;
        server.stop();
        self.large.holds_more(told.acknowledged + found.events())?;
        eprintln!(
            "   readers at {:<9} search p99 {}, seen p99 {}",
            figures::rate(told.window()?.rate()),
            figures::time(found.searches.percentile_s(99)),
            figures::time(found.seen.percentile_s(99)),
        );
        Ok(found)
    }
}

fn readers(found: &[Found]) -> Table {
    let mut table = Table::new(["", "p50", "p99"]);
    let mut row = |name: &str, of: fn(&Found) -> &Latencies| {
        let median = |percent| median_of(found, |one| of(one).percentile_s(percent));
        let [p50, p99] = [50, 99].map(|percent| figures::time(median(percent)));
        table.row([name.into(), p50, p99]);
    };
    row(
        "search, 100 newest of a service, of a service and type, or of a family",
        |one| &one.searches,
    );
    row("live stream, from sending an event to seeing it", |one| {
        &one.seen
    });
    row("that event's acknowledgement", |one| &one.acknowledged);
    table
}

fn how(rig: &Rig, settings: &Settings, rounds: Rounds, large: &Database<'_>) -> Result<String> {
    let size = large.psql(
        "SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) \
         FROM pg_partition_tree('platform.events')",
    )?;
    Ok(format!(
        "As `ingest`, on a table with {SMALL_EVENTS} events (made anew for each measurement) and on \
         one with {} at first ({} with its indexes at the end), filled by COPY. {} s without \
         counting, then {} s; medians of {} rounds. `ready in` is a start on that table.",
        settings.events,
        size.trim(),
        rig.pace.warm.as_secs_f64(),
        rig.pace.window.as_secs_f64(),
        rounds.count(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compared_is_measured() {
        for ratio in RATIOS {
            for name in [ratio.subject, ratio.peer] {
                assert!(PARTS.iter().any(|part| part.name == name), "{name}");
            }
        }
    }

    #[test]
    fn readers_times_are_medians_of_the_rounds() {
        let of =
            |ms: &[u64]| Latencies::taken(ms.iter().map(|&ms| Duration::from_millis(ms)).collect());
        let found = |ms: u64| Found {
            searches: of(&[ms]),
            acknowledged: of(&[1]),
            seen: of(&[2]),
        };
        let table = readers(&[found(3), found(900), found(4)]).markdown();
        assert!(table.contains("| 4.00 ms | 4.00 ms |"), "{table}");
    }
}

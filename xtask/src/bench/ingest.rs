//! What the ingest engine does, against what the same machine can do: PostgreSQL fed without any
//! service, a service that keeps nothing, commits one by one, and what one would write instead. All
//! on one PostgreSQL, each measurement on a database of its own, in turns.

mod fairness;
mod growth;
mod part;
mod probe;
mod reading;
mod slow_flush;
mod soak;

use anyhow::{Context, Result, bail};

use super::{Outcome, Scenario, Settings, figures, measure::Rounds, rig::Rig};
use crate::table::Table;
use part::{PARTS, Part};
use reading::{Reading, Readings};
pub(crate) use {fairness::Fairness, growth::Growth, slow_flush::SlowFlush, soak::Soak};

/// The scenario.
pub(crate) struct Ingest;

/// What a figure is held against: its name, the subject's part, the peer's, what is compared, and
/// what it should be.
struct Ratio {
    name: &'static str,
    subject: &'static str,
    peer: &'static str,
    figure: fn(&Reading) -> f64,
    wanted: &'static str,
}

const RATIOS: &[Ratio] = &[
    ratio("batches on 2 / COPY on two", "batch2", "copy2", "0.85"),
    ratio("batches on 4 / COPY on two", "batch4", "copy2", "0.85"),
    ratio("single at 64 / parse-only", "single64", "parse64", "0.45"),
    ratio(
        "single at 256 / parse-only",
        "single256",
        "parse256",
        "0.50",
    ),
    ratio("single at 1 / pgbench at 1", "single1", "pgbench1", "0.65"),
    ratio("single at 64 / pgbench at 64", "single64", "pgbench64", ""),
    ratio("single at 64 / FastAPI", "single64", "fastapi64", "30"),
    ratio("batches on 4 / FastAPI", "batch4", "fastapi-batch4", ""),
    Ratio {
        name: "memory / FastAPI",
        subject: "single64",
        peer: "fastapi64",
        figure: Reading::fair_memory_kib,
        wanted: "below 0.20",
    },
];

const fn ratio(
    name: &'static str,
    subject: &'static str,
    peer: &'static str,
    wanted: &'static str,
) -> Ratio {
    Ratio {
        name,
        subject,
        peer,
        figure: Reading::rate,
        wanted,
    }
}

impl Scenario for Ingest {
    fn name(&self) -> &'static str {
        "ingest"
    }

    fn about(&self) -> &'static str {
        "batches and single events, against COPY, parse-only, pgbench and FastAPI"
    }

    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome> {
        let rig = Rig::start(settings, None)?;
        measure(&rig, PARTS, RATIOS, rounds, settings)
    }
}

/// Measures what is asked for of the parts.
fn measure(
    rig: &Rig,
    parts: &'static [Part],
    ratios: &[Ratio],
    rounds: Rounds,
    settings: &Settings,
) -> Result<Outcome> {
    let parts = chosen(parts, &settings.only)?;
    let readings = take_turns(rig, &parts, rounds)?;
    let mut more = vec![("What each event costs:".into(), readings.costs(&parts))];
    let comparison = compare(&readings, ratios);
    if !comparison.is_empty() {
        more.push(("In comparison:".into(), comparison));
    }
    Ok(Outcome {
        how: how(rig, rounds),
        table: readings.table(&parts),
        more,
    })
}

/// The parts that are asked for: by name, or all whose names begin so.
fn chosen(parts: &'static [Part], only: &[String]) -> Result<Vec<&'static Part>> {
    let fits = |part: &Part, word: &String| {
        if parts.iter().any(|part| part.name == word) {
            part.name == word
        } else {
            part.name.starts_with(word.as_str())
        }
    };
    if let Some(word) = only
        .iter()
        .find(|word| !parts.iter().any(|part| fits(part, word)))
    {
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        bail!("no part is called `{word}`; there are {}", names.join(" "));
    }
    let wanted = |part: &&Part| only.is_empty() || only.iter().any(|word| fits(part, word));
    Ok(parts.iter().filter(wanted).collect())
}

/// Measures every part in every round, there and back again.
fn take_turns(rig: &Rig, parts: &[&'static Part], rounds: Rounds) -> Result<Readings> {
    let mut readings = Readings::default();
    for round in 0..rounds.count() {
        let mut order: Vec<_> = parts.to_vec();
        if round % 2 == 1 {
            order.reverse();
        }
        for part in order {
            let reading = part.measure(rig).with_context(|| part.name.to_owned())?;
            match &reading {
                Some(reading) => eprintln!("{:>2} {:<16} {}", round + 1, part.name, reading.line()),
                None => eprintln!("{:>2} {:<16} not on this machine", round + 1, part.name),
            }
            readings.keep(part.name, reading);
        }
    }
    Ok(readings)
}

/// The medians of what was found in the same round.
fn compare(readings: &Readings, ratios: &[Ratio]) -> Table {
    let mut table = Table::new(["", "found", "wanted"]);
    for ratio in ratios {
        if let Some(found) = readings.ratio(ratio.subject, ratio.peer, ratio.figure) {
            table.row([
                ratio.name.into(),
                figures::ratio(found),
                ratio.wanted.into(),
            ]);
        }
    }
    table
}

fn how(rig: &Rig, rounds: Rounds) -> String {
    format!(
        "One PostgreSQL, set as the server's own, on the disk of the target directory, flushing; \
         for each measurement a database made from the same template, with all tables and indexes. \
         Events of about 350 bytes: 30 % heartbeats of 1000 instances, 10 % deployments, 10 % \
         states, settings and measurements, 50 % of types of others with eight fields; each with \
         an id of its own, which is why events and stored rows are counted and compared after \
         each measurement. {} s without counting, then {} s; medians of {} rounds that take turns. \
         The load, the subject and PostgreSQL share the machine.",
        rig.pace.warm.as_secs_f64(),
        rig.pace.window.as_secs_f64(),
        rounds.count(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str]) -> Result<Vec<&'static str>> {
        let only: Vec<String> = only.iter().map(|&word| word.to_owned()).collect();
        Ok(chosen(PARTS, &only)?.iter().map(|part| part.name).collect())
    }

    #[test]
    fn parts_are_chosen_by_name_or_by_its_beginning() {
        assert_eq!(names(&[]).expect("all").len(), PARTS.len());
        assert_eq!(names(&["single1"]).expect("one"), ["single1"]);
        assert_eq!(
            names(&["batch", "single64"]).expect("three"),
            ["batch2", "batch4", "single64"]
        );
        let error = names(&["singel"]).expect_err("no such part");
        assert!(error.to_string().contains("single64"), "{error}");
    }

    #[test]
    fn what_is_compared_is_measured() {
        for ratio in RATIOS {
            for name in [ratio.subject, ratio.peer] {
                assert!(PARTS.iter().any(|part| part.name == name), "{name}");
            }
        }
    }
}

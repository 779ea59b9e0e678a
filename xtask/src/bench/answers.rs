//! What answers cost: the one door and the contract against the use cases behind them, a search
//! through everything against its bare statement, and exports, with the memory that they take.

mod export;
mod inside;

use anyhow::Result;

use super::{Outcome, Scenario, Settings, figures, measure::Rounds, rig::Rig, search::Log};
use crate::table::Table;

/// The scenario.
pub(crate) struct Answers;

impl Scenario for Answers {
    fn name(&self) -> &'static str {
        "answers"
    }

    fn about(&self) -> &'static str {
        "what the gateway and the contract add, a search against its statement, exports \
         (--only ingest,read,search,export)"
    }

    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome> {
        let mut found = Found::default();
        if settings.wants("ingest") || settings.wants("read") {
            let rig = Rig::start(settings, None)?;
            let program = inside::build(settings)?;
            if settings.wants("ingest") {
                found.add(inside::ingest(&rig, &program, rounds, settings)?);
            }
            if settings.wants("read") {
                found.add(inside::reads(&rig, &program, rounds, settings)?);
            }
        }
        if settings.wants("search") || settings.wants("export") {
            let mut log = Log::fill(settings)?;
            if settings.wants("search") {
                found.add(search(&mut log, rounds)?);
            }
            if settings.wants("export") {
                found.add(export::measure(&log, rounds)?);
            }
        }
        Ok(found.outcome(rounds))
    }
}

/// What a part of the scenario gave.
struct Part {
    /// How it was measured.
    how: String,
    tables: Vec<(String, Table)>,
    /// What was found, and what is wanted.
    held: Vec<Held>,
}

/// A figure beside what it should be.
struct Held {
    name: String,
    found: String,
    wanted: &'static str,
}

impl Held {
    fn new(name: impl Into<String>, found: String, wanted: &'static str) -> Self {
        Self {
            name: name.into(),
            found,
            wanted,
        }
    }
}

#[derive(Default)]
struct Found {
    how: Vec<String>,
    tables: Vec<(String, Table)>,
    held: Vec<Held>,
}

impl Found {
    fn add(&mut self, part: Part) {
        self.how.push(part.how);
        self.tables.extend(part.tables);
        self.held.extend(part.held);
    }

    fn outcome(self, rounds: Rounds) -> Outcome {
        let mut table = Table::new(["", "found", "wanted"]);
        for Held {
            name,
            found,
            wanted,
        } in self.held
        {
            table.row([name, found, wanted.to_owned()]);
        }
        let medians = format!("Medians of {} rounds that take turns.", rounds.count());
        Outcome {
            how: [vec![medians], self.how].concat().join("\n\n"),
            table,
            more: self.tables,
        }
    }
}

fn search(log: &mut Log, rounds: Rounds) -> Result<Part> {
    let compared = log.compare(rounds)?;
    let ratio = figures::ratio(compared.p99);
    let name = "a search through everything / its bare statement, p99";
    Ok(Part {
        how: format!("Search: {}", compared.outcome.how),
        tables: vec![("Search:".to_owned(), compared.outcome.table)],
        held: vec![Held::new(name, ratio, "at most 2")],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_stands_beside_what_is_wanted() {
        let mut found = Found::default();
        found.add(Part {
            how: "Once.".into(),
            tables: vec![("All of it:".into(), Table::new(["", "p50"]))],
            held: vec![Held::new("speed", figures::rate(120_000.0), "much")],
        });
        let outcome = found.outcome(Rounds::few(1));
        assert!(outcome.how.ends_with("Once."), "{}", outcome.how);
        assert!(
            outcome
                .table
                .markdown()
                .contains("| speed | 120 k/s | much |")
        );
        assert_eq!(outcome.more.len(), 1);
    }
}

//! `cargo xtask bench`: figures that can be had again. A scenario measures its subject and a peer
//! in turns in the same run, so that what another machine (or a busy one) changes is changed for
//! both; the median of several rounds and the ratio go into docs/benchmarks.md.
//!
//! A new scenario is a file in `bench/` and a line in [`SCENARIOS`].

mod answers;
mod client;
mod disk;
mod figures;
mod ingest;
mod machine;
mod measure;
mod page;
mod rig;
mod search;

use std::{fs, io, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::{repo, run, table::Table};
use measure::Rounds;

/// Where the figures are kept, from the repository's root.
const PAGE: &str = "docs/benchmarks.md";

/// Measure a scenario against a peer.
#[derive(Debug, clap::Args)]
pub(crate) struct Bench {
    /// The scenario, or `list` for those there are
    name: String,

    /// How often the subject and its peers take turns [default: 5, with --quick 1]
    #[arg(long)]
    rounds: Option<usize>,

    /// Print the figures and leave docs/benchmarks.md as it is
    #[arg(long)]
    print: bool,

    #[command(flatten)]
    settings: Settings,
}

/// What a scenario may be told; those that have no use for it leave it be.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Settings {
    /// Short rounds, and as few as you like: for development. Nothing is written
    #[arg(long)]
    quick: bool,

    /// With --quick: programs without optimisations, to try a scenario out
    #[arg(long, requires = "quick")]
    debug: bool,

    /// Only these parts, by name or beginning of a name, such as single64,batch. Nothing is written
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,

    /// The server's program, to compare builds; without it a release build is made
    #[arg(long)]
    server: Option<PathBuf>,

    /// How long the soak lasts
    #[arg(long, default_value_t = 10)]
    minutes: u64,

    /// Stored events of the larger table
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,
}

impl Settings {
    /// The server's program, built where none is named.
    fn server(&self) -> Result<PathBuf> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => run::build(!self.debug)?,
        };
        fs::canonicalize(&server).with_context(|| server.display().to_string())
    }

    /// Whether a part is wanted.
    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|word| part.starts_with(word.as_str()))
    }
}

/// Something that can be measured.
trait Scenario {
    /// As it is named on the command line and in the page's markers.
    fn name(&self) -> &'static str;
    /// One line for `bench list`.
    fn about(&self) -> &'static str;
    /// Takes the measurements.
    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome>;
}

/// What a scenario found.
struct Outcome {
    /// How it was measured, so that a reader can do it again.
    how: String,
    table: Table,
    /// What else there is to see, each under a line of its own.
    more: Vec<(String, Table)>,
}

impl Outcome {
    /// The tables one after another, each set by `show`.
    fn tables(&self, show: impl Fn(&Table) -> String) -> String {
        let more = self.more.iter();
        let more = more.map(|(title, table)| format!("\n{title}\n\n{}", show(table)));
        std::iter::once(show(&self.table)).chain(more).collect()
    }
}

const SCENARIOS: &[&dyn Scenario] = &[
    &disk::Disk,
    &search::Search,
    &answers::Answers,
    &ingest::Ingest,
    &ingest::SlowFlush,
    &ingest::Growth,
    &ingest::Soak,
    &ingest::Fairness,
];

/// Lists the scenarios, or runs one.
pub(crate) fn run(task: &Bench) -> Result<()> {
    if task.name == "list" {
        print!("{}", list());
        return Ok(());
    }
    let Some(scenario) = SCENARIOS
        .iter()
        .find(|scenario| scenario.name() == task.name)
    else {
        bail!(
            "no scenario is called `{}`; there are:\n{}",
            task.name,
            list()
        );
    };
    let settings = &task.settings;
    let rounds = match task.rounds {
        rounds if settings.quick => Rounds::few(rounds.unwrap_or(1)),
        rounds => Rounds::new(rounds.unwrap_or(Rounds::FEWEST))?,
    };
    let outcome = scenario.run(rounds, settings)?;
    let machine = machine::describe();
    println!(
        "{}\n{machine}\n\n{}",
        outcome.how,
        outcome.tables(Table::plain)
    );
    if settings.quick || !settings.only.is_empty() {
        println!("{PAGE} stays as it is: this was not the whole of it");
    } else if !task.print {
        write(
            scenario.name(),
            &format!(
                "{}\n\n{machine}\n\n{}",
                outcome.how,
                outcome.tables(Table::markdown)
            ),
        )?;
    }
    Ok(())
}

fn list() -> String {
    let line = |scenario: &&dyn Scenario| format!("{:<20}{}\n", scenario.name(), scenario.about());
    SCENARIOS.iter().map(line).collect()
}

fn write(name: &str, body: &str) -> Result<()> {
    let path = repo::root().join(PAGE);
    let before = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => page::EMPTY.to_owned(),
        read => read.with_context(|| format!("cannot read {PAGE}"))?,
    };
    let after = page::replace(&before, name, body).with_context(|| PAGE.to_owned())?;
    fs::write(&path, after).with_context(|| format!("cannot write {PAGE}"))?;
    println!("{PAGE}: section {name} replaced");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_have_names_of_their_own() {
        let mut names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SCENARIOS.len());
        assert!(!names.contains(&"list"));
        for scenario in SCENARIOS {
            assert!(list().contains(scenario.about()));
        }
    }

    #[test]
    fn an_unknown_scenario_is_told_which_there_are() {
        let task = Bench {
            name: "sarch".into(),
            rounds: None,
            print: true,
            settings: Settings::default(),
        };
        let error = run(&task).expect_err("no such scenario");
        assert!(error.to_string().contains("disk"), "{error}");
    }
}

//! `cargo xtask faults`: writers keep a ledger of what was acknowledged while everything around
//! the service goes wrong, by a schedule that a seed decides. Afterwards nothing may be missing,
//! nothing twice, and everybody must have been told the truth. See docs/faults.md.

mod chance;
mod checks;
mod cluster;
mod ground;
mod http;
mod ledger;
mod machine;
mod pressure;
mod process;
mod schedule;
mod seed;
mod server;
mod strike;
mod tail;
mod traffic;
mod wire;
mod writer;

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::run;
use cluster::Cluster;
use ground::Ground;
use schedule::{Fault, Plan, Wishes};
use seed::{Outcome, Stage};

/// Let everything go wrong around the service, and look whether anything was lost.
#[derive(Debug, clap::Args)]
pub(crate) struct Faults {
    /// How many runs, each with a seed of its own
    #[arg(long, default_value_t = 10, conflicts_with = "seed")]
    seeds: u64,

    /// The first seed; with `--seeds`, those after it too
    #[arg(long, default_value_t = 1)]
    first: u64,

    /// Only the run of this seed
    #[arg(long)]
    seed: Option<u64>,

    /// How long faults follow each other in each run
    #[arg(long, default_value_t = 5, value_name = "S")]
    seconds: u64,

    /// Only these faults, separated by commas; `list` for those there are
    #[arg(long = "faults", value_delimiter = ',', value_name = "FAULT")]
    only: Vec<String>,

    /// Stop the database for 30 s at a time
    #[arg(long)]
    long: bool,

    /// The server to try; without it the debug build, which is brought up to date
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,

    /// How many runs go on at the same time; those with a pause go on alone
    #[arg(long, default_value_t = 2)]
    jobs: usize,

    /// Leave the databases and logs of the runs where they are
    #[arg(long)]
    keep: bool,
}

impl Faults {
    /// What a change must pass.
    fn of_ci() -> Self {
        Self {
            seeds: 10,
            first: 1,
            seed: None,
            seconds: 5,
            only: Vec::new(),
            long: false,
            server: None,
            jobs: 2,
            keep: false,
        }
    }

    fn seeds(&self) -> std::ops::Range<u64> {
        match self.seed {
            Some(seed) => seed..seed + 1,
            None => self.first..self.first + self.seeds,
        }
    }

    /// The same run again, as it is typed.
    fn again(&self, seed: u64) -> String {
        let mut words = vec![format!("cargo xtask faults --seed {seed} --keep")];
        if self.seconds != Self::of_ci().seconds {
            words.push(format!("--seconds {}", self.seconds));
        }
        if !self.only.is_empty() {
            words.push(format!("--faults {}", self.only.join(",")));
        }
        if self.long {
            words.push("--long".into());
        }
        if let Some(server) = &self.server {
            words.push(format!("--server {}", server.display()));
        }
        words.join(" ")
    }
}

/// Runs what a change must pass. A machine without PostgreSQL's programs (whose tests run in
/// containers) is told that nothing was tried; in CI that is a failure.
pub(crate) fn run_in_ci() -> Result<()> {
    if machine::programs().is_none() && std::env::var_os("CI").is_none() {
        println!("note: not run: PostgreSQL's programs (initdb, postgres, psql) are not here");
        return Ok(());
    }
    run(&Faults::of_ci())
}

/// Runs the seeds, and fails if anything is wrong in any of them.
pub(crate) fn run(task: &Faults) -> Result<()> {
    if task.only.iter().any(|name| name == "list") {
        for fault in Fault::ALL {
            println!("{:<12}  {}", fault.name(), fault.about());
        }
        return Ok(());
    }
    let asked: Vec<Fault> = if task.only.is_empty() {
        Fault::ALL.to_vec()
    } else {
        let named = task.only.iter().map(|name| name.parse());
        named
            .collect::<Result<_, String>>()
            .map_err(anyhow::Error::msg)?
    };
    let program = match &task.server {
        Some(program) => program
            .canonicalize()
            .with_context(|| format!("no {}", program.display()))?,
        None => run::build(false)?,
    };
    let directory = Directory::make(task.keep)?;
    let faketime = machine::faketime();
    let wishes = Wishes {
        takes: Duration::from_secs(task.seconds),
        faults: possible_here(asked, &directory.path, faketime.is_some())?,
        long: task.long,
    };
    let stage = Stage {
        program,
        template: Cluster::template(&directory.path.join("template"))?,
        directory: directory.path.clone(),
        faketime,
        keep: task.keep,
    };
    let began = Instant::now();
    let failed = run_all(task, &stage, &wishes);
    if task.keep {
        println!("kept: {}", directory.path.display());
    }
    let (seeds, time) = (task.seeds().count(), began.elapsed().as_secs_f64());
    println!("{seeds} seeds in {time:.0} s, {failed} failed");
    if failed > 0 {
        bail!("{failed} of {seeds} seeds failed");
    }
    Ok(())
}

/// Leaves out, and says so, what cannot be done here.
fn possible_here(mut faults: Vec<Fault>, directory: &Path, faketime: bool) -> Result<Vec<Fault>> {
    if faults.contains(&Fault::Disk)
        && let Err(error) = Ground::mount(&directory.join("mounted"), false)
    {
        println!("note: no full disks: nothing can be mounted here ({error:#})");
        faults.retain(|&fault| fault != Fault::Disk);
    }
    if faults.contains(&Fault::Clock) && !faketime {
        println!("note: no jumping clocks: libfaketime is not installed (package `faketime`)");
        faults.retain(|&fault| fault != Fault::Clock);
    }
    if faults.is_empty() {
        bail!("none of these faults can be had here");
    }
    Ok(faults)
}

/// Runs every seed, some at the same time; returns how many failed.
fn run_all(task: &Faults, stage: &Stage, wishes: &Wishes) -> u64 {
    let plans = task.seeds().map(|seed| Plan::new(seed, wishes));
    // A pause comes with a flood that takes the whole machine: how soon anybody else is ready again
    // would be its doing.
    let (floods, others): (Vec<_>, Vec<_>) = plans.partition(|plan| plan.has(Fault::Pause));
    run_these(task, stage, &others, task.jobs) + run_these(task, stage, &floods, 1)
}

/// Runs these, so many at the same time; returns how many failed.
fn run_these(task: &Faults, stage: &Stage, plans: &[Plan], jobs: usize) -> u64 {
    let (next, failed) = (AtomicUsize::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(plan) = plans.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = seed::run(stage, plan);
                    let (text, fine) = report(plan, outcome, &task.again(plan.seed));
                    println!("{text}");
                    failed.fetch_add(u64::from(!fine), Ordering::Relaxed);
                }
            });
        }
    });
    failed.into_inner()
}

/// What is printed of a run: a line, and after a failure all that helps to find out why.
fn report(plan: &Plan, outcome: Result<Outcome>, again: &str) -> (String, bool) {
    let faults: Vec<&str> = plan.steps.iter().map(|step| step.fault.name()).collect();
    let faults = faults.join(" ");
    let seed = plan.seed;
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            return (
                format!("seed {seed}: {faults}: NOT RUN: {error:#}\n  {again}"),
                false,
            );
        }
    };
    let fine = outcome.wrong.is_empty();
    let servers = if plan.servers == 1 {
        "1 server"
    } else {
        "2 servers"
    };
    let mut text = format!(
        "seed {seed}: {} in {:.0} s, {servers}, {} faults ({faults}): {} acknowledged, {} stored, \
         {} repeated, {} refused; ready {:.2} s after a server, {:.2} s after the database; {} MiB",
        if fine { "ok" } else { "FAILED" },
        outcome.took.as_secs_f64(),
        plan.steps.len(),
        outcome.acknowledged,
        outcome.stored,
        outcome.repeated,
        outcome.refused,
        outcome.recovery.server.as_secs_f64(),
        outcome.recovery.database.as_secs_f64(),
        outcome.memory >> 20,
    );
    if !fine {
        let wrong = ledger::shortened_to(outcome.wrong, 20);
        let lines = wrong
            .iter()
            .map(|line| format!("wrong: {line}"))
            .chain(outcome.story);
        for line in lines.chain([format!("again: {again}")]) {
            text.push_str("\n  ");
            text.push_str(&line);
        }
    }
    (text, fine)
}

/// Where everything of a run of this suite is.
struct Directory {
    path: PathBuf,
    keep: bool,
}

impl Directory {
    fn make(keep: bool) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("pts-faults-{}", std::process::id()));
        // The database's account must be able to pass through.
        fs::DirBuilder::new().mode(0o711).create(&path)?;
        Ok(Self { path, keep })
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed is in the system's place for what may be lost.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let wishes = Wishes {
            takes: Duration::from_secs(1),
            faults: vec![Fault::Server],
            long: false,
        };
        Plan::new(7, &wishes)
    }

    #[test]
    fn a_run_that_passed_is_one_line_and_one_that_failed_can_be_had_again() {
        let again = Faults {
            seconds: 60,
            only: vec!["server".into(), "disk".into()],
            ..Faults::of_ci()
        }
        .again(7);
        assert_eq!(
            again,
            "cargo xtask faults --seed 7 --keep --seconds 60 --faults server,disk"
        );
        let (text, fine) = report(&plan(), Ok(Outcome::default()), &again);
        assert!(fine && text.lines().count() == 1, "{text}");

        let outcome = Outcome {
            wrong: vec!["an event is missing".into()],
            story: vec!["0.5 s server".into()],
            ..Outcome::default()
        };
        let (text, fine) = report(&plan(), Ok(outcome), &again);
        assert!(!fine);
        for part in ["FAILED", "an event is missing", "0.5 s server", &again] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let (text, fine) = report(&plan(), Err(anyhow::anyhow!("no room")), &again);
        assert!(
            !fine && text.contains("no room") && text.contains(&again),
            "{text}"
        );
    }

    #[test]
    fn seeds_are_counted_from_the_first_or_named() {
        let mut faults = Faults::of_ci();
        assert_eq!(faults.seeds(), 1..11);
        faults.seed = Some(42);
        assert_eq!(faults.seeds(), 42..43);
    }
}

//! The same where a flush takes 2 ms: then it is the flushes that must be shared, and PostgreSQL
//! shares them among committers by itself.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use super::{Part, Ratio, Rig, measure, part, ratio};
use crate::{
    bench::{Outcome, Scenario, Settings, measure::Rounds},
    command, repo,
};

/// The scenario.
pub(crate) struct SlowFlush;

const PARTS: &[Part] = &[
    part::server("single1", "single events, 1 connection", 1, 0),
    part::server("single64", "single events, 64 connections", 64, 0),
    part::server("single256", "single events, 256 connections", 256, 0),
    part::pgbench_at("pgbench1", "pgbench, 1 row a commit, 1 client", 1),
    part::pgbench_at("pgbench64", "pgbench, 1 row a commit, 64 clients", 64),
    part::pgbench_at("pgbench256", "pgbench, 1 row a commit, 256 clients", 256),
];

const RATIOS: &[Ratio] = &[
    ratio("single at 1 / pgbench at 1", "single1", "pgbench1", ""),
    ratio(
        "single at 64 / pgbench at 64",
        "single64",
        "pgbench64",
        "1.20",
    ),
    ratio(
        "single at 256 / pgbench at 256",
        "single256",
        "pgbench256",
        "",
    ),
];

impl Scenario for SlowFlush {
    fn name(&self) -> &'static str {
        "ingest-slow-flush"
    }

    fn about(&self) -> &'static str {
        "single events where each flush takes 2 ms more, against as many pgbench clients"
    }

    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome> {
        let rig = Rig::start(settings, Some(library()?))?;
        let mut outcome = measure(&rig, PARTS, RATIOS, rounds, settings)?;
        outcome.how += " Every flush of PostgreSQL's, and of the column that tells how long one \
                        takes, is delayed by 2 ms (`xtask/peers/slow-flush`).";
        Ok(outcome)
    }
}

/// Compiles what delays the flushes.
fn library() -> Result<PathBuf> {
    let source = repo::root().join("xtask/peers/slow-flush/slow_flush.c");
    let directory = repo::target_directory()?.join("bench");
    std::fs::create_dir_all(&directory)?;
    let library = directory.join("slow_flush.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]);
    command::read(compiler.arg(&library).arg(source).arg("-ldl"))?;
    Ok(library)
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
}

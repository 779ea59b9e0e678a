//! Another program's load: run, and what it cost told as of every other.

use std::{process::Command, time::Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::watch::{self, Watched};

/// Run a program and tell what it cost.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Processes whose costs are told too, as NAME=PID
    #[arg(long)]
    watch: Vec<Watched>,

    /// The program and its arguments
    #[arg(last = true, required = true)]
    program: Vec<String>,
}

/// Runs it; its output goes where this one's goes.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let (program, arguments) = plan.program.split_first().context("no program")?;
    let before = watch::usage(&plan.watch);
    let began = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    let seconds = began.elapsed().as_secs_f64();
    ensure!(status.success(), "{program} failed");
    let after = watch::usage(&plan.watch);
    let cpu: serde_json::Map<_, _> = after
        .iter()
        .map(|(name, one)| (name.clone(), json!(one.cpu_s - before[name].cpu_s)))
        .collect();
    println!("{}", json!({ "seconds": seconds, "cpu_s": cpu }));
    Ok(())
}

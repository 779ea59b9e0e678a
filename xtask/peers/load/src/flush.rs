//! How long the disk takes to keep something. Every figure about durable events is read beside it.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::json;

use crate::report;

/// Append and flush.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// Where the file is made
    #[arg(long)]
    directory: PathBuf,

    /// How often
    #[arg(long, default_value_t = 200)]
    times: usize,

    /// Bytes of each append
    #[arg(long, default_value_t = 1024)]
    bytes: usize,
}

/// Measures and prints.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let path = plan.directory.join(format!("flush-{}", std::process::id()));
    let mut file = File::create(&path).with_context(|| format!("{}", path.display()))?;
    let bytes = vec![b'x'; plan.bytes];
    let mut times = Vec::with_capacity(plan.times);
    for _ in 0..plan.times {
        let began = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        times.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    println!(
        "{}",
        json!({
            "p50_us": report::percentile(&times, 50),
            "p99_us": report::percentile(&times, 99),
        })
    );
    Ok(())
}

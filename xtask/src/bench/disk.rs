//! What a commit costs at the least on this machine: an append that is flushed, against one that
//! is not. Every figure about writing events is read beside this one.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    Outcome, Scenario, Settings, figures,
    measure::{Latencies, Rounds, median_of},
};
use crate::{repo, table::Table};

/// About what one event takes in PostgreSQL's log.
const BYTES: usize = 1024;
/// Appends a round.
const TIMES: usize = 1000;

/// The scenario.
pub(crate) struct Disk;

impl Scenario for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn about(&self) -> &'static str {
        "appending 1 KiB with a flush to disk, against appending without"
    }

    fn run(&self, rounds: Rounds, _: &Settings) -> Result<Outcome> {
        let directory = repo::target_directory()?;
        fs::create_dir_all(&directory)?;
        measure(&directory, rounds, TIMES)
    }
}

fn measure(directory: &Path, rounds: Rounds, times: usize) -> Result<Outcome> {
    let flushed = Log::create(directory, "bench-disk-flushed")?;
    let kept = Log::create(directory, "bench-disk-kept")?;
    let found = rounds.alternate(|| flushed.append(times, true), || kept.append(times, false))?;

    let mut table = Table::new(["append of 1 KiB", "p50", "p99", "rate"]);
    for (name, latencies) in [("flushed", &found.subject), ("not flushed", &found.peer)] {
        table.row([
            name.into(),
            figures::time(median_of(latencies, |one| one.percentile_s(50))),
            figures::time(median_of(latencies, |one| one.percentile_s(99))),
            figures::rate(median_of(latencies, Latencies::rate)),
        ]);
    }
    table.row([
        "ratio".into(),
        figures::ratio(found.ratio(|one| one.percentile_s(50))),
        figures::ratio(found.ratio(|one| one.percentile_s(99))),
        figures::ratio(found.ratio(Latencies::rate)),
    ]);
    let how = format!(
        "{times} appends of {BYTES} bytes to a file, each followed by `fdatasync`, against as many \
         without; medians of {} rounds that take turns.",
        rounds.count()
    );
    Ok(Outcome {
        how,
        table,
        more: Vec::new(),
    })
}

/// A file that is gone when the measurement is.
struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    fn create(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(name);
        let file =
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file })
    }

    fn append(&self, times: usize, flush: bool) -> Result<Latencies> {
        let bytes = [b'x'; BYTES];
        Latencies::of(times, || {
            (&self.file).write_all(&bytes)?;
            if flush {
                self.file.sync_data()?;
            }
            Ok(())
        })
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // What cannot be removed is in the target directory, and overwritten next time.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_fills_the_table_and_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let rounds = Rounds::new(Rounds::FEWEST).expect("enough rounds");
        let outcome = measure(directory.path(), rounds, 3).expect("a measurement");
        let table = outcome.table.markdown();
        assert_eq!(table.lines().count(), 5, "{table}");
        assert!(
            table.contains(" us |") || table.contains(" ms |"),
            "{table}"
        );
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 0);
    }
}

//! Everything that is in the log, read out over HTTP, and what the server's memory does meanwhile.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{Held, Part};
use crate::{
    bench::{
        client::Client,
        figures,
        measure::{Rounds, median_of},
        search::Log,
    },
    table::Table,
};

/// How often the memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The same rows in the same order, by PostgreSQL's own client.
const COPY: &str = "COPY (SELECT position, id, source, event_id, type, subject, time, received_at, \
     service, environment, data, attributes FROM platform.events ORDER BY time DESC, position DESC) \
     TO STDOUT";

/// One export.
struct Taken {
    rate: f64,
    bytes_per_s: f64,
    /// Resident before, and at the most meanwhile, in KiB.
    before: f64,
    most: f64,
}

#[expect(clippy::cast_precision_loss, reason = "rates and memory for people")]
fn export(log: &Log, format: &str) -> Result<Taken> {
    let server = &log.server;
    let mut client = Client::connect(server.address(), server.token())?;
    let before = resident_kib(server.pid())?;
    let (mut lines, mut bytes, mut most) = (0_usize, 0_usize, before);
    let began = Instant::now();
    let mut looked = began;
    let target = format!("/v1/events/export?format={format}");
    client.download(&target, |chunk| {
        bytes += chunk.len();
        lines += chunk.split(|&byte| byte == b'\n').count() - 1;
        if looked.elapsed() >= LOOK_EVERY {
            looked = Instant::now();
            most = most.max(resident_kib(server.pid()).unwrap_or(0));
        }
    })?;
    let seconds = began.elapsed().as_secs_f64();
    // One more: the names of the columns, or what the export rests on.
    ensure!(
        lines == log.events + 1,
        "{} events are stored, and the export has {lines} lines",
        log.events
    );
    Ok(Taken {
        rate: log.events as f64 / seconds,
        bytes_per_s: bytes as f64 / seconds,
        before: before as f64,
        most: most as f64,
    })
}

fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().split(' ').next());
    kib.context("no VmRSS")?.parse().context("a number of KiB")
}

/// Exports in both formats, in turns, and PostgreSQL's own.
pub(super) fn measure(log: &Log, rounds: Rounds) -> Result<Part> {
    let found = rounds.alternate(|| export(log, "ndjson"), || export(log, "csv"))?;
    let mut copies = Vec::new();
    for _ in 0..rounds.count() {
        copies.push(log.server.discarded(COPY)?.as_secs_f64());
    }
    let mut table = Table::new(["", "rate", "bytes", "resident before", "at the most"]);
    let mut held = Vec::new();
    for (name, taken) in [("NDJSON", &found.subject), ("CSV", &found.peer)] {
        let rate = figures::rate(median_of(taken, |one| one.rate));
        let grown = median_of(taken, |one| one.most - one.before);
        let megabytes = median_of(taken, |one| one.bytes_per_s) / 1e6;
        table.row([
            name.into(),
            rate.clone(),
            format!("{megabytes:.0} MB/s"),
            figures::mebibytes(median_of(taken, |one| one.before)),
            figures::mebibytes(median_of(taken, |one| one.most)),
        ]);
        let events = format!("export as {name}, events");
        held.push(Held::new(events, rate, "at least 100 k/s"));
        let memory = format!("export as {name}, memory that it takes");
        held.push(Held::new(memory, figures::mebibytes(grown), "bounded"));
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let copied = log.events as f64 / median_of(&copies, |&seconds| seconds);
    table.row([
        "COPY of the same rows in the same order, psql".into(),
        figures::rate(copied),
        "-".into(),
        "-".into(),
        "-".into(),
    ]);
    let how = format!(
        "Export: all {} events over HTTP on one connection, counted at its end; the server's resident \
         memory every {} ms.",
        log.events,
        LOOK_EVERY.as_millis()
    );
    Ok(Part {
        how,
        tables: vec![("Exports:".into(), table)],
        held,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory() {
        assert!(resident_kib(std::process::id()).expect("a status") > 100);
    }
}

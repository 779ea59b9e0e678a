//! What measuring a part gave, and the medians over the rounds.

use std::{collections::BTreeMap, fmt::Write as _};

use super::Part;
use crate::{
    bench::{figures, measure::median_of, rig::Window},
    table::Table,
};

/// One measurement of one part.
#[derive(Debug, Clone, Default)]
pub(super) struct Reading {
    pub(super) window: Window,
    /// Of the disk, just before.
    pub(super) flush_s: f64,
    pub(super) rows_per_commit: Option<f64>,
    pub(super) rows_per_flush: Option<f64>,
    /// Of the write-ahead log, for each event.
    pub(super) wal_bytes: Option<f64>,
    pub(super) ready_s: Option<f64>,
    pub(super) idle_kib: Option<u64>,
}

impl Reading {
    pub(super) fn rate(&self) -> f64 {
        self.window.rate()
    }

    fn cpu_s(&self, process: &str) -> Option<f64> {
        self.window.cpu_per_event_s(process)
    }

    /// Resident memory of the subject at the end of the load. Of several processes, what they share
    /// is counted once.
    #[expect(clippy::cast_precision_loss, reason = "KiB of memory")]
    pub(super) fn fair_memory_kib(&self) -> f64 {
        let of = |all: &BTreeMap<String, u64>| all.get("subject").copied().unwrap_or(0) as f64;
        of(&self.window.pss_kib)
    }

    #[expect(clippy::cast_precision_loss, reason = "KiB of memory")]
    fn memory_kib(&self) -> Option<f64> {
        self.window.rss_kib.get("subject").map(|&kib| kib as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "KiB of memory")]
    fn idle_kib(&self) -> Option<f64> {
        self.idle_kib.map(|kib| kib as f64)
    }

    /// For whoever watches.
    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "{:>10}  p50 {:>8}  p99 {:>8}  flush {:>8}",
            figures::rate(self.rate()),
            figures::time(self.window.p50_s),
            figures::time(self.window.p99_s),
            figures::time(self.flush_s),
        );
        for process in PROCESSES {
            if let Some(cpu) = self.cpu_s(process) {
                let _ = write!(line, "  {process} {}", figures::time(cpu));
            }
        }
        if let (Some(commit), Some(flush)) = (self.rows_per_commit, self.rows_per_flush) {
            let _ = write!(line, "  rows/commit {commit:.1} rows/flush {flush:.1}");
        }
        line
    }
}

/// As they are watched.
const PROCESSES: [&str; 3] = ["load", "subject", "postgres"];

/// What each part gave in each round; nothing where it could not be measured.
#[derive(Debug, Default)]
pub(super) struct Readings(BTreeMap<&'static str, Vec<Option<Reading>>>);

impl Readings {
    pub(super) fn keep(&mut self, part: &'static str, reading: Option<Reading>) {
        self.0.entry(part).or_default().push(reading);
    }

    fn of(&self, part: &str) -> Vec<&Reading> {
        self.0.get(part).into_iter().flatten().flatten().collect()
    }

    pub(super) fn median(
        &self,
        part: &str,
        figure: impl Fn(&Reading) -> Option<f64>,
    ) -> Option<f64> {
        let found: Vec<f64> = self.of(part).into_iter().filter_map(figure).collect();
        (!found.is_empty()).then(|| median_of(&found, |&one| one))
    }

    /// The median of the ratios within a round.
    pub(super) fn ratio(
        &self,
        subject: &str,
        peer: &str,
        figure: impl Fn(&Reading) -> f64,
    ) -> Option<f64> {
        let rounds = self.0.get(subject)?.iter().zip(self.0.get(peer)?);
        let ratios: Vec<f64> = rounds
            .filter_map(|(one, two)| Some(figure(one.as_ref()?) / figure(two.as_ref()?)))
            .collect();
        (!ratios.is_empty()).then(|| median_of(&ratios, |&one| one))
    }

    /// What was done, and how fast.
    pub(super) fn table(&self, parts: &[&Part]) -> Table {
        let mut table = Table::new([
            "",
            "rate",
            "p50",
            "p99",
            "flush",
            "rows/commit",
            "rows/flush",
        ]);
        for part in parts {
            let median = |figure: fn(&Reading) -> Option<f64>| self.median(part.name, figure);
            let plain = |figure: f64| format!("{figure:.1}");
            table.row([
                part.title.into(),
                cell(median(|one| Some(one.rate())), figures::rate),
                cell(median(|one| Some(one.window.p50_s)), figures::time),
                cell(median(|one| Some(one.window.p99_s)), figures::time),
                cell(median(|one| Some(one.flush_s)), figures::time),
                cell(median(|one| one.rows_per_commit), plain),
                cell(median(|one| one.rows_per_flush), plain),
            ]);
        }
        table
    }

    /// What it took.
    pub(super) fn costs(&self, parts: &[&Part]) -> Table {
        let mut table = Table::new([
            "",
            "CPU of the load",
            "of the subject",
            "of PostgreSQL",
            "log",
            "ready in",
            "resident idle",
            "at work",
        ]);
        for part in parts {
            let median = |figure: &dyn Fn(&Reading) -> Option<f64>| self.median(part.name, figure);
            let [load, subject, postgres] = PROCESSES
                .map(|process| cell(median(&|one: &Reading| one.cpu_s(process)), figures::time));
            table.row([
                part.title.into(),
                load,
                subject,
                postgres,
                cell(median(&|one| one.wal_bytes), |bytes| {
                    format!("{bytes:.0} B")
                }),
                cell(median(&|one| one.ready_s), figures::time),
                cell(median(&Reading::idle_kib), figures::mebibytes),
                cell(median(&Reading::memory_kib), figures::mebibytes),
            ]);
        }
        table
    }
}

fn cell(figure: Option<f64>, show: impl Fn(f64) -> String) -> String {
    match figure {
        Some(figure) if figure.is_finite() => show(figure),
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(events: u64) -> Reading {
        let window = Window {
            seconds: 1.0,
            events,
            ..Window::default()
        };
        Reading {
            window,
            ..Reading::default()
        }
    }

    #[test]
    fn a_ratio_is_of_the_same_round() {
        let mut readings = Readings::default();
        // The machine was ten times slower in the second round, for both.
        for (one, two) in [(200, 100), (20, 10), (200, 100)] {
            readings.keep("single64", Some(reading(one)));
            readings.keep("parse64", Some(reading(two)));
        }
        let found = readings.ratio("single64", "parse64", Reading::rate);
        assert!((found.expect("both were measured") - 2.0).abs() < 1e-9);
        assert!(readings.ratio("single64", "copy2", Reading::rate).is_none());
    }

    #[test]
    fn what_could_not_be_measured_is_a_dash() {
        let mut readings = Readings::default();
        readings.keep("pgbench1", None);
        let part = super::super::PARTS
            .iter()
            .find(|part| part.name == "pgbench1")
            .expect("a part");
        let table = readings.table(&[part]).markdown();
        assert!(table.contains("| - | - | - |"), "{table}");
        assert!(readings.costs(&[part]).markdown().contains("| - |"));
    }
}

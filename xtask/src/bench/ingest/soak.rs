//! Whether anything piles up: half load, then full load, for minutes, with the server's memory
//! looked at every few seconds.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Rig;
use crate::{
    bench::{
        Outcome, Scenario, Settings, figures,
        measure::{Rounds, median_of},
        rig::{Database, Pace, Post, Server, Window},
    },
    table::Table,
};

/// The scenario.
pub(crate) struct Soak;

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(5);
/// Looks that make a row of the table.
const LOOKS_IN_A_ROW: usize = 12;
const CONNECTIONS: usize = 64;

impl Scenario for Soak {
    fn name(&self) -> &'static str {
        "soak"
    }

    fn about(&self) -> &'static str {
        "half load and then full load for --minutes, with the curve of the server's memory"
    }

    fn run(&self, _: Rounds, settings: &Settings) -> Result<Outcome> {
        ensure!(settings.minutes > 0, "--minutes: at least 1");
        let rig = Rig::start(settings, None)?;
        let database = rig.database()?;
        let server = Server::start(&rig, &database)?;
        let full = load(&rig, &server, &database, 2, None, 0)?;
        let rate = full.last().map_or(0.0, Window::rate);
        let looks = settings.minutes * 60 / LOOK.as_secs();
        let half = load(&rig, &server, &database, looks / 2, Some(rate / 2.0), 1)?;
        let full = load(&rig, &server, &database, looks - looks / 2, None, 2)?;
        server.stop();

        let memory: Vec<f64> = half.iter().chain(&full).map(memory_kib).collect();
        let beginning = median_of(&full[..full.len().min(LOOKS_IN_A_ROW)], memory_kib);
        let end = median_of(
            &full[full.len().saturating_sub(LOOKS_IN_A_ROW)..],
            memory_kib,
        );
        let how = format!(
            "{} minutes of single events over {CONNECTIONS} connections on an empty database: half \
             of the rate that it took, then as many as it takes. {} events were acknowledged and \
             counted in the table. Resident memory of the server every {} s, from 0 to {}:\n\n\
             ```\n{}\n```\n\nMedian of the last minute of full load to that of its first: {}.",
            settings.minutes,
            database.events(),
            LOOK.as_secs(),
            mebibytes(memory.iter().copied().fold(0.0, f64::max)),
            curve(&memory),
            figures::ratio(end / beginning),
        );
        let mut table = Table::new(["", "rate", "p50", "p99", "resident", "at the most"]);
        for (name, windows) in [("half load", &half), ("full load", &full)] {
            for (nth, windows) in windows.chunks(LOOKS_IN_A_ROW).enumerate() {
                let most = windows.iter().map(memory_kib).fold(0.0, f64::max);
                table.row([
                    format!("{name}, minute {}", nth + 1),
                    figures::rate(median_of(windows, Window::rate)),
                    figures::time(median_of(windows, |one| one.p50_s)),
                    figures::time(median_of(windows, |one| one.p99_s)),
                    mebibytes(median_of(windows, memory_kib)),
                    mebibytes(most),
                ]);
            }
        }
        Ok(Outcome {
            how,
            table,
            more: Vec::new(),
        })
    }
}

/// Loads for so many looks and tells of each.
fn load(
    rig: &Rig,
    server: &Server,
    database: &Database<'_>,
    looks: u64,
    rate: Option<f64>,
    nth: u64,
) -> Result<Vec<Window>> {
    let mut more = vec![
        format!("--windows={looks}"),
        format!("--first-cycle={}", nth * 1_000_000),
    ];
    more.extend(rate.map(|rate| format!("--rate={rate}")));
    let post = Post {
        more,
        pace: Pace {
            warm: Duration::from_secs(1),
            window: LOOK,
        },
        ..Post::new(rig, server, CONNECTIONS)
    };
    let told = post.run(rig)?;
    told.clean()?;
    database.holds_more(told.acknowledged)?;
    Ok(told.windows)
}

#[expect(clippy::cast_precision_loss, reason = "KiB of memory")]
fn memory_kib(window: &Window) -> f64 {
    window.rss_kib.get("subject").map_or(0.0, |&kib| kib as f64)
}

fn mebibytes(kib: f64) -> String {
    format!("{:.1} MiB", kib / 1024.0)
}

/// A line of blocks, from nothing to the most there is.
fn curve(figures: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = figures.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let block = |figure: &f64| {
        let steps = BLOCKS.len();
        // The block whose upper end the figure does not pass.
        let at =
            (1..steps).find(|&n| *figure * 8.0 <= most * f64::from(u8::try_from(n).unwrap_or(8)));
        BLOCKS[at.unwrap_or(steps) - 1]
    };
    figures.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_nothing_to_the_most() {
        assert_eq!(curve(&[0.0, 10.0, 40.0, 41.0, 80.0]), "▁▁▄▅█");
        assert_eq!(curve(&[]), "");
        assert_eq!(curve(&[5.0, 5.0]), "██");
    }
}

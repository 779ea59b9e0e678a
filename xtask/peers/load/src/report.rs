//! What a load has to tell: per window of time how much was done, how long it took, what it cost.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::watch::{self, Usage, Watched};

/// When to measure.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Windows {
    /// Run this long before the first window
    #[arg(long, default_value_t = 500)]
    warm_ms: u64,

    /// Length of a window
    #[arg(long, default_value_t = 3000)]
    window_ms: u64,

    /// How many windows, one after another
    #[arg(long = "windows", default_value_t = 1)]
    count: u64,

    /// Processes whose costs are told too, as NAME=PID
    #[arg(long)]
    watch: Vec<Watched>,
}

/// What one thread has done since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) events: u64,
    latencies_us: Vec<u32>,
    statuses: BTreeMap<u16, u64>,
    first_error: Option<String>,
}

impl Tally {
    /// Keeps one answer; `events` is how many it acknowledged.
    pub(crate) fn done(&mut self, events: u64, status: u16, took: Duration) {
        self.events += events;
        self.latencies_us
            .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Keeps one refusal or error; its time counts for nothing.
    pub(crate) fn failed(&mut self, status: u16, error: impl FnOnce() -> String) {
        *self.statuses.entry(status).or_default() += 1;
        self.first_error.get_or_insert_with(error);
    }

    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.latencies_us.extend(other.latencies_us);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        if let Some(error) = other.first_error {
            self.first_error.get_or_insert(error);
        }
    }
}

/// The tally of a thread, which the clock's thread empties at the end of a window.
pub(crate) type Shared = Mutex<Tally>;

/// Whatever a thread that panicked has counted counts.
pub(crate) fn lock(tally: &Shared) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sleeps through the windows and tells of each; then waits for the threads by `finish` and tells
/// of the whole.
pub(crate) fn windows(plan: &Windows, tallies: &[&Shared], finish: impl FnOnce()) {
    let take = || {
        let mut sum = Tally::default();
        for tally in tallies {
            sum.add(std::mem::take(&mut *lock(tally)));
        }
        sum
    };
    let mut whole = Tally::default();
    let idle = watch::usage(&plan.watch);
    std::thread::sleep(Duration::from_millis(plan.warm_ms));
    whole.add(take());
    let mut before = (Instant::now(), watch::usage(&plan.watch));
    for _ in 0..plan.count {
        std::thread::sleep(Duration::from_millis(plan.window_ms));
        let mut tally = take();
        let now = (Instant::now(), watch::usage(&plan.watch));
        let seconds = (now.0 - before.0).as_secs_f64();
        println!("{}", window(seconds, &mut tally, &before.1, &now.1));
        before = now;
        whole.add(tally);
    }
    finish();
    whole.add(take());
    let idle: BTreeMap<&String, u64> = idle.iter().map(|(name, u)| (name, u.rss_kib)).collect();
    println!(
        "{}",
        json!({
            "acknowledged": whole.events,
            "statuses": whole.statuses,
            "first_error": whole.first_error,
            "idle_rss_kib": idle,
        })
    );
}

fn window(
    seconds: f64,
    tally: &mut Tally,
    before: &BTreeMap<String, Usage>,
    now: &BTreeMap<String, Usage>,
) -> Value {
    tally.latencies_us.sort_unstable();
    let figure = |what: fn(&Usage) -> u64| -> BTreeMap<&String, u64> {
        now.iter().map(|(name, one)| (name, what(one))).collect()
    };
    let cpu: BTreeMap<&String, f64> = now
        .iter()
        .map(|(name, one)| {
            let before = before.get(name).copied().unwrap_or_default();
            (name, one.cpu_s - before.cpu_s)
        })
        .collect();
    json!({
        "seconds": seconds,
        "events": tally.events,
        "p50_us": percentile(&tally.latencies_us, 50),
        "p99_us": percentile(&tally.latencies_us, 99),
        "max_us": tally.latencies_us.last(),
        "statuses": tally.statuses,
        "cpu_s": cpu,
        "rss_kib": figure(|one| one.rss_kib),
        "pss_kib": figure(|one| one.pss_kib),
    })
}

/// The nearest rank; nothing where nothing was answered.
pub(crate) fn percentile(sorted: &[u32], percent: usize) -> Option<u32> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_tells_what_was_done_in_it() {
        let mut tally = Tally::default();
        for ms in 1..=100 {
            tally.done(2, 201, Duration::from_millis(ms));
        }
        tally.failed(503, || "busy".into());
        tally.failed(503, || "busier".into());
        let usage = |cpu_s| {
            BTreeMap::from([(
                "server".to_owned(),
                Usage {
                    cpu_s,
                    ..Usage::default()
                },
            )])
        };
        let told = window(2.0, &mut tally, &usage(1.0), &usage(2.5));
        assert_eq!(told["events"], 200);
        assert_eq!(told["p50_us"], 50_000);
        assert_eq!(told["p99_us"], 99_000);
        assert_eq!(told["max_us"], 100_000);
        assert_eq!(told["statuses"], json!({"201": 100, "503": 2}));
        assert_eq!(told["cpu_s"]["server"], 1.5);
        assert_eq!(tally.first_error.as_deref(), Some("busy"));
    }

    #[test]
    fn a_window_in_which_nothing_happened_has_no_times() {
        let told = window(
            1.0,
            &mut Tally::default(),
            &BTreeMap::new(),
            &BTreeMap::new(),
        );
        assert!(told["p99_us"].is_null());
        assert_eq!(told["events"], 0);
    }
}

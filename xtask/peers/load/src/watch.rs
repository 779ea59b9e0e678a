//! What processes cost, as the kernel tells: processor time and resident memory of a process and
//! of all that came from it.

use std::{collections::BTreeMap, fs, str::FromStr};

use anyhow::{Context, Result, bail};

/// A process to watch, under a name.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pid: u32,
}

impl FromStr for Watched {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((name, pid)) = text.split_once('=') else {
            bail!("`{text}` is not NAME=PID");
        };
        Ok(Self {
            name: name.into(),
            pid: pid.parse().with_context(|| format!("`{pid}` is no pid"))?,
        })
    }
}

/// What a process and its descendants have used so far, and hold now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) cpu_s: f64,
    /// Resident; what processes share is counted for each.
    pub(crate) rss_kib: u64,
    /// Resident; what processes share is divided among them.
    pub(crate) pss_kib: u64,
}

/// The usage of this process and of each that is watched.
pub(crate) fn usage(watched: &[Watched]) -> BTreeMap<String, Usage> {
    let processes = processes();
    let own = Watched {
        name: "load".into(),
        pid: std::process::id(),
    };
    watched
        .iter()
        .chain([&own])
        .map(|one| (one.name.clone(), of_tree(&processes, one.pid)))
        .collect()
}

/// As the kernel counts for programs, whatever its own clock.
const TICKS_PER_SECOND: f64 = 100.0;

struct Process {
    parent: u32,
    /// With that of children that have ended.
    ticks: u64,
}

fn processes() -> BTreeMap<u32, Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((pid, parse(&stat)?))
    })
    .collect()
}

fn parse(stat: &str) -> Option<Process> {
    // The name stands in brackets and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Process {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: (11..15).map(number).sum::<Option<u64>>()?,
    })
}

fn of_tree(processes: &BTreeMap<u32, Process>, root: u32) -> Usage {
    let mut usage = Usage::default();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        if let Some(process) = processes.get(&pid) {
            #[expect(clippy::cast_precision_loss, reason = "ticks of minutes")]
            let ticks = process.ticks as f64;
            usage.cpu_s += ticks / TICKS_PER_SECOND;
            usage.rss_kib += memory(pid, "status", "VmRSS:");
            usage.pss_kib += memory(pid, "smaps_rollup", "Pss:");
        }
        let children = processes.iter().filter(|(_, child)| child.parent == pid);
        open.extend(children.map(|(&pid, _)| pid));
    }
    usage
}

fn memory(pid: u32, file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_be_called_anything() {
        let stat = "42 (a) S (b) R 7 42 42 0 -1 0 0 0 0 0 10 20 3 4 20 0 1 0 1 1 1";
        let process = parse(stat).expect("a process");
        assert_eq!((process.parent, process.ticks), (7, 37));
        assert!(parse("42").is_none());
    }

    #[test]
    fn a_tree_counts_with_its_children() {
        let process = |parent, ticks| Process { parent, ticks };
        let processes = [
            (1_000_001, process(1, 100)),
            (1_000_002, process(1_000_001, 50)),
            (1_000_003, process(1_000_002, 25)),
            (1_000_004, process(1, 900)),
        ];
        let usage = of_tree(&processes.into(), 1_000_001);
        assert!((usage.cpu_s - 1.75).abs() < 1e-9, "{usage:?}");
    }

    #[test]
    fn this_process_is_resident() {
        let usage = usage(&[])["load"];
        assert!(usage.rss_kib > 0, "{usage:?}");
    }

    #[test]
    fn what_is_watched_has_a_name_and_a_number() {
        let one: Watched = "server=12".parse().expect("a process");
        assert_eq!((one.name.as_str(), one.pid), ("server", 12));
        assert!("server".parse::<Watched>().is_err());
        assert!("server=x".parse::<Watched>().is_err());
    }
}

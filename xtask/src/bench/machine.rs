//! The machine in one line: a figure without it says nothing.

use std::{fs, thread};

/// Cores, processor, memory, as far as the machine says.
pub(crate) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    in_words(cores, &read("/proc/cpuinfo"), &read("/proc/meminfo"))
}

fn in_words(cores: usize, cpuinfo: &str, meminfo: &str) -> String {
    let mut parts = vec![format!("{cores} core{}", if cores == 1 { "" } else { "s" })];
    parts.extend(value(cpuinfo, "model name").map(str::to_owned));
    let memory = value(meminfo, "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
    parts.extend(memory.map(|kib: u64| format!("{} GiB", (kib + (1 << 19)) >> 20)));
    format!("Machine: {}.", parts.join(", "))
}

fn value<'a>(listing: &'a str, key: &str) -> Option<&'a str> {
    let mut entries = listing.lines().filter_map(|line| line.split_once(':'));
    entries
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_described_by_what_it_says() {
        assert_eq!(
            in_words(
                2,
                "processor\t: 0\nmodel name\t: A Chip\n",
                "MemTotal:  24681012 kB\n"
            ),
            "Machine: 2 cores, A Chip, 24 GiB."
        );
        assert_eq!(in_words(1, "", ""), "Machine: 1 core.");
    }
}

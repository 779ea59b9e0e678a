//! Processes from outside: their signals, their children, their memory.

use std::{fs, process::Command};

use anyhow::{Result, ensure};

/// Sends a signal, by name, to processes that may be gone already.
pub(super) fn signal(name: &str, pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    let pids = pids.iter().map(u32::to_string);
    // Whoever is gone needs no signal, and kill complains about it.
    let _ = Command::new("kill")
        .args(["-s", name, "--"])
        .args(pids)
        .stderr(std::process::Stdio::null())
        .status();
}

/// The processes that this one has started.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            (parent_in(&stat)? == parent).then_some(pid)
        })
        .collect()
}

/// `pid (name) state parent …`, where the name may hold anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// The most memory that a process ever had resident, in bytes, if it is there.
pub(super) fn peak_rss(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    peak_in(&status)
}

fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Whether this program runs as root.
pub(super) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    effective_user(&status) == Some(0)
}

fn effective_user(status: &str) -> Option<u32> {
    let line = status.lines().find(|line| line.starts_with("Uid:"))?;
    line.split_whitespace().nth(2)?.parse().ok()
}

/// An account of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) user: u32,
    pub(super) group: u32,
}

/// The account that PostgreSQL shall run as: it refuses root. `None` to stay who one is.
pub(super) fn account() -> Result<Option<Account>> {
    if !is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let found = ["postgres", "nobody"]
        .into_iter()
        .find_map(|name| account_in(&accounts, name));
    ensure!(
        found.is_some(),
        "no account for PostgreSQL, which refuses to run as root"
    );
    Ok(found)
}

fn account_in(accounts: &str, name: &str) -> Option<Account> {
    let line = accounts
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let user = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    Some(Account { user, group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_among_its_parents_children() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("a child");
        let found = children(std::process::id());
        let memory = peak_rss(child.id());
        signal("KILL", &[child.id()]);
        let status = child.wait().expect("an end");
        assert!(found.contains(&child.id()), "{found:?}");
        assert!(memory.is_some());
        assert!(!status.success());
    }

    #[test]
    fn what_the_system_tells_is_read_as_it_is_written() {
        assert_eq!(parent_in("12 (a) b) S 7 12 12"), Some(7));
        assert_eq!(
            peak_in("Name:\tx\nVmHWM:\t    2048 kB\n"),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(effective_user("Uid:\t1000\t0\t0\t0\n"), Some(0));
        let accounts = "root:x:0:0::/root:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/sh\n";
        let expected = Account {
            user: 101,
            group: 104,
        };
        assert_eq!(account_in(accounts, "postgres"), Some(expected));
        assert_eq!(account_in(accounts, "post"), None);
    }
}

//! What an earlier owner left behind: its server, still running or shutting down, orphans of
//! a killed one, and files with the id of a process that is long gone.
//!
//! We hold the lock of the data directory when we come here, so whatever still runs on it has
//! lost its owner. The files are removed because PostgreSQL only asks whether *some* process has
//! that id: in a container, where ids start over, that is often one of our own threads. Its other
//! guard, the shared memory of the directory, stays.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::time::{Instant, sleep};

use super::error::{ClusterError, io};
use super::ground::{Ground, PORT};

/// How long a postmaster may take for each step of its end.
const FAST: Duration = Duration::from_secs(10);
const IMMEDIATE: Duration = Duration::from_secs(5);
/// How long children may take to notice that their postmaster is gone.
const NOTICE: Duration = Duration::from_secs(1);
/// How long a killed process may take to vanish.
const VANISH: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Makes room for a new server: waits for or ends what runs, removes what is stale. Bounded.
pub(super) async fn clear(ground: &Ground) -> Result<(), ClusterError> {
    let pid_file = ground.pgdata.join("postmaster.pid");
    let Ok(content) = fs::read_to_string(&pid_file) else {
        return Ok(());
    };
    let recorded = content
        .lines()
        .next()
        .and_then(|pid| pid.trim().parse().ok());
    let since = Instant::now();
    let mut sent: Option<Signal> = None;
    loop {
        let running = census(ground, recorded);
        let Some(first) = running.first() else { break };
        let led = running.iter().any(|one| one.role == Role::Postmaster);
        let waited = since.elapsed();
        if waited > FAST + IMMEDIATE + VANISH {
            return Err(ClusterError::Occupied {
                pgdata: ground.pgdata.clone(),
                pid: first.pid,
            });
        }
        let step = step(led, waited);
        if step != sent {
            if let Some(signal) = step {
                tracing::warn!(
                    ?signal,
                    count = running.len(),
                    "ending a PostgreSQL of an earlier run"
                );
                for one in &running {
                    match one.role {
                        Role::Postmaster => signal_to(one.pid, signal),
                        // The children of a living postmaster are its to end.
                        Role::Child if signal == Signal::KILL => signal_to(one.pid, signal),
                        Role::Child | Role::Unknown => {}
                    }
                }
            }
            sent = step;
        }
        sleep(LOOK_EVERY).await;
    }
    let socket_lock = ground.sockets.join(format!(".s.PGSQL.{PORT}.lock"));
    for file in [pid_file, socket_lock] {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io("remove", file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The signal that is due after so long.
fn step(led: bool, waited: Duration) -> Option<Signal> {
    match (led, waited) {
        (true, waited) if waited < FAST => Some(Signal::INT),
        (true, waited) if waited < FAST + IMMEDIATE => Some(Signal::QUIT),
        (false, waited) if waited < NOTICE => None,
        _ => Some(Signal::KILL),
    }
}

/// Sends a signal; a process that is gone already is what was wanted.
pub(super) fn signal_to(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Postmaster,
    Child,
    /// It has the recorded id, and that is all that is known: never a reason for a signal.
    Unknown,
}

struct Process {
    pid: u32,
    role: Role,
}

/// The processes of this cluster, by their command lines, which every account may read.
fn census(ground: &Ground, recorded: Option<u32>) -> Vec<Process> {
    let Ok(all) = fs::read_dir("/proc") else {
        return without_proc(recorded);
    };
    all.flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let role = if is_postmaster(&line, &ground.pgdata) {
                Role::Postmaster
            } else if is_child(&line, &ground.tag) {
                Role::Child
            } else {
                return None;
            };
            Some(Process { pid, role })
        })
        .collect()
}

/// Where there is no /proc, a recorded process that lives can only be waited for.
fn without_proc(recorded: Option<u32>) -> Vec<Process> {
    let lives = |pid: &u32| {
        i32::try_from(*pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| test_kill_process(pid).is_ok())
    };
    recorded
        .filter(lives)
        .map(|pid| Process {
            pid,
            role: Role::Unknown,
        })
        .into_iter()
        .collect()
}

/// `…/postgres -D <pgdata> …`, as we start it. A child has the same line for an instant.
fn is_postmaster(line: &[u8], pgdata: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let mut arguments = line.split(|byte| *byte == 0);
    let program = arguments.next().unwrap_or_default();
    (program == b"postgres" || program.ends_with(b"/postgres"))
        && arguments.next() == Some(b"-D")
        && arguments.next() == Some(pgdata.as_os_str().as_bytes())
}

/// `postgres: <tag>: checkpointer`
fn is_child(line: &[u8], tag: &str) -> bool {
    line.strip_prefix(b"postgres: ")
        .and_then(|rest| rest.strip_prefix(tag.as_bytes()))
        .is_some_and(|rest| rest.starts_with(b": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_clusters_processes_are_recognised() {
        let pgdata = Path::new("/d/postgres/data");
        assert!(is_postmaster(
            b"/usr/bin/postgres\0-D\0/d/postgres/data\0-c\0x=y\0",
            pgdata
        ));
        assert!(!is_postmaster(
            b"/usr/bin/postgres\0-D\0/d/postgres/data2\0",
            pgdata
        ));
        assert!(!is_postmaster(b"/bin/grep\0-D\0/d/postgres/data\0", pgdata));
        assert!(!is_postmaster(b"", pgdata));
        assert!(is_child(b"postgres: pts-1: checkpointer \0\0", "pts-1"));
        assert!(!is_child(b"postgres: pts-12: checkpointer ", "pts-1"));
        assert!(!is_child(b"postgres: checkpointer ", "pts-1"));
    }

    #[test]
    fn a_led_server_is_asked_first_and_orphans_are_given_a_moment() {
        assert_eq!(step(true, Duration::ZERO), Some(Signal::INT));
        assert_eq!(step(true, FAST), Some(Signal::QUIT));
        assert_eq!(step(true, FAST + IMMEDIATE), Some(Signal::KILL));
        assert_eq!(step(false, Duration::ZERO), None);
        assert_eq!(step(false, NOTICE), Some(Signal::KILL));
    }
}

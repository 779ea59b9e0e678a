//! A PostgreSQL of the bench's own, set as the server sets its private one, on the disk that the
//! target directory is on, flushing as it must.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    process::{self, Process},
    programs,
};
use crate::command;

/// As in the server's own private cluster (`adapter-postgres`, `cluster/settings.rs`).
const SETTINGS: &[(&str, &str)] = &[
    ("checkpoint_completion_target", "0.9"),
    ("checkpoint_timeout", "10min"),
    ("max_wal_size", "1GB"),
    ("min_wal_size", "128MB"),
    ("wal_compression", "on"),
    ("shared_buffers", "128MB"),
    ("effective_cache_size", "512MB"),
    ("maintenance_work_mem", "64MB"),
    ("work_mem", "8MB"),
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("lc_messages", "C"),
    ("timezone", "GMT"),
    ("log_timezone", "GMT"),
];
/// The server's own has 60; 256 committers need more.
const MAX_CONNECTIONS: &str = "max_connections=300";
const PORT: &str = "5432";
const PATIENCE: Duration = Duration::from_secs(30);
/// Whom PostgreSQL runs as where this process is root.
const ACCOUNT: &str = "postgres";

/// A running cluster.
pub(crate) struct Cluster {
    process: Process,
    /// Of the socket. Not in the target directory: its path may be too long for a socket.
    sockets: PathBuf,
    data: PathBuf,
    pub(super) preload: Option<PathBuf>,
}

/// What the write-ahead log has been through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wal {
    pub(crate) flushes: f64,
    pub(crate) bytes: f64,
}

/// Removes what runs that were killed have left.
pub(super) fn clear(target: &Path) {
    for entry in fs::read_dir(target).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix("run-") else {
            continue;
        };
        if !Path::new("/proc").join(pid).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Cluster {
    pub(super) fn start(directory: &Path, preload: Option<PathBuf>) -> Result<Self> {
        let account = account()?;
        let sockets = std::env::temp_dir().join(format!("pts-bench-{}", std::process::id()));
        let data = directory.join("postgres");
        let _ = fs::remove_dir_all(&sockets);
        fs::DirBuilder::new().mode(0o755).create(directory)?;
        for own in [&sockets, &data] {
            fs::DirBuilder::new().mode(0o700).create(own)?;
            if let Some((_, uid, gid)) = &account {
                chown(own, Some(*uid), Some(*gid))?;
            }
        }
        let name = account.as_ref().map(|(name, ..)| name.as_str());
        let program = |name: &str| {
            programs::postgres(name)
                .with_context(|| format!("PostgreSQL's `{name}` is not on this machine"))
        };
        let mut initdb = process::command(program("initdb")?, name);
        initdb.args(["--username=pts", "--encoding=UTF8", "--locale=C.UTF-8"]);
        initdb.args(["--data-checksums", "--auth=trust", "--pgdata"]);
        command::read(initdb.arg(&data).current_dir("/"))
            .with_context(|| format!("no cluster in {}", data.display()))?;

        let log = fs::File::create(directory.join("postgres.log"))?;
        let mut postgres = process::command(program("postgres")?, name);
        postgres.arg("-D").arg(&data).current_dir("/");
        let settings = SETTINGS
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let own = [
            MAX_CONNECTIONS.to_owned(),
            format!("port={PORT}"),
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={}", sockets.display()),
        ];
        for setting in settings.chain(own) {
            postgres.arg("-c").arg(setting);
        }
        if let Some(library) = &preload {
            postgres.env("LD_PRELOAD", library);
        }
        postgres.stdout(log.try_clone()?).stderr(log);
        let mut cluster = Self {
            process: Process::spawn("postgres", &mut postgres, "-INT")?,
            sockets,
            data,
            preload,
        };
        cluster.wait(directory)?;
        Ok(cluster)
    }

    fn wait(&mut self, directory: &Path) -> Result<()> {
        let began = Instant::now();
        while self.psql("postgres", "SELECT 1").is_err() {
            if self.process.ended().is_some() || began.elapsed() > PATIENCE {
                let log = fs::read_to_string(directory.join("postgres.log"));
                bail!("PostgreSQL does not start: {}", log.unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Runs statements and returns what they print.
    pub(crate) fn psql(&self, database: &str, statements: &str) -> Result<String> {
        let program = programs::postgres("psql").context("there is no psql")?;
        let mut psql = Command::new(program);
        psql.args([
            "-X",
            "-qAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "pts",
            "-d",
            database,
        ]);
        psql.args(["-p", PORT, "-h"]).arg(&self.sockets);
        let ran = psql
            .args(["-c", statements])
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            ran.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&ran.stderr).trim()
        );
        Ok(String::from_utf8(ran.stdout)?)
    }

    /// PostgreSQL's own programs reach the cluster by these.
    pub(super) fn reach(&self, command: &mut Command) {
        command
            .args(["-U", "pts", "-p", PORT, "-h"])
            .arg(&self.sockets);
    }

    /// As drivers take it.
    pub(crate) fn url(&self, database: &str) -> String {
        let sockets = self.sockets.display().to_string().replace('/', "%2F");
        format!("postgresql://pts@{sockets}:{PORT}/{database}")
    }

    pub(super) fn create(&self, name: &str, template: Option<&str>) -> Result<()> {
        let template = template.map_or(String::new(), |from| format!(" TEMPLATE {from}"));
        self.psql("postgres", &format!("CREATE DATABASE {name}{template}"))?;
        Ok(())
    }

    pub(super) fn drop_database(&self, name: &str) -> Result<()> {
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        self.psql("postgres", &statement)?;
        Ok(())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where its files are.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Flushes and bytes so far; processes that still run tell theirs late.
    pub(crate) fn wal(&self) -> Result<Wal> {
        let told = self.psql("postgres", "SELECT wal_sync, wal_bytes FROM pg_stat_wal")?;
        let figures: Vec<f64> = told.trim().split('|').flat_map(str::parse).collect();
        let &[flushes, bytes] = figures.as_slice() else {
            bail!("pg_stat_wal tells {told}");
        };
        Ok(Wal { flushes, bytes })
    }

    /// Transactions committed so far, but for those that look after the cluster.
    pub(crate) fn commits(&self) -> Result<f64> {
        let told = self.psql(
            "postgres",
            "SELECT coalesce(sum(xact_commit), 0) FROM pg_stat_database WHERE datname LIKE '%bench'",
        )?;
        told.trim().parse().context("a count of commits")
    }

    pub(super) fn stop(&mut self) {
        self.process.stop();
        let _ = fs::remove_dir_all(&self.sockets);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where this process is root: whom to run PostgreSQL as.
fn account() -> Result<Option<(String, u32, u32)>> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    if uid.and_then(|ids| ids.split_whitespace().nth(1)) != Some("0") {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    match ids(&passwd, ACCOUNT) {
        Some((uid, gid)) => Ok(Some((ACCOUNT.into(), uid, gid))),
        None => bail!("PostgreSQL refuses root, and there is no account `{ACCOUNT}`"),
    }
}

fn ids(passwd: &str, account: &str) -> Option<(u32, u32)> {
    let mut entries = passwd.lines().map(|line| line.split(':'));
    let mut entry = entries.find(|entry| entry.clone().next() == Some(account))?;
    Some((entry.nth(2)?.parse().ok()?, entry.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repo;

    #[test]
    fn the_settings_are_those_of_the_servers_own_cluster() {
        let path = repo::root().join("crates/adapter-postgres/src/cluster/settings.rs");
        let source = fs::read_to_string(path).expect("the server's settings");
        let defaults = source
            .split_once("const DEFAULTS")
            .and_then(|(_, rest)| rest.split_once("];"))
            .expect("a list of defaults")
            .0;
        for (name, value) in SETTINGS {
            let line = format!("(\"{name}\", \"{value}\")");
            assert!(defaults.contains(&line), "the server has no {line}");
        }
        let theirs = defaults.matches("(\"").count();
        assert_eq!(theirs, SETTINGS.len() + 1, "all but max_connections");
    }

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0::/root:/bin/sh\npostgresql:x:9:9::/:/\npostgres:x:101:104::/:/\n";
        assert_eq!(ids(passwd, "postgres"), Some((101, 104)));
        assert_eq!(ids(passwd, "nobody"), None);
    }

    #[test]
    fn only_what_dead_runs_left_is_cleared() {
        let target = tempfile::tempdir().expect("a directory");
        let alive = format!("run-{}", std::process::id());
        for name in [alive.as_str(), "run-999999999", "fastapi"] {
            fs::create_dir(target.path().join(name)).expect("a directory");
        }
        clear(target.path());
        let left = |name: &str| target.path().join(name).exists();
        assert!(left(&alive) && left("fastapi"));
        assert!(!left("run-999999999"));
    }
}

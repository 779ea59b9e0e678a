//! A PostgreSQL of the suite's own, that is treated as no other should be.

use std::{
    fs,
    net::SocketAddr,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    ground::Ground,
    machine::{free_port, programs},
    process::{self, Account},
    wire::{self, Held},
    writer::wait_until,
};
use crate::command;

/// Connections that it takes from others than its superuser. Few, so that they can all be held.
const CONNECTIONS: usize = 50;
/// Connections that it takes from its superuser besides. Some more than are used: somebody who is
/// refused one takes one for as long as that takes.
const RESERVED: usize = 10;
/// The service's role and database.
const SERVICE: &str = "pts";
/// The role that requests read as.
const READER: &str = "pts_reader";
/// The role of whoever holds connections: no superuser either, so the last ones stay free.
const HOLDER: &str = "holder";
/// How long is waited for a connection of the superuser's own.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a start may take.
const START: Duration = Duration::from_secs(20);

/// Where a run's files are.
pub(super) struct Place {
    pub(super) directory: PathBuf,
    /// A disk that can be full, if the run needs one.
    pub(super) ground: Option<Ground>,
    /// Whether the database's own log is on that disk, too.
    pub(super) log_on_the_disk: bool,
}

/// One cluster.
pub(super) struct Cluster {
    programs: PathBuf,
    account: Option<Account>,
    directory: PathBuf,
    data: PathBuf,
    pub(super) ground: Option<Ground>,
    log_on_the_disk: bool,
    port: u16,
    first: Option<Child>,
}

impl Cluster {
    /// Makes an empty cluster with the service's role and database, to be copied for each run.
    pub(super) fn template(directory: &Path) -> Result<PathBuf> {
        let mut cluster = Self::at(directory.to_owned(), None)?;
        make_dir(&cluster.directory, cluster.account)?;
        let mut initdb = cluster.program("initdb");
        initdb
            .arg("-D")
            .arg(&cluster.data)
            .args(["-U", "postgres", "--auth=trust", "--no-sync"])
            .args(["--encoding=UTF8", "--locale=C", "--wal-segsize=1"]);
        command::read(&mut initdb)?;
        cluster.start()?;
        // The service may make no roles, so it is given the one that its requests read as.
        cluster.sql_in(
            "postgres",
            &format!(
                "CREATE ROLE {SERVICE} LOGIN; CREATE ROLE {HOLDER} LOGIN; \
                 CREATE ROLE {READER} NOLOGIN; GRANT {READER} TO {SERVICE}"
            ),
        )?;
        cluster.sql_in(
            "postgres",
            &format!("CREATE DATABASE {SERVICE} OWNER {SERVICE}"),
        )?;
        cluster.stop()?;
        Ok(cluster.data.clone())
    }

    /// Starts a copy of the template.
    pub(super) fn copy(template: &Path, place: Place) -> Result<Self> {
        let Place {
            directory,
            ground,
            log_on_the_disk,
        } = place;
        let mut cluster = Self::at(directory, ground)?;
        cluster.log_on_the_disk = log_on_the_disk;
        make_dir(&cluster.directory, cluster.account)?;
        let copied = Command::new("cp")
            .arg("-a")
            .arg(template)
            .arg(&cluster.data)
            .status()?;
        ensure!(copied.success(), "the cluster cannot be copied");
        if cluster.ground.is_some() && !log_on_the_disk {
            let (inside, outside) = (cluster.data.join("pg_wal"), cluster.directory.join("wal"));
            let moved = Command::new("mv").arg(&inside).arg(&outside).status()?;
            ensure!(moved.success(), "the cluster's log cannot be moved");
            std::os::unix::fs::symlink(&outside, &inside)?;
        }
        cluster.start()?;
        Ok(cluster)
    }

    fn at(directory: PathBuf, ground: Option<Ground>) -> Result<Self> {
        let base = if ground.is_some() {
            directory.join("disk")
        } else {
            directory.clone()
        };
        Ok(Self {
            programs: programs().context("no PostgreSQL programs (initdb, postgres) are here")?,
            account: process::account()?,
            data: base.join("data"),
            directory,
            ground,
            log_on_the_disk: true,
            port: free_port()?,
            first: None,
        })
    }

    /// How the service reaches it.
    pub(super) fn url(&self) -> String {
        format!("postgres://{SERVICE}@127.0.0.1:{}/{SERVICE}", self.port)
    }

    /// Starts it and waits until it takes connections; what a killed one left behind may stand in
    /// the way for a moment.
    pub(super) fn start(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.spawn()?;
        loop {
            if self.accepts() {
                return Ok(());
            }
            if begun.elapsed() > START {
                bail!("PostgreSQL does not start; see {}", self.log().display());
            }
            if !self.runs() {
                thread::sleep(Duration::from_millis(50));
                self.spawn()?;
            }
            thread::sleep(Duration::from_millis(3));
        }
    }

    fn spawn(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        let mut postgres = self.program("postgres");
        postgres.arg("-D").arg(&self.data);
        for setting in [
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.directory.display()),
            format!("max_connections={}", CONNECTIONS + RESERVED),
            format!("superuser_reserved_connections={RESERVED}"),
            "listen_addresses=127.0.0.1".into(),
            "shared_buffers=32MB".into(),
            // Little of the log is made ahead, so that a full disk is felt soon.
            "min_wal_size=2MB".into(),
            "max_wal_size=64MB".into(),
            "log_line_prefix=%m [%p] ".into(),
        ] {
            postgres.arg("-c").arg(setting);
        }
        let child = postgres
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("PostgreSQL cannot be started")?;
        self.first = Some(child);
        Ok(())
    }

    /// Whether it takes connections now.
    pub(super) fn accepts(&self) -> bool {
        wire::connect(self.address(), "postgres", "postgres").is_ok()
    }

    /// Whether its first process lives.
    pub(super) fn runs(&mut self) -> bool {
        self.first
            .as_mut()
            .is_some_and(|first| matches!(first.try_wait(), Ok(None)))
    }

    /// Kills its first process, and at once all others too or none of them.
    pub(super) fn kill(&mut self, all: bool) {
        let Some(mut first) = self.first.take() else {
            return;
        };
        let mut pids = vec![first.id()];
        if all {
            pids.extend(process::children(first.id()));
        }
        process::signal("KILL", &pids);
        let _ = first.wait();
    }

    /// Kills one process that works for the service: the first process then ends all others and
    /// recovers by itself. False if there is none.
    pub(super) fn kill_one(&self, twist: u64) -> Result<bool> {
        let pids = self.sql(&format!(
            "SELECT pid FROM pg_stat_activity WHERE usename = '{SERVICE}' ORDER BY pid"
        ))?;
        let pids: Vec<u32> = pids.lines().filter_map(|pid| pid.parse().ok()).collect();
        let Some(count) = u64::try_from(pids.len()).ok().filter(|&count| count > 0) else {
            return Ok(false);
        };
        let chosen = usize::try_from(twist % count).unwrap_or(0);
        process::signal("KILL", &pids[chosen..=chosen]);
        Ok(true)
    }

    /// Stops all its processes where they are.
    pub(super) fn freeze(&self) {
        // The first process first: it makes the others.
        self.signal_all("STOP");
        self.signal_all("STOP");
    }

    /// Lets them go on.
    pub(super) fn thaw(&self) {
        self.signal_all("CONT");
    }

    fn signal_all(&self, name: &str) {
        let Some(first) = &self.first else { return };
        process::signal(name, &[first.id()]);
        process::signal(name, &process::children(first.id()));
    }

    /// Ends connections of the service: one of them, or all. Returns how many.
    pub(super) fn terminate(&self, all: bool) -> Result<u64> {
        let most = if all { CONNECTIONS } else { 1 };
        let ended = self.sql(&format!(
            "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity \
             WHERE usename = '{SERVICE}' ORDER BY random() LIMIT {most}) AS ended"
        ))?;
        Ok(ended.trim().parse()?)
    }

    /// Takes all connections that are free; returns those it got.
    pub(super) fn hold(&self) -> Vec<Held> {
        std::iter::from_fn(|| wire::connect(self.address(), HOLDER, SERVICE).ok())
            .take(CONNECTIONS)
            .collect()
    }

    /// How many connections the service has.
    pub(super) fn in_use(&self) -> Result<u64> {
        let count = self.sql(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = '{SERVICE}'"
        ))?;
        Ok(count.trim().parse()?)
    }

    /// Runs a statement as superuser in the service's database, and returns what it prints.
    pub(super) fn sql(&self, statement: &str) -> Result<String> {
        self.sql_in(SERVICE, statement)
    }

    fn sql_in(&self, database: &str, statement: &str) -> Result<String> {
        let begun = Instant::now();
        loop {
            let said = self.psql(database, statement);
            match said {
                Err(error) if is_full(&error) && begun.elapsed() < PATIENCE => {}
                said => return said,
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn psql(&self, database: &str, statement: &str) -> Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "postgres",
        ])
        .args(["-d", database, "-p", &self.port.to_string(), "-h"])
        .arg(&self.directory)
        .args(["-c", statement])
        .env("PGCONNECT_TIMEOUT", "5");
        command::read_within(&mut psql, Duration::from_mins(1))
    }

    /// Lets it write more into its own log than there is room for, if that log is on the disk that
    /// is full: it then goes down.
    pub(super) fn overflow(&self) {
        if self.log_on_the_disk {
            // The connection is lost with all others.
            let _ = self.sql(
                "SELECT pg_logical_emit_message(false, 'full', repeat('x', 1000000)) \
                 FROM generate_series(1, 100)",
            );
        }
    }

    /// How often its log has this text.
    pub(super) fn said(&self, text: &str) -> usize {
        let log = fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&log).matches(text).count()
    }

    /// Stops it in order.
    pub(super) fn stop(&mut self) -> Result<()> {
        if let Some(first) = &self.first {
            process::signal("INT", &[first.id()]);
        }
        let ended = wait_until(Duration::from_secs(10), || !self.runs());
        ensure!(ended, "PostgreSQL does not stop");
        self.first = None;
        Ok(())
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    fn log(&self) -> PathBuf {
        self.directory.join("postgres.log")
    }

    /// A program of PostgreSQL's, as whoever may run it.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.directory).env("LC_ALL", "C");
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.thaw();
        self.kill(true);
    }
}

/// Whether nobody else was let in.
fn is_full(error: &anyhow::Error) -> bool {
    let text = format!("{error:#}");
    ["too many clients", "remaining connection slots"]
        .iter()
        .any(|words| text.contains(words))
}

/// A directory that belongs to the account.
fn make_dir(path: &Path, account: Option<Account>) -> Result<()> {
    fs::create_dir_all(path)?;
    for part in [path.to_owned(), path.join("disk")] {
        if let Some(account) = account.filter(|_| part.exists()) {
            chown(&part, Some(account.user), Some(account.group))?;
        }
    }
    Ok(())
}

//! A throw-away server in release mode with a database of its own, and PostgreSQL's client beside
//! it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::bench::{Settings, measure::Latencies};

pub(crate) struct Server {
    process: Child,
    directory: PathBuf,
    address: String,
    token: String,
    // Held open: the server writes to it.
    _output: BufReader<ChildStdout>,
}

impl Server {
    pub(super) fn start(settings: &Settings) -> Result<Self> {
        let program = settings.server()?;
        let directory = std::env::temp_dir().join(format!("pts-bench-{}", std::process::id()));
        // The account of the private database must be able to pass through.
        fs::DirBuilder::new().mode(0o711).create(&directory)?;
        let mut process = Command::new(&program)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--log-level",
                "warn",
                "--data-dir",
            ])
            .arg(&directory)
            // Nothing but what was sent may be there.
            .env("PTS__ITSELF__REPORT", "false")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut output = BufReader::new(process.stdout.take().context("no output")?);
        let mut first = String::new();
        output.read_line(&mut first)?;
        let Some((_, address)) = first.trim().rsplit_once("http://") else {
            // It has said why on standard error.
            let _ = fs::remove_dir_all(&directory);
            bail!("the server did not start");
        };
        let address = address.to_owned();
        let token = fs::read_to_string(directory.join("admin-token"))?
            .trim()
            .to_owned();
        Ok(Self {
            process,
            directory,
            address,
            token,
            _output: output,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Runs statements and returns what they print.
    pub(crate) fn psql(&self, statements: &str) -> Result<String> {
        let ran = self.client()?.args(["-qAt", "-c", statements]).output()?;
        ensure!(
            ran.status.success(),
            "psql: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
        Ok(String::from_utf8(ran.stdout)?)
    }

    /// Runs each statement on its own over one connection, and takes psql's word for the times.
    pub(super) fn timed(&self, prepare: &str, statements: &[String]) -> Result<Latencies> {
        let mut psql = self
            .client()?
            .args(["-qAt", "-o", "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let script = format!("{prepare};\n\\timing on\n{};\n", statements.join(";\n"));
        psql.stdin
            .take()
            .context("no input")?
            .write_all(script.as_bytes())?;
        let mut said = String::new();
        psql.stdout
            .take()
            .context("no output")?
            .read_to_string(&mut said)?;
        ensure!(psql.wait()?.success(), "psql failed");
        let times: Vec<Duration> = said
            .lines()
            .filter_map(|line| {
                line.strip_prefix("Time: ")?
                    .split(' ')
                    .next()?
                    .parse::<f64>()
                    .ok()
            })
            .map(|milliseconds| Duration::from_secs_f64(milliseconds / 1000.0))
            .collect();
        ensure!(
            times.len() == statements.len(),
            "psql told {} times",
            times.len()
        );
        Ok(Latencies::taken(times))
    }

    /// Runs a statement that prints much, and returns how long that took.
    pub(crate) fn discarded(&self, statement: &str) -> Result<Duration> {
        let mut psql = self.client()?;
        psql.args(["-qAt", "-o", "/dev/null", "-c", statement]);
        let began = Instant::now();
        ensure!(psql.status()?.success(), "psql failed");
        Ok(began.elapsed())
    }

    /// PostgreSQL's client, as it reaches the private database.
    fn client(&self) -> Result<Command> {
        let pid_file = self.directory.join("postgres/data/postmaster.pid");
        let content = fs::read_to_string(pid_file)?;
        let socket = content
            .lines()
            .nth(4)
            .context("no socket in postmaster.pid")?;
        let mut command = Command::new(program("psql"));
        command.args([
            "-X",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            "pts",
            "-d",
            "pts",
            "-h",
            socket,
        ]);
        Ok(command)
    }
}

/// A program of PostgreSQL's: from the usual place of Debian's packages, else from the PATH.
fn program(name: &str) -> PathBuf {
    let packaged = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<_> = packaged
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| Path::new(name).to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killing the server ends its database, which may take a moment to let go of its files.
        let _ = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

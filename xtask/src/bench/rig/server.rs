//! The server as a subject: on a database of the bench's own, with a token that may only write.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{ChildStdout, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    Database, Rig,
    process::{self, Process},
};
use crate::command;

const PATIENCE: Duration = Duration::from_secs(30);
const SAID_BYTES: usize = 2_000;

/// A server that is ready.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: String,
    /// From its start until it said that it can commit.
    pub(crate) ready: Duration,
    log: PathBuf,
    /// Held open: the server may write to it.
    _output: Option<BufReader<ChildStdout>>,
}

/// Brings a database into the shape that the server needs.
pub(super) fn migrate(rig: &Rig, database: &str) -> Result<()> {
    run(rig, database, &["migrate"])?;
    Ok(())
}

/// Makes a token and writes it into its file.
pub(super) fn token(rig: &Rig, database: &str, name: &str, scope: &str) -> Result<PathBuf> {
    let create = ["token", "create", "--name", name, "--scope", scope];
    let token = run(rig, database, &create)?;
    let file = rig.token_file(name);
    fs::write(&file, token.trim())?;
    Ok(file)
}

fn run(rig: &Rig, database: &str, arguments: &[&str]) -> Result<String> {
    let mut server = process::command(&rig.programs.server, None);
    server.args(arguments);
    server.args(["--database-url", &rig.cluster.url(database)]);
    server.arg("--data-dir").arg(&rig.directory);
    command::read(
        server
            .args(["--log-level", "error"])
            .current_dir(&rig.directory),
    )
}

impl Server {
    pub(crate) fn start(rig: &Rig, database: &Database<'_>) -> Result<Self> {
        let log = rig.directory.join("server.log");
        let mut command = process::command(&rig.programs.server, None);
        command.args(["--listen", "127.0.0.1:0", "--log-level", "warn"]);
        command.arg("--data-dir").arg(&rig.directory);
        command.args(["--database-url", &database.url()]);
        command.current_dir(&rig.directory);
        // What is stored is counted: nothing but what was sent may be there.
        command.env("PTS__ITSELF__REPORT", "false");
        command
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?);
        let began = Instant::now();
        let mut process = Process::spawn("pts-server", &mut command, "-TERM")?;
        let (address, output) = first_line(&mut process, &log)?;
        wait_for(&address, "/readyz", &mut process, &log)?;
        Ok(Self {
            ready: began.elapsed(),
            process,
            address,
            log,
            _output: Some(output),
        })
    }

    /// The endpoint that parses and keeps nothing.
    pub(crate) fn start_parse_only(rig: &Rig) -> Result<Self> {
        let log = rig.directory.join("parse-only.log");
        let mut command = process::command(&rig.programs.parse_only, None);
        command
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&log)?);
        let began = Instant::now();
        let mut process = Process::spawn("bench-parse-only", &mut command, "-TERM")?;
        let (address, output) = first_line(&mut process, &log)?;
        Ok(Self {
            process,
            address,
            ready: began.elapsed(),
            log,
            _output: Some(output),
        })
    }

    /// Any other program that speaks HTTP at an address known beforehand.
    pub(super) fn start_other(
        name: &str,
        command: &mut std::process::Command,
        address: String,
        ready: &str,
        log: &Path,
    ) -> Result<Self> {
        let out = fs::File::create(log)?;
        command.stdout(out.try_clone()?).stderr(out);
        let began = Instant::now();
        let mut process = Process::spawn(name, command, "-TERM")?;
        wait_for(&address, ready, &mut process, log)?;
        Ok(Self {
            process,
            address,
            ready: began.elapsed(),
            log: log.to_owned(),
            _output: None,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The last of what it has said about itself.
    pub(crate) fn said(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let from = log.ceil_char_boundary(log.len().saturating_sub(SAID_BYTES));
        log[from..].to_owned()
    }

    pub(crate) fn stop(mut self) {
        self.process.stop();
    }
}

/// Programs that take a free port say in their first line which.
fn first_line(process: &mut Process, log: &Path) -> Result<(String, BufReader<ChildStdout>)> {
    let output = process.child().stdout.take().context("no output")?;
    let mut output = BufReader::new(output);
    let mut first = String::new();
    output.read_line(&mut first)?;
    let Some((_, address)) = first.trim().rsplit_once("http://") else {
        bail!(
            "it did not start: {}",
            fs::read_to_string(log).unwrap_or_default()
        );
    };
    Ok((address.to_owned(), output))
}

fn wait_for(address: &str, path: &str, process: &mut Process, log: &Path) -> Result<()> {
    let began = Instant::now();
    while !answers(address, path) {
        if process.ended().is_some() || began.elapsed() > PATIENCE {
            let log = fs::read_to_string(log).unwrap_or_default();
            bail!("nothing is ready at {address}: {log}");
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn answers(address: &str, path: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.take(64).read_to_end(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 2"))
}

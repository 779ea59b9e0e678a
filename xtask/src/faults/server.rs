//! A `pts-server` from outside: started, asked, killed, started again on the same port.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{http::Client, machine::free_port, process, writer::wait_until};

/// Where libfaketime is, and the file that says what it tells.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    pub(super) library: PathBuf,
    pub(super) file: PathBuf,
}

impl Clock {
    /// Sets how far the clock is off.
    pub(super) fn set(&self, offset_s: i64) -> Result<()> {
        // Whole or not at all: it is read all the time.
        let partial = self.file.with_extension("new");
        fs::write(&partial, format!("{offset_s:+}\n"))?;
        fs::rename(&partial, &self.file)?;
        Ok(())
    }
}

/// What a sampler knows of a server: who it is now, and the most memory that it had.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pid: AtomicU32,
    peak: AtomicU64,
}

impl Memory {
    /// Looks, and remembers the most.
    pub(super) fn sample(&self) {
        let pid = self.pid.load(Ordering::Relaxed);
        if let Some(bytes) = (pid > 0).then(|| process::peak_rss(pid)).flatten() {
            self.peak.fetch_max(bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }
}

/// One server.
pub(super) struct Server {
    pub(super) name: String,
    program: PathBuf,
    directory: PathBuf,
    database: String,
    port: u16,
    clock: Option<Clock>,
    process: Option<Child>,
    pub(super) memory: Arc<Memory>,
}

impl Server {
    pub(super) fn new(
        program: &Path,
        directory: &Path,
        database: &str,
        clock: Option<Clock>,
    ) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let name = directory.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            program: program.to_owned(),
            directory: directory.to_owned(),
            database: database.to_owned(),
            port: free_port()?,
            clock,
            process: None,
            memory: Arc::default(),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The token that its first start made.
    pub(super) fn token(&self) -> Result<String> {
        let text = fs::read_to_string(self.directory.join("admin-token"))?;
        Ok(text.trim().to_owned())
    }

    /// Starts it and does not wait.
    pub(super) fn start(&mut self) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log())?;
        let mut command = self.command();
        command
            .args(["--listen", &self.address().to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        if let Some(clock) = &self.clock {
            command
                .env("LD_PRELOAD", &clock.library)
                .env("FAKETIME_TIMESTAMP_FILE", &clock.file)
                .env("FAKETIME_NO_CACHE", "1")
                // Waits are measured by a clock that does not jump, on real machines too.
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        self.memory.pid.store(child.id(), Ordering::Relaxed);
        self.process = Some(child);
        Ok(())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PTS__") {
                command.env_remove(name);
            }
        }
        command
            .current_dir(&self.directory)
            .arg("--data-dir")
            .arg(&self.directory)
            .args(["--database-url", &self.database])
            // No fault lasts longer: a server that starts meanwhile must see it through.
            .env("PTS__DATABASE__WAIT_S", "120")
            // What is stored is counted: nothing but what was sent may be there.
            .env("PTS__ITSELF__REPORT", "false");
        command
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When it ends instead, or takes too long.
    pub(super) fn ready(&mut self, within: Duration) -> Result<()> {
        let begun = Instant::now();
        // A short bound of its own: the question is asked again.
        let mut client = Client::new(self.address(), "").within(Duration::from_secs(2));
        let mut ended = None;
        let ready = wait_until(within, || {
            ended = self.ended();
            ended.is_some()
                || client
                    .get("/readyz")
                    .is_ok_and(|answer| answer.status == 200)
        });
        if let Some(status) = ended {
            bail!("{} ended by itself ({status})", self.name);
        }
        if !ready {
            bail!("{} is not ready after {:?}", self.name, begun.elapsed());
        }
        Ok(())
    }

    /// How it ended, if it did by itself.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut()?.try_wait().ok().flatten()
    }

    /// Kills it.
    pub(super) fn kill(&mut self) {
        self.memory.sample();
        self.memory.pid.store(0, Ordering::Relaxed);
        if let Some(mut child) = self.process.take() {
            // It may have ended by itself, which somebody will have noticed.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it as an operator would.
    ///
    /// # Errors
    /// When it does not stop, or not in order.
    pub(super) fn stop(&mut self) -> Result<()> {
        self.memory.sample();
        self.memory.pid.store(0, Ordering::Relaxed);
        let Some(mut child) = self.process.take() else {
            return Ok(());
        };
        process::signal("TERM", &[child.id()]);
        let mut status = None;
        wait_until(Duration::from_secs(15), || {
            status = child.try_wait().ok().flatten();
            status.is_some()
        });
        let Some(status) = status else {
            child.kill()?;
            child.wait()?;
            bail!("{} did not stop within 15 s of SIGTERM", self.name);
        };
        if !status.success() {
            bail!("{} stopped with {status}", self.name);
        }
        Ok(())
    }

    /// Runs one of its commands; returns what it prints, or what went wrong.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.command();
        command.args(arguments);
        let output = command.stdin(Stdio::null()).output()?;
        let (said, log) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        if !output.status.success() {
            bail!("`pts-server {}`: {said}{log}", arguments.join(" "));
        }
        Ok(said.into_owned())
    }

    fn log(&self) -> PathBuf {
        self.directory.join("server.log")
    }

    /// What its log ends with that tells of trouble: not the refusals, of which there are many.
    pub(super) fn last_words(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| is_telling(line)).collect();
        let from = lines.len().saturating_sub(WORDS);
        let lines = lines[from..].iter();
        lines.map(|line| format!("{}: {line}", self.name)).collect()
    }
}

/// So many lines of a log are shown.
const WORDS: usize = 12;

fn is_telling(line: &str) -> bool {
    // The last one is what the program says when it ends because of an error.
    let words = ["\"ERROR\"", "panicked", "pts-server: "];
    words.iter().any(|word| line.contains(word))
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

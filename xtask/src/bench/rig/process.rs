//! A process that does not outlive the measurement, however that ends.

use std::{
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running process.
pub(crate) struct Process {
    name: String,
    child: Child,
    /// What asks it to end.
    signal: &'static str,
}

/// A command for a program that is killed when this process ends, and, as root, that is run as
/// `account`. Started from the main thread, which lives as long as the measurement.
pub(super) fn command(program: impl AsRef<std::ffi::OsStr>, account: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    // For PostgreSQL: an orderly end, which takes its children with it.
    command.args(["--pdeathsig", "INT"]);
    if let Some(account) = account {
        command.args(["--reuid", account, "--regid", account, "--clear-groups"]);
    }
    command.arg("--").arg(program);
    command
}

impl Process {
    /// Starts it.
    pub(super) fn spawn(name: &str, command: &mut Command, signal: &'static str) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name} (by setpriv, of util-linux)"))?;
        Ok(Self {
            name: name.into(),
            child,
            signal,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to end and waits; kills it when it takes too long.
    pub(crate) fn stop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let _ = Command::new("kill")
            .args([self.signal, &self.child.id().to_string()])
            .status();
        let began = Instant::now();
        while self.ended().is_none() {
            if began.elapsed() > PATIENCE {
                eprintln!("{} does not end by itself and is killed", self.name);
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

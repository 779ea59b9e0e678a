//! Asking the load to run, and reading what it tells.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{LOAD, Pace, Rig, Server, process};

/// Events that are posted.
pub(crate) struct Post<'a> {
    pub(crate) subject: &'a Server,
    pub(crate) path: &'a str,
    pub(crate) connections: usize,
    /// Events of a request; 0 for one without an array.
    pub(crate) batch: usize,
    /// Whose the events are; several share the connections.
    pub(crate) tokens: Vec<PathBuf>,
    /// More than what is told by default.
    pub(crate) more: Vec<String>,
    pub(crate) pace: Pace,
}

/// What a load told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) windows: Vec<Window>,
    /// Events, from its first to its last moment.
    pub(crate) acknowledged: u64,
    /// Resident before the load, by process, in KiB.
    pub(crate) idle_kib: BTreeMap<String, u64>,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<String, u64>,
    first_error: Option<String>,
}

/// What a load told of one window of time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Window {
    pub(crate) seconds: f64,
    pub(crate) events: u64,
    pub(crate) p50_s: f64,
    pub(crate) p99_s: f64,
    /// Processor time by process.
    pub(crate) cpu_s: BTreeMap<String, f64>,
    /// Resident by process: as each has it, and with what is shared divided.
    pub(crate) rss_kib: BTreeMap<String, u64>,
    pub(crate) pss_kib: BTreeMap<String, u64>,
}

impl Window {
    #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 events")]
    pub(crate) fn rate(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// Processor time of a process for each event, in seconds.
    #[expect(clippy::cast_precision_loss, reason = "nobody sends 2^52 events")]
    pub(crate) fn cpu_per_event_s(&self, process: &str) -> Option<f64> {
        let cpu = self.cpu_s.get(process)?;
        (self.events > 0).then(|| cpu / self.events as f64)
    }
}

impl Told {
    /// The only window of a load that had one.
    pub(crate) fn window(&self) -> Result<&Window> {
        self.windows.first().context("the load told of no window")
    }

    /// Fails where anything was refused or went wrong.
    pub(crate) fn clean(&self) -> Result<()> {
        match &self.first_error {
            Some(error) => bail!("{:?}, the first: {error}", self.statuses),
            None => Ok(()),
        }
    }
}

impl Told {
    /// Answers that said to come again later.
    pub(crate) fn refusals(&self) -> u64 {
        let refused = |status| self.statuses.get(status).copied().unwrap_or(0);
        refused("429") + refused("503")
    }

    /// Fails where anything but that went wrong.
    pub(crate) fn only_refused(&self) -> Result<()> {
        let harmless = |status: &str| status.starts_with('2') || ["429", "503"].contains(&status);
        if self.statuses.keys().all(|status| harmless(status)) {
            Ok(())
        } else {
            self.clean()
        }
    }
}

impl<'a> Post<'a> {
    /// Single events to the server, as many as it takes.
    pub(crate) fn new(rig: &Rig, subject: &'a Server, connections: usize) -> Self {
        Self {
            subject,
            path: "/v1/events",
            connections,
            batch: 0,
            tokens: vec![rig.token_file(LOAD)],
            more: Vec::new(),
            pace: rig.pace,
        }
    }

    /// Posts for the time of its pace.
    pub(crate) fn run(&self, rig: &Rig) -> Result<Told> {
        finish(self.start(rig)?)
    }

    /// Begins to post; to be [`finish`]ed.
    pub(crate) fn start(&self, rig: &Rig) -> Result<Child> {
        let mut command = command(rig, "http");
        command.args(["--address", &self.subject.address, "--path", self.path]);
        for token in &self.tokens {
            command.arg("--token-file").arg(token);
        }
        command.args(["--connections", &self.connections.to_string()]);
        command.args(["--batch", &self.batch.to_string()]);
        command.args(windows(rig, self.pace));
        command.arg(format!("--watch=subject={}", self.subject.pid()));
        command.args(&self.more);
        spawn(command)
    }
}

/// Copies rows for the time of its pace.
pub(crate) fn copy(rig: &Rig, url: &str, connections: usize, more: &[String]) -> Result<Told> {
    let mut command = command(rig, "copy");
    command.args(["--connect", url, "--connections", &connections.to_string()]);
    command.args(windows(rig, rig.pace)).args(more);
    finish(spawn(command)?)
}

/// Copies so many rows.
pub(super) fn fill(rig: &Rig, url: &str, rows: u64) -> Result<()> {
    let mut command = command(rig, "copy");
    command.args(["--connect", url, "--connections=2"]);
    command.arg(format!("--rows={rows}"));
    let told = finish(spawn(command)?)?;
    ensure!(told.acknowledged == rows, "{rows} rows were not copied");
    Ok(())
}

/// Runs another program's load, and tells what it cost.
pub(super) fn run_other(rig: &Rig, program: &Command) -> Result<(Window, String)> {
    let mut command = command(rig, "run");
    command.arg(format!("--watch=postgres={}", rig.cluster.pid()));
    command
        .arg("--")
        .arg(program.get_program())
        .args(program.get_args());
    if let Some(directory) = program.get_current_dir() {
        command.current_dir(directory);
    }
    let output = spawn(command)?.wait_with_output()?;
    ensure!(output.status.success(), "{program:?} failed");
    let text = String::from_utf8(output.stdout)?;
    let (said, told) = text.trim_end().rsplit_once('\n').context("no costs")?;
    Ok((window(&serde_json::from_str(told)?), said.to_owned()))
}

/// Seconds that a flush takes at the median, where PostgreSQL keeps its data and as it meets it.
pub(super) fn flush(rig: &Rig) -> Result<f64> {
    let mut command = command(rig, "flush");
    let data = rig.cluster.data().parent().map(PathBuf::from);
    command
        .arg("--directory")
        .arg(data.context("no directory")?);
    if let Some(library) = &rig.cluster.preload {
        command.env("LD_PRELOAD", library);
    }
    let output = spawn(command)?.wait_with_output()?;
    ensure!(output.status.success(), "no flush could be measured");
    let told: Value = serde_json::from_slice(&output.stdout)?;
    seconds(&told, "p50_us").context("no time of a flush")
}

/// Events of the mix, as they are sent.
pub(super) fn show(rig: &Rig, count: usize) -> Result<Vec<Value>> {
    let mut command = command(rig, "show");
    let output = command.args(["--count", &count.to_string()]).output()?;
    let lines = String::from_utf8(output.stdout)?;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).context("an event"))
        .collect()
}

fn command(rig: &Rig, what: &str) -> Command {
    let mut command = process::command(&rig.programs.load, None);
    command.arg(what);
    command
}

fn windows(rig: &Rig, pace: Pace) -> [String; 3] {
    [
        format!("--warm-ms={}", pace.warm.as_millis()),
        format!("--window-ms={}", pace.window.as_millis()),
        format!("--watch=postgres={}", rig.cluster.pid()),
    ]
}

fn spawn(mut command: Command) -> Result<Child> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    child.context("cannot start the load")
}

/// Waits for a load to end and reads what it told.
pub(crate) fn finish(load: Child) -> Result<Told> {
    let output = load.wait_with_output()?;
    ensure!(output.status.success(), "the load failed");
    read(&String::from_utf8(output.stdout)?)
}

fn read(lines: &str) -> Result<Told> {
    let mut told = Told::default();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).context("the load told no JSON")?;
        if let Some(acknowledged) = line["acknowledged"].as_u64() {
            told.acknowledged = acknowledged;
            told.idle_kib = by_name(&line["idle_rss_kib"], Value::as_u64);
            told.statuses = by_name(&line["statuses"], Value::as_u64);
            told.first_error = line["first_error"].as_str().map(str::to_owned);
        } else {
            told.windows.push(window(&line));
        }
    }
    Ok(told)
}

fn window(line: &Value) -> Window {
    Window {
        seconds: line["seconds"].as_f64().unwrap_or(f64::NAN),
        events: line["events"].as_u64().unwrap_or(0),
        p50_s: seconds(line, "p50_us").unwrap_or(f64::NAN),
        p99_s: seconds(line, "p99_us").unwrap_or(f64::NAN),
        cpu_s: by_name(&line["cpu_s"], Value::as_f64),
        rss_kib: by_name(&line["rss_kib"], Value::as_u64),
        pss_kib: by_name(&line["pss_kib"], Value::as_u64),
    }
}

fn seconds(line: &Value, name: &str) -> Option<f64> {
    Some(line[name].as_f64()? / 1e6)
}

fn by_name<T>(object: &Value, read: impl Fn(&Value) -> Option<T>) -> BTreeMap<String, T> {
    let entries = object.as_object().into_iter().flatten();
    entries
        .filter_map(|(name, value)| Some((name.clone(), read(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = r#"{"seconds":2.0,"events":3000,"p50_us":1500,"p99_us":4000,"max_us":9000,"statuses":{"201":3000},"cpu_s":{"load":0.6,"subject":1.5},"rss_kib":{"subject":20480},"pss_kib":{}}
{"acknowledged":3500,"statuses":{"201":3500},"first_error":null,"idle_rss_kib":{"subject":9000}}
"#;

    #[test]
    fn what_the_load_tells_is_read() {
        let told = read(TOLD).expect("a report");
        told.clean().expect("nothing failed");
        assert_eq!(told.acknowledged, 3500);
        assert_eq!(told.idle_kib["subject"], 9000);
        let window = told.window().expect("a window");
        assert!((window.rate() - 1500.0).abs() < 1e-9);
        assert!((window.p99_s - 0.004).abs() < 1e-9);
        let each = window.cpu_per_event_s("subject").expect("watched");
        assert!((each - 0.0005).abs() < 1e-9);
        assert!(window.cpu_per_event_s("postgres").is_none());
    }

    #[test]
    fn a_load_that_was_refused_something_is_not_clean() {
        let refused = TOLD.replace("null", "\"503: full\"");
        let error = read(&refused)
            .expect("a report")
            .clean()
            .expect_err("refused");
        assert!(error.to_string().contains("503: full"), "{error}");
    }

    #[test]
    fn refusals_are_counted_and_nothing_else_is_overlooked() {
        let told = |statuses: &str| {
            let told = TOLD.replace(r#"{"201":3500},"first_error":null"#, statuses);
            read(&told).expect("a report")
        };
        let refused = told(r#"{"201":9,"429":2,"503":3},"first_error":"429: full""#);
        assert_eq!(refused.refusals(), 5);
        refused.only_refused().expect("no errors");
        let failed = told(r#"{"201":9,"500":1},"first_error":"500: broken""#);
        assert!(failed.only_refused().is_err());
    }
}

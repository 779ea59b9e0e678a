//! Starts the program, reads its banner, and asks it things.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A directory that the account of a private database can reach.
pub(crate) fn data_dir() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

/// The program with a data directory, and nothing else from the environment of the tests.
pub(crate) fn program(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pts-server"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PTS__") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(data_dir)
        .arg("--data-dir")
        .arg(data_dir)
        // Tests of other things count events.
        .env("PTS__ITSELF__REPORT", "false")
        .kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn run(data_dir: &Path, arguments: &[&str]) -> Output {
    let ran = program(data_dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    tokio::time::timeout(PATIENCE, ran).await.unwrap().unwrap()
}

/// A running server.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) banner: String,
    pub(crate) token: String,
    pub(crate) client: Client,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts one and waits until it says where it listens.
    pub(crate) async fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        Self::start_with(data_dir, arguments, &[]).await
    }

    /// The same with more in its environment.
    pub(crate) async fn start_with(
        data_dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_watched(data_dir, arguments, environment, Stdio::inherit()).await
    }

    /// The same with another place for its log.
    pub(crate) async fn start_watched(
        data_dir: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut child = program(data_dir)
            .envs(environment.iter().copied())
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        let reading = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                banner.push_str(&line);
                banner.push('\n');
                if line.trim_start().starts_with("curl") {
                    return;
                }
            }
            panic!("the server ended before it was ready");
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap();
        let url = banner
            .lines()
            .next()
            .unwrap()
            .rsplit(' ')
            .next()
            .unwrap()
            .to_owned();
        // Where another server made it, the test says what it is.
        let token = std::fs::read_to_string(data_dir.join("admin-token")).unwrap_or_default();
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let token = token.trim().to_owned();
        Self {
            child,
            url,
            banner,
            token,
            client,
            _stdout: lines,
        }
    }

    /// Asks with the admin token.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let (status, _, body) = self.ask_fully(method, path, body).await;
        (status, body)
    }

    pub(crate) async fn ask_fully(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, reqwest::header::HeaderMap, Value) {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .timeout(PATIENCE);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        (
            status,
            headers,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, "/v1/events", Some(body)).await
    }

    /// Waits until something holds, asking again and again; returns how long it took.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !holds(self).await {
            assert!(
                begun.elapsed() < PATIENCE,
                "it never came to be that {what}"
            );
            tokio::task::yield_now().await;
        }
        begun.elapsed()
    }

    /// Sends a signal, by name, and waits for the end.
    pub(crate) async fn end(mut self, signal: &str) -> std::process::ExitStatus {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap()
    }
}

/// A deployment's life, as a pipeline would report it.
pub(crate) fn deployment(id: &str, version: &str) -> [Value; 2] {
    let data = json!({
        "service": "payments", "environment": "production", "deployment_id": id,
        "version": version, "commit_time": "2026-01-01T00:00:00Z"
    });
    ["started", "succeeded"].map(|verb| {
        json!({
            "type": format!("deployment.{verb}"), "source": "ci", "id": format!("{id}-{verb}"),
            "data": data
        })
    })
}

/// Sends a signal, by name, to a process.
pub(crate) fn signal(name: &str, pid: u32) {
    let sent = std::process::Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

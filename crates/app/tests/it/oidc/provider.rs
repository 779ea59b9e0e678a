//! A real provider: `oidc-provider` behind the program in `xtask/oidc/provider.mjs`.

use std::process::Stdio;

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::harness::PATIENCE;

/// Where browsers are sent back to; nothing is there, a test goes to the server instead.
pub(super) const PUBLIC: &str = "http://pts.test";

/// A provider that runs.
pub(super) struct Provider {
    child: Child,
    pub(super) issuer: String,
}

impl Provider {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(super) async fn start_with(environment: &[(&str, &str)]) -> Self {
        let program = std::env::var_os("PTS_OIDC_PROVIDER");
        let program = program.expect("`cargo xtask oidc` says where the provider is");
        let mut child = Command::new("node")
            .arg(program)
            .env("REDIRECT_URI", format!("{PUBLIC}/signin/callback"))
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Node.js is there");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.starts_with("http://") {
                    return line;
                }
            }
            panic!("the provider ended before it was ready");
        };
        let issuer = tokio::time::timeout(PATIENCE, said).await.unwrap();
        Self { child, issuer }
    }

    /// Has it do what a provider must not.
    pub(super) async fn told(&self, what: &str, how: &Value) {
        let url = format!("{}/test/{what}", self.issuer);
        let told = Client::new().post(url).json(how).send().await.unwrap();
        assert!(told.status().is_success());
    }

    /// Ends it, and tells where it was.
    pub(super) async fn stop(mut self) -> String {
        self.child.kill().await.unwrap();
        self.issuer.rsplit(':').next().unwrap().to_owned()
    }
}

//! What these tests share: a data directory, a connection, waiting for a condition.

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Far longer than anything here takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// A temporary directory that the unprivileged account may pass through.
pub(crate) fn open_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    dir
}

pub(crate) fn options(data_dir: impl Into<PathBuf>) -> ClusterOptions {
    // The machine also runs other tests: little memory each, and nobody's default changes.
    ClusterOptions {
        // Set it to run all of this against another major version than the machine's.
        bin_dir: std::env::var_os("PTS_TEST_POSTGRES_BIN").map(PathBuf::from),
        settings: vec![("shared_buffers".to_owned(), "16MB".to_owned())],
        ..ClusterOptions::new(data_dir)
    }
}

pub(crate) async fn start(data_dir: impl Into<PathBuf>) -> Cluster {
    Cluster::start(options(data_dir)).await.unwrap()
}

/// A connection; None while the server is away.
pub(crate) async fn try_connect(url: &str) -> Option<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.ok()?;
    tokio::spawn(connection);
    Some(client)
}

pub(crate) async fn connect(url: &str) -> Client {
    try_connect(url).await.expect("the cluster answers")
}

/// Adds a row and returns once it is committed.
pub(crate) async fn remember(client: &Client, row: i32) {
    client
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS kept (row int); INSERT INTO kept VALUES ({row})"
        ))
        .await
        .unwrap();
}

pub(crate) async fn remembered(client: &Client) -> Vec<i32> {
    let rows = client
        .query("SELECT row FROM kept ORDER BY row", &[])
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// One setting or other answer in text.
pub(crate) async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut ask: impl FnMut() -> F,
) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| panic!("never came true: {what}"))
}

pub(crate) fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

/// Whether a process runs; one that was killed and only waits to be reaped does not.
pub(crate) fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .starts_with(" Z")
    })
}

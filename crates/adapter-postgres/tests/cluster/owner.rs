//! The process that owns a cluster, killed: nothing outlives it, and the next one takes over.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cluster::support::{
    connect, eventually, kill, lives, open_dir, remember, remembered, start,
};

const DATA_DIR: &str = "PTS_TEST_CLUSTER_OWNER_OF";

/// Not a test of its own: the owner that the tests below run in a process and kill.
#[tokio::test]
#[ignore = "run by the tests of this file in a process of its own"]
async fn owner_process() {
    let Some(data_dir) = std::env::var_os(DATA_DIR).map(PathBuf::from) else {
        return; // Somebody runs the ignored tests, too.
    };
    let cluster = start(data_dir).await;
    println!(
        "\nOWNER {} {}",
        cluster.pid().expect("it runs"),
        cluster.url()
    );
    std::future::pending::<()>().await;
}

struct Owner {
    child: Child,
    postmaster: u32,
    url: String,
}

impl Owner {
    fn of(data_dir: &Path, path: Option<&str>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "cluster::owner::owner_process",
                "--ignored",
                "--nocapture",
            ])
            .env(DATA_DIR, data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let mut child = command.spawn().unwrap();
        let line = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap)
            .find(|line| line.starts_with("OWNER "))
            .expect("the owner starts its cluster");
        let mut words = line.split(' ').skip(1);
        let postmaster = words.next().unwrap().parse().unwrap();
        Self {
            child,
            postmaster,
            url: words.next().unwrap().to_owned(),
        }
    }

    fn kill(&mut self) {
        kill(self.child.id());
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn nothing_outlives_an_owner_that_is_killed_and_the_next_one_has_its_rows() {
    let dir = open_dir();
    for round in 1..=2 {
        let mut owner = Owner::of(dir.path(), None);
        remember(&connect(&owner.url).await, round).await;
        owner.kill();
        eventually("the postmaster is gone", || async {
            (!lives(owner.postmaster)).then_some(())
        })
        .await;
    }
    let next = start(dir.path()).await;
    assert_eq!(remembered(&connect(next.url()).await).await, [1, 2]);
    next.stop().await;
}

#[tokio::test]
async fn the_next_owner_does_not_wait_for_the_postmaster_of_a_killed_one_to_be_gone() {
    let dir = open_dir();
    let mut owner = Owner::of(dir.path(), None);
    remember(&connect(&owner.url).await, 1).await;
    owner.kill();
    let next = start(dir.path()).await;
    assert_eq!(remembered(&connect(next.url()).await).await, [1]);
    assert!(!lives(owner.postmaster));
    next.stop().await;
}

#[tokio::test]
async fn where_a_postmaster_outlives_its_owner_the_next_one_stops_it() {
    let dir = open_dir();
    // A search path without `setpriv`: nobody tells the postmaster that its owner is gone.
    let mut owner = Owner::of(dir.path(), Some("/nonexistent"));
    remember(&connect(&owner.url).await, 1).await;
    owner.kill();
    remember(&connect(&owner.url).await, 2).await;
    assert!(lives(owner.postmaster), "it was to outlive its owner");

    let next = start(dir.path()).await;
    assert!(!lives(owner.postmaster));
    assert_eq!(remembered(&connect(next.url()).await).await, [1, 2]);
    next.stop().await;
}

#[tokio::test]
async fn an_owner_killed_while_it_makes_a_cluster_leaves_nothing_half_made() {
    let dir = open_dir();
    let home = dir.path().join("postgres");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cluster::owner::owner_process", "--ignored"])
        .env(DATA_DIR, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("initdb has begun to write", || async {
        let entries = std::fs::read_dir(&home).ok()?;
        entries
            .flatten()
            .any(|entry| entry.path().join("base").exists() && !entry.path().ends_with("data"))
            .then_some(())
    })
    .await;
    kill(child.id());
    child.wait().unwrap();
    assert!(
        !home.join("data").exists(),
        "it was done before it was killed"
    );

    let next = start(dir.path()).await;
    remember(&connect(next.url()).await, 1).await;
    let left: Vec<_> = std::fs::read_dir(&home)
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().starts_with("initdb-"))
        .collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
    next.stop().await;
}

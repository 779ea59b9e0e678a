//! What a start refuses, and in which words; and what it shrugs off.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use pts_adapter_postgres::cluster::{Cluster, ClusterError};

use crate::cluster::support::{connect, open_dir, options, remember, remembered, start};

async fn refused(data_dir: &Path) -> ClusterError {
    match Cluster::start(options(data_dir)).await {
        Ok(_) => panic!("{} was accepted", data_dir.display()),
        Err(error) => error,
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test]
async fn a_second_start_on_the_same_directory_is_told_who_has_it() {
    let dir = open_dir();
    let first = start(dir.path()).await;
    let error = refused(dir.path()).await;
    assert!(matches!(error, ClusterError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(dir.path().to_str().unwrap()), "{text}");
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );

    remember(&connect(first.url()).await, 1).await;
    first.stop().await;
    start(dir.path()).await.stop().await;
}

#[tokio::test]
async fn a_pid_file_that_names_a_living_stranger_is_stale() {
    let dir = open_dir();
    let first = start(dir.path()).await;
    remember(&connect(first.url()).await, 1).await;
    let sockets = first.socket_dir().to_owned();
    first.stop().await;

    // As after a power cut, with the id now some other process's: this one's.
    let pgdata = dir.path().join("postgres/data");
    let stale = format!(
        "{}\n{}\n1\n5432\n\n\n\nready\n",
        std::process::id(),
        pgdata.display()
    );
    fs::write(pgdata.join("postmaster.pid"), &stale).unwrap();
    fs::write(sockets.join(".s.PGSQL.5432.lock"), &stale).unwrap();

    let second = start(dir.path()).await;
    assert_eq!(remembered(&connect(second.url()).await).await, [1]);
    second.stop().await;
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_refused_and_left_alone() {
    let dir = open_dir();
    start(dir.path()).await.stop().await;
    let version = dir.path().join("postgres/data/PG_VERSION");
    let made_by = fs::read_to_string(&version).unwrap();
    fs::write(&version, "99\n").unwrap();

    let error = refused(dir.path()).await;
    assert!(
        matches!(error, ClusterError::WrongMajor { wanted: 99, .. }),
        "{error}"
    );
    let text = error.to_string();
    assert!(text.contains("made by PostgreSQL 99"), "{text}");
    assert!(text.contains(&format!("only {}", made_by.trim())), "{text}");
    assert!(text.contains("install"), "{text}");

    fs::write(&version, made_by).unwrap();
    start(dir.path()).await.stop().await;
}

#[tokio::test]
async fn what_is_not_a_cluster_is_not_touched() {
    let dir = open_dir();
    let pgdata = dir.path().join("postgres/data");
    fs::create_dir_all(&pgdata).unwrap();
    fs::write(pgdata.join("thesis.txt"), "all of it").unwrap();

    let error = refused(dir.path()).await;
    assert!(matches!(error, ClusterError::NotACluster { .. }), "{error}");
    assert_eq!(
        fs::read_to_string(pgdata.join("thesis.txt")).unwrap(),
        "all of it"
    );
}

#[tokio::test]
async fn a_directory_the_unprivileged_account_cannot_reach_is_named() {
    if !is_root() {
        return; // Another account does not change its user, and can reach what it can reach.
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let error = refused(&dir.path().join("below")).await;
    let text = error.to_string();
    assert!(
        matches!(error, ClusterError::NotTraversable { .. }),
        "{text}"
    );
    assert!(
        text.contains(&format!("chmod o+x {}", dir.path().display())),
        "{text}"
    );
}

#[tokio::test]
async fn root_never_owns_the_cluster_and_takes_one_it_restored_for_the_same_account() {
    if !is_root() {
        return; // Only root has somebody to give it to.
    }
    let dir = open_dir();
    let first = start(dir.path()).await;
    remember(&connect(first.url()).await, 1).await;
    let pgdata = dir.path().join("postgres/data");
    let owner = fs::metadata(&pgdata).unwrap().uid();
    assert_ne!(owner, 0);
    assert_eq!(fs::metadata(&pgdata).unwrap().mode() & 0o777, 0o700);
    assert_eq!(
        fs::metadata(first.socket_dir()).unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(fs::metadata(first.socket_dir()).unwrap().uid(), owner);
    first.stop().await;

    let owned = std::process::Command::new("chown")
        .args(["-R", "0:0"])
        .arg(&pgdata)
        .status();
    assert!(owned.unwrap().success());
    let second = start(dir.path()).await;
    assert_eq!(fs::metadata(&pgdata).unwrap().uid(), owner);
    assert_eq!(remembered(&connect(second.url()).await).await, [1]);
    second.stop().await;
}

#[tokio::test]
async fn a_setting_the_server_refuses_is_told_in_its_words_and_frees_the_directory() {
    let dir = open_dir();
    let mut chosen = options(dir.path());
    chosen
        .settings
        .push(("no_such_setting".to_owned(), "1".to_owned()));
    let error = Cluster::start(chosen).await.unwrap_err();
    assert!(matches!(error, ClusterError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no_such_setting"), "{error}");
    start(dir.path()).await.stop().await;
}

#[tokio::test]
async fn a_named_directory_without_programs_is_refused() {
    let dir = open_dir();
    let mut chosen = options(dir.path());
    chosen.bin_dir = Some(dir.path().join("bin"));
    let error = Cluster::start(chosen).await.unwrap_err();
    assert!(matches!(error, ClusterError::BinDir { .. }), "{error}");
    assert!(error.to_string().contains("initdb is missing"), "{error}");
}

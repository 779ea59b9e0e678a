//! From the first start to the last: what is kept, and what comes back.

use std::time::Instant;

use pts_adapter_postgres::cluster::{Cluster, ClusterState};

use crate::cluster::support::{
    connect, eventually, kill, lives, open_dir, options, remember, remembered, start, text,
    try_connect,
};

#[tokio::test]
async fn the_first_start_makes_a_cluster_and_the_second_keeps_its_rows() {
    let dir = open_dir();
    let data_dir = dir.path().join("new/pts-data");

    let began = Instant::now();
    let first = start(&data_dir).await;
    println!("first start: {:?}", began.elapsed());
    let pid = first.pid().expect("it runs");
    let client = connect(first.url()).await;
    remember(&client, 1).await;
    assert_eq!(text(&client, "SHOW fsync").await, "on");
    assert_eq!(text(&client, "SHOW data_checksums").await, "on");
    assert_eq!(text(&client, "SHOW server_encoding").await, "UTF8");
    assert_eq!(text(&client, "SHOW listen_addresses").await, "");
    assert_eq!(text(&client, "SHOW max_connections").await, "60");
    assert_eq!(
        text(&client, "SELECT current_user || '@' || current_database()").await,
        "pts@pts"
    );
    assert_eq!(
        text(&client, "SELECT upper('straße é')")
            .await
            .chars()
            .last(),
        Some('É')
    );
    let began = Instant::now();
    first.stop().await;
    println!("stop with a session open: {:?}", began.elapsed());
    assert!(!lives(pid), "the postmaster outlived its stop");
    assert_eq!(first.pid(), None);
    assert_eq!(*first.state().borrow(), ClusterState::Stopped);

    let began = Instant::now();
    let second = start(&data_dir).await;
    println!("second start: {:?}", began.elapsed());
    assert_eq!(second.url(), first.url());
    assert_eq!(remembered(&connect(second.url()).await).await, [1]);
    second.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_postmaster_that_is_killed_comes_back_with_every_row() {
    let dir = open_dir();
    let cluster = start(dir.path()).await;
    for round in 1..=3 {
        remember(&connect(cluster.url()).await, round).await;
        let before = cluster.pid().expect("it runs");
        let began = Instant::now();
        kill(before);
        let seen = cluster.exited().await;
        assert_ne!(seen, ClusterState::Running { pid: before });

        let mut state = cluster.state();
        state
            .wait_for(|now| matches!(now, ClusterState::Running { pid } if *pid != before))
            .await
            .unwrap();
        println!("back after {:?}", began.elapsed());
        let client = connect(cluster.url()).await;
        assert_eq!(remembered(&client).await, (1..=round).collect::<Vec<_>>());
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_dropped_cluster_stops_and_frees_its_directory() {
    let dir = open_dir();
    let cluster = start(dir.path()).await;
    let pid = cluster.pid().expect("it runs");
    drop(cluster);
    eventually("the postmaster is gone", || async {
        (!lives(pid)).then_some(())
    })
    .await;
    let again = eventually("the directory is free", || async {
        Cluster::start(options(dir.path())).await.ok()
    })
    .await;
    again.stop().await;
}

#[tokio::test]
async fn a_start_that_is_given_up_leaves_nothing_running() {
    let dir = open_dir();
    let starting = tokio::spawn(Cluster::start(options(dir.path())));
    let lock = dir.path().join("postgres.lock");
    eventually("the start is under way", || async {
        lock.exists().then_some(())
    })
    .await;
    starting.abort();
    assert!(
        starting.await.is_err(),
        "it was over before it was given up"
    );
    let again = eventually("the directory is free", || async {
        Cluster::start(options(dir.path())).await.ok()
    })
    .await;
    assert_eq!(
        text(&connect(again.url()).await, "SELECT 'here'").await,
        "here"
    );
    again.stop().await;
}

#[tokio::test]
async fn a_data_directory_of_any_length_or_spelling_gets_a_short_socket_path() {
    let dir = open_dir();
    let data_dir = dir
        .path()
        .join("a long name, with spaces and a comma".repeat(5));
    let cluster = start(&data_dir).await;
    let sockets = cluster.socket_dir().to_owned();
    assert!(sockets.as_os_str().len() < 93, "{}", sockets.display());
    assert!(!sockets.starts_with(dir.path()), "{}", sockets.display());
    remember(&connect(cluster.url()).await, 1).await;
    cluster.stop().await;
    assert!(!sockets.exists(), "{} was left behind", sockets.display());

    let again = start(&data_dir).await;
    assert_eq!(remembered(&connect(again.url()).await).await, [1]);
    again.stop().await;
}

#[tokio::test]
async fn the_callers_settings_win() {
    let dir = open_dir();
    let mut chosen = options(dir.path());
    chosen
        .settings
        .push(("max_connections".to_owned(), "17".to_owned()));
    let cluster = Cluster::start(chosen).await.unwrap();
    assert_eq!(
        text(&connect(cluster.url()).await, "SHOW max_connections").await,
        "17"
    );
    let url = cluster.url().to_owned();
    cluster.stop().await;
    assert!(
        try_connect(&url).await.is_none(),
        "it answers after its stop"
    );
}

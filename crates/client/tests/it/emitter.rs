//! The emitter: nothing that happens to the server reaches its host, and every event is counted.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use pts_client::{Emitter, EmitterOptions, Event, Tally};

use crate::scripted::{Act, Scripted, answer};
use crate::support::{PATIENCE, Server, notice, options};

fn adds_up(tally: Tally) {
    let sum = tally.stored + tally.waiting + tally.dropped();
    assert_eq!(tally.emitted, sum, "{tally:?}");
}

#[tokio::test]
async fn what_is_emitted_by_many_threads_is_stored_once() {
    let server = Server::start().await;
    let emitter = Emitter::start(server.options(), EmitterOptions::default()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let emitter = emitter.clone();
            std::thread::spawn(move || {
                (0..500)
                    .filter(|id| emitter.emit(&notice(thread * 500 + id)))
                    .count()
            })
        })
        .collect();
    let taken: usize = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .sum();
    assert_eq!(taken, 2_000);
    assert!(emitter.flush(PATIENCE).await);
    let tally = emitter.tally();
    assert_eq!(
        (tally.emitted, tally.stored, tally.waiting),
        (2_000, 2_000, 0)
    );
    // A repeat and one that is no event: neither hurts the other.
    emitter.emit(&notice(0));
    emitter.emit(&Event::new("deployment.strated", "client"));
    let tally = emitter.shutdown(PATIENCE).await;
    assert_eq!((tally.stored, tally.refused), (2_001, 1));
    adds_up(tally);
}

#[tokio::test]
async fn while_the_server_is_away_events_wait_and_then_arrive() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    // Tokens are made from the same seed: the one of this server is good on the next one.
    let token = Server::start().await.admin;
    let emitter = Emitter::start(options(address, &token), EmitterOptions::default()).unwrap();
    let begun = Instant::now();
    assert!((0..1_000).all(|id| emitter.emit(&notice(id))));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "the host is not held up"
    );
    assert!(!emitter.flush(Duration::from_millis(50)).await);
    assert_eq!(emitter.tally().waiting, 1_000);
    let server = Server::at(TcpListener::bind(address).unwrap()).await;
    assert_eq!(server.admin, token);
    assert!(emitter.flush(PATIENCE).await);
    assert_eq!(emitter.shutdown(PATIENCE).await.stored, 1_000);
}

#[tokio::test]
async fn an_end_is_bounded_and_what_is_given_up_is_counted() {
    let server = Scripted::start(vec![Act::Silence]).await;
    let few = EmitterOptions {
        most_events: 10,
        ..EmitterOptions::default()
    };
    let emitter = Emitter::start(options(server.address, "t"), few).unwrap();
    assert_eq!((0..25).filter(|id| emitter.emit(&notice(*id))).count(), 10);
    let other = emitter.clone();
    let begun = Instant::now();
    let tally = emitter.shutdown(Duration::from_millis(100)).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!((tally.full, tally.abandoned, tally.waiting), (15, 10, 0));
    adds_up(tally);
    assert!(!other.emit(&notice(1)), "after the end nothing is taken");
    assert!(!other.flush(Duration::from_millis(10)).await);
    assert_eq!(other.tally().closed, 1);
    adds_up(other.shutdown(Duration::from_millis(10)).await);
}

#[tokio::test]
async fn a_batch_that_is_too_long_for_the_server_is_halved() {
    let too_long = answer("413 Too Large", "", "{}");
    let one = r#"{"created":1,"duplicates":0,"rejected":0,"items":[{"index":0,"status":"created","code":201}]}"#;
    let server = Scripted::start(vec![too_long, answer("200 OK", "", one)]).await;
    let emitter = Emitter::start(options(server.address, "t"), EmitterOptions::default()).unwrap();
    emitter.emit(&notice(1));
    emitter.emit(&notice(2));
    let tally = emitter.shutdown(PATIENCE).await;
    assert_eq!((tally.stored, tally.refused), (2, 0));
    assert_eq!(server.asked().len(), 3);
    // One that is too long by itself is refused, and does not stop those behind it.
    let too_long = answer("413 Too Large", "", "{}");
    let server = Scripted::start(vec![too_long, answer("200 OK", "", one)]).await;
    let alone = EmitterOptions {
        batch_events: 1,
        ..EmitterOptions::default()
    };
    let emitter = Emitter::start(options(server.address, "t"), alone).unwrap();
    emitter.emit(&notice(1));
    emitter.emit(&notice(2));
    let tally = emitter.shutdown(PATIENCE).await;
    assert_eq!((tally.stored, tally.refused), (1, 1));
}

#[test]
fn a_host_without_a_runtime_may_emit_and_forget() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Server::start());
    let emitter = Emitter::start(server.options(), EmitterOptions::default()).unwrap();
    assert!(emitter.emit(&notice(1)));
    let tally = runtime.block_on(emitter.shutdown(PATIENCE));
    assert_eq!(tally.stored, 1);
}

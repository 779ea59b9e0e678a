//! What passes is told from what does not, wherever it happens: while a connection is opened, while
//! the database is migrated, in the middle of a transaction.

use std::time::{Duration, Instant};

use pts_adapter_postgres::{DatabaseSettings, PgPool};
use pts_adapter_postgres::{PgTokenStore, connect, migrate};
use pts_domain::event::NewEvent;
use pts_ports::{EventLog, StoreError, TokenStore};
use pts_testkit::generate::{Sender, epoch};
use pts_testkit::postgres::TestDb;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::support::{count, log, outside, pool, sql, until};

fn url_of(listener: &TcpListener) -> String {
    let address = listener.local_addr().unwrap();
    format!("postgres://u@{address}/d?sslmode=disable")
}

fn pool_at(url: &str) -> PgPool {
    connect(&DatabaseSettings::new(url)).unwrap()
}

#[track_caller]
fn assert_passing<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::Unavailable { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up_within_seconds() {
    // Connections wait in the backlog: nobody ever answers, as with a process that was stopped.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(&silent);
    let begun = Instant::now();
    let tokens = PgTokenStore::new(pool_at(&url));
    let (migrated, found) = futures::join!(migrate(&url), tokens.find([7; 32]));
    assert_passing(&migrated);
    assert_passing(&found);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn a_token_is_not_waited_for_longer_than_two_seconds() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let tokens = PgTokenStore::new(pool(&database));
    assert_eq!(tokens.find([7; 32]).await.unwrap(), None);
    sql(&client, "BEGIN; LOCK TABLE access.tokens").await;
    let begun = Instant::now();
    let waiting = (0..8).map(|_| tokens.find([7; 32]));
    for found in futures::future::join_all(waiting).await {
        assert_passing(&found);
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(2_500), "{took:?}");
    sql(&client, "ROLLBACK").await;
    assert_eq!(tokens.find([7; 32]).await.unwrap(), None);
}

/// Takes a client in, and ends it at its first statement as an administrator would.
async fn end_at_the_first_statement(mut stream: TcpStream) -> std::io::Result<()> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await?;
    let rest = u32::from_be_bytes(length) as usize - 4;
    stream.read_exact(&mut vec![0; rest]).await?;
    // Authenticated, and ready.
    stream.write_all(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I").await?;
    stream.read_u8().await?;
    let fields =
        b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0";
    let mut error = vec![b'E'];
    error.extend(u32::try_from(fields.len() + 4).unwrap().to_be_bytes());
    error.extend(fields);
    stream.write_all(&error).await
}

#[tokio::test]
async fn a_connection_that_is_ended_while_it_is_set_up_may_be_had_a_moment_later() {
    let ending = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = url_of(&ending);
    tokio::spawn(async move {
        while let Ok((stream, _)) = ending.accept().await {
            // A client that goes away first is none of this test's business.
            let _ = end_at_the_first_statement(stream).await;
        }
    });
    assert_passing(&migrate(&url).await);
    assert_passing(&PgTokenStore::new(pool_at(&url)).find([7; 32]).await);
    assert_passing(&log(&pool_at(&url)).append(vec![event("1")]).await);
}

#[tokio::test]
async fn a_migration_that_loses_its_connection_is_worth_another_try() {
    let database = TestDb::fresh().await;
    let (client, watcher) = (outside(&database).await, outside(&database).await);
    sql(
        &client,
        "BEGIN; LOCK TABLE public.__diesel_schema_migrations",
    )
    .await;
    let url = database.url().to_owned();
    let migrating = tokio::spawn(async move { migrate(&url).await });
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock' \
         AND query LIKE '%__diesel_schema_migrations%'";
    until("it waits, and is cut off", || async {
        count(&watcher, cut).await > 0
    })
    .await;
    assert_passing(&migrating.await.unwrap());
    sql(&client, "ROLLBACK").await;
    assert_eq!(
        migrate(database.url()).await.unwrap().applied,
        Vec::<String>::new()
    );
}

fn event(id: &str) -> NewEvent {
    let data = json!({"version": "1", "n": id});
    Sender::named("s").deployment("started", "a", id, epoch(), data)
}

/// Lets no event in, for a reason.
fn refuse(reason: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION '{reason}'; END $$; \
         DROP TRIGGER IF EXISTS refuse ON platform.events; \
         CREATE TRIGGER refuse BEFORE INSERT ON platform.events \
         FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    )
}

#[tokio::test]
async fn a_full_disk_passes_and_a_refusal_does_not_whichever_statement_meets_it() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let log = log(&pool(&database));
    let full = "could not extend file \"base/5/16399\": No space left on device";
    sql(&client, &refuse(full)).await;
    // What is sent behind the statement that fails is answered too, now before it and now after.
    for id in 0..30 {
        assert_passing(&log.append(vec![event(&id.to_string())]).await);
    }
    sql(&client, &refuse("no such thing is wanted here")).await;
    for id in 0..30 {
        let refused = log.append(vec![event(&id.to_string())]).await;
        assert!(matches!(refused, Err(StoreError::Other(_))), "{refused:?}");
    }
    sql(&client, "DROP TRIGGER refuse ON platform.events").await;
    log.append(vec![event("1")]).await.unwrap();
    assert_eq!(log.head().await.unwrap(), 1);
}

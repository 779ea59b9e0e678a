//! The state that every connection is in, and that no secret leaves it.

use std::fmt::Write as _;

use pts_adapter_postgres::{DatabaseSettings, connect, migrate};
use pts_ports::{EventLog, StoreError};
use pts_testkit::postgres::TestDb;

use super::support::{log, outside, pool};

/// An error and everything behind it, as somebody would log it.
fn spelt_out(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let _ = write!(text, " {cause} {cause:?}");
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn connections_say_whose_they_are_and_are_as_the_store_needs_them() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let log = log(&pool(&database));
    log.ready().await.unwrap();
    let ours: i64 = client
        .query_one(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pts' \
             AND datname = current_database()",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(ours, 1);
}

#[tokio::test]
async fn no_password_is_in_an_error_or_a_debug_text() {
    const SECRET: &str = "s3cr3t-word";
    let hopeless = [
        format!("postgres://u:{SECRET}@127.0.0.1:1/d"),
        format!("host=/nowhere user=u password={SECRET}"),
        format!("host=/nowhere user=u password='{SECRET}"),
        format!("postgres://u:{SECRET}@127.0.0.1:1/d?sslmode=sometimes"),
        format!("postgres://u:{SECRET}@127.0.0.1:1/d?sslmode=verify-full&sslrootcert=/nowhere"),
        format!("postgres://u:{SECRET}@127.0.0.1:port/d"),
        format!("host=h password=two {SECRET}"),
    ];
    for url in hopeless {
        let settings = DatabaseSettings::new(&url);
        assert!(!format!("{settings:?}").contains(SECRET));
        let error = migrate(&url).await.unwrap_err();
        assert!(!spelt_out(&error).contains(SECRET), "{error:?}");
        match connect(&settings) {
            Err(error) => assert!(!spelt_out(&error).contains(SECRET), "{error:?}"),
            Ok(pool) => {
                assert!(!format!("{pool:?}").contains(SECRET));
                let error = log(&pool).ready().await.unwrap_err();
                assert!(!spelt_out(&error).contains(SECRET), "{error:?}");
            }
        }
    }
}

//! The databases for tests: that there are some, and that they are apart from each other.

use pts_testkit::postgres::TestDb;
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[tokio::test]
async fn every_test_has_a_migrated_database_of_its_own() {
    let (one, two) = (TestDb::fresh().await, TestDb::fresh().await);
    assert_ne!(one.url(), two.url());
    for database in [&one, &two] {
        let client = connect(database.url()).await.unwrap();
        // It would be there already if the two were one.
        client.batch_execute("CREATE TABLE mine ()").await.unwrap();
        let tables: i64 = client
            .query_one("SELECT count(*) FROM platform.events", &[])
            .await
            .unwrap()
            .get(0);
        assert_eq!(tables, 0);
    }
}

#[tokio::test]
async fn a_database_that_was_taken_away_comes_back() {
    let database = TestDb::bare().await;
    let client = connect(database.url()).await.unwrap();
    database.take_away().await;
    assert!(client.batch_execute("SELECT 1").await.is_err());
    assert!(connect(database.url()).await.is_err());
    database.bring_back().await;
    connect(database.url()).await.unwrap();
}

#[tokio::test]
async fn each_major_version_that_is_here_can_be_asked_for() {
    for major in [15, 17] {
        if let Some(database) = TestDb::fresh_on(major).await {
            let client = connect(database.url()).await.unwrap();
            let version: String = client
                .query_one("SHOW server_version_num", &[])
                .await
                .unwrap()
                .get(0);
            assert_eq!(version.parse::<u32>().unwrap() / 10_000, u32::from(major));
        }
    }
}

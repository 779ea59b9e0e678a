//! Migrations: up, down, at once from many processes, and never backwards.

use pts_adapter_postgres::{migrate, revert_all};
use pts_testkit::postgres::TestDb;

use super::support::{count, outside, sql};

const OURS: &str = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
     WHERE nspname IN ('platform', 'access')";

// On the runtime of one thread that a test has unless it says otherwise: whoever migrates under
// another web framework has no other.
#[tokio::test]
async fn migrations_go_up_and_down_and_up_again() {
    let database = TestDb::bare().await;
    let client = outside(&database).await;
    let first = migrate(database.url()).await.unwrap();
    assert_eq!(first.already, 0);
    assert!(!first.applied.is_empty());
    // This month and two more.
    assert_eq!(first.partitions, 3);
    let relations = count(&client, OURS).await;
    assert!(relations > 20, "{relations}");

    let again = migrate(database.url()).await.unwrap();
    assert_eq!(
        (again.applied.len(), again.already),
        (0, first.applied.len())
    );
    assert_eq!(again.partitions, 0);

    let reverted = revert_all(database.url()).await.unwrap();
    assert_eq!(reverted.len(), first.applied.len());
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('platform', 'access')";
    assert_eq!(count(&client, left).await, 0);

    migrate(database.url()).await.unwrap();
    assert_eq!(count(&client, OURS).await, relations);
}

#[tokio::test]
async fn of_many_that_migrate_at_once_one_does() {
    let database = TestDb::bare().await;
    let racing = (0..6).map(|_| migrate(database.url()));
    let reports = futures::future::try_join_all(racing).await.unwrap();
    let working = reports.iter().filter(|report| !report.applied.is_empty());
    assert_eq!(working.count(), 1, "{reports:?}");
    assert_eq!(
        reports.iter().map(|report| report.partitions).sum::<u32>(),
        3
    );
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let newer = "INSERT INTO public.__diesel_schema_migrations (version) VALUES ('99990101000000')";
    sql(&client, newer).await;
    let error = migrate(database.url()).await.unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("newer version of PTS"), "{why}");
}

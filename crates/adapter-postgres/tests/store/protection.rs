//! The log protects itself, and what gets past the protection is found.

use pts_ports::{EventLog, Maintenance};
use pts_testkit::generate::Babel;
use pts_testkit::postgres::TestDb;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::support::{count, log, maintenance, outside, pool, sql};

async fn refused(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.unwrap_err();
    assert_eq!(
        error.code(),
        Some(&SqlState::RESTRICT_VIOLATION),
        "{statement}: {error:?}"
    );
}

/// A database with a log of some length.
async fn filled() -> (TestDb, Client) {
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    log.append(Babel::new(1).events(200)).await.unwrap();
    log.settle().await.unwrap();
    let client = outside(&database).await;
    (database, client)
}

#[tokio::test]
async fn events_can_be_neither_changed_nor_removed() {
    let (_database, client) = filled().await;
    let partition: String = client
        .query_one(
            "SELECT tableoid::regclass::text FROM platform.events LIMIT 1",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    for table in ["platform.events", &partition] {
        refused(&client, &format!("UPDATE {table} SET type = 'forged'")).await;
        refused(&client, &format!("DELETE FROM {table} WHERE position = 1")).await;
        refused(&client, &format!("TRUNCATE {table}")).await;
    }
    // A session that claims to replay what another server has checked is refused too.
    sql(&client, "SET session_replication_role = replica").await;
    refused(&client, "DELETE FROM platform.events").await;
    refused(&client, &format!("TRUNCATE {partition}")).await;
}

#[tokio::test]
async fn a_partition_made_later_is_protected_like_the_others() {
    let (database, client) = filled().await;
    sql(
        &client,
        "SELECT platform.ensure_partitions('2031-05-05', 0)",
    )
    .await;
    sql(
        &client,
        "INSERT INTO platform.events SELECT position + 1000000, id, source, event_id, type, \
         subject, time, time_given, '2031-05-06', service, environment, data, attributes, digest, sender, workspace \
         FROM platform.events LIMIT 1",
    )
    .await;
    refused(
        &client,
        "UPDATE platform.events_2031_05 SET type = 'forged'",
    )
    .await;
    refused(&client, "DELETE FROM platform.events_2031_05").await;
    refused(&client, "TRUNCATE platform.events_2031_05").await;
    let report = maintenance(&pool(&database)).verify().await.unwrap();
    // The row itself is out of place, and its identity is another month's: nothing else is wrong.
    assert_eq!(report.faults.len(), 2, "{:?}", report.faults);
}

#[tokio::test]
async fn what_was_done_to_the_log_behind_its_back_is_found() {
    let (database, client) = filled().await;
    let upkeep = maintenance(&pool(&database));
    let before = upkeep.verify().await.unwrap();
    assert_eq!(before.faults, Vec::<String>::new());
    let length = count(&client, "SELECT count(*) FROM platform.events").await;
    assert_eq!(
        (before.head, before.events),
        (length, u64::try_from(length).unwrap())
    );

    sql(
        &client,
        "ALTER TABLE platform.events DISABLE TRIGGER events_are_kept; \
         UPDATE platform.events SET data = '{\"forged\": true}' WHERE position = 3; \
         UPDATE platform.events SET environment = 'forged' WHERE position = 5; \
         DELETE FROM platform.events WHERE position = 7",
    )
    .await;
    let report = upkeep.verify().await.unwrap();
    let check = |want: &str| {
        let found = report.faults.iter().any(|fault| fault.contains(want));
        assert!(found, "{want}: {:?}", report.faults);
    };
    check("3: its content is not what was written");
    check("5: its service or environment is not the one in its data");
    check("8: the event before it is at 6");
    check("platform.events: nothing refuses UPDATE and DELETE");
}

#[tokio::test]
async fn an_end_that_was_cut_off_and_a_lost_protection_are_found() {
    let (database, client) = filled().await;
    sql(
        &client,
        "ALTER TABLE platform.events DISABLE TRIGGER events_are_kept; \
         DELETE FROM platform.events WHERE position > 150; \
         ALTER TABLE platform.events ENABLE ALWAYS TRIGGER events_are_kept; \
         SELECT platform.ensure_partitions('2031-05-05', 0); \
         DROP INDEX platform.events_2031_05_identity; \
         DROP TRIGGER events_are_not_truncated ON platform.events_2031_05",
    )
    .await;
    let faults = maintenance(&pool(&database)).verify().await.unwrap().faults;
    let check = |want: &str| {
        let found = faults.iter().any(|fault| fault.contains(want));
        assert!(found, "{want}: {faults:?}");
    };
    check("150: it is the last event and the head is at");
    check("platform.events_2031_05: no index keeps identities unique");
    check("platform.events_2031_05: nothing refuses TRUNCATE");
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[tokio::test]
async fn projections_that_are_not_what_the_log_gives_are_found_and_rebuilt() {
    let (database, client) = filled().await;
    let upkeep = maintenance(&pool(&database));
    assert_eq!(upkeep.check().await.unwrap(), []);
    sql(
        &client,
        "DELETE FROM platform.services WHERE service = (SELECT min(service) FROM platform.services); \
         UPDATE platform.deployments SET doc = doc || '{\"status\": \"failed\", \"actor\": \"forged\"}' \
         WHERE deployment_id = (SELECT min(deployment_id) FROM platform.deployments); \
         INSERT INTO platform.runs \
         (workspace, opened_position, kind, service, environment, began_at, ends) \
         VALUES (0, 9999, 'declared', 'forged', 'x', now(), false); \
         UPDATE platform.contradictions SET code = 'forged' \
         WHERE position = (SELECT min(position) FROM platform.contradictions)",
    )
    .await;
    let found = upkeep.check().await.unwrap();
    let check = |projection: &str, kind: &str| {
        let hit = found
            .iter()
            .any(|one| one.projection == projection && one.kind == kind);
        assert!(hit, "{projection} {kind}: {found:?}");
    };
    check("platform.services", "missing");
    check("platform.deployments", "different");
    check("platform.runs", "unexpected");
    check("platform.contradictions", "different");
    // Finding out changed nothing.
    assert_eq!(upkeep.check().await.unwrap(), found);

    let report = upkeep.rebuild().await.unwrap();
    let length = count(&client, "SELECT position FROM platform.log_head").await;
    assert_eq!(report.events, u64::try_from(length).unwrap());
    assert_eq!(upkeep.check().await.unwrap(), []);
    let aggregates = "SELECT (SELECT count(*) FROM platform.deployments) \
         + (SELECT count(*) FROM platform.services) + (SELECT count(*) FROM platform.instances) \
         + (SELECT count(*) FROM platform.images) + (SELECT count(*) FROM platform.states) \
         + (SELECT count(*) FROM platform.configs) + (SELECT count(*) FROM platform.incidents) \
         + (SELECT count(*) FROM platform.runs)";
    let written = u64::try_from(count(&client, aggregates).await).unwrap();
    assert_eq!(report.aggregates, written);
}

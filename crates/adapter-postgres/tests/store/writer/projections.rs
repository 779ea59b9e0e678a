//! Projections come a moment after the appends: nobody who reads them notices, whoever appended and
//! whatever became of them.

use futures::future::join_all;
use pts_adapter_postgres::{PgEventLog, PgProjections};
use pts_domain::event::NewEvent;
use pts_ports::{Appended, DeploymentQuery, EventLog, Maintenance, Projections};
use pts_testkit::generate::{Sender, epoch};
use pts_testkit::postgres::TestDb;
use serde_json::json;
use tokio_postgres::Client;

use crate::store::support::{count, log, maintenance, outside, pool, sql};

use super::mid_month;

const LAG: &str =
    "SELECT h.position - p.position FROM platform.log_head AS h, platform.log_projected AS p";

fn deployments(sender: &mut Sender, prefix: &str, many: usize) -> Vec<NewEvent> {
    (0..many)
        .map(|n| {
            let id = format!("{prefix} {n}");
            mid_month(sender.deployment("started", "a", &id, epoch(), json!({"version": "1"})))
        })
        .collect()
}

/// From now on the database will not have this deployment.
async fn refuse(client: &Client, deployment: &str) {
    sql(
        client,
        &format!(
            "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'not this one'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON platform.deployments FOR EACH ROW \
             WHEN (NEW.deployment_id = '{deployment}') EXECUTE FUNCTION public.refuse()"
        ),
    )
    .await;
}

async fn known(log: &PgEventLog) -> usize {
    let query = DeploymentQuery::default();
    let projections = PgProjections::of(log);
    let page = projections.deployments(&query, None, 1_000);
    page.await.unwrap().items.len()
}

#[tokio::test]
async fn what_was_acknowledged_is_read_at_once() {
    let database = TestDb::fresh().await;
    let log = log(&pool(&database));
    let mut sender = Sender::named("s");
    for n in 1..=20 {
        let batch = deployments(&mut sender, &format!("batch {n}"), 10);
        log.append(batch).await.unwrap();
        assert_eq!(known(&log).await, n * 10);
    }
    let (quick, sure) = log.appends();
    assert!(quick >= 19 && sure <= 1, "{quick} quick, {sure} sure");
}

#[tokio::test]
async fn another_process_reads_it_too_and_waits_for_whoever_brings_it() {
    let database = TestDb::fresh().await;
    let (one, other) = (log(&pool(&database)), log(&pool(&database)));
    let mut sender = Sender::named("s");
    for n in 1..=5 {
        let batch = deployments(&mut sender, &format!("batch {n}"), 10);
        one.append(batch).await.unwrap();
        assert_eq!(known(&other).await, n * 10);
    }
    let (quick, sure) = one.appends();
    assert!(
        quick >= 4,
        "it need not have worked anything out again: {quick} quick, {sure} sure"
    );
}

#[tokio::test]
async fn what_a_process_that_is_gone_left_behind_is_worked_out_from_the_log() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let mut sender = Sender::named("s");
    let gone = log(&pool(&database));
    // Its projections get nowhere.
    sql(
        &client,
        "BEGIN; SELECT position FROM platform.log_projected FOR UPDATE",
    )
    .await;
    gone.append(deployments(&mut sender, "gone", 30))
        .await
        .unwrap();
    sql(
        &client,
        "COMMIT; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid(); \
         UPDATE platform.log_projected SET stamp = 7",
    )
    .await;
    drop(gone);
    let next = log(&pool(&database));
    next.append(deployments(&mut sender, "next", 5))
        .await
        .unwrap();
    assert_eq!(known(&next).await, 35);
    assert_eq!(count(&client, LAG).await, 0);
    assert_eq!(maintenance(&pool(&database)).check().await.unwrap(), []);
}

#[tokio::test]
async fn what_is_too_much_for_one_statement_is_written_whole_or_not_at_all() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let log = log(&pool(&database));
    let mut sender = Sender::named("s");
    // Nothing is written before all of this is there.
    sql(
        &client,
        "BEGIN; SELECT position FROM platform.log_projected FOR UPDATE",
    )
    .await;
    for n in 1..=5 {
        let batch = deployments(&mut sender, &format!("batch {n}"), 1_000);
        log.append(batch).await.unwrap();
    }
    sql(&client, "COMMIT").await;
    known(&log).await;
    let written = "SELECT count(*) FROM platform.deployments";
    assert_eq!(count(&client, written).await, 5_000);
    assert_eq!(count(&client, LAG).await, 0);
    // One that the last piece holds is not had, and so none of them is until each is tried alone.
    refuse(&client, "bad 4999").await;
    log.append(deployments(&mut sender, "bad", 5_000))
        .await
        .unwrap();
    known(&log).await;
    assert_eq!(count(&client, written).await, 9_999);
    assert_eq!(count(&client, LAG).await, 0);
    let found = log.contradictions(None, None, 10).await.unwrap().items;
    let named: Vec<_> = found.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(named, ["not_projected"]);
}

#[tokio::test]
async fn two_that_append_and_read_by_turns_agree_with_the_log() {
    let database = TestDb::fresh().await;
    let pools = [pool(&database), pool(&database)];
    let each = pools.iter().enumerate().map(|(who, pool)| {
        let log = log(pool);
        async move {
            let mut sender = Sender::named(&format!("sender {who}"));
            for n in 1..=20 {
                let batch = deployments(&mut sender, &format!("{who} {n}"), 7);
                log.append(batch).await.unwrap();
                assert!(known(&log).await >= n * 7);
            }
            log
        }
    });
    let logs = join_all(each).await;
    for log in &logs {
        assert_eq!(known(log).await, 280);
    }
    let upkeep = maintenance(&pools[0]);
    assert_eq!(upkeep.check().await.unwrap(), []);
    // Whoever rebuilds moves the mark as well: both go on from there.
    upkeep.rebuild().await.unwrap();
    for (who, log) in logs.iter().enumerate() {
        let mut sender = Sender::named(&format!("late {who}"));
        let batch = deployments(&mut sender, &format!("late {who}"), 3);
        log.append(batch).await.unwrap();
        assert_eq!(known(log).await, 283 + 3 * who);
    }
    assert_eq!(upkeep.check().await.unwrap(), []);
}

#[tokio::test]
async fn what_the_database_will_not_have_in_a_projection_holds_up_nothing_else() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    refuse(&client, "bad 7").await;
    let log = log(&pool(&database));
    let mut sender = Sender::named("s");
    let appended = log
        .append(deployments(&mut sender, "bad", 20))
        .await
        .unwrap();
    let stored = |one: &Appended| matches!(one, Appended::Stored { .. });
    assert!(appended.iter().all(stored), "{appended:?}");
    assert_eq!(known(&log).await, 19);
    let found = log.contradictions(None, None, 10).await.unwrap().items;
    let named: Vec<_> = found
        .iter()
        .map(|one| (one.position, one.code.as_str()))
        .collect();
    assert_eq!(named, [(8, "not_projected")]);
    assert!(found[0].message.contains("not this one"), "{found:?}");
    log.append(deployments(&mut sender, "good", 3))
        .await
        .unwrap();
    assert_eq!(known(&log).await, 22);
    assert_eq!(count(&client, LAG).await, 0);
    // Without the obstacle, a rebuild has them all.
    sql(&client, "DROP TRIGGER refuse ON platform.deployments").await;
    maintenance(&pool(&database)).rebuild().await.unwrap();
    assert_eq!(known(&log).await, 23);
    let found = log.contradictions(None, None, 10).await.unwrap().items;
    assert_eq!(found, []);
}

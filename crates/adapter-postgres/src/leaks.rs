//! What the database lets through by itself, when whoever should confine what is asked has gone wrong:
//! nothing. Tables are taken from the catalogue, so that one that is added is looked at here without
//! anybody thinking of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{Duration, NaiveDate};
use pts_domain::access::Workspace;
use pts_domain::accounting::{Counts, Line};
use pts_domain::blind::Concern;
use pts_domain::dora::Window;
use pts_domain::filter::EventFilter;
use pts_ports::{
    AccountQuery, Accounting as _, DeploymentQuery, EventLog as _, Handover, ImageQuery,
    IncidentQuery, Projections as _, Quarantine as _, QuarantineQuery, RunQuery, StateQuery,
};
use pts_testkit::fakes::DomainProjector;
use pts_testkit::generate::{Babel, platform};
use pts_testkit::postgres::TestDb;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::{
    DatabaseSettings, PgAccounting, PgBlindSpots, PgEventLog, PgProjections, PgQuarantine, connect,
};

const MOST: usize = 1_000;

/// What is nobody's, and may be read by whoever reads: how far the log is.
const MARKS: [&str; 4] = [
    "platform.accounted",
    "platform.log_durable",
    "platform.log_head",
    "platform.log_projected",
];

struct Store {
    database: TestDb,
    log: PgEventLog,
    accounting: PgAccounting,
    quarantine: PgQuarantine,
}

fn workspaces() -> [Workspace; 2] {
    ["a", "b"].map(|name| name.parse().unwrap())
}

/// Two workspaces with something in every table.
async fn shared_by_two() -> Store {
    let database = TestDb::fresh().await;
    let pool = connect(&DatabaseSettings::new(database.url())).unwrap();
    let log = PgEventLog::new(pool.clone(), Arc::new(DomainProjector));
    let accounting = PgAccounting::new(pool.clone());
    let quarantine = PgQuarantine::new(pool.clone());
    let blind_spots = PgBlindSpots::new(pool);
    for (seed, workspace) in (1..).zip(workspaces()) {
        let mark = format!("canary-of-{workspace}");
        let mark = (mark.as_str(), seed == 1);
        platform::seed_in(&workspace, mark, &log, &quarantine, &blind_spots).await;
        for mut batch in Babel::new(seed).batches(200, 20) {
            for new in &mut batch {
                new.workspace = workspace.clone();
            }
            log.append(batch).await.unwrap();
        }
        let line = Line {
            sender: None,
            source: mark.0.to_owned(),
            counts: Counts {
                refused: 7,
                ..Counts::default()
            },
        };
        let handover = Handover {
            process: Uuid::from_u128(seed.into()),
            number: 1,
            day: NaiveDate::from_ymd_opt(2026, 3, 1).unwrap(),
            lines: vec![(workspace, line)],
        };
        accounting.add(&handover).await.unwrap();
    }
    log.settle().await.unwrap();
    Store {
        database,
        log,
        accounting,
        quarantine,
    }
}

async fn client(database: &TestDb) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

/// A session as those of requests are.
async fn reader(database: &TestDb) -> Client {
    let client = client(database).await;
    client.batch_execute("SET ROLE pts_reader").await.unwrap();
    client
}

async fn names(client: &Client, statement: &str) -> BTreeSet<String> {
    let rows = client.query(statement, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

async fn count(client: &Client, statement: &str) -> i64 {
    client.query_one(statement, &[]).await.unwrap().get(0)
}

/// Whatever can be selected from, but for partitions; those with a workspace and those without.
async fn relations(client: &Client) -> (BTreeSet<String>, BTreeSet<String>) {
    let all = "FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname !~ '^pg_|^information_schema$' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') \
         AND NOT c.relispartition";
    let has = "EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid \
         AND a.attname = 'workspace' AND a.atttypid = 'integer'::regtype)";
    let shown = "SELECT n.nspname || '.' || c.relname";
    let with = names(client, &format!("{shown} {all} AND {has}")).await;
    let without = names(client, &format!("{shown} {all} AND NOT {has}")).await;
    (with, without)
}

#[track_caller]
fn is_refused<T: std::fmt::Debug>(answer: Result<T, tokio_postgres::Error>, what: &str) {
    let error = answer.expect_err(what);
    let code = error.code();
    assert_eq!(
        code,
        Some(&SqlState::INSUFFICIENT_PRIVILEGE),
        "{what}: {error}"
    );
}

#[tokio::test]
async fn a_question_that_confines_nothing_is_answered_with_what_the_session_may_see() {
    let store = shared_by_two().await;
    let owner = client(&store.database).await;
    let (confined, _) = relations(&owner).await;
    assert!(confined.len() >= 15, "{confined:?}");
    let session = reader(&store.database).await;
    for relation in &confined {
        let all = format!("SELECT count(*) FROM {relation}");
        session.batch_execute("RESET pts.workspace").await.unwrap();
        assert_eq!(count(&session, &all).await, 0, "{relation}, not confined");
        for number in [1, 2] {
            let ours = format!("{all} WHERE workspace = {number}");
            let there = count(&owner, &ours).await;
            assert!(there > 0, "{relation}: the test puts nothing into it");
            let confine = format!("SET pts.workspace = '{number}'");
            session.batch_execute(&confine).await.unwrap();
            assert_eq!(count(&session, &all).await, there, "{relation}");
            let others = format!("{all} WHERE workspace <> {number}");
            assert_eq!(count(&session, &others).await, 0, "{relation}");
            let mark = ["canary-of-b", "canary-of-a"][number - 1];
            let theirs = format!("{all} AS t WHERE t::text LIKE '%{mark}%'");
            assert_eq!(count(&session, &theirs).await, 0, "{relation}");
        }
        for nobody in ["0", "-1", "77"] {
            let confine = format!("SET pts.workspace = '{nobody}'");
            session.batch_execute(&confine).await.unwrap();
            assert_eq!(count(&session, &all).await, 0, "{relation}, {nobody}");
        }
        // What is no number is an error, and never all of it.
        session
            .batch_execute("SET pts.workspace = 'x'")
            .await
            .unwrap();
        assert!(session.query(&all, &[]).await.is_err(), "{relation}");
    }
}

#[tokio::test]
async fn whoever_reads_changes_nothing_and_sees_nothing_that_is_not_meant_for_it() {
    let store = shared_by_two().await;
    let owner = client(&store.database).await;
    let (confined, others) = relations(&owner).await;
    let session = reader(&store.database).await;
    session
        .batch_execute("SET pts.workspace = '1'")
        .await
        .unwrap();
    for relation in &others {
        let read = session
            .query(&format!("SELECT * FROM {relation}"), &[])
            .await;
        if MARKS.contains(&relation.as_str()) {
            assert!(read.is_ok(), "{relation}");
        } else {
            is_refused(read, relation);
        }
    }
    for relation in confined.iter().chain(&others) {
        let delete = format!("DELETE FROM {relation}");
        is_refused(session.query(&delete, &[]).await, &delete);
        let insert = format!("INSERT INTO {relation} DEFAULT VALUES");
        is_refused(session.query(&insert, &[]).await, &insert);
    }
    // What policies would not guard: the parts of the log themselves.
    let partitions = "SELECT inhrelid::regclass::text FROM pg_inherits \
         WHERE inhparent = 'platform.events'::regclass";
    let partitions = names(&owner, partitions).await;
    assert!(!partitions.is_empty());
    for partition in partitions {
        let read = session
            .query(&format!("SELECT * FROM {partition}"), &[])
            .await;
        is_refused(read, &partition);
    }
    let functions = "SELECT p.oid::regprocedure::text FROM pg_proc AS p \
         JOIN pg_namespace AS n ON n.oid = p.pronamespace \
         WHERE n.nspname !~ '^pg_|^information_schema$' AND p.prosecdef";
    let functions = names(&owner, functions).await;
    assert!(
        functions.is_empty(),
        "with the rights of their owner: {functions:?}"
    );
}

#[tokio::test]
async fn every_table_that_has_a_workspace_is_guarded_from_its_owner_too() {
    let store = shared_by_two().await;
    let owner = client(&store.database).await;
    let (confined, _) = relations(&owner).await;
    for relation in &confined {
        let guarded = format!(
            "SELECT count(*) FROM pg_class AS c WHERE c.oid = '{relation}'::regclass AND (\
             c.relkind = 'v' AND c.reloptions @> ARRAY['security_invoker=true'] \
             OR c.relrowsecurity AND c.relforcerowsecurity)"
        );
        assert_eq!(count(&owner, &guarded).await, 1, "{relation}");
        // Whoever writes says where it belongs.
        let guessed = format!(
            "SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = '{relation}'::regclass \
             AND a.attname = 'workspace' AND (a.atthasdef OR NOT a.attnotnull) \
             AND EXISTS (SELECT FROM pg_class AS c WHERE c.oid = a.attrelid AND c.relkind <> 'v')"
        );
        assert_eq!(count(&owner, &guessed).await, 0, "{relation}");
    }
}

/// What a question found.
type Found = (&'static str, usize);

/// Each question of each port, asked for the rows of one workspace in a session of another; and how much
/// was answered.
async fn asked_astray(store: &Store, asked: &Workspace, session: &Workspace) -> Vec<Found> {
    let window = Window {
        from: platform::now() - Duration::days(400),
        to: platform::now() + Duration::days(400),
    };
    let mut answers: Vec<Found> = Vec::new();
    let mut check = |what: &'static str, found: usize| answers.push((what, found));
    let all = EventFilter::default();
    let log = store.log.astray(asked, session);
    let projections = PgProjections::of(&log);
    let accounting = store.accounting.astray(asked, session);
    let quarantine = store.quarantine.astray(asked, session);
    let found = log.search(&all, None, MOST).await.unwrap();
    check("search", found.items.len());
    let id = platform::elsewhere(platform::EVENT);
    let id = if asked.as_str() == "b" {
        id
    } else {
        platform::EVENT
    };
    check("get", log.get(id).await.unwrap().into_iter().count());
    let found = log.stretch(&all, i64::MAX, None).await.unwrap();
    check("stretch", found.events.len());
    let found = log.after(0, &all, MOST).await.unwrap();
    check("after", found.events.len());
    let found = log.contradictions(None, None, MOST).await.unwrap();
    check("contradictions", found.items.len());
    let query = DeploymentQuery::default();
    let found = projections.deployments(&query, None, MOST).await.unwrap();
    check("deployments", found.items.len());
    let found = projections.services(None, None, MOST).await.unwrap();
    check("services", found.items.len());
    let found = projections.service("payments").await.unwrap();
    check("service", found.into_iter().count());
    let names = vec!["payments".to_owned()];
    let found = projections.instances(names, MOST).await.unwrap();
    check("instances", found.len());
    let found = projections.configs("payments", MOST).await.unwrap();
    check("configs", found.len());
    let query = ImageQuery::default();
    let found = projections.images(&query, None, MOST).await.unwrap();
    check("images", found.items.len());
    for at in [None, Some(platform::now())] {
        let query = RunQuery {
            at,
            ..RunQuery::default()
        };
        check("runs", projections.runs(&query, MOST).await.unwrap().len());
    }
    let query = StateQuery::default();
    let found = projections.states(&query, None, MOST).await.unwrap();
    check("states", found.items.len());
    let query = IncidentQuery::default();
    let found = projections.incidents(&query, None, MOST).await.unwrap();
    check("incidents", found.items.len());
    let found = projections.dora_facts(None, None, window).await.unwrap();
    check("dora", found.deployments.len());
    check("dora's incidents", found.incidents.len());
    let query = AccountQuery::default();
    let found = accounting.account(&query, MOST).await.unwrap();
    check("account", found.lines.len());
    let query = QuarantineQuery::default();
    let found = quarantine.items(&query, None, MOST).await.unwrap();
    check("items", found.items.len());
    let ids = [platform::ITEM, platform::elsewhere(platform::ITEM)];
    check("item", quarantine.get(&ids).await.unwrap().len());
    let waiting = quarantine.waiting(&Concern::default(), 10).await.unwrap();
    check("waiting", usize::try_from(waiting).unwrap());
    answers
}

#[tokio::test]
async fn a_question_that_asks_for_another_workspace_is_answered_with_nothing() {
    let store = shared_by_two().await;
    let [a, b] = workspaces();
    for (asked, session, answered) in [(&b, &b, true), (&b, &a, false), (&a, &b, false)] {
        let answers = asked_astray(&store, asked, session).await;
        assert!(answers.len() >= 20, "{answers:?}");
        for (what, found) in answers {
            assert_eq!(
                found > 0,
                answered,
                "{what}: {found} of {asked} in {session}"
            );
        }
    }
}

/// The tests above must be able to fail: without its policies the database leaks, and each of the
/// questions shows it.
#[tokio::test]
async fn without_row_level_security_every_question_that_goes_astray_shows_a_leak() {
    let store = shared_by_two().await;
    let owner = client(&store.database).await;
    let guarded = "SELECT c.oid::regclass::text FROM pg_class AS c \
         WHERE c.relrowsecurity AND NOT c.relispartition";
    let guarded = names(&owner, guarded).await;
    assert!(guarded.len() >= 14, "{guarded:?}");
    for table in &guarded {
        let off =
            format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY");
        owner.batch_execute(&off).await.unwrap();
    }
    let [a, b] = workspaces();
    for (asked, session, all) in [(&b, &a, true), (&a, &b, false)] {
        let own = asked_astray(&store, asked, asked).await;
        assert!(!all || own.iter().all(|(_, found)| *found > 0), "{own:?}");
        // All of what the others see themselves.
        assert_eq!(asked_astray(&store, asked, session).await, own);
    }
    let session = reader(&store.database).await;
    for (number, theirs) in [(1, "canary-of-b"), (2, "canary-of-a")] {
        let confine = format!("SET pts.workspace = '{number}'");
        session.batch_execute(&confine).await.unwrap();
        for relation in &guarded {
            let others = format!("SELECT count(*) FROM {relation} WHERE workspace <> {number}");
            assert!(
                count(&session, &others).await > 0,
                "{relation} hides {theirs}"
            );
        }
    }
}

//! How the database goes about the searches, on 100,000 events: by an index, newest first, without
//! reading or sorting what the answer does not hold.

use std::fmt::Write as _;

use diesel::QueryableByName;
use diesel::sql_types::Json;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::event::{Form, read};
use pts_domain::filter::{EventFilter, TypePattern};
use pts_domain::time::parse;
use pts_ports::{AccountQuery, RunQuery};
use pts_testkit::postgres::TestDb;
use serde_json::{Value, json};

use crate::accounting;
use crate::event_log::statements::{Incoming, export, lookup, page, stretch};
use crate::projections::run_statement;
use crate::sql::Sql;
use crate::workspaces::{Confined, Room, USUAL};
use crate::{DatabaseSettings, PgPool, connect};

const LIMIT: usize = 100;

/// What a plan came to.
#[derive(Debug, Default)]
struct Plan {
    text: String,
    /// Tables of events that were read from end to end.
    read_whole: Vec<String>,
    /// The indexes that were walked, by the names of the partitioned table's.
    indexes: Vec<String>,
    /// The most rows that a sort was given.
    sorted: u64,
    /// The most rows that a scan brought up.
    scanned: u64,
}

#[derive(QueryableByName)]
struct Explained {
    #[diesel(sql_type = Json, column_name = "QUERY PLAN")]
    plan: Value,
}

impl Plan {
    /// Of a statement that reads one workspace, as whoever reads carries it out: with its policies.
    async fn of(room: Room<'_>, statement: impl Fn() -> Sql<'static> + Send + Sync) -> Self {
        let explain = || Sql::once("EXPLAIN (ANALYZE, FORMAT JSON) ").append(statement());
        Self::explained(&room.load(explain).await.unwrap())
    }

    /// Of one that concerns all of them.
    async fn of_all(pool: &PgPool, statement: impl Fn() -> Sql<'static> + Send + Sync) -> Self {
        let explain = || Sql::once("EXPLAIN (ANALYZE, FORMAT JSON) ").append(statement());
        Self::explained(&pool.load(explain).await.unwrap())
    }

    fn explained(rows: &[Explained]) -> Self {
        let mut plan = Self::default();
        plan.walk(&rows[0].plan[0]["Plan"], 0);
        plan
    }

    fn walk(&mut self, node: &Value, depth: usize) {
        let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
        // Rows are an average over the loops; PostgreSQL 18 gives them with decimals.
        let number = |name: &str| node[name].as_f64().unwrap_or_default();
        let kind = text("Node Type");
        let table = text("Relation Name");
        let index = text("Index Name");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts of rows"
        )]
        let rows = ((number("Actual Rows") + number("Rows Removed by Filter"))
            * number("Actual Loops"))
        .ceil() as u64;
        let _ = writeln!(self.text, "{:depth$}{kind} {table} {index} rows={rows}", "");
        // Partitions in which there is nothing may be looked into in any way.
        if kind == "Seq Scan" && table.starts_with("events_") && rows > 0 {
            self.read_whole.push(table);
        }
        if !index.is_empty() && rows > 0 {
            self.indexes.push(index);
        }
        if kind.ends_with("Scan") {
            self.scanned = self.scanned.max(rows);
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            if kind == "Sort" || kind == "Incremental Sort" {
                let given = child["Actual Rows"].as_f64().unwrap_or_default();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "counts of rows"
                )]
                let given = given.ceil() as u64;
                self.sorted = self.sorted.max(given);
            }
            self.walk(child, depth + 2);
        }
    }

    /// By an index of this name, and by nothing else.
    #[track_caller]
    fn walks(&self, index: &str) {
        assert!(self.read_whole.is_empty(), "{}", self.text);
        assert!(!self.indexes.is_empty(), "{}", self.text);
        let only = self.indexes.iter().all(|name| name.contains(index));
        assert!(only, "{}", self.text);
    }

    /// Nothing was sorted, and little more was read than is given.
    #[track_caller]
    fn comes_in_order(&self) {
        assert!(self.sorted <= LIMIT as u64 + 1, "{}", self.text);
        assert!(self.scanned <= 2 * LIMIT as u64, "{}", self.text);
    }
}

/// 100,000 events of 90 days in four partitions: 10 services that each send 20 types, 25 sources. One in
/// thirteen is of another workspace.
async fn filled() -> (TestDb, PgPool) {
    let database = TestDb::fresh().await;
    let pool = connect(&DatabaseSettings::new(database.url())).unwrap();
    for statement in [
        "WITH made AS (INSERT INTO access.workspaces (name) VALUES ('rare') RETURNING 1) \
         SELECT count(*) AS number FROM made",
        "SELECT platform.ensure_partitions('2026-01-10', 4)::bigint AS number",
        "WITH made AS (INSERT INTO platform.events SELECT n, gen_random_uuid(), \
         'source-' || n % 25, 'id-' || n, \
         CASE WHEN n / 10 % 10 = 0 THEN 'deployment.' ELSE 'com.acme.' END || n / 10 % 20, \
         CASE WHEN n % 3 = 0 THEN 'subject-' || n % 500 END, at, true, at, \
         'service-' || n % 10, 'production', \
         jsonb_build_object('service', 'service-' || n % 10, 'n', n), '{}', decode(md5(n::text), 'hex'), NULL, \
         CASE WHEN n % 13 = 0 THEN 1 ELSE 0 END \
         FROM (SELECT n, timestamptz '2026-01-10' + n * interval '78 s' AS at \
         FROM generate_series(1, 100000) AS n) AS rows RETURNING 1) \
         SELECT count(*) AS number FROM made",
        "WITH made AS (INSERT INTO platform.runs SELECT n, 'declared', 'service-' || n % 20, \
         CASE WHEN n % 2 = 0 THEN 'production' ELSE 'staging' END, NULL, 'v' || n, NULL, NULL, \
         'd-' || n, timestamptz '2026-01-10' + n * interval '78 s', NULL, false, \
         CASE WHEN n % 13 = 0 THEN 1 ELSE 0 END \
         FROM generate_series(1, 100000) AS n RETURNING 1) SELECT count(*) AS number FROM made",
    ] {
        let rows: Vec<crate::row::Number> = pool.load(|| Sql::once(statement)).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
    pool.execute(|| Sql::once("ANALYZE")).await.unwrap();
    (database, pool)
}

fn at(text: &str) -> Timestamp {
    parse(text).unwrap()
}

fn leak<T>(value: T) -> &'static T {
    // Statements borrow their filter, and a test ends soon.
    Box::leak(Box::new(value))
}

async fn search(room: Room<'_>, filter: EventFilter) -> Plan {
    let filter = leak(filter);
    Plan::of(room, || page(room, filter, None, LIMIT)).await
}

fn rare() -> Workspace {
    "rare".parse().unwrap()
}

#[tokio::test]
async fn searches_walk_an_index_in_its_order() {
    let (_database, pool) = filled().await;
    let usual = Confined::new(pool);
    let rare = usual.within(&rare());
    for confined in [&usual, &rare] {
        walk_in_order(confined.room().await.unwrap()).await;
    }
}

async fn walk_in_order(room: Room<'_>) {
    let window = EventFilter {
        since: Some(at("2026-02-10T00:00:00Z")),
        until: Some(at("2026-03-20T00:00:00Z")),
        ..EventFilter::default()
    };

    // The newest 100 of a service and a type in a window.
    let narrow = EventFilter {
        service: Some("service-1".into()),
        types: vec![TypePattern::from("com.acme.1")],
        ..window.clone()
    };
    let plan = search(room, narrow.clone()).await;
    plan.walks("service_type");
    plan.comes_in_order();
    assert!(!plan.text.contains("2026_01"), "{}", plan.text);

    // The next page of it.
    let filter = leak(EventFilter {
        since: None,
        ..narrow
    });
    let behind = Some((at("2026-03-15T00:00:00Z"), 70_000));
    let plan = Plan::of(room, || page(room, filter, behind, LIMIT)).await;
    plan.walks("service_type");
    plan.comes_in_order();

    // By time alone.
    let plan = search(room, EventFilter::default()).await;
    plan.walks("time");
    plan.comes_in_order();
    let plan = search(room, window).await;
    plan.walks("time");
    plan.comes_in_order();

    // By one type, source or subject.
    let of_type = EventFilter {
        types: vec![TypePattern::from("deployment.10")],
        ..EventFilter::default()
    };
    let plan = search(room, of_type).await;
    plan.walks("type");
    plan.comes_in_order();
    let of_source = EventFilter {
        source: Some("source-7".into()),
        ..EventFilter::default()
    };
    let plan = search(room, of_source).await;
    plan.walks("source");
    plan.comes_in_order();
    let of_subject = EventFilter {
        subject: Some("subject-30".into()),
        ..EventFilter::default()
    };
    let plan = search(room, of_subject).await;
    plan.walks("subject");
    plan.comes_in_order();

    // A family of types: whichever index, the table is not read.
    let family = EventFilter {
        types: vec![TypePattern::from("deployment.*")],
        ..EventFilter::default()
    };
    let plan = search(room, family).await;
    assert!(plan.read_whole.is_empty(), "{}", plan.text);
    assert!(plan.scanned <= 3_000, "{}", plan.text);
    // A family that nobody sends is known to be absent by the index on types alone.
    let nobody = EventFilter {
        types: vec![TypePattern::from("org.nobody.*")],
        ..EventFilter::default()
    };
    let plan = search(room, nobody).await;
    assert_eq!(plan.scanned, 0, "{}", plan.text);
}

#[tokio::test]
async fn an_export_goes_by_the_order_of_time_and_sorts_nothing() {
    let (_database, pool) = filled().await;
    let confined = Confined::new(pool);
    let room = confined.room().await.unwrap();
    let behind = Some((at("2026-03-15T00:00:00Z"), 70_000));
    let inside = |value: &str| EventFilter {
        data: [("service".to_owned(), value.to_owned())].into(),
        ..EventFilter::default()
    };
    for filter in [EventFilter::default(), inside("service-3")] {
        let filter = leak(filter);
        for behind in [None, behind] {
            let plan = Plan::of(room, || export(room, "position", filter, 100_000, behind)).await;
            assert!(plan.read_whole.is_empty(), "{}", plan.text);
            assert_eq!(plan.sorted, 0, "{}", plan.text);
        }
    }
    // Where all that fits goes into one stretch, collecting it by its index is as good.
    let of_service = leak(EventFilter {
        service: Some("service-3".into()),
        types: vec![TypePattern::from("com.acme.3")],
        ..EventFilter::default()
    });
    let plan = Plan::of(room, || export(room, "position", of_service, 100_000, None)).await;
    plan.walks("service_type");
}

#[tokio::test]
async fn the_tail_and_identities_are_probed_and_not_searched() {
    let (database, pool) = filled().await;
    let confined = Confined::new(pool);
    let room = confined.room().await.unwrap();
    let all = leak(EventFilter::default());
    let plan = Plan::of(room, || stretch(room, 50_000, 55_000, all, LIMIT)).await;
    plan.walks("pkey");
    plan.comes_in_order();
    // A filter that little passes costs a stretch, not the log.
    let rare = leak(EventFilter {
        service: Some("nobody".into()),
        ..EventFilter::default()
    });
    let plan = Plan::of(room, || stretch(room, 50_000, 55_000, rare, LIMIT)).await;
    assert!(plan.read_whole.is_empty(), "{}", plan.text);
    assert!(plan.scanned <= 5_000, "{}", plan.text);

    // More than half of them are repeats, of which some are of the other workspace.
    let batch: Vec<Incoming> = (99_650..100_150)
        .map(|n| {
            let source = format!("source-{}", n % 25);
            let event = json!({"type": "t", "source": source, "id": format!("id-{n}")});
            let now = at("2026-04-11T12:00:00Z");
            let id = uuid::Uuid::from_u128(n);
            let new = read(event, Form::Lenient, id, now).unwrap().event;
            Incoming::new(new, USUAL)
        })
        .collect();
    let batch = leak(batch);
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let settings = DatabaseSettings {
            max_connections: 1,
            ..DatabaseSettings::new(database.url())
        };
        let pool = connect(&settings).unwrap();
        let set = format!("SET plan_cache_mode = {mode}");
        pool.execute(move || Sql::once(set)).await.unwrap();
        let plan = Plan::of_all(&pool, || lookup(batch)).await;
        plan.walks("identity");
        assert_eq!(plan.sorted, 0, "{}", plan.text);
        // Late in a month, the one before need not be looked into.
        assert!(!plan.text.contains("2026_03"), "{}", plan.text);
    }
}

#[tokio::test]
async fn the_accounts_read_of_the_log_what_is_not_counted_and_nothing_else() {
    let (_database, pool) = filled().await;
    for place in [
        "UPDATE platform.log_head SET position = 100000",
        "UPDATE platform.accounted SET position = 99000",
    ] {
        pool.execute(|| Sql::once(place)).await.unwrap();
    }
    let confined = Confined::new(pool.clone());
    let room = confined.room().await.unwrap();
    let counts = |plan: &Plan| {
        plan.walks("_pkey");
        assert!(plan.scanned <= 1_000, "{}", plan.text);
    };
    for query in [
        AccountQuery::default(),
        AccountQuery {
            source: Some("source-3".to_owned()),
            ..AccountQuery::default()
        },
    ] {
        let query: &'static AccountQuery = Box::leak(Box::new(query));
        counts(&Plan::of(room, || accounting::lines(room, query, 100)).await);
    }
    counts(&Plan::of_all(&pool, || accounting::stretch(99_000, 50_000)).await);
}

#[tokio::test]
async fn what_ran_at_a_moment_is_found_among_100_000_runs() {
    let (_database, pool) = filled().await;
    let confined = Confined::new(pool);
    let room = confined.room().await.unwrap();
    let newest = leak(RunQuery::default());
    let plan = Plan::of(room, || run_statement(room, newest, LIMIT)).await;
    plan.comes_in_order();
    let of_service = leak(RunQuery {
        service: Some("service-3".into()),
        environment: Some("staging".into()),
        at: Some(at("2026-02-20T00:00:00Z")),
        ..RunQuery::default()
    });
    let plan = Plan::of(room, || run_statement(room, of_service, LIMIT)).await;
    assert!(plan.scanned <= 5_000, "{}", plan.text);
}

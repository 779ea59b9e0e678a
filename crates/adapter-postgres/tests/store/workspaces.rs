//! Workspaces in a database of somebody who is no superuser: to whom the policies apply as well, and who
//! may or may not make the role that reads.

use std::sync::Arc;

use pts_adapter_postgres::{
    DatabaseSettings, PgEventLog, PgMaintenance, PgProjections, connect, migrate,
};
use pts_domain::access::Workspace;
use pts_domain::filter::EventFilter;
use pts_ports::{Appended, EventLog as _, Maintenance as _, Projections as _};
use pts_testkit::fakes::DomainProjector;
use pts_testkit::generate::Babel;
use pts_testkit::postgres::TestDb;

use super::support::{count, outside, sql};

/// Makes an owner of a database who logs in by themselves; returns the URL.
async fn owned(database: &TestDb, rights: &str) -> String {
    let client = outside(database).await;
    let name = format!("{}_owner", database.name());
    sql(
        &client,
        &format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'owner' NOSUPERUSER {rights}; \
             ALTER DATABASE {db} OWNER TO {name}; \
             ALTER SCHEMA public OWNER TO {name}",
            db = database.name()
        ),
    )
    .await;
    let url = database.url();
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let (_, host) = rest.split_once('@').expect("a user");
    format!("{scheme}://{name}:owner@{host}")
}

/// Leaves nothing of the owner in the cluster when the database goes.
async fn disowned(database: &TestDb) {
    let client = outside(database).await;
    let name = format!("{}_owner", database.name());
    let anew = format!(
        "REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name} CASCADE; DROP ROLE {name}"
    );
    sql(&client, &anew).await;
}

async fn works(url: &str) {
    let pool = connect(&DatabaseSettings::new(url)).unwrap();
    let log = PgEventLog::new(pool.clone(), Arc::new(DomainProjector));
    let workspace: Workspace = "a".parse().unwrap();
    // One by one, a few at once, and as many as are copied.
    for (seed, batches) in [(1, 1), (2, 20), (3, 400)] {
        let mut batch = Babel::new(seed).events(batches);
        for new in &mut batch {
            new.workspace = workspace.clone();
        }
        let told = log.append(batch).await.unwrap();
        assert!(matches!(told[0], Appended::Stored { .. }), "{:?}", told[0]);
    }
    assert_eq!(log.appends().1, 0, "an append went the sure way");
    let all = EventFilter::default();
    let found = log.search(&all, None, 10).await.unwrap();
    assert!(found.items.is_empty(), "nothing is in the usual workspace");
    let found = log.within(&workspace).search(&all, None, 10).await.unwrap();
    assert_eq!(found.items.len(), 10);
    let projections = PgProjections::of(&log).within(&workspace);
    let services = projections.services(None, None, 10).await.unwrap();
    assert!(!services.items.is_empty());
    let upkeep = PgMaintenance::new(pool, Arc::new(DomainProjector));
    assert_eq!(upkeep.verify().await.unwrap().faults, Vec::<String>::new());
    assert_eq!(upkeep.check().await.unwrap(), []);
    assert!(upkeep.rebuild().await.unwrap().aggregates > 0);
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_migrates_writes_and_keeps_workspaces_apart() {
    let database = TestDb::bare().await;
    // Others have made the role meanwhile, as they do: whoever may, takes it on.
    let url = owned(&database, "CREATEROLE").await;
    let client = outside(&database).await;
    let owner = format!("{}_owner", database.name());
    let role = "SELECT count(*) FROM pg_roles WHERE rolname = 'pts_reader'";
    if count(&client, role).await == 1 {
        sql(&client, &format!("GRANT pts_reader TO {owner}")).await;
    }
    migrate(&url).await.unwrap();
    works(&url).await;
    disowned(&database).await;
}

#[tokio::test]
async fn an_owner_who_may_not_take_on_the_role_is_told_what_an_administrator_must_run() {
    let database = TestDb::bare().await;
    let url = owned(&database, "NOCREATEROLE").await;
    let client = outside(&database).await;
    let owner = format!("{}_owner", database.name());
    let role = "SELECT count(*) FROM pg_roles WHERE rolname = 'pts_reader'";
    if count(&client, role).await == 0 {
        sql(&client, "CREATE ROLE pts_reader NOLOGIN").await;
    }
    let error = migrate(&url).await.unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    let remedy = format!("GRANT pts_reader TO {owner}");
    assert!(
        why.contains("an administrator must run") && why.contains(&remedy),
        "{why}"
    );
    sql(&client, &remedy).await;
    migrate(&url).await.unwrap();
    works(&url).await;
    disowned(&database).await;
}

#[tokio::test]
async fn what_was_there_before_there_were_workspaces_is_in_the_usual_one() {
    let database = TestDb::fresh().await;
    let client = outside(&database).await;
    let pool = connect(&DatabaseSettings::new(database.url())).unwrap();
    let log = PgEventLog::new(pool.clone(), Arc::new(DomainProjector));
    log.append(Babel::new(9).events(200)).await.unwrap();
    log.settle().await.unwrap();
    let before = log
        .search(&EventFilter::default(), None, 1_000)
        .await
        .unwrap();
    pool.close();
    // Back to the shape of before, and forth again.
    let down = include_str!("../../../../migrations/00000000000011_workspaces/down.sql");
    sql(&client, down).await;
    let up = include_str!("../../../../migrations/00000000000011_workspaces/up.sql");
    sql(&client, up).await;
    let pool = connect(&DatabaseSettings::new(database.url())).unwrap();
    let log = PgEventLog::new(pool.clone(), Arc::new(DomainProjector));
    let after = log
        .search(&EventFilter::default(), None, 1_000)
        .await
        .unwrap();
    assert_eq!(after, before);
    let upkeep = PgMaintenance::new(pool, Arc::new(DomainProjector));
    assert_eq!(upkeep.verify().await.unwrap().faults, Vec::<String>::new());
    assert_eq!(upkeep.check().await.unwrap(), []);
}

//! Aggregates in and out of the tables of projections: read in one statement a kind, written in
//! one statement a kind. The same statements serve the live tables and the shadow ones in which
//! the log is replayed.

mod follow;
mod replay;
mod upsert;

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Text, Timestamptz, Uuid};
use diesel_async::AsyncPgConnection;
use pts_domain::Event;
use pts_domain::projection::{Aggregate, AggregateKey, AggregateKind, Aggregates, Contradiction};
use pts_ports::Projector;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use follow::{Lag, Reached, catch_up, follow, hold, lag, moved, now_at, reached};
pub(crate) use replay::{TABLES, Table, replay, shadow_tables};
pub(crate) use upsert::kind_name;

use crate::error::{Fault, together};
use crate::sql::Sql;

/// Where the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The ones that are read.
    Live,
    /// Temporary ones of the session.
    Shadow,
}

impl Place {
    pub(crate) const fn schema(self) -> &'static str {
        match self {
            Self::Live => "platform",
            Self::Shadow => "pg_temp",
        }
    }
}

/// An aggregate's key in its workspace, which is told by its number.
pub(crate) type Key = (i32, AggregateKey);

/// Aggregates, each workspace's by themselves: what folds them knows of no workspaces.
#[derive(Default)]
pub(crate) struct Rooms(BTreeMap<i32, Aggregates>);

impl Rooms {
    /// Those of one workspace.
    pub(crate) fn of(&mut self, workspace: i32) -> &mut Aggregates {
        self.0.entry(workspace).or_default()
    }

    /// Those that were changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = (i32, &Aggregate)> {
        let all = self.0.iter();
        all.flat_map(|(workspace, ours)| ours.changed().map(|one| (*workspace, one)))
    }

    /// All of them.
    pub(crate) fn into_all(self) -> impl Iterator<Item = (Key, Aggregate)> {
        let all = self.0.into_iter();
        all.flat_map(|(workspace, ours)| {
            let ours = ours.into_all();
            ours.map(move |(key, one)| ((workspace, key), one))
        })
    }
}

/// The aggregates that must be read before these events can be folded.
pub(crate) fn keys<'e>(
    projector: &dyn Projector,
    events: impl Iterator<Item = (i32, &'e Event)>,
) -> BTreeSet<Key> {
    let each = events.flat_map(|(workspace, event)| {
        let keys = projector.keys(event).into_iter();
        keys.map(move |key| (workspace, key))
    });
    each.collect()
}

/// Reads the aggregates under these keys, as far as they are there.
pub(crate) async fn load(
    connection: &AsyncPgConnection,
    place: Place,
    keys: &BTreeSet<Key>,
) -> Result<Rooms, Fault> {
    let mut by_kind: BTreeMap<AggregateKind, Vec<&Key>> = BTreeMap::new();
    for key in keys {
        by_kind.entry(key.1.kind()).or_default().push(key);
    }
    let reads = by_kind
        .iter()
        .map(|(kind, keys)| select(place, *kind, keys).rows::<Placed>(connection));
    let found = together(reads).await?;
    let mut rooms: BTreeMap<i32, Vec<Aggregate>> = BTreeMap::new();
    for (kind, rows) in by_kind.keys().zip(found) {
        for row in rows {
            let ours = rooms.entry(row.workspace).or_default();
            ours.push(aggregate(*kind, row.doc)?);
        }
    }
    let rooms = rooms.into_iter();
    let rooms = rooms.map(|(workspace, ours)| (workspace, Aggregates::loaded(ours)));
    Ok(Rooms(rooms.collect()))
}

#[derive(QueryableByName)]
struct Placed {
    #[diesel(sql_type = Integer)]
    workspace: i32,
    #[diesel(sql_type = Jsonb)]
    doc: Value,
}

/// A whole aggregate as it is stored.
pub(crate) fn parse<T: DeserializeOwned>(doc: Value) -> Result<T, Fault> {
    serde_json::from_value(doc)
        .map_err(|error| Fault::Corrupt(format!("a projection cannot be read: {error}")))
}

fn aggregate(kind: AggregateKind, doc: Value) -> Result<Aggregate, Fault> {
    Ok(match kind {
        AggregateKind::Deployment => Aggregate::Deployment(parse(doc)?),
        AggregateKind::Service => Aggregate::Service(parse(doc)?),
        AggregateKind::Instance => Aggregate::Instance(parse(doc)?),
        AggregateKind::Image => Aggregate::Image(parse(doc)?),
        AggregateKind::State => Aggregate::State(parse(doc)?),
        AggregateKind::Config => Aggregate::Config(parse(doc)?),
        AggregateKind::Incident => Aggregate::Incident(parse(doc)?),
        AggregateKind::Run => Aggregate::Run(parse(doc)?),
    })
}

/// A kind's table and the columns of its key within a workspace.
const fn table(kind: AggregateKind) -> (&'static str, &'static [&'static str]) {
    match kind {
        AggregateKind::Deployment => ("deployments", &["service", "environment", "deployment_id"]),
        AggregateKind::Service => ("services", &["service"]),
        AggregateKind::Instance => ("instances", &["service", "environment", "instance"]),
        AggregateKind::Image => ("images", &["image", "reference"]),
        AggregateKind::State => ("states", &["component", "environment"]),
        AggregateKind::Config => ("configs", &["service", "environment", "key"]),
        AggregateKind::Incident => ("incidents", &["incident_id"]),
        AggregateKind::Run => ("runs", &["opened_position"]),
    }
}

/// The parts of a key, in the order of the columns; none for a run, whose key is a number.
fn parts(key: &AggregateKey) -> Vec<&str> {
    match key {
        AggregateKey::Deployment {
            service,
            environment,
            deployment_id,
        } => vec![service, environment, deployment_id],
        AggregateKey::Service { service } => vec![service],
        AggregateKey::Instance {
            service,
            environment,
            instance,
        } => vec![service, environment, instance],
        AggregateKey::Image { image, reference } => vec![image, reference],
        AggregateKey::State {
            component,
            environment,
        } => vec![component, environment],
        AggregateKey::Config {
            service,
            environment,
            key,
        } => vec![service, environment, key],
        AggregateKey::Incident { incident_id } => vec![incident_id],
        AggregateKey::Run { .. } => Vec::new(),
    }
}

/// A run has no document of its own: its columns are all of it.
const RUN_DOC: &str = "jsonb_build_object('kind', t.kind, 'service', t.service, \
     'environment', t.environment, 'instance', t.instance, 'version', t.version, \
     'image', t.image, 'deployment_id', t.deployment_id, 'from', t.began_at, 'to', t.ended_at, \
     'ends', t.ends, 'opened_position', t.opened_position)";

fn select<'a>(place: Place, kind: AggregateKind, keys: &[&'a Key]) -> Sql<'a> {
    let (table, columns) = table(kind);
    let schema = place.schema();
    let workspaces: Vec<i32> = keys.iter().map(|(workspace, _)| *workspace).collect();
    let doc = if kind == AggregateKind::Run {
        RUN_DOC
    } else {
        "t.doc"
    };
    let mut sql =
        Sql::kept("SELECT t.workspace, t.doc FROM unnest(").value::<Array<Integer>, _>(workspaces);
    if kind == AggregateKind::Run {
        let positions: Vec<i64> = keys
            .iter()
            .filter_map(|(_, key)| match key {
                AggregateKey::Run { opened_position } => Some(*opened_position),
                _ => None,
            })
            .collect();
        sql = sql.sql(", ").value::<Array<BigInt>, _>(positions);
    } else {
        for column in 0..columns.len() {
            let values: Vec<&'a str> = keys
                .iter()
                .filter_map(|(_, key)| parts(key).get(column).copied())
                .collect();
            sql = sql.sql(", ").value::<Array<Text>, _>(values);
        }
    }
    // One probe of the key for each, whatever the planner thinks of the table's size; and of no index that
    // begins with the workspace (see the migration).
    let found: Vec<_> = columns
        .iter()
        .map(|column| format!(" AND t.{column} = sought.{column}"))
        .collect();
    sql.sql(format!(
        ") AS sought (workspace, {}) CROSS JOIN LATERAL \
         (SELECT t.workspace, {doc} AS doc FROM {schema}.{table} AS t \
         WHERE t.workspace IS NOT DISTINCT FROM sought.workspace{} LIMIT 1) AS t",
        columns.join(", "),
        found.concat()
    ))
}

/// The statements that write these aggregates, over what is there.
pub(crate) fn store<'a>(
    place: Place,
    changed: impl Iterator<Item = (i32, &'a Aggregate)>,
) -> Result<Vec<Sql<'a>>, Fault> {
    let mut by_kind: BTreeMap<AggregateKind, Vec<(i32, &Aggregate)>> = BTreeMap::new();
    for (workspace, aggregate) in changed {
        by_kind
            .entry(aggregate.key().kind())
            .or_default()
            .push((workspace, aggregate));
    }
    by_kind
        .into_iter()
        .map(|(kind, aggregates)| upsert::statement(place, kind, &aggregates))
        .collect()
}

/// The statement that keeps contradictions, if there are any. They come in the order of the log,
/// those of one event one behind the other.
pub(crate) fn store_contradictions<'a>(
    place: Place,
    found: impl Iterator<Item = (i32, &'a Contradiction)>,
) -> Option<Sql<'a>> {
    let (workspaces, found): (Vec<i32>, Vec<_>) = found.unzip();
    let mut ordinals: Vec<i32> = Vec::with_capacity(found.len());
    for (index, one) in found.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| found[before].position);
        let same_event = before == Some(one.position);
        let last = ordinals.last().filter(|_| same_event);
        ordinals.push(last.map_or(0, |last| last + 1));
    }
    if found.is_empty() {
        return None;
    }
    let texts = |text: fn(&Contradiction) -> &str| -> Vec<&'a str> {
        found.iter().map(|one| text(one)).collect()
    };
    let schema = place.schema();
    Some(
        Sql::kept(format!(
            "INSERT INTO {schema}.contradictions \
             (workspace, position, ordinal, event_id, \"time\", about, code, message) \
             SELECT * FROM unnest("
        ))
        .value::<Array<Integer>, _>(workspaces)
        .sql(", ")
        .value::<Array<BigInt>, _>(found.iter().map(|one| one.position).collect::<Vec<_>>())
        .sql(", ")
        .value::<Array<Integer>, _>(ordinals)
        .sql(", ")
        .value::<Array<Uuid>, _>(found.iter().map(|one| one.event_id).collect::<Vec<_>>())
        .sql(", ")
        .value::<Array<Timestamptz>, _>(found.iter().map(|one| one.time).collect::<Vec<_>>())
        .sql(", ")
        .value::<Array<Text>, _>(texts(|one| &one.about))
        .sql(", ")
        .value::<Array<Text>, _>(texts(|one| &one.code))
        .sql(", ")
        .value::<Array<Text>, _>(texts(|one| &one.message))
        .sql(")"),
    )
}

//! Aggregates in and out of the tables of projections: read in one statement a kind, written in
//! one statement a kind. The same statements serve the live tables and the shadow ones in which
//! the log is replayed.

mod follow;
mod replay;
mod upsert;

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid};
use diesel_async::AsyncPgConnection;
use pts_domain::projection::{Aggregate, AggregateKey, AggregateKind, Aggregates, Contradiction};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use follow::{Lag, Reached, catch_up, follow, hold, lag, moved, now_at, reached};
pub(crate) use replay::{TABLES, Table, replay, shadow_tables};
pub(crate) use upsert::kind_name;

use crate::error::{Fault, together};
use crate::row::Doc;
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

/// Reads the aggregates under these keys, as far as they are there.
pub(crate) async fn load(
    connection: &AsyncPgConnection,
    place: Place,
    keys: &BTreeSet<AggregateKey>,
) -> Result<Aggregates, Fault> {
    let mut by_kind: BTreeMap<AggregateKind, Vec<&AggregateKey>> = BTreeMap::new();
    for key in keys {
        by_kind.entry(key.kind()).or_default().push(key);
    }
    let reads = by_kind
        .iter()
        .map(|(kind, keys)| select(place, *kind, keys).rows::<Doc>(connection));
    let found = together(reads).await?;
    let aggregates: Result<Vec<_>, _> = by_kind
        .keys()
        .zip(found)
        .flat_map(|(kind, docs)| docs.into_iter().map(|row| aggregate(*kind, row.doc)))
        .collect();
    Ok(Aggregates::loaded(aggregates?))
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

/// A kind's table and the columns of its key.
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

fn select<'a>(place: Place, kind: AggregateKind, keys: &[&'a AggregateKey]) -> Sql<'a> {
    let (table, columns) = table(kind);
    let schema = place.schema();
    if kind == AggregateKind::Run {
        let positions: Vec<i64> = keys
            .iter()
            .filter_map(|key| match key {
                AggregateKey::Run { opened_position } => Some(*opened_position),
                _ => None,
            })
            .collect();
        return Sql::kept(format!(
            "SELECT {RUN_DOC} AS doc FROM {schema}.runs AS t WHERE t.opened_position = ANY("
        ))
        .value::<Array<BigInt>, _>(positions)
        .sql(")");
    }
    let mut sql = Sql::kept("SELECT t.doc FROM unnest(");
    for column in 0..columns.len() {
        let values: Vec<&'a str> = keys
            .iter()
            .filter_map(|key| parts(key).get(column).copied())
            .collect();
        if column > 0 {
            sql = sql.sql(", ");
        }
        sql = sql.value::<Array<Text>, _>(values);
    }
    // One probe of the key for each, whatever the planner thinks of the table's size.
    let found: Vec<_> = columns
        .iter()
        .map(|column| format!("t.{column} = sought.{column}"))
        .collect();
    sql.sql(format!(
        ") AS sought ({}) CROSS JOIN LATERAL \
         (SELECT t.doc FROM {schema}.{table} AS t WHERE {} LIMIT 1) AS t",
        columns.join(", "),
        found.join(" AND ")
    ))
}

/// The statements that write these aggregates, over what is there.
pub(crate) fn store<'a>(
    place: Place,
    changed: impl Iterator<Item = &'a Aggregate>,
) -> Result<Vec<Sql<'a>>, Fault> {
    let mut by_kind: BTreeMap<AggregateKind, Vec<&Aggregate>> = BTreeMap::new();
    for aggregate in changed {
        by_kind
            .entry(aggregate.key().kind())
            .or_default()
            .push(aggregate);
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
    found: impl Iterator<Item = &'a Contradiction>,
) -> Option<Sql<'a>> {
    let found: Vec<_> = found.collect();
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
             (position, ordinal, event_id, \"time\", about, code, message) SELECT * FROM unnest("
        ))
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

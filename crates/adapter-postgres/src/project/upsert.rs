//! Which columns each kind of aggregate is written to.

use std::io::Write as _;

use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{
    Array, BigInt, Bool, HasSqlType, Integer, Jsonb, Nullable, Text, Timestamptz,
};
use pts_domain::image_ref::ImageRef;
use pts_domain::projection::{
    Aggregate, AggregateKind, ComponentState, ConfigEntry, Deployment, Image, Incident, Instance,
    Run, RunKind, Service,
};
use serde::Serialize;

use super::{Place, table};
use crate::error::Fault;
use crate::sql::Sql;

/// The statement that writes aggregates of one kind.
pub(super) fn statement<'a>(
    place: Place,
    kind: AggregateKind,
    aggregates: &[(i32, &'a Aggregate)],
) -> Result<Sql<'a>, Fault> {
    macro_rules! these {
        ($variant:ident) => {
            aggregates
                .iter()
                .filter_map(|(_, aggregate)| match aggregate {
                    Aggregate::$variant(value) => Some(value),
                    _ => None,
                })
                .collect::<Vec<_>>()
        };
    }
    let workspaces = aggregates.iter().map(|(workspace, _)| *workspace).collect();
    let rows = Upsert::new(place, kind).values_of::<Integer, i32>("workspace", workspaces);
    let rows = match kind {
        AggregateKind::Deployment => deployments(rows, &these!(Deployment))?,
        AggregateKind::Service => services(rows, &these!(Service))?,
        AggregateKind::Instance => instances(rows, &these!(Instance))?,
        AggregateKind::Image => images(rows, &these!(Image))?,
        AggregateKind::State => states(rows, &these!(State))?,
        AggregateKind::Config => configs(rows, &these!(Config))?,
        AggregateKind::Incident => incidents(rows, &these!(Incident))?,
        AggregateKind::Run => runs(rows, &these!(Run)),
    };
    Ok(rows.finish())
}

/// A document as text.
#[derive(Debug)]
struct Doc(Vec<u8>);

impl ToSql<Jsonb, Pg> for Doc {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        // The version of the binary form, which is the text behind it.
        out.write_all(&[1])?;
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

/// `INSERT … SELECT unnest … ON CONFLICT DO UPDATE`, a column at a time.
struct Upsert<'a> {
    place: Place,
    kind: AggregateKind,
    columns: Vec<&'static str>,
    values: Sql<'a>,
}

impl<'a> Upsert<'a> {
    fn new(place: Place, kind: AggregateKind) -> Self {
        Self {
            place,
            kind,
            columns: Vec::new(),
            values: Sql::kept(""),
        }
    }

    fn column<S, T, V>(self, name: &'static str, rows: &[&'a T], of: impl Fn(&'a T) -> V) -> Self
    where
        S: Send + 'static,
        Pg: HasSqlType<Array<S>>,
        V: Send + 'a,
        Vec<V>: ToSql<Array<S>, Pg>,
    {
        self.values_of::<S, V>(name, rows.iter().map(|row| of(row)).collect())
    }

    /// The column of whole aggregates.
    fn doc<T: Serialize>(self, rows: &[&'a T]) -> Result<Self, Fault> {
        let docs: Result<Vec<Doc>, _> = rows
            .iter()
            .map(|row| serde_json::to_vec(row).map(Doc))
            .collect();
        let docs = docs
            .map_err(|error| Fault::Corrupt(format!("an aggregate cannot be written: {error}")))?;
        Ok(self.values_of::<Jsonb, _>("doc", docs))
    }

    fn values_of<S, V>(mut self, name: &'static str, values: Vec<V>) -> Self
    where
        S: Send + 'static,
        Pg: HasSqlType<Array<S>>,
        V: Send + 'a,
        Vec<V>: ToSql<Array<S>, Pg>,
    {
        if !self.columns.is_empty() {
            self.values = self.values.sql(", ");
        }
        self.columns.push(name);
        self.values = self.values.value::<Array<S>, _>(values);
        self
    }

    fn finish(self) -> Sql<'a> {
        let (table, keys) = table(self.kind);
        let schema = self.place.schema();
        let set: Vec<_> = self
            .columns
            .iter()
            .filter(|column| **column != "workspace" && !keys.contains(column))
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        Sql::kept(format!(
            "INSERT INTO {schema}.{table} ({}) SELECT * FROM unnest(",
            self.columns.join(", ")
        ))
        .append(self.values)
        .sql(format!(
            ") ON CONFLICT (workspace, {}) DO UPDATE SET {}",
            keys.join(", "),
            set.join(", ")
        ))
    }
}

fn deployments<'a>(to: Upsert<'a>, rows: &[&'a Deployment]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("service", rows, |d| d.service.as_str())
        .column::<Text, _, _>("environment", rows, |d| d.environment.as_str())
        .column::<Text, _, _>("deployment_id", rows, |d| d.deployment_id.as_str())
        .column::<Text, _, _>("status", rows, |d| d.status.as_str())
        .column::<Timestamptz, _, _>("status_at", rows, |d| d.status_at)
        .column::<Nullable<Text>, _, _>("version", rows, |d| d.version.as_deref())
        .column::<Nullable<Timestamptz>, _, _>("succeeded_at", rows, |d| d.succeeded_at)
        .column::<Nullable<Timestamptz>, _, _>("finished_at", rows, |d| d.finished_at)
        .column::<BigInt, _, _>("first_position", rows, |d| d.first_position)
        .doc(rows)
}

fn services<'a>(to: Upsert<'a>, rows: &[&'a Service]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("service", rows, |s| s.service.as_str())
        .doc(rows)
}

fn instances<'a>(to: Upsert<'a>, rows: &[&'a Instance]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("service", rows, |i| i.service.as_str())
        .column::<Text, _, _>("environment", rows, |i| i.environment.as_str())
        .column::<Text, _, _>("instance", rows, |i| i.instance.as_str())
        .column::<Timestamptz, _, _>("last_seen_at", rows, |i| i.last_seen_at)
        .doc(rows)
}

fn images<'a>(to: Upsert<'a>, rows: &[&'a Image]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("image", rows, |i| i.image.as_str())
        .column::<Text, _, _>("reference", rows, |i| i.reference.as_str())
        .column::<Nullable<Text>, _, _>("digest", rows, |i| i.digest.as_deref())
        .column::<Nullable<Text>, _, _>("service", rows, |i| i.service.as_deref())
        .column::<BigInt, _, _>("first_position", rows, |i| i.first_position)
        .doc(rows)
}

fn states<'a>(to: Upsert<'a>, rows: &[&'a ComponentState]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("component", rows, |s| s.component.as_str())
        .column::<Text, _, _>("environment", rows, |s| {
            s.environment.as_deref().unwrap_or_default()
        })
        .column::<Nullable<Text>, _, _>("service", rows, |s| s.service.as_deref())
        .column::<Text, _, _>("state", rows, |s| s.state.as_str())
        .doc(rows)
}

fn configs<'a>(to: Upsert<'a>, rows: &[&'a ConfigEntry]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("service", rows, |c| {
        c.service.as_deref().unwrap_or_default()
    })
    .column::<Text, _, _>("environment", rows, |c| {
        c.environment.as_deref().unwrap_or_default()
    })
    .column::<Text, _, _>("key", rows, |c| c.key.as_str())
    .doc(rows)
}

fn incidents<'a>(to: Upsert<'a>, rows: &[&'a Incident]) -> Result<Upsert<'a>, Fault> {
    to.column::<Text, _, _>("incident_id", rows, |i| i.incident_id.as_str())
        .column::<Text, _, _>("status", rows, |i| i.status.as_str())
        .column::<Nullable<Text>, _, _>("service", rows, |i| i.service.as_deref())
        .column::<Nullable<Text>, _, _>("environment", rows, |i| i.environment.as_deref())
        .column::<Nullable<Text>, _, _>("deployment_id", rows, |i| i.deployment_id.as_deref())
        .column::<Nullable<Timestamptz>, _, _>("opened_at", rows, |i| i.opened_at)
        .column::<Nullable<Timestamptz>, _, _>("resolved_at", rows, |i| i.resolved_at)
        .column::<BigInt, _, _>("first_position", rows, |i| i.first_position)
        .doc(rows)
}

fn runs<'a>(to: Upsert<'a>, rows: &[&'a Run]) -> Upsert<'a> {
    to.column::<BigInt, _, _>("opened_position", rows, |r| r.opened_position)
        .column::<Text, _, _>("kind", rows, |r| kind_name(r.kind))
        .column::<Text, _, _>("service", rows, |r| r.service.as_str())
        .column::<Text, _, _>("environment", rows, |r| r.environment.as_str())
        .column::<Nullable<Text>, _, _>("instance", rows, |r| r.instance.as_deref())
        .column::<Nullable<Text>, _, _>("version", rows, |r| r.version.as_deref())
        .column::<Nullable<Text>, _, _>("image", rows, |r| r.image.as_deref())
        .column::<Nullable<Text>, _, _>("image_name", rows, |r| {
            r.image.as_deref().map(|image| ImageRef::split(image).name)
        })
        .column::<Nullable<Text>, _, _>("deployment_id", rows, |r| r.deployment_id.as_deref())
        .column::<Timestamptz, _, _>("began_at", rows, |r| r.from)
        .column::<Nullable<Timestamptz>, _, _>("ended_at", rows, |r| r.to)
        .column::<Bool, _, _>("ends", rows, |r| r.ends)
}

/// The name of a kind of run in its table.
pub(crate) const fn kind_name(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Declared => "declared",
        RunKind::Observed => "observed",
    }
}

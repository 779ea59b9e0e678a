//! Statements: what diesel's query language says, or, where it has no words, SQL in pieces with the
//! values between them.
//!
//! A statement that is kept is prepared once per connection, and after some uses planned once: for
//! what is found by its key, and for writes. One that is not kept is prepared and planned each time
//! for the values that it has: a kept plan does not know whether a window is narrow or a service
//! talkative.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::marker::PhantomData;

use diesel::pg::{Pg, PgMetadataLookup, PgQueryBuilder, PgTypeMetadata};
use diesel::query_builder::bind_collector::RawBytesBindCollector;
use diesel::query_builder::{AstPass, Query, QueryBuilder as _, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};
use diesel::{QueryResult, QueryableByName};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use tokio_postgres::types::Type;

/// A statement and its values.
pub(crate) struct Sql<'a> {
    parts: Vec<Part<'a>>,
    kept: bool,
}

enum Part<'a> {
    Text(Cow<'static, str>),
    Value(Box<dyn QueryFragment<Pg> + Send + 'a>),
}

impl<'a> Sql<'a> {
    /// A statement whose best plan does not depend on its values.
    pub(crate) fn kept(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            parts: vec![Part::Text(text.into())],
            kept: true,
        }
    }

    /// A statement that is planned for its values.
    pub(crate) fn once(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kept: false,
            ..Self::kept(text)
        }
    }

    /// A statement in diesel's query language, planned for its values. Its rows are read by the
    /// names of their columns.
    pub(crate) fn query(query: impl QueryFragment<Pg> + Send + 'a) -> Self {
        Self {
            parts: vec![Part::Value(Box::new(query))],
            kept: false,
        }
    }

    /// A statement in diesel's query language whose best plan does not depend on its values.
    pub(crate) fn kept_query(query: impl QueryFragment<Pg> + Send + 'a) -> Self {
        Self {
            kept: true,
            ..Self::query(query)
        }
    }

    /// Goes on with more of the statement.
    pub(crate) fn sql(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Goes on with another statement's text and values.
    pub(crate) fn append(mut self, other: Self) -> Self {
        self.parts.extend(other.parts);
        self
    }

    /// Goes on with a value.
    pub(crate) fn value<T, V>(mut self, value: V) -> Self
    where
        Pg: HasSqlType<T>,
        T: Send + 'a,
        V: ToSql<T, Pg> + Send + 'a,
    {
        let value: Value<T, V> = Value(value, PhantomData);
        self.parts.push(Part::Value(Box::new(value)));
        self
    }
}

/// A statement with its values in the server's own form, for a [`crate::lane::Lane`].
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) text: String,
    pub(crate) binds: Vec<Option<Vec<u8>>>,
    pub(crate) types: Vec<Type>,
}

impl Raw {
    /// Several statements as one: the first must return rows, and what `last` makes of them, by the name
    /// `first`, is returned. One message, one plan and one answer instead of many.
    pub(crate) fn fused(first: Self, others: Vec<Self>, last: &str) -> Self {
        let mut fused = Self {
            text: String::from("WITH "),
            binds: Vec::new(),
            types: Vec::new(),
        };
        for (number, part) in std::iter::once(first).chain(others).enumerate() {
            if number == 0 {
                fused.text.push_str("first AS (");
            } else {
                let _ = write!(fused.text, ", other_{number} AS (");
            }
            fused.push(part);
            fused.text.push(')');
        }
        fused.text.push(' ');
        fused.text.push_str(last);
        fused
    }

    /// Appends a statement, its values behind those that are there: `$1` becomes `$4` behind three.
    fn push(&mut self, part: Self) {
        let before = self.binds.len();
        let mut pieces = part.text.split('$');
        self.text.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let end = piece
                .find(|letter: char| !letter.is_ascii_digit())
                .unwrap_or(piece.len());
            let (number, rest) = piece.split_at(end);
            if let Ok(number) = number.parse::<usize>() {
                let _ = write!(self.text, "${}{rest}", number + before);
            } else {
                self.text.push('$');
                self.text.push_str(piece);
            }
        }
        self.binds.extend(part.binds);
        self.types.extend(part.types);
    }
}

/// Types of our own, whose numbers differ from database to database, are in no statement of ours.
struct BuiltIn;

impl PgMetadataLookup for BuiltIn {
    fn lookup_type(&mut self, _: &str, _: Option<&str>) -> PgTypeMetadata {
        PgTypeMetadata::new(0, 0)
    }
}

impl Sql<'_> {
    /// Writes it out, values included.
    pub(crate) fn raw(&self) -> QueryResult<Raw> {
        let mut builder = PgQueryBuilder::new();
        self.to_sql(&mut builder, &Pg)?;
        let mut binds = RawBytesBindCollector::<Pg>::new();
        self.collect_binds(&mut binds, &mut BuiltIn, &Pg)?;
        let types = binds.metadata.iter().map(|metadata| {
            let oid = metadata
                .oid()
                .map_err(|error| Error::SerializationError(error.into()))?;
            Type::from_oid(oid).ok_or_else(|| {
                Error::SerializationError(format!("{oid} is no built-in type").into())
            })
        });
        Ok(Raw {
            types: types.collect::<QueryResult<_>>()?,
            text: builder.finish(),
            binds: binds.binds,
        })
    }

    /// Reads its rows. It is written out at once; the future only borrows the connection, so that
    /// several can be polled together, which sends them together.
    pub(crate) fn rows<U>(
        self,
        mut connection: &AsyncPgConnection,
    ) -> BoxFuture<'_, QueryResult<Vec<U>>>
    where
        U: QueryableByName<Pg> + Send + 'static,
    {
        AsyncConnectionCore::load(&mut connection, self)
            .and_then(|rows| {
                rows.map(|row| U::build(&row?).map_err(Error::DeserializationError))
                    .try_collect()
            })
            .boxed()
    }

    /// Runs it and returns how many rows it changed.
    pub(crate) fn run(
        self,
        mut connection: &AsyncPgConnection,
    ) -> BoxFuture<'_, QueryResult<usize>> {
        AsyncConnectionCore::execute_returning_count(&mut connection, self)
    }
}

struct Value<T, V>(V, PhantomData<T>);

impl<T, V> QueryFragment<Pg> for Value<T, V>
where
    Pg: HasSqlType<T>,
    V: ToSql<T, Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<T, V>(&self.0)
    }
}

impl QueryFragment<Pg> for Sql<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.kept {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_sql(text),
                Part::Value(value) => value.walk_ast(out.reborrow())?,
            }
        }
        Ok(())
    }
}

impl QueryId for Sql<'_> {
    type QueryId = ();
    // The text says which statement it is.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql<'_> {
    type SqlType = Untyped;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fused_statements_keep_their_values_apart() {
        use diesel::sql_types::{BigInt, Text};
        let one = Sql::kept("UPDATE a SET x = ")
            .value::<BigInt, _>(7_i64)
            .sql(" RETURNING 1");
        let two = Sql::kept("INSERT INTO b VALUES (")
            .value::<Text, _>("$1 is text")
            .sql(", ")
            .value::<BigInt, _>(8_i64)
            .sql(")");
        let (one, two) = (one.raw().unwrap(), two.raw().unwrap());
        let fused = Raw::fused(one, vec![two], "SELECT count(*) FROM first");
        assert_eq!(
            fused.text,
            "WITH first AS (UPDATE a SET x = $1 RETURNING 1), \
             other_1 AS (INSERT INTO b VALUES ($2, $3)) SELECT count(*) FROM first"
        );
        assert_eq!(fused.binds.len(), 3);
        assert_eq!(fused.types, [Type::INT8, Type::TEXT, Type::INT8]);
    }
}

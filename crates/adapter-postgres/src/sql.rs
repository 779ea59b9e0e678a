//! Statements that diesel's query language has no words for: SQL in pieces, with the values
//! between them. Unlike `sql_query` they can be prepared once per connection and kept.

use std::borrow::Cow;
use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};
use diesel::{QueryResult, RunQueryDsl};

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
    /// A statement of which there are few: prepared once, and kept with the connection.
    pub(crate) fn kept(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            parts: vec![Part::Text(text.into())],
            kept: true,
        }
    }

    /// A statement that comes in many shapes: prepared each time.
    pub(crate) fn once(text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kept: false,
            ..Self::kept(text)
        }
    }

    /// Goes on with more of the statement.
    pub(crate) fn sql(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.parts.push(Part::Text(text.into()));
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

impl<C> RunQueryDsl<C> for Sql<'_> {}

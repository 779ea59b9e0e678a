//! Workspaces by their numbers, and reading within one of them.
//!
//! Two things confine what is read, and either would do alone: each statement asks for the rows of one
//! workspace, and the session that carries it out shows no others (row-level security; see the
//! migration). Whoever reads gets a [`Room`], which does both.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::sql_types::{Integer, Text};
use pts_domain::access::Workspace;
use pts_ports::StoreError;

use crate::PgPool;
use crate::error::Fault;
use crate::pool::Lease;
use crate::row::Number;
use crate::sql::Sql;

/// The number of the usual workspace.
pub(crate) const USUAL: i32 = 0;
/// Nobody's number: of a workspace to which nothing was ever written.
const NOBODY: i32 = -1;

/// The numbers that this process has seen. They never change.
#[derive(Default)]
pub(crate) struct Numbers(RwLock<HashMap<Workspace, i32>>);

impl Numbers {
    fn get(&self, workspace: &Workspace) -> Option<i32> {
        if workspace.as_str() == Workspace::USUAL {
            return Some(USUAL);
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(workspace).copied()
    }

    fn learn(&self, workspace: &Workspace, rows: &[Number]) -> Option<i32> {
        let number = i32::try_from(rows.first()?.number).ok()?;
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(workspace.clone(), number);
        Some(number)
    }
}

fn find(workspace: &Workspace) -> Sql<'static> {
    Sql::kept("SELECT id::bigint AS number FROM access.workspaces WHERE name = ")
        .value::<Text, _>(workspace.as_str().to_owned())
}

impl PgPool {
    /// The number of a workspace, if anything was ever written there.
    async fn number_of(&self, workspace: &Workspace) -> Result<Option<i32>, StoreError> {
        if let Some(number) = self.numbers().get(workspace) {
            return Ok(Some(number));
        }
        let rows: Vec<Number> = self.load_first(|| find(workspace)).await?;
        Ok(self.numbers().learn(workspace, &rows))
    }

    /// The number under which something may be written to a workspace.
    pub(crate) async fn number_for(&self, workspace: &Workspace) -> Result<i32, StoreError> {
        if let Some(number) = self.number_of(workspace).await? {
            return Ok(number);
        }
        let name = workspace.as_str().to_owned();
        self.execute(|| {
            Sql::kept("INSERT INTO access.workspaces (name) VALUES (")
                .value::<Text, _>(name)
                .sql(") ON CONFLICT (name) DO NOTHING")
        })
        .await?;
        let number = self.number_of(workspace).await?;
        number.ok_or_else(|| StoreError::Corrupt("access.workspaces loses what it is given".into()))
    }

    /// The workspaces of these numbers.
    pub(crate) async fn names(&self) -> Result<HashMap<i32, Workspace>, StoreError> {
        let rows: Vec<Named> = self
            .load_first(|| Sql::kept("SELECT id, name FROM access.workspaces"))
            .await?;
        rows.into_iter()
            .map(|row| {
                let corrupt = |why| StoreError::Corrupt(format!("access.workspaces: {why}"));
                Ok((row.id, row.name.parse().map_err(corrupt)?))
            })
            .collect()
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Text)]
    name: String,
}

/// What is confined to a workspace.
#[derive(Debug, Clone)]
pub(crate) struct Confined {
    pool: PgPool,
    workspace: Workspace,
    /// What the session is confined to, where that is to be something else than what is asked for.
    #[cfg(test)]
    session: Option<Workspace>,
}

impl Confined {
    /// To the usual one.
    pub(crate) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            workspace: Workspace::default(),
            #[cfg(test)]
            session: None,
        }
    }

    /// To another one.
    pub(crate) fn within(&self, workspace: &Workspace) -> Self {
        Self {
            workspace: workspace.clone(),
            ..self.clone()
        }
    }

    /// One that asks for the rows of its workspace in a session of another: as if whoever confines what
    /// is asked had gone wrong.
    #[cfg(test)]
    pub(crate) fn astray(&self, asks_for: &Workspace, session: &Workspace) -> Self {
        Self {
            workspace: asks_for.clone(),
            session: Some(session.clone()),
            ..self.clone()
        }
    }

    /// Where it is read.
    pub(crate) async fn room(&self) -> Result<Room<'_>, StoreError> {
        let number = self.pool.number_of(&self.workspace).await?;
        let number = number.unwrap_or(NOBODY);
        Ok(Room {
            pool: &self.pool,
            number,
            session: self.session(number).await?,
        })
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_async, reason = "as in tests")]
    async fn session(&self, number: i32) -> Result<i32, StoreError> {
        Ok(number)
    }

    #[cfg(test)]
    async fn session(&self, number: i32) -> Result<i32, StoreError> {
        match &self.session {
            Some(other) => Ok(self.pool.number_of(other).await?.unwrap_or(NOBODY)),
            None => Ok(number),
        }
    }

    /// The number under which something is written.
    pub(crate) async fn number(&self) -> Result<i32, StoreError> {
        self.pool.number_for(&self.workspace).await
    }

    /// Where anything is.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// One workspace, to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'p> {
    pool: &'p PgPool,
    number: i32,
    session: i32,
}

impl<'p> Room<'p> {
    /// The workspace's number, which every statement asks for.
    pub(crate) const fn number(self) -> i32 {
        self.number
    }

    /// Adds the condition that a row is of the workspace; `column` is its name there.
    pub(crate) fn only<'a>(self, sql: Sql<'a>, column: &'static str) -> Sql<'a> {
        sql.sql(column).sql(" = ").value::<Integer, _>(self.number)
    }

    /// Where the workspace is.
    pub(crate) const fn pool(self) -> &'p PgPool {
        self.pool
    }

    /// Borrows a connection that shows the workspace and nothing else.
    pub(crate) async fn lease(self) -> Result<Lease, Fault> {
        self.pool.reader(self.session).await
    }

    /// Reads the rows of a query, when it is its turn.
    pub(crate) async fn load<'q, U>(
        self,
        query: impl Fn() -> Sql<'q> + Send + Sync,
    ) -> Result<Vec<U>, StoreError>
    where
        U: QueryableByName<Pg> + Send + 'static,
    {
        self.pool.read(Some(self.session), query).await
    }
}

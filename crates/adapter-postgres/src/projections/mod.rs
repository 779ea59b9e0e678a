//! Reading the projections: each query picks whole aggregates (`doc`) by the columns beside them.

mod configs;
mod deployments;
mod dora;
mod images;
mod incidents;
mod instances;
mod runs;
mod services;
mod states;

#[cfg(test)]
pub(crate) use runs::statement as run_statement;

use std::sync::Arc;

use async_trait::async_trait;
use pts_domain::access::Workspace;
use pts_domain::dora::Window;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::{
    ComponentState, ConfigEntry, Deployment, Image, Incident, Instance, Run, Service,
};
use pts_ports::{
    DeploymentQuery, DoraFacts, ImageQuery, IncidentQuery, Projections, RunQuery, StateQuery,
    StoreError,
};
use serde::de::DeserializeOwned;

use crate::PgEventLog;
use crate::event_log::Writer;
use crate::project::parse;
use crate::row::Doc;
use crate::workspaces::{Confined, Room};

/// The projections in the schema `platform`, as of everything that was acknowledged before they are
/// asked.
#[derive(Clone)]
pub struct PgProjections {
    confined: Confined,
    log: Arc<Writer>,
}

impl PgProjections {
    /// The projections of a log.
    pub fn of(log: &PgEventLog) -> Self {
        let (confined, log) = log.parts();
        Self { confined, log }
    }

    /// Where they are read, once they are where the log is.
    async fn current(&self) -> Result<Room<'_>, StoreError> {
        self.log.current().await?;
        self.confined.room().await
    }
}

#[async_trait]
impl Projections for PgProjections {
    fn within(&self, workspace: &Workspace) -> Arc<dyn Projections> {
        Arc::new(Self {
            confined: self.confined.within(workspace),
            log: Arc::clone(&self.log),
        })
    }

    async fn deployments(
        &self,
        query: &DeploymentQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Deployment>, StoreError> {
        deployments::page(self.current().await?, query, cursor.as_ref(), limit).await
    }

    async fn services(
        &self,
        environment: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Service>, StoreError> {
        services::page(
            self.current().await?,
            environment.as_deref(),
            cursor.as_ref(),
            limit,
        )
        .await
    }

    async fn service(&self, service: &str) -> Result<Option<Service>, StoreError> {
        services::one(self.current().await?, service).await
    }

    async fn instances(
        &self,
        services: Vec<String>,
        limit: usize,
    ) -> Result<Vec<Instance>, StoreError> {
        instances::of_services(self.current().await?, services, limit).await
    }

    async fn configs(&self, service: &str, limit: usize) -> Result<Vec<ConfigEntry>, StoreError> {
        configs::of_service(self.current().await?, service, limit).await
    }

    async fn images(
        &self,
        query: &ImageQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Image>, StoreError> {
        images::page(self.current().await?, query, cursor.as_ref(), limit).await
    }

    async fn runs(&self, query: &RunQuery, limit: usize) -> Result<Vec<Run>, StoreError> {
        runs::newest(self.current().await?, query, limit).await
    }

    async fn states(
        &self,
        query: &StateQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ComponentState>, StoreError> {
        states::page(self.current().await?, query, cursor.as_ref(), limit).await
    }

    async fn incidents(
        &self,
        query: &IncidentQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Incident>, StoreError> {
        incidents::page(self.current().await?, query, cursor.as_ref(), limit).await
    }

    async fn dora_facts(
        &self,
        service: Option<String>,
        environment: Option<String>,
        window: Window,
    ) -> Result<DoraFacts, StoreError> {
        dora::facts(
            self.current().await?,
            service.as_deref(),
            environment.as_deref(),
            window,
        )
        .await
    }
}

/// Whole aggregates out of their documents.
fn parse_all<T: DeserializeOwned>(docs: Vec<Doc>) -> Result<Vec<T>, StoreError> {
    docs.into_iter()
        .map(|row| parse(row.doc).map_err(StoreError::from))
        .collect()
}

/// A page out of up to `limit + 1` documents.
fn cut<T: DeserializeOwned>(
    docs: Vec<Doc>,
    limit: usize,
    cursor: impl Fn(&T) -> Cursor,
) -> Result<Page<T>, StoreError> {
    Ok(Page::cut(parse_all(docs)?, limit, cursor))
}

const fn nothing<T>() -> Page<T> {
    Page {
        items: Vec::new(),
        next: None,
    }
}

/// How many rows tell whether there is another page.
fn one_more(limit: usize) -> i64 {
    rows(limit.saturating_add(1))
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The place that a page of positions begins behind.
fn behind(cursor: Option<&Cursor>) -> Option<i64> {
    match cursor {
        Some(Cursor::Position(position)) => Some(*position),
        _ => None,
    }
}

/// Whether one of the wanted texts can be in no row: NUL is in none, and the database takes none.
fn matches_nothing<'a>(wanted: impl IntoIterator<Item = Option<&'a str>>) -> bool {
    wanted.into_iter().flatten().any(|text| text.contains('\0'))
}

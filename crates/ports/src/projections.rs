//! Reading what the log means.

use std::sync::Arc;

use async_trait::async_trait;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
use pts_domain::dora::Window;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::{
    ComponentState, ConfigEntry, Deployment, DeploymentStatus, Image, Incident, IncidentStatus,
    Instance, Run, RunKind, Service,
};

use crate::StoreError;

/// Which deployments are wanted; everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeploymentQuery {
    /// Of this service.
    pub service: Option<String>,
    /// Into this environment.
    pub environment: Option<String>,
    /// Of this status.
    pub status: Option<DeploymentStatus>,
    /// Of this version.
    pub version: Option<String>,
    /// Of this id.
    pub deployment_id: Option<String>,
    /// Whose status was reached at this moment or later.
    pub since: Option<Timestamp>,
    /// Whose status was reached before this moment.
    pub until: Option<Timestamp>,
}

/// Which images are wanted; everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageQuery {
    /// Of this repository.
    pub image: Option<String>,
    /// With this tag among its tags.
    pub tag: Option<String>,
    /// Of this digest.
    pub digest: Option<String>,
    /// Of this service.
    pub service: Option<String>,
}

/// Which states are wanted; everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateQuery {
    /// Of this component.
    pub component: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// In this state.
    pub state: Option<String>,
}

/// Which incidents are wanted; everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentQuery {
    /// Of this service.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Of this status.
    pub status: Option<IncidentStatus>,
    /// Of this id.
    pub incident_id: Option<String>,
}

/// Which runs are wanted; everything set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Only declared or only observed ones.
    pub kind: Option<RunKind>,
    /// Of this service.
    pub service: Option<String>,
    /// Where.
    pub environment: Option<String>,
    /// Whose image's name (without tag and digest, see `pts_domain::image_ref`) is one of these;
    /// any when empty.
    pub image_names: Vec<String>,
    /// Only those that were going on at this moment.
    pub at: Option<Timestamp>,
}

/// What DORA's metrics are worked out from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DoraFacts {
    /// Deployments.
    pub deployments: Vec<Deployment>,
    /// Incidents.
    pub incidents: Vec<Incident>,
}

/// The projections. Lists with a cursor are paged; lists of positions are newest first.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Projections: Send + Sync {
    /// The same, as it is seen from a workspace: whatever is asked is answered from what belongs
    /// there, and MUST be as if nothing else existed. What is made first is seen from the usual one.
    fn within(&self, workspace: &Workspace) -> Arc<dyn Projections>;

    /// Deployments, the one first named last first ([`Cursor::Position`] of `first_position`).
    async fn deployments(
        &self,
        query: &DeploymentQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Deployment>, StoreError>;

    /// Services in the order of their names ([`Cursor::Name`] of one part). `environment` narrows
    /// to services known in it.
    async fn services(
        &self,
        environment: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Service>, StoreError>;

    /// One service.
    async fn service(&self, service: &str) -> Result<Option<Service>, StoreError>;

    /// The instances of these services, in the order of service, environment and name; those last
    /// heard of, if there are more than `limit`.
    async fn instances(
        &self,
        services: Vec<String>,
        limit: usize,
    ) -> Result<Vec<Instance>, StoreError>;

    /// The settings of a service, in the order of environment and key.
    async fn configs(&self, service: &str, limit: usize) -> Result<Vec<ConfigEntry>, StoreError>;

    /// Images, the one first named last first ([`Cursor::Position`] of `first_position`).
    async fn images(
        &self,
        query: &ImageQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Image>, StoreError>;

    /// Runs, with the ends of declared ones worked out over all runs of the same service and
    /// environment (see [`pts_domain::projection::close_declared`]) before the query narrows them;
    /// newest `from` first, then `opened_position`, highest first.
    async fn runs(&self, query: &RunQuery, limit: usize) -> Result<Vec<Run>, StoreError>;

    /// States in the order of component and environment ([`Cursor::Name`] of these two parts).
    async fn states(
        &self,
        query: &StateQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ComponentState>, StoreError>;

    /// Incidents, the one first named last first ([`Cursor::Position`] of `first_position`).
    async fn incidents(
        &self,
        query: &IncidentQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Incident>, StoreError>;

    /// Everything that DORA's metrics of a window need, each of `service` and `environment` where
    /// these are given. An incident that names no service (or environment) belongs to every
    /// service (or environment). [`pts_domain::dora::dora`] MUST give the same figures from these
    /// facts as from everything there is; more than the following changes nothing. The lists of
    /// events that made them MAY be left empty: no figure needs them.
    ///
    /// Deployments: those that succeeded or ended in the window, and those that an incident names
    /// that opened in it. Incidents: those that opened in the window, those that name one of these
    /// deployments, and those that were open when one of these deployments was asked for (or, as
    /// far as nobody said that, began or succeeded), which may have been before the window. The
    /// references to a deployment's events MAY be left out: no figure needs them, and there are
    /// many.
    async fn dora_facts(
        &self,
        service: Option<String>,
        environment: Option<String>,
        window: Window,
    ) -> Result<DoraFacts, StoreError>;
}

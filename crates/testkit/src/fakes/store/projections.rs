//! Reading projections in memory.

use std::cmp::Reverse;
use std::sync::Arc;

use async_trait::async_trait;
use pts_domain::access::Workspace;
use pts_domain::dora::Window;
use pts_domain::filter::{Cursor, Page};
use pts_domain::image_ref::ImageRef;
use pts_domain::projection::{
    Aggregate, AggregateKey, ComponentState, ConfigEntry, Deployment, Image, Incident, Instance,
    Run, Service, close_declared,
};
use pts_ports::{
    DeploymentQuery, DoraFacts, ImageQuery, IncidentQuery, Projections, RunQuery, StateQuery,
    StoreError,
};

use super::{MemoryStore, State};

/// Whether a wish, if there is one, is fulfilled.
fn is<T: PartialEq>(want: Option<&T>, have: Option<&T>) -> bool {
    want.is_none_or(|want| have == Some(want))
}

/// A page of a list of positions, newest first.
fn by_position<T: Clone>(
    found: impl Iterator<Item = T>,
    position: impl Fn(&T) -> i64,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Page<T> {
    let begin = match cursor {
        Some(Cursor::Position(position)) => Some(*position),
        _ => None,
    };
    let mut found: Vec<_> = found
        .filter(|item| begin.is_none_or(|begin| position(item) < begin))
        .collect();
    found.sort_by_key(|item| Reverse(position(item)));
    Page::cut(found, limit, |item| Cursor::Position(position(item)))
}

/// A page of a list of names, in their order.
fn by_name<T: Clone>(
    found: impl Iterator<Item = T>,
    name: impl Fn(&T) -> Vec<String>,
    cursor: Option<Cursor>,
    limit: usize,
) -> Page<T> {
    let begin = match cursor {
        Some(Cursor::Name(name)) => Some(name),
        _ => None,
    };
    let mut found: Vec<_> = found
        .filter(|item| begin.as_ref().is_none_or(|begin| name(item) > *begin))
        .collect();
    found.sort_by_key(&name);
    Page::cut(found, limit, |item| Cursor::Name(name(item)))
}

macro_rules! every {
    ($name:ident, $variant:ident, $type:ty) => {
        fn $name(&self, of: &Workspace) -> impl Iterator<Item = &$type> {
            let all = self.projected.aggregates.iter();
            all.filter_map(move |((workspace, _), aggregate)| match aggregate {
                Aggregate::$variant(value) if workspace == of => Some(value),
                _ => None,
            })
        }
    };
}

impl State {
    every!(deployments, Deployment, Deployment);
    every!(services, Service, Service);
    every!(instances, Instance, Instance);
    every!(images, Image, Image);
    every!(states, State, ComponentState);
    every!(configs, Config, ConfigEntry);
    every!(incidents, Incident, Incident);
    every!(runs, Run, Run);
}

#[async_trait]
impl Projections for MemoryStore {
    fn within(&self, workspace: &Workspace) -> Arc<dyn Projections> {
        self.seen_from(workspace)
    }

    async fn deployments(
        &self,
        query: &DeploymentQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Deployment>, StoreError> {
        let state = self.open()?;
        let found = state.deployments(&self.workspace).filter(|d| {
            is(query.service.as_ref(), Some(&d.service))
                && is(query.environment.as_ref(), Some(&d.environment))
                && is(query.status.as_ref(), Some(&d.status))
                && is(query.version.as_ref(), d.version.as_ref())
                && is(query.deployment_id.as_ref(), Some(&d.deployment_id))
                && query.since.is_none_or(|since| since <= d.status_at)
                && query.until.is_none_or(|until| d.status_at < until)
        });
        let first = |d: &Deployment| d.first_position;
        Ok(by_position(found.cloned(), first, cursor.as_ref(), limit))
    }

    async fn services(
        &self,
        environment: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Service>, StoreError> {
        let state = self.open()?;
        let found = state.services(&self.workspace).filter(|service| {
            environment
                .as_ref()
                .is_none_or(|environment| service.environments.contains_key(environment))
        });
        let name = |service: &Service| vec![service.service.clone()];
        Ok(by_name(found.cloned(), name, cursor, limit))
    }

    async fn service(&self, service: &str) -> Result<Option<Service>, StoreError> {
        let key = AggregateKey::Service {
            service: service.to_owned(),
        };
        let key = (self.workspace.clone(), key);
        Ok(match self.open()?.projected.aggregates.get(&key) {
            Some(Aggregate::Service(service)) => Some(service.clone()),
            _ => None,
        })
    }

    async fn instances(
        &self,
        services: Vec<String>,
        limit: usize,
    ) -> Result<Vec<Instance>, StoreError> {
        let state = self.open()?;
        let mut found: Vec<_> = state
            .instances(&self.workspace)
            .filter(|instance| services.contains(&instance.service))
            .cloned()
            .collect();
        found.sort_by_key(|instance| Reverse(instance.last_seen_at));
        found.truncate(limit);
        found.sort_by(|a, b| {
            let name =
                |i: &Instance| (i.service.clone(), i.environment.clone(), i.instance.clone());
            name(a).cmp(&name(b))
        });
        Ok(found)
    }

    async fn configs(&self, service: &str, limit: usize) -> Result<Vec<ConfigEntry>, StoreError> {
        // The order of the keys is that of environment and key within a service.
        let state = self.open()?;
        let of_service = |config: &&ConfigEntry| config.service.as_deref() == Some(service);
        Ok(state
            .configs(&self.workspace)
            .filter(of_service)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn images(
        &self,
        query: &ImageQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Image>, StoreError> {
        let state = self.open()?;
        let found = state.images(&self.workspace).filter(|image| {
            is(query.image.as_ref(), Some(&image.image))
                && query
                    .tag
                    .as_ref()
                    .is_none_or(|tag| image.tags.contains(tag))
                && is(query.digest.as_ref(), image.digest.as_ref())
                && is(query.service.as_ref(), image.service.as_ref())
        });
        let first = |image: &Image| image.first_position;
        Ok(by_position(found.cloned(), first, cursor.as_ref(), limit))
    }

    async fn runs(&self, query: &RunQuery, limit: usize) -> Result<Vec<Run>, StoreError> {
        let state = self.open()?;
        let mut runs = close_declared(state.runs(&self.workspace).cloned().collect());
        runs.retain(|run| {
            let image = run
                .image
                .as_deref()
                .map(|image| ImageRef::split(image).name);
            is(query.kind.as_ref(), Some(&run.kind))
                && is(query.service.as_ref(), Some(&run.service))
                && is(query.environment.as_ref(), Some(&run.environment))
                && (query.image_names.is_empty()
                    || query.image_names.iter().any(|name| image == Some(name)))
                && query.at.is_none_or(|at| run.covers(at))
        });
        runs.sort_by_key(|run| Reverse((run.from, run.opened_position)));
        runs.truncate(limit);
        Ok(runs)
    }

    async fn states(
        &self,
        query: &StateQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<ComponentState>, StoreError> {
        let state = self.open()?;
        let found = state.states(&self.workspace).filter(|component| {
            is(query.component.as_ref(), Some(&component.component))
                && is(query.environment.as_ref(), component.environment.as_ref())
                && is(query.service.as_ref(), component.service.as_ref())
                && is(query.state.as_ref(), Some(&component.state))
        });
        let name = |component: &ComponentState| {
            vec![
                component.component.clone(),
                component.environment.clone().unwrap_or_default(),
            ]
        };
        Ok(by_name(found.cloned(), name, cursor, limit))
    }

    async fn incidents(
        &self,
        query: &IncidentQuery,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Incident>, StoreError> {
        let state = self.open()?;
        let found = state.incidents(&self.workspace).filter(|incident| {
            is(query.service.as_ref(), incident.service.as_ref())
                && is(query.environment.as_ref(), incident.environment.as_ref())
                && is(query.status.as_ref(), Some(&incident.status))
                && is(query.incident_id.as_ref(), Some(&incident.incident_id))
        });
        let first = |incident: &Incident| incident.first_position;
        Ok(by_position(found.cloned(), first, cursor.as_ref(), limit))
    }

    async fn dora_facts(
        &self,
        service: Option<String>,
        environment: Option<String>,
        window: Window,
    ) -> Result<DoraFacts, StoreError> {
        let state = self.open()?;
        let within = |at: Option<pts_domain::Timestamp>| {
            at.is_some_and(|at| window.from <= at && at < window.to)
        };
        let ours = |want: Option<&String>, have: Option<&String>| {
            want.is_none_or(|want| have.is_none_or(|have| have == want))
        };
        let incidents: Vec<_> = state
            .incidents(&self.workspace)
            .filter(|incident| {
                ours(service.as_ref(), incident.service.as_ref())
                    && ours(environment.as_ref(), incident.environment.as_ref())
            })
            .collect();
        let named = |deployment: &Deployment| {
            incidents.iter().any(|incident| {
                within(incident.opened_at)
                    && incident.deployment_id.as_ref() == Some(&deployment.deployment_id)
            })
        };
        let deployments: Vec<_> = state
            .deployments(&self.workspace)
            .filter(|deployment| {
                ours(service.as_ref(), Some(&deployment.service))
                    && ours(environment.as_ref(), Some(&deployment.environment))
            })
            .filter(|deployment| {
                within(deployment.succeeded_at)
                    || within(deployment.finished_at)
                    || named(deployment)
            })
            .cloned()
            .collect();
        // All incidents of the service: those that do not matter change no figure.
        Ok(DoraFacts {
            deployments,
            incidents: incidents.into_iter().cloned().collect(),
        })
    }
}

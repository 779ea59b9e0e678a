//! What each export reads: events by stretches of the log, lists as their searches page through them.

use pts_api::Coverage;
use pts_api::actions::LARGEST_LIMIT;
use pts_api::actions::export::{
    ExportDeployments, ExportDeploymentsInput, ExportEvents, ExportIncidents, ExportIncidentsInput,
    ExportInput,
};
use pts_domain::event::RawEvent;
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::projection::{Deployment, Incident};
use pts_ports::{DeploymentQuery, IncidentQuery};

use super::{Exported, Source, Stretch};
use crate::coverage::Question;
use crate::queries::{deployments, incidents, sought};
use crate::{ActionError, Gateway};

/// What one aggregate is, roughly, and one of the events that it names, in bytes.
const AGGREGATE_BYTES: usize = 512;
const EVENT_REF_BYTES: usize = 128;

impl Exported<ExportEvents> for Gateway {
    type Row = RawEvent;

    fn source(
        &self,
        input: ExportInput,
        up_to: i64,
    ) -> Result<impl Source<Row = RawEvent>, ActionError> {
        let filter = sought(self, input.into())?;
        Ok(Events { filter, up_to })
    }
}

struct Events {
    filter: EventFilter,
    up_to: i64,
}

impl Source for Events {
    type Row = RawEvent;

    async fn stretch(
        &self,
        gateway: &Gateway,
        behind: Option<Cursor>,
    ) -> Result<Stretch<RawEvent>, ActionError> {
        let stretch = gateway
            .log
            .stretch(&self.filter, self.up_to, behind)
            .await?;
        Ok((stretch.events, stretch.next))
    }

    fn weight(event: &RawEvent) -> usize {
        event.weight()
    }

    async fn coverage(&self, gateway: &Gateway) -> Coverage {
        let all = Page {
            items: Vec::new(),
            next: None,
        };
        let question = Question::page_of_events(&self.filter, None, &all);
        gateway.coverage(&question, Vec::new()).await
    }
}

impl Exported<ExportDeployments> for Gateway {
    type Row = Deployment;

    fn source(
        &self,
        input: ExportDeploymentsInput,
        _: i64,
    ) -> Result<impl Source<Row = Deployment>, ActionError> {
        let (query, question) = deployments::sought(self, input.into())?;
        Ok(Deployments { query, question })
    }
}

struct Deployments {
    query: DeploymentQuery,
    question: Question,
}

impl Source for Deployments {
    type Row = Deployment;

    async fn stretch(
        &self,
        gateway: &Gateway,
        behind: Option<Cursor>,
    ) -> Result<Stretch<Deployment>, ActionError> {
        let projections = &gateway.projections;
        let page = projections.deployments(&self.query, behind, LARGEST_LIMIT);
        let page = page.await?;
        Ok((page.items, page.next))
    }

    fn weight(deployment: &Deployment) -> usize {
        AGGREGATE_BYTES + deployment.events.len() * EVENT_REF_BYTES
    }

    async fn coverage(&self, gateway: &Gateway) -> Coverage {
        gateway.coverage(&self.question, Vec::new()).await
    }
}

impl Exported<ExportIncidents> for Gateway {
    type Row = Incident;

    fn source(
        &self,
        input: ExportIncidentsInput,
        _: i64,
    ) -> Result<impl Source<Row = Incident>, ActionError> {
        let (query, question) = incidents::sought(self, input.into());
        Ok(Incidents { query, question })
    }
}

struct Incidents {
    query: IncidentQuery,
    question: Question,
}

impl Source for Incidents {
    type Row = Incident;

    async fn stretch(
        &self,
        gateway: &Gateway,
        behind: Option<Cursor>,
    ) -> Result<Stretch<Incident>, ActionError> {
        let projections = &gateway.projections;
        let page = projections.incidents(&self.query, behind, LARGEST_LIMIT);
        let page = page.await?;
        Ok((page.items, page.next))
    }

    fn weight(incident: &Incident) -> usize {
        AGGREGATE_BYTES + incident.events.len() * EVENT_REF_BYTES
    }

    async fn coverage(&self, gateway: &Gateway) -> Coverage {
        gateway.coverage(&self.question, Vec::new()).await
    }
}

//! What feeds and calendars are made of: the newest deployments and incidents.

use pts_api::actions::feeds::{
    DeploymentsCalendar, DeploymentsFeed, DeploymentsFeedInput, IncidentsCalendar, IncidentsFeed,
    IncidentsFeedInput,
};
use pts_domain::projection::{Deployment, Incident};
use pts_ports::{DeploymentQuery, IncidentQuery};

use crate::coverage::{Found, Question, page};
use crate::gateway::limit;
use crate::{ActionError, Gateway, UseCase};

impl Gateway {
    async fn newest_deployments(
        &self,
        input: DeploymentsFeedInput,
    ) -> Result<Found<Vec<Deployment>>, ActionError> {
        let limit = limit(input.limit)?;
        let query = DeploymentQuery {
            service: input.service,
            environment: input.environment,
            status: input.status,
            ..DeploymentQuery::default()
        };
        let question = Question::present(self.now(), &["deployment.*"])
            .of(query.service.as_ref(), query.environment.as_ref());
        let newest = self.projections.deployments(&query, None, limit).await?;
        Ok(page(newest, question, |one| one))
    }

    async fn newest_incidents(
        &self,
        input: IncidentsFeedInput,
    ) -> Result<Found<Vec<Incident>>, ActionError> {
        let limit = limit(input.limit)?;
        let query = IncidentQuery {
            service: input.service,
            environment: input.environment,
            status: input.status,
            ..IncidentQuery::default()
        };
        let question = Question::present(self.now(), &["incident.*"])
            .of(query.service.as_ref(), query.environment.as_ref());
        let newest = self.projections.incidents(&query, None, limit).await?;
        Ok(page(newest, question, |one| one))
    }
}

impl UseCase<DeploymentsFeed> for Gateway {
    async fn run(
        &self,
        input: DeploymentsFeedInput,
    ) -> Result<Found<Vec<Deployment>>, ActionError> {
        self.newest_deployments(input).await
    }
}

impl UseCase<DeploymentsCalendar> for Gateway {
    async fn run(
        &self,
        input: DeploymentsFeedInput,
    ) -> Result<Found<Vec<Deployment>>, ActionError> {
        self.newest_deployments(input).await
    }
}

impl UseCase<IncidentsFeed> for Gateway {
    async fn run(&self, input: IncidentsFeedInput) -> Result<Found<Vec<Incident>>, ActionError> {
        self.newest_incidents(input).await
    }
}

impl UseCase<IncidentsCalendar> for Gateway {
    async fn run(&self, input: IncidentsFeedInput) -> Result<Found<Vec<Incident>>, ActionError> {
        self.newest_incidents(input).await
    }
}

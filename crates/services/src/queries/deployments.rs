//! Searching and looking up deployments.

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use pts_api::actions::deployments::{
    DeploymentDetail, GetDeployment, GetDeploymentInput, SearchDeployments, SearchDeploymentsInput,
};
use pts_domain::projection::Deployment;
use pts_ports::DeploymentQuery;

use super::period;
use crate::coverage::{Found, Question, found, page};
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

/// How many contradictions are shown beside a deployment.
const MOST_CONTRADICTIONS: usize = 100;
/// How many events are looked up at the same time.
const AT_ONCE: usize = 4;
/// How many candidates an ambiguous id is answered with.
const MOST_CANDIDATES: usize = 10;

/// What a search asks for, and an export, which is one without pages.
pub(crate) fn sought(
    gateway: &Gateway,
    input: SearchDeploymentsInput,
) -> Result<(DeploymentQuery, Question), ActionError> {
    let (since, until) = period(gateway, input.since.as_ref(), input.until.as_ref())?;
    let query = DeploymentQuery {
        service: input.service,
        environment: input.environment,
        status: input.status,
        version: input.version,
        deployment_id: None,
        since,
        until,
    };
    let question = match (since, until) {
        (Some(_), _) => Question::period(since, until, &["deployment.*"]),
        (None, Some(until)) => Question::state_at(until, &["deployment.*"]),
        (None, None) => Question::present(gateway.now(), &["deployment.*"]),
    }
    .of(query.service.as_ref(), query.environment.as_ref());
    Ok((query, question))
}

impl UseCase<SearchDeployments> for Gateway {
    async fn run(
        &self,
        input: SearchDeploymentsInput,
    ) -> Result<Found<Vec<Deployment>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let (query, question) = sought(self, input)?;
        let found = self.projections.deployments(&query, cursor, limit).await?;
        Ok(page(found, question, |deployment| deployment))
    }
}

impl UseCase<GetDeployment> for Gateway {
    async fn run(&self, input: GetDeploymentInput) -> Result<Found<DeploymentDetail>, ActionError> {
        let query = DeploymentQuery {
            deployment_id: Some(input.id.clone()),
            service: input.service,
            environment: input.environment,
            ..DeploymentQuery::default()
        };
        let mut candidates = self
            .projections
            .deployments(&query, None, MOST_CANDIDATES)
            .await?
            .items;
        if candidates.len() > 1 {
            return Err(ambiguous(&input.id, &candidates));
        }
        let Some(deployment) = candidates.pop() else {
            return Err(ActionError::NotFound {
                what: format!("the deployment `{}`", input.id),
            });
        };
        let about = format!(
            "deployment {}/{}/{}",
            deployment.service, deployment.environment, deployment.deployment_id
        );
        // A few at a time: one question must not take every connection that there is.
        let ids: Vec<_> = deployment.events.iter().map(|event| event.id).collect();
        let events: Vec<_> = stream::iter(ids)
            .map(|id| self.log.get(id))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let contradictions = self
            .log
            .contradictions(Some(about), None, MOST_CONTRADICTIONS)
            .await?
            .items;
        let events = events.into_iter().flatten().map(Into::into).collect();
        let question = lifetime(&deployment);
        let detail = DeploymentDetail {
            deployment,
            events,
            contradictions,
        };
        Ok(found(detail, question))
    }
}

/// What could be missing of a deployment: what happened to it from the first that is known to its
/// end, or until now.
fn lifetime(deployment: &Deployment) -> Question {
    let begun = [deployment.requested_at, deployment.started_at];
    let begun = begun.into_iter().flatten().min();
    let until = deployment.finished_at.max(deployment.rolled_back_at);
    let since = begun.unwrap_or(deployment.status_at);
    Question::period(Some(since), until, &["deployment.*"])
        .of(Some(&deployment.service), Some(&deployment.environment))
}

fn ambiguous(id: &str, found: &[Deployment]) -> ActionError {
    let candidates: Vec<_> = found
        .iter()
        .map(|d| format!("service={} environment={}", d.service, d.environment))
        .collect();
    ActionError::Ambiguous {
        detail: format!(
            "`{id}` names several deployments; add service and environment to choose: {}",
            candidates.join("; ")
        ),
    }
}

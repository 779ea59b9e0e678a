//! Incidents.

use pts_api::Answer;
use pts_api::actions::incidents::{SearchIncidents, SearchIncidentsInput};
use pts_domain::projection::Incident;
use pts_ports::IncidentQuery;

use crate::coverage::page;
use crate::gateway::{CursorKind, cursor, limit};
use crate::{ActionError, Gateway, UseCase};

impl UseCase<SearchIncidents> for Gateway {
    async fn run(&self, input: SearchIncidentsInput) -> Result<Answer<Vec<Incident>>, ActionError> {
        let limit = limit(input.limit)?;
        let cursor = cursor(input.cursor.as_deref(), CursorKind::Position)?;
        let query = IncidentQuery {
            service: input.service,
            environment: input.environment,
            status: input.status,
            incident_id: input.incident_id,
        };
        let found = self.projections.incidents(&query, cursor, limit).await?;
        Ok(page(found, self.coverage(), |incident| incident))
    }
}

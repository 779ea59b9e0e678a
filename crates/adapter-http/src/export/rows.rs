//! What can be exported, in each format.

use pts_domain::event::RawEvent;
use pts_domain::projection::{Deployment, Incident};

use super::csv::Row;
use super::ndjson;

/// One of what an export writes.
pub(crate) trait Written: Send + 'static {
    /// What the file is called, without its extension.
    const FILE: &'static str;
    /// The columns, in the order in which they stay.
    const COLUMNS: &'static str;

    /// Writes it as a line of JSON.
    fn line(&self, out: &mut Vec<u8>);

    /// Writes it as a row.
    fn row(&self, out: &mut Vec<u8>);
}

impl Written for RawEvent {
    const FILE: &'static str = "events";
    const COLUMNS: &'static str = "position,id,time,received_at,type,source,event_id,subject,service,\
        environment,data,attributes";

    fn line(&self, out: &mut Vec<u8>) {
        ndjson::event(out, self);
    }

    fn row(&self, out: &mut Vec<u8>) {
        Row::new(out)
            .plain(self.position)
            .plain(self.id.hyphenated())
            .moment(self.time)
            .moment(self.received_at)
            .text(&self.event_type)
            .text(&self.source)
            .text(&self.event_id)
            .texts([&self.subject, &self.service, &self.environment])
            .text(&self.data)
            .text(&self.attributes)
            .end();
    }
}

impl Written for Deployment {
    const FILE: &'static str = "deployments";
    const COLUMNS: &'static str = "deployment_id,service,environment,status,status_at,version,\
        previous_version,image,commit,commit_time,actor,pipeline_url,reason,unplanned,requested_at,\
        started_at,succeeded_at,finished_at,rolled_back_at,first_position,last_position,event_count";

    fn line(&self, out: &mut Vec<u8>) {
        ndjson::value(out, self);
    }

    fn row(&self, out: &mut Vec<u8>) {
        let unplanned = self
            .unplanned
            .map_or("", |is| if is { "true" } else { "false" });
        Row::new(out)
            .text(&self.deployment_id)
            .text(&self.service)
            .text(&self.environment)
            .plain(self.status.as_str())
            .moment(self.status_at)
            .texts([
                &self.version,
                &self.previous_version,
                &self.image,
                &self.commit,
            ])
            .moments([self.commit_time])
            .texts([&self.actor, &self.pipeline_url, &self.reason])
            .plain(unplanned)
            .moments([self.requested_at, self.started_at, self.succeeded_at])
            .moments([self.finished_at, self.rolled_back_at])
            .plain(self.first_position)
            .plain(self.last_position)
            .plain(self.event_count)
            .end();
    }
}

impl Written for Incident {
    const FILE: &'static str = "incidents";
    const COLUMNS: &'static str = "incident_id,service,environment,status,status_at,severity,title,\
        deployment_id,opened_at,acknowledged_at,resolved_at,first_position,last_position";

    fn line(&self, out: &mut Vec<u8>) {
        ndjson::value(out, self);
    }

    fn row(&self, out: &mut Vec<u8>) {
        Row::new(out)
            .text(&self.incident_id)
            .texts([&self.service, &self.environment])
            .plain(self.status.as_str())
            .moment(self.status_at)
            .texts([&self.severity, &self.title, &self.deployment_id])
            .moments([self.opened_at, self.acknowledged_at, self.resolved_at])
            .plain(self.first_position)
            .plain(self.last_position)
            .end();
    }
}

#[cfg(test)]
mod tests {
    use pts_api::Action;
    use pts_api::actions::export::{ExportDeployments, ExportEvents, ExportIncidents};

    use super::*;

    #[test]
    fn columns_are_those_that_are_declared() {
        fn check<A: Action, W: Written>() {
            let listed = W::COLUMNS.replace(',', ", ");
            assert!(A::DESCRIPTION.contains(&listed), "{}: {listed}", A::NAME);
        }
        check::<ExportEvents, RawEvent>();
        check::<ExportDeployments, Deployment>();
        check::<ExportIncidents, Incident>();
    }
}

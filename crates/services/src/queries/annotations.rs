//! Deployments and incidents that touch a window, as marks on a graph.

use futures::future::BoxFuture;
use pts_api::actions::LARGEST_LIMIT;
use pts_api::actions::annotations::{
    Annotation, AnnotationKind, AnnotationsInput, ListAnnotations,
};
use pts_domain::Timestamp;
use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::{Deployment, Incident};
use pts_ports::{DeploymentQuery, IncidentQuery, StoreError};

use super::period;
use crate::coverage::{Found, Question, found};
use crate::{ActionError, Gateway, UseCase};

/// So many pages are looked through for one kind: what lies in a window is not listed by it.
const MOST_PAGES: usize = 5;
/// The window if nobody names its begin.
const USUAL_WINDOW: chrono::Duration = chrono::Duration::days(1);

type Window = (Timestamp, Timestamp);

impl UseCase<ListAnnotations> for Gateway {
    async fn run(&self, input: AnnotationsInput) -> Result<Found<Vec<Annotation>>, ActionError> {
        let moments = (input.from.as_ref(), input.to.as_ref());
        let (from, to) = period(self, moments.0.map(|m| &m.0), moments.1.map(|m| &m.0))
            .map_err(|error| renamed(error, &[("since", "from"), ("until", "to")]))?;
        let to = to.unwrap_or_else(|| self.now());
        let window = (from.unwrap_or(to - USUAL_WINDOW), to);
        let question = Question::period(Some(window.0), Some(to), &about(&input.kind))
            .of(input.service.as_ref(), input.environment.as_ref());
        let wants = |kind| input.kind.is_empty() || input.kind.contains(&kind);
        let (mut marks, mut warnings) = (Vec::new(), Vec::new());
        if wants(AnnotationKind::Deployment) {
            let query = DeploymentQuery {
                service: input.service.clone(),
                environment: input.environment.clone(),
                since: Some(window.0),
                ..DeploymentQuery::default()
            };
            let page = |cursor| self.projections.deployments(&query, cursor, LARGEST_LIMIT);
            let all = gather(&mut marks, window, page, of_deployment).await?;
            warn(&mut warnings, all, "deployments");
        }
        if wants(AnnotationKind::Incident) {
            let query = IncidentQuery {
                service: input.service,
                environment: input.environment,
                ..IncidentQuery::default()
            };
            let page = |cursor| self.projections.incidents(&query, cursor, LARGEST_LIMIT);
            let all = gather(&mut marks, window, page, |incident| {
                of_incident(incident, to)
            })
            .await?;
            warn(&mut warnings, all, "incidents");
        }
        marks.sort_by_key(|mark| mark.time);
        Ok(Found {
            rows: marks.len() as u64,
            warnings,
            ..found(marks, question)
        })
    }

    fn is_heavy(_input: &AnnotationsInput) -> bool {
        true
    }
}

/// The events that marks of these kinds are made of.
fn about(kinds: &[AnnotationKind]) -> Vec<&'static str> {
    let all = [
        (AnnotationKind::Deployment, "deployment.*"),
        (AnnotationKind::Incident, "incident.*"),
    ];
    let wanted = all
        .iter()
        .filter(|(kind, _)| kinds.is_empty() || kinds.contains(kind));
    wanted.map(|(_, types)| *types).collect()
}

/// Adds the marks that touch the window; tells whether those are all.
async fn gather<'q, T>(
    marks: &mut Vec<Annotation>,
    (from, to): Window,
    page: impl Fn(Option<Cursor>) -> BoxFuture<'q, Result<Page<T>, StoreError>>,
    mark: impl Fn(T) -> Mark,
) -> Result<bool, ActionError> {
    let (mut cursor, mut found) = (None, 0);
    for _ in 0..MOST_PAGES {
        let Page { items, next } = page(cursor).await?;
        for Mark { start, end, shown } in items.into_iter().map(&mark) {
            let touches = start < to && end.is_none_or(|end| end >= from);
            if touches && found == LARGEST_LIMIT {
                return Ok(false);
            }
            if touches {
                found += 1;
                marks.push(shown);
            }
        }
        cursor = next;
        if cursor.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn warn(warnings: &mut Vec<String>, all: bool, what: &str) {
    if !all {
        warnings.push(format!(
            "there are more {what} than were looked through; a narrower window, a service or an \
             environment leaves fewer"
        ));
    }
}

/// Errors about a period, under the names that it has here.
fn renamed(error: ActionError, names: &[(&str, &str)]) -> ActionError {
    let ActionError::Invalid(mut errors) = error else {
        return error;
    };
    for error in &mut errors {
        for (from, to) in names {
            if error.field == *from {
                (*to).clone_into(&mut error.field);
            }
            error.expected = error
                .expected
                .replace(&format!("`{from}`"), &format!("`{to}`"));
        }
    }
    ActionError::Invalid(errors)
}

struct Mark {
    start: Timestamp,
    /// When nothing of it goes on any more.
    end: Option<Timestamp>,
    shown: Annotation,
}

fn mark(
    start: Timestamp,
    end: Option<Timestamp>,
    title: String,
    text: Vec<Option<String>>,
    tags: Vec<Option<String>>,
) -> Mark {
    let given = |all: Vec<Option<String>>| all.into_iter().flatten().collect::<Vec<_>>();
    let time = start.timestamp_millis();
    let time_end = end.map(|end| end.timestamp_millis());
    Mark {
        start,
        end,
        shown: Annotation {
            time,
            time_end: time_end.filter(|end| *end > time),
            title,
            text: given(text).join("\n"),
            tags: given(tags),
        },
    }
}

fn of_deployment(d: Deployment) -> Mark {
    let start = d.started_at.or(d.requested_at).or(d.finished_at);
    let version = d.version.map(|version| format!(" {version}"));
    let status = d.status.as_str().replace('_', " ");
    let title = format!(
        "{}{} in {}: {status}",
        d.service,
        version.unwrap_or_default(),
        d.environment
    );
    let text = vec![
        Some(format!("Deployment {}", d.deployment_id)),
        d.actor.map(|actor| format!("by {actor}")),
        d.reason,
        d.pipeline_url,
    ];
    let tags = ["deployment", d.status.as_str(), &d.service, &d.environment];
    let tags = tags.map(|tag| Some(tag.to_owned())).to_vec();
    mark(
        start.unwrap_or(d.status_at),
        d.finished_at,
        title,
        text,
        tags,
    )
}

/// One that goes on is marked to the end of the window.
fn of_incident(i: Incident, to: Timestamp) -> Mark {
    let status = i.status.as_str().to_owned();
    let name = i.title.unwrap_or_else(|| i.incident_id.clone());
    let text = vec![
        Some(format!("Incident {}: {status}", i.incident_id)),
        i.deployment_id
            .map(|id| format!("caused by deployment {id}")),
    ];
    let tags = vec![
        Some("incident".to_owned()),
        Some(status),
        i.severity,
        i.service,
        i.environment,
    ];
    let start = i.opened_at.unwrap_or(i.status_at);
    mark(start, Some(i.resolved_at.unwrap_or(to)), name, text, tags)
}

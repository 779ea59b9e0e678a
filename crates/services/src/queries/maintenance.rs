//! Looking after what is stored, as far as it is done over the API: always seen before it is done.

use pts_api::actions::maintenance::{
    RebuildProjections, RebuildProjectionsInput, Rebuilt, RemovedMonth, RetentionReport,
    RunRetention, RunRetentionInput,
};
use pts_api::{Affected, Preview};
use pts_domain::access::Principal;
use pts_domain::retention::{MonthSurvey, Policy};
use pts_domain::{FieldError, Timestamp};
use pts_ports::RetentionRun;
use serde_json::{Map, json};

use crate::coverage::{Found, Question, found};
use crate::error::log_fault;
use crate::retention::{MOST_RUNS, MonthDone};
use crate::{ActionError, Foreseen, Gateway, RetentionError, Seen, UseCase};

impl UseCase<RunRetention> for Gateway {
    async fn run(&self, input: RunRetentionInput) -> Result<Found<RetentionReport>, ActionError> {
        let policy = self.policy_of(&input)?;
        let preview = self.retention.preview(policy).await?;
        self.remove(policy, preview.confirmation().as_deref()).await
    }

    async fn preview(
        &self,
        _: &Principal,
        input: &RunRetentionInput,
        _: Timestamp,
    ) -> Result<Option<Foreseen>, ActionError> {
        let policy = self.policy_of(input)?;
        let preview = self.retention.preview(policy).await?;
        // A month in which something arrives is another one; the store looks at each once more.
        let state = preview.confirmation().unwrap_or_default();
        Ok(Some(Foreseen {
            state: format!("{policy} {state}"),
            preview: removal(policy, &preview.months),
        }))
    }

    async fn run_confirmed(
        &self,
        _: &Principal,
        input: RunRetentionInput,
        seen: &Seen,
    ) -> Result<Found<RetentionReport>, ActionError> {
        let policy = self.policy_of(&input)?;
        let confirmed = seen.state.rsplit(' ').next();
        self.remove(policy, confirmed).await
    }
}

impl Gateway {
    fn policy_of(&self, input: &RunRetentionInput) -> Result<Policy, ActionError> {
        let Some(text) = &input.foreign_events else {
            return Ok(self.policy);
        };
        text.parse().map_err(|_| {
            let expected = "`forever`, or a span of 62d at the least, such as `400d`";
            let error = FieldError::invalid("foreign_events", format!("{text:?}"), expected);
            ActionError::Invalid(vec![error])
        })
    }

    async fn remove(
        &self,
        policy: Policy,
        confirmed: Option<&str>,
    ) -> Result<Found<RetentionReport>, ActionError> {
        let (done, warning) = match self.retention.run(policy, confirmed).await {
            Ok(done) => (done, None),
            Err(RetentionError::Unconfirmed(_) | RetentionError::Outdated(_)) => {
                return Err(changed("nothing was removed"));
            }
            Err(RetentionError::Store(error)) => return Err(error.into()),
            Err(RetentionError::Stopped { done, month, why }) => {
                let warning =
                    format!("{month} could not be gone through: nothing in it is removed");
                match why {
                    Some(why) if done.is_empty() => return Err(why.into()),
                    None if done.is_empty() => return Err(changed(&warning)),
                    Some(why) => log_fault(&why),
                    None => {}
                }
                (done, Some(warning))
            }
        };
        // So that answers from now on tell what they lack.
        match self.retention.history(MOST_RUNS).await {
            Ok(runs) => self.tell_removed(&runs),
            Err(error) => tracing::debug!(%error, "what was removed cannot be read"),
        }
        let months: Vec<_> = done.into_iter().map(month).collect();
        let report = RetentionReport {
            removed: months.iter().map(|month| month.removed).sum(),
            months,
        };
        let mut answer = found(report, Question::itself());
        answer.warnings.extend(warning);
        Ok(answer)
    }
}

fn changed(what: &str) -> ActionError {
    ActionError::Conflict {
        code: "changed_meanwhile",
        detail: format!("what would go is no longer what was shown; {what}"),
    }
}

fn month(done: MonthDone) -> RemovedMonth {
    let run: RetentionRun = done.run;
    RemovedMonth {
        id: run.id,
        month: run.month.to_string(),
        removed: run.removed,
        kept: run.kept,
        freed_bytes: run.freed_bytes,
        oldest: run.oldest,
        newest: run.newest,
    }
}

/// What a run would remove, for whoever confirms it.
fn removal(policy: Policy, months: &[MonthSurvey]) -> Preview {
    let removable: u64 = months.iter().map(|found| found.removable).sum();
    let freed: u64 = months.iter().map(MonthSurvey::freed_about).sum();
    let shown = months.iter().map(|found| {
        json!({
            "month": found.month.to_string(),
            "events": found.events,
            "removed": found.removable,
            "kept": found.kept(),
            "freed_bytes_about": found.freed_about(),
        })
    });
    let details: Map<_, _> = [
        ("foreign_events".to_owned(), json!(policy.to_string())),
        ("freed_bytes_about".to_owned(), json!(freed)),
        ("months".to_owned(), shown.collect()),
    ]
    .into_iter()
    .collect();
    Preview {
        summary: match removable {
            0 => "No event would be removed.".to_owned(),
            _ => format!(
                "{} of {} would be removed.",
                counted(removable, "event"),
                counted(months.len() as u64, "month")
            ),
        },
        rows: Some(removable),
        from: months.iter().filter_map(|found| found.oldest).min(),
        to: months.iter().filter_map(|found| found.newest).max(),
        affected: affected_types(months),
        reversible: false,
        details,
    }
}

/// The types that lose events, as far as the surveys name them.
fn affected_types(months: &[MonthSurvey]) -> Vec<Affected> {
    let mut types = std::collections::BTreeMap::<&str, u64>::new();
    for kind in months.iter().flat_map(|found| &found.types) {
        *types.entry(&kind.event_type).or_default() += kind.events;
    }
    most_affected("type", types)
}

/// A number of things, in words.
pub(super) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Those that lose the most, the most first.
pub(super) fn most_affected<'n>(
    kind: &str,
    rows: impl IntoIterator<Item = (&'n str, u64)>,
) -> Vec<Affected> {
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let named = rows.into_iter().take(Affected::MOST);
    named
        .map(|(name, rows)| Affected {
            kind: kind.to_owned(),
            name: name.to_owned(),
            rows: Some(rows),
        })
        .collect()
}

impl UseCase<RebuildProjections> for Gateway {
    async fn run(&self, _: RebuildProjectionsInput) -> Result<Found<Rebuilt>, ActionError> {
        let Ok(_turn) = self.rebuilding.try_lock() else {
            return Err(ActionError::Conflict {
                code: "rebuilding",
                detail: "everything is being worked out again already".to_owned(),
            });
        };
        let done = self.maintenance.rebuild().await?;
        tracing::info!(
            events = done.events,
            aggregates = done.aggregates,
            "the log was replayed"
        );
        let rebuilt = Rebuilt {
            events: done.events,
            aggregates: done.aggregates,
        };
        Ok(found(rebuilt, Question::itself()))
    }

    async fn preview(
        &self,
        _: &Principal,
        _: &RebuildProjectionsInput,
        _: Timestamp,
    ) -> Result<Option<Foreseen>, ActionError> {
        let head = self.log.head().await?;
        let runs = self.retention.history(MOST_RUNS).await?;
        let removed: u64 = runs.iter().map(|run| run.removed).sum();
        let events = u64::try_from(head).unwrap_or(0).saturating_sub(removed);
        // The log only grows, but for what retention removes: what is replayed beside what was shown
        // came since, and is not in doubt.
        let last = runs.first().map(|run| run.id.to_string());
        let wait = Affected {
            kind: "everybody".to_owned(),
            name: "whoever sends events waits until it is done".to_owned(),
            rows: None,
        };
        Ok(Some(Foreseen {
            state: format!("{} {}", env!("CARGO_PKG_VERSION"), last.unwrap_or_default()),
            preview: Preview {
                summary: format!(
                    "{} would be replayed, while new ones wait.",
                    counted(events, "event")
                ),
                rows: Some(events),
                from: None,
                to: None,
                affected: vec![wait],
                reversible: true,
                details: Map::new(),
            },
        }))
    }
}

//! Runs: which version ran where, from when to when. Declared runs come from deployments, observed
//! runs from the instances themselves.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Who says that a version ran.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A deployment said that it brought it.
    Declared,
    /// An instance said that it runs it.
    Observed,
}

/// A period in which a version of a service ran in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Who says so.
    pub kind: RunKind,
    /// The service.
    pub service: String,
    /// Where.
    pub environment: String,
    /// The instance, for an observed run.
    pub instance: Option<String>,
    /// The version; absent when nobody named one.
    pub version: Option<String>,
    /// The image, where it was named.
    pub image: Option<String>,
    /// The deployment that brought it, for a declared run.
    pub deployment_id: Option<String>,
    /// From when.
    pub from: Timestamp,
    /// Until when; absent while it goes on. For a declared run this is when the next one began.
    pub to: Option<Timestamp>,
    /// True for the mark that a service left the environment: from then on, nothing is declared.
    #[serde(default)]
    #[schemars(skip)]
    pub ends: bool,
    /// Place in the log of the event that opened it.
    pub opened_position: i64,
}

/// Gives every declared run its end: the beginning of the next one of the same service and
/// environment, in the order of the time they began. Observed runs and their own ends are left as
/// they are. Marks of an end are dropped.
pub fn close_declared(mut runs: Vec<Run>) -> Vec<Run> {
    runs.sort_by(|a, b| {
        (
            a.kind,
            &a.service,
            &a.environment,
            a.from,
            a.opened_position,
        )
            .cmp(&(
                b.kind,
                &b.service,
                &b.environment,
                b.from,
                b.opened_position,
            ))
    });
    for at in 0..runs.len() {
        if runs[at].kind == RunKind::Declared {
            let next = runs.get(at + 1).filter(|next| {
                next.kind == RunKind::Declared
                    && next.service == runs[at].service
                    && next.environment == runs[at].environment
            });
            runs[at].to = next.map(|next| next.from);
        }
    }
    runs.retain(|run| !run.ends);
    runs
}

impl Run {
    /// Whether it was going on at that moment.
    pub fn covers(&self, time: Timestamp) -> bool {
        self.from <= time && self.to.is_none_or(|to| time < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse;

    #[test]
    fn a_declared_run_ends_where_the_next_begins_whatever_the_order_of_arrival() {
        let run = |position, from: &str, version: &str, ends| Run {
            kind: RunKind::Declared,
            service: "a".into(),
            environment: "p".into(),
            instance: None,
            version: Some(version.into()),
            image: None,
            deployment_id: None,
            from: parse(from).unwrap(),
            to: None,
            ends,
            opened_position: position,
        };
        let closed = close_declared(vec![
            run(1, "2026-01-03T00:00:00Z", "3", false),
            run(2, "2026-01-01T00:00:00Z", "1", false),
            run(3, "2026-01-04T00:00:00Z", "", true),
        ]);
        let ends: Vec<_> = closed
            .iter()
            .map(|run| run.to.unwrap().to_rfc3339())
            .collect();
        assert_eq!(
            ends,
            ["2026-01-03T00:00:00+00:00", "2026-01-04T00:00:00+00:00"]
        );
        assert!(closed[0].covers(parse("2026-01-02T00:00:00Z").unwrap()));
        assert!(!closed[0].covers(parse("2026-01-03T00:00:00Z").unwrap()));
    }
}

//! What runs promise: which version ran where and when, with ends worked out over all of a
//! service's runs, however late they were reported.

use std::cmp::Reverse;

use pts_domain::image_ref::ImageRef;
use pts_domain::projection::{Aggregate, Run, RunKind, close_declared};
use pts_ports::RunQuery;
use serde_json::json;

use super::Harness;
use crate::generate::{Babel, Sender, minute};

/// The runs as the log means them, in the order of the list.
async fn expected(store: &Harness) -> Vec<Run> {
    let runs = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Run(run) => Some(run),
        _ => None,
    });
    let mut runs = close_declared(runs);
    runs.sort_by_key(|run| Reverse((run.from, run.opened_position)));
    runs
}

fn fits(query: &RunQuery, run: &Run) -> bool {
    query.kind.is_none_or(|kind| kind == run.kind)
        && query
            .service
            .as_ref()
            .is_none_or(|service| *service == run.service)
        && query
            .environment
            .as_ref()
            .is_none_or(|place| *place == run.environment)
        && query.at.is_none_or(|at| run.covers(at))
        && (query.image_names.is_empty()
            || run.image.as_deref().is_some_and(|image| {
                query
                    .image_names
                    .iter()
                    .any(|name| ImageRef::split(image).name == name)
            }))
}

/// Runs are exactly what the log means, by every filter and at any moment.
pub async fn runs_are_what_the_log_means_by_every_filter(store: Harness) {
    for batch in Babel::new(17).batches(1_200, 60) {
        store.append(batch).await;
    }
    let all = expected(&store).await;
    assert!(
        all.iter()
            .any(|run| run.kind == RunKind::Declared && run.to.is_some())
    );
    assert!(
        all.iter()
            .any(|run| run.kind == RunKind::Observed && run.to.is_some())
    );
    let none = RunQuery::default;
    let text = |text: &str| Some(text.to_owned());
    let mut queries = vec![
        none(),
        RunQuery {
            kind: Some(RunKind::Declared),
            ..none()
        },
        RunQuery {
            kind: Some(RunKind::Observed),
            ..none()
        },
        RunQuery {
            service: text("payments"),
            ..none()
        },
        RunQuery {
            environment: text("staging"),
            ..none()
        },
        RunQuery {
            image_names: vec!["acme/payments".into()],
            ..none()
        },
        RunQuery {
            image_names: vec!["acme/orders".into(), "acme/a b/c".into()],
            ..none()
        },
        RunQuery {
            image_names: vec!["acme".into(), "acme/payments:1.0.0".into()],
            ..none()
        },
        RunQuery {
            at: Some(all[all.len() / 2].from),
            ..none()
        },
        RunQuery {
            at: all.iter().find_map(|run| run.to),
            ..none()
        },
    ];
    for at in [-1, 0, 60, 250, 499, 1_000] {
        queries.push(RunQuery {
            at: Some(minute(at)),
            ..none()
        });
        queries.push(RunQuery {
            at: Some(minute(at)),
            kind: Some(RunKind::Declared),
            service: text("orders"),
            environment: text("production"),
            ..none()
        });
    }
    for query in queries {
        let fitting: Vec<_> = all
            .iter()
            .filter(|run| fits(&query, run))
            .cloned()
            .collect();
        let found = store.projections.runs(&query, 10_000).await.unwrap();
        assert_eq!(found, fitting, "{query:?}");
        let found = store.projections.runs(&query, 3).await.unwrap();
        assert_eq!(found, fitting[..fitting.len().min(3)], "{query:?}, limit 3");
    }
}

/// A deployment that is reported late ends the run before it and is ended by the one after it.
pub async fn a_late_deployment_takes_its_place_between_the_others(store: Harness) {
    let mut sender = Sender::named("late");
    let mut brought = |version: &str, at| {
        let id = format!("d-{version}");
        sender.deployment(
            "succeeded",
            "a",
            &id,
            minute(at),
            json!({"version": version}),
        )
    };
    // Each arrives alone, as late ones do.
    for event in [brought("3", 30), brought("1", 10), brought("2", 20)] {
        store.append(vec![event]).await;
    }
    let runs = store
        .projections
        .runs(&RunQuery::default(), 10)
        .await
        .unwrap();
    let spans: Vec<_> = runs
        .iter()
        .map(|run| (run.version.as_deref().unwrap(), run.from, run.to))
        .collect();
    assert_eq!(
        spans,
        [
            ("3", minute(30), None),
            ("2", minute(20), Some(minute(30))),
            ("1", minute(10), Some(minute(20))),
        ]
    );
    for (at, version) in [
        (5, None),
        (10, Some("1")),
        (19, Some("1")),
        (20, Some("2")),
        (99, Some("3")),
    ] {
        let query = RunQuery {
            at: Some(minute(at)),
            ..RunQuery::default()
        };
        let runs = store.projections.runs(&query, 10).await.unwrap();
        let found: Vec<_> = runs.iter().map(|run| run.version.as_deref()).collect();
        assert_eq!(
            found,
            version.map(Some).into_iter().collect::<Vec<_>>(),
            "minute {at}"
        );
    }
}

/// A service that leaves an environment ends what was declared there, and shows no run of its own.
pub async fn a_service_that_leaves_ends_what_was_declared(store: Harness) {
    let mut sender = Sender::named("leaves");
    let data = json!({"service": "a", "environment": "production"});
    let batch = vec![
        sender.deployment("succeeded", "a", "d", minute(1), json!({"version": "1"})),
        sender.event("service.deregistered", minute(5), data),
    ];
    store.append(batch).await;
    let runs = store
        .projections
        .runs(&RunQuery::default(), 10)
        .await
        .unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!((runs[0].from, runs[0].to), (minute(1), Some(minute(5))));
    let query = RunQuery {
        at: Some(minute(6)),
        ..RunQuery::default()
    };
    assert_eq!(store.projections.runs(&query, 10).await.unwrap(), []);
}

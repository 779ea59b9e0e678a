//! What the facts for DORA's metrics promise: whatever the figures of a window need, so that they
//! are the same as over everything there is.

use chrono::Duration;
use pts_domain::dora::{Window, dora};
use pts_domain::event::{Form, read};
use pts_domain::projection::{Aggregate, Deployment, Incident};
use serde_json::json;
use uuid::Uuid;

use super::Harness;
use crate::generate::{Sender, deployments, epoch, minute, now};

/// The figures from the facts are those from everything, in every window, for every service.
async fn assert_same_figures(store: &Harness, windows: &[Window], services: &[Option<&str>]) {
    let model = store.model().await;
    let every_deployment = model.every(|aggregate| match aggregate {
        Aggregate::Deployment(deployment) => Some(deployment),
        _ => None,
    });
    let every_incident = model.every(|aggregate| match aggregate {
        Aggregate::Incident(incident) => Some(incident),
        _ => None,
    });
    for window in windows {
        for service in services {
            for environment in [None, Some("production"), Some("moon")] {
                let mut deployments = every_deployment.clone();
                deployments.retain(|d| {
                    service.is_none_or(|service| d.service == service)
                        && environment.is_none_or(|place| d.environment == place)
                });
                let ours = |want: Option<&str>, have: &Option<String>| {
                    want.is_none_or(|want| have.as_ref().is_none_or(|have| have == want))
                };
                let mut incidents = every_incident.clone();
                incidents.retain(|incident| {
                    ours(*service, &incident.service) && ours(environment, &incident.environment)
                });
                let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
                let facts = store
                    .projections
                    .dora_facts(owned(*service), owned(environment), *window)
                    .await
                    .unwrap();
                // Everything but the events that made them, which no figure needs.
                let bare = |deployment: &Deployment| Deployment {
                    events: Vec::new(),
                    ..deployment.clone()
                };
                for deployment in &facts.deployments {
                    let same = |other: &Deployment| bare(other) == bare(deployment);
                    assert!(deployments.iter().any(same), "{deployment:?}");
                }
                let bare = |incident: &Incident| Incident {
                    events: Vec::new(),
                    ..incident.clone()
                };
                for incident in &facts.incidents {
                    let same = |other: &Incident| bare(other) == bare(incident);
                    assert!(incidents.iter().any(same), "{incident:?}");
                }
                assert_eq!(
                    dora(&facts.deployments, &facts.incidents, *window),
                    dora(&deployments, &incidents, *window),
                    "{service:?} in {environment:?}, {window:?}"
                );
            }
        }
    }
}

/// Over a long story, in windows of all sizes.
pub async fn the_facts_of_a_window_give_the_figures_of_everything(store: Harness) {
    let scenario = deployments(3, 300, 5);
    let new = |(number, event)| {
        read(event, Form::Lenient, Uuid::from_u128(number), now())
            .expect("the story is well told")
            .event
    };
    let events: Vec<_> = (1..).zip(scenario.events).map(new).collect();
    for batch in events.chunks(200) {
        store.append(batch.to_vec()).await;
    }
    let days = |from, to| Window {
        from: epoch() + Duration::days(from),
        to: epoch() + Duration::days(to),
    };
    let windows = [
        days(-10, 200),
        scenario.window,
        days(30, 31),
        days(45, 52),
        days(300, 301),
        days(5, 5),
    ];
    let services = [None, Some("service-00"), Some("service-03"), Some("nobody")];
    assert_same_figures(&store, &windows, &services).await;
}

/// At the borders: incidents that are older than the window and explain what is in it, and
/// deployments that are older than it and explain an incident in it.
pub async fn the_facts_reach_beyond_the_window_where_the_figures_need_it(store: Harness) {
    let mut sender = Sender::named("borders");
    let version = json!({"version": "1"});
    let here = json!({"service": "a", "environment": "production"});
    let blames = |id: &str| json!({"service": "a", "deployment_id": id});
    let batch = vec![
        // Asked for while an incident was open that was over before the window began.
        sender.incident("opened", "before", minute(0), here.clone()),
        sender.deployment("requested", "a", "rework", minute(5), version.clone()),
        sender.incident("resolved", "before", minute(8), json!({})),
        sender.deployment("started", "a", "rework", minute(12), version.clone()),
        sender.deployment("succeeded", "a", "rework", minute(15), version.clone()),
        // Succeeded before the window; its incident opens in it.
        sender.deployment("succeeded", "a", "old", minute(3), version.clone()),
        sender.incident("opened", "late", minute(14), blames("old")),
        // Succeeds in the window; its incident opens after it.
        sender.deployment("succeeded", "a", "young", minute(19), version.clone()),
        sender.incident("opened", "later", minute(40), blames("young")),
        sender.incident("resolved", "later", minute(50), json!({})),
        // Failed in the window, and one that failed and went on.
        sender.deployment("failed", "a", "failed", minute(11), version.clone()),
        sender.deployment("failed", "a", "cleaned up", minute(11), version.clone()),
        sender.deployment(
            "rolled_back",
            "a",
            "cleaned up",
            minute(90),
            version.clone(),
        ),
        sender.deployment("failed", "a", "again", minute(11), version.clone()),
        sender.deployment("started", "a", "again", minute(16), version.clone()),
        // Open during all of the window.
        sender.incident("opened", "always", minute(1), here.clone()),
        // On the borders themselves.
        sender.deployment("succeeded", "a", "first", minute(10), version.clone()),
        sender.deployment("succeeded", "a", "beyond", minute(20), version.clone()),
        sender.incident(
            "opened",
            "nobody's",
            minute(10),
            json!({"environment": "production"}),
        ),
        sender.incident("opened", "unknown", minute(13), blames("never-reported")),
    ];
    store.append(batch).await;
    let window = |from, to| Window {
        from: minute(from),
        to: minute(to),
    };
    let windows = [
        window(10, 20),
        window(0, 60),
        window(10, 11),
        window(20, 41),
        window(9, 10),
    ];
    assert_same_figures(&store, &windows, &[None, Some("a"), Some("b")]).await;
    let facts = store
        .projections
        .dora_facts(None, None, window(10, 20))
        .await
        .unwrap();
    let figures = dora(&facts.deployments, &facts.incidents, window(10, 20));
    assert_eq!(figures.rework_rate.rework, 3);
    assert_eq!(figures.deployment_frequency.attempts_without_success, 2);
    assert_eq!(figures.unattributed.incidents_with_unknown_deployment, 1);
}

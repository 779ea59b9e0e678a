//! What the lists of projections promise: exactly what the log means, narrowed and in pages.

use std::cmp::Reverse;

use pts_domain::filter::{Cursor, Page};
use pts_domain::projection::{Aggregate, DeploymentStatus, IncidentStatus};
use pts_ports::{DeploymentQuery, ImageQuery, IncidentQuery, StateQuery, StoreError};
use serde_json::json;

use super::Harness;
use crate::generate::{Babel, Sender, minute};

/// Reads all pages of a list.
async fn pages<T>(
    limit: usize,
    read: impl AsyncFn(Option<Cursor>) -> Result<Page<T>, StoreError>,
) -> Vec<T> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page = read(cursor).await.unwrap();
        assert!(page.items.len() <= limit);
        assert!(
            page.next.is_none() || page.items.len() == limit,
            "a page is cut short"
        );
        found.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return found,
        }
    }
}

/// A log with something in every projection.
async fn fill(store: &Harness) {
    for batch in Babel::new(5).batches(1_200, 60) {
        store.append(batch).await;
    }
}

/// The wish for a name.
#[expect(clippy::unnecessary_wraps, reason = "a query takes an option")]
fn named(name: &'static str) -> Option<String> {
    Some(name.to_owned())
}

macro_rules! holds {
    ($query:expr, $($wish:ident = $have:expr),* $(,)?) => {
        true $(&& $query.$wish.as_ref().is_none_or(|want| $have == Some(want)))*
    };
}

/// Deployments: each exactly as the log means it, by every filter, the last named first.
pub async fn deployments_are_what_the_log_means_by_every_filter(store: Harness) {
    fill(&store).await;
    let mut all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Deployment(deployment) => Some(deployment),
        _ => None,
    });
    all.sort_by_key(|d| Reverse(d.first_position));
    assert!(all.len() > 20, "the test is weak: {}", all.len());
    let none = DeploymentQuery::default;
    let mut queries = vec![
        none(),
        DeploymentQuery {
            service: named("Überweisung"),
            ..none()
        },
        DeploymentQuery {
            service: named("nobody"),
            ..none()
        },
        DeploymentQuery {
            environment: named("staging"),
            ..none()
        },
        DeploymentQuery {
            version: named("1.1.0"),
            ..none()
        },
        DeploymentQuery {
            deployment_id: named("d-2"),
            ..none()
        },
        DeploymentQuery {
            since: Some(minute(250)),
            ..none()
        },
        DeploymentQuery {
            until: Some(minute(250)),
            ..none()
        },
        // The moment itself belongs to what comes after it.
        DeploymentQuery {
            since: Some(all[0].status_at),
            until: None,
            ..none()
        },
        DeploymentQuery {
            until: Some(all[0].status_at),
            ..none()
        },
        DeploymentQuery {
            service: named("payments"),
            environment: named("production"),
            since: Some(minute(100)),
            until: Some(minute(400)),
            ..none()
        },
    ];
    for status in DeploymentStatus::ALL {
        queries.push(DeploymentQuery {
            status: Some(status),
            ..none()
        });
    }
    for query in queries {
        let expected: Vec<_> = all
            .iter()
            .filter(|d| {
                holds!(
                    query,
                    service = Some(&d.service),
                    environment = Some(&d.environment),
                    status = Some(&d.status),
                    version = d.version.as_ref(),
                    deployment_id = Some(&d.deployment_id),
                ) && query.since.is_none_or(|since| since <= d.status_at)
                    && query.until.is_none_or(|until| d.status_at < until)
            })
            .cloned()
            .collect();
        for limit in [4, 500] {
            let read = async |cursor| store.projections.deployments(&query, cursor, limit).await;
            assert_eq!(
                pages(limit, read).await,
                expected,
                "{query:?}, limit {limit}"
            );
        }
    }
}

/// Pages of deployments stay true while new ones begin and old ones go on.
pub async fn pages_of_deployments_neither_skip_nor_repeat_while_others_append(store: Harness) {
    let mut sender = Sender::named("pages");
    let mut started = |n: i64| {
        sender.deployment(
            "started",
            "a",
            &format!("d-{n}"),
            minute(n),
            json!({"version": "1"}),
        )
    };
    store.append((0..20).map(&mut started).collect()).await;
    let mut seen = Vec::new();
    let mut cursor = None;
    let mut new = 100;
    loop {
        let query = DeploymentQuery::default();
        let page = store
            .projections
            .deployments(&query, cursor, 3)
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|d| d.first_position));
        store.append(vec![started(new), started(new % 20)]).await;
        new += 1;
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, (1..=20).rev().collect::<Vec<_>>());
}

/// Services: in the order of their names, byte by byte, and by the environments they are known in.
pub async fn services_are_what_the_log_means_in_the_order_of_names(store: Harness) {
    fill(&store).await;
    let mut sender = Sender::named("names");
    let names = [
        "Zeta", "alpha", "a-b", "a_b", "a b", "a", "aa", "ärger", "zeta", "10", "9", "~",
    ];
    let batch = names.map(|name| sender.instance("ready", name, "i", minute(0), json!({})));
    store.append(batch.into()).await;
    let all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Service(service) => Some(service),
        _ => None,
    });
    assert!(all.is_sorted_by(|a, b| a.service < b.service) && all.len() > names.len());
    for environment in [None, named("staging"), named("production"), named("moon")] {
        let expected: Vec<_> = all
            .iter()
            .filter(|service| {
                environment
                    .as_ref()
                    .is_none_or(|place| service.environments.contains_key(place))
            })
            .cloned()
            .collect();
        for limit in [1, 5, 100] {
            let read = async |cursor| {
                store
                    .projections
                    .services(environment.clone(), cursor, limit)
                    .await
            };
            assert_eq!(
                pages(limit, read).await,
                expected,
                "{environment:?}, limit {limit}"
            );
        }
    }
    for service in &all {
        let found = store.projections.service(&service.service).await.unwrap();
        assert_eq!(found.as_ref(), Some(service));
    }
    assert_eq!(store.projections.service("nobody").await.unwrap(), None);
}

/// Instances of the services that are asked for, in order; too many lose those longest unheard of.
pub async fn instances_are_what_the_log_means_and_the_silent_go_first(store: Harness) {
    fill(&store).await;
    let mut sender = Sender::named("instances");
    let batch = (0..9).map(|n| {
        // The order of names is not the order in which they were heard of.
        let name = format!("i-{}", n * 4 % 9);
        sender.instance("ready", "fleet", &name, minute(n), json!({"version": "1"}))
    });
    store.append(batch.collect()).await;
    let all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Instance(instance) => Some(instance),
        _ => None,
    });
    for services in [
        vec!["payments"],
        vec!["Überweisung", "fleet", "nobody"],
        vec![],
    ] {
        let services: Vec<_> = services.into_iter().map(ToOwned::to_owned).collect();
        let expected: Vec<_> = all
            .iter()
            .filter(|instance| services.contains(&instance.service))
            .cloned()
            .collect();
        let found = store.projections.instances(services, 1_000).await.unwrap();
        assert_eq!(found, expected);
    }
    let found = store
        .projections
        .instances(vec!["fleet".to_owned()], 3)
        .await
        .unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|instance| instance.instance.as_str())
        .collect();
    // Heard of last: the sixth, seventh and eighth minute.
    assert_eq!(names, ["i-1", "i-5", "i-6"]);
}

/// The settings of a service, in the order of environment and key.
pub async fn settings_are_what_the_log_means(store: Harness) {
    fill(&store).await;
    let all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Config(config) => Some(config),
        _ => None,
    });
    for service in ["payments", "a b/c", "nobody"] {
        let expected: Vec<_> = all
            .iter()
            .filter(|config| config.service.as_deref() == Some(service))
            .cloned()
            .collect();
        let found = store.projections.configs(service, 100).await.unwrap();
        assert_eq!(found, expected, "{service}");
        let found = store.projections.configs(service, 2).await.unwrap();
        assert_eq!(found, expected[..expected.len().min(2)], "{service}");
    }
}

/// Images: by every filter, the last named first.
pub async fn images_are_what_the_log_means_by_every_filter(store: Harness) {
    fill(&store).await;
    let mut all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Image(image) => Some(image),
        _ => None,
    });
    all.sort_by_key(|image| Reverse(image.first_position));
    assert!(all.len() > 5, "the test is weak: {}", all.len());
    let none = ImageQuery::default;
    for query in [
        none(),
        ImageQuery {
            image: named("acme/app1"),
            ..none()
        },
        ImageQuery {
            tag: named("2.0.0"),
            ..none()
        },
        ImageQuery {
            tag: named("2.0"),
            ..none()
        },
        ImageQuery {
            digest: all.iter().find_map(|image| image.digest.clone()),
            ..none()
        },
        ImageQuery {
            service: named("payments"),
            ..none()
        },
        ImageQuery {
            image: named("acme/app0"),
            tag: named("1.0.0"),
            ..none()
        },
    ] {
        let expected: Vec<_> = all
            .iter()
            .filter(|image| {
                holds!(
                    query,
                    image = Some(&image.image),
                    digest = image.digest.as_ref(),
                    service = image.service.as_ref(),
                ) && query
                    .tag
                    .as_ref()
                    .is_none_or(|tag| image.tags.contains(tag))
            })
            .cloned()
            .collect();
        for limit in [2, 500] {
            let read = async |cursor| store.projections.images(&query, cursor, limit).await;
            assert_eq!(
                pages(limit, read).await,
                expected,
                "{query:?}, limit {limit}"
            );
        }
    }
}

/// States: in the order of component and environment, by every filter.
pub async fn states_are_what_the_log_means_by_every_filter(store: Harness) {
    fill(&store).await;
    let mut sender = Sender::named("states");
    let mut state = |component: &str, environment: Option<&str>| {
        let data = json!({"component": component, "environment": environment, "to": "up"});
        sender.event("state.changed", minute(1), data)
    };
    let batch = vec![
        state("lb", Some("staging")),
        state("lb", None),
        state("LB", Some("production")),
        state("lb", Some("Production")),
        state("lb-2", None),
    ];
    store.append(batch).await;
    let all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::State(state) => Some(state),
        _ => None,
    });
    let none = StateQuery::default;
    for query in [
        none(),
        StateQuery {
            component: named("lb"),
            ..none()
        },
        StateQuery {
            environment: named("production"),
            ..none()
        },
        StateQuery {
            service: named("payments"),
            ..none()
        },
        StateQuery {
            state: named("down"),
            ..none()
        },
        StateQuery {
            component: named("db"),
            environment: named("staging"),
            ..none()
        },
    ] {
        let expected: Vec<_> = all
            .iter()
            .filter(|component| {
                holds!(
                    query,
                    component = Some(&component.component),
                    environment = component.environment.as_ref(),
                    service = component.service.as_ref(),
                    state = Some(&component.state),
                )
            })
            .cloned()
            .collect();
        for limit in [1, 100] {
            let read = async |cursor| store.projections.states(&query, cursor, limit).await;
            assert_eq!(
                pages(limit, read).await,
                expected,
                "{query:?}, limit {limit}"
            );
        }
    }
}

/// Incidents: by every filter, the last named first.
pub async fn incidents_are_what_the_log_means_by_every_filter(store: Harness) {
    fill(&store).await;
    let mut all = store.model().await.every(|aggregate| match aggregate {
        Aggregate::Incident(incident) => Some(incident),
        _ => None,
    });
    all.sort_by_key(|incident| Reverse(incident.first_position));
    let none = IncidentQuery::default;
    let mut queries = vec![
        none(),
        IncidentQuery {
            service: named("payments"),
            ..none()
        },
        IncidentQuery {
            environment: named("production"),
            ..none()
        },
        IncidentQuery {
            incident_id: named("INC-3"),
            ..none()
        },
    ];
    for status in IncidentStatus::ALL {
        queries.push(IncidentQuery {
            status: Some(status),
            ..none()
        });
    }
    for query in queries {
        let expected: Vec<_> = all
            .iter()
            .filter(|incident| {
                holds!(
                    query,
                    service = incident.service.as_ref(),
                    environment = incident.environment.as_ref(),
                    status = Some(&incident.status),
                    incident_id = Some(&incident.incident_id),
                )
            })
            .cloned()
            .collect();
        for limit in [2, 100] {
            let read = async |cursor| store.projections.incidents(&query, cursor, limit).await;
            assert_eq!(
                pages(limit, read).await,
                expected,
                "{query:?}, limit {limit}"
            );
        }
    }
}

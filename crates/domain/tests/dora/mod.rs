//! DORA's five metrics: by hand on small tables, and worked out a second time over a whole story.

mod by_hand;
mod reckoning;
mod story;

use pts_domain::projection::{Aggregate, Aggregates, Deployment, Incident};

/// What the figures are worked out from, as far as it is of a service and an environment.
fn facts(
    aggregates: &Aggregates,
    service: Option<&str>,
    environment: Option<&str>,
) -> (Vec<Deployment>, Vec<Incident>) {
    let is = |want: Option<&str>, have: Option<&str>| {
        want.is_none_or(|want| have.is_none_or(|have| have == want))
    };
    let (mut deployments, mut incidents) = (Vec::new(), Vec::new());
    for aggregate in aggregates.all() {
        match aggregate {
            Aggregate::Deployment(d)
                if is(service, Some(&d.service)) && is(environment, Some(&d.environment)) =>
            {
                deployments.push(d.clone());
            }
            Aggregate::Incident(i)
                if is(service, i.service.as_deref())
                    && is(environment, i.environment.as_deref()) =>
            {
                incidents.push(i.clone());
            }
            _ => {}
        }
    }
    (deployments, incidents)
}

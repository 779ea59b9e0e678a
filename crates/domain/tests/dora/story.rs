//! A thousand deployments of twenty services: the figures are those of an independent reckoning
//! from the raw events, over all and for each service.

use std::collections::BTreeSet;

use pts_domain::dora::{Dora, dora};
use pts_domain::event::{Form, read};
use pts_testkit::generate::{Scenario, deployments, now};
use uuid::Uuid;

use super::facts;
use super::reckoning::{Reckoned, reckon};
use crate::support::World;

fn live_through(scenario: &Scenario) -> World {
    let mut world = World::new();
    for (number, event) in (1..).zip(&scenario.events) {
        let received = read(event.clone(), Form::Lenient, Uuid::from_u128(number), now());
        world.tell(received.expect("the story is well told").event);
    }
    world
}

fn close(left: Option<f64>, right: Option<f64>) -> bool {
    match (left, right) {
        (Some(left), Some(right)) => (left - right).abs() <= 1e-9 * right.abs().max(1.0),
        (left, right) => left.is_none() && right.is_none(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of months fit an f64"
)]
fn median_s(sorted: &[i64]) -> Option<f64> {
    let (lower, upper) = (sorted.len().checked_sub(1)? / 2, sorted.len() / 2);
    Some((sorted[lower] + sorted[upper]) as f64 / 2e6)
}

/// The smallest value that nine in ten are not above.
#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of months fit an f64"
)]
fn p90_s(sorted: &[i64]) -> Option<f64> {
    let not_above = |value: i64| sorted.iter().filter(|other| **other <= value).count();
    let found = sorted
        .iter()
        .find(|value| not_above(**value) * 10 >= sorted.len() * 9)?;
    Some(*found as f64 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[track_caller]
fn assert_agree(dora: &Dora, reckoned: &Reckoned, whose: &str) {
    let left_out = &dora.unattributed;
    let counts = [
        (dora.deployment_frequency.deployments, reckoned.deployments),
        (
            dora.deployment_frequency.attempts_without_success,
            reckoned.attempts_without_success,
        ),
        (
            dora.change_lead_time.deployments,
            reckoned.lead_micros.len() as u64,
        ),
        (dora.change_fail_rate.failed, reckoned.failed),
        (dora.change_fail_rate.deployments, reckoned.deployments),
        (
            dora.failed_deployment_recovery_time.recovered,
            reckoned.recovery_micros.len() as u64,
        ),
        (
            dora.failed_deployment_recovery_time.unrecovered,
            reckoned.unrecovered,
        ),
        (dora.rework_rate.rework, reckoned.rework),
        (dora.rework_rate.deployments, reckoned.deployments),
        (
            left_out.deployments_without_commit_time,
            reckoned.without_commit_time,
        ),
        (
            left_out.deployments_with_impossible_commit_time,
            reckoned.impossible_commit_time,
        ),
        (
            left_out.incidents_without_deployment,
            reckoned.incidents_without_deployment,
        ),
        (
            left_out.incidents_with_unknown_deployment,
            reckoned.incidents_with_unknown_deployment,
        ),
    ];
    for (number, (left, right)) in counts.into_iter().enumerate() {
        assert_eq!(
            left, right,
            "count {number} of {whose}: {dora:?} is not {reckoned:?}"
        );
    }
    let days = (dora.window.to - dora.window.from).num_seconds();
    let per_day = share(reckoned.deployments * 86_400, days.unsigned_abs());
    let figures = [
        (Some(dora.deployment_frequency.per_day), per_day),
        (
            dora.change_lead_time.median_s,
            median_s(&reckoned.lead_micros),
        ),
        (dora.change_lead_time.p90_s, p90_s(&reckoned.lead_micros)),
        (
            dora.change_fail_rate.rate,
            share(reckoned.failed, reckoned.deployments),
        ),
        (
            dora.failed_deployment_recovery_time.median_s,
            median_s(&reckoned.recovery_micros),
        ),
        (
            dora.rework_rate.rate,
            share(reckoned.rework, reckoned.deployments),
        ),
    ];
    for (number, (left, right)) in figures.into_iter().enumerate() {
        assert!(
            close(left, right),
            "figure {number} of {whose}: {left:?} is not {right:?}"
        );
    }
}

#[test]
fn a_thousand_deployments_of_twenty_services_give_the_figures_of_an_independent_reckoning() {
    for seed in [1, 2] {
        let scenario = deployments(seed, 1_000, 20);
        let world = live_through(&scenario);
        let names: BTreeSet<_> = scenario
            .events
            .iter()
            .filter_map(|event| event["data"]["service"].as_str())
            .collect();
        assert_eq!(names.len(), 20);
        let window = scenario.window;
        let micros = (window.from.timestamp_micros(), window.to.timestamp_micros());
        for service in std::iter::once(None).chain(names.into_iter().map(Some)) {
            for environment in [None, Some("production"), Some("staging")] {
                let (deployments, incidents) = facts(&world.aggregates, service, environment);
                let reckoned = reckon(&scenario.events, service, environment, micros);
                let whose = format!("{service:?} in {environment:?}, seed {seed}");
                assert_agree(&dora(&deployments, &incidents, window), &reckoned, &whose);
            }
        }
    }
}

#[test]
fn the_story_has_everything_in_it() {
    let scenario = deployments(1, 1_000, 20);
    let told = scenario
        .events
        .iter()
        .map(|event| event["type"].as_str().unwrap());
    let types: BTreeSet<_> = told.collect();
    for verb in [
        "requested",
        "started",
        "succeeded",
        "failed",
        "cancelled",
        "rolled_back",
    ] {
        assert!(
            types.contains(&*format!("deployment.{verb}")),
            "nothing {verb}"
        );
    }
    let micros = (i64::MIN, i64::MAX);
    let all = reckon(&scenario.events, None, None, micros);
    assert!(
        all.deployments > 700 && all.attempts_without_success > 50,
        "{all:?}"
    );
    assert!(all.failed > 50 && all.unrecovered > 0 && all.recovery_micros.len() > 50);
    assert!(all.rework > 20 && all.rework < all.deployments);
    assert!(all.without_commit_time > 0 && all.impossible_commit_time > 0);
    assert!(all.incidents_without_deployment > 0 && all.incidents_with_unknown_deployment > 0);
}

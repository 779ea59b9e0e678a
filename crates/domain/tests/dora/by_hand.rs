//! Each metric on a few deployments, with figures that a reader can check.

use pts_domain::dora::{Dora, Window, dora};
use pts_testkit::generate::minute;
use serde_json::{Value, json};

use super::facts;
use crate::support::World;

/// From the hundredth minute on, for a day.
fn window() -> Window {
    Window {
        from: minute(100),
        to: minute(100 + 24 * 60),
    }
}

fn figures(world: &World) -> Dora {
    let (deployments, incidents) = facts(&world.aggregates, None, None);
    dora(&deployments, &incidents, window())
}

fn brought(world: &mut World, id: &str, at: i64, more: Value) {
    world.deploy("succeeded", id, at, more);
}

/// An incident: when it opened, when it was over, what it says it is about.
type Trouble = (i64, Option<i64>, Value);

fn committed(at: i64) -> Value {
    json!({"commit_time": minute(at)})
}

fn close(left: Option<f64>, right: f64) -> bool {
    left.is_some_and(|left| (left - right).abs() < 1e-9)
}

#[test]
fn nothing_gives_no_rates_and_no_medians() {
    let figures = figures(&World::new());
    assert_eq!(figures.deployment_frequency.deployments, 0);
    assert!(figures.deployment_frequency.per_day.abs() < f64::EPSILON);
    assert_eq!(figures.change_lead_time.median_s, None);
    assert_eq!(figures.change_lead_time.p90_s, None);
    assert_eq!(figures.change_fail_rate.rate, None);
    assert_eq!(figures.failed_deployment_recovery_time.median_s, None);
    assert_eq!(figures.rework_rate.rate, None);
}

#[test]
fn the_window_holds_its_beginning_and_not_its_end() {
    let end = 100 + 24 * 60;
    for (at, inside) in [(99, 0), (100, 1), (101, 1), (end - 1, 1), (end, 0)] {
        let mut world = World::new();
        brought(&mut world, "d", at, Value::Null);
        assert_eq!(
            figures(&world).deployment_frequency.deployments,
            inside,
            "minute {at}"
        );
        let mut world = World::new();
        world.deploy("failed", "d", at, Value::Null);
        let frequency = figures(&world).deployment_frequency;
        assert_eq!(frequency.attempts_without_success, inside, "minute {at}");
        let mut world = World::new();
        world.incident("opened", at, Value::Null);
        let unattributed = figures(&world).unattributed;
        assert_eq!(
            unattributed.incidents_without_deployment, inside,
            "minute {at}"
        );
    }
}

#[test]
fn frequency_counts_what_reached_users_and_tells_what_did_not() {
    let mut world = World::new();
    for (id, verb) in [
        ("a", "succeeded"),
        ("b", "succeeded"),
        ("c", "failed"),
        ("d", "cancelled"),
    ] {
        world.deploy(verb, id, 200, Value::Null);
    }
    world.deploy("started", "e", 200, json!({"version": "1"}));
    // Rolled back later, it reached users all the same.
    world.deploy("rolled_back", "b", 300, Value::Null);
    // Failed first and succeeded then: one deployment, no attempt in vain.
    world.deploy("failed", "f", 200, Value::Null);
    world.deploy("succeeded", "f", 210, Value::Null);
    let frequency = figures(&world).deployment_frequency;
    assert_eq!(
        (frequency.deployments, frequency.attempts_without_success),
        (3, 2)
    );
    assert!(
        close(Some(frequency.per_day), 3.0),
        "over one day: {}",
        frequency.per_day
    );
}

#[test]
fn lead_time_is_the_median_and_the_ninetieth_percentile_of_what_is_known() {
    // Minutes from commit to success; median and percentile in seconds.
    let cases: [(&[i64], f64, f64); 5] = [
        (&[10], 600.0, 600.0),
        (&[10, 20], 900.0, 1_200.0),
        (&[30, 10, 20], 1_200.0, 1_800.0),
        (&[0], 0.0, 0.0),
        // The nearest rank of ten is the ninth.
        (&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 330.0, 540.0),
    ];
    for (leads, median, p90) in cases {
        let mut world = World::new();
        for (n, lead) in leads.iter().enumerate() {
            brought(&mut world, &format!("d-{n}"), 200, committed(200 - lead));
        }
        let lead_time = figures(&world).change_lead_time;
        assert!(
            close(lead_time.median_s, median),
            "{leads:?}: {lead_time:?}"
        );
        assert!(close(lead_time.p90_s, p90), "{leads:?}: {lead_time:?}");
        assert_eq!(lead_time.deployments, leads.len() as u64);
    }
}

#[test]
fn a_lead_time_that_cannot_be_is_left_out_and_said() {
    let mut world = World::new();
    brought(&mut world, "known", 200, committed(190));
    brought(&mut world, "unknown", 200, Value::Null);
    brought(&mut world, "impossible", 200, committed(201));
    let figures = figures(&world);
    assert_eq!(figures.change_lead_time.deployments, 1);
    assert!(close(figures.change_lead_time.median_s, 600.0));
    assert_eq!(figures.unattributed.deployments_without_commit_time, 1);
    assert_eq!(
        figures.unattributed.deployments_with_impossible_commit_time,
        1
    );
    assert_eq!(figures.deployment_frequency.deployments, 3);
}

#[test]
fn a_change_failed_if_it_was_rolled_back_or_an_incident_names_it() {
    let mut world = World::new();
    for id in ["good", "back", "hurt", "both"] {
        brought(&mut world, id, 200, Value::Null);
    }
    world.deploy("rolled_back", "back", 230, Value::Null);
    world.deploy("rolled_back", "both", 210, Value::Null);
    let mut incident = |verb: &str, id: &str, at, more| {
        let event = world.sender.incident(verb, id, minute(at), more);
        world.tell(event);
    };
    incident(
        "opened",
        "I1",
        205,
        json!({"deployment_id": "hurt", "service": "shop"}),
    );
    incident("opened", "I2", 206, json!({"deployment_id": "both"}));
    incident("resolved", "I2", 260, Value::Null);
    // Those of other services, and of deployments nobody reported, blame none of these.
    incident(
        "opened",
        "I3",
        207,
        json!({"deployment_id": "good", "service": "other"}),
    );
    incident(
        "opened",
        "I4",
        208,
        json!({"deployment_id": "good", "environment": "staging"}),
    );
    incident("opened", "I5", 209, json!({"deployment_id": "nobody"}));
    incident("opened", "I6", 210, json!({"service": "shop"}));
    let figures = figures(&world);
    let rate = &figures.change_fail_rate;
    assert_eq!((rate.failed, rate.deployments), (3, 4));
    assert!(close(rate.rate, 0.75));
    // `back` took 30 minutes; `both` until its incident was over, 60; `hurt` still hurts.
    let recovery = &figures.failed_deployment_recovery_time;
    assert_eq!((recovery.recovered, recovery.unrecovered), (2, 1));
    assert!(close(recovery.median_s, 2_700.0), "{recovery:?}");
    assert_eq!(figures.unattributed.incidents_with_unknown_deployment, 3);
    assert_eq!(figures.unattributed.incidents_without_deployment, 1);
}

#[test]
fn recovery_lasts_until_the_last_incident_is_over() {
    let mut world = World::new();
    brought(&mut world, "d", 200, Value::Null);
    for (id, end) in [("I1", 210), ("I2", 290), ("I3", 240)] {
        let opened =
            world
                .sender
                .incident("opened", id, minute(201), json!({"deployment_id": "d"}));
        let resolved = world
            .sender
            .incident("resolved", id, minute(end), Value::Null);
        world.tell(opened);
        world.tell(resolved);
    }
    let recovery = figures(&world).failed_deployment_recovery_time;
    assert!(close(recovery.median_s, 5_400.0), "{recovery:?}");
    // An incident that is blamed on a deployment after the fact took no negative time.
    let mut world = World::new();
    world.incident("opened", 150, json!({"deployment_id": "d"}));
    world.incident("resolved", 160, Value::Null);
    brought(&mut world, "d", 200, Value::Null);
    assert!(close(
        figures(&world).failed_deployment_recovery_time.median_s,
        0.0
    ));
}

#[test]
fn rework_is_what_its_sender_calls_so_or_what_began_during_an_incident() {
    let here = json!({"service": "shop", "environment": "production"});
    // Incidents from and to, when the deployment was asked for, what its sender says: is it rework?
    let cases: [(&[Trouble], i64, Option<bool>, u64); 9] = [
        (&[], 200, None, 0),
        (&[], 200, Some(true), 1),
        (&[(150, None, here.clone())], 200, Some(false), 0),
        (&[(150, None, here.clone())], 200, None, 1),
        (&[(150, Some(199), here.clone())], 200, None, 0),
        (&[(150, Some(200), here.clone())], 200, None, 1),
        (&[(200, Some(300), here.clone())], 200, None, 1),
        (&[(201, Some(300), here.clone())], 200, None, 0),
        (&[(150, None, json!({"service": "shop"}))], 200, None, 1),
    ];
    for (n, (incidents, asked, said, rework)) in cases.into_iter().enumerate() {
        let mut world = World::new();
        for (from, to, about) in incidents {
            world.incident("opened", *from, about.clone());
            if let Some(to) = to {
                world.incident("resolved", *to, Value::Null);
            }
        }
        world.deploy("requested", "d", asked, json!({"version": "1"}));
        brought(&mut world, "d", asked + 60, json!({"unplanned": said}));
        let rate = figures(&world).rework_rate;
        assert_eq!(rate.rework, rework, "case {n}");
        assert_eq!(rate.deployments, 1);
    }
}

#[test]
fn incidents_elsewhere_or_of_its_own_making_make_no_rework() {
    for about in [
        json!({"service": "other", "environment": "production"}),
        json!({"service": "shop", "environment": "staging"}),
        // Of no service: it is not known that this one suffered.
        json!({"environment": "production"}),
        // It caused the trouble; it was not made to end it.
        json!({"service": "shop", "deployment_id": "d"}),
    ] {
        let mut world = World::new();
        world.incident("opened", 150, about.clone());
        brought(&mut world, "d", 200, Value::Null);
        assert_eq!(figures(&world).rework_rate.rework, 0, "{about}");
    }
}

//! Instances: what each says of itself, its runs, and whether silence means anything.

use chrono::Duration;
use pts_domain::projection::InstanceState::{self, *};
use pts_domain::projection::Liveness;
use pts_testkit::generate::minute;
use serde_json::{Value, json};

use crate::support::{World, run};

/// Tells the verbs at their minutes, and checks the state, since when, and what did not fit.
#[track_caller]
fn check(told: &[(&str, i64)], state: InstanceState, since: i64, codes: &[&str]) {
    let mut world = World::new();
    let mut found = Vec::new();
    for (verb, at) in told {
        found.extend(world.instance(verb, *at, Value::Null));
    }
    let instance = world.one();
    assert_eq!(instance.state, state, "{told:?}");
    assert_eq!(instance.state_since, minute(since), "{told:?}");
    assert_eq!(found, codes, "{told:?}");
    let last = told.iter().map(|(_, at)| *at).max().unwrap();
    assert_eq!(instance.last_seen_at, minute(last), "{told:?}");
    let open = instance.run.as_ref().is_some_and(|run| run.to.is_none());
    assert_eq!(open, state.is_running(), "{told:?}");
}

#[test]
fn normal_lives_contradict_nothing() {
    check(&[("registered", 1)], Registered, 1, &[]);
    check(&[("registered", 1), ("started", 2)], Started, 2, &[]);
    check(&[("started", 2), ("ready", 3)], Ready, 3, &[]);
    check(
        &[("started", 2), ("ready", 3), ("degraded", 4)],
        Degraded,
        4,
        &[],
    );
    let recovers = [("started", 2), ("degraded", 4), ("recovered", 5)];
    check(&recovers, Ready, 5, &[]);
    check(&[("started", 2), ("stopped", 3)], Stopped, 3, &[]);
    check(
        &[("started", 2), ("ready", 3), ("crashed", 4)],
        Crashed,
        4,
        &[],
    );
    check(
        &[("started", 2), ("stopped", 3), ("deregistered", 4)],
        Deregistered,
        4,
        &[],
    );
    check(
        &[("started", 2), ("crashed", 3), ("started", 4)],
        Started,
        4,
        &[],
    );
    // Beats tell that it lives, and nothing else.
    check(&[("heartbeat", 1)], Started, 1, &[]);
    check(&[("registered", 1), ("heartbeat", 2)], Started, 2, &[]);
    check(
        &[("started", 1), ("degraded", 2), ("heartbeat", 3)],
        Degraded,
        2,
        &[],
    );
    check(
        &[("started", 1), ("ready", 2), ("registered", 3)],
        Ready,
        2,
        &[],
    );
    check(&[("started", 1), ("ready", 2), ("ready", 3)], Ready, 2, &[]);
}

#[test]
fn what_cannot_be_so_is_recorded_and_believed() {
    check(&[("ready", 1)], Ready, 1, &["working_without_start"]);
    check(&[("degraded", 1)], Degraded, 1, &["working_without_start"]);
    check(&[("stopped", 1)], Stopped, 1, &["ended_without_start"]);
    check(
        &[("started", 1), ("started", 2)],
        Started,
        2,
        &["started_while_running"],
    );
    let recovered = ["recovered_without_degraded"];
    check(&[("started", 1), ("recovered", 2)], Ready, 2, &recovered);
    let twice = [("started", 1), ("stopped", 2), ("crashed", 3)];
    check(&twice, Crashed, 3, &["ended_without_start"]);
    for end in ["stopped", "crashed", "deregistered"] {
        let beats = [("started", 1), (end, 2), ("heartbeat", 3)];
        check(&beats, Started, 3, &["heartbeat_after_end"]);
    }
}

#[test]
fn late_events_turn_nothing_back_and_contradict_nothing() {
    check(
        &[("ready", 5), ("started", 4)],
        Ready,
        5,
        &["working_without_start"],
    );
    check(
        &[("started", 1), ("stopped", 9), ("ready", 5)],
        Stopped,
        9,
        &[],
    );
    check(
        &[("started", 1), ("stopped", 9), ("heartbeat", 8)],
        Stopped,
        9,
        &[],
    );
    check(
        &[("started", 1), ("ready", 9), ("crashed", 5)],
        Ready,
        9,
        &[],
    );
    // A beat overtook the news: how it works counts, that it ended does not, for it beat later.
    check(
        &[("started", 1), ("heartbeat", 9), ("degraded", 8)],
        Degraded,
        8,
        &[],
    );
    check(
        &[("started", 1), ("heartbeat", 9), ("stopped", 8)],
        Started,
        1,
        &[],
    );
    check(
        &[("started", 1), ("heartbeat", 9), ("started", 8)],
        Started,
        1,
        &[],
    );
}

#[test]
fn a_restart_ends_one_run_and_begins_another() {
    let mut world = World::new();
    world.instance("started", 1, json!({"version": "1"}));
    world.instance("ready", 2, json!({}));
    world.instance("started", 5, json!({"version": "1"}));
    assert_eq!(world.runs(), [run("1", 1, Some(5)), run("1", 5, None)]);
    assert_eq!(world.one().started_at, Some(minute(5)));
    world.instance("crashed", 7, json!({"exit_code": 137}));
    world.instance("started", 9, json!({"version": "2"}));
    let expected = [
        run("1", 1, Some(5)),
        run("1", 5, Some(7)),
        run("2", 9, None),
    ];
    assert_eq!(world.runs(), expected);
    assert_eq!(world.one().exit_code, Some(137));
}

#[test]
fn an_instance_that_names_another_version_is_another_process() {
    let mut world = World::new();
    world.instance("started", 1, json!({"version": "1"}));
    world.instance("heartbeat", 5, json!({"version": "2"}));
    world.instance("heartbeat", 6, json!({"version": "2"}));
    assert_eq!(world.runs(), [run("1", 1, Some(5)), run("2", 5, None)]);
    // A beat of the old process that arrives late ends nothing.
    world.instance("heartbeat", 4, json!({"version": "1"}));
    assert_eq!(world.runs(), [run("1", 1, Some(5)), run("2", 5, None)]);
    assert_eq!(world.one().version.as_deref(), Some("2"));
}

#[test]
fn a_version_that_is_named_later_names_the_run() {
    let mut world = World::new();
    world.instance("started", 1, json!({}));
    assert_eq!(world.runs(), [(None, 1, None)]);
    world.instance("ready", 2, json!({"version": "1", "image": "acme/shop:1"}));
    assert_eq!(world.runs(), [run("1", 1, None)]);
    let opened = world.one().run.unwrap();
    assert_eq!(
        (opened.image.as_deref(), opened.opened_position),
        (Some("acme/shop:1"), 1)
    );
}

#[test]
fn a_service_without_named_instances_has_one() {
    let mut world = World::new();
    let data = json!({"service": "shop", "environment": "production"});
    world.event("service.registered", 0, data.clone());
    let instances = |world: &World| {
        let all = world.aggregates.all();
        all.filter(|a| matches!(a, pts_domain::projection::Aggregate::Instance(_)))
            .count()
    };
    assert_eq!(instances(&world), 0, "it is the service that registered");
    world.event("service.started", 1, data.clone());
    assert_eq!(world.event("service.ready", 2, data), [""; 0]);
    assert_eq!(instances(&world), 1);
}

#[test]
fn silence_counts_after_the_time_to_live_and_only_if_there_is_one() {
    let check = |told: &[(&str, i64, Value)], after_s: i64, expected: Liveness| {
        let mut world = World::new();
        for (verb, at, more) in told {
            world.instance(verb, *at, more.clone());
        }
        let now = world.one().last_seen_at + Duration::seconds(after_s);
        assert_eq!(
            world.one().liveness(now),
            expected,
            "{told:?} after {after_s} s"
        );
    };
    let ttl = || json!({"ttl_s": 60});
    check(&[("heartbeat", 1, ttl())], 59, Liveness::Alive);
    check(&[("heartbeat", 1, ttl())], 60, Liveness::Silent);
    check(
        &[("heartbeat", 1, ttl()), ("heartbeat", 2, json!({}))],
        59,
        Liveness::Alive,
    );
    check(
        &[
            ("heartbeat", 1, ttl()),
            ("heartbeat", 2, json!({"ttl_s": 10})),
        ],
        59,
        Liveness::Silent,
    );
    check(&[("ready", 1, json!({}))], 1_000_000, Liveness::Unknown);
    check(
        &[("heartbeat", 1, ttl()), ("stopped", 2, json!({}))],
        1,
        Liveness::Ended,
    );
    check(
        &[("heartbeat", 1, ttl()), ("crashed", 2, json!({}))],
        1_000,
        Liveness::Ended,
    );
    check(&[("registered", 1, ttl())], 1_000, Liveness::Silent);
    // A late beat does not make it younger.
    check(
        &[("heartbeat", 9, ttl()), ("heartbeat", 1, ttl())],
        60,
        Liveness::Silent,
    );
}

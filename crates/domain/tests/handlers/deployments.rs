//! Deployments: how far each has come, what it replaced, what cannot be so.

use pts_domain::projection::DeploymentStatus::{self, *};
use pts_domain::projection::REMEMBERED;
use pts_testkit::generate::minute;
use serde_json::{Value, json};

use crate::support::{World, run};

/// Tells the verbs at their minutes, and checks the status, since when, until when, and what did
/// not fit.
#[track_caller]
fn check(
    told: &[(&str, i64)],
    status: DeploymentStatus,
    since: i64,
    finished: Option<i64>,
    codes: &[&str],
) {
    let mut world = World::new();
    let mut found = Vec::new();
    for (verb, at) in told {
        found.extend(world.deploy(verb, "d", *at, json!({"version": "1"})));
    }
    let deployment = world.deployment("d");
    assert_eq!(deployment.status, status, "{told:?}");
    assert_eq!(deployment.status_at, minute(since), "{told:?}");
    assert_eq!(deployment.finished_at, finished.map(minute), "{told:?}");
    assert_eq!(found, codes, "{told:?}");
    assert_eq!(deployment.event_count, told.len() as u64);
}

#[test]
fn normal_lives_contradict_nothing() {
    check(&[("requested", 1)], Requested, 1, None, &[]);
    check(&[("started", 1)], Started, 1, None, &[]);
    check(&[("requested", 1), ("started", 2)], Started, 2, None, &[]);
    let life = |end| [("requested", 1), ("started", 2), (end, 3)];
    check(&life("succeeded"), Succeeded, 3, Some(3), &[]);
    check(&life("failed"), Failed, 3, Some(3), &[]);
    check(&life("cancelled"), Cancelled, 3, Some(3), &[]);
    check(
        &[("requested", 1), ("cancelled", 2)],
        Cancelled,
        2,
        Some(2),
        &[],
    );
    let back = [("started", 1), ("succeeded", 2), ("rolled_back", 9)];
    check(&back, RolledBack, 9, Some(2), &[]);
    // All at the same moment, as a coarse clock has it.
    check(
        &[("started", 1), ("succeeded", 1), ("rolled_back", 1)],
        RolledBack,
        1,
        Some(1),
        &[],
    );
    // Failed, and begun again under the same id.
    let again = [("started", 1), ("failed", 2)];
    check(
        &[again[0], again[1], ("failed", 2)],
        Failed,
        2,
        Some(2),
        &[],
    );
}

#[test]
fn what_cannot_be_so_is_recorded_and_believed() {
    check(
        &[("succeeded", 1)],
        Succeeded,
        1,
        Some(1),
        &["finished_without_start"],
    );
    check(
        &[("failed", 1)],
        Failed,
        1,
        Some(1),
        &["finished_without_start"],
    );
    check(
        &[("cancelled", 1)],
        Cancelled,
        1,
        Some(1),
        &["cancelled_without_request"],
    );
    check(
        &[("rolled_back", 1)],
        RolledBack,
        1,
        None,
        &["rolled_back_without_success"],
    );
    check(
        &[("started", 1), ("failed", 2), ("rolled_back", 3)],
        RolledBack,
        3,
        Some(2),
        &["rolled_back_without_success"],
    );
    check(
        &[("started", 1), ("failed", 2), ("succeeded", 3)],
        Succeeded,
        3,
        Some(3),
        &["finished_twice"],
    );
    // Begun again it goes on, until it ends again.
    let retried = [("started", 1), ("failed", 2), ("started", 3)];
    check(&retried, Started, 3, None, &["started_after_finish"]);
    let ended = [retried[0], retried[1], retried[2], ("succeeded", 4)];
    check(&ended, Succeeded, 4, Some(4), &["started_after_finish"]);
}

#[test]
fn late_events_fill_in_blanks_and_turn_nothing_back() {
    let late_start = [("succeeded", 5), ("started", 1)];
    check(
        &late_start,
        Succeeded,
        5,
        Some(5),
        &["finished_without_start"],
    );
    let late_request = [("started", 2), ("requested", 1), ("succeeded", 3)];
    check(&late_request, Succeeded, 3, Some(3), &[]);
    let late_success = [("started", 1), ("rolled_back", 9), ("succeeded", 5)];
    let code = ["rolled_back_without_success"];
    check(&late_success, RolledBack, 9, Some(5), &code);
    // An end of an earlier attempt, told after the next one began.
    check(&[("started", 3), ("failed", 2)], Started, 3, None, &[]);
    // A request that is dated after the end: clocks differ. It goes on, as far as anybody knows.
    check(
        &[("started", 1), ("failed", 2), ("requested", 3)],
        Requested,
        3,
        None,
        &[],
    );

    let mut world = World::new();
    world.deploy(
        "succeeded",
        "d",
        5,
        json!({"version": "2", "reason": "new"}),
    );
    let late = json!({"version": "1", "commit": "c0ffee", "reason": "old", "actor": "alice"});
    let codes = world.deploy("started", "d", 3, late);
    assert_eq!(codes, ["version_differs"]);
    let deployment = world.deployment("d");
    assert_eq!(deployment.version.as_deref(), Some("2"));
    assert_eq!(deployment.reason.as_deref(), Some("new"));
    assert_eq!(deployment.commit.as_deref(), Some("c0ffee"));
    assert_eq!(deployment.actor.as_deref(), Some("alice"));
    assert_eq!(deployment.started_at, Some(minute(3)));
    assert_eq!(deployment.succeeded_at, Some(minute(5)));
}

#[test]
fn newer_events_know_better() {
    let mut world = World::new();
    world.deploy("started", "d", 1, json!({"version": "1", "actor": "alice"}));
    let codes = world.deploy(
        "succeeded",
        "d",
        2,
        json!({"version": "2", "unplanned": true}),
    );
    assert_eq!(codes, ["version_differs"]);
    let deployment = world.deployment("d");
    assert_eq!(deployment.version.as_deref(), Some("2"));
    assert_eq!(deployment.actor.as_deref(), Some("alice"));
    assert_eq!(deployment.unplanned, Some(true));
    // Of several starts and requests the first one counts.
    world.deploy("started", "d", 0, json!({"version": "2"}));
    world.deploy("started", "d", 9, json!({"version": "2"}));
    assert_eq!(world.deployment("d").started_at, Some(minute(0)));
}

#[test]
fn the_same_id_elsewhere_is_another_deployment() {
    let mut world = World::new();
    world.deploy("started", "d", 1, json!({"version": "1"}));
    world.deploy("succeeded", "d", 2, json!({"environment": "staging"}));
    let codes = world.deploy("succeeded", "d", 3, json!({}));
    assert_eq!(codes, [""; 0]);
    assert_eq!(world.deployment("d").event_count, 2);
}

#[test]
fn a_deployment_remembers_its_last_events_and_counts_them_all() {
    let mut world = World::new();
    let many = i64::try_from(REMEMBERED).unwrap() + 20;
    for at in 0..many {
        world.deploy("started", "d", at, json!({"version": "1"}));
    }
    let deployment = world.deployment("d");
    assert_eq!(deployment.events.len(), REMEMBERED);
    assert_eq!(deployment.event_count, u64::try_from(many).unwrap());
    assert_eq!(deployment.events[0].time, minute(20));
    assert_eq!(
        (deployment.first_position, deployment.last_position),
        (1, many)
    );
}

fn bring(world: &mut World, version: &str, at: i64) {
    let id = format!("d-{version}");
    world.deploy("started", &id, at - 1, json!({"version": version}));
    world.deploy("succeeded", &id, at, json!({}));
}

#[test]
fn a_deployment_knows_what_it_replaced() {
    let mut world = World::new();
    bring(&mut world, "1", 10);
    bring(&mut world, "2", 20);
    assert_eq!(world.deployment("d-1").replaced_version(), None);
    assert_eq!(world.deployment("d-2").replaced_version(), Some("1"));
    assert_eq!(world.declared().as_deref(), Some("2"));
    // The same success told again replaced nothing else.
    world.deploy("succeeded", "d-2", 21, json!({}));
    assert_eq!(world.deployment("d-2").replaced_version(), Some("1"));
}

#[test]
fn a_rollback_restores_what_ran_before() {
    let cases = [
        (json!({}), "1"),
        // The sender knows better than what was declared here.
        (json!({"previous_version": "0.9"}), "0.9"),
    ];
    for (more, restored) in cases {
        let mut world = World::new();
        bring(&mut world, "1", 10);
        bring(&mut world, "2", 20);
        world.deploy("rolled_back", "d-2", 30, more);
        assert_eq!(world.declared().as_deref(), Some(restored));
        assert_eq!(
            world.runs(),
            [
                run("1", 10, Some(20)),
                run("2", 20, Some(30)),
                run(restored, 30, None)
            ]
        );
        // What came back is what the next one replaces.
        bring(&mut world, "3", 40);
        assert_eq!(world.deployment("d-3").replaced_version(), Some(restored));
    }
}

#[test]
fn the_first_deployment_rolled_back_leaves_nothing_that_anybody_knows() {
    let mut world = World::new();
    bring(&mut world, "1", 10);
    world.deploy("rolled_back", "d-1", 20, json!({}));
    assert_eq!(world.declared(), None);
    assert_eq!(world.runs(), [run("1", 10, Some(20)), (None, 20, None)]);
}

#[test]
fn a_rollback_of_what_was_replaced_since_takes_nothing_away() {
    let mut world = World::new();
    bring(&mut world, "1", 10);
    bring(&mut world, "2", 20);
    world.deploy("rolled_back", "d-1", 30, json!({}));
    assert_eq!(world.declared().as_deref(), Some("2"));
    assert_eq!(world.runs(), [run("1", 10, Some(20)), run("2", 20, None)]);
    assert_eq!(world.deployment("d-1").status, RolledBack);
}

#[test]
fn a_success_told_after_its_rollback_brings_nothing_back() {
    let mut world = World::new();
    bring(&mut world, "1", 10);
    world.deploy("started", "d-2", 19, json!({"version": "2"}));
    world.deploy("rolled_back", "d-2", 30, json!({}));
    world.deploy("succeeded", "d-2", 20, json!({}));
    assert_eq!(world.declared().as_deref(), Some("1"));
    assert_eq!(world.runs(), [run("1", 10, None)]);
    // Tried again under the same id, it runs.
    world.deploy("succeeded", "d-2", 40, json!({}));
    assert_eq!(world.declared().as_deref(), Some("2"));
}

#[test]
fn an_older_deployment_that_arrives_late_takes_its_place_in_the_past() {
    let mut world = World::new();
    bring(&mut world, "3", 30);
    bring(&mut world, "1", 10);
    assert_eq!(world.declared().as_deref(), Some("3"));
    assert_eq!(world.runs(), [run("1", 10, Some(30)), run("3", 30, None)]);
    assert_eq!(
        world.deployment("d-1").replaced_version(),
        None,
        "it did not replace 3"
    );
    bring(&mut world, "2", 20);
    assert_eq!(world.declared().as_deref(), Some("3"));
    assert_eq!(
        world.runs(),
        [
            run("1", 10, Some(20)),
            run("2", 20, Some(30)),
            run("3", 30, None)
        ]
    );
}

#[test]
fn an_older_version_deployed_again_is_what_runs() {
    let mut world = World::new();
    bring(&mut world, "1", 10);
    bring(&mut world, "2", 20);
    world.deploy("succeeded", "again", 30, json!({"version": "1"}));
    assert_eq!(world.declared().as_deref(), Some("1"));
    assert_eq!(world.deployment("again").replaced_version(), Some("2"));
}

#[test]
fn what_a_success_does_not_say_its_start_has_said() {
    let mut world = World::new();
    let said = json!({"version": "1", "image": "acme/shop:1", "commit": "c0ffee"});
    world.deploy("started", "d", 1, said);
    world.deploy("succeeded", "d", 2, Value::Null);
    let declared = world.service().environments["production"]
        .declared
        .clone()
        .unwrap();
    assert_eq!(declared.version.as_deref(), Some("1"));
    assert_eq!(declared.image.as_deref(), Some("acme/shop:1"));
    assert_eq!(declared.commit.as_deref(), Some("c0ffee"));
    assert_eq!(declared.deployment_id.as_deref(), Some("d"));
    assert_eq!(declared.since, minute(2));
}

#[test]
fn two_rollbacks_in_a_row_go_back_two_versions() {
    let mut world = World::new();
    for (version, at) in [("1", 10), ("2", 20), ("3", 30)] {
        bring(&mut world, version, at);
    }
    world.deploy("rolled_back", "d-3", 40, json!({}));
    assert_eq!(world.declared().as_deref(), Some("2"));
    world.deploy("rolled_back", "d-2", 50, json!({}));
    assert_eq!(world.declared().as_deref(), Some("1"));
}

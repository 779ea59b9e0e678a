//! Operational states: the newest counts, and the timeline is in order however it was told.

use pts_domain::projection::REMEMBERED;
use pts_testkit::generate::minute;
use serde_json::json;

use crate::support::World;

/// Tells states at their minutes, and checks which it is and since when.
#[track_caller]
fn check(told: &[(&str, i64)], state: &str, since: i64) {
    let mut world = World::new();
    for (to, at) in told {
        world.event("state.changed", *at, json!({"component": "db", "to": to}));
    }
    let component = world.state("db");
    assert_eq!(
        (&*component.state, component.since),
        (state, minute(since)),
        "{told:?}"
    );
    assert!(
        component.timeline.is_sorted_by_key(|change| change.time),
        "{told:?}"
    );
    assert_eq!(component.timeline.len(), told.len());
}

#[test]
fn the_newest_state_counts_since_it_was_reached() {
    check(&[("up", 1)], "up", 1);
    check(&[("up", 1), ("down", 2)], "down", 2);
    check(&[("up", 1), ("up", 5)], "up", 1);
    check(&[("up", 1), ("down", 5), ("up", 9)], "up", 9);
    check(&[("up", 1), ("down", 1)], "down", 1);
}

#[test]
fn a_late_change_takes_its_place_in_the_past() {
    check(&[("down", 5), ("up", 1)], "down", 5);
    check(&[("up", 1), ("up", 9), ("down", 5)], "up", 9);
    check(&[("up", 5), ("up", 1)], "up", 1);
    check(&[("up", 9), ("down", 5), ("up", 7)], "up", 7);
}

#[test]
fn a_change_from_another_state_than_the_one_known_is_a_contradiction() {
    let mut world = World::new();
    let mut tell = |from: Option<&str>, to, at| {
        let data = json!({"component": "db", "from": from, "to": to});
        world.event("state.changed", at, data)
    };
    assert_eq!(tell(Some("up"), "down", 1), [""; 0], "nothing was known");
    assert_eq!(tell(Some("down"), "up", 2), [""; 0]);
    assert_eq!(tell(Some("down"), "read_only", 3), ["left_another_state"]);
    assert_eq!(tell(None, "up", 4), [""; 0]);
    assert_eq!(
        tell(Some("read_only"), "down", 2),
        [""; 0],
        "late: it may have been so then"
    );
    let about = &world.contradictions[0];
    assert_eq!(about.about, "state of db");
    assert_eq!(about.message, "it is said to have left down and was up");
}

#[test]
fn the_timeline_is_bounded_and_keeps_the_newest() {
    let mut world = World::new();
    let many = i64::try_from(REMEMBERED).unwrap() + 7;
    for at in 1..=many {
        let to = if at % 2 == 0 { "up" } else { "down" };
        world.event("state.changed", at, json!({"component": "db", "to": to}));
    }
    world.event(
        "state.changed",
        0,
        json!({"component": "db", "to": "first"}),
    );
    let component = world.state("db");
    assert_eq!(component.timeline.len(), REMEMBERED);
    assert_eq!(component.timeline[0].time, minute(8));
    // A state that is older than the memory is not forgotten.
    let mut world = World::new();
    for at in 1..=many {
        world.event("state.changed", at, json!({"component": "db", "to": "up"}));
    }
    assert_eq!(world.state("db").since, minute(1));
}

#[test]
fn the_same_component_elsewhere_is_another_one() {
    let mut world = World::new();
    world.event("state.changed", 1, json!({"component": "db", "to": "up"}));
    let elsewhere = json!({"component": "db", "environment": "staging", "to": "down"});
    world.event("state.changed", 2, elsewhere);
    assert_eq!(world.state("db").state, "up");
}

//! Incidents: open, taken up, over, and open again.

use pts_domain::projection::IncidentStatus::{self, *};
use pts_domain::projection::REMEMBERED;
use pts_testkit::generate::minute;
use serde_json::{Value, json};

use crate::support::World;

/// Tells the verbs at their minutes, and checks the status, when it ended, and what did not fit.
#[track_caller]
fn check(told: &[(&str, i64)], status: IncidentStatus, resolved: Option<i64>, codes: &[&str]) {
    let mut world = World::new();
    let mut found = Vec::new();
    for (verb, at) in told {
        found.extend(world.incident(verb, *at, Value::Null));
    }
    let incident = world.the_incident();
    assert_eq!(incident.status, status, "{told:?}");
    assert_eq!(incident.resolved_at, resolved.map(minute), "{told:?}");
    assert_eq!(found, codes, "{told:?}");
}

#[test]
fn normal_lives_contradict_nothing() {
    check(&[("opened", 1)], Open, None, &[]);
    check(
        &[("opened", 1), ("acknowledged", 2)],
        Acknowledged,
        None,
        &[],
    );
    check(&[("opened", 1), ("resolved", 3)], Resolved, Some(3), &[]);
    check(
        &[("opened", 1), ("acknowledged", 2), ("resolved", 3)],
        Resolved,
        Some(3),
        &[],
    );
    check(
        &[("opened", 1), ("acknowledged", 1), ("resolved", 1)],
        Resolved,
        Some(1),
        &[],
    );
    let again = [("opened", 1), ("resolved", 3), ("opened", 5)];
    check(&again, Open, None, &[]);
    check(
        &[again[0], again[1], again[2], ("resolved", 7)],
        Resolved,
        Some(7),
        &[],
    );
}

#[test]
fn what_nobody_opened_is_recorded_and_believed() {
    check(
        &[("acknowledged", 1)],
        Acknowledged,
        None,
        &["never_opened"],
    );
    check(&[("resolved", 1)], Resolved, Some(1), &["never_opened"]);
}

#[test]
fn late_events_turn_nothing_back() {
    check(
        &[("resolved", 5), ("opened", 1)],
        Resolved,
        Some(5),
        &["never_opened"],
    );
    check(
        &[("opened", 1), ("resolved", 5), ("acknowledged", 3)],
        Resolved,
        Some(5),
        &[],
    );
    let reopened = [("opened", 1), ("opened", 8), ("resolved", 5)];
    check(&reopened, Open, None, &[]);
    let mut world = World::new();
    world.incident("opened", 5, json!({"severity": "SEV1", "title": "new"}));
    world.incident(
        "opened",
        1,
        json!({"severity": "SEV3", "title": "old", "service": "shop"}),
    );
    let incident = world.the_incident();
    assert_eq!(incident.opened_at, Some(minute(1)));
    assert_eq!(incident.severity.as_deref(), Some("SEV1"));
    assert_eq!(incident.service.as_deref(), Some("shop"));
}

#[test]
fn taking_up_what_is_over_does_not_open_it_again() {
    check(
        &[("opened", 1), ("resolved", 3), ("acknowledged", 5)],
        Resolved,
        Some(3),
        &[],
    );
    check(
        &[("opened", 1), ("acknowledged", 5), ("resolved", 3)],
        Resolved,
        Some(3),
        &[],
    );
    // But an end from before it was opened again is no end of it.
    let told = [
        ("opened", 1),
        ("opened", 4),
        ("acknowledged", 5),
        ("resolved", 3),
    ];
    check(&told, Acknowledged, None, &[]);
}

#[test]
fn an_incident_remembers_its_last_events() {
    let mut world = World::new();
    for at in 0..i64::try_from(REMEMBERED).unwrap() + 5 {
        world.incident("acknowledged", at, Value::Null);
    }
    let incident = world.the_incident();
    assert_eq!(incident.events.len(), REMEMBERED);
    assert_eq!(incident.acknowledged_at, Some(minute(0)));
}

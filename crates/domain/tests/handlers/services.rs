//! Services: what is declared where, who left, and what changed lately.

use pts_domain::projection::REMEMBERED;
use pts_testkit::generate::minute;
use serde_json::{Value, json};

use crate::support::{World, run};

fn whole(world: &mut World, verb: &str, at: i64) {
    let data = json!({"service": "shop", "environment": "production"});
    world.event(&format!("service.{verb}"), at, data);
}

fn succeed(world: &mut World, version: &str, at: i64) {
    world.deploy("succeeded", version, at, json!({"version": version}));
}

#[test]
fn a_service_that_leaves_declares_nothing_any_more() {
    let mut world = World::new();
    whole(&mut world, "registered", 1);
    succeed(&mut world, "1", 5);
    whole(&mut world, "deregistered", 9);
    let place = &world.service().environments["production"];
    assert_eq!(place.registered_at, Some(minute(1)));
    assert_eq!(place.deregistered_at, Some(minute(9)));
    assert_eq!(place.declared, None);
    assert_eq!(world.runs(), [run("1", 5, Some(9))]);
    // And comes back.
    succeed(&mut world, "2", 20);
    let place = &world.service().environments["production"];
    assert_eq!(
        (place.deregistered_at, world.declared().as_deref()),
        (None, Some("2"))
    );
    assert_eq!(world.runs(), [run("1", 5, Some(9)), run("2", 20, None)]);
}

#[test]
fn what_is_told_after_a_service_left_brings_it_back_only_if_it_happened_later() {
    let mut world = World::new();
    whole(&mut world, "deregistered", 10);
    succeed(&mut world, "1", 5);
    let place = &world.service().environments["production"];
    assert_eq!(
        (place.deregistered_at, place.declared.as_ref()),
        (Some(minute(10)), None)
    );
    assert_eq!(world.runs(), [run("1", 5, Some(10))]);
    whole(&mut world, "registered", 7);
    assert_eq!(
        world.service().environments["production"].deregistered_at,
        Some(minute(10))
    );
    whole(&mut world, "registered", 12);
    let place = &world.service().environments["production"];
    assert_eq!(
        (place.deregistered_at, place.registered_at),
        (None, Some(minute(7)))
    );
}

#[test]
fn a_departure_that_arrives_late_ends_only_what_was_before_it() {
    let mut world = World::new();
    succeed(&mut world, "1", 5);
    succeed(&mut world, "2", 20);
    whole(&mut world, "deregistered", 10);
    assert_eq!(world.declared().as_deref(), Some("2"));
    assert_eq!(
        world.service().environments["production"].deregistered_at,
        None
    );
    assert_eq!(world.runs(), [run("1", 5, Some(10)), run("2", 20, None)]);
    // Of two departures the later one counts, in whichever order they come.
    let mut world = World::new();
    whole(&mut world, "deregistered", 10);
    whole(&mut world, "deregistered", 5);
    assert_eq!(
        world.service().environments["production"].deregistered_at,
        Some(minute(10))
    );
}

#[test]
fn an_instance_that_leaves_is_not_the_service() {
    let mut world = World::new();
    succeed(&mut world, "1", 5);
    world.instance("deregistered", 9, json!({}));
    assert_eq!(world.declared().as_deref(), Some("1"));
}

#[test]
fn environments_are_apart() {
    let mut world = World::new();
    succeed(&mut world, "1", 5);
    let more = json!({"version": "2", "environment": "staging"});
    world.deploy("succeeded", "s", 6, more);
    assert_eq!(world.declared().as_deref(), Some("1"));
    let staging = world.service().environments["staging"].declared.clone();
    assert_eq!(staging.unwrap().version.as_deref(), Some("2"));
    assert_eq!(world.runs(), [run("1", 5, None), run("2", 6, None)]);
}

#[test]
fn changes_that_may_explain_something_are_listed_and_others_are_not() {
    let mut world = World::new();
    world.deploy("requested", "d", 0, json!({"version": "1"}));
    world.deploy("started", "d", 1, json!({"version": "1"}));
    world.deploy("failed", "d", 2, json!({"reason": "no memory"}));
    world.instance("ready", 3, json!({}));
    world.instance("crashed", 4, json!({"reason": "no memory"}));
    world.instance("heartbeat", 5, json!({}));
    let about = |mut data: Value| {
        data["service"] = json!("shop");
        data
    };
    world.event("config.changed", 6, about(json!({"key": "limit", "to": 5})));
    world.event("config.changed", 7, about(json!({"key": "limit"})));
    world.event(
        "state.changed",
        8,
        about(json!({"component": "db", "to": "down"})),
    );
    world.incident("opened", 9, json!({"service": "shop", "title": "it hurts"}));
    world.incident("acknowledged", 10, json!({"service": "shop"}));
    world.incident("resolved", 11, json!({"service": "shop"}));
    let service = world.service();
    let summaries: Vec<_> = service
        .recent_changes
        .iter()
        .map(|c| c.summary.as_str())
        .collect();
    assert_eq!(
        summaries,
        [
            "deployment d failed: no memory",
            "one crashed: no memory",
            "limit was set to 5",
            "limit was removed",
            "db is down",
            "incident INC-1 opened: it hurts",
            "incident INC-1 resolved",
        ]
    );
}

#[test]
fn changes_are_remembered_by_the_time_they_happened_and_not_without_end() {
    let mut world = World::new();
    let many = i64::try_from(REMEMBERED).unwrap() + 10;
    for at in 1..=many {
        world.instance("crashed", at, json!({}));
    }
    world.instance("degraded", 50, json!({"reason": "late"}));
    world.instance("degraded", 0, json!({"reason": "too late"}));
    let service = world.service();
    assert_eq!(service.recent_changes.len(), REMEMBERED);
    assert!(
        service
            .recent_changes
            .is_sorted_by_key(|change| change.time)
    );
    let summaries: Vec<_> = service.recent_changes.iter().map(|c| &*c.summary).collect();
    assert!(summaries.contains(&"one is degraded: late"));
    assert!(!summaries.contains(&"one is degraded: too late"));
    assert_eq!(service.first_seen_at, minute(0));
}

#[test]
fn a_heartbeat_of_a_known_service_costs_no_write_of_it() {
    let mut world = World::new();
    world.instance("ready", 1, json!({}));
    let before = world.service();
    world.aggregates.settle();
    world.instance("heartbeat", 2, json!({}));
    assert_eq!(world.service(), before);
    let changed: Vec<_> = world.aggregates.changed().map(|a| a.key().kind()).collect();
    assert_eq!(changed, [pts_domain::projection::AggregateKind::Instance]);
}

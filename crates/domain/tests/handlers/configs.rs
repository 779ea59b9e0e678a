//! Settings: the newest value counts, whatever a late one says.

use pts_testkit::generate::minute;
use serde_json::{Value, json};

use crate::support::World;

fn tell(world: &mut World, from: Value, to: Value, at: i64) -> Vec<String> {
    let mut data = json!({"key": "limit", "actor": format!("at {at}")});
    data["from"] = from;
    data["to"] = to;
    world.event("config.changed", at, data)
}

#[test]
fn a_setting_has_the_newest_value_and_remembers_the_one_before() {
    let mut world = World::new();
    assert_eq!(tell(&mut world, json!(1), json!(2), 1), [""; 0]);
    let config = world.config("limit");
    assert_eq!(
        (config.value, config.previous),
        (Some(json!(2)), Some(json!(1)))
    );
    assert_eq!(tell(&mut world, json!(2), json!({"max": 3}), 2), [""; 0]);
    let config = world.config("limit");
    assert_eq!(
        (config.value, config.previous),
        (Some(json!({"max": 3})), Some(json!(2)))
    );
    assert_eq!(tell(&mut world, Value::Null, Value::Null, 3), [""; 0]);
    let config = world.config("limit");
    assert_eq!(
        (config.value, config.previous),
        (None, Some(json!({"max": 3})))
    );
    assert_eq!(config.changed_at, minute(3));
}

#[test]
fn a_late_change_changes_nothing_and_contradicts_nothing() {
    let mut world = World::new();
    tell(&mut world, Value::Null, json!(5), 9);
    assert_eq!(tell(&mut world, json!(1), json!(2), 1), [""; 0]);
    let config = world.config("limit");
    assert_eq!(
        (config.value, config.actor.as_deref()),
        (Some(json!(5)), Some("at 9"))
    );
    assert_eq!((config.first_position, config.last_position), (1, 2));
}

#[test]
fn a_change_from_another_value_than_the_one_known_is_a_contradiction() {
    let mut world = World::new();
    tell(&mut world, Value::Null, json!(5), 1);
    assert_eq!(
        tell(&mut world, json!(4), json!(6), 2),
        ["left_another_value"]
    );
    assert_eq!(world.config("limit").value, Some(json!(6)));
    // However the number is spelt.
    assert_eq!(tell(&mut world, json!(6.0), json!(1e2), 3), [""; 0]);
    assert_eq!(tell(&mut world, json!(100), json!(7), 4), [""; 0]);
}

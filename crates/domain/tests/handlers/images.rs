//! Images: how far each has come, what scans found, and where tags point.

use pts_domain::projection::ImageStatus::{self, *};
use pts_testkit::generate::minute;
use serde_json::{Value, json};

use crate::support::World;

const ONE: &str = "sha256:1111";
const TWO: &str = "sha256:2222";

fn tell(world: &mut World, verb: &str, at: i64, more: Value) -> Vec<String> {
    let mut data = json!({"image": "acme/shop"});
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    if verb == "promoted" {
        data["environment"] = json!("production");
    }
    if verb == "scanned" && data.get("vulnerabilities").is_none() {
        data["vulnerabilities"] = json!({"high": at});
    }
    world.event(&format!("image.{verb}"), at, data)
}

#[track_caller]
fn check(told: &[(&str, i64)], status: ImageStatus, since: i64, codes: &[&str]) {
    let mut world = World::new();
    let mut found = Vec::new();
    for (verb, at) in told {
        found.extend(tell(&mut world, verb, *at, json!({"digest": ONE})));
    }
    let image = world.image(ONE);
    assert_eq!(
        (image.status, image.status_at),
        (status, minute(since)),
        "{told:?}"
    );
    assert_eq!(found, codes, "{told:?}");
}

#[test]
fn an_image_comes_as_far_as_its_newest_event_says() {
    check(&[("built", 1)], Built, 1, &[]);
    check(&[("built", 1), ("published", 2)], Published, 2, &[]);
    check(
        &[("built", 1), ("published", 2), ("promoted", 3)],
        Promoted,
        3,
        &[],
    );
    check(&[("built", 1), ("retired", 9)], Retired, 9, &[]);
    check(&[("published", 2), ("built", 1)], Published, 2, &[]);
    let late = [("built", 1), ("retired", 9), ("promoted", 5)];
    check(&late, Retired, 9, &[]);
    let again = [("retired", 5), ("promoted", 9)];
    check(&again, Promoted, 9, &["promoted_after_retirement"]);
}

#[test]
fn a_scan_is_no_progress_and_anything_is_more_than_only_a_scan() {
    check(&[("scanned", 1)], Known, 1, &[]);
    check(&[("built", 1), ("scanned", 5)], Built, 1, &[]);
    check(&[("scanned", 5), ("built", 1)], Built, 1, &[]);
    check(
        &[
            ("scanned", 5),
            ("built", 1),
            ("scanned", 7),
            ("published", 3),
        ],
        Published,
        3,
        &[],
    );
}

#[test]
fn the_newest_scan_counts() {
    let mut world = World::new();
    for at in [3, 9, 5] {
        tell(&mut world, "scanned", at, json!({"digest": ONE}));
    }
    let image = world.image(ONE);
    assert_eq!(image.scanned_at, Some(minute(9)));
    assert_eq!(image.vulnerabilities.unwrap().high, 9);
}

#[test]
fn times_of_building_are_the_first_and_of_promotion_the_last() {
    let mut world = World::new();
    for (verb, at) in [
        ("built", 3),
        ("built", 1),
        ("published", 5),
        ("published", 4),
    ] {
        tell(&mut world, verb, at, json!({"digest": ONE}));
    }
    for at in [6, 9, 8] {
        tell(&mut world, "promoted", at, json!({"digest": ONE}));
    }
    let image = world.image(ONE);
    assert_eq!(image.built_at, Some(minute(1)));
    assert_eq!(image.published_at, Some(minute(4)));
    assert_eq!(image.promoted["production"], minute(9));
}

#[test]
fn an_image_collects_its_tags_and_is_one_whatever_they_are() {
    let mut world = World::new();
    for tag in ["1.0", "latest", "1.0"] {
        tell(
            &mut world,
            "published",
            1,
            json!({"digest": ONE, "tag": tag}),
        );
    }
    let image = world.image(ONE);
    assert_eq!(image.tags.iter().collect::<Vec<_>>(), ["1.0", "latest"]);
    assert_eq!(image.digest.as_deref(), Some(ONE));
}

#[test]
fn an_image_known_by_its_tag_follows_where_the_tag_points() {
    let mut world = World::new();
    tell(&mut world, "built", 1, json!({"tag": "latest"}));
    assert_eq!(world.image("latest").digest, None);
    tell(
        &mut world,
        "published",
        2,
        json!({"tag": "latest", "digest": ONE}),
    );
    assert_eq!(world.image("latest").digest.as_deref(), Some(ONE));
    tell(
        &mut world,
        "published",
        3,
        json!({"tag": "latest", "digest": TWO}),
    );
    assert_eq!(world.image("latest").digest.as_deref(), Some(TWO));
    // From before anybody knew the tag: it says nothing about where it points now.
    tell(
        &mut world,
        "published",
        0,
        json!({"tag": "latest", "digest": ONE}),
    );
    assert_eq!(world.image("latest").digest.as_deref(), Some(TWO));
}

#[test]
fn a_late_word_of_where_a_tag_pointed_does_not_move_it_back() {
    let mut world = World::new();
    tell(&mut world, "built", 1, json!({"tag": "latest"}));
    tell(
        &mut world,
        "published",
        9,
        json!({"tag": "latest", "digest": TWO}),
    );
    tell(
        &mut world,
        "published",
        5,
        json!({"tag": "latest", "digest": ONE}),
    );
    assert_eq!(world.image("latest").digest.as_deref(), Some(TWO));
}

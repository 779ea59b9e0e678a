//! The same events for property tests: strategies that find a small case of what fails.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use pts_domain::event::NewEvent;
use serde_json::{Number, Value};

use super::Sender;
use super::babel::{Recipe, kinds};

/// How any one event comes to be.
pub fn recipe() -> impl Strategy<Value = Recipe> {
    (
        0..kinds(),
        0..8_u8,
        0..5_u8,
        0..12_u8,
        0..500_u16,
        any::<u16>(),
    )
        .prop_map(|(kind, service, which, version, minute, optional)| Recipe {
            kind,
            service,
            which,
            version,
            minute,
            optional,
        })
}

/// Up to `most` events of all families in any order, none of them a repeat.
pub fn events(most: usize) -> impl Strategy<Value = Vec<NewEvent>> {
    vec(recipe(), 0..=most).prop_map(|recipes| {
        let mut sender = Sender::named("strategy");
        recipes
            .iter()
            .map(|recipe| sender.read(recipe.json()))
            .collect()
    })
}

/// Any JSON: deep ones and wide ones, any text, every kind of number.
pub fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        any::<String>().prop_map(Value::from),
        "[a-z]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            btree_map("[a-z]{1,6}|\\PC{0,6}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Any number that JSON can say.
pub fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1000_i64..1000).prop_map(Value::from),
        any::<f64>().prop_filter_map("JSON has no infinities", |float| {
            Number::from_f64(float).map(Value::Number)
        }),
        (-1000_i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
    ]
}

/// Something like an event: often nearly right, and wrong in any way.
pub fn nearly_an_event() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        Just("type".to_owned()),
        Just("source".to_owned()),
        Just("id".to_owned()),
        Just("time".to_owned()),
        Just("subject".to_owned()),
        Just("specversion".to_owned()),
        Just("data".to_owned()),
        Just("data_base64".to_owned()),
        any::<String>(),
    ];
    (recipe(), vec((field, json()), 0..3), any::<bool>()).prop_map(|(recipe, changes, named)| {
        let mut event = recipe.json();
        if named {
            event["source"] = Value::from("nearly");
        }
        for (field, value) in changes {
            match event["data"].get_mut(&field) {
                Some(slot) => *slot = value,
                None => event[field] = value,
            }
        }
        event
    })
}

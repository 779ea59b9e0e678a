//! What is stored comes back as it was sent, and is recognised when it is sent again: any text, any
//! number, any shape.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use pts_domain::event::NewEvent;
use pts_ports::Appended;
use serde_json::{Value, json};

use super::Harness;
use crate::generate::{Babel, Sender, minute, strategies};

/// Events of a foreign type, which may hold anything, one for each value.
fn foreign(sender: &mut Sender, values: impl IntoIterator<Item = Value>) -> Vec<NewEvent> {
    values
        .into_iter()
        .map(|value| sender.event("com.acme.anything", minute(0), value))
        .collect()
}

/// Stored, read back with every way there is, and sent again.
async fn survive(store: &Harness, sender: &mut Sender, batch: Vec<NewEvent>) {
    let before = store.everything().await.len();
    let outcomes = store.append(batch.clone()).await;
    for (sent, outcome) in batch.iter().zip(&outcomes) {
        assert!(
            matches!(outcome, Appended::Stored { .. }),
            "{sent:?}: {outcome:?}"
        );
        let stored = store.log.get(sent.id).await.unwrap().expect("it is stored");
        assert_eq!(stored.id, sent.id);
        assert_eq!(stored.received_at, sent.received_at);
        assert_same(&stored.event, &sent.event);
    }
    let log = store.everything().await;
    for (sent, stored) in batch.iter().zip(&log[before..]) {
        assert_same(&stored.event, &sent.event);
    }
    let again = batch.iter().map(|event| sender.again(event)).collect();
    for (sent, outcome) in batch.iter().zip(store.append(again).await) {
        let repeat = Appended::Repeat {
            id: sent.id,
            received_at: sent.received_at,
        };
        assert_eq!(outcome, repeat, "{sent:?}");
    }
}

/// Equal up to the spelling of numbers, which is no content.
fn assert_same(stored: &pts_domain::Event, sent: &pts_domain::Event) {
    assert_eq!(stored.digest(), sent.digest(), "{stored:?} is not {sent:?}");
    let bare = |event: &pts_domain::Event| pts_domain::Event {
        data: Value::Null,
        ..event.clone()
    };
    assert_eq!(bare(stored), bare(sent));
    assert!(
        alike(&stored.data, &sent.data),
        "{} is not {}",
        stored.data,
        sent.data
    );
}

fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| alike(one, other)))
        }
        _ => one == other,
    }
}

/// Any text survives, in values, keys and names: scripts, emoji, quotes, controls, long ones.
pub async fn any_text_survives(store: Harness) {
    let mut sender = Sender::named("Sënder/日本語 \"quoted\" \\ %_'");
    let texts = [
        "plain".to_owned(),
        String::new(),
        "Grüße, 日本語, עברית, 👩‍👩‍👧‍👦, e\u{301}".to_owned(),
        "\"quotes\" 'single' \\back\\slash %per_cent; -- $1 ${x} {} ?".to_owned(),
        "line\nbreak\ttab\r\u{1}\u{7f}\u{feff}\u{fffd}\u{10ffff}".to_owned(),
        "\\u0000 spelt out".to_owned(),
        "long ".repeat(50_000),
    ];
    let values = texts
        .iter()
        .map(|text| json!({"text": text, "list": [text, {"deep": text}], text.chars().take(200).collect::<String>(): 1}));
    let mut batch = foreign(&mut sender, values);
    batch.push(sender.read(json!({
        "type": "com.acme.Ünusual/type", "id": "ïd 'with' \"quotes\"", "subject": "sübject %",
        "dataschema": "https://example.com/ä", "traceparent": "00-ab", "flag": true, "weight": 2,
    })));
    survive(&store, &mut sender, batch).await;
}

/// Any number survives: exponents, negative zero, the largest integers, the smallest fractions.
pub async fn any_number_survives(store: Harness) {
    let mut sender = Sender::named("numbers");
    let numbers = [
        "0",
        "-0",
        "-0.0",
        "0.0",
        "1",
        "1.0",
        "1e2",
        "100",
        "1E+2",
        "-1.5e-3",
        "0.1",
        "0.2",
        "0.30000000000000004",
        "1e15",
        "1e16",
        "123456789012345678",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890",
        "1e21",
        "1e22",
        "1e23",
        "1.7976931348623157e308",
        "2.2250738585072014e-308",
        "5e-324",
        "3.141592653589793",
        "2.718281828459045235360287",
        "6.02214076e23",
        "1e-7",
        "0.000001",
    ];
    let values = numbers.map(|number| {
        serde_json::from_str(&format!(
            "{{\"n\":{number},\"list\":[{number},{{\"deep\":{number}}}]}}"
        ))
        .expect("it is JSON")
    });
    let batch = foreign(&mut sender, values);
    survive(&store, &mut sender, batch).await;
}

/// A number is the same in another spelling: a sender that writes `1e2` for `100` repeats itself.
pub async fn a_repeat_in_another_spelling_is_a_repeat(store: Harness) {
    let mut sender = Sender::named("spelling");
    let event = |text: &str| -> Value {
        let data: Value = serde_json::from_str(text).expect("it is JSON");
        json!({"type": "com.acme.x", "id": "one", "time": minute(0), "data": data})
    };
    let first = sender.read(event(r#"{"a":100,"b":[0,5.0],"c":{"x":1,"y":2}}"#));
    store.append(vec![first.clone()]).await;
    for spelling in [
        r#"{"a":1e2,"b":[-0.0,5],"c":{"y":2,"x":1}}"#,
        r#"{"c":{"y":2.0,"x":1e0},"b":[0.0,5],"a":100.0}"#,
    ] {
        let outcome = store.append(vec![sender.read(event(spelling))]).await;
        assert!(
            matches!(outcome[0], Appended::Repeat { id, .. } if id == first.id),
            "{spelling}: {outcome:?}"
        );
    }
}

/// Shapes that mean nothing survive, too: no data, only a number, nothing in anything.
pub async fn any_shape_survives(store: Harness) {
    let mut sender = Sender::named("shapes");
    let deep = (0..60).fold(json!(1), |inner, n| {
        if n % 2 == 0 {
            json!([inner])
        } else {
            json!({"d": inner})
        }
    });
    let wide: serde_json::Map<_, _> = (0..2_000).map(|n| (format!("key {n}"), json!(n))).collect();
    let shapes = [
        json!(null),
        json!(true),
        json!(7),
        json!("text"),
        json!([]),
        json!({}),
        json!([[], {}, null]),
        json!({"": {"": ""}}),
        json!({"service": {"not": "a text"}, "environment": 4}),
        json!({"service": "", "environment": "x".repeat(300)}),
        deep,
        Value::Object(wide),
    ];
    let mut batch = foreign(&mut sender, shapes);
    // Neither a time nor data.
    batch.push(sender.read(json!({"type": "com.acme.bare"})));
    survive(&store, &mut sender, batch).await;
}

/// What chance makes up survives as well: platform events of all families and any JSON.
pub async fn random_events_survive(store: Harness) {
    let mut seen = std::collections::HashSet::new();
    let mut batch = Babel::new(42).events(300);
    batch.retain(|event| seen.insert(event.event.identity.clone()));
    let mut sender = Sender::named("random");
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let json = strategies::json();
    let values: Vec<_> = (0..200)
        .map(|_| json.new_tree(&mut runner).expect("a value").current())
        .filter(|value| pts_domain::event::check_limits(value).is_ok())
        .collect();
    batch.extend(foreign(&mut sender, values));
    survive(&store, &mut sender, batch).await;
    assert_eq!(store.maintenance.verify().await.unwrap().faults, [""; 0]);
}

//! A digest of what an event says, independent of how its JSON was written, so that a repeat can
//! be told from a contradiction and a stored event from a changed one.

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::Event;

/// SHA-256 over what an event's sender said: source, id, type, subject, time (if one was given),
/// data and attributes; cut to 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentDigest(pub [u8; 16]);

impl ContentDigest {
    pub(super) fn of(event: &Event) -> Self {
        let mut hash = Sha256::new();
        text(&mut hash, &event.identity.source);
        text(&mut hash, &event.identity.id);
        text(&mut hash, &event.event_type);
        match &event.subject {
            Some(subject) => text(&mut hash, subject),
            None => hash.update([0]),
        }
        if event.time_given {
            hash.update(event.time.timestamp_micros().to_be_bytes());
        }
        value(&mut hash, &event.data);
        object(&mut hash, &event.attributes);
        let full: [u8; 32] = hash.finalize().into();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        Self(short)
    }
}

/// SHA-256 over a JSON value, independent of how it was written.
pub(crate) fn of_value(json: &Value) -> [u8; 32] {
    let mut hash = Sha256::new();
    value(&mut hash, json);
    hash.finalize().into()
}

fn value(hash: &mut Sha256, json: &Value) {
    match json {
        Value::Null => hash.update(b"0"),
        Value::Bool(b) => hash.update(if *b { b"t" } else { b"f" }),
        Value::Number(n) => {
            hash.update(b"n");
            text(hash, &number(n));
        }
        Value::String(s) => {
            hash.update(b"s");
            text(hash, s);
        }
        Value::Array(items) => {
            hash.update(b"a");
            hash.update((items.len() as u64).to_be_bytes());
            for item in items {
                value(hash, item);
            }
        }
        Value::Object(map) => object(hash, map),
    }
}

fn object(hash: &mut Sha256, map: &serde_json::Map<String, Value>) {
    // Order of keys is not content, and a store may change it.
    let mut keys: Vec<_> = map.keys().collect();
    keys.sort_unstable();
    hash.update(b"o");
    hash.update((keys.len() as u64).to_be_bytes());
    for key in keys {
        text(hash, key);
        value(hash, &map[key]);
    }
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text.as_bytes());
}

/// One spelling for one number: `1`, `1.0` and `1e0` are the same, as they are to a JSON store.
/// Integers are spelt out; a float that is none of them is held as a float by every store.
pub(crate) fn number(n: &Number) -> String {
    // What fits an integer is held as one by a store that has both.
    let integers = -9_223_372_036_854_775_808.0..18_446_744_073_709_551_616.0;
    match n.as_f64() {
        Some(float) if n.is_f64() && float.fract() == 0.0 && integers.contains(&float) => {
            // Minus zero is zero.
            format!("{:.0}", float + 0.0)
        }
        Some(float) if n.is_f64() => format!("{float:e}"),
        _ => n.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digest(json: &Value) -> [u8; 32] {
        of_value(json)
    }

    #[test]
    fn spelling_of_numbers_and_order_of_keys_do_not_count() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":[1e2,-0.0]}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"b":[100,0],"a":1.0}"#).unwrap();
        assert_eq!(digest(&one), digest(&two));
    }

    #[test]
    fn different_values_have_different_digests() {
        let values = [
            json!(null),
            json!(false),
            json!(0),
            json!("0"),
            json!([]),
            json!({}),
            json!([0]),
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": [1]}),
            json!(["a", "b"]),
            json!(["ab"]),
            json!(0.5),
            json!(1_234_567_890_123_456_789_i64),
            json!(1_234_567_890_123_456_790_i64),
        ];
        for (i, a) in values.iter().enumerate() {
            for b in &values[i + 1..] {
                assert_ne!(digest(a), digest(b), "{a} and {b}");
            }
        }
    }
}

//! Reading: no JSON panics, what is accepted is accepted again from its stored form, and what an
//! event says is recognised however a store spells it.

use proptest::prelude::*;
use pts_domain::event::{Form, NewEvent, check_limits, read};
use pts_domain::{PlatformEvent, platform};
use pts_testkit::generate::{now, strategies};
use serde_json::{Value, json};
use uuid::Uuid;

use super::cases;

fn lenient(value: Value) -> Option<NewEvent> {
    read(value, Form::Lenient, Uuid::from_u128(7), now())
        .ok()
        .map(|received| received.event)
}

/// The event as it would be sent again by whoever read it from the store.
fn as_sent(new: &NewEvent) -> Value {
    let event = &new.event;
    let mut value = json!({
        "type": event.event_type, "source": event.identity.source, "id": event.identity.id,
        "data": event.data,
    });
    if let Some(subject) = &event.subject {
        value["subject"] = json!(subject);
    }
    if event.time_given {
        value["time"] = json!(event.time);
    }
    for (name, attribute) in &event.attributes {
        value[name] = attribute.clone();
    }
    value
}

/// What a store that keeps JSON as text, with spaces of its own, gives back.
fn through_text(value: &Value) -> Value {
    serde_json::from_str(&serde_json::to_string_pretty(value).unwrap()).unwrap()
}

/// What a store that keeps numbers as decimals gives back: no exponents.
fn through_decimals(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap();
            serde_json::from_str(&format!("{float}")).unwrap()
        }
        Value::Array(items) => items.iter().map(through_decimals).collect(),
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| (key.clone(), through_decimals(item)))
                .collect(),
        ),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn no_json_is_too_strange_to_be_read_or_refused(value in strategies::json()) {
        for form in [Form::Lenient, Form::CloudEvents] {
            if let Err(errors) = read(value.clone(), form, Uuid::nil(), now()) {
                prop_assert!(!errors.is_empty());
            }
        }
        for known in platform::all() {
            let _ = PlatformEvent::parse(known.name, &value);
        }
        let _ = check_limits(&value);
    }

    #[test]
    fn what_is_nearly_an_event_is_accepted_or_refused_with_reasons(
        value in strategies::nearly_an_event(),
    ) {
        match read(value, Form::Lenient, Uuid::nil(), now()) {
            Ok(received) => prop_assert!(received.event.event.platform().is_ok()),
            Err(errors) => {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(!error.field.is_empty() && !error.expected.is_empty());
                    prop_assert!(error.found.is_none_or(|found| found.chars().count() <= 121));
                }
            }
        }
    }

    #[test]
    fn an_accepted_event_is_accepted_again_from_its_stored_form(
        value in strategies::nearly_an_event(),
    ) {
        let Some(new) = lenient(value) else { return Ok(()) };
        for stored in [through_text(&as_sent(&new)), through_decimals(&as_sent(&new))] {
            let again = lenient(stored);
            prop_assert_eq!(again.as_ref(), Some(&new));
            prop_assert_eq!(again.unwrap().event.platform(), new.event.platform());
        }
    }

    #[test]
    fn a_digest_is_that_of_the_content_and_not_of_its_spelling(data in strategies::json()) {
        let event = |data: Value| lenient(json!({"type": "x", "source": "s", "id": "1", "data": data}));
        let Some(new) = event(data.clone()) else { return Ok(()) };
        // The very content that is stored: nothing is lost on the way.
        prop_assert_eq!(&through_text(&new.event.data), &new.event.data);
        prop_assert_eq!(&through_decimals(&new.event.data), &new.event.data);
        for spelling in [through_text(&data), through_decimals(&data)] {
            let again = event(spelling).expect("the same content is accepted");
            prop_assert_eq!(again.event.digest(), new.event.digest());
        }
        let more = event(json!([data])).map(|more| more.event.digest());
        prop_assert_ne!(more, Some(new.event.digest()));
    }
}

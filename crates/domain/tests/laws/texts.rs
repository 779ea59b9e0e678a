//! Texts: whatever a person or a program puts where a time, a span, a token, an image, a cursor or a
//! type is expected, it is understood or refused, and never more than that.

use proptest::collection::vec;
use proptest::prelude::*;
use pts_domain::access::{Scope, TokenText};
use pts_domain::filter::{Cursor, TypePattern, text_at};
use pts_domain::image_ref::ImageRef;
use pts_domain::platform::Parsed;
use pts_domain::time::{self, Moment, Span};
use pts_domain::{PlatformEvent, Timestamp};
use pts_testkit::generate::{now, strategies};

use super::cases;

/// Any text, and texts that come near to what is looked for.
fn near() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "\\PC{0,40}",
        "[0-9]{0,5}[-:TZ+. 0-9]{0,25}",
        "[0-9]{0,30}[smhdwy]?",
        "pts_[0-9a-f]{0,44}_?[0-9a-f]{0,10}",
        "[a-z/:@.0-9]{0,40}",
        "([0-9a-f]{2}){0,40}",
        "(deployment|service|image|platform)[.][a-z_.]{0,14}",
        "dev[.]cdevents[.][a-z]{0,10}[.]?[a-z]{0,10}[.]?[0-9.]{0,5}",
    ]
}

fn cursors() -> impl Strategy<Value = Cursor> {
    prop_oneof![
        (0..253_402_300_799_999_999_i64, any::<i64>())
            .prop_map(|(micros, position)| Cursor::Event(micros, position)),
        any::<i64>().prop_map(Cursor::Position),
        vec("[^\0]{0,12}", 0..4).prop_map(Cursor::Name),
    ]
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn no_text_is_too_strange(text in near()) {
        if let Ok(at) = time::parse(&text) {
            prop_assert_eq!(time::parse(&at.to_rfc3339()), Ok(at));
            prop_assert_eq!(time::to_micros(at), at);
        }
        if let Ok(span) = time::parse_span(&text) {
            // However long it is, there is a moment at the other end.
            let moment = Moment::Ago(span).resolve(now());
            prop_assert!(moment <= now());
            let shown = String::from(Span(span));
            prop_assert_eq!(Span::try_from(shown), Ok(Span(span)));
        }
        if let Ok(moment) = Moment::try_from(text.clone()) {
            prop_assert_eq!(Moment::try_from(moment.to_string()), Ok(moment));
        }
        if let Ok(token) = TokenText::parse(&text) {
            prop_assert_eq!(token.reveal(), &*text);
        }
        if let Ok(cursor) = text.parse::<Cursor>() {
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        if let Err(refused) = text.parse::<Scope>() {
            prop_assert!(!refused.is_empty());
        }
        let image = ImageRef::split(&text);
        let length = image.name.len()
            + image.tag.map_or(0, |tag| tag.len() + 1)
            + image.digest.map_or(0, |digest| digest.len() + usize::from(!image.name.is_empty()));
        prop_assert!(length.abs_diff(text.len()) <= 1, "{:?} lost a part of {}", image, text);
        let pattern = TypePattern::from(&*text);
        prop_assert!(text.ends_with('*') || pattern.fits(&text));
    }

    #[test]
    fn no_type_is_too_strange(event_type in near(), data in strategies::json()) {
        if let Ok(Parsed::Foreign { near: Some(near) }) = PlatformEvent::parse(&event_type, &data) {
            prop_assert!(pts_domain::platform::find(near).is_some());
        }
    }

    #[test]
    fn a_cursor_survives_the_trip(cursor in cursors()) {
        prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn a_token_survives_its_own_parser(random in any::<[u8; 20]>(), flip in 4_usize..53) {
        let token = TokenText::from_random(random);
        prop_assert_eq!(TokenText::parse(token.reveal()), Ok(token.clone()));
        // One wrong character is noticed, wherever it is.
        let mut wrong = token.reveal().to_owned();
        let other = if wrong.as_bytes()[flip] == b'0' { "1" } else { "0" };
        wrong.replace_range(flip..=flip, other);
        prop_assert!(TokenText::parse(&wrong).is_err());
    }

    #[test]
    fn no_path_into_any_data_panics(data in strategies::json(), path in "[a-z0-9.]{0,12}|\\PC{0,12}") {
        let _ = text_at(&data, &path);
    }

    #[test]
    fn any_microsecond_of_ten_thousand_years_survives_its_text(
        micros in 0..253_402_300_799_999_999_i64,
    ) {
        let at = Timestamp::from_timestamp_micros(micros).unwrap();
        prop_assert_eq!(time::parse(&at.to_rfc3339()), Ok(at));
        prop_assert_eq!(time::parse(serde_json::to_value(at).unwrap().as_str().unwrap()), Ok(at));
    }
}

//! What is masked, what is left alone, and the laws of both.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::{Form, read};

fn event(masker: &Masker, event: &Value) -> Option<(Value, Masked)> {
    let masked = masker.event(event.to_string().as_bytes())?;
    let read = serde_json::from_str(&masked.text).expect("what was JSON still is");
    Some((read, masked))
}

/// What becomes of `data`.
#[track_caller]
fn data(data: &Value, expected: &Value) {
    let masker = Masker::usual();
    let with = json!({"type": "com.acme.x", "source": "s", "id": "1", "data": data});
    let masked = event(&masker, &with).map_or(with, |(masked, _)| masked);
    assert_eq!(masked["data"], *expected);
}

#[test]
fn fields_are_masked_for_their_names_and_nothing_else_is() {
    data(
        &json!({"user": "ada", "password": "hunter2", "n": 1}),
        &json!({"user": "ada", "password": "[masked:password]", "n": 1}),
    );
    data(
        &json!({"credentials": {"user": "ada", "pins": [1, "2", true, null]}}),
        &json!({"credentials": {
            "user": "[masked:credentials]",
            "pins": ["[masked:credentials]", "[masked:credentials]", true, null]
        }}),
    );
    let innocent = json!({
        "password": "", "token": true, "secret": null, "token_count": 7, "max_tokens": 9,
        "next_page_token": "p2", "note": "the token is in the drawer", "image": "r/app@sha256:ab",
        "url": "https://ci.acme.example/a?b=c", "region": "asia-east1",
    });
    data(&innocent, &innocent);
    let masker = Masker::usual();
    assert_eq!(event(&masker, &innocent), None);
}

#[test]
fn a_name_tells_of_what_stands_beside_it_wherever_that_is() {
    data(
        &json!({"from": "old", "key": "DB_PASSWORD", "to": "new"}),
        &json!({"from": "[masked:password]", "key": "DB_PASSWORD", "to": "[masked:password]"}),
    );
    data(
        &json!({"env": [{"name": "API_KEY", "value": "k"}, {"name": "PORT", "value": "80"}]}),
        &json!({"env": [{"name": "API_KEY", "value": "[masked:api_key]"}, {"name": "PORT", "value": "80"}]}),
    );
    // Figures have names, too.
    let figure = json!({"name": "invalid_password", "value": 3});
    data(&figure, &figure);
}

#[test]
fn secrets_are_known_by_their_form_in_any_text() {
    let token = "pts_0123456789abcdef0123456789abcdef01234567_0a1b2c3d";
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP_mB92K27uhbUJU1p1r";
    for (text, masked) in [
        (format!("used {token}!"), "used [masked:pts_token]!"),
        (format!("got {jwt}"), "got [masked:jwt]"),
        ("key AKIAIOSFODNN7EXAMPLE".into(), "key [masked:aws_key]"),
        (format!("ghp_{}", "a1".repeat(18)), "[masked:github_token]"),
        (
            "postgres://app:s3cr@t@db:5432/x".into(),
            "postgres://app:[masked:url_password]@db:5432/x",
        ),
        (
            "GET /a?access_token=abc&x=1".into(),
            "GET /a?access_token=[masked:token]&x=1",
        ),
        (
            "PGPASSWORD='a b' psql".into(),
            "PGPASSWORD=[masked:password] psql",
        ),
        (
            "Authorization: Basic dXNlcjpwYXNz".into(),
            "Authorization: Basic [masked:authorization]",
        ),
        (
            "sent Bearer 0123456789abcdefXYZ".into(),
            "sent Bearer [masked:bearer]",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nbye".into(),
            "[masked:private_key]\nbye",
        ),
        (
            r#"{"a":"b","token":"t"}"#.into(),
            r#"{"a":"b","token":"[masked:token]"}"#,
        ),
    ] {
        data(&json!({"message": text}), &json!({"message": masked}));
    }
    let prose = json!("bearer authentication failed: unexpected token: foo, see https://a.b/@c");
    data(&prose, &prose);
}

#[test]
fn escapes_hide_nothing() {
    let masker = Masker::usual();
    for text in [
        r#"{"pass\u0077ord":"hunter2"}"#,
        r#"{"url":"http:\/\/u:hunter2@h\/"}"#,
        r#"{"m":"{\"password\":\"hunter2\"}"}"#,
        r#"{"m":"tok\u0065n=hunter2"}"#,
        r#"{ "PassWord" : "hunter2" }"#,
    ] {
        let masked = masker.event(text.as_bytes()).expect(text).text;
        assert!(!masked.contains("hunter2"), "{masked}");
        assert!(serde_json::from_str::<Value>(&masked).is_ok(), "{masked}");
    }
}

#[test]
fn what_is_no_json_is_masked_by_the_same_rules() {
    let masker = Masker::usual();
    for text in [
        r#"{"password": "hunter2""#,
        r#"{"password": "hunter2"#,
        r#"{"password": hunter2, "a": 1"#,
        "{'password': 'hunter2'}",
        "password=hunter2&user=ada",
        "api-key: hunter2",
        r#"[{"token": {"a": ["hunter2"#,
    ] {
        let masked = masker.text(text).expect(text).text;
        assert!(!masked.contains("hunter2"), "{masked}");
    }
    assert_eq!(masker.text("{\"type\": 7, oh"), None);
}

#[test]
fn what_names_an_event_is_told_and_envelope_and_attributes_are_masked_like_data() {
    let masker = Masker::usual();
    let sent = json!({
        "type": "com.acme.x", "source": "https://u:p4ss@ci", "id": "1",
        "subject": "Bearer 0123456789abcdefXYZ", "authorization": "Basic abc"
    });
    let (read, masked) = event(&masker, &sent).unwrap();
    assert_eq!(masked.naming.into_iter().collect::<Vec<_>>(), ["source"]);
    assert_eq!(read["source"], "https://u:[masked:url_password]@ci");
    assert_eq!(read["subject"], "Bearer [masked:bearer]");
    assert_eq!(read["authorization"], "[masked:authorization]");
    let found: Vec<_> = masked
        .found
        .iter()
        .map(|(rule, n)| (rule.as_ref(), *n))
        .collect();
    assert_eq!(
        found,
        [("authorization", 1), ("bearer", 1), ("url_password", 1)]
    );
}

#[test]
fn rules_are_added_and_taken_away() {
    let rules = Rules {
        off: ["jwt".to_owned()].into(),
        except: ["deploy_token".to_owned()].into(),
        fields: [("internal".to_owned(), vec!["magic word".to_owned()])].into(),
        patterns: [("badge".to_owned(), "BDG-([0-9]{4})".to_owned())].into(),
    };
    let masker = Masker::new(&rules).unwrap();
    let sent = json!({
        "magicWord": "please", "deployToken": "t", "note": "BDG-1234", "token": "t",
        "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP"
    });
    let (read, _) = event(&masker, &sent).unwrap();
    assert_eq!(read["magicWord"], "[masked:internal]");
    assert_eq!(read["note"], "BDG-[masked:badge]");
    assert_eq!(read["token"], "[masked:token]");
    assert_eq!(
        (&read["deployToken"], &read["jwt"]),
        (&sent["deployToken"], &sent["jwt"])
    );
    assert!(masker.rules().any(|rule| &**rule == "badge"));
    assert!(masker.rules().all(|rule| &**rule != "jwt"));
}

#[test]
fn rules_that_are_none_are_refused_by_name() {
    let refused = |rules: Rules, says: &str| {
        let why = Masker::new(&rules).unwrap_err();
        assert!(why.contains(says), "{why}");
    };
    let patterns = |name: &str, pattern: &str| Rules {
        patterns: [(name.to_owned(), pattern.to_owned())].into(),
        ..Rules::default()
    };
    refused(patterns("badge", "("), "patterns.badge: found `(`");
    refused(patterns("badge", "x*"), "does not fit an empty text");
    refused(patterns("Badge", "x"), "found the rule `Badge`");
    refused(patterns("badge", "(?:x{1000}){1000}"), "patterns.badge");
    let off = Rules {
        off: ["pasword".to_owned()].into(),
        ..Rules::default()
    };
    refused(off, "off: found `pasword`");
    let fields = |name: &str| Rules {
        fields: [("own".to_owned(), vec![name.to_owned()])].into(),
        ..Rules::default()
    };
    refused(fields("a\"b"), "found the field `a\"b`");
    refused(fields(""), "found the field ``");
}

fn stored(data: &Value) -> crate::Event {
    let json = json!({"type": "com.acme.x", "source": "s", "id": "1", "data": data});
    let now = crate::time::parse("2026-03-01T12:00:00Z").unwrap();
    let received = read(json, Form::Lenient, uuid::Uuid::nil(), now).unwrap();
    received.event.event
}

#[test]
fn an_event_is_the_same_whichever_of_its_values_were_masked() {
    let check = |one: Value, other: Value, same: bool| {
        let (one, other) = (stored(&one), stored(&other));
        assert_eq!(alike(&one, &other), same, "{:?} {:?}", one.data, other.data);
        assert_eq!(alike(&other, &one), same, "{:?} {:?}", other.data, one.data);
    };
    check(json!({"p": "[masked:x]"}), json!({"p": "hunter2"}), true);
    check(json!({"p": "[masked:x]"}), json!({"p": 7}), true);
    check(json!({"p": "[masked:x]"}), json!({"p": "[masked:y]"}), true);
    check(
        json!({"p": "[masked:x]", "n": 1}),
        json!({"p": "h", "n": 2}),
        false,
    );
    check(json!({"p": "[masked:x]"}), json!({"q": "hunter2"}), false);
    check(json!("u:[masked:x]@h/[masked:y]"), json!("u:a@h/b"), true);
    check(json!("u:[masked:x]@h"), json!("u:a@i"), false);
    check(json!("[masked:X]"), json!("hunter2"), false);
    check(json!(["[masked:x]"]), json!(["a", "b"]), false);
    check(json!({"n": 1.0}), json!({"n": 1}), true);
}

proptest! {
    #[test]
    fn masked_json_is_json_and_is_not_masked_again(
        value in pts_testkit::generate::strategies::json(),
        name in "(password|a|token_count|api-key|name|value)",
        secret in "(hunter2|Bearer [a-z]{20}|pts_[0-9a-f]{40}_[0-9a-f]{8}|.{0,12})",
    ) {
        let masker = Masker::usual();
        let text = json!({name: secret, "x": value}).to_string();
        if let Some(masked) = masker.event(text.as_bytes()) {
            prop_assert!(serde_json::from_str::<Value>(&masked.text).is_ok(), "{}", masked.text);
            prop_assert_eq!(masker.event(masked.text.as_bytes()), None);
        }
    }

    #[test]
    fn any_text_is_gone_through_to_its_end(text in "[\\PC\\n{}\\[\\]\",:\\\\=]{0,200}") {
        let masker = Masker::usual();
        if let Some(masked) = masker.text(&text) {
            prop_assert!(!masked.found.is_empty());
        }
        let _ = masker.event(text.as_bytes());
    }

    #[test]
    fn an_event_and_what_becomes_of_it_are_alike(
        secret in "[a-z0-9]{1,12}", note in "[a-z ]{0,12}",
    ) {
        let sent = json!({"password": secret, "note": format!("{note}?token={secret}&{note}")});
        let masked = Masker::usual().event(sent.to_string().as_bytes()).unwrap();
        let masked: Value = serde_json::from_str(&masked.text).unwrap();
        prop_assert!(alike(&stored(&sent), &stored(&masked)));
    }
}

/// Prints what a look at an ordinary event costs: `cargo test --release -p pts-domain --lib -- --ignored
/// --nocapture what_a_look_costs`.
#[test]
#[ignore = "a figure, not a check"]
fn what_a_look_costs() {
    let ordinary = json!({
        "type": "deployment.started", "source": "https://ci.acme.example/jobs", "id": "build-4711",
        "subject": "payments", "time": "2026-03-01T12:00:00Z",
        "data": {
            "service": "payments", "environment": "production", "deployment_id": "d-4711",
            "version": "1.4.2", "image": "registry.acme.example/payments@sha256:9f86d081884c7d659a2feaa0c55ad015",
            "commit": "9f86d081884c7d65", "actor": "ada", "reason": "a fix for the invoice run",
            "pipeline_url": "https://ci.acme.example/jobs/4711?tab=log"
        }
    });
    let mut secret = ordinary.clone();
    secret["data"]["db_password"] = "hunter2".into();
    let masker = Masker::usual();
    for (name, event) in [("nothing to mask", ordinary), ("a password", secret)] {
        let text = event.to_string();
        let rounds: u32 = 100_000;
        let begun = std::time::Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(masker.event(std::hint::black_box(text.as_bytes())));
        }
        let each = begun.elapsed() / rounds;
        let read = std::time::Instant::now();
        for _ in 0..rounds {
            std::hint::black_box(
                serde_json::from_str::<Value>(std::hint::black_box(&text)).unwrap(),
            );
        }
        let reading = read.elapsed() / rounds;
        println!(
            "{name}: {each:?} for {} bytes; reading them as JSON takes {reading:?}",
            text.len()
        );
    }
}

//! Policies as an operator writes them, asked as the gateway asks.

use std::path::{Path, PathBuf};

use chrono::Duration;
use pts_adapter_cedar::CedarPolicies;
use pts_domain::Timestamp;
use pts_domain::access::{ActionFacts, Principal, Roles, Ruling, Scope};
use pts_ports::PolicyEngine;
use tempfile::TempDir;
use uuid::Uuid;

const SEARCH: ActionFacts = facts("platform.events.search", Scope::EventsRead, "read");
const APPEND: ActionFacts = facts("platform.events.append", Scope::EventsWrite, "write");
const DISCARD: ActionFacts = ActionFacts {
    risky: true,
    ..facts("platform.quarantine.discard", Scope::Operate, "control")
};
const EXPLAIN: ActionFacts = ActionFacts {
    open: true,
    ..facts("platform.access.explain", Scope::AccessManage, "read")
};
const ALL: [ActionFacts; 4] = [SEARCH, APPEND, DISCARD, EXPLAIN];

const fn facts(name: &'static str, scope: Scope, effect: &'static str) -> ActionFacts {
    ActionFacts {
        name,
        scope,
        effect,
        risky: false,
        open: false,
    }
}

fn noon() -> Timestamp {
    pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap()
}

fn who(scopes: &[Scope]) -> Principal {
    Principal::holding(Uuid::from_u128(7), "ci", scopes.iter().copied())
}

struct Written {
    path: PathBuf,
    _dir: TempDir,
}

impl Written {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policies.cedar");
        std::fs::write(&path, text).unwrap();
        Self { path, _dir: dir }
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }
}

fn opened(file: Option<&Path>) -> CedarPolicies {
    CedarPolicies::open(&ALL, file, noon()).unwrap()
}

fn with(text: &str) -> CedarPolicies {
    opened(Some(&Written::new(text).path))
}

fn refused(text: &str) -> String {
    let written = Written::new(text);
    match CedarPolicies::open(&ALL, Some(&written.path), noon()) {
        Ok(_) => panic!("taken: {text}"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn rules(policies: &CedarPolicies, principal: &Principal, action: &ActionFacts, by: &[&str]) {
    let ruling = policies.decide(principal, action, noon()).unwrap();
    assert_eq!(ruling.by, by, "{}", action.name);
}

#[test]
fn without_a_file_scopes_decide_as_the_domain_says() {
    let policies = opened(None);
    for held in Scope::ALL {
        for action in &ALL {
            let principal = who(&[held]);
            let decided = policies.decide(&principal, action, noon()).unwrap();
            assert_eq!(decided, Ruling::by_scopes(&principal, action));
        }
    }
    for (role, scopes) in Roles::default().iter() {
        for action in &ALL {
            let principal = who(&scopes.iter().copied().collect::<Vec<_>>());
            let decided = policies.decide(&principal, action, noon()).unwrap();
            assert_eq!(decided, Ruling::by_scopes(&principal, action), "{role}");
        }
    }
}

#[test]
fn without_a_file_nothing_is_put_into_the_language_and_what_is_shown_is_the_same() {
    let alone = pts_adapter_cedar::policies(&ALL, None, noon()).unwrap();
    let written = opened(None);
    for held in Scope::ALL {
        for action in &ALL {
            let asked = |policies: &dyn PolicyEngine| {
                let ruling = policies.decide(&who(&[held]), action, noon());
                ruling.unwrap()
            };
            assert_eq!(asked(&*alone), asked(&written), "{held} {}", action.name);
        }
    }
    assert_eq!(alone.book(), written.book());
}

#[test]
fn what_forbids_wins_over_all_that_permit() {
    let policies = with(
        r#"
        @id("no-writes") forbid (principal, action in Action::"write", resource);
        @id("let-them") permit (principal, action, resource);
        "#,
    );
    rules(&policies, &who(&[Scope::Admin]), &APPEND, &["no-writes"]);
    let all = ["builtin.admin", "let-them"];
    rules(&policies, &who(&[Scope::Admin]), &SEARCH, &all);
    rules(&policies, &who(&[]), &SEARCH, &["let-them"]);
}

#[test]
fn actions_are_named_alone_and_in_groups() {
    let check = |group: &str, refused: &[&ActionFacts]| {
        let policies = with(&format!(
            "@id(\"x\") forbid (principal, action in Action::\"{group}\", resource);"
        ));
        for action in &ALL {
            let ruling = policies.decide(&who(&[Scope::Admin]), action, noon());
            let allowed = ruling.unwrap().allowed;
            assert_eq!(
                allowed,
                !refused.contains(&action),
                "{group} {}",
                action.name
            );
        }
    };
    check("platform.events.search", &[&SEARCH]);
    check("platform.events.*", &[&SEARCH, &APPEND]);
    check("control", &[&DISCARD]);
    check("risky", &[&DISCARD]);
    check("operate", &[&DISCARD]);
    check("read", &[&SEARCH, &EXPLAIN]);
}

#[test]
fn everything_that_is_known_of_a_request_can_be_asked_for() {
    let check = |condition: &str| {
        let policies = with(&format!(
            "@id(\"yes\") permit (principal, action, resource) when {{ {condition} }};"
        ));
        let mut principal = who(&[]);
        principal.name = "alice \"quoted\"".into();
        principal.roles = ["deployer".to_owned()].into();
        principal.subject = Some("alice@example.com".into());
        principal.workspace = "team-7".parse().unwrap();
        principal.bound = true;
        principal.origin.address = Some("::ffff:10.1.2.3".parse().unwrap());
        let ruling = policies.decide(&principal, &DISCARD, noon()).unwrap();
        assert_eq!(ruling.by, ["yes"], "{condition}");
    };
    check(r#"principal in Role::"deployer""#);
    check(r#"principal.roles.contains("deployer")"#);
    check(r#"principal.name == "alice \"quoted\"""#);
    check(r#"principal has subject && principal.subject like "*@example.com""#);
    check(r#"principal.bound && resource == Workspace::"team-7""#);
    check(r#"principal == Principal::"00000000-0000-0000-0000-000000000007""#);
    check(r#"principal.kind == "bearer""#);
    check(r#"context has address && context.address.isInRange(ip("10.0.0.0/8"))"#);
    check(r#"context.risky && context.effect == "control" && context.scope == "operate""#);
    check(r#"context.time.toTime() == duration("12h")"#);
    check(r#"context.time < datetime("2026-03-01T12:00:01Z")"#);
}

#[test]
fn what_is_not_known_of_a_request_permits_nothing() {
    let policies = with(
        r#"@id("inside") permit (principal, action, resource)
           when { context has address && context.address.isInRange(ip("10.0.0.0/8")) };"#,
    );
    rules(&policies, &who(&[]), &SEARCH, &[]);
}

#[test]
fn a_rule_that_fails_refuses() {
    let policies = with(
        r#"@id("sum") forbid (principal, action, resource)
           when { context.time.toTime().toMilliseconds() * 9223372036854775807 > 0 };"#,
    );
    let ruling = policies.decide(&who(&[Scope::Admin]), &SEARCH, noon());
    let expected = Ruling {
        allowed: false,
        by: vec!["sum".to_owned()],
    };
    assert_eq!(ruling.unwrap(), expected);
}

#[test]
fn an_action_that_no_policy_can_speak_of_is_not_decided() {
    let stranger = facts("platform.events.burn", Scope::EventsRead, "read");
    assert!(
        opened(None)
            .decide(&who(&[Scope::Admin]), &stranger, noon())
            .is_err()
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let check = |text: &str, parts: &[&str]| {
        let said = refused(text);
        for part in parts {
            assert!(said.contains(part), "{part} is not in: {said}");
        }
    };
    check(
        "@id(\"a\")\npermit (principal, action, resource)\nwhen { nonsense };",
        &["line 3, column 8"],
    );
    check("@id(\"a\") permit (principal", &["line 1", "unexpected"]);
    check(
        "// a\n@id(\"a\") permit (principal, action == Action::\"platform.event.search\", resource);",
        &["line 2", "platform.event.search"],
    );
    check(
        "@id(\"a\") permit (principal, action, resource) when { principal.role == \"x\" };",
        &["line 1", "role"],
    );
    check(
        "@id(\"a\") permit (principal, action, resource) when { principal.subject == \"x\" };",
        &["line 1", "subject"],
    );
    check(
        "permit (principal, action, resource);",
        &["has none", "@id"],
    );
    check(
        "@id(\"a b\") permit (principal, action, resource);",
        &["is no name"],
    );
    check(
        "@id(\"builtin.x\") permit (principal, action, resource);",
        &["always are"],
    );
    let twice = "@id(\"a\") permit (principal, action, resource);";
    check(&format!("{twice}{twice}"), &["unique"]);
    check(
        "@id(\"a\") permit (principal == ?principal, action, resource);",
        &["templates"],
    );
    check("// nothing here", &["no policy"]);
    check(&" ".repeat(1024 * 1024 + 1), &["larger"]);
    let missing = CedarPolicies::open(&ALL, Some(Path::new("/nowhere/p.cedar")), noon());
    assert!(missing.is_err());
}

#[test]
fn a_file_that_changes_is_read_again_when_it_has_come_to_rest() {
    let file = Written::new("@id(\"a\") forbid (principal, action, resource);");
    let policies = opened(Some(&file.path));
    let admin = who(&[Scope::Admin]);
    rules(&policies, &admin, &SEARCH, &["a"]);
    policies.refresh(noon());
    assert_eq!(policies.edition(), 0);

    file.write("@id(\"b\") forbid (principal, action in Action::\"write\", resource);");
    policies.refresh(noon());
    // It could be half of what is being written.
    rules(&policies, &admin, &SEARCH, &["a"]);
    let later = noon() + Duration::minutes(1);
    policies.refresh(later);
    assert_eq!(policies.edition(), 1);
    rules(&policies, &admin, &SEARCH, &["builtin.admin"]);
    rules(&policies, &admin, &APPEND, &["b"]);
    let book = policies.book();
    assert_eq!((book.loaded_at, book.fault), (Some(later), None));
}

#[test]
fn a_file_that_is_wrong_or_gone_permits_nothing_until_it_is_right() {
    let good = "@id(\"a\") forbid (principal, action in Action::\"write\", resource);";
    let file = Written::new(good);
    let policies = opened(Some(&file.path));
    let admin = who(&[Scope::Admin]);
    let before = policies.book();
    assert_eq!(before.policies.len(), 4);
    let mut edition = 0;
    for spoil in [
        None,
        Some(""),
        Some("permit ("),
        Some("@id(\"a\") forbid (principal, action, resource) when { 1 };"),
    ] {
        match spoil {
            Some(text) => file.write(text),
            None => std::fs::remove_file(&file.path).unwrap(),
        }
        policies.refresh(noon());
        policies.refresh(noon());
        let decided = policies.decide(&admin, &SEARCH, noon());
        assert!(decided.is_err(), "{spoil:?}");
        let book = policies.book();
        assert!(book.fault.is_some() && book.policies.is_empty());
        edition += 1;
        assert_eq!(policies.edition(), edition);
        file.write(good);
        policies.refresh(noon());
        policies.refresh(noon());
        edition += 1;
        rules(&policies, &admin, &SEARCH, &["builtin.admin"]);
        assert_eq!(policies.edition(), edition);
        let book = policies.book();
        assert_eq!((book.fault, book.digest), (None, before.digest));
    }
}

#[test]
fn the_book_shows_every_rule_as_it_is_written_and_what_can_be_spoken_of() {
    let text = "@id(\"a\")\nforbid (principal, action, resource)\nwhen { context.risky };";
    let book = with(text).book();
    let ids: Vec<_> = book
        .policies
        .iter()
        .map(|policy| policy.id.as_str())
        .collect();
    assert_eq!(ids, ["builtin.admin", "builtin.open", "builtin.scope", "a"]);
    let [.., last] = book.policies.as_slice() else {
        panic!("four of them")
    };
    assert_eq!(
        (last.text.as_str(), last.permits, last.built_in),
        (text, false, false)
    );
    assert!(
        book.policies[0]
            .text
            .contains("principal.scopes.contains(\"admin\")")
    );
    assert!(
        book.schema
            .contains("action \"platform.events.search\" in [\"read\"")
    );
}

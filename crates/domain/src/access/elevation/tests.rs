//! The life of a request, step by step.

use super::*;
use crate::access::TokenKind;

fn at(minute: i64) -> Timestamp {
    let noon = crate::time::parse("2026-03-01T12:00:00Z").unwrap();
    noon + Duration::minutes(minute)
}

fn somebody(number: u128) -> Principal {
    Principal::holding(Uuid::from_u128(number), format!("token {number}"), [])
}

fn rules() -> ElevationRules {
    ElevationRules {
        approvals_of: [(Scope::Admin, 2), (Scope::MetricsRead, 0)].into(),
        ..ElevationRules::default()
    }
}

/// Asked for by 1 at noon, for ten minutes.
fn asked(scopes: &[Scope]) -> Elevation {
    let who = (Uuid::nil(), &somebody(1), at(0));
    let scopes = scopes.iter().copied().collect();
    rules().request(who, scopes, "INC-7", 10).unwrap()
}

impl Elevation {
    fn with(mut self, what: StepKind, by: u128, minute: i64) -> Self {
        let by = somebody(by);
        self.steps.push(Step {
            what,
            by: by.holder(),
            name: by.name,
            reason: None,
            at: at(minute),
        });
        self
    }
}

use ElevationState::{Active, Denied, Ended, Expired, Requested, Withdrawn};
use StepKind::{Approved as Yes, Denied as No, Ended as End};

#[track_caller]
fn lives(elevation: &Elevation, states: &[(i64, ElevationState)]) {
    for (minute, state) in states {
        assert_eq!(elevation.state(at(*minute)), *state, "at {minute} min");
    }
}

#[test]
fn one_approval_makes_it_active_for_its_time_and_then_it_ends_by_itself() {
    let operate = asked(&[Scope::Operate]);
    lives(&operate, &[(0, Requested), (59, Requested), (60, Expired)]);
    assert_eq!(operate.span(), None);
    let approved = operate.with(Yes, 2, 20);
    assert_eq!(approved.span(), Some((at(20), at(30))));
    lives(
        &approved,
        &[(20, Active), (29, Active), (30, Ended), (99, Ended)],
    );
    assert!(approved.span().unwrap().1 <= approved.over_by());
}

#[test]
fn the_scope_that_needs_the_most_approvals_decides_how_many() {
    assert_eq!(asked(&[Scope::Operate]).needed, 1);
    let admin = asked(&[Scope::Operate, Scope::Admin]);
    assert_eq!(admin.needed, 2);
    let one = admin.with(Yes, 2, 1);
    lives(&one, &[(1, Requested), (60, Expired)]);
    let two = one.with(Yes, 3, 5);
    lives(&two, &[(5, Active), (14, Active), (15, Ended)]);
}

#[test]
fn what_needs_nobody_is_active_at_once() {
    let metrics = asked(&[Scope::MetricsRead]);
    lives(&metrics, &[(0, Active), (10, Ended)]);
    assert_eq!(
        metrics.may_approve(&somebody(2).holder(), at(1)),
        Err(StepRefused::Approved)
    );
}

#[test]
fn a_denial_wins_whenever_it_comes() {
    let denied = asked(&[Scope::Operate]).with(No, 2, 1);
    lives(&denied, &[(1, Denied), (60, Denied)]);
    let other = somebody(3).holder();
    assert_eq!(
        denied.may_approve(&other, at(2)),
        Err(StepRefused::Over(Denied))
    );
    let between = asked(&[Scope::Admin]).with(Yes, 2, 1).with(No, 3, 2);
    lives(&between, &[(2, Denied)]);
    // Whoever approved may think better of it, and what is active ends.
    let active = asked(&[Scope::Operate]).with(Yes, 2, 1);
    assert_eq!(active.may_deny(&somebody(2).holder(), at(3)), Ok(()));
    let ended = active.with(No, 2, 3);
    lives(&ended, &[(3, Ended)]);
    assert_eq!(ended.span(), Some((at(1), at(3))));
}

#[test]
fn nobody_decides_on_their_own_request_or_twice() {
    let (own, other) = (somebody(1).holder(), somebody(2).holder());
    let admin = asked(&[Scope::Admin]);
    assert_eq!(admin.may_approve(&own, at(1)), Err(StepRefused::Own));
    assert_eq!(admin.may_deny(&own, at(1)), Err(StepRefused::Own));
    assert_eq!(admin.may_approve(&other, at(1)), Ok(()));
    let once = admin.with(Yes, 2, 1);
    assert_eq!(once.may_approve(&other, at(2)), Err(StepRefused::Twice));
    assert_eq!(once.may_approve(&somebody(3).holder(), at(2)), Ok(()));
    assert_eq!(
        once.may_approve(&other, at(60)),
        Err(StepRefused::Over(Expired))
    );
}

#[test]
fn a_session_is_the_token_it_was_opened_with_and_a_person_all_their_sessions() {
    let session = |subject: Option<&str>, issued_by| Principal {
        kind: TokenKind::Session,
        subject: subject.map(ToOwned::to_owned),
        issued_by,
        ..somebody(9)
    };
    let own = asked(&[Scope::Operate]);
    let opened = session(None, Some(Uuid::from_u128(1)));
    assert_eq!(
        own.may_approve(&opened.holder(), at(1)),
        Err(StepRefused::Own)
    );
    assert!(own.is_for(&opened) && !own.is_for(&session(None, None)));
    let alice = session(Some("alice"), None);
    let same = Principal {
        token_id: Uuid::from_u128(10),
        ..alice.clone()
    };
    assert_eq!(alice.holder(), same.holder());
    assert_eq!(alice.holder(), Holder::Person("alice".into()));
}

#[test]
fn it_is_withdrawn_before_and_ended_after_its_approval() {
    let withdrawn = asked(&[Scope::Operate]).with(End, 1, 5);
    lives(&withdrawn, &[(5, Withdrawn), (99, Withdrawn)]);
    assert_eq!(withdrawn.may_end(at(6)), Err(StepRefused::Over(Withdrawn)));
    let ended = asked(&[Scope::Operate]).with(Yes, 2, 1).with(End, 1, 5);
    lives(&ended, &[(5, Ended)]);
    assert_eq!(ended.span(), Some((at(1), at(5))));
    assert_eq!(
        ended.may_deny(&somebody(2).holder(), at(6)),
        Err(StepRefused::Over(Ended))
    );
}

#[test]
fn what_a_bound_token_asks_for_holds_and_is_seen_in_its_workspace_only() {
    let bound = |number, workspace: &str| Principal {
        bound: true,
        workspace: workspace.parse().unwrap(),
        ..somebody(number)
    };
    let who = (Uuid::nil(), &bound(1, "team-a"), at(0));
    let scopes = [Scope::Operate].into();
    let elevation = rules().request(who, scopes, "why", 5).unwrap();
    assert!(elevation.is_for(&bound(1, "team-a")));
    assert!(!elevation.is_for(&bound(1, "team-b")) && !elevation.is_for(&somebody(1)));
    assert!(elevation.is_visible_to(&bound(2, "team-a")) && elevation.is_visible_to(&somebody(2)));
    assert!(!elevation.is_visible_to(&bound(2, "team-b")));
    assert!(!asked(&[Scope::Operate]).is_visible_to(&bound(2, "team-a")));
}

#[test]
fn a_request_says_for_what_why_and_how_long() {
    let wrong = |scopes: &[Scope], why: &str, minutes| {
        let who = (Uuid::nil(), &somebody(1), at(0));
        let scopes = scopes.iter().copied().collect();
        let errors = rules().request(who, scopes, why, minutes).unwrap_err();
        errors
            .into_iter()
            .map(|error| error.field)
            .collect::<Vec<_>>()
    };
    assert_eq!(wrong(&[], "why", 5), ["scopes"]);
    assert_eq!(wrong(&[Scope::Admin], " ", 0), ["minutes", "reason"]);
    assert_eq!(wrong(&[Scope::Admin], "why", 61), ["minutes"]);
    assert_eq!(wrong(&[], "", 61), ["scopes", "minutes", "reason"]);
}

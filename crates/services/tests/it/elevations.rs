//! Rights for a while: with one other, with two others, over two processes, and how they end.

use std::sync::Arc;

use chrono::Duration;
use pts_api::Answer;
use pts_api::actions::elevations::{
    DecideElevation, DecideElevationInput, ElevationRecord, EndElevation, EndElevationInput,
    MyElevations, MyElevationsInput, RequestElevation, RequestElevationInput, SearchElevations,
    SearchElevationsInput, Verdict,
};
use pts_domain::access::{ElevationRules, ElevationState, Origin, Principal, Scope};
use pts_services::{ActionError, CallOptions, Gateway, NewToken, UseCase};
use pts_testkit::fakes::{FixedClock, MemoryStore};
use uuid::Uuid;

use crate::support::{in_memory_at, noon, over_store};

struct World {
    /// Two processes over one store, by one clock.
    here: Gateway,
    there: Gateway,
    store: Arc<MemoryStore>,
    clock: Arc<FixedClock>,
}

fn world() -> World {
    let clock = Arc::new(FixedClock::at(noon()));
    let rules = ElevationRules {
        approvals_of: [(Scope::Admin, 2)].into(),
        ..ElevationRules::default()
    };
    let (here, store) = in_memory_at(clock.clone());
    let there = over_store(&store, clock.clone());
    World {
        here: here.elevating(rules.clone()),
        there: there.elevating(rules),
        store,
        clock,
    }
}

/// Somebody with a token, who comes in anew for everything.
struct Somebody(String);

impl World {
    async fn token(&self, name: &str, scopes: &[Scope]) -> Somebody {
        let new = NewToken {
            name: name.into(),
            scopes: scopes.iter().copied().collect(),
            ..NewToken::default()
        };
        let (text, _) = self.here.access().create(new).await.unwrap();
        Somebody(text.reveal().to_owned())
    }

    async fn asker(&self) -> Somebody {
        let scopes = [Scope::EventsRead, Scope::ElevationsRequest];
        self.token("asker", &scopes).await
    }

    async fn decider(&self, name: &str) -> Somebody {
        self.token(name, &[Scope::AccessManage]).await
    }

    fn later(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }
}

impl Somebody {
    async fn at(&self, door: &Gateway) -> Principal {
        door.authenticate(&self.0, Origin::default()).await.unwrap()
    }

    async fn call<A: pts_api::Action>(
        &self,
        door: &Gateway,
        input: A::Input,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Gateway: UseCase<A>,
    {
        let by = self.at(door).await;
        door.call::<A>(&by, input, CallOptions::default()).await
    }

    async fn ask(&self, door: &Gateway, scope: Scope, minutes: u32) -> ElevationRecord {
        let input = RequestElevationInput {
            scopes: vec![scope],
            reason: "INC-7".into(),
            minutes,
        };
        self.call::<RequestElevation>(door, input)
            .await
            .unwrap()
            .data
    }

    async fn decide(
        &self,
        door: &Gateway,
        id: Uuid,
        verdict: Verdict,
    ) -> Result<ElevationRecord, ActionError> {
        let input = DecideElevationInput {
            id,
            verdict,
            reason: "looked at it".into(),
        };
        Ok(self.call::<DecideElevation>(door, input).await?.data)
    }

    async fn may(&self, door: &Gateway, scope: Scope) -> bool {
        self.at(door).await.may(scope)
    }
}

fn code(refused: Result<ElevationRecord, ActionError>) -> &'static str {
    match refused.unwrap_err() {
        ActionError::Conflict { code, .. } | ActionError::Forbidden { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_another_approves_is_held_for_its_time_on_every_process_and_no_longer() {
    let world = world();
    let (asker, decider) = (world.asker().await, world.decider("boss").await);
    let asked = asker.ask(&world.here, Scope::Operate, 10).await;
    assert_eq!((asked.state, asked.needed), (ElevationState::Requested, 1));
    for door in [&world.here, &world.there] {
        assert!(!asker.may(door, Scope::Operate).await);
    }
    let decided = decider
        .decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    assert_eq!(decided.state, ElevationState::Active);
    assert_eq!(decided.active_until, Some(noon() + Duration::minutes(10)));
    // Where it was approved, at once; elsewhere within a second.
    assert!(asker.may(&world.here, Scope::Operate).await);
    world.later(1);
    let elevated = asker.at(&world.there).await;
    assert!(elevated.may(Scope::Operate) && !elevated.may(Scope::Admin));
    assert_eq!(elevated.elevations, [asked.id]);
    assert_eq!(elevated.elevated_until, decided.active_until);
    assert!(!decider.may(&world.there, Scope::Operate).await);

    // The end needs no store: it is known.
    world
        .clock
        .set(noon() + Duration::minutes(10) - Duration::microseconds(1));
    for door in [&world.here, &world.there] {
        assert!(asker.may(door, Scope::Operate).await);
    }
    world.clock.set(noon() + Duration::minutes(10));
    for door in [&world.here, &world.there] {
        let after = asker.at(door).await;
        assert!(!after.may(Scope::Operate) && after.may(Scope::EventsRead));
        assert_eq!((after.elevations.len(), after.elevated_until), (0, None));
    }
    // Nothing renews it: a new request needs a new approval.
    let late = decider
        .decide(&world.here, asked.id, Verdict::Approve)
        .await;
    assert_eq!(code(late), "elevation_over");
    let again = asker.ask(&world.here, Scope::Operate, 10).await;
    assert_eq!(again.state, ElevationState::Requested);
    assert!(!asker.may(&world.here, Scope::Operate).await);
}

#[tokio::test]
async fn where_two_have_to_approve_one_is_not_enough_and_nobody_counts_twice() {
    let world = world();
    let asker = world.asker().await;
    let (one, two) = (world.decider("one").await, world.decider("two").await);
    let asked = asker.ask(&world.here, Scope::Admin, 5).await;
    assert_eq!(asked.needed, 2);
    let first = one
        .decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    assert_eq!(
        (first.state, first.approvals),
        (ElevationState::Requested, 1)
    );
    let twice = one.decide(&world.there, asked.id, Verdict::Approve).await;
    assert_eq!(code(twice), "approved_before");
    assert!(!asker.may(&world.here, Scope::Admin).await);
    let second = two
        .decide(&world.there, asked.id, Verdict::Approve)
        .await
        .unwrap();
    assert_eq!(second.state, ElevationState::Active);
    world.later(1);
    assert!(asker.may(&world.here, Scope::Admin).await);
    let steps: Vec<_> = second.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["one", "two"]);
}

#[tokio::test]
async fn one_denial_wins_before_the_approval_and_after_it() {
    let world = world();
    let asker = world.asker().await;
    let (one, two) = (world.decider("one").await, world.decider("two").await);
    let asked = asker.ask(&world.here, Scope::Admin, 5).await;
    one.decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    let denied = two
        .decide(&world.here, asked.id, Verdict::Deny)
        .await
        .unwrap();
    assert_eq!(denied.state, ElevationState::Denied);
    let late = world.decider("three").await;
    let late = late.decide(&world.here, asked.id, Verdict::Approve).await;
    assert_eq!(code(late), "elevation_over");

    let asked = asker.ask(&world.here, Scope::Operate, 5).await;
    one.decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    world.later(1);
    assert!(asker.may(&world.there, Scope::Operate).await);
    let denied = two
        .decide(&world.here, asked.id, Verdict::Deny)
        .await
        .unwrap();
    assert_eq!(denied.state, ElevationState::Ended);
    assert!(!asker.may(&world.here, Scope::Operate).await);
    world.later(1);
    assert!(!asker.may(&world.there, Scope::Operate).await);
}

#[tokio::test]
async fn nobody_decides_on_a_request_of_their_own_nor_without_the_right_to() {
    let world = world();
    let both = [Scope::AccessManage, Scope::ElevationsRequest];
    let asker = world.token("both", &both).await;
    let asked = asker.ask(&world.here, Scope::Operate, 5).await;
    for verdict in [Verdict::Approve, Verdict::Deny] {
        let own = asker.decide(&world.here, asked.id, verdict).await;
        assert_eq!(code(own), "own_request");
    }
    // Nor by a session that was opened with the same token.
    let session = world
        .here
        .sign_in_with_token(&asker.0, Origin::default())
        .await
        .unwrap();
    let session = Somebody(session.text.reveal().to_owned());
    let own = session
        .decide(&world.here, asked.id, Verdict::Approve)
        .await;
    assert_eq!(code(own), "own_request");
    let other = world.asker().await;
    let denied = other.decide(&world.here, asked.id, Verdict::Approve).await;
    assert!(matches!(
        denied,
        Err(ActionError::Denied {
            scope: Scope::AccessManage
        })
    ));
    // What is asked for with the token is held by the session too.
    let boss = world.decider("boss").await;
    boss.decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    assert!(session.may(&world.here, Scope::Operate).await);
}

#[tokio::test]
async fn what_nobody_decides_expires_and_what_is_not_wanted_is_given_back() {
    let world = world();
    let (asker, decider) = (world.asker().await, world.decider("boss").await);
    let end = async |by: &Somebody, id| {
        let input = EndElevationInput { id, reason: None };
        by.call::<EndElevation>(&world.here, input).await
    };
    let forgotten = asker.ask(&world.here, Scope::Operate, 5).await;
    world.later(3_600);
    let late = decider
        .decide(&world.here, forgotten.id, Verdict::Approve)
        .await;
    assert_eq!(code(late), "elevation_over");

    let withdrawn = asker.ask(&world.here, Scope::Operate, 5).await;
    let ended = end(&asker, withdrawn.id).await.unwrap().data;
    assert_eq!(ended.state, ElevationState::Withdrawn);

    let active = asker.ask(&world.here, Scope::Operate, 5).await;
    decider
        .decide(&world.here, active.id, Verdict::Approve)
        .await
        .unwrap();
    // Somebody else's is nobody's business, unless they may decide.
    let stranger = world.asker().await;
    assert!(matches!(
        end(&stranger, active.id).await,
        Err(ActionError::NotFound { .. })
    ));
    assert!(asker.may(&world.here, Scope::Operate).await);
    let ended = end(&asker, active.id).await.unwrap().data;
    assert_eq!(
        (ended.state, ended.active_until),
        (ElevationState::Ended, Some(world.here.now()))
    );
    assert!(!asker.may(&world.here, Scope::Operate).await);

    // All of it is there afterwards.
    let states = async |state| {
        let input = SearchElevationsInput {
            state,
            ..SearchElevationsInput::default()
        };
        let found = decider
            .call::<SearchElevations>(&world.there, input)
            .await
            .unwrap();
        found.data.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    assert_eq!(states(None).await.len(), 3);
    assert_eq!(states(Some(ElevationState::Expired)).await, [forgotten.id]);
    assert_eq!(
        states(Some(ElevationState::Withdrawn)).await,
        [withdrawn.id]
    );
    assert_eq!(
        states(Some(ElevationState::Active)).await,
        Vec::<Uuid>::new()
    );
    let mine = MyElevationsInput {
        limit: Some(2),
        ..MyElevationsInput::default()
    };
    let mine = asker.call::<MyElevations>(&world.here, mine).await.unwrap();
    assert_eq!(mine.data.len(), 2);
    let rest = MyElevationsInput {
        cursor: mine.next_cursor,
        ..MyElevationsInput::default()
    };
    let rest = asker.call::<MyElevations>(&world.here, rest).await.unwrap();
    assert_eq!(rest.data[0].id, forgotten.id);
    let none = stranger
        .call::<MyElevations>(&world.here, MyElevationsInput::default())
        .await;
    assert_eq!(none.unwrap().data, []);
}

#[tokio::test]
async fn who_holds_what_now_is_a_question() {
    let world = world();
    let (asker, decider) = (world.asker().await, world.decider("boss").await);
    let asked = asker.ask(&world.here, Scope::Operate, 5).await;
    asker.ask(&world.here, Scope::AuditRead, 5).await;
    decider
        .decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    let who = async |input| {
        let found = decider
            .call::<SearchElevations>(&world.there, input)
            .await
            .unwrap();
        found.data.into_iter().map(|one| one.id).collect::<Vec<_>>()
    };
    let any = SearchElevationsInput::default;
    let state = Some(ElevationState::Active);
    assert_eq!(
        who(SearchElevationsInput { state, ..any() }).await,
        [asked.id]
    );
    let scope = Some(Scope::Operate);
    assert_eq!(
        who(SearchElevationsInput { scope, ..any() }).await,
        [asked.id]
    );
    let holder = Some(asked.holder.clone());
    assert_eq!(
        who(SearchElevationsInput { holder, ..any() }).await.len(),
        2
    );
    world.later(300);
    assert_eq!(
        who(SearchElevationsInput { state, ..any() }).await,
        Vec::<Uuid>::new()
    );
}

#[tokio::test]
async fn who_is_bound_to_a_workspace_decides_there_only() {
    let world = world();
    let bound = async |scopes: &[Scope], workspace: &str| {
        let new = NewToken {
            name: workspace.into(),
            scopes: scopes.iter().copied().collect(),
            workspace: Some(workspace.parse().unwrap()),
            ..NewToken::default()
        };
        let (text, _) = world.here.access().create(new).await.unwrap();
        Somebody(text.reveal().to_owned())
    };
    let asker = bound(&[Scope::ElevationsRequest], "team-a").await;
    let own = bound(&[Scope::AccessManage], "team-a").await;
    let other = bound(&[Scope::AccessManage], "team-b").await;
    let asked = asker.ask(&world.here, Scope::Operate, 5).await;
    assert!(matches!(
        other.decide(&world.here, asked.id, Verdict::Approve).await,
        Err(ActionError::NotFound { .. })
    ));
    let seen = async |by: &Somebody| {
        let all = SearchElevationsInput::default();
        let seen = by.call::<SearchElevations>(&world.here, all).await;
        seen.unwrap().data.len()
    };
    assert_eq!((seen(&own).await, seen(&other).await), (1, 0));
    own.decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    assert!(asker.may(&world.here, Scope::Operate).await);
}

#[tokio::test]
async fn whoever_asks_for_everything_at_once_is_told_to_wait() {
    let world = world();
    let asker = world.asker().await;
    for _ in 0..10 {
        asker.ask(&world.here, Scope::Operate, 5).await;
    }
    let input = RequestElevationInput {
        scopes: vec![Scope::Operate],
        reason: "once more".into(),
        minutes: 5,
    };
    let refused = asker.call::<RequestElevation>(&world.here, input).await;
    assert_eq!(code(refused.map(|answer| answer.data)), "too_many_open");
}

#[tokio::test]
async fn what_cannot_be_read_is_held_by_nobody_and_locks_nobody_out() {
    let world = world();
    let (asker, decider) = (world.asker().await, world.decider("boss").await);
    let asked = asker.ask(&world.here, Scope::Operate, 5).await;
    decider
        .decide(&world.here, asked.id, Verdict::Approve)
        .await
        .unwrap();
    assert!(asker.may(&world.here, Scope::Operate).await);
    world.later(1);
    // What is active was read before the token was found, and has to be read again before it.
    decider.at(&world.there).await;
    world.clock.advance(Duration::milliseconds(500));
    assert!(asker.may(&world.there, Scope::Operate).await);
    world.store.set_available(false);
    world.clock.advance(Duration::milliseconds(600));
    let alone = asker.at(&world.there).await;
    assert!(alone.may(Scope::EventsRead) && !alone.may(Scope::Operate));
    world.store.set_available(true);
    world.later(1);
    assert!(asker.may(&world.there, Scope::Operate).await);
}

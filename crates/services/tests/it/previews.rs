//! Risky actions: shown first, confirmed once, and done only while things are as they were shown.

use chrono::Duration;
use pts_api::Action;
use pts_api::actions::events::{SearchEvents, SearchInput};
use pts_api::actions::maintenance::{
    RebuildProjections, RebuildProjectionsInput, RunRetention, RunRetentionInput,
};
use pts_api::actions::quarantine::{
    DiscardQuarantined, DiscardQuarantinedInput, PurgeQuarantine, PurgeQuarantineInput, PurgeReport,
};
use pts_domain::access::{ConfirmationRefused, ConfirmationText, Principal, Scope};
use pts_domain::event::NewEvent;
use pts_domain::retention::Month;
use pts_ports::{EventLog, Maintenance};
use pts_services::{ActionError, CallOptions, Gateway, Shown, UseCase};
use pts_testkit::fakes::MemoryStore;
use pts_testkit::generate::Sender;
use serde_json::json;
use uuid::Uuid;

use crate::support::{over_store, principal};
use crate::world::World;

fn world() -> World {
    World::of(&[Scope::Operate])
}

fn confirmed(shown: &Shown) -> CallOptions {
    let text = ConfirmationText::parse(&shown.confirm.token).unwrap();
    CallOptions {
        confirm: Some(text.hash()),
        ..CallOptions::default()
    }
}

impl World {
    /// What is shown at the first call.
    async fn shown<A: Action>(&self, input: A::Input) -> Shown
    where
        Gateway: UseCase<A>,
        A::Output: std::fmt::Debug,
    {
        match self.call::<A>(input).await {
            Err(ActionError::NotConfirmed {
                outdated: false,
                shown,
            }) => *shown,
            other => panic!("{other:?}"),
        }
    }

    /// Has something put aside, a second after what came before.
    async fn bad_of(&self, source: &str) -> Uuid {
        self.clock.advance(Duration::seconds(1));
        let item =
            json!({ "type": "deployment.nonsense", "source": source, "data": self.gateway.now() });
        let id = self.bad(item).await;
        self.clock.advance(Duration::seconds(1));
        id
    }

    async fn purge(&self, options: CallOptions) -> Result<PurgeReport, ActionError> {
        Ok(self
            .call_with::<PurgeQuarantine>(of("ci"), options)
            .await?
            .data)
    }
}

fn of(source: &str) -> PurgeQuarantineInput {
    PurgeQuarantineInput {
        reason: "a test".into(),
        source: Some(source.into()),
        token: None,
        types: Vec::new(),
        since: None,
        until: None,
    }
}

/// What is shown in the place of what was confirmed and has changed since.
fn shown_anew<T: std::fmt::Debug>(result: Result<T, ActionError>) -> Shown {
    match result {
        Err(ActionError::NotConfirmed {
            outdated: true,
            shown,
        }) => *shown,
        other => panic!("{other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, ActionError>) -> ConfirmationRefused {
    match result.unwrap_err() {
        ActionError::ConfirmationRefused(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_shown_is_what_is_done_and_what_came_later_stays() {
    let world = world();
    world.bad_of("ci").await;
    let first = world.gateway.now() - Duration::seconds(1);
    world.bad_of("ci").await;
    world.bad_of("other").await;
    let shown = world.shown::<PurgeQuarantine>(of("ci")).await;
    assert_eq!(shown.preview.rows, Some(2));
    assert_eq!(shown.preview.from, Some(first));
    let affected = &shown.preview.affected[0];
    assert_eq!(
        (
            affected.kind.as_str(),
            affected.name.as_str(),
            affected.rows
        ),
        ("source", "ci", Some(2))
    );
    assert!(!shown.preview.reversible);
    assert_eq!(
        shown.confirm.expires_at,
        world.gateway.now() + Duration::minutes(5)
    );
    world.bad_of("ci").await;
    let done = world.purge(confirmed(&shown)).await.unwrap();
    assert_eq!(
        done,
        PurgeReport {
            discarded: 2,
            more: false
        }
    );
    assert_eq!(
        world.shown::<PurgeQuarantine>(of("ci")).await.preview.rows,
        Some(1)
    );
    assert_eq!(
        world
            .shown::<PurgeQuarantine>(of("other"))
            .await
            .preview
            .rows,
        Some(1)
    );
}

#[tokio::test]
async fn a_state_that_has_changed_is_shown_anew() {
    let world = world();
    let (one, _) = (world.bad_of("ci").await, world.bad_of("ci").await);
    let shown = world.shown::<PurgeQuarantine>(of("ci")).await;
    let input = DiscardQuarantinedInput {
        ids: vec![one],
        reason: "by hand".into(),
    };
    world.call::<DiscardQuarantined>(input).await.unwrap();
    let outdated = world.purge(confirmed(&shown)).await;
    let fresh = shown_anew(outdated);
    assert_eq!(fresh.preview.rows, Some(1));
    assert_ne!(fresh.confirm.token, shown.confirm.token);
    assert_eq!(world.purge(confirmed(&fresh)).await.unwrap().discarded, 1);
}

#[tokio::test]
async fn a_confirmation_is_good_once_for_one_caller_one_action_one_input_and_five_minutes() {
    let world = world();
    world.bad_of("ci").await;
    let shown = world.shown::<PurgeQuarantine>(of("ci")).await;
    let options = confirmed(&shown);

    let other = Principal {
        token_id: Uuid::from_u128(2),
        ..world.by.clone()
    };
    let others = world
        .gateway
        .call::<PurgeQuarantine>(&other, of("ci"), options)
        .await;
    assert_eq!(refused(others), ConfirmationRefused::Unknown);
    let elsewhere = Principal {
        workspace: "team-a".parse().unwrap(),
        ..world.by.clone()
    };
    let elsewhere = world
        .gateway
        .call::<PurgeQuarantine>(&elsewhere, of("ci"), options)
        .await;
    assert_eq!(refused(elsewhere), ConfirmationRefused::OtherInput);
    let another = world
        .call_with::<PurgeQuarantine>(of("other"), options)
        .await;
    assert_eq!(refused(another), ConfirmationRefused::OtherInput);
    let action = world
        .call_with::<RebuildProjections>(RebuildProjectionsInput {}, options)
        .await;
    assert_eq!(refused(action), ConfirmationRefused::OtherAction);
    let made_up = CallOptions {
        confirm: Some([7; 32]),
        ..CallOptions::default()
    };
    assert_eq!(
        refused(world.purge(made_up).await),
        ConfirmationRefused::Unknown
    );

    assert_eq!(world.purge(options).await.unwrap().discarded, 1);
    assert_eq!(
        refused(world.purge(options).await),
        ConfirmationRefused::Used
    );

    world.bad_of("ci").await;
    let shown = world.shown::<PurgeQuarantine>(of("ci")).await;
    world.clock.advance(Duration::minutes(5));
    assert_eq!(
        refused(world.purge(confirmed(&shown)).await),
        ConfirmationRefused::Expired
    );
}

#[tokio::test]
async fn of_two_processes_that_are_told_the_same_one_acts() {
    let world = world();
    world.bad_of("ci").await;
    let shown = world.shown::<PurgeQuarantine>(of("ci")).await;
    let options = confirmed(&shown);
    let there = over_store(&world.store, world.clock.clone());
    let (here, there) = tokio::join!(
        world
            .gateway
            .call::<PurgeQuarantine>(&world.by, of("ci"), options),
        there.call::<PurgeQuarantine>(&world.by, of("ci"), options),
    );
    let done = [here, there].into_iter().flatten().count();
    assert_eq!(done, 1);
}

#[tokio::test]
async fn who_may_not_act_is_shown_nothing_and_what_is_not_risky_needs_no_word() {
    let world = world();
    let nobody = principal(&[Scope::EventsRead]);
    let denied = world
        .gateway
        .call::<PurgeQuarantine>(&nobody, of("ci"), CallOptions::default());
    assert!(matches!(
        denied.await,
        Err(ActionError::Denied {
            scope: Scope::Operate
        })
    ));
    let options = CallOptions {
        confirm: Some([7; 32]),
        ..CallOptions::default()
    };
    let reader = principal(&[Scope::Admin]);
    let needless = world
        .gateway
        .call::<SearchEvents>(&reader, SearchInput::default(), options);
    assert!(
        matches!(needless.await, Err(ActionError::Invalid(errors)) if errors[0].field == "PTS-Confirm")
    );
    let by_name = world
        .gateway
        .act(&reader, "platform.events.append", &json!({}), options)
        .await;
    assert!(
        matches!(by_name, Err(ActionError::Invalid(errors)) if errors[0].field == "PTS-Confirm")
    );
    let wrong = PurgeQuarantineInput {
        reason: " ".into(),
        ..of("ci")
    };
    let wrong = world.call::<PurgeQuarantine>(wrong).await;
    assert!(matches!(wrong, Err(ActionError::Invalid(errors)) if errors[0].field == "reason"));
}

/// A month with a notice and some clicks, which nothing needs.
async fn fill(store: &MemoryStore, sender: &mut Sender, month: &str, clicks: usize) {
    let start = month.parse::<Month>().unwrap().start();
    let mut batch = vec![sender.event("platform.notice", start, json!({"message": "m"}))];
    for _ in 0..clicks {
        batch.push(sender.event("com.acme.click", start, json!({})));
    }
    let received = batch.into_iter().map(|new| NewEvent {
        received_at: new.event.time,
        ..new
    });
    store.append(received.collect()).await.unwrap();
}

#[tokio::test]
async fn a_retention_run_removes_what_it_showed() {
    let world = world();
    let mut sender = Sender::named("house");
    fill(&world.store, &mut sender, "2025-10", 10).await;
    fill(&world.store, &mut sender, "2025-11", 5).await;
    let input = || RunRetentionInput {
        foreign_events: Some("90d".into()),
    };
    let shown = world.shown::<RunRetention>(input()).await;
    assert_eq!(shown.preview.rows, Some(15));
    assert_eq!(shown.preview.affected[0].name, "com.acme.click");
    assert_eq!(shown.preview.details["months"][0]["kept"], 1);
    assert_eq!(
        shown.preview.from,
        Some("2025-10".parse::<Month>().unwrap().start())
    );

    fill(&world.store, &mut sender, "2025-10", 1).await;
    let outdated = world
        .call_with::<RunRetention>(input(), confirmed(&shown))
        .await;
    let shown = shown_anew(outdated);
    assert_eq!(shown.preview.rows, Some(16));
    let done = world
        .call_with::<RunRetention>(input(), confirmed(&shown))
        .await
        .unwrap()
        .data;
    assert_eq!((done.removed, done.months.len()), (16, 2));
    assert_eq!(world.store.verify().await.unwrap().events, 3);

    // As it is configured, nothing goes, and that is shown too.
    let nothing = world
        .shown::<RunRetention>(RunRetentionInput::default())
        .await;
    assert_eq!(nothing.preview.rows, Some(0));
    let done = world
        .call_with::<RunRetention>(RunRetentionInput::default(), confirmed(&nothing))
        .await;
    assert_eq!(done.unwrap().data.removed, 0);
    let short = RunRetentionInput {
        foreign_events: Some("30d".into()),
    };
    let short = world.call::<RunRetention>(short).await;
    assert!(
        matches!(short, Err(ActionError::Invalid(errors)) if errors[0].field == "foreign_events")
    );
}

#[tokio::test]
async fn a_rebuild_is_confirmed_while_events_come_and_not_after_some_have_gone() {
    let world = world();
    let mut sender = Sender::named("house");
    fill(&world.store, &mut sender, "2025-10", 4).await;
    let rebuild = async |options| {
        world
            .call_with::<RebuildProjections>(RebuildProjectionsInput {}, options)
            .await
    };
    let shown = world
        .shown::<RebuildProjections>(RebuildProjectionsInput {})
        .await;
    assert_eq!(shown.preview.rows, Some(5));
    fill(&world.store, &mut sender, "2025-11", 1).await;
    assert_eq!(rebuild(confirmed(&shown)).await.unwrap().data.events, 7);

    let shown = world
        .shown::<RebuildProjections>(RebuildProjectionsInput {})
        .await;
    let retention = RunRetentionInput {
        foreign_events: Some("90d".into()),
    };
    let seen = world.shown::<RunRetention>(retention.clone()).await;
    world
        .call_with::<RunRetention>(retention, confirmed(&seen))
        .await
        .unwrap();
    let outdated = rebuild(confirmed(&shown)).await;
    let shown = shown_anew(outdated);
    assert_eq!(shown.preview.rows, Some(2));
    assert_eq!(rebuild(confirmed(&shown)).await.unwrap().data.events, 2);
}

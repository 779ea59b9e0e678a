//! Answers know what PTS could not see: when it was down or refused, who fell silent, what waits in
//! quarantine. Those that it does not concern say nothing of it.

use std::sync::Arc;

use chrono::Duration;
use pts_api::actions::deployments::{SearchDeployments, SearchDeploymentsInput};
use pts_api::actions::dora::{GetDora, GetDoraInput};
use pts_api::actions::event_types::{ListEventTypes, ListEventTypesInput};
use pts_api::actions::events::{SearchEvents, SearchInput};
use pts_api::actions::expectations::{
    ListExpectations, ListExpectationsInput, Origin, RemoveExpectation, RemoveExpectationInput,
    ReporterState, SetExpectation, SetExpectationInput,
};
use pts_api::actions::incidents::{SearchIncidents, SearchIncidentsInput};
use pts_api::actions::services::{GetService, GetServiceInput, ListServices, ListServicesInput};
use pts_api::{Answer, Coverage, SourceState};
use pts_domain::Timestamp;
use pts_domain::access::Scope;
use pts_domain::event::Form;
use pts_domain::time::Moment;
use pts_services::{ActionError, CallOptions, Gateway, Item, Mode, UseCase};
use pts_testkit::fakes::{FixedClock, MemoryStore};
use serde_json::{Value, json};

use crate::support::{in_memory_at, noon, over_store, principal};

struct House {
    gateway: Gateway,
    store: Arc<MemoryStore>,
    clock: Arc<FixedClock>,
}

fn at(second: i64) -> Timestamp {
    noon() + Duration::seconds(second)
}

fn moment(second: i64) -> Moment {
    Moment::At(at(second))
}

fn beat(source: &str, service: &str) -> Value {
    let data = json!({"service": service, "environment": "production", "instance": "a"});
    json!({"type": "service.heartbeat", "source": source, "data": data})
}

impl House {
    /// A server that receives since noon.
    async fn new() -> Self {
        let clock = Arc::new(FixedClock::at(noon()));
        let (gateway, store) = in_memory_at(clock.clone());
        let house = Self {
            gateway,
            store,
            clock,
        };
        house.begin().await;
        house
    }

    async fn begin(&self) {
        self.gateway.read_record().await.unwrap();
        self.gateway.begin_receiving();
        self.write().await;
    }

    /// Another process over the same store.
    async fn restarted(&self) -> Self {
        let house = Self {
            gateway: over_store(&self.store, self.clock.clone()),
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
        };
        house.begin().await;
        house
    }

    async fn write(&self) {
        self.gateway.write_record(0, false).await;
    }

    fn be(&self, second: i64) {
        self.clock.set(at(second));
    }

    async fn send(&self, event: Value) -> bool {
        let writer = principal(&[Scope::EventsWrite]);
        let items = vec![Item::from(event)];
        let sent = self
            .gateway
            .ingest(&writer, items, Form::Lenient, Mode::Store);
        sent.await.is_ok()
    }

    /// Beats every ten seconds, from one moment up to and with another.
    async fn beats(&self, source: &str, service: &str, from: i64, to: i64) {
        for second in (from..=to).step_by(10) {
            self.be(second);
            assert!(self.send(beat(source, service)).await);
        }
    }

    async fn ask<A: pts_api::Action>(&self, input: A::Input) -> Answer<A::Output>
    where
        Gateway: UseCase<A>,
    {
        let reader = principal(&[Scope::Admin]);
        let options = CallOptions::default();
        self.gateway
            .call::<A>(&reader, input, options)
            .await
            .unwrap()
    }

    async fn search(&self, since: i64, until: i64) -> Coverage {
        let input = SearchInput {
            since: Some(moment(since)),
            until: Some(moment(until)),
            ..SearchInput::default()
        };
        self.ask::<SearchEvents>(input).await.coverage
    }

    async fn of_service(&self, service: &str) -> Coverage {
        let input = SearchInput {
            service: Some(service.into()),
            since: Some(moment(-1_000)),
            ..SearchInput::default()
        };
        self.ask::<SearchEvents>(input).await.coverage
    }
}

/// The gaps of a coverage, in seconds after noon.
fn gaps(coverage: &Coverage) -> Vec<(i64, Option<i64>, Option<u64>)> {
    let second = |at: Timestamp| (at - noon()).num_seconds();
    assert_eq!(
        coverage.complete,
        coverage.gaps.is_empty() && coverage.sources.iter().all(|s| s.state == SourceState::Ok)
    );
    let gaps = coverage.gaps.iter();
    gaps.map(|gap| (second(gap.from.unwrap()), gap.to.map(second), gap.count))
        .collect()
}

fn silent(coverage: &Coverage) -> Vec<(&str, SourceState)> {
    let sources = coverage.sources.iter().skip(1);
    sources
        .map(|source| (source.name.as_str(), source.state))
        .collect()
}

#[tokio::test]
async fn an_idle_and_healthy_service_is_complete() {
    let house = House::new().await;
    assert!(house.send(beat("agent", "payments")).await);
    for second in [60, 3_600, 86_400] {
        house.be(second);
        house.write().await;
        assert!(house.search(-1_000, second).await.complete);
        let services = house.ask::<ListServices>(ListServicesInput::default());
        assert!(services.await.coverage.complete);
    }
}

#[tokio::test]
async fn a_time_without_the_store_is_in_every_answer_that_it_concerns_and_in_no_other() {
    let house = House::new().await;
    house.be(100);
    house.store.set_available(false);
    for _ in 0..3 {
        assert!(!house.send(beat("agent", "payments")).await);
    }
    house.be(130);
    house.write().await;
    house.store.set_available(true);
    // It still goes on, as far as anybody knows.
    assert_eq!(gaps(&house.search(0, 1_000).await), [(100, None, Some(3))]);
    house.be(150);
    assert!(house.send(beat("agent", "payments")).await);
    house.be(200);
    house.write().await;

    let expected = [(100, Some(150), Some(3))];
    assert_eq!(gaps(&house.search(0, 1_000).await), expected);
    assert_eq!(
        gaps(&house.search(0, 120).await),
        [(100, Some(120), Some(3))],
        "cut to what was asked for"
    );
    let services = house
        .ask::<ListServices>(ListServicesInput::default())
        .await;
    assert_eq!(gaps(&services.coverage), expected);
    let dora = GetDoraInput::default();
    assert_eq!(gaps(&house.ask::<GetDora>(dora).await.coverage), expected);
    for (since, until) in [(-100, 100), (150, 1_000)] {
        assert_eq!(gaps(&house.search(since, until).await), []);
    }
    let since = SearchDeploymentsInput {
        since: Some(moment(160)),
        ..SearchDeploymentsInput::default()
    };
    let deployments = house.ask::<SearchDeployments>(since).await;
    assert!(deployments.coverage.complete);
    let types = house.ask::<ListEventTypes>(ListEventTypesInput::default());
    assert!(types.await.coverage.complete, "what is whole as it stands");
    // Another process knows it from the record, a question about the present for a day.
    let other = house.restarted().await;
    assert!(gaps(&other.search(0, 190).await).contains(&expected[0]));
    house.be(150 + 86_401);
    let services = house
        .ask::<ListServices>(ListServicesInput::default())
        .await;
    assert_eq!(gaps(&services.coverage), []);

    let reader = principal(&[Scope::EventsRead]);
    let denied = house.gateway.call::<SearchEvents>(
        &reader,
        SearchInput::default(),
        CallOptions {
            deny_partial: true,
            ..CallOptions::default()
        },
    );
    assert!(matches!(denied.await, Err(ActionError::Incomplete(_))));
}

#[tokio::test]
async fn a_stop_and_a_crash_leave_gaps_unless_another_process_was_up() {
    let first = House::new().await;
    first.be(50);
    first.gateway.write_record(1, true).await;
    first.be(80);
    let second = first.restarted().await;
    let stopped = second.search(0, 1_000).await;
    assert_eq!(gaps(&stopped), [(50, Some(80), None)]);
    assert!(
        stopped.gaps[0].reason.contains("was stopped"),
        "{stopped:?}"
    );
    // Its last sign of life is at 100.
    second.be(100);
    second.write().await;
    second.be(160);
    let third = second.restarted().await;
    let crashed = third.search(90, 1_000).await;
    assert_eq!(gaps(&crashed), [(100, Some(160), None)]);
    assert!(
        crashed.gaps[0].reason.contains("not running"),
        "{crashed:?}"
    );
    let fourth = third.restarted().await;
    third.be(200);
    third.gateway.write_record(1, true).await;
    fourth.be(300);
    fourth.write().await;
    assert_eq!(gaps(&fourth.search(165, 1_000).await), []);
}

#[tokio::test]
async fn a_source_that_usually_reports_is_missed_within_three_periods() {
    let house = House::new().await;
    house.beats("payments-agent", "payments", 0, 200).await;
    house.be(224);
    let coverage = house.of_service("payments").await;
    assert!(coverage.complete, "{coverage:?}");
    house.beats("orders-agent", "orders", 230, 310).await;
    let coverage = house.of_service("payments").await;
    assert_eq!(silent(&coverage), [("payments-agent", SourceState::Stale)]);
    let source = &coverage.sources[1];
    assert_eq!(source.age_s, Some(110.0));
    let reason = source.reason.as_deref().unwrap();
    assert!(
        reason.contains("silent since 2026-03-01T12:03:20Z; due every 10 s"),
        "{reason}"
    );
    assert!(!coverage.complete);
    let name = "payments".to_owned();
    let service = house.ask::<GetService>(GetServiceInput { name }).await;
    assert_eq!(silent(&service.coverage).len(), 1);
    // It does not concern others, other kinds of events, or the time before.
    assert!(house.of_service("orders").await.complete);
    let incidents = house.ask::<SearchIncidents>(SearchIncidentsInput::default());
    assert!(incidents.await.coverage.complete);
    assert!(house.search(0, 190).await.complete);

    // It comes back, and the time without it stays told.
    house.be(400);
    assert!(house.send(beat("payments-agent", "payments")).await);
    let coverage = house.of_service("payments").await;
    assert_eq!(gaps(&coverage), [(200, Some(400), None)]);
    assert_eq!(silent(&coverage), []);
    assert!(house.search(0, 190).await.complete);
    assert_eq!(
        gaps(&house.search(300, 350).await),
        [(300, Some(350), None)]
    );
}

#[tokio::test]
async fn what_pts_could_not_hear_is_no_silence_of_its_sources() {
    let house = House::new().await;
    house.beats("agent", "payments", 0, 200).await;
    house.gateway.write_record(0, false).await;
    house.be(5_000);
    let again = house.restarted().await;
    let coverage = again.search(0, 10_000).await;
    assert_eq!(gaps(&coverage), [(200, Some(5_000), None)]);
    assert_eq!(silent(&coverage), [], "it had no time to report yet");
    again.be(5_030);
    let coverage = again.search(0, 10_000).await;
    assert_eq!(
        silent(&coverage),
        [("agent", SourceState::Stale)],
        "known from the record"
    );
}

#[tokio::test]
async fn what_is_declared_goes_before_what_is_learned() {
    let house = House::new().await;
    let set = |every_s| SetExpectationInput {
        source: "backup".into(),
        every_s,
    };
    let standing = house.ask::<SetExpectation>(set(60)).await.data;
    assert_eq!(
        (standing.state, standing.origin),
        (ReporterState::Ok, Origin::Declared)
    );
    house.be(140);
    assert!(house.search(0, 140).await.complete);
    house.be(160);
    let coverage = house.search(0, 160).await;
    assert_eq!(silent(&coverage), [("backup", SourceState::Missing)]);
    let list = ListExpectationsInput::default();
    let listed = house.ask::<ListExpectations>(list.clone()).await.data;
    assert_eq!(listed[0].state, ReporterState::NeverHeard);
    assert!(
        house
            .send(json!({"type": "backup.done", "source": "backup"}))
            .await
    );
    assert!(house.search(0, 160).await.complete);
    // Other processes hear of it.
    house.be(400);
    house.write().await;
    let other = house.restarted().await;
    let listed = other.ask::<ListExpectations>(list).await.data;
    assert_eq!((listed.len(), &*listed[0].source), (1, "backup"));
    assert!((listed[0].every_s - 60.0).abs() < 1e-9);
    other.be(560);
    let coverage = other.search(0, 560).await;
    assert_eq!(silent(&coverage), [("backup", SourceState::Stale)]);
    let source = || RemoveExpectationInput {
        source: "backup".into(),
    };
    assert_eq!(
        other.ask::<RemoveExpectation>(source()).await.data.learned,
        None
    );
    assert_eq!(silent(&other.search(0, 560).await), []);
    let admin = principal(&[Scope::Admin]);
    let options = CallOptions::default();
    let again = other
        .gateway
        .call::<RemoveExpectation>(&admin, source(), options);
    assert!(matches!(again.await, Err(ActionError::NotFound { .. })));
    for (field, input) in [("every_s", set(0)), ("every_s", set(u32::MAX))] {
        let refused = other
            .gateway
            .call::<SetExpectation>(&admin, input, options)
            .await;
        let Err(ActionError::Invalid(errors)) = refused else {
            panic!("a bad {field} was taken");
        };
        assert_eq!(errors[0].field, field);
    }
}

#[tokio::test]
async fn what_waits_in_quarantine_is_a_gap_where_it_may_matter() {
    let house = House::new().await;
    house.be(50);
    let strated = json!({"type": "deployment.started", "source": "ci", "data": {}});
    for n in 0..3 {
        let mut event = strated.clone();
        event["data"]["n"] = json!(n);
        house.send(event).await;
    }
    house.be(100);
    let coverage = house.search(0, 100).await;
    assert_eq!(gaps(&coverage), [(0, Some(100), Some(3))]);
    assert!(
        coverage.gaps[0].reason.contains("quarantine"),
        "{coverage:?}"
    );
    assert!(house.search(60, 100).await.complete);
    let incidents = house.ask::<SearchIncidents>(SearchIncidentsInput::default());
    assert!(incidents.await.coverage.complete);
    // Another process learns it when it looks around.
    house.write().await;
    assert_eq!(gaps(&house.restarted().await.search(0, 100).await).len(), 1);
}

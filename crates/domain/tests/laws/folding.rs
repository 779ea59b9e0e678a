//! Folding: nothing panics, the same log means the same, however it is cut into batches and however
//! little of the state is loaded.

use std::collections::BTreeMap;

use proptest::prelude::*;
use pts_domain::StoredEvent;
use pts_domain::event::NewEvent;
use pts_domain::projection::{
    Aggregate, AggregateKey, Aggregates, Contradiction, DeploymentStatus, IncidentStatus,
    REMEMBERED, RunKind,
};
use pts_ports::Projector;
use pts_testkit::fakes::DomainProjector;
use pts_testkit::generate::{Babel, strategies};

use super::cases;

pub(super) fn log(events: Vec<NewEvent>) -> Vec<StoredEvent> {
    (1..)
        .zip(events)
        .map(|(position, new)| StoredEvent {
            position,
            id: new.id,
            received_at: new.received_at,
            event: new.event,
        })
        .collect()
}

/// All in memory, one after the other.
pub(super) fn fold(log: &[StoredEvent]) -> (Vec<Aggregate>, Vec<Contradiction>) {
    let mut aggregates = Aggregates::default();
    let found = log
        .iter()
        .flat_map(|event| DomainProjector.fold(&mut aggregates, event))
        .collect();
    (aggregates.all().cloned().collect(), found)
}

/// In batches, each with only what the events ask for, through the form in which it is stored.
fn fold_as_a_store(log: &[StoredEvent], batch: usize) -> (Vec<Aggregate>, Vec<Contradiction>) {
    let mut kept: BTreeMap<AggregateKey, String> = BTreeMap::new();
    let mut found = Vec::new();
    for events in log.chunks(batch) {
        let keys = events
            .iter()
            .flat_map(|event| DomainProjector.keys(&event.event));
        let texts = keys.filter_map(|key| kept.get(&key));
        let mut aggregates =
            Aggregates::loaded(texts.map(|text| serde_json::from_str(text).unwrap()));
        for event in events {
            found.extend(DomainProjector.fold(&mut aggregates, event));
        }
        for changed in aggregates.changed() {
            kept.insert(changed.key(), serde_json::to_string(changed).unwrap());
        }
    }
    let all = kept
        .values()
        .map(|text| serde_json::from_str(text).unwrap());
    (all.collect(), found)
}

/// What must be so in any world.
fn assert_sound(aggregates: &[Aggregate], log: &[StoredEvent]) {
    let head = i64::try_from(log.len()).unwrap();
    let positions = |first: i64, last: i64| assert!(1 <= first && first <= last && last <= head);
    for aggregate in aggregates {
        match aggregate {
            Aggregate::Deployment(d) => {
                positions(d.first_position, d.last_position);
                let under_way = matches!(
                    d.status,
                    DeploymentStatus::Requested | DeploymentStatus::Started
                );
                assert!(!(under_way && d.finished_at.is_some()), "{d:?}");
                assert!(
                    d.status != DeploymentStatus::Succeeded || d.succeeded_at.is_some(),
                    "{d:?}"
                );
                assert!(!d.events.is_empty() && d.events.len() <= REMEMBERED);
                assert!(d.event_count >= d.events.len() as u64);
            }
            Aggregate::Instance(i) => {
                positions(i.first_position, i.last_position);
                let open = i.run.as_ref().is_some_and(|run| run.to.is_none());
                assert_eq!(open, i.state.is_running(), "{i:?}");
                assert!(i.state_since <= i.last_seen_at, "{i:?}");
            }
            Aggregate::Run(run) if run.kind == RunKind::Observed => {
                assert!(run.to.is_none_or(|to| run.from <= to), "{run:?}");
            }
            Aggregate::Run(_) => {}
            Aggregate::Service(s) => {
                positions(s.first_position, s.last_position);
                assert!(s.recent_changes.len() <= REMEMBERED);
                for place in s.environments.values() {
                    let gone = place.deregistered_at.is_some();
                    assert!(!(gone && place.declared.is_some()), "{s:?}");
                }
            }
            Aggregate::Image(i) => positions(i.first_position, i.last_position),
            Aggregate::State(s) => {
                positions(s.first_position, s.last_position);
                assert!(s.timeline.is_sorted_by_key(|change| change.time), "{s:?}");
                assert_eq!(
                    s.timeline.last().map(|change| &change.to),
                    Some(&s.state),
                    "{s:?}"
                );
            }
            Aggregate::Config(c) => positions(c.first_position, c.last_position),
            Aggregate::Incident(i) => {
                positions(i.first_position, i.last_position);
                let over = i.status == IncidentStatus::Resolved;
                assert_eq!(over, i.resolved_at.is_some(), "{i:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn any_events_in_any_order_fold_into_a_sound_world(events in strategies::events(60)) {
        let log = log(events);
        let (aggregates, contradictions) = fold(&log);
        assert_sound(&aggregates, &log);
        for contradiction in contradictions {
            let at = usize::try_from(contradiction.position).unwrap() - 1;
            prop_assert_eq!(contradiction.event_id, log[at].id);
            prop_assert!(!contradiction.about.is_empty() && !contradiction.message.is_empty());
        }
    }

    #[test]
    fn the_same_log_means_the_same_twice(events in strategies::events(60)) {
        let log = log(events);
        prop_assert_eq!(fold(&log), fold(&log));
    }

    #[test]
    fn a_rebuild_is_what_lived_through_it_however_it_was_batched(
        events in strategies::events(60),
        batch in 1_usize..20,
    ) {
        let log = log(events);
        prop_assert_eq!(fold_as_a_store(&log, batch), fold(&log));
    }

    #[test]
    fn an_event_changes_only_what_it_asked_for_and_its_runs(events in strategies::events(30)) {
        let log = log(events);
        let mut aggregates = Aggregates::default();
        for event in &log {
            let keys = DomainProjector.keys(&event.event);
            let sorted = keys.windows(2).all(|two| two[0] < two[1]);
            prop_assert!(sorted, "keys are locked in this order: {:?}", keys);
            DomainProjector.fold(&mut aggregates, event);
            for changed in aggregates.changed() {
                let run = matches!(changed, Aggregate::Run(_));
                prop_assert!(run || keys.contains(&changed.key()), "{:?}", changed);
            }
            aggregates.settle();
        }
    }
}

#[test]
fn four_thousand_events_about_a_few_things_stay_sound_and_bounded() {
    let log = log(Babel::new(1).events(4_000));
    let (aggregates, _) = fold(&log);
    assert_sound(&aggregates, &log);
    for aggregate in &aggregates {
        let length = serde_json::to_string(aggregate).unwrap().len();
        assert!(length < 100_000, "{length} bytes of {:?}", aggregate.key());
    }
}

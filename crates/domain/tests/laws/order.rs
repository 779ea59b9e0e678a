//! Order: only that within an aggregate decides. Events that touch nothing in common may trade
//! places, and nothing changes but positions.

use std::collections::BTreeSet;

use proptest::prelude::*;
use pts_domain::StoredEvent;
use pts_ports::Projector;
use pts_testkit::fakes::DomainProjector;
use pts_testkit::generate::{Babel, Dice, strategies};
use serde_json::Value;

use super::cases;
use super::folding::{fold, log};

/// Everything that a log means, with positions replaced by the ids of the events that have them.
fn meaning(log: &[StoredEvent]) -> BTreeSet<String> {
    let (aggregates, contradictions) = fold(log);
    let mut meaning = BTreeSet::new();
    let values = aggregates
        .iter()
        .map(|aggregate| serde_json::to_value(aggregate).unwrap())
        .chain(
            contradictions
                .iter()
                .map(|found| serde_json::to_value(found).unwrap()),
        );
    for mut value in values {
        name_positions(&mut value, log);
        meaning.insert(value.to_string());
    }
    meaning
}

fn name_positions(value: &mut Value, log: &[StoredEvent]) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_u64() {
                    Some(position) if name.ends_with("position") => {
                        let at = usize::try_from(position).unwrap() - 1;
                        *field = Value::from(log[at].id.to_string());
                    }
                    _ => name_positions(field, log),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_positions(item, log)),
        _ => {}
    }
}

/// Lets neighbours that touch nothing in common trade places, many times over.
fn shuffle(log: &[StoredEvent], seed: u64) -> Vec<StoredEvent> {
    let mut log: Vec<_> = log
        .iter()
        .map(|event| (DomainProjector.keys(&event.event), event.clone()))
        .collect();
    let mut dice = Dice::new(seed);
    for _ in 0..log.len() * 30 {
        let at = usize::try_from(dice.below(log.len() as u64 - 1)).unwrap();
        let apart = !log[at].0.iter().any(|key| log[at + 1].0.contains(key));
        if apart {
            log.swap(at, at + 1);
        }
    }
    (1..)
        .zip(log)
        .map(|(position, (_, event))| StoredEvent { position, ..event })
        .collect()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn only_the_order_within_an_aggregate_decides(
        events in strategies::events(50),
        seed in any::<u64>(),
    ) {
        prop_assume!(events.len() > 1);
        let log = log(events);
        let other = shuffle(&log, seed);
        prop_assert_eq!(meaning(&log), meaning(&other));
    }
}

#[test]
fn a_long_log_may_be_shuffled_as_far_as_aggregates_allow() {
    let log = log(Babel::new(9).events(600));
    let other = shuffle(&log, 4);
    let moved = log
        .iter()
        .zip(&other)
        .filter(|(one, other)| one.id != other.id)
        .count();
    assert!(moved > 300, "only {moved} events moved: the test is weak");
    assert_eq!(meaning(&log), meaning(&other));
}

//! Accounts add up, and quarantine keeps its bounds, whatever is sent.

use std::collections::{HashMap, HashSet};

use proptest::collection::vec;
use proptest::prelude::*;
use pts_domain::FieldError;
use pts_domain::accounting::{Counts, Outcome};
use pts_domain::event::Form;
use pts_domain::quarantine::{
    MOST_BYTES, MOST_LATELY, MOST_WAITING, NewItem, Room, Verdict, admit,
};
use uuid::Uuid;

use super::cases;

fn outcome() -> impl Strategy<Value = (Outcome, u64)> {
    let one = (0..Outcome::ALL.len()).prop_map(|index| Outcome::ALL[index]);
    (one, 0..1_000_u64)
}

/// Few texts, so that the same comes again; ids are given in order.
fn items(texts: Vec<(u8, bool)>) -> Vec<NewItem> {
    let now = pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap();
    let errors = [FieldError::missing("type", "every event needs it")];
    let texts = (1_u128..).zip(texts);
    texts
        .map(|(n, (text, strict))| {
            let form = if strict {
                Form::CloudEvents
            } else {
                Form::Lenient
            };
            let named = (Uuid::from_u128(n), now, Uuid::nil());
            NewItem::new(named, form, format!("{text} "), &errors)
        })
        .collect()
}

/// Room that is nearly used up in one way or another, or not at all.
fn room() -> impl Strategy<Value = Room> {
    let near = |most: u64| prop_oneof![0..3_u64, most - 3..=most];
    (near(MOST_WAITING), near(MOST_BYTES), near(MOST_LATELY)).prop_map(
        |(waiting, bytes, lately)| Room {
            waiting,
            bytes,
            lately,
        },
    )
}

proptest! {
    #![proptest_config(cases(200))]

    /// However counts are put together, what was received is what was counted.
    #[test]
    fn what_was_received_is_the_sum_of_what_became_of_it(
        counted in vec(outcome(), 0..40),
        cut in 0..40_usize,
    ) {
        let sum = |part: &[(Outcome, u64)]| -> Counts {
            part.iter().map(|(outcome, number)| Counts::of(*outcome, *number)).sum()
        };
        let all = sum(&counted);
        prop_assert_eq!(all.received(), counted.iter().map(|(_, number)| number).sum::<u64>());
        let (before, after) = counted.split_at(cut.min(counted.len()));
        prop_assert_eq!(sum(before) + sum(after), all);
        for outcome in Outcome::ALL {
            let own = counted.iter().filter(|(one, _)| *one == outcome);
            prop_assert_eq!(all.get(outcome), own.map(|(_, number)| number).sum::<u64>());
        }
    }

    /// Every item has an outcome, no bound is crossed, and nothing waits twice.
    #[test]
    fn quarantine_keeps_its_bounds(
        texts in vec((0..12_u8, any::<bool>()), 0..30),
        known in vec(0..12_u8, 0..4),
        before in room(),
    ) {
        let batch = items(texts);
        let known: HashMap<_, _> = items(known.into_iter().map(|text| (text, false)).collect())
            .into_iter()
            .map(|item| (item.fingerprint(), Uuid::max()))
            .collect();
        let (verdicts, after) = admit(&batch, &known, before);
        prop_assert_eq!(verdicts.len(), batch.len());
        let mut waiting: HashSet<_> = known.keys().copied().collect();
        let (mut kept, mut bytes) = (0, 0);
        for (item, verdict) in batch.iter().zip(&verdicts) {
            match verdict {
                Verdict::Kept => {
                    prop_assert!(waiting.insert(item.fingerprint()), "it waits twice");
                    kept += 1;
                    bytes += item.bytes();
                }
                Verdict::Again(_) => prop_assert!(waiting.contains(&item.fingerprint())),
                Verdict::NoRoom => prop_assert!(!waiting.contains(&item.fingerprint())),
            }
        }
        prop_assert_eq!(after.waiting, before.waiting + kept);
        prop_assert_eq!(after.bytes, before.bytes + bytes);
        if kept > 0 {
            prop_assert!(after.waiting <= MOST_WAITING && after.bytes <= MOST_BYTES);
            prop_assert!(after.lately <= MOST_LATELY);
        }
        let counted: Counts = verdicts.iter().map(|v| Counts::of(v.outcome(), 1)).sum();
        prop_assert_eq!(counted.received(), batch.len() as u64);
    }
}

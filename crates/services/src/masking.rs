//! Masks what looks like a secret in what senders report, before anything else reads it, and counts what
//! was masked: by rule, and by source for as many sources as a page of figures can hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pts_domain::FieldError;
use pts_domain::accounting::OTHER;
use pts_domain::masking::{Masked, Masker};
use pts_domain::quarantine::LARGEST_ITEM;
use serde_json::Value;

use crate::Item;

/// Pairs of rule and source that have figures of their own. Those that come later are counted together.
const MOST_PAIRS: usize = 500;

/// The rules, and what they did.
#[derive(Clone)]
pub(crate) struct Masking {
    masker: Option<Arc<Masker>>,
    counts: Arc<MaskCounts>,
}

/// How many values were masked by each rule, and in whose events.
#[derive(Debug, Default)]
pub struct MaskCounts(Mutex<BTreeMap<(Arc<str>, String), u64>>);

/// What was masked in one element.
pub(crate) type Found = BTreeMap<Arc<str>, u32>;

impl Masking {
    /// By the rules that are built in.
    pub(crate) fn usual() -> Self {
        Self::by(Some(Masker::usual()))
    }

    /// By these rules, or none.
    pub(crate) fn by(masker: Option<Arc<Masker>>) -> Self {
        let counts = MaskCounts::default();
        if let Some(masker) = &masker {
            // A rule that never masked anything is a zero, not an absence.
            masker.rules().for_each(|rule| counts.add(rule, OTHER, 0));
        }
        Self {
            masker,
            counts: Arc::new(counts),
        }
    }

    pub(crate) const fn counts(&self) -> &Arc<MaskCounts> {
        &self.counts
    }

    /// An element without its secrets, and what they were. What has none is not touched.
    pub(crate) fn item(&self, item: Item) -> (Item, Found) {
        let Some(masker) = &self.masker else {
            return (item, Found::new());
        };
        let masked = match &item.value {
            Ok(_) => masker.event(item.text.bytes()),
            // What is larger is not kept.
            Err(_) if item.text.len() > LARGEST_ITEM => None,
            Err(_) => masker.text(&item.text.as_str()),
        };
        let Some(Masked {
            text,
            found,
            naming,
        }) = masked
        else {
            return (item, Found::new());
        };
        let value = item.value.and_then(|_| read(&text));
        let value = match naming.first() {
            Some(field) => value.and(Err(names_itself(field))),
            None => value,
        };
        let text = text.into();
        (Item { value, text }, found)
    }

    /// The text of an item that was put aside, as it would be if it came now.
    pub(crate) fn again(&self, text: &str) -> Option<String> {
        let masked = self.masker.as_ref()?.event(text.as_bytes());
        masked.map(|masked| masked.text)
    }

    /// Counts what was masked in an event of that source.
    pub(crate) fn count(&self, found: &Found, source: &str) {
        for (rule, number) in found {
            self.counts.add(rule, source, u64::from(*number));
        }
    }
}

/// What a sender is told of what was masked.
pub(crate) fn advice(found: &Found) -> Option<String> {
    let rules: Vec<_> = found
        .iter()
        .map(|(rule, number)| format!("{number} by the rule `{rule}`"))
        .collect();
    (!rules.is_empty()).then(|| {
        let rules = rules.join(", ");
        format!("what looks like a secret was masked before it was stored: {rules}")
    })
}

impl MaskCounts {
    fn add(&self, rule: &Arc<str>, source: &str, number: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pair = (Arc::clone(rule), source.to_owned());
        if counts.len() >= MOST_PAIRS && !counts.contains_key(&pair) {
            OTHER.clone_into(&mut pair.1);
        }
        *counts.entry(pair).or_default() += number;
    }

    /// Rule, source and number, in order; sources that came late are together.
    pub fn all(&self) -> Vec<(Arc<str>, String, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = counts.iter();
        all.map(|((rule, source), number)| (Arc::clone(rule), source.clone(), *number))
            .collect()
    }
}

fn read(text: &str) -> Result<Value, FieldError> {
    serde_json::from_str(text).map_err(|error| {
        // A fault of ours. What could not be masked whole is not taken.
        tracing::error!(%error, "masked JSON is none");
        FieldError::invalid("the event", "a secret", "an event without one")
    })
}

/// An event that has a secret for a name: masked, it would be another event, or the same as others.
fn names_itself(field: &str) -> FieldError {
    let expected = "a name without a secret in it: masked, it would name another event";
    FieldError::with_code("secret", field, "what looks like a secret", expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_within_bounds_and_add_up() {
        let counts = MaskCounts::default();
        let rule: Arc<str> = Arc::from("password");
        for n in 0..2_000 {
            counts.add(&rule, &format!("s{n}"), 1);
        }
        counts.add(&rule, "s7", 1);
        let all = counts.all();
        assert_eq!(all.len(), MOST_PAIRS + 1);
        assert_eq!(all.iter().map(|(_, _, number)| number).sum::<u64>(), 2_001);
        assert!(all.contains(&(Arc::clone(&rule), "s7".to_owned(), 2)));
    }
}

//! What of the log may go, and when. What projections are worked out from is kept for ever; what
//! was only kept (foreign events) may go by whole months, once it is old enough that nobody's
//! repeat is forgotten.
//!
//! **Architecture invariant:** `rebuild(log) == live projections` before and after: an event goes
//! only if no handler ever sees it.

mod digest;
mod month;
mod policy;
mod survey;

pub use digest::RemovalDigest;
pub use month::Month;
pub use policy::{Policy, SHORTEST};
pub use survey::{MonthSurvey, TypeCount, confirmation};

use crate::Event;
use crate::filter::{EventFilter, TypePattern};
use crate::platform::{all, cdevents, find};

/// What a type's name alone tells of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They stay: they are platform events.
    Kept,
    /// They go: no handler knows the type.
    Removed,
    /// Some may say something that a handler reads: ask [`is_kept`] of each.
    Unsure,
}

/// What becomes of the events of a type.
pub fn fate(event_type: &str) -> Fate {
    if find(event_type).is_some() {
        Fate::Kept
    } else if cdevents::has_counterpart(event_type) {
        Fate::Unsure
    } else {
        Fate::Removed
    }
}

/// The types whose events stay.
pub fn kept_types() -> Vec<&'static str> {
    all().iter().map(|known| known.name).collect()
}

/// The types of which some events may stay, without what follows the fourth part of their name: a
/// type `a.b.c.d` or `a.b.c.d.e.f` is meant by `a.b.c.d`.
pub fn unsure_types() -> Vec<String> {
    cdevents::counterparts().collect()
}

/// The first four parts of a type's name: how a type of which some events stay is counted.
pub fn stem(event_type: &str) -> &str {
    let end = event_type.match_indices('.').nth(3);
    end.map_or(event_type, |(end, _)| &event_type[..end])
}

/// Whether an event stays for ever: it is a platform event, in PTS's own words or in those of
/// CDEvents. One of a platform type that this version cannot read stays too: another version did,
/// or will.
pub fn is_kept(event: &Event) -> bool {
    !matches!(event.platform(), Ok(None))
}

/// Whether a filter could let through events that have gone, as far as its types tell.
pub fn may_want_removed(filter: &EventFilter) -> bool {
    let of_a_family = |prefix: &str| {
        let families = all().iter().map(|known| known.family);
        families.into_iter().any(|family| {
            prefix
                .strip_prefix(family)
                .is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let kept = |pattern: &TypePattern| match pattern {
        TypePattern::Exact(name) => fate(name) == Fate::Kept,
        // Nothing but platform events may have such a name.
        TypePattern::Prefix(prefix) => of_a_family(prefix),
    };
    filter.types.is_empty() || !filter.types.iter().all(kept)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::event::{Form, read};

    fn event(event_type: &str, data: Value) -> Event {
        let now = crate::time::parse("2026-03-01T12:00:00Z").unwrap();
        let mut json = json!({"type": event_type, "source": "s"});
        json["data"] = data;
        read(json, Form::Lenient, Uuid::nil(), now)
            .unwrap()
            .event
            .event
    }

    #[test]
    fn every_type_of_the_union_stays() {
        for known in all() {
            assert_eq!(fate(known.name), Fate::Kept, "{}", known.name);
            let example = known.example()["data"].clone();
            assert!(is_kept(&event(known.name, example)), "{}", known.name);
        }
    }

    #[test]
    fn types_are_listed_as_they_are_judged() {
        assert!(kept_types().iter().all(|name| fate(name) == Fate::Kept));
        for name in unsure_types() {
            for versioned in [name.clone(), format!("{name}.0.1.1")] {
                assert_eq!(fate(&versioned), Fate::Unsure, "{versioned}");
                assert_eq!(stem(&versioned), name);
            }
            assert_eq!(fate(&format!("{name}x.0.1.1")), Fate::Removed, "{name}");
        }
        assert_eq!(stem("com.acme.order"), "com.acme.order");
    }

    #[test]
    fn what_no_handler_reads_goes() {
        for foreign in [
            "com.acme.order.placed",
            "deploymentx",
            "dev.cdevents.build.started.0.2.0",
            "dev.cdevents.",
        ] {
            assert_eq!(fate(foreign), Fate::Removed, "{foreign}");
            assert!(!is_kept(&event(foreign, json!({}))), "{foreign}");
        }
    }

    #[test]
    fn of_cdevents_those_stay_that_say_what_a_handler_reads() {
        let deployed = "dev.cdevents.service.deployed.0.1.1";
        assert_eq!(fate(deployed), Fate::Unsure);
        let whole = json!({
            "context": {"id": "1"},
            "subject": {"id": "payments", "content": {
                "environment": {"id": "production"}, "artifactId": "pkg:oci/payments@1.2"
            }}
        });
        assert!(is_kept(&event(deployed, whole)));
        assert!(!is_kept(&event(
            deployed,
            json!({"subject": {"id": "payments"}})
        )));
    }

    #[test]
    fn only_filters_that_let_foreign_events_through_may_want_what_has_gone() {
        let check = |types: &[&str], want: bool| {
            let types = types.iter().map(|text| TypePattern::from(*text)).collect();
            let filter = EventFilter {
                types,
                ..EventFilter::default()
            };
            assert_eq!(may_want_removed(&filter), want, "{:?}", filter.types);
        };
        check(&[], true);
        check(&["*"], true);
        check(&["deployment.*", "incident.opened"], false);
        check(&["deployment.*", "com.acme.*"], true);
        check(&["deployment*"], true);
        check(&["com.acme.click"], true);
        check(&["dev.cdevents.service.deployed.0.1.1"], true);
        check(&["service.he*"], false);
    }

    #[test]
    fn a_platform_event_that_cannot_be_read_any_more_stays() {
        let mut old = event("platform.notice", json!({"message": "m"}));
        old.data = json!({"words": "as a looser version took them"});
        assert!(is_kept(&old));
    }
}

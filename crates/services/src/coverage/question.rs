//! What was found, and which question it answers.

use chrono::Duration;
use pts_api::Gap;
use pts_domain::blind::{Concern, Window};
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::retention::may_want_removed;
use pts_domain::{StoredEvent, Timestamp};

/// How far back a question about the present looks for what was missed. A sender that keeps what was
/// not acknowledged has sent it by then, and what is reported again and again has been.
const PRESENT: Duration = Duration::days(1);

/// What a use case found. It becomes an answer at the gateway, which adds what it rests on.
#[derive(Debug)]
pub struct Found<T> {
    pub(crate) data: T,
    /// How many things that is.
    pub(crate) rows: u64,
    pub(crate) question: Question,
    /// What the use case itself knows to be missing.
    pub(crate) gaps: Vec<Gap>,
    pub(crate) warnings: Vec<String>,
    pub(crate) next_cursor: Option<String>,
}

/// What a question is about, as far as that tells what could be missing from its answer.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// What could have been reported and matters; nothing for what is whole as it stands.
    pub(crate) concern: Option<Concern>,
    /// Whether it asks for events that retention may have removed.
    pub(crate) for_removed: bool,
}

impl Question {
    /// One about something that is whole as it stands: what was never received changes nothing in it.
    pub(crate) const fn itself() -> Self {
        Self {
            concern: None,
            for_removed: false,
        }
    }

    /// One about what happened in a period, in events of these types.
    pub(crate) fn period(
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        types: &[&str],
    ) -> Self {
        let concern = Concern {
            window: Window { since, until },
            types: types.iter().map(|&pattern| pattern.into()).collect(),
            ..Concern::default()
        };
        Self {
            concern: Some(concern),
            for_removed: false,
        }
    }

    /// One about what is so now, as events of these types tell.
    pub(crate) fn present(now: Timestamp, types: &[&str]) -> Self {
        Self::period(Some(now - PRESENT), None, types)
    }

    /// One about what was so at a moment, as events of these types tell.
    pub(crate) fn state_at(moment: Timestamp, types: &[&str]) -> Self {
        Self::period(Some(moment - PRESENT), Some(moment), types)
    }

    /// One about what was so at two moments, as events of these types tell.
    pub(crate) fn between(from: Timestamp, to: Timestamp, types: &[&str]) -> Self {
        Self::period(Some(from - PRESENT), Some(to), types)
    }

    /// Narrowed to a service and an environment, where they are given.
    pub(crate) fn of(mut self, service: Option<&String>, environment: Option<&String>) -> Self {
        if let Some(concern) = &mut self.concern {
            concern.service = service.cloned();
            concern.environment = environment.cloned();
        }
        self
    }

    /// The one that a page of events answers. Newest first: it begins at its cursor and ends with
    /// its last event, unless it is the last page.
    pub(crate) fn page_of_events(
        filter: &EventFilter,
        cursor: Option<&Cursor>,
        page: &Page<StoredEvent>,
    ) -> Self {
        let behind = match cursor {
            Some(Cursor::Event(micros, _)) => Timestamp::from_timestamp_micros(*micros),
            _ => None,
        };
        let until = behind.map(|time| time + Duration::microseconds(1));
        let last = page.items.last().filter(|_| page.next.is_some());
        let concern = Concern {
            window: Window {
                since: last.map(|event| event.event.time).or(filter.since),
                until: until.or(filter.until),
            },
            source: filter.source.clone(),
            service: filter.service.clone(),
            environment: filter.environment.clone(),
            types: filter.types.clone(),
        };
        Self {
            concern: Some(concern),
            for_removed: may_want_removed(filter),
        }
    }
}

/// What was found, without pages.
pub(crate) fn found<T>(data: T, question: Question) -> Found<T> {
    Found {
        data,
        rows: 1,
        question,
        gaps: Vec::new(),
        warnings: Vec::new(),
        next_cursor: None,
    }
}

/// One page of a list that was found.
pub(crate) fn page<T, U>(
    page: Page<T>,
    question: Question,
    each: impl Fn(T) -> U,
) -> Found<Vec<U>> {
    let next_cursor = page.next.as_ref().map(Cursor::to_string);
    let data: Vec<U> = page.items.into_iter().map(each).collect();
    Found {
        rows: data.len() as u64,
        next_cursor,
        ..found(data, question)
    }
}

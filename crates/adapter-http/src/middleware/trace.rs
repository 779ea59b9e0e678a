//! Where a request belongs among the spans of everybody who had a part in it: W3C trace context, taken
//! from whoever asks or begun here. The names are made here whether or not anybody exports spans, so
//! that logs, figures and answers can be held against each other.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::HeaderMap;

use super::request_id::traceparent;

/// Makes names of traces and spans: a keyed hash over a count. They are unique and decide nothing, so
/// that no port is needed for this chance.
pub(crate) struct TraceIds {
    chance: RandomState,
    next: AtomicU64,
    /// Of this many traces in 2^63 that begin here, one is sampled.
    sampled_below: u64,
}

/// One request's place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TraceContext {
    trace_id: u128,
    span_id: u64,
    /// The span that the request came from, if it came from one.
    parent: Option<u64>,
    sampled: bool,
}

impl TraceIds {
    /// `ratio` of the traces that begin here are sampled; whoever brings one along has decided.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of all there are, to the nearest representable"
    )]
    pub(crate) fn new(ratio: f64) -> Self {
        Self {
            chance: RandomState::new(),
            next: AtomicU64::new(1),
            sampled_below: (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64,
        }
    }

    /// The place of a request with these headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> TraceContext {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let drawn = |what: u8| self.chance.hash_one((n, what)).max(1);
        let given = traceparent(headers).and_then(read);
        let (trace_id, parent, sampled) = given.unwrap_or_else(|| {
            let (high, low) = (drawn(0), drawn(1));
            let sampled = low >> 1 < self.sampled_below;
            (u128::from(high) << 64 | u128::from(low), None, sampled)
        });
        TraceContext {
            trace_id,
            span_id: drawn(2),
            parent,
            sampled,
        }
    }
}

/// Trace, span and whether it is sampled, of a header that is well formed.
fn read(header: &str) -> Option<(u128, Option<u64>, bool)> {
    let mut parts = header.split('-').skip(1);
    let trace = u128::from_str_radix(parts.next()?, 16).ok()?;
    let span = u64::from_str_radix(parts.next()?, 16).ok()?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    Some((trace, Some(span), flags & 1 == 1))
}

impl TraceContext {
    pub(super) fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    pub(super) fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    pub(super) fn parent(&self) -> Option<String> {
        self.parent.map(|parent| format!("{parent:016x}"))
    }

    pub(super) const fn is_sampled(&self) -> bool {
        self.sampled
    }
}

/// As the header of an answer has it: our span, for whoever asked.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled);
        write!(
            f,
            "00-{:032x}-{:016x}-{flags:02x}",
            self.trace_id, self.span_id
        )
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::super::request_id::TRACEPARENT;
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn a_trace_that_was_begun_elsewhere_goes_on_here() {
        let ids = TraceIds::new(0.0);
        let given = headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let (one, two) = (ids.of(&given), ids.of(&given));
        assert_eq!(one.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(one.parent().as_deref(), Some("00f067aa0ba902b7"));
        assert!(one.is_sampled());
        assert_ne!(one.span_id(), two.span_id());
        let expected = format!("00-{}-{}-01", one.trace_id(), one.span_id());
        assert_eq!(one.to_string(), expected);
        let unsampled = headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        assert!(!TraceIds::new(1.0).of(&unsampled).is_sampled());
    }

    #[test]
    fn what_begins_here_is_sampled_as_often_as_was_asked_for() {
        let nothing = HeaderMap::new();
        for (ratio, range) in [(0.0, 0..=0), (0.5, 400..=600), (1.0, 1_000..=1_000)] {
            let ids = TraceIds::new(ratio);
            let all: Vec<_> = (0..1_000).map(|_| ids.of(&nothing)).collect();
            let sampled = all.iter().filter(|one| one.is_sampled()).count();
            assert!(range.contains(&sampled), "{ratio}: {sampled}");
            assert!(
                all.iter()
                    .all(|one| one.parent.is_none() && one.to_string().len() == 55)
            );
            let distinct: std::collections::HashSet<_> =
                all.iter().map(|one| one.trace_id).collect();
            assert_eq!(distinct.len(), all.len());
        }
    }
}

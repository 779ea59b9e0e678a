//! The name of a request in logs, problems and headers: the client's own if it is sane, else one
//! of ours.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A request's id, for a handler that writes it into its answer.
pub(crate) struct RequestId(String);

impl RequestId {
    pub(super) fn new(id: &str) -> Self {
        Self(id.to_owned())
    }

    pub(crate) fn text(&self) -> String {
        self.0.clone()
    }
}

/// Makes request ids: chance drawn once, and a count. They are unique and decide nothing, so that
/// no port is needed for this chance.
pub(crate) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let drawn = RandomState::new().hash_one("request ids") >> 16;
        Self {
            prefix: format!("{drawn:012x}"),
            next: AtomicU64::new(1),
        }
    }

    /// The id of a request with these headers.
    pub(super) fn of(&self, headers: &HeaderMap) -> String {
        match headers
            .get(REQUEST_ID)
            .and_then(|id| id.to_str().ok())
            .filter(|id| is_sane(id))
        {
            Some(id) => id.to_owned(),
            None => format!(
                "{}-{}",
                self.prefix,
                self.next.fetch_add(1, Ordering::Relaxed)
            ),
        }
    }
}

/// A token in the wrong header is no name of a request: it would be in every line of the log.
fn is_sane(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && !id.starts_with("pts_")
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The W3C trace context that came with a request, if it is well formed.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_set = |part: &str| part.bytes().any(|b| b != b'0');
    match parts.as_slice() {
        [version, trace, parent, flags, rest @ ..]
            if hex(version, 2)
                && *version != "ff"
                && (*version != "00" || rest.is_empty())
                && hex(trace, 32)
                && is_set(trace)
                && hex(parent, 16)
                && is_set(parent)
                && hex(flags, 2) =>
        {
            Some(text)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_sane_id_is_kept_and_another_replaced() {
        let ids = RequestIds {
            prefix: "p".into(),
            next: AtomicU64::new(1),
        };
        assert_eq!(ids.of(&headers(REQUEST_ID, "run-7_a.b")), "run-7_a.b");
        assert_eq!(ids.of(&headers(REQUEST_ID, "a b")), "p-1");
        assert_eq!(ids.of(&headers(REQUEST_ID, &"x".repeat(65))), "p-2");
        assert_eq!(ids.of(&headers(REQUEST_ID, "pts_0123456789")), "p-3");
        assert_eq!(ids.of(&HeaderMap::new()), "p-4");
    }

    #[test]
    fn only_a_well_formed_trace_context_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(&headers(TRACEPARENT, good)), Some(good));
        for bad in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "x",
        ] {
            assert_eq!(traceparent(&headers(TRACEPARENT, bad)), None, "{bad}");
        }
    }
}

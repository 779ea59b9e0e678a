//! `GET /v1/events/stream`: events as they come, as server-sent events that a browser's
//! `EventSource` resumes by itself. Each is a default `message` with its place in the log as id.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures::stream::{self, Stream, StreamExt as _};
use pts_api::EventRecord;
use pts_api::actions::events::{StreamEvents, StreamInput};
use pts_domain::FieldError;
use pts_domain::access::Principal;
use pts_services::{AccessError, Following, Wanted};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior, Sleep, interval, sleep};

use crate::auth::{self, Presented};
use crate::metrics::GaugeGuard;
use crate::problem::Refusal;
use crate::shared::Shared;

/// What a browser waits before it connects again.
const RETRY_MS: u32 = 2_000;
/// How often it is looked whether the token still holds and still may: a revocation or a policy ends the
/// stream this soon.
const CHECK_TOKEN_EVERY: Duration = Duration::from_secs(1);
/// The longest time after which a stream may be wanted to end.
const LONGEST_WAIT_S: u64 = 24 * 60 * 60;
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Opens a stream.
pub(crate) async fn stream(
    req: HttpRequest,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let principal = auth::caller_with(&req, &shared, Wanted::of::<StreamEvents>()).await?;
    let (input, _) = shared.stream_parameters.read::<StreamInput>(&req)?;
    let behind = last_event_id(&req)?;
    if req.method() == Method::HEAD {
        return Ok(head().finish());
    }
    if shared.is_stopping() {
        return Err(Refusal::unavailable(
            "stopping",
            "The server is stopping.",
            5,
        ));
    }
    let place = std::sync::Arc::clone(&shared.streams)
        .try_acquire_owned()
        .map_err(|_| {
            let detail = "As many live streams are open as the server keeps; try again in 10 s.";
            Refusal::unavailable("too_many_streams", detail, 10)
        })?;
    let events = shared.gateway.follow(&principal, input, behind).await?;
    let wait = preferred_wait(&req);
    let open = Open {
        events,
        end: wait.map(|wait| Box::pin(sleep(Duration::from_secs(wait)))),
        heartbeat: every(shared.settings.stream_heartbeat),
        token_check: every(CHECK_TOKEN_EVERY),
        presented: auth::presented(&req, &shared),
        principal,
        stopping: shared.stopping.clone(),
        counted: shared.metrics.stream_opened(),
        place,
        shared,
    };
    let mut response = head();
    if let Some(wait) = wait {
        response.insert_header((PREFERENCE_APPLIED, format!("wait={wait}")));
    }
    Ok(response.streaming(open.into_stream()))
}

fn head() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        // Says that this must neither be compressed here nor held back by a proxy.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"));
    response
}

fn last_event_id(req: &HttpRequest) -> Result<Option<i64>, Refusal> {
    let Some(value) = req.headers().get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.trim().parse().map(Some).map_err(|_| {
        let expected = "the `id` of an event of an earlier stream: a whole number";
        Refusal::bad_input(vec![FieldError::invalid("Last-Event-ID", &text, expected)])
    })
}

/// After how many seconds the stream shall end, for a client that wants that. What cannot be read is no
/// preference (RFC 7240).
fn preferred_wait(req: &HttpRequest) -> Option<u64> {
    let said = req.headers().get_all(PREFER);
    let mut said = said.filter_map(|value| value.to_str().ok());
    said.find_map(|text| {
        let mut preferences = text.split(',').filter_map(|one| one.trim().split_once('='));
        let wait = preferences.find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))?;
        let wait: u64 = wait.1.trim().parse().ok()?;
        (wait <= LONGEST_WAIT_S).then_some(wait)
    })
}

/// Resolves when the time has come; never where there is none.
async fn over(end: Option<&mut Pin<Box<Sleep>>>) {
    match end {
        Some(end) => end.await,
        None => std::future::pending().await,
    }
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick of an interval is at once.
    ticks.reset();
    ticks
}

/// A stream that somebody listens to.
struct Open {
    events: Following,
    principal: Principal,
    heartbeat: Interval,
    token_check: Interval,
    presented: Presented,
    /// When it ends, if somebody wants that.
    end: Option<Pin<Box<Sleep>>>,
    stopping: watch::Receiver<bool>,
    shared: Data<Shared>,
    #[expect(dead_code, reason = "held while the stream is open")]
    counted: GaugeGuard,
    #[expect(dead_code, reason = "held while the stream is open")]
    place: OwnedSemaphorePermit,
}

impl Open {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        // Whoever is cut before the first event comes back behind this place, and misses nothing.
        let behind = self.events.behind;
        let hello = Bytes::from(format!("retry: {RETRY_MS}\nid: {behind}\n\n"));
        let events = stream::unfold(Some(self), |open| async move {
            let mut open = open?;
            let (bytes, ended) = open.next().await?;
            // Its length counts for who reads it.
            open.shared.gateway.note_read(&open.principal, bytes.len());
            Some((Ok(bytes), if ended { None } else { Some(open) }))
        });
        stream::once(async { Ok(hello) }).chain(events)
    }

    /// What is written next, and whether it is the last; `None` when nothing is left to say.
    async fn next(&mut self) -> Option<(Bytes, bool)> {
        loop {
            tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stopping| *stopping) => return None,
                // Before the events, of which there may always be one more.
                () = over(self.end.as_mut()) => return None,
                _ = self.token_check.tick() => {
                    let origin = self.principal.origin.clone();
                    match self.presented.check(&self.shared.gateway, origin).await {
                        // What was held for a while may be over, though the token is not.
                        Ok(principal) => {
                            let wanted = Wanted::of::<StreamEvents>();
                            if let Err(error) = self.shared.gateway.admit(&principal, wanted) {
                                return Some((problem(error.into()), true));
                            }
                        }
                        Err(AccessError::Unavailable { .. }) => {}
                        Err(error) => return Some((problem(error.into()), true)),
                    }
                }
                event = self.events.next() => {
                    return match event? {
                        Ok(event) => Some((message(&event), false)),
                        Err(error) => Some((problem(error.into()), true)),
                    };
                }
                _ = self.heartbeat.tick() => return Some((Bytes::from_static(b": alive\n\n"), false)),
            }
        }
    }
}

/// JSON on one line: serde_json escapes line breaks inside texts.
fn message(event: &EventRecord) -> Bytes {
    let json = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!("id: {}\ndata: {json}\n\n", event.position))
}

/// The last message of a stream that cannot go on.
fn problem(refusal: Refusal) -> Bytes {
    let json = serde_json::to_string(&refusal.into_problem()).unwrap_or_default();
    Bytes::from(format!("event: problem\ndata: {json}\n\n"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_wait_is_preferred_as_the_standard_says_or_not_at_all() {
        let check = |text: &str, expected| {
            let req = TestRequest::get().insert_header((PREFER, text));
            assert_eq!(preferred_wait(&req.to_http_request()), expected, "{text}");
        };
        check("wait=0", Some(0));
        check("respond-async, Wait = 30", Some(30));
        check("wait=86400", Some(86_400));
        check("wait=86401", None);
        check("wait=-1", None);
        check("wait", None);
        check("", None);
    }
}

//! `GET /v1/events/stream`: events as they come, as server-sent events that a browser's
//! `EventSource` resumes by itself. Each is a default `message` with its place in the log as id.

use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures::stream::{self, Stream, StreamExt as _};
use pts_api::EventRecord;
use pts_api::actions::events::{StreamEvents, StreamInput};
use pts_domain::FieldError;
use pts_domain::access::Origin;
use pts_services::{AccessError, ActionError, BoxStream, facts};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::auth;
use crate::metrics::GaugeGuard;
use crate::problem::Refusal;
use crate::shared::Shared;

/// What a browser waits before it connects again.
const RETRY_MS: u32 = 2_000;
/// How often it is looked whether the token still holds and still may: a revocation or a policy ends the
/// stream this soon.
const CHECK_TOKEN_EVERY: Duration = Duration::from_secs(1);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Opens a stream.
pub(crate) async fn stream(
    req: HttpRequest,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let principal = auth::caller_of::<StreamEvents>(&req, &shared).await?;
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
    let open = Open {
        events,
        heartbeat: every(shared.settings.stream_heartbeat),
        token_check: every(CHECK_TOKEN_EVERY),
        token: auth::presented(&req, &shared).unwrap_or_default(),
        origin: principal.origin.clone(),
        stopping: shared.stopping.clone(),
        counted: shared.metrics.stream_opened(),
        place,
        shared,
    };
    Ok(head().streaming(open.into_stream()))
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

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick of an interval is at once.
    ticks.reset();
    ticks
}

/// A stream that somebody listens to.
struct Open {
    events: BoxStream<'static, Result<EventRecord, ActionError>>,
    heartbeat: Interval,
    token_check: Interval,
    token: String,
    origin: Origin,
    stopping: watch::Receiver<bool>,
    shared: Data<Shared>,
    #[expect(dead_code, reason = "held while the stream is open")]
    counted: GaugeGuard,
    #[expect(dead_code, reason = "held while the stream is open")]
    place: OwnedSemaphorePermit,
}

impl Open {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let hello = Bytes::from(format!("retry: {RETRY_MS}\n\n"));
        let events = stream::unfold(Some(self), |open| async move {
            let mut open = open?;
            let (bytes, ended) = open.next().await?;
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
                _ = self.token_check.tick() => {
                    let origin = self.origin.clone();
                    match self.shared.gateway.authenticate(&self.token, origin).await {
                        Ok(principal) => {
                            let action = facts::<StreamEvents>();
                            let may = self.shared.gateway.authorise(&principal, &action);
                            if let Err(error) = may {
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

fn message(event: &EventRecord) -> Bytes {
    // JSON on one line: serde_json escapes line breaks inside texts.
    let json = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!("id: {}\ndata: {json}\n\n", event.position))
}

/// The last message of a stream that cannot go on.
fn problem(refusal: Refusal) -> Bytes {
    let json = serde_json::to_string(&refusal.into_problem()).unwrap_or_default();
    Bytes::from(format!("event: problem\ndata: {json}\n\n"))
}

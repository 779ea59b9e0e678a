//! `POST /v1/events`: one event or a batch, in any form, acknowledged after it is committed.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use pts_api::actions::events::{AppendEvents, AppendParameters};
use pts_api::{Action as _, Receipt};
use pts_services::receipts::{batch, refused};
use pts_services::{ItemOutcome, Mode, Wanted};
use serde::Serialize;

use super::binary;
use super::body::{self, Reservation};
use super::decode::{Batch, decode, is_unreadable, not_json};
use super::media::{self, ContentType, Encoding, Media};
use crate::problem::Refusal;
use crate::shared::Shared;
use crate::{HttpSettings, auth};

/// Takes events in.
pub(crate) async fn append(
    req: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    let principal = auth::caller_with(&req, &shared, Wanted::of::<AppendEvents>()).await?;
    let (input, _) = shared.append_parameters.read::<AppendParameters>(&req)?;
    let (media, content_type) = media::media(req.headers())?;
    let encoding = media::encoding(req.headers())?;

    let mut reservation = shared.bodies.reserve();
    let bytes = body::read(payload, &shared.settings, &mut reservation).await?;
    let _share = shared.gateway.share(&principal, bytes.len()).await?;
    let body = Body {
        bytes,
        encoding,
        media,
        content_type,
    };
    let (batch, _reservation) = body.decode(&req, &shared.settings, reservation).await?;

    let Batch {
        items,
        single,
        form,
    } = batch;
    let outcomes = shared
        .gateway
        .ingest(&principal, items, form, Mode::from(&input))
        .await?;
    count(&shared, &outcomes);
    if single {
        let outcome = outcomes.into_iter().next().ok_or_else(Refusal::internal)?;
        answer_one(&outcome)
    } else {
        Ok(answer_batch(outcomes))
    }
}

struct Body {
    bytes: Vec<u8>,
    encoding: Encoding,
    media: Media,
    content_type: Option<ContentType>,
}

impl Body {
    async fn decode(
        self,
        req: &HttpRequest,
        settings: &HttpSettings,
        mut reservation: Reservation,
    ) -> Result<(Batch, Reservation), Refusal> {
        let Self {
            bytes,
            encoding,
            media,
            content_type,
        } = self;
        let most = settings.max_body_bytes;
        if media == Media::Binary {
            let bytes = body::decompress(bytes, encoding, most, &mut reservation)?;
            body::make_room(&bytes, settings, &mut reservation)?;
            let batch = binary::event(req.headers(), content_type.as_ref(), &bytes)?;
            return Ok((batch, reservation));
        }
        let settings = settings.clone();
        body::beside(body::is_heavy(&bytes, encoding), move || {
            let bytes = body::decompress(bytes, encoding, most, &mut reservation)?;
            body::make_room(&bytes, &settings, &mut reservation)?;
            Ok((decode(bytes, media)?, reservation))
        })
        .await
    }
}

fn count(shared: &Shared, outcomes: &[ItemOutcome]) {
    for (name, is_it) in [
        (
            "created",
            (|o| matches!(o, ItemOutcome::Created(_))) as fn(&ItemOutcome) -> bool,
        ),
        ("duplicate", |o| matches!(o, ItemOutcome::Duplicate(_))),
        ("valid", |o| matches!(o, ItemOutcome::Valid(_))),
        ("accepted", |o| matches!(o, ItemOutcome::Accepted(_))),
        ("conflict", |o| matches!(o, ItemOutcome::Conflict { .. })),
        ("invalid", |o| matches!(o, ItemOutcome::Invalid { .. })),
    ] {
        let number = outcomes.iter().filter(|outcome| is_it(outcome)).count();
        if number > 0 {
            shared.metrics.ingested(name, number as u64);
        }
    }
}

fn answer_one(outcome: &ItemOutcome) -> Result<HttpResponse, Refusal> {
    match outcome {
        ItemOutcome::Created(receipt) => Ok(receipt_with(StatusCode::CREATED, receipt)),
        ItemOutcome::Duplicate(receipt) | ItemOutcome::Valid(receipt) => {
            Ok(receipt_with(StatusCode::OK, receipt))
        }
        ItemOutcome::Accepted(receipt) => Ok(receipt_with(StatusCode::ACCEPTED, receipt)),
        ItemOutcome::Conflict { .. } | ItemOutcome::Invalid { .. } => Err(alone(outcome)),
    }
}

fn receipt_with(status: StatusCode, receipt: &Receipt) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    if let Some(id) = receipt.id {
        response.insert_header((header::LOCATION, location(id)));
    }
    json(&mut response, receipt)
}

fn location(id: impl std::fmt::Display) -> String {
    format!("{}/{id}", AppendEvents::PATH)
}

fn json(response: &mut HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    response.json(body)
}

fn answer_batch(outcomes: Vec<ItemOutcome>) -> HttpResponse {
    let accepted = (outcomes.iter()).any(|one| matches!(one, ItemOutcome::Accepted(_)));
    let result = batch(outcomes);
    let status = match (result.rejected, accepted) {
        (0, true) => StatusCode::ACCEPTED,
        (0, false) => StatusCode::OK,
        _ => StatusCode::MULTI_STATUS,
    };
    json(&mut HttpResponseBuilder::new(status), &result)
}

/// Why an event that came alone is refused. Of a body that is one event, what is no JSON is said of
/// the body.
fn alone(outcome: &ItemOutcome) -> Refusal {
    let refusal = match refused(outcome) {
        Some(problem) => Refusal::from(Box::new(problem)),
        None => Refusal::internal(),
    };
    match outcome {
        ItemOutcome::Invalid {
            errors,
            quarantine_id,
        } => match errors.as_slice() {
            [error] if is_unreadable(error) => {
                not_json(error.clone()).with_quarantine(*quarantine_id)
            }
            _ => refusal,
        },
        ItemOutcome::Conflict { id, .. } => match header::HeaderValue::try_from(location(id)) {
            Ok(location) => refusal.with_header(header::CONTENT_LOCATION, location),
            Err(_) => refusal,
        },
        _ => refusal,
    }
}

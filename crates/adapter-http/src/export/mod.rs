//! `GET /v1/events/export` and its like: everything that fits, written as it is read. The memory that one
//! takes is a few stretches of the log, whatever its size; one that cannot go on breaks its body off, so that
//! nobody takes a part for the whole.

mod csv;
mod ndjson;
mod rows;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures::stream::{self, Stream, StreamExt as _};
use pts_api::Coverage;
use pts_api::actions::export::{Export as ExportAction, ExportEnd, ExportFormat};
use pts_domain::access::Principal;
use pts_services::{AccessError, ActionError, BoxStream, Export, Exported, Gateway, Part, Wanted};

use crate::auth::{self, Presented};
use crate::bind::{Parameters, with_parameters};
use crate::problem::Refusal;
use crate::routes::Binder;
use crate::shared::Shared;
use rows::Written;

/// How far an export goes, and whether anything is known to be missing.
const UP_TO: HeaderName = HeaderName::from_static("x-pts-up-to");
pub(crate) const COVERAGE: HeaderName = HeaderName::from_static("x-pts-coverage");

/// So many bytes are written at once.
const CHUNK: usize = 64 * 1024;

/// Binds the route of an action that writes everything out as a file.
pub(crate) fn bind<A: ExportAction>(binder: &mut Binder<'_>)
where
    Gateway: Exported<A>,
    <Gateway as Exported<A>>::Row: Written,
{
    with_parameters::<A, _>(binder, export::<A>);
}

async fn export<A: ExportAction>(
    req: HttpRequest,
    shared: Data<Shared>,
    parameters: Rc<Parameters>,
) -> Result<HttpResponse, Refusal>
where
    Gateway: Exported<A>,
    <Gateway as Exported<A>>::Row: Written,
{
    let principal = auth::caller_with(&req, &shared, Wanted::of::<A>()).await?;
    let (input, options) = parameters.read::<A::Input>(&req)?;
    let format = A::format(&input).unwrap_or_else(|| accepted(&req));
    let file = <<Gateway as Exported<A>>::Row as Written>::FILE;
    if req.method() == Method::HEAD {
        return Ok(head(file, format).finish());
    }
    let gateway = Arc::clone(&shared.gateway);
    let export = gateway.export::<A>(&principal, input, options).await?;
    let mut response = head(file, format);
    response
        .insert_header((UP_TO, HeaderValue::from(export.up_to)))
        .insert_header((COVERAGE, coverage(&export.coverage)));
    let who = (principal, auth::presented(&req, &shared), Wanted::of::<A>());
    Ok(response.streaming(Open::new(export, format, who, shared).into_stream()))
}

/// What the header says of an answer.
pub(crate) const fn coverage(coverage: &Coverage) -> HeaderValue {
    HeaderValue::from_static(if coverage.complete {
        "complete"
    } else {
        "incomplete"
    })
}

fn head(file: &str, format: ExportFormat) -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let content_type = match format {
        ExportFormat::Ndjson => "application/x-ndjson",
        ExportFormat::Csv => "text/csv; charset=utf-8; header=present",
    };
    let disposition = format!("attachment; filename=\"{file}.{}\"", format.extension());
    response
        .insert_header((header::CONTENT_TYPE, content_type))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .insert_header((header::VARY, "accept"))
        // A proxy that collects the whole before it hands it on would need room for it.
        .insert_header((HeaderName::from_static("x-accel-buffering"), "no"));
    response
}

/// The format that `Accept` prefers; the usual one if it names none.
fn accepted(req: &HttpRequest) -> ExportFormat {
    let ranges = req.headers().get_all(header::ACCEPT);
    let ranges = ranges.filter_map(|value| value.to_str().ok());
    let mut best = (0.0, ExportFormat::default());
    for range in ranges.flat_map(|value| value.split(',')) {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let quality = parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            (key.trim() == "q").then(|| value.trim().parse().unwrap_or(0.0))
        });
        let quality = quality.unwrap_or(1.0_f32);
        let named = ExportFormat::ALL
            .into_iter()
            .find(|format| format.media_type().eq_ignore_ascii_case(name.trim()));
        if let Some(format) = named.filter(|_| quality > best.0) {
            best = (quality, format);
        }
    }
    best.1
}

/// An export that somebody reads.
struct Open<W> {
    parts: BoxStream<'static, Result<Part<W>, ActionError>>,
    rows: std::vec::IntoIter<W>,
    format: ExportFormat,
    buffer: Vec<u8>,
    up_to: i64,
    principal: Principal,
    presented: Presented,
    action: Wanted,
    shared: Data<Shared>,
}

impl<W: Written> Open<W> {
    fn new(
        export: Export<W>,
        format: ExportFormat,
        (principal, presented, action): (Principal, Presented, Wanted),
        shared: Data<Shared>,
    ) -> Self {
        let mut buffer = Vec::new();
        if format == ExportFormat::Csv {
            buffer.extend_from_slice(W::COLUMNS.as_bytes());
            buffer.extend_from_slice(b"\r\n");
        }
        Self {
            parts: export.parts,
            rows: Vec::new().into_iter(),
            format,
            buffer,
            up_to: export.up_to,
            principal,
            presented,
            action,
            shared,
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, BrokenOff>> {
        stream::unfold(Some(self), |open| async move {
            let mut open = open?;
            match open.next().await {
                Ok((bytes, ended)) => Some((Ok(bytes), if ended { None } else { Some(open) })),
                Err(error) => {
                    tracing::warn!(%error, "an export was broken off");
                    Some((Err(BrokenOff), None))
                }
            }
        })
    }

    /// What is written next, and whether it is the last.
    async fn next(&mut self) -> Result<(Bytes, bool), String> {
        loop {
            for row in self.rows.by_ref() {
                match self.format {
                    ExportFormat::Ndjson => row.line(&mut self.buffer),
                    ExportFormat::Csv => row.row(&mut self.buffer),
                }
                if self.buffer.len() >= CHUNK {
                    return Ok((self.written(), false));
                }
            }
            self.check_token().await?;
            match self.parts.next().await {
                Some(Ok(Part::Rows(rows))) => self.rows = rows.into_iter(),
                Some(Ok(Part::End { count, coverage })) => {
                    if self.format == ExportFormat::Ndjson {
                        let end = ExportEnd {
                            end: true,
                            count,
                            up_to: self.up_to,
                            coverage,
                        };
                        ndjson::value(&mut self.buffer, &end);
                    }
                    return Ok((self.written(), true));
                }
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("it was given up".to_owned()),
            }
        }
    }

    fn written(&mut self) -> Bytes {
        let buffer = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + CHUNK / 8));
        // Its length counts for who reads it.
        self.shared.gateway.note_read(&self.principal, buffer.len());
        Bytes::from(buffer)
    }

    /// A token that was revoked ends what was begun with it, and so does a policy. Looked at for every
    /// part: a good token is believed for a second without asking anybody.
    async fn check_token(&mut self) -> Result<(), String> {
        let origin = self.principal.origin.clone();
        match self.presented.check(&self.shared.gateway, origin).await {
            Ok(principal) => {
                let may = self.shared.gateway.admit(&principal, self.action);
                may.map_err(|error| error.to_string())
            }
            Err(AccessError::Unavailable { .. }) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Makes the server cut the connection instead of ending the body as if it were whole.
#[derive(Debug)]
struct BrokenOff;

impl fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the export was broken off")
    }
}

impl std::error::Error for BrokenOff {}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn accept_chooses_and_anything_else_gets_the_usual() {
        let check = |accept: &str, expected| {
            let req = TestRequest::get().insert_header((header::ACCEPT, accept));
            assert_eq!(accepted(&req.to_http_request()), expected, "{accept}");
        };
        check("text/csv", ExportFormat::Csv);
        check("*/*", ExportFormat::Ndjson);
        check("text/html, text/csv;q=0.5, */*;q=0.1", ExportFormat::Csv);
        check("text/csv;q=0.5, application/x-ndjson", ExportFormat::Ndjson);
        check("text/csv;q=0", ExportFormat::Ndjson);
        check("TEXT/CSV; header=present; q=0.9", ExportFormat::Csv);
        check("application/json", ExportFormat::Ndjson);
        let bare = TestRequest::get().to_http_request();
        assert_eq!(accepted(&bare), ExportFormat::Ndjson);
    }
}

//! Exports: everything that fits, written as it is read. The memory that one takes is a few stretches of
//! the log, whatever its size; one that cannot go on breaks its body off, so that nobody takes a part for
//! the whole.

mod audit;
mod csv;
mod events;
mod ndjson;

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures::stream::{self, Stream, StreamExt as _};
use pts_api::actions::export::ExportFormat;
use pts_api::{Action, Coverage};
use pts_domain::access::Principal;
use pts_services::{ActionError, BoxStream, CallOptions, Gateway, Wanted};

use crate::auth;
use crate::bind::Parameters;
use crate::problem::Refusal;
use crate::routes::Binder;
use crate::shared::Shared;

/// How far an export goes, and whether anything is known to be missing.
const UP_TO: HeaderName = HeaderName::from_static("x-pts-up-to");
pub(crate) const COVERAGE: HeaderName = HeaderName::from_static("x-pts-coverage");

/// So many bytes are written at once.
const CHUNK: usize = 64 * 1024;

/// An action whose answer is written out as a file.
pub(crate) trait Written: Action {
    /// One thing in it.
    type Item: 'static;
    /// The name of the file, without its end.
    const FILE: &'static str;

    /// The format that was asked for.
    fn format(input: &Self::Input) -> Option<ExportFormat>;

    /// Begins it.
    fn begin(
        gateway: Arc<Gateway>,
        principal: &Principal,
        input: Self::Input,
        options: CallOptions,
    ) -> impl Future<Output = Result<Begun<Self::Item>, ActionError>>;

    /// Writes the names of the columns.
    fn columns(out: &mut Vec<u8>);

    /// Writes one thing as a row.
    fn row(out: &mut Vec<u8>, item: &Self::Item);

    /// Writes one thing as a line.
    fn line(out: &mut Vec<u8>, item: &Self::Item);

    /// Writes the last line.
    fn end(out: &mut Vec<u8>, end: End);
}

/// An export that has begun.
pub(crate) struct Begun<T> {
    up_to: i64,
    coverage: Coverage,
    parts: BoxStream<'static, Result<Piece<T>, ActionError>>,
}

/// A part of one.
pub(crate) enum Piece<T> {
    /// Some of it.
    Items(Vec<T>),
    /// There were so many, and it rests on this.
    Whole(u64, Coverage),
}

/// What is told when all of it is written.
pub(crate) struct End {
    count: u64,
    up_to: i64,
    coverage: Coverage,
}

/// Binds the route of an action whose answer is written out as a file.
pub(crate) fn bind<A: Written>(binder: &mut Binder<'_>) {
    let parameters = Rc::new(Parameters::of::<A>());
    binder.action::<A, _, _>(move |req: HttpRequest, shared: Data<Shared>| {
        let parameters = Rc::clone(&parameters);
        async move { export::<A>(&req, shared, &parameters).await }
    });
}

async fn export<A: Written>(
    req: &HttpRequest,
    shared: Data<Shared>,
    parameters: &Parameters,
) -> Result<HttpResponse, Refusal> {
    let principal = auth::caller_with(req, &shared, Wanted::of::<A>()).await?;
    let (input, options) = parameters.read::<A::Input>(req)?;
    let format = A::format(&input).unwrap_or_else(|| accepted(req));
    if req.method() == Method::HEAD {
        return Ok(head(A::FILE, format).finish());
    }
    let gateway = Arc::clone(&shared.gateway);
    let begun = A::begin(gateway, &principal, input, options).await?;
    let mut response = head(A::FILE, format);
    response
        .insert_header((UP_TO, HeaderValue::from(begun.up_to)))
        .insert_header((COVERAGE, coverage(&begun.coverage)));
    let token = auth::presented(req, &shared).unwrap_or_default();
    let open = Open::<A>::new(begun, format, (principal, token), shared);
    Ok(response.streaming(open.into_stream()))
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
struct Open<A: Written> {
    parts: BoxStream<'static, Result<Piece<A::Item>, ActionError>>,
    items: std::vec::IntoIter<A::Item>,
    format: ExportFormat,
    buffer: Vec<u8>,
    up_to: i64,
    principal: Principal,
    token: String,
    shared: Data<Shared>,
}

impl<A: Written> Open<A> {
    fn new(
        begun: Begun<A::Item>,
        format: ExportFormat,
        (principal, token): (Principal, String),
        shared: Data<Shared>,
    ) -> Self {
        let mut buffer = Vec::new();
        if format == ExportFormat::Csv {
            A::columns(&mut buffer);
        }
        Self {
            parts: begun.parts,
            items: Vec::new().into_iter(),
            format,
            buffer,
            up_to: begun.up_to,
            principal,
            token,
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
            for item in self.items.by_ref() {
                match self.format {
                    ExportFormat::Ndjson => A::line(&mut self.buffer, &item),
                    ExportFormat::Csv => A::row(&mut self.buffer, &item),
                }
                if self.buffer.len() >= CHUNK {
                    return Ok((self.written(), false));
                }
            }
            self.check_token().await?;
            match self.parts.next().await {
                Some(Ok(Piece::Items(items))) => self.items = items.into_iter(),
                Some(Ok(Piece::Whole(count, coverage))) => {
                    if self.format == ExportFormat::Ndjson {
                        let end = End {
                            count,
                            up_to: self.up_to,
                            coverage,
                        };
                        A::end(&mut self.buffer, end);
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

    /// A token that was revoked ends what was begun with it. Looked at for every part: a good token is
    /// believed for a second without asking anybody.
    async fn check_token(&mut self) -> Result<(), String> {
        let origin = self.principal.origin.clone();
        match self.shared.gateway.authenticate(&self.token, origin).await {
            Ok(_) | Err(pts_services::AccessError::Unavailable { .. }) => Ok(()),
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

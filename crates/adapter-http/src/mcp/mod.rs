//! `POST /mcp`: the actions as tools of the Model Context Protocol, for assistants that investigate
//! with the rights of the engineer whose token they carry. A thin translation: a message's way is
//! `door` (who may speak at all), `frame` (JSON-RPC), `version` (which protocol), `methods` (what is
//! asked), `tools` (which action that is); what is done is done by [`pts_services::Gateway::act`].
//!
//! There are no sessions and no streams: each message says everything, each answer is one JSON body.

mod door;
mod frame;
mod methods;
mod tools;
mod version;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::web::{Data, Payload};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use pts_api::Problem;
use pts_domain::access::Principal;
use serde_json::Value;

use crate::auth;
use crate::bind::Called;
use crate::events::whole_body;
use crate::middleware::RequestId;
use crate::problem::Refusal;
use crate::shared::Shared;

use frame::{Code, Fault, Frame};
use version::Version;

/// Where messages are posted to.
pub(crate) const PATH: &str = "/mcp";
/// Messages in one batch.
const MOST_IN_BATCH: usize = 50;

/// Who speaks, and over what.
struct Exchange<'r> {
    req: &'r HttpRequest,
    shared: &'r Shared,
    principal: Principal,
    request_id: String,
    /// What the request is counted as.
    called: Option<Called>,
    /// What goes out beside the answers: of limits that were reached.
    told: Vec<(HeaderName, HeaderValue)>,
}

/// Takes one message, or a batch where the protocol's version has such.
pub(crate) async fn serve(
    req: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
) -> Result<HttpResponse, Refusal> {
    door::from_a_program(&req)?;
    let principal = auth::program_caller(&req, &shared).await?;
    door::takes_json(&req)?;
    door::is_json(&req)?;
    let parse =
        |body: Vec<u8>| Ok(serde_json::from_slice(&body).map_err(|error| error.to_string()));
    let (message, _reservation) = whole_body(&req, payload, &shared, parse).await?;
    let request_id = req.extensions().get::<RequestId>().map(RequestId::text);
    let mut exchange = Exchange {
        req: &req,
        shared: &shared,
        principal,
        request_id: request_id.unwrap_or_default(),
        called: None,
        told: Vec::new(),
    };
    let (status, answer) = exchange.answer(message).await;
    Ok(exchange.respond(status, answer.as_ref()))
}

impl Exchange<'_> {
    /// What is said to a body, and under which status; nothing where nothing waits for an answer.
    async fn answer(&mut self, message: Result<Value, String>) -> (StatusCode, Option<Value>) {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                let fault = Fault::new(Code::Parse, format!("The body is not JSON: {error}."));
                return refused(&Value::Null, fault, false);
            }
        };
        let version = match version::of(self.req.headers(), &message) {
            Ok(version) => version,
            Err(fault) => return refused(&frame::id_of(&message), fault, true),
        };
        match message {
            Value::Array(messages) => self.batch(messages, version).await,
            message => self.one(&message, version).await,
        }
    }

    async fn one(&mut self, message: &Value, version: Version) -> (StatusCode, Option<Value>) {
        let modern = version.is_modern();
        match frame::read(message) {
            Err((id, fault)) => refused(&id, fault, modern),
            Ok(Frame::Request(request)) => match methods::answer(self, &request, version).await {
                Ok(result) => (StatusCode::OK, Some(frame::answered(&request.id, &result))),
                Err(fault) => refused(&request.id, fault, modern),
            },
            Ok(Frame::Notification) => (StatusCode::ACCEPTED, None),
            // Nothing was asked of the client; older versions let it answer all the same.
            Ok(Frame::Response) if !modern => (StatusCode::ACCEPTED, None),
            Ok(Frame::Response) => {
                let detail = "The server asks nothing, so there is nothing to respond to.";
                refused(&Value::Null, Fault::new(Code::InvalidRequest, detail), true)
            }
        }
    }

    async fn batch(
        &mut self,
        messages: Vec<Value>,
        version: Version,
    ) -> (StatusCode, Option<Value>) {
        if !version.has_batches() {
            let detail = format!(
                "Found a batch; version {version} of the protocol has one message in a request."
            );
            let fault = Fault::new(Code::InvalidRequest, detail);
            return refused(&Value::Null, fault, version.is_modern());
        }
        if !(1..=MOST_IN_BATCH).contains(&messages.len()) {
            let detail = format!(
                "Found {} messages in a batch; expected 1 to {MOST_IN_BATCH}.",
                messages.len()
            );
            let fault = Fault::new(Code::InvalidRequest, detail);
            return refused(&Value::Null, fault, false);
        }
        let mut answers = Vec::new();
        for message in &messages {
            answers.extend(self.one(message, version).await.1);
        }
        // It is counted as what it is, and not as one of the actions in it.
        self.called = None;
        if answers.is_empty() {
            return (StatusCode::ACCEPTED, None);
        }
        (StatusCode::OK, Some(answers.into()))
    }

    /// The problem of a refusal, and when to come again. What its response would say in headers, this
    /// one says.
    fn refuse(&mut self, refusal: Refusal) -> (Problem, Option<u64>) {
        let headers = refusal.headers();
        let retry_after = headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
        let retry_after_s = retry_after.and_then(|(_, value)| value.to_str().ok()?.parse().ok());
        if retry_after_s.is_some() {
            self.told = headers.to_vec();
        }
        let mut problem = refusal.into_problem();
        problem.request_id = Some(self.request_id.clone());
        (problem, retry_after_s)
    }

    fn respond(self, status: StatusCode, answer: Option<&Value>) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        if let Some(called) = self.called {
            response.extensions_mut().insert(called);
        }
        for told in self.told {
            response.insert_header(told);
        }
        match answer {
            None => response.finish(),
            Some(answer) => {
                let body = answer.to_string();
                // Its length counts for who reads it, as on every other way.
                self.shared.gateway.note_read(&self.principal, body.len());
                response
                    .insert_header((header::CONTENT_TYPE, "application/json"))
                    .body(body)
            }
        }
    }
}

/// The answer to what cannot be answered.
fn refused(id: &Value, fault: Fault, modern: bool) -> (StatusCode, Option<Value>) {
    (fault.code.status(modern), Some(frame::refused(id, fault)))
}

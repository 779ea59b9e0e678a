//! One request, one response, with a bound on time and size; the only room that names hyper.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client as Http, Error as HttpError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::error::{self, Refused};
use crate::retry::{Retry, retry_after};
use crate::{ClientError, ClientOptions, tls};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const AGENT: &str = concat!("pts-client/", env!("CARGO_PKG_VERSION"));
/// How much of a refusal is read.
const MOST_REFUSAL_BYTES: usize = 1024 * 1024;
/// How long a connection that nobody uses is kept. The server closes its side after 75 s.
const KEEP_IDLE: Duration = Duration::from_secs(30);

/// A request, as often as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) accept: &'static str,
    /// JSON.
    pub(crate) body: Option<Bytes>,
    pub(crate) last_event_id: Option<String>,
    /// Whether doing it twice is as good as doing it once.
    pub(crate) repeatable: bool,
}

/// An answer that is no refusal.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Debug)]
pub(crate) struct Transport {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    pub(crate) options: ClientOptions,
}

impl Transport {
    pub(crate) fn new(options: ClientOptions) -> Result<Self, ClientError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(options.connect_timeout));
        let spoken = options.base.scheme == http::uri::Scheme::HTTPS;
        let config = tls::config(spoken, options.root_certificates.as_deref())?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let http = Http::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .build(connector);
        Ok(Self { http, options })
    }

    /// Sends a request, again where that is safe and may help, and reads the whole answer.
    pub(crate) async fn exchange(&self, request: &Outgoing) -> Result<Reply, ClientError> {
        let begun = Instant::now();
        let mut retry = Retry::new(&self.options, request.repeatable);
        loop {
            let error = match self.once(request).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let wait = retry.after(&error, begun.elapsed()).ok_or(error)?;
            sleep(wait).await;
        }
    }

    /// The same for an answer that is read as it comes.
    pub(crate) async fn open(&self, request: &Outgoing) -> Result<Open, ClientError> {
        let begun = Instant::now();
        let mut retry = Retry::new(&self.options, request.repeatable);
        loop {
            let error = match self.open_once(request).await {
                Ok(open) => return Ok(open),
                Err(error) => error,
            };
            let wait = retry.after(&error, begun.elapsed()).ok_or(error)?;
            sleep(wait).await;
        }
    }

    /// One try of [`Transport::exchange`].
    pub(crate) async fn once(&self, request: &Outgoing) -> Result<Reply, ClientError> {
        let after = self.options.answer_timeout;
        let whole = async {
            let response = self.send(request).await?;
            let (head, body) = response.into_parts();
            let body = read(body, self.options.most_answer_bytes).await?;
            Ok(Reply {
                headers: head.headers,
                body,
            })
        };
        timeout(after, whole)
            .await
            .unwrap_or(Err(ClientError::TimedOut { after }))
    }

    /// One try of [`Transport::open`].
    pub(crate) async fn open_once(&self, request: &Outgoing) -> Result<Open, ClientError> {
        let after = self.options.answer_timeout;
        let response = timeout(after, self.send(request))
            .await
            .unwrap_or(Err(ClientError::TimedOut { after }))?;
        let (head, body) = response.into_parts();
        Ok(Open {
            headers: head.headers,
            body,
            silence: self.options.silence_timeout,
        })
    }

    /// Sends, and turns a refusal into an error.
    async fn send(&self, request: &Outgoing) -> Result<Response<Incoming>, ClientError> {
        let response = self.http.request(self.prepare(request)?).await;
        let response = response.map_err(|error| failed(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let (head, body) = response.into_parts();
        // A refusal that cannot be read to its end is a refusal all the same.
        let body = read(body, MOST_REFUSAL_BYTES).await.unwrap_or_default();
        let id = head.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        Err(Refused {
            problem: error::problem(status.as_u16(), &body, id.map(ToOwned::to_owned)),
            retry_after: retry_after(&head.headers),
        }
        .into())
    }

    fn prepare(&self, request: &Outgoing) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut prepared = Request::new(Full::new(request.body.clone().unwrap_or_default()));
        *prepared.method_mut() = request.method.clone();
        *prepared.uri_mut() = self.options.base.at(&request.path)?;
        let headers = prepared.headers_mut();
        if let Some(authorization) = &self.options.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static(request.accept));
        if request.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(id) = &request.last_event_id {
            let id = HeaderValue::try_from(id.as_str())
                .map_err(|error| ClientError::Unreadable(error.to_string()))?;
            headers.insert(LAST_EVENT_ID, id);
        }
        Ok(prepared)
    }
}

/// An answer that is read as it comes.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) headers: HeaderMap,
    body: Incoming,
    silence: Duration,
}

impl Open {
    /// The next bytes; `None` at the proper end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let deadline = Instant::now() + self.silence;
        loop {
            let after = self.silence;
            let frame = timeout_at(deadline, self.body.frame())
                .await
                .map_err(|_| ClientError::TimedOut { after })?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| ClientError::Broken(chain(&error)))?;
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }
}

/// Reads a body to its end, up to a length.
async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, ClientError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ClientError::Broken(chain(&error)))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        if whole.len() + bytes.len() > limit {
            return Err(ClientError::TooLarge { limit });
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole.freeze())
}

fn failed(error: &HttpError) -> ClientError {
    if error.is_connect() {
        ClientError::Unreachable(chain(error))
    } else {
        ClientError::Broken(chain(error))
    }
}

/// An error with what caused it: the outermost text alone says too little.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

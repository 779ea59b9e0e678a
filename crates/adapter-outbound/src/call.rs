//! One request over one connection, and no more of its answer than is needed.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pts_ports::OutboundError;

use crate::connect::{Stream, failed};
use crate::target::Target;

/// Bytes that the head of an answer may have.
const LARGEST_HEAD: usize = 64 * 1024;
/// Bytes of an answer that are read; nobody looks at them.
const LARGEST_BODY: usize = 64 * 1024;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where it leads on to, with the same method and the same body.
    pub(crate) location: Option<String>,
}

pub(crate) async fn post(
    stream: Box<dyn Stream>,
    target: &Target,
    content_type: &str,
    body: Bytes,
) -> Result<Answer, OutboundError> {
    let request = request(target, content_type, body)?;
    let broken = |error: hyper::Error| failed(target, &error.to_string());
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let driver = Driver(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a call to the outside broke off");
        }
    }));
    let response = sender.send_request(request).await.map_err(broken)?;
    let answer = answer(&response);
    drain(response).await;
    drop(driver);
    Ok(answer)
}

fn request(
    target: &Target,
    content_type: &str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, OutboundError> {
    let mut request = Request::post(target.path())
        .header(HOST, target.authority())
        .header(CONTENT_TYPE, content_type)
        .header(USER_AGENT, concat!("pts/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close");
    if let Some(authorization) = target.authorization() {
        let value = HeaderValue::try_from(authorization);
        let mut value = value.map_err(|_| failed(target, "its credentials cannot be sent"))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(Full::new(body));
    request.map_err(|error| failed(target, &error.to_string()))
}

/// Only 307 and 308 lead on: the others turn a POST into something else, which delivers nothing.
fn answer(response: &Response<Incoming>) -> Answer {
    let status = response.status().as_u16();
    let location = response.headers().get(LOCATION);
    let location = location.filter(|_| matches!(status, 307 | 308));
    Answer {
        status,
        location: location.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned()),
    }
}

/// Lets the other side say what it has to say, within bounds; what it is does not matter.
async fn drain(response: Response<Incoming>) {
    let mut body = response.into_body();
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > LARGEST_BODY {
            return;
        }
    }
}

/// Ends a connection with the call that it was made for.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! Requests to the provider: bounded in time and size, over TLS unless the provider is on this machine,
//! and never on to where an answer points.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use openidconnect::url::{Host, Url};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::SettingsError;

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to open.
const CONNECT: Duration = Duration::from_secs(5);
/// The most bytes of an answer: discovery documents and key sets have a few thousand.
const MOST_BYTES: usize = 1024 * 1024;
/// How long a connection that nobody uses is kept.
const KEEP_IDLE: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("{0} is not spoken to: it has no TLS and is not on this machine")]
    Plain(String),
    #[error("the request cannot be sent: {0}")]
    Request(String),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    Failed(String),
}

/// Speaks HTTP.
pub(crate) struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl Http {
    pub(crate) fn new(roots: Option<&Path>) -> Result<Self, SettingsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(roots)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .build(connector);
        Ok(Self(client))
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub(crate) async fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let uri = request.uri().to_string();
        if !Url::parse(&uri).is_ok_and(|url| is_private_enough(&url)) {
            return Err(HttpError::Plain(uri));
        }
        let exchange = async {
            let request = request.map(|body| Full::new(Bytes::from(body)));
            let response = self.0.request(request).await;
            let (head, body) = response.map_err(|error| failed(&error))?.into_parts();
            Ok(Response::from_parts(head, read(body).await?))
        };
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        answered.unwrap_or(Err(HttpError::TimedOut))
    }
}

/// Whether what is said to this address stays between us: TLS, or this machine.
pub(crate) fn is_private_enough(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    }
}

async fn read(mut body: Incoming) -> Result<Vec<u8>, HttpError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failed(&error))?;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        if whole.len() + bytes.len() > MOST_BYTES {
            return Err(HttpError::TooLarge);
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(whole.into())
}

/// An error with what caused it: the outermost text alone says too little.
fn failed(error: &dyn std::error::Error) -> HttpError {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    HttpError::Failed(texts.join(": "))
}

fn tls(roots: Option<&Path>) -> Result<ClientConfig, SettingsError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(file) => from_file(&mut store, file)?,
        // Without any, no provider is believed: that shows at the first request.
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError(format!("TLS cannot be used: {error}")))?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

fn from_file(store: &mut RootCertStore, file: &Path) -> Result<(), SettingsError> {
    let unusable = |why: String| {
        let file = file.display();
        SettingsError(format!(
            "root_certificates: {file} holds no usable certificates: {why}"
        ))
    };
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unusable(error.to_string()))?;
    for certificate in read {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        let added = store.add(certificate);
        added.map_err(|error| unusable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unusable("there are none in it".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn ask(uri: &str) -> Result<Response<Vec<u8>>, HttpError> {
        let http = Http::new(None).unwrap();
        let request = Request::get(uri).body(Vec::new()).unwrap();
        http.send(request).await
    }

    #[tokio::test]
    async fn plain_http_goes_nowhere_but_to_this_machine() {
        let refused = ask("http://192.0.2.1/keys").await;
        assert!(matches!(refused, Err(HttpError::Plain(_))), "{refused:?}");
        let refused = ask("ftp://127.0.0.1/keys").await;
        assert!(matches!(refused, Err(HttpError::Plain(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_end_is_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endless = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&vec![b' '; 65_536]).await.is_ok() {}
        });
        let answer = ask(&format!("http://{address}/")).await;
        assert!(matches!(answer, Err(HttpError::TooLarge)), "{answer:?}");
        endless.await.unwrap();
    }
}

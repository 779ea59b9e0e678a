//! An OpenTelemetry collector that keeps what it is sent.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use pts_testkit::Request;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A collector that takes spans over HTTP and keeps them.
pub(crate) struct Collector {
    pub(crate) address: String,
    requests: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    /// Everything that it was sent.
    pub(crate) fn everything(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<_>>>::default();
        let bytes = Arc::<Mutex<Vec<u8>>>::default();
        let (kept, raw) = (Arc::clone(&requests), Arc::clone(&bytes));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(take(connection, Arc::clone(&kept), Arc::clone(&raw)));
            }
        });
        Self {
            address,
            requests,
            bytes,
        }
    }

    pub(crate) fn find(&self, trace: &str) -> Option<(Span, String)> {
        let requests = self.requests.lock().unwrap();
        let all = requests.iter().flat_map(|request| &request.resource_spans);
        all.flat_map(|of| {
            let resource = format!("{:?}", of.resource);
            let spans = of.scope_spans.iter().flat_map(|scope| &scope.spans);
            spans.map(move |span| (span.clone(), resource.clone()))
        })
        .find(|(span, _)| hex::encode(&span.trace_id) == trace)
    }
}

async fn take(
    connection: TcpStream,
    kept: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    raw: Arc<Mutex<Vec<u8>>>,
) {
    let mut connection = BufReader::new(connection);
    while let Some(Request { head, body }) = Request::read(&mut connection).await {
        raw.lock().unwrap().extend_from_slice(&body);
        assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
        assert!(head.contains("application/x-protobuf"), "{head}");
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        kept.lock().unwrap().push(request);
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        connection.write_all(answer.as_bytes()).await.unwrap();
    }
}

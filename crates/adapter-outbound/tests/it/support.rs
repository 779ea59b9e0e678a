//! A server that answers from a script and keeps what it was asked, and a resolver that says what it is
//! told to.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pts_adapter_outbound::{HttpOutbound, OutboundSettings, Resolve};
use pts_testkit::Request;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// What a server was asked: the head in small letters, and the body.
pub(crate) type Asked = Arc<Mutex<Vec<(String, String)>>>;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Asked,
}

impl Server {
    /// One that answers each connection with the same text.
    pub(crate) async fn answering(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Asked::default();
        let (kept, answer) = (Arc::clone(&asked), answer.to_owned());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                serve(connection, &kept, &answer).await;
            }
        });
        Self { address, asked }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads one request and answers it.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    asked: &Asked,
    answer: &str,
) {
    let mut stream = BufReader::new(stream);
    let Some(Request { head, body }) = Request::read(&mut stream).await else {
        return;
    };
    let body = String::from_utf8(body).unwrap();
    asked.lock().unwrap().push((head, body));
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

pub(crate) fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

/// Says what it was told, one answer after the other; the last one again and again.
#[derive(Default)]
pub(crate) struct Scripted {
    answers: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    pub(crate) resolved: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn new(hosts: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let addresses = |all: &[&str]| all.iter().map(|one| one.parse().unwrap()).collect();
        let answers = hosts.iter().map(|(host, answers)| {
            let answers = answers.iter().map(|all| addresses(all)).collect();
            ((*host).to_owned(), answers)
        });
        Arc::new(Self {
            answers: Mutex::new(answers.collect()),
            resolved: Mutex::default(),
        })
    }

    pub(crate) fn resolved(&self) -> Vec<String> {
        self.resolved.lock().unwrap().clone()
    }
}

#[async_trait]
impl Resolve for Scripted {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.resolved.lock().unwrap().push(host.to_owned());
        let mut answers = self.answers.lock().unwrap();
        let left = answers.get_mut(host).ok_or(io::ErrorKind::NotFound)?;
        let next = if left.len() > 1 {
            left.pop_front()
        } else {
            left.front().cloned()
        };
        Ok(next.unwrap_or_default())
    }
}

/// A client that may call what is named.
pub(crate) fn client(resolver: &Arc<Scripted>, allow: &[String]) -> HttpOutbound {
    let settings = OutboundSettings {
        allow: allow.iter().map(|one| one.parse().unwrap()).collect(),
        deadline: Duration::from_secs(20),
        ..OutboundSettings::default()
    };
    HttpOutbound::with_resolver(settings, resolver.clone()).unwrap()
}

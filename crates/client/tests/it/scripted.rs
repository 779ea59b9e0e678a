//! A server that answers with what a test says, byte for byte, and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is done with one request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answer with these bytes and close.
    Say(String),
    /// Close without a word.
    Cut,
    /// Never answer.
    Silence,
}

/// An answer as HTTP has it.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n{headers}\r\n{body}"
    ))
}

pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    /// One act a request, the last one for all that come later.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut acts = acts.into_iter();
            let mut act = acts.next().unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, act.clone(), Arc::clone(&heard)));
                act = acts.next().unwrap_or(act);
            }
        });
        Self { address, asked }
    }

    /// The requests so far, head and body.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, act: Act, heard: Arc<Mutex<Vec<String>>>) {
    let request = read(&mut stream).await;
    heard.lock().unwrap().push(request);
    match act {
        Act::Say(text) => {
            // The client may be gone, which is what some tests are about.
            let _: std::io::Result<()> = stream.write_all(text.as_bytes()).await;
            let _: std::io::Result<()> = stream.shutdown().await;
        }
        Act::Cut => {}
        Act::Silence => std::future::pending::<()>().await,
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&piece[..read]));
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.to_ascii_lowercase();
            let length = length.split_once("content-length: ").map(|(_, rest)| rest);
            let length = length.map(|rest| rest.lines().next().unwrap().trim().to_owned());
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        });
        if whole || read == 0 {
            return text;
        }
    }
}

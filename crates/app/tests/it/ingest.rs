//! The ingest engine as its users meet it: two servers over one database, acceptance, overload.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use pts_adapter_postgres::cluster::{Cluster, ClusterOptions};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::harness::{PATIENCE, Server, data_dir, signal};

fn notice(source: &str, id: usize) -> Value {
    json!({
        "type": "platform.notice", "source": source, "id": id.to_string(),
        "data": {"message": "m"}
    })
}

/// Two servers over one database, and what they need.
struct Pair {
    one: Server,
    two: Server,
    database: Cluster,
    _dirs: [TempDir; 3],
}

impl Pair {
    async fn start() -> Self {
        let dirs = [data_dir(), data_dir(), data_dir()];
        let database = Cluster::start(ClusterOptions::new(dirs[2].path()))
            .await
            .unwrap();
        let arguments = ["--database-url", database.url()];
        let one = Server::start(dirs[0].path(), &arguments).await;
        let mut two = Server::start(dirs[1].path(), &arguments).await;
        two.token.clone_from(&one.token);
        Self {
            one,
            two,
            database,
            _dirs: dirs,
        }
    }

    async fn end(self) {
        assert!(self.one.end("TERM").await.success());
        assert!(self.two.end("TERM").await.success());
        self.database.stop().await;
    }
}

/// A stream of events, read as it comes.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn of(server: &Server) -> Self {
        let asked = server
            .client
            .get(format!("{}/v1/events/stream?after=0", server.url))
            .bearer_auth(&server.token)
            .send()
            .await
            .unwrap();
        assert_eq!(asked.status(), StatusCode::OK);
        Self {
            response: asked,
            text: String::new(),
        }
    }

    /// Reads on until the event of a place has come.
    async fn until(&mut self, position: usize) {
        while !self.positions().contains(&position) {
            let more = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let more = more.unwrap().expect("the stream has no end");
            self.text.push_str(&String::from_utf8_lossy(&more));
        }
    }

    /// The places of all events that came whole, in order. What opens the stream bears a place
    /// too, but no data: it is no event.
    fn positions(&self) -> Vec<usize> {
        let (whole, _) = self.text.rsplit_once("\n\n").unwrap_or_default();
        whole
            .split("\n\n")
            .filter(|block| block.lines().any(|line| line.starts_with("data:")))
            .map(|event| {
                let mut lines = event.lines();
                let id = lines.find_map(|line| line.strip_prefix("id: "));
                id.expect("an event has a place").parse().unwrap()
            })
            .collect()
    }
}

#[tokio::test]
async fn a_stream_of_one_server_shows_at_once_what_came_by_another() {
    let servers = Pair::start().await;
    let mut stream = Stream::of(&servers.two).await;
    // Until the servers hear each other, streams look by themselves, once in a second.
    assert_eq!(
        servers.one.post(&notice("s", 1)).await.0,
        StatusCode::CREATED
    );
    stream.until(1).await;
    let mut took = Vec::new();
    for id in 2..=10 {
        assert_eq!(
            servers.one.post(&notice("s", id)).await.0,
            StatusCode::CREATED
        );
        let answered = Instant::now();
        stream.until(id).await;
        took.push(answered.elapsed());
    }
    took.sort_unstable();
    // Most of them, however busy the machine is for a moment.
    assert!(took[6] < Duration::from_millis(500), "{took:?}");
    let batch: Vec<_> = (11..=400).map(|id| notice("s", id)).collect();
    let (one, two) = (json!(batch[..200]), json!(batch[200..]));
    let (by_one, by_two) = tokio::join!(servers.one.post(&one), servers.two.post(&two));
    assert_eq!((by_one.0, by_two.0), (StatusCode::OK, StatusCode::OK));
    stream.until(400).await;
    assert_eq!(stream.positions(), (1..=400).collect::<Vec<_>>());
    drop(stream);
    servers.end().await;
}

#[tokio::test]
async fn what_is_accepted_is_there_soon() {
    let dir = data_dir();
    let server = Server::start(dir.path(), &[]).await;
    let mut stream = Stream::of(&server).await;
    for id in 1..=20 {
        let accepted = server
            .client
            .post(format!("{}/v1/events?ack=accepted", server.url))
            .bearer_auth(&server.token)
            .json(&notice("s", id));
        let accepted = accepted.send().await.unwrap();
        assert_eq!(accepted.status(), StatusCode::ACCEPTED);
    }
    let begun = Instant::now();
    stream.until(20).await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(stream.positions(), (1..=20).collect::<Vec<_>>());
    drop(stream);
    assert!(server.end("TERM").await.success());
}

#[tokio::test]
async fn more_than_can_wait_is_refused_at_once_and_what_is_acknowledged_is_there() {
    const BATCH: usize = 10_000;
    let (dir, elsewhere) = (data_dir(), data_dir());
    let database = Cluster::start(ClusterOptions::new(elsewhere.path()))
        .await
        .unwrap();
    let arguments = ["--database-url", database.url()];
    let server = Server::start(dir.path(), &arguments).await;
    let batch = |n: usize| {
        json!(
            (0..BATCH)
                .map(|id| notice(&n.to_string(), id))
                .collect::<Vec<_>>()
        )
    };
    // Written out now: whose token it is must still be known when they arrive.
    let bodies: Vec<_> = (0..6).map(|n| batch(n).to_string()).collect();
    // Connections are open and months are made.
    assert_eq!(
        server.post(&notice("first", 0)).await.0,
        StatusCode::CREATED
    );
    // The database stands still for a moment, so that what comes has to wait.
    let processes = processes_of(database.pid().unwrap());
    for pid in &processes {
        signal("STOP", *pid);
    }
    let flood: Vec<_> = bodies
        .into_iter()
        .enumerate()
        .map(|(n, body)| {
            let request = server
                .client
                .post(format!("{}/v1/events", server.url))
                .bearer_auth(&server.token)
                .timeout(PATIENCE)
                .header("content-type", "application/json")
                .body(body);
            tokio::spawn(async move {
                let answer = request.send().await.unwrap();
                let (status, headers) = (answer.status(), answer.headers().clone());
                (n, status, headers, answer.json::<Value>().await.unwrap())
            })
        })
        .collect();
    // Two are being written and two more wait; the others are told at once.
    server
        .until("some are refused", async |_| {
            flood.iter().filter(|one| one.is_finished()).count() >= 2
        })
        .await;
    for pid in &processes {
        signal("CONT", *pid);
    }
    let (mut stored, mut refused) = (BTreeSet::new(), 0);
    for answer in flood {
        let (n, status, headers, body) = timeout(PATIENCE, answer).await.unwrap().unwrap();
        match status {
            StatusCode::OK => {
                assert_eq!(body["created"], json!(BATCH), "{n}");
                stored.insert(n);
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                assert!(headers.contains_key("retry-after"));
                let refusals = ["too_many_requests", "overloaded"];
                if refusals.contains(&body["code"].as_str().unwrap()) {
                    refused += 1;
                }
            }
            other => panic!("{other}: {body}"),
        }
    }
    assert!(refused >= 1, "nobody was refused for the lack of room");
    // On a busy machine those that were let in may be told that their time is out; whatever was
    // acknowledged is there already when it is sent again.
    for n in stored {
        let (status, again) = server.post(&batch(n)).await;
        assert_eq!(
            (status, &again["duplicates"]),
            (StatusCode::OK, &json!(BATCH))
        );
    }
    assert_eq!(server.post(&notice("last", 0)).await.0, StatusCode::CREATED);
    assert!(server.end("TERM").await.success());
    database.stop().await;
}

/// A process and its children.
fn processes_of(parent: u32) -> Vec<u32> {
    let listed = std::process::Command::new("pgrep")
        .args(["-P", &parent.to_string()])
        .output()
        .unwrap();
    let children = String::from_utf8_lossy(&listed.stdout).into_owned();
    let children = children.lines().map(|pid| pid.parse().unwrap());
    std::iter::once(parent).chain(children).collect()
}

//! The ingest engine: who is written with whom, who is told what and when, and who is turned away.
//! The log is held back by channels; where "nobody is answered" is the point, time is paused: it
//! only goes on when nothing else can.

mod groups;
mod limits;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use pts_api::actions::accounting::Tally;
use pts_api::actions::events::{SearchEvents, SearchInput};
use pts_domain::StoredEvent;
use pts_domain::access::{Principal, Scope, Workspace};
use pts_domain::event::{Form, NewEvent};
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::projection::Contradiction;
use pts_ports::{Appended, EventLog, StoreError, Stretch, Tail, Written};
use pts_services::{ActionError, CallOptions, EventBus, Gateway, Item, ItemOutcome, Mode, Parts};
use pts_testkit::fakes::{MemoryStore, SeededEntropy, StepClock};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{noon, principal};

type Outcomes = Result<Vec<ItemOutcome>, ActionError>;

/// Whoever searches for this source is not answered.
const HANGS: &str = "hangs";

/// What a write shall come to.
enum Fate {
    /// The store takes it; it is safe when the other side says so.
    Stored(oneshot::Receiver<Result<(), StoreError>>),
    Answered(Vec<Appended>),
    Failed(StoreError),
    Panics,
}

/// A write that waits to be let on.
struct Write {
    batch: Vec<NewEvent>,
    fate: oneshot::Sender<Fate>,
}

impl Write {
    fn ids(&self) -> Vec<&str> {
        let ids = self.batch.iter();
        ids.map(|new| new.event.identity.id.as_str()).collect()
    }

    /// Lets it be stored; the disk is what is returned.
    fn store(self) -> oneshot::Sender<Result<(), StoreError>> {
        let (disk, durable) = oneshot::channel();
        self.end(Fate::Stored(durable));
        disk
    }

    fn end(self, fate: Fate) {
        assert!(self.fate.send(fate).is_ok(), "the write was given up");
    }
}

/// A log whose writes a test lets on, one by one.
struct HeldLog {
    store: Arc<MemoryStore>,
    writes: mpsc::Sender<Write>,
}

#[async_trait]
impl EventLog for HeldLog {
    fn within(&self, workspace: &Workspace) -> Arc<dyn EventLog> {
        EventLog::within(&*self.store, workspace)
    }

    async fn write(&self, batch: Vec<NewEvent>) -> Result<Written, StoreError> {
        let (fate, decided) = oneshot::channel();
        let write = Write {
            batch: batch.clone(),
            fate,
        };
        assert!(self.writes.send(write).await.is_ok(), "the test is over");
        match decided.await {
            Ok(Fate::Stored(disk)) => {
                let Written { appended, .. } = self.store.write(batch).await?;
                let durable = async { disk.await.unwrap_or_else(|_| Err(in_doubt())) };
                Ok(Written {
                    appended,
                    durable: Box::pin(durable),
                })
            }
            Ok(Fate::Answered(appended)) => Ok(Written::safe(appended)),
            Ok(Fate::Failed(error)) => Err(error),
            Ok(Fate::Panics) => panic!("as the test wants it"),
            // Whoever forgot it has a store that hangs.
            Err(_) => std::future::pending().await,
        }
    }

    async fn get(&self, id: Uuid) -> Result<Option<StoredEvent>, StoreError> {
        self.store.get(id).await
    }

    async fn search(
        &self,
        filter: &EventFilter,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredEvent>, StoreError> {
        if filter.source.as_deref() == Some(HANGS) {
            return std::future::pending().await;
        }
        self.store.search(filter, cursor, limit).await
    }

    async fn stretch(
        &self,
        filter: &EventFilter,
        up_to: i64,
        cursor: Option<Cursor>,
    ) -> Result<Stretch, StoreError> {
        self.store.stretch(filter, up_to, cursor).await
    }

    async fn after(
        &self,
        position: i64,
        filter: &EventFilter,
        limit: usize,
    ) -> Result<Tail, StoreError> {
        self.store.after(position, filter, limit).await
    }

    async fn head(&self) -> Result<i64, StoreError> {
        self.store.head().await
    }

    async fn announce(&self, position: i64) -> Result<(), StoreError> {
        self.store.announce(position).await
    }

    async fn announced(&self) -> Result<BoxStream<'static, i64>, StoreError> {
        self.store.announced().await
    }

    async fn contradictions(
        &self,
        about: Option<String>,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Contradiction>, StoreError> {
        self.store.contradictions(about, cursor, limit).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }
}

fn in_doubt() -> StoreError {
    StoreError::Unavailable {
        reason: "the disk did not answer".into(),
        maybe_done: true,
    }
}

/// A gateway over a held log, and the writes that arrive there.
struct Bench {
    gateway: Arc<Gateway>,
    writes: mpsc::Receiver<Write>,
}

fn gateway_over(log: Arc<dyn EventLog>, store: Arc<MemoryStore>) -> Arc<Gateway> {
    let clock = Arc::new(StepClock::from(noon(), chrono::Duration::zero()));
    Arc::new(Gateway::new(Parts {
        log,
        ..Parts::of(store, clock, Arc::new(SeededEntropy::new(7)))
    }))
}

fn memory() -> Arc<MemoryStore> {
    Arc::new(MemoryStore::new(Arc::new(EventBus::with_domain_handlers())))
}

fn sender(token: u128) -> Principal {
    Principal {
        token_id: Uuid::from_u128(token),
        ..principal(&[Scope::EventsWrite, Scope::EventsRead])
    }
}

fn items(ids: &[&str]) -> Vec<Item> {
    let events = ids.iter().map(|id| {
        json!({"type": "t", "source": "s", "id": id, "time": "2026-03-01T12:00:00Z"}).into()
    });
    events.collect()
}

/// Many events, named after the first.
fn many(name: &str, count: usize) -> Vec<Item> {
    let ids: Vec<_> = (0..count).map(|n| format!("{name}{n}")).collect();
    items(&ids.iter().map(String::as_str).collect::<Vec<_>>())
}

impl Bench {
    fn new() -> Self {
        let store = memory();
        let (writes, arriving) = mpsc::channel(8);
        let log = Arc::new(HeldLog {
            store: store.clone(),
            writes,
        });
        Self {
            gateway: gateway_over(log, store),
            writes: arriving,
        }
    }

    fn send_as(&self, token: u128, items: Vec<Item>, mode: Mode) -> JoinHandle<Outcomes> {
        let gateway = Arc::clone(&self.gateway);
        tokio::spawn(async move {
            let sender = sender(token);
            gateway.ingest(&sender, items, Form::Lenient, mode).await
        })
    }

    /// Searches for a source.
    async fn search(&self, source: Option<&str>) -> Result<(), ActionError> {
        let input = SearchInput {
            source: source.map(ToOwned::to_owned),
            ..SearchInput::default()
        };
        let (reader, options) = (sender(1), CallOptions::default());
        let asked = self.gateway.call::<SearchEvents>(&reader, input, options);
        asked.await.map(drop)
    }

    fn send(&self, ids: &[&str]) -> JoinHandle<Outcomes> {
        self.send_as(1, items(ids), Mode::Store)
    }

    async fn write(&mut self) -> Write {
        let arrived = timeout(Duration::from_secs(5), self.writes.recv()).await;
        arrived.expect("a write arrives").expect("the log is there")
    }

    /// Lets requests come in until so many events wait.
    async fn waiting(&self, events: usize) {
        until(|| self.gateway.waiting().0 == events).await;
    }

    fn told(&self) -> Tally {
        Tally::from(self.gateway.tallies().totals())
    }
}

async fn until(holds: impl Fn() -> bool) {
    for _ in 0..1_000_000 {
        if holds() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to be");
}

/// Whether a request is still without an answer when nothing else can happen any more.
async fn unanswered(request: &mut JoinHandle<Outcomes>) -> bool {
    timeout(Duration::from_secs(1), request).await.is_err()
}

async fn outcome(request: JoinHandle<Outcomes>) -> ItemOutcome {
    request.await.unwrap().unwrap().remove(0)
}

fn stored(position: i64) -> Appended {
    Appended::Stored {
        position,
        contradictions: Vec::new(),
    }
}

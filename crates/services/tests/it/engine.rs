//! The ingest engine: who is written with whom, who is told what and when, and who is turned away.
//! The log is held back by channels; where "nobody is answered" is the point, time is paused: it
//! only goes on when nothing else can.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use pts_api::actions::accounting::Tally;
use pts_api::actions::events::StreamInput;
use pts_domain::StoredEvent;
use pts_domain::access::{Principal, Scope};
use pts_domain::event::{Form, NewEvent};
use pts_domain::filter::{Cursor, EventFilter, Page};
use pts_domain::projection::Contradiction;
use pts_ports::{Appended, EventLog, StoreError, Tail, Written};
use pts_services::{ActionError, EventBus, Gateway, Item, ItemOutcome, Mode, Parts};
use pts_testkit::fakes::{MemoryStore, SeededEntropy, StepClock};
use pts_testkit::generate::Dice;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::support::{noon, principal};

type Outcomes = Result<Vec<ItemOutcome>, ActionError>;

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
        self.store.search(filter, cursor, limit).await
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
    Arc::new(Gateway::new(Parts {
        log,
        projections: store.clone(),
        tokens: store.clone(),
        accounting: store.clone(),
        quarantine: store,
        clock: Arc::new(StepClock::from(noon(), chrono::Duration::zero())),
        entropy: Arc::new(SeededEntropy::new(7)),
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

#[tokio::test(start_paused = true)]
async fn requests_that_come_during_a_write_are_one_group_and_each_is_told_its_own() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    assert_eq!(write.ids(), ["a"], "nobody waits for company");
    let two = bench.send(&["b", "c"]);
    bench.waiting(2).await;
    let (three, four) = (bench.send(&["d"]), bench.send(&["e"]));
    bench.waiting(4).await;
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(first).await, ItemOutcome::Created(_)));

    let write = bench.write().await;
    assert_eq!(write.ids(), ["b", "c", "d", "e"]);
    let known = Uuid::from_u128(77);
    write.end(Fate::Answered(vec![
        stored(2),
        Appended::Repeat {
            id: known,
            received_at: noon(),
        },
        Appended::Conflict {
            id: known,
            received_at: noon(),
        },
        stored(3),
    ]));
    let two = two.await.unwrap().unwrap();
    assert!(matches!(&two[0], ItemOutcome::Created(_)));
    assert!(matches!(&two[1], ItemOutcome::Duplicate(receipt) if receipt.id == Some(known)));
    assert_eq!(two.len(), 2);
    assert!(matches!(outcome(three).await, ItemOutcome::Conflict { id, .. } if id == known));
    assert!(matches!(outcome(four).await, ItemOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_answered_before_the_disk_has_it_and_the_next_group_does_not_wait_for_that() {
    let mut bench = Bench::new();
    let mut first = bench.send(&["a"]);
    let disk_of_first = bench.write().await.store();
    assert!(unanswered(&mut first).await);
    let second = bench.send(&["b"]);
    let write = bench.write().await;
    assert_eq!(write.ids(), ["b"]);
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(second).await, ItemOutcome::Created(_)));
    assert!(
        unanswered(&mut first).await,
        "its own disk has not answered"
    );
    disk_of_first.send(Ok(())).unwrap();
    assert!(matches!(outcome(first).await, ItemOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_is_said_to_everybody_of_the_group_and_nothing_is_counted() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let others = [bench.send(&["b"]), bench.send(&["c", "d"])];
    bench.waiting(3).await;
    write.store().send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    bench.write().await.store().send(Err(in_doubt())).unwrap();
    for request in others {
        let refused = request.await.unwrap();
        assert!(
            matches!(refused, Err(ActionError::Unavailable { .. })),
            "{refused:?}"
        );
    }
    // They may be in the log, which counts them itself.
    let told = bench.told();
    assert_eq!((told.stored, told.refused), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_certainly_failed_is_counted_once_for_each_event() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let second = bench.send(&["b", "c"]);
    bench.waiting(2).await;
    write.end(Fate::Failed(StoreError::unavailable("away")));
    bench
        .write()
        .await
        .end(Fate::Failed(StoreError::Corrupt("nonsense".into())));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert!(matches!(first, Err(ActionError::Unavailable { .. })));
    assert!(matches!(second, Err(ActionError::Internal)));
    let told = bench.told();
    assert_eq!((told.received, told.refused), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_waiting_is_not_written_and_who_is_being_written_is() {
    let mut bench = Bench::new();
    let follower = StreamInput {
        after: Some(0),
        ..StreamInput::default()
    };
    let mut tail = bench
        .gateway
        .follow(&sender(1), follower, None)
        .await
        .unwrap();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let second = bench.send(&["b"]);
    bench.waiting(1).await;
    let third = bench.send(&["c"]);
    bench.waiting(2).await;
    for gone in [first, second] {
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
    }
    let asked = Instant::now();
    write.store().send(Ok(())).unwrap();
    // Whoever follows the log hears of it although nobody was there to be answered.
    assert_eq!(tail.next().await.unwrap().unwrap().event_id, "a");
    assert_eq!(asked.elapsed(), Duration::ZERO, "told, not looked for");
    let write = bench.write().await;
    assert_eq!(write.ids(), ["c"]);
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(third).await, ItemOutcome::Created(_)));
}

#[tokio::test]
async fn too_much_is_refused_at_once_and_one_sender_does_not_shut_out_another() {
    let bench = Bench::new();
    // Both writers hang.
    let hang = bench.send_as(1, many("w", 1), Mode::Store);
    until(|| bench.writes.len() == 1).await;
    let hang_too = bench.send_as(1, many("x", 250), Mode::Store);
    until(|| bench.writes.len() == 2).await;
    // Half of the room.
    let mut inside = vec![bench.send_as(1, many("a", 10_000), Mode::Store)];
    inside.push(bench.send_as(1, many("b", 10_000), Mode::Store));
    bench.waiting(20_000).await;
    let refused = bench.send_as(1, many("c", 1), Mode::Store).await.unwrap();
    assert!(
        matches!(refused, Err(ActionError::TooMuch { retry_after_s: 1.. })),
        "{refused:?}"
    );
    let accepted = bench.send_as(1, many("c", 1), Mode::Accept).await.unwrap();
    assert!(matches!(accepted, Err(ActionError::TooMuch { .. })));
    inside.push(bench.send_as(2, many("d", 10_000), Mode::Store));
    bench.waiting(30_000).await;
    inside.push(bench.send_as(2, many("e", 9_999), Mode::Store));
    bench.waiting(39_999).await;
    let refused = bench.send_as(3, many("f", 2), Mode::Store).await.unwrap();
    assert!(
        matches!(refused, Err(ActionError::Overloaded { retry_after_s: 1.. })),
        "{refused:?}"
    );
    inside.push(bench.send_as(3, many("g", 1), Mode::Store));
    bench.waiting(40_000).await;
    let refused = bench.send_as(2, many("h", 1), Mode::Store).await.unwrap();
    assert!(matches!(refused, Err(ActionError::Overloaded { .. })));
    let told = bench.told();
    assert_eq!((told.received, told.refused), (5, 5));
    assert!(
        inside
            .iter()
            .chain([&hang, &hang_too])
            .all(|one| !one.is_finished())
    );
}

#[tokio::test(start_paused = true)]
async fn with_a_store_that_hangs_requests_are_answered_within_ten_seconds() {
    let mut bench = Bench::new();
    let begun = Instant::now();
    let being_written = bench.send(&["a"]);
    let write = bench.write().await;
    let waiting = bench.send(&["b"]);
    for request in [being_written, waiting] {
        let refused = request.await.unwrap();
        assert!(
            matches!(refused, Err(ActionError::Unavailable { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(begun.elapsed().as_secs(), 10);
    // When it goes on, who has been told "no" is not written any more; others are.
    let late = bench.send(&["c"]);
    bench.waiting(2).await;
    write.store().send(Ok(())).unwrap();
    let write = bench.write().await;
    assert_eq!(write.ids(), ["c"]);
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(late).await, ItemOutcome::Created(_)));
}

#[tokio::test(start_paused = true)]
async fn acceptance_comes_before_the_write_and_what_fails_afterwards_is_counted() {
    let mut bench = Bench::new();
    let accepted = bench.send_as(1, items(&["a"]), Mode::Accept);
    assert!(
        matches!(outcome(accepted).await, ItemOutcome::Accepted(receipt) if receipt.id.is_some())
    );
    let write = bench.write().await;
    let accepted = bench.send_as(1, items(&["b", "c"]), Mode::Accept);
    assert!(matches!(outcome(accepted).await, ItemOutcome::Accepted(_)));
    assert_eq!(bench.told().received, 0);
    // Nobody waits for them, so nobody gives them up.
    tokio::time::sleep(Duration::from_mins(1)).await;
    write.store().send(Ok(())).unwrap();
    let write = bench.write().await;
    assert_eq!(write.ids(), ["b", "c"]);
    write.end(Fate::Failed(StoreError::unavailable("away")));
    until(|| bench.told().received == 3).await;
    let told = bench.told();
    assert_eq!((told.stored, told.refused), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_store_refuses_is_invalid_and_harms_no_other() {
    let mut bench = Bench::new();
    let first = bench.send(&["a"]);
    let write = bench.write().await;
    let others = [bench.send(&["b"]), bench.send(&["c"]), bench.send(&["d"])];
    bench.waiting(3).await;
    write.store().send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    let refused = Appended::Refused {
        reason: "something".into(),
    };
    let answer = vec![stored(2), refused, stored(3)];
    bench.write().await.end(Fate::Answered(answer));
    let [b, c, d] = others;
    assert!(matches!(outcome(b).await, ItemOutcome::Created(_)));
    assert!(matches!(outcome(c).await, ItemOutcome::Invalid { errors, .. } if errors.len() == 1),);
    assert!(matches!(outcome(d).await, ItemOutcome::Created(_)));
    let told = bench.told();
    assert_eq!((told.stored, told.refused), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn senders_take_turns_so_that_who_sends_a_lot_waits_for_itself() {
    let mut bench = Bench::new();
    let first = bench.send(&["w"]);
    let write = bench.write().await;
    let mut greedy = Vec::new();
    // Fewer than what another writer would begin for, and then some: that one hangs.
    greedy.push(bench.send_as(1, many("a", 250), Mode::Store));
    let other = bench.write().await;
    assert_eq!(other.ids().len(), 250);
    for n in 0..40 {
        greedy.push(bench.send_as(1, many(&format!("b{n}-"), 50), Mode::Store));
    }
    bench.waiting(2_000).await;
    let modest = bench.send_as(2, items(&["modest"]), Mode::Store);
    bench.waiting(2_001).await;
    write.store().send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    let write = bench.write().await;
    let place = write.ids().iter().position(|id| *id == "modest");
    assert!(place.is_some_and(|place| place <= 100), "{place:?}");
    assert!(write.ids().len() >= 900, "{}", write.ids().len());
    write.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(modest).await, ItemOutcome::Created(_)));
    assert!(greedy.iter().any(|request| !request.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_leaves_its_place_to_another() {
    let mut bench = Bench::new();
    let begun = Instant::now();
    for round in 0..4 {
        let request = bench.send(&["a"]);
        bench.write().await.end(Fate::Panics);
        let refused = request.await.unwrap();
        assert!(
            matches!(refused, Err(ActionError::Unavailable { .. })),
            "{round}"
        );
    }
    let request = bench.send(&["b"]);
    bench.write().await.store().send(Ok(())).unwrap();
    assert!(matches!(outcome(request).await, ItemOutcome::Created(_)));
    assert_eq!(
        begun.elapsed(),
        Duration::ZERO,
        "nobody waited to be given up"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn no_request_is_ever_left_behind() {
    const SENDERS: u64 = 12;
    const ROUNDS: u64 = 150;
    let Bench {
        gateway,
        mut writes,
    } = Bench::new();
    // A store that takes its time, now here, now there.
    let most_at_once = Arc::new(AtomicUsize::new(0));
    let store = tokio::spawn({
        let most = Arc::clone(&most_at_once);
        async move {
            let mut dice = Dice::new(1);
            let at_once = Arc::new(AtomicUsize::new(0));
            while let Some(write) = writes.recv().await {
                let (before, after) = (dice.below(12), dice.below(12));
                let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let at_once = Arc::clone(&at_once);
                tokio::spawn(async move {
                    pause(before).await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    let disk = write.store();
                    pause(after).await;
                    disk.send(Ok(())).unwrap();
                });
            }
        }
    });
    let senders = (0..SENDERS).map(|n| {
        let gateway = Arc::clone(&gateway);
        tokio::spawn(async move {
            let mut dice = Dice::new(100 + n);
            let mut sent = 0;
            for round in 0..ROUNDS {
                let size = if dice.chance(5) {
                    300
                } else {
                    1 + dice.below(3)
                };
                let batch = many(&format!("{n}-{round}-"), usize::try_from(size).unwrap());
                let token = sender(u128::from(n % 3));
                let asked = gateway.ingest(&token, batch, Form::Lenient, Mode::Store);
                let outcomes = timeout(Duration::from_secs(9), asked).await;
                let outcomes = outcomes.expect("an answer").unwrap();
                assert_eq!(outcomes.len() as u64, size);
                for outcome in outcomes {
                    assert!(matches!(outcome, ItemOutcome::Created(_)), "{outcome:?}");
                }
                sent += size;
                pause(dice.below(20)).await;
            }
            sent
        })
    });
    let mut sent = 0;
    for sender in senders.collect::<Vec<_>>() {
        sent += sender.await.unwrap();
    }
    assert_eq!(Tally::from(gateway.tallies().totals()).stored, sent);
    assert_eq!(gateway.waiting(), (0, 0));
    assert!(
        most_at_once.load(Ordering::SeqCst) <= 2,
        "writers are bounded"
    );
    drop(gateway);
    timeout(Duration::from_secs(9), store)
        .await
        .unwrap()
        .unwrap();
}

async fn pause(steps: u64) {
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
}

//! What a server does when much is sent and nothing can be stored: it takes what its queue holds,
//! refuses the rest at once, and still says that it lives.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    http::{Answer, Client, NoAnswer},
    ledger::{Identity, Ledger},
    traffic,
    writer::World,
};

/// Senders for each server, and events in each request. The first flood of a run is more than what
/// one token may have waiting; as what is taken is stored afterwards, which takes time too, the others
/// are smaller.
const fn size(pause: usize) -> (usize, u64) {
    if pause == 0 { (64, 500) } else { (24, 20) }
}
/// So many events of one token wait in a server at the most.
const SHARE: u64 = 20_000;
/// So many more have been taken from those already, and are being written.
const UNDER_WAY: u64 = 4_000;
/// A refusal because too much waits is an answer that is given at once, and so is "I live".
const AT_ONCE: Duration = Duration::from_secs(1);
/// From so long on, a pause must fill the queue.
const LONG: Duration = Duration::from_secs(10);
/// What waits for the database is answered by then: a look-up of the token may take two seconds, the
/// writing ten.
const IN_THE_END: Duration = Duration::from_secs(13);

/// What a flood did.
pub(super) struct Flood {
    pub(super) ledger: Ledger,
    /// When the database went on.
    pub(super) thawed: Instant,
    /// How long what had been taken kept the servers busy after that.
    pub(super) drained: Duration,
    pub(super) told: String,
}

/// One request of a flood.
struct Sent {
    began: Duration,
    took: Duration,
    answer: Result<Answer, NoAnswer>,
}

/// A request, put together and not yet sent.
struct Request {
    parcels: Vec<traffic::Parcel>,
    body: String,
}

impl Request {
    fn new(name: &str, events: u64) -> Self {
        let parcels: Vec<_> = (0..events)
            .map(|number| {
                let identity = Identity {
                    source: "flood".into(),
                    id: format!("{name}-{number}"),
                };
                traffic::good(identity, number)
            })
            .collect();
        let body = traffic::batch(&parcels);
        Self { parcels, body }
    }
}

/// A flood that is about to come. The first request of every sender is put together while all is
/// well: they come all at once, and before their token would have to be looked up again.
pub(super) struct Wave {
    pause: usize,
    events: u64,
    first: Vec<Request>,
}

impl Wave {
    /// Of the pause that is the so-manyth of its run, from 0.
    pub(super) fn new(world: &World, pause: usize) -> Self {
        let (senders, events) = size(pause);
        let senders = 0..senders * world.addresses.len();
        let first = senders.map(|sender| Request::new(&format!("{pause}-{sender}-0"), events));
        Self {
            pause,
            events,
            first: first.collect(),
        }
    }
}

/// Sends as much as it can while the database stands still, then lets it go on.
pub(super) fn flood(world: &World, wave: Wave, lasts: Duration, thaw: &dyn Fn()) -> Flood {
    let Wave {
        pause,
        events,
        first,
    } = wave;
    let begun = Instant::now();
    let over = AtomicBool::new(false);
    let all = Mutex::new((Ledger::default(), Vec::new()));
    let mut thawed = begun;
    thread::scope(|scope| {
        for (sender, first) in first.into_iter().enumerate() {
            let (all, over) = (&all, &over);
            scope.spawn(move || {
                let name = format!("{pause}-{sender}");
                let mut client = world.client(sender % world.addresses.len());
                let (ledger, sent) = send(&mut client, &name, first, begun, over);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.0.merge(ledger);
                all.1.extend(sent);
            });
        }
        still_lives(world, begun + lasts);
        over.store(true, Ordering::Relaxed);
        thaw();
        thawed = Instant::now();
    });
    let (ledger, sent) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    for complaint in judge(&sent, events, lasts, world.addresses.len() as u64) {
        world.complain(complaint);
    }
    let refused = sent.iter().filter(|one| is_refusal(one)).count();
    let too_much: Vec<_> = sent.iter().filter(|one| is_too_much(one)).collect();
    let slowest = too_much.iter().map(|one| one.took).max();
    Flood {
        ledger,
        thawed,
        drained: thawed.elapsed(),
        told: format!(
            "{} requests of {events} events meanwhile, {refused} refused, {} as too much within {:.2?}",
            sent.len(),
            too_much.len(),
            slowest.unwrap_or_default()
        ),
    }
}

fn send(
    client: &mut Client,
    name: &str,
    first: Request,
    begun: Instant,
    over: &AtomicBool,
) -> (Ledger, Vec<Sent>) {
    let (mut ledger, mut all) = (Ledger::default(), Vec::new());
    let events = first.parcels.len() as u64;
    let mut next = Some(first);
    while !over.load(Ordering::Relaxed) {
        let request = next
            .take()
            .unwrap_or_else(|| Request::new(&format!("{name}-{}", all.len()), events));
        for parcel in &request.parcels {
            ledger.send(&parcel.identity, &parcel.mark);
        }
        let began = begun.elapsed();
        let asked = Instant::now();
        let answer = client.post("/v1/events", &request.body);
        let took = asked.elapsed();
        if let Ok(answer) = &answer {
            acknowledge(&mut ledger, &request.parcels, answer);
        }
        let refused = !matches!(&answer, Ok(answer) if answer.status < 300);
        all.push(Sent {
            began,
            took,
            answer,
        });
        if refused {
            thread::sleep(Duration::from_millis(50));
        }
    }
    (ledger, all)
}

fn acknowledge(ledger: &mut Ledger, parcels: &[traffic::Parcel], answer: &Answer) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let items = body["items"].as_array().map_or(&[][..], Vec::as_slice);
    for (parcel, item) in parcels.iter().zip(items) {
        if let (Some(id), Some(code)) = (item["receipt"]["id"].as_str(), item["code"].as_u64()) {
            ledger.told(&parcel.identity, id, code == 201);
        }
    }
}

/// Asks every server, until the end of the pause, whether it lives.
fn still_lives(world: &World, until: Instant) {
    let (mut slow, mut slowest) = (0, Duration::ZERO);
    loop {
        for server in 0..world.addresses.len() {
            let asked = Instant::now();
            let answer = world.client(server).within(2 * AT_ONCE).get("/healthz");
            let took = asked.elapsed();
            // A server that was killed just now lives again soon, and refuses connections so long.
            let gone = matches!(answer, Err(NoAnswer::NotConnected | NoAnswer::CutOff));
            if !gone && took > AT_ONCE {
                slow += 1;
                slowest = slowest.max(took);
            }
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        thread::sleep(left.min(Duration::from_millis(100)));
    }
    if slow > 0 {
        world.complain(format!(
            "/healthz took longer than {AT_ONCE:?} {slow} times while the database stood still, up \
             to {slowest:.2?}"
        ));
    }
}

fn is_refusal(sent: &Sent) -> bool {
    matches!(&sent.answer, Ok(answer) if matches!(answer.status, 429 | 503))
}

/// Whether it was refused because too much waits.
fn is_too_much(sent: &Sent) -> bool {
    let words = ["\"overloaded\"", "\"too_many_requests\""];
    is_refusal(sent)
        && matches!(&sent.answer, Ok(answer) if words.iter().any(|word| answer.body.contains(word)))
}

/// What is wrong with the answers that came while the database stood still.
fn judge(sent: &[Sent], events: u64, lasts: Duration, servers: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let meanwhile = sent.iter().filter(|one| one.began + one.took < lasts);
    let slow: Vec<_> = meanwhile
        .filter(|one| is_refusal(one))
        .filter(|one| {
            one.took
                > if is_too_much(one) {
                    AT_ONCE
                } else {
                    IN_THE_END
                }
        })
        .collect();
    if let Some(slowest) = slow.iter().max_by_key(|one| one.took) {
        wrong.push(format!(
            "{} refusals while the database stood still took too long, up to {:.2?}",
            slow.len(),
            slowest.took
        ));
    }
    // Somebody kept sending while nothing could be stored: what no queue holds was refused. A short
    // pause is over before a debug build has read all that was sent.
    let long = lasts >= LONG;
    let early = sent.iter().filter(|one| one.began + AT_ONCE < lasts);
    let reached = early.filter(|one| one.answer.is_ok()).count() as u64;
    if long && reached * events > (SHARE + UNDER_WAY) * servers && !sent.iter().any(is_too_much) {
        wrong.push(format!(
            "{reached} requests of {events} events came while the database stood still, and none was \
             too much"
        ));
    }
    for one in sent {
        match &one.answer {
            Ok(answer) if is_refusal(one) && !answer.retry_after => {
                wrong.push(format!(
                    "{} without Retry-After: {}",
                    answer.status, answer.body
                ));
            }
            Ok(answer) if answer.status >= 300 && !is_refusal(one) => {
                wrong.push(format!(
                    "a good batch was answered {}: {}",
                    answer.status, answer.body
                ));
            }
            Err(NoAnswer::Hung) => wrong.push(format!("no answer after {:.1?}", one.took)),
            Ok(_) | Err(NoAnswer::NotConnected | NoAnswer::CutOff) => {}
        }
    }
    super::ledger::shortened(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(began_ms: u64, took_ms: u64, status: u16, code: &str) -> Sent {
        Sent {
            began: Duration::from_millis(began_ms),
            took: Duration::from_millis(took_ms),
            answer: Ok(Answer {
                status,
                retry_after: true,
                body: format!("{{\"code\":\"{code}\"}}"),
            }),
        }
    }

    fn sent(began_ms: u64, took_ms: u64, status: u16, retry_after: bool) -> Sent {
        let mut sent = told(began_ms, took_ms, status, "unavailable");
        if let Ok(answer) = &mut sent.answer {
            answer.retry_after = retry_after;
        }
        sent
    }

    fn judged(sent: Sent) -> usize {
        judge(&[sent], 500, Duration::from_secs(3), 1).len()
    }

    #[test]
    fn waiting_for_the_database_is_fine_and_waiting_for_a_refusal_is_not() {
        assert_eq!(judged(sent(0, 3_500, 200, false)), 0);
        assert_eq!(
            judged(sent(0, 1_900, 503, true)),
            0,
            "its token was looked up"
        );
        for (status, code) in [(429, "too_many_requests"), (503, "overloaded")] {
            assert_eq!(judged(told(0, 900, status, code)), 0);
            assert_eq!(judged(told(0, 1_100, status, code)), 1);
            assert_eq!(
                judged(told(2_500, 1_100, status, code)),
                0,
                "the database went on meanwhile"
            );
        }
        let late = judge(
            &[sent(0, 14_000, 503, true)],
            500,
            Duration::from_secs(30),
            1,
        );
        assert_eq!(late.len(), 1);
    }

    #[test]
    fn more_than_may_wait_is_refused_in_part() {
        let wave = |refused| {
            let stored = (0..60).map(|_| sent(0, 3_500, 200, false));
            let refused = (0..refused).map(|_| told(0, 10, 429, "too_many_requests"));
            let all: Vec<_> = stored.chain(refused).collect();
            (
                judge(&all, 500, LONG, 1).len(),
                judge(&all, 500, LONG, 2).len(),
                judge(&all, 500, Duration::from_secs(3), 1).len(),
            )
        };
        assert_eq!(wave(0), (1, 0, 0), "two servers hold it");
        assert_eq!(wave(4), (0, 0, 0));
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_nothing_else_is_one() {
        assert_eq!(judged(sent(0, 10, 429, false)), 1);
        assert_eq!(judged(sent(0, 10, 500, true)), 1);
        let hung = Sent {
            answer: Err(NoAnswer::Hung),
            ..sent(0, 30_000, 0, false)
        };
        assert_eq!(judged(hung), 1);
    }
}

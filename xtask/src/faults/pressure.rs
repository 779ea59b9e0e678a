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
    http::{Answer, NoAnswer},
    ledger::{Identity, Ledger},
    traffic,
    writer::World,
};

/// Senders for each server, and events in each request, by how long the database stands still: what
/// was taken meanwhile is stored afterwards, which takes time too.
const fn size(lasts: Duration) -> (usize, u64) {
    if lasts.as_secs() < 10 {
        (24, 20)
    } else {
        (64, 500)
    }
}
/// A refusal is an answer that is given at once, and so is "I live".
const AT_ONCE: Duration = Duration::from_secs(1);

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

/// Sends as much as it can while the database stands still, then lets it go on.
pub(super) fn flood(world: &World, lasts: Duration, thaw: &dyn Fn()) -> Flood {
    let begun = Instant::now();
    let (senders, events) = size(lasts);
    let over = AtomicBool::new(false);
    let all = Mutex::new((Ledger::default(), Vec::new()));
    let mut thawed = begun;
    thread::scope(|scope| {
        for sender in 0..senders * world.addresses.len() {
            let (all, over) = (&all, &over);
            scope.spawn(move || {
                let (ledger, sent) = send(world, (sender, events), begun, over);
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
    for complaint in judge(&sent, lasts) {
        world.complain(complaint);
    }
    let refused = sent.iter().filter(|one| is_refusal(one)).count();
    Flood {
        ledger,
        thawed,
        drained: thawed.elapsed(),
        told: format!(
            "{} requests of {events} events meanwhile, {refused} refused",
            sent.len()
        ),
    }
}

fn send(
    world: &World,
    (sender, events): (usize, u64),
    begun: Instant,
    over: &AtomicBool,
) -> (Ledger, Vec<Sent>) {
    let mut client = world.client(sender % world.addresses.len());
    let (mut ledger, mut all) = (Ledger::default(), Vec::new());
    while !over.load(Ordering::Relaxed) {
        let request = all.len();
        // Pauses of one run have numbers of their own: the time since it began is one.
        let batch = format!("{}-{sender}-{request}", begun.elapsed().as_nanos());
        let parcels: Vec<_> = (0..events)
            .map(|number| {
                let identity = Identity {
                    source: "flood".into(),
                    id: format!("{batch}-{number}"),
                };
                traffic::good(identity, number)
            })
            .collect();
        for parcel in &parcels {
            ledger.send(&parcel.identity, &parcel.mark);
        }
        let body = traffic::batch(&parcels);
        let began = begun.elapsed();
        let asked = Instant::now();
        let answer = client.post("/v1/events", &body);
        let took = asked.elapsed();
        if let Ok(answer) = &answer {
            acknowledge(&mut ledger, &parcels, answer);
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

/// What is wrong with the answers that came while the database stood still.
fn judge(sent: &[Sent], lasts: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    let meanwhile = sent.iter().filter(|one| one.began + one.took < lasts);
    let slow: Vec<_> = meanwhile
        .filter(|one| is_refusal(one) && one.took > AT_ONCE)
        .collect();
    if let Some(slowest) = slow.iter().max_by_key(|one| one.took) {
        wrong.push(format!(
            "{} refusals while the database stood still took longer than {AT_ONCE:?}, up to {:.2?}",
            slow.len(),
            slowest.took
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

    fn sent(began_ms: u64, took_ms: u64, status: u16, retry_after: bool) -> Sent {
        Sent {
            began: Duration::from_millis(began_ms),
            took: Duration::from_millis(took_ms),
            answer: Ok(Answer {
                status,
                retry_after,
                body: String::new(),
            }),
        }
    }

    fn judged(sent: Sent) -> usize {
        judge(&[sent], Duration::from_secs(3)).len()
    }

    #[test]
    fn waiting_for_the_database_is_fine_and_waiting_for_a_refusal_is_not() {
        assert_eq!(judged(sent(0, 3_500, 200, false)), 0);
        assert_eq!(judged(sent(0, 900, 503, true)), 0);
        assert_eq!(judged(sent(0, 1_100, 503, true)), 1);
        assert_eq!(
            judged(sent(2_500, 1_100, 503, true)),
            0,
            "the database went on meanwhile"
        );
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

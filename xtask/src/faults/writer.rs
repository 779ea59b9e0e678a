//! A sender as it should be: it sends an event again for as long as it is in doubt about it, to
//! whichever server answers, and writes down what it was told.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    chance::Chance,
    http::{Answer, BOUND, Client, NoAnswer},
    ledger::{Identity, Ledger},
    traffic::{self, Expected, Parcel},
};

/// What everybody who takes part in a run knows.
pub(super) struct World {
    pub(super) seed: u64,
    /// Where the servers listen.
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) token: String,
    /// Whether writers bring to an end what they began, and begin nothing more.
    finish: AtomicBool,
    /// Whether all is over, and everybody goes.
    over: AtomicBool,
    /// Answers that asked to come back later.
    pub(super) refused: AtomicU64,
    complaints: Mutex<Vec<String>>,
}

impl World {
    pub(super) fn new(seed: u64, addresses: Vec<SocketAddr>, token: String) -> Self {
        Self {
            seed,
            addresses,
            token,
            finish: AtomicBool::new(false),
            over: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            complaints: Mutex::default(),
        }
    }

    pub(super) fn finish(&self) {
        self.finish.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over_now(&self) {
        self.finish();
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn finishing(&self) -> bool {
        self.finish.load(Ordering::Relaxed)
    }

    /// Something that is wrong.
    pub(super) fn complain(&self, what: String) {
        let complaints = self.complaints.lock();
        complaints
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        let complaints = self.complaints.lock();
        complaints.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A connection of its own to a server.
    pub(super) fn client(&self, server: usize) -> Client {
        Client::new(self.addresses[server], &self.token)
    }

    /// Looks at an answer that does not settle anything: it must be one that a sender can live
    /// with.
    fn look_at_refusal(&self, answer: &Answer) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let expected = matches!(answer.status, 429 | 503);
        if !expected || !answer.retry_after {
            let (status, retry_after) = (answer.status, answer.retry_after);
            self.complain(format!(
                "refused with {status}, Retry-After: {retry_after}: {}",
                answer.body
            ));
        }
    }
}

/// Events of this source are sent by every writer, so that writers race for the same identity.
const SHARED: &str = "shared";
/// Among so many of a writer's last events it looks for one to repeat or to contradict.
const REMEMBERED: usize = 200;

/// One sender.
pub(super) struct Writer<'a> {
    world: &'a World,
    source: String,
    chance: Chance,
    clients: Vec<Client>,
    server: usize,
    sent: u64,
    shared: u64,
    /// Acknowledged identities and the numbers their events were made from.
    acknowledged: Vec<(Identity, u64)>,
    pub(super) ledger: Ledger,
}

impl<'a> Writer<'a> {
    pub(super) fn new(world: &'a World, name: &str, purpose: u64) -> Self {
        let chance = Chance::new(world.seed, purpose);
        let clients: Vec<_> = (0..world.addresses.len())
            .map(|n| world.client(n))
            .collect();
        Self {
            world,
            source: name.to_owned(),
            server: usize::try_from(purpose).unwrap_or(0) % clients.len(),
            chance,
            clients,
            sent: 0,
            shared: 0,
            acknowledged: Vec::new(),
            ledger: Ledger::default(),
        }
    }

    /// Writes until the run ends, and then until nothing is in doubt.
    pub(super) fn write(mut self) -> Ledger {
        while !self.world.finishing() {
            let parcels = if self.chance.percent(20) {
                let most = if self.chance.percent(10) { 300 } else { 30 };
                let count = 2 + self.chance.below(most);
                (0..count).map(|_| self.next_parcel()).collect()
            } else {
                vec![self.next_parcel()]
            };
            self.deliver(&parcels);
            let rest = self.chance.time(0, 5);
            thread::sleep(rest);
        }
        self.ledger
    }

    /// Writes one good event, to one server only, and tells how often that took.
    pub(super) fn probe(&mut self, server: usize) {
        self.server = server;
        let parcel = self.fresh();
        self.deliver_to(&[parcel], Some(server));
    }

    fn fresh(&mut self) -> Parcel {
        self.sent += 1;
        let identity = Identity {
            source: self.source.clone(),
            id: self.sent.to_string(),
        };
        traffic::good(identity, self.sent)
    }

    fn next_parcel(&mut self) -> Parcel {
        let drawn = self.chance.below(100);
        let known = self.acknowledged.len();
        match drawn {
            0..8 if known > 0 => {
                let (identity, number) = self.earlier(known);
                traffic::repeat(identity, number)
            }
            8..11 if known > 0 => {
                let (identity, number) = self.earlier(known);
                traffic::conflict(identity, number)
            }
            11..15 => {
                self.sent += 1;
                let identity = Identity {
                    source: self.source.clone(),
                    id: format!("bad-{}", self.sent),
                };
                traffic::invalid(identity, &mut self.chance)
            }
            15..25 => {
                self.shared += 1;
                let identity = Identity {
                    source: SHARED.to_owned(),
                    id: self.shared.to_string(),
                };
                traffic::good(identity, self.shared)
            }
            _ => self.fresh(),
        }
    }

    fn earlier(&mut self, known: usize) -> (Identity, u64) {
        let place = known - 1 - self.chance.index(known.min(REMEMBERED));
        self.acknowledged[place].clone()
    }

    fn deliver(&mut self, parcels: &[Parcel]) {
        self.deliver_to(parcels, None);
    }

    /// Sends until every event is settled. Batches of one go as single events.
    fn deliver_to(&mut self, parcels: &[Parcel], only: Option<usize>) {
        for parcel in parcels {
            if parcel.expected != Expected::Invalid {
                self.ledger.send(&parcel.identity, &parcel.mark);
            }
        }
        let body = match parcels {
            [one] => one.event.to_string(),
            many => traffic::batch(many),
        };
        let mut since_finish = None;
        loop {
            let asked = Instant::now();
            let sent = self.clients[self.server].post("/v1/events", &body);
            match sent {
                Ok(answer) if settles(&answer) => return self.settle(parcels, &answer),
                Ok(answer) => self.world.look_at_refusal(&answer),
                Err(NoAnswer::NotConnected | NoAnswer::CutOff) => {}
                Err(NoAnswer::Hung) => self.world.complain(format!(
                    "{}: no answer after {:.1} s",
                    self.source,
                    asked.elapsed().as_secs_f64()
                )),
            }
            if self.world.finishing() {
                let since = *since_finish.get_or_insert_with(Instant::now);
                if since.elapsed() > BOUND {
                    let (source, count) = (&self.source, parcels.len());
                    self.world.complain(format!(
                        "{source}: {count} events still not answered {} s after the last fault",
                        BOUND.as_secs()
                    ));
                    return;
                }
            }
            if only.is_none() && self.chance.percent(50) {
                self.server = self.chance.index(self.clients.len());
            }
            let pause = self.chance.time(20, 60);
            thread::sleep(pause);
        }
    }

    fn settle(&mut self, parcels: &[Parcel], answer: &Answer) {
        let Ok(body) = serde_json::from_str::<Value>(&answer.body) else {
            return self.ledger.complain(format!("no JSON: {}", answer.body));
        };
        if let [one] = parcels {
            return self.settle_one(one, answer.status, &body);
        }
        let items = body["items"].as_array().map_or(&[][..], Vec::as_slice);
        if items.len() != parcels.len() {
            let (sent, told) = (parcels.len(), items.len());
            let what = format!(
                "a batch of {sent} was answered {} with {told} results",
                answer.status
            );
            return self.ledger.complain(format!("{what}: {}", answer.body));
        }
        for (parcel, item) in parcels.iter().zip(items) {
            let code = item["code"].as_u64().and_then(|code| code.try_into().ok());
            self.settle_one(parcel, code.unwrap_or(0), &item["receipt"]);
        }
    }

    fn settle_one(&mut self, parcel: &Parcel, code: u16, receipt: &Value) {
        let fits = match parcel.expected {
            Expected::Stored => matches!(code, 200 | 201),
            Expected::Repeat => code == 200,
            Expected::Conflict => code == 409,
            Expected::Invalid => code == 400,
        };
        if !fits {
            let Parcel {
                identity, expected, ..
            } = parcel;
            self.ledger
                .complain(format!("{identity:?}, {expected:?}: answered {code}"));
        }
        if !matches!(code, 200 | 201) {
            return;
        }
        let id = receipt["id"].as_str().unwrap_or_default();
        self.ledger.told(&parcel.identity, id, code == 201);
        if parcel.expected == Expected::Stored && parcel.identity.source != SHARED {
            // The number an own event was made from is its id.
            let number = parcel.identity.id.parse().unwrap_or(0);
            self.acknowledged.push((parcel.identity.clone(), number));
        }
    }
}

/// Whether an answer ends all doubt: anything but "come back later" and "it went wrong here".
fn settles(answer: &Answer) -> bool {
    answer.status < 500 && !matches!(answer.status, 408 | 429)
}

/// How many writers there are in a run.
pub(super) const WRITERS: u64 = 6;

/// Waits until something holds, looking again every few milliseconds; tells whether it came to.
pub(super) fn wait_until(within: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if begun.elapsed() > within {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        World::new(1, vec![address], String::new())
    }

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: false,
            body: body.to_owned(),
        }
    }

    #[test]
    fn only_what_cannot_help_to_send_again_settles() {
        for status in [200, 201, 207, 400, 401, 409, 413] {
            assert!(settles(&answer(status, "")), "{status}");
        }
        for status in [408, 429, 500, 502, 503] {
            assert!(!settles(&answer(status, "")), "{status}");
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let world = world();
        let mut refusal = answer(503, "");
        world.look_at_refusal(&refusal);
        refusal.retry_after = true;
        world.look_at_refusal(&refusal);
        refusal.status = 500;
        world.look_at_refusal(&refusal);
        let complaints = world.complaints();
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert_eq!(world.refused.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn a_batch_is_settled_element_by_element() {
        let world = world();
        let mut writer = Writer::new(&world, "w", 1);
        let parcels = [writer.fresh(), writer.fresh()];
        for parcel in &parcels {
            writer.ledger.send(&parcel.identity, &parcel.mark);
        }
        let told =
            r#"{"items":[{"code":201,"receipt":{"id":"u1"}},{"code":200,"receipt":{"id":"u2"}}]}"#;
        writer.settle(&parcels, &answer(200, told));
        assert_eq!(writer.ledger.acknowledged(), 2);
        assert_eq!(writer.ledger.repeated, 1);
        assert_eq!(writer.acknowledged.len(), 2);

        writer.settle(&parcels, &answer(200, r#"{"items":[]}"#));
        writer.settle(&parcels[..1], &answer(401, "{}"));
        assert_eq!(
            writer.ledger.check(&[]).len(),
            4,
            "two missing, two complaints"
        );
    }
}

//! When this process was able to receive, and what all of them together say about that.

use std::collections::HashMap;
use std::mem::take;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::blind::{Hindrance, Missed, Refusal, Uptime, Window, missed};
use pts_ports::Received;
use uuid::Uuid;

/// An overload is over when so long nothing was refused for it.
const OVER_AFTER: Duration = Duration::seconds(5);
/// Refusals that wait to be written down; more become one.
const MOST_WAITING: usize = 1_000;

/// What is known of it.
pub(crate) struct Receiving {
    state: Mutex<State>,
    /// Whether something stands in the way at the moment: looked at after every commit.
    troubled: AtomicBool,
    /// The end of the last time in which nothing could be heard, in microseconds.
    listening_since_us: AtomicI64,
}

#[derive(Default)]
struct State {
    /// How long this process has been up.
    own: Option<Uptime>,
    /// What stands in the way now.
    open: HashMap<Hindrance, Open>,
    /// What is to be written down, the earliest first.
    waiting: Vec<Refusal>,
    number: i64,
    uptimes: HashMap<Uuid, Uptime>,
    refusals: HashMap<(Uuid, i64), Refusal>,
    /// What all of it comes to, but for what is open.
    missed: Vec<Missed>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    from: Timestamp,
    /// The last refusal.
    last: Timestamp,
    events: u64,
    more: bool,
}

impl Receiving {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            troubled: AtomicBool::new(false),
            listening_since_us: AtomicI64::new(i64::MIN),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This process receives from now on, under a name that no other has.
    pub(crate) fn begin(&self, process: Uuid, now: Timestamp) {
        let mut state = self.lock();
        state.own = Some(Uptime {
            process,
            from: now,
            until: now,
            stopped: false,
        });
        self.settle(&mut state);
    }

    /// Events were refused, or would have been. `more`: of an unknown number.
    pub(crate) fn refused(&self, why: Hindrance, since: Timestamp, events: u64, more: bool) {
        let mut state = self.lock();
        let open = state.open.entry(why).or_insert(Open {
            from: since,
            last: since,
            events: 0,
            more: false,
        });
        open.from = open.from.min(since);
        open.last = open.last.max(since);
        open.events += events;
        open.more |= more;
        self.troubled.store(true, Ordering::Release);
    }

    /// Something was stored: what kept it from being is over.
    pub(crate) fn stored(&self, now: impl FnOnce() -> Timestamp) {
        if self.troubled.load(Ordering::Acquire) {
            let now = now();
            let mut state = self.lock();
            for why in [Hindrance::StoreAway, Hindrance::Fault] {
                if let Some(open) = state.open.remove(&why) {
                    state.close(why, open, now.max(open.last));
                }
            }
            self.settle(&mut state);
        }
    }

    /// Whether the store is known to be away.
    pub(crate) fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Acquire)
    }

    /// What this process has to say of itself by now.
    pub(crate) fn report(&self, now: Timestamp, stopped: bool) -> Option<(Uptime, Vec<Refusal>)> {
        let mut state = self.lock();
        let overload = state.open.get(&Hindrance::Overloaded).copied();
        if let Some(open) = overload.filter(|open| stopped || now - open.last > OVER_AFTER) {
            state.open.remove(&Hindrance::Overloaded);
            state.close(Hindrance::Overloaded, open, open.last);
        }
        if let Some(own) = &mut state.own {
            own.until = own.until.max(now);
            own.stopped = stopped;
        }
        self.settle(&mut state);
        Some((state.own?, state.waiting.clone()))
    }

    /// A report was written down.
    pub(crate) fn written(&self, refusals: &[Refusal]) {
        let mut state = self.lock();
        state
            .waiting
            .retain(|waiting| !refusals.iter().any(|done| done.number == waiting.number));
        let done = refusals
            .iter()
            .map(|done| ((done.process, done.number), *done));
        state.refusals.extend(done);
        self.settle(&mut state);
    }

    /// What was written down, by this process and by others.
    pub(crate) fn learn(&self, received: Received) {
        let mut state = self.lock();
        for up in received.uptimes {
            state.uptimes.insert(up.process, up);
        }
        let refusals = received.refusals.into_iter();
        let refusals = refusals.map(|refusal| ((refusal.process, refusal.number), refusal));
        state.refusals.extend(refusals);
        self.settle(&mut state);
    }

    /// What ended before a moment is of no interest any more.
    pub(crate) fn forget(&self, before: Timestamp) {
        let mut state = self.lock();
        state.uptimes.retain(|_, up| up.until >= before);
        state.refusals.retain(|_, refusal| refusal.until >= before);
        self.settle(&mut state);
    }

    /// Works out again what all of it comes to.
    fn settle(&self, state: &mut State) {
        let own = state.own;
        let others = state.uptimes.values().copied();
        let others = others.filter(|up| own.is_none_or(|own| own.process != up.process));
        let refusals = state.refusals.values().chain(&state.waiting).copied();
        let all = missed(others.chain(own), refusals);
        let deaf = all.iter().filter(|one| one.is_deaf()).map(|one| one.to);
        if let Some(last) = deaf.max() {
            self.listening_since_us
                .store(last.timestamp_micros(), Ordering::Release);
        }
        state.missed = all;
        let troubled = !state.open.is_empty();
        self.troubled.store(troubled, Ordering::Release);
    }

    /// Since when sources can be heard without a break, as far as is known.
    pub(crate) fn listening_since(&self, now: Timestamp) -> Timestamp {
        if self.is_troubled() && self.lock().open.contains_key(&Hindrance::StoreAway) {
            return now;
        }
        let since = self.listening_since_us.load(Ordering::Acquire);
        Timestamp::from_timestamp_micros(since).unwrap_or(Timestamp::MIN_UTC)
    }

    /// What was missed in a window, the earliest first; `true` beside what still goes on.
    pub(crate) fn missed(&self, window: &Window, now: Timestamp) -> Vec<(Missed, bool)> {
        let state = self.lock();
        let over = state.missed.iter().map(|missed| (*missed, false));
        let open = state.open.iter().map(|(why, open)| {
            let goes_on = *why != Hindrance::Overloaded || now - open.last <= OVER_AFTER;
            let to = if goes_on {
                now.max(open.from)
            } else {
                open.last
            };
            (open.closed(*why, Uuid::nil(), 0, to).into(), goes_on)
        });
        let mut all: Vec<(Missed, bool)> = over
            .chain(open)
            .filter_map(|(missed, goes_on): (Missed, bool)| {
                let (from, to) = window.clip(missed.from, missed.to)?;
                let cut = to < missed.to;
                Some((Missed { from, to, ..missed }, goes_on && !cut))
            })
            .collect();
        all.sort_by_key(|(missed, _)| (missed.from, missed.to));
        all
    }
}

impl Open {
    fn closed(&self, why: Hindrance, process: Uuid, number: i64, until: Timestamp) -> Refusal {
        Refusal {
            process,
            number,
            from: self.from,
            until,
            why,
            events: self.events,
            more: self.more,
        }
    }
}

impl State {
    fn close(&mut self, why: Hindrance, open: Open, until: Timestamp) {
        let Some(own) = self.own else {
            // Of a process that keeps no record, nobody could say it later.
            return;
        };
        self.number += 1;
        let refusal = open.closed(why, own.process, self.number, until);
        self.waiting.push(refusal);
        if self.waiting.len() > MOST_WAITING {
            self.waiting = merged(take(&mut self.waiting));
        }
    }
}

/// The same in fewer: one for each cause.
fn merged(refusals: Vec<Refusal>) -> Vec<Refusal> {
    let mut all: Vec<Refusal> = Vec::new();
    for refusal in refusals {
        match all.iter_mut().find(|one| one.why == refusal.why) {
            None => all.push(refusal),
            Some(one) => {
                one.from = one.from.min(refusal.from);
                one.until = one.until.max(refusal.until);
                one.events += refusal.events;
                one.more |= refusal.more;
                one.number = one.number.max(refusal.number);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use pts_domain::blind::Why;

    use super::*;

    fn at(second: i64) -> Timestamp {
        pts_domain::time::parse("2026-03-01T12:00:00Z").unwrap() + Duration::seconds(second)
    }

    const ALWAYS: Window = Window {
        since: None,
        until: None,
    };

    fn begun() -> Receiving {
        let receiving = Receiving::new();
        receiving.begin(Uuid::from_u128(1), at(0));
        receiving
    }

    #[test]
    fn what_stands_in_the_way_is_told_while_it_does_and_afterwards() {
        let receiving = begun();
        receiving.stored(|| panic!("nobody looks at the clock for nothing"));
        receiving.refused(Hindrance::StoreAway, at(10), 3, false);
        receiving.refused(Hindrance::StoreAway, at(12), 0, true);
        let told = receiving.missed(&ALWAYS, at(20));
        let expected = Missed {
            from: at(10),
            to: at(20),
            why: Why::Refused(Hindrance::StoreAway),
            events: 3,
            more: true,
        };
        assert_eq!(told, [(expected, true)]);
        assert_eq!(receiving.listening_since(at(20)), at(20));
        receiving.stored(|| at(25));
        let over = Missed {
            to: at(25),
            ..expected
        };
        assert_eq!(receiving.missed(&ALWAYS, at(30)), [(over, false)]);
        assert_eq!(receiving.listening_since(at(30)), at(25));
        let (uptime, refusals) = receiving.report(at(30), false).unwrap();
        assert_eq!((uptime.from, uptime.until), (at(0), at(30)));
        assert_eq!(refusals.len(), 1);
        receiving.written(&refusals);
        assert_eq!(receiving.report(at(31), false).unwrap().1, []);
        assert_eq!(receiving.missed(&ALWAYS, at(31)), [(over, false)]);
        let later = Window {
            since: Some(at(26)),
            until: None,
        };
        assert_eq!(receiving.missed(&later, at(31)), []);
    }

    #[test]
    fn an_overload_ends_when_nothing_is_refused_any_more_and_deafens_nobody() {
        let receiving = begun();
        receiving.refused(Hindrance::Overloaded, at(10), 5, false);
        receiving.refused(Hindrance::Overloaded, at(11), 5, false);
        receiving.stored(|| at(12));
        assert_eq!(receiving.report(at(13), false).unwrap().1, []);
        assert!(receiving.missed(&ALWAYS, at(13))[0].1, "it may go on");
        assert_eq!(receiving.report(at(20), false).unwrap().1[0].until, at(11));
        assert_eq!(receiving.missed(&ALWAYS, at(20))[0].0.events, 10);
        assert_eq!(receiving.listening_since(at(20)), Timestamp::MIN_UTC);
        assert!(!receiving.is_troubled());
    }

    #[test]
    fn what_others_wrote_down_counts() {
        let receiving = Receiving::new();
        let up = |process, from, until, stopped| Uptime {
            process: Uuid::from_u128(process),
            from: at(from),
            until: at(until),
            stopped,
        };
        receiving.learn(Received {
            uptimes: vec![up(7, -100, -50, true), up(8, -100, -40, false)],
            refusals: Vec::new(),
        });
        assert_eq!(receiving.missed(&ALWAYS, at(0)), []);
        receiving.begin(Uuid::from_u128(1), at(0));
        let told = receiving.missed(&ALWAYS, at(0));
        assert_eq!(told.len(), 1);
        let (missed, goes_on) = told[0];
        assert_eq!(
            (missed.from, missed.to, missed.why),
            (at(-40), at(0), Why::Died)
        );
        assert!(!goes_on);
        assert_eq!(receiving.listening_since(at(5)), at(0));
        // The other one was there all the time, as it turns out.
        receiving.learn(Received {
            uptimes: vec![up(8, -100, 3, false)],
            refusals: Vec::new(),
        });
        assert_eq!(receiving.missed(&ALWAYS, at(5)), []);
    }

    #[test]
    fn what_cannot_be_written_down_is_kept_within_bounds() {
        let receiving = begun();
        for n in 0..3_000 {
            receiving.refused(Hindrance::Fault, at(n), 1, false);
            receiving.stored(|| at(n));
        }
        let (_, refusals) = receiving.report(at(3_000), false).unwrap();
        assert!(refusals.len() <= MOST_WAITING, "{}", refusals.len());
        assert_eq!(refusals.iter().map(|one| one.events).sum::<u64>(), 3_000);
    }
}

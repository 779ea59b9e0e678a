//! Who reports: the sources that this process hears, their habits, and what was declared of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::blind::{Concern, Expectation, Hearing, Reporter, Silence};
use pts_domain::event::NewEvent;

/// Sources that are remembered.
const MOST: usize = 10_000;
/// How often room is made for new ones.
const ROOM_EVERY: Duration = Duration::minutes(1);
/// Who has no habit and was not heard for so long makes room.
const STALE_AFTER: Duration = Duration::hours(1);
/// How long it is good to know who is silent.
const LOOK_EVERY: Duration = Duration::seconds(1);

/// The sources.
pub(crate) struct Reporters {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: HashMap<String, Known>,
    expected: BTreeMap<String, Expectation>,
    suspects: Option<(Timestamp, Arc<Vec<Suspect>>)>,
    made_room: Option<Timestamp>,
}

struct Known {
    reporter: Reporter,
    /// Whether the store has an older view of it.
    dirty: bool,
    /// Whether it was silent when somebody last looked.
    silent: bool,
}

/// A source that is silent, or was.
#[derive(Debug, Clone)]
pub(crate) struct Suspect {
    pub(crate) source: String,
    /// Nothing for one that was never heard.
    reporter: Option<Reporter>,
    /// Since when it is silent, and how often it should report, if it is.
    pub(crate) silent: Option<(Timestamp, f64)>,
    /// When it was silent before.
    pub(crate) silences: Vec<Silence>,
}

impl Suspect {
    /// Whether what it did not report could matter to a question.
    pub(crate) fn matters(&self, concern: &Concern) -> bool {
        match &self.reporter {
            Some(reporter) => reporter.matters(concern),
            // Nobody knows what it would have reported.
            None => concern
                .source
                .as_ref()
                .is_none_or(|source| *source == self.source),
        }
    }

    /// When it was last heard.
    pub(crate) fn heard_at(&self) -> Option<Timestamp> {
        self.reporter.as_ref().map(|reporter| reporter.heard_at)
    }
}

/// A source as it stands now.
pub(crate) struct Standing {
    pub(crate) source: String,
    pub(crate) heard_at: Option<Timestamp>,
    pub(crate) declared: bool,
    pub(crate) hearing: Hearing,
}

impl Reporters {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events came in. Sources that are known cost no memory.
    pub(crate) fn hear(&self, events: &[NewEvent], listening_since: Timestamp) {
        let mut state = self.lock();
        for new in events {
            state.hear(new, listening_since);
        }
    }

    /// What the store knows of sources: a view that heard one later than this process did.
    pub(crate) fn learn(&self, reporters: Vec<Reporter>) {
        let mut state = self.lock();
        for reporter in reporters {
            let known = state.known.get(&reporter.source);
            if known.is_none_or(|known| known.reporter.heard_at < reporter.heard_at) {
                let source = reporter.source.clone();
                let known = Known {
                    reporter,
                    dirty: false,
                    silent: false,
                };
                state.known.insert(source, known);
            }
        }
        state.suspects = None;
    }

    /// What is declared now.
    pub(crate) fn expect(&self, expectations: Vec<Expectation>) {
        let mut state = self.lock();
        let all = expectations.into_iter();
        let expected: BTreeMap<_, _> = all.map(|one| (one.source.clone(), one)).collect();
        if expected != state.expected {
            state.expected = expected;
            state.suspects = None;
        }
    }

    /// One more, or another one of the same source.
    pub(crate) fn expect_one(&self, expectation: Expectation) {
        let mut state = self.lock();
        let source = expectation.source.clone();
        state.expected.insert(source, expectation);
        state.suspects = None;
    }

    /// One less.
    pub(crate) fn unexpect(&self, source: &str) {
        let mut state = self.lock();
        state.expected.remove(source);
        state.suspects = None;
    }

    /// Sources of which the store does not know the latest, so many at the most; they count as
    /// known to it from now on.
    pub(crate) fn take_changed(&self, most: usize) -> Vec<Reporter> {
        let mut state = self.lock();
        let State {
            known, expected, ..
        } = &mut *state;
        let worth = |known: &&mut Known| {
            let reporter = &known.reporter;
            known.dirty && (reporter.has_habit() || expected.contains_key(&reporter.source))
        };
        let changed = known.values_mut().filter(worth).take(most);
        changed
            .map(|known| {
                known.dirty = false;
                known.reporter.clone()
            })
            .collect()
    }

    /// The store does not know these after all.
    pub(crate) fn put_back(&self, reporters: &[Reporter]) {
        let mut state = self.lock();
        for reporter in reporters {
            if let Some(known) = state.known.get_mut(&reporter.source) {
                known.dirty = true;
            }
        }
    }

    /// Who is silent, or was.
    pub(crate) fn suspects(&self, now: Timestamp, listening_since: Timestamp) -> Arc<Vec<Suspect>> {
        let mut state = self.lock();
        if let Some((at, suspects)) = &state.suspects
            && (Duration::zero()..LOOK_EVERY).contains(&(now - *at))
        {
            return Arc::clone(suspects);
        }
        let suspects = Arc::new(state.look(now, listening_since));
        state.suspects = Some((now, Arc::clone(&suspects)));
        suspects
    }

    /// Every source of which it is known how often it reports, by name.
    pub(crate) fn standing(&self, now: Timestamp, listening_since: Timestamp) -> Vec<Standing> {
        let state = self.lock();
        let never = state.expected.values();
        let never = never.filter(|one| !state.known.contains_key(&one.source));
        let never = never.map(|one| Standing {
            source: one.source.clone(),
            heard_at: None,
            declared: true,
            hearing: unheard(one, now, listening_since),
        });
        let heard = state.known.values().filter_map(|known| {
            let reporter = &known.reporter;
            let declared = state.expected.get(&reporter.source);
            let hearing = reporter.hearing(now, listening_since, declared);
            (hearing != Hearing::Unknown).then(|| Standing {
                source: reporter.source.clone(),
                heard_at: Some(reporter.heard_at),
                declared: declared.is_some(),
                hearing,
            })
        });
        let mut all: Vec<_> = heard.chain(never).collect();
        all.sort_unstable_by(|a, b| a.source.cmp(&b.source));
        all
    }
}

/// How it stands with a source that was declared and never heard.
fn unheard(declared: &Expectation, now: Timestamp, listening_since: Timestamp) -> Hearing {
    let every_s = f64::from(declared.every_s);
    let waited = now - declared.since.max(listening_since);
    if waited.as_seconds_f64() > pts_domain::blind::TOLERANCE * every_s {
        Hearing::Silent { every_s }
    } else {
        Hearing::Heard { every_s }
    }
}

impl State {
    fn hear(&mut self, new: &NewEvent, listening_since: Timestamp) {
        let (event, at) = (&new.event, new.received_at);
        let source = event.identity.source.as_str();
        let declared = self.expected.get(source);
        if let Some(known) = self.known.get_mut(source) {
            known.reporter.hear(event, at, listening_since, declared);
            known.dirty = true;
            if std::mem::take(&mut known.silent) {
                self.suspects = None;
            }
            return;
        }
        if declared.is_some() {
            self.suspects = None;
        }
        if self.known.len() >= MOST && !self.make_room(at) {
            return;
        }
        let known = Known {
            reporter: Reporter::new(event, at),
            dirty: true,
            silent: false,
        };
        self.known.insert(source.to_owned(), known);
    }

    /// Forgets who is not worth remembering, now and then.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.made_room.is_none_or(|at| now - at >= ROOM_EVERY) {
            self.made_room = Some(now);
            self.known.retain(|source, known| {
                self.expected.contains_key(source)
                    || known.reporter.has_habit()
                    || now - known.reporter.heard_at < STALE_AFTER
            });
        }
        self.known.len() < MOST
    }

    fn look(&mut self, now: Timestamp, listening_since: Timestamp) -> Vec<Suspect> {
        let mut suspects = Vec::new();
        for known in self.known.values_mut() {
            let reporter = &known.reporter;
            let declared = self.expected.get(&reporter.source);
            let mut silences: Vec<_> = reporter.silences.iter().copied().collect();
            let silent = match reporter.hearing(now, listening_since, declared) {
                Hearing::Silent { every_s } => Some((reporter.heard_at, every_s)),
                Hearing::Gone { at, every_s } => {
                    silences.push(Silence {
                        from: reporter.heard_at,
                        to: at,
                        every_s,
                    });
                    None
                }
                Hearing::Heard { .. } | Hearing::Unknown => None,
            };
            known.silent = silent.is_some();
            if silent.is_some() || !silences.is_empty() {
                suspects.push(Suspect {
                    source: reporter.source.clone(),
                    reporter: Some(reporter.clone()),
                    silent,
                    silences,
                });
            }
        }
        let never = self.expected.values();
        let never = never.filter(|one| !self.known.contains_key(&one.source));
        for declared in never {
            if let Hearing::Silent { every_s } = unheard(declared, now, listening_since) {
                suspects.push(Suspect {
                    source: declared.source.clone(),
                    reporter: None,
                    silent: Some((declared.since, every_s)),
                    silences: Vec::new(),
                });
            }
        }
        suspects.sort_unstable_by(|a, b| a.source.cmp(&b.source));
        suspects
    }
}

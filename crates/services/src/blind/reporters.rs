//! Who reports: the sources that this process hears, their habits, and what was declared of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Duration;
use pts_domain::Timestamp;
use pts_domain::access::Workspace;
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
    rooms: HashMap<Workspace, Room>,
    made_room: Option<Timestamp>,
}

/// Those of one workspace.
#[derive(Default)]
struct Room {
    known: HashMap<String, Known>,
    expected: BTreeMap<String, Expectation>,
    suspects: Option<(Timestamp, Arc<Vec<Suspect>>)>,
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
    pub(crate) fn learn(&self, reporters: Vec<(Workspace, Reporter)>) {
        let mut state = self.lock();
        for (workspace, reporter) in reporters {
            let room = state.rooms.entry(workspace).or_default();
            let known = room.known.get(&reporter.source);
            if known.is_none_or(|known| known.reporter.heard_at < reporter.heard_at) {
                let source = reporter.source.clone();
                let known = Known {
                    reporter,
                    dirty: false,
                    silent: false,
                };
                room.known.insert(source, known);
            }
            room.suspects = None;
        }
    }

    /// What is declared now.
    pub(crate) fn expect(&self, expectations: Vec<(Workspace, Expectation)>) {
        let mut all: HashMap<Workspace, BTreeMap<String, Expectation>> = HashMap::new();
        for (workspace, one) in expectations {
            let expected = all.entry(workspace).or_default();
            expected.insert(one.source.clone(), one);
        }
        let mut state = self.lock();
        for (workspace, room) in &mut state.rooms {
            room.expect(all.remove(workspace).unwrap_or_default());
        }
        for (workspace, expected) in all {
            state.rooms.entry(workspace).or_default().expect(expected);
        }
    }

    /// One more, or another one of the same source.
    pub(crate) fn expect_one(&self, workspace: &Workspace, expectation: Expectation) {
        let mut state = self.lock();
        let room = state.rooms.entry(workspace.clone()).or_default();
        let source = expectation.source.clone();
        room.expected.insert(source, expectation);
        room.suspects = None;
    }

    /// One less.
    pub(crate) fn unexpect(&self, workspace: &Workspace, source: &str) {
        if let Some(room) = self.lock().rooms.get_mut(workspace) {
            room.expected.remove(source);
            room.suspects = None;
        }
    }

    /// Sources of which the store does not know the latest, so many at the most; they count as
    /// known to it from now on.
    pub(crate) fn take_changed(&self, most: usize) -> Vec<(Workspace, Reporter)> {
        let mut state = self.lock();
        let changed = state.rooms.iter_mut().flat_map(|(workspace, room)| {
            let Room {
                known, expected, ..
            } = room;
            let worth = |known: &&mut Known| {
                let reporter = &known.reporter;
                known.dirty && (reporter.has_habit() || expected.contains_key(&reporter.source))
            };
            let changed = known.values_mut().filter(worth);
            changed.map(|known| {
                known.dirty = false;
                (workspace.clone(), known.reporter.clone())
            })
        });
        changed.take(most).collect()
    }

    /// The store does not know these after all.
    pub(crate) fn put_back(&self, reporters: &[(Workspace, Reporter)]) {
        let mut state = self.lock();
        for (workspace, reporter) in reporters {
            let room = state.rooms.get_mut(workspace);
            if let Some(known) = room.and_then(|room| room.known.get_mut(&reporter.source)) {
                known.dirty = true;
            }
        }
    }

    /// Who of a workspace is silent, or was.
    pub(crate) fn suspects(
        &self,
        workspace: &Workspace,
        now: Timestamp,
        listening_since: Timestamp,
    ) -> Arc<Vec<Suspect>> {
        let mut state = self.lock();
        let Some(room) = state.rooms.get_mut(workspace) else {
            return Arc::default();
        };
        if let Some((at, suspects)) = &room.suspects
            && (Duration::zero()..LOOK_EVERY).contains(&(now - *at))
        {
            return Arc::clone(suspects);
        }
        let suspects = Arc::new(room.look(now, listening_since));
        room.suspects = Some((now, Arc::clone(&suspects)));
        suspects
    }

    /// Every source of a workspace of which it is known how often it reports, by name.
    pub(crate) fn standing(
        &self,
        workspace: &Workspace,
        now: Timestamp,
        listening_since: Timestamp,
    ) -> Vec<Standing> {
        let state = self.lock();
        match state.rooms.get(workspace) {
            Some(room) => room.standing(now, listening_since),
            None => Vec::new(),
        }
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
        let room = self.rooms.get_mut(&new.workspace);
        if room.is_some_and(|room| room.hear(new, listening_since)) {
            return;
        }
        let at = new.received_at;
        if self.known() >= MOST && !self.make_room(at) {
            return;
        }
        let known = Known {
            reporter: Reporter::new(&new.event, at),
            dirty: true,
            silent: false,
        };
        let room = self.rooms.entry(new.workspace.clone()).or_default();
        let source = new.event.identity.source.clone();
        room.known.insert(source, known);
    }

    /// How many are remembered, in all workspaces.
    fn known(&self) -> usize {
        self.rooms.values().map(|room| room.known.len()).sum()
    }

    /// Forgets who is not worth remembering, now and then.
    fn make_room(&mut self, now: Timestamp) -> bool {
        if self.made_room.is_none_or(|at| now - at >= ROOM_EVERY) {
            self.made_room = Some(now);
            for room in self.rooms.values_mut() {
                let expected = &room.expected;
                room.known.retain(|source, known| {
                    expected.contains_key(source)
                        || known.reporter.has_habit()
                        || now - known.reporter.heard_at < STALE_AFTER
                });
            }
        }
        self.known() < MOST
    }
}

impl Room {
    /// Hears a source, if it is known.
    fn hear(&mut self, new: &NewEvent, listening_since: Timestamp) -> bool {
        let (event, at) = (&new.event, new.received_at);
        let source = event.identity.source.as_str();
        let declared = self.expected.get(source);
        let Some(known) = self.known.get_mut(source) else {
            if declared.is_some() {
                self.suspects = None;
            }
            return false;
        };
        known.reporter.hear(event, at, listening_since, declared);
        known.dirty = true;
        if std::mem::take(&mut known.silent) {
            self.suspects = None;
        }
        true
    }

    fn expect(&mut self, expected: BTreeMap<String, Expectation>) {
        if expected != self.expected {
            self.expected = expected;
            self.suspects = None;
        }
    }

    fn standing(&self, now: Timestamp, listening_since: Timestamp) -> Vec<Standing> {
        let never = self.expected.values();
        let never = never.filter(|one| !self.known.contains_key(&one.source));
        let never = never.map(|one| Standing {
            source: one.source.clone(),
            heard_at: None,
            declared: true,
            hearing: unheard(one, now, listening_since),
        });
        let heard = self.known.values().filter_map(|known| {
            let reporter = &known.reporter;
            let declared = self.expected.get(&reporter.source);
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

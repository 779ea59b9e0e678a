//! One source that reports: when it was last heard, how often it usually is, and what it is about.

use std::collections::{BTreeSet, VecDeque};

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{Cadence, Concern};
use crate::platform::cdevents;
use crate::{Event, Timestamp};

/// What comes within this time comes at once.
const SHORTEST_PAUSE: Duration = Duration::seconds(1);
/// After so many periods without a report a source is silent: within three.
pub const TOLERANCE: f64 = 2.5;
/// Names of one kind that are remembered of a source; with more it may be about anything.
const MOST_NAMES: usize = 16;
/// Silences that are remembered of a source.
const MOST_SILENCES: usize = 8;
/// A silence that takes so many periods is a source that has gone: it is no longer expected.
const GONE_PERIODS: f64 = 100.0;
/// But not sooner.
const GONE_SOONEST: Duration = Duration::days(1);
/// Nor later.
const GONE_LATEST: Duration = Duration::days(30);

/// Some names, or too many to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    names: BTreeSet<String>,
    more: bool,
}

impl Names {
    /// Takes note of a name.
    pub fn add(&mut self, name: &str) {
        if self.more || self.names.contains(name) {
            return;
        }
        if self.names.len() < MOST_NAMES {
            self.names.insert(name.to_owned());
        } else {
            (self.names, self.more) = (BTreeSet::new(), true);
        }
    }

    /// Whether the wanted one may be among them.
    fn may_be(&self, wanted: impl Fn(&str) -> bool) -> bool {
        self.more || self.names.iter().any(|name| wanted(name))
    }
}

/// What a source reports about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Services.
    pub services: Names,
    /// Environments.
    pub environments: Names,
    /// Types of events.
    pub types: Names,
}

impl About {
    /// Takes note of what an event is about.
    pub fn add(&mut self, event: &Event) {
        self.types.add(&event.event_type);
        if let Some(service) = event.service() {
            self.services.add(service);
        }
        if let Some(environment) = event.environment() {
            self.environments.add(environment);
        }
    }

    /// Whether a report like those so far could matter to a question.
    fn matters(&self, concern: &Concern) -> bool {
        let named = |wanted: &Option<String>, names: &Names| {
            wanted
                .as_ref()
                .is_none_or(|wanted| names.may_be(|name| name == wanted))
        };
        let fits = |name: &str| {
            // The words of CDEvents say what platform types say.
            cdevents::has_counterpart(name)
                || concern.types.iter().any(|pattern| pattern.fits(name))
        };
        named(&concern.service, &self.services)
            && named(&concern.environment, &self.environments)
            && (concern.types.is_empty() || self.types.may_be(fits))
    }
}

/// What somebody declared that a source will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The source.
    pub source: String,
    /// It reports at least so often, in seconds.
    pub every_s: u32,
    /// Since when it is expected to.
    pub since: Timestamp,
}

/// A time in which an expected source did not report.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// The last report before it.
    pub from: Timestamp,
    /// The next one.
    pub to: Timestamp,
    /// Seconds after which one was due.
    pub every_s: f64,
}

/// How it stands with a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hearing {
    /// Nobody knows how often it should report.
    Unknown,
    /// It reports as it usually does.
    Heard {
        /// Seconds within which it does.
        every_s: f64,
    },
    /// It should have reported.
    Silent {
        /// Seconds within which it usually does.
        every_s: f64,
    },
    /// It was silent for so long that it is no longer expected.
    Gone {
        /// Since then.
        at: Timestamp,
        /// Seconds within which it did.
        every_s: f64,
    },
}

/// What is known of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reporter {
    /// The source.
    pub source: String,
    /// When it was last heard.
    pub heard_at: Timestamp,
    /// What it reports about.
    pub about: About,
    /// The times in which it was silent, the latest last.
    pub silences: VecDeque<Silence>,
    /// The last report from which its habits were learned.
    paused_at: Timestamp,
    cadence: Cadence,
    /// Whether it said that no more will come.
    left: bool,
}

impl Reporter {
    /// The source of an event, heard for the first time.
    pub fn new(event: &Event, at: Timestamp) -> Self {
        let mut about = About::default();
        about.add(event);
        Self {
            source: event.identity.source.clone(),
            heard_at: at,
            about,
            silences: VecDeque::new(),
            paused_at: at,
            cadence: Cadence::default(),
            left: is_farewell(event),
        }
    }

    /// Hears it again: an event of it was received. `listening_since`: before that nothing could be
    /// heard, through no fault of the source.
    pub fn hear(
        &mut self,
        event: &Event,
        at: Timestamp,
        listening_since: Timestamp,
        declared: Option<&Expectation>,
    ) {
        self.about.add(event);
        let farewell = is_farewell(event);
        let again = (at - self.heard_at) < SHORTEST_PAUSE;
        if again && (at - self.paused_at) < SHORTEST_PAUSE {
            self.heard_at = self.heard_at.max(at);
            self.left = farewell;
            return;
        }
        match self.hearing(at, listening_since, declared) {
            Hearing::Silent { every_s } => self.remember_silence(at, every_s),
            Hearing::Gone { at, every_s } => self.remember_silence(at, every_s),
            Hearing::Heard { .. } | Hearing::Unknown => {}
        }
        if !self.left && self.paused_at >= listening_since {
            self.cadence.learn((at - self.paused_at).as_seconds_f64());
        }
        self.paused_at = at;
        self.heard_at = self.heard_at.max(at);
        self.left = farewell;
    }

    fn remember_silence(&mut self, to: Timestamp, every_s: f64) {
        if self.silences.len() == MOST_SILENCES {
            self.silences.pop_front();
        }
        let from = self.heard_at;
        self.silences.push_back(Silence { from, to, every_s });
    }

    /// How it stands with it. What is declared goes before what was learned, and before a farewell.
    pub fn hearing(
        &self,
        now: Timestamp,
        listening_since: Timestamp,
        declared: Option<&Expectation>,
    ) -> Hearing {
        let learned = || self.cadence.period_s().filter(|_| !self.left);
        let (every_s, begin) = match declared {
            Some(declared) => (f64::from(declared.every_s), declared.since),
            None => match learned() {
                Some(period) => (period, self.heard_at),
                None => return Hearing::Unknown,
            },
        };
        let waited = now - self.heard_at.max(listening_since).max(begin);
        if waited <= seconds(TOLERANCE * every_s) {
            return Hearing::Heard { every_s };
        }
        let gone = seconds(GONE_PERIODS * every_s).clamp(GONE_SOONEST, GONE_LATEST);
        let silent = now - self.heard_at;
        if declared.is_none() && silent > gone {
            return Hearing::Gone {
                at: self.heard_at + gone,
                every_s,
            };
        }
        Hearing::Silent { every_s }
    }

    /// Whether a report of it could matter to a question, its window left aside.
    pub fn matters(&self, concern: &Concern) -> bool {
        concern
            .source
            .as_ref()
            .is_none_or(|source| *source == self.source)
            && self.about.matters(concern)
    }

    /// Whether it is known well enough to be worth keeping.
    pub fn has_habit(&self) -> bool {
        !self.silences.is_empty() || self.cadence.period_s().is_some()
    }
}

/// Whether its source says that no more will come.
fn is_farewell(event: &Event) -> bool {
    matches!(
        event.event_type.as_str(),
        "service.stopped" | "service.deregistered"
    )
}

fn seconds(seconds: f64) -> Duration {
    // A period is some weeks at the most.
    #[expect(clippy::cast_possible_truncation, reason = "far below the bounds")]
    Duration::milliseconds((seconds * 1_000.0).round() as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::event::{Form, read};

    fn at(second: i64) -> Timestamp {
        crate::time::parse("2026-03-01T12:00:00Z").unwrap() + Duration::seconds(second)
    }

    fn event(event_type: &str) -> Event {
        let data = json!({"service": "payments", "environment": "production", "instance": "a"});
        let json = json!({"type": event_type, "source": "agent", "data": data});
        let read = read(json, Form::Lenient, Uuid::nil(), at(0)).unwrap();
        read.event.event
    }

    fn beat(reporter: &mut Reporter, second: i64, listening_since: i64) {
        let event = event("service.heartbeat");
        reporter.hear(&event, at(second), at(listening_since), None);
    }

    /// Heard every ten seconds, up to and with this one.
    fn regular(until: i64) -> Reporter {
        let mut reporter = Reporter::new(&event("service.heartbeat"), at(0));
        (10..=until)
            .step_by(10)
            .for_each(|second| beat(&mut reporter, second, 0));
        reporter
    }

    #[test]
    fn silence_is_noticed_within_three_periods_and_not_before_two() {
        let reporter = regular(100);
        let hearing = |second| reporter.hearing(at(second), at(0), None);
        assert_eq!(hearing(120), Hearing::Heard { every_s: 10.0 });
        assert_eq!(hearing(130), Hearing::Silent { every_s: 10.0 });
        assert!(matches!(hearing(100 + 86_400), Hearing::Silent { .. }));
        let gone = Hearing::Gone {
            at: at(100 + 86_400),
            every_s: 10.0,
        };
        assert_eq!(hearing(100 + 90_000), gone);
        assert_eq!(
            regular(40).hearing(at(4_000), at(0), None),
            Hearing::Unknown
        );
    }

    #[test]
    fn what_could_not_be_heard_is_no_silence_and_teaches_nothing() {
        let mut reporter = regular(100);
        let hearing = reporter.hearing(at(515), at(500), None);
        assert_eq!(hearing, Hearing::Heard { every_s: 10.0 });
        assert!(matches!(
            reporter.hearing(at(530), at(500), None),
            Hearing::Silent { .. }
        ));
        let habits = reporter.cadence;
        beat(&mut reporter, 505, 500);
        assert_eq!((reporter.cadence, reporter.silences.len()), (habits, 0));
        beat(&mut reporter, 515, 500);
        assert_ne!(reporter.cadence, habits);
    }

    #[test]
    fn a_silence_that_is_over_is_remembered() {
        let mut reporter = regular(1_000);
        beat(&mut reporter, 1_100, 0);
        let silence = reporter.silences[0];
        assert_eq!((silence.from, silence.to), (at(1_000), at(1_100)));
        for n in 1..20 {
            let (event, second) = (event("service.heartbeat"), 1_100 + n * 1_000);
            reporter.hear(&event, at(second), at(0), Some(&expected(5)));
        }
        assert_eq!(reporter.silences.len(), MOST_SILENCES);
        assert_eq!(reporter.silences.back().unwrap().to, at(20_100));
    }

    fn expected(every_s: u32) -> Expectation {
        Expectation {
            source: "agent".into(),
            every_s,
            since: at(0),
        }
    }

    #[test]
    fn what_is_declared_goes_before_what_was_learned() {
        let reporter = regular(100);
        let hour = expected(3_600);
        let hearing = |second, declared| reporter.hearing(at(second), at(0), Some(declared));
        assert_eq!(hearing(4_000, &hour), Hearing::Heard { every_s: 3_600.0 });
        assert_eq!(
            hearing(100 + 40 * 86_400, &hour),
            Hearing::Silent { every_s: 3_600.0 }
        );
        let just_now = Expectation {
            since: at(4_000),
            ..expected(10)
        };
        assert!(matches!(hearing(4_020, &just_now), Hearing::Heard { .. }));
        assert!(matches!(hearing(4_030, &just_now), Hearing::Silent { .. }));
    }

    #[test]
    fn whoever_says_farewell_is_not_missed_until_it_comes_back() {
        let mut reporter = regular(100);
        reporter.hear(&event("service.deregistered"), at(105), at(0), None);
        assert_eq!(reporter.hearing(at(999), at(0), None), Hearing::Unknown);
        beat(&mut reporter, 900, 0);
        assert!(reporter.silences.is_empty());
        assert!(matches!(
            reporter.hearing(at(999), at(0), None),
            Hearing::Silent { .. }
        ));
    }

    #[test]
    fn a_source_matters_to_questions_about_what_it_reports() {
        let mut reporter = regular(100);
        let all = Concern::default;
        let of_service = |service: &str| Concern {
            service: Some(service.into()),
            ..all()
        };
        let of_type = |pattern: &str| Concern {
            types: vec![pattern.into()],
            ..all()
        };
        assert!(reporter.matters(&all()));
        assert!(reporter.matters(&of_service("payments")));
        assert!(!reporter.matters(&of_service("orders")));
        assert!(reporter.matters(&of_type("service.*")));
        assert!(!reporter.matters(&of_type("incident.*")));
        let other = Concern {
            source: Some("ci".into()),
            ..all()
        };
        assert!(!reporter.matters(&other));
        let elsewhere = Concern {
            environment: Some("staging".into()),
            ..all()
        };
        assert!(!reporter.matters(&elsewhere));
        for n in 0..MOST_NAMES {
            reporter.about.services.add(&format!("s{n}"));
        }
        assert!(reporter.matters(&of_service("orders")), "too many to tell");
    }
}

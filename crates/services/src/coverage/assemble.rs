//! From what was found to an answer: which sources it rests on, and what is missing.

use std::time::Duration;

use chrono::SecondsFormat;
use pts_api::{Answer, Coverage, Gap, Source, SourceState};
use pts_domain::Timestamp;
use pts_domain::blind::{Concern, Hindrance, Missed, Silence, Why};

use super::{Found, Question};
use crate::blind::Suspect;
use crate::{ActionError, Gateway};

/// The name of the event log in coverages.
const EVENTS: &str = "platform-events";
/// The name of the quarantine.
const QUARANTINE: &str = "quarantine";
/// How long it may take to tell what waits.
const QUARANTINE_WITHIN: Duration = Duration::from_secs(1);
/// Gaps of one kind that are told one by one; those before are told as one.
const MOST_GAPS: usize = 100;
/// Silent sources that are named.
const MOST_NAMED: usize = 50;
/// Items that wait are counted so far.
const MOST_COUNTED: u64 = 10_000;

impl Gateway {
    /// Makes an answer of what was found: the only place where one is made.
    pub(crate) async fn assemble<T>(&self, found: Found<T>) -> Answer<T> {
        let Found {
            data,
            question,
            gaps,
            warnings,
            next_cursor,
            ..
        } = found;
        Answer {
            data,
            coverage: self.coverage(&question, gaps).await,
            warnings,
            next_cursor,
        }
    }

    /// What an answer to a question rests on, beside what is known to be missing already.
    pub(crate) async fn coverage(&self, question: &Question, known_gaps: Vec<Gap>) -> Coverage {
        let now = self.now();
        let age = |last: Timestamp| (now - last).as_seconds_f64().max(0.0);
        let log = Source {
            name: EVENTS.to_owned(),
            state: SourceState::Ok,
            age_s: self.freshness.last(&self.workspace).map(age),
            reason: None,
        };
        let Some(concern) = &question.concern else {
            return Coverage::of(vec![log], known_gaps);
        };
        let mut gaps = Vec::new();
        if question.for_removed {
            gaps.extend(self.freshness.removed(&concern.window, self.bound));
        }
        gaps.extend(known_gaps);
        let missed = self.receiving.missed(&concern.window, now);
        let told = missed.into_iter().map(|missed| told(missed, self.bound));
        gaps.extend(shortened(told.collect()));
        let mut sources = vec![log];
        // A source of its own: where it fails, the rest is answered.
        match tokio::time::timeout(QUARANTINE_WITHIN, self.quarantined(concern)).await {
            Ok(Ok(gap)) => gaps.extend(gap),
            Ok(Err(_)) => sources.push(lacking(SourceState::Missing, "it could not be asked")),
            Err(_) => sources.push(lacking(SourceState::TimedOut, "it took too long")),
        }
        let listening_since = self.receiving.listening_since(now);
        let suspects = self
            .reporters
            .suspects(&self.workspace, now, listening_since);
        let mattering = || suspects.iter().filter(|one| one.matters(concern));
        let silences = mattering().flat_map(|one| was_silent(one, concern));
        gaps.extend(shortened(silences.collect()));
        let mut silent = mattering().filter_map(|one| is_silent(one, concern, now));
        sources.extend(silent.by_ref().take(MOST_NAMED));
        let others = silent.count();
        if others > 0 {
            sources.push(Source {
                name: "(others)".to_owned(),
                state: SourceState::Stale,
                age_s: None,
                reason: Some(format!(
                    "{others} more sources that should report are silent"
                )),
            });
        }
        Coverage::of(sources, gaps)
    }

    /// What waits in quarantine and may become what was asked for. Costs nothing where nothing waits.
    async fn quarantined(&self, concern: &Concern) -> Result<Option<Gap>, ActionError> {
        if !self.ward.something_waits() {
            return Ok(None);
        }
        let count = self.quarantine.waiting(concern, MOST_COUNTED).await?;
        let gap = Gap {
            from: concern.window.since,
            to: concern.window.until,
            reason: "sent, and waiting in quarantine because it is no event as it stands".into(),
            count: Some(count).filter(|count| *count < MOST_COUNTED),
        };
        Ok((count > 0).then_some(gap))
    }
}

/// Why there is no answer: the log took too long.
pub(crate) fn timed_out(after: Duration) -> ActionError {
    let log = Source {
        name: EVENTS.to_owned(),
        state: SourceState::TimedOut,
        age_s: None,
        reason: Some(format!("cut after {} s", after.as_secs())),
    };
    ActionError::TimedOut {
        after_s: after.as_secs(),
        coverage: Box::new(Coverage::of(vec![log], Vec::new())),
    }
}

/// The quarantine, where it could not tell what waits.
fn lacking(state: SourceState, reason: &str) -> Source {
    Source {
        name: QUARANTINE.to_owned(),
        state,
        age_s: None,
        reason: Some(reason.to_owned()),
    }
}

/// A gap in what was received. What still goes on has no end. How many events were refused is counted
/// over all workspaces, and is nothing for whoever is bound to one.
fn told((missed, goes_on): (Missed, bool), bound: bool) -> Gap {
    let Missed {
        from,
        to,
        why,
        events,
        more,
    } = missed;
    let what = match why {
        Why::Stopped => "the service was stopped and received nothing",
        Why::Died => "the service was not running, or could not say that it was",
        Why::Refused(Hindrance::Overloaded) => "more came than could be taken, and was refused",
        Why::Refused(Hindrance::StoreAway) => "the store was away and events were refused",
        Why::Refused(Hindrance::Fault) => "the store failed and events were refused",
    };
    let events = if bound { 0 } else { events };
    let least = if more && events > 0 {
        format!(", at least {events} events")
    } else {
        String::new()
    };
    Gap {
        from: Some(from),
        to: (!goes_on).then_some(to),
        reason: format!("{what}{least}; what its senders sent again since is there"),
        count: Some(events).filter(|events| *events > 0 && !more),
    }
}

/// The latest gaps one by one, and those before as one.
fn shortened(mut gaps: Vec<Gap>) -> Vec<Gap> {
    if gaps.len() <= MOST_GAPS {
        return gaps;
    }
    let latest = gaps.split_off(gaps.len() - (MOST_GAPS - 1));
    let number = gaps.len();
    let before = Gap {
        from: gaps.iter().filter_map(|gap| gap.from).min(),
        to: gaps.iter().filter_map(|gap| gap.to).max(),
        reason: format!("{number} gaps in this period; ask for a shorter one to see each"),
        count: gaps.iter().map(|gap| gap.count).sum(),
    };
    std::iter::once(before).chain(latest).collect()
}

/// When a source was silent, as far as the question asks for that time.
fn was_silent(suspect: &Suspect, concern: &Concern) -> Vec<Gap> {
    let gap = |silence: &Silence| {
        let (from, to) = concern.window.clip(silence.from, silence.to)?;
        Some(Gap {
            from: Some(from),
            to: Some(to),
            reason: format!(
                "the source {:?} was silent from {} to {}; it used to report every {}",
                suspect.source,
                moment(silence.from),
                moment(silence.to),
                span(silence.every_s)
            ),
            count: None,
        })
    };
    suspect.silences.iter().filter_map(gap).collect()
}

/// A source that is silent now, if the question asks for any of that time.
fn is_silent(suspect: &Suspect, concern: &Concern, now: Timestamp) -> Option<Source> {
    let (since, every_s) = suspect.silent?;
    concern.window.clip(since, now.max(since))?;
    let every = span(every_s);
    let heard = suspect.heard_at();
    let (state, reason) = if let Some(heard) = heard {
        let reason = format!("silent since {}; due every {every}", moment(heard));
        (SourceState::Stale, reason)
    } else {
        let since = moment(since);
        let reason = format!("never heard; due every {every} since {since}");
        (SourceState::Missing, reason)
    };
    Some(Source {
        name: suspect.source.clone(),
        state,
        age_s: heard.map(|heard| (now - heard).as_seconds_f64().max(0.0)),
        reason: Some(reason),
    })
}

fn moment(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A span as people say it.
fn span(seconds: f64) -> String {
    let (number, unit) = match seconds {
        s if s < 120.0 => (s, "s"),
        s if s < 7_200.0 => (s / 60.0, "min"),
        s if s < 172_800.0 => (s / 3_600.0, "h"),
        s => (s / 86_400.0, "d"),
    };
    format!("{number:.0} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_gaps_are_told_in_few() {
        let gap = |n: i64| Gap {
            from: Timestamp::from_timestamp_secs(n),
            to: Timestamp::from_timestamp_secs(n + 1),
            reason: String::new(),
            count: Some(1),
        };
        assert_eq!(shortened((0..100).map(gap).collect()).len(), 100);
        let short = shortened((0..250).map(gap).collect());
        assert_eq!((short.len(), short[0].count), (100, Some(151)));
        assert_eq!(short[0].from, Timestamp::from_timestamp_secs(0));
        assert_eq!(short[0].to, Timestamp::from_timestamp_secs(151));
        assert_eq!(short[1], gap(151));
    }

    #[test]
    fn spans_are_said_as_people_say_them() {
        let said: Vec<_> = [10.0, 119.0, 600.0, 7_200.0, 259_200.0].map(span).into();
        assert_eq!(said, ["10 s", "119 s", "10 min", "2 h", "3 d"]);
    }
}

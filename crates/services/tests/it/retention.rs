//! What goes, who decides it, and how answers tell of it.

use std::sync::Arc;
use std::time::Duration;

use pts_api::actions::events::{SearchEvents, SearchInput};
use pts_domain::Timestamp;
use pts_domain::access::Scope;
use pts_domain::event::NewEvent;
use pts_domain::retention::{Month, Policy};
use pts_domain::time::{Moment, parse};
use pts_ports::{EventLog, Maintenance, Remover, RetentionStore, StoreError};
use pts_services::{ActionError, CallOptions, Gateway, MONTHS_AHEAD, Retention, RetentionError};
use pts_testkit::fakes::{FixedClock, MemoryStore, SeededEntropy};
use pts_testkit::generate::Sender;
use serde_json::json;

use crate::support::{in_memory, noon, principal};

struct House {
    gateway: Gateway,
    store: Arc<MemoryStore>,
    clock: Arc<FixedClock>,
    retention: Retention,
    sender: Sender,
}

/// Noon of 2026-03-01, and a log that has a notice and ten clicks in each of these months.
async fn house(months: &[&str]) -> House {
    let (gateway, store) = in_memory();
    let clock = Arc::new(FixedClock::at(noon()));
    let retention = Retention::new(
        store.clone(),
        clock.clone(),
        Arc::new(SeededEntropy::new(3)),
    );
    let mut house = House {
        gateway,
        store,
        clock,
        retention,
        sender: Sender::named("house"),
    };
    for month in months {
        house.fill(month, 10).await;
    }
    house
}

impl House {
    async fn fill(&mut self, month: &str, clicks: usize) {
        let start = month.parse::<Month>().unwrap().start();
        let mut batch = vec![
            self.sender
                .event("platform.notice", start, json!({"message": "m"})),
        ];
        for n in 1..=clicks {
            let time = start + chrono::Duration::hours(i64::try_from(n).unwrap());
            batch.push(self.sender.event("com.acme.click", time, json!({})));
        }
        let received = batch.into_iter().map(|new| NewEvent {
            received_at: new.event.time,
            ..new
        });
        self.store.append(received.collect()).await.unwrap();
    }

    async fn length(&self) -> u64 {
        self.store.verify().await.unwrap().events
    }
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_preview_says_what_would_go_and_changes_nothing() {
    let house = house(&["2025-10", "2025-11", "2025-12", "2026-01"]).await;
    let preview = house.retention.preview(policy("90d")).await.unwrap();
    // 90 days before 2026-03-01: 2025-12-01.
    assert_eq!(
        preview.horizon,
        Some(parse("2025-12-01T12:00:00Z").unwrap())
    );
    let months: Vec<_> = preview
        .months
        .iter()
        .map(|found| found.month.to_string())
        .collect();
    assert_eq!(months, ["2025-10", "2025-11"]);
    assert_eq!(preview.removable(), 20);
    let ahead: Vec<_> = preview
        .ahead
        .iter()
        .map(|one| one.month.to_string())
        .collect();
    assert_eq!(ahead, ["2026-03", "2026-04", "2026-05", "2026-06"]);
    assert_eq!(house.length().await, 44);
    assert_eq!(house.retention.history(10).await.unwrap(), []);

    let forever = house.retention.preview(Policy::Forever).await.unwrap();
    assert_eq!(
        (
            forever.horizon,
            forever.months.len(),
            forever.confirmation()
        ),
        (None, 0, None)
    );
}

#[tokio::test]
async fn only_what_was_shown_and_confirmed_goes() {
    let mut house = house(&["2025-10", "2025-11"]).await;
    let ninety = policy("90d");
    let Err(RetentionError::Unconfirmed(shown)) = house.retention.run(ninety, None).await else {
        panic!("nobody confirmed it");
    };
    let text = shown.confirmation().unwrap();
    let refused = house.retention.run(ninety, Some("yes")).await;
    assert!(
        matches!(refused, Err(RetentionError::Outdated(_))),
        "{refused:?}"
    );
    // A text is good for what it was made for: not for another policy, nor for what came later.
    house.fill("2025-11", 1).await;
    let Err(RetentionError::Outdated(now)) = house.retention.run(ninety, Some(&text)).await else {
        panic!("it is not what was shown any more");
    };
    assert_eq!(house.length().await, 24);
    let text = format!(" {}\n", now.confirmation().unwrap());
    let done = house.retention.run(ninety, Some(&text)).await.unwrap();
    let removed: Vec<_> = done
        .iter()
        .map(|one| (one.run.removed, one.run.kept))
        .collect();
    assert_eq!(removed, [(10, 1), (11, 2)]);
    assert!(done.iter().all(|one| one.run.who == Remover::Command));
    assert_eq!(house.length().await, 3);
    let mut history = house.retention.history(10).await.unwrap();
    history.sort_by_key(|run| run.month);
    assert!(history.iter().eq(done.iter().map(|one| &one.run)));
    assert_eq!(
        house.retention.removed_by_source(10).await.unwrap(),
        [("house".to_owned(), 21)]
    );
    // Nothing is left to be confirmed.
    assert_eq!(house.retention.run(ninety, None).await.unwrap(), []);
}

#[tokio::test]
async fn where_it_stops_what_was_done_is_told() {
    let house = house(&["2025-10", "2025-11"]).await;
    let text = house
        .retention
        .preview(policy("90d"))
        .await
        .unwrap()
        .confirmation()
        .unwrap();
    // The survey, the months ahead, and the first month work.
    let away = FailsAt::new(house.store.clone(), 2);
    let clock = house.clock.clone();
    let retention = Retention::new(Arc::new(away), clock, Arc::new(SeededEntropy::new(3)));
    let stopped = retention.run(policy("90d"), Some(&text)).await.unwrap_err();
    let RetentionError::Stopped {
        done,
        month,
        why: Some(_),
    } = stopped
    else {
        panic!("{stopped:?}");
    };
    assert_eq!((done.len(), month.to_string().as_str()), (1, "2025-11"));
    assert_eq!(house.length().await, 12);
}

#[tokio::test(start_paused = true)]
async fn the_service_makes_months_ahead_and_goes_through_those_behind_every_day() {
    let house = house(&["2025-11", "2025-12"]).await;
    let House {
        gateway,
        clock,
        retention,
        ..
    } = &house;
    let keeping = retention.keep(policy("90d"), gateway);
    let looking = async {
        // Time stands still unless everybody waits for it.
        let until = async |what: &str, length: u64| {
            let begun = tokio::time::Instant::now();
            while house.length().await != length {
                assert!(begun.elapsed() < Duration::from_hours(30), "never: {what}");
                tokio::time::sleep(Duration::from_secs(10)).await;
            }
            begun.elapsed()
        };
        let at_once = until("it begins at the start", 12).await;
        assert!(at_once < Duration::from_mins(1), "{at_once:?}");
        let ahead = retention.preview(Policy::Forever).await.unwrap().ahead;
        assert_eq!(ahead.len(), MONTHS_AHEAD as usize + 1);
        assert!(ahead.iter().all(|one| one.ready), "{ahead:?}");

        clock.advance(chrono::Duration::days(31));
        let next_day = until("December goes, too", 2).await;
        assert!(next_day > Duration::from_hours(23), "{next_day:?}");
        let ahead = retention.preview(Policy::Forever).await.unwrap().ahead;
        assert_eq!(ahead[3].month.to_string(), "2026-07");
        assert!(ahead.iter().all(|one| one.ready), "{ahead:?}");

        // A store that is away for a while costs minutes, not a day.
        house.store.append(late("2025-11")).await.unwrap();
        house.store.set_available(false);
        tokio::time::sleep(Duration::from_hours(24)).await;
        house.store.set_available(true);
        let soon = until("it is tried again", 2).await;
        assert!(soon <= Duration::from_mins(15), "{soon:?}");
        let history = retention.history(10).await.unwrap();
        assert!(history.iter().all(|run| run.who == Remover::Schedule));
    };
    tokio::select! {
        () = keeping => panic!("it never ends by itself"),
        () = looking => {}
    }
}

fn late(month: &str) -> Vec<NewEvent> {
    let start = month.parse::<Month>().unwrap().start();
    let mut event = Sender::named("late").event("com.acme.x", start, json!({}));
    event.received_at = start;
    vec![event]
}

#[tokio::test]
async fn pages_tell_what_is_missing_from_them_and_only_they() {
    let house = house(&["2025-10", "2025-12", "2026-02"]).await;
    let House {
        gateway, retention, ..
    } = &house;
    let reader = principal(&[Scope::EventsRead]);
    let ask = async |input: SearchInput| {
        let options = CallOptions::default();
        gateway
            .call::<SearchEvents>(&reader, input, options)
            .await
            .unwrap()
    };
    let everything = || SearchInput {
        limit: Some(5),
        ..SearchInput::default()
    };
    assert!(ask(everything()).await.coverage.complete);
    retention.round(policy("90d")).await.unwrap();
    gateway.tell_removed(&retention.history(10).await.unwrap());

    // The newest page does not reach into what has gone; the last one does.
    let mut complete = Vec::new();
    let mut input = everything();
    let gap = loop {
        let answer = ask(input).await;
        complete.push(answer.coverage.complete);
        match answer.next_cursor {
            Some(next) => {
                input = SearchInput {
                    cursor: Some(next),
                    ..everything()
                }
            }
            None => break answer.coverage.gaps.into_iter().next().unwrap(),
        }
    };
    assert_eq!(complete, [true, true, true, true, false]);
    let time = |text: &str| Some(Moment::At(parse(text).unwrap()));
    let at = |text: &str| Some(parse(text).unwrap());
    assert_eq!(gap.from, at("2025-10-01T01:00:00Z"));
    assert_eq!(gap.to, at("2025-10-01T10:00:00Z"));
    assert!(
        gap.reason.contains("retention has removed 10 events"),
        "{}",
        gap.reason
    );

    let types = |types: &[&str]| SearchInput {
        types: types.iter().map(|name| (*name).to_owned()).collect(),
        ..SearchInput::default()
    };
    assert!(ask(types(&["platform.*"])).await.coverage.complete);
    assert!(!ask(types(&["com.acme.click"])).await.coverage.complete);
    let since = SearchInput {
        since: time("2025-10-02T00:00:00Z"),
        ..types(&["com.acme.click"])
    };
    assert!(ask(since).await.coverage.complete);
    let until = SearchInput {
        until: time("2025-10-01T00:30:00Z"),
        ..types(&["com.acme.click"])
    };
    assert!(ask(until).await.coverage.complete);
    // Rather no answer than half of one.
    let denied = gateway
        .call::<SearchEvents>(
            &reader,
            types(&[]),
            CallOptions {
                deny_partial: true,
                ..CallOptions::default()
            },
        )
        .await;
    assert!(
        matches!(denied, Err(ActionError::Incomplete(_))),
        "{denied:?}"
    );
}

/// A store whose nth thinning fails.
struct FailsAt {
    store: Arc<MemoryStore>,
    left: std::sync::atomic::AtomicUsize,
}

impl FailsAt {
    fn new(store: Arc<MemoryStore>, nth: usize) -> Self {
        Self {
            store,
            left: nth.into(),
        }
    }
}

#[async_trait::async_trait]
impl RetentionStore for FailsAt {
    async fn survey(
        &self,
        horizon: Timestamp,
    ) -> Result<Vec<pts_domain::retention::MonthSurvey>, StoreError> {
        self.store.survey(horizon).await
    }

    async fn thin(&self, order: pts_ports::Thinning) -> Result<pts_ports::Thinned, StoreError> {
        use std::sync::atomic::Ordering::SeqCst;
        if self.left.fetch_sub(1, SeqCst) == 1 {
            return Err(StoreError::unavailable("no space left"));
        }
        self.store.thin(order).await
    }

    async fn history(&self, limit: usize) -> Result<Vec<pts_ports::RetentionRun>, StoreError> {
        self.store.history(limit).await
    }

    async fn removed_by_source(&self, limit: usize) -> Result<Vec<(String, u64)>, StoreError> {
        self.store.removed_by_source(limit).await
    }

    async fn ahead(
        &self,
        now: Timestamp,
        months: u32,
    ) -> Result<Vec<pts_ports::MonthAhead>, StoreError> {
        self.store.ahead(now, months).await
    }

    async fn prepare(&self, now: Timestamp, months: u32) -> Result<u32, StoreError> {
        self.store.prepare(now, months).await
    }
}

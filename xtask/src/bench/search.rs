//! What a search costs over a million events, through everything (HTTP, token, gateway, JSON),
//! against the same search as a prepared statement in PostgreSQL's own client. `answers` measures it
//! again, beside exports of the same log.

mod server;

use std::{env, ops::Range};

use anyhow::{Context, Result, ensure};

use super::{
    Outcome, Scenario, Settings,
    client::Client,
    figures,
    measure::{Latencies, Rounds, median_of},
};
use crate::table::Table;
use server::Server;

/// Events in the log, unless the environment says otherwise.
const EVENTS: usize = 1_000_000;
/// The variable that does.
const EVENTS_VARIABLE: &str = "PTS_BENCH_EVENTS";
/// Events of one request while loading.
const BATCH: usize = 1_000;
/// Services that the events are about, and types that they are of.
const SERVICES: usize = 20;
const TYPES: usize = 10;
/// The events are spread over so many days, a fixed while ago.
const DAYS: usize = 30;
/// Searches a round.
const TIMES: usize = 300;
const LIMIT: usize = 100;

/// The scenario.
pub(crate) struct Search;

impl Scenario for Search {
    fn name(&self) -> &'static str {
        "search"
    }

    fn about(&self) -> &'static str {
        "100 newest by service, type and window over 1,000,000 events, against the bare statement"
    }

    fn run(&self, rounds: Rounds, settings: &Settings) -> Result<Outcome> {
        Ok(Log::fill(settings)?.compare(rounds)?.outcome)
    }
}

/// A server whose log holds the events of this scenario.
pub(super) struct Log {
    pub(super) server: Server,
    pub(super) events: usize,
    client: Client,
    /// How long that took, in seconds.
    loading: f64,
}

/// What was found, and how many times as long the slowest hundredth takes through everything.
pub(super) struct Compared {
    pub(super) outcome: Outcome,
    pub(super) p99: f64,
}

impl Log {
    pub(super) fn fill(settings: &Settings) -> Result<Self> {
        let events = match env::var(EVENTS_VARIABLE) {
            Ok(events) => events
                .parse()
                .with_context(|| format!("{EVENTS_VARIABLE}={events}"))?,
            Err(_) if settings.quick => EVENTS / 20,
            Err(_) => EVENTS,
        };
        let server = Server::start(settings)?;
        let mut client = Client::connect(server.address(), server.token())?;
        let begun = std::time::Instant::now();
        for first in (0..events).step_by(BATCH) {
            load(&mut client, first..(first + BATCH).min(events), events)?;
        }
        let loading = begun.elapsed().as_secs_f64();
        server.psql("VACUUM (ANALYZE) platform.events")?;
        Ok(Self {
            server,
            events,
            client,
            loading,
        })
    }

    pub(super) fn compare(&mut self, rounds: Rounds) -> Result<Compared> {
        measure(
            &self.server,
            &mut self.client,
            rounds,
            self.events,
            self.loading,
        )
    }
}

/// One event, by its number: neighbours in time differ in service and type.
fn event(number: usize, events: usize) -> String {
    let second = number * (DAYS * 86_400) / events.max(1);
    let (day, rest) = (second / 86_400, second % 86_400);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!(
        r#"{{"type":"com.example.job.{}","source":"bench","id":"{number}","time":"2026-01-{:02}T{hour:02}:{minute:02}:{second:02}Z","data":{{"service":"service-{}","environment":"production","actor":"user-{}","message":"job {number} is done","duration_ms":{}}}}}"#,
        number % TYPES,
        day + 1,
        number / TYPES % SERVICES,
        number % 97,
        number % 5_000,
    )
}

fn load(client: &mut Client, batch: Range<usize>, events: usize) -> Result<()> {
    let all = format!("\"created\":{}", batch.len());
    let mut body = String::new();
    for number in batch {
        body.push_str(&event(number, events));
        body.push('\n');
    }
    let answer = client.post("/v1/events", "application/x-ndjson", &body)?;
    ensure!(
        answer.contains(&all),
        "a batch was not stored: {}",
        &answer[..answer.len().min(300)]
    );
    Ok(())
}

/// What is asked in turn: every service, every type, windows of a day.
struct Question {
    service: String,
    event_type: String,
    since: String,
    until: String,
}

fn question(number: usize) -> Question {
    let day = number * 7 % (DAYS - 1) + 1;
    Question {
        service: format!("service-{}", number % SERVICES),
        event_type: format!("com.example.job.{}", number / SERVICES % TYPES),
        since: format!("2026-01-{day:02}T00:00:00Z"),
        until: format!("2026-01-{:02}T00:00:00Z", day + 1),
    }
}

const STATEMENT: &str = "SELECT position, id, source, event_id, type, subject, time, time_given, \
    received_at, data, attributes FROM platform.events WHERE workspace = 0 AND service = $1 AND type = $2 AND \
    time >= $3 AND time < $4 AND received_at >= $3 - interval '25 hours' \
    ORDER BY time DESC, position DESC LIMIT $5";

fn measure(
    server: &Server,
    client: &mut Client,
    rounds: Rounds,
    events: usize,
    loading: f64,
) -> Result<Compared> {
    let prepare =
        format!("PREPARE search(text, text, timestamptz, timestamptz, bigint) AS {STATEMENT}");
    let execute = |number: usize| {
        let Question {
            service,
            event_type,
            since,
            until,
        } = question(number);
        format!("EXECUTE search('{service}', '{event_type}', '{since}', '{until}', {LIMIT})")
    };
    let asked: Vec<String> = (0..TIMES).map(execute).collect();
    let found = rounds.alternate(
        || {
            let mut number = 0;
            Latencies::of(TIMES, || {
                let Question { service, event_type, since, until } = question(number);
                number += 1;
                let answer = client.get(&format!(
                    "/v1/events?service={service}&type={event_type}&since={since}&until={until}&limit={LIMIT}"
                ))?;
                ensure!(answer.contains("\"complete\":true"), "an answer is not complete: {answer}");
                Ok(())
            })
        },
        || server.timed(&prepare, &asked),
    )?;
    let mut table = Table::new([
        "100 newest by service, type and a day",
        "p50",
        "p99",
        "rate",
    ]);
    for (name, latencies) in [
        ("through everything", &found.subject),
        ("bare prepared statement, psql", &found.peer),
    ] {
        table.row([
            name.into(),
            figures::time(median_of(latencies, |one| one.percentile_s(50))),
            figures::time(median_of(latencies, |one| one.percentile_s(99))),
            figures::rate(median_of(latencies, Latencies::rate)),
        ]);
    }
    table.row([
        "ratio".into(),
        figures::ratio(found.ratio(|one| one.percentile_s(50))),
        figures::ratio(found.ratio(|one| one.percentile_s(99))),
        figures::ratio(found.ratio(Latencies::rate)),
    ]);
    let plan = server.psql(&format!(
        "{prepare}; SET plan_cache_mode = force_custom_plan; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {}",
        execute(3)
    ))?;
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = events as f64 / loading;
    let how = format!(
        "{events} events of {SERVICES} services and {TYPES} types over {DAYS} days, loaded over one \
         connection in batches of {BATCH} ({rate:.0} events/s, for what it is worth). Then {TIMES} \
         searches one after another, each for one service, one type and one day, {LIMIT} newest; \
         medians of {} rounds that take turns. The plan of one of them:\n\n```\n{}\n```",
        rounds.count(),
        plan.trim_end()
    );
    let outcome = Outcome {
        how,
        table,
        more: Vec::new(),
    };
    let p99 = found.ratio(|one| one.percentile_s(99));
    Ok(Compared { outcome, p99 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_json_of_their_own_time_and_identity() {
        let first: serde_json::Value = serde_json::from_str(&event(0, 1000)).expect("JSON");
        let last: serde_json::Value = serde_json::from_str(&event(999, 1000)).expect("JSON");
        assert_eq!(first["time"], "2026-01-01T00:00:00Z");
        assert!(
            last["time"]
                .as_str()
                .expect("a time")
                .starts_with("2026-01-30T")
        );
        assert_ne!(first["id"], last["id"]);
    }

    #[test]
    fn questions_stay_within_the_days_that_have_events() {
        for number in 0..1000 {
            let Question { since, until, .. } = question(number);
            assert!(
                since < until && until.as_str() <= "2026-01-30T00:00:00Z",
                "{since} {until}"
            );
        }
    }
}

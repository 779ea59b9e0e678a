//! The mix of events: made once, before the clock starts. What must differ each time an event is
//! sent (its id, its time, the deployment it is about) has a place of fixed width in the text, and
//! only that is written again.

use std::time::Instant;

use chrono::{DateTime, Timelike, Utc};
use serde_json::{Value, json};

/// Events before the mix begins again with other identities. A multiple of the pattern's length
/// and of a batch.
pub(crate) const POOL: usize = 30_000;

/// Print events of the mix.
#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    /// How many
    #[arg(long, default_value_t = 20)]
    count: usize,
}

/// Where the services run and how many there are.
const SERVICES: usize = 200;
const INSTANCES: usize = 5;
/// Deployments begun, but not at their next step: in events, 6,000. Steps of one deployment are
/// then never in flight together, and so never out of order.
const DEPLOYMENTS_OPEN: usize = 200;

const CYCLE: &str = "@@cycle@";
const CYCLE_BEFORE: &str = "@@befor@";
const TIME: &str = "@@:@@:@@.@@@@@@";

/// One event of the pool.
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    pub(crate) source: String,
    pub(crate) service: String,
    pub(crate) environment: &'static str,
    /// With places for what differs.
    pub(crate) data: String,
    /// What follows the cycle in its id.
    number: usize,
}

impl Event {
    /// The event of this place in the pool.
    pub(crate) fn new(number: usize) -> Self {
        let (round, step) = (number / 20, number * 7 % 20);
        let (kind, service, data) = match step {
            0..6 => heartbeat(round * 6 + step),
            6..8 => deployment(round * 2 + step - 6),
            8 => state(round),
            9 if round.is_multiple_of(2) => config(round),
            9 => measured(round),
            _ => foreign(round * 10 + step - 10),
        };
        let environment = environment(service);
        let mut data = data;
        data["service"] = json!(name(service));
        data["environment"] = json!(environment);
        Self {
            kind,
            source: format!("//acme/{}", name(service)),
            service: name(service),
            environment,
            data: data.to_string(),
            number,
        }
    }

    /// Its id, with a place for the cycle.
    pub(crate) fn id(&self) -> String {
        format!("{CYCLE}-{:05}", self.number)
    }

    /// The whole event with places for what differs.
    fn json(&self, date: &str) -> String {
        format!(
            r#"{{"type":"{}","source":"{}","id":"{}","time":"{date}T{TIME}Z","data":{}}}"#,
            self.kind,
            self.source,
            self.id(),
            self.data
        )
    }
}

fn name(service: usize) -> String {
    format!("service-{service:03}")
}

fn environment(service: usize) -> &'static str {
    if service.is_multiple_of(4) {
        "staging"
    } else {
        "production"
    }
}

fn heartbeat(n: usize) -> (&'static str, usize, Value) {
    let instance = n * 7919 % (SERVICES * INSTANCES);
    let service = instance % SERVICES;
    let data = json!({
        "instance": format!("{}-{}", name(service), instance / SERVICES),
        "version": format!("2.{}.1", service % 17),
        "host": format!("node-{:02}.acme.internal", instance % 40),
        "pid": 1000 + instance * 7,
        "ttl_s": 60,
        "uptime_s": 3600 + n,
        "region": "eu-central-1",
    });
    ("service.heartbeat", service, data)
}

fn deployment(n: usize) -> (&'static str, usize, Value) {
    let all = POOL / 30;
    let (step, begun) = (n % 3, n / 3);
    let number = (begun + all - step * DEPLOYMENTS_OPEN) % all;
    // Its first step was taken before the pool began again.
    let cycle = if begun < step * DEPLOYMENTS_OPEN {
        CYCLE_BEFORE
    } else {
        CYCLE
    };
    let event_type = match step {
        0 => "deployment.requested",
        1 => "deployment.started",
        _ if number.is_multiple_of(9) => "deployment.failed",
        _ => "deployment.succeeded",
    };
    let mut data = json!({
        "deployment_id": format!("d-{cycle}-{number:04}"),
        "version": format!("3.{}.{}", number % 23, number % 7),
        "actor": format!("user-{}@acme.example", number % 61),
        "commit": format!("{:016x}", mix(number as u64)),
    });
    if step == 0 {
        data["pipeline_url"] = json!(format!("https://ci.acme.example/runs/{number}"));
    } else if event_type == "deployment.failed" {
        data["reason"] = json!("readiness probe gave up after 300 s");
    } else {
        data["image"] = json!(format!("registry.acme.example/app:3.{}", number % 23));
    }
    (event_type, number % SERVICES, data)
}

fn state(n: usize) -> (&'static str, usize, Value) {
    const STATES: [&str; 3] = ["operational", "degraded", "maintenance"];
    let data = json!({
        "component": format!("queue-{:02}", n * 31 % 80),
        "from": STATES[n % 3],
        "to": STATES[(n + 1) % 3],
        "reason": "backlog above its limit for five minutes",
        "actor": format!("watcher-{}", n % 9),
    });
    ("state.changed", n * 31 % 80, data)
}

fn config(n: usize) -> (&'static str, usize, Value) {
    let data = json!({
        "key": format!("feature.checkout.v{}", n % 12),
        "from": n.is_multiple_of(2),
        "to": !n.is_multiple_of(2),
        "actor": format!("user-{}@acme.example", n % 61),
        "reason": "gradual rollout, next step of the plan",
    });
    ("config.changed", n * 13 % SERVICES, data)
}

fn measured(n: usize) -> (&'static str, usize, Value) {
    let data = json!({
        "name": "request.duration.p95",
        "value": 0.012_5 + ratio(n % 97) / 3.0,
        "unit": "s",
        "attributes": { "route": "/v1/orders/{id}", "method": "GET", "zone": format!("zone-{}", n % 3) },
    });
    ("platform.measured", n * 17 % SERVICES, data)
}

fn foreign(n: usize) -> (&'static str, usize, Value) {
    const TYPES: [&str; 10] = [
        "com.acme.order.placed",
        "com.acme.order.shipped",
        "com.acme.payment.captured",
        "com.acme.payment.refused",
        "com.acme.user.signed_in",
        "com.acme.job.finished",
        "com.acme.cache.evicted",
        "com.acme.backup.completed",
        "com.acme.certificate.renewed",
        "com.acme.mail.delivered",
    ];
    let data = json!({
        "actor": format!("user-{}", mix(n as u64) % 50_000),
        "correlation": format!("{:016x}", mix(n as u64 + 77)),
        "amount": ratio(n % 9_973) / 7.0,
        "attempt": n % 4,
        "duration_ms": n * 37 % 5_000,
        "message": "handled within the agreed time",
    });
    (TYPES[n % TYPES.len()], n * 11 % SERVICES, data)
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn ratio(n: usize) -> f64 {
    n as f64 / 100.0
}

/// Spreads a number over 64 bits, the same way in every run.
pub(crate) fn mix(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 27)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (n ^ (n >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

/// Text with places of fixed width.
pub(crate) struct Text {
    bytes: Vec<u8>,
    places: Vec<(usize, Place)>,
}

#[derive(Clone, Copy)]
enum Place {
    Cycle,
    CycleBefore,
    Time,
}

impl Text {
    pub(crate) fn new(text: String) -> Self {
        let mut places = Vec::new();
        for (mark, place) in [
            (CYCLE, Place::Cycle),
            (CYCLE_BEFORE, Place::CycleBefore),
            (TIME, Place::Time),
        ] {
            places.extend(text.match_indices(mark).map(|(at, _)| (at, place)));
        }
        let bytes = text.into_bytes();
        Self { bytes, places }
    }

    /// Appends the text for a cycle and a time.
    pub(crate) fn write(&self, cycle: u32, time: &[u8; 15], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let out = &mut out[start..];
        for &(at, place) in &self.places {
            match place {
                Place::Cycle => hexadecimal(cycle, &mut out[at..at + 8]),
                Place::CycleBefore => hexadecimal(cycle.wrapping_sub(1), &mut out[at..at + 8]),
                Place::Time => out[at..at + 15].copy_from_slice(time),
            }
        }
    }
}

fn hexadecimal(mut number: u32, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

/// The time of day, cheaply: asked of the system once, and counted from there.
#[derive(Clone)]
pub(crate) struct Day {
    pub(crate) date: String,
    began: Instant,
    began_us: u64,
    unix_us: i64,
}

impl Day {
    pub(crate) fn today() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "events of a load are of this very moment"
        )]
        let now: DateTime<Utc> = Utc::now();
        let seconds = u64::from(now.num_seconds_from_midnight());
        Self {
            date: now.format("%Y-%m-%d").to_string(),
            began: Instant::now(),
            began_us: seconds * 1_000_000 + u64::from(now.nanosecond() / 1000),
            unix_us: now.timestamp_micros(),
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn unix_us(&self) -> i64 {
        self.unix_us + i64::try_from(self.began.elapsed().as_micros()).unwrap_or(0)
    }

    /// `HH:MM:SS.ffffff`; after midnight, of the day that was.
    pub(crate) fn time(&self) -> [u8; 15] {
        let since = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(0);
        let us = (self.began_us + since) % 86_400_000_000;
        let (seconds, fraction) = (us / 1_000_000, us % 1_000_000);
        let mut text = *b"00:00:00.000000";
        let mut put = |at: usize, width: usize, mut figure: u64| {
            for place in (at..at + width).rev() {
                text[place] = b"0123456789"[usize::try_from(figure % 10).unwrap_or(0)];
                figure /= 10;
            }
        };
        put(0, 2, seconds / 3600);
        put(3, 2, seconds / 60 % 60);
        put(6, 2, seconds % 60);
        put(9, 6, fraction);
        text
    }
}

/// The rest of HTTP requests from the length on, with one event or a batch each, ready but for what
/// differs.
pub(crate) struct Requests {
    day: Day,
    texts: Vec<Text>,
}

impl Requests {
    /// `batch` of 0 is one event, not in an array.
    pub(crate) fn new(batch: usize) -> Self {
        let day = Day::today();
        let one = |number| Event::new(number).json(&day.date);
        let whole = |body: &str| Text::new(format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let batch_of = |first: usize| {
            let events: Vec<String> = (first..first + batch).map(one).collect();
            whole(&format!("[{}]", events.join(",")))
        };
        let texts = match POOL.checked_div(batch) {
            None => (0..POOL).map(|number| whole(&one(number))).collect(),
            Some(batches) => (0..batches).map(|nth| batch_of(nth * batch)).collect(),
        };
        Self { day, texts }
    }

    /// Appends the request of this number to its head.
    pub(crate) fn write(&self, number: u64, out: &mut Vec<u8>) {
        let pool = self.texts.len() as u64;
        let cycle = u32::try_from(number / pool).unwrap_or(u32::MAX);
        let text = &self.texts[usize::try_from(number % pool).unwrap_or(0)];
        text.write(cycle, &self.day.time(), out);
    }

    /// How many requests use up a cycle of identities.
    pub(crate) fn per_cycle(&self) -> u64 {
        self.texts.len() as u64
    }
}

/// Prints events as they are sent.
pub(crate) fn show(plan: &Plan) {
    let day = Day::today();
    for number in 0..plan.count {
        let mut out = Vec::new();
        let text = Text::new(Event::new(number % POOL).json(&day.date));
        let cycle = u32::try_from(number / POOL).unwrap_or(u32::MAX);
        text.write(cycle, &day.time(), &mut out);
        println!("{}", String::from_utf8_lossy(&out));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn sent(number: usize, cycle: u32) -> Value {
        let mut out = Vec::new();
        let text = Text::new(Event::new(number).json("2026-03-01"));
        text.write(cycle, b"12:34:56.789012", &mut out);
        serde_json::from_slice(&out).expect("JSON")
    }

    #[test]
    fn the_mix_is_as_described() {
        let mut families: BTreeMap<String, usize> = BTreeMap::new();
        let mut bytes = 0;
        for number in 0..POOL {
            let event = Event::new(number);
            bytes += event.json("2026-03-01").len();
            let family = match event.kind {
                "service.heartbeat" => "heartbeat",
                kind if kind.starts_with("deployment.") => "deployment",
                kind if kind.starts_with("com.acme.") => "foreign",
                _ => "others",
            };
            *families.entry(family.into()).or_default() += 1;
        }
        let share = |family: &str| families[family] * 100 / POOL;
        assert_eq!(share("heartbeat"), 30);
        assert_eq!(share("deployment"), 10);
        assert_eq!(share("others"), 10);
        assert_eq!(share("foreign"), 50);
        let mean = bytes / POOL;
        assert!((320..=390).contains(&mean), "{mean} bytes on average");
    }

    #[test]
    fn every_event_of_every_cycle_has_an_identity_and_a_time() {
        let mut seen = BTreeSet::new();
        for cycle in [0, 1, 255] {
            for number in (0..POOL).step_by(7) {
                let event = sent(number, cycle);
                assert_eq!(event["time"], "2026-03-01T12:34:56.789012Z");
                let source = event["source"].as_str().expect("a source").to_owned();
                assert!(source.ends_with(event["data"]["service"].as_str().expect("a service")));
                let id = event["id"].as_str().expect("an id").to_owned();
                assert!(seen.insert((source, id)));
            }
        }
    }

    #[test]
    fn a_deployment_is_requested_then_started_then_finished_and_far_apart() {
        let mut steps: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        for cycle in 0..2 {
            for number in 0..POOL {
                let event = sent(number, cycle);
                let kind = event["type"].as_str().expect("a type");
                if !kind.starts_with("deployment.") {
                    continue;
                }
                let data = &event["data"];
                let about = format!("{} {}", data["service"], data["deployment_id"]);
                let at = cycle as usize * POOL + number;
                steps.entry(about).or_default().push((at, kind.to_owned()));
            }
        }
        let begun = |first: &&Vec<(usize, String)>| first[0].1.ends_with("requested");
        let whole: Vec<_> = steps
            .values()
            .filter(begun)
            .filter(|s| s.len() == 3)
            .collect();
        assert!(whole.len() > 1_500, "{}", whole.len());
        for steps in whole {
            assert!(steps[1].1.ends_with("started"), "{steps:?}");
            assert!(steps[1].0 - steps[0].0 > 5_000, "{steps:?}");
            assert!(steps[2].0 - steps[1].0 > 5_000, "{steps:?}");
        }
        assert!(steps.values().all(|steps| steps.len() <= 3));
    }

    #[test]
    fn the_length_told_is_the_length_sent() {
        for batch in [0, 1_000] {
            let requests = Requests::new(batch);
            let mut out = b"POST / HTTP/1.1\r\n".to_vec();
            requests.write(requests.per_cycle() + 3, &mut out);
            let text = String::from_utf8(out).expect("text");
            let (head, body) = text.split_once("\r\n\r\n").expect("a body");
            let told = head.rsplit_once(' ').expect("a length").1;
            assert_eq!(told.parse::<usize>().expect("a number"), body.len());
            let body: Value = serde_json::from_str(body).expect("JSON");
            assert_eq!(body.as_array().map_or(0, Vec::len), batch);
            assert!(!text.contains("@@"), "a place was left");
            assert!(text.contains("\"00000001-"), "the second cycle");
        }
    }
}

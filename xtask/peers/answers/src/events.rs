//! Events of about 350 bytes, each with an identity of its own: heartbeats of known instances, which
//! change a projection, and types of others, which change none.

/// Services, and instances of each.
const SERVICES: u64 = 200;
const INSTANCES: u64 = 5;

/// The type of the events that are no platform events.
pub(crate) const OTHER_TYPE: &str = "com.acme.job.finished";

/// A service's name.
pub(crate) fn service(number: u64) -> String {
    format!("service-{:03}", number % SERVICES)
}

/// The event of this number, as JSON.
pub(crate) fn json(number: u64) -> String {
    let service = service(number);
    if number % 10 < 4 {
        let instance = number / SERVICES % INSTANCES;
        return format!(
            r#"{{"type":"service.heartbeat","source":"//acme/{service}","id":"beat-{number}","data":{{"service":"{service}","environment":"production","instance":"{service}-{instance}","version":"2.{}.1","host":"node-{:02}.acme.internal","pid":{},"ttl_s":60,"uptime_s":{number},"region":"eu-central-1"}}}}"#,
            number % SERVICES % 17,
            number % 40,
            1000 + instance * 7,
        );
    }
    format!(
        r#"{{"type":"{OTHER_TYPE}","source":"//acme/{service}","id":"job-{number}","data":{{"service":"{service}","environment":"production","actor":"user-{}","correlation":"{:016x}","amount":{}.25,"attempt":{},"duration_ms":{},"message":"handled within the agreed time"}}}}"#,
        number * 7919 % 50_000,
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        number % 9_973,
        number % 4,
        number * 37 % 5_000,
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn events_are_json_of_their_own_identity() {
        let mut seen = BTreeSet::new();
        for number in 0..2_000 {
            let event: Value = serde_json::from_str(&json(number)).expect("JSON");
            let identity = format!("{} {}", event["source"], event["id"]);
            assert!(seen.insert(identity), "{event}");
        }
    }
}

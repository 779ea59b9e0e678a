//! The five metrics worked out from raw events alone: no aggregates, no handlers, none of the
//! domain's code. Slow and plain on purpose; it is what the figures are checked against.

use std::collections::BTreeMap;

use serde_json::Value;

/// The figures, in whole microseconds where they are times.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reckoned {
    pub(super) deployments: u64,
    pub(super) attempts_without_success: u64,
    pub(super) lead_micros: Vec<i64>,
    pub(super) failed: u64,
    pub(super) recovery_micros: Vec<i64>,
    pub(super) unrecovered: u64,
    pub(super) rework: u64,
    pub(super) without_commit_time: u64,
    pub(super) impossible_commit_time: u64,
    pub(super) incidents_without_deployment: u64,
    pub(super) incidents_with_unknown_deployment: u64,
}

/// What was told about one deployment or incident: its events by when they happened.
type Told<'a> = Vec<(i64, &'a str, &'a Value)>;
/// By service, environment and id.
type Deployments<'a> = BTreeMap<(&'a str, &'a str, &'a str), Told<'a>>;
/// By id.
type Incidents<'a> = BTreeMap<&'a str, Told<'a>>;

/// What was told about each deployment and incident of a service and an environment.
fn sort_out<'a>(
    events: &'a [Value],
    service: Option<&str>,
    environment: Option<&str>,
) -> (Deployments<'a>, Incidents<'a>) {
    let mut deployments = Deployments::new();
    let mut incidents = Incidents::new();
    for event in events {
        let kind = event["type"].as_str().unwrap();
        let data = &event["data"];
        let told = (micros(&event["time"]), kind, data);
        if kind.starts_with("deployment.") {
            let name = |field: &str| data[field].as_str().unwrap();
            let key = (name("service"), name("environment"), name("deployment_id"));
            deployments.entry(key).or_default().push(told);
        } else if kind.starts_with("incident.") {
            incidents
                .entry(data["incident_id"].as_str().unwrap())
                .or_default()
                .push(told);
        }
    }
    deployments.retain(|key, _| {
        service.is_none_or(|service| key.0 == service)
            && environment.is_none_or(|environment| key.1 == environment)
    });
    incidents.retain(|_, told| {
        let fits = |want: Option<&str>, field: &str| {
            let have = said(told, field).and_then(Value::as_str);
            want.is_none() || have.is_none() || have == want
        };
        fits(service, "service") && fits(environment, "environment")
    });
    for told in deployments.values_mut().chain(incidents.values_mut()) {
        told.sort_by_key(|(time, _, _)| *time);
    }
    (deployments, incidents)
}

/// The figures of a window for a service and an environment; all where none is named.
pub(super) fn reckon(
    events: &[Value],
    service: Option<&str>,
    environment: Option<&str>,
    (from, to): (i64, i64),
) -> Reckoned {
    let (deployments, incidents) = sort_out(events, service, environment);
    let within = |time: i64| from <= time && time < to;
    let mut reckoned = Reckoned::default();
    for (key, told) in &deployments {
        let at = |kind: &str| {
            told.iter()
                .rev()
                .find(|told| told.1 == kind)
                .map(|told| told.0)
        };
        let Some(success) = at("deployment.succeeded") else {
            let end = at("deployment.failed").or(at("deployment.cancelled"));
            reckoned.attempts_without_success += u64::from(end.is_some_and(within));
            continue;
        };
        if !within(success) {
            continue;
        }
        reckoned.deployments += 1;
        match said(told, "commit_time").map(micros) {
            None => reckoned.without_commit_time += 1,
            Some(commit) if commit > success => reckoned.impossible_commit_time += 1,
            Some(commit) => reckoned.lead_micros.push(success - commit),
        }

        let back = at("deployment.rolled_back");
        let blamed: Vec<_> = incidents
            .values()
            .filter(|incident| blames(incident, *key))
            .collect();
        if back.is_some() || !blamed.is_empty() {
            reckoned.failed += 1;
            let ends: Vec<_> = blamed.iter().map(|incident| span(incident).1).collect();
            let end = match ends.as_slice() {
                [] => back,
                ends if ends.contains(&None) => None,
                ends => ends.iter().copied().flatten().max(),
            };
            match end {
                Some(end) => reckoned.recovery_micros.push((end - success).max(0)),
                None => reckoned.unrecovered += 1,
            }
        }

        let asked = at("deployment.requested")
            .or(at("deployment.started"))
            .unwrap_or(success);
        let rework = match said(told, "unplanned").and_then(Value::as_bool) {
            Some(unplanned) => unplanned,
            None => incidents.values().any(|incident| {
                let (opened, resolved) = span(incident);
                let about = |field| said(incident, field).and_then(Value::as_str);
                about("service") == Some(key.0)
                    && about("environment").is_none_or(|environment| environment == key.1)
                    && opened <= asked
                    && resolved.is_none_or(|resolved| asked <= resolved)
                    && !blames(incident, *key)
            }),
        };
        reckoned.rework += u64::from(rework);
    }
    for incident in incidents
        .values()
        .filter(|incident| within(span(incident).0))
    {
        if said(incident, "deployment_id").is_none() {
            reckoned.incidents_without_deployment += 1;
        } else if !deployments.keys().any(|key| blames(incident, *key)) {
            reckoned.incidents_with_unknown_deployment += 1;
        }
    }
    reckoned.lead_micros.sort_unstable();
    reckoned.recovery_micros.sort_unstable();
    reckoned
}

/// The last that anybody said about a field.
fn said<'a>(told: &Told<'a>, field: &str) -> Option<&'a Value> {
    told.iter().rev().find_map(|(_, _, data)| data.get(field))
}

/// When an incident opened and when it was over.
fn span(incident: &Told<'_>) -> (i64, Option<i64>) {
    let at = |kind: &str| {
        incident
            .iter()
            .find(|told| told.1 == kind)
            .map(|told| told.0)
    };
    (at("incident.opened").unwrap(), at("incident.resolved"))
}

fn blames(incident: &Told<'_>, (service, environment, deployment): (&str, &str, &str)) -> bool {
    let about = |field| said(incident, field).and_then(Value::as_str);
    about("deployment_id") == Some(deployment)
        && about("service").is_none_or(|about| about == service)
        && about("environment").is_none_or(|about| about == environment)
}

fn micros(time: &Value) -> i64 {
    let time = chrono::DateTime::parse_from_rfc3339(time.as_str().unwrap()).unwrap();
    time.timestamp_micros()
}

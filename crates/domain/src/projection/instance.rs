//! Instances: the processes that a service consists of, as they report themselves.

use chrono::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Aggregate, AggregateKey, Aggregates, Changes, Contradiction, Happened, Run, RunKind, learn,
};
use crate::Timestamp;
use crate::platform::{PlatformEvent, ServiceData, ServiceVerb};

/// The instance's name when its sender gives none.
pub(super) const ONLY: &str = "default";

/// What an instance last said of itself.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// It exists.
    Registered,
    /// Its process runs.
    Started,
    /// It takes work.
    Ready,
    /// It works, badly.
    Degraded,
    /// It ended on purpose.
    Stopped,
    /// It ended by accident.
    Crashed,
    /// It will not report any more.
    Deregistered,
}

impl InstanceState {
    /// Whether a process is said to run.
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Started | Self::Ready | Self::Degraded)
    }
}

/// Whether an instance can be believed to be alive, at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// It was heard of within its time to live.
    Alive,
    /// Its time to live has passed in silence.
    Silent,
    /// It said that it ended.
    Ended,
    /// It never said how often it would report, so silence means nothing.
    Unknown,
}

/// What is known of one instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// The service it belongs to.
    pub service: String,
    /// Where it runs.
    pub environment: String,
    /// Its name; `default` when its sender gave none.
    pub instance: String,
    /// What it last said of itself.
    pub state: InstanceState,
    /// Since when.
    pub state_since: Timestamp,
    /// The version that it runs.
    pub version: Option<String>,
    /// The image that it runs.
    pub image: Option<String>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// Its process id.
    pub pid: Option<i64>,
    /// How its last process ended.
    pub exit_code: Option<i64>,
    /// Why, in words; the newest that was given.
    pub reason: Option<String>,
    /// For so many seconds it may be silent.
    pub ttl_s: Option<u32>,
    /// When its process last started.
    pub started_at: Option<Timestamp>,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// The period that goes on now, or went on last.
    pub run: Option<Run>,
    /// Place in the log of the first event that named it.
    pub first_position: i64,
    /// Place in the log of the last one.
    pub last_position: i64,
}

impl Instance {
    /// When it will count as silent; absent for an instance that named no time to live.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.ttl_s
            .map(|ttl| self.last_seen_at + Duration::seconds(i64::from(ttl)))
    }

    /// Whether it can be believed to be alive at `now`.
    pub fn liveness(&self, now: Timestamp) -> Liveness {
        if matches!(
            self.state,
            InstanceState::Stopped | InstanceState::Crashed | InstanceState::Deregistered
        ) {
            return Liveness::Ended;
        }
        match self.expires_at() {
            None => Liveness::Unknown,
            Some(end) if now < end => Liveness::Alive,
            Some(_) => Liveness::Silent,
        }
    }

    fn about(&self) -> String {
        format!(
            "instance {}/{}/{}",
            self.service, self.environment, self.instance
        )
    }
}

/// An event speaks of an instance unless it registers or deregisters the service as a whole.
fn instance_of(verb: ServiceVerb, data: &ServiceData) -> Option<&str> {
    match verb {
        ServiceVerb::Registered | ServiceVerb::Deregistered => data.instance.as_deref(),
        _ => Some(data.instance.as_deref().unwrap_or(ONLY)),
    }
}

fn key(data: &ServiceData, instance: &str) -> AggregateKey {
    AggregateKey::Instance {
        service: data.service.clone(),
        environment: data.environment.clone(),
        instance: instance.to_owned(),
    }
}

pub(super) fn keys(event: &PlatformEvent) -> Vec<AggregateKey> {
    let PlatformEvent::Service(verb, data) = event else {
        return Vec::new();
    };
    instance_of(*verb, data)
        .map(|instance| key(data, instance))
        .into_iter()
        .collect()
}

pub(super) fn handle(state: &Aggregates, event: &Happened<'_>) -> Changes {
    let PlatformEvent::Service(verb, data) = event.event else {
        return Changes::default();
    };
    let Some(name) = instance_of(*verb, data) else {
        return Changes::default();
    };
    let known = state.instance(&key(data, name));
    let mut instance = known.cloned().unwrap_or_else(|| Instance {
        service: data.service.clone(),
        environment: data.environment.clone(),
        instance: name.to_owned(),
        state: InstanceState::Registered,
        state_since: event.time,
        version: None,
        image: None,
        host: None,
        pid: None,
        exit_code: None,
        reason: None,
        ttl_s: None,
        started_at: None,
        last_seen_at: event.time,
        run: None,
        first_position: event.position,
        last_position: event.position,
    });
    let mut changes = Changes::default();
    for (code, message) in contradictions(known, *verb, event.time) {
        changes.contradict(Contradiction::new(event, instance.about(), code, message));
    }

    let newer = event.time >= instance.last_seen_at;
    learn(&mut instance.version, data.version.as_ref(), newer);
    learn(&mut instance.image, data.image.as_ref(), newer);
    learn(&mut instance.host, data.host.as_ref(), newer);
    learn(&mut instance.pid, data.pid.as_ref(), newer);
    learn(&mut instance.exit_code, data.exit_code.as_ref(), newer);
    learn(&mut instance.reason, data.reason.as_ref(), newer);
    learn(&mut instance.ttl_s, data.ttl_s.as_ref(), newer);
    if newer {
        advance(&mut instance, *verb, event, &mut changes);
    } else if event.time >= instance.state_since && instance.state.is_running() {
        // A beat overtook it: how well a running instance works is still news.
        if let Some(state) = health(*verb).filter(|state| *state != instance.state) {
            instance.state = state;
            instance.state_since = event.time;
        }
    }
    instance.last_seen_at = instance.last_seen_at.max(event.time);
    instance.last_position = event.position;
    changes.put.push(Aggregate::Instance(instance));
    changes
}

/// How well an instance works, for what says so and nothing else.
const fn health(verb: ServiceVerb) -> Option<InstanceState> {
    match verb {
        ServiceVerb::Ready | ServiceVerb::Recovered => Some(InstanceState::Ready),
        ServiceVerb::Degraded => Some(InstanceState::Degraded),
        _ => None,
    }
}

fn advance(
    instance: &mut Instance,
    verb: ServiceVerb,
    event: &Happened<'_>,
    changes: &mut Changes,
) {
    let next = match verb {
        // How well it works, neither says.
        ServiceVerb::Registered | ServiceVerb::Heartbeat if instance.state.is_running() => {
            instance.state
        }
        ServiceVerb::Registered => InstanceState::Registered,
        // What beats is alive, whatever was said before.
        ServiceVerb::Started | ServiceVerb::Heartbeat => InstanceState::Started,
        ServiceVerb::Ready | ServiceVerb::Recovered => InstanceState::Ready,
        ServiceVerb::Degraded => InstanceState::Degraded,
        ServiceVerb::Stopped => InstanceState::Stopped,
        ServiceVerb::Crashed => InstanceState::Crashed,
        ServiceVerb::Deregistered => InstanceState::Deregistered,
    };
    if next != instance.state || verb == ServiceVerb::Started {
        instance.state = next;
        instance.state_since = event.time;
    }
    let open = instance.run.as_ref().is_some_and(|run| run.to.is_none());
    let restarted = verb == ServiceVerb::Started && open;
    // A process that names another version or image than its run began with is another process.
    let differs = |was: &Option<String>, is: &Option<String>| was.is_some() && was != is;
    let replaced = next.is_running()
        && instance.run.as_ref().is_some_and(|run| {
            let version = differs(&run.version, &instance.version);
            run.to.is_none() && (version || differs(&run.image, &instance.image))
        });
    if open && (!next.is_running() || restarted || replaced) {
        close(instance, event.time, changes);
    }
    if next.is_running() && (!open || restarted || replaced) {
        instance.started_at = Some(event.time);
        let run = Run {
            kind: RunKind::Observed,
            service: instance.service.clone(),
            environment: instance.environment.clone(),
            instance: Some(instance.instance.clone()),
            version: instance.version.clone(),
            image: instance.image.clone(),
            deployment_id: None,
            from: event.time,
            to: None,
            ends: false,
            opened_position: event.position,
        };
        changes.put.push(Aggregate::Run(run.clone()));
        instance.run = Some(run);
    } else if let Some(run) = instance.run.as_mut().filter(|run| run.to.is_none())
        && (run.version != instance.version || run.image != instance.image)
    {
        // What was not named when the run began is named now.
        run.version.clone_from(&instance.version);
        run.image.clone_from(&instance.image);
        changes.put.push(Aggregate::Run(run.clone()));
    }
}

fn close(instance: &mut Instance, time: Timestamp, changes: &mut Changes) {
    if let Some(run) = &mut instance.run {
        run.to = Some(time);
        changes.put.push(Aggregate::Run(run.clone()));
    }
}

fn contradictions(
    known: Option<&Instance>,
    verb: ServiceVerb,
    time: Timestamp,
) -> Vec<(&'static str, String)> {
    use ServiceVerb as V;
    let state = known
        .filter(|known| known.last_seen_at <= time)
        .map(|known| known.state);
    let late = known.is_some() && state.is_none();
    if late {
        return Vec::new();
    }
    let running = state.is_some_and(InstanceState::is_running);
    let found = match verb {
        V::Started if running => (
            "started_while_running",
            "it started and nobody had said that it ended",
        ),
        V::Ready | V::Degraded if !running => (
            "working_without_start",
            "it works and nobody had said that it started",
        ),
        V::Recovered if state != Some(InstanceState::Degraded) => (
            "recovered_without_degraded",
            "it recovered and nobody had said that it was degraded",
        ),
        V::Stopped | V::Crashed if !running => (
            "ended_without_start",
            "it ended and nobody had said that it ran",
        ),
        V::Heartbeat
            if state.is_some_and(|state| !running && state != InstanceState::Registered) =>
        {
            (
                "heartbeat_after_end",
                "it beats and had been said to have ended",
            )
        }
        _ => return Vec::new(),
    };
    vec![(found.0, found.1.to_owned())]
}

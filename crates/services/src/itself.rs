//! The service as one of the services that it tells of: it reports its own life through its own door,
//! so that it stands in its own answers, and whoever looks finds out from the answers alone that it was
//! away.

use std::collections::VecDeque;
use std::time::Duration;

use pts_domain::access::{Principal, Scope};
use pts_domain::event::Form;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use crate::{Gateway, Item, ItemOutcome, Mode};

/// Who sends these events.
pub const OWN_SOURCE: &str = "pts-server";
/// How many reports are kept for a store that is away; the oldest go first.
const MOST_KEPT: usize = 16;
/// How long it is tried to send them.
const SEND_WITHIN: Duration = Duration::from_secs(5);
/// An instance may miss so many heartbeats before it counts as gone.
const MISSES: u32 = 3;

/// Who the service says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Itself {
    /// The service's name.
    pub service: String,
    /// Where it runs.
    pub environment: String,
    /// This process, and no other one before or after it.
    pub instance: String,
    /// The version that runs.
    pub version: String,
    /// The machine.
    pub host: Option<String>,
    /// The process id.
    pub pid: u32,
    /// How often it says that it lives; whole seconds, one or more.
    pub heartbeat: Duration,
}

/// Reports the service's own life. Made before the service is ready, and told when it is.
pub struct Reporter<'g> {
    gateway: &'g Gateway,
    principal: Principal,
    itself: Itself,
    sent: u64,
    waiting: VecDeque<Value>,
}

impl<'g> Reporter<'g> {
    /// One that has said nothing yet.
    pub fn new(gateway: &'g Gateway, itself: Itself) -> Self {
        // No token of anybody's.
        let principal = Principal::holding(Uuid::nil(), OWN_SOURCE, [Scope::EventsWrite]);
        Self {
            gateway,
            principal,
            itself,
            sent: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Says that it is there, that it has started and that it is ready; then, now and then, that it
    /// lives, until `stop` resolves.
    pub async fn live(&mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        for verb in ["registered", "started", "ready"] {
            self.note(verb, json!({}));
        }
        let mut ticks = interval(self.itself.heartbeat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick is at once, and what has just been said needs no heartbeat.
        let mut begun = false;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = ticks.tick() => {}
            }
            if begun {
                self.note("heartbeat", json!({}));
            }
            begun = true;
            self.send().await;
        }
    }

    /// Says that it stops, and why.
    pub async fn stopped(&mut self, reason: &str) {
        self.note("stopped", json!({ "reason": reason }));
        self.send().await;
    }

    fn note(&mut self, verb: &str, more: Value) {
        self.sent += 1;
        let itself = &self.itself;
        let ttl_s = itself.heartbeat.as_secs().max(1) * u64::from(MISSES);
        let mut data = json!({
            "service": itself.service,
            "environment": itself.environment,
            "instance": itself.instance,
            "version": itself.version,
            "pid": itself.pid,
        });
        if let Some(host) = &itself.host {
            data["host"] = host.as_str().into();
        }
        if verb == "heartbeat" || verb == "ready" {
            data["ttl_s"] = ttl_s.into();
        }
        if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
            data.extend(more);
        }
        if self.waiting.len() == MOST_KEPT {
            self.waiting.pop_front();
        }
        self.waiting.push_back(json!({
            "type": format!("service.{verb}"),
            "source": OWN_SOURCE,
            "id": format!("{}/{}", itself.instance, self.sent),
            "subject": itself.service,
            // Told later than it happened if the store is away.
            "time": self.gateway.now().to_rfc3339(),
            "data": data,
        }));
    }

    /// Sends what waits. What cannot be stored now waits on: sent twice, it is stored once.
    async fn send(&mut self) {
        let items = self.waiting.iter().cloned().map(Item::from).collect();
        let sending = self
            .gateway
            .ingest(&self.principal, items, Form::Lenient, Mode::Store);
        let Ok(sent) = tokio::time::timeout(SEND_WITHIN, sending).await else {
            return;
        };
        match sent {
            Ok(outcomes) => {
                for outcome in outcomes {
                    if let ItemOutcome::Invalid { errors, .. } = outcome {
                        tracing::warn!(?errors, "the service's own event was not accepted");
                    }
                }
                self.waiting.clear();
            }
            Err(error) => tracing::debug!(%error, "the service could not report its own life now"),
        }
    }
}

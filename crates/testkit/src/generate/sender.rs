//! A sender of hand-made events: it fills in what a test does not care about.

use pts_domain::event::{Form, NewEvent, read};
use pts_domain::{Timestamp, time};
use serde_json::{Value, json};
use uuid::Uuid;

use super::now;

/// Makes events, each with another id.
#[derive(Debug, Clone)]
pub struct Sender {
    source: String,
    count: u64,
}

impl Sender {
    /// A sender that names this source. Senders of different names never make the same event.
    pub fn named(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            count: 0,
        }
    }

    /// An event of this type that happened at `time`.
    ///
    /// # Panics
    /// If the domain refuses it: the test is wrong.
    pub fn event(&mut self, event_type: &str, time: Timestamp, data: Value) -> NewEvent {
        let mut event = json!({"type": event_type, "time": time::to_micros(time)});
        event["data"] = data;
        self.read(event)
    }

    /// A `deployment.<verb>` of an attempt `deployment_id` to bring `service` into production.
    pub fn deployment(
        &mut self,
        verb: &str,
        service: &str,
        deployment_id: &str,
        time: Timestamp,
        more: Value,
    ) -> NewEvent {
        let data = json!({
            "service": service, "environment": "production", "deployment_id": deployment_id,
        });
        self.event(&format!("deployment.{verb}"), time, merge(data, more))
    }

    /// A `service.<verb>` of an instance in production.
    pub fn instance(
        &mut self,
        verb: &str,
        service: &str,
        instance: &str,
        time: Timestamp,
        more: Value,
    ) -> NewEvent {
        let data = json!({
            "service": service, "environment": "production", "instance": instance,
        });
        self.event(&format!("service.{verb}"), time, merge(data, more))
    }

    /// An `incident.<verb>`; an opened one gets a severity and a title unless `more` has them.
    pub fn incident(
        &mut self,
        verb: &str,
        incident_id: &str,
        time: Timestamp,
        more: Value,
    ) -> NewEvent {
        let mut data = json!({"incident_id": incident_id});
        if verb == "opened" {
            data = merge(data, json!({"severity": "SEV2", "title": "it hurts"}));
        }
        self.event(&format!("incident.{verb}"), time, merge(data, more))
    }

    /// Any event in the lenient native form; `source` and `id` are filled in where they are
    /// missing.
    ///
    /// # Panics
    /// If the domain refuses it: the test is wrong.
    pub fn read(&mut self, mut event: Value) -> NewEvent {
        self.count += 1;
        let fields = event.as_object_mut().expect("an event is an object");
        fields.entry("source").or_insert_with(|| json!(self.source));
        fields
            .entry("id")
            .or_insert_with(|| json!(format!("{}-{}", self.source, self.count)));
        let shown = event.to_string();
        match read(event, Form::Lenient, self.internal_id(), now()) {
            Ok(received) => received.event,
            Err(errors) => panic!("{shown}: {errors:?}"),
        }
    }

    /// The same event as it would be received again: another internal id, a later moment.
    pub fn again(&mut self, event: &NewEvent) -> NewEvent {
        self.count += 1;
        NewEvent {
            id: self.internal_id(),
            received_at: event.received_at + chrono::Duration::seconds(1),
            sender: event.sender,
            workspace: event.workspace.clone(),
            event: event.event.clone(),
        }
    }

    /// Different for every source and count, and later ones sort later, as real ones do.
    fn internal_id(&self) -> Uuid {
        let source = self
            .source
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        let millis = u64::try_from(now().timestamp_millis()).unwrap_or(0);
        let mut random = [0; 10];
        // The format takes some bits of the first three bytes for itself.
        random[..4].copy_from_slice(&source.to_be_bytes()[..4]);
        random[4..8].copy_from_slice(&u32::try_from(self.count).unwrap_or(u32::MAX).to_be_bytes());
        random[8..].copy_from_slice(&source.to_be_bytes()[4..6]);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

/// `base` with the fields of `more` on top.
fn merge(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

//! The list of all platform event types: adding one means adding a line here, and a handler if it
//! changes anything. Schemas, examples and validation all read from this list.

use std::sync::LazyLock;

use schemars::Schema;
use serde_json::{Value, json};

use super::{
    ConfigData, DeploymentData, DeploymentVerb, ImageData, ImageVerb, IncidentData, IncidentVerb,
    MeasuredData, NoticeData, PlatformEvent, ServiceData, ServiceVerb, StateData, validate,
};
use crate::problem::FieldError;

/// One platform event type: its name, what it needs, and how to read it.
pub struct EventType {
    /// The CloudEvents `type`, such as `deployment.started`.
    pub name: &'static str,
    /// What stands before the dot.
    pub family: &'static str,
    /// Version of the data's shape. A change that old senders would notice raises it.
    pub version: u32,
    /// What it says, in a line.
    pub summary: &'static str,
    /// Fields of `data` that must be there.
    pub required: &'static [&'static str],
    kind: Kind,
    example: fn() -> Value,
}

#[derive(Clone, Copy)]
enum Kind {
    Deployment(DeploymentVerb),
    Service(ServiceVerb),
    Image(ImageVerb),
    State,
    Config,
    Incident(IncidentVerb),
    Notice,
    Measured,
}

impl EventType {
    /// Reads `data` as this type.
    ///
    /// # Errors
    /// Every missing field, or the first field of the wrong type, or fields out of bounds.
    pub fn parse(&self, data: &Value) -> Result<PlatformEvent, Vec<FieldError>> {
        validate::required(self, data)?;
        let event = match self.kind {
            Kind::Deployment(verb) => PlatformEvent::Deployment(verb, validate::read(data)?),
            Kind::Service(verb) => PlatformEvent::Service(verb, validate::read(data)?),
            Kind::Image(verb) => PlatformEvent::Image(verb, validate::read(data)?),
            Kind::State => PlatformEvent::State(validate::read(data)?),
            Kind::Config => PlatformEvent::Config(validate::read(data)?),
            Kind::Incident(verb) => PlatformEvent::Incident(verb, validate::read(data)?),
            Kind::Notice => PlatformEvent::Notice(validate::read(data)?),
            Kind::Measured => PlatformEvent::Measured(validate::read(data)?),
        };
        validate::bounds(self, data, &event)?;
        Ok(event)
    }

    /// The JSON Schema (2020-12) of this type's `data`.
    pub fn schema(&self) -> Schema {
        let mut schema = match self.kind {
            Kind::Deployment(_) => schemars::schema_for!(DeploymentData),
            Kind::Service(_) => schemars::schema_for!(ServiceData),
            Kind::Image(_) => schemars::schema_for!(ImageData),
            Kind::State => schemars::schema_for!(StateData),
            Kind::Config => schemars::schema_for!(ConfigData),
            Kind::Incident(_) => schemars::schema_for!(IncidentData),
            Kind::Notice => schemars::schema_for!(NoticeData),
            Kind::Measured => schemars::schema_for!(MeasuredData),
        };
        schema.insert(
            "title".into(),
            json!(format!("{} v{}", self.name, self.version)),
        );
        schema.insert("description".into(), json!(self.summary));
        schema.insert("required".into(), json!(self.required));
        if matches!(self.kind, Kind::Image(_)) {
            schema.insert(
                "anyOf".into(),
                json!([{ "required": ["tag"] }, { "required": ["digest"] }]),
            );
        }
        schema
    }

    /// A whole event of this type in the lenient native form, ready to be posted.
    pub fn example(&self) -> Value {
        json!({
            "type": self.name,
            "source": "ci/acme",
            "id": format!("{}-1", self.name.replace('.', "-")),
            "time": "2026-03-01T12:30:00Z",
            "data": (self.example)(),
        })
    }
}

/// Every platform event type, in the order of the families.
pub fn all() -> &'static [EventType] {
    &CATALOGUE
}

/// The type of that name.
pub fn find(name: &str) -> Option<&'static EventType> {
    CATALOGUE.iter().find(|known| known.name == name)
}

const DEPLOYMENT: &[&str] = &["service", "environment", "deployment_id"];
const DEPLOYMENT_WITH_VERSION: &[&str] = &["service", "environment", "deployment_id", "version"];
const SERVICE: &[&str] = &["service", "environment"];

static CATALOGUE: LazyLock<Vec<EventType>> = LazyLock::new(|| {
    use {DeploymentVerb as D, ImageVerb as I, IncidentVerb as N, Kind as K, ServiceVerb as S};
    let t = |name: &'static str, kind, required, summary, example| EventType {
        name,
        family: name.split('.').next().unwrap_or(name),
        version: 1,
        summary,
        required,
        kind,
        example,
    };
    vec![
        t(
            "deployment.requested",
            K::Deployment(D::Requested),
            DEPLOYMENT_WITH_VERSION,
            "Somebody or something asked for a deployment.",
            deployment,
        ),
        t(
            "deployment.started",
            K::Deployment(D::Started),
            DEPLOYMENT_WITH_VERSION,
            "A deployment began.",
            deployment,
        ),
        t(
            "deployment.succeeded",
            K::Deployment(D::Succeeded),
            DEPLOYMENT,
            "The deployed version runs from this moment on.",
            deployment,
        ),
        t(
            "deployment.failed",
            K::Deployment(D::Failed),
            DEPLOYMENT,
            "A deployment ended without the new version running.",
            deployment_failed,
        ),
        t(
            "deployment.cancelled",
            K::Deployment(D::Cancelled),
            DEPLOYMENT,
            "A deployment was called off.",
            deployment_failed,
        ),
        t(
            "deployment.rolled_back",
            K::Deployment(D::RolledBack),
            DEPLOYMENT,
            "What a deployment had brought was taken back.",
            deployment_rolled_back,
        ),
        t(
            "service.registered",
            K::Service(S::Registered),
            SERVICE,
            "A service or an instance exists and will report.",
            service,
        ),
        t(
            "service.started",
            K::Service(S::Started),
            SERVICE,
            "An instance's process started.",
            service,
        ),
        t(
            "service.ready",
            K::Service(S::Ready),
            SERVICE,
            "An instance takes work.",
            service,
        ),
        t(
            "service.degraded",
            K::Service(S::Degraded),
            SERVICE,
            "An instance works, badly.",
            service_degraded,
        ),
        t(
            "service.recovered",
            K::Service(S::Recovered),
            SERVICE,
            "An instance works well again.",
            service,
        ),
        t(
            "service.stopped",
            K::Service(S::Stopped),
            SERVICE,
            "An instance ended on purpose.",
            service_stopped,
        ),
        t(
            "service.crashed",
            K::Service(S::Crashed),
            SERVICE,
            "An instance ended by accident.",
            service_crashed,
        ),
        t(
            "service.deregistered",
            K::Service(S::Deregistered),
            SERVICE,
            "A service or an instance will not report any more.",
            service_stopped,
        ),
        t(
            "service.heartbeat",
            K::Service(S::Heartbeat),
            SERVICE,
            "An instance is alive, and will say so again within `ttl_s` seconds.",
            service,
        ),
        t(
            "image.built",
            K::Image(I::Built),
            &["image"],
            "An image was built.",
            image,
        ),
        t(
            "image.published",
            K::Image(I::Published),
            &["image"],
            "An image can be pulled.",
            image,
        ),
        t(
            "image.scanned",
            K::Image(I::Scanned),
            &["image", "vulnerabilities"],
            "An image was searched for vulnerabilities.",
            image_scanned,
        ),
        t(
            "image.promoted",
            K::Image(I::Promoted),
            &["image", "environment"],
            "An image was declared fit for an environment.",
            image_promoted,
        ),
        t(
            "image.retired",
            K::Image(I::Retired),
            &["image"],
            "An image is not to be used any more.",
            image,
        ),
        t(
            "state.changed",
            K::State,
            &["component", "to"],
            "A component went from one operational state to another.",
            state,
        ),
        t(
            "config.changed",
            K::Config,
            &["key"],
            "A setting got another value.",
            config,
        ),
        t(
            "incident.opened",
            K::Incident(N::Opened),
            &["incident_id", "severity", "title"],
            "A time of trouble began.",
            incident,
        ),
        t(
            "incident.acknowledged",
            K::Incident(N::Acknowledged),
            &["incident_id"],
            "Somebody looks after an incident.",
            incident_later,
        ),
        t(
            "incident.resolved",
            K::Incident(N::Resolved),
            &["incident_id"],
            "An incident is over.",
            incident_later,
        ),
        t(
            "platform.notice",
            K::Notice,
            &["message"],
            "Something worth knowing that fits no other type.",
            notice,
        ),
        t(
            "platform.measured",
            K::Measured,
            &["name", "value"],
            "One figure at one moment.",
            measured,
        ),
    ]
});

fn deployment() -> Value {
    json!({
        "service": "payments", "environment": "production", "deployment_id": "d-42",
        "version": "1.4.2", "image": "ghcr.io/acme/payments:1.4.2",
        "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "commit_time": "2026-03-01T11:05:00Z", "actor": "alice",
        "pipeline_url": "https://ci.example.com/runs/42"
    })
}

fn deployment_failed() -> Value {
    json!({
        "service": "payments", "environment": "production", "deployment_id": "d-42",
        "reason": "readiness probe failed for 5 minutes"
    })
}

fn deployment_rolled_back() -> Value {
    json!({
        "service": "payments", "environment": "production", "deployment_id": "d-42",
        "previous_version": "1.4.1", "reason": "error rate above 5 %"
    })
}

fn service() -> Value {
    json!({
        "service": "payments", "environment": "production", "instance": "payments-7f9c",
        "version": "1.4.2", "host": "node-3", "pid": 4711, "ttl_s": 60
    })
}

fn service_degraded() -> Value {
    json!({
        "service": "payments", "environment": "production", "instance": "payments-7f9c",
        "reason": "database answers slowly"
    })
}

fn service_stopped() -> Value {
    json!({
        "service": "payments", "environment": "production", "instance": "payments-7f9c",
        "exit_code": 0, "reason": "scaled down"
    })
}

fn service_crashed() -> Value {
    json!({
        "service": "payments", "environment": "production", "instance": "payments-7f9c",
        "exit_code": 137, "reason": "out of memory"
    })
}

const DIGEST: &str = "sha256:9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0";

fn image() -> Value {
    json!({
        "image": "ghcr.io/acme/payments", "tag": "1.4.2", "digest": DIGEST,
        "commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "size_bytes": 48_211_004
    })
}

fn image_scanned() -> Value {
    json!({
        "image": "ghcr.io/acme/payments", "tag": "1.4.2", "digest": DIGEST,
        "vulnerabilities": { "critical": 0, "high": 1, "medium": 4, "low": 12 }
    })
}

fn image_promoted() -> Value {
    json!({
        "image": "ghcr.io/acme/payments", "tag": "1.4.2", "digest": DIGEST,
        "environment": "production", "actor": "alice"
    })
}

fn state() -> Value {
    json!({
        "component": "payments-db", "from": "primary", "to": "read_only",
        "reason": "disk 90 % full", "environment": "production", "service": "payments"
    })
}

fn config() -> Value {
    json!({
        "key": "payments.retry.max", "from": 3, "to": 5, "actor": "alice",
        "service": "payments", "environment": "production"
    })
}

fn incident() -> Value {
    json!({
        "incident_id": "INC-7", "severity": "SEV2", "title": "Payments time out",
        "service": "payments", "environment": "production", "deployment_id": "d-42"
    })
}

fn incident_later() -> Value {
    json!({ "incident_id": "INC-7", "actor": "bob" })
}

fn notice() -> Value {
    json!({ "message": "Maintenance window begins", "environment": "production" })
}

fn measured() -> Value {
    json!({ "name": "queue.depth", "value": 42.0, "unit": "1", "service": "payments" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_reads_its_own_example() {
        for known in all() {
            let example = known.example();
            known
                .parse(&example["data"])
                .unwrap_or_else(|errors| panic!("{}: {errors:?}", known.name));
        }
    }

    #[test]
    fn every_required_field_is_described_and_really_required() {
        for known in all() {
            let schema = known.schema();
            for field in known.required {
                assert!(
                    schema.get("properties").unwrap().get(field).is_some(),
                    "{field}"
                );
                let mut data = known.example()["data"].clone();
                data.as_object_mut().unwrap().remove(*field);
                let errors = known.parse(&data).unwrap_err();
                assert_eq!(errors[0].field, format!("data.{field}"));
                assert_eq!(errors[0].code, "missing");
            }
        }
    }

    #[test]
    fn names_are_unique_and_of_the_form_family_dot_verb() {
        let mut names: Vec<_> = all().iter().map(|known| known.name).collect();
        assert!(names.iter().all(|name| name.split('.').count() == 2));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all().len());
    }
}

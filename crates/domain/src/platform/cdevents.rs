//! CDEvents (cdev.events, v0.3 to v0.5) in the words of the platform's own events. The event itself
//! is kept as it came; this is only how the handlers read it. Types and shapes that are not
//! understood here are foreign events like any other.

use serde_json::{Value, json};

use super::{PlatformEvent, find};

const PREFIX: &str = "dev.cdevents.";

/// Subjects and predicates that [`read`] knows.
const COUNTERPARTS: &[(&str, &str)] = &[
    ("service", "deployed"),
    ("service", "upgraded"),
    ("service", "rolledback"),
    ("service", "removed"),
    ("artifact", "packaged"),
    ("artifact", "published"),
    ("incident", "detected"),
    ("incident", "reported"),
    ("incident", "resolved"),
];

/// Reads a CDEvents event as a platform event; `None` for what has no counterpart.
pub(super) fn read(event_type: &str, data: &Value) -> Option<PlatformEvent> {
    let (subject, predicate) = name(event_type)?;
    let id = data.pointer("/subject/id")?.as_str()?;
    let content = data.pointer("/subject/content").unwrap_or(&Value::Null);
    let at = |path: &str| content.pointer(path).and_then(Value::as_str);
    let artifact = at("/artifactId").map(Purl::split);
    let (platform_type, platform_data) = match (subject, predicate) {
        ("service", "deployed" | "upgraded" | "rolledback") => (
            "deployment.succeeded",
            json!({
                "service": id,
                "environment": at("/environment/id"),
                "deployment_id": data.pointer("/context/id"),
                "version": artifact.as_ref().map(|purl| &purl.version),
                "image": artifact.as_ref().map(Purl::image),
                // What was rolled back to was not planned; which deployment hurt is not told.
                "unplanned": (predicate == "rolledback").then_some(true),
                "reason": (predicate == "rolledback").then_some("rolled back"),
            }),
        ),
        ("service", "removed") => (
            "service.deregistered",
            json!({ "service": id, "environment": at("/environment/id") }),
        ),
        ("artifact", "packaged" | "published") => {
            let purl = Purl::split(id);
            let is_digest = purl.version.starts_with("sha256:");
            (
                if predicate == "packaged" {
                    "image.built"
                } else {
                    "image.published"
                },
                json!({
                    "image": purl.name,
                    "digest": is_digest.then_some(&purl.version),
                    "tag": purl.tag.as_ref().or((!is_digest).then_some(&purl.version)),
                    "commit": at("/change/id"),
                }),
            )
        }
        ("incident", "detected" | "reported") => (
            "incident.opened",
            json!({
                "incident_id": id,
                "severity": "unknown",
                "title": at("/description").unwrap_or(id),
                "service": at("/service/id"),
                "environment": at("/environment/id"),
            }),
        ),
        ("incident", "resolved") => (
            "incident.resolved",
            json!({
                "incident_id": id,
                "service": at("/service/id"),
                "environment": at("/environment/id"),
            }),
        ),
        _ => return None,
    };
    find(platform_type)?.parse(&platform_data).ok()
}

/// Whether events of this type have a counterpart, if they say all that it needs.
pub(crate) fn has_counterpart(event_type: &str) -> bool {
    name(event_type).is_some_and(|name| COUNTERPARTS.contains(&name))
}

/// How the types begin that have a counterpart: all but their version.
pub(crate) fn counterparts() -> impl Iterator<Item = String> {
    COUNTERPARTS
        .iter()
        .map(|(subject, predicate)| format!("{PREFIX}{subject}.{predicate}"))
}

/// The service or environment that a CDEvents event is about, for searches by these.
pub(crate) fn text<'a>(event_type: &str, data: &'a Value, field: &str) -> Option<&'a str> {
    let (subject, _) = name(event_type)?;
    let path = match (subject, field) {
        ("service", "service") => "/subject/id",
        (_, "service") => "/subject/content/service/id",
        (_, "environment") => "/subject/content/environment/id",
        _ => return None,
    };
    data.pointer(path)?.as_str()
}

/// Subject and predicate of `dev.cdevents.<subject>.<predicate>.<version>`.
fn name(event_type: &str) -> Option<(&str, &str)> {
    let mut parts = event_type.strip_prefix(PREFIX)?.splitn(3, '.');
    Some((parts.next()?, parts.next()?))
}

/// The parts of a package URL that name an image: `pkg:oci/name@sha256%3A…?tag=1.2`.
#[derive(Clone)]
struct Purl<'a> {
    name: &'a str,
    version: String,
    tag: Option<String>,
}

impl<'a> Purl<'a> {
    fn split(text: &'a str) -> Self {
        let rest = text.split_once(':').map_or(text, |(_, rest)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (path, version) = rest.rsplit_once('@').unwrap_or((rest, ""));
        // The package type is no part of an image's name.
        let name = path.split_once('/').map_or(path, |(_, name)| name);
        let tag = query.split('&').find_map(|pair| pair.strip_prefix("tag="));
        Self {
            name,
            version: version.replace("%3A", ":").replace("%3a", ":"),
            tag: tag.map(ToOwned::to_owned),
        }
    }

    fn image(&self) -> String {
        let separator = if self.version.starts_with("sha256:") {
            '@'
        } else {
            ':'
        };
        format!("{}{separator}{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::platform::{DeploymentVerb, ImageVerb, IncidentVerb, ServiceVerb};

    #[expect(
        clippy::needless_pass_by_value,
        reason = "it reads better where it is called"
    )]
    fn event(subject: &str, content: Value) -> Value {
        json!({
            "context": {"version": "0.4.1", "id": "271069a8", "source": "/ci", "timestamp": "…"},
            "subject": {"id": subject, "type": "x", "content": content}
        })
    }

    #[test]
    fn a_service_that_was_deployed_is_a_deployment_that_succeeded() {
        let content = json!({
            "environment": {"id": "production"}, "artifactId": "pkg:oci/payments@sha256%3Aab12"
        });
        let data = event("payments", content);
        let read = read("dev.cdevents.service.deployed.0.1.1", &data).unwrap();
        let PlatformEvent::Deployment(DeploymentVerb::Succeeded, deployment) = read else {
            panic!("{read:?}")
        };
        assert_eq!(deployment.service, "payments");
        assert_eq!(deployment.environment, "production");
        assert_eq!(deployment.deployment_id, "271069a8");
        assert_eq!(deployment.image.as_deref(), Some("payments@sha256:ab12"));
        let about = |field| text("dev.cdevents.service.deployed.0.1.1", &data, field);
        assert_eq!(
            (about("service"), about("environment")),
            (Some("payments"), Some("production"))
        );
    }

    #[test]
    fn artifacts_incidents_and_removals_have_counterparts() {
        let tagged = event(
            "pkg:oci/payments@1.2?tag=latest",
            json!({"change": {"id": "c0ffee"}}),
        );
        let built = read("dev.cdevents.artifact.packaged.0.2.0", &tagged).unwrap();
        assert!(
            matches!(&built, PlatformEvent::Image(ImageVerb::Built, image)
            if image.tag.as_deref() == Some("latest") && image.image == "payments"),
            "{built:?}"
        );
        let incident = event(
            "INC-1",
            json!({"description": "slow", "service": {"id": "payments"}}),
        );
        let opened = read("dev.cdevents.incident.detected.0.2.0", &incident).unwrap();
        assert!(
            matches!(&opened, PlatformEvent::Incident(IncidentVerb::Opened, incident)
            if incident.title.as_deref() == Some("slow")),
            "{opened:?}"
        );
        let removed = event("payments", json!({"environment": {"id": "production"}}));
        let gone = read("dev.cdevents.service.removed.0.2.0", &removed).unwrap();
        assert!(matches!(
            gone,
            PlatformEvent::Service(ServiceVerb::Deregistered, _)
        ));
    }

    #[test]
    fn what_has_no_counterpart_or_lacks_its_parts_stays_foreign() {
        let data = event("x", json!({}));
        for (event_type, data) in [
            ("dev.cdevents.build.started.0.2.0", &data),
            ("dev.cdevents.service.deployed.0.1.1", &data),
            ("dev.cdevents.service.deployed.0.1.1", &json!("text")),
            ("dev.cdevents.", &data),
            ("com.acme.service.deployed", &data),
        ] {
            assert_eq!(read(event_type, data), None, "{event_type}");
        }
    }

    #[test]
    fn what_is_read_is_known_by_its_name_to_have_a_counterpart() {
        let data = event(
            "pkg:oci/payments@1.2",
            json!({"environment": {"id": "production"}, "artifactId": "pkg:oci/payments@1.2"}),
        );
        let subjects = ["service", "artifact", "incident", "build", "change", ""];
        let predicates = [
            "deployed",
            "upgraded",
            "rolledback",
            "removed",
            "published",
            "packaged",
            "signed",
            "detected",
            "reported",
            "resolved",
            "created",
            "started",
            "deleted",
            "",
        ];
        let mut known = 0;
        for subject in subjects {
            for predicate in predicates {
                let event_type = format!("dev.cdevents.{subject}.{predicate}.0.1.0");
                let is_read = read(&event_type, &data).is_some();
                assert_eq!(is_read, has_counterpart(&event_type), "{event_type}");
                known += usize::from(is_read);
            }
        }
        assert_eq!(known, COUNTERPARTS.len());
        assert!(!has_counterpart("com.acme.service.deployed"));
    }
}

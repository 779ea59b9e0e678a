//! The closed union of platform events: what PTS understands, as opposed to what it merely keeps.
//! A type's name is `<family>.<verb>`; each family has one data shape, each type its own required
//! fields.

mod catalogue;
pub(crate) mod cdevents;
mod data;
mod validate;

pub use catalogue::{EventType, all, find};
pub use data::{
    ConfigData, DeploymentData, ImageData, IncidentData, MeasuredData, NoticeData, ServiceData,
    StateData, Vulnerabilities,
};
use serde_json::Value;

use crate::problem::{FieldError, nearest};

/// What a deployment reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentVerb {
    /// Somebody or something asked for it.
    Requested,
    /// It began.
    Started,
    /// The new version runs.
    Succeeded,
    /// It ended without the new version running.
    Failed,
    /// It was called off.
    Cancelled,
    /// What it had brought was taken back.
    RolledBack,
}

/// What a service, or one instance of it, reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceVerb {
    /// It exists and will report.
    Registered,
    /// A process started.
    Started,
    /// It takes work.
    Ready,
    /// It works, badly.
    Degraded,
    /// It works well again.
    Recovered,
    /// It ended on purpose.
    Stopped,
    /// It ended by accident.
    Crashed,
    /// It will not report any more.
    Deregistered,
    /// It is alive.
    Heartbeat,
}

/// What is known of a container image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageVerb {
    /// It was built.
    Built,
    /// It can be pulled.
    Published,
    /// It was searched for vulnerabilities.
    Scanned,
    /// It was declared fit for an environment.
    Promoted,
    /// It is not to be used any more.
    Retired,
}

/// How far an incident has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentVerb {
    /// It began.
    Opened,
    /// Somebody looks after it.
    Acknowledged,
    /// It is over.
    Resolved,
}

/// A platform event whose data has been checked: if it exists, it is valid.
#[derive(Debug, Clone, PartialEq)]
pub enum PlatformEvent {
    /// `deployment.*`
    Deployment(DeploymentVerb, DeploymentData),
    /// `service.*`
    Service(ServiceVerb, ServiceData),
    /// `image.*`
    Image(ImageVerb, ImageData),
    /// `state.changed`
    State(StateData),
    /// `config.changed`
    Config(ConfigData),
    /// `incident.*`
    Incident(IncidentVerb, IncidentData),
    /// `platform.notice`
    Notice(NoticeData),
    /// `platform.measured`
    Measured(MeasuredData),
}

/// What a type's name and data turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    /// A platform event.
    Platform(Box<PlatformEvent>),
    /// A type that is not of the union: kept as it came. `near` is the platform type it may have
    /// been meant for.
    Foreign {
        /// The platform type with nearly the same name, if there is one.
        near: Option<&'static str>,
    },
}

impl PlatformEvent {
    /// What stands before the dot in the type's name.
    pub const fn family(&self) -> &'static str {
        match self {
            Self::Deployment(..) => "deployment",
            Self::Service(..) => "service",
            Self::Image(..) => "image",
            Self::State(_) => "state",
            Self::Config(_) => "config",
            Self::Incident(..) => "incident",
            Self::Notice(_) | Self::Measured(_) => "platform",
        }
    }

    /// Reads the data of a stored event; `None` for a type that is not of the union. Unlike
    /// [`PlatformEvent::parse`] it gives no advice, which would cost more than all the rest.
    ///
    /// # Errors
    /// As [`PlatformEvent::parse`], but an unknown verb of a known family is no error: the event
    /// is in the log already.
    pub(crate) fn read(event_type: &str, data: &Value) -> Result<Option<Self>, Vec<FieldError>> {
        match find(event_type) {
            Some(known) => known.parse(data).map(Some),
            None => Ok(cdevents::read(event_type, data)),
        }
    }

    /// Checks `data` against the shape that `event_type` asks for.
    ///
    /// # Errors
    /// All fields that are missing or wrong; or an unknown verb of a known family, with the
    /// nearest name. A type of no known family is no error: see [`Parsed::Foreign`].
    pub fn parse(event_type: &str, data: &Value) -> Result<Parsed, Vec<FieldError>> {
        if let Some(known) = find(event_type) {
            return known
                .parse(data)
                .map(|event| Parsed::Platform(Box::new(event)));
        }
        if let Some(event) = cdevents::read(event_type, data) {
            return Ok(Parsed::Platform(Box::new(event)));
        }
        let near = nearest(event_type, all().iter().map(|known| known.name));
        let family = event_type.split('.').next().unwrap_or_default();
        if all().iter().any(|known| known.family == family) {
            let of_family: Vec<_> = all()
                .iter()
                .filter(|known| known.family == family)
                .map(|k| k.name)
                .collect();
            let expected = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of {}", of_family.join(", ")),
            };
            return Err(vec![FieldError::with_code(
                "unknown", "type", event_type, expected,
            )]);
        }
        Ok(Parsed::Foreign { near })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_verb_of_a_known_family_is_refused_with_the_nearest_name() {
        let errors = PlatformEvent::parse("deployment.strated", &json!({})).unwrap_err();
        assert_eq!(errors[0].field, "type");
        assert_eq!(errors[0].code, "unknown");
        assert_eq!(errors[0].expected, "did you mean `deployment.started`?");
    }

    #[test]
    fn a_foreign_type_is_kept_and_a_near_miss_is_pointed_out() {
        let parse = |name| PlatformEvent::parse(name, &json!(null)).unwrap();
        assert_eq!(
            parse("com.example.order.placed"),
            Parsed::Foreign { near: None }
        );
        assert_eq!(
            parse("deploymnt.started"),
            Parsed::Foreign {
                near: Some("deployment.started")
            }
        );
    }
}

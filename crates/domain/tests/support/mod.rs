//! A small world: events go in, one after the other, and aggregates can be looked at.

use pts_domain::StoredEvent;
use pts_domain::event::NewEvent;
use pts_domain::projection::{
    Aggregate, AggregateKey, Aggregates, ComponentState, ConfigEntry, Contradiction, Deployment,
    Image, Incident, Instance, Run, Service, close_declared,
};
use pts_ports::Projector;
use pts_testkit::fakes::DomainProjector;
use pts_testkit::generate::{Sender, minute};
use serde_json::Value;

pub(crate) struct World {
    pub(crate) aggregates: Aggregates,
    pub(crate) contradictions: Vec<Contradiction>,
    pub(crate) sender: Sender,
    position: i64,
}

macro_rules! look {
    ($name:ident, $variant:ident, $type:ty) => {
        fn $name(&self, key: &AggregateKey) -> $type {
            match self.aggregates.get(key) {
                Some(Aggregate::$variant(value)) => value.clone(),
                other => panic!("{key:?} is {other:?}"),
            }
        }
    };
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            aggregates: Aggregates::default(),
            contradictions: Vec::new(),
            sender: Sender::named("world"),
            position: 0,
        }
    }

    /// Folds an event; returns the codes of what did not fit.
    pub(crate) fn tell(&mut self, new: NewEvent) -> Vec<String> {
        self.position += 1;
        let stored = StoredEvent {
            position: self.position,
            id: new.id,
            received_at: new.received_at,
            event: new.event,
        };
        let found = DomainProjector.fold(&mut self.aggregates, &stored);
        self.contradictions.extend(found.clone());
        found.into_iter().map(|found| found.code).collect()
    }

    pub(crate) fn event(&mut self, event_type: &str, at: i64, data: Value) -> Vec<String> {
        let event = self.sender.event(event_type, minute(at), data);
        self.tell(event)
    }

    /// A deployment of the service `shop` into production.
    pub(crate) fn deploy(&mut self, verb: &str, id: &str, at: i64, more: Value) -> Vec<String> {
        let event = self.sender.deployment(verb, "shop", id, minute(at), more);
        self.tell(event)
    }

    /// The instance `one` of the service `shop` in production.
    pub(crate) fn instance(&mut self, verb: &str, at: i64, more: Value) -> Vec<String> {
        let event = self.sender.instance(verb, "shop", "one", minute(at), more);
        self.tell(event)
    }

    pub(crate) fn incident(&mut self, verb: &str, at: i64, more: Value) -> Vec<String> {
        let event = self.sender.incident(verb, "INC-1", minute(at), more);
        self.tell(event)
    }

    look!(look_deployment, Deployment, Deployment);
    look!(look_service, Service, Service);
    look!(look_instance, Instance, Instance);
    look!(look_image, Image, Image);
    look!(look_state, State, ComponentState);
    look!(look_config, Config, ConfigEntry);
    look!(look_incident, Incident, Incident);

    pub(crate) fn deployment(&self, id: &str) -> Deployment {
        self.look_deployment(&AggregateKey::Deployment {
            service: "shop".into(),
            environment: "production".into(),
            deployment_id: id.into(),
        })
    }

    pub(crate) fn service(&self) -> Service {
        self.look_service(&AggregateKey::Service {
            service: "shop".into(),
        })
    }

    /// The version that is declared for production.
    pub(crate) fn declared(&self) -> Option<String> {
        self.service().environments["production"]
            .declared
            .as_ref()
            .and_then(|declared| declared.version.clone())
    }

    pub(crate) fn one(&self) -> Instance {
        self.look_instance(&AggregateKey::Instance {
            service: "shop".into(),
            environment: "production".into(),
            instance: "one".into(),
        })
    }

    pub(crate) fn image(&self, reference: &str) -> Image {
        self.look_image(&AggregateKey::Image {
            image: "acme/shop".into(),
            reference: reference.into(),
        })
    }

    pub(crate) fn state(&self, component: &str) -> ComponentState {
        self.look_state(&AggregateKey::State {
            component: component.into(),
            environment: String::new(),
        })
    }

    pub(crate) fn config(&self, key: &str) -> ConfigEntry {
        self.look_config(&AggregateKey::Config {
            service: String::new(),
            environment: String::new(),
            key: key.into(),
        })
    }

    pub(crate) fn the_incident(&self) -> Incident {
        self.look_incident(&AggregateKey::Incident {
            incident_id: "INC-1".into(),
        })
    }

    /// All runs with their ends: version, from and to in minutes.
    pub(crate) fn runs(&self) -> Vec<(Option<String>, i64, Option<i64>)> {
        let runs: Vec<Run> = self
            .aggregates
            .all()
            .filter_map(|aggregate| match aggregate {
                Aggregate::Run(run) => Some(run.clone()),
                _ => None,
            })
            .collect();
        let minutes = |at: pts_domain::Timestamp| (at - minute(0)).num_minutes();
        close_declared(runs)
            .into_iter()
            .map(|run| (run.version, minutes(run.from), run.to.map(minutes)))
            .collect()
    }
}

/// What runs look like in [`World::runs`].
pub(crate) fn run(version: &str, from: i64, to: Option<i64>) -> (Option<String>, i64, Option<i64>) {
    (Some(version.to_owned()), from, to)
}

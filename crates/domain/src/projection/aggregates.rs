//! The state that a batch of events is folded over: loaded in one read, written in one write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ComponentState, ConfigEntry, Deployment, Image, Incident, Instance, Run, Service};

/// Names one aggregate. The order of keys is the order in which they are locked and written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AggregateKey {
    /// One deployment.
    Deployment {
        /// Of which service.
        service: String,
        /// Into which environment.
        environment: String,
        /// Which attempt.
        deployment_id: String,
    },
    /// One service.
    Service {
        /// Its name.
        service: String,
    },
    /// One instance of a service.
    Instance {
        /// Of which service.
        service: String,
        /// In which environment.
        environment: String,
        /// Which one.
        instance: String,
    },
    /// One image, under its digest or, without one, its tag.
    Image {
        /// Registry and repository.
        image: String,
        /// Digest or tag.
        reference: String,
    },
    /// The operational state of one component.
    State {
        /// Which component.
        component: String,
        /// Where; empty when the sender did not say.
        environment: String,
    },
    /// One setting.
    Config {
        /// Of which service; empty for the platform's own.
        service: String,
        /// Where; empty when the sender did not say.
        environment: String,
        /// Which setting.
        key: String,
    },
    /// One incident.
    Incident {
        /// Which one.
        incident_id: String,
    },
    /// One period in which a version ran; named by the event that opened it.
    Run {
        /// Place in the log of that event.
        opened_position: i64,
    },
}

/// The kinds of aggregates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named like its aggregate")]
pub enum AggregateKind {
    Deployment,
    Service,
    Instance,
    Image,
    State,
    Config,
    Incident,
    Run,
}

/// One aggregate of any kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is named like what it holds")]
pub enum Aggregate {
    Deployment(Deployment),
    Service(Service),
    Instance(Instance),
    Image(Image),
    State(ComponentState),
    Config(ConfigEntry),
    Incident(Incident),
    Run(Run),
}

impl AggregateKey {
    /// What kind of aggregate it names.
    pub const fn kind(&self) -> AggregateKind {
        match self {
            Self::Deployment { .. } => AggregateKind::Deployment,
            Self::Service { .. } => AggregateKind::Service,
            Self::Instance { .. } => AggregateKind::Instance,
            Self::Image { .. } => AggregateKind::Image,
            Self::State { .. } => AggregateKind::State,
            Self::Config { .. } => AggregateKind::Config,
            Self::Incident { .. } => AggregateKind::Incident,
            Self::Run { .. } => AggregateKind::Run,
        }
    }
}

impl Aggregate {
    /// The key it lives under.
    pub fn key(&self) -> AggregateKey {
        match self {
            Self::Deployment(d) => AggregateKey::Deployment {
                service: d.service.clone(),
                environment: d.environment.clone(),
                deployment_id: d.deployment_id.clone(),
            },
            Self::Service(s) => AggregateKey::Service {
                service: s.service.clone(),
            },
            Self::Instance(i) => AggregateKey::Instance {
                service: i.service.clone(),
                environment: i.environment.clone(),
                instance: i.instance.clone(),
            },
            Self::Image(i) => AggregateKey::Image {
                image: i.image.clone(),
                reference: i.reference.clone(),
            },
            Self::State(s) => AggregateKey::State {
                component: s.component.clone(),
                environment: s.environment.clone().unwrap_or_default(),
            },
            Self::Config(c) => AggregateKey::Config {
                service: c.service.clone().unwrap_or_default(),
                environment: c.environment.clone().unwrap_or_default(),
                key: c.key.clone(),
            },
            Self::Incident(i) => AggregateKey::Incident {
                incident_id: i.incident_id.clone(),
            },
            Self::Run(r) => AggregateKey::Run {
                opened_position: r.opened_position,
            },
        }
    }
}

/// A set of aggregates in memory that knows which of them have changed since they were loaded.
#[derive(Debug, Clone, Default)]
pub struct Aggregates {
    slots: BTreeMap<AggregateKey, Slot>,
}

#[derive(Debug, Clone)]
struct Slot {
    value: Aggregate,
    changed: bool,
}

macro_rules! getter {
    ($name:ident, $variant:ident, $type:ty) => {
        pub(super) fn $name(&self, key: &AggregateKey) -> Option<&$type> {
            match self.get(key) {
                Some(Aggregate::$variant(value)) => Some(value),
                _ => None,
            }
        }
    };
}

impl Aggregates {
    /// A set of what was loaded.
    pub fn loaded(values: impl IntoIterator<Item = Aggregate>) -> Self {
        let slots = values.into_iter().map(|value| {
            (
                value.key(),
                Slot {
                    value,
                    changed: false,
                },
            )
        });
        Self {
            slots: slots.collect(),
        }
    }

    /// Adds one as it was loaded.
    pub fn know(&mut self, value: Aggregate) {
        let slot = Slot {
            value,
            changed: false,
        };
        self.slots.insert(slot.value.key(), slot);
    }

    /// The aggregate under a key, if it is known.
    pub fn get(&self, key: &AggregateKey) -> Option<&Aggregate> {
        self.slots.get(key).map(|slot| &slot.value)
    }

    getter!(deployment, Deployment, Deployment);
    getter!(service, Service, Service);
    getter!(instance, Instance, Instance);
    getter!(image, Image, Image);
    getter!(state, State, ComponentState);
    getter!(config, Config, ConfigEntry);
    getter!(incident, Incident, Incident);

    /// Takes over what a handler returned. What is the same as before does not count as changed.
    pub fn put(&mut self, value: Aggregate) {
        let key = value.key();
        match self.slots.get_mut(&key) {
            Some(slot) if slot.value == value => {}
            Some(slot) => {
                *slot = Slot {
                    value,
                    changed: true,
                }
            }
            None => {
                self.slots.insert(
                    key,
                    Slot {
                        value,
                        changed: true,
                    },
                );
            }
        }
    }

    /// What has changed since loading, in the order of the keys.
    pub fn changed(&self) -> impl Iterator<Item = &Aggregate> {
        self.slots
            .values()
            .filter(|slot| slot.changed)
            .map(|slot| &slot.value)
    }

    /// All of them, in the order of the keys.
    pub fn all(&self) -> impl Iterator<Item = &Aggregate> {
        self.slots.values().map(|slot| &slot.value)
    }

    /// All of them with their keys, taken out.
    pub fn into_all(self) -> impl Iterator<Item = (AggregateKey, Aggregate)> {
        self.slots.into_iter().map(|(key, slot)| (key, slot.value))
    }

    /// Forgets what has changed, once it is written.
    pub fn settle(&mut self) {
        self.slots
            .values_mut()
            .for_each(|slot| slot.changed = false);
    }
}

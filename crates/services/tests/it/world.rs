//! A gateway over the in-memory store, by a clock that only a test moves, and somebody who calls it.

use std::sync::Arc;

use pts_api::{Action, Answer};
use pts_domain::access::{Principal, Scope};
use pts_domain::event::Form;
use pts_services::{ActionError, CallOptions, Gateway, Item, ItemOutcome, Mode, UseCase};
use pts_testkit::fakes::{FixedClock, MemoryStore};
use uuid::Uuid;

use crate::support::{in_memory_at, noon, principal};

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) by: Principal,
}

impl World {
    /// Where somebody calls who may do so much.
    pub(crate) fn of(scopes: &[Scope]) -> Self {
        let clock = Arc::new(FixedClock::at(noon()));
        let (gateway, store) = in_memory_at(clock.clone());
        Self {
            gateway,
            store,
            clock,
            by: principal(scopes),
        }
    }

    pub(crate) async fn call<A: Action>(
        &self,
        input: A::Input,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Gateway: UseCase<A>,
    {
        self.call_with::<A>(input, CallOptions::default()).await
    }

    pub(crate) async fn call_with<A: Action>(
        &self,
        input: A::Input,
        options: CallOptions,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Gateway: UseCase<A>,
    {
        self.gateway.call::<A>(&self.by, input, options).await
    }

    /// Sends what is no event; returns where it was put.
    pub(crate) async fn bad(&self, item: impl Into<Item>) -> Uuid {
        let mut writer = principal(&[Scope::EventsWrite]);
        writer.token_id = Uuid::from_u128(42);
        let outcomes = self
            .gateway
            .ingest(&writer, vec![item.into()], Form::Lenient, Mode::Store)
            .await
            .unwrap();
        match &outcomes[0] {
            ItemOutcome::Invalid {
                quarantine_id: Some(id),
                ..
            } => *id,
            other => panic!("{other:?}"),
        }
    }
}

//! The one door: every action passes here, whatever brought it. It authorises, routes and puts the
//! answer together; it owns no data and computes nothing heavy.

mod call;
mod events;
mod page;
mod who;

use std::sync::Arc;

use pts_domain::Timestamp;
use pts_domain::access::{Principal, Roles, ServiceIdentity};
use pts_domain::event::NewEvent;
use pts_domain::filter::EventFilter;
use pts_domain::signin::Lifetimes;
use pts_ports::{
    Accounting, Appended, BlindSpots, Clock, Entropy, EventLog, PolicyEngine, Projections,
    Quarantine, TokenStore,
};

use crate::access::Rules;
use crate::accounting::{Books, Tallies};
use crate::blind::{Receiving, Reporters, Ward};
use crate::coverage::Freshness;
use crate::engine::Engine;
use crate::error::RETRY_AFTER_S;
use crate::export::Exports;
use crate::ingest::committed;
use crate::limits::{Gate, Limits};
use crate::tail::Commits;
use crate::{Access, ActionError, SignIn};

pub use call::{CallOptions, UseCase};
pub use events::{Following, Share};
pub(crate) use page::{CursorKind, cursor, limit};

/// What a gateway is made of.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The projections.
    pub projections: Arc<dyn Projections>,
    /// The tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// The account of everything that was sent.
    pub accounting: Arc<dyn Accounting>,
    /// What was sent and is no event.
    pub quarantine: Arc<dyn Quarantine>,
    /// What could not be seen.
    pub blind_spots: Arc<dyn BlindSpots>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

/// The one door.
pub struct Gateway {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) projections: Arc<dyn Projections>,
    pub(crate) quarantine: Arc<dyn Quarantine>,
    pub(crate) books: Books,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) commits: Arc<Commits>,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) blind_spots: Arc<dyn BlindSpots>,
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) reporters: Arc<Reporters>,
    pub(crate) ward: Ward,
    pub(crate) engine: Engine,
    pub(crate) gate: Gate,
    pub(crate) exports: Exports,
    pub(crate) sign_in: Option<SignIn>,
    pub(crate) rules: Rules,
    pub(crate) access: Access,
}

impl Gateway {
    /// Puts a gateway together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            log,
            projections,
            tokens,
            accounting,
            quarantine,
            blind_spots,
            clock,
            entropy,
        } = parts;
        let books = Books::new(
            accounting,
            Arc::new(Tallies::default()),
            Arc::clone(&clock),
            Arc::clone(&entropy),
        );
        let access = Access::new(tokens, Arc::clone(&clock), Arc::clone(&entropy));
        let (commits, freshness) = (Arc::new(Commits::new()), Arc::new(Freshness::new()));
        let (receiving, reporters) = (Arc::new(Receiving::new()), Arc::new(Reporters::new()));
        let told = {
            let (commits, freshness) = (Arc::clone(&commits), Arc::clone(&freshness));
            let (receiving, clock) = (Arc::clone(&receiving), Arc::clone(&clock));
            Box::new(move |appended: &[Appended], newest| {
                committed(&commits, &freshness, appended, newest);
                receiving.stored(|| clock.now());
            })
        };
        let heard = {
            let (receiving, reporters) = (Arc::clone(&receiving), Arc::clone(&reporters));
            Box::new(move |events: &[NewEvent]| {
                if let Some(first) = events.first() {
                    reporters.hear(events, receiving.listening_since(first.received_at));
                }
            })
        };
        let engine = Engine::new(Arc::clone(&log), told, heard);
        Self {
            log,
            projections,
            quarantine,
            books,
            clock,
            entropy,
            commits,
            freshness,
            blind_spots,
            receiving,
            reporters,
            ward: Ward::new(),
            engine,
            gate: Gate::new(Limits::default()),
            exports: Exports::new(),
            rules: Rules::default(),
            sign_in: None,
            access,
        }
    }

    /// The same with other ends of sessions than the usual ones, and with services that are known by
    /// their certificates.
    pub fn letting_in(self, lifetimes: Lifetimes, services: Vec<ServiceIdentity>) -> Self {
        let access = self.access.lasting(lifetimes).knowing(services);
        Self { access, ..self }
    }

    /// The same with an identity provider that people can sign in with.
    pub fn signing_in(self, sign_in: SignIn) -> Self {
        Self {
            sign_in: Some(sign_in),
            ..self
        }
    }

    /// The same with other limits than the usual ones.
    pub fn limited(self, limits: Limits) -> Self {
        Self {
            gate: Gate::new(limits),
            ..self
        }
    }

    /// The same with roles and policies of an operator's: without, what scopes cover decides.
    pub fn governed(self, roles: Roles, policies: Arc<dyn PolicyEngine>) -> Self {
        Self {
            access: self.access.with_roles(roles),
            rules: Rules::of(policies),
            ..self
        }
    }

    /// Tokens, sessions and sign-in codes.
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Refuses questions while events wait in number: whoever asks can ask again, and whoever sends
    /// may not be there any more.
    pub(crate) fn shed(&self) -> Result<(), ActionError> {
        if self.engine.is_pressed() {
            let retry_after_s = RETRY_AFTER_S;
            return Err(ActionError::Overloaded { retry_after_s });
        }
        Ok(())
    }

    /// Notes how long an answer was on its way out: the caller's next questions are measured by it.
    pub fn note_read(&self, principal: &Principal, bytes: usize) {
        self.gate
            .read(principal.token_id, self.now(), 0, bytes as u64);
    }

    /// Learns from the log when it last took something in, so that the first answers after a start
    /// know their age.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`].
    pub async fn warm_up(&self) -> Result<(), ActionError> {
        let head = self.log.head().await?;
        let last = self
            .log
            .after((head - 1).max(0), &EventFilter::default(), 1)
            .await?;
        last.events
            .iter()
            .for_each(|event| self.freshness.received(event.received_at));
        Ok(())
    }

    /// Whether events could be stored now, and it can be decided who may send them.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`] or [`ActionError::PoliciesAway`].
    pub async fn ready(&self) -> Result<(), ActionError> {
        self.log.ready().await?;
        if self.rules.book().fault.is_some() {
            let retry_after_s = RETRY_AFTER_S;
            return Err(ActionError::PoliciesAway { retry_after_s });
        }
        Ok(())
    }

    /// Waits until everything that was taken in is written and safe on disk, or known not to be.
    pub async fn settle(&self) {
        self.engine.idle().await;
    }

    /// How much waits to be written: events, and the bytes they take.
    pub fn waiting(&self) -> (usize, usize) {
        self.engine.waiting()
    }

    /// What time it is, as the service sees it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

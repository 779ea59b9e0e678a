//! The one door: every action passes here, whatever brought it. It authorises, routes and puts the
//! answer together; it owns no data and computes nothing heavy.

mod call;
mod events;
mod page;
mod who;
mod within;

use std::sync::Arc;

use pts_domain::Timestamp;
use pts_domain::access::{ElevationRules, Principal, Roles, ServiceIdentity, Workspace};
use pts_domain::event::NewEvent;
use pts_domain::filter::EventFilter;
use pts_domain::masking::Masker;
use pts_domain::retention::Policy;
use pts_domain::signin::Lifetimes;
use pts_ports::{
    Accounting, Appended, AuditLog, BlindSpots, Clock, Confirmations, Elevations, Entropy,
    EventLog, Maintenance, PolicyEngine, Projections, Quarantine, RetentionStore, TokenStore,
};

use crate::access::Rules;
use crate::access::elevations::Elevating;
use crate::accounting::{Books, Tallies};
use crate::audit::Audit;
use crate::blind::{Receiving, Reporters, Ward};
use crate::coverage::Freshness;
use crate::engine::{Engine, Newest};
use crate::error::RETRY_AFTER_S;
use crate::export::Exports;
use crate::ingest::committed;
use crate::limits::{Gate, Limits};
use crate::masking::{MaskCounts, Masking};
use crate::tail::Commits;
use crate::{Access, ActionError, Retention, SignIn};

pub(crate) use call::console;
pub use call::{CallOptions, UseCase};
pub use events::{Following, Share};
pub(crate) use page::{CursorKind, cursor, limit};
pub use who::Wanted;

/// What a gateway is made of.
pub struct Parts {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The projections.
    pub projections: Arc<dyn Projections>,
    /// The tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// Who asked to be allowed more for a while.
    pub elevations: Arc<dyn Elevations>,
    /// What previews are confirmed with.
    pub confirmations: Arc<dyn Confirmations>,
    /// The account of everything that was sent.
    pub accounting: Arc<dyn Accounting>,
    /// What was sent and is no event.
    pub quarantine: Arc<dyn Quarantine>,
    /// What could not be seen.
    pub blind_spots: Arc<dyn BlindSpots>,
    /// What goes from the log.
    pub retention: Arc<dyn RetentionStore>,
    /// Upkeep of the log and the projections.
    pub maintenance: Arc<dyn Maintenance>,
    /// Who did what.
    pub audit: Arc<dyn AuditLog>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

impl Parts {
    /// Around one store that is all of it.
    pub fn of<S>(store: Arc<S>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self
    where
        S: EventLog
            + Projections
            + TokenStore
            + Elevations
            + Confirmations
            + Accounting
            + Quarantine
            + BlindSpots
            + RetentionStore
            + Maintenance
            + AuditLog
            + 'static,
    {
        Self {
            log: store.clone(),
            projections: store.clone(),
            tokens: store.clone(),
            elevations: store.clone(),
            confirmations: store.clone(),
            accounting: store.clone(),
            quarantine: store.clone(),
            blind_spots: store.clone(),
            retention: store.clone(),
            maintenance: store.clone(),
            audit: store,
            clock,
            entropy,
        }
    }
}

/// The one door, as it is from one workspace: what use cases read and write through it belongs there
/// (see [`Gateway::within`]).
#[derive(Clone)]
pub struct Gateway {
    /// The workspace.
    pub(crate) workspace: Workspace,
    /// Whether what is answered must tell nothing of any other.
    pub(crate) bound: bool,
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) projections: Arc<dyn Projections>,
    pub(crate) quarantine: Arc<dyn Quarantine>,
    pub(crate) accounting: Arc<dyn Accounting>,
    pub(crate) books: Arc<Books>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) commits: Arc<Commits>,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) blind_spots: Arc<dyn BlindSpots>,
    pub(crate) receiving: Arc<Receiving>,
    pub(crate) reporters: Arc<Reporters>,
    pub(crate) ward: Arc<Ward>,
    pub(crate) engine: Engine,
    pub(crate) gate: Arc<Gate>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) elevating: Arc<Elevating>,
    pub(crate) confirmations: Arc<dyn Confirmations>,
    pub(crate) retention: Arc<Retention>,
    pub(crate) policy: Policy,
    pub(crate) maintenance: Arc<dyn Maintenance>,
    /// One rebuild at a time.
    pub(crate) rebuilding: Arc<tokio::sync::Mutex<()>>,
    pub(crate) masking: Masking,
    pub(crate) audit: Arc<Audit>,
    pub(crate) sign_in: Option<Arc<SignIn>>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) access: Arc<Access>,
}

impl Gateway {
    /// Puts a gateway together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            log,
            projections,
            tokens,
            elevations,
            confirmations,
            accounting,
            quarantine,
            blind_spots,
            retention,
            maintenance,
            audit,
            clock,
            entropy,
        } = parts;
        let audit = Audit::new(audit, Arc::clone(&clock), Arc::clone(&entropy));
        let retention = Retention::new(retention, Arc::clone(&clock), Arc::clone(&entropy));
        let books = Books::new(
            Arc::clone(&accounting),
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
            Box::new(move |appended: &[Appended], newest: &Newest| {
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
            workspace: Workspace::default(),
            bound: false,
            log,
            projections,
            quarantine,
            accounting,
            books: Arc::new(books),
            clock,
            entropy,
            commits,
            freshness,
            blind_spots,
            receiving,
            reporters,
            ward: Arc::new(Ward::new()),
            engine,
            gate: Arc::new(Gate::new(Limits::default())),
            exports: Arc::new(Exports::new()),
            elevating: Arc::new(Elevating::new(elevations, ElevationRules::default())),
            confirmations,
            retention: Arc::new(retention),
            policy: Policy::Forever,
            maintenance,
            rebuilding: Arc::default(),
            masking: Masking::usual(),
            audit: Arc::new(audit),
            rules: Arc::new(Rules::default()),
            sign_in: None,
            access: Arc::new(access),
        }
    }

    /// The same with other ends of sessions than the usual ones, and with services that are known by
    /// their certificates.
    pub fn letting_in(self, lifetimes: Lifetimes, services: Vec<ServiceIdentity>) -> Self {
        let access = Arc::new(own(self.access).lasting(lifetimes).knowing(services));
        Self { access, ..self }
    }

    /// The same with an identity provider that people can sign in with.
    pub fn signing_in(self, sign_in: SignIn) -> Self {
        Self {
            sign_in: Some(Arc::new(sign_in)),
            ..self
        }
    }

    /// The same with other limits than the usual ones.
    pub fn limited(self, limits: Limits) -> Self {
        Self {
            gate: Arc::new(Gate::new(limits)),
            ..self
        }
    }

    /// The same with other rules for elevations than the usual ones.
    pub fn elevating(self, rules: ElevationRules) -> Self {
        let store = Arc::clone(&self.elevating.store);
        Self {
            elevating: Arc::new(Elevating::new(store, rules)),
            ..self
        }
    }

    /// The same with roles and policies of an operator's: without, what scopes cover decides.
    pub fn governed(self, roles: Roles, policies: Arc<dyn PolicyEngine>) -> Self {
        let access = Arc::new(own(self.access).with_roles(roles));
        Self {
            access,
            rules: Arc::new(Rules::of(policies)),
            ..self
        }
    }

    /// The same with other rules of what is masked, or none.
    pub fn masking(self, masker: Option<Arc<Masker>>) -> Self {
        Self {
            masking: Masking::by(masker),
            ..self
        }
    }

    /// The same where events that no projection needs stay for so long, if nobody says otherwise.
    pub fn keeping(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// What was masked in what senders reported.
    pub const fn masked(&self) -> &Arc<MaskCounts> {
        self.masking.counts()
    }

    /// Tokens, sessions and sign-in codes.
    pub fn access(&self) -> &Access {
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

    /// Learns from the log when it last took something into the usual workspace, so that the first
    /// answers after a start know their age.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`].
    pub async fn warm_up(&self) -> Result<(), ActionError> {
        let all = EventFilter::default();
        let last = self.log.search(&all, None, 1).await?;
        if let Some(event) = last.items.first() {
            self.received(event.received_at);
        }
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

/// Takes access out of a gateway that is being put together.
fn own(access: Arc<Access>) -> Access {
    Arc::into_inner(access).expect("nobody shares a gateway that is being put together")
}

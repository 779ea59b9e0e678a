//! The one door: every action passes here, whatever brought it. It authorises, routes and puts the
//! answer together; it owns no data and computes nothing heavy.

use std::sync::Arc;

use futures::stream::BoxStream;
use pts_api::actions::events::StreamInput;
use pts_api::{Action, Answer, EventRecord};
use pts_domain::access::{Principal, Scope};
use pts_domain::event::Form;
use pts_domain::filter::{Cursor, EventFilter};
use pts_domain::{FieldError, Timestamp};
use pts_ports::{
    Accounting, Appended, Clock, Entropy, EventLog, Projections, Quarantine, TokenStore,
};

use crate::accounting::{Books, Tallies};
use crate::coverage::Freshness;
use crate::engine::Engine;
use crate::export::Exports;
use crate::ingest::{ItemOutcome, Mode, committed};
use crate::tail::Commits;
use crate::{Access, AccessError, ActionError, Item, Session};

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
    pub(crate) engine: Engine,
    pub(crate) exports: Exports,
    access: Access,
}

/// How a caller wants to be answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Rather no answer than an incomplete one.
    pub deny_partial: bool,
}

/// The code behind an action that is one question and one answer.
#[expect(
    async_fn_in_trait,
    reason = "used through generics in this workspace only"
)]
pub trait UseCase<A: Action> {
    /// Carries the action out for somebody who may.
    async fn run(&self, input: A::Input) -> Result<Answer<A::Output>, ActionError>;
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
        let told = {
            let (commits, freshness) = (Arc::clone(&commits), Arc::clone(&freshness));
            Box::new(move |appended: &[Appended], newest| {
                committed(&commits, &freshness, appended, newest);
            })
        };
        let engine = Engine::new(Arc::clone(&log), told);
        Self {
            log,
            projections,
            quarantine,
            books,
            clock,
            entropy,
            commits,
            freshness,
            engine,
            exports: Exports::new(),
            access,
        }
    }

    /// Tokens, sessions and sign-in codes.
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// Finds out who presents a token or a session.
    ///
    /// # Errors
    /// Why the token is not good, or that it cannot be checked now.
    pub async fn authenticate(&self, presented: &str) -> Result<Principal, AccessError> {
        self.access.authenticate(presented).await
    }

    /// Finds out who presents a token while the store cannot be asked, for what tells nothing but how
    /// the service is.
    ///
    /// # Errors
    /// As [`Access::remembered`].
    pub fn remembered(&self, presented: &str) -> Result<Principal, AccessError> {
        self.access.remembered(presented)
    }

    /// Checks that somebody may do something.
    ///
    /// # Errors
    /// [`ActionError::Denied`].
    pub fn authorise(&self, principal: &Principal, scope: Scope) -> Result<(), ActionError> {
        if principal.may(scope) {
            Ok(())
        } else {
            Err(ActionError::Denied { scope })
        }
    }

    /// Carries out an action.
    ///
    /// # Errors
    /// Whatever stands in the way; see [`ActionError`].
    pub async fn call<A: Action>(
        &self,
        principal: &Principal,
        input: A::Input,
        options: CallOptions,
    ) -> Result<Answer<A::Output>, ActionError>
    where
        Self: UseCase<A>,
    {
        self.authorise(principal, A::SCOPE)?;
        let answer = <Self as UseCase<A>>::run(self, input).await?;
        if options.deny_partial && !answer.coverage.complete {
            return Err(ActionError::Incomplete(Box::new(answer.coverage)));
        }
        Ok(answer)
    }

    /// Takes events in: checks each, stores the good ones in one transaction, and tells what became
    /// of each, in order.
    ///
    /// # Errors
    /// [`ActionError::Denied`]; [`ActionError::Overloaded`] or [`ActionError::TooMuch`] at once when
    /// too much is waiting; [`ActionError::Unavailable`] when they could not be stored, or it is not
    /// known whether they are.
    pub async fn ingest(
        &self,
        principal: &Principal,
        items: Vec<Item>,
        form: Form,
        mode: Mode,
    ) -> Result<Vec<ItemOutcome>, ActionError> {
        self.authorise(principal, Scope::EventsWrite)?;
        self.append_items(principal.token_id, items, form, mode)
            .await
    }

    /// Follows events as they come, without an end, a loss or a repeat.
    ///
    /// # Errors
    /// [`ActionError::Denied`], [`ActionError::Invalid`] for a place that is not in the log, or
    /// [`ActionError::Unavailable`].
    pub async fn follow(
        &self,
        principal: &Principal,
        input: StreamInput,
        last_event_id: Option<i64>,
    ) -> Result<BoxStream<'static, Result<EventRecord, ActionError>>, ActionError> {
        self.authorise(principal, Scope::EventsRead)?;
        self.tail(input, last_event_id).await
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

    /// Whether events could be stored now.
    ///
    /// # Errors
    /// [`ActionError::Unavailable`].
    pub async fn ready(&self) -> Result<(), ActionError> {
        self.log.ready().await?;
        Ok(())
    }

    /// Redeems a one-time code.
    ///
    /// # Errors
    /// That the code is not known, used or too old, or that a session cannot be made now.
    pub async fn sign_in_with_code(&self, code: &str) -> Result<Session, AccessError> {
        self.access.sign_in_with_code(code).await
    }

    /// Makes a session that may do what the token may.
    ///
    /// # Errors
    /// Why the token is not good, or that a session cannot be made now.
    pub async fn sign_in_with_token(&self, token: &str) -> Result<Session, AccessError> {
        self.access.sign_in_with_token(token).await
    }

    /// Ends the session behind a request.
    ///
    /// # Errors
    /// That it cannot be ended now.
    pub async fn sign_out(&self, principal: &Principal) -> Result<(), AccessError> {
        self.access.sign_out(principal).await
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

    pub(crate) fn coverage(&self) -> pts_api::Coverage {
        self.freshness.coverage(&*self.clock)
    }
}

/// The length of a page.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, ActionError> {
    use pts_api::actions::{LARGEST_LIMIT, USUAL_LIMIT};
    match asked {
        None => Ok(USUAL_LIMIT),
        Some(limit) if (1..=LARGEST_LIMIT).contains(&limit) => Ok(limit),
        Some(limit) => {
            let expected = format!("1 to {LARGEST_LIMIT}");
            Err(ActionError::Invalid(vec![FieldError::invalid(
                "limit", limit, expected,
            )]))
        }
    }
}

/// The kind of cursor that a list needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorKind {
    Event,
    Position,
    /// Of so many parts.
    Name(usize),
}

/// Reads a cursor, and refuses one of another list.
pub(crate) fn cursor(text: Option<&str>, kind: CursorKind) -> Result<Option<Cursor>, ActionError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = |expected: String| {
        ActionError::Invalid(vec![FieldError::invalid(
            "cursor",
            format!("{text:?}"),
            expected,
        )])
    };
    let cursor: Cursor = text.parse().map_err(wrong)?;
    let fits = match &cursor {
        Cursor::Event(..) => kind == CursorKind::Event,
        Cursor::Position(_) => kind == CursorKind::Position,
        Cursor::Name(parts) => kind == CursorKind::Name(parts.len()),
    };
    if fits {
        Ok(Some(cursor))
    } else {
        Err(wrong("a `next_cursor` of this list".to_owned()))
    }
}
